"""Errors that correlate along two lines, over time, or over space: sandwiches beyond one-way clusters."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from whatworks.arrays import Bools, Floats
from whatworks.errors import NUMBER, OptionError, check_whole
from whatworks.errors import choose as choose_option
from whatworks.inference.errors.cluster import on_t
from whatworks.inference.errors.correction import Correction, correct
from whatworks.inference.fits.regression import Regression, rows_of
from whatworks.inference.fits.rows import by_cluster
from whatworks.inference.uncertainty import Uncertainty

EARTH_KM: Final = 6371.0
"""Mean radius of the Earth; fixest takes 6,376 km, which moves a cut-off by less than a thousandth."""


@dataclass(frozen=True, slots=True)
class TwoWay:
    """Errors clustered by cluster (or unit) and by period at once, t on the smaller number less one.

    The variance is that by clusters plus that by periods less that by cells where the two meet. It can come
    out negative, and then says so instead of being mended.

    Attributes:
        kind: `CR0` (no factor) or `CR1`: G/(G−1) on all three parts, G the smaller of the two numbers.
        correction: `clusters`, or `fixest`: times (n−1)/(n−K), where K counts no fixed effect, since each
            is nested in one of the two.

    Source: Cameron, Gelbach & Miller (2011), Journal of Business & Economic Statistics 29(2).
    """

    kind: Literal["CR0", "CR1"] = "CR1"
    correction: Literal["clusters", "fixest"] = "clusters"

    def __post_init__(self) -> None:
        choose_option("kind", self.kind, ("CR0", "CR1"), where="TwoWay")
        choose_option("correction", self.correction, ("clusters", "fixest"), where="TwoWay")
        if self.kind == "CR0" and self.correction != "clusters":
            raise OptionError(
                "CR0 has no small-sample factor, so correction='fixest' would be ignored",
                where="TwoWay",
                remedy="Use TwoWay('CR1', correction='fixest').",
            )

    def from_regression(self, fit: Regression, contrasts: Floats, *, level: float = 0.95) -> Uncertainty:
        """Uncertainty of the m combinations `contrasts @ coefficients`; `contrasts` is (m, k)."""
        codes = rows_of(fit, "TwoWay()").cluster

        def variance(influence: Floats) -> float:
            cells = by_cluster(influence, codes)
            both = (cells.sum(axis=1) ** 2).sum() + (cells.sum(axis=0) ** 2).sum()
            return float(both - (cells**2).sum())

        periods = _periods(fit)
        fewest = min(fit.n_clusters, periods)
        correction = correct(
            "none" if self.kind == "CR0" else self.correction,
            fit,
            pieces=fewest,
            counted=len(fit.coefficients) + 1,
            what="no fixed effect counted, as each is nested in one of the two",
        )
        sentence = (
            f"Standard error clustered two ways, over {fit.n_clusters} clusters and {periods} periods "
            f"({self.kind}, {correction.words}); {correction.distribution}"
        )
        found = correction.factor * _variances(fit, contrasts, variance)
        return on_t(fit, contrasts, found, df=correction.df, level=level, sentence=sentence)


@dataclass(frozen=True, slots=True)
class DriscollKraay:
    """Errors that correlate between all units within a period, and over `lags` periods; t on T − 1.

    Rests on many periods, not on many units. Lags count periods of the panel in order.

    Attributes:
        lags: how many periods back errors correlate (Bartlett weights, 1 − l/(lags + 1)); None for the whole
            part of 4·(T/100)^(2/9).
        correction: `none`, `periods` (T/(T−1), the default), or `fixest`: that times (n−1)/(n−K), every
            fixed effect counted in K.

    Source: Driscoll & Kraay (1998), Review of Economics and Statistics 80(4); the lags by default
    as in Hoechle (2007), Stata Journal 7(3).
    """

    lags: int | None = None
    correction: Literal["none", "periods", "fixest"] = "periods"

    def __post_init__(self) -> None:
        choose_option("correction", self.correction, ("none", "periods", "fixest"), where="DriscollKraay")
        if self.lags is not None:
            remedy = "Give the number of periods over which errors correlate, or leave it out."
            check_whole("lags", self.lags, least=0, where="DriscollKraay", remedy=remedy, kind=NUMBER)

    def from_regression(self, fit: Regression, contrasts: Floats, *, level: float = 0.95) -> Uncertainty:
        """Uncertainty of the m combinations `contrasts @ coefficients`; `contrasts` is (m, k)."""
        periods = _periods(fit)
        lags = int(4 * (periods / 100) ** (2 / 9)) if self.lags is None else int(self.lags)
        if lags >= periods:
            raise OptionError(
                f"lags={lags} reaches beyond the {periods} periods of the panel",
                where="DriscollKraay",
                remedy=f"Give at most {periods - 1}, better far fewer.",
            )

        def variance(influence: Floats) -> float:
            h = influence.sum(axis=0)
            later = [2 * (1 - lag / (lags + 1)) * (h[lag:] @ h[:-lag]) for lag in range(1, lags + 1)]
            return float(h @ h + sum(later))

        correction = correct(
            self.correction, fit, pieces=periods, counted=_counted(fit), what="every fixed effect counted"
        )
        sentence = (
            f"Driscoll–Kraay standard error (units correlate within periods and over {lags} lags; it rests "
            f"on the {periods} periods; {correction.words}); {correction.distribution}"
        )
        found = correction.factor * _variances(fit, contrasts, variance)
        return on_t(fit, contrasts, found, df=correction.df, level=level, sentence=sentence)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Conley:
    """Errors that correlate between units up to a distance, freely over time; t on units less one.

    Attributes:
        km: distance up to which errors of two units correlate, each pair within it counting in full.
        coordinates: (N, 2) latitude and longitude of the units in degrees, in the order of `panel.units`.
        correction: `none`, `units` (N/(N−1), the default), or `fixest`: n/(n−K) and t on n − K, every
            fixed effect counted in K.

    Source: Conley (1999), Journal of Econometrics 92(1), with the uniform kernel; distances along
    the great circle.
    """

    km: float
    coordinates: Floats
    correction: Literal["none", "units", "fixest"] = "units"

    def __post_init__(self) -> None:
        choose_option("correction", self.correction, ("none", "units", "fixest"), where="Conley")
        places = np.asarray(self.coordinates, dtype=np.float64)
        if places.ndim != 2 or places.shape[1] != 2 or not np.isfinite(places).all():
            raise OptionError(
                f"coordinates of shape {places.shape}; two finite numbers for each unit are needed",
                where="Conley",
                remedy="Give an array of latitude and longitude, a row for each unit in the panel's order.",
            )
        if np.abs(places[:, 0]).max(initial=0) > 90 or not self.km > 0:
            raise OptionError(
                f"km={self.km!r} with latitudes up to {np.abs(places[:, 0]).max(initial=0):.6g}",
                where="Conley",
                remedy="Give km above 0 and degrees, latitude first; national grid metres must be converted.",
            )
        object.__setattr__(self, "coordinates", places)

    def __repr__(self) -> str:
        """Every setting; of the coordinates how many and their fingerprint, so that a change shows."""
        digest = hashlib.sha256(np.ascontiguousarray(self.coordinates, dtype="<f8").tobytes()).hexdigest()
        places = f"<{len(self.coordinates)} places, sha256 {digest[:16]}>"
        return f"Conley(km={self.km!r}, coordinates={places}, correction={self.correction!r})"

    def near(self) -> Bools:
        """(N, N) pairs no farther apart than `km`."""
        lat, lon = np.radians(self.coordinates).T
        half = np.sin((lat[:, None] - lat) / 2) ** 2
        half += np.cos(lat)[:, None] * np.cos(lat) * np.sin((lon[:, None] - lon) / 2) ** 2
        return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1))) <= self.km)

    def from_regression(self, fit: Regression, contrasts: Floats, *, level: float = 0.95) -> Uncertainty:
        """Uncertainty of the m combinations `contrasts @ coefficients`; `contrasts` is (m, k)."""
        units = len(rows_of(fit, "Conley()").weight)
        if units != len(self.coordinates):
            raise OptionError(
                f"{len(self.coordinates)} coordinates for {units} units",
                where="Conley",
                remedy="Give a row of latitude and longitude for each unit in the panel's order.",
            )
        near = self.near().astype(np.float64)

        def variance(influence: Floats) -> float:
            own = influence.sum(axis=1)
            return float(own @ near @ own)

        correction = self._corrected(fit, units)
        sentence = (
            f"Conley standard error ({units} units correlate with all others up to {self.km:g} km away, and "
            f"over time; {correction.words}); {correction.distribution}"
        )
        found = correction.factor * _variances(fit, contrasts, variance)
        return on_t(fit, contrasts, found, df=correction.df, level=level, sentence=sentence)

    def _corrected(self, fit: Regression, units: int) -> Correction:
        if self.correction != "fixest":
            return correct(self.correction, fit, pieces=units, counted=0, what="")
        n, counted = fit.n_obs, _counted(fit)
        if n <= counted:
            raise OptionError(
                f"correction='fixest' divides by n − K, and there are n = {n:,} observations for K = "
                f"{counted:,} coefficients",
                where="Conley",
                remedy='Use correction="units", the default.',
            )
        words = f"factor {n:,}/{n - counted:,} as fixest prints: K = {counted:,}, every fixed effect counted"
        return Correction(n / (n - counted), words, float(n - counted))


def _variances(fit: Regression, contrasts: Floats, variance: Callable[[Floats], float]) -> Floats:
    rows = rows_of(fit, "this standard error")
    return np.array([variance(rows.influence(a)) for a in contrasts @ fit.bread])


def _periods(fit: Regression) -> int:
    return int(rows_of(fit, "this standard error").observed.any(axis=0).sum())


def _counted(fit: Regression) -> int:
    return len(fit.coefficients) + fit.n_crossing + fit.n_nested

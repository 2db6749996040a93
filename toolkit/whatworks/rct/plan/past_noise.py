"""The noise in past data: level, spread, overdispersion and what units, clusters and time have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from whatworks.arrays import Floats, Ints
from whatworks.errors import DesignError
from whatworks.panel import NEVER, Panel
from whatworks.rct.plan.noise import Counts, Direction, Normal, plain
from whatworks.results import NotAvailable, Number
from whatworks.shown import Note, Part, Shown, from_frame

WHERE: Final = "rct.noise"
_GROUPS: Final = 20
_FEW: Final = 20
_WORDS: Final = {
    "mean": "Mean of a unit in a period",
    "sd": "Standard deviation between units and periods, period effects out",
    "icc": "Intraclass correlation",
    "cac": "Cluster autocorrelation",
    "overdispersion": "Overdispersion φ about unit and period effects",
    "between_cv": "Coefficient of variation of the units' rates",
    "autocorrelation": "Autocorrelation from one period to the next",
}
_LIMITS: Final = {"icc": (0.0, 1.0), "cac": (0.0, 1.0), "autocorrelation": (-0.99, 0.99)}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PastNoise(Shown):
    """What past data say about noise, with ranges that few units leave wide.

    Attributes:
        mean, sd: of one unit in one period; sd with period effects taken out.
        icc: share of the variance between clusters, or between units where the past names no clusters.
        cac: how alike a cluster's deviation is in different periods; needs clusters of several units.
        overdispersion: Pearson's φ after unit and period effects; needs counts.
        between_cv: coefficient of variation of the units' true rates; needs counts.
        autocorrelation: of a unit's residuals from one period to the next.
        units, periods, clusters: how much there was to learn from.
        table: quantity, value, low, high, reason.
        sentence: how far to trust it.
    """

    mean: Number
    sd: Number
    icc: Number
    cac: Number
    overdispersion: Number
    between_cv: Number
    autocorrelation: Number
    units: int
    periods: int
    clusters: int
    table: pd.DataFrame
    sentence: str

    def normal(self, *, scale: str = "") -> Normal:
        """The noise of a numeric outcome, for `rct.power`; what is not known counts as none."""
        return Normal(
            float(_known(self.sd, 0.0)),
            icc=float(_known(self.icc, 0.0)),
            cac=float(_known(self.cac, 1.0)),
            autocorrelation=float(_known(self.autocorrelation, 0.0)),
            scale=scale,
        )

    def counts(self, *, direction: Direction = "fall") -> Counts:
        """The noise of a count, for `rct.power`; raises `DesignError` where the past is no count."""
        if isinstance(self.overdispersion, NotAvailable):
            raise DesignError(self.overdispersion.reason, where=WHERE, remedy="Use normal().")
        return Counts(
            float(_known(self.mean, 0.0)),
            overdispersion=self.overdispersion,
            between_cv=float(_known(self.between_cv, 0.0)),
            autocorrelation=float(_known(self.autocorrelation, 0.0)),
            direction=direction,
        )

    def parts(self) -> tuple[Part, ...]:
        """The noise in a sentence, and each quantity with its range."""
        caption = "Each quantity with its range"
        return Note((self.sentence,)), from_frame(self.table, name="noise", caption=caption, each="finding")


def noise(past: Panel) -> PastNoise:
    """Estimate from past data the noise that a trial will have to see through.

    Args:
        past: units × periods without gaps, from before any treatment. Clusters that would be assigned as
            wholes belong in it.

    Returns:
        The quantities with ranges of about 95%, from leaving out a twentieth of the units (clusters) in turn.

    Raises:
        DesignError: gaps, treated cells, or fewer than 3 units (clusters) or periods.

    Source: analysis of variance for icc (Donner & Koval 1980, Biometrics 36(1)); Pearson's statistic over its
    degrees of freedom for φ (McCullagh & Nelder 1989, section 4.5); Marriott & Pope (1954), Biometrika 41,
    for the bias of an autocorrelation; the grouped jackknife for ranges.
    """
    if not past.balanced or (past.start != NEVER).any():
        raise DesignError(
            "the past has cells without an outcome, or units already treated",
            where=WHERE,
            remedy="Use a window from before any treatment, and Panel.drop_incomplete.",
        )
    if past.n_clusters < 3 or past.n_periods < 3:
        raise DesignError(
            f"{past.n_clusters} units or clusters over {past.n_periods} periods are too few",
            where=WHERE,
            remedy="Give 3 of each at least; 20 make the ranges useful.",
        )
    named = past.cluster is not None
    codes = past.cluster_codes
    found = {name: estimate(past.outcome, codes, named) for name, estimate in _ESTIMATES.items()}
    rows = [_row(name, value, past.outcome, codes, named) for name, value in found.items()]
    return PastNoise(
        **found,
        units=past.n_units,
        periods=past.n_periods,
        clusters=past.n_clusters,
        table=pd.DataFrame(rows, columns=["quantity", "value", "low", "high", "reason"]),
        sentence=_sentence(past, named, rows),
    )


def _known(value: Number, otherwise: float) -> float:
    return otherwise if isinstance(value, NotAvailable) else value


def _mean(y: Floats, codes: Ints, named: bool) -> Number:
    return float(y.mean())


def _sd(y: Floats, codes: Ints, named: bool) -> Number:
    return float(np.sqrt(((y - y.mean(axis=0)) ** 2).sum() / (y.size - y.shape[1])))


def _icc(y: Floats, codes: Ints, named: bool) -> Number:
    """One-way analysis of variance: units' cells in units, or units of each period in clusters."""
    r = y - y.mean(axis=0)
    _, codes = np.unique(codes, return_inverse=True)
    size = np.bincount(codes)
    if named and size.max() < 2:
        return NotAvailable("every cluster has one unit only")
    per = y.shape[1]
    total = np.zeros((len(size), per))
    np.add.at(total, codes, r)
    if not named:
        between = per * (r.mean(axis=1) ** 2).sum() / (len(r) - 1)
        inside = ((r - r.mean(axis=1, keepdims=True)) ** 2).sum() / ((len(r) - 1) * (per - 1))
        return _share(between, inside, float(per))
    means = total / size[:, None]
    between = (size[:, None] * means**2).sum() / ((len(size) - 1) * per)
    inside = ((r - means[codes]) ** 2).sum() / ((len(r) - len(size)) * per)
    typical = (size.sum() - (size**2).sum() / size.sum()) / (len(size) - 1)
    return _share(between, inside, float(typical))


def _share(between: float, inside: float, size: float) -> Number:
    if between <= 0 and inside <= 0:
        return NotAvailable("the outcome does not vary")
    return float(np.clip((between - inside) / (between + (size - 1) * inside), 0, 1))


def _cac(y: Floats, codes: Ints, named: bool) -> Number:
    """Products of different units of a cluster: from different periods over those of the same period."""
    size = np.bincount(codes)
    if not named or size.max() < 2:
        return NotAvailable("it takes clusters of several units")
    r = y - y.mean(axis=0)
    total = np.zeros((len(size), y.shape[1]))
    np.add.at(total, codes, r)
    same = (total**2).sum() - (r**2).sum()
    whole = (total.sum(axis=1) ** 2).sum() - (r.sum(axis=1) ** 2).sum()
    periods = y.shape[1]
    if same <= 0:
        return NotAvailable("clusters have nothing in common in any one period")
    return float(np.clip((whole - same) / (periods - 1) / same, 0, 1))


def _fitted(y: Floats) -> Floats:
    """Poisson fit with unit and period effects, which is the product of margins where there are no gaps."""
    return np.asarray(y.sum(axis=1, keepdims=True) * y.sum(axis=0, keepdims=True) / y.sum())


def _no_count(y: Floats) -> NotAvailable | None:
    if (y < 0).any() or (y != np.round(y)).any():
        return NotAvailable("the outcome is no count")
    return NotAvailable("nothing was counted") if y.sum() == 0 else None


def _overdispersion(y: Floats, codes: Ints, named: bool) -> Number:
    reason = _no_count(y)
    if reason is not None:
        return reason
    live = y[y.sum(axis=1) > 0][:, y.sum(axis=0) > 0]
    if min(live.shape) < 2:
        return NotAvailable("fewer than two units or periods have a count")
    mu = _fitted(live)
    return float(((live - mu) ** 2 / mu).sum() / ((live.shape[0] - 1) * (live.shape[1] - 1)))


def _between_cv(y: Floats, codes: Ints, named: bool) -> Number:
    reason, phi = _no_count(y), _overdispersion(y, codes, named)
    if reason is not None or isinstance(phi, NotAvailable):
        return reason or phi
    rate = y.mean(axis=1)
    true = rate.var(ddof=1) - phi * rate.mean() / y.shape[1]
    return float(np.sqrt(max(true, 0.0)) / rate.mean())


def _autocorrelation(y: Floats, codes: Ints, named: bool) -> Number:
    periods = y.shape[1]
    if periods < 8:
        return NotAvailable("fewer than 8 periods")
    counts = _no_count(y) is None
    r = y - y.mean(axis=0) - y.mean(axis=1, keepdims=True) + y.mean()
    if counts:
        mu = _fitted(y)
        r = np.where(mu > 0, (y - mu) / np.sqrt(np.where(mu > 0, mu, 1.0)), 0.0)
    square = (r**2).sum()
    if square <= 0:
        return NotAvailable("nothing varies about unit and period effects")
    raw = (r[:, 1:] * r[:, :-1]).sum() / square * periods / (periods - 1)
    # unit effects pull it towards −1/(T − 1): E r ≈ ρ − (1 + 3ρ)/T
    return float(np.clip((periods * raw + 1) / (periods - 3), -0.99, 0.99))


Estimator = Callable[[Floats, Ints, bool], Number]
_ESTIMATES: Final[dict[str, Estimator]] = {
    "mean": _mean,
    "sd": _sd,
    "icc": _icc,
    "cac": _cac,
    "overdispersion": _overdispersion,
    "between_cv": _between_cv,
    "autocorrelation": _autocorrelation,
}


def _row(
    name: str, value: Number, y: Floats, codes: Ints, named: bool
) -> tuple[str, float, float, float, str]:
    """The estimate with its range from a grouped jackknife over units (clusters)."""
    from scipy import special

    if isinstance(value, NotAvailable):
        return _WORDS[name], np.nan, np.nan, np.nan, value.reason
    clusters = int(codes.max()) + 1
    groups = min(_GROUPS, clusters)
    rest = [
        _ESTIMATES[name](y[keep], np.unique(codes[keep], return_inverse=True)[1], named)
        for keep in (codes % groups != group for group in range(groups))
    ]
    known = np.array([v for v in rest if not isinstance(v, NotAvailable)])
    if len(known) < groups:
        return _WORDS[name], value, np.nan, np.nan, "no range: it cannot be had without some units"
    error = float(np.sqrt((groups - 1) / groups * ((known - known.mean()) ** 2).sum()))
    half = float(special.stdtrit(groups - 1, 0.975)) * error
    low, high = _LIMITS.get(name, (0.0 if name != "mean" else -np.inf, np.inf))
    return _WORDS[name], value, max(value - half, low), min(value + half, high), ""


def _sentence(past: Panel, named: bool, rows: list[tuple[str, float, float, float, str]]) -> str:
    what = "clusters" if named else "units"
    icc = next(row for row in rows if row[0] == _WORDS["icc"])
    said = f"From {past.n_units:,} units over {past.n_periods:,} periods"
    said += f" in {past.n_clusters:,} clusters" if named else ""
    said += f": on average {plain(rows[0][1])} per unit and period"
    if np.isfinite(icc[2]):
        ends = f"{plain(icc[2], 2)} or {plain(icc[3], 2)}"
        said += f"; intraclass correlation {plain(icc[1])}, which could as well be {ends}"
    if past.n_clusters < _FEW:
        said += f". Only {past.n_clusters} {what}: plan with the worse end of each range"
    return f"{said}."

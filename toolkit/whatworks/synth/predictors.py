"""What a classic synthetic control is matched on: covariates and past outcomes, averaged over windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from whatworks.arrays import Bools, Floats
from whatworks.errors import DesignError, OptionError, did_you_mean
from whatworks.panel import Panel
from whatworks.synth.pool import Pool
from whatworks.synth.problems import Problems

Window = tuple[str | int, str | int]

WEIGHTINGS: Final = ("nested", "cross_validated", "regression")


@dataclass(frozen=True, slots=True)
class Predictors:
    """What to match on, and how to weigh it.

    Attributes:
        covariates: covariate names with the first and last period they are averaged over; None for all
            periods before the start.
        outcomes: windows (first, last) over which past outcomes are averaged, each a predictor; the same
            period twice for a single one.
        weights: `nested` finds the predictor weights V with which the donors' path comes nearest to the
            treated unit's before the start; `cross_validated` finds them so that weights found on the first
            half of those periods predict the second half; `regression` takes them from regressions of the
            outcome on the predictors; or give one positive number for each predictor's name.
        least: smallest predictor weight, as a share of the largest, that the search may choose. With 0 the
            best V often gives everything to one predictor that can be matched exactly, and the others have no
            say.
        starts: random starting points of the search for V, besides the regression's weights, equal ones and
            each predictor nearly alone.
        seed: of the random starting points.

    Source: Abadie, Diamond & Hainmueller (2010), JASA 105(490), section 2.3; (2015), AJPS 59(2), for
    cross-validation; Malo, Eskelinen, Zhou & Kuosmanen (2024), Computational Economics 64, for corners.
    """

    covariates: Mapping[str, Window | None] = field(default_factory=dict)
    outcomes: tuple[Window, ...] = ()
    weights: str | Mapping[str, float] = "nested"
    least: float = 1e-4
    starts: int = 4
    seed: int = 1

    def __post_init__(self) -> None:
        if not self.covariates and not self.outcomes:
            raise OptionError(
                "there is nothing to match on",
                where="Predictors",
                remedy="Name covariates or windows of past outcomes; without any predictor the method "
                "matches the whole path before the start.",
            )
        if isinstance(self.weights, str) and self.weights not in WEIGHTINGS:
            raise OptionError(
                f"weights={self.weights!r} is not a choice",
                where="Predictors",
                remedy=f"{did_you_mean(self.weights, WEIGHTINGS)}The choices are "
                f"{', '.join(map(repr, WEIGHTINGS))}, or a number for each predictor.",
            )
        if isinstance(self.least, bool) or not 0 <= self.least < 1:
            raise OptionError(
                f"least={self.least!r} is not a share of the largest weight",
                where="Predictors",
                remedy="Give a number from 0 to below 1, such as 1e-4.",
            )
        if isinstance(self.starts, bool) or self.starts < 0:
            raise OptionError(
                f"starts={self.starts!r} is not a number of random starting points",
                where="Predictors",
                remedy="Give 0 for the fixed starting points alone; more look further.",
            )


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """The predictors on one panel, ready to be averaged for any problem.

    Attributes:
        names: P labels.
        series: (P, N, T) what is averaged.
        window: (P, T) over which periods.
        lagged: (P,) which are past outcomes, so that a supposed effect is taken off them too.
    """

    names: tuple[str, ...]
    series: Floats
    window: Bools
    lagged: Bools

    def within(self, kept: Bools) -> Features:
        """The same over those periods only; raises `DesignError` for a predictor that has none of them."""
        window = self.window & kept
        gone = [name for name, row in zip(self.names, window, strict=True) if not row.any()]
        if gone:
            raise DesignError(
                f"{gone[0]} has no period in one half of the time before the start",
                where="synth.classic",
                remedy="Cross-validation measures every predictor in both halves: give covariates over all "
                'periods before the start and past outcomes in both halves, or use weights="nested".',
            )
        return Features(self.names, self.series, window, self.lagged)

    def apart(self, problems: Problems) -> Floats:
        """(B, P, N) how far each unit lies from the target, in standard deviations over the units involved.

        A predictor that does not vary, or whose every period is left out of the fit, is zero throughout.
        """
        mean = _shares(self.window, problems.pre, self.lagged)
        values = np.einsum("bpt,pnt->bpn", mean, self.series)
        target = np.einsum("bn,bpn->bp", problems.members, values)
        if problems.shift is not None:
            target = target - np.einsum("bpt,bt->bp", mean, problems.shift) * self.lagged
        involved = (problems.allowed | (problems.members > 0))[:, None, :]
        count = involved.sum(axis=2, keepdims=True)
        centre = (values * involved).sum(axis=2, keepdims=True) / count
        spread = np.sqrt((((values - centre) * involved) ** 2).sum(axis=2, keepdims=True) / (count - 1))
        flat = spread <= 1e-12 * np.abs(values).max(axis=2, keepdims=True)
        far = values - target[:, :, None]
        return np.asarray(np.where(flat, 0.0, far / np.where(flat, 1.0, spread)))


def features(panel: Panel, pool: Pool, predictors: Predictors, where: str) -> Features:
    """The predictors of a panel.

    Raises:
        OptionError: a covariate the panel lacks, a window outside the time before the start, or weights for
            other names than the predictors'.
        DesignError: a covariate that is missing for a unit throughout its window.
    """
    names, series, windows = [], [], []
    for name, window in predictors.covariates.items():
        if name not in panel.covariate_names:
            raise OptionError(
                f"the panel has no covariate {name!r}",
                where=where,
                remedy=f"{did_you_mean(name, panel.covariate_names)}Its covariates are "
                f"{', '.join(panel.covariate_names) or 'none'}.",
            )
        periods = pool.pre if window is None else _window(panel, pool, window, where)
        names.append(name if window is None else f"{name}, {_words(panel, periods)}")
        series.append(panel.covariates[panel.covariate_names.index(name)])
        windows.append(periods)
    for window in predictors.outcomes:
        periods = _window(panel, pool, window, where)
        names.append(f"{panel.outcome_name}, {_words(panel, periods)}")
        series.append(panel.outcome)
        windows.append(periods)
    lagged = np.arange(len(names)) >= len(predictors.covariates)
    # units outside the pool may have gaps; they are never used, and a zero keeps them out of the sums
    values = np.where((pool.treated | pool.donors)[None, :, None], np.stack(series), 0.0)
    found = Features(tuple(names), values, np.stack(windows), lagged)
    _require_weights(found.names, predictors, where)
    return found


def _shares(window: Bools, pre: Bools, lagged: Bools) -> Floats:
    """(B, P, T) weights of the periods in each predictor's mean, zero where no period is left."""
    used = np.where(lagged[None, :, None], window[None] & pre[:, None, :], window[None])
    count = used.sum(axis=2, keepdims=True)
    return np.asarray(used / np.maximum(count, 1))


def _window(panel: Panel, pool: Pool, window: Window, where: str) -> Bools:
    try:
        first, last = (panel.number(end) for end in window)
    except (TypeError, ValueError):
        raise OptionError(
            f"{window!r} is not a window",
            where=where,
            remedy="Give its first and last period, as in (1975, 1979).",
        ) from None
    inside = np.asarray((panel.periods >= first) & (panel.periods <= last))
    if first > last or not inside.any() or (inside & ~pool.pre).any() or last - first + 1 > inside.sum():
        labels = [panel.period_labels[i] for i in np.flatnonzero(pool.pre)[[0, -1]]]
        raise OptionError(
            f"the window {window[0]} to {window[1]} does not lie in the time before the start",
            where=where,
            remedy=f"Give periods between {labels[0]} and {labels[1]}.",
        )
    return inside


def _words(panel: Panel, periods: Bools) -> str:
    first, last = np.flatnonzero(periods)[[0, -1]]
    labels = panel.period_labels
    return labels[first] if first == last else f"{labels[first]} to {labels[last]}"


def _require_weights(names: tuple[str, ...], predictors: Predictors, where: str) -> None:
    given = predictors.weights
    if isinstance(given, str):
        return
    if set(given) != set(names) or not all(np.isfinite(v) and v >= 0 for v in given.values()):
        raise OptionError(
            f"weights are given for {sorted(given)}",
            where=where,
            remedy=f"Give one number of at least 0 for each of {', '.join(map(repr, names))}.",
        )
    if sum(given.values()) <= 0:
        raise OptionError("all predictor weights are 0", where=where, remedy="Give one of them a weight.")

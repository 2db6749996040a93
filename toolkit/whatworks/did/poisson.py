"""Difference-in-differences for counts: Poisson regression with unit and period effects, as a rate ratio."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from whatworks.answer import as_share, explained, row, the_treated
from whatworks.arrays import Floats, Ints
from whatworks.did.counts.counted import Counted, cells_of, counted
from whatworks.did.regression import requirements
from whatworks.did.regression.answer import choices, sizes
from whatworks.errors import DesignError, first_few
from whatworks.inference.default import Choice, count_clusters, placed
from whatworks.inference.errors.score_wild import score_bootstrap
from whatworks.inference.errors.wild import WildCluster
from whatworks.inference.fits import poisson_effects
from whatworks.inference.fits.poisson_effects import PoissonFit, SeparationError
from whatworks.inference.fits.poisson_rows import worded
from whatworks.inference.fits.regression import Regression
from whatworks.inference.fits.rounding import LOG_UNIT
from whatworks.inference.log_scale import mapped
from whatworks.inference.uncertainty import Uncertainty
from whatworks.panel import Panel
from whatworks.results import RATE_RATIO, Estimate, Result

WHERE = "did.poisson"

STAGGERED = (
    "Starts are staggered. One rate ratio for all of them also compares late starters with units already "
    "treated; where effects grow or differ between cohorts, its weights can be negative (Goodman-Bacon "
    '2021). did.etwfe(model="poisson") gives every cohort its own; or put did.att_gt on the rate '
    "(panel.as_rate()) beside it."
)


@dataclass(frozen=True, slots=True, eq=False)
class PoissonDetail:
    """What `did.poisson` computed on the way.

    Attributes:
        log_effect: the log of the rate ratio, with its error.
        dispersion: Pearson φ; 1 for Poisson counts.
        fit: the fit; its first coefficient is the log of the rate ratio.
        regression: the same as clustered inference sees it.
        panel: the units used.
        silent_units: units left out because they count 0 in every period.
        choice: the inference used, and why.
    """

    log_effect: Estimate
    dispersion: float
    fit: PoissonFit
    regression: Regression
    panel: Panel
    silent_units: tuple[str, ...]
    choice: Choice


def poisson(panel: Panel, *, inference: requirements.Inference = None, level: float = 0.95) -> Result:
    """Effect on a count as a rate ratio, by Poisson regression with unit and period effects.

    The model is multiplicative: log E(count) = log exposure + unit + period + β·treated + covariates. The
    headline is exp β, the treated cells' counts over what they would have been; `relative` is
    100·(exp β − 1) percent. Only that mean needs to hold: counts may be overdispersed (`detail.dispersion`)
    and correlated within clusters. With one start, no covariates and exposures that do not change, the rate
    ratio is that of the four totals, (after/before, treated) over (after/before, comparison).

    Units that count 0 throughout carry no information; they are left out and named. `design.mde` is the
    smallest fall found four times in five, as a share (0.1: a rate ratio of 0.9).

    Args:
        panel: (N, T) counts or other outcomes of at least 0; `exposure` enters as an offset; cells may be
            missing; starts may be staggered, which the notes then warn against.
        inference: `ClusterRobust`, `WildCluster` (as a score bootstrap), `TwoWay`, `DriscollKraay`,
            `Conley`, `Jackknife`, `Default`, or None for the default of the design. Errors belong to log
            rate ratios; the interval is their exponential. CR2, CR3 and the jackknife work on the weighted
            least squares of the last Newton step.
        level: coverage of the interval.

    Raises:
        DesignError: negative outcomes, nothing to compare with, one cluster in all, counts of 0 from which
            the rate ratio or a covariate's coefficient would run off to 0 or infinity, or a covariate that
            the effects explain.
        OptionError: an inference object that does not fit, or a level outside (0, 1).

    Source: Wooldridge (1999), Journal of Econometrics 90(1); Correia, Guimarães & Zylkin (2020), Stata
    Journal 20(1).
    """
    counts = counted(panel, WHERE)
    used, silent = counts.panel, counts.silent
    if len(used.cohorts) == 1:
        requirements.require_comparison(used, WHERE)
    detail, found, dropped = _learn(counts, inference, level)
    log_effect, choice = detail.log_effect, detail.choice
    treated = int(requirements.treated_units(used).sum())
    about = _estimand(used, treated)
    return Result(
        method=WHERE,
        headline=mapped(log_effect, about, RATE_RATIO, 0.0, 1.0),
        effects=_effects(log_effect, treated, found.reason[0]),
        design=as_share(sizes(used, treated, log_effect)),
        spec=choices(panel, choice, level, exposure=panel.exposure is not None, left_out=list(silent)),
        input_hash=panel.fingerprint,
        relative=mapped(log_effect, f"{about}, as a percent change", "percent", 1.0, 100.0),
        seed=choice.seed(used.n_clusters),
        notes=(*panel.notes, *counts.notes, *dropped, *choice.warnings, *_sentences(used, detail.dispersion)),
        detail=detail,
    )


def _learn(
    counts: Counted, inference: requirements.Inference, level: float
) -> tuple[PoissonDetail, Uncertainty, list[str]]:
    """Fit, log effect and its uncertainty, and notes on cells that did not enter."""
    used = counts.panel
    treated = requirements.treated_units(used)
    choice = requirements.settle(inference, count_clusters(used.cluster, treated, ~treated), WHERE)
    choice = placed(choice, counts.kept)
    regressors = _regressors(used)
    names = ("the treatment", *(f"covariate {name!r}" for name in used.covariate_names))
    fit, dropped = _fit(used, regressors, names)
    codes = used.cluster_codes
    regression = poisson_effects.regression(fit, codes)
    found = _uncertainty(choice, fit, regression, regressors, codes, level)
    about = _estimand(used, int(treated.sum()))
    log_effect = found.estimate(
        0, estimand=f"Log of the {about[0].lower()}{about[1:]}", scale="log rate ratio"
    )
    log_effect = explained(log_effect, choice)
    return (
        PoissonDetail(log_effect, fit.dispersion, fit, regression, used, counts.silent, choice),
        found,
        dropped,
    )


def _regressors(panel: Panel) -> Floats:
    effect = panel.treated.astype(np.float64)[None]
    covariates = np.nan_to_num(panel.covariates)
    return np.concatenate([effect, covariates]) if len(covariates) else effect


def _fit(panel: Panel, regressors: Floats, names: tuple[str, ...]) -> tuple[PoissonFit, list[str]]:
    """The fit, without cells that the effects alone fit as 0, and a note on those."""
    cells, total = cells_of(panel), 0
    start = _start(cells, panel, regressors, names)
    while True:
        try:
            fit = poisson_effects.fit(cells, regressors, names, start=start)
            break
        except SeparationError as separation:
            _refuse_separation(separation, panel, regressors, names)
            gone = separation.direction < -0.5
            total += int(gone.sum())
            cells, start = replace(cells, mass=np.where(gone, 0.0, cells.mass)), None
    note = f"{total:,} cells of 0 that unit and period effects fit whatever the effect do not enter."
    return fit, [note] if total else []


def _start(
    cells: poisson_effects.Cells, panel: Panel, regressors: Floats, names: tuple[str, ...]
) -> Floats | None:
    """Where to begin: without covariates, units that share a start have their regressors in common."""
    if len(panel.covariates):
        return None
    _, group = np.unique(np.minimum(panel.start, panel.periods[-1] + 1), return_inverse=True)
    return poisson_effects.start_from_totals(cells, regressors, group.ravel(), names)


def _refuse_separation(
    separation: SeparationError, panel: Panel, regressors: Floats, names: tuple[str, ...]
) -> None:
    used = ~np.isnan(panel.outcome)
    spread = np.array([np.ptp(x[used]) for x in regressors])
    moved = np.abs(separation.steps) * spread > 0.01
    if not moved.any():
        return
    gone = np.argwhere(separation.direction < -0.5)
    cells = first_few(f"{panel.units[i]} {panel.period_labels[j]}" for i, j in gone)
    if not moved[0]:
        guilty = first_few(names[int(i)] for i in np.flatnonzero(moved))
        raise DesignError(
            f"counts of 0 are fitted the better the larger the coefficient of {guilty}: {cells}",
            where=WHERE,
            remedy="Leave the covariate out, or pool periods or areas until those cells count something.",
        )
    runs = "0" if separation.steps[0] < 0 else "infinity"
    counts = np.where(panel.treated, np.nan_to_num(panel.outcome), 0.0).sum()
    why = (
        "every treated unit counts 0 in every treated period"
        if counts == 0
        else f"cells of 0 line up with the treatment ({len(gone):,} cells: {cells})"
    )
    raise DesignError(
        f"{why}, so the rate ratio runs off to {runs} and has no error",
        where=WHERE,
        remedy="Pool periods (quarters for months), areas or offences until both sides count something "
        "and after; or take the difference in rates with did.block(panel.as_rate()).",
    )


def _uncertainty(
    choice: Choice,
    fit: PoissonFit,
    regression: Regression,
    regressors: Floats,
    codes: Ints,
    level: float,
) -> Uncertainty:
    wild = choice.inference
    if not isinstance(wild, WildCluster):
        found = choice.from_regression(regression, np.eye(len(regressors))[:1], level=level)
        return worded(found.beyond_rounding(LOG_UNIT))

    def held(value: float) -> Regression:
        distance = value - float(fit.coefficients[0])
        near = fit.predictor + distance * fit.residualised[0] if abs(distance) < 1 else None
        return poisson_effects.regression(poisson_effects.hold(fit, regressors, value, near), codes)

    return score_bootstrap(wild, regression, held, level=level).beyond_rounding(LOG_UNIT)


def _estimand(panel: Panel, treated: int) -> str:
    first, last = panel.label(int(panel.cohorts[0])), panel.period_labels[-1]
    return f"Rate ratio on {the_treated(treated)}, {first} to {last} (ATT, multiplicative)"


def _effects(log_effect: Estimate, n: int, reason: str) -> pd.DataFrame:
    ratio = mapped(log_effect, log_effect.estimand, RATE_RATIO, 0.0, 1.0)
    both = (("rate ratio", ratio), ("log rate ratio", log_effect))
    return pd.DataFrame([row(term, found, n, reason) for term, found in both])


def _sentences(panel: Panel, dispersion: float) -> list[str]:
    words = [
        f"Counts vary {dispersion:.3g} times as much as Poisson counts would (Pearson φ). The errors come "
        "from the clusters and allow for it."
    ]
    if len(panel.cohorts) > 1:
        return [STAGGERED, *words]
    counts = np.nan_to_num(panel.outcome)
    treated, post = requirements.treated_units(panel), panel.periods >= panel.cohorts[0]
    totals = [[float(counts[side][:, when].sum()) for when in (~post, post)] for side in (treated, ~treated)]
    parts = [
        f"{name} units {before:,.0f} before and {after:,.0f} after"
        for name, (before, after) in zip(("treated", "comparison"), totals, strict=True)
    ]
    return [f"Totals: {'; '.join(parts)}.", *words]

"""Augmented synthetic control: a ridge regression takes off what bias the weighted average leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from whatworks.arrays import Floats
from whatworks.errors import DesignError, OptionError, choose, first_few
from whatworks.panel import Panel
from whatworks.results import NotAvailable, Number, Result
from whatworks.synth.answer import answer
from whatworks.synth.augmented_ridge import BALANCES, FLAT, RULES, RidgeAugmented, RidgeFits, errors
from whatworks.synth.penalty import given
from whatworks.synth.pool import Pool, pool_of, refuse_covariates
from whatworks.synth.predictors import Predictors, Window, features
from whatworks.synth.problems import Fits, actual
from whatworks.synth.quantify import Inference

WHERE: Final = "synth.augmented"

NO_COVARIATES: Final = NotAvailable("no covariates were given")


@dataclass(frozen=True, slots=True, eq=False)
class Augmentation:
    """What the augmentation did to a synthetic control.

    Attributes:
        penalty: λ, in squared units of the outcome.
        grid: penalties tried, their mean squared held-out error and its standard error; empty where the
            penalty was given.
        held_out: (P, L) squared error of each period before the start when it is left out, by penalty.
        base: donor weights before augmentation, by label.
        negative: how far below zero the augmented weights reach, summed: 0 is no extrapolation.
        moved: half the sum of absolute changes of the weights, the share of weight that changed hands.
        base_rmspe: root mean squared gap before the start without augmentation.
        base_estimate: the mean effect without augmentation.
        share: part of the mean effect that comes from augmentation, (augmented − base) / augmented.
        covariates: one row a covariate: treated, base, augmented, mean of the donors; or why there are none.
    """

    penalty: float
    grid: pd.DataFrame
    held_out: Floats
    base: pd.Series
    negative: float
    moved: float
    base_rmspe: float
    base_estimate: float
    share: Number
    covariates: pd.DataFrame | NotAvailable


def augmented(
    panel: Panel,
    *,
    covariates: Sequence[str] | Mapping[str, Window | None] = (),
    balance: Literal["residual", "joint"] = "residual",
    penalty: Literal["one_se", "smallest_error"] | float = "one_se",
    unit_effects: bool = False,
    donors: Sequence[str] | None = None,
    anticipation: int = 0,
    inference: Inference = None,
    level: float = 0.95,
) -> Result:
    """Effect on one treated unit, where no weighted average of donors comes near enough to its path.

    The weights of the outcome-only fit are moved by a ridge regression on the path before the start. They
    sum to one and may become negative: that is extrapolation, and the result says how much of it there is.

    Args:
        panel: (N, T) outcomes with one start; several treated units are taken as their mean.
        covariates: names, averaged over all periods before the start, or each with its window.
        balance: `residual` regresses covariates out of every path and balances them exactly; `joint` matches
            them beside the path, scaled to the outcome's spread, as far as the penalty lets it.
        penalty: λ > 0 in squared units of the outcome, or a choice by the error of each period before the
            start when left out: `one_se`, the largest within one standard error of the best, or
            `smallest_error`. Placebos and other refits choose their own.
        unit_effects: take each path from its own mean before the start first.
        donors: labels of the units that may be used; None: every unit untreated through the window.
        anticipation: periods just before the start in which the effect may begin; nothing is fitted to them.
        inference: `Placebo`, `Conformal`, `JackknifePlus`, or None for placebos in space.
        level: coverage of the intervals.

    Returns:
        The mean gap from the start on, and the gap of each period; `detail.method` is an `Augmentation`.

    Raises:
        DesignError: no single start, too few donors or periods, missing cells, covariates that donors share.
        OptionError: a covariate, donor or penalty that cannot be one, inference that does not fit.

    Source: Ben-Michael, Feller & Rothstein (2021), JASA 116(536).
    """
    pool = pool_of(panel, WHERE, donors=donors, anticipation=anticipation)
    choose("balance", balance, BALANCES, where=WHERE)
    names, values = _covariates(panel, pool, covariates, balance)
    fit = RidgeAugmented(values, balance, _check_penalty(penalty, pool), _check_flag(unit_effects))
    refuse_covariates(panel, WHERE, used=names)
    asked = {"anticipation": anticipation, "covariates": list(names)}
    return _result(pool, fit, names, asked, inference, level)


def _result(
    pool: Pool,
    fit: RidgeAugmented,
    names: tuple[str, ...],
    asked: dict[str, Any],
    inference: Inference,
    level: float,
) -> Result:
    solved = fit.solve(actual(pool))
    gaps = solved.gaps(actual(pool), solved.weights)
    own = _augmentation(fit, pool, solved, names, gaps)
    return answer(
        pool,
        fit,
        Fits(pool.observed[None] - gaps, gaps, solved.weights),
        method=WHERE,
        inference=inference,
        level=level,
        spec={
            "donors": list(pool.donor_names),
            **asked,
            "balance": fit.balance,
            "penalty": fit.penalty,
            "unit_effects": fit.unit_effects,
        },
        notes=_notes(fit, own, gaps[0, pool.pre]),
        own=own,
    )


def _check_flag(unit_effects: object) -> bool:
    if not isinstance(unit_effects, bool | np.bool_):
        raise OptionError(
            f"unit_effects={unit_effects!r} is neither True nor False",
            where=WHERE,
            remedy="Give True to take each path from its own mean before the start.",
        )
    return bool(unit_effects)


def _check_penalty(penalty: object, pool: Pool) -> str | float:
    if isinstance(penalty, str):
        rule = choose("penalty", penalty, RULES, where=WHERE)
        if pool.pre.sum() < 3:
            raise DesignError(
                f"there are {int(pool.pre.sum())} periods before the start to choose a penalty on",
                where=WHERE,
                remedy="Cross-validation leaves each out in turn: begin the panel earlier, or give a number.",
            )
        return rule
    remedy = f"Give λ in squared units of the outcome, or one of {', '.join(map(repr, RULES))}."
    return given(penalty, where=WHERE, remedy=remedy)


def _covariates(
    panel: Panel, pool: Pool, asked: Sequence[str] | Mapping[str, Window | None], balance: str
) -> tuple[tuple[str, ...], Floats]:
    """Names and (K, N) values of the covariates, averaged over their windows."""
    names = [asked] if isinstance(asked, str) else list(asked)
    windows = dict(asked) if isinstance(asked, Mapping) else dict.fromkeys(names)
    if len(windows) < len(names):
        raise OptionError(
            f"a covariate is named twice: {first_few(names)}", where=WHERE, remedy="Name each once."
        )
    if not names:
        return (), np.empty((0, panel.n_units))
    found = features(panel, pool, Predictors(covariates=windows), WHERE)
    window = found.window / found.window.sum(axis=1, keepdims=True)
    values = np.einsum("kt,knt->kn", window, found.series)
    _require_varied(found.names, values, pool, balance)
    return found.names, values


def _require_varied(names: tuple[str, ...], values: Floats, pool: Pool, balance: str) -> None:
    among = values[:, pool.donors] - values[:, pool.donors].mean(axis=1, keepdims=True)
    for name, row, size in zip(names, among, np.abs(values).max(axis=1), strict=True):
        if np.abs(row).max() <= FLAT * size:
            raise DesignError(
                f"the covariate {name} is the same for every donor",
                where=WHERE,
                remedy="Leave it out: no weighting of donors can change it.",
            )
    scaled = among / np.sqrt((among**2).sum(axis=1, keepdims=True))
    if balance == "residual" and np.linalg.matrix_rank(scaled, tol=1e-9) < len(names):
        raise DesignError(
            f"{len(names)} covariates cannot be told apart among {int(pool.donors.sum())} donors",
            where=WHERE,
            remedy="Leave out covariates that follow from the others, or use fewer than the donors less one; "
            'balance="joint" also takes covariates that overlap.',
        )


def _augmentation(
    fit: RidgeAugmented, pool: Pool, solved: RidgeFits, names: tuple[str, ...], gaps: Floats
) -> Augmentation:
    base, weights = solved.base[0], solved.weights[0]
    without = solved.gaps(actual(pool), solved.base)[0]
    effect, before = float(gaps[0, pool.post].mean()), float(without[pool.post].mean())
    share: Number = NotAvailable("the mean effect is zero") if effect == 0 else (effect - before) / effect
    held_out = solved.held_out[0, pool.pre]
    grid = pd.DataFrame({"penalty": solved.grid[0], "error": np.nan, "std_error": np.nan})
    if len(grid):
        mean, error = errors(solved.held_out, pool.pre[None])
        grid = grid.assign(error=mean[0], std_error=error[0])
    labels = list(pool.panel.units)
    return Augmentation(
        penalty=float(solved.penalty[0]),
        grid=grid,
        held_out=held_out,
        base=pd.Series(base, index=labels, name="weight")[pool.donors],
        negative=float(-np.minimum(weights, 0).sum()),
        moved=float(np.abs(weights - base).sum() / 2),
        base_rmspe=float(np.sqrt((without[pool.pre] ** 2).mean())),
        base_estimate=before,
        share=share,
        covariates=_balanced(fit.covariates, pool, base, weights, names) if names else NO_COVARIATES,
    )


def _balanced(
    values: Floats, pool: Pool, base: Floats, weights: Floats, names: tuple[str, ...]
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "covariate": names,
            "treated": values @ pool.members,
            "base": values @ base,
            "augmented": values @ weights,
            "donor_mean": values[:, pool.donors].mean(axis=1),
        }
    )


def _notes(fit: RidgeAugmented, own: Augmentation, before: Floats) -> tuple[str, ...]:
    how = {
        "one_se": "the largest whose held-out error is within one standard error of the smallest",
        "smallest_error": "the one with the smallest held-out error",
    }
    chosen = how[fit.penalty] if isinstance(fit.penalty, str) else "as given"
    rmspe = float(np.sqrt((before**2).mean()))
    part = own.share.reason if isinstance(own.share, NotAvailable) else f"{own.share:.1%} of the effect"
    words = [
        f"Ridge penalty {own.penalty:.4g} ({chosen}). Augmentation changes the mean effect from "
        f"{own.base_estimate:.4g} ({part}) and the RMSPE before the start from {own.base_rmspe:.4g} to "
        f"{rmspe:.4g}.",
        f"Extrapolation: {own.moved:.1%} of the weight changed hands, and negative weights sum to "
        f"{own.negative:.3g}; none would mean that the answer stays among the donors.",
    ]
    if len(own.grid) and own.penalty == own.grid["penalty"].iloc[-1]:
        words.append(
            "The smallest penalty tried was chosen: the path before the start is all but reproduced, and the "
            "gaps there say nothing of the fit."
        )
    return tuple(words)

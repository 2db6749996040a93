"""How a difference in means is adjusted for baseline: by arm, in common, through the outcome, or not."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np

from whatworks.arrays import Floats, Ints
from whatworks.errors import DesignError, OptionError, choose
from whatworks.inference.fits import collinear
from whatworks.rct.one_row import affordable, regression
from whatworks.rct.one_row.default_errors import small_blocks
from whatworks.rct.one_row.regression import WHERE, Prepared
from whatworks.trial import Trial

Adjust = Literal["none", "lin", "ancova", "cuped"]
ADJUST: Final = ("none", "lin", "ancova", "cuped")

_WORDS: Final = {
    "lin": "Adjusted for baseline ({names}), centred, with a slope of its own in each arm (Lin 2013).",
    "ancova": "Adjusted for baseline ({names}) with one slope for both arms.",
    "cuped": "Adjusted by CUPED: the outcome less what baseline ({names}) predicts of it, arms together.",
}

ENOUGH: Final = 10
"""From so many units (clusters) an arm for each variable CUPED's slopes may pass for known.

With 10, 5 and 2.5 units an arm for each variable its 5% test rejected in 5 to 6, 7 to 14 and 11% of trials.
"""


def prepare(trial: Trial, adjust: Adjust) -> tuple[Prepared, list[str]]:
    """The fit of a two-armed trial without missing outcomes, and sentences on what was done.

    Raises:
        OptionError: an adjustment that does not exist, or one without baseline.
        DesignError: covariates that are constant or cannot be told apart.
    """
    choose("adjust", adjust, ADJUST, where=WHERE)
    if adjust != "none" and not trial.baseline_names:
        raise OptionError(
            f"adjust={adjust!r} needs baseline, and the trial has none",
            where=WHERE,
            remedy="Name baseline columns in Trial.from_frame, or use adjust='none'.",
        )
    lone, names = _lone_block(trial), ", ".join(trial.baseline_names)
    used = "ancova" if lone and adjust != "none" else adjust
    notes = [] if used == "none" else [_WORDS[used].format(names=names)]
    if used == "ancova" or lone:
        prepared = regression.additive(trial, covariates=used != "none")
        return prepared, notes + _additive_words(trial, lone)
    if adjust == "cuped":
        return regression.by_block(cuped(trial), lin=False), notes + _block_words(trial) + _cuped_words(trial)
    return regression.by_block(trial, lin=adjust == "lin"), notes + _block_words(trial)


def default(trial: Trial) -> tuple[Prepared, list[str], Adjust]:
    """The fit with the adjustment that the trial's size allows: by arm, in common, or none."""
    adjust, why = affordable.slopes(trial)
    if adjust == "lin" and _lone_block(trial):
        adjust = "ancova"
    if adjust != "none":
        try:
            prepared, notes = prepare(trial, adjust)
            return prepared, [*notes, why] if why else notes, adjust
        except DesignError as problem:
            why = affordable.left_out(trial, problem.what)
    prepared, notes = prepare(trial, "none")
    return prepared, [*notes, why] if why else notes, "none"


def cuped(trial: Trial) -> Trial:
    """The trial with outcome y − θ′(x − x̄), one θ for both arms, net of arms (and blocks).

    Raises:
        DesignError: covariates that are constant or cannot be told apart.

    Source: Deng, Xu, Kohavi & Walker (2013), Proceedings of the Sixth ACM International Conference on Web
    Search and Data Mining, equations 3 to 5; net of arm means, since in small trials θ would take up part of
    the effect wherever chance left the arms unlike.
    """
    regression.refuse_constant(trial)
    x = trial.baseline - trial.baseline.mean(axis=1, keepdims=True)
    block = np.zeros(trial.n_rows, dtype=np.int64) if trial.block is None else trial.block
    inner = _within(x, block)
    z = _within(trial.treated[None].astype(np.float64), block)[0]
    inner = inner - np.outer(inner @ z, z) / (z @ z)
    bread = collinear.inverse(
        inner @ inner.T,
        np.sqrt((x**2).sum(axis=1)),
        [f"baseline {name!r}" for name in trial.baseline_names],
        where=WHERE,
        flat="Leave it out of baseline: arms and blocks take care of it.",
        by="arms and blocks",
    )
    return trial.with_outcome(trial.outcome - bread @ (inner @ trial.outcome) @ x)


def _within(values: Floats, cell: Ints) -> Floats:
    """(K, R) values less the means of their cells."""
    count = np.maximum(np.bincount(cell), 1)
    return np.asarray(values - np.stack([np.bincount(cell, row) / count for row in values])[:, cell])


def _cuped_words(trial: Trial) -> list[str]:
    fewest, k = affordable.smaller_arm(trial), len(trial.baseline_names)
    if fewest >= ENOUGH * k:
        return []
    return [
        f"The error takes CUPED's slopes as known. With {fewest} in the smaller arm for {k} variables "
        "they are not, and intervals are too short; adjust='ancova' counts them."
    ]


def _lone_block(trial: Trial) -> bool:
    """Whether one block alone holds a single unit (or cluster) of an arm."""
    small = small_blocks(trial)
    return bool(small.sum() == 1) and len(small) > 1


def _additive_words(trial: Trial, lone: bool) -> list[str]:
    if trial.block is None:
        return []
    why = (
        "One block alone holds a single unit or cluster of an arm: its difference has no error of its own. "
        if lone
        else ""
    )
    return [
        f"{why}The {trial.n_blocks} blocks enter as dummies: larger blocks, and those with more even arms, "
        "weigh more."
    ]


def _block_words(trial: Trial) -> list[str]:
    if trial.block is None:
        return []
    small = int(small_blocks(trial).sum())
    how = f"The effect is the mean of {trial.n_blocks} block differences, weighted by the rows of each block."
    if not small:
        return [how]
    word = "cluster" if trial.cluster is not None else "unit"
    if small == trial.n_blocks:
        return [
            f"{how} Every block holds a single {word} of an arm: the error comes from how differences vary."
        ]
    return [
        f"{how} {small} of them hold a single {word} of an arm; for those the error comes from how their "
        "differences vary, for the others from the units within."
    ]

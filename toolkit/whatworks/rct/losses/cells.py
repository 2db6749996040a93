"""Cells of alike rows, from blocks and baseline variables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from whatworks.arrays import Ints
from whatworks.errors import DesignError, OptionError, did_you_mean
from whatworks.trial import Trial

FEW_VALUES: Final = 5
"""A variable with no more values than this makes a cell of each; any other is cut into quarters."""

SMALLEST: Final = 5
"""Known outcomes that each arm needs in a cell, for trimming to mean anything."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """`code` (R,) the cell of each row, 0..C−1; `labels` C names; `by` what they were made from."""

    code: Ints
    labels: tuple[str, ...]
    by: tuple[str, ...]


def cells_of(trial: Trial, by: tuple[str, ...], where: str) -> Cells:
    """The cells that the named baseline variables (or `block`) make together; one without any.

    Raises:
        OptionError: a name that is neither.
        DesignError: a cell with fewer than five known outcomes in an arm, by name.
    """
    code = np.zeros(trial.n_rows, dtype=np.int64)
    labels = [""]
    for name in by:
        own, words = _one(trial, name, where)
        used, code = np.unique(code * len(words) + own, return_inverse=True)
        labels = [
            f"{labels[u // len(words)]}, {words[u % len(words)]}".removeprefix(", ") for u in used.tolist()
        ]
    if not by:
        return Cells(code, ("all",), ())
    for cell, label in enumerate(labels):
        for arm, named in enumerate(trial.arms):
            known = int((trial.observed & (code == cell) & (trial.arm == arm)).sum())
            if known < SMALLEST:
                raise DesignError(
                    f"cell {label!r} has {known} known outcomes in arm {named!r}",
                    where=where,
                    remedy=f"Each arm needs {SMALLEST} in every cell: tighten by fewer or coarser variables.",
                )
    return Cells(code, tuple(labels), by)


def _one(trial: Trial, name: str, where: str) -> tuple[Ints, list[str]]:
    """Codes and labels of one variable."""
    if name in trial.baseline_names:
        values = trial.baseline[trial.baseline_names.index(name)]
        distinct, code = np.unique(values, return_inverse=True)
        if len(distinct) <= FEW_VALUES:
            return code.astype(np.int64), [f"{name} = {value:g}" for value in distinct]
        cuts = np.unique(np.quantile(values, (0.25, 0.5, 0.75)))
        code = np.searchsorted(cuts, values, side="left")
        ends = [f"{name} up to {cut:.4g}" for cut in cuts] + [f"{name} above {cuts[-1]:.4g}"]
        return code.astype(np.int64), ends
    if name == "block" and trial.block is not None:
        return trial.block, [f"block {label}" for label in trial.block_labels]
    known = [*trial.baseline_names, *(["block"] if trial.block is not None else [])]
    raise OptionError(
        f"{name!r} is no baseline variable of the trial",
        where=where,
        remedy=f"{did_you_mean(name, known)}There is {', '.join(map(repr, known)) or 'none'}.",
    )

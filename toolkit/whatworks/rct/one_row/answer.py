"""The parts of a result that every analysis of a trial shares."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeGuard

import numpy as np
import pandas as pd

from whatworks.answer import wider_error
from whatworks.arrays import Floats, Ints
from whatworks.errors import DesignError
from whatworks.inference.default import Choice
from whatworks.inference.intervals import smallest_detectable
from whatworks.results import Design, Estimate, NotAvailable, Number
from whatworks.trial import Trial

ROOM: Final = 100_000_000
"""Numbers in a table of regressors: 0.8 GB, a few times that while it is worked on."""

NO_RECORD: Final = NotAvailable(
    "no allocation record was given, so how many allocations chance could have made is not known"
)


def sizes(trial: Trial, headline: Estimate, *, allocations: Number = NO_RECORD) -> Design:
    """How large the trial is and what it could have found four times in five, if an interval or error says.

    Without degrees of freedom of its own the headline has those of the clusters less one for each arm.
    """
    df: Number = headline.df
    if isinstance(df, NotAvailable):
        df = float(max(trial.n_clusters - 2, 1))
    return Design(
        n_units=trial.n_units,
        n_periods=1 if trial.period is None else len(np.unique(trial.period)),
        n_clusters=trial.n_clusters,
        n_treated=len(np.unique(trial.unit[trial.treated])),
        allocations=allocations,
        mde=smallest_detectable(wider_error(headline, df), df, headline.level),
    )


def choices(trial: Trial, choice: Choice, level: float, **others: Any) -> dict[str, Any]:
    """Every choice made, by name."""
    return {
        **others,
        "arms": list(trial.arms),
        "inference": repr(choice.inference),
        "level": level,
        "baseline": list(trial.baseline_names),
        "blocked": trial.block is not None,
        "clustered": trial.cluster is not None,
    }


def is_number(value: object) -> TypeGuard[float]:
    """Whether a choice is a finite number, and no truth value."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return False
    return math.isfinite(float(value))


def in_order(rows: Sequence[Mapping[str, object]] | Mapping[str, object]) -> pd.DataFrame:
    """Rows (or columns) as a table whose last column is the reason, as a record that is read back has it."""
    table = pd.DataFrame(rows)
    return table[[*table.columns.drop("reason"), "reason"]]


def require_room(rows: int, columns: int, what: str) -> None:
    """Raise `DesignError` where a column for each `what` would take more memory than there is."""
    if rows * columns > ROOM:
        raise DesignError(
            f"{columns:,} columns for {what} on {rows:,} rows are too many numbers to hold",
            where=what,
            remedy="Name fewer and larger ones, or analyse totals: one row for each place or block and arm.",
        )


def dummies(codes: Ints, labels: Sequence[str], role: str) -> tuple[Floats, list[str]]:
    """(R, L − 1) indicator columns of all labels but the first, and their names.

    Raises:
        DesignError: so many that they do not fit into memory.
    """
    require_room(len(codes), len(labels), role)
    names = [f"{role} {label}" for label in labels[1:]]
    return (codes[:, None] == np.arange(1, len(labels))).astype(np.float64), names

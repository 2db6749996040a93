"""The same question by every synthetic control for one start, side by side, and what each is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
import pandas as pd

from whatworks.answer import beside_others
from whatworks.errors import DesignError, EstimationError
from whatworks.inference.synthetic.placebo import Placebo
from whatworks.panel import Panel
from whatworks.results import NotAvailable, Result
from whatworks.synth.augmented import augmented
from whatworks.synth.classic import classic
from whatworks.synth.completion import completion
from whatworks.synth.interactive import interactive
from whatworks.synth.penalised import penalised
from whatworks.synth.pool import pool_of
from whatworks.synth.synthdid import synthdid

WHERE: Final = "synth.compare"
YARDSTICK: Final = "synth.classic"

COLUMNS: Final = (
    "method", "comparison", "estimand", "scale", "estimate", "low", "high", "p_value", "relative",
    "relative_low", "relative_high", "inference", "assumes", "differs_because", "reason",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """A method as it stands in the comparison.

    Attributes:
        name: its row.
        estimate: the method with the choices that make it this row.
        comparison: with what the treated unit is compared.
        assumes: what it takes for granted.
    """

    name: str
    estimate: Callable[..., Result]
    comparison: str
    assumes: str


ENTRIES: Final = (
    Entry(
        YARDSTICK,
        classic,
        "a weighted average of donors",
        "An average of donors that followed the treated unit before the start would have gone on doing so, "
        "level included",
    ),
    Entry(
        "synth.penalised",
        penalised,
        "a weighted average of donors that are each like the treated unit",
        "The same, and donors unlike the treated unit would mislead even where they cancel",
    ),
    Entry(
        "synth.augmented",
        augmented,
        "the same average, less what a ridge regression says it still misses",
        "The same, and what the average misses before the start is missed after it as a regression on past "
        "outcomes says",
    ),
    Entry(
        "synth.synthdid",
        synthdid,
        "a weighted average of donors and of earlier periods, levels taken off",
        "An average of donors that ran parallel before the start would have gone on doing so; levels may "
        "differ",
    ),
    Entry(
        "synth.synthdid (equal weights)",
        partial(synthdid, weights="equal"),
        "all donors alike, levels taken off",
        "The treated unit would have moved in parallel with the plain mean of all donors (difference in "
        "differences)",
    ),
    Entry(
        "synth.interactive",
        interactive,
        "a path made of the factors that donors share",
        "What moves the treated unit are the donors' common factors, each as strongly after the start as "
        "before it",
    ),
    Entry(
        "synth.completion",
        completion,
        "its own row, filled in so that the table of all units has few strong patterns",
        "Beside unit and period effects, a few patterns that donors share would have gone on in the "
        "treated unit",
    ),
)


@dataclass(frozen=True, slots=True, eq=False)
class SynthComparison:
    """What every method says on one panel.

    Attributes:
        table: one row a method: method, comparison, estimand, scale, estimate, low, high, p_value,
            relative (percent change) with its ends, inference, assumes, differs_because; `reason` says why a
            number is missing or a method does not apply.
        results: the results by the name of their row.
        suggested: the row to begin from, or why there is none.
        scale: the unit of the estimates.
        level: coverage of the intervals.
        notes: what a reader must know, in sentences.
    """

    table: pd.DataFrame
    results: Mapping[str, Result]
    suggested: str | NotAvailable
    scale: str
    level: float
    notes: tuple[str, ...]


def compare(
    panel: Panel,
    *,
    donors: Sequence[str] = (),
    anticipation: int = 0,
    inference: Placebo | None = None,
    level: float = 0.95,
) -> SynthComparison:
    """Ask every synthetic control for one start the same question, with the same inference.

    All are matched on the outcome's path alone, so that they differ in how they weight, not in what they see.

    Args:
        panel: (N, T) outcomes with one start.
        donors: labels of the units that may be used; none named: every unit untreated through the window.
        anticipation: periods just before the start in which the effect may begin.
        inference: placebos in space; `Placebo()` unless told.
        level: coverage of the intervals.

    Raises:
        DesignError: staggered starts, fewer than two donors or periods before the start, missing cells.
        OptionError: a donor that cannot be one, or a level outside (0, 1).
    """
    named = tuple(donors) or None
    panel = replace(panel, covariates=panel.covariates[:0], covariate_names=())
    pool_of(panel, WHERE, donors=named, anticipation=anticipation)  # refuses what no method here permits
    rule = Placebo() if inference is None else inference
    found: dict[str, Result] = {}
    refused: dict[str, DesignError | EstimationError] = {}
    for entry in ENTRIES:
        try:
            found[entry.name] = entry.estimate(
                panel, donors=named, anticipation=anticipation, inference=rule, level=level
            )
        except (DesignError, EstimationError) as refusal:
            refused[entry.name] = refusal
    rows = [
        _row(entry, found[entry.name], found.get(YARDSTICK))
        if entry.name in found
        else _refusal(entry, refused[entry.name])
        for entry in ENTRIES
    ]
    first = YARDSTICK if YARDSTICK in found else NotAvailable(refused[YARDSTICK].what)
    notes = (
        "All are matched on the path of the outcome alone and judged by the same placebos in space; "
        "predictors that the study matches on enter its own estimate only.",
    )
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return SynthComparison(table, found, first, panel.scale, level, notes)


def _row(entry: Entry, result: Result, yardstick: Result | None) -> dict[str, object]:
    return {
        "method": entry.name,
        "comparison": entry.comparison,
        **beside_others(result, ("estimate", "low", "high", "p_value")),
        "assumes": entry.assumes,
        "differs_because": _made_of(result, yardstick),
    }


def _refusal(entry: Entry, refusal: DesignError | EstimationError) -> dict[str, object]:
    empty = dict.fromkeys(COLUMNS, np.nan)
    return {
        **empty,
        **dict.fromkeys(("estimand", "scale", "inference", "differs_because"), ""),
        "method": entry.name,
        "comparison": entry.comparison,
        "assumes": entry.assumes,
        "reason": f"{refusal.what[:1].upper()}{refusal.what[1:]}. {refusal.remedy}",
    }


def _made_of(result: Result, yardstick: Result | None) -> str:
    """How many donors an answer rests on, how close its path came, and how much weight it shares."""
    detail = result.detail
    weights = detail.weights
    if weights.empty:
        return f"No donor weights; misses the path before the start by {detail.rmspe:.3g} (RMSPE)"
    effective = 1 / float((weights**2).sum())
    said = (
        f"In effect {effective:.1f} of {len(weights)} donors; misses the path before the start by "
        f"{detail.rmspe:.3g} (RMSPE)"
    )
    if yardstick is None or yardstick is result:
        return said
    other = yardstick.detail.weights.reindex(weights.index)
    moved = float((weights - other).abs().sum()) / 2
    return f"{said}; {moved:.0%} of the weight lies on other donors than in {YARDSTICK}"

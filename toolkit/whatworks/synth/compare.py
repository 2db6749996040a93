"""The same question by every synthetic control for one start, side by side, and what each is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import comb
from typing import Final

import numpy as np
import pandas as pd

from whatworks.answer import agreement, beside_others
from whatworks.errors import DesignError, EstimationError, OptionError
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
    "method", "this_study", "comparison", "estimand", "scale", "estimate", "low", "high", "p_value",
    "relative", "relative_low", "relative_high", "inference", "assumes", "asks_otherwise",
    "differs_because", "reason",
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
        table: one row a method: method, this_study (whether it is the study's own), comparison, estimand,
            scale, estimate, low, high, p_value, relative (percent change) with its ends, inference, assumes,
            asks_otherwise (always empty: every method is asked the same), differs_because; `reason` says why
            a number is missing or a method does not apply.
        results: the results by the name of their row.
        own: the row of the study's own result, or why there is none.
        suggested: the row to begin from, or why there is none.
        sentences: whether the others say what the study says; empty without its own result.
        scale: the unit of the estimates.
        level: coverage of the intervals.
        notes: what a reader must know, in sentences.
    """

    table: pd.DataFrame
    results: Mapping[str, Result]
    own: str | NotAvailable
    suggested: str | NotAvailable
    sentences: tuple[str, ...]
    scale: str
    level: float
    notes: tuple[str, ...]


def compare(
    panel: Panel,
    *,
    own: Result | None = None,
    donors: Sequence[str] = (),
    anticipation: int = 0,
    inference: Placebo | None = None,
    level: float = 0.95,
    progress: Progress | None = None,
) -> SynthComparison:
    """Ask every synthetic control for one start the same question, with the same inference.

    All are matched on the outcome's path alone, so that they differ in how they weight, not in what they see.
    With a study's `own` result they get its donors and its anticipation, and the result itself stands as the
    row of its method, marked. The work grows with the number of placebos, units and periods (`work`).

    Args:
        panel: (N, T) outcomes with one start.
        own: the study's own result, of this panel and in this session.
        donors: labels of the units that may be used; none named: those of `own`, else every unit untreated
            through the window.
        anticipation: periods just before the start in which the effect may begin; those of `own` where given.
        inference: placebos in space; `Placebo()` unless told.
        level: coverage of the intervals.
        progress: told before each method how many are done, how many there are, and its name.

    Raises:
        DesignError: staggered starts, fewer than two donors or periods before the start, missing cells.
        OptionError: a donor that cannot be one, a level outside (0, 1), an `own` of another panel, level or
            kind, or donors or an anticipation that are not its own.
    """
    if own is not None:
        donors, anticipation = _of_the_study(panel, own, donors, anticipation, level)
    named = tuple(donors) or None
    panel = replace(panel, covariates=panel.covariates[:0], covariate_names=())
    pool_of(panel, WHERE, donors=named, anticipation=anticipation)  # refuses what no method here permits
    rule = Placebo() if inference is None else inference
    asked = {"donors": named, "anticipation": anticipation, "inference": rule, "level": level}
    found, refused = _run(panel, own, asked, progress)
    return _laid_out(panel, own, level, found, refused)


def _run(
    panel: Panel, own: Result | None, asked: Mapping[str, object], progress: Progress | None
) -> tuple[dict[str, Result], dict[str, DesignError | EstimationError]]:
    """Results by row, and why the others do not apply."""
    found: dict[str, Result] = {}
    refused: dict[str, DesignError | EstimationError] = {}
    for done, entry in enumerate(ENTRIES):
        if own is not None and entry.name == _row_of(own):
            found[entry.name] = own
            continue
        if progress is not None:
            progress(done, len(ENTRIES), entry.name)
        try:
            found[entry.name] = entry.estimate(panel, **asked)
        except (DesignError, EstimationError) as refusal:
            refused[entry.name] = refusal
    return found, refused


def _laid_out(
    panel: Panel,
    own: Result | None,
    level: float,
    found: dict[str, Result],
    refused: Mapping[str, DesignError | EstimationError],
) -> SynthComparison:
    ours: str | NotAvailable = _NO_STUDY if own is None else _row_of(own)
    rows = [
        _row(entry, found[entry.name], found.get(YARDSTICK), ours)
        if entry.name in found
        else _refusal(entry, refused[entry.name])
        for entry in ENTRIES
    ]
    first = YARDSTICK if YARDSTICK in found else NotAvailable(refused[YARDSTICK].what)
    suggested = ours if isinstance(ours, str) and own is not None and own.method in _AS_GOOD else first
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    said = agreement(found, ours, suggested, found)
    return SynthComparison(table, found, ours, suggested, said, panel.scale, level, _notes(own))


Progress = Callable[[int, int, str], None]

_NO_STUDY: Final = NotAvailable("no result of a study was given")

_AS_GOOD: Final = (YARDSTICK, "synth.augmented", "synth.synthdid")
"""Methods that answer the question of a design with one treated area as well as one another."""


def work(panel: Panel, *, donors: Sequence[str] = (), inference: Placebo | None = None) -> int:
    """Cells that each method of `compare` fills: those of the panel, once for every placebo and the treated.

    On simulated panels of 30 to 120 donors and 24 to 120 periods all methods together took some 10 to 50
    seconds for a million cells, nearly all of it `synth.completion`; series that are hard to match take
    several times as long.

    Raises `DesignError` where no method is permitted, `OptionError` for a donor that cannot be one.
    """
    pool = pool_of(panel, WHERE, donors=tuple(donors) or None, anticipation=0)
    rule = Placebo() if inference is None else inference
    able, treated = int(pool.donors.sum()), int(pool.treated.sum())
    placebos = min(comb(able, treated), rule.draws)
    return (placebos + 1) * (able + treated) * panel.n_periods


def _of_the_study(
    panel: Panel, own: Result, donors: Sequence[str], anticipation: int, level: float
) -> tuple[Sequence[str], int]:
    """The donors and the anticipation of the study's own result."""

    def refuse(what: str, remedy: str) -> OptionError:
        return OptionError(what, where=f"{WHERE}, own", remedy=remedy)

    if _row_of(own) not in {entry.name for entry in ENTRIES} or own.detail is None:
        raise refuse(
            f"own is a result of {own.method}" + (" read back from a file" if own.detail is None else ""),
            f"Give what one of these returned in this session: {', '.join(entry.name for entry in ENTRIES)}.",
        )
    if own.input_hash != panel.fingerprint:
        raise refuse("own was estimated on another panel", "Give the panel that the study's result is of.")
    if own.headline.level != level:
        raise refuse(
            f"own has intervals of {own.headline.level:g}, and {level:g} was asked for",
            f"Give level={own.headline.level:g}.",
        )
    names, early = own.spec["donors"], own.spec["anticipation"]
    if (donors and set(donors) != set(names)) or anticipation not in (0, early):
        raise refuse("donors or anticipation are not those of own", "Leave them out beside own.")
    return names, early


def _row_of(own: Result) -> str:
    equal = own.method == "synth.synthdid" and own.spec.get("weights") == "equal"
    return f"{own.method} (equal weights)" if equal else own.method


def _notes(own: Result | None) -> tuple[str, ...]:
    alike = "All are matched on the path of the outcome alone and judged by the same placebos in space"
    if own is None:
        return (f"{alike}.",)
    judged = str(own.spec["inference"]).partition("(")[0]
    said = f"{alike}; predictors that the study matches on enter its own estimate only."
    if judged == "Placebo":
        return (said,)
    return said, f"The study's own interval is of another kind ({judged}) than those of the others."


def _row(
    entry: Entry, result: Result, yardstick: Result | None, ours: str | NotAvailable
) -> dict[str, object]:
    return {
        "method": entry.name,
        "this_study": entry.name == ours,
        "comparison": entry.comparison,
        **beside_others(result, ("estimate", "low", "high", "p_value")),
        "assumes": entry.assumes,
        "asks_otherwise": "",
        "differs_because": _made_of(result, yardstick),
    }


def _refusal(entry: Entry, refusal: DesignError | EstimationError) -> dict[str, object]:
    empty = dict.fromkeys(COLUMNS, np.nan)
    return {
        **empty,
        **dict.fromkeys(("estimand", "scale", "inference", "asks_otherwise", "differs_because"), ""),
        "method": entry.name,
        "this_study": False,
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

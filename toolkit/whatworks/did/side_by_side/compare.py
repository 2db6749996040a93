"""The same question, every answer: all methods that a design permits, side by side, and why they differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from whatworks.answer import NUMBERS, agreement, beside_others
from whatworks.did.bacon import bacon
from whatworks.did.counts.counted import is_count
from whatworks.did.imputation import ImputationDetail
from whatworks.did.side_by_side.comparison import COLUMNS, Comparison
from whatworks.did.side_by_side.entries import COUNT_FORM, YARDSTICK, Entry, assumed, departs, listed, row_of
from whatworks.did.side_by_side.outcome_weights import Account, Parts, account, parts
from whatworks.did.side_by_side.question import ANOTHER, WHERE, Asked, Inference, as_studied
from whatworks.did.side_by_side.words import why
from whatworks.did.suggest import FOR_COUNTS, suggest
from whatworks.errors import DesignError, OptionError, WhatworksError
from whatworks.inference.default import Default
from whatworks.inference.draws import check_level
from whatworks.inference.percent import relative_change
from whatworks.panel import NEVER, Panel
from whatworks.results import RATE_RATIO, Estimate, NotAvailable, Result


def compare(
    panel: Panel,
    *,
    own: Result | None = None,
    last: int | None = None,
    per: float | None = None,
    treated: str | None = None,
    randomised: bool = False,
    inference: Inference = None,
    level: float = 0.95,
) -> Comparison:
    """Run every method that the design permits and lay the answers side by side, with why they differ.

    A method that the design does not permit stands in the table with the reason it gave. Every method
    answers with its own headline unless `last` makes them average the same window; did.block,
    did.twoway and did.poisson have one coefficient for all periods, whatever the window. Counts with several
    starts get the count form of did.etwfe as well, without its rows by event time.

    With a study's `own` result every method is asked what the study asked: its anticipation, comparison,
    base, adjustment for covariates and window go to each method that has such a choice; one that has not
    says so in `asks_otherwise`. The result itself stands as the row of its method, marked.

    Args:
        panel: (N, T) outcomes with their starts.
        own: the study's own result, of this panel and in this session.
        last: average event times 0 to `last` in every method that knows event times.
        per: with an exposure, methods that subtract use the rate per so many; methods for counts the counts.
        treated: covariate of zeros and ones, for a treatment that goes on and off (did.switching).
        randomised: whether start dates were drawn by lot (did.staggered_rollout).
        inference: the same for all methods that take it; the others use their default with its draws and
            seed, and say so. Without, what was asked for in `own`, else each method's default.
        level: coverage of the intervals, that of `own` included.

    Raises:
        DesignError: no method is permitted; the message is that of the first.
        OptionError: a window before the start, an exposure asked for that is not there, inference that no
            method takes, an `own` that is of another panel or level or was read back from a file.

    Source: the parts of a difference are sums of outcomes' weights, see `did.imputation` for the imputed
    effects (Borusyak, Jaravel & Spiess 2024).
    """
    check_level(level)
    if last is not None and last < 0:
        raise OptionError(
            f"last={last!r} lies before the start", where=WHERE, remedy="The first treated period is 0."
        )
    asked = Asked(panel, last, per, treated, randomised, inference, level)
    return _compared(asked if own is None else as_studied(asked, own))


def _compared(asked: Asked) -> Comparison:
    panel, own, rows = asked.panel, asked.own, listed(asked)
    found, refused, spare = _run(asked, rows)
    made_of = _made_of(asked, found)
    table = _answers(asked, rows, found, refused, made_of, spare)
    ours = _NO_STUDY if own is None else row_of(own)
    suggested = _suggested(panel, own, found)
    return Comparison(
        table=table,
        made_of=_table(made_of),
        results=found,
        own=ours,
        suggested=suggested,
        sentences=agreement(found, ours, suggested, _same_question(panel, table)),
        scale=asked.additive.scale,
        level=asked.level,
        notes=(*panel.notes, *_notes(asked, found)),
    )


_NO_STUDY = NotAvailable("no result of a study was given")
_NO_AVERAGE = ("did.twoway", "did.event_study", "did.poisson")
"""With several starts their weights may be negative: nothing that a study need agree with."""


def _same_question(panel: Panel, table: pd.DataFrame) -> list[str]:
    """The rows that answer what the study asks."""
    other = table["asks_otherwise"].str.startswith(ANOTHER) | (table["estimand"] == "")
    if len(panel.cohorts) > 1:
        other |= table["method"].isin(_NO_AVERAGE)
    return list(table.loc[~other, "method"])


def _answers(
    asked: Asked,
    rows: tuple[Entry, ...],
    found: Mapping[str, Result],
    refused: Mapping[str, str],
    made_of: Mapping[str, tuple[Account, Parts | None]],
    spare: Mapping[str, str],
) -> pd.DataFrame:
    ours = None if asked.own is None else row_of(asked.own)
    table = [
        {
            **(
                _row(entry, found[entry.name], _sentence(asked, entry.name, found, made_of))
                if entry.name in found
                else _refusal(entry, refused[entry.name])
            ),
            "assumes": assumed(entry, asked),
            "this_study": entry.name == ours,
            "asks_otherwise": " ".join((*departs(entry, asked), *_told(spare, entry)))
            if entry.name in found
            else "",
        }
        for entry in rows
    ]
    return pd.DataFrame(table, columns=list(COLUMNS))


def _told(spare: Mapping[str, str], entry: Entry) -> tuple[str, ...]:
    return (spare[entry.name],) if entry.name in spare else ()


def _run(asked: Asked, rows: tuple[Entry, ...]) -> tuple[dict[str, Result], dict[str, str], dict[str, str]]:
    """Results by row, why the others do not apply, and whose inference is not the one asked for.

    A refusal by the design is an answer, no failure; inference that a method does not take gives way to its
    default, unless no method takes it.
    """
    found: dict[str, Result] = {}
    refused: dict[str, str] = {}
    spare: dict[str, str] = {}
    first: WhatworksError | None = None
    unfit: OptionError | None = None
    for entry in rows:
        if asked.own is not None and entry.name == row_of(asked.own):
            found[entry.name] = asked.own
            continue
        try:
            result, said = _ask(entry, asked)
        except DesignError as refusal:
            first = first or refusal
            refused[entry.name] = f"{refusal.what[:1].upper()}{refusal.what[1:]}. {refusal.remedy}"
            continue
        found[entry.name] = _with_relative(asked, result)
        if said is not None:
            spare[entry.name] = _SPARE.format(name=type(asked.inference).__name__)
            unfit = unfit or said
    problem = unfit or first
    if problem is not None and len(spare) == len(found):
        raise problem
    return found, refused, spare


_SPARE = "Its interval is this method's default, since {name} does not apply to it."


def _ask(entry: Entry, asked: Asked) -> tuple[Result, OptionError | None]:
    """The answer, and what the method said of the inference where it does not take it."""
    try:
        return entry.run(asked), None
    except OptionError as problem:
        if asked.inference is None or isinstance(asked.inference, Default):
            raise
        try:
            return entry.run(asked.by_default()), problem
        except OptionError:
            raise problem from None


def _with_relative(asked: Asked, result: Result) -> Result:
    """A headline moved to another window gets the percent change of that window."""
    if asked.last is None or isinstance(result.relative, Estimate):
        return result
    made_of = account(asked.additive, result, asked.last)
    if made_of is None:
        return result
    return replace(result, relative=relative_change(result.headline, made_of.observed))


def _made_of(asked: Asked, found: Mapping[str, Result]) -> dict[str, tuple[Account, Parts | None]]:
    panel = asked.additive
    accounts = {
        name: account(panel, result, asked.last, asked.anticipation) for name, result in found.items()
    }
    yardstick, known = accounts.get(YARDSTICK), found.get(YARDSTICK)
    out: dict[str, tuple[Account, Parts | None]] = {}
    for name, made in accounts.items():
        if made is None:
            continue
        split = None
        if known is not None and yardstick is not None and isinstance(known.detail, ImputationDetail):
            split = parts(known.detail.effects, yardstick.weights, made.weights)
        out[name] = (made, split)
    return out


def _sentence(
    asked: Asked,
    name: str,
    found: Mapping[str, Result],
    made_of: Mapping[str, tuple[Account, Parts | None]],
) -> str:
    made, split = made_of.get(name, (None, None))
    extra = _bacon(asked.additive) if name == "did.twoway" and len(asked.panel.cohorts) > 1 else ""
    return " ".join(part for part in (why(name, found, made, split), extra) if part)


def _bacon(panel: Panel) -> str:
    try:
        return bacon(panel).notes[-1]
    except DesignError:  # gaps or covariates: the coefficient is another sum, and its weights stand above
        return ""


def _row(entry: Entry, result: Result, sentence: str) -> dict[str, object]:
    return {
        "method": entry.name,
        "comparison": entry.comparison,
        "weights": entry.weights,
        **beside_others(result),
        "differs_because": sentence,
    }


def _refusal(entry: Entry, reason: str) -> dict[str, object]:
    gaps = dict.fromkeys((*NUMBERS, "relative", "relative_low", "relative_high"), np.nan)
    empty = dict.fromkeys(("estimand", "scale", "inference", "differs_because"), "")
    return {
        "method": entry.name, "comparison": entry.comparison, "weights": entry.weights,
        "reason": reason, **gaps, **empty,
    }  # fmt: skip


def _table(made_of: Mapping[str, tuple[Account, Parts | None]]) -> pd.DataFrame:
    rows = []
    for name, (made, split) in made_of.items():
        row: dict[str, object] = {"method": name}
        row |= {f"cohort {label}": weight for label, weight in made.by_cohort}
        row |= {key: getattr(made, key) for key in _OF_THE_WEIGHTS}
        row |= {
            "by_weighting": np.nan if split is None else split.weighting,
            "by_comparison": np.nan if split is None else split.comparison,
            "reason": "" if split is not None else "did.imputation gives no effect for every cell it weights",
        }
        rows.append(row)
    return pd.DataFrame(rows)


_OF_THE_WEIGHTS = (
    "treated_cells",
    "untreated_cells",
    "negative_cells",
    "negative",
    "last_before",
    "never",
    "later",
)


_COUNTED = dict(zip(FOR_COUNTS, ("did.poisson", COUNT_FORM), strict=True))
"""Rows of the methods for counts that fit a design as well as the one for rates."""


def _suggested(panel: Panel, own: Result | None, found: Mapping[str, Result]) -> str | NotAvailable:
    if not ((panel.start != NEVER) & (panel.start <= panel.periods[-1])).any():
        return NotAvailable("no unit has a start inside the window")
    advice = suggest(panel)
    if own is not None and any(_COUNTED.get(name) == row_of(own) for name in advice.instead):
        return row_of(own)
    name = advice.method
    if name == "did.att_gt":
        name = f"{name} ({advice.options['comparison']})"
    if name.startswith("synth."):
        return NotAvailable(f"{name}, which this design suggests, is no difference in differences")
    return name if name in found else NotAvailable(f"{name}, which this design suggests, refused")


def _notes(asked: Asked, found: Mapping[str, Result]) -> list[str]:
    notes = []
    if asked.per is None and is_count(asked.panel):
        notes.append(
            "The outcome is a count: methods that subtract assume that counts would have changed by the same "
            "number everywhere, however large the unit. With an exposure, per=1000 compares rates instead."
        )
    if len(asked.panel.cohorts) > 1 and "did.twoway" in found:
        notes.append(
            "did.twoway and did.event_study are here because others report them: with several starts neither "
            "is an average of effects."
        )
    ratios = [name for name, result in found.items() if result.headline.scale == RATE_RATIO]
    if ratios and len(ratios) < len(found):
        says, it = ("answers", "it") if len(ratios) == 1 else ("answer", "them")
        notes.append(
            f"{' and '.join(ratios)} {says} on another scale, a rate ratio; only percent changes can be laid "
            f"beside {it}."
        )
    return notes

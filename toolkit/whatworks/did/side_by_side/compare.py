"""The same question, every answer: all methods that a design permits, side by side, and why they differ."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from whatworks.answer import beside_others
from whatworks.did.bacon import bacon
from whatworks.did.imputation import ImputationDetail
from whatworks.did.side_by_side.entries import WHERE, YARDSTICK, Asked, Entry, entries, is_count
from whatworks.did.side_by_side.outcome_weights import Account, Parts, account, parts
from whatworks.did.side_by_side.words import why
from whatworks.did.suggest import suggest
from whatworks.errors import DesignError, OptionError
from whatworks.inference.default import Default
from whatworks.inference.draws import check_level
from whatworks.inference.errors.wild import WildCluster
from whatworks.inference.percent import relative_change
from whatworks.panel import NEVER, Panel
from whatworks.result_json import frame_to_records
from whatworks.results import RATE_RATIO, Estimate, NotAvailable, Result, show
from whatworks.shown import Note, Part, Shown, Table

COLUMNS = (
    "method", "comparison", "weights", "estimand", "scale", "estimate", "std_error", "low", "high", "p_value",
    "relative", "relative_low", "relative_high", "inference", "assumes", "differs_because", "reason",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Comparison(Shown):
    """What every method says on one panel.

    Attributes:
        table: one row a method: method, comparison (with whom the treated are compared), weights (how effects
            are averaged), estimand, scale, estimate, std_error, low, high, p_value, relative (percent change)
            with its ends, inference, assumes, differs_because; `reason` says why a number is missing or a
            method does not apply.
        made_of: one row a method that weights outcomes: the weight of every cohort, treated_cells,
            untreated_cells, negative_cells, negative, last_before, never, and the parts of its difference
            from did.imputation that come of weighting the same effects otherwise and of comparing with
            other untreated cells.
        results: the results by the name of their row.
        suggested: the row that `did.suggest` names for this design, or why there is none.
        scale: the unit of the methods that subtract.
        level: coverage of the intervals.
        notes: what a reader must know, in sentences.
    """

    table: pd.DataFrame
    made_of: pd.DataFrame
    results: Mapping[str, Result]
    suggested: str | NotAvailable
    scale: str
    level: float
    notes: tuple[str, ...]

    def to_json(self) -> str:
        """The table and what the answers are made of as JSON, a gap with its reason, and a line feed."""
        listed = {
            "suggested": self.suggested if isinstance(self.suggested, str) else None,
            "scale": self.scale,
            "level": self.level,
            "answers": [_stored(row) for _, row in self.table.iterrows()],
            "made_of": [_stored(row) for _, row in self.made_of.iterrows()],
            "notes": list(self.notes),
        }
        return json.dumps(listed, indent=1, ensure_ascii=False) + "\n"

    def parts(self) -> tuple[Part, ...]:
        """A row a method, then the notes."""
        columns = (
            "Method",
            "Estimate",
            f"{self.level:.0%} interval",
            "p",
            "Percent",
            "Assumes",
            "Why it differs",
        )
        rows = tuple(_shown_row(row, self.suggested) for _, row in self.table.iterrows())
        caption = f"The same question, every answer ({self.scale})"
        numeric = (False, *(True,) * 4, False, False)
        return Table("comparison", caption, columns, rows, numeric, each="way of answering"), Note(self.notes)


def compare(
    panel: Panel,
    *,
    last: int | None = None,
    per: float | None = None,
    treated: str | None = None,
    randomised: bool = False,
    inference: WildCluster | Default | None = None,
    level: float = 0.95,
) -> Comparison:
    """Run every method that the design permits and lay the answers side by side, with why they differ.

    A method that the design does not permit stands in the table with the reason it gave. Every method
    answers with its own headline unless `last` makes them average the same window; did.block,
    did.twoway and did.poisson have one coefficient for all periods, whatever the window. Counts with several
    starts get the count form of did.etwfe as well, without its rows by event time.

    Args:
        panel: (N, T) outcomes with their starts.
        last: average event times 0 to `last` in every method that knows event times.
        per: with an exposure, methods that subtract use the rate per so many; methods for counts the counts.
        treated: covariate of zeros and ones, for a treatment that goes on and off (did.switching).
        randomised: whether start dates were drawn by lot (did.staggered_rollout).
        inference: the same for all methods that take it; each method's default without.
        level: coverage of the intervals.

    Raises:
        DesignError: no method is permitted; the message is that of the first.
        OptionError: a window before the start, an exposure asked for that is not there.

    Source: the parts of a difference are sums of outcomes' weights, see `did.imputation` for the imputed
    effects (Borusyak, Jaravel & Spiess 2024).
    """
    check_level(level)
    if last is not None and last < 0:
        raise OptionError(
            f"last={last!r} lies before the start", where=WHERE, remedy="The first treated period is 0."
        )
    asked = Asked(panel, last, per, treated, randomised, inference, level)
    found, refused = _run(asked)
    made_of = _made_of(asked, found)
    return Comparison(
        table=_answers(asked, found, refused, made_of),
        made_of=_table(made_of),
        results=found,
        suggested=_suggested(panel, found),
        scale=asked.additive.scale,
        level=level,
        notes=(*panel.notes, *_notes(asked, found)),
    )


def _answers(
    asked: Asked,
    found: Mapping[str, Result],
    refused: Mapping[str, str],
    made_of: Mapping[str, tuple[Account, Parts | None]],
) -> pd.DataFrame:
    rows = [
        _row(entry, found[entry.name], _sentence(asked, entry.name, found, made_of))
        if entry.name in found
        else _refusal(entry, refused[entry.name])
        for entry in entries(asked.panel)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _run(asked: Asked) -> tuple[dict[str, Result], dict[str, str]]:
    """Results by row, and why the others do not apply; a refusal by the design is an answer, no failure."""
    found: dict[str, Result] = {}
    refused: dict[str, str] = {}
    first: DesignError | None = None
    for entry in entries(asked.panel):
        try:
            found[entry.name] = entry.run(asked)
        except DesignError as refusal:
            first = first or refusal
            refused[entry.name] = f"{refusal.what[:1].upper()}{refusal.what[1:]}. {refusal.remedy}"
    if not found and first is not None:
        raise first
    return {name: _with_relative(asked, result) for name, result in found.items()}, refused


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
    accounts = {name: account(panel, result, asked.last) for name, result in found.items()}
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
        "assumes": entry.assumes,
        "differs_because": sentence,
    }


def _refusal(entry: Entry, reason: str) -> dict[str, object]:
    gaps = dict.fromkeys(COLUMNS[5:13], np.nan)
    empty = dict.fromkeys(("estimand", "scale", "inference", "differs_because"), "")
    return {
        "method": entry.name, "comparison": entry.comparison, "weights": entry.weights,
        "assumes": entry.assumes, "reason": reason, **gaps, **empty,
    }  # fmt: skip


def _table(made_of: Mapping[str, tuple[Account, Parts | None]]) -> pd.DataFrame:
    rows = []
    for name, (made, split) in made_of.items():
        row: dict[str, object] = {"method": name}
        row |= {f"cohort {label}": weight for label, weight in made.by_cohort}
        row |= {key: getattr(made, key) for key in _COUNTED}
        row |= {
            "by_weighting": np.nan if split is None else split.weighting,
            "by_comparison": np.nan if split is None else split.comparison,
            "reason": "" if split is not None else "did.imputation gives no effect for every cell it weights",
        }
        rows.append(row)
    return pd.DataFrame(rows)


_COUNTED = ("treated_cells", "untreated_cells", "negative_cells", "negative", "last_before", "never")


def _suggested(panel: Panel, found: Mapping[str, Result]) -> str | NotAvailable:
    if not ((panel.start != NEVER) & (panel.start <= panel.periods[-1])).any():
        return NotAvailable("no unit has a start inside the window")
    advice = suggest(panel)
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


def _shown_row(row: pd.Series[Any], suggested: str | NotAvailable) -> tuple[str, ...]:
    name = f"{row['method']} (suggested)" if row["method"] == suggested else str(row["method"])
    if row["estimand"] == "":
        return (name, *("\u2013",) * 4, str(row["assumes"]), f"Does not apply. {row['reason']}")
    unit = " (rate ratio)" if row["scale"] == RATE_RATIO else ""
    return (
        name,
        f"{_shown(row['estimate'])}{unit}",
        f"{_shown(row['low'])} to {_shown(row['high'])}",
        _shown(row["p_value"]),
        f"{_shown(row['relative'])}%",
        str(row["assumes"]),
        " ".join(part for part in (str(row["differs_because"]), str(row["reason"])) if part),
    )


def _stored(row: pd.Series[Any]) -> dict[str, Any]:
    reason = str(row["reason"])
    (record,) = frame_to_records(pd.DataFrame([row]), reason)
    return record


def _shown(number: object) -> str:
    value = float(str(number))
    return show(value).replace("-", "−") if np.isfinite(value) else "–"

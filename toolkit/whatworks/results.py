"""Estimate, Result, CheckResult and NotAvailable: what a method hands on, and nothing it could recompute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from whatworks.absence import NotAvailable as NotAvailable
from whatworks.absence import Number as Number
from whatworks.errors import RecordError
from whatworks.shown import Card, Note, Part, Shown

SCHEMA = "whatworks.result/1"

RATE_RATIO = "rate ratio"
"""The scale of an estimate that divides instead of subtracting."""

CheckVerdict = Literal["pass", "concern", "fail", "not_informative", "not_applicable"]
VERDICTS: tuple[CheckVerdict, ...] = ("pass", "concern", "fail", "not_informative", "not_applicable")

NOT_SAID = NotAvailable("the check does not say how small a departure it would have seen")


@dataclass(frozen=True, slots=True)
class Estimate:
    """One number with its uncertainty; the level belongs to it.

    Attributes:
        estimand: what the number is about, in words.
        value: the point estimate, in the unit named by `scale`.
        std_error: its standard error, or why there is none.
        low, high: ends of the interval at `level`.
        level: the coverage the interval claims, 0.95 unless asked otherwise.
        p_value: two-sided p-value of no effect.
        df: degrees of freedom of the reference distribution; why none where it is not a t.
        inference: one sentence that says how the uncertainty was found.
        scale: the unit, in words.
    """

    estimand: str
    value: Number
    std_error: Number
    low: Number
    high: Number
    level: float
    p_value: Number
    df: Number
    inference: str
    scale: str

    @property
    def null(self) -> float:
        """The value that means no effect: 1 for a rate ratio, 0 for everything else."""
        return 1.0 if self.scale == RATE_RATIO else 0.0

    def __post_init__(self) -> None:
        for name in ("value", "std_error", "low", "high", "p_value", "df"):
            number = getattr(self, name)
            if isinstance(number, NotAvailable):
                continue
            if not np.isfinite(number):
                raise RecordError(
                    f"{name} is {number!r}; a number that is missing says why (NotAvailable)",
                    where=f"Estimate of {self.estimand}",
                )
            object.__setattr__(self, name, float(number))


@dataclass(frozen=True, slots=True, repr=False)
class CheckResult(Shown):
    """What a check found.

    Attributes:
        name: which check.
        verdict: `pass`, `concern`, `fail`, `not_informative` (nothing was seen, and a departure that matters
            would not have been) or `not_applicable`.
        reason: one or two sentences with the numbers the verdict rests on.
        table: the evidence, a tidy table (may be empty).
        would_change_if: what would turn the verdict.
        would_have_seen: the smallest departure it would have seen four times in five, on the estimate's own
            scale; or why that is not known.
    """

    name: str
    verdict: CheckVerdict
    reason: str
    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    would_change_if: str = ""
    would_have_seen: Number = NOT_SAID

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise RecordError(
                f"verdict {self.verdict!r} is not one of {VERDICTS}", where=f"check {self.name}"
            )

    def parts(self) -> tuple[Part, ...]:
        """The verdict, its reason, and what would turn it; not the evidence."""
        words = {
            "pass": "Pass",
            "concern": "Concern",
            "fail": "Fail",
            "not_informative": "Not informative",
            "not_applicable": "Not applicable",
        }
        change = (f"Would change if: {self.would_change_if}",) if self.would_change_if else ()
        return Note((f"{self.name}: {words[self.verdict]}.",), "loud"), Note((self.reason, *change))


@dataclass(frozen=True, slots=True)
class Design:
    """The size of the study: what it could and could not have found.

    `allocations` counts the assignments that chance could have made, where chance did assign;
    `mde` is the smallest effect found four times in five.
    """

    n_units: int
    n_periods: int
    n_clusters: int
    n_treated: int
    allocations: Number
    mde: Number


@dataclass(frozen=True, slots=True)
class Secondary:
    """A secondary outcome: its estimate and its p-value adjusted for the number of secondary outcomes."""

    outcome: str
    estimate: Estimate
    relative: Estimate | NotAvailable
    p_adjusted: Number
    adjustment: str


@dataclass(frozen=True, slots=True)
class Added:
    """The headline added up over the treated places, in counts.

    Attributes:
        in_all: over every treated place and period that the headline averages.
        per_period: of all these places in one period, or why that cannot be said.
        period: the word for a period.
        places, periods: how many of each.
        assumes: what the sum takes for granted, a sentence; empty where it is exact.
    """

    in_all: Estimate
    per_period: Estimate | NotAvailable
    period: str
    places: int
    periods: int
    assumes: str


NOT_ADDED = NotAvailable("the study does not say how many that is")

_NO_PERCENT = NotAvailable("the method gives no percent change")

EFFECT_COLUMNS = ("term", "estimate", "std_error", "low", "high", "p_value", "n")
"""Columns of every effects table; `event_time`, `cohort`, `period` and `reason` follow where they apply."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Result(Shown):
    """What a method found on one panel, with all that is needed to find it again.

    Attributes:
        method: public name, such as `did.att_gt`.
        headline: the estimate that answers the question.
        effects: tidy table, one row a term: term, estimate, std_error, low, high, p_value, n, and
            event_time, cohort, period where they apply; where a number is missing, `reason` says why.
        design: sizes.
        relative: the headline as a percent change against what would have happened.
        spec: every choice made, by name.
        input_hash: fingerprint of the panel.
        seed: seed of whatever was drawn, or None where nothing was.
        notes: what a reader must know, in sentences.
        checks: what the checks found; empty until they are attached.
        secondary: secondary outcomes; empty unless the study names some.
        added: the headline added up over the treated places, in counts, or why not.
        detail: typed intermediate values for methods that build on this one; not stored.
    """

    method: str
    headline: Estimate
    effects: pd.DataFrame
    design: Design
    spec: Mapping[str, Any]
    input_hash: str
    relative: Estimate | NotAvailable = _NO_PERCENT
    seed: int | None = None
    notes: tuple[str, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    secondary: tuple[Secondary, ...] = ()
    added: Added | NotAvailable = NOT_ADDED
    detail: Any = None

    def __post_init__(self) -> None:
        missing = [name for name in EFFECT_COLUMNS if name not in self.effects.columns]
        if missing:
            raise RecordError(f"the effects table lacks {missing}", where=f"Result of {self.method}")
        numeric = self.effects.select_dtypes("number")
        gaps = ~np.isfinite(numeric.to_numpy(dtype=float, na_value=np.nan)).all(axis=1)
        reasons = (
            self.effects["reason"] if "reason" in self.effects else pd.Series("", index=self.effects.index)
        )
        if (gaps & (reasons.fillna("") == "").to_numpy()).any():
            raise RecordError("an effect has no number and no reason", where=f"Result of {self.method}")

    def with_checks(self, *checks: CheckResult) -> Result:
        """The same result with these checks attached, in this order."""
        return replace(self, checks=(*self.checks, *checks))

    def with_notes(self, *notes: str) -> Result:
        """The same result with more notes."""
        return replace(self, notes=(*self.notes, *notes))

    def with_secondary(self, *secondary: Secondary) -> Result:
        """The same result with secondary outcomes attached."""
        return replace(self, secondary=(*self.secondary, *secondary))

    def table(self) -> pd.DataFrame:
        """The effects as a table to read: a copy, free to change."""
        return self.effects.copy()

    def to_json(self) -> str:
        """The result as `result.json` text (schema `whatworks.result/1`)."""
        from whatworks import result_json

        return result_json.dumps(self)

    @classmethod
    def from_json(cls, text: str) -> Result:
        """The result that `to_json` wrote; raises `RecordError` for anything else."""
        from whatworks import result_json

        return result_json.loads(text)

    def parts(self) -> tuple[Part, ...]:
        """The headline; not the effects, and nothing that belongs to single units."""
        cells = (
            ("Estimate", self.headline.value),
            ("Standard error", self.headline.std_error),
            (f"{self.headline.level:.0%} interval, low", self.headline.low),
            (f"{self.headline.level:.0%} interval, high", self.headline.high),
            ("p-value", self.headline.p_value),
            ("Unit", self.headline.scale),
            ("Inference", self.headline.inference),
        )
        caption = f"{self.headline.estimand} ({self.method})"
        return (Card(caption, tuple((name, _signed(value)) for name, value in cells)),)


def show(value: Number | str) -> str:
    """A number as a reader sees it: four significant digits; a reason as it stands."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def _signed(value: Number | str) -> str:
    return show(value).replace("-", "−") if isinstance(value, float) else show(value)

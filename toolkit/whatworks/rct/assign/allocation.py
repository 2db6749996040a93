"""The allocation record: who was assigned to what, by which rule, and the proof that it can be done again."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import pandas as pd

from whatworks.errors import RecordError, first_few
from whatworks.rct.assign.rule import Rule
from whatworks.shown import Card, Part, Shown

SCHEMA: Final = "whatworks.allocation/1"


_DIGITS: Final = 4000
"""Longer numbers of allocations stand in the record as a power of ten."""


def written(count: int) -> str:
    """A number of allocations as the record holds it: in full, or `1e6235` where it is astronomical."""
    length = math.log10(max(count, 1))
    return str(count) if length < _DIGITS else f"1e{round(length)}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Allocation(Shown):
    """An allocation and how it came about.

    Attributes:
        table: one row a unit (or unit and period): unit, cluster, block, period where they apply, and arm.
        record: the rule, seed, number of admissible allocations and hashes, ready for JSON.
        rule: what chance could have done; lost in JSON, found again by `rct.replay` on the same list.
    """

    table: pd.DataFrame
    record: dict[str, Any]
    rule: Rule | None = field(default=None)

    @property
    def unit(self) -> str:
        """The column with the unit."""
        return str(self.table.columns[0])

    @property
    def possible(self) -> int:
        """How many allocations the record says there could have been."""
        return int(Decimal(str(self.record["admissible"])))

    @property
    def scheduled(self) -> bool:
        """Whether every unit has an arm for each period."""
        return [str(name) for name in self.table.columns[1:]] == ["period", "arm", "washout"]

    @property
    def cluster(self) -> str | None:
        """The column with the cluster that was drawn as a whole, or None where units were drawn singly."""
        columns = [str(name) for name in self.table.columns]
        blocked = str(self.record.get("design", "")).startswith(("Blocked", "Pairs"))
        return None if self.scheduled or len(columns) <= 2 + blocked else columns[1]

    @property
    def hash(self) -> str:
        """SHA-256 of the record and the table: what to register before any outcome is seen."""
        return hashlib.sha256(self.to_json().encode("utf-8")).hexdigest()

    def to_json(self) -> str:
        """The allocation as text, the same bytes for the same draw."""
        columns = [str(name) for name in self.table.columns]
        rows = self.table.to_numpy(dtype=object).tolist()
        body = {"schema": SCHEMA, "record": self.record, "columns": columns, "rows": rows}
        return json.dumps(body, ensure_ascii=False, sort_keys=True, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Allocation:
        """The allocation that `to_json` wrote; raises `RecordError` for anything else or a changed table."""
        try:
            body = json.loads(text)
            if body["schema"] != SCHEMA:
                raise KeyError("schema")
            found = cls(pd.DataFrame(body["rows"], columns=body["columns"]), dict(body["record"]))
        except (ValueError, KeyError, TypeError) as problem:
            raise RecordError(f"not an allocation record: {problem!r}", where="Allocation") from None
        if table_hash(found.table) != found.record.get("table_hash"):
            raise RecordError(
                "the table is not the one that was drawn: its hash differs from the record's",
                where="Allocation",
                remedy="Use the file as it was written; a later change of an assignment is a deviation.",
            )
        return found

    def require_same(self, drawn: Allocation) -> None:
        """Raise `RecordError` unless another draw is this one, byte for byte; names what differs."""
        if self.to_json() == drawn.to_json():
            return
        differs = [
            f"{key}: {self.record.get(key)!r} against {drawn.record.get(key)!r}"
            for key in sorted(set(self.record) | set(drawn.record))
            if self.record.get(key) != drawn.record.get(key)
        ]
        raise RecordError(
            f"the allocation cannot be replayed: {first_few(differs, 3)}",
            where="Allocation",
            remedy="Give the list, design and seed that were used; the input hash tells the list.",
        )

    def require_rule(self) -> Rule:
        """The rule; raises `RecordError` with the remedy where reading from JSON has lost it."""
        if self.rule is None:
            raise RecordError(
                "an allocation read from JSON does not hold the list, so chance cannot be put to work again",
                where="Allocation",
                remedy="rct.replay(allocation, list) with the list that was randomised draws it again, sees "
                "that it is the same, and holds the rule.",
            )
        return self.rule

    def parts(self) -> tuple[Part, ...]:
        """The rule and how many were assigned to each arm; never who."""
        counts = self.table.groupby("arm", sort=True).size()
        arms = ((f"Assigned to {arm}", f"{count:,}") for arm, count in counts.items())
        return (Card("The allocation", (("Rule", str(self.record["algorithm"])), *arms)),)


def input_hash(frame: pd.DataFrame, names: list[str]) -> str:
    """SHA-256 of the columns that the draw depends on, whatever the order of rows."""
    text = frame[names].astype(str)
    rows = sorted("\x1f".join(row) for row in text.itertuples(index=False, name=None))
    digest = hashlib.sha256("\x1f".join(names).encode("utf-8"))
    digest.update("\x1e".join(rows).encode("utf-8"))
    return digest.hexdigest()


def table_hash(table: pd.DataFrame) -> str:
    """SHA-256 of an allocation table."""
    return input_hash(table, [str(name) for name in table.columns])

"""An answer on the terminal: an estimate, several side by side, or a table; as text or as JSON."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from whatworks.cli.lines import wrapped
from whatworks.errors import OptionError

if TYPE_CHECKING:
    import pandas as pd

    from whatworks.results import Result
    from whatworks.verdict import Asked

_WIDE = 18


def shown(found: Any, as_json: bool, asked: Asked | None = None) -> str:
    """What a method found, and what may be said of it by what was asked; JSON ends with a line feed.

    Raises `OptionError` where something was asked of what is no single result.
    """
    from whatworks.results import Result

    if isinstance(found, Result):
        return _result_as_json(found, asked) if as_json else _result(found, asked)
    if asked is not None:
        raise OptionError(
            "many answers have no verdict",
            where="--better",
            remedy="Leave --better and --worthwhile out, or estimate by one method.",
        )
    if hasattr(found, "results"):
        return _as_json(found) if as_json else _side_by_side(found)
    return _as_json(found) if as_json else _table_and_fields(found)


def _result_as_json(result: Result, asked: Asked | None) -> str:
    from whatworks.result_json import dumps
    from whatworks.verdict import judge

    return dumps(result, verdict=None if asked is None else judge(result, asked).to_dict())


def _verdict(result: Result, asked: Asked | None) -> list[tuple[str, str]]:
    if asked is None:
        return [("verdict", "none: say --better and --worthwhile to be told what may be said of it")]
    from whatworks.verdict import judge

    found = judge(result, asked)
    sure = f"{found.certainty.level}. {' '.join(found.certainty.reasons)}"
    return [("verdict", f"{found.word}. {found.sentence}"), ("certainty", sure)]


def _result(result: Result, asked: Asked | None) -> str:
    from whatworks.results import show

    head = result.headline
    facts = [
        *_verdict(result, asked),
        ("estimate", show(head.value)),
        ("standard error", show(head.std_error)),
        (f"{head.level:.0%} interval", f"{show(head.low)} to {show(head.high)}"),
        ("p-value", show(head.p_value)),
        ("unit", head.scale),
        ("inference", head.inference),
        *(("note", note) for note in result.notes),
    ]
    lines = wrapped(f"{head.estimand} ({result.method})")
    for name, text in facts:
        lines += wrapped(text, first=f"  {name}".ljust(_WIDE), then=" " * _WIDE)
    table = result.table().drop(columns=["reason"], errors="ignore")
    return "\n".join([*lines, "", _table(table)])


def _side_by_side(found: Any) -> str:
    from whatworks.results import show

    given = found.table["estimand"] != ""
    table, gone = found.table[given], found.table[~given]
    numbers = table[["method", "scale", "estimate", "low", "high", "p_value", "relative"]]
    lines = [f"The same question, every answer; {found.level:.0%} intervals; relative in percent", ""]
    lines += [numbers.to_string(index=False, float_format=show, na_rep="–"), ""]
    columns = table["method"], table["asks_otherwise"], table["differs_because"]
    said = [
        f"{name}: {' '.join(filter(None, (other, why)))}" for name, other, why in zip(*columns, strict=True)
    ]
    said += [
        f"{name} does not apply. {why}" for name, why in zip(gone["method"], gone["reason"], strict=True)
    ]
    said += [f"note: {note}" for note in found.notes]
    for text in said:
        lines += wrapped(text, first="  ", then="    ")
    return "\n".join(lines)


def _table_and_fields(found: Any) -> str:
    from whatworks.results import show

    fields, table = _fields(found)
    lines = []
    for name, value in fields.items():
        if value not in ("", []):
            text = ", ".join(map(show, value)) if isinstance(value, list) else show(value)
            lines += wrapped(text, first=name.replace("_", " ").ljust(_WIDE - 2), then=" " * (_WIDE - 2))
    return "\n".join([*lines, "", _table(table)])


def _as_json(found: Any) -> str:
    from whatworks.result_json import frame_to_records

    if hasattr(found, "to_json"):
        text: str = found.to_json()
        return text
    fields, table = _fields(found)
    whole = {**fields, "table": frame_to_records(table)}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _fields(found: Any) -> tuple[dict[str, Any], pd.DataFrame]:
    """What is no table, as JSON has it, and the table."""
    import pandas as pd

    from whatworks.result_json import plain

    values = {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}
    table = next(value for value in values.values() if isinstance(value, pd.DataFrame))
    # the results behind the rows of a comparison are asked for by their own methods
    rest = {name: value for name, value in values.items() if value is not table and name != "results"}
    return {name: plain(value) for name, value in rest.items()}, table


def _table(table: pd.DataFrame) -> str:
    return table.to_string(index=False, float_format=lambda x: f"{x:.5g}", na_rep="–")

"""Result to JSON and back, in the schema `whatworks.result/1` that ships beside this file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd

from whatworks.errors import RecordError
from whatworks.results import (
    EFFECT_COLUMNS,
    NOT_ADDED,
    NOT_SAID,
    SCHEMA,
    Added,
    CheckResult,
    Design,
    Estimate,
    NotAvailable,
    Number,
    Result,
    Secondary,
)

_ESTIMATE_NUMBERS = ("value", "std_error", "low", "high", "p_value", "df")
_EFFECT_WORDS = ("term", "cohort", "period", "reason")


def schema() -> dict[str, Any]:
    """The JSON Schema of `result.json`."""
    text = resources.files("whatworks").joinpath("result.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def dumps(result: Result, *, verdict: Mapping[str, object] | None = None) -> str:
    """Canonical text: fixed key order, full precision, LF, one trailing newline.

    `verdict` is what a study may say of the result; it stands beside the result and is no part of it.
    """
    whole = to_dict(result) | ({} if verdict is None else {"verdict": plain(verdict)})
    return json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def to_dict(result: Result) -> dict[str, Any]:
    """The result as JSON-ready values, `{"not_available": reason}` where a number is missing."""
    return {
        "schema": SCHEMA,
        "method": result.method,
        "headline": _estimate(result.headline),
        "relative": _estimate_or_reason(result.relative),
        "added": _added(result.added),
        "effects": _effects(result.effects),
        "checks": [_check(check) for check in result.checks],
        "secondary": [_secondary(item) for item in result.secondary],
        "design": {
            "n_units": result.design.n_units,
            "n_periods": result.design.n_periods,
            "n_clusters": result.design.n_clusters,
            "n_treated": result.design.n_treated,
            "allocations": _number(result.design.allocations),
            "mde": _number(result.design.mde),
        },
        "spec": {key: plain(value) for key, value in result.spec.items()},
        "notes": list(result.notes),
        "input_hash": result.input_hash,
        "seed": result.seed,
    }


def loads(text: str) -> Result:
    """Read a result back; `detail` is not stored and comes back as None, and a verdict beside it is left."""
    try:
        data = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as problem:
        raise RecordError(
            f"not JSON: {problem.msg}",
            where=f"result.json, line {problem.lineno}",
            remedy="The record is damaged; run the study again.",
        ) from problem
    found = data.get("schema") if isinstance(data, dict) else None
    if found != SCHEMA:
        raise RecordError(f"schema is {found!r}, not {SCHEMA!r}", where="result.json")
    try:
        return _result(data)
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise RecordError(
            f"does not follow {SCHEMA}: {type(problem).__name__} {problem}",
            where="result.json",
            remedy="The record is damaged or was edited by hand; run the study again.",
        ) from problem


def plain(value: Any) -> Any:
    """JSON types only; an unknown type is a fault of ours, never silently text."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, NotAvailable):
        return {"not_available": value.reason}
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise RecordError(f"{value!r} cannot be stored; say why it is missing", where="result.json")
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    raise RecordError(f"a {type(value).__name__} cannot be stored as JSON", where="result.json")


def frame_to_records(frame: pd.DataFrame, reason: str = "no value") -> list[dict[str, Any]]:
    """Rows of a table as JSON objects; a missing value says why."""
    records = frame.to_dict(orient="records")
    return [
        {
            str(key): {"not_available": reason} if _is_gap(value) else plain(value)
            for key, value in row.items()
        }
        for row in records
    ]


def frame_from_records(records: list[dict[str, Any]]) -> pd.DataFrame:
    """The table that `frame_to_records` stored, missing numbers as NaN."""
    rows = [{key: np.nan if _is_reason(value) else value for key, value in row.items()} for row in records]
    return pd.DataFrame(rows)


def _is_gap(value: Any) -> bool:
    return (
        value is None
        or value is pd.NA
        or value is pd.NaT
        or (isinstance(value, float) and not math.isfinite(value))
    )


def _is_reason(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"not_available"}


def _number(value: Number) -> Any:
    return {"not_available": value.reason} if isinstance(value, NotAvailable) else plain(value)


def _estimate(estimate: Estimate) -> dict[str, Any]:
    stored = {name: _number(getattr(estimate, name)) for name in _ESTIMATE_NUMBERS}
    return {
        "estimand": estimate.estimand,
        "value": stored["value"],
        "std_error": stored["std_error"],
        "low": stored["low"],
        "high": stored["high"],
        "level": estimate.level,
        "p_value": stored["p_value"],
        "df": stored["df"],
        "inference": estimate.inference,
        "scale": estimate.scale,
    }


def _estimate_or_reason(value: Estimate | NotAvailable) -> Any:
    return {"not_available": value.reason} if isinstance(value, NotAvailable) else _estimate(value)


def _added(value: Added | NotAvailable) -> Any:
    if isinstance(value, NotAvailable):
        return _number(value)
    return {
        "in_all": _estimate(value.in_all),
        "per_period": _estimate_or_reason(value.per_period),
        "period": value.period,
        "places": value.places,
        "periods": value.periods,
        "assumes": value.assumes,
    }


def _effects(frame: pd.DataFrame) -> list[dict[str, Any]]:
    rows = []
    for row in frame.to_dict(orient="records"):
        reason = str(row.get("reason") or "")
        rows.append(
            {
                str(key): {"not_available": reason} if _is_gap(value) else plain(value)
                for key, value in row.items()
                if not (key == "reason" and not reason)
            }
        )
    return rows


def _check(check: CheckResult) -> dict[str, Any]:
    return {
        "name": check.name,
        "verdict": check.verdict,
        "reason": check.reason,
        "would_change_if": check.would_change_if,
        "would_have_seen": _number(check.would_have_seen),
        "table": frame_to_records(check.table),
    }


def _secondary(item: Secondary) -> dict[str, Any]:
    return {
        "outcome": item.outcome,
        "estimate": _estimate(item.estimate),
        "relative": _estimate_or_reason(item.relative),
        "p_adjusted": _number(item.p_adjusted),
        "adjustment": item.adjustment,
    }


def _refuse_constant(name: str) -> None:
    raise RecordError(f"{name} is not JSON", where="result.json", remedy="The record was edited; run again.")


def _read_number(value: Any) -> Number:
    if _is_reason(value):
        return NotAvailable(str(value["not_available"]))
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{value!r} is not a number")
    return float(value)


def _read_estimate(data: dict[str, Any]) -> Estimate:
    numbers = {name: _read_number(data[name]) for name in _ESTIMATE_NUMBERS}
    return Estimate(
        estimand=data["estimand"],
        level=float(data["level"]),
        inference=data["inference"],
        scale=data["scale"],
        **numbers,
    )


def _read_estimate_or_reason(data: Any) -> Estimate | NotAvailable:
    return NotAvailable(data["not_available"]) if _is_reason(data) else _read_estimate(data)


def _read_added(data: Any) -> Added | NotAvailable:
    if _is_reason(data):
        return NotAvailable(str(data["not_available"]))
    return Added(
        _read_estimate(data["in_all"]),
        _read_estimate_or_reason(data["per_period"]),
        str(data["period"]),
        int(data["places"]),
        int(data["periods"]),
        str(data["assumes"]),
    )


def _read_effects(rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame = frame_from_records(rows)
    for name in EFFECT_COLUMNS:
        if name not in frame:
            frame[name] = pd.Series(dtype=float)
    if any("reason" in row for row in rows):
        frame["reason"] = frame["reason"].fillna("")
    return frame


def _result(data: dict[str, Any]) -> Result:
    design = data["design"]
    return Result(
        method=data["method"],
        headline=_read_estimate(data["headline"]),
        relative=_read_estimate_or_reason(data["relative"]),
        # records of before it was said have none
        added=_read_added(data.get("added", _number(NOT_ADDED))),
        effects=_read_effects(data["effects"]),
        checks=tuple(
            CheckResult(
                check["name"],
                check["verdict"],
                check["reason"],
                frame_from_records(check["table"]),
                check["would_change_if"],
                # records of before it was said have none
                _read_number(check.get("would_have_seen", _number(NOT_SAID))),
            )
            for check in data["checks"]
        ),
        secondary=tuple(
            Secondary(
                item["outcome"],
                _read_estimate(item["estimate"]),
                _read_estimate_or_reason(item["relative"]),
                _read_number(item["p_adjusted"]),
                item["adjustment"],
            )
            for item in data["secondary"]
        ),
        design=Design(
            int(design["n_units"]),
            int(design["n_periods"]),
            int(design["n_clusters"]),
            int(design["n_treated"]),
            _read_number(design["allocations"]),
            _read_number(design["mde"]),
        ),
        spec=dict(data["spec"]),
        notes=tuple(data["notes"]),
        input_hash=data["input_hash"],
        seed=data["seed"],
    )

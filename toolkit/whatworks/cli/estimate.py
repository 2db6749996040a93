"""One estimate from one file, without a notebook."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import pandas as pd
import typer

from whatworks.cli import roles
from whatworks.errors import OptionError, did_you_mean
from whatworks.inference.settings import read
from whatworks.panel import Panel
from whatworks.results import Result

if TYPE_CHECKING:
    from whatworks.rct import Allocation

COMPARISON = "did.compare"
"""The one method that gives many answers; it takes the rate itself, since one of them needs the counts."""

ROOMS = ("did", "synth", "rct")
_NOT_OPTIONS = ("panel", "trial", "inference", "level", "allocation")


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(estimate)


def estimate(
    method: Annotated[str, typer.Argument(help="Public name of a method, such as did.att_gt or rct.itt.")],
    file: Annotated[Path, typer.Argument(help="CSV or Parquet file, one row per unit (and period).")],
    role: Annotated[
        list[str] | None, typer.Option(help="ROLE=COLUMN: unit, period, outcome, start, arm …")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE: a choice of the method; a trial's control arm.")
    ] = None,
    inference: Annotated[str, typer.Option(help="NAME or NAME:draws=999,seed=1.")] = "",
    per: Annotated[float, typer.Option(help="With an exposure: estimate on the rate per so many.")] = 0.0,
    level: Annotated[float, typer.Option(help="Coverage of the intervals.")] = 0.95,
    allocation: Annotated[
        Path | None, typer.Option(help="Record of `whatworks randomise`, for a trial.")
    ] = None,
    listed: Annotated[Path | None, typer.Option("--list", help="The list that was randomised.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Estimate once from a file and print the result."""
    function = _method(method)
    parameters = inspect.signature(function).parameters
    options = roles.pairs(option, "--option")
    aggregation = options.pop("by", None) if "by" not in parameters else None
    columns = roles.pairs(role, "--role")
    given: Any
    if "trial" in parameters:
        _no_rate(per)
        given = roles.trial(file, columns, options)
    else:
        given = roles.panel(file, columns)
    choices = {name: _typed(function, name, value, method) for name, value in options.items()}
    _require(parameters, choices, method)
    if inference:
        from whatworks.inference import choose

        choices["inference"] = choose(inference)
    if allocation is not None:
        choices["allocation"] = _record(parameters, method, allocation, listed)
    if "level" in parameters:
        choices["level"] = level
    if method == COMPARISON:
        typer.echo(_answers(given, per, choices, as_json), nl=not as_json)
        return
    result = function(given.as_rate(per) if per else given, **choices)
    if aggregation is not None:
        result = _aggregated(method, result, aggregation)
    typer.echo(_shown(result, as_json), nl=not as_json)


def _no_rate(per: float) -> None:
    if per:
        raise OptionError(
            "a trial takes counts with their exposure, not rates",
            where="--per",
            remedy="Leave --per out, and give the column as --role exposure=COLUMN.",
        )


def _record(parameters: Any, method: str, record: Path, listed: Path | None) -> Allocation:
    if "allocation" not in parameters:
        raise OptionError(f"{method} does not use it", where="--allocation", remedy="Leave it out.")
    from whatworks.cli.randomise import read_record

    return read_record(record, listed)


def _method(name: str) -> Callable[..., Any]:
    room, _, short = name.partition(".")
    methods = [f"{item}.{m}" for item in ROOMS for m in _methods(item)]
    if name not in methods:
        raise OptionError(
            f"there is no method {name!r}",
            where="METHOD",
            remedy=f"{did_you_mean(name, methods)}The methods are {', '.join(sorted(methods))}.",
        )
    found: Callable[..., Any] = getattr(importlib.import_module(f"whatworks.{room}"), short)
    return found


def _methods(room: str) -> list[str]:
    """The public functions of a room that take a panel or a trial and say something about it."""
    module = importlib.import_module(f"whatworks.{room}")
    found = []
    for name in module.__all__:
        function = getattr(module, name)
        if inspect.isfunction(function):
            parameters = list(inspect.signature(function).parameters)
            if parameters[:1] == ["trial"] or (parameters[:1] == ["panel"] and "level" in parameters):
                found.append(name)
    return found


def _typed(function: Callable[..., Any], name: str, value: str, method: str) -> Any:
    names = [n for n in inspect.signature(function).parameters if n not in _NOT_OPTIONS]
    if name not in names:
        raise OptionError(
            f"{method} has no option {name!r}",
            where="--option",
            remedy=f"{did_you_mean(name, names)}Its options are {', '.join(names) or 'none'}.",
        )
    return read(get_type_hints(function).get(name, str), value, f"--option {name}")


def _require(parameters: Mapping[str, inspect.Parameter], choices: dict[str, Any], method: str) -> None:
    """Refuse a call that lacks a choice without a default; the first parameter is the data."""
    for name, parameter in list(parameters.items())[1:]:
        if parameter.default is inspect.Parameter.empty and name not in choices:
            raise OptionError(
                f"{method} needs the option {name!r}", where="--option", remedy=f"Say --option {name}=VALUE."
            )


def _aggregated(method: str, result: Any, by: str) -> Result:
    module = importlib.import_module(f"whatworks.{method.partition('.')[0]}")
    aggregate = getattr(module, "aggregate", None)
    if aggregate is None or method.partition(".")[2] != "att_gt":
        raise OptionError(
            f"{method} has no option 'by'",
            where="--option",
            remedy="Only did.att_gt has an aggregation step.",
        )
    aggregated: Result = aggregate(result, by=by)
    return aggregated


def _shown(found: Any, as_json: bool) -> str:
    """A result as text or JSON; what is no `Result` shows its fields and its table."""
    if isinstance(found, Result):
        return found.to_json() if as_json else _as_text(found)
    from whatworks.result_json import frame_to_records, plain

    fields = {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}
    table = next(value for value in fields.values() if isinstance(value, pd.DataFrame))
    said = {name: plain(value) for name, value in fields.items() if value is not table}
    if as_json:
        whole = {**said, "table": frame_to_records(table)}
        return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"
    lines = [f"{name.replace('_', ' '):<16}{value}" for name, value in said.items() if value not in ("", [])]
    return "\n".join(
        [*lines, "", table.to_string(index=False, float_format=lambda x: f"{x:.5g}", na_rep="–")]
    )


def _as_text(result: Result) -> str:
    from whatworks.results import show

    head = result.headline
    lines = [
        f"{head.estimand} ({result.method})",
        f"  estimate        {show(head.value)}",
        f"  standard error  {show(head.std_error)}",
        f"  {head.level:.0%} interval    {show(head.low)} to {show(head.high)}",
        f"  p-value         {show(head.p_value)}",
        f"  unit            {head.scale}",
        f"  inference       {head.inference}",
    ]
    lines += [f"  note            {note}" for note in result.notes]
    table = result.table().drop(columns=["reason"], errors="ignore")
    return "\n".join(
        [*lines, "", table.to_string(index=False, float_format=lambda x: f"{x:.5g}", na_rep="–")]
    )


def _answers(panel: Panel, per: float, choices: dict[str, Any], as_json: bool) -> str:
    from whatworks.did import compare
    from whatworks.results import show

    found = compare(panel, **{"per": per or None, **choices})
    if as_json:
        return found.to_json()
    table = found.table[found.table["estimand"] != ""]
    numbers = table[["method", "scale", "estimate", "low", "high", "p_value", "relative"]]
    lines = [f"The same question, every answer; {found.level:.0%} intervals; relative in percent", ""]
    lines.append(numbers.to_string(index=False, float_format=show, na_rep="–"))
    lines.append("")
    lines += [
        f"  {name}: {text}" for name, text in zip(table["method"], table["differs_because"], strict=True)
    ]
    gone = found.table[found.table["estimand"] == ""]
    lines += [
        f"  {name} does not apply. {why}" for name, why in zip(gone["method"], gone["reason"], strict=True)
    ]
    lines += [f"  note: {note}" for note in found.notes]
    return "\n".join(lines)

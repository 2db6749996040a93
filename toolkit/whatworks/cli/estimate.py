"""One estimate from one file, without a notebook."""

from __future__ import annotations

import importlib
import inspect
import types
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import typer

from whatworks.errors import OptionError, did_you_mean
from whatworks.panel import Panel
from whatworks.results import Result

COMPARISON = "did.compare"
"""The one method that gives many answers; it takes the rate itself, since one of them needs the counts."""

ROOMS = ("did", "synth", "rct", "counts")
_LISTS = ("covariates", "baseline")
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(estimate)


def estimate(
    method: Annotated[str, typer.Argument(help="Public name of a method, such as did.att_gt.")],
    file: Annotated[Path, typer.Argument(help="CSV or Parquet file, one row per unit and period.")],
    role: Annotated[
        list[str] | None, typer.Option(help="ROLE=COLUMN: unit, period, outcome, start …")
    ] = None,
    option: Annotated[list[str] | None, typer.Option(help="NAME=VALUE: a choice of the method.")] = None,
    inference: Annotated[str, typer.Option(help="NAME or NAME:draws=999,seed=1.")] = "",
    per: Annotated[float, typer.Option(help="With an exposure: estimate on the rate per so many.")] = 0.0,
    level: Annotated[float, typer.Option(help="Coverage of the intervals.")] = 0.95,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Estimate once from a file and print the result."""
    function = _method(method)
    options = _pairs(option, "--option")
    aggregation = options.pop("by", None) if "by" not in inspect.signature(function).parameters else None
    choices = {name: _typed(function, name, value, method) for name, value in options.items()}
    if inference:
        from whatworks.inference import choose

        choices["inference"] = choose(inference)
    panel = _panel(file, _pairs(role, "--role"))
    if method == COMPARISON:
        typer.echo(_answers(panel, per, {"level": level, **choices}, as_json), nl=not as_json)
        return
    if per:
        panel = panel.as_rate(per)
    result = function(panel, level=level, **choices)
    if aggregation is not None:
        result = _aggregated(method, result, aggregation)
    typer.echo(result.to_json() if as_json else _as_text(result), nl=not as_json)


def _method(name: str) -> Callable[..., Result]:
    room, _, short = name.partition(".")
    here = [item for item in ROOMS if importlib.util.find_spec(f"whatworks.{item}") is not None]
    methods = {f"{item}.{m}": (item, m) for item in here for m in _methods(item)}
    if name not in methods:
        raise OptionError(
            f"there is no method {name!r}",
            where="METHOD",
            remedy=f"{did_you_mean(name, methods)}The methods are {', '.join(sorted(methods))}.",
        )
    found: Callable[..., Result] = getattr(importlib.import_module(f"whatworks.{room}"), short)
    return found


def _methods(room: str) -> list[str]:
    """The public functions of a room that take a panel and give a result."""
    module = importlib.import_module(f"whatworks.{room}")
    found = []
    for name in module.__all__:
        function = getattr(module, name)
        if inspect.isfunction(function):
            parameters = list(inspect.signature(function).parameters)
            if parameters[:1] == ["panel"] and "level" in parameters:
                found.append(name)
    return found


def _panel(file: Path, roles: dict[str, str]) -> Panel:
    from whatworks.data.tables import read_table

    known = [name for name in inspect.signature(Panel.from_frame).parameters if name not in ("cls", "frame")]
    for name in roles:
        if name not in known:
            raise OptionError(
                f"there is no role {name!r}",
                where="--role",
                remedy=f"{did_you_mean(name, known)}The roles are {', '.join(known)}.",
            )
    for name in ("unit", "period", "outcome"):
        if name not in roles:
            raise OptionError(
                f"the role {name} is not given", where="--role", remedy=f"Say --role {name}=COLUMN."
            )
    given: dict[str, Any] = dict(roles)
    for name in _LISTS:
        if name in given:
            given[name] = tuple(part.strip() for part in roles[name].split(",") if part.strip())
    if "allow_missing" in given:
        given["allow_missing"] = _truth(roles["allow_missing"], "--role allow_missing")
    return Panel.from_frame(read_table(file), **given)


def _pairs(given: list[str] | None, where: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in given or ():
        name, sign, value = item.partition("=")
        if not sign or not name.strip():
            raise OptionError(f"{item!r} is not NAME=VALUE", where=where, remedy=f"Write {where} name=value.")
        if name.strip() in found:
            raise OptionError(f"{name.strip()!r} is given twice", where=where, remedy="Give it once.")
        found[name.strip()] = value
    return found


def _typed(function: Callable[..., Result], name: str, value: str, method: str) -> Any:
    parameters = inspect.signature(function).parameters
    names = [n for n in parameters if n not in ("panel", "inference", "level")]
    if name not in names:
        raise OptionError(
            f"{method} has no option {name!r}",
            where="--option",
            remedy=f"{did_you_mean(name, names)}Its options are {', '.join(names) or 'none'}.",
        )
    hint = get_type_hints(function).get(name, str)
    return _converted(hint, value, f"--option {name}")


def _converted(hint: Any, value: str, where: str) -> Any:
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        if type(None) in parts and value.strip().lower() in ("", "none"):
            return None
        return _converted(next(part for part in parts if part is not type(None)), value, where)
    if origin is tuple:
        items = [part.strip() for part in value.split(",") if part.strip()]
        kinds = [parts[0]] * len(items) if len(parts) == 2 and parts[1] is ... else list(parts)
        if len(kinds) != len(items):
            raise OptionError(f"{value!r} has {len(items)} parts", where=where, remedy=f"Give {len(kinds)}.")
        return tuple(_converted(kind, item, where) for kind, item in zip(kinds, items, strict=True))
    if origin is Literal or hint is str or hint is Any:
        return value  # the method checks its own choices and names the nearest
    if hint is bool:
        return _truth(value, where)
    if hint in (int, float):
        try:
            return hint(value)
        except ValueError as problem:
            word = "a whole number" if hint is int else "a number"
            raise OptionError(
                f"{value!r} is not {word}", where=where, remedy="Write it plainly."
            ) from problem
    raise OptionError(
        "cannot be given on the command line", where=where, remedy="Use the function in Python, or a study."
    )


def _truth(value: str, where: str) -> bool:
    if value.strip().lower() in (*_TRUE, *_FALSE):
        return value.strip().lower() in _TRUE
    raise OptionError(f"{value!r} is neither true nor false", where=where, remedy="Write true or false.")


def _aggregated(method: str, result: Result, by: str) -> Result:
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

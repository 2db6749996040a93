"""One estimate from one file, without a notebook."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast, get_type_hints

import typer

from whatworks.cli import answers, completing, methods, roles
from whatworks.cli.method_help import EstimateCommand
from whatworks.errors import OptionError, did_you_mean

if TYPE_CHECKING:
    from whatworks.rct import Allocation
    from whatworks.results import Result
    from whatworks.verdict import Asked, Better

COMPARISON = "did.compare"
"""The one method that gives many answers; it takes the rate itself, since one of them needs the counts."""

_Method = Annotated[
    str,
    typer.Argument(
        help="Public name of a method, such as did.att_gt or rct.itt.", autocompletion=completing.method_names
    ),
]
_File = Annotated[Path, typer.Argument(help="CSV or Parquet file, one row per unit (and period).")]
_Roles = Annotated[
    list[str] | None,
    typer.Option("--role", metavar="NAME=COLUMN", help="unit, period, outcome, start, arm …; once for each."),
]
_Options = Annotated[
    list[str] | None,
    typer.Option("--option", metavar="NAME=VALUE", help="A choice of the method; a trial's control arm."),
]
_Inference = Annotated[str, typer.Option(metavar="NAME", help="NAME or NAME:draws=999,seed=1.")]
_Per = Annotated[
    float, typer.Option(metavar="NUMBER", help="With an exposure: estimate on the rate per so many.")
]
_Level = Annotated[
    float | None, typer.Option(metavar="NUMBER", help="Coverage of the intervals; 0.95 without it.")
]
_Allocation = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Record of `whatworks randomise`, for a trial.")
]
_Better = Annotated[
    str, typer.Option(metavar="WAY", help="Which way is better: lower, higher or neither; with --worthwhile.")
]
_Worthwhile = Annotated[
    float,
    typer.Option(metavar="NUMBER", help="The least change worth acting on, in percent; with --better."),
]
_Listed = Annotated[Path | None, typer.Option("--list", metavar="FILE", help="The list that was randomised.")]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(cls=EstimateCommand)(estimate)


def estimate(
    method: _Method,
    file: _File,
    role: _Roles = None,
    option: _Options = None,
    inference: _Inference = "",
    per: _Per = 0.0,
    level: _Level = None,
    allocation: _Allocation = None,
    listed: _Listed = None,
    better: _Better = "",
    worthwhile: _Worthwhile = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Estimate once from a file and print the result; with --better and --worthwhile, what may be said of it.

    `whatworks estimate METHOD --help` lists the roles and options of one method.
    """
    asked = _asked(columns := roles.pairs(role, "--role"), better, worthwhile)
    function = methods.load(method)
    parameters = inspect.signature(function).parameters
    options = roles.pairs(option, "--option")
    aggregation = options.pop("by", None) if "by" not in parameters else None
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

        _takes(parameters, method, "inference", f"{method} finds its errors in one way only.")
        choices["inference"] = choose(inference)
    if allocation is not None:
        choices["allocation"] = _record(parameters, method, allocation, listed)
    if level is not None:
        _takes(parameters, method, "level", f"{method} gives no intervals.")
        choices["level"] = level
    if method == COMPARISON:
        result = function(given, **{"per": per or None, **choices})
    else:
        result = function(given.as_rate(per) if per else given, **choices)
    if aggregation is not None:
        result = _aggregated(method, result, aggregation)
    typer.echo(answers.shown(result, as_json, asked), nl=not as_json)


def _asked(columns: Mapping[str, str], better: str, worthwhile: float) -> Asked | None:
    if not better and not worthwhile:
        return None
    if not (better and worthwhile):
        raise OptionError(
            "a verdict needs both --better and --worthwhile",
            where="--worthwhile" if better else "--better",
            remedy="Say which way is better (lower, higher, neither) and the least change worth acting on, "
            "in percent; leave both out to see the numbers alone.",
        )
    from whatworks.verdict import Asked

    return Asked(columns.get("outcome", ""), cast("Better", better), worthwhile)


def _no_rate(per: float) -> None:
    if per:
        raise OptionError(
            "a trial takes counts with their exposure, not rates",
            where="--per",
            remedy="Leave --per out, and give the column as --role exposure=COLUMN.",
        )


def _takes(parameters: Mapping[str, Any], method: str, name: str, why: str) -> None:
    if name not in parameters:
        raise OptionError(f"{method} does not use it", where=f"--{name}", remedy=f"Leave it out: {why}")


def _record(parameters: Mapping[str, Any], method: str, record: Path, listed: Path | None) -> Allocation:
    from whatworks.cli.randomise import read_record

    _takes(parameters, method, "allocation", "only trials have the record of a draw.")
    return read_record(record, listed)


def _typed(function: Callable[..., Any], name: str, value: str, method: str) -> Any:
    from whatworks.inference.settings import read

    names = methods.options(function)
    if name not in names:
        raise OptionError(
            f"{method} has no option {name!r}",
            where="--option",
            remedy=f"{did_you_mean(name, names)}{_has(method, names)}",
        )
    return read(get_type_hints(function).get(name, str), value, f"--option {name}")


def _has(method: str, names: Mapping[str, Any]) -> str:
    told = f"`whatworks estimate {method} --help` says what they take."
    return f"Its options are {', '.join(names)}; {told}" if names else "It has no options; leave it out."


def _require(parameters: Mapping[str, inspect.Parameter], choices: dict[str, Any], method: str) -> None:
    """Refuse a call that lacks a choice without a default; the first parameter is the data."""
    for name, parameter in list(parameters.items())[1:]:
        if parameter.default is inspect.Parameter.empty and name not in choices:
            raise OptionError(
                f"{method} needs the option {name!r}", where="--option", remedy=f"Say --option {name}=VALUE."
            )


def _aggregated(method: str, result: Any, by: str) -> Result:
    step = methods.aggregation(method)
    if step is None:
        raise OptionError(
            f"{method} has no option 'by'",
            where="--option",
            remedy="Only did.att_gt has an aggregation step.",
        )
    aggregated: Result = step(result, by=by)
    return aggregated

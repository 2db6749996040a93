"""`whatworks estimate METHOD --help`: roles and options of one method, from its signature and docstring."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, Final, get_type_hints

from whatworks.cli import methods, roles
from whatworks.cli.examples import METHODS
from whatworks.cli.help import Command, shown
from whatworks.cli.lines import Row, heading, section, wrapped

_JSON: Final[Row] = ("--json", "Print the result as JSON.")
_LEVEL: Final[Row] = ("--level NUMBER", "Coverage of the intervals; 0.95 without it.")
_PER: Final[Row] = ("--per NUMBER", "With an exposure: estimate on the rate per so many.")
_RECORD: Final[tuple[Row, ...]] = (
    ("--allocation FILE", "Record of `whatworks randomise`, held against the file."),
    ("--list FILE", "The list that was randomised; with it the draw is made again."),
)
_PYTHON = "no text, so given in Python"


class EstimateCommand(Command):
    """`estimate`, whose help is that of a method where one is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Keep what was typed, since help is asked for before it is read."""
        ctx.meta["whatworks.typed"] = list(args)
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help of the method that was named, else that of the command and a list of methods."""
        name = self._first(ctx)
        if name:
            formatter.write(method_help(name) + "\n")
            return
        super().format_help(ctx, formatter)
        known = methods.catalogue().values()
        lines = section("Methods", [(method.name, method.purpose) for method in known])
        formatter.write("\n".join(lines) + "\n")

    def _first(self, ctx: Any) -> str:
        """The first word that is neither an option nor the value of one."""
        flags = {name for option in self.params if getattr(option, "is_flag", False) for name in option.opts}
        flags |= set(ctx.help_option_names)
        words = iter(ctx.meta.get("whatworks.typed", ()))
        for word in words:
            if not word.startswith("-"):
                return str(word)
            if word not in flags and "=" not in word:
                next(words, None)
        return ""


def method_help(name: str) -> str:
    """Everything that one method takes on the command line; raises `OptionError` for no method."""
    function = methods.load(name)
    takes = methods.catalogue()[name].takes
    build = roles.builder(takes)
    said = methods.described(function)
    given = " ".join(f"--role {role}=COLUMN" for role in roles.NEEDED[takes])
    lines = wrapped(f"Usage: whatworks estimate {name} FILE {given} [OPTIONS]", then="    ")
    lines += ["", *wrapped(methods.catalogue()[name].purpose), ""]
    lines += [*wrapped(f"The file: {_plain(said[takes])}"), ""]
    lines += section("Roles, as --role NAME=COLUMN", _roles(build, takes))
    lines += section("Options, as --option NAME=VALUE", [*_arms(build, takes), *_options(name, function)])
    words = inference_words(name, function)
    if words:
        fitting = f"{', '.join(words)}. Settings follow a colon, as in {_setting(words)}."
        lines += [heading("Errors and intervals, as --inference NAME")]
        lines += [*wrapped(fitting, first="  ", then="  "), ""]
    general = [*([_PER] if takes == "panel" else ()), *([_LEVEL] if "level" in said else ()), _JSON]
    general += _RECORD if "allocation" in said else ()
    lines += section("Other options", general)
    example = METHODS.get(name)
    return "\n".join([*lines, *(shown([("", f"estimate {name} {example}")]) if example else ())])


def inference_words(name: str, function: Callable[..., Any]) -> list[str]:
    """The words for `--inference` that fit a method: those whose class its docstring or signature names."""
    from whatworks import inference

    if "inference" not in inspect.signature(function).parameters:
        return []
    said = f"{_told(name, 'inference')} {get_type_hints(function).get('inference')}"
    kinds = {word: type(inference.choose(word)).__name__ for word in inference.NAMES}
    return [word for word, kind in kinds.items() if re.search(rf"\b{kind}\b", said)]


def _roles(build: Callable[..., Any], takes: str) -> list[Row]:
    said, hints = methods.described(build), get_type_hints(build)
    rows: dict[str, list[str]] = {}
    for role in roles.known(takes):
        need = "required: " if role in roles.NEEDED[takes] else ""
        many = "several with commas between: " if role in roles.LISTS else ""
        kind = _in_words(hints[role]) if role in roles.NO_COLUMN else ""
        told = f"{kind}, no column: {_plain(said[role])}" if kind else _plain(said[role])
        rows.setdefault(f"{need}{many}{told}", []).append(role)
    return [(", ".join(names), text) for text, names in rows.items()]


def _arms(build: Callable[..., Any], takes: str) -> list[Row]:
    if takes == "panel":
        return []
    said = methods.described(build)
    return [
        ("control", f"required: {_plain(said['control'])}"),
        ("treatments", f"words with ',' between: {_plain(said['treatments'])}"),
    ]


def _options(name: str, function: Callable[..., Any]) -> list[Row]:
    hints, parameters = get_type_hints(function), methods.options(function)
    rows = [
        (option, _option(hints.get(option, str), parameter, _told(name, option)))
        for option, parameter in parameters.items()
    ]
    step = methods.aggregation(name)
    if step is not None:
        choice = inspect.signature(step).parameters["by"]
        kind = _in_words(get_type_hints(step)["by"])
        rows.append(
            (choice.name, f"{kind}: average the effects so. {_plain(methods.described(step)[choice.name])}")
        )
    return rows


def _option(hint: Any, parameter: inspect.Parameter, told: str) -> str:
    kind = _in_words(hint) or _PYTHON
    default = parameter.default
    if default is inspect.Parameter.empty:
        kind = f"{kind}; required"
    elif default not in (None, "", ()):
        kind = f"{kind}; without it {str(default).lower() if isinstance(default, bool) else default}"
    return f"{kind}. {_plain(told)}"


def _told(name: str, argument: str) -> str:
    """What the docstring says of an argument, or that of the method to which it points."""
    text = methods.described(methods.load(name)).get(argument, "")
    if text.startswith("as in `"):
        other = text.split("`")[1]
        if other in methods.catalogue():
            return methods.described(methods.load(other)).get(argument, text)
    return text


def _in_words(hint: Any) -> str:
    from whatworks.inference.settings import in_words

    return in_words(hint)


def _setting(words: list[str]) -> str:
    drawn = [word for word in words if word not in ("default", "cluster", "analytical", "jackknife")]
    return f"{drawn[0]}:draws=999,seed=1" if drawn else f"{words[-1]}:NAME=VALUE"


def _plain(text: str) -> str:
    """A docstring's words for somebody who types: nothing is called None, and no array has a shape."""
    text = re.sub(r"`?\bNone\b`?", "nothing given", text.replace("(N, T) ", ""))
    return re.sub(r"\((-?\d+), (-?\d+)\)", r"\1,\2", text)

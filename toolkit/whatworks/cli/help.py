"""What `--help` and `-h` say: in plain words, with examples that run after `make study`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from typer.core import TyperCommand, TyperGroup

from whatworks.cli import here
from whatworks.cli.examples import EXAMPLES
from whatworks.cli.lines import Row, heading, section, width, wrapped

NAMES = {"help_option_names": ["-h", "--help"]}
"""Settings of the application, from which every command has them."""

_WORD = r"(?:[^\s']|'[^']*')+"
_PART = rf"--\S+ (?!-){_WORD}|{_WORD}"
"""An option with its value, or a word."""


class Command(TyperCommand):
    """A command whose help is plain text."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help of this command."""
        formatter.write("\n".join([*_opening(self, ctx), *_parameters(self, ctx), *_examples(ctx)]) + "\n")

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The arguments as they are called, then the options."""
        return [*map(_argument, _arguments(self, ctx)), "[OPTIONS]"]


class Group(TyperGroup):
    """A group of commands whose help is plain text."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help of this group: its commands with a sentence each."""
        found = [self.get_command(ctx, name) for name in self.list_commands(ctx)]
        rows = [(item.name or "", _first(item.help or "")) for item in found if item and not item.hidden]
        commands = section("Commands", rows)
        formatter.write(
            "\n".join([*_opening(self, ctx), *commands, *_parameters(self, ctx), *_examples(ctx)]) + "\n"
        )


def shown(examples: Sequence[Row]) -> list[str]:
    """Lines of examples: what each is for, and the command as it can be typed from here."""
    lines = [heading("Examples")]
    for what, words in examples:
        lines += [*(wrapped(what, first="  # ", then="  # ") if what else ()), *_typed(words)]
    return [*lines, ""]


def _typed(words: str) -> list[str]:
    """A command in lines that a shell reads as one, an option and its value on the same line."""
    lines = ["  "]
    for part in re.findall(_PART, f"{here.program()} {words}"):
        if len(lines[-1]) + len(part) + 3 > width():
            lines.append("      ")
        lines[-1] += f"{part} "
    told = [line.rstrip() for line in lines]
    return [f"{line} \\" for line in told[:-1]] + told[-1:]


def _opening(command: Any, ctx: Any) -> list[str]:
    lines = [f"Usage: {ctx.command_path} {' '.join(command.collect_usage_pieces(ctx))}", ""]
    for paragraph in (command.help or "").split("\n\n"):
        lines += [*wrapped(" ".join(paragraph.split())), ""]
    return lines


def _parameters(command: Any, ctx: Any) -> list[str]:
    arguments = [(_bare(item), item.help or "") for item in _arguments(command, ctx)]
    options = [
        (_option(item), _with_default(item))
        for item in command.get_params(ctx)
        if item.param_type_name == "option" and not item.hidden
    ]
    return [*section("Arguments", arguments), *section("Options", options)]


def _examples(ctx: Any) -> list[str]:
    found = EXAMPLES.get(ctx.command_path.partition(" ")[2], ())
    return shown(found) if found else []


def _arguments(command: Any, ctx: Any) -> list[Any]:
    return [item for item in command.get_params(ctx) if item.param_type_name == "argument"]


def _bare(argument: Any) -> str:
    return f"{argument.name.upper()}{'' if argument.nargs == 1 else '…'}"


def _argument(argument: Any) -> str:
    return _bare(argument) if argument.required else f"[{_bare(argument)}]"


def _option(option: Any) -> str:
    names = ", ".join(sorted((*option.opts, *option.secondary_opts), key=len))
    if option.is_flag or option.count:
        return names
    return f"{names} {option.metavar or option.name.upper()}"


def _with_default(option: Any) -> str:
    text = "Show this help and stop." if option.name == "help" else option.help or ""
    default = option.default
    if option.required:
        return f"{text} Required."
    if option.is_flag or option.multiple or default in (None, "", 0) or callable(default):
        return text
    return f"{text} Without it: {default}."


def _first(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split())

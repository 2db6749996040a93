"""Help: every command by -h and --help, in plain words, with examples that run."""

from __future__ import annotations

import inspect
import re
import shlex
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

import pytest
import typer

from whatworks import cli
from whatworks.cli import method_help, methods, roles
from whatworks.cli.examples import EXAMPLES, METHODS
from whatworks.inference.settings import in_words, read

ROOT = Path(__file__).parents[2]
SLOW = {"run", "verify", "publish", "lab", "new", "init", "synthesise"}
"""Commands whose examples start a kernel or write into the workspace: they have tests of their own."""
OWN_FILES = {"data mps", "data street", "data stops", "data outcomes"}


def commands() -> list[str]:
    def below(command: object, path: str) -> list[str]:
        inner = getattr(command, "commands", {})
        return [path, *(found for name in inner for found in below(inner[name], f"{path} {name}".strip()))]

    return below(typer.main.get_command(cli.app), "")


@pytest.mark.parametrize("command", commands())
def test_every_command_answers_to_both_names_with_examples(command: str, whatworks: object) -> None:
    status, out, err = whatworks(*command.split(), "--help")
    assert (status, err) == (0, "")
    assert whatworks(*command.split(), "-h") == (0, out, "")
    assert out.startswith(f"Usage: whatworks {command}".rstrip())
    assert "-h, --help" in out
    assert "Examples\n" in out
    assert f"  whatworks {command}".rstrip() in out.partition("Examples\n")[2]
    assert not re.findall(r"<\w+>|list\[|\bTEXT\b(?= \[)", out), "types in plain words"
    assert not [line for line in out.splitlines() if len(line) > 110]


def test_every_example_belongs_to_a_command() -> None:
    assert set(EXAMPLES) == set(commands())
    assert set(METHODS) < set(methods.catalogue())
    by_python_only = set(methods.catalogue()) - set(METHODS)
    assert by_python_only == {"did.triple", "rct.outcomes"}


@pytest.mark.parametrize(
    "words",
    [f"estimate {name} {rest}" for name, rest in METHODS.items()]
    + [
        words
        for command, examples in EXAMPLES.items()
        if command not in SLOW | OWN_FILES | {""}
        for _, words in examples
    ],
)
def test_examples_run(words: str, whatworks: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    inside = re.sub(r"(--out|--csv) (\S+)", lambda found: f"{found[1]} {tmp_path / found[2]}", words)
    status, out, err = whatworks(*shlex.split(inside))
    assert (status, err) == (0, "")
    assert out


def test_an_example_can_be_typed_as_the_program_was(
    whatworks: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "72")
    text = whatworks("estimate", "did.block", "-h")[1].partition("Examples\n")[2]
    joined = text.strip().replace("\\\n", " ")
    assert shlex.split(joined) == ["whatworks", "estimate", "did.block", *shlex.split(METHODS["did.block"])]
    monkeypatch.setattr("sys.argv", [".venv/bin/whatworks", "run", "-h"])
    with pytest.raises(SystemExit):
        cli.main()
    assert "  .venv/bin/whatworks run studies/synthetic-hotspots\n" in capsys.readouterr().out


@pytest.mark.parametrize("name", methods.catalogue())
def test_help_of_a_method_has_its_roles_and_options(name: str, whatworks: object) -> None:
    status, out, err = whatworks("estimate", name, "--help")
    assert (status, err) == (0, "")
    told = " ".join(out.split())
    function = methods.load(name)
    hints = get_type_hints(function)
    for role in roles.known(methods.catalogue()[name].takes):
        assert re.search(rf"\b{role}\b", out), role
    for option, parameter in methods.options(function).items():
        row = re.search(rf"(?m)^  {option} .*(?:\n    .*)*", out.partition("\nOptions, ")[2])
        assert row, option
        text = " ".join(row[0].split())
        if get_origin(hints[option]) is Literal:
            assert all(choice in text for choice in get_args(hints[option]))
        if parameter.default is inspect.Parameter.empty:
            assert "required" in text
        elif parameter.default not in (None, "", ()):
            assert f"without it {str(parameter.default).lower()}" in text
    assert methods.catalogue()[name].purpose in told
    assert "None" not in out
    assert "<" not in out


def test_help_of_a_method_says_which_inference_fits() -> None:
    words = {name: method_help.inference_words(name, methods.load(name)) for name in methods.catalogue()}
    assert words["did.att_gt"] == ["default", "wild", "randomisation", "multiplier", "analytical"]
    assert words["synth.classic"] == ["placebo", "conformal", "jackknife_plus", "prediction"]
    assert words["rct.outcomes"] == words["rct.itt"]
    assert words["rct.flow"] == []
    assert all(words[name] for name in words if "inference" in methods.described(methods.load(name)))


def test_help_for_a_method_that_is_none_names_the_nearest(whatworks: object) -> None:
    status, out, err = whatworks("estimate", "did.blok", "--help")
    assert (status, out) == (2, "")
    assert "Did you mean 'did.block'" in err


def test_options_before_the_method_do_not_hide_it(whatworks: object) -> None:
    out = whatworks("estimate", "--per", "3", "--json", "--level=0.9", "rct.itt", "x.csv", "-h")[1]
    assert out.startswith("Usage: whatworks estimate rct.itt")


@pytest.mark.parametrize("name", methods.catalogue())
def test_what_help_promises_of_an_option_is_what_is_read(name: str) -> None:
    function = methods.load(name)
    hints = get_type_hints(function)
    samples = {"a whole number": "3", "a number": "0.5", "true or false": "true", "a word": "x"}
    for option in methods.options(function):
        kind = in_words(hints[option])
        if not kind:
            with pytest.raises(Exception, match="cannot be given as text"):
                read(hints[option], "x", option)
            continue
        if "whole numbers" in kind:
            assert read(hints[option], "-3,4", option) == (-3, 4)
        elif kind.endswith("words with ',' between"):
            assert list(read(hints[option], "a,b", option)) == ["a", "b"]
        for part in re.split(r", | or ", kind):
            if part in samples and "true" not in kind:
                assert str(read(hints[option], samples[part], option)) == samples[part]


def test_a_number_or_a_word() -> None:
    kind = Literal["holdout"] | float
    assert in_words(kind) == "holdout or a number"
    assert read(kind, "0.1", "penalty") == 0.1
    assert read(kind, "holdout", "penalty") == "holdout"
    with pytest.raises(Exception, match="Did you mean 'holdout'"):
        read(kind, "holdot", "penalty")


def test_long_lines_of_an_estimate_fit_the_terminal(
    whatworks: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    for columns in (60, 100):
        monkeypatch.setenv("COLUMNS", str(columns))
        out = whatworks("estimate", "did.block", *shlex.split(METHODS["did.block"]))[1]
        text = out.partition("\n\n")[0].splitlines()
        assert max(map(len, text)) <= columns
        assert "hypothesis" not in out
        assert "all 4,096 sign vectors" in " ".join(out.split())


@pytest.mark.parametrize("group", ["", "data"])
def test_a_group_without_a_command_shows_its_help(group: str, whatworks: object) -> None:
    status, out, err = whatworks(*group.split())
    assert (status, out) == (2, "")
    assert err.strip() == whatworks(*group.split(), "--help")[1].strip()


def test_a_slip_in_a_command_points_to_its_help(whatworks: object) -> None:
    status, out, err = whatworks("verify", "--filds")
    assert (status, out) == (2, "")
    assert "Usage: whatworks verify [STUDY] [OPTIONS]" in err
    assert "whatworks verify -h" in err
    assert "No such option: --filds" in err

"""The catalogue of methods, read from their sources, is what the rooms hold, and costs no import."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import subprocess
import sys

import pytest

from whatworks.cli import methods


def test_the_catalogue_is_what_the_rooms_hold() -> None:
    held = {}
    for room in methods.ROOMS:
        if importlib.util.find_spec(f"whatworks.{room}") is None:
            continue
        module = importlib.import_module(f"whatworks.{room}")
        for name in module.__all__:
            function = getattr(module, name)
            if inspect.isfunction(function):
                first, *others = inspect.signature(function).parameters
                if first == "trial" or (first == "panel" and "level" in others):
                    held[f"{room}.{name}"] = first
    assert len(held) > 20
    assert {method.name: method.takes for method in methods.catalogue().values()} == held


@pytest.mark.parametrize("name", methods.catalogue())
def test_every_argument_of_every_method_is_described(name: str) -> None:
    function = methods.load(name)
    said = methods.described(function)
    assert set(said) == set(inspect.signature(function).parameters)
    assert all(said.values()), said
    assert methods.catalogue()[name].purpose.endswith((".", ")"))


def test_the_command_line_starts_without_pandas() -> None:
    program = (
        "import sys; from whatworks.cli import main, methods; methods.catalogue(); "
        "print([m for m in ('numpy', 'pandas', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

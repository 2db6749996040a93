"""The map that synthetic London is drawn on: 32 boroughs, 12 command units, who borders whom."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

from whatworks.arrays import Bools, Ints
from whatworks.data.geography import MPS_BOROUGHS, command_unit


@dataclass(frozen=True, slots=True, eq=False)
class City:
    """The 32 Metropolitan Police boroughs in the order of their GSS codes; arrays are read-only.

    Attributes:
        codes, names: GSS code and name of each borough.
        bcu: the command unit (Basic Command Unit of 2017–19) of each borough, 12 in all.
        population: (32,) residents, rounded to ten thousand.
        neighbours: (32, 32) true where two boroughs share a border, on land or in mid-Thames.
    """

    codes: tuple[str, ...]
    names: tuple[str, ...]
    bcu: tuple[str, ...]
    population: Ints
    neighbours: Bools

    @property
    def command_units(self) -> tuple[str, ...]:
        """The 12 command units in alphabetical order."""
        return tuple(sorted(set(self.bcu)))


@cache
def london() -> City:
    """The boroughs with their borders and populations (Office for National Statistics, mid-2016, rounded)."""
    text = resources.files("whatworks.data").joinpath("boroughs.csv").read_text(encoding="utf-8")
    rows = {row["code"]: row for row in csv.DictReader(text.splitlines())}
    codes = tuple(sorted(MPS_BOROUGHS))
    names = tuple(MPS_BOROUGHS[code] for code in codes)
    borders = np.array([[name in rows[code]["neighbours"].split(";") for name in names] for code in codes])
    population = np.array([int(rows[code]["population"]) for code in codes], dtype=np.int64)
    borders.setflags(write=False)
    population.setflags(write=False)
    return City(codes, names, tuple(command_unit(code) for code in codes), population, borders)

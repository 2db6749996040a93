"""Writes made-up street-level files the size of London's: 5,000 LSOAs, 14 types, some ids repeated."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

AREAS = 5_000
BOROUGHS = ("Camden", "Barnet", "Hackney", "Tower Hamlets", "Kensington and Chelsea")
#: Crime types with their rough share of a month.
TYPES = {
    "Anti-social behaviour": 0.22,
    "Bicycle theft": 0.02,
    "Burglary": 0.07,
    "Criminal damage and arson": 0.05,
    "Drugs": 0.04,
    "Other crime": 0.01,
    "Other theft": 0.11,
    "Possession of weapons": 0.006,
    "Public order": 0.05,
    "Robbery": 0.03,
    "Shoplifting": 0.045,
    "Theft from the person": 0.04,
    "Vehicle crime": 0.11,
    "Violence and sexual offences": 0.2,
}
HEADER = (
    "Crime ID,Month,Reported by,Falls within,Longitude,Latitude,Location,LSOA code,LSOA name,Crime type,"
    "Last outcome category,Context\n"
)
OUTCOMES = ("Investigation complete; no suspect identified", "Status update unavailable", "")


def month_table(month: str, rows: int, rng: np.random.Generator, weights: np.ndarray) -> pa.Table:
    digits = pa.py_buffer(rng.bytes(32 * rows).hex().encode())
    ids = pa.FixedSizeBinaryArray.from_buffers(pa.binary(64), rows, [None, digits])
    shares = np.array(list(TYPES.values()))
    kinds = rng.choice(len(TYPES), rows, p=shares / shares.sum())
    # one in a thousand rows repeats the identifier of another
    source = np.where(rng.random(rows) < 0.001, rng.integers(0, rows, rows), np.arange(rows))
    named = pc.if_else(
        pa.array(kinds == 0), "", ids.cast(pa.binary()).cast(pa.string()).take(pa.array(source))
    )
    area = rng.choice(AREAS, rows, p=weights)
    codes = [f"E01{i:06d}" for i in range(AREAS)]
    names = [f"{BOROUGHS[i % 5]} {i // 25:03d}{'ABCDE'[i // 5 % 5]}" for i in range(AREAS)]
    roads = [f"On or near {i} Road" for i in range(2_000)]
    force = _pick(["Metropolitan Police Service"], np.zeros(rows, dtype=int))
    return pa.table(
        [
            named,
            _pick([month], np.zeros(rows, dtype=int)),
            force,
            force,
            _point(rng.uniform(-0.5, 0.3, rows)),
            _point(rng.uniform(51.3, 51.7, rows)),
            _pick(roads, rng.integers(0, len(roads), rows)),
            _pick(codes, area),
            _pick(names, area),
            _pick(list(TYPES), kinds),
            _pick(list(OUTCOMES), rng.integers(0, len(OUTCOMES), rows)),
            _pick([""], np.zeros(rows, dtype=int)),
        ],
        names=HEADER.strip().split(","),
    )


def _pick(labels: list[str], at: np.ndarray) -> Any:
    return pa.array(labels).take(pa.array(at))


def _point(values: np.ndarray) -> Any:
    return pa.array(np.char.mod("%.6f", values))


def main() -> None:
    tree, rows, months = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    rng = np.random.default_rng(1)
    weights = rng.lognormal(0, 0.8, AREAS)
    for at in range(months):
        month = f"{2014 + at // 12}-{at % 12 + 1:02d}"
        folder = tree / month
        folder.mkdir(parents=True)
        with (folder / f"{month}-metropolitan-street.csv").open("wb") as out:
            out.write(HEADER.encode())
            table = month_table(month, rows // months, rng, weights / weights.sum())
            csv.write_csv(table, out, csv.WriteOptions(include_header=False, quoting_style="none"))


if __name__ == "__main__":
    main()

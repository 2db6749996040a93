"""How often does the first sentence of a report claim a change where nothing happened?

    python benchmarks/first_sentences.py REALDATA [--draws 100] [--seed 1] [--rows block_4,counts_4]
        [--modes nothing,fall,worst] [--out FILE] [--table]

REALDATA is a folder with published London data (mps_borough, mps_ward, population, interventions; the paths
stand in `first_sentences_places.py`). Interventions that never happened are drawn in it: random boroughs,
command units or wards, a random start from 2014 to 2017, three years before and two after. `nothing` leaves
the counts alone, `fall` takes 15% off the treated counts by binomial thinning, `worst` treats ten places
chosen at their peak and leaves the counts alone. Every one goes through a template: the statements of its
notebook on which the result with its checks rests, as they stand there, only the displays left out; then
`verdict.judge` says what may be said. A row of FILE per draw, written at once: the same call goes on where
it stopped. Draws of other code than the present are left in FILE and not counted. `--table` only prints.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import tempfile
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import first_sentences_places as london
from first_sentences_places import Design, Drawn, Places
from first_sentences_tally import MODES, NO_REPORT, tables
from template_steps import TEMPLATES, run, steps
from whatworks import verdict
from whatworks.errors import WhatworksError
from whatworks.results import NotAvailable, Result
from whatworks.study import code

WORTHWHILE = 10.0
"""Percent; what the studies of the templates call worthwhile."""


@dataclass(frozen=True, slots=True)
class Row:
    """A template, the places it is asked about, and the parameters that a study would set."""

    template: str
    places: str
    design: Design
    parameters: Mapping[str, Any]
    modes: tuple[str, ...] = tuple(MODES)
    # words are no part of what a draw rests on
    words: str = field(default="", repr=False)


DRAWS = 999
"""Draws of a bootstrap, a parameter of the templates; `did` and `counts_did` would take 9,999."""

ONE = {"unit": "area", "start": "start", "secondary": []}
BY_BOROUGH = {**ONE, "cluster": "", "draws": DRAWS}
BY_UNIT = {**ONE, "cluster": "cluster", "draws": DRAWS}
WARD = {"unit": "area", "start": "start", "period": "month", "cluster": "cluster"}
COUNTS = {**WARD, "secondary": [], "exposure": "", "draws": DRAWS}
MICRO = {**WARD, "covariates": [], "together": 12}
NEVER_WORST = ("nothing", "fall")

ROWS = {
    "block_4": Row("did", "boroughs", Design(4), BY_BOROUGH, words="block, 4 boroughs"),
    "block_units": Row(
        "did", "boroughs", Design(4, whole=True), BY_UNIT, NEVER_WORST, words="block, 4 command units"
    ),
    "staggered_9": Row(
        "staggered", "boroughs", Design(9, cohorts=3), BY_BOROUGH, words="staggered, 9 boroughs"
    ),
    "staggered_units": Row(
        "staggered",
        "boroughs",
        Design(6, whole=True, cohorts=3),
        BY_UNIT,
        NEVER_WORST,
        words="staggered, 6 command units",
    ),
    "counts_4": Row("counts_did", "boroughs", Design(4), BY_BOROUGH, words="counts, 4 boroughs"),
    "counts_units": Row(
        "counts_did", "boroughs", Design(4, whole=True), BY_UNIT, NEVER_WORST, words="counts, 4 command units"
    ),
    "counts_wards": Row(
        "counts_did", "wards", Design(24, busiest=120), COUNTS, words="counts, 24 of 120 busy wards"
    ),
    "small_busy": Row(
        "small_areas", "wards", Design(24, busiest=120), MICRO, words="small areas, 24 of 120 busy wards"
    ),
    "small_all": Row("small_areas", "wards", Design(24), MICRO, words="small areas, 24 of all wards"),
    "synthdid_4": Row(
        "synthetic_control",
        "boroughs",
        Design(4),
        {**ONE, "method": "synthdid"},
        words="synthetic control (synthdid), 4 boroughs",
    ),
    "synth_1": Row("synthetic_control", "boroughs", Design(1), ONE, words="synthetic control, 1 borough"),
}


def asked_of(row: Row, drawn: Drawn) -> dict[str, Any]:
    """The parameters of one draw."""
    defaults, _ = steps(row.template)
    further = {"outcomes": list(drawn.others)} if "outcomes" in defaults else {}
    return {**row.parameters, **further, "outcome": drawn.offence}


# ------------------------------------------------------------------------------------------- what is said

FIELDS = (
    *(
        "code",
        "row",
        "mode",
        "seed",
        "draw",
        "offence",
        "start",
        "chosen",
        "status",
        "certainty",
        "unchecked",
    ),
    *("value", "low", "high", "percent", "groups"),
    *("checks", "seconds", "reason"),
)


def said_of(result: Result, subject: str) -> dict[str, Any]:
    """What the first sentence claims, how surely, and what it would claim without a single check."""
    asked = verdict.Asked(subject, "lower", WORTHWHILE)
    found = verdict.judge(result, asked)
    bare = verdict.judge(replace(result, checks=()), asked)
    measured = found.measured
    known = not isinstance(measured, NotAvailable)
    low, high = (measured.ends or ("", "")) if known else ("", "")
    return {
        "status": found.status,
        "certainty": found.certainty.level,
        "unchecked": bare.status,
        "value": measured.value if known else "",
        "low": low,
        "high": high,
        "percent": known and measured.percent,
        "groups": result.design.n_clusters,
        "checks": json.dumps({check.name: check.verdict for check in result.checks}),
    }


def one(row: Row, places: Places, mode: str, seed: int, number: int) -> dict[str, Any]:
    """One draw through one template; a template that stops gives no report and so no sentence."""
    worst, ratio = MODES[mode]
    design = replace(row.design, treated=london.WORST) if worst and row.design.treated > 1 else row.design
    drawn = london.draw(places, design, worst=worst, ratio=ratio, seed=seed, number=number)
    began = time.perf_counter()
    try:
        found = run(row.template, drawn.frame, asked_of(row, drawn), london.recorded(row.places))
        told = said_of(found, drawn.offence)
    except WhatworksError as problem:
        told = {"status": NO_REPORT, "unchecked": NO_REPORT, "reason": problem.what}
    spent = f"{time.perf_counter() - began:.1f}"
    where = {"offence": drawn.offence, "start": drawn.start, "chosen": drawn.chosen}
    return {**where, **told, "seconds": spent}


# ------------------------------------------------------------------------------------------- the run


def versions() -> dict[str, str]:
    """What library, template and row are, by row, so that draws of different code are never put together."""
    library = code.whole()
    found = {}
    for name, row in ROWS.items():
        text = (TEMPLATES / f"{row.template}.ipynb").read_text(encoding="utf-8")
        found[name] = hashlib.sha256(f"{library}{text}{row}".encode()).hexdigest()[:12]
    return found


def read(path: Path) -> list[dict[str, str]]:
    """The draws of a file; none where there is no file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def main() -> None:
    """Draw what is missing, then print the tables."""
    asked = _arguments()
    names = asked.rows.split(",") if asked.rows else list(ROWS)
    modes = asked.modes.split(",") if asked.modes else list(MODES)
    codes = versions()
    if not asked.table:
        _draw(asked, names, modes, codes)
    kept = [
        draw
        for draw in read(asked.out)
        if draw["code"] == codes.get(draw["row"]) and int(draw["seed"]) == asked.seed
    ]
    shown = [draw for draw in kept if draw["row"] in names and draw["mode"] in modes]
    print("\n".join(tables(shown, {name: row.words for name, row in ROWS.items()})))


def _draw(asked: argparse.Namespace, names: list[str], modes: list[str], codes: dict[str, str]) -> None:
    done = {(d["code"], d["row"], d["mode"], d["seed"], d["draw"]) for d in read(asked.out)}
    places: dict[str, Places] = {}
    new = not asked.out.exists()
    with asked.out.open("a", encoding="utf-8", newline="") as stream, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out = csv.DictWriter(stream, FIELDS, restval="")
        if new:
            out.writeheader()
        for number in range(asked.draws):
            for name in names:
                row = ROWS[name]
                for mode in (mode for mode in modes if mode in row.modes):
                    key = (codes[name], name, mode, str(asked.seed), str(number))
                    if key in done:
                        continue
                    if row.places not in places:
                        places[row.places] = getattr(london, row.places)(asked.realdata)
                    found = one(row, places[row.places], mode, asked.seed, number)
                    labels = dict(zip(FIELDS, key, strict=False))
                    out.writerow({**labels, **found})
                    stream.flush()
                    print(number, name, mode, found["status"], f"{found['seconds']} s", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("realdata", type=Path)
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", help=f"of {', '.join(ROWS)}; all where none are named")
    parser.add_argument("--modes", help=f"of {', '.join(MODES)}; all where none are named")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir(), "first_sentences.csv"))
    parser.add_argument("--table", action="store_true", help="print the tables of what was drawn before")
    return parser.parse_args()


if __name__ == "__main__":
    main()

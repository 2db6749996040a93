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
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

import first_sentences_places as london
from first_sentences_places import Design, Drawn, Places
from template_steps import TEMPLATES, run, steps
from whatworks import verdict
from whatworks.errors import WhatworksError
from whatworks.results import CheckResult, NotAvailable, Result
from whatworks.study import code
from whatworks.verdict.gravity import against

WORTHWHILE = 10.0
"""Percent; what the studies of the templates call worthwhile."""

TITLES = {
    "nothing": "Nothing happened",
    "fall": "15% fewer",
    "worst": "The ten worst, and nothing happened",
}
MODES = {"nothing": (False, 1.0), "fall": (False, 0.85), "worst": (True, 1.0)}
"""Whether the ten worst are treated, and the share of their crimes that is left."""

CLAIMS = ("fell", "rose")
SURE = ("high", "moderate")
NO_REPORT = "no_report"


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
        told = said_of(run(row.template, drawn.frame, asked_of(row, drawn)), drawn.offence)
    except WhatworksError as problem:
        told = {"status": NO_REPORT, "unchecked": NO_REPORT, "reason": problem.what}
    spent = f"{time.perf_counter() - began:.1f}"
    where = {"offence": drawn.offence, "start": drawn.start, "chosen": drawn.chosen}
    return {**where, **told, "seconds": spent}


# ------------------------------------------------------------------------------------------- the tally


@dataclass(frozen=True, slots=True)
class Tally:
    """Draws of one row in one mode, counted by status.

    Attributes:
        said: what the first sentence says.
        sure: the same, of those at high or moderate certainty.
        plain: the same, of those whose first sentence has no "but" of a grave concern.
        bare: what it would say had no check been made.
    """

    said: Counter[str]
    sure: Counter[str]
    plain: Counter[str]
    bare: Counter[str]

    @property
    def n(self) -> int:
        """How many draws."""
        return self.said.total()


def claims(counts: Mapping[str, int]) -> int:
    """First sentences that claim a change."""
    return sum(counts.get(word, 0) for word in CLAIMS)


def tally(draws: Iterable[Mapping[str, Any]]) -> Tally:
    """Count the draws; one without a report says nothing, and is counted under `no_report`."""
    drawn = list(draws)
    return Tally(
        Counter(draw["status"] for draw in drawn),
        Counter(draw["status"] for draw in drawn if draw.get("certainty") in SURE),
        Counter(draw["status"] for draw in drawn if not _doubted(draw)),
        Counter(draw["unchecked"] for draw in drawn),
    )


def _doubted(draw: Mapping[str, Any]) -> bool:
    """Whether a check speaks gravely against the answer, so that its first sentence says so."""
    checks = json.loads(draw.get("checks") or "{}")
    found = against([CheckResult(name, found, "as recorded") for name, found in checks.items()])
    return any(one.weight != "concern" for one in found)


def share(count: int, n: int) -> str:
    """A share in percent with its standard error; with none or all, its one-sided 95% limit."""
    if not n:
        return "–"
    p, limit = count / n, 100 * (1 - 0.05 ** (1 / n))
    if count in (0, n):
        return f"100 (over {100 - limit:.0f})" if count else f"0 (under {limit:.0f})"
    return f"{100 * p:.0f} ± {100 * np.sqrt(p * (1 - p) / n):.1f}"


def tables(draws: list[dict[str, str]]) -> Iterator[str]:
    """Markdown: a table for each mode, then how often each check spoke."""
    for mode in MODES:
        of_mode = [draw for draw in draws if draw["mode"] == mode]
        if of_mode:
            yield from _by_row(mode, of_mode)
    yield from _by_check(draws)


def _line(cells: Iterable[object]) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _by_row(mode: str, draws: list[dict[str, str]]) -> Iterator[str]:
    words = (*verdict.STATUSES, NO_REPORT)
    # where something did happen a rise is the false claim, and a fall the find
    kind = "found" if mode == "fall" else "false claims"
    shares = (kind, "with no “but”", "at high or moderate certainty", "had no check been made")
    head = ["template and places", "draws", *(word.replace("_", " ") for word in words), *shares]
    yield f"\n### {TITLES[mode]}\n"
    yield _line(head)
    yield _line(["---"] * len(head))
    for name in (name for name in ROWS if any(draw["row"] == name for draw in draws)):
        t = tally(draw for draw in draws if draw["row"] == name)
        cells = [share(k, t.n) for k in counted(t, mode)]
        yield _line([ROWS[name].words, t.n, *(t.said[word] for word in words), *cells])
    t = tally(draws)
    yield _line(["all", t.n, *(t.said[word] for word in words), *_overall(draws, mode)])


def counted(found: Tally, mode: str) -> list[int]:
    """Claims by the four ways of counting; where something fell, only those that say so."""
    ways = (found.said, found.plain, found.sure, found.bare)
    return [way["fell"] if mode == "fall" else claims(way) for way in ways]


def _overall(draws: list[dict[str, str]], mode: str) -> list[str]:
    """Shares of all rows; rows share their draws, so the errors are those of whole draws."""
    of_draw = [tally(d for d in draws if d["draw"] == k) for k in sorted({d["draw"] for d in draws})]
    sizes = np.array([t.n for t in of_draw])
    numbers = np.array([counted(t, mode) for t in of_draw])
    shares = numbers.sum(axis=0) / sizes.sum()
    errors = np.sqrt(((numbers - np.outer(sizes, shares)) ** 2).sum(axis=0)) / sizes.sum()
    return [f"{100 * p:.1f} ± {100 * e:.1f}" for p, e in zip(shares, errors, strict=True)]


def _by_check(draws: list[dict[str, str]]) -> Iterator[str]:
    """Concerns and fails where nothing happened, and fails where the bare result made a claim, by mode."""
    spoke: dict[str, Counter[str]] = {}
    made = Counter(draw["mode"] for draw in draws if draw["unchecked"] in CLAIMS)
    for draw in draws:
        mode = draw["mode"]
        for name, found in json.loads(draw["checks"] or "{}").items():
            count = spoke.setdefault(name, Counter())
            count[f"{mode} run"] += found != "not_applicable"
            count[f"{mode} {found}"] += 1
            count[f"{mode} {found} at a claim"] += draw["unchecked"] in CLAIMS
    words = ("concern", "fail", "not_informative")
    stopped = [f"fails at a claim, {TITLES[mode].lower()} (of {made[mode]})" for mode in MODES]
    head = ["check", "could be run", *(word.replace("_", " ") for word in words), *stopped]
    yield "\n### Checks\n"
    yield _line(head)
    yield _line(["---"] * len(head))
    for name, c in spoke.items():
        shares = [share(c[f"nothing {word}"], c["nothing run"]) for word in words]
        fails = [c[f"{mode} fail at a claim"] for mode in MODES]
        yield _line([name, c["nothing run"], *shares, *fails])


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
    print("\n".join(tables([draw for draw in kept if draw["row"] in names and draw["mode"] in modes])))


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

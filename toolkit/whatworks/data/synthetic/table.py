"""Synthetic London as a table with its truth, and as the files that hold them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from whatworks import periods
from whatworks.arrays import Ints
from whatworks.data.synthetic.city import london
from whatworks.data.synthetic.counts import Noise, Simulated, simulate_counts
from whatworks.data.synthetic.designs import (
    UNTREATED,
    KnownEffects,
    hotspot_starts,
    rate_ratios,
    staggered_starts,
)
from whatworks.data.synthetic.offences import OFFENCES, deprivation_scores, expected_counts
from whatworks.data.synthetic.truth import assignment, true_effects
from whatworks.errors import OptionError, PanelError

GENERATOR: Final = 1
TABLE_FILE, TRUTH_FILE = "london.csv", "truth.json"
DESIGNS: Final[Mapping[str, str]] = {"hotspots": "robbery", "staggered": "burglary"}
_FEWEST_MONTHS, _MOST_MONTHS = 24, 600
_NOTICE = (
    "Every count, deprivation score and intervention here is invented. Borough names, codes, command units "
    "and rounded populations are real labels; nothing describes a real event."
)


@dataclass(frozen=True, slots=True, eq=False)
class SyntheticLondon:
    """A table of 32 boroughs by months with two interventions in it, and what they truly did.

    Attributes:
        frame: one row per borough and month: `area_code, area_name, month` (YYYY-MM)`, bcu, population,
            deprivation, robbery, burglary, violence, vehicle_crime, start_hotspots, start_staggered`; a start
            is the first treated month, blank where never treated.
        truth: seed, parameters, assignment and true effects of each design, as written to `truth.json`.
        table_file, truth_file: names of the files that `write` makes of them.
    """

    frame: pd.DataFrame
    truth: Mapping[str, Any]
    table_file: str = TABLE_FILE
    truth_file: str = TRUTH_FILE

    def table_bytes(self) -> bytes:
        """The table as UTF-8 CSV with LF line ends, the same bytes on every platform."""
        return _csv(self.frame)

    def truth_bytes(self) -> bytes:
        """The truth as UTF-8 JSON with LF line ends, the same bytes on every platform."""
        return (json.dumps(self.truth, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()

    def write(self, folder: str | Path) -> tuple[Path, Path]:
        """Write both files into a folder, made if absent; returns the two paths.

        Raises `OptionError` when the folder cannot be made or written to.
        """
        table, truth = Path(folder, self.table_file), Path(folder, self.truth_file)
        try:
            table.parent.mkdir(parents=True, exist_ok=True)
            table.write_bytes(self.table_bytes())
            truth.write_bytes(self.truth_bytes())
        except OSError as error:
            raise OptionError(
                f"the files cannot be written: {error.strerror}",
                where=str(folder),
                remedy="Give a folder that can be written to, such as data/synthetic.",
            ) from error
        return table, truth


def synthesise(
    *,
    seed: int = 2020,
    first: str = "2013-01",
    last: str = "2018-12",
    effects: KnownEffects | None = None,
    noise: Noise | None = None,
) -> SyntheticLondon:
    """Make synthetic London from a seed: monthly counts of four offences with known effects.

    `hotspots` starts in the middle of the window in six command units and lowers robbery; `staggered` reaches
    eight command units in four cohorts and lowers burglary more the longer it runs. Violence and vehicle
    crime are touched by neither. Rates, season, trend and noise: see `OFFENCES`, `expected_counts`, `Noise`.

    Args:
        seed: a whole number; the same seed gives the same bytes on every platform.
        first, last: the window, both months (YYYY-MM) included, 24 to 600 months.
        effects: `KnownEffects()` unless told; `NO_EFFECT` for none.
        noise: `Noise()` unless told.

    Raises:
        OptionError: a seed, month, effect or noise that is not what it should be.
    """
    effects, noise = effects or KnownEffects(), noise or Noise()
    start, months = _window(first, last)
    starts, drawn = _draw(seed, start, months, effects, noise)
    frame = _frame(drawn, starts, seed=seed, first=start)
    truth = {
        "schema": "whatworks.synthetic/1",
        "notice": _NOTICE,
        "seed": int(seed),
        "generator": GENERATOR,
        "window": {
            "first": periods.label(start, "month"),
            "last": periods.label(start + months - 1, "month"),
            "months": months,
        },
        "table": {"file": TABLE_FILE, "rows": len(frame), "sha256": hashlib.sha256(_csv(frame)).hexdigest()},
        "parameters": {
            "effects": asdict(effects),
            "noise": asdict(noise),
            "offences": {name: asdict(profile) for name, profile in OFFENCES.items()},
        },
        "designs": {
            design: _design(design, drawn[outcome], starts[design], start)
            for design, outcome in DESIGNS.items()
        },
        "untouched": [name for name in OFFENCES if name not in DESIGNS.values()],
    }
    return SyntheticLondon(frame, truth)


def _draw(
    seed: int, first: int, months: int, effects: KnownEffects, noise: Noise
) -> tuple[dict[str, Ints], dict[str, Simulated]]:
    """Who starts when under each design, and one panel of each offence with those starts in it."""
    expected = {name: expected_counts(name, seed=seed, first=first, months=months) for name in OFFENCES}
    level = expected["robbery"].mean(axis=1) / london().population
    starts = {
        "hotspots": hotspot_starts(level, seed=seed, months=months),
        "staggered": staggered_starts(seed=seed, months=months),
    }
    ratios = rate_ratios(starts, effects, months)
    touched = {offence: ratios[design] for design, offence in DESIGNS.items()}
    drawn = {
        name: simulate_counts(
            expected[name], seed=_offence_seed(seed, name), rate_ratio=touched.get(name, 1.0), noise=noise
        )
        for name in OFFENCES
    }
    return starts, drawn


def _design(design: str, drawn: Simulated, starts: Ints, first: int) -> dict[str, Any]:
    outcome = DESIGNS[design]
    return {
        "outcome": outcome,
        "start_column": f"start_{design}",
        "cluster_column": "bcu",
        "estimand": "average effect on the treated borough-months of this panel, given their hidden rates",
        "scale": f"{outcome} per 1,000 residents and month",
        **assignment(starts, first=first),
        "effects": true_effects(drawn, starts, first=first),
    }


def _window(first: str, last: str) -> tuple[int, int]:
    numbers = []
    for name, text in (("first", first), ("last", last)):
        try:
            numbers.append(periods.number(str(text), "month", where="synthesise"))
        except PanelError as error:
            raise OptionError(
                f"{name}={text!r} is not a month",
                where="synthesise",
                remedy="Give months as 2013-01.",
            ) from error
    months = numbers[1] - numbers[0] + 1
    if not _FEWEST_MONTHS <= months <= _MOST_MONTHS:
        raise OptionError(
            f"{first} to {last} is {months} months",
            where="synthesise",
            remedy=f"Give a window of {_FEWEST_MONTHS} to {_MOST_MONTHS} months, such as 2013-01 to 2018-12.",
        )
    return numbers[0], months


def _offence_seed(seed: int, offence: str) -> int:
    # a seed of its own for each offence: neither offences nor neighbouring seeds share their noise
    return int(np.random.SeedSequence([int(seed), 100 + list(OFFENCES).index(offence)]).generate_state(1)[0])


def _frame(
    drawn: Mapping[str, Simulated], starts: Mapping[str, Ints], *, seed: int, first: int
) -> pd.DataFrame:
    city = london()
    months = next(iter(drawn.values())).counts.shape[2]
    labels = [periods.label(first + month, "month") for month in range(months)]
    columns: dict[str, Any] = {
        "area_code": np.repeat(city.codes, months),
        "area_name": np.repeat(city.names, months),
        "month": np.tile(labels, len(city.codes)),
        "bcu": np.repeat(city.bcu, months),
        "population": np.repeat(city.population, months),
        "deprivation": np.repeat(deprivation_scores(seed), months),
    }
    columns |= {name: panel.counts[0].ravel() for name, panel in drawn.items()}
    for design, held in starts.items():
        dates = [None if start == UNTREATED else labels[start] for start in held]
        columns[f"start_{design}"] = pd.Series(dates, dtype="str").repeat(months).to_numpy()
    return pd.DataFrame(columns)


def _csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False, lineterminator="\n").encode("utf-8")

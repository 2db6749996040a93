"""Real places of London, and interventions that never happened in them.

Read by `first_sentences.py`. Boroughs come with residents and command units, wards with their borough.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from whatworks import data
from whatworks.arrays import Bools, Ints
from whatworks.data.recording import Recording

Chosen = Literal["random", "level", "rise"]

BOROUGHS = "mps_borough/MPS_Borough_Historical_201004-202403_CONNECT.csv"
WARDS = "mps_ward/MPS_Ward_Historical_201004-202402.parquet"
RESIDENTS = "population/borough_population_2011-2022.csv"
UNITS = "interventions/bcu_mergers.csv"

FIRST, LAST = "2011-01", "2019-12"
STARTS = ("2014-01", "2017-12")
BEFORE, AFTER, YEAR = 36, 24, 12
STEP = 6
"""Months from one cohort of a staggered start to the next."""

WORST = 10
BOROUGH_OFFENCES = (
    "Robbery",
    "Burglary",
    "Violence against the person",
    "Theft",
    "Vehicle offences",
    "Public order offences",
    "Drug offences",
    "Arson and criminal damage",
)
WARD_OFFENCES = ("Violence against the person", "Burglary", "Theft", "Vehicle offences")


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Counts by place and month: `area`, `month` (YYYY-MM), `cluster`, perhaps `population`, then offences.

    Sorted by area and month, every area with every month.
    """

    kind: str
    frame: pd.DataFrame
    offences: tuple[str, ...]

    @property
    def areas(self) -> list[str]:
        """The areas in order."""
        return sorted(self.frame["area"].unique())

    @property
    def months(self) -> list[str]:
        """The months in order."""
        return sorted(self.frame["month"].unique())

    def table(self, column: str) -> np.ndarray:
        """One column as (areas, months)."""
        return self.frame[column].to_numpy(dtype=float).reshape(len(self.areas), len(self.months))


@dataclass(frozen=True, slots=True)
class Design:
    """Which places are treated: how many, whole clusters or not, from how many dates on, out of which.

    Attributes:
        treated: places, or clusters where `whole`.
        whole: whether whole clusters are drawn.
        cohorts: dates of start, `STEP` months apart.
        busiest: only so many places with the most crime before the start are in the panel; 0 for all.
    """

    treated: int
    whole: bool = False
    cohorts: int = 1
    busiest: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A panel's table with the column `start`, blank for never, and how it was drawn."""

    frame: pd.DataFrame
    offence: str
    others: tuple[str, ...]
    start: str
    chosen: Chosen


def boroughs(root: Path) -> Places:
    """The 32 boroughs with residents and their later command unit."""
    tidy = data.read_mps([root / BOROUGHS], months=(FIRST, LAST))
    wide = data.join_population(tidy.wide(BOROUGH_OFFENCES), root / RESIDENTS)
    # Central South has only a year in the file; its date is not used, its name is
    wide = data.join_start(wide, root / UNITS, first_month="next", fill={"Central South": "2018-07"})
    wide = wide.drop(columns=["start", "area_code"]).rename(columns={"area_name": "area"})
    return Places("boroughs", wide.sort_values(["area", "month"], ignore_index=True), BOROUGH_OFFENCES)


def wards(root: Path) -> Places:
    """Every ward by its code, for names repeat; the cluster is its borough."""
    tidy = data.read_mps([root / WARDS], level="ward", months=(FIRST, LAST))
    within = pd.read_parquet(root / WARDS, columns=["wardcode", "lookup_boroughname"]).drop_duplicates()
    wide = tidy.wide(WARD_OFFENCES).drop(columns="area_name").rename(columns={"area_code": "area"})
    wide["cluster"] = wide["area"].map(dict(within.itertuples(index=False)))
    return Places("wards", wide.sort_values(["area", "month"], ignore_index=True), WARD_OFFENCES)


def recorded(places: str) -> Recording:
    """Whose recording the counts of `boroughs` or `wards` are."""
    return Recording("mps_tables", ("metropolitan",), places.removesuffix("s"))


def draw(places: Places, design: Design, *, worst: bool, ratio: float, seed: int, number: int) -> Drawn:
    """Intervention `number` of a seed: the same for every template that asks for this design.

    Args:
        places: where it is drawn.
        design: which places are treated.
        worst: the ten places that stood highest in the year before the start (`level`) or had risen most
            over the years before it (`rise`, every other round of offences) instead of places at random. A
            design with fewer treated draws them out of the ten.
        ratio: share of the crimes of treated places that are left from their start on, by binomial thinning.
        seed, number: which draw.
    """
    rng = np.random.default_rng([seed, number, zlib.crc32(f"{places.kind} {design}".encode())])
    turn, which = divmod(number, len(places.offences))
    offence = places.offences[which]
    chosen: Chosen = "random" if not worst else ("level", "rise")[turn % 2]
    months = places.months
    first = int(rng.integers(months.index(STARTS[0]), months.index(STARTS[1]) + 1))
    pool = _pool(places, design.busiest, first)
    treated = _treated(places, design, pool, offence, chosen, first, rng)
    cohort = rng.permutation(len(treated)) % design.cohorts
    starts = dict(zip(treated, (int(k) for k in first + STEP * cohort), strict=True))
    frame = _window(places, pool, months[first - BEFORE : first + AFTER])
    frame["start"] = frame["area"].map({area: months[start] for area, start in starts.items()})
    # months of one width sort as text; a blank start is never reached
    after = frame["start"].notna() & (frame["month"] >= frame["start"].fillna("9999-12"))
    counts = frame[offence].to_numpy(dtype=np.int64)
    frame[offence] = np.where(after, rng.binomial(counts, ratio), counts)
    others = [places.offences[(which + step) % len(places.offences)] for step in (1, 2)]
    return Drawn(frame, offence, tuple(others), months[first], chosen)


def _pool(places: Places, busiest: int, first: int) -> Bools:
    if not busiest:
        return np.ones(len(places.areas), dtype=bool)
    crimes = sum(places.table(name)[:, first - BEFORE : first].sum(axis=1) for name in places.offences)
    return crimes >= np.sort(crimes)[-busiest]


def _treated(
    places: Places,
    design: Design,
    pool: Bools,
    offence: str,
    chosen: Chosen,
    first: int,
    rng: np.random.Generator,
) -> list[str]:
    areas = np.array(places.areas)
    if chosen != "random":
        worst = areas[_worst(places, pool, offence, chosen, first)]
        return sorted(rng.choice(worst, min(design.treated, WORST), replace=False))
    if not design.whole:
        return sorted(rng.choice(areas[pool], design.treated, replace=False))
    cluster = places.frame["cluster"].to_numpy(dtype=str).reshape(len(areas), -1)[:, 0]
    units = rng.choice(np.unique(cluster), design.treated, replace=False)
    return sorted(areas[np.isin(cluster, units)])


def _worst(places: Places, pool: Bools, offence: str, chosen: Chosen, first: int) -> Ints:
    counts = places.table(offence)
    level = counts / places.table("population") if "population" in places.frame else counts
    stood = level[:, first - YEAR : first].mean(axis=1)
    if chosen == "rise":
        # one crime a year more on both sides, so that a place with none before is no infinite rise
        last = counts[:, first - YEAR : first].sum(axis=1) + 1
        earlier = counts[:, first - BEFORE : first - YEAR].sum(axis=1) * YEAR / (BEFORE - YEAR) + 1
        stood = last / earlier
    return np.argsort(np.where(pool, -stood, np.inf), kind="stable")[:WORST]


def _window(places: Places, pool: Bools, months: list[str]) -> pd.DataFrame:
    kept = set(np.array(places.areas)[pool])
    frame = places.frame
    return frame[frame["area"].isin(kept) & frame["month"].isin(set(months))].reset_index(drop=True)

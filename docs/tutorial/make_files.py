"""Makes the three files of the tutorial: invented counts of a city whose true effect is known.

.venv/bin/python docs/tutorial/make_files.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from whatworks.data.synthetic import synthesise

SEED, FIRST, LAST = 7, "2014-01", "2017-12"


def make(folder: Path) -> None:
    """Write `recorded-crime.csv`, `starts.csv` and `residents.csv` into a folder."""
    city = synthesise(seed=SEED, first=FIRST, last=LAST).frame
    areas = city.drop_duplicates("area_code")
    treated = areas[areas["start_hotspots"].notna() & (areas["start_hotspots"] != "")]
    crime = city[["area_code", "area_name", "bcu", "month", "robbery", "violence"]]
    starts = treated[["area_name", "start_hotspots"]].set_axis(["area", "start"], axis=1)
    years = sorted(city["month"].str.slice(0, 4).unique())
    residents = areas[["area_code"]].merge(
        areas[["area_code", "population"]].assign(year=[years] * len(areas))
    )
    residents = residents.explode("year")[["area_code", "year", "population"]]
    for name, table in (("recorded-crime", crime), ("starts", starts), ("residents", residents)):
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
        print(f"{name}.csv: {len(table):,} rows")


if __name__ == "__main__":
    make(Path(sys.argv[1]))

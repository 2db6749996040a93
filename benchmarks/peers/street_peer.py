"""One peer used directly: counts by LSOA, month and type, nothing checked. Prints seconds and peak GB."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

KEYS = ["LSOA code", "Month", "Crime type"]


def with_polars(tree: Path) -> Callable[[], int]:
    import polars as pl

    return lambda: len(pl.scan_csv(tree / "*" / "*.csv").group_by(KEYS).agg(pl.len()).collect())


def with_duckdb(tree: Path) -> Callable[[], int]:
    import duckdb

    columns = ", ".join(f'"{key}"' for key in KEYS)
    query = f"select {columns}, count(*) as n from read_csv('{tree}/*/*.csv') group by all"
    return lambda: len(duckdb.sql(query).to_arrow_table())


def with_pyarrow(tree: Path) -> Callable[[], int]:
    import pyarrow as pa
    import pyarrow.csv as csv

    def count() -> int:
        wanted = csv.ConvertOptions(include_columns=KEYS, column_types={key: pa.string() for key in KEYS})
        tables = [csv.read_csv(path, convert_options=wanted) for path in sorted(tree.rglob("*.csv"))]
        return len(pa.concat_tables(tables).group_by(KEYS).aggregate([([], "count_all")]))

    return count


def main() -> None:
    name, tree, repeat = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    count = {"polars": with_polars, "duckdb": with_duckdb, "pyarrow": with_pyarrow}[name](tree)
    seconds = []
    for _ in range(repeat):
        start = time.perf_counter()
        count()
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps({"seconds": min(seconds), "peak": peak}))


if __name__ == "__main__":
    main()

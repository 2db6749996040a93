"""A dense block of counts as a long table, built column by column so that millions of rows stay small."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

_AT_ONCE: Final = 2


def long_frame(
    block: npt.NDArray[np.int64],
    *,
    area_codes: Sequence[str],
    area_names: Sequence[str],
    months: Sequence[str],
    offences: Sequence[str],
    gone: npt.NDArray[np.bool_],
) -> pd.DataFrame:
    """One row per area × month × offence of a block with these axes, labels sorted, in that order.

    `gone` (areas × months) marks the pairs that get no row. Columns `area_code`, `area_name`, `month`,
    `offence` (text) and `count` (int64).
    """
    step = len(offences)
    pairs = np.flatnonzero(~gone.ravel())
    area, month = np.divmod(pairs, max(len(months), 1))
    counts = block.reshape(-1, step)
    whole = len(pairs) == len(counts)
    build: dict[str, Callable[[], Any]] = {
        "area_code": lambda: _spread(area_codes, area, step),
        "area_name": lambda: _spread(area_names, area, step),
        "month": lambda: _spread(months, month, step),
        "offence": lambda: _tiled(offences, len(pairs)),
        "count": lambda: counts.ravel() if whole else counts[pairs].ravel(),
    }
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        made = {name: pool.submit(column) for name, column in build.items()}
        return pd.DataFrame({name: column.result() for name, column in made.items()}, copy=False)


def _spread(labels: Sequence[str], at: npt.NDArray[np.int64], step: int) -> Any:
    """The labels at the positions `at`, each repeated `step` times."""
    import pyarrow as pa

    raw = [label.encode("utf-8") for label in labels]
    sizes = np.array([len(label) for label in raw], dtype=np.int64)
    # a label written out `step` times is the same run of bytes as `step` labels: a take of few long strings
    runs = pa.array([label * step for label in raw], pa.large_binary()).take(pa.array(at))
    data = runs.buffers()[2]
    return _text(np.repeat(sizes[at], step), data)


def _tiled(labels: Sequence[str], times: int) -> Any:
    """All the labels in order, `times` over."""
    import pyarrow as pa

    raw = [label.encode("utf-8") for label in labels]
    sizes = np.array([len(label) for label in raw], dtype=np.int64)
    data = np.tile(np.frombuffer(b"".join(raw), dtype=np.uint8), times)
    return _text(np.tile(sizes, times), pa.py_buffer(data))


def _text(sizes: npt.NDArray[np.int64], data: Any) -> Any:
    import pyarrow as pa

    offsets = np.empty(len(sizes) + 1, dtype=np.int64)
    offsets[0] = 0
    np.cumsum(sizes, out=offsets[1:])
    array = pa.LargeStringArray.from_buffers(len(sizes), pa.py_buffer(offsets), data)
    return pd.array(array, dtype="str")

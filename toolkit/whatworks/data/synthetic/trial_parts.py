"""What the synthetic trials share: counts that vary more than chance, assignments, the head of the truth."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from whatworks.arrays import Floats, Ints
from whatworks.data.synthetic.draws import poisson_quantile, uniforms
from whatworks.errors import TrialError, first_few

GENERATOR: Final = 1
FOLDER: Final = "trials"
"""Where the files of the synthetic trials lie, inside the folder of synthetic data."""


def hidden_rates(expected: Floats, dispersion: float, seed: int, stream: int) -> Floats:
    """Hidden rates with mean 1, gamma with shape `expected`/(φ − 1), so that counts have variance φ × mean.

    Shapes: `expected` of any shape, above 0; the result has the same.
    Source: Cameron & Trivedi (2013), section 3.3 (NB1).
    """
    from scipy.special import gammaincinv

    shape = expected / (dispersion - 1)
    return np.asarray(gammaincinv(shape, uniforms(seed, stream, expected.shape)) / shape)


def counts(mean: Floats, seed: int, stream: int) -> Ints:
    """Poisson counts around means of any shape; a unit keeps its luck whichever arm it is in."""
    # nine decimals, so that the same numbers meet the Poisson step whatever the maths library
    drawn = poisson_quantile(uniforms(seed, stream, mean.shape), np.round(mean, 9))
    return drawn.reshape(mean.shape)


def assigned(
    allocation: pd.DataFrame, listed: pd.DataFrame, keys: Sequence[str], columns: Sequence[str]
) -> pd.DataFrame:
    """The columns of an allocation's table in the order of the list that was randomised.

    Raises `TrialError` for an allocation of other units, or one that lacks a column.
    """
    missing = [name for name in (*keys, *columns) if name not in allocation.columns]
    if missing:
        raise TrialError(
            f"the allocation has no column {missing[0]!r}",
            where="synthetic trial",
            remedy="Give the table of rct.randomise on the list of this trial.",
        )
    table = allocation.set_index(list(keys))[list(columns)]
    wanted = listed.set_index(list(keys)).index
    strange = wanted.symmetric_difference(table.index)
    if len(strange) or not table.index.is_unique:
        raise TrialError(
            f"the allocation is not one of this trial's list: {first_few(map(str, strange))}",
            where="synthetic trial",
            remedy="Randomise the list that the same seed gives.",
        )
    return table.loc[wanted].reset_index(drop=True)


def truth(name: str, frame: pd.DataFrame, seed: int, **more: Any) -> dict[str, Any]:
    """What a perfect trial would have found, with the head that every synthetic table has."""
    table = frame.to_csv(index=False, lineterminator="\n").encode("utf-8")
    return {
        "schema": "whatworks.synthetic/1",
        "notice": "Every unit, person, count and intervention here is invented.",
        "seed": int(seed),
        "generator": GENERATOR,
        "table": {"file": f"{name}.csv", "rows": len(frame), "sha256": hashlib.sha256(table).hexdigest()},
        **more,
    }


def percent(after: Floats, before: Floats) -> float:
    """The change from `before` to `after` in percent, so far rounded that maths libraries agree."""
    return round(100 * float(after.sum() / before.sum() - 1), 6) + 0

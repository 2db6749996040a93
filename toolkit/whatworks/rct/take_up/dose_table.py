"""How much of a treatment each arm got, and whose dose the assignment moved."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
import pandas as pd

from whatworks.arrays import Bools, Floats

QUANTILES: Final = (0.1, 0.25, 0.5, 0.75, 0.9)
BANDS: Final = 4

_WHOLE: Final = 1e-9


def doses(dose: Floats, treated: Bools, arms: tuple[str, ...], planned: float | None) -> pd.DataFrame:
    """One row an arm: rows, mean, quantiles, share without any, share of rows that reached the planned dose.

    Args:
        dose: (n,) doses.
        treated: (n,) rows of the treatment arm.
        arms: control and treatment.
        planned: the dose that was planned, or None: the column is then left out.
    """
    rows = []
    for label, here in zip(arms, (~treated, treated), strict=True):
        own = dose[here]
        row: dict[str, object] = {"arm": label, "n": len(own), "mean": own.mean()}
        row |= {f"{q:.0%}": np.quantile(own, q) for q in QUANTILES}
        row["share at 0"] = (own == 0).mean()
        if planned is not None:
            row["mean over planned"] = own.mean() / planned
            row["share that reached the plan"] = (own >= planned).mean()
        rows.append(row)
    return pd.DataFrame(rows)


def moved(dose: Floats, treated: Bools) -> pd.DataFrame:
    """Where on the scale of doses assignment moved people: columns from, to, weight; weights sum to 1.

    The weight of a band is the integral over it of the difference between the arms' shares with at least so
    large a dose, over the difference in mean doses. Bands split the doses of both arms into equal parts. The
    effect per unit of dose averages the effects of one more unit with these weights; a negative one means
    that assignment lowered some doses there.

    Source: Angrist & Imbens (1995), Journal of the American Statistical Association 90(430), theorem 1.
    """
    edges = np.unique([0.0, *np.quantile(dose[dose > 0], np.arange(1, BANDS + 1) / BANDS, method="higher")])
    # the share with at least t, integrated from a to b, is the mean of the dose cut to [a, b] less a
    cut = [np.clip(dose, a, b) - a for a, b in pairwise(edges)]
    gain = np.array([part[treated].mean() - part[~treated].mean() for part in cut])
    return pd.DataFrame({"from": edges[:-1], "to": edges[1:], "weight": gain / gain.sum()})


def lowered(dose: Floats, treated: Bools) -> bool:
    """Whether some dose is reached by a smaller share under treatment than under control."""
    levels = np.unique(dose)
    shares = [
        1 - np.searchsorted(np.sort(dose[here]), levels, side="left") / here.sum()
        for here in (treated, ~treated)
    ]
    return bool((shares[0] < shares[1] - _WHOLE).any())

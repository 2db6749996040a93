"""Wild score bootstrap of estimates that are linear in the outcome, and cohorts that carry no noise."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.did.linear.scores import Sample, stacked_scores
from whatworks.inference.errors.wild import WildCluster
from whatworks.inference.fits.rows import by_cluster
from whatworks.inference.uncertainty import Uncertainty

THIN_SHARE: Final = 0.1
"""With more weight on single units no error is given; up to it, errors are some 5% short at most."""


def wild(
    data: Sample, coefficients: list[Floats], effects: list[Bools], method: WildCluster, level: float
) -> Uncertainty:
    """Uncertainty of k estimates Σ a·y, each with (N, T) `coefficients` a and the cells it is about."""
    plain = method.from_scores(*stacked_scores(data, coefficients, effects), level=level)
    codes = np.arange(len(data.weight)) if data.cluster is None else data.cluster
    aims = [cells & data.observed for cells in effects]
    alone = [len(np.unique(codes[aim.any(axis=1)])) == 1 for aim in aims]
    # flipping signs still tests a single treated cluster, but its standard error would be an artefact
    reason = tuple(
        "; ".join(w for w in (words, thin_reason(1.0, data) if only else "") if w)
        for words, only in zip(plain.reason, alone, strict=True)
    )
    return replace(plain, std_error=np.where(alone, np.nan, plain.std_error), reason=reason)


def pieces(data: Sample, cells: Bools) -> Ints:
    """(S, T) clusters (units without) of each cohort among the given (N, T) cells, by period."""
    if data.cluster is None:
        return np.stack([cells[data.members(s)].sum(axis=0) for s in range(len(data.cohorts))])
    rows = []
    for s in range(len(data.cohorts)):
        members = data.members(s)
        inside = by_cluster(cells[members].astype(np.float64), data.cluster[members], data.n_clusters)
        rows.append((inside > 0).sum(axis=0))
    return np.stack(rows)


def thin_reason(share: float, data: Sample, spent: int = 0) -> str:
    """Why an average with such a share of its weight on single units or clusters has no error.

    `spent` counts the slopes of its own that each cohort has in a period, which fit as many more exactly.
    """
    word = "unit" if data.cluster is None else "cluster"
    few = f"no more than {1 + spent} {word}s" if spent else f"a single {word}"
    return lies_on(share, f"cohorts of {few} in their period", word)


def lies_on(share: float, cohorts: str, word: str) -> str:
    """Why there is no error where such a share of the weight lies on these cohorts of units or clusters."""
    return (
        f"{'all' if share > 0.9995 else f'{share:.0%}'} of the weight lies on {cohorts}, where nothing shows "
        f"how far a {word} strays by chance; the usual formula would count that as no noise at all"
    )

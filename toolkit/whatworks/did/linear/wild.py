"""Errors of regressions bootstrapped by scores, and cohorts that carry no noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.did.effects import RegressionErrors
from whatworks.did.linear.scores import Sample, stacked_scores
from whatworks.inference.errors.uniform import Terms, score_terms
from whatworks.inference.errors.wild import WildCluster
from whatworks.inference.fits.rows import by_cluster
from whatworks.inference.uncertainty import Uncertainty
from whatworks.results import NotAvailable

THIN_SHARE: Final = 0.1
"""With more weight on single units no error is given; up to it, errors are some 5% short at most."""


@dataclass(frozen=True, slots=True, eq=False)
class ScoredErrors(RegressionErrors):
    """Of a regression whose bootstrap multiplies scores, as its effects are sums Σ a·y of outcomes.

    Attributes:
        sample: the panel as arrays.
        made_of: from combinations (m, J) of effects to the m (N, T) coefficients a of each.
        aims: from combinations to the (N, T) cells that each is about.
        lone: from combinations to why each has no error in spite of the formula, empty where it has one.
    """

    sample: Sample
    made_of: Callable[[Floats], list[Floats]]
    aims: Callable[[Floats], list[Bools]]
    lone: Callable[[Floats], tuple[str, ...]] | None = None

    def uncertainty(self, weights: Floats, level: float) -> Uncertainty:
        """From scores under the wild bootstrap, else as the inference gives it for the regression."""
        method = self.choice.inference
        if isinstance(method, WildCluster):
            return wild(self.sample, self.made_of(weights), self.aims(weights), method, level)
        found = RegressionErrors.uncertainty(self, weights, level).beyond_rounding(self.sample.outcome)
        if self.lone is None or isinstance(method, NotAvailable):
            return found
        return _withheld(found, self.lone(weights))

    def outcomes(self, weights: Floats) -> list[Floats]:
        """The coefficients themselves."""
        return self.made_of(weights)

    def redrawn(self, method: WildCluster, keep: Bools) -> list[Terms]:
        """Scores of each effect with its own null."""
        rows = np.eye(self.count)[keep]
        return [score_terms(method, *stacked_scores(self.sample, self.made_of(rows), self.aims(rows)))]


def _withheld(found: Uncertainty, lone: tuple[str, ...]) -> Uncertainty:
    reason = tuple(ours or theirs for ours, theirs in zip(lone, found.reason, strict=True))
    gap = np.array([bool(words) for words in reason])

    def blank(values: Floats) -> Floats:
        return np.where(gap, np.nan, values)

    return replace(
        found,
        reason=reason,
        std_error=blank(found.std_error),
        low=blank(found.low),
        high=blank(found.high),
        p_value=blank(found.p_value),
    )


def wild(
    data: Sample, coefficients: list[Floats], effects: list[Bools], method: WildCluster, level: float
) -> Uncertainty:
    """Uncertainty of k estimates Σ a·y, each with (N, T) `coefficients` a and the cells it is about."""
    plain = method.from_scores(*stacked_scores(data, coefficients, effects), level=level)
    plain = plain.beyond_rounding(data.outcome)
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

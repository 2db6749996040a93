"""Partially pooled synthetic controls: each treated unit's fit and their average's, weighed together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.synth.simplex import nearest
from whatworks.synth.staggered_pool import Cohorts
from whatworks.synth.staggered_programme import over_blocks

_HELD: Final = 2**18
_EXACT: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class StaggeredProblems:
    """B times J synthetic controls to be found together on one table of outcomes.

    Placebos in space change `members` and `allowed`; leaving a unit out changes `allowed` and `share`.

    Attributes:
        outcome: (N, T), shared by all.
        columns: (J, E) position of each event time in the outcome, slot by slot.
        pre: (E,) event times that are matched.
        members: (B, J) the unit in each slot.
        share: (B, J) weights of the slots in the mean, each row summing to one; zero leaves a slot out.
        allowed: (B, J, N) donors of each slot.
        pooling: (B,) ν where it is known beforehand, or None.
    """

    outcome: Floats
    columns: Ints
    pre: Bools
    members: Ints
    share: Floats
    allowed: Bools
    pooling: Floats | None = None

    def rows(self, which: slice) -> StaggeredProblems:
        """Some of the B."""
        return replace(
            self,
            members=self.members[which],
            share=self.share[which],
            allowed=self.allowed[which],
            pooling=None if self.pooling is None else self.pooling[which],
        )


@dataclass(frozen=True, slots=True, eq=False)
class StaggeredFits:
    """What was found for each of B problems.

    Attributes:
        counterfactual: (B, E) mean path of the treated units without the treatment.
        gaps: (B, E) their mean gap.
        unit_gaps: (B, J, E) gap of each slot.
        weights: (B, N) donor weights averaged over the slots.
        unit_weights: (B, J, N) donor weights of each slot.
        pooling: (B,) ν.
        pooled: (B,) root mean square over the lags of the mean gap.
        separate: (B,) root mean square over slots and lags of the gaps.
        pooled_before, separate_before: (B,) the same of the separate fits (ν = 0).
        certificate: (B,) how far the normalised objective can be above its minimum.
    """

    counterfactual: Floats
    gaps: Floats
    unit_gaps: Floats
    weights: Floats
    unit_weights: Floats
    pooling: Floats
    pooled: Floats
    separate: Floats
    pooled_before: Floats
    separate_before: Floats
    certificate: Floats


StaggeredFit = Callable[[StaggeredProblems], StaggeredFits]


@dataclass(frozen=True, slots=True)
class PartlyPooled:
    """The partially pooled fit as a function that can be asked again.

    Minimises ν·pooled²/pooled₀² + (1 − ν)·separate²/separate₀² over the weights of all treated units, where
    the imbalances in the denominators are those of the separate fits.

    Attributes:
        pooling: ν in [0, 1], or None for the ratio of the separate fits' pooled imbalance to the mean of
            their imbalances, which the triangle inequality keeps in [0, 1].
        intercept: match each path less its own mean over the lags.

    Source: Ben-Michael, Feller & Rothstein (2022), Journal of the Royal Statistical Society B 84(2).
    """

    pooling: float | None = None
    intercept: bool = True

    def __call__(self, problems: StaggeredProblems) -> StaggeredFits:
        """Weights, gaps and imbalances of every problem."""
        involved = np.flatnonzero(problems.allowed.any(axis=(0, 1)))
        parts = [self._some(part, involved) for part in _chunks(problems, len(involved))]
        names = StaggeredFits.__dataclass_fields__
        return StaggeredFits(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in names})

    def imbalance(self, problems: StaggeredProblems, weights: Floats) -> tuple[Floats, Floats]:
        """(B,) pooled and separate imbalance of any weights (B, J, N), zero where not allowed."""
        paths = _paths(problems, self.intercept)[:, :, problems.pre]
        target = paths[np.arange(len(paths))[None], problems.members]
        apart = np.where(weights[..., None] > 0, paths[None] - target[:, :, None], 0.0)
        return _imbalance(apart, weights, problems.share)

    def _some(self, problems: StaggeredProblems, involved: Ints) -> StaggeredFits:
        paths = _paths(problems, self.intercept)
        count, slots = problems.members.shape
        target = paths[np.arange(slots)[None], problems.members]
        # a unit that a slot may never use can miss cells there
        usable = np.asarray(problems.allowed.any(axis=0))[:, involved]
        donors = np.where(usable[:, :, None], paths[:, involved], 0.0)
        allowed = problems.allowed[:, :, involved]
        pre = problems.pre
        apart = donors[None][..., pre] - target[:, :, None, pre]
        each = apart.reshape(count * slots, len(involved), -1).transpose(0, 2, 1)
        alone = nearest(each, np.zeros(each.shape[:2]), allowed=allowed.reshape(count * slots, -1))
        start = alone.weights.reshape(allowed.shape)
        separate = _imbalance(apart, start, problems.share)
        nu = self._pooling(problems, apart, start)
        found, certificate = _joint(apart, allowed, start, problems.share, separate, nu)
        after = _imbalance(apart, found, problems.share)
        unit_gaps = target - np.einsum("bjn,jne->bje", found, donors)
        weights = np.zeros(problems.allowed.shape)
        weights[:, :, involved] = found
        gaps = np.einsum("bj,bje->be", problems.share, unit_gaps)
        raw = problems.outcome[problems.members[:, :, None], problems.columns[None]]
        return StaggeredFits(
            counterfactual=np.einsum("bj,bje->be", problems.share, raw) - gaps,
            gaps=gaps,
            unit_gaps=unit_gaps,
            weights=np.einsum("bj,bjn->bn", problems.share, weights),
            unit_weights=weights,
            pooling=nu,
            pooled=after[0],
            separate=after[1],
            pooled_before=separate[0],
            separate_before=separate[1],
            certificate=certificate,
        )

    def _pooling(self, problems: StaggeredProblems, apart: Floats, weights: Floats) -> Floats:
        if problems.pooling is not None:
            return problems.pooling
        if self.pooling is not None:
            return np.full(len(weights), float(self.pooling))
        gaps = np.einsum("bjnl,bjn->bjl", apart, weights)
        whole = np.linalg.norm(np.einsum("bj,bjl->bl", problems.share, gaps), axis=1)
        each = (problems.share * np.linalg.norm(gaps, axis=2)).sum(axis=1)
        return np.where(each > 0, whole / np.where(each > 0, each, 1.0), 0.0)


def actual(cohorts: Cohorts) -> StaggeredProblems:
    """The one problem that answers the question."""
    return StaggeredProblems(
        cohorts.outcome,
        cohorts.columns,
        cohorts.pre,
        cohorts.members[None],
        cohorts.share[None],
        cohorts.allowed[None],
    )


def _chunks(problems: StaggeredProblems, size: int) -> Iterator[StaggeredProblems]:
    """Parts whose programmes fit in memory that processors keep near."""
    count, slots = problems.members.shape
    step = max(1, _HELD // (slots * size) ** 2)
    for low in range(0, count, step):
        yield problems.rows(slice(low, low + step))


def _paths(problems: StaggeredProblems, intercept: bool) -> Floats:
    """(J, N, E) every unit's path in each slot's event time, less its mean over the lags if asked."""
    paths = problems.outcome[:, problems.columns].transpose(1, 0, 2)
    return paths - paths[:, :, problems.pre].mean(axis=2, keepdims=True) if intercept else paths


def _imbalance(apart: Floats, weights: Floats, share: Floats) -> tuple[Floats, Floats]:
    """(B,) pooled and separate imbalance."""
    gaps = np.einsum("bjnl,bjn->bjl", apart, weights)
    pooled = (np.einsum("bj,bjl->bl", share, gaps) ** 2).mean(axis=1)
    separate = (share * (gaps**2).mean(axis=2)).sum(axis=1)
    return np.sqrt(pooled), np.sqrt(separate)


def _joint(
    apart: Floats, allowed: Bools, start: Floats, share: Floats, before: tuple[Floats, Floats], nu: Floats
) -> tuple[Floats, Floats]:
    """(B, J, n) weights that minimise the normalised objective, and its duality gap."""
    found, certificate = start.copy(), np.zeros(len(start))
    size = np.sqrt((apart**2).max(axis=(1, 2, 3)))
    # perfect separate fits leave nothing to trade; a perfect pooled one neither
    open_ = np.flatnonzero((nu > 0) & (before[0] > _EXACT * size) & (before[1] > _EXACT * size))
    if start.shape[1] == 1 or not len(open_):
        return found, certificate
    a, w = apart[open_], share[open_]
    count, slots, donors, lags = a.shape
    weighted = (a * w[:, :, None, None]).reshape(count, slots * donors, lags)
    gram = np.matmul(weighted, weighted.transpose(0, 2, 1)) * _column(nu, before[0], open_, lags)
    gram = gram.reshape(count, slots, donors, slots, donors)
    alone = np.matmul(a, a.transpose(0, 1, 3, 2)) * w[:, :, None, None]
    for j in range(slots):
        gram[:, j, :, j, :] += alone[:, j] * _column(1 - nu, before[1], open_, lags)
    solved = over_blocks(gram, allowed[open_], start[open_])
    found[open_], certificate[open_] = solved.weights, solved.gap
    return found, certificate


def _column(part: Floats, before: Floats, open_: Ints, lags: int) -> Floats:
    return np.asarray((part[open_] / (lags * before[open_] ** 2))[:, None, None])

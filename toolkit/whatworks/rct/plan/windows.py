"""Trials put together from the unit's own past: drawn arms, random windows, implanted effects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd

from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import DesignError, OptionError
from whatworks.inference import draws as random_draws
from whatworks.panel import NEVER, Panel
from whatworks.rct.assign.designs import AtOnce, Listed, SteppedWedge
from whatworks.rct.assign.layout import Layout
from whatworks.rct.assign.rota import Rota
from whatworks.rct.assign.schedule import Crossover

Kind = Literal["percent", "additive"]

WHERE: Final = "rct.power_by_simulation"
_CELLS: Final = 2_000_000
_BY_EVENT: Final = 100
"""Above this mean count events are thinned by the normal approximation, rounded."""


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """G clusters (units) over T past periods, and how chance would deal them.

    Attributes:
        series: (G, T) sums over a cluster's units.
        size: (G,) units of each.
        layout: what chance may do where arms are dealt at once; None for a schedule.
        begins: first period that a trial may take; those before it made the list's baseline.
        counts: whether the outcome is made of whole numbers of at least 0.
    """

    series: Floats
    size: Ints
    layout: Layout | None
    begins: int
    counts: bool

    @classmethod
    def of(cls, past: Panel, design: AtOnce | Crossover | Rota, periods: int) -> Past:
        """Raises `DesignError` for gaps, treated cells, or a schedule of clusters."""
        if not past.balanced or (past.start != NEVER).any():
            raise DesignError(
                "the past has cells without an outcome, or units already treated",
                where=WHERE,
                remedy="Use a window from before any treatment, and Panel.drop_incomplete.",
            )
        scheduled = isinstance(design, Crossover | Rota)
        if scheduled and past.cluster is not None:
            raise DesignError("a schedule deals days to units, not to clusters", where=WHERE)
        codes = past.cluster_codes
        series = np.zeros((int(codes.max()) + 1, past.n_periods))
        np.add.at(series, codes, past.outcome)
        counts = bool((past.outcome >= 0).all() and (past.outcome == np.round(past.outcome)).all())
        if isinstance(design, Crossover | Rota):
            return cls(series, np.bincount(codes), None, 0, counts)
        begins = min(past.n_periods // 2, past.n_periods - periods) if "baseline" in design.uses else 0
        if "baseline" in design.uses and begins < 1:
            raise DesignError(
                "no period before the trial is left to match on",
                where=WHERE,
                remedy="Give a longer past or plan a shorter trial.",
            )
        layout = design.layout(_listed(past, codes, begins), _arms(design))
        return cls(series, np.bincount(codes), layout, begins, counts)


def _arms(design: AtOnce) -> int:
    return design.steps if isinstance(design, SteppedWedge) else 2


def _listed(past: Panel, codes: Ints, begins: int) -> Listed:
    """The list that the design draws from: `baseline`, the mean before any window, and covariates."""
    frame = pd.DataFrame({"baseline": past.outcome[:, :begins].mean(axis=1)} if begins else {})
    for name, values in zip(past.covariate_names, past.covariates, strict=True):
        frame[name] = values[:, 0]
    labels = past.cluster_names
    return Listed(frame, past.units, codes, labels, "unit" if past.cluster is None else "cluster")


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """S trials without effect.

    Attributes:
        outcome: (S, G, P) sums over a cluster; where arms are dealt at once P is 1, the sum over the window.
        treated: (S, G, P) of 0 and 1; (1, G, P) for a stepped wedge, whose clusters are sorted by step.
        kept: (S, G, P) cells that count; None for all.
        size: (S, G) how many observations a sum is of.
        baseline: (S, G) means before the window, or None.
    """

    outcome: Floats
    treated: Floats
    kept: Bools | None
    size: Floats
    baseline: Floats | None

    @property
    def means(self) -> Floats:
        """(S, G, P) means of observations."""
        return self.per_observation(self.outcome)

    def per_observation(self, outcome: Floats) -> Floats:
        """(S, G, P) sums over their numbers."""
        return np.asarray(outcome / self.size[:, :, None])


def batches(
    past: Past, design: AtOnce | Crossover | Rota, periods: int, baseline: int, sims: int, seed: int
) -> Iterator[tuple[Batch, np.random.PCG64]]:
    """`sims` trials in batches that fit into memory, and the bits for what else is drawn."""
    bits = np.random.PCG64(np.random.SeedSequence(random_draws.check_seed(seed)))
    units, total = past.series.shape
    heavy = max(1.0, float(past.series.mean())) if past.counts and past.series.mean() <= _BY_EVENT else 1.0
    step = max(1, int(_CELLS / (units * periods * heavy)))
    for low in range(0, sims, step):
        count = min(step, sims - low)
        start = max(baseline, past.begins)
        room = total - periods - start + 1
        first = start + (random_draws.uniforms(bits, (count,)) * room).astype(np.int64)
        yield _drawn(past, design, bits, first, periods, baseline), bits


def _drawn(
    past: Past,
    design: AtOnce | Crossover | Rota,
    bits: np.random.PCG64,
    first: Ints,
    periods: int,
    baseline: int,
) -> Batch:
    """Trials in the windows that begin at `first` (S,)."""
    units, at = np.arange(len(past.size)), first[:, None] + np.arange(periods)
    size = np.broadcast_to(past.size.astype(np.float64), (len(first), len(units)))
    if isinstance(design, Crossover | Rota):
        arms = design.draw(bits, len(units), len(first))
        kept = ~design.washed(arms) if design.washout else None
        return Batch(np.moveaxis(past.series[:, at], 0, 1), arms.astype(np.float64), kept, size, None)
    if past.layout is None:
        raise OptionError("a design of arms dealt at once has a layout", where=WHERE)
    arms = past.layout.draw(bits, len(first))
    if isinstance(design, SteppedWedge):
        order = np.argsort(arms, axis=1, kind="stable")
        steps = np.repeat(np.arange(design.steps), past.layout.counts[0])
        treated = np.arange(periods) >= (design.first - 1 + steps * design.every)[:, None]
        outcome = past.series[order[:, :, None], at[:, None, :]]
        return Batch(
            outcome, treated[None].astype(np.float64), None, past.size[order].astype(np.float64), None
        )
    sums = np.concatenate([np.zeros((len(units), 1)), past.series.cumsum(axis=1)], axis=1)
    outcome = (sums[:, first + periods] - sums[:, first]).T[:, :, None]
    before = (sums[:, first] - sums[:, first - baseline]).T / baseline / past.size if baseline else None
    if past.counts:
        outcome = np.round(outcome)
    return Batch(outcome, arms[:, :, None].astype(np.float64), None, size * periods, before)


def implanted(past: Past, batch: Batch, effects: Floats, bits: np.random.PCG64) -> Iterator[Floats]:
    """The outcome (S, G, P) under each relative effect.

    Counts are thinned: each event of a treated cell is kept with probability 1 + effect, so that what is left
    are whole numbers, as overdispersed as thinning leaves them; rises add each event again with probability
    `effect`. The same event meets the same uniform under every effect. Other outcomes are multiplied.
    """
    if not past.counts:
        for effect in effects:
            yield batch.outcome * (1 + effect * batch.treated)
        return
    here = np.flatnonzero(np.broadcast_to(batch.treated > 0, batch.outcome.shape))
    count = batch.outcome.ravel()[here].astype(np.int64)
    shares, rank = np.unique(np.abs(effects), return_inverse=True)
    moved = _by_event if len(count) and count.mean() <= _BY_EVENT else _approximate
    gone = moved(count, shares, bits)
    for effect, at in zip(effects.tolist(), rank.ravel().tolist(), strict=True):
        changed = batch.outcome.ravel().copy()
        changed[here] += np.sign(effect) * gone[at]
        yield changed.reshape(batch.outcome.shape)


def _by_event(count: Ints, shares: Floats, bits: np.random.PCG64) -> list[Floats]:
    """(C,) events of each cell that go under each of ascending shares; an event has one uniform for all."""
    uniform = random_draws.uniforms(bits, (int(count.sum()),))
    low = np.flatnonzero(uniform < shares[-1])
    first = np.searchsorted(shares, uniform[low], side="right")
    cell = np.searchsorted(np.cumsum(count), low, side="right") if len(low) else low
    table = np.bincount(first * len(count) + cell, minlength=len(shares) * len(count))
    return list(table.reshape(len(shares), -1).cumsum(axis=0).astype(np.float64))


def _approximate(count: Ints, shares: Floats, bits: np.random.PCG64) -> list[Floats]:
    """The same by the normal approximation, rounded, every cell with one uniform for all shares."""
    from scipy import special

    normal = special.ndtri(np.clip(random_draws.uniforms(bits, (len(count),)), 1e-12, 1 - 1e-12))
    drawn = (np.round(count * p + np.sqrt(count * p * (1 - p)) * normal) for p in shares.tolist())
    return [np.asarray(np.clip(gone, 0, count)) for gone in drawn]

"""Trials put together from the unit's own past: drawn arms, random windows, implanted effects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from whatworks.errors import DesignError, OptionError
from whatworks.inference import draws as random_draws
from whatworks.panel import NEVER, Panel
from whatworks.rct.crossover import Crossover
from whatworks.rct.designs import AtOnce, Listed, SteppedWedge
from whatworks.rct.layout import Layout
from whatworks.rct.rota import Rota

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
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
        codes = np.arange(past.n_units) if past.cluster is None else past.cluster
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
    labels = past.units if past.cluster is None else past.cluster_labels
    return Listed(frame, past.units, codes, labels, "unit" if past.cluster is None else "cluster")


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """S trials: outcome without effect and treated (S, G, P), kept cells or None, baseline (S, G) or None."""

    outcome: Floats
    treated: Floats
    kept: Bools | None
    baseline: Floats | None


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
        at = first[:, None] + np.arange(periods)
        outcome = np.moveaxis(past.series[:, at], 0, 1)
        before = None
        if baseline:
            back = first[:, None] - 1 - np.arange(baseline)
            before = past.series[:, back].mean(axis=2).T / past.size
        treated, kept = _drawn(past, design, bits, count, periods)
        yield Batch(outcome, treated, kept, before), bits


def _drawn(
    past: Past, design: AtOnce | Crossover | Rota, bits: np.random.PCG64, count: int, periods: int
) -> tuple[Floats, Bools | None]:
    units = len(past.size)
    if isinstance(design, Crossover | Rota):
        arms = design.draw(bits, units, count)
        return arms.astype(np.float64), ~design.washed(arms) if design.washout else None
    if past.layout is None:
        raise OptionError("a design of arms dealt at once has a layout", where=WHERE)
    arms = past.layout.draw(bits, count)
    if isinstance(design, SteppedWedge):
        begins = design.first + arms * design.every
        return (np.arange(periods) >= begins[:, :, None]).astype(np.float64), None
    return np.repeat(arms[:, :, None], periods, axis=2).astype(np.float64), None


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
    here = np.flatnonzero(batch.treated.ravel() > 0)
    count = batch.outcome.ravel()[here].astype(np.int64)
    by_event = past.series.mean() <= _BY_EVENT
    uniform = random_draws.uniforms(bits, (int(count.sum()) if by_event else len(here),))
    cell = np.repeat(np.arange(len(here)), count) if by_event else here
    for effect in effects:
        share = abs(float(effect))
        if by_event:
            moved = np.bincount(cell[uniform < share], minlength=len(here)).astype(np.float64)
        else:
            moved = _approximate(count, share, uniform)
        changed = batch.outcome.ravel().copy()
        changed[here] += np.sign(effect) * moved
        yield changed.reshape(batch.outcome.shape)


def _approximate(count: Ints, share: float, uniform: Floats) -> Floats:
    from scipy import special

    spread = np.sqrt(count * share * (1 - share))
    drawn = np.round(count * share + spread * special.ndtri(np.clip(uniform, 1e-12, 1 - 1e-12)))
    return np.asarray(np.clip(drawn, 0, count))

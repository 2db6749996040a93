"""Synthetic difference-in-differences with several starts: cohort by cohort, then averaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from whatworks.answer import explained, taken, the_treated
from whatworks.arrays import Bools, Floats
from whatworks.errors import DesignError, OptionError
from whatworks.inference import draws as random_draws
from whatworks.inference.default import decide_by_units, small_pools
from whatworks.inference.errors.jackknife import Jackknife
from whatworks.inference.percent import relative_change
from whatworks.inference.synthetic.placebo_error import PlaceboError, rank_p
from whatworks.inference.synthetic.unit_bootstrap import UnitBootstrap
from whatworks.inference.uncertainty import Uncertainty
from whatworks.panel import Panel
from whatworks.results import Result
from whatworks.synth.answer import SynthDetail, sizes, sure_from
from whatworks.synth.by_units import drawn, left_out
from whatworks.synth.pool import Pool, pool_of
from whatworks.synth.problems import Problems
from whatworks.synth.quantify import Inference, detectable
from whatworks.synth.synthdid_fit import SyntheticDid, Weights
from whatworks.synth.synthdid_weights import WHERE, solved


@dataclass(frozen=True, slots=True, eq=False)
class CohortsDetail:
    """What synthetic difference-in-differences with several starts computed on the way.

    Attributes:
        cohorts: by label of the start, what a result with that start alone has.
        by_cohort: one row a start: its treated units, its share of the treated unit-periods, and its mean
            effect with error, interval and p-value.
        placebos: (B,) overall estimates with donors in the treated units' place, where they were run.
    """

    cohorts: dict[str, SynthDetail]
    by_cohort: pd.DataFrame
    placebos: Floats | None


@dataclass(frozen=True, slots=True, eq=False)
class Averages:
    """How cohorts become the estimates of the table: overall, by event time from 0 on, by cohort.

    Attributes:
        pools: one a cohort, rows as in the whole panel.
        ways: how each is estimated.
    """

    pools: tuple[Pool, ...]
    ways: tuple[SyntheticDid, ...]

    @property
    def longest(self) -> int:
        """Event times that some cohort reaches, counted from the start."""
        return max(int(pool.post.sum()) for pool in self.pools)

    def units(self) -> Floats:
        """(G,) treated units, or their weights where the panel has weights."""
        weight = self.pools[0].panel.weight
        each = np.ones(self.pools[0].panel.n_units) if weight is None else weight
        return np.array([each[pool.treated].sum() for pool in self.pools])

    def path(self, gaps: Sequence[Floats], event_time: int, counts: Floats) -> Floats:
        """(B,) mean gap at an event time over the cohorts that have it; NaN where none of them is there."""
        total, count = np.zeros(len(counts)), np.zeros(len(counts))
        for pool, own, number in zip(self.pools, gaps, counts.T, strict=True):
            at = int(np.flatnonzero(pool.post)[0]) + event_time
            if 0 <= at < own.shape[1]:
                total += np.where(number > 0, number * own[:, at], 0.0)
                count += number
        return np.where(count > 0, total / np.where(count > 0, count, 1.0), np.nan)

    def over(self, gaps: Sequence[Floats], counts: Floats) -> Floats:
        """(B, 1 + E + G) estimates from G gaps (B, T) and the treated units that count in each (B, G)."""
        means = np.stack([own[:, p.post].mean(axis=1) for p, own in zip(self.pools, gaps, strict=True)], 1)
        cells = counts * np.array([pool.post.sum() for pool in self.pools])
        overall = np.where(cells > 0, cells * means, 0.0).sum(axis=1) / cells.sum(axis=1)
        paths = [self.path(gaps, e, counts) for e in range(self.longest)]
        return np.column_stack([overall, *paths, np.where(cells > 0, means, np.nan)])


def staggered(
    panel: Panel,
    pools: tuple[Pool, ...],
    covariates: Floats,
    weights: Weights,
    *,
    inference: Inference,
    level: float,
    spec: dict[str, Any],
) -> Result:
    """`synth.synthdid` with several starts, each cohort against units never treated in the window.

    Raises as `synth.synthdid`. Source: Clarke, Pailañir, Athey & Imbens (2024), Stata Journal 24(4).
    """
    random_draws.check_level(level)
    averages = Averages(pools, tuple(SyntheticDid(pool.post, covariates, weights) for pool in pools))
    details = tuple(map(_one, pools, averages.ways))
    treated = int(sum(pool.treated.sum() for pool in pools))
    donors = int(pools[0].donors.sum())
    choice = taken(inference, decide_by_units(treated, donors))
    found, placebos, seed = _quantified(averages, details, choice.inference, level)
    rough = small_pools(choice.inference, treated, donors)
    window = f"from {panel.label(pools[0].start)} on, to {panel.period_labels[-1]}"
    words = f"Average effect on {the_treated(treated)}, {len(pools)} starts {window} (ATT)"
    headline = explained(found.estimate(0, estimand=words, scale=panel.scale), choice)
    shares = _shares(averages)
    observed = [float(pool.observed[pool.post].mean()) for pool in pools]
    return Result(
        method=WHERE,
        headline=headline,
        effects=_table(averages, details, found),
        design=sizes(treated + donors, treated, panel.n_periods, detectable(found)),
        spec={
            "donors": list(pools[0].donor_names),
            **spec,
            "inference": repr(choice.inference),
            "level": level,
        },
        input_hash=panel.fingerprint,
        relative=relative_change(headline, float(shares.to_numpy() @ observed)),
        seed=seed,
        notes=(*panel.notes, *pools[0].notes, *_notes(shares, found, placebos), *rough),
        detail=CohortsDetail(
            dict(zip(shares.index, details, strict=True)),
            _by_cohort(averages, found, shares),
            None if placebos is None else placebos[:, 0],
        ),
    )


def _one(pool: Pool, fit: SyntheticDid) -> SynthDetail:
    fits, own = solved(pool, fit)
    return SynthDetail(pool, fit, fits, None, own)


def pools_of(panel: Panel, donors: Sequence[str] | None, anticipation: int) -> tuple[Pool, ...]:
    """One pool a start, all with the same donors: units never treated in the window.

    Raises `DesignError` where there are none, and as `pool_of`; `OptionError` for a donor that cannot be one.
    """
    free = np.asarray(panel.never_treated | (panel.start > panel.periods[-1]))
    if not free.any():
        raise DesignError(
            "every unit is treated inside the window, so there is no donor",
            where=WHERE,
            remedy="Add units that are not treated, end the window before the last start, or use "
            'did.att_gt(comparison="not_yet").',
        )
    named = [donors] if isinstance(donors, str) else list(donors or ())
    treated = {str(panel.units[i]) for i in np.flatnonzero(~free)}
    for name in named:
        if name in treated:
            raise OptionError(
                f"the donor {name!r} is itself treated inside the window",
                where=WHERE,
                remedy="Leave it out, or end the window before its start.",
            )
    return tuple(_pool(panel, free | (panel.start == g), donors, anticipation) for g in panel.cohorts)


def _pool(panel: Panel, keep: Bools, donors: Sequence[str] | None, anticipation: int) -> Pool:
    """The pool of one cohort, its rows those of the whole panel."""
    own = pool_of(panel.select(keep), WHERE, donors=donors, anticipation=anticipation)
    treated, chosen, members = np.zeros_like(keep), np.zeros_like(keep), np.zeros(len(keep))
    treated[keep], chosen[keep], members[keep] = own.treated, own.donors, own.members
    return replace(own, panel=panel, treated=treated, donors=chosen, members=members)


def _quantified(
    averages: Averages, details: tuple[SynthDetail, ...], inference: Inference, level: float
) -> tuple[Uncertainty, Floats | None, int | None]:
    """Uncertainty of the estimates, the placebos' estimates and the seed where there are any."""
    value = averages.over([d.fits.gaps for d in details], averages.units()[None])[0]
    if isinstance(inference, PlaceboError):
        placebos = _placebos(averages, inference)
        return inference.test(value, placebos, level=level), placebos, inference.seed
    if isinstance(inference, UnitBootstrap):
        samples = _resampled(averages, inference)
        return inference.test(value, samples, level=level), None, inference.seed
    if isinstance(inference, Jackknife):
        without = _left_out(averages, details)
        return inference.from_left_out(value, without, level=level), None, None
    raise OptionError(
        f"inference={inference!r} does not apply with several starts",
        where=WHERE,
        remedy="Use PlaceboError(), Jackknife() or UnitBootstrap(), or synth.staggered.",
    )


def _placebos(averages: Averages, inference: PlaceboError) -> Floats:
    """(B, 1 + E + G): each draw gives the starts to as many donors, the rest of them staying donors."""
    sizes = [int(pool.treated.sum()) for pool in averages.pools]
    groups = inference.assignments(averages.pools[0].donors, sizes)
    gaps = []
    for pool, way, group in zip(averages.pools, averages.ways, groups, strict=True):
        allowed = pool.donors & ~np.any(groups, axis=0)
        members = group / group.sum(axis=1, keepdims=True)
        pre = np.repeat(pool.pre[None], len(group), axis=0)
        gaps.append(way(Problems(pool.outcome, members, allowed, pre)).gaps)
    return averages.over(gaps, np.repeat(averages.units()[None], inference.draws, axis=0))


def _resampled(averages: Averages, inference: UnitBootstrap) -> Floats:
    pools = averages.pools
    treated = np.any([pool.treated for pool in pools], axis=0)
    copies = inference.copies(treated, pools[0].donors)
    weight = np.ones(len(treated)) if pools[0].panel.weight is None else pools[0].panel.weight
    counts = np.stack([(copies * weight)[:, pool.treated].sum(axis=1) for pool in pools], axis=1)
    gaps = []
    for pool, way, count in zip(pools, averages.ways, counts.T, strict=True):
        own, there = np.full((len(copies), pool.panel.n_periods), np.nan), count > 0
        if there.any():
            own[there] = way.resampled(drawn(pool, copies[there]), copies[there]).gaps
        gaps.append(own)
    return averages.over(gaps, counts)


def _left_out(averages: Averages, details: tuple[SynthDetail, ...]) -> Floats:
    pools = averages.pools
    treated = np.stack([pool.treated for pool in pools])
    units = np.asarray(treated.any(axis=0) | pools[0].donors)
    weight = np.ones(len(units)) if pools[0].panel.weight is None else pools[0].panel.weight
    counts = averages.units() - (treated * weight)[:, units].T
    return averages.over(
        [left_out(d.pool, w, d.fits, units) for d, w in zip(details, averages.ways, strict=True)], counts
    )


def _shares(averages: Averages) -> pd.Series:
    cells = averages.units() * [pool.post.sum() for pool in averages.pools]
    labels = [pool.panel.label(pool.start) for pool in averages.pools]
    return pd.Series(cells / cells.sum(), index=labels, name="share")


def _table(averages: Averages, details: tuple[SynthDetail, ...], found: Uncertainty) -> pd.DataFrame:
    """One row an event time: the gap, and from the start on its error, interval and p-value."""
    pools, gaps = averages.pools, [detail.fits.gaps for detail in details]
    first = -max(int(np.flatnonzero(pool.post)[0]) for pool in pools)
    before = range(first, 0)
    table = pd.DataFrame({"event_time": np.arange(first, averages.longest)})
    table.insert(0, "term", [f"event time {e}" for e in table["event_time"]])
    path = np.array([averages.path(gaps, e, averages.units()[None])[0] for e in before])
    table["estimate"] = np.append(path, found.value[1 : 1 + averages.longest])
    units = [
        sum(int(p.treated.sum()) for p in pools if 0 <= np.flatnonzero(p.post)[0] + e < p.panel.n_periods)
        for e in table["event_time"]
    ]
    return sure_from(table, table["event_time"].to_numpy() >= 0, found, units)


def _by_cohort(averages: Averages, found: Uncertainty, shares: pd.Series) -> pd.DataFrame:
    rows = pd.DataFrame(found.columns()).iloc[1 + averages.longest :].reset_index(drop=True)
    rows.insert(0, "start", list(shares.index))
    rows.insert(1, "n", [int(pool.treated.sum()) for pool in averages.pools])
    rows.insert(2, "share", shares.to_numpy())
    return rows


def _notes(shares: pd.Series, found: Uncertainty, placebos: Floats | None) -> tuple[str, ...]:
    parts = ", ".join(f"{label} {share:.0%}" for label, share in shares.items())
    words = [f"Each start has donor weights and time weights of its own; their shares are: {parts}."]
    if placebos is not None:
        p = rank_p(float(found.value[0]), placebos[:, 0])
        words.append(
            f"Ranked by size among the {len(placebos):,} placebo estimates the effect has p {p:.3g} "
            f"(the smallest possible is {1 / (len(placebos) + 1):.3g})."
        )
    return tuple(words)

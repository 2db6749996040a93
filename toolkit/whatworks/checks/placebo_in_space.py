"""Placebo in space: pretend that places where nothing happened had been treated instead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from whatworks.arrays import Bools, Floats, Ints
from whatworks.checks import readings
from whatworks.checks.readings import Estimator
from whatworks.errors import first_few
from whatworks.inference.chance.randomisation import RandomisationInference
from whatworks.inference.draws import DEFAULT_SEED
from whatworks.panel import NEVER, Panel
from whatworks.results import CheckResult, NotAvailable, Result

NAME = "Placebo in space"
LISTED = 20
"""The table lists so many of the largest pretended effects beside the true one."""

TIE = 1e-9
"""Relative difference below which two estimates count as the same."""

BILLION = 10**9
"""More sets than this are called just that: nobody reads a number of forty digits."""


@dataclass(frozen=True, slots=True, eq=False)
class _Pool:
    """The untreated units, and the starts that are dealt out among their groups."""

    panel: Panel
    groups: Ints
    word: str
    names: tuple[str, ...]
    start: Ints
    treated: int

    @property
    def pretended(self) -> int:
        """How many groups are pretended to be treated at a time."""
        _, first = np.unique(self.groups, return_index=True)
        return int((self.start[first] != NEVER).sum())


def placebo_in_space(
    panel: Panel,
    estimate: Estimator,
    *,
    draws: int = 499,
    seed: int = DEFAULT_SEED,
    threshold: float = 0.05,
) -> CheckResult:
    """Estimate an effect where none can be: on sets of untreated units, as if they had been treated.

    The truly treated are left out. As many untreated clusters as were treated (units, where clusters were not
    treated as wholes) get their starts, staggered ones too, and the rest serve as comparison; where fewer
    than twice as many are untreated, half of them get starts spread over the true ones. Every set is taken
    if there are at most `draws` of them, else so many are drawn. The p-value is the rank of the size of the
    true estimate among the pretended ones, itself included. Pretended comparisons are smaller than the true
    one, so they scatter more, and the rank errs towards no effect.

    Args:
        panel: the panel of the study.
        estimate: the study's own estimator; only its point estimate and the true fit's interval are used, so
            a cheap `inference` will do.
        draws: most sets tried, at least 99.
        seed: seed of the draws; without effect where every set is taken.
        threshold: p-value from which the true estimate does not stand out.

    Returns:
        `pass` if the true estimate stands out, `not_informative` if it does not and claims no effect,
        `concern` if it claims one (its interval excludes none, or it has no interval) and does not stand out,
        `fail` if half or more of the pretended effects are as large as one that is claimed by an interval.
        `not_applicable` without an estimate, or where it comes first out of too few sets to count.

    Raises:
        OptionError: draws or a seed out of range.

    Source: Abadie, Diamond & Hainmueller (2010), Journal of the American Statistical Association 105(490),
    for sets of one.
    """
    chance = RandomisationInference(draws=draws, seed=seed)
    found = readings.attempt(panel, estimate)
    if isinstance(found, NotAvailable):
        return CheckResult(NAME, "not_applicable", f"There is no estimate: {found.reason}.")
    pool = _pool(panel)
    if isinstance(pool, NotAvailable):
        return CheckResult(NAME, "not_applicable", pool.reason, pd.DataFrame(), "more places were untreated")
    starts, possible = _assignments(pool, chance)
    values, reasons = readings.effects((pool.panel.with_start(row) for row in starts), estimate)
    if not np.isfinite(values).any():
        reason = f"No pretended effect could be estimated: {first_few(sorted(set(reasons)), 1)}."
        return CheckResult(NAME, "not_applicable", reason)
    return _judge(found, pool, starts, values, possible, threshold)


def _pool(panel: Panel) -> _Pool | NotAvailable:
    treated = readings.treated_units(panel)
    groups = readings.whole_clusters(panel)
    word = "cluster" if groups is panel.cluster else "unit"
    labels = panel.cluster_labels if groups is panel.cluster else panel.units
    codes, first = np.unique(groups, return_index=True)
    spare, hit = codes[~treated[first]], np.sort(panel.start[first][treated[first]])
    if len(spare) < 2:
        return NotAvailable(
            f"{len(spare)} {word} stays untreated; at least two are needed, one to be pretended treated and "
            "one to compare it with."
        )
    count = min(len(hit), len(spare) // 2)
    dealt = hit[np.floor((np.arange(count) + 0.5) * len(hit) / count).astype(int)]
    own = np.searchsorted(spare, groups[~treated])
    per_group = np.full(len(spare), NEVER)
    per_group[:count] = dealt
    return _Pool(
        panel.select(~treated), own, word, tuple(labels[code] for code in spare), per_group[own], len(hit)
    )


def _assignments(pool: _Pool, chance: RandomisationInference) -> tuple[Ints, int]:
    """The (B, N) pretended starts, and how many there could be."""
    design = chance.assignments(pool.start, pool.groups)
    rows = np.concatenate(list(design))
    if len(rows) > chance.draws:
        picked = np.random.Generator(np.random.PCG64(chance.seed)).random(len(rows)).argsort(kind="stable")
        rows = rows[np.sort(picked[: chance.draws])]
    return rows, design.possible


def _judge(
    found: Result, pool: _Pool, starts: Ints, values: Floats, possible: int, threshold: float
) -> CheckResult:
    headline = found.headline
    own = readings.effect(headline)
    known = np.isfinite(values)
    size = np.abs(values[known])
    larger = int((size >= abs(own) * (1 - TIE)).sum())
    count = len(size)
    p = (larger + 1) / (count + 1)
    table = _table(found, pool, starts[known], values[known])
    words = _numbers(found, pool, values[known], larger, p, possible, len(values) - count)
    claimed = readings.claims(headline)
    if p < threshold:
        reason = f"The estimate stands out from places where nothing happened: {words}"
        return CheckResult(NAME, "pass", reason, table, f"the rank gave p = {threshold:g} or more")
    if readings.has_interval(headline) and not claimed:
        reason = f"The study claims no effect that could stand out: {words}"
        change = "the study's own interval excluded no effect"
        return CheckResult(NAME, "not_informative", reason, table, change)
    if claimed and p >= 0.5:
        reason = f"Where nothing happened, effects as large as the one claimed are common: {words}"
        return CheckResult(NAME, "fail", reason, table, "fewer than half of them were as large")
    if larger == 0:
        reason = (
            f"The estimate comes first, but {count} pretended effects are too few to reject no effect at "
            f"{threshold:g}: {words}"
        )
        change = f"there were more untreated {pool.word}s"
        return CheckResult(NAME, "not_applicable", reason, table, change)
    reason = f"The estimate does not stand out from places where nothing happened: {words}"
    return CheckResult(NAME, "concern", reason, table, f"the rank gave p below {threshold:g}")


def _numbers(
    found: Result, pool: _Pool, values: Floats, larger: int, p: float, possible: int, lost: int
) -> str:
    headline, count, m = found.headline, len(values), pool.pretended
    low, high = (readings.shown(headline, float(q)) for q in np.quantile(values, [0.025, 0.975]))
    sets = f"{m} of the {len(pool.names)} untreated {pool.word}s at a time"
    taken = "all" if count + lost == possible else f"{count + lost:,} drawn of"
    there = "more than a billion" if possible > BILLION else f"{possible:,}"
    words = (
        f"{larger:,} of {count:,} pretended effects ({sets}; {taken} {there} sets) are as large as "
        f"{headline.value:.3g}, so p = {p:.2g}; the smallest p that this many can give is "
        f"{1 / (count + 1):.2g}. 95% of them lie between {low:.3g} and {high:.3g}."
    )
    if m < pool.treated:
        words += (
            f" With {pool.treated} treated and only {len(pool.names)} untreated {pool.word}s the sets are "
            "smaller than the true one."
        )
    if lost:
        words += f" {lost:,} set{'s' if lost > 1 else ''} gave no estimate."
    return words


def _table(found: Result, pool: _Pool, starts: Ints, values: Floats) -> pd.DataFrame:
    own = readings.effect(found.headline)
    order = _largest_first(values)[:LISTED]
    rows = [{"treated as if": name, "effect": value} for name, value in _listed(pool, starts, values, order)]
    table = pd.DataFrame([{"treated as if": "the truly treated", "effect": own}, *rows])
    table["rank"] = [
        1 + int((np.abs(np.append(values, own)) > abs(v) * (1 + TIE)).sum()) for v in table["effect"]
    ]
    table["estimate"] = [readings.shown(found.headline, v) for v in table["effect"]]
    table = table.sort_values("rank", kind="stable").reset_index(drop=True)
    return table[["rank", "treated as if", "estimate"]]


def _largest_first(values: Floats) -> Ints:
    """Positions by size; mirror images of one split tie, and keep the order of the sets.

    Their sizes differ by rounding alone, which must not decide what a table lists on another machine.
    """
    order = np.argsort(-np.abs(values), kind="stable")
    size = np.abs(values)[order]
    place = np.cumsum(np.append(False, size[1:] < size[:-1] * (1 - TIE)))
    return order[np.lexsort((order, place))]


def _listed(pool: _Pool, starts: Ints, values: Floats, order: Ints) -> Iterator[tuple[str, float]]:
    for row in order:
        chosen: Bools = starts[row] != NEVER
        yield first_few(pool.names[code] for code in np.unique(pool.groups[chosen])), float(values[row])

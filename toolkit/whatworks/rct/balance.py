"""Balance: are the arms alike on what was known before, as far as chance makes them?"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import pandas as pd

from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import DesignError, OptionError
from whatworks.inference.chance.randomisation import RandomisationInference, collect
from whatworks.rct.assign.allocation import Allocation
from whatworks.rct.chance.reassign import Redrawn, redrawn
from whatworks.results import NotAvailable, Number
from whatworks.shown import Note, Part, Shown, from_frame
from whatworks.trial import Trial

WHERE: Final = "rct.balance"
TIE: Final = 1e-9
FLAT: Final = "the variable is the same for every unit of both arms"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class BalanceTest(Shown):
    """How far apart the arms were before the start, and how often chance parts them as far.

    Attributes:
        table: one row a variable and treatment arm: variable, arm, control_mean, arm_mean, difference (within
            blocks), standardised (difference over the pooled standard deviation), variance_ratio (arm over
            control), units, reason (where a number is missing).
        statistic: d², the squared distance between the arms on all variables together.
        rank: how many independent directions it measures.
        p_value: the share of allocations with a d² at least as large.
        sentence: how the p-value was found.
        notes: what a reader must know.
    """

    table: pd.DataFrame
    statistic: Number
    rank: int
    p_value: Number
    sentence: str
    notes: tuple[str, ...] = field(default=())

    @property
    def largest(self) -> float:
        """The largest standardised difference without its sign; 0 where no variable has one."""
        return float(np.nanmax(np.abs(self.table["standardised"].to_numpy(dtype=float)), initial=0.0))

    def parts(self) -> tuple[Part, ...]:
        """The test of all variables together, and each variable."""
        said = f"d² = {self.statistic:.4g}, p = {self.p_value:.3g}" if self.rank else str(self.p_value)
        table = from_frame(
            self.table,
            name="balance",
            caption="Each variable in both arms",
            missing="not available",
            each="variable",
        )
        return Note((f"{said}. {self.sentence}",)), table


def balance(
    trial: Trial,
    *,
    allocation: Allocation | None = None,
    inference: RandomisationInference | None = None,
) -> BalanceTest:
    """Compare the arms on their baseline, variable by variable and all together.

    Each difference is the arms' difference in means within blocks, blocks weighted by the harmonic mean of
    their arms' sizes, over the standard deviation pooled over the two arms. One test takes all variables and
    arms together: d² of Hansen and Bowers, from totals of whole clusters where clusters were assigned,
    against its distribution over the allocations that chance could have made. There is no test of single
    variables: of twenty sound ones one would stand out.

    Args:
        trial: one row a unit, or several in which each unit keeps its arm and baseline; K ≥ 1 variables.
        allocation: the record, whose rule (a balance rule, too) then draws the allocations; without it arms
            are dealt anew within the trial's blocks over its clusters.
        inference: draws and seed; without `within`, which comes from the trial.

    Raises:
        OptionError: a trial without baseline variables, or `inference` of another kind.
        DesignError: units that change arms; clusters in several blocks; one possible allocation only.
        TrialError, RecordError: a list that is not the recorded one; a record without its rule.

    Source: Hansen & Bowers (2008), Statistical Science 23(2), equations 5 to 8.
    """
    chosen = _settled(trial, inference)
    units = one_row_a_unit(trial)
    return _tested(units, redrawn(units, allocation), chosen)


def _tested(units: Trial, chance: Redrawn, inference: RandomisationInference) -> BalanceTest:
    table, notes = _table(units), (*units.notes, *chance.notes)
    totals, block = _totals(units, chance)
    arms = len(units.arms)
    root, rank = _whitener(totals, block, chance.arms(chance.actual), arms)
    if rank == 0:
        gap = NotAvailable("no variable differs between the clusters of any block")
        return BalanceTest(table, gap, 0, gap, "There is nothing to test.", notes)

    def distance(drawn: Ints) -> Floats:
        return np.asarray(((_sums(chance.arms(drawn), totals, arms) @ root) ** 2).sum(axis=1))

    design = inference.under(chance.rule, np.arange(len(chance.actual)))
    found = collect(design, chance.actual, distance)
    count = (found.values >= found.actual * (1 - TIE)).sum(axis=0)
    size = len(units.baseline_names)
    over = f"{size} variable{'s' if size > 1 else ''}"
    if rank < size:
        over += f", of which {rank} can be told apart"
    sentence = (
        f"Hansen and Bowers' d² over {over}, {chance.rule.words} ({design.how}, the actual one included)."
    )
    p_value = float(design.share.p_value(count)[0])
    return BalanceTest(table, float(found.actual[0]), rank, p_value, sentence, notes)


def one_row_a_unit(trial: Trial) -> Trial:
    """The trial with the first row of each unit; raises `DesignError` for units that change arms."""
    if trial.period is None:
        return trial
    first = np.unique(trial.unit, return_index=True)[1]
    if (trial.arm != trial.arm[first][trial.unit]).any():
        raise DesignError(
            "units change arms over time, so every unit stands in both arms with the same baseline",
            where=WHERE,
            remedy="A crossover is balanced by its design. For a stepped wedge compare the steps: give a "
            "trial of one row a unit whose arm is the step.",
        )
    return replace(trial.select(first, note="Baseline is that of each unit's first period."), period=None)


def _settled(trial: Trial, inference: RandomisationInference | None) -> RandomisationInference:
    if not trial.baseline_names:
        raise OptionError(
            "the trial names no baseline variables",
            where=WHERE,
            remedy="Name columns known before randomisation: Trial.from_frame(..., baseline=[...]).",
        )
    chosen = RandomisationInference() if inference is None else inference
    if not isinstance(chosen, RandomisationInference) or chosen.within is not None:
        raise OptionError(
            f"inference={inference!r} cannot test balance",
            where=WHERE,
            remedy="Give RandomisationInference(draws=..., seed=...); blocks come from the trial.",
        )
    return chosen


def _table(trial: Trial) -> pd.DataFrame:
    block = np.zeros(trial.n_rows, dtype=np.int64) if trial.block is None else trial.block
    rows = []
    for name, values in zip(trial.baseline_names, trial.baseline, strict=True):
        for code, label in enumerate(trial.arms[1:], start=1):
            both = np.isin(trial.arm, (0, code))
            row = _row(values[both], trial.arm[both] == code, block[both])
            rows.append({"variable": name, "arm": label, **row})
    return pd.DataFrame(rows)


def _row(values: Floats, treated: Bools, block: Ints) -> dict[str, object]:
    ours, theirs = values[treated], values[~treated]
    many = min(len(ours), len(theirs)) > 1
    spread = [float(part.var(ddof=1)) if many else np.nan for part in (ours, theirs)]
    pooled = float(np.sqrt(sum(spread) / 2))
    difference = within_blocks(values, treated, block)
    reason = "" if many else "an arm has one unit only, so nothing shows how units differ"
    if many and spread[1] == 0:
        reason = FLAT if spread[0] == 0 else "the variable is the same for every unit of the control arm"
    return {
        "control_mean": float(theirs.mean()),
        "arm_mean": float(ours.mean()),
        "difference": difference,
        "standardised": difference / pooled if pooled > 0 else np.nan,
        "variance_ratio": spread[0] / spread[1] if spread[1] > 0 else np.nan,
        "units": len(values),
        "reason": reason,
    }


def within_blocks(values: Floats, treated: Bools, block: Ints) -> float:
    """The difference in means within blocks (n,), averaged with each block's harmonic weight."""
    codes = np.unique(block, return_inverse=True)[1]
    sizes = np.stack([np.bincount(codes, part, codes.max() + 1) for part in (treated, ~treated)])
    sums = np.stack([np.bincount(codes, values * part, codes.max() + 1) for part in (treated, ~treated)])
    full = (sizes > 0).all(axis=0)
    means = sums[:, full] / sizes[:, full]
    weight = sizes[:, full].prod(axis=0) / sizes[:, full].sum(axis=0)
    return float(np.average(means[0] - means[1], weights=weight))


def _totals(trial: Trial, chance: Redrawn) -> tuple[Floats, Ints]:
    """(K, G) totals of what was dealt, after the units' block means are taken off, and the blocks (G,).

    Each variable is in its own spread, which changes no d² and keeps the rank from resting on units of
    measurement. What was dealt and has left counts nothing, and its block is −1.
    """
    places = len(chance.actual)
    own = np.zeros(trial.n_rows, dtype=np.int64) if trial.block is None else trial.block
    block = np.full(places, -1, dtype=np.int64)
    block[chance.place] = own
    size = np.bincount(own)
    out = np.empty((len(trial.baseline), places))
    for k, values in enumerate(trial.baseline):
        centred = values - (np.bincount(own, values) / size)[own]
        scale = float(np.sqrt((centred**2).mean()))
        flat = scale <= np.abs(values).max(initial=0.0) * 1e-12
        out[k] = np.bincount(chance.place, np.zeros_like(centred) if flat else centred / scale, places)
    return out, block


def _sums(arms: Ints, totals: Floats, count: int) -> Floats:
    """(D, (A − 1)·K) totals of each treatment arm under D allocations (D, G)."""
    members = [(arms == code).astype(np.float64) @ totals.T for code in range(1, count)]
    return np.concatenate(members, axis=1)


def _whitener(totals: Floats, block: Ints, arm: Ints, arms: int) -> tuple[Floats, int]:
    """A root of the inverse covariance of the arms' totals under complete draws within blocks, and its rank.

    A block has m clusters, m_a of them in arm a: the covariance of indicators is m_a(δ_ac·m − m_c)/(m − 1)
    over m times Σ t t'; totals within a block sum to zero.
    """
    k = len(totals)
    covariance = np.zeros(((arms - 1) * k, (arms - 1) * k))
    for code in range(int(block.max()) + 1):
        here = block == code
        m = int(here.sum())
        if m < 2:
            continue
        counts = np.bincount(arm[here], minlength=arms)[1:].astype(np.float64)
        share = (np.diag(counts) * m - np.outer(counts, counts)) / (m * (m - 1))
        part = totals[:, here] - totals[:, here].mean(axis=1, keepdims=True)
        covariance += np.kron(share, part @ part.T)
    values, vectors = np.linalg.eigh(covariance)
    if not values.max(initial=0.0) > 0:
        return np.zeros((len(values), 0)), 0
    kept = values > values.max() * 1e-10
    return np.asarray(vectors[:, kept] / np.sqrt(values[kept])), int(kept.sum())

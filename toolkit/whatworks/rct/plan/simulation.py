"""What a trial could find, by running it many times on the unit's own past."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import NUMBER, OptionError, check_whole, choose
from whatworks.inference.draws import DEFAULT_SEED, check_level
from whatworks.inference.intervals import interval
from whatworks.panel import Panel
from whatworks.rct.assign.designs import AtOnce, SteppedWedge
from whatworks.rct.assign.rota import Rota
from whatworks.rct.assign.schedule import Crossover
from whatworks.rct.one_row.answer import is_number
from whatworks.rct.plan import many_over_time, many_parallel
from whatworks.rct.plan.designs import smallest_p
from whatworks.rct.plan.designs_over_time import Effect, Wedge
from whatworks.rct.plan.noise import Normal, plain
from whatworks.rct.plan.result import Power, first_crossing, how_often, too_few
from whatworks.rct.plan.windows import WHERE, Batch, Kind, Past, batches, implanted
from whatworks.results import NotAvailable, Number

_Analysis = Callable[[Floats], many_parallel.Answer]

_GRID: Final = np.array([0.75, 1.25, 1.75, 2.25, 2.75, 3.25, 3.75, 4.5])
_PILOT: Final = 100


def power_by_simulation(
    past: Panel,
    design: AtOnce | Crossover | Rota,
    *,
    effects: Sequence[float] | None = None,
    kind: Kind = "percent",
    effect: Effect = "exposure_time",
    periods: int | None = None,
    baseline: int = 0,
    sims: int = 1000,
    seed: int = DEFAULT_SEED,
    level: float = 0.95,
    power: float = 0.8,
) -> Power:
    """Run the planned trial many times on past data, with an effect put in, and count how often it is found.

    Each time arms are drawn by the design's own rule, a random window of the past is taken as the trial, the
    effect is put into its treated cells, and the trial is analysed as `rct.itt`, `rct.crossover` and
    `rct.stepped_wedge` do it by default: arms dealt at once on means over the window (HC2, for clusters CR2),
    schedules and stepped wedges by the two-way regression with errors by unit (CR2).

    Args:
        past: units × periods from before any treatment; its clusters, if any, are dealt as wholes. Designs
            may block or pair on covariates, and on `baseline`: the mean over the first part of the past, the
            windows then coming from the rest.
        design: `Complete`, `Blocked`, `Pairs`, `SteppedWedge` (whose `first` periods come before the first
            step), `Crossover` or `Rota`.
        effects: relative (−0.2: 20% fewer) or, with kind="additive", in the unit of the outcome; a grid of
            falls that suits the noise where None.
        kind: `percent` thins counts and multiplies other outcomes; `additive` adds.
        effect: of a stepped wedge, as in `rct.stepped_wedge`.
        periods: length of the trial; that of the schedule, the steps, or half of the past where None.
        baseline: periods before the window whose mean the analysis adjusts for (arms dealt at once).
        sims, seed: how many trials, and where the draws begin.
        level, power: of the test, and the probability that counts as enough.

    Raises:
        DesignError: a past with gaps or treated cells, or a design that does not fit its units.
        OptionError: effects, lengths or numbers that cannot be.
    """
    choose("kind", kind, ("percent", "additive"), where=WHERE)
    choose("effect", effect, ("exposure_time", "constant"), where=WHERE)
    length = _length(past, design, periods, baseline)
    _check(effects, kind, sims, power, check_level(level))
    own = Past.of(past, design, length)
    run = _Run(own, design, length, baseline, sims, seed, kind, _steps(own, design, length, effect))
    tried = run.grid() if effects is None else np.array(sorted({*map(float, effects)} - {0.0}, key=abs))
    curve = run.curve(tried, level)
    return _answer(run, curve, tried, level, power)


@dataclass(frozen=True, slots=True)
class _Run:
    past: Past
    design: AtOnce | Crossover | Rota
    periods: int
    baseline: int
    sims: int
    seed: int
    kind: Kind
    steps: many_over_time.Steps | None

    @property
    def clustered(self) -> bool:
        return bool((self.past.size > 1).any())

    @property
    def over_time(self) -> bool:
        return isinstance(self.design, SteppedWedge | Crossover | Rota)

    def grid(self) -> Floats:
        """Falls from less than one to several standard errors, as 100 trials without effect have them."""
        errors = [
            self._analysis(batch)(batch.outcome)[1]
            for batch, _ in batches(self.past, self.design, self.periods, self.baseline, _PILOT, self.seed)
        ]
        error = float(np.concatenate(errors).mean())
        if self.kind == "additive":
            return error * _GRID
        mean = float(self.past.series.sum() / self.past.size.sum() / self.past.series.shape[1])
        if mean <= 0:
            raise OptionError(
                "percent of a mean that is not positive", where=WHERE, remedy="kind='additive'."
            )
        falls = -error / mean * _GRID
        return falls if falls.min() > -0.95 else -0.95 * _GRID / _GRID.max()

    def curve(self, effects: Floats, level: float) -> pd.DataFrame:
        """effect, power, mc_error, mean_estimate; the first row has no effect."""
        found = np.zeros(len(effects) + 1)
        total = np.zeros(len(effects) + 1)
        for batch, bits in batches(self.past, self.design, self.periods, self.baseline, self.sims, self.seed):
            analysis = self._analysis(batch)
            answers = [analysis(batch.outcome)]
            if self.kind == "additive":
                # the regression holds the treatment, so adding to treated cells moves the estimate alone
                estimate, error, df = answers[0]
                answers += [(estimate + effect, error, df) for effect in effects]
            else:
                answers += map(analysis, implanted(self.past, batch, effects, bits))
            found += [float(rejects(*answer, level).sum()) for answer in answers]
            total += [float(answer[0].sum()) for answer in answers]
        rate = found / self.sims
        return pd.DataFrame(
            {
                "effect": np.concatenate([[0.0], effects]),
                "power": rate,
                "mc_error": np.sqrt(rate * (1 - rate) / self.sims),
                "mean_estimate": total / self.sims,
            }
        )

    def _analysis(self, batch: Batch) -> _Analysis:
        """What turns outcomes (S, G, P) of a batch into estimates, errors and degrees of freedom (S,)."""
        treated, baseline = batch.treated, batch.baseline
        if self.steps is not None:
            steps = self.steps
            return lambda outcome: (
                *steps.tests(batch.per_observation(outcome)),
                np.full(len(outcome), steps.df),
            )
        if self.over_time:
            schedules = many_over_time.Schedules.of(treated, batch.kept)
            return lambda outcome: (*schedules.tests(batch.per_observation(outcome)), schedules.df)
        arm, layout = treated[:, :, 0], self.past.layout
        block = np.zeros(arm.shape[1], dtype=np.int64) if layout is None else layout.block
        lone = layout is not None and bool((layout.counts.min(axis=1) < 2).any())
        if baseline is not None or (block.any() and (lone or self.clustered)) or lone:
            return lambda outcome: many_parallel.differences(
                batch.per_observation(outcome)[:, :, 0], arm, block, baseline
            )
        if block.any():
            return lambda outcome: many_parallel.blocks(batch.per_observation(outcome)[:, :, 0], arm, block)
        if self.clustered:
            return lambda outcome: many_parallel.clusters(
                outcome[:, :, 0] / self.periods, self.past.size.astype(np.float64), arm
            )
        return lambda outcome: many_parallel.units(batch.per_observation(outcome)[:, :, 0], arm)


def rejects(estimate: Floats, error: Floats, df: Floats, level: float) -> Bools:
    """(S,) whether the test finds an effect; degrees of freedom (S,) may differ."""
    return np.asarray(np.abs(estimate) > interval(np.zeros_like(error), error, df=df, level=level)[1])


def _steps(
    past: Past, design: AtOnce | Crossover | Rota, length: int, effect: Effect
) -> many_over_time.Steps | None:
    """The regression of a stepped wedge, which is the same in every trial."""
    if not isinstance(design, SteppedWedge):
        return None
    clusters = len(past.size)
    plan = Wedge(clusters, design, periods=length, effect=effect)
    plan.errors(Normal(1.0), (0.0, 0.0))  # refuses exposure times that cannot be told apart
    return many_over_time.Steps.of(plan.regressors, plan.per_step)


def _answer(run: _Run, curve: pd.DataFrame, effects: Floats, level: float, power: float) -> Power:
    percent = run.kind == "percent"
    mde = first_crossing(curve["effect"], curve["power"], power)
    false = float(curve["power"].iloc[0])
    units = len(run.past.size)
    if run.past.layout is None:
        possible = run.design.possible(units) if isinstance(run.design, Crossover | Rota) else 1
    else:
        possible = run.past.layout.possible
    mirrored = not run.over_time and run.past.layout is not None and _even(run.past.layout.counts)
    smallest = smallest_p(possible, mirrored)
    none = NotAvailable("by simulation only for effects that were tried: see the curve")
    one = len(effects) == 1
    return Power(
        mde=mde,
        effect=float(effects[0]) if one else none,
        power=float(curve["power"].iloc[1]) if one else none,
        needed=NotAvailable("a simulation knows the units of the past only; rct.power scales"),
        count=units,
        counted="units",
        wanted=power,
        level=level,
        curve=curve,
        sizes=pd.DataFrame(),
        what_if=pd.DataFrame(),
        allocations=possible,
        smallest_p=smallest,
        false_positives=false,
        sentence=_sentence(run, mde, curve, power),
        notes=_notes(run, false, level, possible, smallest),
        method="simulation",
        label=("Rise" if effects[0] > 0 else "Fall") + " in percent" if percent else "Difference",
        percent=percent,
    )


def _even(counts: Ints) -> bool:
    return bool((counts[:, 0] == counts[:, 1]).all())


def _sentence(run: _Run, mde: Number, curve: pd.DataFrame, power: float) -> str:
    units = len(run.past.size)
    steps = f" crossing over in {run.design.steps} steps" if isinstance(run.design, SteppedWedge) else ""
    start = f"With these {units:,} units{steps} and {run.periods:,} periods"
    if isinstance(mde, NotAvailable):
        best = how_often(float(curve["power"].max()))
        return f"{start} none of the effects tried would be found {how_often(power)} (at best {best})."
    size = f"{plain(100 * abs(mde), 2)}%" if run.kind == "percent" else plain(abs(mde))
    word = ("fall" if mde < 0 else "rise") if run.kind == "percent" else "difference"
    return f"{start} you would detect a {word} of {size} or more {how_often(power)}."


def _notes(run: _Run, false: float, level: float, possible: int, smallest: float) -> tuple[str, ...]:
    expected = 1 - level
    error = float(np.sqrt(expected * level / run.sims))
    how = "differences of means over the window"
    if run.over_time:
        how = "two-way regression, errors by unit (CR2)"
    said = [
        f"{run.sims:,} simulated trials on windows of the past, seed {run.seed}; analysed by {how}.",
        f"Without any effect the test rejects {plain(100 * false)}% of the time; {plain(100 * expected)}% is "
        f"promised (Monte Carlo error {plain(100 * error)} points).",
    ]
    if abs(false - expected) > 3 * error:
        said.append(
            f"Warning: that is {'more' if false > expected else 'less'} often than chance explains. Read the "
            "power with care, and test by randomisation inference."
        )
    bound = isinstance(run.design, Rota) and not run.design.counted(len(run.past.size))
    return (*said, *filter(None, ["" if bound else too_few(possible, smallest, level)]))


def _length(past: Panel, design: AtOnce | Crossover | Rota, periods: int | None, baseline: int) -> int:
    length = past.n_periods // 2
    if isinstance(design, Crossover | Rota):
        length = design.periods
    elif isinstance(design, SteppedWedge):
        length = design.first - 1 + design.steps * design.every
    if periods is not None:
        if isinstance(design, Crossover | Rota) and periods != length:
            raise OptionError(f"periods={periods!r}, but the schedule has {length}", where=WHERE)
        length = periods
    whole = is_number(length) and is_number(baseline) and length == int(length) and baseline == int(baseline)
    if not whole or length < 1 or baseline < 0 or length + baseline > past.n_periods:
        raise OptionError(
            f"{length!r} periods after {baseline!r} for the baseline do not fit into {past.n_periods}",
            where=WHERE,
            remedy="Give a longer past or plan a shorter trial.",
        )
    if baseline and isinstance(design, Crossover | Rota | SteppedWedge):
        raise OptionError(
            "a trial in which units change arms is its own baseline", where=WHERE, remedy="Leave it out."
        )
    if isinstance(design, SteppedWedge) and length < design.first + (design.steps - 1) * design.every:
        raise OptionError(f"{length} periods end before the last step", where=WHERE, remedy="Give more.")
    return int(length)


def _check(effects: Sequence[float] | None, kind: str, sims: int, power: float, level: float) -> None:
    bad = [x for x in effects or () if not is_number(x) or (kind == "percent" and not -1 < x <= 1)]
    if bad or (effects is not None and not any(effects)):
        raise OptionError(
            f"effects={list(effects or ())!r} are not numbers other than 0 (percent: above −1, at most 1)",
            where=WHERE,
            remedy="Give −0.2 for a fall of 20%.",
        )
    check_whole("sims", sims, least=100, where=WHERE, remedy="1000.", kind=NUMBER)
    if not is_number(power) or not 1 - level < power < 1:
        raise OptionError(
            f"power={power!r} does not lie between {plain(1 - level)} and 1",
            where=WHERE,
            remedy="0.8 is usual.",
        )

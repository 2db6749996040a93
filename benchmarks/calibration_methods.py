"""Does every method keep its promises with its default inference? Bias, coverage and size, method by method.

    python benchmarks/calibration_methods.py [--sims 2000] [--seed 1] [--timing NAME] [--method NAME]

Synthetic London as in `calibration.py` (32 boroughs in 12 command units, 60 months of robbery counts with
variance three times the mean, autocorrelated and spatially correlated), with whole command units, or single
boroughs, treated at once or in three cohorts. Rates per 1,000 residents, but counts with residents as
exposure for did.poisson. Who is treated is drawn anew for every 20 panels, so that methods that are linear in
the outcome need only be laid out once for them. Prints a markdown table, ± one Monte Carlo error. Its
matrices are small: set OPENBLAS_NUM_THREADS=1, or threads waiting for one another take most of the time.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from calibration import MONTHS, Tally, percent
from whatworks import did
from whatworks.data.synthetic import expected_counts, london, simulate_counts
from whatworks.did.linear.scores import sample
from whatworks.did.linear.wild import wild
from whatworks.did.side_by_side.outcome_weights import account
from whatworks.inference import ClusterRobust, WildCluster
from whatworks.inference.errors.score_wild import p_value_at
from whatworks.inference.fits import poisson_effects
from whatworks.inference.uncertainty import Uncertainty
from whatworks.panel import NEVER, Panel
from whatworks.results import Estimate, Result

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SAME = 20
"""Panels that share an assignment."""

AFTER = 12
"""Months after the start that event studies and stacks average."""


@dataclass(frozen=True)
class Timing:
    """How many command units start in which month; `rate_ratio` multiplies the counts of treated cells.

    With `boroughs` it is single boroughs that start, each its own cluster.
    """

    cohorts: tuple[tuple[int, int], ...]
    rate_ratio: float = 1.0
    boroughs: bool = False

    @property
    def treated(self) -> int:
        return sum(number for _, number in self.cohorts)


TIMINGS = {
    "4 at once": Timing(((36, 4),)),
    "6 in 3 cohorts": Timing(((24, 2), (36, 2), (48, 2))),
    "8 in 3 cohorts": Timing(((24, 3), (36, 3), (48, 2))),
    "4 at once, 12% fewer": Timing(((36, 4),), 0.88),
    "6 in 3 cohorts, 12% fewer": Timing(((24, 2), (36, 2), (48, 2)), 0.88),
    "4 in 3 cohorts": Timing(((24, 2), (36, 1), (48, 1))),
    "2 at once": Timing(((36, 2),)),
    "3 at once": Timing(((36, 3),)),
    "6 at once": Timing(((36, 6),)),
    "10 boroughs at once": Timing(((36, 10),), boroughs=True),
    "15 boroughs in 3 cohorts": Timing(((24, 5), (36, 5), (48, 5)), boroughs=True),
    "15 boroughs in 3 cohorts, 12% fewer": Timing(((24, 5), (36, 5), (48, 5)), 0.88, boroughs=True),
}


@dataclass(frozen=True)
class City:
    """One simulated panel as rates, as counts, and as rates of an offence that the treatment leaves alone.

    Attributes:
        rates, counts, other: the panels.
        effect: (32, T) true effect on the rate in every cell.
        log_ratio: log of the rate ratio.
    """

    rates: Panel
    counts: Panel
    other: Panel
    effect: Floats
    log_ratio: float

    def average(self, last: int = MONTHS) -> float:
        """Mean effect over the treated cells up to event time `last`."""
        e = self.rates.periods[None, :] - self.rates.start[:, None]
        return float(self.effect[(e >= 0) & (e <= last)].mean())


@dataclass(frozen=True)
class Said:
    """What a method said: its error, its standard error, and whether 95% and 5% were right."""

    error: float
    std_error: float
    covered: bool
    rejected: bool
    open_ended: bool = False


Method = Callable[[City], Said]


def draw_cities(timing: Timing, sims: int, seed: int) -> Iterator[list[City]]:
    """`sims` panels in groups of `SAME` that share an assignment."""
    city, choose = london(), np.random.Generator(np.random.PCG64(seed))
    codes = np.unique(city.bcu, return_inverse=True)[1].astype(np.int64)
    if timing.boroughs:
        codes = np.arange(len(codes))
    means = [
        expected_counts(offence, seed=seed, first=2015 * 12, months=MONTHS)
        for offence in ("robbery", "burglary")
    ]
    months = [month for month, number in timing.cohorts for _ in range(number)]
    for done in range(0, sims, SAME):
        now = min(SAME, sims - done)
        by_cluster = np.full(codes.max() + 1, NEVER)
        by_cluster[choose.permutation(len(by_cluster))[: len(months)]] = months
        start = by_cluster[codes]
        ratio = np.where(np.arange(MONTHS) >= start[:, None], timing.rate_ratio, 1.0)
        drawn, other = (
            simulate_counts(mean, seed=seed + 1000 * (done + 1) + k, replications=now, rate_ratio=change)
            for k, (mean, change) in enumerate(zip(means, (ratio, 1.0), strict=True))
        )
        people = np.repeat(city.population[:, None].astype(np.float64), MONTHS, axis=1)
        effect = (drawn.treated - drawn.untreated) * 1000 / people
        counts = panel(drawn.counts[0].astype(np.float64), start, codes)
        yield [
            City(
                rates=replace(counts, outcome=drawn.counts[r] * 1000 / people),
                counts=replace(counts, outcome=drawn.counts[r].astype(np.float64), exposure=people),
                other=replace(counts, outcome=other.counts[r] * 1000 / people),
                effect=effect[r],
                log_ratio=float(np.log(timing.rate_ratio)),
            )
            for r in range(now)
        ]


def panel(outcome: Floats, start: Ints, cluster: Ints) -> Panel:
    """A panel of the 32 boroughs in their clusters."""
    return Panel(
        units=tuple(f"b{i:02d}" for i in range(32)),
        periods=np.arange(MONTHS),
        period_kind="integer",
        outcome=outcome,
        start=start,
        cluster=cluster,
        cluster_labels=tuple(f"c{c:02d}" for c in range(int(cluster.max()) + 1)),
    )


def judged(found: Estimate, truth: float) -> Said:
    """An estimate against the truth; an end that does not exist is infinite."""
    low, high = (n if isinstance(n, float) else s * np.inf for n, s in ((found.low, -1), (found.high, 1)))
    return Said(
        float(found.value) - truth,
        float(found.std_error),
        low <= truth <= high,
        float(found.p_value) <= 0.05,
        bool(np.isinf(low) or np.isinf(high)),
    )


def public(run: Callable[[City], Result], last: int = MONTHS) -> Callable[[City], Method]:
    """A method called as everyone calls it; its truth is the mean effect up to event time `last`."""
    return lambda first: lambda city: judged(run(city).headline, city.average(last))


def event_study(first: City) -> Method:
    """Leads and lags, ends pooled; the average of the first twelve months with the default's error."""

    def run(city: City) -> Said:
        # every event time's own bootstrap would cost most of the time, and only the average is looked at
        study = did.event_study(city.rates, ends=(-12, AFTER), inference=ClusterRobust())
        default = replace(study.detail.choice, inference=WildCluster())
        study = replace(study, detail=replace(study.detail, choice=default))
        return judged(did.average(study, 0, AFTER - 1), city.average(AFTER - 1))

    return run


def linear(method: Callable[[City], Result], last: int = MONTHS) -> Callable[[City], Method]:
    """A method bootstrapped by scores, laid out once: they and its estimate are linear in the outcome."""

    def lay_out(first: City) -> Method:
        alone, data = method(first), sample(first.rates)
        made = account(first.rates, alone, None)
        if made is None:
            raise RuntimeError(f"{alone.method} is no weighted sum of outcomes")
        about = first.rates.treated & (np.abs(made.weights) > 1e-12)

        def run(city: City) -> Said:
            drawn = replace(data, outcome=city.rates.outcome)
            found = wild(drawn, [made.weights], [about], WildCluster(), 0.95)
            return _from_uncertainty(found, city.average(last))

        _require_same(run(first), judged(alone.headline, first.average(last)))
        return run

    return lay_out


def _from_uncertainty(found: Uncertainty, truth: float) -> Said:
    return judged(found.estimate(0, estimand="the average effect", scale=""), truth)


def _require_same(batched: Said, alone: Said) -> None:
    if not np.isclose(batched.error, alone.error) or batched.rejected != alone.rejected:
        raise RuntimeError(f"laid out once it says {batched}, called alone {alone}")


def poisson(first: City) -> Method:
    """The rate ratio: its interval holds the values that the test accepts, so testing them is enough."""

    def run(city: City) -> Said:
        used = city.counts
        effect = used.treated.astype(np.float64)[None]
        cells = poisson_effects.Cells(used.outcome, np.log(used.exposure), np.ones(used.outcome.shape))
        fit = poisson_effects.fit(cells, effect, ("the treatment",))
        log_ratio = float(fit.coefficients[0])
        plain = ClusterRobust().from_regression(poisson_effects.regression(fit, used.cluster), np.eye(1))

        def p(value: float) -> float:
            held = poisson_effects.hold(fit, effect, value)
            return p_value_at(WildCluster(), poisson_effects.regression(held, used.cluster))

        at_zero = p(0.0)
        at_truth = p(city.log_ratio) if city.log_ratio else at_zero
        error = log_ratio - city.log_ratio
        return Said(error, float(plain.std_error[0]), at_truth > 0.05, at_zero <= 0.05)

    return run


def switching(first: City) -> Method:
    """Every cohort switches off again after twelve months; no effect is simulated for it."""

    def run(city: City) -> Said:
        e = city.rates.periods[None, :] - city.rates.start[:, None]
        status = ((e >= 0) & (e < 12)).astype(np.float64)[None]
        never = np.full(city.rates.n_units, NEVER)
        switched = replace(city.rates, start=never, covariates=status, covariate_names=("on",))
        return judged(did.switching(switched, treated="on").headline, 0.0)

    return run


def triple(first: City) -> Method:
    """The coefficient of the difference of the two outcomes, which is what did.triple says."""

    def run(city: City) -> Said:
        gap = replace(city.rates, outcome=city.rates.outcome - city.other.outcome)
        return judged(did.twoway(gap).headline, city.average())

    _require_same(run(first), judged(did.triple(first.rates, first.other).headline, first.average()))
    return run


def rollout(std_error: Literal["neyman"] | None) -> Callable[[City], Method]:
    """Start dates drawn by lot: Fisher's test and its interval, or the normal ones."""
    draws = 999 if std_error is None else 99
    return public(lambda city: did.staggered_rollout(city.rates, std_error=std_error, draws=draws))


METHODS: dict[str, Callable[[City], Method]] = {
    "twoway": public(lambda city: did.twoway(city.rates)),
    "event_study, average": event_study,
    "imputation": linear(lambda city: did.imputation(city.rates, by="overall", leads=0)),
    "interaction_weighted": linear(lambda city: did.interaction_weighted(city.rates)),
    "etwfe": linear(lambda city: did.etwfe(city.rates)),
    "stacked": linear(lambda city: did.stacked(city.rates, window=(-12, AFTER - 1)), AFTER - 1),
    "poisson": poisson,
    "triple": triple,
    "switching": switching,
    "staggered_rollout": rollout(None),
    "staggered_rollout, normal": rollout("neyman"),
}

ROLLOUT = ("staggered_rollout", "staggered_rollout, normal")
"""Methods that refuse a cohort of one command unit."""

WITHOUT_EFFECT = ("switching",)
"""Methods whose panels carry no effect here."""


def calibrate(timing: Timing, sims: int, seed: int, names: tuple[str, ...] = ()) -> dict[str, Tally]:
    """Run the named methods (all without names) on the same panels."""
    skip = WITHOUT_EFFECT if timing.rate_ratio != 1 else ()
    skip += ROLLOUT if min(number for _, number in timing.cohorts) < 2 else ()
    chosen = {
        name: lay_out
        for name, lay_out in METHODS.items()
        if (not names or name in names) and name not in skip
    }
    tallies = {name: Tally() for name in chosen}
    for cities in draw_cities(timing, sims, seed):
        for name, lay_out in chosen.items():
            run = lay_out(cities[0])
            for city in cities:
                said, tally = run(city), tallies[name]
                tally.errors.append(said.error)
                tally.std_errors.append(said.std_error)
                tally.covered.append(said.covered)
                tally.rejected.append(said.rejected)
                tally.open_ended.append(said.open_ended)
    return tallies


def markdown(name: str, timing: Timing, tallies: dict[str, Tally]) -> list[str]:
    """Table rows: bias as a share of the estimates' spread, coverage, size, with Monte Carlo errors."""
    rows = []
    for method, tally in tallies.items():
        n, errors = len(tally.errors), np.array(tally.errors)
        spread, rejected = errors.std(ddof=1), float(np.mean(tally.rejected))
        cells = (
            name,
            method,
            f"{100 * errors.mean() / spread:+.1f} ± {100 / np.sqrt(n):.1f}".replace("-", "−"),
            f"{np.median(tally.std_errors) / spread:.2f}",
            percent(float(np.mean(tally.covered)), n),
            percent(rejected, n) if timing.rate_ratio == 1 else f"(power {100 * rejected:.0f})",
            f"{100 * np.mean(tally.open_ended):.0f}",
        )
        rows.append(f"| {' | '.join(cells)} |")
    return rows


COLUMNS = (
    "treated",
    "method",
    "bias, % of spread",
    "std_error / spread",
    "coverage of 95%, %",
    "size of 5% test, %",
    "open-ended, %",
)
HEADER = f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}"


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--sims", type=int, default=2000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--timing", default="", help=f"one of: {'; '.join(TIMINGS)}")
    options.add_argument("--method", default="", help=f"one of: {'; '.join(METHODS)}")
    asked = options.parse_args()
    print(HEADER, flush=True)
    for name, timing in TIMINGS.items():
        if asked.timing in ("", name):
            names = (asked.method,) if asked.method else ()
            found = calibrate(timing, asked.sims, asked.seed, names)
            print("\n".join(markdown(name, timing, found)), flush=True)


if __name__ == "__main__":
    main()

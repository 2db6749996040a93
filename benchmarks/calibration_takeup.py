"""Do the intervals of rct.cace and rct.attrition_bounds keep their promise, and where do they not?

    python benchmarks/calibration_takeup.py [--sims 2000] [--seed 1] [--only losses]

Take-up: people (or 40 wards of 15) half of whom are offered something; 60, 20 or 5 in 100 take it because of
the offer, 10 in 100 anyway in the two-sided designs. Those who take it anyway have other outcomes, so that a
plain comparison misleads; the effect on compliers is −1 with outcomes of standard deviation about 1.5.
`size` is the share of trials with a p-value at most 5% when there is no effect, on the same draws: the effect
is taken off the outcome and all else stays, so with a strong first stage size is 100 less the coverage, and
where the two differ open intervals made the difference, and not which trials were drawn.

Losses: 400 people, all known under treatment and a share under control, or none lost in either; coverage of
either end of the range that the process implies, for which 95% is promised where the range is wide.
Shares in per cent, ± one Monte Carlo error at 95% (0.5 with 2,000 trials). Prints markdown.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from whatworks import Trial, rct
from whatworks.results import NotAvailable, Number, Result

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Offer:
    """A trial with take-up: `compliers` and `always` are shares; `wards` were assigned as a whole."""

    name: str
    people: int
    compliers: float
    always: float
    wards: int = 0


OFFERS = (
    Offer("120 people, 60% compliers, one-sided", 120, 0.6, 0.0),
    Offer("120 people, 60% compliers, two-sided", 120, 0.6, 0.1),
    Offer("120 people, 20% compliers, two-sided", 120, 0.2, 0.1),
    Offer("120 people, 5% compliers, two-sided", 120, 0.05, 0.1),
    Offer("30 people, 60% compliers, two-sided", 30, 0.6, 0.1),
    Offer("40 wards of 15, 60% compliers, two-sided", 600, 0.6, 0.1, 40),
    Offer("12 wards of 15, 60% compliers, two-sided", 180, 0.6, 0.1, 12),
)


def offered(offer: Offer, rng: np.random.Generator, effect: float) -> Trial:
    """One trial."""
    n = offer.people
    arm = rng.permuted(np.tile([0, 1], n // 2))
    shared = np.zeros(n)
    frame = pd.DataFrame({"person": np.arange(n)})
    if offer.wards:
        frame["ward"] = np.arange(n) * offer.wards // n
        arm = rng.permuted(np.tile([0, 1], offer.wards // 2))[frame.ward]
        shared = rng.normal(0, 0.4, offer.wards)[frame.ward]
    kind = rng.random(n)
    always, complier = kind < offer.always, kind > 1 - offer.compliers
    frame["arm"], frame["took"] = arm, np.where(always, 1.0, arm * complier)
    frame["y"] = shared + 2.0 * always + effect * frame.took + rng.normal(0, 1.3, n)
    return Trial.from_frame(
        frame,
        unit="person",
        arm="arm",
        outcome="y",
        control=0,
        taken="took",
        cluster="ward" if offer.wards else None,
    )


def inside(low: Number, high: Number, truth: float) -> bool:
    """Whether an interval holds the truth; an end that is not available bounds nothing."""
    below = isinstance(low, NotAvailable) or low <= truth
    above = isinstance(high, NotAvailable) or high >= truth
    return below and above


def rejects(result: Result) -> bool:
    """Whether the headline's p-value is at most 5%."""
    p = result.headline.p_value
    return not isinstance(p, NotAvailable) and p <= 0.05


def take_up(offer: Offer, sims: int, seed: int) -> str:
    """One line of the first table."""
    rng = np.random.Generator(np.random.PCG64(seed))
    held, strength, wide = np.zeros(4), [], 0
    for _ in range(sims):
        trial = offered(offer, rng, -1.0)
        found, null = rct.cace(trial), trial.with_outcome(trial.outcome + np.asarray(trial.taken))
        plain, told, accepted = found.effects.iloc[0], found.headline, found.detail.anderson_rubin
        known = np.isfinite(plain["std_error"])
        held[0] += not known or plain["low"] <= -1 <= plain["high"]
        held[1] += isinstance(accepted, NotAvailable) or accepted.holds(-1.0)
        held[2] += inside(told.low, told.high, -1.0)
        held[3] += rejects(rct.cace(null))
        wide += isinstance(told.low, NotAvailable) or isinstance(told.high, NotAvailable)
        if isinstance(found.detail.f, float):
            strength.append(found.detail.f)
    shares = " | ".join(f"{100 * share:.1f}" for share in (held / sims).tolist())
    return f"| {offer.name} | {np.median(strength):.3g} | {shares} | {100 * wide / sims:.1f} |"


@dataclass(frozen=True)
class Loss:
    """People lost from control, a `share` of it; `tighten` by a variable of two values; `wards` of 20."""

    name: str
    share: float
    tighten: bool = False
    wards: int = 0


LOSSES = (
    Loss("400 people, nobody lost", 0.0),
    Loss("400 people, 3% of control lost", 0.03),
    Loss("400 people, 25% of control lost", 0.25),
    Loss("400 people, 25% of control lost, two cells", 0.25, tighten=True),
    Loss("40 wards of 20, 25% of control lost", 0.25, wards=40),
)


def losses(loss: Loss, sims: int, seed: int) -> str:
    """One line of the second table."""
    rng = np.random.Generator(np.random.PCG64(seed))
    n = loss.wards * 20 or 400
    x = np.tile([-1.0, 1.0], n // 2)
    edge = _edge(loss)
    held, width = np.zeros(2), []
    for _ in range(sims):
        frame = pd.DataFrame({"person": np.arange(n), "x": x})
        shared = np.zeros(n)
        frame["arm"] = rng.permuted(np.tile([0, 1], n // 2))
        if loss.wards:
            frame["ward"] = np.arange(n) // 20
            frame["arm"] = rng.permuted(np.tile([0, 1], loss.wards // 2))[frame.ward]
            shared = rng.normal(0, 0.4, loss.wards)[frame.ward]
        y = x + shared + rng.normal(0, 1 if not loss.wards else np.sqrt(1 - 0.16), n)
        frame["y"] = np.where((frame.arm == 0) & (rng.random(n) < loss.share), np.nan, y)
        trial = Trial.from_frame(
            frame,
            unit="person",
            arm="arm",
            outcome="y",
            control=0,
            baseline=["x"],
            allow_missing=True,
            cluster="ward" if loss.wards else None,
        )
        told = rct.attrition_bounds(trial, tighten="x" if loss.tighten else ()).headline
        held += [inside(told.low, told.high, -edge), inside(told.low, told.high, edge)]
        width.append(told.high - told.low)
    shares = " | ".join(f"{100 * share:.1f}" for share in (held / sims).tolist())
    return f"| {loss.name} | {2 * edge:.3g} | {shares} | {np.mean(width):.3g} |"


def _edge(loss: Loss) -> float:
    """The upper bound that the process implies: the mean without the lowest share."""
    from scipy.stats import norm

    if loss.share == 0:
        return 0.0
    normal = norm.ppf((np.arange(1_000_000) + 0.5) / 1_000_000)
    values = normal if loss.tighten else np.sort(np.concatenate([normal - 1, normal + 1]))
    return float(values[int(loss.share * len(values)) :].mean())


def main() -> None:
    """Both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sims", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=["take-up", "losses"])
    asked = parser.parse_args()
    if asked.only != "losses":
        print("| trial | median F | 2SLS | Anderson–Rubin | headline | size of headline | open intervals |")
        print("|---|---|---|---|---|---|---|")
        for offer in OFFERS:
            print(take_up(offer, asked.sims, asked.seed), flush=True)
    if asked.only != "take-up":
        print("\n| trial | width of the range | holds lower end | holds upper end | width of the interval |")
        print("|---|---|---|---|---|")
        for loss in LOSSES:
            print(losses(loss, asked.sims, asked.seed), flush=True)


if __name__ == "__main__":
    main()

"""How sure a staggered synthetic control is: placebo sets of donors, or every unit left out in turn."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from math import perm
from typing import Final

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import DesignError
from whatworks.inference import draws as random_draws
from whatworks.inference.asked import Admitted
from whatworks.inference.errors.jackknife import Jackknife
from whatworks.inference.intervals import smallest_detectable
from whatworks.inference.synthetic.placebo import Placebo, PlaceboRank, precision, shuffled, stand_ins
from whatworks.inference.uncertainty import from_errors
from whatworks.results import NotAvailable, Number
from whatworks.synth.quantify import Quantified, means
from whatworks.synth.space import InSpace
from whatworks.synth.staggered_fit import StaggeredFit, StaggeredFits, StaggeredProblems, actual
from whatworks.synth.staggered_pool import Cohorts

NO_MOVE = "leaving units out in turn moves nothing: the fit is exact or the outcome constant"

Inference = Placebo | Jackknife

STAGGERED: Final = Admitted(
    Inference,
    "inference={!r} does not apply to a staggered synthetic control",
    "Use Placebo() or Jackknife(), or leave it out for the default.",
)


def sure_of(
    cohorts: Cohorts, fit: StaggeredFit, fits: StaggeredFits, inference: Inference, *,
    level: float, where: str,
) -> Quantified:  # fmt: skip
    """The uncertainty of the mean gap; raises `OptionError` for an object that cannot give it."""
    random_draws.check_level(level)
    STAGGERED.require(inference, where)
    if isinstance(inference, Placebo):
        return _placebo(cohorts, fit, fits, inference, level)
    return _jackknife(cohorts, fit, fits, inference, level, where)


def placebo_slots(cohorts: Cohorts, placebo: Placebo) -> tuple[Ints, int | None]:
    """(B, J) donors in the treated units' slots, and the seed where they were drawn.

    Every choice once where there are no more than `placebo.draws`; else so many random ones. Only units
    never treated in the window stand in.

    Raises `DesignError` where too few donors would be left.
    """
    free = np.asarray(cohorts.allowed.all(axis=0) & ~cohorts.treated)
    slots = len(cohorts.members)
    if cohorts.together:
        sets = placebo.sets(free, slots)
        found = np.nonzero(sets)[1].reshape(len(sets), slots)
        return found, placebo.seed if len(sets) == placebo.draws else None
    pool = stand_ins(free, slots, "Placebo", "use Jackknife()")
    if perm(len(pool), slots) <= placebo.draws:
        every = np.array(list(permutations(pool.tolist(), slots)))
        # slots that start together may swap their units: the same placebo, to be counted once
        same = np.argwhere(np.triu(cohorts.starts[:, None] == cohorts.starts, 1))
        return every[(every[:, same[:, 0]] < every[:, same[:, 1]]).all(axis=1)], None
    return shuffled(pool, placebo.draws, placebo.seed)[:, :slots], placebo.seed


def placebo_problems(cohorts: Cohorts, members: Ints, *, treated_as_donor: bool) -> StaggeredProblems:
    """Each row of donors (B, J) in the treated units' slots.

    As for the treated themselves, a unit in a slot that starts late is a donor of slots that end before.
    """
    count, slots = members.shape
    allowed = np.repeat(cohorts.allowed[None], count, axis=0)
    row = np.arange(count)[:, None]
    for j in range(slots):
        allowed[row, j, members] = cohorts.allowed[j, cohorts.members][None]
        allowed[:, j, cohorts.members] = treated_as_donor
    return StaggeredProblems(
        cohorts.outcome,
        cohorts.columns,
        cohorts.pre,
        members,
        np.repeat(cohorts.share[None], count, axis=0),
        allowed,
    )


def without_each(cohorts: Cohorts, pooling: Floats) -> StaggeredProblems:
    """The actual problem without each treated unit and each donor in turn, at the given ν (1,)."""
    involved = np.flatnonzero(cohorts.treated | cohorts.donors)
    base = actual(cohorts)
    allowed = np.repeat(base.allowed, len(involved), axis=0)
    allowed[np.arange(len(involved)), :, involved] = False
    share = cohorts.share[None] * (cohorts.members[None] != involved[:, None])
    return replace(
        base,
        members=np.repeat(base.members, len(involved), axis=0),
        allowed=allowed,
        share=share / share.sum(axis=1, keepdims=True),
        pooling=np.repeat(pooling, len(involved)),
    )


def _placebo(
    cohorts: Cohorts, fit: StaggeredFit, fits: StaggeredFits, placebo: Placebo, level: float
) -> Quantified:
    members, seed = placebo_slots(cohorts, placebo)
    others = fit(placebo_problems(cohorts, members, treated_as_donor=placebo.treated_as_donor))
    ranked, pre = _ranked(cohorts, fits, others)
    post = ~pre
    involved = cohorts.treated | cohorts.donors
    none_below = precision(cohorts.outcome[involved])
    found = placebo.test(ranked, pre, post, level=level, none_below=none_below)
    sets = np.zeros((len(members), cohorts.source.n_units), dtype=bool)
    np.put_along_axis(sets, members, True, axis=1)
    space = InSpace(
        np.concatenate([fits.gaps, others.gaps]),
        sets,
        placebo.rank(ranked, pre, post, none_below=none_below),
        Placebo("rmspe_ratio", placebo.side, placebo.worst_fit).rank(
            ranked, pre, post, none_below=none_below
        ),
        found,
        none_below,
    )
    mde = placebo.smallest_detectable(ranked, pre, post, level=level, none_below=none_below)
    return Quantified(replace(found, sentence=_placebo_sentence(found.sentence, cohorts)), mde, seed, space)


def _ranked(cohorts: Cohorts, fits: StaggeredFits, others: StaggeredFits) -> tuple[Floats, Bools]:
    """(B + 1, J·L + K): gaps before the start unit by unit, and the mean gap from it on; which are before.

    Pooling can make the mean gap before the start vanish, which would say nothing about the fit.
    """
    before = np.concatenate([fits.unit_gaps, others.unit_gaps])[:, :, cohorts.pre]
    before = before * np.sqrt(cohorts.share * len(cohorts.share))[None, :, None]
    after = np.concatenate([fits.gaps, others.gaps])[:, cohorts.post]
    flat = before.reshape(len(before), -1)
    return np.concatenate([flat, after], axis=1), np.arange(flat.shape[1] + after.shape[1]) < flat.shape[1]


def _placebo_sentence(sentence: str, cohorts: Cohorts) -> str:
    slots = len(cohorts.members)
    if slots == 1:
        return sentence
    starts = "start" if cohorts.together else "starts"
    return (
        f"{sentence}; each placebo gives the {starts} of the {slots} treated units to {slots} donors, and "
        "the RMSPE before the start is taken over its units one by one"
    )


def _jackknife(
    cohorts: Cohorts,
    fit: StaggeredFit,
    fits: StaggeredFits,
    jackknife: Jackknife,
    level: float,
    where: str,
) -> Quantified:
    if len(cohorts.members) < 2:
        raise DesignError(
            "with one treated unit nothing is left when it is left out",
            where=where,
            remedy="Use Placebo().",
        )
    if (cohorts.allowed.sum(axis=1) < 3).any():
        raise DesignError(
            "a treated unit has only two donors, too few to leave one out",
            where=where,
            remedy="Add donors, or use Placebo().",
        )
    value = means(cohorts.post, fits.gaps)[0]
    again = means(cohorts.post, fit(without_each(cohorts, fits.pooling)).gaps)
    centre = value if jackknife.centre == "estimate" else again.mean(axis=0)
    count = len(again)
    std_error = np.sqrt((count - 1) / count * ((again - centre) ** 2).sum(axis=0))
    moved = std_error > 1e-12 * np.abs(value).max(initial=0.0)
    found = from_errors(
        value,
        np.where(moved, std_error, np.nan),
        ("" if one else NO_MOVE for one in moved),
        df=float(count - 1),
        level=level,
        sentence=f"Jackknife over {count} units, treated and donors: refits without each in turn, pooling "
        f"kept at {float(fits.pooling[0]):.3g}; t with {count - 1} degrees of freedom",
    )
    error: Number = float(std_error[0]) if moved[0] else NotAvailable(NO_MOVE)
    return Quantified(found, smallest_detectable(error, float(count - 1), level))


def rank_note(space: InSpace | None) -> tuple[str, ...]:
    """Where the treated units rank by RMSPE ratio, in a sentence."""
    if space is None:
        return ()
    rank: PlaceboRank = space.by_ratio
    place = int((rank.statistic[rank.kept] >= rank.statistic[0] * (1 - 1e-9)).sum())
    return (
        f"By RMSPE ratio (after, of the mean, over before, of the units; {rank.statistic[0]:.3g}) the "
        f"treated rank {place} of {int(rank.kept.sum())} (p {rank.p_value:.3g}).",
    )

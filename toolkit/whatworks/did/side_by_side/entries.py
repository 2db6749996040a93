"""The methods that answer one question on one panel: how each is called, what it compares and assumes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from whatworks.did.aggregate import aggregate
from whatworks.did.att_gt import att_gt
from whatworks.did.block import block
from whatworks.did.counts.counted import is_count
from whatworks.did.counts.rate_ratios import etwfe_counts
from whatworks.did.etwfe import etwfe
from whatworks.did.event_study import event_study
from whatworks.did.group_time.cells import Comparison as Group
from whatworks.did.imputation import imputation
from whatworks.did.interaction_weighted import interaction_weighted
from whatworks.did.poisson import poisson
from whatworks.did.regression import requirements
from whatworks.did.side_by_side.question import Adjustment, Asked, otherwise
from whatworks.did.stacked import stacked
from whatworks.did.staggered_rollout import staggered_rollout
from whatworks.did.switching import switching
from whatworks.did.trends.average import average
from whatworks.did.twoway import twoway
from whatworks.errors import DesignError
from whatworks.inference.default import Default
from whatworks.inference.draws import DEFAULT_SEED
from whatworks.panel import Panel
from whatworks.results import RATE_RATIO, NotAvailable, Result

COUNT_FORM = "did.etwfe (poisson)"
YARDSTICK = "did.imputation"
"""Uses every untreated cell and weights every treated cell by its unit: what the others are laid against."""

NOT_YET = "units not treated yet"
BY_CELL = "every treated cell by its unit's weight"
BY_EVENT_TIME = "every event time alike"


@dataclass(frozen=True, slots=True)
class Entry:
    """One way to answer.

    Attributes:
        name: what the row is called.
        comparison: who the treated are compared with.
        weights: how effects are averaged.
        assumes: what must hold, in a sentence.
        run: estimates, or raises `DesignError` where the design does not permit it.
        anticipates: whether it lets effects begin before the start.
        windowed: whether it can average a window of event times.
        adjusts: how it takes covariates in.
    """

    name: str
    comparison: str
    weights: str
    assumes: str
    run: Callable[[Asked], Result]
    anticipates: bool = False
    windowed: bool = True
    adjusts: Adjustment = "regressors"


def entries(panel: Panel) -> tuple[Entry, ...]:
    """Every method, in the order of the table; the count form of `did.etwfe` where it has its own answer.

    With one start it would say what `did.poisson` says.
    """
    several = len(panel.cohorts) > 1 and is_count(panel)
    return (
        *_regressions(_untreated(panel)),
        # did.att_gt lets those that start after the window serve beside the never treated, not in their place
        *_cohort_by_cohort(_untreated(panel) if panel.never_treated.any() else "the never treated"),
        *_saturated(_untreated(panel)),
        *_others(),
        *(_by_cohort() if several else ()),
    )


def row_of(own: Result) -> str:
    """The name of the row that a study's own result takes: that of its method and comparison."""
    spec = own.spec
    if own.method == "did.att_gt" or (own.method == "did.aggregate" and spec["by"] == "overall"):
        return f"did.att_gt ({spec['comparison']})"
    if own.method == "did.aggregate":
        return f"did.att_gt ({spec['comparison']}, by {spec['by']})"
    return COUNT_FORM if own.method == "did.etwfe" and own.headline.scale == RATE_RATIO else own.method


def listed(asked: Asked) -> tuple[Entry, ...]:
    """Every method, and first the study's own where it is none of them."""
    known = entries(asked.panel)
    if asked.own is None or row_of(asked.own) in {entry.name for entry in known}:
        return known
    own = asked.own
    told = f"What {own.method} assumes; see its own page."
    return (Entry(row_of(own), "as the study chose", "as the study chose", told, lambda _: own), *known)


def assumed(entry: Entry, asked: Asked) -> str:
    """What the method assumes, with the study's anticipation where it takes it."""
    if not asked.anticipation or not entry.anticipates:
        return entry.assumes
    word = asked.panel.period_word
    early = f"{asked.anticipation} {word}s" if asked.anticipation > 1 else f"a {word}"
    return f"{entry.assumes} The start counts as {early} earlier, since effects may begin then."


def departs(entry: Entry, asked: Asked) -> tuple[str, ...]:
    """What the study asks and the method cannot honour, a sentence each; nothing of the study's own row."""
    if asked.own is None or row_of(asked.own) == entry.name:
        return ()
    return otherwise(
        asked,
        anticipates=entry.anticipates,
        windowed=entry.windowed,
        adjusts=entry.adjusts,
        period=asked.panel.period_word,
    )


def _untreated(panel: Panel) -> str:
    """Who stays untreated through the window, in words: a unit that starts after it is not never treated."""
    never = panel.never_treated
    later = ~never & ~requirements.treated_units(panel)
    if never.any() and later.any():
        return "the never treated and units that start after the window"
    return "units that start after the window" if later.any() else "the never treated"


def _regressions(untreated: str) -> Iterator[Entry]:
    alike = "Untreated, treated and comparison units would have changed alike on average"
    yield Entry(
        "did.block",
        untreated,
        BY_CELL,
        f"{alike}: all periods after the start against all before.",
        lambda asked: block(asked.additive, inference=asked.inference, level=asked.level),
        windowed=False,
    )
    yield Entry(
        "did.twoway",
        "all untreated cells and, with several starts, units already treated",
        "by the regression's own weights, which may be negative",
        f"{alike}, all periods after against all before; with several starts, also that the effect is the "
        "same in every cohort and period.",
        lambda asked: twoway(asked.additive, inference=asked.inference, level=asked.level),
        windowed=False,
    )
    yield Entry(
        "did.event_study",
        "all untreated cells and, with several starts, units already treated",
        BY_EVENT_TIME,
        "Untreated, all would have changed alike from the last period before the start on; with several "
        "starts, also that effects follow the same path in every cohort.",
        _event_study,
        anticipates=True,
    )


def _cohort_by_cohort(untreated: str) -> Iterator[Entry]:
    groups: tuple[tuple[Group, str], ...] = (("never", untreated), ("not_yet", NOT_YET))
    for group, words in groups:
        yield Entry(
            f"did.att_gt ({group})",
            words,
            BY_CELL,
            f"From the last period before its start on, each cohort would have changed like {words}; earlier "
            "periods may differ.",
            _att_gt_with(group),
            anticipates=True,
            adjusts="changes",
        )


def _saturated(untreated: str) -> Iterator[Entry]:
    everywhere = (
        "Untreated, all would have changed alike in every period, those long before the start included."
    )
    yield Entry(YARDSTICK, "all untreated cells", BY_CELL, everywhere, _imputation, anticipates=True)
    yield Entry(
        "did.interaction_weighted",
        f"{untreated}, or the last cohort where there are none",
        BY_CELL,
        "From the last period before its start on, each cohort would have changed like the comparison; "
        "earlier periods may differ.",
        _over_window(_with_anticipation(interaction_weighted)),
        anticipates=True,
    )
    yield Entry(
        "did.etwfe",
        "all untreated cells",
        BY_CELL,
        everywhere,
        _over_window(_with_anticipation(etwfe)),
        anticipates=True,
    )


def _others() -> Iterator[Entry]:
    yield Entry(
        "did.stacked",
        "units untreated through the whole window",
        f"{BY_EVENT_TIME}, starts with a clean window only",
        "Within each window, treated units would have changed like those untreated throughout, from the "
        "last period before the start on.",
        _stacked,
        adjusts="none",
    )
    yield Entry(
        "did.switching",
        "units that keep their status",
        "every switch alike",
        "Units that switch would have changed like those that do not, over the same two periods, and a past "
        "status leaves nothing behind.",
        _switching,
        windowed=False,
        adjusts="none",
    )
    yield Entry(
        "did.staggered_rollout",
        NOT_YET,
        BY_CELL,
        "Chance alone decided who started when, and nothing changes because a start is coming.",
        _rollout,
        windowed=False,
        adjusts="none",
    )
    yield Entry(
        "did.poisson",
        "all untreated cells and, with several starts, units already treated",
        "treated cells by their expected counts",
        "Untreated, all would have changed in the same proportion, and the rate ratio is one for all.",
        _poisson,
        windowed=False,
    )


def _by_cohort() -> Iterator[Entry]:
    yield Entry(
        COUNT_FORM,
        "all untreated cells",
        "treated cells by their expected counts",
        "Untreated, all would have changed in the same proportion in every period; each cohort and period "
        "has its own rate ratio.",
        _count_form,
        anticipates=True,
    )


def _event_study(asked: Asked) -> Result:
    result = event_study(
        asked.additive, reference=-1 - asked.anticipation, inference=asked.inference, level=asked.level
    )
    if asked.last is None:
        return result
    return replace(result, headline=average(result, 0, asked.last), relative=_MOVED)


_MOVED = NotAvailable("the window is another one than that of the method's own headline")


def _with_anticipation(method: Callable[..., Result]) -> Callable[[Asked], Result]:
    return lambda asked: method(
        asked.additive, anticipation=asked.anticipation, inference=asked.inference, level=asked.level
    )


def _over_window(run: Callable[[Asked], Result]) -> Callable[[Asked], Result]:
    def found(asked: Asked) -> Result:
        result = run(asked)
        if asked.last is None:
            return result
        return replace(result, headline=average(result, 0, asked.last, weights="cells"), relative=_MOVED)

    return found


def _att_gt_with(group: Group) -> Callable[[Asked], Result]:
    def run(asked: Asked) -> Result:
        if group == "not_yet" and len(asked.panel.cohorts) == 1:
            raise DesignError(
                "there is one start, so nobody is treated later inside the window",
                where="did.att_gt",
                remedy='comparison="never" says the same.',
            )
        result = att_gt(
            asked.additive, comparison=group, adjust=asked.adjust, base=asked.base,
            anticipation=asked.anticipation, inference=asked.inference, level=asked.level,
        )  # fmt: skip
        return aggregate(result, by="overall", first=0, last=asked.last)

    return run


def _imputation(asked: Asked) -> Result:
    return imputation(
        asked.additive,
        by="overall",
        leads=0,
        horizons=None if asked.last is None else (0, asked.last),
        anticipation=asked.anticipation,
        inference=asked.inference,
        level=asked.level,
    )


def _stacked(asked: Asked) -> Result:
    panel = asked.additive
    requirements.require_contrast(panel, "did.stacked")
    # the longest window that every cohort fills; leads do not move the headline
    last = int(panel.periods[-1] - panel.cohorts[-1]) if asked.last is None else asked.last
    return stacked(
        panel, window=(-1, last), comparison=asked.comparison or "not_yet",
        inference=asked.inference, level=asked.level,
    )  # fmt: skip


def _switching(asked: Asked) -> Result:
    if asked.treated is None:
        raise DesignError(
            "no column says that treatment goes off again",
            where="did.switching",
            remedy="Where it does, name the column of zeros and ones among the covariates and in treated=...",
        )
    return switching(asked.additive, treated=asked.treated, inference=asked.inference, level=asked.level)


def _rollout(asked: Asked) -> Result:
    if not asked.randomised:
        raise DesignError(
            "nobody said that start dates were drawn by lot",
            where="did.staggered_rollout",
            remedy="Where they were, say randomised=True.",
        )
    draws = getattr(asked.inference, "draws", Default().draws)
    seed = getattr(asked.inference, "seed", DEFAULT_SEED)
    return staggered_rollout(asked.additive, draws=draws, seed=seed, level=asked.level)


def _count_form(asked: Asked) -> Result:
    return etwfe_counts(
        asked.panel, anticipation=asked.anticipation, interacted=False, inference=asked.inference,
        level=asked.level, where="did.etwfe", by="overall", last=asked.last,
    )  # fmt: skip


def _poisson(asked: Asked) -> Result:
    if not is_count(asked.panel):
        raise DesignError(
            "the outcome is no count and has no exposure",
            where="did.poisson",
            remedy="Give the counts, with residents as exposure and per=1000 for the methods that subtract.",
        )
    return poisson(asked.panel, inference=asked.inference, level=asked.level)

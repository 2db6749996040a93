"""Which one? From the panel to the method, its inference and the checks it owes, a sentence each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from whatworks.did.counts.counted import is_count
from whatworks.errors import DesignError
from whatworks.inference.default import FEW_TREATED, count_clusters, decide
from whatworks.inference.errors.influence import Analytical
from whatworks.panel import NEVER, Panel
from whatworks.results import NotAvailable
from whatworks.shown import Note, Part, Shown

SHORT: Final = 12
"""Fewer untreated periods than this leave the placebo in time and the pre-trends test little to look at."""

ALL_MONTHS: Final = (
    "It measures from all untreated months, where did.att_gt measures every effect from one month, the last "
    "before the start, and months are noisy: on simulated panels like London's a fall of 12% was found in "
    "90% of cases so, and in 36% by did.att_gt. It takes areas to have run parallel over the whole time "
    "before; where you would vouch for the last months alone, take did.att_gt and expect wide intervals."
)
"""Measured with six of twelve command units in three cohorts (benchmarks/calibration_methods.py)."""


@dataclass(frozen=True, slots=True, repr=False)
class Suggestion(Shown):
    """What fits a panel.

    Attributes:
        method: public name of the method.
        options: its choices that this panel settles.
        instead: methods that fit the design as well, with their choices that this panel settles.
        reasons: why, a sentence each, method first.
        inference: how its uncertainty is found by default, or why there is none.
        checks: the checks owed, with what each looks for here.
    """

    method: str
    options: dict[str, Any]
    reasons: tuple[str, ...]
    inference: str
    checks: tuple[str, ...]
    instead: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def fits(self, method: str) -> bool:
        """Whether the method is the one suggested or one that fits as well."""
        return method == self.method or method in self.instead

    def parts(self) -> tuple[Part, ...]:
        """The method with its choices, why, its inference, and the checks owed."""
        call = ", ".join(f"{name}={value!r}" for name, value in self.options.items())
        return (
            Note((f"{self.method}({call})",), "loud"),
            Note(self.reasons, "list"),
            Note((self.inference, "Checks owed:")),
            Note(self.checks, "list"),
        )


def suggest(panel: Panel) -> Suggestion:
    """The method that fits a panel, with its inference and the checks it owes.

    It reads the design only (starts, clusters, gaps, exposure) and of the outcome whether it is a count,
    never how it moves, so asking cannot be fishing.

    Raises:
        DesignError: nobody starts inside the window, or nobody is ever there to compare with.
    """
    inside = (panel.start != NEVER) & (panel.start <= panel.periods[-1])
    if not inside.any():
        raise DesignError(
            "no unit starts inside the window",
            where="did.suggest",
            remedy="Name the start column, or widen the window.",
        )
    staggered = len(panel.cohorts) > 1
    if inside.all() and not staggered:
        raise DesignError(
            "every unit starts in the same period, so nobody is left to compare with",
            where="did.suggest",
            remedy="Add units that are treated later or never.",
        )
    if int(inside.sum()) == 1 and panel.balanced:
        return _one_area(panel)
    counts = count_clusters(panel.cluster, inside, ~inside if not staggered else np.ones_like(inside))
    choice = decide(None, counts, many=Analytical("clusters"))
    method, options, reasons, instead = _method(panel, inside, staggered)
    if isinstance(choice.inference, NotAvailable):
        inference = f"No error exists: {choice.inference.reason}."
    else:
        inference = f"{type(choice.inference).__name__}, {choice.reason}."
        reasons += choice.warnings
    return Suggestion(method, options, reasons, inference, _checks(panel, staggered), instead)


def _one_area(panel: Panel) -> Suggestion:
    """A single treated area: its path against a weighted average of the others, placebos for its error."""
    start, donors = panel.label(int(panel.cohorts[0])), panel.n_units - 1
    before = int((panel.periods < panel.cohorts[0]).sum())
    reasons = [
        f"One unit starts, in {start}: a difference in differences would have no error, since nothing shows "
        "how far a single treated unit strays by chance. Synthetic control weights the others to follow it "
        "and lets each of them stand in for it."
    ]
    if before < SHORT:
        reasons.append(f"With {before} periods before the start a close fit may be luck.")
    owed = (
        "Length of the time before, fit before the start and convex hull: could it be matched, and was it?",
        "Placebo in time: an effect at a date when nothing had happened.",
        "Weights: on how many donors it rests, how unlike them, whether they were left alone.",
        "Leave one donor out, and less of the time before.",
    )
    inference = (
        f"Placebo, in space, the default for a synthetic control; with {donors} donors the smallest p-value "
        f"is 1/{donors + 1}."
    )
    instead: dict[str, Mapping[str, Any]] = {"synth.augmented": {}, "synth.synthdid": {}}
    return Suggestion("synth.classic", {}, tuple(reasons), inference, owed, instead)


_Settled = tuple[str, dict[str, Any], tuple[str, ...], dict[str, Mapping[str, Any]]]


def _method(panel: Panel, inside: np.ndarray[Any, Any], staggered: bool) -> _Settled:
    """The method, its choices, why, and what fits as well."""
    proportional = _proportional(panel, staggered) if is_count(panel) else ()
    instead: dict[str, Mapping[str, Any]] = {FOR_COUNTS[staggered]: {}} if proportional else {}
    if not panel.balanced:
        missing = int(np.isnan(panel.outcome).sum())
        why = (
            f"{missing:,} cells are missing, which did.imputation permits; the others need "
            "panel.drop_incomplete() first, which leaves whole units out.",
        )
        return "did.imputation", {}, (*why, *proportional), instead
    if not staggered:
        start = panel.label(int(panel.cohorts[0]))
        why = (
            f"All {int(inside.sum())} treated units start in {start} and {int((~inside).sum())} never do.",
        )
        return "did.block", {}, (*why, *proportional), instead
    several = (
        f"Units start in {len(panel.cohorts)} different periods, and a single regression would compare late "
        "starters with early ones already under treatment."
    )
    comparison, enough = _comparison(panel)
    if panel.period_kind == "month":
        instead = {"did.att_gt": {"comparison": comparison}, **instead}
        return "did.imputation", {}, (several, ALL_MONTHS, *proportional), instead
    return "did.att_gt", {"comparison": comparison}, (several, enough, *proportional), instead


def _comparison(panel: Panel) -> tuple[str, str]:
    """With whom group-time effects compare here, and why."""
    never = np.unique(panel.cluster_codes[panel.never_treated]).size
    word = "units" if panel.cluster is None else "clusters"
    if never > FEW_TREATED:
        return "never", f"{never} {word} are never treated: enough to compare with."
    return "not_yet", f"{never} {word} are never treated: too few alone, so those not yet treated join."


FOR_COUNTS: Final = ("did.poisson", 'did.etwfe(model="poisson")')
"""With one start; with several, where a single rate ratio would be the two-way regression again."""


def _proportional(panel: Panel, staggered: bool) -> tuple[str]:
    each = ", every cohort and period with one of its own," if staggered else ""
    known = panel.exposure is not None
    what = "a count with an exposure" if known else "a count"
    other = "panel.as_rate() first assumes that rates" if known else "the method above assumes that counts"
    return (
        f"The outcome is {what}: {FOR_COUNTS[staggered]} gives a rate ratio{each} and assumes that areas "
        f"would have changed in proportion; {other} would have changed by the same amount.",
    )


def _checks(panel: Panel, staggered: bool) -> tuple[str, ...]:
    """The checks that checks.run runs, by their names and in its order, then the two beside it."""
    before = int((panel.periods < panel.cohorts[0]).sum())
    chance = "." if before >= SHORT else f"; with {before} untreated periods it has little chance to fail."
    owed = [
        f"Pre-trends: all effects before the start together{chance}",
        "Placebo in time: an effect at a date when nothing had happened.",
        "Drop anticipation: is the last time before the start a fair baseline?",
        "Regression to the mean: were the treated chosen on a peak that would have passed anyway?",
        "Placebo in space: as large an effect where nothing happened.",
        "Alternative comparison group: whom the treated are compared with.",
        "Spill-over ring: did the neighbours of treated areas change too?",
        "Alternative windows: other first and last periods.",
        "Influential periods: the riots, the lockdowns, or any single period.",
        "Leave one unit out: does one carry the answer?",
    ]
    if panel.cluster is not None:
        owed.append("Leave one cluster out: the same for whole clusters.")
    if staggered:
        owed.append("Leave one cohort out: the same for all units that share a start.")
    owed.append("Enough clusters: on both sides, for the error to be believed.")
    if panel.period_kind == "month":
        owed.append("Series breaks and shocks: recording changes and shocks inside the window.")
    owed.append("All checks together: how many concerns would chance alone bring?")
    owed.append("Honest bounds (did.honest): how far from parallel before the finding falls.")
    if staggered:
        owed.append("Decomposition (did.bacon): what a two-way regression would have compared.")
    return tuple(owed)

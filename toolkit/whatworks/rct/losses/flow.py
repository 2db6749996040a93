"""The flow of a trial: how many were assessed, randomised, treated, lost, analysed; and that it adds up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import pandas as pd

from whatworks.errors import TrialError, first_few
from whatworks.rct.assign.allocation import Allocation
from whatworks.rct.losses.flow_rows import Counted, counted
from whatworks.shown import Part, Shown, from_frame
from whatworks.trial import Trial

WHERE: Final = "rct.flow"
STEPS: Final = (
    "assessed",
    "excluded",
    "randomised",
    "allocated",
    "received",
    "not received",
    "take-up unknown",
    "left out",
    "lost",
    "analysed",
)
Design = Literal["parallel", "crossover", "stepped wedge"]


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Who was looked at before chance spoke.

    Attributes:
        assessed: how many were assessed for eligibility.
        excluded: how many were not randomised, by reason.
        of: `units` or `clusters`, what was assessed; empty for what was assigned.
    """

    assessed: int
    excluded: Mapping[str, int] = field(default_factory=dict)
    of: str = ""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Flow(Shown):
    """How many went which way, after CONSORT 2025.

    Attributes:
        arms: what the columns of the diagram are: arms, or starting periods of a stepped wedge.
        design: `parallel`, `crossover` (units appear in both arms) or `stepped wedge`.
        counted: what is counted, in words and from the largest: clusters, units, unit-periods.
        numbers: tidy table: step, arm (empty before randomisation), of, number, reason.
        notes: what a reader must know.
    """

    arms: tuple[str, ...]
    design: Design
    counted: tuple[str, ...]
    numbers: pd.DataFrame
    notes: tuple[str, ...] = ()

    def table(self) -> pd.DataFrame:
        """The numbers as a tidy table: a copy, free to change."""
        return self.numbers.copy()

    def number(self, step: str, arm: str = "", of: str = "") -> int:
        """One number, summed over reasons; of the finest count where none is named, 0 where there is none."""
        rows = self.numbers[(self.numbers["step"] == step) & (self.numbers["arm"] == arm)]
        return int(rows.loc[rows["of"] == (of or self.counted[-1]), "number"].sum())

    def parts(self) -> tuple[Part, ...]:
        """Every number of the diagram."""
        return (from_frame(self.numbers, name="flow", caption="The flow of the trial", each="step"),)


def flow(
    trial: Trial,
    *,
    enrolment: Enrolment | None = None,
    lost: Mapping[str, Mapping[str, int]] | None = None,
    allocation: Allocation | None = None,
    units: str = "units",
    clusters: str = "clusters",
) -> Flow:
    """Count who went which way, and refuse numbers that do not add up.

    Args:
        trial: the trial with those lost to follow-up (`allow_missing=True`), take-up where it was recorded.
        enrolment: who was assessed and excluded; without it the flow begins with randomisation.
        lost: for each arm how many of the finest count were lost, by reason; without it their reason is that
            they left the list or have no outcome.
        allocation: the record; without it the trial's own list counts as all who were randomised.
        units, clusters: the words for what is counted ("victims", "beats").

    Returns:
        Numbers by arm: allocated, received as allocated, lost, analysed. Of clusters and units both where
        clusters were assigned, of units and unit-periods where there are periods. A stepped wedge is counted
        by starting period. In the control arm those without take-up received what they were allocated.

    Raises:
        TrialError: a step that does not add up, by name; units that were never drawn or whose arm is not the
            one drawn.
        OptionError: words that cannot be told apart.

    Source: Hopewell et al. (2025), PLOS Medicine 22(4), CONSORT 2025 flow diagram.
    """
    found = counted(trial, allocation, units, clusters)
    rows = _before(found, enrolment)
    for arm in found.arms:
        rows += _arm(found, arm)
    numbers = pd.DataFrame(rows, columns=["step", "arm", "of", "number", "reason"])
    if lost is not None:
        numbers = _reasons(numbers, lost, found)
    result = Flow(found.arms, found.design, found.of, numbers, found.notes)
    _add_up(result, found)
    return result


Row = tuple[str, str, str, int, str]


def _before(found: Counted, enrolment: Enrolment | None) -> list[Row]:
    randomised: list[Row] = [("randomised", "", of, found.total(of), "") for of in found.of]
    if enrolment is None:
        return randomised
    level = enrolment.of or ("clusters" if found.clustered else "units")
    if level not in ("units", "clusters") or (level == "clusters" and not found.clustered):
        raise TrialError(
            f"enrolment of {enrolment.of!r} is not about what this trial counts",
            where=f"{WHERE}, step assessed",
            remedy="Enrolment is of 'units', or of 'clusters' where the trial names some.",
        )
    of = found.of[0] if level == "clusters" or not found.clustered else found.of[1]
    numbers = [enrolment.assessed, *enrolment.excluded.values()]
    left = enrolment.assessed - sum(enrolment.excluded.values())
    if any(isinstance(n, bool) or n != int(n) or n < 0 for n in numbers) or left != found.total(of):
        raise TrialError(
            f"{enrolment.assessed:,} {of} assessed less {sum(enrolment.excluded.values()):,} excluded leave "
            f"{left:,}, but {found.total(of):,} were randomised",
            where=f"{WHERE}, step assessed to randomised",
            remedy="Name every exclusion with its reason, in whole numbers; give the allocation record where "
            "the trial's list lacks those who left after randomisation.",
        )
    rows: list[Row] = [("assessed", "", of, enrolment.assessed, "")]
    rows += [("excluded", "", of, int(n), why) for why, n in enrolment.excluded.items()]
    return rows + randomised


def _arm(found: Counted, arm: str) -> list[Row]:
    rows: list[Row] = []
    for of in found.of:
        rows.append(("allocated", arm, of, found.number(arm, of), ""))
        for step, mask in found.taken.items():
            n = found.number(arm, of, mask)
            if n or step != "take-up unknown":
                rows.append((step, arm, of, n, ""))
        for why, mask in found.gone.items():
            n = found.number(arm, of, mask, whole=True)
            if n:
                rows.append(("left out" if why in found.planned else "lost", arm, of, n, why))
        rows.append(("analysed", arm, of, found.number(arm, of, found.analysed), ""))
    return rows


def _reasons(numbers: pd.DataFrame, lost: Mapping[str, Mapping[str, int]], found: Counted) -> pd.DataFrame:
    """The table with the reasons given in place of those that the data show."""
    strange = sorted(set(lost) - set(found.arms))
    if strange:
        raise TrialError(
            f"losses are given for {first_few(map(repr, strange))}, which is no arm",
            where=f"{WHERE}, step lost",
            remedy=f"The arms are {', '.join(map(repr, found.arms))}.",
        )
    finest = found.of[-1]
    out = []
    for arm in found.arms:
        here = numbers[numbers["arm"] == arm]
        mine = here[(here["step"] == "lost") & (here["of"] == finest)]
        given = dict(lost.get(arm, {}))
        if sum(given.values()) != int(mine["number"].sum()):
            raise TrialError(
                f"{sum(given.values()):,} {finest} lost in arm {arm!r} have a reason, but "
                f"{int(mine['number'].sum()):,} have no outcome",
                where=f"{WHERE}, step lost",
                remedy="Give a reason for each of those without an outcome, and for nobody else.",
            )
        rows = [("lost", arm, finest, int(n), why) for why, n in given.items() if n]
        out.append(pd.concat([here.drop(mine.index), pd.DataFrame(rows, columns=numbers.columns)]))
    first = numbers[numbers["arm"] == ""]
    joined = pd.concat([first, *out], ignore_index=True)
    order = [joined["arm"].map(dict(zip(("", *found.arms), range(99), strict=False)))]
    order += [joined["of"].map(dict(zip(found.of, range(3), strict=False)))]
    order += [joined["step"].map(dict(zip(STEPS, range(99), strict=False)))]
    before = np.where(joined["arm"] == "", joined.index, 0)
    return joined.iloc[np.lexsort((joined.index, order[2], order[1], before, order[0]))].reset_index(
        drop=True
    )


def _add_up(flow_: Flow, found: Counted) -> None:
    """Raise `TrialError` for a step whose parts are not its whole, in the finest count."""
    of = flow_.counted[-1]
    parts = sum(flow_.number("allocated", arm, of) for arm in flow_.arms)
    problems = []
    if parts != flow_.number("randomised", "", of):
        problems.append(("randomised", flow_.number("randomised", "", of), parts, "allocated"))
    for arm in flow_.arms:
        whole = flow_.number("allocated", arm, of)
        steps = {"followed up": ("left out", "lost", "analysed")}
        if found.taken:
            steps["received"] = ("received", "not received", "take-up unknown")
        for name, names in steps.items():
            came = sum(flow_.number(step, arm, of) for step in names)
            if came != whole:
                problems.append((f"{name}, arm {arm}", whole, came, " + ".join(names)))
    for step, whole, came, parted in problems:
        raise TrialError(
            f"{whole:,} {of} went in, {came:,} came out ({parted})",
            where=f"{WHERE}, step {step}",
            remedy="Check who is on the list and who on the record.",
        )

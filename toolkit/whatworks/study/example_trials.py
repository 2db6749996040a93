"""The synthetic trials as a force would hold them: list, allocation record, outcomes, and the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from whatworks.data.synthetic import (
    SyntheticLondon,
    hotspots,
    hotspots_list,
    place_days,
    place_days_list,
    restorative_justice,
    stepped_wedge,
    stepped_wedge_list,
    victims_list,
)
from whatworks.data.synthetic.trial_parts import FOLDER
from whatworks.errors import OptionError, choose
from whatworks.rct import Allocation, Blocked, Crossover, SteppedWedge, randomise


@dataclass(frozen=True, slots=True, eq=False)
class ExampleTrial:
    """One synthetic trial, from its list to its outcomes.

    Attributes:
        name: the first part of its files' names.
        listed: what was randomised, without any outcome.
        allocation: the draw and its record.
        made: the outcomes and the truth.
    """

    name: str
    listed: pd.DataFrame
    allocation: Allocation
    made: SyntheticLondon

    def write(self, folder: str | Path) -> tuple[Path, ...]:
        """Write list, allocation record, outcomes and truth into `trials/` of a folder; returns the paths.

        Raises `OptionError` where that cannot be written to.
        """
        inside = Path(folder, FOLDER)
        listed, record = inside / f"{self.name}-list.csv", inside / f"{self.name}-allocation.json"
        written = self.made.write(inside)
        try:
            listed.write_bytes(self.listed.to_csv(index=False, lineterminator="\n").encode("utf-8"))
            record.write_bytes(self.allocation.to_json().encode("utf-8"))
        except OSError as problem:
            raise OptionError(
                f"the files cannot be written: {problem.strerror}",
                where=str(folder),
                remedy="Give a folder that can be written to, such as data/synthetic.",
            ) from problem
        return listed, record, *written


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a synthetic trial was randomised; its seeds were fixed before any estimate was made."""

    listed: Callable[[], pd.DataFrame]
    outcomes: Callable[[pd.DataFrame], SyntheticLondon]
    choices: dict[str, Any]


_PLANS: Final = {
    "hotspots": _Plan(
        hotspots_list,
        hotspots,
        {"unit": "spot", "arms": ("control", "patrol"), "design": Blocked("band"), "seed": 230301},
    ),
    "place-days": _Plan(
        place_days_list,
        place_days,
        {
            "unit": "spot",
            "arms": ("control", "patrol"),
            "design": Crossover(periods=90, shortest=3, longest=7, washout=1),
            "seed": 240301,
        },
    ),
    "stepped-wedge": _Plan(
        stepped_wedge_list,
        stepped_wedge,
        {"unit": "borough", "cluster": "bcu", "design": SteppedWedge(steps=6, first=3), "seed": 250301},
    ),
    "restorative-justice": _Plan(
        victims_list,
        restorative_justice,
        {
            "unit": "victim",
            "arms": ("usual practice", "meeting offered"),
            "design": Blocked("site"),
            "seed": 260301,
        },
    ),
}

EXAMPLES: Final = tuple(_PLANS)
"""Names of the synthetic trials."""


def example_trial(name: str) -> ExampleTrial:
    """A synthetic trial by name: listed, randomised, then given its outcomes, in that order.

    Raises `OptionError` for a name that is none of `EXAMPLES`.
    """
    plan = _PLANS[choose("name", name, EXAMPLES, where="example_trial")]
    listed = plan.listed()
    allocation = randomise(listed, **plan.choices)
    return ExampleTrial(name, listed, allocation, plan.outcomes(allocation.table))

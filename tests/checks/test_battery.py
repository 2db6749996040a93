"""The battery: every check in order, each estimate paid for once, borders and anticipation handed on."""

from __future__ import annotations

from functools import partial

import pytest
import toy

from whatworks import checks, did
from whatworks.errors import OptionError
from whatworks.inference import Default

NAMES = [
    "Pre-trends",
    "Placebo in time",
    "Drop anticipation",
    "Regression to the mean",
    "Placebo in space",
    "Alternative comparison group",
    "Spill-over ring",
    "Alternative windows",
    "Influential periods",
    "Leave one unit out",
    "Leave one cluster out",
    "Enough clusters",
    "Series breaks and shocks",
    "All checks together",
]


class Counting:
    """did.block, and what it was asked for."""

    def __init__(self):
        self.asked = []

    def __call__(self, panel, *, inference=None):
        self.asked.append((panel, inference))
        return did.block(panel, inference=inference)


@pytest.fixture(scope="module")
def block():
    return partial(did.block, inference=Default(draws=99))


def test_every_check_in_order(block):
    found = checks.run(toy.panel(), block, event_study=did.event_study, offence="robbery")
    assert [c.name for c in found] == NAMES
    assert all(c.reason for c in found)
    assert f"of {len(NAMES) - 1} checks" in found[-1].reason


def test_a_staggered_design_is_tried_without_each_cohort():
    panel = toy.panel(units=12)
    start = panel.start.copy()
    start[:3] += 2
    att = partial(did.att_gt, inference=Default(draws=99))
    names = [c.name for c in checks.run(panel.with_start(start), att, event_study=did.event_study)]
    assert names == [*NAMES[:11], "Leave one cohort out", *NAMES[11:]]


def test_the_whole_panel_is_estimated_once_as_the_study_does_it():
    panel, spy = toy.panel(), Counting()
    checks.run(panel, spy, event_study=did.event_study)
    own = [inference for given, inference in spy.asked if given is panel]
    assert own.count(None) == 1
    # sets of clusters, units, clusters and months are refits of which only the estimate is read
    assert sum(inference is not None for _, inference in spy.asked) >= 6 + 16 + 8 + 36


def test_borders_and_anticipation_are_handed_on(block):
    panel = toy.panel()
    borders = {unit: [] for unit in panel.units} | {"u00": ["u08", "u10"]}
    found = {c.name: c for c in checks.run(panel, block, event_study=did.event_study, neighbours=borders)}
    assert found["Spill-over ring"].verdict != "not_applicable"
    own = checks.alternative_comparison(panel, block, neighbours=borders)
    assert found["Alternative comparison group"].table.equals(own.table)
    assert not checks.alternative_comparison(panel, block).table.equals(own.table)
    with pytest.raises(OptionError):
        checks.run(panel, block, event_study=did.event_study, neighbours={"u00": []})
    seen = {c.name: c for c in checks.run(panel, block, event_study=did.event_study, anticipation=20)}
    assert "Only 4" in seen["Placebo in time"].reason
    assert len(seen["Drop anticipation"].table) == 2

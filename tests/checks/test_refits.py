"""Refits give the study's own estimates, without paying twice or for errors nobody reads."""

from __future__ import annotations

from functools import partial

import exact
import numpy as np
import pytest
import toy

from whatworks import did
from whatworks.checks import refits
from whatworks.errors import OptionError, PanelError
from whatworks.inference import ClusterRobust, WildCluster
from whatworks.inference.errors.influence import Analytical
from whatworks.panel import NEVER
from whatworks.results import NotAvailable


class Spy:
    """An estimator that writes down what it was asked."""

    def __init__(self, takes=object, shift=0.0):
        self.asked, self.takes, self.shift = [], takes, shift

    def __call__(self, panel, *, inference=None):
        self.asked.append((panel.n_units, type(inference)))
        if inference is not None and not isinstance(inference, self.takes):
            raise OptionError("does not apply")
        moved = 0.0 if inference is None else self.shift
        return exact.result(panel, panel.outcome.mean() + moved, 1.0, 0.5)


def test_the_whole_panel_is_estimated_once():
    spy, panel = Spy(), toy.panel()
    estimate = refits.remembering(spy, panel)
    assert estimate(panel) is estimate(panel)
    estimate(toy.panel())
    assert spy.asked == [(16, type(None))] * 2


def test_other_panels_are_estimated_with_errors_in_closed_form():
    spy, panel = Spy(), toy.panel()
    estimate = refits.thrifty(spy, panel)
    estimate(panel)
    for _ in range(2):
        estimate(panel.select(range(4, 16)))
    estimate(panel)
    assert spy.asked == [(16, type(None)), (16, Analytical), (12, Analytical), (12, Analytical)]


@pytest.mark.parametrize(
    ("spy", "used"),
    [
        (Spy(takes=ClusterRobust), ClusterRobust),
        (Spy(takes=WildCluster), type(None)),
        (Spy(shift=1e-9), type(None)),
    ],
    ids=["refuses the first", "refuses both", "would move the estimate"],
)
def test_errors_in_closed_form_are_used_only_where_they_leave_the_estimate_alone(spy, used):
    panel = toy.panel()
    refits.thrifty(spy, panel)(panel.select(range(4, 16)))
    assert spy.asked[-1] == (12, used)


def test_an_estimator_without_the_choice_is_called_as_it_is():
    panel, seen = toy.panel(), []

    def plain(given):
        seen.append(given.n_units)
        return toy.estimate(given)

    refits.thrifty(plain, panel)(panel.select(range(4, 16)))
    assert seen == [16, 12]
    assert refits.accepts(partial(did.att_gt, comparison="never"), "anticipation")
    assert not refits.accepts(did.block, "anticipation")
    assert refits.accepts(refits.thrifty(did.att_gt, panel), "anticipation")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("method", [did.block, did.twoway, partial(did.att_gt, base="universal")])
def test_refits_equal_the_loop_over_the_method_itself(method, seed):
    panel = toy.panel(seed=seed, units=12, months=26)
    lean = refits.thrifty(method, panel)
    for left_out in (0, 11):
        part = panel.select(np.arange(12) != left_out)
        np.testing.assert_allclose(lean(part).headline.value, method(part).headline.value, rtol=1e-12)


def test_periods_are_left_out_and_the_others_keep_their_dates():
    panel = toy.panel().select(range(4))
    counted = exact.panel([[1, 2, 3, 4], [5, 6, 7, 8]], ["2013-03", None])
    less = refits.without_periods(counted, np.array([False, True, False, False]))
    assert less.period_labels == ("2013-01", "2013-03", "2013-04")
    np.testing.assert_array_equal(less.outcome, [[1, 3, 4], [5, 7, 8]])
    np.testing.assert_array_equal(less.start, [counted.start[0], NEVER])
    with pytest.raises(PanelError, match="no period is left"):
        refits.without_periods(panel, np.ones(panel.n_periods, dtype=bool))


def test_a_panel_that_cannot_be_made_is_a_reason_not_an_error():
    panel = toy.panel()
    gone = refits.attempt(toy.estimate, lambda: panel.select(np.zeros(16, dtype=bool)))
    assert gone == NotAvailable("no unit is left")
    row = refits.row({"left out": "x"}, toy.estimate, lambda: panel.select(range(8)))
    assert np.isnan(row["estimate"])
    assert row["reason"] == "nobody to compare with"

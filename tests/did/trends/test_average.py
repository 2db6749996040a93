"""did.average: one number over any window of event times, from every event study."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.did.staggered import staggered

from whatworks import did, errors
from whatworks.inference import ClusterRobust, WildCluster
from whatworks.inference.errors.influence import Analytical
from whatworks.panel import Panel
from whatworks.results import Estimate, NotAvailable, Result

ROOT = Path(__file__).resolve().parents[2] / "reference"
STARTS = [4, 4, 4, 6, 6, 6, 7, 7, None, None, None, None, None, None]


def panel(**others: Any) -> Panel:
    return staggered(STARTS, effect=2.0, seed=5, **others)


def by_event_time(data: Panel, **options: Any) -> Result:
    return did.aggregate(did.att_gt(data, base="universal", **options), by="event_time")


METHODS = {
    "event_study": did.event_study,
    "interaction_weighted": did.interaction_weighted,
    "imputation": did.imputation,
    "stacked": lambda data, **options: did.stacked(data, window=(-3, 3), **options),
    "etwfe": did.etwfe,
    "aggregate": by_event_time,
}
HEADLINE = {
    "event_study": "equal",
    "interaction_weighted": "cells",
    "imputation": "cells",
    "stacked": "equal",
    "etwfe": "cells",
    "aggregate": "equal",
}


@cache
def found(method: str) -> Result:
    return METHODS[method](panel())


def numbers(estimate: Estimate) -> list[float]:
    return [float(getattr(estimate, name)) for name in ("value", "std_error", "low", "high", "p_value")]


@pytest.mark.parametrize("method", METHODS)
def test_over_everything_it_is_the_headline_with_the_headline_s_own_inference(method: str) -> None:
    # 14 clusters: the headline is bootstrapped, and so must the average be
    headline = found(method).headline
    average = did.average(found(method), weights=HEADLINE[method])
    np.testing.assert_allclose(numbers(average), numbers(headline), rtol=1e-9, atol=1e-12)
    assert average.inference == headline.inference
    assert "Wild cluster bootstrap" in average.inference
    assert average.scale == headline.scale


@pytest.mark.parametrize("method", METHODS)
def test_one_event_time_is_its_row(method: str) -> None:
    rows = found(method).effects.set_index("event_time")
    for weights in ("equal", "cells"):
        average = did.average(found(method), 1, 1, weights=weights)
        row = rows.loc[1, ["estimate", "std_error", "low", "high", "p_value"]].to_numpy(float)
        np.testing.assert_allclose(numbers(average), row, rtol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_equal_weights_and_weights_by_treated_cells(method: str) -> None:
    last = 3 if method == "stacked" else 6
    rows = found(method).effects.set_index("event_time").loc[0:last]
    assert did.average(found(method), 0, last).value == pytest.approx(rows["estimate"].mean())
    # unit weights are 1; later starts drop out after event times 3 and 4, but not of a stacked window
    size = np.array([(np.array([4, 6, 7]) + e <= 10) @ np.array([3, 3, 2]) for e in range(last + 1)])
    assert (np.ptp(size) == 0) == (method == "stacked")
    expected = size @ rows["estimate"] / size.sum()
    assert did.average(found(method), 0, last, weights="cells").value == pytest.approx(expected)


def test_unit_weights_carry_into_cells() -> None:
    weight = np.linspace(1, 3, len(STARTS))
    data = panel(weight=weight)
    start = np.array([99 if s is None else s for s in STARTS])
    size = np.array([weight[start + e <= 10].sum() for e in range(7)])
    for method in ("event_study", "interaction_weighted", "imputation", "etwfe"):
        result = METHODS[method](data, inference=None)
        rows = result.effects.set_index("event_time").loc[0:6, "estimate"]
        value = did.average(result, 0, weights="cells").value
        assert value == pytest.approx(size @ rows / size.sum()), method


@pytest.mark.parametrize("method", METHODS)
def test_another_level_changes_the_interval_and_nothing_else(method: str) -> None:
    wide, narrow = (did.average(found(method), 0, 2, level=level) for level in (0.95, 0.5))
    assert (wide.value, wide.std_error, wide.p_value) == (narrow.value, narrow.std_error, narrow.p_value)
    assert wide.low < narrow.low < narrow.high < wide.high
    assert (wide.level, narrow.level) == (0.95, 0.5)


def test_errors_from_the_covariance_of_the_effects() -> None:
    for method, inference in (
        ("event_study", ClusterRobust()),
        ("interaction_weighted", ClusterRobust()),
        ("stacked", ClusterRobust()),
        ("etwfe", ClusterRobust()),
        ("imputation", Analytical()),
        ("aggregate", Analytical()),
    ):
        # three clusters a cohort at least, so that no error is withheld
        data = staggered([4] * 6 + [6] * 6 + [None] * 10, effect=1.0, seed=2)
        result = METHODS[method](data, inference=inference)
        effects = did.event_time_covariance(result).within(0, 3)
        share = np.full(4, 0.25)
        average = did.average(result, 0, 3)
        assert average.value == pytest.approx(share @ effects.estimates), method
        assert average.std_error == pytest.approx(np.sqrt(share @ effects.covariance @ share)), method


def test_a_single_treated_unit_has_an_average_without_an_error() -> None:
    result = did.event_study(staggered([4] + [None] * 9))
    average = did.average(result, 0, 2)
    rows = result.effects.set_index("event_time").loc[0:2, "estimate"]
    assert average.value == pytest.approx(rows.mean())
    assert isinstance(average.std_error, NotAvailable)
    assert "placebo" in average.std_error.reason


def test_a_bootstrap_that_was_asked_for_is_the_one_that_is_used() -> None:
    data = panel()
    wild = WildCluster(draws=499, seed=3, weights="webb")
    for method in METHODS:
        average = did.average(METHODS[method](data, inference=wild), 0, 2)
        assert "499 Webb draws, seed 3" in average.inference, method


@pytest.mark.parametrize("weights", ["equal", "cells"])
def test_fixest_covariance_of_the_full_event_study(weights: str) -> None:
    # fixest 0.14.2, tests/reference/json/fixest.json
    entries = json.loads((ROOT / "json" / "fixest.json").read_text(encoding="utf-8"))["entries"]
    stored = entries["eventstudy.y.binned"]["results"]
    theirs = stored["cluster_unit.default"]
    covariance = np.array(stored["vcov_matrix.cluster_unit.default"]["values"])
    beta = np.array(theirs["estimate"])
    times = np.array([int(term.split("::")[1]) for term in theirs["terms"]])
    frame = pd.read_csv(ROOT / "data" / "boroughs.csv")
    data = Panel.from_frame(frame, unit="id", period="t", outcome="y", start="start")
    result = did.event_study(data, ends=(-12, 18), inference=ClusterRobust(correction="fixest"))
    distance = frame["t"] - frame["start"]
    size = np.array([(distance == e).sum() for e in range(2, 10)])
    share = np.zeros(len(times))
    share[(times >= 2) & (times <= 9)] = size / size.sum() if weights == "cells" else 1 / 8
    average = did.average(result, 2, 9, weights=weights)
    assert average.value == pytest.approx(share @ beta, rel=1e-7)
    assert average.std_error == pytest.approx(np.sqrt(share @ covariance @ share), rel=1e-7)


def test_aggregate_over_a_window_is_the_average_of_r_did() -> None:
    # did 2.5.1, aggte(type = "dynamic", min_e = -6, max_e = 12), tests/reference/json/did.json
    entries = json.loads((ROOT / "json" / "did.json").read_text(encoding="utf-8"))["entries"]
    theirs = entries["nocov.dr.nevertreated.varying.ant0"]["results"]["aggte"]["dynamic_min_m6_max_12"]
    frame = pd.read_csv(ROOT / "data" / "boroughs.csv")
    data = Panel.from_frame(frame, unit="id", period="t", outcome="y", start="start")
    result = did.aggregate(did.att_gt(data, inference=Analytical()), by="event_time")
    average = did.average(result, 0, 12)
    assert average.value == pytest.approx(theirs["overall_att"], rel=1e-7)
    assert average.std_error == pytest.approx(theirs["overall_se"], rel=1e-7)


def test_what_is_refused() -> None:
    result = found("event_study")
    with pytest.raises(errors.OptionError, match="run from -6 to 6"):
        did.average(result, 9, 12)
    with pytest.raises(errors.OptionError, match="weights"):
        did.average(result, weights="size")
    with pytest.raises(errors.OptionError, match="level"):
        did.average(result, level=95)
    with pytest.raises(errors.OptionError, match="leads"):
        did.average(found("imputation"), -2, 3)
    for other in (
        did.block(staggered([4, 4, None, None])),
        did.imputation(panel(), by="cohort"),
        did.att_gt(panel()),
        Result.from_json(result.to_json()),
    ):
        with pytest.raises(errors.OptionError, match="no effects by event time"):
            did.average(other)

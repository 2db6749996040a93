"""An effect in crimes: the sum over the treated cells, by hand; and why not where it is no such sum."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import made_up_study as made
import numpy as np
import pandas as pd
import pytest

from whatworks import did, rct, synth
from whatworks.inference import Analytical, ClusterRobust
from whatworks.panel import Panel
from whatworks.result_json import dumps, loads
from whatworks.results import Added, NotAvailable
from whatworks.study import rates
from whatworks.study.added import added_up
from whatworks.study.closing import conclude
from whatworks.trial import Trial

DATA = Path(__file__).parents[2] / "data" / "synthetic"


def counts(*, heads: bool = True, starts: tuple[int | None, ...] = (None, 7), last: int = 12) -> Panel:
    rng = np.random.default_rng(3)
    rows = [
        (f"u{u:02d}", t, float(rng.poisson(40 + u - 8 * (t >= (starts[u % len(starts)] or 99)))),
         starts[u % len(starts)], 1000.0 + 100 * u + 10 * t)
        for u in range(12) for t in range(1, last + 1)
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["unit", "period", "crimes", "start", "heads"])
    return Panel.from_frame(
        frame,
        unit="unit",
        period="period",
        outcome="crimes",
        start="start",
        exposure="heads" if heads else None,
    )


def both(found: Added | NotAvailable) -> tuple[float, float]:
    assert isinstance(found, Added)
    return found.in_all.value, found.per_period.value


def test_without_an_exposure_the_sum_is_exact() -> None:
    panel = counts(heads=False)
    result = did.block(panel, inference=ClusterRobust())
    found = added_up(result, panel)
    before, after = panel.outcome[:, :6], panel.outcome[:, 6:]
    mine = ~panel.never_treated
    expected = before[mine].mean(axis=1) + after[~mine].mean() - before[~mine].mean()
    missed = sum(after[i].sum() - 6 * would for i, would in zip(np.flatnonzero(mine), expected, strict=True))
    assert both(found) == pytest.approx((missed, missed / 6))
    assert (found.places, found.periods, found.assumes) == (6, 6, "")
    assert found.in_all.low / result.headline.low == pytest.approx(36)
    assert found.in_all.p_value == result.headline.p_value
    assert found.in_all.scale == "crimes"


def test_a_rate_is_added_up_over_those_it_is_a_rate_of() -> None:
    panel = counts()
    result = did.block(rates(panel, 1000.0), inference=ClusterRobust())
    found = added_up(result, panel, per=1000.0)
    heads = panel.exposure[~panel.never_treated][:, 6:]
    assert both(found)[0] == pytest.approx(result.headline.value * heads.sum() / 1000)
    assert both(found)[1] == pytest.approx(result.headline.value * heads.mean(axis=1).sum() / 1000)
    assert "the same in every treated place" in found.assumes


def test_only_cells_that_the_headline_averages_count() -> None:
    """All have begun in the end: the last periods have no comparison and no effect."""
    panel = counts(heads=False, starts=(5, 9))
    result = did.att_gt(panel, comparison="not_yet", inference=Analytical())
    found = added_up(result, panel)
    assert (found.places, found.periods) == (6, 4)
    assert both(found)[0] == pytest.approx(24 * result.headline.value)
    assert both(found)[1] == pytest.approx(6 * result.headline.value)


def test_a_rate_ratio_leaves_what_was_counted_less_what_would_have_been() -> None:
    panel = counts()
    result = did.poisson(panel, inference=ClusterRobust())
    found = added_up(result, panel)
    counted = panel.outcome[~panel.never_treated][:, 6:].sum()
    head = result.headline
    assert both(found) == pytest.approx((counted * (1 - 1 / head.value), counted * (1 - 1 / head.value) / 6))
    assert found.in_all.low == pytest.approx(counted * (1 - 1 / head.low))
    assert found.in_all.low < found.in_all.value < found.in_all.high
    assert isinstance(found.in_all.std_error, NotAvailable)


def test_the_invented_fall_is_found_in_crimes() -> None:
    frame = pd.read_csv(DATA / "london.csv")
    panel = Panel.from_frame(
        frame, unit="area_name", period="month", outcome="robbery", start="start_hotspots", cluster="bcu",
        exposure="population",
    )  # fmt: skip
    found = added_up(did.block(rates(panel, 1000.0)), panel, per=1000.0)
    truth = json.loads((DATA / "truth.json").read_text(encoding="utf-8"))
    crimes = truth["designs"]["hotspots"]["effects"]["overall"]["crimes"]
    assert found.in_all.low < crimes < found.in_all.high


def test_trials_are_added_up_where_units_were_counted_once() -> None:
    rng = np.random.default_rng(1)
    arm = np.array(["control", "patrol"])[np.arange(40) % 2]
    frame = pd.DataFrame({"spot": np.arange(40).astype(str), "arm": arm, "crimes": rng.poisson(30, 40)})
    trial = Trial.from_frame(frame, unit="spot", arm="arm", outcome="crimes", control="control")
    result = rct.itt(trial, model="quasi_poisson")
    found = added_up(result, trial)
    mine = frame.loc[frame["arm"] == "patrol", "crimes"]
    assert found.in_all.value == pytest.approx(
        mine.sum() - len(mine) * frame["crimes"][arm == "control"].mean()
    )
    assert isinstance(found.per_period, NotAvailable)
    assert added_up(rct.itt(trial), trial) == NotAvailable(
        "the outcome is no count, so it cannot be added up over places"
    )


def test_where_it_cannot_be_added_up_it_says_why() -> None:
    panel = counts(heads=False)
    halves = replace(panel, outcome=panel.outcome + 0.5)
    result = did.block(panel, inference=ClusterRobust())
    assert "no count" in str(added_up(result, halves))
    assert "weights" in str(added_up(result, replace(panel, weight=np.ones(12))))
    assert "no plain mean" in str(added_up(replace(result, method="did.stacked"), panel))
    staggered = counts(heads=False, starts=(None, 5, 9))
    ratio = did.etwfe(staggered, model="poisson", inference=ClusterRobust())
    assert "several starts" in str(added_up(ratio, staggered))
    assert isinstance(added_up(synth.synthdid(panel), panel), Added)


def test_it_is_concluded_and_read_back() -> None:
    panel = counts(heads=False)
    result = did.block(panel, inference=ClusterRobust())
    whole = conclude(result, counts=panel).result
    assert whole.added == added_up(result, panel)
    assert loads(dumps(whole)).added == whole.added
    assert loads(dumps(conclude(result).result)).added.reason == "the study does not say how many that is"
    assert isinstance(made.result().added, NotAvailable)

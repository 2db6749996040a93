"""did.bacon: against bacondecomp, by hand, and the theorem itself under weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from reference_numbers import borough_panel, entries

from whatworks import Panel, did, errors
from whatworks.inference.fits import two_way_effects

KINDS = {
    "Treated vs Untreated": "treated vs untreated",
    "Earlier vs Later Treated": "earlier vs later",
    "Later vs Earlier Treated": "later vs earlier",
}


def staggered(weights=None, periods=9, all_treated=False, seed=3, level=50.0):
    rng = np.random.default_rng(seed)
    starts = [3, 3, 5, 7, 7, 7] + ([4, 4] if all_treated else [None, None, None, 20])
    rows = [
        (f"u{i}", t, level + rng.normal(), np.nan if g is None else g, 1.0 if weights is None else weights[i])
        for i, g in enumerate(starts)
        for t in range(periods)
    ]
    frame = pd.DataFrame(rows, columns=["unit", "t", "y", "g", "w"])
    weight = None if weights is None else "w"
    return Panel.from_frame(frame, unit="unit", period="t", outcome="y", start="g", weight=weight)


def coefficient(panel):
    treated = (panel.treated & (panel.start <= panel.periods[-1])[:, None]).astype(float)[None]
    fit = two_way_effects.fit(panel.outcome, treated, names=["the treatment"], weight=panel.weight)
    return float(fit.coefficients[0])


def same_rows(ours, theirs, rtol):
    table = ours.table.set_index(["treated", "comparison"])
    for treated, other, estimate, weight, kind in zip(
        *(theirs[name] for name in ("treated", "untreated", "estimate", "weight", "type")), strict=True
    ):
        row = table.loc[(str(treated), "untreated" if other == 99999 else str(other))]
        assert row["type"] == KINDS[kind]
        np.testing.assert_allclose([row["estimate"], row["weight"]], [estimate, weight], rtol=rtol)
    assert len(table) == len(theirs["estimate"])


@pytest.mark.parametrize(("outcome", "start"), [("y", "start"), ("y_bcu", "start_bcu")])
def test_bacondecomp(outcome, start):
    theirs = entries("bacon")[f"staggered.{outcome}"]["results"]
    ours = did.bacon(borough_panel(outcome=outcome, start=start))
    same_rows(ours, theirs, rtol=1e-8)
    assert ours.coefficient == pytest.approx(theirs["twfe_by_lm"], rel=1e-10)


def test_bacondecomp_on_castle(reference_public: Path):
    golden = json.loads(
        (reference_public / "goldens" / "castle__bacondecomp.json").read_text(encoding="utf-8")
    )
    frame = pd.read_csv(reference_public / "data" / "castle_bacondecomp.csv")
    start = frame[frame["post"] == 1].groupby("state")["year"].min().rename("start")
    panel = Panel.from_frame(
        frame.join(start, on="state"), unit="state", period="year", outcome="l_homicide", start="start"
    )
    theirs = golden["results"]["castle"]
    ours = did.bacon(panel)
    same_rows(ours, theirs["decomp"], rtol=1e-8)
    assert ours.coefficient == pytest.approx(theirs["twfe"], rel=1e-10)


WEIGHTS = [None, np.linspace(0.5, 4.0, 10)]


@pytest.mark.parametrize("weights", WEIGHTS, ids=["equal", "weighted"])
@pytest.mark.parametrize("all_treated", [False, True])
def test_the_weighted_sum_is_the_two_way_coefficient(weights, all_treated):
    panel = staggered(weights, all_treated=all_treated)
    ours = did.bacon(panel)
    assert ours.table["weight"].sum() == pytest.approx(1, abs=1e-12)
    assert (ours.table["weight"] > 0).all()
    total = float((ours.table["weight"] * ours.table["estimate"]).sum())
    assert total == pytest.approx(ours.coefficient, abs=1e-12)
    assert total == pytest.approx(coefficient(panel), abs=1e-12)


def test_two_units_at_double_weight_are_four():
    panel = staggered()
    twice = panel.select(np.r_[np.arange(panel.n_units), 0, 7])
    weighted = staggered(np.r_[2.0, np.ones(6), 2.0, np.ones(2)])
    pd.testing.assert_series_equal(did.bacon(twice).table["estimate"], did.bacon(weighted).table["estimate"])
    pd.testing.assert_series_equal(did.bacon(twice).table["weight"], did.bacon(weighted).table["weight"])


def test_by_hand():
    """Cohorts 2 and 3 of four periods and an untreated unit: D = 1/2, 1/4, 0, one unit each.

    Weights in proportion: early v untreated 1/4, late v untreated 3/16, early v late 1/8, late v early 1/16.
    """
    y = {"a": (2, [1, 1, 3, 5]), "b": (3, [2, 4, 6, 9]), "c": (None, [0, 1, 1, 2])}
    rows = [(u, t, v, np.nan if g is None else g) for u, (g, ys) in y.items() for t, v in enumerate(ys)]
    frame = pd.DataFrame(rows, columns=["unit", "t", "y", "g"])
    ours = did.bacon(Panel.from_frame(frame, unit="unit", period="t", outcome="y", start="g"))
    table = ours.table.set_index("type")
    np.testing.assert_allclose(table.loc["treated vs untreated", "weight"], np.array([4, 3]) / 10, rtol=1e-14)
    np.testing.assert_allclose(
        table.loc["treated vs untreated", "estimate"], [3 - 1, 5 - (2 - 2 / 3)], rtol=1e-14
    )
    early, late = table.loc["earlier vs later"], table.loc["later vs earlier"]
    assert (early["weight"], late["weight"]) == pytest.approx((0.2, 0.1))
    assert early["estimate"] == pytest.approx((3 - 1) - (6 - 3))
    assert late["estimate"] == pytest.approx((9 - 6) - (5 - 3))
    assert late["already_treated"]
    assert not early["already_treated"]


def test_level_and_scale():
    panel = staggered()
    ours, other = did.bacon(panel), did.bacon(panel.with_outcome(3 * panel.outcome + 7))
    np.testing.assert_allclose(other.table["estimate"], 3 * ours.table["estimate"], rtol=1e-9, atol=1e-12)
    pd.testing.assert_series_equal(ours.table["weight"], other.table["weight"])


def test_refusals():
    panel = staggered()
    gap = panel.outcome.copy()
    gap[0, 0] = np.nan
    with pytest.raises(errors.DesignError, match="missing"):
        did.bacon(panel.with_outcome(gap))
    with pytest.raises(errors.DesignError, match="no comparison unit"):
        did.bacon(panel.select(panel.start == 3))
    frame = panel.to_frame().assign(x=1.0, start=lambda f: pd.to_numeric(f["start"]))
    frame["period"] = frame["period"].astype(int)
    covered = Panel.from_frame(
        frame, unit="unit", period="period", outcome="y", start="start", covariates=["x"]
    )
    with pytest.raises(errors.DesignError, match="without covariates"):
        did.bacon(covered)

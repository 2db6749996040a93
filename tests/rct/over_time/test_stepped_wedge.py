"""rct.stepped_wedge: dummies and permutations by hand, the two-way coefficient, correlation, refusals."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from whatworks import rct
from whatworks.errors import DesignError, OptionError, TrialError
from whatworks.inference import ClusterRobust, RandomisationInference
from whatworks.inference.fits import two_way_effects
from whatworks.rct import stepped_wedge
from whatworks.results import NotAvailable
from whatworks.trial import Trial

PERIODS = 5


def allocation(clusters: int = 8, steps: int = 4, seed: int = 1) -> rct.Allocation:
    units = pd.DataFrame({"area": [f"a{i:02d}" for i in range(clusters)]})
    return rct.randomise(units, unit="area", seed=seed, design=rct.SteppedWedge(steps, first=2))


def table(drawn: rct.Allocation, people: int = 0, seed: int = 3, growth: float = 0.5) -> pd.DataFrame:
    """One row an area and period, or `people` (2 to 1 + people) a cell, who differ from period to period."""
    rng, rows = np.random.default_rng(seed), []
    for area, start in zip(drawn.table["area"], drawn.table["start"].astype(int), strict=True):
        level = rng.normal()
        for period in range(1, PERIODS + 1):
            since = max(period - start + 1, 0)
            size = 1 if not people else int(rng.integers(2, 2 + people))
            rows += [
                (f"{area}-{period}-{i}", area, period, "new" if since else "old", level, since)
                for i in range(size)
            ]
    frame = pd.DataFrame(rows, columns=["person", "area", "period", "arm", "level", "since"])
    frame["y"] = (
        frame["level"] + 0.2 * frame["period"] + growth * frame["since"] + rng.normal(size=len(frame))
    )
    frame["count"] = rng.poisson(np.exp(1 + 0.2 * frame["level"] + 0.2 * frame["since"].clip(upper=1)))
    return frame


def trial(frame: pd.DataFrame, outcome: str = "y", unit: str = "area", **roles: object) -> Trial:
    return Trial.from_frame(
        frame, unit=unit, arm="arm", outcome=outcome, control="old", period="period", **roles
    )


def people(frame: pd.DataFrame, outcome: str = "y", **roles: object) -> Trial:
    return trial(frame, outcome, "person", cluster="area", **roles)


def by_hand(frame: pd.DataFrame, columns: np.ndarray, outcome: str = "y") -> np.ndarray:
    area = pd.get_dummies(frame["area"]).to_numpy(float)
    period = pd.get_dummies(frame["period"]).to_numpy(float)[:, 1:]
    X = np.column_stack([columns, area, period])
    return np.linalg.lstsq(X, frame[outcome].to_numpy(float), rcond=None)[0][: columns.shape[1]]


def saturated(frame: pd.DataFrame) -> np.ndarray:
    since = frame["since"].to_numpy()
    return (since[:, None] == np.arange(1, since.max() + 1)).astype(float)


CR2 = ClusterRobust("CR2")


def test_a_constant_effect_is_the_two_way_coefficient():
    frame = table(allocation())
    grid = frame.pivot(index="area", columns="period", values="y").to_numpy()
    treated = frame.pivot(index="area", columns="period", values="since").to_numpy() > 0
    fit = two_way_effects.fit(grid, treated[None].astype(float), names=("treatment",))
    found = stepped_wedge(trial(frame), effect="constant", inference=CR2)
    assert found.headline.value == pytest.approx(fit.coefficients[0], rel=1e-10)
    assert found.headline.std_error == pytest.approx(
        CR2.from_regression(fit, np.eye(1)).std_error[0], rel=1e-9
    )


@pytest.mark.parametrize("rows", [0, 6])
def test_exposure_times_are_a_saturated_regression_on_the_rows_themselves(rows):
    frame = table(allocation(), people=rows)
    expected = by_hand(frame, saturated(frame))
    found = stepped_wedge(people(frame) if rows else trial(frame), inference=CR2)
    table_ = found.effects.set_index("term")
    ours = [table_.loc[f"exposure time {s}", "estimate"] for s in range(1, len(expected) + 1)]
    np.testing.assert_allclose(ours, expected, rtol=1e-9)
    assert found.headline.value == pytest.approx(expected.mean(), rel=1e-9)
    one = by_hand(frame, (frame["since"].to_numpy() > 0)[:, None].astype(float))[0]
    assert table_.loc["constant effect", "estimate"] == pytest.approx(one, rel=1e-9)
    constant = stepped_wedge(people(frame) if rows else trial(frame), effect="constant", inference=CR2)
    assert constant.headline.value == pytest.approx(one, rel=1e-9)
    again = constant.effects.set_index("term").loc["average over exposure times", "estimate"]
    assert again == pytest.approx(expected.mean(), rel=1e-9)


def test_the_weights_of_the_constant_effect_tell_its_bias():
    """Without noise the constant effect is the weighted sum of the effects of exposure times."""
    frame = table(allocation())
    frame["y"] = frame["level"] + 0.2 * frame["period"] + 0.5 * frame["since"] ** 2
    found = stepped_wedge(trial(frame), inference=CR2)
    weights = found.detail.weights
    assert weights.sum() == pytest.approx(1)
    assert weights.min() < 0
    constant = found.effects.set_index("term").loc["constant effect", "estimate"]
    assert constant == pytest.approx(weights @ (0.5 * np.arange(1, len(weights) + 1) ** 2), rel=1e-9)
    assert any(f"{weights[0]:+.2f}" in note for note in found.notes)


@pytest.mark.parametrize("effect", ["constant", "exposure_time"])
@pytest.mark.parametrize("recorded", [True, False])
def test_the_order_is_dealt_anew_in_every_possible_way(effect, recorded):
    """Four clusters, one a step: all 24 orders by hand, p-value and interval."""
    drawn = allocation(4)
    frame = table(drawn)
    found = stepped_wedge(trial(frame), effect=effect, allocation=drawn if recorded else None, level=0.8)
    start = frame["period"][frame["since"] == 1].to_numpy()
    period = frame["period"].to_numpy().reshape(4, PERIODS)
    actual = np.clip(period - start[:, None] + 1, 0, None)

    def estimate(times: np.ndarray, y: np.ndarray) -> float:
        flat = times.ravel()
        kinds = (flat > 0)[:, None] if effect == "constant" else flat[:, None] == np.arange(1, PERIODS)
        return float(by_hand(frame.assign(y=y), kinds.astype(float)).mean())

    def p_value(value: float) -> float:
        y = frame["y"].to_numpy() - value * (actual.ravel() > 0)
        every = [
            abs(estimate(np.clip(period - np.array(order)[:, None] + 1, 0, None), y))
            for order in permutations(start)
        ]
        return float(np.mean(np.array(every) >= abs(estimate(actual, y)) * (1 - 1e-9)))

    assert found.headline.p_value == pytest.approx(p_value(0.0))
    for end, side in ((found.headline.low, -1), (found.headline.high, 1)):
        if isinstance(end, NotAvailable):
            continue
        assert p_value(end - side * 1e-6) > 0.2 + 1e-9
        assert p_value(end + side * 1e-6) <= 0.2 + 1e-9
    if recorded:
        assert found.design.allocations == 24
        assert "recorded rule" in found.headline.inference
    else:
        assert isinstance(found.design.allocations, NotAvailable)


def test_two_clusters_a_step_are_dealt_alike_with_and_without_the_record():
    """All 2,520 orders of eight clusters: the record's rule and a plain permutation are the same."""
    drawn = allocation()
    frame = table(drawn)
    with_, without = (stepped_wedge(trial(frame), allocation=a).headline for a in (drawn, None))
    assert (with_.p_value, with_.low, with_.high) == (without.p_value, without.low, without.high)
    assert with_.p_value < 1


def test_orders_are_exchanged_within_blocks():
    frame = table(allocation(4)).assign(side=lambda f: np.where(f["area"] < "a02", "north", "south"))
    found = stepped_wedge(trial(frame, block="side"))
    assert "within 2 blocks (all 4 assignments" in found.headline.inference


def test_many_clusters_or_missing_cells_take_errors_by_cluster():
    assert "CR2" in stepped_wedge(trial(table(allocation(24)))).headline.inference
    frame = table(allocation()).drop(index=[7, 20])
    found = stepped_wedge(trial(frame))
    assert "the default with missing cells" in found.headline.inference
    assert found.headline.value == pytest.approx(by_hand(frame, saturated(frame)).mean(), rel=1e-9)
    assert any("2 of 40 cells" in note for note in found.notes)


def test_clusters_that_never_cross_stand_beside():
    frame = table(allocation())
    late = frame[frame["period"] < PERIODS]
    found = stepped_wedge(trial(late), inference=CR2)
    assert any("2 of 8 clusters never cross" in note for note in found.notes)
    assert found.headline.value == pytest.approx(by_hand(late, saturated(late)).mean(), rel=1e-9)
    assert found.design.n_treated == 6


def test_counts_give_a_rate_ratio():
    frame = table(allocation(), people=4)
    sums = frame.groupby(["area", "period"], as_index=False).agg(
        count=("count", "sum"), n=("count", "size"), since=("since", "first"), arm=("arm", "first")
    )
    found = stepped_wedge(people(frame, "count"), model="rate_ratio", effect="constant", inference=CR2)
    again = stepped_wedge(
        trial(sums, "count", exposure="n"), model="rate_ratio", effect="constant", inference=CR2
    )
    assert found.headline.value == pytest.approx(again.headline.value, rel=1e-10)
    X = np.column_stack(
        [sums["since"] > 0, pd.get_dummies(sums["area"]), pd.get_dummies(sums["period"]).to_numpy()[:, 1:]]
    ).astype(float)
    y, n, beta = sums["count"].to_numpy(float), sums["n"].to_numpy(float), np.zeros(X.shape[1])
    for _ in range(60):
        mean = n * np.exp(X @ beta)
        beta = beta + np.linalg.solve(X.T @ (X * mean[:, None]), X.T @ (y - mean))
    assert found.headline.value == pytest.approx(np.exp(beta[0]), rel=1e-8)
    assert any("Pearson φ" in note for note in found.notes)
    tested = stepped_wedge(
        people(frame, "count"), model="rate_ratio", inference=RandomisationInference(draws=199)
    )
    assert tested.headline.low < tested.headline.value < tested.headline.high


def test_correlation_is_found_again():
    """ICC 0.3 and autocorrelation 0.7 in 400 clusters of 10 a cell."""
    rng = np.random.default_rng(1)
    drawn = allocation(400, 4)
    frame = table(drawn, people=9)
    cluster = frame["area"].map(
        dict(zip(drawn.table["area"], rng.normal(0, np.sqrt(0.21), 400), strict=True))
    )
    cell = (frame["area"] + frame["period"].astype(str)).to_numpy()
    codes = np.unique(cell, return_inverse=True)[1]
    moved = rng.normal(0, 0.3, codes.max() + 1)[codes]
    frame["y"] = cluster + moved + 0.5 * frame["since"] + rng.normal(0, np.sqrt(0.7), len(frame))
    found = stepped_wedge(people(frame), inference=CR2).detail.correlation
    assert found.within_period == pytest.approx(0.3, abs=0.03)
    assert found.autocorrelation == pytest.approx(0.7, abs=0.05)
    assert found.between_periods == pytest.approx(0.21, abs=0.03)
    alone = stepped_wedge(trial(table(allocation())), inference=CR2).detail.correlation
    assert isinstance(alone.within_period, NotAvailable)


def test_trials_that_are_no_stepped_wedge_are_refused():
    drawn = allocation()
    frame = table(drawn)
    with pytest.raises(DesignError, match="1 clusters go back to control: a00"):
        stepped_wedge(trial(frame.assign(arm=frame["arm"].where(frame.index != 4, "old"))))
    with pytest.raises(DesignError, match="all clusters cross in the same period"):
        stepped_wedge(trial(frame.assign(arm=np.where(frame["period"] > 2, "new", "old"))))
    mixed = table(drawn, people=3)
    mixed.loc[0, "arm"] = "new"
    with pytest.raises(TrialError, match="both arms occur in one cluster and period: a00 in period 1"):
        stepped_wedge(people(mixed))
    with pytest.raises(DesignError, match="no periods"):
        stepped_wedge(
            Trial.from_frame(frame[frame["period"] == 3], unit="area", arm="arm", outcome="y", control="old")
        )
    with pytest.raises(OptionError, match="effect"):
        stepped_wedge(trial(frame), effect="growing")
    with pytest.raises(OptionError, match="does not fit here"):
        stepped_wedge(trial(frame), inference="cluster")


def test_clusters_and_starts_are_compared_with_the_record():
    drawn = allocation()
    frame = table(drawn)
    other = allocation(seed=2)
    with pytest.raises(TrialError, match="cross in another period than the record says"):
        stepped_wedge(trial(frame), allocation=other)
    with pytest.raises(TrialError, match=r"0 are not on it \(none\), 1 of it have no row \(a03\)"):
        stepped_wedge(trial(frame[frame["area"] != "a03"]), allocation=drawn)
    plain = rct.randomise(drawn.table[["area"]], unit="area", seed=1)
    with pytest.raises(DesignError, match="not that of a stepped wedge"):
        stepped_wedge(trial(frame), allocation=plain)
    shifted = frame.assign(period=frame["period"] + 100)
    same, moved = (stepped_wedge(trial(f), allocation=drawn) for f in (frame, shifted))
    assert same.headline.p_value == moved.headline.p_value
    assert same.to_json() == stepped_wedge(trial(frame[::-1]), allocation=drawn).to_json()


def test_units_may_cross_in_clusters_of_their_own_list():
    units = pd.DataFrame(
        {"beat": [f"b{i:02d}" for i in range(12)], "area": [f"a{i // 3}" for i in range(12)]}
    )
    drawn = rct.randomise(units, unit="beat", seed=4, cluster="area", design=rct.SteppedWedge(4, first=2))
    frame = units.merge(pd.DataFrame({"period": range(1, 6)}), how="cross")
    start = frame["beat"].map(dict(zip(drawn.table["beat"], drawn.table["start"].astype(int), strict=True)))
    frame["arm"] = np.where(frame["period"] >= start, "new", "old")
    frame["y"] = np.random.default_rng(1).normal(size=len(frame))
    found = stepped_wedge(trial(frame, unit="beat", cluster="area"), allocation=drawn)
    assert found.design.n_clusters == 4
    assert found.design.allocations == 24


def steps(G=8, T=6, seed=1, rate=5.0):
    units = pd.DataFrame({"u": [f"c{i}" for i in range(G)]})
    drawn = rct.randomise(units, unit="u", seed=seed, design=rct.SteppedWedge(4))
    start = dict(zip(drawn.table["u"], drawn.table["start"].astype(int), strict=True))
    rows = [(u, t, "on" if t >= start[u] else "off") for u in units["u"] for t in range(1, T + 1)]
    frame = pd.DataFrame(rows, columns=["u", "t", "arm"])
    return frame.assign(y=np.random.default_rng(seed).poisson(rate, len(frame)).astype(float))


def of_steps(frame, **options):
    trial = Trial.from_frame(frame, unit="u", period="t", arm="arm", outcome="y", control="off")
    return rct.stepped_wedge(trial, **options)


@pytest.mark.parametrize("model", ["means", "rate_ratio"])
def test_an_outcome_that_never_varies_is_no_evidence(model):
    result = of_steps(steps().assign(y=0.1 if model == "means" else 5.0), model=model)
    assert result.headline.p_value == 1.0
    if model == "means":
        assert result.headline.value == 0.0


def test_a_ratio_of_nothing_is_refused():
    with pytest.raises(DesignError, match="nothing was counted"):
        of_steps(steps().assign(y=0.0), model="rate_ratio")
    frame = steps()
    with pytest.raises(DesignError, match="once units and periods that count nothing are left out") as caught:
        of_steps(frame.assign(y=np.where(frame["arm"] == "on", 0.0, frame["y"])), model="rate_ratio")
    assert 'model="means"' in str(caught.value)


def test_a_period_that_is_missing_for_all_still_passes():
    frame = steps(G=12, T=8)
    full = of_steps(frame.assign(y=np.where(frame["t"] == 3, np.nan, frame["y"])).dropna())
    # exposure times go on counting through the gap
    exposed = full.detail.cells.exposed
    assert exposed.max() == 7
    assert full.detail.cells.names == tuple(str(t) for t in range(1, 9))
    code = {u: i for i, u in enumerate(full.detail.cells.labels)}
    early = frame[frame["arm"] == "on"].groupby("u")["t"].min()
    for unit, start in early[early != 3].items():
        assert exposed[code[unit], 7] == 8 - start + 1
    waves = frame.assign(t=3 * frame["t"])
    assert of_steps(waves).headline.value == pytest.approx(of_steps(frame).headline.value, rel=1e-12)


def test_two_clusters_say_what_they_cannot_tell():
    frame = steps(G=4).query("u in ['c0', 'c1', 'c2']")
    crossing = frame[frame["arm"] == "on"].groupby("u")["t"].min()
    pair = crossing.drop_duplicates().index[:2]
    result = of_steps(frame[frame["u"].isin(pair)], effect="constant")
    missing = result.effects[result.effects["p_value"].isna()]
    assert (missing["reason"] != "").all()


def test_a_start_without_a_row_is_known_from_the_record():
    frame = steps()
    drawn = rct.randomise(pd.DataFrame({"u": [f"c{i}" for i in range(8)]}), unit="u", seed=1,
                          design=rct.SteppedWedge(4))  # fmt: skip
    first = frame[frame["arm"] == "on"].groupby("u")["t"].min()
    without = frame[~((frame["u"] == "c3") & (frame["t"] == first["c3"]))]
    result = of_steps(without, allocation=drawn)
    assert result.detail.cells.start[3] == first["c3"] - 1
    late = frame.assign(arm=np.where((frame["u"] == "c3") & (frame["t"] == first["c3"]), "off", frame["arm"]))
    with pytest.raises(TrialError, match="1 of 8 clusters cross in another period"):
        of_steps(late, allocation=drawn)

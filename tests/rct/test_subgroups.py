"""Subgroups: the interaction by hand, one joint test, exploratory unless said where, refusals by name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from whatworks import rct
from whatworks.errors import DesignError, OptionError, TrialError
from whatworks.inference import ClusterRobust, WildCluster
from whatworks.inference.errors.heteroskedastic import Heteroskedastic
from whatworks.results import NotAvailable, Result
from whatworks.trial import Trial


def frame(n: int = 48, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "area": [f"a{i:03d}" for i in range(n)],
            "region": rng.integers(0, 3, n),
            "crime": rng.gamma(3, 10, n),
            "arm": np.resize(["control", "patrol"], n),
        }
    )
    table["y"] = rng.normal(size=n) - (table["arm"] == "patrol") * (table["region"] == 2) * 4
    return table


def trial(table: pd.DataFrame, **roles: object) -> Trial:
    return Trial.from_frame(
        table,
        unit="area",
        arm="arm",
        outcome="y",
        control="control",
        baseline=["region", "crime"],
        **roles,
    )


def kind(found: Result, name: str) -> pd.DataFrame:
    return found.effects[found.effects["kind"] == name].reset_index(drop=True)


def test_two_groups_are_four_means_and_their_unpooled_variances():
    table = frame()
    found = rct.subgroups(trial(table), by=rct.Subgroup("crime", cuts=(30,)))
    cells = table.groupby([table["crime"] >= 30, "arm"])["y"].agg(["mean", "var", "size"])
    effect = [cells.loc[(g, "patrol"), "mean"] - cells.loc[(g, "control"), "mean"] for g in (False, True)]
    assert kind(found, "effect")["estimate"].tolist() == pytest.approx(effect)
    assert kind(found, "effect")["group"].tolist() == ["below 30", "30 or more"]
    assert found.headline.value == pytest.approx(effect[1] - effect[0])
    assert found.headline.std_error == pytest.approx(np.sqrt((cells["var"] / cells["size"]).sum()))


def test_no_group_has_a_p_value_of_its_own_and_the_table_says_why():
    found = rct.subgroups(trial(frame()), by="region")
    assert kind(found, "effect")["p_value"].isna().all()
    assert kind(found, "effect")["reason"].str.contains("not tested").all()
    assert kind(found, "difference")["p_value"].isna().all()


def test_several_groups_get_one_joint_test_whatever_their_order():
    made = trial(frame())
    found = rct.subgroups(made, by="region")
    joint = kind(found, "joint")["p_value"][0]
    assert found.headline.p_value == joint < 0.001
    assert isinstance(found.headline.value, NotAvailable)
    turned = rct.subgroups(made, by=rct.Subgroup("region", labels={2: "south", 0: "north", 1: "mid"}))
    assert kind(turned, "effect")["group"].tolist() == ["south", "north", "mid"]
    # the fewest degrees of freedom depend on which differences are written down, the statistic does not
    assert kind(turned, "joint")["p_value"][0] == pytest.approx(joint, rel=0.5)
    assert kind(turned, "difference")["estimate"][0] == pytest.approx(
        -kind(found, "difference")["estimate"][1]
    )
    classical = [
        rct.subgroups(made, by=by, inference=Heteroskedastic("HC2")).headline.p_value
        for by in ("region", rct.Subgroup("region", labels={2: "s", 0: "n", 1: "m"}))
    ]
    assert classical[0] == pytest.approx(classical[1], rel=1e-8)


def test_joint_test_is_the_f_test_where_errors_are_classical():
    table = frame()
    found = rct.subgroups(trial(table), by="region", inference=Heteroskedastic("classical"))
    group = np.eye(3)[table["region"]]
    treated = (table["arm"] == "patrol").to_numpy()[:, None]
    y = table["y"].to_numpy()

    def rss(X: np.ndarray) -> float:
        return float(((y - X @ np.linalg.lstsq(X, y, rcond=None)[0]) ** 2).sum())

    full, small = rss(np.hstack([group, group * treated])), rss(np.hstack([group, treated]))
    df = len(y) - 6
    statistic = (small - full) / full * df
    from scipy.stats import f

    expected = f.sf(statistic * (df - 1) / df / 2, 2, df - 1)  # Hotelling's T² with df degrees of freedom
    assert kind(found, "joint")["p_value"][0] == pytest.approx(expected, rel=1e-8)


def test_exploratory_unless_it_says_where_it_was_fixed():
    made = trial(frame())
    by = rct.Subgroup("crime", cuts=(30,))
    looked = rct.subgroups(made, by=by)
    assert "exploratory" in looked.headline.estimand
    assert any(note.startswith("Exploratory") for note in looked.notes)
    planned = rct.subgroups(made, by=by, prespecified="protocol of 3 May, section 7")
    assert "exploratory" not in planned.headline.estimand.lower() + " ".join(planned.notes).lower()
    assert "section 7" in planned.notes[-1]
    assert planned.headline.p_value == looked.headline.p_value
    with pytest.raises(OptionError, match="does not say where"):
        rct.subgroups(made, by=by, prespecified=True)


def test_several_modifiers_are_adjusted_by_holm():
    made = trial(frame())
    found = rct.subgroups(made, by=["region", rct.Subgroup("crime", cuts=(30,))])
    rows = found.effects[found.effects["p_adjusted"].notna()]
    assert len(rows) == 2
    p = rows["p_value"].to_numpy()
    assert rows["p_adjusted"].to_numpy() == pytest.approx([min(1, 2 * p[0]), max(2 * p[0], p[1])])
    assert Result.from_json(found.to_json()).effects["p_adjusted"].notna().sum() == 2


def test_blocks_a_modifier_of_whole_blocks_and_covariates():
    table = frame().assign(pair=[f"p{i // 8}" for i in range(48)])
    table["region"] = np.arange(48) // 8 % 2
    found = rct.subgroups(trial(table, block="pair"), by="region")
    each = table.groupby(["region", "pair", "arm"])["y"].mean().unstack("arm")
    gaps = (each["patrol"] - each["control"]).groupby("region").mean()
    assert kind(found, "effect")["estimate"].tolist() == pytest.approx(gaps.tolist())
    shifted = table.assign(y=table["y"] + 5 * table["crime"])
    plain = rct.subgroups(trial(shifted), by="region")
    adjusted = rct.subgroups(trial(shifted), by="region", adjust=["crime"])
    assert adjusted.headline.std_error < plain.headline.std_error / 10


def test_clusters_take_cr2_and_the_default_says_so():
    table = frame().assign(beat=[f"b{i // 4:02d}" for i in range(48)])
    table["arm"] = np.where(np.arange(48) // 4 % 2, "patrol", "control")
    table["region"] = np.arange(48) // 8 % 2
    made = trial(table, cluster="beat")
    found = rct.subgroups(made, by="region")
    assert "CR2" in found.spec["inference"]
    same = rct.subgroups(made, by="region", inference=ClusterRobust("CR2"))
    assert found.headline.std_error == same.headline.std_error
    other = rct.subgroups(made, by="region", inference=WildCluster(draws=199))
    assert other.headline.p_value != found.headline.p_value


def test_the_list_is_held_against_the_record():
    table = frame().drop(columns="arm")
    drawn = rct.randomise(table, unit="area", seed=5, arms=("control", "patrol"))
    table = table.merge(drawn.table, on="area")
    found = rct.subgroups(trial(table.iloc[1:]), by="region", allocation=drawn)
    assert any("not in the analysis" in note for note in found.notes)
    swapped = table.assign(arm=table["arm"].map({"control": "patrol", "patrol": "control"}))
    with pytest.raises(TrialError, match="another arm"):
        rct.subgroups(trial(swapped), by="region", allocation=drawn)


def test_a_list_of_units_divides_what_is_no_number():
    table = frame()
    made = trial(table)
    of = dict(zip(table["area"], np.where(table["region"] == 0, "inner", "outer"), strict=True))
    listed = rct.subgroups(made, by=rct.Subgroup("ring", of=of))
    coded = rct.subgroups(made, by=rct.Subgroup("region", cuts=(1,)))
    first = kind(listed, "effect")["group"][0]
    sign = 1 if first == "inner" else -1
    assert listed.headline.value == pytest.approx(sign * coded.headline.value)
    del of["a007"]
    with pytest.raises(OptionError, match="a007"):
        rct.subgroups(made, by=rct.Subgroup("ring", of=of))


def test_rows_without_an_outcome_are_left_out_and_counted():
    table = frame()
    table.loc[:2, "y"] = np.nan
    found = rct.subgroups(trial(table, allow_missing=True), by="region")
    assert kind(found, "joint")["n"][0] == 45
    assert any("without an outcome" in note for note in found.notes)


@pytest.mark.parametrize(
    ("by", "message"),
    [
        ("crime", "different values"),
        ("regoin", "Did you mean 'region'"),
        (rct.Subgroup("crime", cuts=(-5,)), "all units are in one group"),
        (rct.Subgroup("region", labels={0: "north", 1: "south"}), "without a label: 2"),
        (["region", "region"], "different modifiers"),
        ([], "different modifiers"),
    ],
)
def test_refusals_of_a_division(by, message):
    with pytest.raises(OptionError, match=message):
        rct.subgroups(trial(frame()), by=by)


def test_refusals_of_a_design():
    with pytest.raises(OptionError, match="two ways"):
        rct.Subgroup("crime", cuts=(1,), labels={1: "one"})
    with pytest.raises(OptionError, match="do not rise"):
        rct.Subgroup("crime", cuts=(2, 1))
    with pytest.raises(DesignError, match="fewer than two units"):
        rct.subgroups(trial(frame()), by=rct.Subgroup("crime", cuts=(1.5 * frame()["crime"].median(), 70)))
    table = frame()
    three = table.assign(arm=np.resize(["control", "patrol", "letters"], 48))
    with pytest.raises(DesignError, match="3 arms"):
        rct.subgroups(trial(three, treatments=["patrol", "letters"]), by="region")
    with pytest.raises(DesignError, match="several rows"):
        rct.subgroups(trial(table.assign(month=1), period="month"), by="region")
    counts = table.assign(y=np.arange(48), people=100.0)
    with pytest.raises(DesignError, match="exposure"):
        rct.subgroups(trial(counts, exposure="people"), by="region")
    with pytest.raises(OptionError, match="no baseline column"):
        rct.subgroups(trial(table), by="region", adjust=["size"])


def test_where_outcomes_do_not_vary_the_joint_test_says_so():
    found = rct.subgroups(trial(frame().assign(y=1.0)), by="region")
    assert isinstance(found.headline.p_value, NotAvailable)
    assert "no variation" in found.headline.p_value.reason

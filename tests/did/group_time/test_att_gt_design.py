"""Which designs group-time effects accept, which they refuse with a route, and where no error is honest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.did.staggered import london, staggered

from whatworks.did.aggregate import aggregate
from whatworks.did.att_gt import att_gt
from whatworks.errors import DesignError, EstimationError, OptionError
from whatworks.inference.errors.cluster import ClusterRobust
from whatworks.inference.errors.influence import Analytical
from whatworks.inference.errors.multiplier import MultiplierBootstrap
from whatworks.inference.errors.wild import WildCluster
from whatworks.panel import NEVER, Panel
from whatworks.results import NotAvailable

MANY = [4] * 12 + [6] * 12 + [8] * 12 + [None] * 20


def with_covariates(panel: Panel, *columns: np.ndarray) -> Panel:
    """The panel with covariates that are fixed over time, one array (N,) each."""
    stack = np.stack([np.repeat(c[:, None], panel.n_periods, axis=1) for c in columns])
    return replace(panel, covariates=stack, covariate_names=tuple("xyz"[: len(columns)]))


class TestLondon:
    """Twelve command units that all merge, one or two at a time, the last two after the window."""

    result = att_gt(london(), comparison="not_yet", anticipation=3)

    def test_the_default_is_the_wild_bootstrap_over_command_units(self) -> None:
        head = self.result.headline
        assert "Wild cluster bootstrap over 12 clusters" in head.inference
        assert "the default with only 12 clusters" in head.inference
        assert all(
            isinstance(getattr(head, k), float) for k in ("value", "std_error", "low", "high", "p_value")
        )
        assert head.low < head.value < head.high
        assert self.result.seed is None  # all 4,096 sign vectors: nothing was drawn

    def test_what_cannot_be_estimated_is_named(self) -> None:
        notes = " ".join(self.result.notes)
        # the last to start begin on 2019-02, so from 2018-11 on they may be anticipating
        assert "from 2018-11 on (3 periods of anticipation" in notes
        assert "19 group-time effects" in notes
        assert "cohort 2018-11, 2019-01" in notes
        cells = set(zip(self.result.effects["cohort"], self.result.effects["period"], strict=True))
        assert ("2018-10", "2018-10") in cells
        assert not any(period >= "2018-11" for _, period in cells)
        assert not any(cohort >= "2019-02" for cohort, _ in cells)

    def test_units_that_start_after_the_window_are_compared_with(self) -> None:
        table = self.result.effects.set_index(["cohort", "period"])
        # on 2018-10 only the two command units of 2019-02 are more than three months from their start
        assert table.loc[("2017-01", "2018-10"), "n_comparison"] == 6
        assert table.loc[("2017-01", "2017-01"), "n_comparison"] == 27

    def test_without_anticipation_they_are_compared_with_to_the_end(self) -> None:
        result = att_gt(london(), comparison="not_yet")
        table = result.effects.set_index(["cohort", "period"])
        assert table.loc[("2019-01", "2019-01"), "n_comparison"] == 6
        assert not any("Not estimable" in note for note in result.notes)

    def test_a_cohort_of_one_command_unit_has_no_standard_error(self) -> None:
        rows = self.result.effects[lambda t: (t["cohort"] == "2018-05") & (t["event_time"] >= 0)]
        assert rows["std_error"].isna().all()
        assert rows["reason"].str.contains("single cluster").all()
        assert rows["p_value"].notna().all()

    def test_event_times_have_intervals_and_no_silent_gap(self) -> None:
        table = aggregate(self.result, by="event_time", first=-12, last=5).effects
        assert list(table["event_time"]) == list(range(-12, 6))
        assert table[["std_error", "low", "high", "p_value"]].notna().all().all()
        assert (table["p_value"] > 0).all()

    @pytest.mark.parametrize("inference", [Analytical(), MultiplierBootstrap(draws=199)])
    def test_influence_functions_are_refused_where_they_see_no_noise(self, inference: object) -> None:
        result = att_gt(london(), comparison="not_yet", anticipation=3, inference=inference)
        assert isinstance(result.headline.std_error, NotAvailable)
        assert "single cluster" in result.headline.std_error.reason
        assert any(note.startswith("No error is given for the overall effect") for note in result.notes)
        assert any("errors from the influence function are too small" in note for note in result.notes)
        alone = result.effects["cohort"].isin(["2018-03", "2018-05", "2018-06", "2019-01"])
        assert result.effects.loc[alone, "std_error"].isna().all()
        assert result.effects.loc[~alone, "std_error"].notna().all()


class TestFewUnits:
    def test_one_treated_unit_has_an_estimate_and_no_error(self) -> None:
        panel = staggered([6] + [None] * 15)
        for inference in (None, Analytical(), MultiplierBootstrap(draws=199), WildCluster(draws=199)):
            result = att_gt(panel, inference=inference)
            assert isinstance(result.headline.value, float)
            for number in ("std_error", "low", "high", "p_value"):
                gap = getattr(result.headline, number)
                assert isinstance(gap, NotAvailable)
                assert "synthetic control and placebo ranks" in gap.reason
            assert result.effects["std_error"].isna().all()
            assert aggregate(result, by="event_time").effects["std_error"].isna().all()

    def test_one_treated_cluster_likewise(self) -> None:
        panel = staggered([6, 6, 6] + [None] * 9, cluster=[0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3])
        result = att_gt(panel)
        assert isinstance(result.headline.std_error, NotAvailable)
        assert "all 3 treated units lie in one cluster" in result.headline.std_error.reason

    def test_a_cohort_of_one_among_many_gets_a_note_and_no_error_of_its_own(self) -> None:
        result = att_gt(staggered([5, *MANY]), inference=Analytical())
        rows = result.effects["cohort"] == "5"
        assert result.effects.loc[rows, "std_error"].isna().all()
        assert result.effects.loc[rows, "reason"].str.contains("single unit").all()
        assert result.effects.loc[~rows, "std_error"].notna().all()
        assert isinstance(result.headline.std_error, float)
        assert any("a little too small" in note for note in result.notes)

    def test_a_large_share_of_such_cohorts_leaves_the_overall_effect_without_error(self) -> None:
        result = att_gt(staggered([4, 5, 6, 6, 7, 7, *[None] * 40]), inference=Analytical())
        assert isinstance(result.headline.std_error, NotAvailable)

    def test_one_comparison_unit(self) -> None:
        result = att_gt(staggered([4, 4, 4, 6, 6, 6, None]))
        assert isinstance(result.headline.std_error, NotAvailable)
        assert "only one comparison unit" in result.headline.std_error.reason

    def test_one_cluster_is_refused(self) -> None:
        with pytest.raises(DesignError, match="one cluster in all"):
            att_gt(staggered([4, 4, None, None], cluster=[0, 0, 0, 0]))

    def test_many_units_get_the_influence_function_by_default(self) -> None:
        result = att_gt(staggered(MANY))
        assert "Influence function, independent across the 56 units" in result.headline.inference
        assert "the default with 56 clusters" in result.headline.inference


class TestRefusals:
    def test_nobody_is_treated_inside_the_window(self) -> None:
        with pytest.raises(DesignError, match="no unit starts inside the window"):
            att_gt(staggered([None] * 5 + [30] * 3))

    def test_never_without_never_treated_names_the_route(self) -> None:
        with pytest.raises(DesignError, match='comparison="not_yet"') as caught:
            att_gt(staggered([4, 4, 6, 6]), comparison="never")
        assert "no unit is never treated" in str(caught.value)

    def test_one_date_for_all_leaves_nobody_to_compare_with(self) -> None:
        with pytest.raises(DesignError, match="no cohort can be compared"):
            att_gt(staggered([5] * 8), comparison="not_yet")

    def test_the_last_cohort_serves_only_as_comparison(self) -> None:
        result = att_gt(staggered([4, 4, 6, 6, 8, 8]), comparison="not_yet")
        assert set(result.effects["cohort"]) == {"4", "6"}
        assert max(result.effects["period"].astype(int)) == 7
        assert any("The last to start (8: u004, u005) serve only as comparison" in n for n in result.notes)
        assert any("cohort 4 from 8 to 10, cohort 6 from 8 to 10" in n for n in result.notes)

    def test_missing_cells_name_the_route(self) -> None:
        panel = staggered([4, 4, None, None])
        gaps = panel.outcome.copy()
        gaps[1, 2] = np.nan
        with pytest.raises(DesignError, match=r"drop_incomplete\(\)") as caught:
            att_gt(panel.with_outcome(gaps))
        assert "u001 3" in str(caught.value)

    def test_cohorts_without_a_period_before_their_anticipation_are_named(self) -> None:
        result = att_gt(staggered([3, 3, 6, 6, 6, None, None, None]), anticipation=2)
        assert set(result.effects["cohort"]) == {"6"}
        assert any("2 units have no period more than 2 periods before their start" in n for n in result.notes)

    def test_units_that_start_after_the_window_count_as_never_treated_and_are_named(self) -> None:
        result = att_gt(staggered([4, 4, 6, 6, 14, 14, None]))
        assert any(
            "2 units start only after the window and serve as never treated: u004, u005" in n
            for n in result.notes
        )
        assert set(result.effects["n_comparison"]) == {3}

    @pytest.mark.parametrize(
        ("choices", "words"),
        [
            ({"comparison": "notyettreated"}, "not_yet"),
            ({"base": "universl"}, "Did you mean 'universal'"),
            ({"adjust": "dr"}, "doubly_robust"),
            ({"adjust": "outcome"}, "nothing to adjust for"),
            ({"anticipation": -1}, "anticipation=-1"),
            ({"anticipation": 1.5}, "anticipation=1.5"),
            ({"anticipation": True}, "anticipation=True"),
            ({"level": 95}, "level=95"),
            ({"inference": ClusterRobust()}, "does not apply to group-time effects"),
            ({"inference": "wild"}, "does not apply to group-time effects"),
        ],
    )
    def test_options(self, choices: dict, words: str) -> None:
        with pytest.raises(OptionError, match=words.replace("(", r"\(")):
            att_gt(staggered([4, 4, 6, 6, None, None]), **choices)


class TestCovariates:
    panel = staggered(MANY, seed=5)
    draw = np.random.default_rng(8)

    def test_separation_names_the_cells_and_leaves_them_out(self) -> None:
        x = self.draw.standard_normal(self.panel.n_units) + 20 * (self.panel.start == 6)
        for adjust in ("weights", "doubly_robust"):
            result = att_gt(with_covariates(self.panel, x), adjust=adjust, inference=Analytical())
            lost = result.effects["cohort"] == "6"
            assert result.effects.loc[lost, "estimate"].isna().all()
            assert result.effects.loc[lost, "reason"].str.contains("overlap").all()
            assert result.effects.loc[~lost, "estimate"].notna().all()
            note = next(n for n in result.notes if "could not be estimated" in n)
            assert "9 group-time effects" in note
            assert "ATT(6, 2)" in note
            assert isinstance(result.headline.value, float)
            assert aggregate(result, by="cohort").effects["cohort"].tolist() == ["4", "8"]

    def test_separation_everywhere_is_an_error(self) -> None:
        x = self.draw.standard_normal(self.panel.n_units) + 30 * (self.panel.start != NEVER)
        with pytest.raises(EstimationError, match="overlap"):
            att_gt(with_covariates(self.panel, x), adjust="doubly_robust")

    def test_collinear_covariates_are_an_error(self) -> None:
        x = self.draw.standard_normal(self.panel.n_units)
        with pytest.raises(EstimationError, match="collinear"):
            att_gt(with_covariates(self.panel, x, 3 - 2 * x), adjust="outcome")
        with pytest.raises(EstimationError, match="collinear"):
            att_gt(with_covariates(self.panel, np.full_like(x, 7.0)), adjust="doubly_robust")
        with pytest.raises(EstimationError, match="collinear"):
            att_gt(with_covariates(self.panel, x, 3 - 2 * x), adjust="weights")

    @pytest.mark.parametrize("seed", range(12))
    def test_collinear_weights_do_not_hang_on_rounding(self, seed: int) -> None:
        x = np.random.default_rng(seed).standard_normal(self.panel.n_units)
        with pytest.raises(EstimationError, match="collinear"):
            att_gt(with_covariates(self.panel, x, 0.7 + x / 3), adjust="weights")

    def test_more_coefficients_than_comparison_units(self) -> None:
        panel = staggered([4, 4, 4, 6, 6, 6, None, None])
        x = np.random.default_rng(0).standard_normal((2, 8))
        with pytest.raises(EstimationError, match="2 comparison units cannot carry a regression with 3"):
            att_gt(with_covariates(panel, *x), adjust="outcome")

    def test_few_clusters_get_a_t_correction_and_a_warning(self) -> None:
        panel = staggered([4, 4, 4, 4, 6, 6, 6, 6] + [None] * 12)
        x = np.random.default_rng(0).standard_normal(20)
        result = att_gt(with_covariates(panel, x), adjust="outcome")
        assert "factor 20/19; t with 19 degrees of freedom" in result.headline.inference
        assert "no wild bootstrap is at hand" in result.headline.inference
        assert any("errors from the influence function are too small" in n for n in result.notes)
        with pytest.raises(OptionError, match="linear in the outcome"):
            att_gt(with_covariates(panel, x), adjust="outcome", inference=WildCluster())

    def test_covariates_without_adjustment_are_refused(self) -> None:
        x = self.draw.standard_normal(self.panel.n_units)
        with pytest.raises(DesignError, match=r"covariates \(x\), which this method does not take") as found:
            att_gt(with_covariates(self.panel, x), inference=Analytical())
        assert 'adjust="doubly_robust"' in found.value.remedy

    def test_covariates_are_taken_at_the_earlier_of_base_and_period(self) -> None:
        x = self.draw.standard_normal((self.panel.n_units, self.panel.n_periods))
        moving = replace(self.panel, covariates=x[None], covariate_names=("x",))
        result = att_gt(moving, adjust="outcome", base="universal", inference=Analytical())
        cells = result.effects.set_index(["cohort", "period"])["estimate"]
        for period, column in (("9", 4), ("2", 1)):  # cohort 6 has base 5, the fifth period
            fixed = att_gt(
                with_covariates(self.panel, x[:, column]),
                adjust="outcome",
                base="universal",
                inference=Analytical(),
            )
            same = fixed.effects.set_index(["cohort", "period"])["estimate"]
            assert cells["6", period] == pytest.approx(same["6", period], rel=1e-12)


class TestAggregate:
    result = att_gt(staggered(MANY), inference=MultiplierBootstrap(draws=199))

    def test_the_base_period_of_a_universal_base_has_a_reason(self) -> None:
        result = att_gt(staggered(MANY), base="universal")
        row = aggregate(result, by="event_time").effects.set_index("event_time").loc[-1]
        assert row["estimate"] == 0
        assert "base period" in row["reason"]
        assert np.isnan(row["std_error"])

    def test_bands_hold_intervals(self) -> None:
        for table in (self.result.effects, aggregate(self.result, by="event_time").effects):
            assert (table["band_low"] <= table["low"]).all()
            assert (table["band_high"] >= table["high"]).all()
        assert "band_low" not in att_gt(staggered(MANY)).effects

    def test_nothing_of_one_aggregation_sticks_to_the_next(self) -> None:
        result = att_gt(staggered([5, *MANY]), inference=Analytical())
        assert sum("a little too small" in note for note in result.notes) == 1
        late = aggregate(result, by="event_time", first=6)
        assert not any("a little too small" in note for note in late.notes)
        assert aggregate(late, by="cohort").to_json() == aggregate(result, by="cohort").to_json()

    def test_windows(self) -> None:
        table = aggregate(self.result, by="event_time", first=-2, last=3)
        assert list(table.effects["event_time"]) == [-2, -1, 0, 1, 2, 3]
        after = table.effects[table.effects["event_time"] >= 0]
        assert table.headline.value == pytest.approx(after["estimate"].mean())
        before = aggregate(self.result, by="event_time", last=-1)
        assert isinstance(before.headline.value, NotAvailable)
        short = aggregate(self.result, last=0).headline.value
        assert short == pytest.approx(aggregate(self.result, by="event_time", last=0).headline.value)

    def test_empty_windows_and_wrong_options_are_refused(self) -> None:
        with pytest.raises(OptionError, match="run from -6 to 6"):
            aggregate(self.result, by="event_time", first=40)
        with pytest.raises(OptionError, match="balance=2 applies to event times only"):
            aggregate(self.result, by="cohort", balance=2)
        with pytest.raises(OptionError, match="Did you mean 'event_time'"):
            aggregate(self.result, by="event_tim")
        with pytest.raises(OptionError, match="first='a'"):
            aggregate(self.result, first="a")

    def test_a_result_read_back_from_a_file_is_refused(self) -> None:
        again = type(self.result).from_json(self.result.to_json())
        with pytest.raises(OptionError, match="holds no group-time effects"):
            aggregate(again)

    def test_everything_survives_json(self) -> None:
        for result in (self.result, aggregate(self.result, by="period"), TestLondon.result):
            assert type(result).from_json(result.to_json()).to_json() == result.to_json()

    def test_the_percent_change_of_a_known_effect(self) -> None:
        flat = np.full((8, 6), 10.0)
        start = np.array([4, 4, 4, 5, 5, NEVER, NEVER, NEVER])
        panel = staggered([4, 4, 4, 5, 5, None, None, None], periods=6)
        treated = panel.periods >= start[:, None]
        result = att_gt(panel.with_outcome(flat - 2.0 * treated), inference=Analytical())
        assert result.headline.value == pytest.approx(-2)
        assert result.relative.value == pytest.approx(-20)

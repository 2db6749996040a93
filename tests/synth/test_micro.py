"""synth.micro: numbers of R's microsynth, invariances, several outcomes, refusals."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from reference_numbers import HERE, entries

from whatworks import synth
from whatworks.errors import DesignError, OptionError
from whatworks.inference.synthetic.group_jackknife import GroupJackknife
from whatworks.inference.synthetic.linearised import Linearised
from whatworks.inference.synthetic.permutation_groups import PermutationGroups
from whatworks.inference.synthetic.placebo import Placebo
from whatworks.panel import NEVER, Panel
from whatworks.results import NotAvailable, Result

OUTCOMES = ("burglary", "drugs", "all_crime")
COVARIATES = ("population", "pct_young_men", "pct_renting", "pct_vacant", "deprivation")


@cache
def reference_panel() -> Panel:
    """400 made-up areas over 16 quarters, 30 treated from the 13th."""
    frame = pd.read_csv(HERE / "data" / "small_areas.csv", encoding="utf-8")
    frame["start"] = np.where(frame["treated"] == 1, "13", "")
    return Panel.from_frame(
        frame,
        unit="area",
        period="quarter",
        outcome="violence",
        start="start",
        covariates=(*OUTCOMES, *COVARIATES),
    )


def stored() -> dict:
    """tests/reference/json/micro.json, R microsynth 2.0.51."""
    return entries("micro")["linearised"]["results"]


def made(seed: int = 1, areas: int = 60, treated: int = 8, periods: int = 10, start: int = 8) -> Panel:
    """Poisson counts in two outcomes around area levels, one constant covariate."""
    rng = np.random.default_rng(seed)
    level = rng.gamma(3.0, 2.0, areas)
    first = rng.poisson(level[:, None], (areas, periods)).astype(float)
    second = rng.poisson(0.5 * level[:, None], (areas, periods)).astype(float)
    constant = np.repeat(rng.normal(size=(areas, 1)), periods, axis=1)
    starts = np.full(areas, NEVER)
    starts[:treated] = start
    return Panel(
        tuple(f"a{i:03d}" for i in range(areas)),
        np.arange(1, periods + 1),
        "integer",
        first,
        starts,
        covariates=np.stack([second, constant]),
        covariate_names=("second", "wealth"),
        outcome_name="first",
        scale="first",
    )


def alone(panel: Panel) -> Panel:
    """The same panel with the constant covariate only."""
    return replace(panel, covariates=panel.covariates[1:], covariate_names=("wealth",))


def test_percent_changes_and_constraints_of_microsynth():
    """Source: microsynth 2.0.51 (effects 1e-6; the weights solve the same programme, CHECKS row 81)."""
    result, expected = synth.micro(reference_panel(), outcomes=OUTCOMES), stored()
    own = result.detail.method
    for row in own.totals.itertuples():
        assert row.percent == pytest.approx(expected["post_totals"][row.outcome]["pct_change"], rel=1e-6)
        assert row.treated == pytest.approx(expected["post_totals"][row.outcome]["treated"])
    assert own.balance["held"].all()
    assert len(own.balance) == 53
    np.testing.assert_allclose(own.balance["weighted"], own.balance["treated"], rtol=1e-10)
    assert own.effective == pytest.approx(expected["effective_sample_size"], rel=1e-4)
    paths = expected["totals_by_quarter"]["violence"]["weighted_control"]
    np.testing.assert_allclose(30 * result.detail.fits.counterfactual[0], paths, rtol=1e-6)
    ours = 30 * result.detail.weights
    for area, weight in expected["control_weights"].items():
        assert ours[area] == pytest.approx(weight, abs=1e-4)


def test_linearised_p_values_of_microsynth():
    """Source: microsynth 2.0.51 with use.survey; omnibus left out (CHECKS: unstable there)."""
    result = synth.micro(reference_panel(), outcomes=OUTCOMES, inference=Linearised("survey"))
    expected = stored()["results_by_last_post_quarter"]["16"]["Linear.pVal"][:4]
    ours = [result.headline.p_value, *(s.estimate.p_value for s in result.secondary)]
    np.testing.assert_allclose(ours, expected, rtol=1e-6)


def test_headline_secondary_and_effects_tell_one_story():
    result = synth.micro(reference_panel(), outcomes=OUTCOMES)
    cells = 30 * 4
    totals = result.detail.method.totals.set_index("outcome")
    assert result.headline.value * cells == pytest.approx(totals.loc["violence", "difference"])
    assert result.relative.value == pytest.approx(totals.loc["violence", "percent"])
    assert [s.outcome for s in result.secondary] == list(OUTCOMES)
    for other in result.secondary:
        assert other.relative.value == pytest.approx(totals.loc[other.outcome, "percent"])
        assert other.p_adjusted >= other.estimate.p_value
    table = result.effects.set_index("term")
    total = table.loc["drugs: total over areas and periods"]
    assert total["estimate"] == pytest.approx(totals.loc["drugs", "difference"])
    assert total["treated"] - total["comparison"] == pytest.approx(total["estimate"])
    post = table.filter(like="violence: gap in", axis=0)["estimate"].to_numpy()[-4:]
    assert post.mean() == pytest.approx(result.headline.value)
    assert table.loc["no effect on any outcome (omnibus)", "p_value"] <= 0.001
    again = Result.from_json(result.to_json())
    assert again.headline == result.headline
    assert json.loads(result.to_json())["secondary"][0]["outcome"] == "burglary"


def test_the_public_seattle_numbers(reference_public):
    """Source: microsynth 2.0.51, vignette examples 1 and 2 (effects 1e-4; lower-tailed p 1e-3)."""
    frame = pd.read_csv(reference_public / "data" / "seattledmi.csv.gz", dtype={"ID": str})
    ever = frame.groupby("ID")["Intervention"].transform("max")
    frame["start"] = np.where(ever == 1, "13", "")
    constant = "TotalPop BLACK HISPANIC Males_1521 HOUSEHOLDS FAMILYHOUS FEMALE_HOU RENTER_HOU VACANT_HOU"
    further = ("i_misdemea", "i_drugs", "any_crime")
    panel = Panel.from_frame(
        frame,
        unit="ID",
        period="time",
        outcome="i_felony",
        start="start",
        covariates=(*further, *constant.split()),
    )
    golden = json.loads((reference_public / "goldens" / "seattledmi__microsynth.json").read_text("utf-8"))
    result = synth.micro(panel, outcomes=further, inference=Linearised("survey"))
    expected = golden["results"]["sea1"]["results"]["16"]
    np.testing.assert_allclose(
        result.detail.method.totals["percent"].astype(float),
        100 * np.array(expected["Pct.Chng"][:4], dtype=float),
        rtol=1e-4,
    )
    p_values = [result.headline.p_value, *(s.estimate.p_value for s in result.secondary)]
    np.testing.assert_allclose(np.array(p_values) / 2, expected["Linear.pVal"][:4], rtol=1e-3)
    assert result.detail.method.balance["held"].all()
    cut = synth.micro(panel.window(last="14"), outcomes=further)
    shorter = golden["results"]["sea2_shipped_by_authors"]["results"]["14"]["Pct.Chng"][:4]
    np.testing.assert_allclose(
        cut.detail.method.totals["percent"].astype(float), 100 * np.array(shorter), rtol=1e-4
    )


@pytest.mark.parametrize("inference", [None, PermutationGroups(draws=99), GroupJackknife()])
def test_scaling_the_outcome_scales_the_answer(inference):
    panel = made()
    one = synth.micro(panel, outcomes=("second",), inference=inference)
    more = synth.micro(replace(panel, outcome=3 * panel.outcome), outcomes=("second",), inference=inference)
    for name in ("value", "low", "high"):
        assert getattr(more.headline, name) == pytest.approx(3 * getattr(one.headline, name), rel=1e-7)
    assert more.headline.p_value == pytest.approx(one.headline.p_value, rel=1e-7)
    assert more.secondary[0].estimate.value == pytest.approx(one.secondary[0].estimate.value, rel=1e-7)


def test_a_period_effect_changes_nothing():
    panel = alone(made())
    shifted = panel.outcome + 5 * np.arange(panel.n_periods)
    before = synth.micro(panel).headline.value
    assert synth.micro(replace(panel, outcome=shifted)).headline.value == pytest.approx(before, rel=1e-8)


def test_an_added_effect_is_found_whole():
    panel = alone(made())
    lifted = panel.outcome + 2.5 * panel.treated
    gain = synth.micro(replace(panel, outcome=lifted)).headline.value - synth.micro(panel).headline.value
    assert gain == pytest.approx(2.5, rel=1e-9)


def test_twin_areas_share_their_weight():
    panel = alone(made())
    doubled = panel.select(np.r_[np.arange(60), np.arange(8, 60)])
    doubled = replace(doubled, units=tuple(f"b{i:03d}" for i in range(112)))
    one, two = synth.micro(panel), synth.micro(doubled)
    assert two.headline.value == pytest.approx(one.headline.value, rel=1e-8)
    np.testing.assert_allclose(two.detail.fits.weights[0, 60:], one.detail.fits.weights[0, 8:] / 2, atol=1e-9)


def test_periods_matched_together_are_summed_from_the_start_backwards():
    balance = synth.micro(made(), outcomes=("second",), together={"second": 3}).detail.method.balance
    names = list(balance["constraint"])
    assert names[:1] == ["wealth"]
    assert names[1:8] == [f"first, {t}" for t in range(1, 8)]
    assert names[8:] == ["second, 1", "second, 2 to 4", "second, 5 to 7"]
    panel = made()
    assert balance["treated"].iloc[-1] == panel.covariates[0, :8, 4:7].sum()


def test_what_is_not_matched_is_only_measured():
    result = synth.micro(made(), outcomes=("second",), match=("first", "wealth"))
    names = result.detail.method.balance["constraint"]
    assert not names.str.startswith("second").any()
    assert result.secondary[0].outcome == "second"
    assert list(result.spec["match"].items()) == [("first", 0), ("wealth", 1)]


def test_what_cannot_be_met_is_named_and_the_first_in_order_held():
    panel = made(treated=3)
    outcome = panel.outcome.copy()
    outcome[:3, 0] += 500
    far = replace(panel, outcome=outcome)
    wealth_first = synth.micro(far, match=("wealth", "first"))
    table = wealth_first.detail.method.balance.set_index("constraint")
    assert table.loc["wealth", "held"]
    assert not table.loc["first, 1", "held"]
    assert table.loc["first, 1", "missed"] == pytest.approx(
        table.loc["first, 1", "treated"] - table.loc["first, 1", "weighted"]
    )
    assert any("are missed" in note and "first, 1" in note for note in wealth_first.notes)
    path_first = synth.micro(far, match=("first", "wealth"))
    misses = [
        (r.detail.method.balance.query("constraint != 'wealth'")["missed_sd"] ** 2).sum()
        for r in (path_first, wealth_first)
    ]
    assert misses[0] <= misses[1] + 1e-9


def test_permutation_groups_count_the_actual_one_and_repeat_with_their_seed():
    rule = PermutationGroups(draws=99, seed=3)
    result = synth.micro(reference_panel(), outcomes=OUTCOMES, match=COVARIATES, inference=rule)
    placebos = result.detail.method.placebos
    assert placebos.shape == (99, 4)
    raw = synth.micro(
        reference_panel(),
        outcomes=OUTCOMES,
        match=COVARIATES,
        inference=PermutationGroups(draws=99, seed=3, statistic="difference"),
    )
    size = np.abs(raw.detail.method.placebos[:, 0])
    assert raw.headline.p_value == pytest.approx((1 + (size >= abs(raw.headline.value)).sum()) / 100)
    reach = np.sort(size)[::-1][4]
    assert raw.headline.high - raw.headline.value == pytest.approx(reach)
    assert raw.seed == 3
    assert result.headline.p_value >= 0.01


def test_jackknife_and_linearised_errors_agree_where_weights_are_equal():
    """With nothing to calibrate but a covariate of noise, both are the error of a difference in means."""
    panel = made(areas=600, treated=40)
    kwargs = {"match": ("wealth",)}
    jackknife = synth.micro(panel, inference=GroupJackknife(), **kwargs).headline.std_error
    linearised = synth.micro(panel, **kwargs).headline.std_error
    after = panel.outcome[:, 7:].mean(axis=1)
    plain = np.sqrt(after[:40].var(ddof=1) / 40 + after[40:].var(ddof=1) / 560)
    assert linearised == pytest.approx(plain, rel=0.02)
    assert jackknife == pytest.approx(plain, rel=0.25)


def test_errors_by_cluster_are_those_of_cluster_sums():
    panel = alone(made(areas=80, treated=20))
    singly = replace(panel, cluster=np.arange(80), cluster_labels=tuple(f"c{i}" for i in range(80)))
    assert synth.micro(singly).headline.std_error == pytest.approx(synth.micro(panel).headline.std_error)
    pairs = replace(panel, cluster=np.arange(80) // 2, cluster_labels=tuple(f"c{i}" for i in range(40)))
    paired = synth.micro(pairs)
    assert paired.headline.std_error != pytest.approx(synth.micro(panel).headline.std_error, rel=1e-3)
    assert paired.design.n_clusters == 40


def test_one_treated_area_gets_permutation_groups():
    panel = alone(made(treated=1))
    result = synth.micro(panel)
    assert "Permutation groups" in result.headline.inference
    assert isinstance(result.headline.std_error, NotAvailable)
    assert isinstance(synth.micro(panel, inference=Linearised()).headline.p_value, NotAvailable)
    with pytest.raises(DesignError, match="no linearised error"):
        synth.micro(panel, inference=PermutationGroups(draws=99))
    with pytest.raises(DesignError, match="cannot be dealt"):
        synth.micro(panel, inference=GroupJackknife())


def test_fewer_areas_than_constraints_is_said():
    result = synth.micro(made(areas=12, treated=3), outcomes=("second",))
    assert any("9 untreated areas for 15 constraints" in note for note in result.notes)
    assert result.detail.weights.sum() == pytest.approx(1)
    assert (result.detail.weights >= 0).all()


def test_constant_areas_and_constraints_that_never_vary():
    panel = made()
    same = replace(panel, covariates=np.stack([panel.covariates[0], np.ones_like(panel.outcome)]))
    result = synth.micro(same, outcomes=("second",))
    assert any("the same for every area" in note and "wealth" in note for note in result.notes)
    flat = panel.outcome.copy()
    flat[8:] = 4.0
    constant = synth.micro(replace(panel, outcome=flat), match=("first",))
    assert not constant.detail.method.balance["held"].all()
    np.testing.assert_allclose(constant.detail.fits.counterfactual[0], 4.0)


@pytest.mark.parametrize(
    ("change", "options", "error", "words"),
    [
        (lambda p: p.select(np.arange(9)), {}, DesignError, "1 unit"),
        (lambda p: replace(p, start=np.where(p.start == 8, 1, p.start)), {}, DesignError, "before the start"),
        (
            lambda p: replace(p, outcome=p.outcome * ~(p.start == 8)[:, None]),
            {},
            DesignError,
            "zero throughout",
        ),
        (lambda p: replace(p, weight=np.ones(60)), {}, DesignError, "unit weights"),
        (lambda p: p, {"outcomes": ("sceond",)}, OptionError, "Did you mean 'second'"),
        (lambda p: p, {"outcomes": ("second", "second")}, OptionError, "twice"),
        (lambda p: p, {"outcomes": ("first",)}, OptionError, "no covariate"),
        (lambda p: p, {"match": ()}, OptionError, "match names nothing"),
        (lambda p: p, {"match": ("x",)}, OptionError, "no covariate"),
        (lambda p: p, {"outcomes": ("second",), "together": 0}, OptionError, "number of periods"),
        (lambda p: p, {"outcomes": ("second",), "together": {"wealth": 2}}, OptionError, "no covariate"),
        (lambda p: p, {}, OptionError, "vary over time have no role: second"),
        (lambda p: p, {"outcomes": ("second",), "inference": Placebo()}, OptionError, "does not apply"),
        (lambda p: p, {"outcomes": ("second",), "level": 2}, OptionError, "between 0 and 1"),
    ],
)
def test_bad_input_is_refused_with_a_way_out(change, options, error, words):
    with pytest.raises(error, match=words) as caught:
        synth.micro(change(made()), **options)
    assert caught.value.remedy


def test_missing_cells_are_refused():
    panel = made()
    outcome, second = panel.outcome.copy(), panel.covariates.copy()
    outcome[3, 4] = np.nan
    second[0, 20, 2] = np.nan
    for broken in (replace(panel, outcome=outcome), replace(panel, covariates=second)):
        with pytest.raises(DesignError, match="missing"):
            synth.micro(broken, outcomes=("second",))

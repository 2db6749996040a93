"""did.compare with a study's own result: its row, its choices given to all, and what is said of both."""

from __future__ import annotations

import inspect
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from tests.did.staggered import staggered

from whatworks import did
from whatworks.did.side_by_side.entries import entries, row_of
from whatworks.errors import OptionError
from whatworks.inference import ClusterRobust, Default, WildCluster
from whatworks.inference.errors.multiplier import MultiplierBootstrap
from whatworks.inference.synthetic.placebo import Placebo
from whatworks.panel import NEVER, Panel
from whatworks.results import Result

SEVERAL = [4] * 4 + [6] * 4 + [None] * 8
WILD = WildCluster(draws=199, seed=3)


def panel(**others: object) -> Panel:
    return staggered(SEVERAL, seed=2, effect=-2.0, **others)


def counts() -> Panel:
    made = staggered([6] * 6 + [None] * 6, seed=2)
    drawn = np.random.default_rng(5).poisson(40, size=made.outcome.shape).astype(float)
    return replace(made, outcome=drawn, exposure=np.full(drawn.shape, 2000.0), outcome_name="crimes")


def covariate() -> Panel:
    made = panel()
    z = np.random.default_rng(7).standard_normal((1, *made.outcome.shape)).cumsum(axis=2)
    return replace(made, outcome=made.outcome + 2 * z[0], covariates=z, covariate_names=("z",))


STUDIES = {
    "did.att_gt (not_yet)": (
        panel,
        None,
        partial(did.att_gt, comparison="not_yet", base="universal", anticipation=1, inference=WILD),
    ),
    "did.imputation": (panel, None, partial(did.imputation, by="cohort", leads=0, inference=WILD)),
    "did.block": (counts, 1000.0, lambda given: did.block(given.as_rate(1000.0), inference=WILD)),
    "did.poisson": (counts, 1000.0, partial(did.poisson, inference=WILD)),
    "did.stacked": (panel, None, partial(did.stacked, window=(-2, 3), inference=ClusterRobust())),
    "did.att_gt (never, by event_time)": (
        panel,
        None,
        lambda given: did.aggregate(did.att_gt(given, base="universal"), by="event_time"),
    ),
}


@pytest.mark.parametrize("name", STUDIES)
def test_the_row_of_the_study_is_its_headline_to_the_last_digit(name: str) -> None:
    make, per, estimate = STUDIES[name]
    own = estimate(make())
    found = did.compare(make(), own=own, per=per)
    table = found.table.set_index("method")
    assert found.own == row_of(own) == name
    assert table.index[table["this_study"]].tolist() == [name]
    row, head = table.loc[name], own.headline
    assert (row["estimate"], row["std_error"], row["low"], row["high"], row["p_value"]) == (
        head.value, head.std_error, head.low, head.high, head.p_value,
    )  # fmt: skip
    assert (row["relative"], row["inference"]) == (own.relative.value, head.inference)
    assert row["asks_otherwise"] == ""
    assert f"{name} (this study" in found._repr_mimebundle_()["text/html"]


def test_anticipation_base_and_inference_reach_every_method_that_has_them() -> None:
    given = panel()
    own = did.att_gt(given, comparison="not_yet", base="universal", anticipation=2, inference=WILD)
    results = did.compare(given, own=own).results
    alone = {
        "did.att_gt (never)": did.att_gt(given, anticipation=2, base="universal", inference=WILD),
        "did.imputation": did.imputation(given, anticipation=2, inference=WILD),
        "did.interaction_weighted": did.interaction_weighted(given, anticipation=2, inference=WILD),
        "did.etwfe": did.etwfe(given, anticipation=2, inference=WILD),
        "did.event_study": did.event_study(given, reference=-3, inference=WILD),
        "did.twoway": did.twoway(given, inference=WILD),
    }
    for name, result in alone.items():
        for number in ("value", "low", "high", "p_value"):
            assert getattr(results[name].headline, number) == pytest.approx(
                getattr(result.headline, number), rel=1e-9
            ), (name, number)


def test_the_comparison_reaches_stacked_windows() -> None:
    given = panel()
    for group in ("never", "not_yet"):
        own = did.att_gt(given, comparison=group, base="universal", inference=WILD)
        assert did.compare(given, own=own).results["did.stacked"].spec["comparison"] == group


def test_what_a_method_can_honour_is_what_its_signature_says() -> None:
    methods = {entry.name: entry for entry in entries(replace(counts(), start=panel().start[:12]))}
    for name, entry in methods.items():
        parameters = inspect.signature(getattr(did, name.partition(" ")[0].removeprefix("did."))).parameters
        can = "reference" if name == "did.event_study" else "anticipation"
        assert entry.anticipates == (can in parameters), name
    assert {"did.etwfe (poisson)", "did.att_gt (not_yet)"} <= set(methods)


def test_a_method_without_anticipation_answers_another_question_in_words() -> None:
    given = panel()
    own = did.att_gt(given, comparison="not_yet", anticipation=3, inference=WILD)
    found = did.compare(given, own=own)
    said = found.table.set_index("method")["asks_otherwise"]
    for name in ("did.twoway", "did.stacked"):
        assert said[name].startswith(
            "Another question: it counts the 3 periods before the start as untouched"
        )
    for name in ("did.imputation", "did.etwfe", "did.event_study", "did.interaction_weighted"):
        assert said[name] == ""
    assumes = found.table.set_index("method")["assumes"]
    assert assumes["did.etwfe"].endswith(
        "The start counts as 3 periods earlier, since effects may begin then."
    )
    assert "earlier, since" not in assumes["did.stacked"]
    # such rows are nothing that the study could agree with
    assert not any("did.stacked" in sentence for sentence in found.sentences)
    without = did.compare(given, own=did.att_gt(given, comparison="not_yet", inference=WILD))
    assert not without.table["asks_otherwise"].any()


def test_a_window_of_the_study_is_asked_of_all() -> None:
    given = panel()
    own = did.aggregate(did.att_gt(given, inference=WILD), by="overall", first=0, last=1)
    found = did.compare(given, own=own)
    expected = did.imputation(given, horizons=(0, 1)).headline.value
    assert found.results["did.imputation"].headline.value == pytest.approx(expected)
    said = found.table.set_index("method")["asks_otherwise"]
    assert "this study averages event times 0 to 1" in said["did.twoway"]


def test_another_adjustment_is_named() -> None:
    given = covariate()
    own = did.imputation(given, leads=0, inference=WILD)
    found = did.compare(given, own=own)
    alike = did.att_gt(given, comparison="never", adjust="outcome").headline.value
    assert found.results["did.att_gt (never)"].headline.value == pytest.approx(alike)
    said = found.table.set_index("method")["asks_otherwise"]
    assert said["did.att_gt (never)"].startswith(
        "Another adjustment: it adjusts changes from the base period for covariates, where this study enters "
        "covariates as regressors."
    )
    assert said["did.etwfe"] == ""
    changes = did.att_gt(given, comparison="never", adjust="doubly_robust")
    said = did.compare(given, own=changes).table.set_index("method")["asks_otherwise"]
    assert said["did.imputation"].startswith("Another adjustment: it enters covariates as regressors")


def test_inference_that_a_method_does_not_take_gives_way_to_its_default_and_says_so() -> None:
    given = panel()
    asked = MultiplierBootstrap(draws=299, seed=11)
    found = did.compare(given, own=did.att_gt(given, inference=asked))
    usual = did.imputation(given, inference=Default(299, 11)).headline
    head = found.results["did.imputation"].headline
    assert (head.low, head.high) == pytest.approx((usual.low, usual.high), rel=1e-12)
    said = found.table.set_index("method")["asks_otherwise"]
    sentence = "Its interval is this method's default, since MultiplierBootstrap does not apply to it."
    assert said["did.imputation"] == sentence
    assert said["did.att_gt (not_yet)"] == ""
    with pytest.raises(OptionError, match="Placebo"):
        did.compare(given, inference=Placebo())


def test_a_result_that_is_not_of_this_study_is_refused() -> None:
    given = panel()
    own = did.imputation(given, leads=0)
    with pytest.raises(OptionError, match="another panel"):
        did.compare(staggered(SEVERAL, seed=3), own=own)
    with pytest.raises(OptionError, match=r"0\.95, and 0\.9 was asked for"):
        did.compare(given, own=own, level=0.9)
    with pytest.raises(OptionError, match="read back from a file"):
        did.compare(given, own=Result.from_json(own.to_json()))
    with pytest.raises(OptionError, match="whose window is used"):
        did.compare(given, own=own, last=2)
    with pytest.raises(OptionError, match=r"result of synth\.classic"):
        did.compare(given, own=replace(own, method="synth.classic"))


def monthly(effect: float = -4.0) -> Panel:
    return replace(staggered(SEVERAL, seed=2, effect=effect), period_kind="month")


def with_interval(own: Result, low: float, high: float, value: float | None = None) -> Result:
    head = own.headline
    return replace(
        own, headline=replace(head, low=low, high=high, value=head.value if value is None else value)
    )


def test_a_headline_and_a_suggested_answer_that_part_say_so() -> None:
    given = monthly()
    own = did.att_gt(given, base="universal", inference=WILD)
    found = did.compare(given, own=own)
    assert (found.own, found.suggested) == ("did.att_gt (never)", "did.imputation")
    assert found.sentences[0].startswith(
        "The method that this design suggests, did.imputation, says the same"
    )
    assert found.sentences[1].startswith("All 4 other answers to the same question say the same")
    parted = did.compare(monthly(-2.0), own=did.att_gt(monthly(-2.0), base="universal", inference=WILD))
    assert parted.sentences[0].startswith(
        "Careful: the method that this design suggests, did.imputation, says otherwise than this study: no "
        "effect at all is ruled out by its interval, not by that of this study ("
    )
    narrow = did.compare(monthly(0.0), own=with_interval(did.att_gt(monthly(0.0)), 0.1, 2.0, value=1.0))
    assert "ruled out by this study's interval, not by its own" in narrow.sentences[0]
    wide = did.compare(given, own=with_interval(own, -5.0, 1.0))
    assert wide.sentences[0].startswith(
        "Careful: the method that this design suggests, did.imputation, says otherwise than this study: no "
        "effect at all is ruled out by its interval, not by that of this study ("
    )
    assert "(\u22125 to 1)" in wide.sentences[0]
    assert wide.sentences[1].startswith("Of 4 other answers to the same question 4 say otherwise")
    assert wide.sentences[1].count("ruled out") == 1
    turned = did.compare(given, own=with_interval(own, 1.0, 3.0, value=2.0))
    assert "its sign is the other one" in turned.sentences[0]
    assert "interval" not in turned.sentences[0].partition("(")[0]


def test_a_study_that_does_what_is_suggested_says_so() -> None:
    given = monthly()
    found = did.compare(given, own=did.imputation(given, leads=0, inference=WILD))
    assert found.suggested == found.own
    assert found.sentences[0] == "The method of this study is one that its design suggests."
    rates = counts()
    found = did.compare(rates, own=did.poisson(rates, inference=WILD), per=1000.0)
    assert found.suggested == "did.poisson"
    assert did.compare(panel()).sentences == ()


def test_units_that_start_after_the_window_are_not_called_never_treated() -> None:
    given = panel()
    later = given.with_start(np.where(given.start == NEVER, 30, given.start))
    assert not later.never_treated.any()
    found = did.compare(later)
    made_of = found.made_of.set_index("method").loc["did.att_gt (not_yet)"]
    assert made_of["never"] == 0
    assert made_of["later"] > 0.4
    said = found.table.set_index("method")
    because = said.loc["did.att_gt (not_yet)", "differs_because"]
    assert f"{made_of['later']:.0%} of its comparison are units that start after the window" in because
    assert "never treated" not in because
    assert said.loc["did.interaction_weighted", "comparison"].startswith("units that start after the window")
    mixed = later.with_start(np.where(np.arange(16) < 12, later.start, NEVER))
    because = did.compare(mixed).table.set_index("method").loc["did.stacked", "differs_because"]
    assert "of its comparison are the never treated and" in because
    assert "units that start after the window" in because

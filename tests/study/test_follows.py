"""What the design suggests, against what the study does; and the estimators that templates are made of."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from tests.did.staggered import staggered

from whatworks import did, study
from whatworks.inference import ClusterRobust
from whatworks.panel import Panel
from whatworks.results import NotAvailable

ONE = [6] * 6 + [None] * 6
SEVERAL = [4] * 4 + [6] * 4 + [None] * 8


def counted(starts: list[int | None]) -> Panel:
    panel = staggered(starts, seed=2)
    rng = np.random.default_rng(5)
    counts = rng.poisson(np.exp(panel.outcome / 10) * 5).astype(float)
    return replace(panel, outcome=counts, exposure=np.full(counts.shape, 2000.0), outcome_name="crimes")


def test_a_study_that_follows_says_so() -> None:
    found = study.follows(staggered(ONE), "did.block")
    assert found.notes == ()
    assert "follows what its design suggests" in found._repr_mimebundle_()["text/html"]
    assert "did.block" in found._repr_mimebundle_()["text/html"]


def test_one_treated_area_is_followed_by_any_of_three_synthetic_controls() -> None:
    panel = staggered([6] + [None] * 11)
    for method, said in (
        ("synth.classic", "suggests."),
        ("synth.synthdid", "suggests, with synth.synthdid."),
    ):
        found = study.follows(panel, method)
        assert found.notes == ()
        assert said in found._repr_mimebundle_()["text/html"]
    assert "suggests synth.classic" in study.follows(panel, "did.block").notes[0]


def test_a_study_that_does_otherwise_is_loud() -> None:
    found = study.follows(staggered(SEVERAL), "did.block")
    assert len(found.notes) == 1
    assert found.notes[0].startswith(
        "Careful: this study uses did.block, while its design suggests did.att_gt."
    )
    assert found._repr_mimebundle_()["text/html"].startswith("<p><strong>Careful")
    gaps = staggered(SEVERAL).outcome.copy()
    gaps[0, 0] = np.nan
    holed = replace(staggered(SEVERAL), outcome=gaps)
    assert "suggests did.imputation" in study.follows(holed, "did.att_gt", comparison="never").notes[0]


def test_a_choice_against_the_design_is_named() -> None:
    panel = staggered(SEVERAL)
    suggested = did.suggest(panel).options["comparison"]
    other = {"never": "not_yet", "not_yet": "never"}[suggested]
    assert study.follows(panel, "did.att_gt", comparison=suggested).notes == ()
    assert study.follows(panel, "did.att_gt", comparison=other, adjust="none").notes == (
        f"This study chose comparison = {other!r}, while its design suggests {suggested!r}.",
    )


def test_group_time_effects_of_months_say_in_a_sentence_why_not_the_suggested_method() -> None:
    panel = replace(staggered(SEVERAL), period_kind="month")
    assert did.suggest(panel).method == "did.imputation"
    assert study.follows(panel, "did.imputation").notes == ()
    (note,) = study.follows(panel, "did.att_gt", comparison="never").notes
    assert note.startswith("This study uses did.att_gt, as its parameters ask, and not did.imputation")
    assert "from the last month before the start on" in note
    assert len(study.follows(panel, "did.att_gt", comparison="not_yet").notes) == 2
    assert study.follows(panel, "did.block").notes[0].startswith("Careful")


def test_counts_may_be_taken_as_a_rate_ratio() -> None:
    found = study.follows(counted(ONE), "did.poisson")
    assert found.notes == ()
    assert (
        "follows what its design suggests, on counts with did.poisson."
        in found._repr_mimebundle_()["text/html"]
    )
    assert "suggests did.block" in study.follows(staggered(ONE), "did.poisson").notes[0]
    assert "suggests did.att_gt" in study.follows(counted(SEVERAL), "did.poisson").notes[0]
    bare = replace(counted(ONE), exposure=None)
    assert study.follows(bare, "did.poisson").notes == ()
    cohorts = 'did.etwfe(model="poisson")'
    assert study.follows(counted(SEVERAL), cohorts).notes == ()
    assert "suggests did.att_gt" in study.follows(staggered(SEVERAL), cohorts).notes[0]


def test_what_is_not_possible_gives_its_reason() -> None:
    gaps = staggered(SEVERAL).outcome.copy()
    gaps[0, 0] = np.nan
    found = study.where_possible(did.bacon, replace(staggered(SEVERAL), outcome=gaps))
    assert isinstance(found, NotAvailable)
    assert "missing" in found.reason
    whole = study.where_possible(did.bacon, staggered(SEVERAL))
    assert whole.coefficient == did.bacon(staggered(SEVERAL)).coefficient
    with pytest.raises(TypeError):
        study.where_possible(did.bacon)


def test_an_estimator_on_rates_takes_the_counts() -> None:
    panel = counted(ONE)
    estimate = partial(did.block, inference=ClusterRobust())
    found = study.on_rates(estimate, per=100.0)(panel)
    assert found.headline.value == estimate(panel.as_rate(100.0)).headline.value
    assert found.headline.scale.startswith("crimes per 100")
    bare = staggered(ONE)
    assert study.rates(bare, 100.0) is bare
    assert study.on_rates(estimate, per=100.0)(bare).headline.value == estimate(bare).headline.value

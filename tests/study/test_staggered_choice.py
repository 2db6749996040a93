"""The estimators of a study with several start dates: either method, and all that a template asks of it."""

from __future__ import annotations

import numpy as np
import pytest
from tests.did.staggered import staggered

from whatworks import checks, did, present, study
from whatworks.errors import OptionError
from whatworks.inference import WildCluster
from whatworks.results import NotAvailable

SEVERAL = [14] * 5 + [17] * 5 + [None] * 10
WILD = WildCluster(draws=199, seed=3)


@pytest.fixture(scope="module")
def panel():
    return staggered(SEVERAL, periods=24, seed=2, effect=-3.0)


def test_the_words_make_the_method_with_its_choices(panel) -> None:
    chosen = study.staggered("group_time", comparison="not_yet", anticipation=1, inference=WILD, level=0.9)
    alone = did.att_gt(
        panel, comparison="not_yet", base="universal", anticipation=1, inference=WILD, level=0.9
    )
    assert chosen(panel).headline == alone.headline
    assert study.staggered("group_time")(panel).spec["comparison"] == "never"
    chosen = study.staggered("imputation", anticipation=1, inference=WILD, level=0.9)
    alone = did.imputation(panel, anticipation=1, inference=WILD, level=0.9)
    assert chosen(panel).headline == alone.headline


@pytest.mark.parametrize("choice", [{"comparison": "never"}, {"adjust": "none"}, {"base": "universal"}])
def test_a_choice_that_imputation_does_not_have_is_refused(choice) -> None:
    with pytest.raises(OptionError, match="is a choice of group_time"):
        study.staggered("imputation", **choice)
    with pytest.raises(OptionError, match="method"):
        study.staggered("did.imputation")


@pytest.mark.parametrize("method", ["imputation", "group_time"])
def test_all_that_a_template_asks_works_with_either_method(panel, method) -> None:
    estimate = study.staggered(method, inference=WILD)
    result = estimate(panel)
    months = study.by_event_time(estimate)
    assert months(panel).method == {"imputation": "did.imputation", "group_time": "did.aggregate"}[method]
    assert set(months(panel).effects["event_time"]) >= {-3, 0, 5}
    assert present.event_study(months(panel), period="period").alt
    departures = did.departures(study.from_one_base(estimate)(panel))
    assert not isinstance(departures.bounds, NotAvailable)
    held = checks.honest_bounds(departures, result.headline)
    assert held.verdict in ("pass", "concern")
    ran = {check.name: check for check in checks.run(panel, estimate, event_study=months)}
    assert ran["Pre-trends"].verdict != "not_applicable"
    assert ran["Leave one cohort out"].verdict == "pass"
    found = did.compare(panel, own=result)
    assert found.results[found.own] is result
    assert study.follows(panel, result.method, **result.spec).method == result.method


def test_bounds_of_imputed_effects_come_from_effects_with_one_base(panel) -> None:
    one = study.from_one_base(study.staggered("imputation", anticipation=1, inference=WILD))(panel)
    alone = did.att_gt(panel, comparison="not_yet", base="universal", anticipation=1, inference=WILD)
    assert one.headline == did.aggregate(alone, by="event_time").headline
    outcome = panel.outcome.copy()
    outcome[0, 3] = np.nan
    gaps = panel.with_outcome(outcome)
    assert study.from_one_base(study.staggered("imputation"))(gaps).method == "did.interaction_weighted"
    refused = study.where_possible(study.from_one_base(study.staggered("group_time")), gaps)
    assert isinstance(refused, NotAvailable)
    assert did.departures(refused).answer.startswith(
        "How far trends may have been from parallel cannot be said"
    )

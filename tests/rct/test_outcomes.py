"""Secondary outcomes beside a primary one: the same estimate of each, p-values adjusted for their number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from whatworks import Trial, errors, rct
from whatworks.inference import RandomisationInference
from whatworks.inference.multiplicity import benjamini_hochberg, holm
from whatworks.rct.chance import reassign


def trial(n=20, seed=3, **roles):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "person": [f"p{i:02d}" for i in range(n)],
            "z": np.tile([0, 1], n // 2),
            "site": np.arange(n) // 10,
            "y": rng.normal(size=n),
        }
    )
    return Trial.from_frame(frame, unit="person", arm="z", outcome="y", control=0, **roles)


def others(n=20, seed=5, effect=0.8):
    rng = np.random.default_rng(seed)
    z, shared = np.tile([0, 1], n // 2), rng.normal(size=n)
    return {name: shared + 0.5 * rng.normal(size=n) + k * effect * z for k, name in enumerate("abc")}


@pytest.mark.parametrize(("correction", "rule"), [("holm", holm), ("benjamini_hochberg", benjamini_hochberg)])
def test_each_outcome_gets_the_estimate_of_itt_and_an_adjusted_p_value(correction, rule):
    given, values = trial(block="site"), others()
    found = rct.outcomes(given, values, correction=correction)
    alone = [rct.itt(given.with_outcome(y)).headline for y in values.values()]
    assert found.headline == rct.itt(given).headline
    assert [s.outcome for s in found.secondary] == ["a", "b", "c"]
    assert [s.estimate.value for s in found.secondary] == [h.value for h in alone]
    p = [s.p_adjusted for s in found.secondary]
    np.testing.assert_allclose(p, rule([h.p_value for h in alone]), rtol=1e-14)
    assert found.spec["correction"] == correction
    assert "3 secondary outcomes" in found.secondary[0].adjustment


def slow_step_down(t, draws):
    """One outcome after the other, the largest first, each against the largest of those left."""
    left, adjusted, last = list(range(len(t))), np.zeros(len(t)), 0.0
    while left:
        first = max(left, key=lambda j: abs(t[j]))
        count = sum(max(abs(row[j]) for j in left) >= abs(t[first]) * (1 - 1e-9) for row in draws)
        last = max(last, count / len(draws))
        adjusted[first] = last
        left.remove(first)
    return adjusted


def test_romano_wolf_from_all_assignments_against_a_loop():
    given, values = trial(10), {name: y[:10] for name, y in others().items()}
    found = rct.outcomes(given, values, correction="romano_wolf", adjust="none")
    y, chance = np.stack(list(values.values())), reassign.redrawn(given)
    arms = np.concatenate(list(RandomisationInference().under(chance.rule, chance.place)))
    assert len(arms) == 252
    draws = np.array([[row[a == 1].mean() - row[a == 0].mean() for row in y] for a in arms])
    t = np.array([row[given.arm == 1].mean() - row[given.arm == 0].mean() for row in y])
    spread = np.sqrt((draws**2).mean(axis=0))
    expected = slow_step_down(t / spread, draws / spread)
    np.testing.assert_allclose([s.p_adjusted for s in found.secondary], expected, rtol=1e-12)
    assert "Romano-Wolf" in found.secondary[0].adjustment
    assert "all 252" in found.secondary[0].adjustment


def test_outcomes_known_for_different_rows_share_their_draws():
    given, values = trial(), others()
    holed = {**values, "b": np.where(np.arange(20) == 7, np.nan, values["b"])}
    chance = RandomisationInference(draws=999)
    whole = rct.outcomes(given, values, correction="romano_wolf", inference=chance)
    some = rct.outcomes(given, holed, correction="romano_wolf", inference=chance)
    assert some.secondary[1].estimate.value != whole.secondary[1].estimate.value
    # the same outcome twice, once without a row, is not paid for as two
    again = np.where(np.arange(20) == 7, np.nan, values["b"])
    pair = rct.outcomes(given, {"b": values["b"], "again": again}, correction="romano_wolf", inference=chance)
    p, adjusted = pair.secondary[1].estimate.p_value, pair.secondary[1].p_adjusted
    # draws of their own would give about 1 − (1 − p)², near 0.58
    assert 0.3 < p < adjusted < 0.5


def test_what_is_refused():
    given = trial()
    with pytest.raises(errors.OptionError, match="no secondary outcome"):
        rct.outcomes(given, {})
    with pytest.raises(errors.OptionError, match="name of the primary"):
        rct.outcomes(given, {"y": np.zeros(20)})
    with pytest.raises(errors.OptionError, match="20 rows"):
        rct.outcomes(given, {"a": np.zeros(19)})
    with pytest.raises(errors.OptionError, match="holm"):
        rct.outcomes(given, others(), correction="bonferroni")
    with pytest.raises(errors.TrialError, match="known nowhere"):
        rct.outcomes(given, {"a": np.full(20, np.nan)})


def test_a_series_is_matched_by_its_units_and_never_by_its_place():
    given, values = trial(), pd.Series(others()["a"])
    labelled = values.set_axis(list(given.units))
    found = rct.outcomes(given, {"a": labelled.sample(frac=1, random_state=1)})
    assert found.secondary == rct.outcomes(given, {"a": values.to_numpy()}).secondary
    more = pd.concat([labelled, pd.Series({"someone else": 3.0})])
    assert rct.outcomes(given, {"a": more}).secondary == found.secondary
    # a column of the file is in the order of the file, which is not that of the trial
    with pytest.raises(errors.OptionError, match=r"20 units(.|\n)*set_index\('person'\)"):
        rct.outcomes(given, {"a": values})
    with pytest.raises(errors.OptionError, match="p03"):
        rct.outcomes(given, {"a": labelled.drop("p03")})
    with pytest.raises(errors.OptionError, match="more than once"):
        rct.outcomes(given, {"a": pd.concat([labelled, labelled[:2]])})


def test_units_that_are_numbers_match_their_labels():
    given = replace(trial(), units=tuple(str(i) for i in range(20)))
    values = pd.Series(others()["a"], index=[float(i) for i in range(20)])
    turned = rct.outcomes(given, {"a": values[::-1]})
    assert turned.secondary == rct.outcomes(given, {"a": values.to_numpy()}).secondary


def test_text_is_no_outcome():
    with pytest.raises(errors.TrialError, match="no numbers"):
        rct.outcomes(trial(), {"a": ["low"] * 20})

"""The small version of benchmarks/first_sentences.py: on synthetic London, is what they say counted right?"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from whatworks.data.synthetic import expected_counts, london, simulate_counts
from whatworks.errors import DesignError
from whatworks.results import CheckResult

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
SCRIPTS = ("first_sentences", "first_sentences_places", "first_sentences_tally", "template_steps")
MONTHS = [f"{2011 + k // 12}-{k % 12 + 1:02d}" for k in range(108)]
OFFENCES = ("robbery", "burglary")


@pytest.fixture(scope="module")
def scripts():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield tuple(importlib.import_module(name) for name in SCRIPTS)
    for name in SCRIPTS:
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def boroughs(scripts):
    """Synthetic London as the benchmark reads the real one."""
    city = london()
    frame = pd.DataFrame(
        {
            "area": np.repeat(city.names, len(MONTHS)),
            "month": MONTHS * 32,
            "cluster": np.repeat(city.bcu, len(MONTHS)),
            "population": np.repeat(city.population, len(MONTHS)),
        }
    )
    for number, name in enumerate(OFFENCES):
        mean = expected_counts(name, seed=number, first=2011 * 12, months=len(MONTHS))
        frame[name] = simulate_counts(mean, seed=number).counts[0].ravel()
    frame = frame.sort_values(["area", "month"], ignore_index=True)
    return scripts[1].Places("boroughs", frame, OFFENCES)


def drawn(scripts, places, *, number=0, worst=False, ratio=1.0, **design):
    where = scripts[1]
    asked = where.Design(design.pop("treated", 4), **design)
    return where.draw(places, asked, worst=worst, ratio=ratio, seed=1, number=number)


def test_a_claim_a_refusal_and_the_right_sign_are_counted(scripts, boroughs):
    script, _, counting, steps = scripts
    row = script.ROWS["block_4"]
    halved = drawn(scripts, boroughs, number=2, ratio=0.5)
    result = steps.run("did", halved.frame, script.asked_of(row, halved))
    found = script.said_of(result, "robbery")
    assert (found["status"], found["unchecked"]) == ("fell", "fell")
    assert found["low"] < -50 < found["high"] < -35
    assert '"Placebo in space": "pass"' in found["checks"]
    failed = CheckResult("Placebo in time", "fail", "It had begun before.", pd.DataFrame(), "it had not")
    refused = script.said_of(result.with_checks(failed), "robbery")
    assert (refused["status"], refused["unchecked"]) == ("not_answered", "fell")
    sure = {**found, "status": "rose", "unchecked": "rose", "certainty": "moderate"}
    silent = {"status": "no_report", "unchecked": "no_report"}
    counted = counting.tally([{**found, "certainty": "low"}, refused, sure, silent])
    assert counted.n == 4
    assert counted.said == {"fell": 1, "not_answered": 1, "rose": 1, "no_report": 1}
    assert counting.claims(counted.said) == 2
    assert (counted.sure, counting.claims(counted.sure)) == ({"rose": 1}, 1)
    assert (counted.bare["fell"], counting.claims(counted.bare)) == (2, 3)


def test_the_table_tells_finds_from_false_claims(scripts):
    counting = scripts[2]
    base = {"row": "block_4", "draw": "0", "unchecked": "fell", "certainty": "low"}
    fell = {**base, "status": "fell", "checks": '{"Leave one unit out": "concern"}'}
    sure = {**fell, "certainty": "moderate", "checks": '{"Spill-over ring": "not_applicable"}'}
    doubted = {**base, "status": "not_answered", "checks": '{"Placebo in time": "concern"}'}
    failed = {**base, "status": "not_answered", "checks": '{"Placebo in time": "fail"}'}
    nothing = [{**row, "mode": "nothing"} for row in (fell, sure, failed, doubted)]
    fall = [{**fell, "mode": "fall"}, {**fell, "mode": "fall", "draw": "1", "status": "rose"}]
    lines = "\n".join(counting.tables(nothing + fall, {"block_4": "block, 4 boroughs"}))
    # by row: draws, the six statuses, claims, claims without a "but", claims before checks
    assert "boroughs | 4 | 2 | 0 | 0 | 0 | 2 | 0 | 50 ± 25.0 | 25 ± 21.7 | 100 (over 47) |" in lines
    # a rise where something fell is no find; errors of all rows are those of whole draws
    assert "boroughs | 2 | 1 | 1 | 0 | 0 | 0 | 0 | 50 ± 35.4 | 0 (under 78) | 100 (over 22) |" in lines
    assert "| all | 2 | 1 | 1 | 0 | 0 | 0 | 0 | 50.0 ± 35.4 | 0.0 ± 0.0 | 100.0 ± 0.0 |" in lines
    assert "| all | 4 | 2 | 0 | 0 | 0 | 2 | 0 | 50.0 ± 0.0 |" in lines
    # by check, where nothing happened: run, concern, fail, not informative; then fails at a claim by mode
    assert "| Placebo in time | 2 | 50 ± 35.4 | 50 ± 35.4 | 0 (under 78) | 1 | 0 | 0 |" in lines
    assert "| Spill-over ring | 0 | – | – | – | 0 | 0 | 0 |" in lines
    # under the rules as they are, the same claims again
    assert "| the rules as they are | 50 ± 25.0 | 100 (over 22) | – |" in lines
    assert "| no concern refuses | 75 ± 21.7 |" in lines


def test_other_rules_refuse_or_let_through(scripts):
    counting = scripts[2]

    def claims(**checks):
        names = {"peak": counting.PEAK, "hull": counting.HULL, "time": "Placebo in time"}
        told = json.dumps({names[key]: found for key, found in checks.items()})
        draw = {"unchecked": "fell", "checks": told}
        return [rule.claims(draw) for rule in counting.RULES.values()]

    assert claims(peak="not_informative", time="pass") == [True] * 4
    assert claims(time="concern") == [False, False, False, True]
    assert claims(hull="concern") == [False, True, False, True]
    assert claims(peak="concern") == [False, False, True, True]
    assert claims(hull="fail") == [False] * 4
    assert not counting.Rule().claims({"unchecked": "inconclusive", "checks": ""})


def test_only_treated_counts_from_their_start_on_are_thinned(scripts, boroughs):
    before = drawn(scripts, boroughs, number=1, treated=9, cohorts=3)
    after = drawn(scripts, boroughs, number=1, treated=9, cohorts=3, ratio=0.85)
    assert before.offence == after.offence == "burglary"
    pd.testing.assert_frame_equal(before.frame.drop(columns="burglary"), after.frame.drop(columns="burglary"))
    starts = after.frame.groupby("area")["start"].first().dropna()
    assert len(starts) == 9
    assert sorted(starts.value_counts()) == [3, 3, 3]
    assert min(starts) == after.start
    hit = after.frame["month"] >= after.frame["start"].fillna("9999-12")
    assert (before.frame.loc[~hit, "burglary"] == after.frame.loc[~hit, "burglary"]).all()
    kept = after.frame.loc[hit, "burglary"].sum() / before.frame.loc[hit, "burglary"].sum()
    assert kept == pytest.approx(0.85, abs=0.02)
    first = after.frame["month"] == after.frame["start"]
    assert (after.frame.loc[first, "burglary"] < before.frame.loc[first, "burglary"]).sum() > 6
    assert after.frame["month"].nunique() == 60
    assert sorted(after.frame["month"].unique()).index(after.start) == 36


def test_whole_units_and_the_busiest_are_drawn(scripts, boroughs):
    units = drawn(scripts, boroughs, whole=True).frame
    treated = units["start"].notna()
    assert set(units.loc[treated, "cluster"]).isdisjoint(units.loc[~treated, "cluster"])
    assert units.loc[treated, "cluster"].nunique() == 4
    busy = drawn(scripts, boroughs, busiest=10).frame
    assert busy["area"].nunique() == 10
    early = boroughs.frame[boroughs.frame["month"].isin(sorted(busy["month"].unique())[:36])]
    most = early.groupby("area")[list(OFFENCES)].sum().sum(axis=1).nlargest(10)
    assert set(busy["area"]) == set(most.index)


@pytest.mark.parametrize(("number", "chosen"), [(0, "level"), (2, "rise"), (4, "level")])
def test_the_worst_stood_highest_or_had_risen_most(scripts, boroughs, number, chosen):
    worst = drawn(scripts, boroughs, number=number, worst=True, treated=10)
    assert worst.chosen == chosen
    frame = worst.frame.sort_values(["area", "month"])
    rates = (frame["robbery"] / frame["population"]).to_numpy().reshape(32, 60)
    last, earlier = rates[:, 24:36].mean(axis=1), rates[:, :24].mean(axis=1)
    stood = last if chosen == "level" else last / earlier
    treated = frame["start"].notna().to_numpy().reshape(32, 60)[:, 0]
    assert treated.sum() == 10
    # a rise is told in counts, so that growing places may change ranks at the margin
    assert stood[treated].mean() > stood[~treated].mean() * 1.05
    if chosen == "level":
        assert stood[treated].min() > stood[~treated].max()


def test_a_result_rests_on_assignments_and_not_on_displays(scripts):
    *_, steps = scripts
    text = (
        "import a\nx = f(given)\nshow(x)\nunused = g(x)\nresult = h(x)\nresult = result.k(y)\n"
        "told = long(x)\nresult = result.with_notes(*told)\ny = 1\nresult"
    )
    kept = steps.resting_on("result", ast.parse(text).body, {"given"})
    assert ast.unparse(kept) == "import a\nx = f(given)\nresult = h(x)\nresult = result.k(y)"


@pytest.mark.parametrize("template", ["did", "counts_did", "staggered", "small_areas", "synthetic_control"])
def test_every_row_asks_a_template_for_parameters_that_it_has(scripts, template):
    script, _, _, steps = scripts
    defaults, _ = steps.steps(template)
    rows = [row for row in script.ROWS.values() if row.template == template]
    assert rows
    for row in rows:
        assert set(row.parameters) <= set(defaults)
    with pytest.raises(KeyError, match="no parameters"):
        steps.run(template, pd.DataFrame(), {"otcome": "robbery"})


def test_draws_are_kept_and_not_drawn_again(scripts, boroughs, tmp_path, monkeypatch):
    script, where, *_ = scripts
    calls = []

    def run(template, frame, parameters, recording):
        calls.append(template)
        raise DesignError("nobody to compare with", where="here", remedy="None.")

    monkeypatch.setattr(script, "run", run)
    monkeypatch.setattr(where, "boroughs", lambda root: boroughs)
    asked = argparse.Namespace(realdata=tmp_path, draws=2, seed=1, out=tmp_path / "draws.csv")
    for draws, whole in ((1, 2), (2, 4), (2, 4)):
        asked.draws = draws
        script._draw(asked, ["block_4"], ["nothing", "worst"], {"block_4": "now"})
        assert len(calls) == whole
    kept = script.read(asked.out)
    assert [(d["code"], d["mode"], d["draw"], d["status"]) for d in kept] == [
        ("now", mode, number, "no_report") for number in ("0", "1") for mode in ("nothing", "worst")
    ]
    assert kept[0]["reason"] == "nobody to compare with"
    script._draw(asked, ["block_4"], ["nothing"], {"block_4": "later"})
    assert len(calls) == 6

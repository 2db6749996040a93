from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from whatworks.results import Estimate, Result
from whatworks.study import open_study, places, record

ROOT = Path(__file__).parents[2]
TRUTH = json.loads((ROOT / "data" / "synthetic" / "truth.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("slug", "design"), [("synthetic-hotspots", "hotspots"), ("synthetic-rollout", "staggered")]
)
def test_the_truth_of_a_synthetic_study_lies_inside_its_interval(slug: str, design: str) -> None:
    result = record.load(places.find(ROOT).study(slug)).result
    truth = TRUTH["designs"][design]
    assert truth["outcome"] == open_study(slug, start=ROOT).spec.protocol.primary_outcome
    overall = truth["effects"]["overall"]
    assert result.headline.low <= overall["per_1000"] <= result.headline.high
    assert isinstance(result.relative, Estimate)
    assert result.relative.low <= overall["percent"] <= result.relative.high


def test_the_true_rate_ratio_lies_inside_the_interval_of_the_study_of_counts() -> None:
    """The invented patrols multiply the expected count of every treated month by one factor: the truth."""
    result = record.load(places.find(ROOT).study("synthetic-counts")).result
    assert result.method == "did.poisson"
    assert result.headline.scale == "rate ratio"
    percent = TRUTH["parameters"]["effects"]["hotspots"]
    assert percent == -12.0
    assert result.headline.low <= 1 + percent / 100 <= result.headline.high
    assert result.relative.low <= percent <= result.relative.high


def test_the_true_effect_lies_inside_the_interval_of_the_study_of_one_borough() -> None:
    result = record.load(places.find(ROOT).study("synthetic-borough")).result
    path = ROOT / "data" / "synthetic" / "borough-truth.json"
    truth = json.loads(path.read_text(encoding="utf-8"))
    assert result.method == "synth.classic"
    assert truth["treated"] in result.headline.estimand
    assert result.headline.low <= truth["effect"]["per_1000"] <= result.headline.high
    assert result.relative.low <= truth["effect"]["percent"] <= result.relative.high
    untouched = [one for one in result.secondary if truth["untouched"][0] in one.outcome]
    assert len(untouched) == 1
    assert untouched[0].estimate.low <= 0 <= untouched[0].estimate.high


def test_the_true_effects_lie_inside_the_intervals_of_the_study_of_small_areas() -> None:
    result = record.load(places.find(ROOT).study("synthetic-small-areas")).result
    path = ROOT / "data" / "synthetic" / "areas-truth.json"
    truth = json.loads(path.read_text(encoding="utf-8"))["effects"]
    found = {"violence": result.headline, **{one.outcome: one.estimate for one in result.secondary}}
    assert found.keys() == truth.keys()
    for name, estimate in found.items():
        assert estimate.low <= truth[name]["per_area"] <= estimate.high, name


def of_trial(name: str) -> dict[str, Any]:
    path = ROOT / "data" / "synthetic" / "trials" / f"{name}-truth.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found["effects"]


def test_the_true_effects_lie_inside_the_intervals_of_the_trial_of_hot_spots() -> None:
    result, truth = recorded("synthetic-trial", "rct.itt"), of_trial("hotspots")
    assert result.headline.scale == "rate ratio"
    assert result.headline.low <= truth["crimes"]["rate_ratio"] <= result.headline.high
    assert result.relative.low <= truth["crimes"]["percent"] <= result.relative.high
    assert [one.outcome for one in result.secondary] == ["disorder", "nearby"]
    for one in result.secondary:
        assert one.estimate.low <= truth[one.outcome]["rate_ratio"] <= one.estimate.high, one.outcome


def test_the_true_effect_of_assignment_lies_inside_the_interval_of_the_crossover() -> None:
    result, truth = recorded("synthetic-crossover", "rct.crossover"), of_trial("place-days")["assigned"]
    assert result.headline.low <= truth["rate_ratio"] <= result.headline.high < 1
    assert result.relative.low <= truth["percent"] <= result.relative.high


def test_the_average_effect_over_exposure_lies_inside_the_interval_of_the_stepped_wedge() -> None:
    result, truth = recorded("synthetic-stepped-wedge", "rct.stepped_wedge"), of_trial("stepped-wedge")
    average = truth["average_over_exposure_times"]
    assert result.relative.low <= average <= result.relative.high < 0
    assert result.design.n_clusters == 12
    assert result.design.allocations == 7_484_400


def test_the_true_effect_of_the_offer_lies_inside_the_interval_of_restorative_justice() -> None:
    result, truth = (
        recorded("synthetic-restorative-justice", "rct.itt"),
        of_trial("restorative-justice"),
    )
    assert 0 < result.headline.low <= truth["satisfaction"]["itt"] <= result.headline.high
    assert result.secondary[0].outcome == "needs_met"
    assert result.secondary[0].estimate.low <= truth["needs_met"]["itt"] <= result.secondary[0].estimate.high


@pytest.mark.parametrize(
    "slug",
    [
        "synthetic-trial",
        "synthetic-crossover",
        "synthetic-stepped-wedge",
        "synthetic-restorative-justice",
    ],
)
def test_a_trial_hands_over_its_record_its_flow_and_the_draw_made_again(slug: str) -> None:
    kept = record.load(places.find(ROOT).study(slug))
    checks = {check.name: check.verdict for check in kept.result.checks}
    assert checks["Allocation record"] == "pass"
    names = [item["name"] for item in kept.provenance["data"]]
    assert [name.rpartition("-")[2] for name in names[1:]] == ["allocation.json", "list.csv"]
    assert any(name.startswith("figures/flow") for name in kept.files)
    report = kept.files["report.html"].decode()
    assert "byte for byte" in report
    assert "CONSORT 2025" in report


@pytest.mark.parametrize("slug", ["synthetic-hotspots", "synthetic-rollout", "synthetic-counts"])
def test_a_record_says_how_far_from_parallel_the_finding_would_survive(slug: str) -> None:
    kept = record.load(places.find(ROOT).study(slug))
    bounds = [check for check in kept.result.checks if check.name == "Honest bounds"]
    assert len(bounds) == 1
    assert bounds[0].verdict != "not_applicable"
    assert "departures from parallel trends" in bounds[0].reason
    assert bounds[0].reason.split(". ")[0] in kept.files["report.html"].decode()
    assert "tables/check-honest-bounds.csv" in kept.files
    assert any(name.startswith("figures/honest-") for name in kept.files)


def recorded(slug: str, method: str) -> Result:
    result = record.load(places.find(ROOT).study(slug)).result
    assert result.method == method
    assert isinstance(result.relative, Estimate)
    return result


def test_the_record_is_of_the_study_as_it_stands() -> None:
    for folder in places.find(ROOT).studies():
        if (folder / "record").is_dir():
            study = open_study(folder.name, start=ROOT)
            kept = record.load(folder).provenance
            assert kept["parameters"]["values"] == dict(study.parameters.applied), folder.name
            assert kept["template"]["cells"] == study.template.cells, folder.name

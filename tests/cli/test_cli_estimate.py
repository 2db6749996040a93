from __future__ import annotations

import json
from pathlib import Path

import pytest
import study_workspace as workspace

from whatworks import Panel, did, inference
from whatworks.data.tables import read_table
from whatworks.verdict import Asked, judge

ROOT = Path(__file__).parents[2]
LONDON = ROOT / "data" / "synthetic" / "london.csv"
ROLES = ("unit=area_name", "period=month", "outcome=burglary", "start=start_staggered", "cluster=bcu")


@pytest.fixture
def counts(tmp_path: Path) -> str:
    return str(workspace.put(tmp_path / "counts.csv", workspace.counts()))


def roles(*given: str) -> list[str]:
    return [part for item in given for part in ("--role", item)]


BLOCK = roles("unit=area", "period=month", "outcome=crimes", "start=start")


def test_json_is_the_result_of_the_function(counts: str, whatworks: object) -> None:
    status, out, err = whatworks("estimate", "did.block", counts, *BLOCK, "--inference", "cluster", "--json")
    assert (status, err) == (0, "")
    panel = Panel.from_frame(read_table(counts), unit="area", period="month", outcome="crimes", start="start")
    assert out == did.block(panel, inference=inference.choose("cluster")).to_json()


def test_settings_follow_the_word_for_inference(counts: str, whatworks: object) -> None:
    asked = "cluster:kind=CR1,correction=stata"
    status, out, err = whatworks("estimate", "did.block", counts, *BLOCK, "--inference", asked, "--json")
    assert (status, err) == (0, "")
    panel = Panel.from_frame(read_table(counts), unit="area", period="month", outcome="crimes", start="start")
    assert out == did.block(panel, inference=inference.ClusterRobust(correction="stata")).to_json()
    assert "as Stata's regress and areg print" in out
    status, _, err = whatworks(
        "estimate", "did.block", counts, *BLOCK, "--inference", "cluster:correction=xt"
    )
    assert status == 2
    assert "'clusters', 'fixest', 'stata'" in err


def test_a_table_for_people(counts: str, whatworks: object) -> None:
    status, out, _ = whatworks("estimate", "did.block", counts, *BLOCK, "--level", "0.9")
    assert status == 0
    assert "90% interval" in out


ASKED = ("--better", "lower", "--worthwhile", "5")


def test_what_may_be_said_of_it(counts: str, whatworks: object) -> None:
    arguments = ("estimate", "did.block", counts, *BLOCK, "--inference", "cluster")
    out = " ".join(whatworks(*arguments, *ASKED)[1].split())
    panel = Panel.from_frame(read_table(counts), unit="area", period="month", outcome="crimes", start="start")
    result = did.block(panel, inference=inference.choose("cluster"))
    said = judge(result, Asked("crimes", "lower", 5.0))
    assert said.status == "fell"
    assert f"verdict {said.word}. {said.sentence}" in out
    assert "certainty low. Chance did not choose where it was done. No check was made of it." in out
    assert json.loads(whatworks(*arguments, *ASKED, "--json")[1])["verdict"] == said.to_dict()
    assert "verdict none: say --better and --worthwhile" in " ".join(whatworks(*arguments)[1].split())


@pytest.mark.parametrize(
    ("method", "given", "words"),
    [
        ("did.block", ("--better", "lower"), "needs both --better and --worthwhile"),
        ("did.block", ("--worthwhile", "5"), "needs both --better and --worthwhile"),
        ("did.block", ("--better", "up", "--worthwhile", "5"), "lower"),
        ("did.block", ("--better", "lower", "--worthwhile", "-5"), "worthwhile is -5"),
        ("did.compare", ASKED, "many answers have no verdict"),
    ],
)
def test_half_a_question_has_no_verdict(
    counts: str, whatworks: object, method: str, given: tuple[str, ...], words: str
) -> None:
    status, _, err = whatworks("estimate", method, counts, *BLOCK, *given)
    assert status == 2
    assert words in " ".join(err.split())


def test_options_are_typed_by_the_function(whatworks: object) -> None:
    panel = Panel.from_frame(
        read_table(LONDON),
        unit="area_name",
        period="month",
        outcome="burglary",
        start="start_staggered",
        cluster="bcu",
        exposure="population",
    ).as_rate(1000)
    expected = did.aggregate(
        did.att_gt(panel, comparison="not_yet", anticipation=2, inference=inference.choose("analytical")),
        by="event_time",
    )
    status, out, _ = whatworks(
        "estimate",
        "did.att_gt",
        str(LONDON),
        *roles(*ROLES, "exposure=population"),
        "--per",
        "1000",
        "--option",
        "comparison=not_yet",
        "--option",
        "anticipation=2",
        "--option",
        "by=event_time",
        "--inference",
        "analytical",
        "--json",
    )
    assert status == 0
    assert json.loads(out) == json.loads(expected.to_json())


def test_settings_of_the_inference(counts: str, whatworks: object) -> None:
    status, out, _ = whatworks(
        "estimate", "did.block", counts, *BLOCK, "--inference", "wild:draws=199,seed=3,weights=webb", "--json"
    )
    assert status == 0
    assert json.loads(out)["seed"] == 3


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["did.blok", "FILE", *BLOCK], 2, "Did you mean 'did.block'"),
        (["did.aggregate", "FILE", *BLOCK], 2, "no method"),
        (["did.block", "nowhere.csv", *BLOCK], 2, "nowhere.csv"),
        (["did.block", "FILE", *roles("unit=area", "period=month")], 2, "the role outcome is not given"),
        (["did.block", "FILE", *BLOCK, *roles("untit=area")], 2, "Did you mean 'unit'"),
        (["did.block", "FILE", *BLOCK, *roles("cluster=bcu")], 2, "no column 'bcu'"),
        (["did.block", "FILE", *BLOCK, *roles("unit=area")], 2, "given twice"),
        (["did.block", "FILE", *BLOCK, *roles("cluster")], 2, "not NAME=VALUE"),
        (["did.block", "FILE", *BLOCK, *roles("allow_missing=perhaps")], 2, "neither true nor false"),
        (["did.block", "FILE", *BLOCK, "--option", "by=event_time"], 2, "no option 'by'"),
        (["did.att_gt", "FILE", *BLOCK, "--option", "comparision=never"], 2, "Did you mean 'comparison'"),
        (["did.att_gt", "FILE", *BLOCK, "--option", "comparison=nevr"], 2, "'never'"),
        (["did.att_gt", "FILE", *BLOCK, "--option", "anticipation=two"], 2, "not a whole number"),
        (["did.block", "FILE", *BLOCK, "--inference", "wildd"], 2, "Did you mean 'wild'"),
        (["did.block", "FILE", *BLOCK, "--inference", "wild:drws=9"], 2, "Did you mean 'draws'"),
        (["did.block", "FILE", *BLOCK, "--inference", "wild:draws=many"], 2, "not a whole number"),
        (["did.block", "FILE", *BLOCK, "--level", "95"], 2, "level"),
        (["did.block", "FILE", *BLOCK, "--per", "1000"], 2, "denominator"),
    ],
)
def test_bad_input_says_why(
    counts: str, whatworks: object, arguments: list[str], status: int, words: str
) -> None:
    found, out, err = whatworks("estimate", *[counts if item == "FILE" else item for item in arguments])
    assert found == status, err
    assert words in err
    assert out == ""
    assert "Traceback" not in err


def test_a_question_that_the_method_cannot_answer_is_a_failed_estimate(
    tmp_path: Path, whatworks: object
) -> None:
    text = workspace.counts().replace(",2020-07\n", ",\n")
    status, _, err = whatworks("estimate", "did.block", str(workspace.put(tmp_path / "c.csv", text)), *BLOCK)
    assert status == 1
    assert "What to do" in err


@pytest.mark.parametrize("never", ["0", "9999", "inf"])
def test_codes_for_never_treated_are_refused_or_said(tmp_path: Path, whatworks: object, never: str) -> None:
    lines = [line + never if line.endswith(",") else line for line in workspace.counts().splitlines()]
    path = str(workspace.put(tmp_path / "c.csv", "\n".join(lines) + "\n"))
    status, _, err = whatworks("estimate", "did.block", path, *BLOCK)
    assert status == 2
    assert "start column 'start'" in err
    assert never in err
    said = whatworks("estimate", "did.block", path, *BLOCK, "--role", f"never={never}", "--json")
    plain = str(workspace.put(tmp_path / "d.csv", workspace.counts()))
    assert said[1] == whatworks("estimate", "did.block", plain, *BLOCK, "--json")[1]


def test_markup_in_a_name_stays_text(tmp_path: Path, whatworks: object) -> None:
    path = str(workspace.put(tmp_path / "c.csv", workspace.counts(name="<script>alert(1)</script>")))
    assert whatworks("estimate", "did.block", path, *BLOCK)[0] == 0


def test_synthetic_data_are_rebuilt_byte_for_byte(tmp_path: Path, whatworks: object) -> None:
    assert whatworks("synthesise", str(tmp_path))[0] == 0
    for name in ("london.csv", "truth.json"):
        assert (tmp_path / name).read_bytes() == (LONDON.parent / name).read_bytes()


def test_police_tables_become_counts(tmp_path: Path, whatworks: object) -> None:
    rows = ["MajorText,MinorText,BoroughName,202001,202002"]
    rows += [
        f"ROBBERY,ROBBERY OF PERSONAL PROPERTY,{b},{i + 50},{i + 60}"
        for i, b in enumerate(("Brent", "Camden"))
    ]
    file = workspace.put(tmp_path / "MPS Borough.csv", "\n".join(rows) + "\n")
    out = tmp_path / "counts.csv"
    status, said, report = whatworks(
        "data", "mps", str(file), "--out", str(out), "--months", "2020-01..2020-02"
    )
    assert status == 0, report
    assert said.strip() == str(out)
    assert "Rows read: 2" in report
    assert "E09000005,Brent,2020-01,Robbery,50" in out.read_text(encoding="utf-8")
    status, _, err = whatworks("data", "mps", str(file), "--out", str(out), "--months", "2020-01")
    assert status == 2
    assert "2012-01..2019-01" in err

"""Trials on the command line: draw, replay, analyse."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from whatworks import Trial, rct
from whatworks.data.tables import read_table

TRIALS = Path(__file__).parents[2] / "data" / "synthetic" / "trials"
SPOTS, LIST = str(TRIALS / "hotspots.csv"), str(TRIALS / "hotspots-list.csv")
RECORD = str(TRIALS / "hotspots-allocation.json")
VICTIMS = str(TRIALS / "restorative-justice.csv")


def roles(*given: str) -> list[str]:
    return [part for item in given for part in ("--role", item)]


def options(*given: str) -> list[str]:
    return [part for item in given for part in ("--option", item)]


HOT = [*roles("unit=spot", "arm=arm", "outcome=crimes", "block=band"), *options("control=control")]
MET = [
    *roles("unit=victim", "arm=arm", "outcome=satisfaction", "taken=met", "block=site", "allow_missing=yes"),
    *options("control=usual practice"),
]


def victims(**more: object) -> Trial:
    return Trial.from_frame(
        read_table(VICTIMS),
        unit="victim",
        arm="arm",
        outcome="satisfaction",
        control="usual practice",
        block="site",
        allow_missing=True,
        **more,
    )


def test_json_is_the_result_of_the_function(whatworks: object) -> None:
    asked = [*HOT, *roles("baseline=crimes_before"), *options("adjust=lin")]
    status, out, err = whatworks("estimate", "rct.itt", SPOTS, *asked, "--level", "0.9", "--json")
    assert (status, err) == (0, "")
    trial = Trial.from_frame(
        read_table(SPOTS),
        unit="spot",
        arm="arm",
        outcome="crimes",
        control="control",
        block="band",
        baseline=("crimes_before",),
    )
    assert out == rct.itt(trial, adjust="lin", level=0.9).to_json()


def test_take_up_and_losses(whatworks: object) -> None:
    status, out, err = whatworks("estimate", "rct.cace", VICTIMS, *MET, "--json")
    assert (status, err) == (0, "")
    assert out == rct.cace(victims(taken="met")).to_json()


def test_balance_is_shown_though_it_is_no_estimate(whatworks: object) -> None:
    asked = [*MET, *roles("baseline=age,violent,distress")]
    status, out, err = whatworks("estimate", "rct.balance", VICTIMS, *asked)
    assert (status, err) == (0, "")
    found = rct.balance(victims(taken="met", baseline=("age", "violent", "distress")))
    assert f"{found.statistic:.6g}"[:5] in out
    for name in ("age", "violent", "distress", "standardised"):
        assert name in out
    status, out, _ = whatworks("estimate", "rct.balance", VICTIMS, *asked, "--json")
    stored = json.loads(out)
    assert stored["p_value"] == found.p_value
    assert [row["variable"] for row in stored["table"]] == found.table["variable"].tolist()


def test_the_flow_of_a_trial_and_its_record(whatworks: object) -> None:
    record = ["--allocation", RECORD, "--list", LIST]
    status, out, err = whatworks("estimate", "rct.flow", SPOTS, *HOT, *record, *options("units=hot spots"))
    assert (status, err) == (0, "")
    assert "hot spots" in out
    rows = json.loads(whatworks("estimate", "rct.flow", SPOTS, *HOT, *record, "--json")[1])["table"]
    assert [row["number"] for row in rows if row["step"] == "randomised"] == [60]
    status, out, err = whatworks("estimate", "rct.itt", SPOTS, *HOT, *record, "--json")
    assert (status, err) == (0, "")
    assert json.loads(out)["design"]["allocations"] == 673534515354624
    panel = ["--role", "unit=spot", "--role", "period=band", "--role", "outcome=crimes"]
    status, _, err = whatworks("estimate", "did.block", SPOTS, *panel, "--allocation", RECORD)
    assert status == 2
    other = str(TRIALS / "restorative-justice-list.csv")
    status, _, err = whatworks("estimate", "rct.itt", SPOTS, *HOT, "--allocation", RECORD, "--list", other)
    assert status == 2
    assert "does not serve this record" in err


def test_several_treatments_are_named(whatworks: object, tmp_path: Path) -> None:
    rows = ["person,arm,score"]
    rows += [f"p{i},{('usual', 'letter', 'call')[i % 3]},{(7 * i) % 11 + i % 3}" for i in range(60)]
    path = tmp_path / "three.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    asked = roles("unit=person", "arm=arm", "outcome=score")
    status, _, err = whatworks("estimate", "rct.itt", str(path), *asked, *options("control=usual"))
    assert status == 2
    assert "there are 2 other arms" in err
    named = options("control=usual", "treatments=letter, call")
    status, out, err = whatworks("estimate", "rct.itt", str(path), *asked, *named, "--json")
    assert (status, err) == (0, "")
    assert {row["term"] for row in json.loads(out)["effects"]} >= {"letter", "call"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rct.it", *HOT], "Did you mean 'rct.itt'"),
        (["rct.randomise", *HOT], "no method"),
        (
            ["rct.itt", *roles("unit=spot", "outcome=crimes"), *options("control=control")],
            "the role arm is not",
        ),
        (["rct.itt", *roles("unit=spot", "arm=arm", "outcome=crimes")], "the control arm is not named"),
        (["rct.itt", *HOT, *roles("control=control")], "no role 'control'"),
        (["rct.itt", *HOT, *roles("start=arm")], "no role 'start'"),
        (["rct.itt", *HOT[:-1], "control=contrl"], "Did you mean 'control'"),
        (["rct.itt", *HOT, "--per", "1000"], "not rates"),
        (["rct.itt", *HOT, *options("adjsut=none")], "Did you mean 'adjust'"),
        (["rct.subgroups", *HOT], "needs the option 'by'"),
        (["rct.flow", *HOT, "--inference", "cluster"], "--inference: rct.flow does not use it"),
        (["rct.flow", *HOT, "--level", "0.9"], "--level: rct.flow does not use it"),
        (["did.block", *roles("unit=spot", "period=band", "outcome=crimes", "arm=arm")], "no role 'arm'"),
    ],
)
def test_bad_input_says_why(whatworks: object, arguments: list[str], words: str) -> None:
    status, out, err = whatworks("estimate", arguments[0], SPOTS, *arguments[1:])
    assert (status, out) == (2, "")
    assert words in err
    assert "Traceback" not in err


def draw(whatworks: object, out: Path, *more: str) -> tuple[int, str, str]:
    return whatworks("randomise", LIST, "--unit", "spot", "--out", str(out), *more)


def test_an_allocation_is_written_once_and_replayed(whatworks: object, tmp_path: Path) -> None:
    asked = ("--seed", "230301", "--design", "blocked:by=band", "--arms", "control,patrol")
    status, said, err = draw(whatworks, tmp_path / "drawn", *asked)
    assert (status, err) == (0, "")
    written = (tmp_path / "drawn.json").read_bytes()
    assert written == Path(RECORD).read_bytes()
    held = rct.Allocation.from_json(written.decode())
    assert held.hash in said
    assert "673534515354624" in said
    table = read_table(tmp_path / "drawn.csv")
    assert table["arm"].tolist() == held.table["arm"].tolist()
    assert whatworks("randomise", LIST, "--replay", str(tmp_path / "drawn.json"))[0] == 0
    status, _, err = draw(whatworks, tmp_path / "drawn", *asked)
    assert status == 2
    assert "drawn once" in err
    assert (tmp_path / "drawn.json").read_bytes() == written


def test_a_replay_that_fails_says_what_differs(whatworks: object, tmp_path: Path) -> None:
    other = tmp_path / "list.csv"
    other.write_text(Path(LIST).read_text(encoding="utf-8").replace(",4\n", ",5\n", 1), encoding="utf-8")
    status, out, err = whatworks("randomise", str(other), "--replay", RECORD)
    assert (status, out) == (1, "")
    assert "input_hash" in err
    forged = tmp_path / "forged.json"
    text = Path(RECORD).read_text(encoding="utf-8")
    forged.write_text(text.replace('"seed": 230301', '"seed": 230302'), encoding="utf-8")
    status, _, err = whatworks("randomise", LIST, "--replay", str(forged))
    assert status == 1
    assert "cannot be replayed" in err
    for name, text in (("none.json", None), ("other.json", "{}"), ("text.json", "drawn by hand")):
        if text is not None:
            (tmp_path / name).write_text(text, encoding="utf-8")
        status, _, err = whatworks("randomise", LIST, "--replay", str(tmp_path / name))
        assert status == 2, "no record at all is bad input, not a draw that came out otherwise"
        assert name in err
        assert "whatworks randomise" in err
    status, out, _ = whatworks("randomise", LIST, "--replay", RECORD)
    assert status == 0
    assert "match" in out


@pytest.mark.parametrize(
    ("asked", "rows"),
    [
        (("--design", "complete:sizes=20+40"), 60),
        (("--design", "pairs:on=crimes_before"), 60),
        (("--cluster", "ward", "--balance", "on=crimes_before,accept=0.2"), 60),
        (("--design", "stepped_wedge:steps=4,first=2,every=2", "--cluster", "ward"), 60),
        (("--design", "crossover:periods=14,shortest=2,longest=4,washout=1", "--arms", "off,on"), 840),
        (("--design", "rota:periods=12,treated=20", "--arms", "off,on"), 720),
    ],
)
def test_every_design_is_written_and_replayed(
    whatworks: object, tmp_path: Path, asked: tuple[str, ...], rows: int
) -> None:
    status, _, err = draw(whatworks, tmp_path / "a", "--seed", "5", *asked)
    assert (status, err) == (0, "")
    assert len(read_table(tmp_path / "a.csv")) == rows
    assert whatworks("randomise", LIST, "--replay", str(tmp_path / "a.json"))[0] == 0


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ((), "--seed: is not given"),
        (("--seed", "x"), "not a whole number"),
        (("--seed", "1", "--design", "bloked:by=band"), "Did you mean 'blocked'"),
        (("--seed", "1", "--design", "blocked:on=band"), "no setting 'on'"),
        (("--seed", "1", "--design", "blocked"), "blocked:by=COLUMN"),
        (("--seed", "1", "--design", "blocked:by=bnd"), "bnd"),
        (("--seed", "1", "--design", "complete:sizes=20+50"), "do not share 60"),
        (("--seed", "1", "--arms", "one"), "two or more"),
        (("--seed", "1", "--balance", "on=crimes_before,accept=2"), "not a share"),
    ],
)
def test_a_draw_that_cannot_be_says_why(
    whatworks: object, tmp_path: Path, asked: tuple[str, ...], words: str
) -> None:
    status, out, err = draw(whatworks, tmp_path / "a", *asked)
    assert status == 2
    assert out == ""
    assert words in err
    assert not list(tmp_path.iterdir())


def test_the_checklist_of_a_trial_says_what_is_open(
    whatworks: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(TRIALS.parents[2])
    status, out, err = whatworks("checklist", "synthetic-trial")
    assert (status, err) == (0, "")
    assert "In the record: Patrols at sixty hot spots, by chance" in out
    assert "Every unit on the allocation record is on the analysed list" in out
    assert "Open: " in out
    assert "The record holds something on" in out
    file = tmp_path / "items.csv"
    assert whatworks("checklist", "synthetic-trial", "--csv", str(file))[0] == 0
    table = pd.read_csv(file)
    assert list(table.columns)[:2] == ["Item", "Topic"]
    assert len(table) == 42
    assert whatworks("checklist", "no-such-study")[0] == 2


def test_a_smallest_p_value_is_never_told_as_0(whatworks: object, tmp_path: Path) -> None:
    table = tmp_path / "many.csv"
    pd.DataFrame({"unit": range(1_200)}).to_csv(table, index=False)
    out = str(tmp_path / "drawn.json")
    _, said, _ = whatworks("randomise", str(table), "--unit", "unit", "--seed", "1", "--out", out)
    assert "the smallest p-value they allow is below 1e-300." in said

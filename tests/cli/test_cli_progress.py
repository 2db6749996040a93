"""How far several studies are, and how long the rest will take as far as anybody can know."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest
import study_workspace as workspace

from whatworks.cli import progress


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def going(batch: progress.Batch, clock: Clock, slug: str, seconds: float, *, ran: bool = True) -> None:
    with batch.study(slug) as step:
        if ran:
            step.tell(0, 2, "The data")
        clock.now += seconds


def test_a_plain_line_for_each_study_with_the_time_left(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = progress.Batch(4, clock=clock)
    going(batch, clock, "one", 60.0)
    going(batch, clock, "broken", 0.1, ran=False)
    going(batch, clock, "three", 120.0)
    going(batch, clock, "four", 5.0)
    assert capsys.readouterr().err.splitlines() == [
        "1 of 4: one",
        "2 of 4: broken (about 3 min left, if the rest take as long)",
        "3 of 4: three (about 2 min left, if the rest take as long)",
        "4 of 4: four (about 2 min left, if the rest take as long)",
    ]


def test_a_study_that_stopped_before_its_first_cell_says_nothing_of_the_others(clock: Clock) -> None:
    batch = progress.Batch(3, clock=clock)
    going(batch, clock, "broken", 0.1, ran=False)
    assert batch.left(0.0) == ""
    going(batch, clock, "two", 40.0)
    batch.at = 3
    assert batch.left(0.0) == "about 40 s left"
    assert batch.left(30.0) == "about 10 s left"
    assert batch.left(90.0) == "about 5 s left"


def test_one_study_alone_is_silent_off_a_terminal(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    going(progress.Batch(1, clock=clock), clock, "one", 5.0)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("seconds", "words"), [(1, "5 s"), (42, "40 s"), (89, "90 s"), (100, "2 min"), (6000, "1.7 h")]
)
def test_durations_are_as_fine_as_an_estimate_deserves(seconds: float, words: str) -> None:
    assert progress.duration(seconds) == words


def test_the_report_is_a_step_of_its_own() -> None:
    told: list[tuple[int, int, str]] = []
    step = progress.Step()
    step.show = lambda *given: told.append(given)
    step.tell(0, 18, "Parameters")
    step.tell(17, 18, "The result")
    assert step.around(lambda a, b: f"{a}{b}")("x", "y") == "xy"
    assert told == [
        (0, 18, "Parameters"),
        (17, 18, "The result, then the report"),
        (18, 18, "making the report"),
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_the_place_the_step_and_the_time_left(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    batch = progress.Batch(2, clock=clock)
    going(batch, clock, "one", 60.0)
    with batch.study("[two]") as step:
        step.tell(17, 18, "[a] heading that is far too long to be shown")
        step.around(lambda: "")()
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.getvalue()).replace("\r", "\n")
    shown = re.sub(r"[━╺╸]+ +", "", "\n".join(line.rstrip() for line in shown.splitlines()))
    for words in (
        "1 of 2: one\n",
        "0/? 0:00:00 starting the kernel",
        "2 of 2: [two] · about 60 s left",
        "17/18 0:00:00 [a] heading that is …, then the report",
        "18/18 0:00:00 making the report",
    ):
        assert words in shown, words
    drawn = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.getvalue())
    assert max(map(len, re.split(r"[\r\n]+", drawn))) <= 80


@pytest.mark.notebook
def test_every_study_says_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whatworks: object
) -> None:
    folder = workspace.make(tmp_path)
    workspace.put(tmp_path / "studies" / "bad" / "study.yaml", workspace.STUDY)
    workspace.put(tmp_path / "studies" / "bad" / "parameters.yaml", "stdy: studies/bad\n")
    monkeypatch.chdir(tmp_path)
    status, out, err = whatworks("run", "--all")
    assert status == 2
    lines = err.splitlines()
    assert lines[0] == "1 of 2: bad"
    assert "2 of 2: one" in lines
    status, out, err = whatworks("verify", "--all")
    assert status == 2
    assert err.splitlines() == ["1 of 2: bad", "2 of 2: one"]
    assert out.splitlines()[-1] == "1 of 2 studies match"
    assert (folder / "record" / "report.html").is_file()

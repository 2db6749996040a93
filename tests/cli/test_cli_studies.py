from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import study_workspace as workspace

from whatworks import cli

_WAIT = "import os, time\nopen('started', 'w').write(str(os.getpid()))\ntime.sleep(120)"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    workspace.make(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_workspace_and_a_study_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whatworks: object
) -> None:
    assert whatworks("init", str(tmp_path / "force"), "--title", "Our Force")[0] == 0
    monkeypatch.chdir(tmp_path / "force")
    assert Path("data/synthetic/london.csv").is_file()
    status, out, _ = whatworks("new", "did", "patrols")
    assert status == 0
    assert "whatworks run studies/patrols" in out
    status, out, _ = whatworks("list")
    assert status == 0
    assert "patrols: this study has no record yet" in out
    assert "staggered" in out


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["new", "didd", "x"], 2, "Did you mean 'did'"),
        (["new", "did", "Bad Name"], 2, "not a name for a study"),
        (["new", "tiny", "one"], 2, "exists already"),
        (["run", "onee"], 2, "Did you mean 'one'"),
        (["run"], 2, "--all"),
        (["run", "one", "--all"], 2, "--all"),
        (["run", "../elsewhere"], 2, "outside"),
        (["init", "."], 2, "already"),
        (["verify", "one"], 1, ""),
        (["nonsense"], 2, "nonsense"),
        (["run", "--nonsense"], 2, "nonsense"),
    ],
)
def test_bad_commands_say_why(
    here: Path, whatworks: object, arguments: list[str], status: int, words: str
) -> None:
    found, out, err = whatworks(*arguments)
    assert found == status
    assert words in err
    assert "Traceback" not in err + out


def test_bad_parameters_stop_before_anything_runs(here: Path, whatworks: object) -> None:
    workspace.put(here / "studies" / "one" / "parameters.yaml", "study: studies/one\nlevl: 0.9\n")
    status, out, err = whatworks("run", "one")
    assert (status, out) == (2, "")
    assert "studies/one/parameters.yaml, line 2, key levl" in err
    assert "What to do: Did you mean 'level'?" in err


def test_a_study_without_a_record_cannot_be_verified(here: Path, whatworks: object) -> None:
    status, out, _ = whatworks("verify", "one")
    assert status == 1
    assert "cannot re-run  record: because" in out
    workspace.put(here / "studies" / "one" / "study.yaml", "version: 1\n")
    status, out, _ = whatworks("verify", "one", "--json")
    assert status == 2
    assert json.loads(out)[0]["fields"][0]["verdict"] == "cannot re-run"


def test_a_fault_of_ours_is_called_one(
    here: Path, whatworks: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from whatworks.study import places

    def broken(start: object = None) -> None:
        raise KeyError("oops")

    monkeypatch.setattr(places, "find", broken)
    status, _, err = whatworks("list")
    assert status == 1
    assert "a fault of whatworks itself" in err
    assert "--debug" in err
    monkeypatch.setattr(sys, "argv", ["whatworks", "list", "--debug"])
    with pytest.raises(KeyError):
        cli.main()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["data", "breaks", "2012-01"], "not a span of months"),
        (["data", "mps", "POLICE", "--out", "nowhere/x.csv"], "--out: there is no folder 'nowhere'"),
        (["data", "mps", "POLICE", "--out", "."], "is a folder"),
        (["init", "whatworks.toml"], "whatworks.toml"),
        (["synthesise", "whatworks.toml"], "whatworks.toml"),
        (["checklist", "onee"], "Did you mean 'one'"),
        (["checklist", "one"], "no record yet"),
        (["estimate", "did.block", "."], "csv"),
    ],
)
def test_files_that_cannot_be_are_bad_input(
    here: Path, whatworks: object, arguments: list[str], words: str
) -> None:
    rows = "MajorText,MinorText,BoroughName,202001\nROBBERY,ROBBERY OF PERSONAL PROPERTY,Brent,5\n"
    police = str(workspace.put(here / "MPS.csv", rows))
    roles = ["--role", "unit=a", "--role", "period=b", "--role", "outcome=c"]
    given = [police if item == "POLICE" else item for item in arguments]
    status, _, err = whatworks(*given, *(roles if arguments[0] == "estimate" else []))
    assert status == 2, err
    assert words in err
    assert "What to do" in err
    assert "fault of whatworks" not in err


def test_a_file_of_ours_that_is_gone_is_a_fault_of_ours(
    here: Path, whatworks: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from whatworks.study import places

    def gone(start: object = None) -> None:
        raise FileNotFoundError(2, "No such file", str(places.package_folder() / "data" / "x.csv"))

    monkeypatch.setattr(places, "find", gone)
    status, _, err = whatworks("list")
    assert status == 1
    assert "a fault of whatworks itself" in err


def test_version_and_help(whatworks: object) -> None:
    assert whatworks("--version")[1].startswith("whatworks 0.")
    assert "verify" in whatworks("--help")[1]


@pytest.mark.notebook
def test_run_then_verify_then_publish(here: Path, whatworks: object, monkeypatch: pytest.MonkeyPatch) -> None:

    # so that work on the library while the test runs is no drift
    from whatworks.study import code

    monkeypatch.setattr(code, "whole", lambda: "this code")
    monkeypatch.setattr(code, "rooms", lambda: {})
    status, out, err = whatworks("run", "studies/one")
    assert (status, err) == (0, "")
    report = Path(out.strip().splitlines()[-1])
    assert report == Path("studies/one/record/report.html")
    assert "A test" in report.read_text(encoding="utf-8")
    status, out, _ = whatworks("verify", "--all")
    assert status == 0, out
    assert "one: everything matches" in out
    status, out, _ = whatworks("publish", "site")
    assert status == 0
    assert Path(out.strip()).is_file()
    assert "recorded" in whatworks("list")[1]
    workspace.put(here / "studies" / "one" / "parameters.yaml", "study: studies/one\nlevel: 0.8\n")
    status, out, _ = whatworks("verify", "one")
    assert status == 1
    assert "Cause: parameter level 0.9 → 0.8." in out
    assert "Headline: " in out
    assert "drift  parameters.level: recorded 0.9, now 0.8" in out


@pytest.mark.notebook
def test_a_failed_run_among_several_fails_them_all_but_runs_the_rest(here: Path, whatworks: object) -> None:
    workspace.put(here / "studies" / "two" / "study.yaml", workspace.STUDY)
    workspace.put(here / "studies" / "two" / "parameters.yaml", "study: studies/two\ndata: [../x.csv]\n")
    workspace.put(here / "studies" / "bad" / "study.yaml", workspace.STUDY)
    workspace.put(here / "studies" / "bad" / "parameters.yaml", "stdy: studies/bad\n")
    status, out, err = whatworks("run", "--all")
    assert status == 2
    assert out.strip() == str(Path("studies/one/record/report.html"))
    assert "bad: " in err
    assert "two: " in err
    assert "outside" in err
    assert not (here / "studies" / "two" / "record").exists()


@pytest.mark.notebook
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_terminated_run_leaves_nothing_behind(tmp_path: Path) -> None:
    one = workspace.make(tmp_path, {"wait": _WAIT})
    workspace.put(one / "record" / "result.json", "old")
    before = workspace.tree(one)
    command = [sys.executable, "-c", "from whatworks.cli import main; main()", "run", "one"]
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    running = subprocess.Popen(command, cwd=tmp_path, env={**os.environ, "TMPDIR": str(temporary)})
    for _ in range(600):
        if (tmp_path / "started").exists() and (tmp_path / "started").read_text():
            break
        time.sleep(0.1)
    kernel = int((tmp_path / "started").read_text())
    running.send_signal(signal.SIGTERM)
    assert running.wait(60) == 128 + signal.SIGTERM
    assert workspace.tree(one) == before
    assert list(temporary.iterdir()) == []
    for _ in range(100):
        try:
            os.kill(kernel, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("the kernel outlived the run")

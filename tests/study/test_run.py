from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import study_workspace as workspace

from whatworks.errors import RecordError, RunError
from whatworks.present import Figure, Words
from whatworks.results import CheckResult, Result
from whatworks.study import engine, open_study, record, run, running, swap
from whatworks.study.closing import MIME
from whatworks.verdict import Asked

LIGHT = {"set-up": workspace.LIGHT, "result": workspace.LIGHT_END}


def keep_old(one: Path) -> dict[str, bytes]:
    swap.replace_whole(one, {"result.json": b"old"})
    return workspace.tree(one)


def failing(folder: Path, cells: dict[str, str], **more: Any) -> str:
    """Run a template that must fail; returns the message once nothing but the old record is left."""
    one = workspace.make(folder, cells, **more)
    before = keep_old(one)
    with pytest.raises(RunError) as caught:
        run(open_study("one", start=folder), render=workspace.render)
    assert workspace.tree(one) == before, "the old record is untouched and nothing was left"
    return str(caught.value)


@pytest.mark.notebook
def test_a_run_leaves_a_whole_record_and_two_runs_the_same_bytes(tmp_path: Path) -> None:
    one = workspace.make(tmp_path)
    seen: list[tuple[int, int, str]] = []
    study = open_study("one", start=tmp_path)
    done = run(study, render=workspace.render, progress=lambda *step: seen.append(step))
    first = workspace.tree(one)
    run(study, render=workspace.render)
    assert workspace.tree(one) == first
    assert done.left_out == ()
    assert done.report == one.resolve() / "record" / "report.html"
    assert [done for done, _, _ in seen] == list(range(6))
    names = {"result.json", "provenance.json", "notebook.ipynb", "report.html", "tables/effects.csv"}
    assert {f"record/{name}" for name in names} <= set(first)
    stored = Result.from_json(first["record/result.json"].decode())
    assert stored.headline.level == 0.9
    source = json.loads(first["record/provenance.json"])
    assert source["parameters"]["values"] == dict(study.parameters.applied)
    assert [item["name"] for item in source["data"]] == ["data/counts.csv"]
    everything = b"".join(first.values()).decode()
    for secret in (str(tmp_path), str(Path.home()) + "/", sys.prefix, "ipykernel_"):
        assert secret not in everything, f"{secret} stands in the record"
    assert record.load(one).result.method == stored.method


@pytest.mark.notebook
def test_what_differs_between_runs_is_tidied(tmp_path: Path) -> None:
    noise = (
        "import os, sys, warnings, uuid\nprint(object(), os.getcwd())\nwarnings.warn('careful')\n"
        "print(os.environ['TZ'], sys.flags.hash_randomization, os.environ['OMP_NUM_THREADS'])\n"
        "print({'b', 'a', 'c'})\nprint('err', file=sys.stderr)"
    )
    one = workspace.make(tmp_path, {"noise": noise, **LIGHT})
    study = open_study("one", start=tmp_path)
    run(study, render=workspace.render)
    first = workspace.tree(one)
    run(study, render=workspace.render)
    assert workspace.tree(one) == first
    text = first["record/notebook.ipynb"].decode()
    assert "UTC 0 1" not in text
    assert "Left out of the record: 3 lines of printed text" in text
    assert "lines of warnings, which no presenter of whatworks made" in text
    assert str(tmp_path) not in text


@pytest.mark.notebook
def test_a_failed_cell_is_named_with_the_error_in_words(tmp_path: Path) -> None:
    cells = {"set-up": "import whatworks as ww", "broken": workspace.WORK.replace('"month"', '"mnth"')}
    message = failing(tmp_path, cells)
    assert "cell 'broken'" in message
    assert "no column 'mnth'" in message
    assert "Did you mean 'month'" in message
    assert "Traceback" not in message


@pytest.mark.notebook
def test_a_kernel_killed_in_mid_run(tmp_path: Path) -> None:
    kill = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    message = failing(tmp_path, {"before": "x = 1", "killed": kill, **LIGHT})
    assert "the kernel died in cell 'killed'" in message


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the engine gives back instead of running anything."""
    notebook = {
        "cells": [workspace.concluding(workspace.plain_result())],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    monkeypatch.setattr(engine, "execute", lambda *args, **more: engine.Executed(notebook))
    return notebook


def test_a_run_without_a_result_or_with_two_fails(tmp_path: Path, ran: dict[str, Any]) -> None:
    ran["cells"][0]["outputs"] *= 2
    assert "hands over 2 results" in failing(tmp_path / "two", LIGHT)
    ran["cells"][0]["outputs"].clear()
    assert "hands over 0 results" in failing(tmp_path / "none", LIGHT)


def test_a_missing_field_of_the_result_is_a_failed_run(tmp_path: Path, ran: dict[str, Any]) -> None:
    del ran["cells"][0]["outputs"][0]["data"][MIME]["headline"]["std_error"]
    assert "the result is incomplete" in failing(tmp_path, LIGHT)


def test_a_missing_figure_is_a_failed_run(tmp_path: Path, ran: dict[str, Any]) -> None:
    ran["cells"][0]["metadata"]["tags"] = ["figure"]
    assert "no figure came out of the cells 'result'" in failing(tmp_path, LIGHT)


def test_a_check_that_the_protocol_owes(tmp_path: Path, ran: dict[str, Any]) -> None:
    one = workspace.make(tmp_path, LIGHT)
    owed = workspace.STUDY.replace("it fell\n", "it fell\n  checks: [Pre-trends]\n")
    workspace.put(one / "study.yaml", owed)
    with pytest.raises(RunError, match="owes checks that the run does not give: 'Pre-trends'"):
        run(open_study("one", start=tmp_path), render=workspace.render)
    check = CheckResult("Pre-trends", "pass", "fine")
    ran["cells"][0]["outputs"] = workspace.concluding(workspace.plain_result().with_checks(check))["outputs"]
    run(open_study("one", start=tmp_path), render=workspace.render)


def test_figures_are_kept_beside_the_notebook(tmp_path: Path, ran: dict[str, Any]) -> None:
    one = workspace.make(tmp_path, LIGHT)
    numbers = pd.DataFrame({"month": ["2020-01"], "crimes": [1.5]})
    said = Words("More crimes", "Crimes by month", "Look at the line.")
    ours = Figure("<svg>2</svg>", "A line", numbers, said, "Paths", each="period")
    drawing = {"output_type": "display_data", "metadata": {}, "data": ours._repr_mimebundle_()}
    ran["cells"][0]["outputs"].append(drawing)
    ran["cells"][0]["metadata"]["tags"] = ["figure"]
    run(open_study("one", start=tmp_path), render=workspace.render)
    kept = record.load(one).files
    assert kept["figures/paths.svg"] == b"<svg>2</svg>"
    assert kept["tables/figure-paths.csv"] == b"month,crimes\n2020-01,1.5\n"


def test_a_full_disk_is_a_failed_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = workspace.make(tmp_path)
    before = keep_old(one)

    def full(*args: Any, **more: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(
        running, "produce", lambda study, **more: type("P", (), {"files": {"a": b"1"}, "left_out": ()})()
    )
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(RunError, match="the disk is full"):
        run(open_study("one", start=tmp_path), render=workspace.render)
    assert workspace.tree(one) == before


def test_a_second_run_at_once_is_refused(tmp_path: Path) -> None:
    one = workspace.make(tmp_path)
    with (
        swap.locked(one, name="study one"),
        pytest.raises(RunError, match="another run of this study is under way"),
    ):
        run(open_study("one", start=tmp_path), render=workspace.render)


def test_a_report_that_fails_leaves_the_old_record(tmp_path: Path, ran: dict[str, Any]) -> None:
    one = workspace.make(tmp_path, LIGHT)
    before = keep_old(one)

    def broken(*args: Any) -> str:
        raise RecordError("no headline", where="report")

    with pytest.raises(RecordError):
        run(open_study("one", start=tmp_path), render=broken)
    assert workspace.tree(one) == before


@pytest.mark.notebook
def test_no_kernel_outlives_a_run(tmp_path: Path) -> None:
    workspace.make(tmp_path, {"pid": "import os\nprint(os.getpid())", "broken": "1 / 0"})
    program = (
        "import sys\nfrom pathlib import Path\nfrom whatworks.study import open_study, run\n"
        "try:\n    run(open_study('one', start=Path(sys.argv[1])), render=lambda *a: '')\n"
        "except Exception as problem:\n    print(problem)\n"
        "import subprocess\n"
        "print('CHILDREN', subprocess.run(['ps', '--ppid', str(__import__('os').getpid()), '-o', 'args='],"
        " capture_output=True, text=True).stdout.count('ipykernel'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "ZeroDivisionError: division by zero" in done.stdout
    assert "CHILDREN 0" in done.stdout


def test_tables_hold_texts_that_a_spreadsheet_will_not_run() -> None:
    table = pd.DataFrame({"area": ["=cmd|' /C calc'!A0", "Brent"], "x": [-1.5, 2.0]})
    result = workspace.plain_result().with_checks(CheckResult("One out", "pass", "ok", table))
    files = record.files({"cells": []}, result, {}, "", Asked("crimes", "lower", 10.0))
    assert files["tables/check-one-out.csv"].decode() == "area,x\n'=cmd|' /C calc'!A0,-1.5\nBrent,2.0\n"


_COLUMNS = ("term", "estimate", "std_error", "low", "high", "p_value", "n")

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from whatworks.errors import StudyError
from whatworks.study import open_study, places

ROOT = Path(__file__).parents[2]


def recorded() -> list[Any]:
    """The recorded notebooks; those on data outside the repository take longest and are marked slow."""
    found = []
    for path in sorted((ROOT / "studies").glob("*/record/notebook.ipynb")):
        text = (path.parents[1] / "parameters.yaml").read_text(encoding="utf-8")
        marks = [pytest.mark.slow] if "realdata:" in text else []
        found.append(pytest.param(path, id=path.parents[1].name, marks=marks))
    return found


@pytest.mark.notebook
@pytest.mark.parametrize("path", recorded())
def test_a_recorded_notebook_runs_under_nbval(path: Path, tmp_path: Path) -> None:
    study = open_study(path.parents[1].name, start=ROOT)
    for reference in study.parameters.applied["data"]:
        try:
            places.find(ROOT).expand(reference)
        except StudyError as problem:
            pytest.skip(str(problem))
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        str(tmp_path / "pytest.ini"),
    ]
    nbval = ["--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout", "300", str(path)]
    done = subprocess.run([*command, *nbval], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
    assert not list(path.parent.glob(".*")), "nothing is left beside the notebook"


def test_every_template_has_a_study() -> None:
    used = {open_study(folder.name, start=ROOT).template.name for folder in places.find(ROOT).studies()}
    assert used >= set(places.find(ROOT).templates())

"""`whatworks estimate did.compare`: one table of many answers."""

from __future__ import annotations

import json
from pathlib import Path

import study_workspace as workspace

from whatworks import Panel, did
from whatworks.data.tables import read_table

ROLES = {"unit": "area", "period": "month", "outcome": "crimes", "start": "start", "exposure": "people"}
GIVEN = [part for name, column in ROLES.items() for part in ("--role", f"{name}={column}")]


def test_every_answer_as_json_and_as_text(tmp_path: Path, whatworks: object) -> None:
    lines = workspace.counts().splitlines()
    table = [f"{lines[0]},people"] + [f"{line},{1000 + 10 * n % 70}" for n, line in enumerate(lines[1:])]
    path = str(workspace.put(tmp_path / "counts.csv", "\n".join(table) + "\n"))
    expected = did.compare(Panel.from_frame(read_table(path), **ROLES), per=1000.0, last=2)
    asked = ("estimate", "did.compare", path, *GIVEN, "--per", "1000", "--option", "last=2")
    status, out, err = whatworks(*asked, "--json")
    assert (status, err) == (0, "")
    assert out == expected.to_json()
    answers = {row["method"]: row for row in json.loads(out)["answers"]}
    assert "drawn by lot" in answers["did.staggered_rollout"]["estimate"]["not_available"]
    status, text, _ = whatworks(*asked)
    assert status == 0
    assert {"did.block", "did.poisson"} <= set(expected.results)
    for name, result in expected.results.items():
        assert name in text
        assert f"{result.headline.value:.4g}" in text
    assert "did.staggered_rollout does not apply. Nobody said" in text

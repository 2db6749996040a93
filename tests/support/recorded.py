"""A workspace with one study and its record, for whoever publishes one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import made_up_study as made
import study_workspace

from whatworks import present
from whatworks.publish import report
from whatworks.study import kept, record
from whatworks.study.closing import asked_by
from whatworks.study.hashing import text_hash
from whatworks.study.spec import load_study


def workspace(folder: Path, *cells: dict[str, Any], **changes: str) -> Path:
    """A workspace with one recorded study; `changes` replace files of its record."""
    home = study_workspace.make(folder)
    provenance = {**made.PROVENANCE, "study": {"slug": "one", "sha256": text_hash(home / "study.yaml")}}
    result = made.result()
    ended = made.code("ww.study.conclude(result)", made.concluded(result))
    drawn = made.code("ww.present.paths(panel)", made.shown(present.paths(made.panel(), subject="robbery")))
    notebook = kept.kept(made.notebook(made.markdown("Words"), drawn, *cells, ended)).notebook
    result = record.lift(notebook, where="one").result
    words = load_study(home, name="studies/one")
    page = report.render(notebook, result, words, provenance)
    for name, content in record.files(notebook, result, provenance, page, asked_by(words)).items():
        study_workspace.put(home / "record" / name, changes.get(name, content.decode("utf-8")))
    return home

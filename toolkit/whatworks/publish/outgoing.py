"""What of a record goes out: only what its notebook and its result give again, byte for byte."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from whatworks.errors import PublishError, first_few
from whatworks.publish.report import render

if TYPE_CHECKING:
    from whatworks.study.record import Record
    from whatworks.study.spec import StudySpec


def files(record: Record, said: StudySpec, *, where: str) -> dict[str, bytes]:
    """Every file of a record that may be published, by relative name, made again and held against the record.

    The notebook is held to the allow-list of `study.kept` once more; tables, figures and the report are made
    from it and from the result. A file that is not among them stays behind.

    Raises:
        PublishError: an output in the notebook that no presenter of ours made, or a file of the record that
            is not what the notebook and the result give.
        RecordError: a file that is missing or damaged.
    """
    from whatworks.study import kept
    from whatworks.study import record as records
    from whatworks.study.closing import asked_by

    notebook = record.json(records.NOTEBOOK)
    again = kept.kept(notebook)
    if again.left_out or again.notebook != notebook:
        what = first_few(again.left_out) or "an output holds more than its presenter put into it"
        raise PublishError(
            f"the recorded notebook shows what may not go out: {what}", where=where, remedy=_AGAIN
        )
    handed_over = records.lift(notebook, where=where)
    # a stored notebook has its keys sorted, result.json has them in their own order
    result = record.result
    report = render(notebook, result, said, record.provenance)
    made = records.files(notebook, result, record.provenance, report, asked_by(said))
    changed = [name for name, content in made.items() if record.files.get(name) != content]
    same = json.loads(result.to_json()) == json.loads(handed_over.result.to_json())
    if not same or handed_over.asked not in (None, asked_by(said)):
        changed = [records.RESULT, *changed]
    if changed:
        raise PublishError(
            f"the record holds other files than its notebook and its result give: {first_few(changed)}",
            where=where,
            remedy=f"Somebody changed them, or another version of whatworks made them. {_AGAIN}",
        )
    return made


_AGAIN = "Run the study again."

"""The reporting checklist of a trial: what its authors answer, and what is still open."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from whatworks.errors import StudyError, did_you_mean, first_few
from whatworks.publish.words import StudyWords
from whatworks.results import Result
from whatworks.shown import Table, words
from whatworks.study.said import reporting

OPEN: Final = "Open"
ANSWERED: Final = "Answered"
UNCONFIRMED: Final = "memory"
SOURCES: Final = {
    "cluster": "Campbell et al. (2012)",
    "crossover": "Dwan et al. (2019)",
    "stepped wedge": "Hemming et al. (2018)",
}
DESIGNS: Final = {"rct.crossover": "crossover", "rct.stepped_wedge": "stepped wedge"}


def checklist(folder: Path) -> Table:
    """Go through the checklist with a study folder that has a record; columns and rules as in `filled`.

    Raises:
        StudyError: a folder that is not a study, or a study that is no trial.
        RecordError: a study without a record, or a damaged one.
    """
    from whatworks.study import record, spec

    if not (folder / spec.STUDY_FILE).is_file():
        raise StudyError(
            "this folder is no study", where=str(folder.name), remedy=f"It has no {spec.STUDY_FILE}."
        )
    said = spec.load_study(folder, name=folder.name)
    kept = record.load(folder)
    return filled(kept.result, StudyWords.from_spec(folder.name, said), kept.provenance)


def is_trial(result: Result) -> bool:
    """Whether chance assigned, so that the checklist for randomised trials is owed."""
    return result.method.startswith("rct.")


def filled(result: Result, study: StudyWords, provenance: Mapping[str, Any]) -> Table:
    """Go through CONSORT 2025 and the extension that fits the design, item by item.

    An item is answered by the field of `study.yaml` that was written for it and by nothing else: no number,
    setting or check of the record stands in for an answer.

    Args:
        result: what the trial found; its method says which extension applies.
        study: the study's words.
        provenance: hashes, parameters and seeds, as `provenance.json` holds them; clusters are read there.

    Returns:
        One row an item: number, topic, what it asks, answered or open, and the answer or what is needed.
        Whether an answer is enough, a person says. Items of an extension keep the number of CONSORT 2010.

    Raises:
        StudyError: the study is no trial, or it answers items that its design is not asked.

    Source: Hopewell et al. (2025), PLOS Medicine 22(4):e1004587, table 1 (CC BY); items 27 to 30 by topic.
    Campbell et al. (2012), BMJ 345:e5661; Dwan et al. (2019), BMJ 366:l4378; Hemming et al. (2018), BMJ
    363:k1614: an item marked "from memory" was not held against its source.
    """
    if not is_trial(result):
        raise StudyError(
            "the checklist is for randomised trials, and chance assigned nothing here",
            where=f"study {study.slug}, {result.method}",
            remedy="Use it for studies on the templates for trials.",
        )
    kind = _kind(result, provenance)
    _refuse_other_items(study, kind)
    more = [item for item in reporting.extensions() if item["kind"] == kind]
    rows = tuple(_row(item, study) for item in (*reporting.items(), *more))
    done = sum(row[3] == ANSWERED for row in rows)
    extension = f", and its extension to {kind} trials, {SOURCES[kind]}" if kind else ""
    memory = " Marked [from memory]: not held against the source." if more else ""
    return Table(
        "checklist",
        f"Reporting checklist (CONSORT 2025{extension})",
        ("Item", "Topic", "What it asks", "State", "Answer, or what is needed"),
        rows,
        (False,) * 5,
        f"The authors answer {done} of {len(rows)} items; whether the answers are enough is for a reader to "
        f"say.{memory}",
    )


def refuse_answers(study: StudyWords) -> None:
    """Raise `StudyError` where a study that is no trial answers items of the checklist for trials."""
    if study.reporting:
        raise StudyError(
            f"it answers items of the checklist for trials ({first_few(study.reporting)}) and is no trial",
            where=f"study {study.slug}, key reporting",
            remedy="Take the key reporting out, or use a template for trials.",
        )


def _kind(result: Result, provenance: Mapping[str, Any]) -> str:
    """Which extension applies: by the analysis, else `cluster` where the study names clusters."""
    values = provenance.get("parameters", {}).get("values", {})
    return DESIGNS.get(result.method, "cluster" if values.get("cluster") else "")


def _refuse_other_items(study: StudyWords, kind: str) -> None:
    known = reporting.keys(kind)
    for name in study.reporting:
        if name not in known:
            raise StudyError(
                f"the item {name!r} is not asked of this design",
                where=f"study {study.slug}, key reporting.{name}",
                remedy=f"{did_you_mean(name, known)}Take it out: the design is "
                f"{f'a {kind} trial' if kind else 'a trial without clusters, in parallel arms'}.",
            )


def _row(item: Mapping[str, str], study: StudyWords) -> tuple[str, ...]:
    answer = _answer(item, study)
    asks = words.capital(item["asks"])
    number = f"{item['item']} {item.get('kind', '')}".strip()
    if item.get("known") == UNCONFIRMED:
        asks += " [from memory]"
    if not answer:
        return number, item["topic"], asks, OPEN, f"Needed: {item['needed']}."
    return number, item["topic"], asks, ANSWERED, words.sentence(answer)


def _answer(item: Mapping[str, str], study: StudyWords) -> str:
    """What the field of an item says; nothing where it is left out."""
    if item.get("field") == "registration":
        return study.registered if study.registration and study.registration.on else ""
    if item.get("field") == "deviations":
        return "" if study.deviations is None else study.deviated
    return study.reporting.get(reporting.key(item), "")

"""study.yaml and parameters.yaml, parsed once into frozen values; a slip names file, line and right form."""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from whatworks.errors import StudyError, did_you_mean
from whatworks.study import yaml_strict
from whatworks.study.said import reporting
from whatworks.study.said.facts import FORMS, SAID, Contact, DataSource, Dates, Registration, Said
from whatworks.study.template import Parameter, Template
from whatworks.study.yaml_strict import Document

STUDY_FILE = "study.yaml"
PARAMETERS_FILE = "parameters.yaml"


class Person(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody who answers for the study."""

    name: str
    role: str = ""


class Protocol(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was promised: the outcome that counts, the estimand, the hypothesis, the checks owed."""

    primary_outcome: str
    estimand: str
    hypothesis: str
    checks: tuple[str, ...] = ()


class ReportWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How the report speaks of the study.

    `better` is which way the outcome should move (`lower`, `higher`, `neither`) and `worthwhile` the smallest
    change that matters, in percent or in `unit`: every study states both, since its verdict hangs on them.
    `subject` is the outcome as it stands in a sentence, `unit` its unit in words where changes are better
    told in it than in percent, `limits` sentences the study adds to the limits.
    """

    better: Literal["lower", "higher", "neither"]
    worthwhile: Annotated[float, msgspec.Meta(gt=0)]
    subject: str = ""
    unit: str = ""
    limits: tuple[str, ...] = ()


class StudySpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What and why: the words of a study and the template it follows.

    `units` says whether the units of the data are places or people; the names of people stand in nothing
    that a study leaves behind. `synthetic` says that the data are made up, so that nobody takes the answer
    for evidence. `deviations` are the changes since the protocol: an empty list declares that there were
    none, and leaving it out declares nothing. `licence` is that of the report. `reporting` answers items of
    the checklist for trials by their keys (`whatworks.study.said.reporting.keys`).
    """

    version: int
    title: str
    question: str
    intervention: str
    template: str
    protocol: Protocol
    report: ReportWords
    synthetic: bool = False
    units: Literal["places", "people"] = "places"
    theory_of_change: str = ""
    people: tuple[Person, ...] = ()
    contact: Contact | None = None
    dates: Dates = Dates()
    sources: tuple[DataSource, ...] = ()
    registration: Registration | None = None
    deviations: tuple[Said, ...] | None = None
    licence: str = ""
    reporting: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Parameters:
    """How: the values given in parameters.yaml, and all values that apply once defaults are added."""

    given: Mapping[str, Any]
    applied: Mapping[str, Any]


def load_study(folder: Path, *, name: str) -> StudySpec:
    """Parse `study.yaml` of a folder; `name` is the study's name in messages.

    Raises `StudyError` for an unknown or missing key, a wrong type, a key that stands twice or a value that
    YAML reads in two ways, naming file, line, nearest right key and right form.
    """
    document = yaml_strict.read(folder / STUDY_FILE, name=f"{name}/{STUDY_FILE}")
    try:
        spec = msgspec.convert(document.data, StudySpec, strict=True)
    except msgspec.ValidationError as problem:
        raise _explain(document, str(problem)) from problem
    if spec.version != 1:
        raise StudyError(
            f"version is {spec.version}",
            where=document.where(("version",)),
            remedy="This whatworks reads version: 1.",
        )
    for path in (
        ("title",),
        ("question",),
        ("intervention",),
        ("template",),
        ("protocol", "primary_outcome"),
    ):
        value: Any = document.data
        for part in path:
            value = value[part]
        if not value.strip():
            raise StudyError("is blank", where=document.where(path), remedy="Say it in a sentence.")
    _refuse_unknown_items(spec, document)
    return spec


def _refuse_unknown_items(spec: StudySpec, document: Document) -> None:
    known = reporting.every_key()
    for name, answer in spec.reporting.items():
        if not answer.strip():
            what, remedy = FORMS[SAID]
            raise StudyError(what, where=document.where(("reporting", name)), remedy=remedy)
        if name not in known:
            raise StudyError(
                f"the checklist has no item {name!r}",
                where=document.where(("reporting", name)),
                remedy=f"{did_you_mean(name, known)}The items are {', '.join(reporting.keys())}; those of an "
                "extension begin with cluster_, crossover_ or stepped_wedge_.",
            )


def load_parameters(folder: Path, template: Template, *, name: str) -> Parameters:
    """Parse `parameters.yaml` and hold it against the template's own parameters, before any kernel starts.

    Raises `StudyError` for an unknown parameter, a wrong type, a number that is not finite, or a name that
    is no Python name.
    """
    document = yaml_strict.read(folder / PARAMETERS_FILE, name=f"{name}/{PARAMETERS_FILE}")
    given = {key: _checked(key, value, document, template) for key, value in document.data.items()}
    applied = {parameter.name: parameter.default for parameter in template.parameters} | given
    return Parameters(given, applied)


def write_study(spec: StudySpec) -> str:
    """A `study.yaml` that reads back as `spec`."""
    import yaml

    data = msgspec.to_builtins(spec)
    order = (
        "version",
        "title",
        "question",
        "intervention",
        "theory_of_change",
        "template",
        "synthetic",
        "units",
        "protocol",
        "people",
        "contact",
        "dates",
        "sources",
        "registration",
        "deviations",
        "licence",
        "report",
        "reporting",
    )
    said = {key: data[key] for key in order if data[key]}
    if spec.deviations == ():
        said["deviations"] = []  # none declared is more than nothing said
    return str(yaml.safe_dump(said, sort_keys=False, allow_unicode=True, width=100))


def _checked(key: str, value: Any, document: Document, template: Template) -> Any:
    known = {parameter.name: parameter for parameter in template.parameters}
    where = document.where((key,))
    if not key.isidentifier() or keyword.iskeyword(key):
        raise StudyError(
            f"{key!r} cannot name a parameter",
            where=where,
            remedy=f"The template {template.name} has {', '.join(known)}.",
        )
    if key not in known:
        raise StudyError(
            f"the template {template.name} has no parameter {key!r}",
            where=where,
            remedy=f"{did_you_mean(key, known)}It has {', '.join(known)}.",
        )
    _refuse_not_json(value, (key,), document)
    return _converted(value, known[key], document)


def _converted(value: Any, parameter: Parameter, document: Document) -> Any:
    try:
        return msgspec.convert(value, parameter.kind, strict=True)
    except msgspec.ValidationError as problem:
        message, path = _split(str(problem))
        # a number where a text is meant is nearly always a code or a month without quotes
        quote = f' Quote it: "{value}".' if parameter.kind_text == "str" and value is not None else ""
        raise StudyError(
            f"{parameter.name} is {_shown(value)}: {message}",
            where=document.where((parameter.name, *path)),
            remedy=f"{parameter.name} is {parameter.kind_words}"
            f"{', ' + parameter.comment if parameter.comment else ''}; for example "
            f"{parameter.name}: {_yaml_form(parameter.default)}.{quote}",
        ) from problem


def _refuse_not_json(value: Any, path: tuple[str | int, ...], document: Document) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise StudyError(
            f"{value} is not a finite number", where=document.where(path), remedy="Write a plain number."
        )
    if isinstance(value, Mapping):
        for key, item in value.items():
            _refuse_not_json(item, (*path, key), document)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            _refuse_not_json(item, (*path, i), document)


_STRUCTS: dict[str, type[msgspec.Struct]] = {
    "": StudySpec,
    "protocol": Protocol,
    "people": Person,
    "report": ReportWords,
    "contact": Contact,
    "dates": Dates,
    "sources": DataSource,
    "registration": Registration,
}


def _explain(document: Document, problem: str) -> StudyError:
    message, path = _split(problem)
    struct = _STRUCTS.get(str(path[0]) if path else "", StudySpec)
    fields = list(struct.__struct_fields__)
    unknown = re.search(r"unknown field `(.*)`", message)
    missing = re.search(r"missing required field `(.*)`", message)
    if unknown:
        key = unknown[1]
        return StudyError(
            f"unknown key {key!r}",
            where=document.where((*path, key)),
            remedy=f"{did_you_mean(key, fields)}The keys here are {', '.join(fields)}.",
        )
    if missing:
        near = did_you_mean(missing[1], [str(k) for k in document.data])
        return StudyError(
            f"the key {missing[1]!r} is missing",
            where=document.where(path),
            remedy=f"Write {missing[1]}: … {near}",
        )
    for pattern, (what, remedy) in FORMS.items():
        if "matching regex" in message and repr(pattern) in problem:
            return StudyError(what, where=document.where(path), remedy=remedy)
    return StudyError(
        message, where=document.where(path), remedy="Quote text that looks like something else."
    )


def _split(problem: str) -> tuple[str, tuple[str | int, ...]]:
    """msgspec's sentence and the path it names (`$.protocol.checks[0]`)."""
    message, _, tail = problem.partition(" - at `$")
    parts = re.findall(r"\.([^.\[\]`]+)|\[(\d+)\]", tail)
    words = message.replace("`", "").replace("Expected", "expected").replace("Object contains ", "")
    for code, word in (
        ("str", "text"),
        ("int", "a whole number"),
        ("float", "a number"),
        ("bool", "true or false"),
        ("array", "a list"),
        ("object", "a mapping"),
        ("null", "nothing"),
    ):
        words = re.sub(rf"\b{code}\b", word, words)
    original = message if "field" in message else words
    return original, tuple(name or int(number) for name, number in parts)


def _shown(value: Any) -> str:
    return "blank" if value is None else repr(value)


def _yaml_form(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)

"""A study folder as one frozen value: where it is, what it asks, how it is run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from whatworks.errors import StudyError, did_you_mean, first_few
from whatworks.study import places, spec, template
from whatworks.study.places import Workspace
from whatworks.study.spec import Parameters, StudySpec
from whatworks.study.template import Template

PLACEHOLDERS: Final = {
    "intervention": "Say what was done, where, by whom, from when.",
    "theory_of_change": "Say why it should work: what it changes, and how that reaches the outcome.",
    "hypothesis": "Say what you expect, and what would prove you wrong.",
    "people": "Your name",
}
"""Words of a new study that its author replaces; nothing is published while one of them stands."""


SYNTHETIC: Final = "data/synthetic/"
"""Where the embedded made-up data lie."""


@dataclass(frozen=True, slots=True)
class Study:
    """A study that is well formed: its words, its template and parameters that fit the template."""

    slug: str
    folder: Path
    workspace: Workspace
    spec: StudySpec
    template: Template
    parameters: Parameters


def open_study(reference: str, *, start: Path | None = None) -> Study:
    """Read a study by slug or path, from the workspace around `start` (or the current folder).

    Raises `StudyError` for whatever is not well formed, before anything runs.
    """
    workspace = places.find(start)
    folder = workspace.study(reference)
    name = workspace.relative(folder)
    words = spec.load_study(folder, name=name)
    notebook = template.read(
        workspace.template(words.template, where=f"{name}/{spec.STUDY_FILE}, key template")
    )
    parameters = spec.load_parameters(folder, notebook, name=name)
    _refuse_mismatch(words, parameters, name)
    _refuse_unsaid(words, parameters, name)
    return Study(folder.name, folder, workspace, words, notebook, parameters)


def new_study(template_name: str, slug: str, *, start: Path | None = None) -> Path:
    """Make a study from a template: `study.yaml` with the words to replace, `parameters.yaml` with defaults.

    Returns the folder. Raises `StudyError` for an unknown template, a bad slug, a study that exists.
    """
    workspace = places.find(start)
    notebook = template.read(workspace.template(template_name))
    folder = workspace.new_study(slug)
    words = StudySpec(
        version=1,
        title=slug.replace("-", " ").capitalize(),
        question="Did the intervention change the outcome, by how much, and how sure are we?",
        intervention=PLACEHOLDERS["intervention"],
        theory_of_change=PLACEHOLDERS["theory_of_change"],
        template=template_name,
        protocol=spec.Protocol(
            primary_outcome=str(_default(notebook, "outcome") or "outcome"),
            estimand="Average effect on the treated areas over the period after the start.",
            hypothesis=PLACEHOLDERS["hypothesis"],
        ),
        report=spec.ReportWords(better="lower", worthwhile=10.0),
        synthetic=True,
        people=(spec.Person(PLACEHOLDERS["people"], "author"),),
    )
    texts = {
        spec.STUDY_FILE: spec.write_study(words),
        spec.PARAMETERS_FILE: _parameters_text(notebook, workspace.relative(folder)),
    }
    folder.mkdir(parents=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    return folder


def _refuse_mismatch(words: StudySpec, parameters: Parameters, name: str) -> None:
    given = parameters.applied.get("study", name)
    if given != name:
        raise StudyError(
            f"the parameter study is {given!r}, but this study is {name!r}",
            where=f"{name}/{spec.PARAMETERS_FILE}, key study",
            remedy=f"Write study: {name}.",
        )
    outcome = parameters.applied.get("outcome", words.protocol.primary_outcome)
    if outcome != words.protocol.primary_outcome:
        raise StudyError(
            f"the protocol's primary outcome is {words.protocol.primary_outcome!r}, "
            f"but the run would estimate {outcome!r}",
            where=f"{name}/{spec.PARAMETERS_FILE}, key outcome",
            remedy=f"{did_you_mean(outcome, [words.protocol.primary_outcome])}"
            "Estimate what was promised; other outcomes are secondary.",
        )


def _refuse_unsaid(words: StudySpec, parameters: Parameters, name: str) -> None:
    """Refuse a study on the embedded made-up data that does not say so."""
    data = parameters.applied.get("data", [])
    made_up = [one for one in ([data] if isinstance(data, str) else data) if one.startswith(SYNTHETIC)]
    if made_up and not words.synthetic:
        raise StudyError(
            f"the data are made up ({first_few(made_up)}), and the study does not say so",
            where=f"{name}/{spec.STUDY_FILE}",
            remedy="Write synthetic: true, or name your own data in parameters.yaml.",
        )


def _default(notebook: Template, name: str) -> object:
    return next((p.default for p in notebook.parameters if p.name == name), None)


def _parameters_text(notebook: Template, study: str) -> str:
    import json

    lines = [f"# How the study is run: the parameters of the template {notebook.name}, one a line."]
    for parameter in notebook.parameters:
        value = study if parameter.name == "study" else parameter.default
        comment = f"  # {parameter.comment}" if parameter.comment else ""
        lines.append(f"{parameter.name}: {json.dumps(value, ensure_ascii=False)}{comment}")
    return "\n".join(lines) + "\n"

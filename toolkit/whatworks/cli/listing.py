"""`whatworks list`: the templates, and every study with what it found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whatworks.cli.lines import heading, wrapped
from whatworks.errors import WhatworksError

if TYPE_CHECKING:
    from whatworks.results import Estimate, NotAvailable, Result
    from whatworks.study.places import Workspace

_NUMBERS = ("value", "std_error", "low", "high", "level", "p_value")


def listed(workspace: Workspace) -> dict[str, Any]:
    """Names of templates; of each study its title, finding, estimand and numbers, or why there is none."""
    return {
        "templates": list(workspace.templates()),
        "studies": [_study(workspace, folder) for folder in workspace.studies()],
    }


def text(found: Mapping[str, Any]) -> list[str]:
    """The same in lines."""
    lines = [heading("Templates"), *(f"  {name}" for name in found["templates"]), heading("Studies")]
    for study in found["studies"]:
        slug = study["slug"]
        if "why" in study:
            lines += wrapped(f"{slug}: {study['why']}", first="  ", then="    ")
            continue
        head, unit = study["headline"], study["unit"]
        # a scale of points reads badly in percent, which is why the study names its unit
        percent = "" if unit else _in_percent(study["relative"])
        numbers = f"{_numbers(head)} {unit or head['scale']}"
        lines.append(f"  {slug}: {study['finding']}{percent}")
        lines += wrapped(f"{study['estimand']}: {numbers}", first="    ", then="    ")
    return lines


def _study(workspace: Workspace, folder: Path) -> dict[str, Any]:
    from whatworks.study import record, spec

    known: dict[str, Any] = {"slug": folder.name}
    try:
        words = spec.load_study(folder, name=workspace.relative(folder))
        known["title"] = words.title
        result = record.load(folder).result
        return {
            **known,
            "finding": _finding(result, words),
            "unit": words.report.unit,
            "method": result.method,
            "estimand": result.headline.estimand,
            "headline": _estimate(result.headline),
            "relative": _estimate(result.relative),
        }
    except WhatworksError as problem:
        return {**known, "why": problem.what}


def _finding(result: Result, words: Any) -> str:
    """The word that the ledger has for it, and whether the data are made up."""
    from whatworks.study.closing import asked_by
    from whatworks.verdict import judge

    found = judge(result, asked_by(words))
    return f"{found.word} (made-up data)" if found.made_up else found.word


def _estimate(found: Estimate | NotAvailable) -> dict[str, Any]:
    from whatworks.result_json import plain
    from whatworks.results import NotAvailable

    if isinstance(found, NotAvailable):
        return {"not_available": found.reason}
    numbers = {name: plain(getattr(found, name)) for name in _NUMBERS}
    return {**numbers, "scale": found.scale}


def _in_percent(relative: Mapping[str, Any]) -> str:
    value, low, high = (relative.get(name) for name in ("value", "low", "high"))
    if not isinstance(value, float):
        return ""
    if not isinstance(low, float) or not isinstance(high, float):
        return f", {value:+.1f}%"
    return f", {value:+.1f}% ({low:+.1f}% to {high:+.1f}%)"


def _numbers(head: Mapping[str, Any]) -> str:
    value, low, high = (_short(head[name]) for name in ("value", "low", "high"))
    return f"{value} ({low} to {high})" if low and high else value or "no number"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else ""

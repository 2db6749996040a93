"""Where and when studies are published, as `whatworks.toml` gives it: what no study.yaml could know."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from whatworks.errors import StudyError, did_you_mean
from whatworks.study.said.facts import FORMS, Address, Contact, Day

_WHERE: Final = "whatworks.toml, [publication]"


class Edition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """When a study's report was published, and the commit of the repository that holds its record."""

    on: Day | None = None
    commit: str = ""


class Publication(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The site: its address, the repository behind it, and what holds where a study says nothing else.

    `on` is the day of this edition of the site. A record cannot hold the commit it will be part of, so a
    study's commit and day stand under `studies`, by the name of its folder.
    """

    address: Address | None = None
    repository: Address | None = None
    commit: str = ""
    on: Day | None = None
    licence: str = ""
    contact: Contact | None = None
    studies: dict[str, Edition] = {}

    def edition(self, slug: str) -> Edition:
        """Day and commit of a study: its own where they are given, else those of the site."""
        own = self.studies.get(slug, Edition())
        return Edition(own.on or self.on, own.commit or self.commit)


def read(data: Any) -> Publication:
    """The table `[publication]` of whatworks.toml; raises `StudyError` naming the key and the right form."""
    try:
        return msgspec.convert(_days(data), Publication, strict=True)
    except msgspec.ValidationError as problem:
        raise _explained(str(problem)) from problem


def _days(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {key: _days(value) for key, value in data.items()}
    return data.isoformat() if isinstance(data, datetime.date) else data


def _explained(problem: str) -> StudyError:
    message, _, tail = problem.partition(" - at `$")
    where = f"{_WHERE}{f', key {key}' if (key := tail.strip('.`')) else ''}"
    unknown = re.search(r"unknown field `(.*)`", message)
    if unknown:
        known = Edition if key.startswith("studies") else Contact if key == "contact" else Publication
        fields = known.__struct_fields__
        remedy = f"{did_you_mean(unknown[1], fields)}The keys here are {', '.join(fields)}."
        return StudyError(f"unknown key {unknown[1]!r}", where=where, remedy=remedy)
    for pattern, (what, remedy) in FORMS.items():
        if "matching regex" in message and repr(pattern) in problem:
            return StudyError(what, where=where, remedy=remedy)
    return StudyError(message.replace("`", ""), where=where, remedy='Write texts in quotes: address = "…".')

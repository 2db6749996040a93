"""Dates, addresses and promises of a study, as `study.yaml` gives them; no clock is ever asked."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

DAY, ADDRESS = r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$", r"^https?://[^\s<>\"\\]+$"
EMAIL, SAID = r"^[^@\s<>\"]+@[^@\s<>\"]+$", r"\S"

Day = Annotated[str, msgspec.Meta(pattern=DAY)]
Address = Annotated[str, msgspec.Meta(pattern=ADDRESS)]
Email = Annotated[str, msgspec.Meta(pattern=EMAIL)]
Said = Annotated[str, msgspec.Meta(pattern=SAID)]


class Dates(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Days as `"2026-11-30"`: `data`, when the data were drawn, and `run`, when the study was run."""

    data: Day | None = None
    run: Day | None = None


class Contact(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Whom a reader asks."""

    name: Said
    email: Email | None = None


class DataSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where data came from: in words, with the address and the licence where they have one."""

    name: Said
    address: Address | None = None
    licence: str = ""


class Registration(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where the protocol was registered, with its number; on which day, and where it can be read."""

    where: Said
    on: Day | None = None
    address: Address | None = None


FORMS: Final = {
    DAY: ("is no day", 'Write it as a year, a month and a day in quotes: "2026-11-30".'),
    ADDRESS: ("is no address of a page", "Write it whole, as a browser shows it: https://…"),
    EMAIL: ("is no address of a mailbox", "Write it as name@place."),
    SAID: ("is blank", "Say it in a sentence, or leave the key out."),
}
"""What is wrong with a text that is not of its form, and the right form."""

"""Settings of an inference object written as text: `correction=stata,kind=CR1`."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args, get_origin, get_type_hints

from whatworks.errors import OptionError, choose, did_you_mean

__all__ = ["apply"]


def apply(chosen: Any, name: str, text: str) -> Any:
    """The inference object with the settings in `text`, `NAME=VALUE` separated by commas.

    Args:
        chosen: the object; its own checks judge the values.
        name: the word that named it, for messages.
        text: the settings; the object comes back as it is without any.

    Raises:
        OptionError: a part that is not NAME=VALUE, a name given twice or unknown, a value out of range.
    """
    hints = get_type_hints(type(chosen))
    fields = [field.name for field in dataclasses.fields(chosen)]
    given: dict[str, Any] = {}
    for part in (part.strip() for part in text.split(",") if part.strip()):
        key, sign, value = (piece.strip() for piece in part.partition("="))
        if not sign or key in given:
            raise OptionError(
                f"{part!r} is not NAME=VALUE" if not sign else f"{key!r} is given twice",
                where=f"inference {name}",
                remedy=f"Write each setting once, as in {name}:{fields[0] if fields else 'name'}=value.",
            )
        if key not in fields:
            raise OptionError(
                f"inference {name} has no setting {key!r}",
                where=f"inference {name}",
                remedy=f"{did_you_mean(key, fields)}It has {', '.join(fields) or 'none'}.",
            )
        given[key] = _read(hints[key], value, f"inference {name}, {key}")
    return dataclasses.replace(chosen, **given) if given else chosen


def _read(hint: Any, value: str, where: str) -> object:
    """The value as the type of its field; words are left to the object's own checks."""
    kinds = (hint, *get_args(hint))
    if any(get_origin(kind) is tuple for kind in kinds):
        raise OptionError("cannot be given as text", where=where, remedy="Give the object in Python.")
    if bool in kinds:
        choose("value", value.lower(), ("true", "false"), where=where)
        return value.lower() == "true"
    number = int if int in kinds else float if float in kinds else None
    if number is None:
        return value
    if type(None) in kinds and value.lower() in ("", "none"):
        return None
    try:
        return number(value)
    except ValueError as problem:
        kind = "whole number" if number is int else "number"
        raise OptionError(
            f"{value!r} is not a {kind}", where=where, remedy="Write it in digits."
        ) from problem

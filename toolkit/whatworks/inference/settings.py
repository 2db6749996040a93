"""Values written as text: `correction=stata,kind=CR1` for an object, `by=ward+band` for a list of words."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Sequence
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from whatworks.errors import OptionError, did_you_mean

__all__ = ["apply", "in_words", "read", "settings"]

_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_SINGULAR = {bool: "true or false", int: "a whole number", float: "a number", str: "a word", Any: "a word"}
_PLURAL = {int: "whole numbers", float: "numbers"}


def apply(chosen: Any, name: str, text: str) -> Any:
    """The inference object with the settings in `text`, `NAME=VALUE` separated by commas.

    Args:
        chosen: the object; its own checks judge the values.
        name: the word that named it, for messages.
        text: the settings; the object comes back as it is without any.

    Raises:
        OptionError: a part that is not NAME=VALUE, a name given twice or unknown, a value out of range.
    """
    given = settings(type(chosen), f"inference {name}", text, between="")
    return dataclasses.replace(chosen, **given) if given else chosen


def settings(kind: type, where: str, text: str, *, between: str = "+") -> dict[str, Any]:
    """The fields of a dataclass that `text` gives, `NAME=VALUE` separated by commas.

    `where` names what is being set, for messages; `between` stands between the items of a list, "" where
    lists cannot be given. Raises `OptionError` for a part that is not NAME=VALUE, a name given twice or that
    the class does not have, or a value of another type.
    """
    hints = get_type_hints(kind)
    fields = [field.name for field in dataclasses.fields(kind)]
    given: dict[str, Any] = {}
    for part in (part.strip() for part in text.split(",") if part.strip()):
        key, sign, value = (piece.strip() for piece in part.partition("="))
        if not sign or key in given:
            raise OptionError(
                f"{part!r} is not NAME=VALUE" if not sign else f"{key!r} is given twice",
                where=where,
                remedy=f"Write each setting once, as in {fields[0] if fields else 'name'}=value.",
            )
        if key not in fields:
            raise OptionError(
                f"{where} has no setting {key!r}",
                where=where,
                remedy=f"{did_you_mean(key, fields)}It has {', '.join(fields) or 'none'}.",
            )
        given[key] = read(hints[key], value, f"{where}, {key}", between=between)
    return given


def read(hint: Any, value: str, where: str, *, between: str = ",") -> Any:
    """The value as the type that a hint asks for; words are left to the checks of whoever asked.

    Args:
        hint: a type: text, number, truth, a list or tuple of these, or one of several with `None`, which the
            words `none` and nothing stand for.
        value: the text.
        where: what the value is for, for messages.
        between: what stands between the items of a list; "" where lists cannot be given.

    Raises:
        OptionError: a text that is no value of the type, or a type that cannot be written as text.
    """
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        if type(None) in parts and value.strip().lower() in ("", "none"):
            return None
        kinds = [part for part in parts if part is not type(None)]
        words = [word for kind in kinds if get_origin(kind) is Literal for word in get_args(kind)]
        if value in words:
            return value
        numbers = [kind for kind in kinds if kind in (int, float)]
        if words and numbers:
            return _number_or_word(numbers[0], words, value, where)
        lists = [kind for kind in kinds if get_origin(kind) in (tuple, Sequence)]
        # one word is a list only where nothing else is asked for
        asked = lists if lists and between and between in value else kinds
        return read(asked[0], value, where, between=between)
    if origin in (tuple, Sequence) and between:
        return _several(parts, value, where, between)
    if origin is Literal or hint is str or hint is Any:
        return value
    if hint is bool:
        return _truth(value, where)
    if hint in (int, float):
        return _number(hint, value, where)
    raise OptionError(
        "cannot be given as text", where=where, remedy="Give the object in Python, or in a study."
    )


def in_words(hint: Any, *, between: str = ",") -> str:
    """What `read` takes for a type, in words (`never or not_yet`, `a whole number`); "" for nothing."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        kinds = [in_words(part, between=between) for part in parts if part is not type(None)]
        return " or ".join(dict.fromkeys(kind for kind in kinds if kind))
    if origin is Literal:
        return _either([str(part) for part in parts])
    if origin in (tuple, Sequence) and between:
        fixed = len(parts) > 1 and parts[1] is not ...
        if fixed:
            return f"{len(parts)} {_PLURAL.get(parts[0], 'words')} with {between!r} between"
        return f"words with {between!r} between"
    return _SINGULAR.get(hint, "")


def _either(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def _truth(value: str, where: str) -> bool:
    found = _TRUTH.get(value.strip().lower())
    if found is None:
        raise OptionError(f"{value!r} is neither true nor false", where=where, remedy="Write true or false.")
    return found


def _several(parts: tuple[Any, ...], value: str, where: str, between: str) -> tuple[Any, ...]:
    items = [part.strip() for part in value.split(between) if part.strip()]
    fixed = len(parts) > 1 and parts[1] is not ...
    if fixed and len(parts) != len(items):
        raise OptionError(f"{value!r} has {len(items)} parts", where=where, remedy=f"Give {len(parts)}.")
    kinds = list(parts) if fixed else [parts[0]] * len(items)
    return tuple(read(kind, item, where) for kind, item in zip(kinds, items, strict=True))


def _number_or_word(hint: type, words: list[str], value: str, where: str) -> Any:
    try:
        return hint(value)
    except ValueError as problem:
        raise OptionError(
            f"{value!r} is neither a number nor a choice",
            where=where,
            remedy=f"{did_you_mean(value, words)}Write a number in digits, or {' or '.join(words)}.",
        ) from problem


def _number(hint: type, value: str, where: str) -> Any:
    try:
        return hint(value)
    except ValueError as problem:
        kind = "whole number" if hint is int else "number"
        raise OptionError(
            f"{value!r} is not a {kind}", where=where, remedy="Write it in digits."
        ) from problem

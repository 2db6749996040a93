"""A verification on the terminal: what differs going in, what moved with it, then the fields themselves."""

from __future__ import annotations

import ast
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from whatworks.cli.lines import wrapped

if TYPE_CHECKING:
    from whatworks.study.verifying import Field, Verification

MOST = 20
"""How many fields are listed before the rest is counted."""

_INPUTS = (
    ("data", re.compile(r"data ")),
    ("parameters", re.compile(r"parameters\b")),
    ("study.yaml", re.compile(r"study\.yaml$")),
    ("template", re.compile(r"template\b")),
    ("library code", re.compile(r"library code\b")),
    ("environment", re.compile(r"environment\b")),
    ("versions", re.compile(r"versions\.")),
)
_HEADLINE = "result.headline."
_ROOM = "library code of "
_ROOMS = 3
_HASH = re.compile(r"[0-9a-f]{32,}")
_LONG = 60
_BEFORE = 20
"""How many characters before the difference stand with it, where two long texts begin alike."""
_DIGITS = 4


def text(found: Verification, *, every: bool) -> list[str]:
    """Lines: the verdict, the summary where something differs, the notes, and fields.

    Those that do not match, at most twenty; all of them, matching ones too, where `every` field is asked for.
    """
    parted = found.parted()
    matching = len(found.fields) - len(parted)
    lines = [f"{found.study}: {_verdict(found)} ({matching} of {len(found.fields)} fields match)"]
    for note in found.notes:
        lines += wrapped(f"note: {note}", first="  ", then="    ")
    for sentence in summary(found):
        lines += wrapped(sentence, first="  ", then="    ")
    listed = found.fields if every else parted[:MOST]
    for field in listed:
        lines.append(_line(field, last=field is parted[-1] if parted else False, every=every))
    rest = 0 if every else len(parted) - len(listed)
    if rest:
        lines.append(f"  and {rest} more that do not match; --fields lists every one, --json every digit")
    return lines


def summary(found: Verification) -> list[str]:
    """Why the study does not match, in sentences: what differs going in, the headline, what else moved."""
    drifted = [field for field in found.fields if field.verdict == "drift"]
    if not drifted:
        return []
    sentences = [_cause(found, drifted)]
    ran = any(field.name.startswith("result.") for field in found.fields)
    return [*sentences, *_headline(found), *_checks(drifted), _moved(drifted)] if ran else sentences


def as_json(found: Verification) -> dict[str, Any]:
    """The verdict on every field with all its digits, and the summary."""
    return {
        "study": found.study,
        "match": found.ok,
        "notes": list(found.notes),
        "summary": summary(found),
        "fields": [
            {
                "name": field.name,
                "verdict": field.verdict,
                "recorded": field.recorded,
                "found": field.found,
                "why": field.why,
            }
            for field in found.fields
        ],
    }


def pair(then: str, now: str) -> tuple[str, str]:
    """Two values, short: numbers with as few digits as tell them apart, hashes and texts cut."""
    first, second = _number(then), _number(now)
    if first is None or second is None:
        return _texts(then, now)
    if first == second or math.isnan(first) or math.isnan(second):
        return _digits(first, _DIGITS), _digits(second, _DIGITS)
    for digits in range(_DIGITS, 18):
        shown = _digits(first, digits), _digits(second, digits)
        if shown[0] != shown[1]:
            return shown
    return then, now


def _verdict(found: Verification) -> str:
    if found.ok:
        return "everything matches"
    stopped = [field for field in found.fields if field.verdict == "cannot re-run"]
    if stopped:
        return "cannot be re-run"
    number = len(found.parted())
    return f"{number} fields do not match" if number > 1 else "1 field does not match"


def _cause(found: Verification, drifted: Sequence[Field]) -> str:
    inputs = [(name, field) for field in drifted for name, pattern in _INPUTS if pattern.match(field.name)]
    if not inputs:
        where = "on this platform" if found.notes else "twice"
        return (
            "Cause: no input differs. The record was changed after its run, or the run does not give the "
            f"same {where}."
        )
    kinds = Counter(name for name, _ in inputs)
    named = dict.fromkeys(name for name, _ in _INPUTS if name in kinds)
    parts = [_differs(name, [field for kind, field in inputs if kind == name]) for name in named]
    same = [name for name, pattern in _INPUTS if name not in kinds and _compared(found, pattern)]
    return f"Cause: {'; '.join(parts)}." + (f" The same: {', '.join(same)}." if same else "")


def _differs(name: str, fields: Sequence[Field]) -> str:
    first = fields[0]
    if name == "library code":
        return _code(fields)
    if len(fields) > 3:
        more = ", ".join(_part(field.name) for field in fields[:3])
        return f"{len(fields)} parts of {name} differ ({more}, …)"
    if name == "parameters":
        return "; ".join(f"parameter {_part(field.name)} {_arrow(field)}" for field in fields)
    if name == "environment":
        return "other versions of packages (the environment's lock)"
    if name == "versions":
        return f"the record's own word on versions ({', '.join(_part(field.name) for field in fields)})"
    if len(fields) == 1 and first.name == name:
        return f"{name} is not the one that was run"
    return "; ".join(f"{field.name} {_gone(field)}" for field in fields)


def _code(fields: Sequence[Field]) -> str:
    """That the library is another one, and the rooms whose code is, where the record knows them."""
    rooms = [field.name.removeprefix(_ROOM) for field in fields if field.name.startswith(_ROOM)]
    more = f" and {len(rooms) - _ROOMS} more" if len(rooms) > _ROOMS else ""
    named = f" in {', '.join(rooms[:_ROOMS])}{more}" if rooms else ""
    return f"other code of the library{named} (CHANGELOG.md says which numbers changed)"


def _gone(field: Field) -> str:
    if field.found == "(absent)":
        return "is gone"
    return "is new" if field.recorded == "(absent)" else "was changed"


def _headline(found: Verification) -> Iterator[str]:
    fields = {
        field.name.removeprefix(_HEADLINE): field
        for field in found.fields
        if field.name.startswith(_HEADLINE)
    }
    if not all(name in fields for name in ("value", "low", "high")):
        moved = [name for name, field in fields.items() if field.verdict == "drift"]
        if moved:
            yield f"Headline: {', '.join(moved)} not the same."
        return
    value, low, high = (_both(fields[name]) for name in ("value", "low", "high"))
    if all(fields[name].verdict == "match" for name in ("value", "low", "high")):
        yield f"Headline: unmoved, {value[0]} ({low[0]} to {high[0]})."
        return
    yield (
        f"Headline: {value[0]} ({low[0]} to {high[0]}) then, {value[1]} ({low[1]} to {high[1]}) now"
        f"{_scale(fields.get('scale'))}."
    )


def _both(field: Field) -> tuple[str, str]:
    """Then and now; what matches is told alike, whatever its last digits."""
    return pair(field.recorded, field.recorded if field.verdict == "match" else field.found)


def _scale(field: Field | None) -> str:
    return f", {_plain(field.found)}" if field is not None and field.verdict == "match" else ""


def _checks(drifted: Sequence[Field]) -> Iterator[str]:
    """Checks that say something else now: of all that can move, what a reader acts on."""
    moved = [field for field in drifted if re.fullmatch(r"result\.checks\[.+\]\.verdict", field.name)]
    if moved:
        told = [f"{field.name[len('result.checks[') : -len('].verdict')]} {_arrow(field)}" for field in moved]
        yield f"Checks: {', '.join(told[:3])}{f' and {len(told) - 3} more' if len(told) > 3 else ''}."


def _moved(drifted: Sequence[Field]) -> str:
    result = [field for field in drifted if field.name.startswith("result.")]
    files = [field for field in drifted if field.name.startswith("record/")]
    source = [field for field in drifted if field.name.startswith("provenance.")]
    if not result and not files and not source:
        return "Moved: nothing; every number and every file of the record is the same."
    numbers = sum(_number(field.recorded) is not None for field in result)
    counted = [
        (numbers, "number of the result", "numbers of the result"),
        (len(result) - numbers, "text of the result", "texts of the result"),
        (len(files), "file of the record", "files of the record"),
        (len(source), "word on where it came from", "words on where it came from"),
    ]
    return f"Moved: {', '.join(f'{n} {one if n == 1 else many}' for n, one, many in counted if n)}."


def _line(field: Field, *, last: bool, every: bool) -> str:
    if field.verdict == "match":
        return f"  match  {field.name}"
    if field.verdict == "drift":
        if field.why and not field.recorded and not field.found:
            return f"  drift  {field.name}: {field.why}"
        then, now = pair(field.recorded, field.found)
        reason = f" ({field.why})" if field.why else ""
        return f"  drift  {field.name}: recorded {then}, now {now}{reason}"
    # several fields may fail for one reason; what to do about it is said once, at the end
    why = field.why if last else field.why.partition("\n")[0]
    return f"  cannot re-run  {field.name}: because {why}"


def _compared(found: Verification, pattern: re.Pattern[str]) -> bool:
    return any(pattern.match(field.name) for field in found.fields)


def _arrow(field: Field) -> str:
    then, now = pair(field.recorded, field.found)
    return f"{then} → {now}"


def _part(name: str) -> str:
    return re.sub(r"^(parameters\.|template cell |data |versions\.)", "", name)


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _digits(value: float, digits: int) -> str:
    whole = value.is_integer() and abs(value) < 1e15
    return f"{value:.0f}" if whole else f"{value:.{digits}g}"


def _plain(value: str) -> str:
    """A text without the quotes and escapes that it is compared with."""
    try:
        found = ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return value
    return found if isinstance(found, str) else value


def _texts(then: str, now: str) -> tuple[str, str]:
    """Two texts on a line, each cut to what fits, from just before they part."""
    words = [
        _HASH.sub(lambda found: f"{found[0][:8]}…", " ".join(_plain(text).split())) for text in (then, now)
    ]
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(*words, strict=False)))
    start = words[0].rfind(" ", 0, same - _BEFORE) + 1 if same > _LONG - _BEFORE else 0
    first, second = (f"{'…' if start else ''}{text[start:]}" for text in words)
    return _cut(first), _cut(second)


def _cut(line: str) -> str:
    return line if len(line) <= _LONG else f"{line[: _LONG - 1]}…"

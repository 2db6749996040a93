"""One data.police.uk file into counts by force, month, LSOA and label, with what was found on the way."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from whatworks.arrays import Ints
from whatworks.data.police_uk.files import Kind, Member, load
from whatworks.data.police_uk.rows import Coded, Columns, read_columns
from whatworks.data.police_uk.words import BLANK_OUTCOME, CRIME_ERAS, era_of, force_slug, labels_of
from whatworks.errors import SourceError, did_you_mean, first_few

_MONTH: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_PLACE: Final = re.compile(r"[EWNS]\d{8}|95\w{2,8}")
_PLACES: Final = re.compile(rf"(?:(?:{_PLACE.pattern})?\n)*")
_LABEL: Final[dict[Kind, str]] = {
    "street": "Crime type",
    "outcomes": "Outcome type",
    "stop-and-search": "Outcome",
}
#: Above this many possible cells the block is counted by sorting instead of in place.
_DENSE: Final = 1 << 22
_ID_LENGTH: Final = 64
_NOT_A_MONTH: Final = "not a month"


@dataclass(frozen=True, slots=True)
class Scan:
    """The counts of one file: `counts` rows in each of the `cells`, positions (sorted) in the block
    forces × months × places × labels. A place is an LSOA code, blank when none is given; `names` go with
    them.

    `rows` counts the data rows, `duplicates` those left out because their Crime ID stands earlier in the same
    month, `without_id` those that have none. `sha256` is of the bytes as stored, `content` of the text.
    """

    shown: str
    sha256: str
    content: str
    rows: int
    forces: tuple[str, ...]
    months: tuple[str, ...]
    places: tuple[str, ...]
    names: tuple[str, ...]
    labels: tuple[str, ...]
    cells: Ints
    counts: npt.NDArray[np.int32]
    duplicates: int
    example: str
    without_id: int
    notes: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Sizes of the block: forces, months, places, labels."""
        return len(self.forces), len(self.months), len(self.places), len(self.labels)


def scan(member: Member, kind: Kind) -> Scan:
    """Read one file whole, check every row, and count.

    Raises `SourceError` naming file, line and what was expected for anything that is not a data.police.uk
    file of this kind, and for rows whose month or force is not the one in the file's name.
    """
    raw, stored, content = load(member)
    columns = read_columns(raw, member.shown, kind)
    del raw
    force = _forces(columns, member)
    month = _months(columns, member, kind)
    label = columns.coded[_LABEL[kind]]
    if kind == "street":
        _refuse_blank(columns, "Crime type")
        _refuse_unknown_type(columns, month)
        place, names, notes = _places(columns)
    else:
        label = Coded(label.codes, tuple(item or BLANK_OUTCOME for item in label.labels))
        place, names, notes = Coded(np.zeros(columns.rows, dtype=np.int32), ("",)), ("",), ()
    repeated, without = _repeated(columns, month, force) if kind == "street" else (_NONE, 0)
    cells, counts = _count((force, month, place, label), repeated)
    return Scan(
        member.shown,
        stored,
        content,
        columns.rows,
        force.labels,
        month.labels,
        place.labels,
        names,
        label.labels,
        cells,
        counts,
        len(repeated),
        f"line {int(repeated[0]) + 2} of {member.shown}" if len(repeated) else "",
        without,
        (*columns.notes, *notes),
    )


_NONE: Final[Ints] = np.zeros(0, dtype=np.int64)


def _forces(columns: Columns, member: Member) -> Coded:
    reported = columns.coded.get("Reported by")
    if reported is None:
        if member.force is None:
            raise SourceError(
                "no column says which force this is, and the name of the file does not either",
                where=columns.shown,
                remedy="Name the file YYYY-MM-force-stop-and-search.csv, as data.police.uk does.",
            )
        return Coded(np.zeros(columns.rows, dtype=np.int32), (member.force,))
    _refuse_blank(columns, "Reported by")
    slugs = [force_slug(name) for name in reported.labels]
    if member.force is not None:
        for code, slug in enumerate(slugs):
            if slug != member.force:
                raise SourceError(
                    f"reported by {reported.labels[code]!r}, while the file is named for {member.force!r}",
                    where=columns.where(reported.first(code)),
                    remedy="Give the file its own name back, or fetch it again.",
                )
        return Coded(np.zeros(columns.rows, dtype=np.int32), (member.force,))
    return _merged(reported, slugs)


def _months(columns: Columns, member: Member, kind: Kind) -> Coded:
    month = _local_months(columns) if kind == "stop-and-search" else columns.coded["Month"]
    wrong = [
        code
        for code, text in enumerate(month.labels)
        if (text != member.month if member.month else not _MONTH.fullmatch(text))
    ]
    if wrong:
        rows = np.isin(month.codes, wrong)
        expected = f"{member.month}, as in the file's name" if member.month else "a month such as 2019-04"
        found = first_few(repr(month.labels[code]) for code in wrong)
        raise SourceError(
            f"{int(rows.sum()):,} of {columns.rows:,} rows have the month {found}, expected {expected}",
            where=columns.where(int(np.argmax(rows))),
            remedy="Give the file the name of its month, or fetch it again.",
        )
    return Coded(month.codes, (member.month,)) if member.month else month


def _local_months(columns: Columns) -> Coded:
    import pandas as pd

    # the archive cuts months on London time but writes the instant in UTC
    dates = columns.coded["Date"]
    instants = pd.to_datetime(
        pd.Series(dates.labels, dtype="str"), format="ISO8601", utc=True, errors="coerce"
    )
    local = instants.dt.tz_convert("Europe/London").dt.strftime("%Y-%m")
    months = local.fillna(_NOT_A_MONTH).tolist()
    bad = [code for code, text in enumerate(months) if text == _NOT_A_MONTH]
    if bad:
        raise SourceError(
            f"{dates.labels[bad[0]]!r} is not a date, expected 2019-04-01T00:05:00+00:00",
            where=columns.where(dates.first(bad[0])),
            remedy="Fetch the file again; a spreadsheet may have rewritten its dates.",
        )
    return _merged(dates, months)


def _places(columns: Columns) -> tuple[Coded, tuple[str, ...], tuple[str, ...]]:
    place, name = columns.coded["LSOA code"], columns.coded["LSOA name"]
    _refuse_malformed(columns, place)
    blank = name.labels.index("") if "" in name.labels else -1
    name_at = np.full(len(place.labels), blank, dtype=np.int32)
    name_at[place.codes] = name.codes
    odd = name_at[place.codes] != name.codes
    if odd.any():
        # some code stands with two names, or with and without one: a blank never counts
        given = name.codes != blank
        name_at[place.codes[given]] = name.codes[given]
        odd = given & (name_at[place.codes] != name.codes)
    names = tuple(
        name.labels[at] if at >= 0 and code else ""
        for at, code in zip(name_at.tolist(), place.labels, strict=True)
    )
    notes: tuple[str, ...] = ()
    if odd.any():
        row = int(np.argmax(odd))
        notes = (f"an LSOA code stands with two names; the code was used ({columns.where(row)})",)
    return place, names, notes


def _refuse_malformed(columns: Columns, place: Coded) -> None:
    if _PLACES.fullmatch("".join(f"{text}\n" for text in place.labels)):
        return
    for code, text in enumerate(place.labels):
        if text and not _PLACE.fullmatch(text):
            raise SourceError(
                f"{text!r} is not an LSOA code, expected E01 or W01 and six digits",
                where=columns.where(place.first(code)),
                remedy="Fetch the file again; its columns may have been shifted.",
            )


def _refuse_unknown_type(columns: Columns, month: Coded) -> None:
    """Refuse a crime type that did not exist in the row's month: a zero or a count of it would mislead."""
    kind = columns.coded["Crime type"]
    for at, text in enumerate(month.labels):
        here = kind.codes if len(month.labels) == 1 else kind.codes[month.codes == at]
        known = era_of(text, CRIME_ERAS).meanings
        for code in np.flatnonzero(np.bincount(here)).tolist():
            label = kind.labels[code]
            if label in known:
                continue
            rows = (month.codes == at) & (kind.codes == code)
            other = label in labels_of(CRIME_ERAS)
            raise SourceError(
                f"{label!r} was not a crime type in {text}" if other else f"{label!r} is not a crime type",
                where=columns.where(int(np.argmax(rows))),
                remedy=f"{did_you_mean(label, known)}Expected {', '.join(known)}.",
            )


def _repeated(columns: Columns, month: Coded, force: Coded) -> tuple[Ints, int]:
    """The rows (sorted) whose Crime ID stands earlier in the same month, and how many rows have none."""
    ids = columns.ids
    lengths = np.concatenate([_NONE, *(np.diff(_offsets(chunk)) for chunk in ids.chunks)])
    given = np.flatnonzero(lengths)
    if not len(given):
        return _NONE, len(ids)
    suspects = given
    if (lengths[given] == _ID_LENGTH).all():
        suspects = given[_not_unique(np.concatenate([_fingerprints(chunk) for chunk in ids.chunks]))]
    seen: set[tuple[object, int, int]] = set()
    repeated = []
    for row in suspects.tolist():
        key = (ids[row].as_py(), int(month.codes[row]), int(force.codes[row]))
        if key in seen:
            repeated.append(row)
        seen.add(key)
    return np.array(repeated, dtype=np.int64), len(ids) - len(given)


def _offsets(chunk: Any) -> npt.NDArray[np.int32]:
    return np.frombuffer(chunk.buffers()[1], dtype=np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]


def _fingerprints(chunk: Any) -> npt.NDArray[np.uint64]:
    """A number for each identifier of 64 digits, blanks left out."""
    first, last = _offsets(chunk)[[0, -1]].tolist()
    data = np.frombuffer(chunk.buffers()[2] or b"", dtype=np.uint8)[first:last]
    words = data.view("<u8").reshape(-1, _ID_LENGTH // 8)
    # the first and last sixteen digits of a hash tell it from every other but by chance
    found: npt.NDArray[np.uint64] = words[:, 0] * np.uint64(0x9E3779B97F4A7C15) + (words[:, 1] ^ words[:, 7])
    return found


def _not_unique(prints: npt.NDArray[np.uint64]) -> Ints:
    """Positions of the fingerprints that occur twice, in a superset: true repeats, and some chance hits."""
    order = np.sort(prints)
    twice = order[1:][order[1:] == order[:-1]]
    if not len(twice):
        return _NONE
    # looking up the last sixteen bits is much cheaper than the whole, for as good a sieve
    low = np.zeros(1 << 16, dtype=bool)
    low[twice.astype(np.uint16)] = True
    return np.flatnonzero(low[prints.astype(np.uint16)])


def _count(axes: tuple[Coded, Coded, Coded, Coded], left_out: Ints) -> tuple[Ints, npt.NDArray[np.int32]]:
    position = axes[0].codes.astype(np.int64)
    size = len(axes[0].labels)
    for axis in axes[1:]:
        size *= len(axis.labels)
        position *= len(axis.labels)
        position += axis.codes
    if len(left_out):
        position = np.delete(position, left_out)
    if size <= _DENSE:
        block = np.bincount(position, minlength=size)
        cells = np.flatnonzero(block)
        return cells, block[cells].astype(np.int32)
    cells, counts = np.unique(position, return_counts=True)
    return cells, counts.astype(np.int32)


def _merged(coded: Coded, labels: list[str]) -> Coded:
    distinct = {label: at for at, label in enumerate(dict.fromkeys(labels))}
    take = np.array([distinct[label] for label in labels], dtype=np.int32)
    return Coded(take[coded.codes], tuple(distinct))


def _refuse_blank(columns: Columns, name: str) -> None:
    coded = columns.coded[name]
    if "" in coded.labels:
        raise SourceError(
            f"a blank in the column {name!r}",
            where=columns.where(coded.first(coded.labels.index(""))),
            remedy="Fetch the file again; its columns may have been shifted.",
        )

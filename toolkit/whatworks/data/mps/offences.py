"""Which offences of several Met files may stand in one table, and under which label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from whatworks.arrays import Bools, Ints
from whatworks.data.mps.file import MpsFile
from whatworks.data.mps.vocabulary import ACROSS, MAJORS, NamingVintage
from whatworks.errors import OptionError, SourceError, did_you_mean, first_few

#: An offence with this many crimes a month beside a file that has no row for it was renamed, not absent.
RENAMED_FLOOR: Final = 20
_BEGIN_SHARE, _QUIET_SHARE, _SERIES_FLOOR, _EDGE = 0.05, 0.02, 100.0, 3


def choose_labels(files: Sequence[MpsFile], offences: str | Sequence[str]) -> list[list[str | None]]:
    """Per file and row the offence it counts towards in the table, or None when it is not asked for.

    `offences` is `"major"`, `"minor"` or a list of names, all majors or all minors. Raises `SourceError` when
    files of different naming vintages are mixed beyond what compares, `OptionError` for an unknown name.
    """
    vintages = frozenset(file.vintage for file in files)
    if isinstance(offences, str) and offences not in ("major", "minor"):
        offences = [offences]
    if len(vintages) > 1:
        return _across(files, vintages, offences)
    if offences == "major":
        return [list(file.major) for file in files]
    for file in files:
        _refuse_shared_minors(file)
    if offences == "minor":
        return [list(file.minor) for file in files]
    return _named(files, list(offences))


def vocabulary_notes(files: Sequence[MpsFile], labels: Sequence[list[str | None]]) -> list[str]:
    """Sentences on the vintages used, what they lose, and the majors that none of the files has."""
    notes: list[str] = []
    vintages = sorted({file.vintage for file in files})
    notes.extend(
        f"{file.name}: {file.vintage} vintage, {len(set(file.major))} major and {len(set(file.minor))} minor "
        f"categories, {file.months[0]} to {file.months[-1]}"
        for file in files
    )
    if len(vintages) > 1:
        table = ACROSS[frozenset(vintages)]
        joined = sorted(f"{old} → {new}" for old, new in table.items() if old != new)
        notes.append(
            f"offences of {' and '.join(vintages)} files in one table"
            + (f" ({', '.join(joined)})" if joined else "")
            + "; levels can step where the file changes: see the snapshots and the shares dropped"
        )
    elif all(label is not None for row in labels for label in row):
        have = {major for file in files for major in file.major}
        absent = [major for major in MAJORS[vintages[0]] if major not in have]
        if absent:
            notes.append(
                f"no rows for {first_few(absent, 12)}: not published at this level or in these months, "
                "so not in the table, which is not a count of zero"
            )
    return notes


def refuse_renamed(
    offences: Sequence[str],
    months: Sequence[str],
    used: Sequence[int],
    files: Sequence[MpsFile],
    has: Bools,
    totals: Ints,
) -> list[str]:
    """Refuse zeros that would only mean a change of label where one file ends and the next begins.

    `used` is the file of each month, `has` files × offences whether the file has any row for it, `totals`
    offences × months. Returns a sentence for each offence that is taken as zero throughout a file.
    """
    notes = []
    for o, offence in enumerate(offences):
        lacking = sorted({f for f in used if not has[f, o]})
        for m in range(1, len(months)):
            sides = ((m - 1, m), (m, m - 1))
            for here, there in sides:
                if has[used[here], o] and not has[used[there], o] and totals[o, here] >= RENAMED_FLOOR:
                    raise SourceError(
                        f"{offence} has {totals[o, here]:,} crimes in {months[here]} and no row at all in "
                        f"{files[used[there]].name}: the label changed, and zeros would be made up",
                        where=f"{months[min(here, there)]} to {months[max(here, there)]}",
                        remedy="Read the major categories (offences='major'), name only offences that run "
                        "through, or read one file at a time.",
                    )
        for f in lacking:
            span = [months[m] for m in range(len(months)) if used[m] == f]
            notes.append(f"{offence}: no row in {files[f].name}, taken as zero from {span[0]} to {span[-1]}")
    return notes


def begins_and_ends(offences: Sequence[str], months: Sequence[str], totals: Ints) -> list[str]:
    """Sentences for series that begin or end inside the window (`totals` is offences × months)."""
    notes = []
    for offence, series in zip(offences, totals.astype(float), strict=True):
        active = np.flatnonzero(series >= max(20.0, _BEGIN_SHARE * series.max(initial=0.0)))
        if not len(active) or series[active[0] : active[-1] + 1].mean() < _SERIES_FLOOR:
            continue
        first, last = int(active[0]), int(active[-1])
        usual = series[first : last + 1].mean()
        if first >= _EDGE and series[:first].mean() <= _QUIET_SHARE * usual:
            notes.append(f"{offence} begins in {months[first]}: {series[:first].sum():,.0f} crimes before")
        if len(series) - 1 - last >= _EDGE and series[last + 1 :].mean() <= _QUIET_SHARE * usual:
            notes.append(f"{offence} ends in {months[last]}: {series[last + 1 :].sum():,.0f} crimes after")
    return notes


def _across(
    files: Sequence[MpsFile], vintages: frozenset[NamingVintage], offences: str | Sequence[str]
) -> list[list[str | None]]:
    table = ACROSS[vintages]
    common = sorted(set(table.values()))
    names = " and ".join(sorted(vintages))
    if isinstance(offences, str):
        raise SourceError(
            f"files of the {names} vintages use different offence labels and cannot be joined whole",
            where=first_few(file.name for file in files),
            remedy=f"Name offences that both have: offences={common}. All others are cut differently.",
        )
    for offence in offences:
        if offence not in common:
            raise SourceError(
                f"{offence!r} does not compare between the {names} vintages",
                where=first_few(file.name for file in files),
                remedy=f"{did_you_mean(offence, common)}These do: {', '.join(common)}.",
            )
    chosen = set(offences)
    return [
        [label if (label := table.get(major)) in chosen else None for major in file.major] for file in files
    ]


def _named(files: Sequence[MpsFile], offences: list[str]) -> list[list[str | None]]:
    majors = {major for file in files for major in file.major}
    minors = {minor for file in files for minor in file.minor}
    chosen = set(offences)
    if chosen and chosen <= majors:
        return [[label if label in chosen else None for label in file.major] for file in files]
    if chosen and chosen <= minors:
        return [[label if label in chosen else None for label in file.minor] for file in files]
    unknown = sorted(chosen - majors - minors)
    raise OptionError(
        f"{first_few(map(repr, unknown))} not in the files"
        if unknown
        else "majors and minors cannot be mixed",
        where="offences",
        remedy=f"{did_you_mean(unknown[0] if unknown else '', majors | minors)}Name majors "
        f"({first_few(sorted(majors), 13)}) or minors, or say 'major' or 'minor'.",
    )


def _refuse_shared_minors(file: MpsFile) -> None:
    parent: dict[str, str] = {}
    for major, minor in zip(file.major, file.minor, strict=True):
        if parent.setdefault(minor, major) != major:
            raise SourceError(
                f"{minor!r} stands under both {parent[minor]!r} and {major!r}",
                where=file.name,
                remedy="Read the major categories (offences='major').",
            )

"""Readers of data.police.uk files: street-level crime, outcomes, and stop and search, into tidy counts."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np

from whatworks.data.geography import LsoaLookup
from whatworks.data.police_uk import areas as street_areas
from whatworks.data.police_uk.areas import Areas, By, Vintage
from whatworks.data.police_uk.cache import Cache
from whatworks.data.police_uk.files import Kind, Member, Source, discover
from whatworks.data.police_uk.offences import Vocabulary, comparable
from whatworks.data.police_uk.scan import Scan, scan
from whatworks.data.police_uk.settle import Counts, Partial, Settled, settle
from whatworks.data.police_uk.table import prepare
from whatworks.data.police_uk.words import CRIME_ERAS, SEARCH_ERAS, Era, force_slug
from whatworks.data.tidy import Tidy
from whatworks.errors import OptionError, SourceError, choose, first_few

#: A month is partial when its rows are under this share of its neighbours'.
STREET_PARTIAL: Final = 0.2
#: Stops swing less from month to month than one force's crimes do in a lockdown, so half is already too few.
STOPS_PARTIAL: Final = 0.5
_MONTH: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
#: One thread more than processors: while one waits for the interpreter another parses. Memory sets the limit.
_AT_ONCE: Final = 5


def read_street(
    source: Source,
    *,
    by: By = "lsoa",
    months: tuple[str, str] | None = None,
    forces: Sequence[str] | None = None,
    offences: Sequence[str] | None = None,
    lsoa_lookup: LsoaLookup | None = None,
    vintage: Vintage = "common",
    vocabulary: Vocabulary = "strict",
    partial: Partial = "leave_out",
    cache: str | os.PathLike[str] | None = None,
) -> Tidy:
    """Count street-level crime files of data.police.uk by area, month and crime type.

    `source` is a folder, a file (CSV or gzip), a zip archive, or a list of these. `by` LSOA or borough counts
    the rows that have a location; by force counts all. `months` is the first and the last month wanted.
    With an `lsoa_lookup`, LSOAs are counted on the units common to the 2011 and 2021 censuses
    (`vintage="common"`) or as published, and every LSOA of a covered borough has its zeros. `vocabulary` is
    `strict` (only crime types that mean the same in every month) or `common` (neighbouring types joined
    until they do). A partial month, under a fifth of its neighbours, is left out unless `partial="keep"`.
    `cache` is a folder for counted files.

    A repeated Crime ID in one month counts once; rows without one all count. A force and month without a file
    has no cells. Raises `SourceError` naming file, line and what was expected for any file that is not whole
    and well formed, `OptionError` for a choice that does not exist. Source: data.police.uk, "About the data".
    """
    choose("by", by, ("lsoa", "borough", "force"), where="read_street")
    choose("vintage", vintage, ("common", "as_published"), where="read_street")
    choose("vocabulary", vocabulary, ("strict", "common"), where="read_street")
    job = _Job(
        "street", "crime type", CRIME_ERAS, STREET_PARTIAL, months, forces, offences, vocabulary, partial
    )

    def areas(counts: Counts) -> Areas:
        if by == "force":
            return street_areas.force_areas(counts)
        return street_areas.place_areas(counts, by, lsoa_lookup, vintage)

    def codes(counts: Counts) -> tuple[str, ...]:
        return street_areas.census_codes(counts, lsoa_lookup, vintage, by)

    return _read(source, job, cache, areas, codes)


def read_stops(
    source: Source,
    *,
    months: tuple[str, str] | None = None,
    forces: Sequence[str] | None = None,
    outcomes: Sequence[str] | None = None,
    partial: Partial = "leave_out",
    cache: str | os.PathLike[str] | None = None,
) -> Tidy:
    """Count stop and search files of data.police.uk by force, month and outcome.

    The month is that of the search in London time. Outcomes published before 2018 are counted under the
    labels in use since. A month under half of its neighbours is partial and left out unless
    `partial="keep"`. Identical rows all count, for stops have no identifier. Otherwise as `read_street`,
    with the same errors.
    """
    job = _Job(
        "stop-and-search", "outcome", SEARCH_ERAS, STOPS_PARTIAL, months, forces, outcomes, "strict", partial
    )
    return _read(source, job, cache, street_areas.force_areas, lambda _: ())


def read_outcomes(
    source: Source,
    *,
    months: tuple[str, str] | None = None,
    forces: Sequence[str] | None = None,
    outcomes: Sequence[str] | None = None,
    partial: Partial = "leave_out",
    cache: str | os.PathLike[str] | None = None,
) -> Tidy:
    """Count outcomes files of data.police.uk by force, month of the outcome (not the crime) and type.

    Several outcomes of one crime all count. An outcome type that no file holds is not in the table. Otherwise
    as `read_street`, with the same errors.
    """
    job = _Job("outcomes", "outcome type", (), STREET_PARTIAL, months, forces, outcomes, "strict", partial)
    return _read(source, job, cache, street_areas.force_areas, lambda _: ())


@dataclass(frozen=True, slots=True)
class _Job:
    kind: Kind
    what: str
    eras: tuple[Era, ...]
    partial_share: float
    months: tuple[str, str] | None
    forces: Sequence[str] | None
    offences: Sequence[str] | None
    vocabulary: Vocabulary
    partial: Partial


def _read(
    source: Source,
    job: _Job,
    cache: str | os.PathLike[str] | None,
    areas_of: Callable[[Counts], Areas],
    codes_of: Callable[[Counts], tuple[str, ...]],
) -> Tidy:
    choose("partial", job.partial, ("leave_out", "keep"), where=f"read {job.kind}")
    window = _window(job.months)
    wanted = (
        None if job.forces is None else sorted({force_slug(name) for name in _texts("forces", job.forces)})
    )
    if job.offences is not None:
        _texts("offences", job.offences)
    members, notes = discover(source, job.kind)
    needed = [item for item in members if _may_matter(item, window, wanted)]
    if not needed:
        have = sorted({f"{item.month} {item.force}" for item in members})
        raise SourceError(
            f"no file of {', '.join(wanted or ['any force'])} for {' to '.join(window or ('any month',))}",
            where="months and forces",
            remedy=f"The source holds {first_few(have, 12)}.",
        )
    scans = _scans(needed, job.kind, cache)
    settled = settle(scans, window=window, forces=wanted, partial_share=job.partial_share)
    offences = comparable(
        _seen(settled, job.partial),
        eras=job.eras,
        vocabulary=job.vocabulary,
        offences=job.offences,
        what=job.what,
        # a street file's vocabulary is published; outcome types are only known from the files
        seen_only=job.kind != "street",
    )
    kept = _kept(settled, job.partial)
    areas, codes = areas_of(settled.counts), codes_of(settled.counts)
    prepared = prepare(scans, settled, kept, offences, job.eras, areas, codes, notes)
    # the files' counts are as large as the table, so they go before it comes
    del scans, settled, areas
    return prepared.tidy()


def _window(months: tuple[str, str] | None) -> tuple[str, str] | None:
    if months is None:
        return None
    pair = tuple(months)
    good = len(pair) == 2 and not isinstance(months, str)
    if not good or not all(isinstance(m, str) and _MONTH.fullmatch(m) for m in pair) or pair[0] > pair[1]:
        raise OptionError(
            f"{months!r} is not a first and a last month",
            where="months",
            remedy="Write ('2015-01', '2019-12').",
        )
    return pair[0], pair[1]


def _texts(name: str, values: Iterable[str]) -> list[str]:
    if isinstance(values, str):
        raise OptionError(
            f"{name}={values!r} is one text, expected a list", where=name, remedy=f"Write [{values!r}]."
        )
    return list(values)


def _may_matter(member: Member, window: tuple[str, str] | None, forces: Sequence[str] | None) -> bool:
    # a file without month or force in its name must be read to know
    in_window = window is None or member.month is None or window[0] <= member.month <= window[1]
    return in_window and (forces is None or member.force is None or member.force in forces)


def _scans(members: Sequence[Member], kind: Kind, cache: str | os.PathLike[str] | None) -> list[Scan]:
    store = None if cache is None else Cache(cache)
    if store is not None:
        store.prepare(tuple(members))

    def one(member: Member) -> Scan:
        return scan(member, kind) if store is None else store.scan(member, kind)

    with ThreadPoolExecutor(min(_AT_ONCE, (os.cpu_count() or 1) + 1)) as pool:
        return list(pool.map(one, members))


def _kept(settled: Settled, partial: Partial) -> dict[tuple[str, str], bool]:
    states = ("present", "partial") if partial == "keep" else ("present",)
    return {pair: state in states for pair, state in settled.states.items()}


def _seen(settled: Settled, partial: Partial) -> dict[str, dict[str, set[str]]]:
    counts = settled.counts
    width = (len(counts.months), max(len(counts.labels), 1))
    at = (counts.force.astype(np.int64) * width[0] + counts.month) * width[1] + counts.label
    seen: dict[str, dict[str, set[str]]] = {force: {} for force in counts.forces}
    for (force, month), kept in _kept(settled, partial).items():
        if kept:
            seen[force][month] = set()
    for cell in np.flatnonzero(np.bincount(at)).tolist():
        force, month = counts.forces[cell // width[1] // width[0]], counts.months[cell // width[1] % width[0]]
        if month in seen[force]:
            seen[force][month].add(counts.labels[cell % width[1]])
    if not any(seen.values()):
        raise SourceError(
            "every month is partial", where="months", remedy="Read more months, or set partial='keep'."
        )
    return seen

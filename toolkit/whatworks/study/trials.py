"""From a source to trials: how chance assigned, the primary outcome, and the same for each secondary one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from whatworks.data.tables import read_table
from whatworks.errors import OptionError, RecordError, did_you_mean
from whatworks.rct import Allocation, replay
from whatworks.rct.losses.flow import Enrolment
from whatworks.results import Result
from whatworks.shown import Card, Note, Part, Shown, words
from whatworks.study import places
from whatworks.study.hashing import file_hash
from whatworks.study.panels import with_adjusted
from whatworks.study.source import Source
from whatworks.trial import Trial


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Drawn(Shown):
    """How chance assigned the arms, as far as a study can show it.

    Attributes:
        allocation: the allocation with its record; None where the study has none.
        replayed: whether it was drawn again from the list and came out the same, byte for byte.
        files: every file read, as (name in the study's own words, sha256).
    """

    allocation: Allocation | None
    replayed: bool
    files: tuple[tuple[str, str], ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know about the assignment, in sentences."""
        if self.allocation is None:
            return ("No allocation record was given: that chance assigned the arms is taken on trust.",)
        if not self.replayed:
            return ("The allocation was not drawn again, because the list that was randomised is not here.",)
        return ()

    def parts(self) -> tuple[Part, ...]:
        """How chance assigned and whether it was drawn again; never who was assigned to what."""
        if self.allocation is None:
            return (Note((self.notes[0],), "loud"),)
        record = self.allocation.record
        again = (
            "the same allocation came out of the list, the rule and the seed, byte for byte"
            if self.replayed
            else self.notes[0]
        )
        cells = (
            ("Rule", str(record["algorithm"])),
            ("Seed", str(record["seed"])),
            ("Allocations that chance could have made", words.allocations(self.allocation.possible)),
            ("Drawn again", again),
            ("SHA-256 of the record, first 12 digits", self.allocation.hash[:12]),
        )
        return (Card("How chance assigned", cells),)


def drawn(record: str = "", *, listed: str = "") -> Drawn:
    """Read the allocation record of a study and, where the list is there, too, draw it again.

    Args:
        record: file that `rct.randomise` or `whatworks randomise` wrote, in the workspace or as
            dataroot:path; "" for none.
        listed: the list that was randomised, CSV or Parquet; "" where it may not be given.

    Raises:
        StudyError: a file outside the workspace.
        RecordError: a file that is not there or no record, or that the list does not bring out again.
        OptionError: a list without a record.
    """
    if not record:
        if listed:
            raise OptionError(
                "a list is given, but no allocation record",
                where="study.drawn",
                remedy="Name the record as `allocation`, or leave the list out.",
            )
        return Drawn(None, False, ())
    workspace = places.find()
    paths = [(name, workspace.path(name)) for name in (record, listed) if name]
    try:
        held = Allocation.from_json(paths[0][1].read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as problem:
        raise RecordError(
            "the allocation record cannot be read",
            where=record,
            remedy="Give the .json file that `whatworks randomise` wrote.",
        ) from problem
    if listed:
        held = replay(held, read_table(paths[1][1]))
    return Drawn(held, bool(listed), tuple((name, file_hash(path)) for name, path in paths))


def trial(
    source: Source,
    *,
    unit: str,
    arm: str,
    outcome: str,
    control: str,
    treatments: Sequence[str] = (),
    block: str = "",
    cluster: str = "",
    taken: str = "",
    exposure: str = "",
    baseline: Sequence[str] = (),
    period: str = "",
    lost: bool = False,
) -> Trial:
    """The trial of one outcome: columns by role; a blank text means "none".

    `lost` keeps units without an outcome as lost to follow-up; otherwise they are refused. Other roles are
    those of `Trial.from_frame`. Raises `TrialError` or `OptionError` for a table that is not such a trial.
    """
    return Trial.from_frame(
        source.frame,
        unit=unit,
        arm=arm,
        outcome=outcome,
        control=control,
        treatments=tuple(treatments) or None,
        block=block or None,
        cluster=cluster or None,
        taken=taken or None,
        exposure=exposure or None,
        baseline=tuple(baseline),
        period=period or None,
        allow_missing=lost,
    )


def asked(method: Callable[..., Result], **choices: object) -> partial[Result]:
    """A method with the choices of a study made, ready to be given a trial.

    A blank text leaves a choice to the method's own default. Raises `OptionError` for a choice that the
    method does not have.
    """
    known = [name for name in inspect.signature(method).parameters if name != "trial"]
    for name in choices:
        if name not in known:
            raise OptionError(
                f"{method.__name__} has no choice {name!r}",
                where="study.asked",
                remedy=f"{did_you_mean(name, known)}Its choices are {', '.join(known)}.",
            )
    return partial(method, **{name: value for name, value in choices.items() if value != ""})


def enrolment(assessed: int, excluded: Mapping[str, int]) -> Enrolment | None:
    """Who was looked at before the draw, or None where nobody counted (0 assessed, nobody excluded)."""
    return Enrolment(assessed, dict(excluded)) if assessed or excluded else None


def further(
    result: Result,
    build: Callable[..., Trial],
    *,
    outcomes: Sequence[str],
    estimate: Callable[[Trial], Result],
) -> Result:
    """The result with the same estimate of every secondary outcome and p-values adjusted for their number.

    `build` is the study's own trial but for the outcome (`partial(study.trial, source, unit=..., ...)`),
    `estimate` its estimator, trial in, result out. P-values are adjusted by Holm's procedure over the
    secondary outcomes that have one.
    """
    return with_adjusted(result, list(outcomes), lambda name: estimate(build(outcome=name)))

"""What divides the units of a trial into subgroups: codes, a number cut at stated points, or a list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from whatworks.arrays import Floats, Ints
from whatworks.errors import OptionError, did_you_mean, first_few
from whatworks.trial import Trial

WHERE: Final = "rct.subgroups"
MOST: Final = 6
"""A column with more values than this is a measurement, not a list of groups."""


@dataclass(frozen=True, slots=True)
class Subgroup:
    """A division of units known before randomisation; the first group is the one others are compared with.

    Attributes:
        name: a baseline column of the trial, or what `of` is about.
        cuts: rising points that divide a number: below the first, from the first to below the second, and so
            on.
        labels: what each code of the column means, in the order of the groups.
        of: the group of each unit by label, for what is no number; then no column is read.
    """

    name: str
    cuts: tuple[float, ...] = ()
    labels: Mapping[float, str] = field(default_factory=dict)
    of: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cuts", tuple(float(cut) for cut in self.cuts))
        if sum(map(bool, (self.cuts, self.labels, self.of))) > 1:
            raise OptionError(
                f"{self.name!r} is divided in two ways at once",
                where="Subgroup",
                remedy="Give cuts for a number, labels for codes, or of= for a list of units: one of them.",
            )
        if not np.isfinite(self.cuts).all() or any(np.diff(self.cuts) <= 0):
            raise OptionError(
                f"cuts={self.cuts!r} do not rise", where="Subgroup", remedy="Give rising numbers."
            )


@dataclass(frozen=True, slots=True, eq=False)
class Divided:
    """The groups of a division: (R,) codes and L labels."""

    name: str
    code: Ints
    labels: tuple[str, ...]


def divide(trial: Trial, by: str | Subgroup) -> Divided:
    """The group of every row.

    Raises `OptionError` for an unknown column or unit, a code without a label, a number without cuts, or
    fewer than two groups.
    """
    rule = Subgroup(by) if isinstance(by, str) else by
    if rule.of:
        found = _listed(trial, rule)
    else:
        values = _column(trial, rule.name)
        found = _cut(rule, values) if rule.cuts else _coded(rule, values)
    if len(found.labels) < 2:
        raise OptionError(
            f"all units are in one group of {rule.name!r}: {found.labels[0]}",
            where=WHERE,
            remedy="An interaction compares groups; choose cuts that divide the units.",
        )
    return found


def _column(trial: Trial, name: str) -> Floats:
    if name not in trial.baseline_names:
        near = did_you_mean(name, trial.baseline_names)
        raise OptionError(
            f"the trial has no baseline column {name!r}",
            where=WHERE,
            remedy=f"{near}Name it as baseline of the trial, or give Subgroup({name!r}, of={{unit: group}}).",
        )
    return np.asarray(trial.baseline[trial.baseline_names.index(name)])


def _cut(rule: Subgroup, values: Floats) -> Divided:
    ends = [f"{cut:.10g}" for cut in rule.cuts]
    labels = [f"below {ends[0]}"]
    labels += [f"{low} to below {high}" for low, high in pairwise(ends)]
    place = np.searchsorted(rule.cuts, values, side="right")
    return _used(rule.name, place, [*labels, f"{ends[-1]} or more"])


def _coded(rule: Subgroup, values: Floats) -> Divided:
    codes = list(rule.labels) or sorted(set(values.tolist()))
    if not rule.labels and len(codes) > MOST:
        raise OptionError(
            f"{rule.name!r} has {len(codes):,} different values",
            where=WHERE,
            remedy=f"State where to divide it: Subgroup({rule.name!r}, cuts=(...)).",
        )
    strange = sorted(set(values.tolist()) - {float(code) for code in codes})
    if strange:
        raise OptionError(
            f"{rule.name!r} has codes without a label: {first_few(f'{code:.10g}' for code in strange)}",
            where=WHERE,
            remedy="Give a label for every code.",
        )
    place = np.array([[values == float(code)] for code in codes])[:, 0].argmax(axis=0)
    return _used(rule.name, place, [rule.labels.get(code, f"{code:.10g}") for code in codes])


def _listed(trial: Trial, rule: Subgroup) -> Divided:
    given = {str(unit): str(group) for unit, group in rule.of.items()}
    gone = [unit for unit in trial.units if unit not in given]
    if gone:
        raise OptionError(
            f"{len(gone)} units have no group of {rule.name!r}: {first_few(gone)}",
            where=WHERE,
            remedy="Give the group of every unit by its label.",
        )
    labels = list(dict.fromkeys(given.values()))
    each = np.array([labels.index(given[unit]) for unit in trial.units])
    return _used(rule.name, each[trial.unit], labels)


def _used(name: str, code: npt.NDArray[np.intp], labels: list[str]) -> Divided:
    kept, again = np.unique(code, return_inverse=True)
    return Divided(name, again.astype(np.int64), tuple(labels[int(old)] for old in kept))

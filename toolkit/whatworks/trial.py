"""Trial: randomised units, their arm, block, cluster, take-up, outcome and baseline; valid once made."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from whatworks import periods, trial_rules
from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import OptionError, TrialError, did_you_mean
from whatworks.periods import PeriodKind
from whatworks.shown import Card, Part, Shown

_ARRAYS = ("unit", "arm", "outcome", "period", "block", "cluster", "taken", "exposure", "baseline")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Trial(Shown):
    """A table of randomised units, one row each, or one row a unit and period; valid once it exists.

    Rows are sorted by unit and period, so the order they came in never matters. All arrays are read-only.
    Shapes: R rows, N units, K baseline variables. Without periods R = N.

    Attributes:
        units: N labels.
        arms: labels of the arms, the control arm first.
        unit: (R,) unit codes 0..N-1.
        arm: (R,) arm codes; 0 is the control arm.
        outcome: (R,) outcome; NaN only where `allow_missing` let a missing one in.
        period: (R,) period numbers, or None where each unit has one row.
        period_kind: `month`, `quarter` or `integer`.
        block, block_labels: (R,) block codes and their labels, or None; chance worked within blocks.
        cluster, cluster_labels: (R,) cluster codes and their labels, or None; whole clusters were assigned.
        taken: (R,) take-up: 1 taken, 0 not, or a dose from 0 up; or None where nobody recorded it.
        exposure: (R,) denominator of a count, or None.
        baseline: (K, R) what was known before randomisation, possibly K = 0.
        baseline_names: K names.
        outcome_name, unit_name: the columns they came from.
        scale: the unit of the outcome in words.
        notes: what was done on the way in, in sentences.
    """

    units: tuple[str, ...]
    arms: tuple[str, ...]
    unit: Ints
    arm: Ints
    outcome: Floats
    period: Ints | None = None
    period_kind: PeriodKind = "integer"
    block: Ints | None = None
    block_labels: tuple[str, ...] = ()
    cluster: Ints | None = None
    cluster_labels: tuple[str, ...] = ()
    taken: Floats | None = None
    exposure: Floats | None = None
    baseline: Floats = field(default_factory=lambda: np.empty((0, 0)))
    baseline_names: tuple[str, ...] = ()
    outcome_name: str = "outcome"
    unit_name: str = "unit"
    scale: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        rows = len(self.unit)
        if not self.baseline_names:
            object.__setattr__(self, "baseline", np.empty((0, rows)))
        for name in _ARRAYS:
            array = getattr(self, name)
            if array is None:
                continue
            shape = (len(self.baseline_names), rows) if name == "baseline" else (rows,)
            if array.shape != shape:
                raise TrialError(f"{name} has shape {array.shape}, not {shape}", where="Trial")
            if array.flags.writeable:
                array = array.copy()
                array.flags.writeable = False
                object.__setattr__(self, name, array)

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        unit: str,
        arm: str,
        outcome: str,
        control: object,
        treatments: Sequence[object] | None = None,
        block: str | None = None,
        cluster: str | None = None,
        taken: str | None = None,
        exposure: str | None = None,
        baseline: Sequence[str] = (),
        period: str | None = None,
        allow_missing: bool = False,
    ) -> Trial:
        """Build a trial from a table with one row per unit, or per unit and period.

        Args:
            frame: the table; never changed.
            unit, arm, outcome: columns that name the unit, the arm it was assigned to, and its outcome.
            control: the label of the control arm.
            treatments: labels of the other arms; needed only where there is more than one of them.
            block: column with the block within which chance assigned arms.
            cluster: column with the cluster that was assigned as a whole.
            taken: column with take-up, 0 or 1, or a dose from 0 up.
            exposure: column with the denominator of a count; the outcome must then be a count.
            baseline: numeric columns known before randomisation.
            period: column with the period, where units have several rows and may change arms.
            allow_missing: keep rows without an outcome (lost to follow-up) as missing instead of refusing.

        Raises:
            TrialError: a unit twice, an arm that is blank or has an unexpected label, a unit in two blocks or
                clusters, a cluster in two arms, a block with one arm only, missing or impossible numbers; the
                message names the first offenders and the remedy.
            OptionError: a column that the table does not have.
        """
        treatments = None if treatments is None else tuple(treatments)
        given = (unit, arm, outcome, control, treatments, block, cluster, taken, exposure, tuple(baseline))
        roles = trial_rules.Roles(*given, period, allow_missing)
        return cls(**trial_rules.arrays_from_frame(frame, roles))

    @property
    def n_units(self) -> int:
        """How many units."""
        return len(self.units)

    @property
    def n_rows(self) -> int:
        """How many rows."""
        return len(self.unit)

    @property
    def n_clusters(self) -> int:
        """How many clusters; the number of units where no cluster was named."""
        return len(self.cluster_labels) if self.cluster is not None else self.n_units

    @property
    def cluster_codes(self) -> Ints:
        """(R,) codes of what was assigned as a whole: clusters, or each unit where none is named."""
        return self.unit if self.cluster is None else self.cluster

    @property
    def cluster_names(self) -> tuple[str, ...]:
        """Labels of `cluster_codes`."""
        return self.units if self.cluster is None else self.cluster_labels

    @property
    def n_blocks(self) -> int:
        """How many blocks; one where no block was named."""
        return len(self.block_labels) if self.block is not None else 1

    @property
    def treated(self) -> Bools:
        """(R,) rows outside the control arm."""
        mask: Bools = self.arm != 0
        return mask

    @property
    def observed(self) -> Bools:
        """(R,) rows whose outcome is known."""
        return np.asarray(~np.isnan(self.outcome))

    @property
    def graded(self) -> bool:
        """Whether take-up is a dose rather than yes or no."""
        return self.taken is not None and bool(~np.isin(self.taken, (0.0, 1.0)).all())

    @property
    def fingerprint(self) -> str:
        """SHA-256 over everything that can move an estimate; the same for any row order."""
        digest = hashlib.sha256(b"whatworks.trial/1")
        words = (
            self.units,
            self.arms,
            self.period_kind,
            self.block_labels,
            self.cluster_labels,
            self.baseline_names,
            self.outcome_name,
        )
        digest.update(repr(words).encode("utf-8"))
        for name in _ARRAYS:
            array = getattr(self, name)
            digest.update(f"|{name}|{None if array is None else array.shape}|".encode())
            if array is not None:
                digest.update(np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes())
        return digest.hexdigest()

    def select(self, keep: npt.ArrayLike, *, note: str = "") -> Trial:
        """The trial of some rows only: a boolean mask (R,) or positions."""
        rows = np.arange(self.n_rows)[np.asarray(keep)]
        if rows.size == 0:
            raise TrialError("no row is left", where="Trial.select", remedy="Keep at least one row.")
        units, unit = _recoded(self.unit[rows], self.units)
        parts: dict[str, Any] = {}
        for name in ("block", "cluster"):
            codes = getattr(self, name)
            if codes is not None:
                parts[f"{name}_labels"], parts[name] = _recoded(codes[rows], getattr(self, f"{name}_labels"))
        return replace(
            self,
            units=units,
            unit=unit,
            arm=self.arm[rows],
            outcome=self.outcome[rows],
            period=None if self.period is None else self.period[rows],
            taken=None if self.taken is None else self.taken[rows],
            exposure=None if self.exposure is None else self.exposure[rows],
            baseline=self.baseline[:, rows],
            notes=(*self.notes, note) if note else self.notes,
            **parts,
        )

    def against_control(self, treatment: str) -> Trial:
        """The trial of one treatment arm and the control arm; raises `OptionError` for another label."""
        if treatment not in self.arms[1:]:
            raise OptionError(
                f"there is no treatment arm {treatment!r}",
                where="Trial.against_control",
                remedy=f"{did_you_mean(treatment, self.arms[1:])}The treatment arms are "
                f"{', '.join(map(repr, self.arms[1:]))}.",
            )
        code = self.arms.index(treatment)
        kept = self.select(np.isin(self.arm, (0, code)))
        return replace(kept, arms=(self.arms[0], treatment), arm=(kept.arm == code).astype(np.int64))

    def drop_missing(self) -> Trial:
        """The trial without rows that lack an outcome, with a note that counts them by arm."""
        gone = ~self.observed
        if not gone.any():
            return self
        shares = ", ".join(
            f"{int((gone & (self.arm == a)).sum())} of {int((self.arm == a).sum())} in {label}"
            for a, label in enumerate(self.arms)
        )
        return self.select(~gone, note=f"Rows without an outcome were left out: {shares}.")

    def with_outcome(self, values: Floats, *, name: str = "", scale: str | None = None) -> Trial:
        """The same trial with another (R,) outcome."""
        return replace(
            self,
            outcome=np.asarray(values, dtype=np.float64),
            outcome_name=name or self.outcome_name,
            scale=self.scale if scale is None else scale,
        )

    def with_arm(self, arm: Ints) -> Trial:
        """The same trial with other arms (R,), for permutations."""
        return replace(self, arm=np.asarray(arm, dtype=np.int64))

    def to_frame(self) -> pd.DataFrame:
        """The trial as a tidy table, one row per row."""
        columns: dict[str, object] = {self.unit_name: np.asarray(self.units, dtype=object)[self.unit]}
        if self.period is not None:
            columns["period"] = [periods.label(int(p), self.period_kind) for p in self.period]
        columns["arm"] = np.asarray(self.arms, dtype=object)[self.arm]
        if self.block is not None:
            columns["block"] = np.asarray(self.block_labels, dtype=object)[self.block]
        if self.cluster is not None:
            columns["cluster"] = np.asarray(self.cluster_labels, dtype=object)[self.cluster]
        if self.taken is not None:
            columns["taken"] = self.taken
        if self.exposure is not None:
            columns["exposure"] = self.exposure
        columns |= dict(zip(self.baseline_names, self.baseline, strict=True))
        return pd.DataFrame({**columns, self.outcome_name: self.outcome})

    def summary(self) -> Mapping[str, object]:
        """What the trial is, in a few lines: sizes, arms, blocks, clusters, losses."""
        lost = ~self.observed
        each = [
            f"{label}: {int((self.arm == a).sum())}"
            + (f" ({int((lost & (self.arm == a)).sum())} without outcome)" if lost.any() else "")
            for a, label in enumerate(self.arms)
        ]
        numbers = () if self.period is None else (int(self.period.min()), int(self.period.max()))
        span = " to ".join(periods.label(p, self.period_kind) for p in numbers)
        return {
            "units": self.n_units,
            "rows": self.n_rows,
            "arms": ", ".join(each),
            "blocks": self.n_blocks if self.block is not None else "none named",
            "clusters": self.n_clusters if self.cluster is not None else "none named",
            "periods": span or "one row a unit",
            "outcome": self.scale or self.outcome_name,
            "baseline": ", ".join(self.baseline_names) or "none",
            "take-up": "not recorded" if self.taken is None else ("dose" if self.graded else "yes or no"),
        }

    def parts(self) -> tuple[Part, ...]:
        """Its sizes; never a label or a value of a single unit."""
        facts = tuple((key, str(value)) for key, value in self.summary().items())
        return (Card("The trial", facts),)

    def __repr__(self) -> str:
        return f"Trial({', '.join(f'{key}: {value}' for key, value in self.summary().items())})"


def _recoded(codes: Ints, labels: tuple[str, ...]) -> tuple[tuple[str, ...], Ints]:
    """The labels still in use, and the codes counted anew."""
    used, again = np.unique(codes, return_inverse=True)
    return tuple(labels[code] for code in used), again.astype(np.int64)

"""Panel: units × periods, outcome, start of treatment, clusters, exposure; valid once made."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from whatworks import panel_rules, panel_starts, periods
from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import OptionError, PanelError, first_few
from whatworks.periods import PeriodKind
from whatworks.shown import Card, Part, Shown

NEVER = panel_starts.NEVER


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Panel(Shown):
    """A table of units by periods with the outcome of each cell; valid once it exists.

    Units and periods are sorted, so the order of the rows it came from never matters.
    All arrays are read-only. Shapes: N units, T periods, K covariates, G clusters.

    Attributes:
        units: N labels.
        periods: (T,) period numbers, ascending; a difference of two is a number of periods.
        period_kind: `month`, `quarter` or `integer`.
        outcome: (N, T) outcome; NaN only where `allow_missing` let a missing cell in.
        start: (N,) period number of the first treated period; `NEVER` for a unit never treated.
        cluster: (N,) cluster codes 0..G-1, or None.
        cluster_labels: G labels, empty without clusters.
        exposure: (N, T) denominator of a count (residents, say), or None.
        covariates: (K, N, T) covariates, possibly K = 0.
        covariate_names: K names.
        weight: (N,) unit weights, or None.
        outcome_name, unit_name: the columns they came from, for tables and sentences.
        scale: the unit of the outcome in words.
        notes: what was done on the way in (a rule applied, units left out), in sentences.
    """

    units: tuple[str, ...]
    periods: Ints
    period_kind: PeriodKind
    outcome: Floats
    start: Ints
    cluster: Ints | None = None
    cluster_labels: tuple[str, ...] = ()
    exposure: Floats | None = None
    covariates: Floats = field(default_factory=lambda: np.empty((0, 0, 0)))
    covariate_names: tuple[str, ...] = ()
    weight: Floats | None = None
    outcome_name: str = "outcome"
    unit_name: str = "unit"
    scale: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n, t = len(self.units), len(self.periods)
        expected = {"outcome": (n, t), "start": (n,), "cluster": (n,), "exposure": (n, t), "weight": (n,)}
        for name, shape in expected.items():
            array = getattr(self, name)
            if array is not None and array.shape != shape:
                raise PanelError(f"{name} has shape {array.shape}, not {shape}", where="Panel")
        if not self.covariate_names:
            object.__setattr__(self, "covariates", np.empty((0, n, t)))
        if self.covariates.shape != (len(self.covariate_names), n, t):
            raise PanelError(f"covariates have shape {self.covariates.shape}", where="Panel")
        for name in ("periods", "outcome", "start", "cluster", "exposure", "covariates", "weight"):
            array = getattr(self, name)
            if array is not None:
                object.__setattr__(self, name, _read_only(array))

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        unit: str,
        period: str,
        outcome: str,
        start: str | None = None,
        cluster: str | None = None,
        exposure: str | None = None,
        covariates: Sequence[str] = (),
        weight: str | None = None,
        allow_missing: bool = False,
        never: object = None,
    ) -> Panel:
        """Build a panel from a table with one row per unit and period.

        Args:
            frame: the table; never changed.
            unit, period, outcome: columns that name the unit, the period and its outcome.
            start: column with the first treated period of each unit, blank for never treated.
            cluster: column with the coarser unit within which treatment or errors go together.
            exposure: column with the denominator of a count; the outcome must then be a count.
            covariates: numeric columns.
            weight: column with one positive weight per unit.
            allow_missing: keep cells without an outcome as missing instead of refusing them.
            never: the value that means "never treated" in `start` where it is not a blank (0, 9999, inf).

        Raises:
            PanelError: duplicated or missing cells, a start that varies within a unit, negative or
                fractional counts, values that are not finite, an always-treated unit, and the like;
                the message names the first offenders and the remedy.
            OptionError: a column that the table does not have.
        """
        roles = panel_rules.Roles(
            unit, period, outcome, start, cluster, exposure, tuple(covariates), weight, allow_missing, never
        )
        return cls(**panel_rules.arrays_from_frame(frame, roles))

    @property
    def n_units(self) -> int:
        """How many units."""
        return len(self.units)

    @property
    def n_periods(self) -> int:
        """How many periods."""
        return len(self.periods)

    @property
    def period_labels(self) -> tuple[str, ...]:
        """The periods as text (`2024-03`)."""
        return tuple(periods.label(int(p), self.period_kind) for p in self.periods)

    @property
    def never_treated(self) -> Bools:
        """(N,) units without any start."""
        mask: Bools = self.start == NEVER
        return mask

    @property
    def treated(self) -> Bools:
        """(N, T) cells at or after their unit's start."""
        mask: Bools = self.periods[None, :] >= self.start[:, None]
        return mask

    @property
    def cohorts(self) -> Ints:
        """Ascending starts that fall inside the window."""
        inside = self.start[(self.start != NEVER) & (self.start <= self.periods[-1])]
        return np.unique(inside)

    @property
    def balanced(self) -> bool:
        """Whether every cell has an outcome."""
        return not bool(np.isnan(self.outcome).any())

    @property
    def unit_weight(self) -> Floats:
        """(N,) weights of the units, ones where none are named."""
        return np.ones(self.n_units) if self.weight is None else self.weight

    @property
    def cluster_codes(self) -> Ints:
        """(N,) cluster codes, each unit alone where no cluster is named."""
        return np.arange(self.n_units, dtype=np.int64) if self.cluster is None else self.cluster

    @property
    def cluster_names(self) -> tuple[str, ...]:
        """Labels of `cluster_codes`."""
        return self.units if self.cluster is None else self.cluster_labels

    @property
    def n_clusters(self) -> int:
        """How many clusters; the number of units where no cluster was named."""
        return len(self.cluster_labels) if self.cluster is not None else self.n_units

    @property
    def fingerprint(self) -> str:
        """SHA-256 over everything that can move an estimate; the same for any row order."""
        digest = hashlib.sha256(b"whatworks.panel/1")
        words = (self.units, self.period_kind, self.cluster_labels, self.covariate_names, self.outcome_name)
        digest.update(repr(words).encode("utf-8"))
        for name in ("periods", "outcome", "start", "cluster", "exposure", "covariates", "weight"):
            array = getattr(self, name)
            digest.update(f"|{name}|{None if array is None else array.shape}|".encode())
            if array is not None:
                digest.update(np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes())
        return digest.hexdigest()

    def label(self, number: int) -> str:
        """The label of a period number, inside the window or not; `never` for `NEVER`."""
        return "never" if number == NEVER else periods.label(int(number), self.period_kind)

    def number(self, label: str | int) -> int:
        """The period number of a label (`2024-03`), inside the window or not."""
        return periods.number(label, self.period_kind, where="period")

    def select(self, keep: npt.ArrayLike, *, note: str = "") -> Panel:
        """The panel of some units only: a boolean mask (N,) or positions."""
        rows = np.arange(self.n_units)[np.asarray(keep)]
        if rows.size == 0:
            raise PanelError("no unit is left", where="Panel.select", remedy="Keep at least one unit.")
        changes: dict[str, Any] = {
            "units": tuple(self.units[i] for i in rows),
            "outcome": self.outcome[rows],
            "start": self.start[rows],
            "exposure": None if self.exposure is None else self.exposure[rows],
            "covariates": self.covariates[:, rows],
            "weight": None if self.weight is None else self.weight[rows],
            "notes": (*self.notes, note) if note else self.notes,
        }
        if self.cluster is not None:
            used, codes = np.unique(self.cluster[rows], return_inverse=True)
            changes["cluster"] = codes.astype(np.int64)
            changes["cluster_labels"] = tuple(self.cluster_labels[c] for c in used)
        return replace(self, **changes)

    def window(self, first: str | int | None = None, last: str | int | None = None) -> Panel:
        """The panel between two periods, both included (labels such as `2024-03`)."""
        low = self.periods[0] if first is None else self.number(first)
        high = self.periods[-1] if last is None else self.number(last)
        keep = (self.periods >= low) & (self.periods <= high)
        if not keep.any():
            raise PanelError(
                f"no period lies between {first} and {last}",
                where="window",
                remedy=f"The panel runs from {self.period_labels[0]} to {self.period_labels[-1]}.",
            )
        always = (self.start != NEVER) & (self.start <= self.periods[keep][0])
        if always.any():
            raise PanelError(
                f"from {first} on these units are treated in every period: "
                f"{first_few(self.units[i] for i in np.flatnonzero(always))}",
                where="window",
                remedy="Begin the window earlier or leave those units out.",
            )
        return replace(
            self,
            periods=self.periods[keep],
            outcome=self.outcome[:, keep],
            exposure=None if self.exposure is None else self.exposure[:, keep],
            covariates=self.covariates[:, :, keep],
        )

    def with_outcome(self, values: Floats, *, scale: str | None = None) -> Panel:
        """The same panel with another (N, T) outcome, for placebos and simulations."""
        return replace(self, outcome=values, scale=self.scale if scale is None else scale)

    def with_start(self, start: Ints) -> Panel:
        """The same panel with other starts (N,) as period numbers, for placebos and permutations."""
        return replace(self, start=np.asarray(start, dtype=np.int64))

    def as_rate(self, per: float = 1000.0, *, of: str = "residents") -> Panel:
        """The panel with the outcome as a rate per `per` of the exposure, instead of a count."""
        if self.exposure is None:
            raise PanelError(
                "a rate needs a denominator",
                where="as_rate",
                remedy="Name the exposure column in from_frame.",
            )
        if not (np.isfinite(per) and per > 0):
            raise OptionError(f"per={per!r} is not a positive number", where="as_rate")
        scale = f"{self.outcome_name} per {per:,.0f} {of} per {self.period_word}"
        return replace(self, outcome=per * self.outcome / self.exposure, exposure=None, scale=scale)

    @property
    def period_word(self) -> str:
        """`month`, `quarter` or `period`."""
        return "period" if self.period_kind == "integer" else self.period_kind

    def drop_incomplete(self) -> Panel:
        """The panel without the units that miss a cell, with a note that names them."""
        gaps = np.isnan(self.outcome).any(axis=1)
        if not gaps.any():
            return self
        names = first_few(self.units[i] for i in np.flatnonzero(gaps))
        note = f"{int(gaps.sum())} of {self.n_units} units were left out because they miss a cell: {names}."
        return self.select(~gaps, note=note)

    def to_frame(self) -> pd.DataFrame:
        """The panel as a tidy table: unit, period, outcome, start (blank for never treated)."""
        n, t = self.outcome.shape
        starts = ["" if s == NEVER else self.label(int(s)) for s in self.start]
        return pd.DataFrame(
            {
                self.unit_name: np.repeat(np.asarray(self.units, dtype=object), t),
                "period": np.tile(np.asarray(self.period_labels, dtype=object), n),
                self.outcome_name: self.outcome.ravel(),
                "start": np.repeat(np.asarray(starts, dtype=object), t),
            }
        )

    def summary(self) -> Mapping[str, object]:
        """What the panel is, in a few lines: sizes, window, cohorts."""
        cohorts = {self.label(int(g)): int((self.start == g).sum()) for g in self.cohorts}
        later = int(((self.start != NEVER) & (self.start > self.periods[-1])).sum())
        return {
            "units": self.n_units,
            "periods": f"{self.n_periods} ({self.period_labels[0]} to {self.period_labels[-1]})",
            "outcome": self.scale or self.outcome_name,
            "clusters": self.n_clusters if self.cluster is not None else "none named",
            "treated units by start": ", ".join(f"{g}: {n}" for g, n in cohorts.items()) or "none",
            "treated only after the window": later,
            "never treated": int(self.never_treated.sum()),
            "missing cells": int(np.isnan(self.outcome).sum()),
        }

    def parts(self) -> tuple[Part, ...]:
        """Its sizes; never a label or a value of a single unit."""
        facts = tuple((key, str(value)) for key, value in self.summary().items())
        return (Card("The panel", facts),)

    def __repr__(self) -> str:
        return f"Panel({', '.join(f'{key}: {value}' for key, value in self.summary().items())})"


def _read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if not array.flags.writeable:
        return array
    copy = array.copy()
    copy.flags.writeable = False
    return copy

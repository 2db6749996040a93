"""Every row of a trial and of its allocation record, ready to be counted at each step of the flow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from whatworks import periods
from whatworks.arrays import Bools
from whatworks.errors import OptionError
from whatworks.rct.assign import listed
from whatworks.rct.assign.allocation import Allocation
from whatworks.trial import Trial

LEFT: Final = "left the list after randomisation"
NO_ROW: Final = "no record for the period"
GONE: Final = "no outcome"
WASHED: Final = "wash-out, as planned"


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """Rows (M,) with what the flow asks of them.

    Attributes:
        arms: the columns of the diagram; arm: (M,) the column of each row.
        design: which kind of trial.
        of: words for what is counted, from the largest; keys: for each of these the (M,) code.
        taken: by step a mask (M,): received as allocated, not, unknown; empty where take-up is unrecorded.
        gone: by reason a mask (M,) of rows that are not analysed; planned: the reasons that were planned.
        analysed: (M,) rows with an outcome.
    """

    arms: tuple[str, ...]
    arm: npt.NDArray[np.object_]
    design: Literal["parallel", "crossover", "stepped wedge"]
    of: tuple[str, ...]
    keys: Mapping[str, npt.NDArray[Any]]
    clustered: bool
    taken: Mapping[str, Bools]
    gone: Mapping[str, Bools]
    analysed: Bools
    planned: tuple[str, ...] = (WASHED,)
    notes: tuple[str, ...] = field(default=())

    def total(self, of: str) -> int:
        """How many there are."""
        return len(set(self.keys[of].tolist()))

    def number(self, arm: str, of: str, mask: Bools | None = None, *, whole: bool = False) -> int:
        """How many of an arm have a row in the mask; with `whole`, have no analysed row besides."""
        here = self.arm == arm
        if mask is None:
            return len(set(self.keys[of][here].tolist()))
        found = set(self.keys[of][here & mask].tolist())
        if whole:
            found -= set(self.keys[of][here & self.analysed].tolist())
        return len(found)


def counted(trial: Trial, allocation: Allocation | None, units: str, clusters: str) -> Counted:
    """The rows of a trial, with those that only the record has."""
    rows, starts = _rows(trial, allocation)
    design: Literal["parallel", "crossover", "stepped wedge"] = "parallel"
    arms = trial.arms
    if starts is not None:
        design, (arms, rows["column"]) = "stepped wedge", starts
    elif trial.period is not None and (rows.groupby("unit")["column"].nunique() > 1).any():
        design = "crossover"
    of = [clusters] if trial.cluster is not None else []
    of += [units] + (["unit-periods"] if trial.period is not None else [])
    if len(set(of)) < len(of) or not all(of):
        raise OptionError(
            f"{of} are not different words",
            where="rct.flow",
            remedy="Give units and clusters their own word.",
        )
    each = [rows["cluster"]] if trial.cluster is not None else []
    each += [rows["unit"]] + ([rows["row"]] if trial.period is not None else [])
    observed = rows["observed"].to_numpy(dtype=bool)
    return Counted(
        arms=arms,
        arm=rows["column"].to_numpy(dtype=object),
        design=design,
        of=tuple(of),
        keys={word: column.to_numpy() for word, column in zip(of, each, strict=True)},
        clustered=trial.cluster is not None,
        taken=_taken(trial, rows),
        gone={why: (rows["why"] == why).to_numpy() for why in (WASHED, LEFT, NO_ROW, GONE)},
        analysed=observed,
        notes=trial.notes,
    )


def _taken(trial: Trial, rows: pd.DataFrame) -> dict[str, Bools]:
    if trial.taken is None:
        return {}
    unknown = rows["taken"].isna().to_numpy()
    as_allocated = ((rows["taken"] > 0) == rows["treated"]).to_numpy() & ~unknown
    return {"received": as_allocated, "not received": ~as_allocated & ~unknown, "take-up unknown": unknown}


Columns = tuple[tuple[str, ...], npt.NDArray[np.object_]]


def _rows(trial: Trial, allocation: Allocation | None) -> tuple[pd.DataFrame, Columns | None]:
    unit = np.asarray(trial.units, dtype=object)[trial.unit]
    rows = pd.DataFrame({"unit": unit, "treated": trial.arm > 0, "observed": trial.observed})
    rows["column"] = np.asarray(trial.arms, dtype=object)[trial.arm]
    rows["period"] = 0 if trial.period is None else trial.period
    rows["taken"] = np.nan if trial.taken is None else trial.taken
    labels = np.asarray(trial.cluster_labels, dtype=object)
    rows["cluster"] = "" if trial.cluster is None else labels[trial.cluster]
    rows["why"] = np.where(rows["observed"], "", GONE)
    start = _starts(trial)
    if allocation is not None:
        rows, start = _with_record(trial, allocation, rows, start)
    rows["row"] = np.arange(len(rows))
    if start is None:
        return rows, None
    each = rows["unit"].map(start)
    ever = sorted(set(each.dropna().astype(int)))
    names = {at: f"begins in {periods.label(at, trial.period_kind)}" for at in ever}
    column = each.map(names).fillna("never begins").to_numpy(dtype=object)
    late = ("never begins",) if (column == "never begins").any() else ()
    return rows, ((*names.values(), *late), column)


def _starts(trial: Trial) -> dict[str, float] | None:
    """First treated period by unit (NaN for none) where treatment, once begun, stays; else None."""
    if trial.period is None or len(trial.arms) > 2:
        return None
    back = (np.diff(trial.arm) < 0) & (np.diff(trial.unit) == 0)
    start = np.full(trial.n_units, np.inf)
    np.minimum.at(start, trial.unit, np.where(trial.arm > 0, trial.period, np.inf))
    first = np.full(trial.n_units, np.inf)
    np.minimum.at(first, trial.unit, trial.period)
    begun = np.isfinite(start)
    if back.any() or not (begun & (start > first)).any():
        return None
    return dict(zip(trial.units, np.where(begun, start, np.nan), strict=True))


def _with_record(
    trial: Trial, allocation: Allocation, rows: pd.DataFrame, start: dict[str, float] | None
) -> tuple[pd.DataFrame, dict[str, float] | None]:
    """The rows with those of the record that the trial lacks; raises `TrialError` for rows never drawn."""
    listed.against_record(trial, allocation)
    table, line = allocation.table, listed.lines(trial, allocation)
    if trial.period is not None and not allocation.scheduled:
        each, place = np.unique(trial.period, return_inverse=True)
        table = table.merge(pd.DataFrame({"period": each}), how="cross")
        line = line * len(each) + place
    gone = np.ones(len(table), dtype=bool)
    gone[line] = False
    washed = table["washout"].to_numpy(dtype=bool) if "washout" in table else np.zeros(len(table), dtype=bool)
    planned = washed[line]
    rows = rows.assign(observed=rows["observed"] & ~planned, why=rows["why"].mask(planned, WASHED))
    extra = pd.DataFrame({"unit": table[allocation.unit].astype(str), "observed": False, "taken": np.nan})
    absent = ~extra["unit"].isin(rows["unit"]).to_numpy()
    extra["why"] = np.where(absent, LEFT, np.where(washed, WASHED, NO_ROW))
    named = allocation.cluster if trial.cluster is not None else None
    own = rows.drop_duplicates("unit").set_index("unit")["cluster"]
    extra["cluster"] = table[named].astype(str) if named else extra["unit"].map(own).fillna("not known")
    if "start" in table:
        first = 0 if trial.period is None else (trial.period - listed.numbered(trial)).min()
        begun = table["start"].astype(float) + first
        start = dict(zip(extra["unit"], begun, strict=True))
        extra["column"], extra["treated"] = "", False
    else:
        extra["column"] = table["arm"].astype(str)
        extra["treated"] = extra["column"] != trial.arms[0]
        gone &= extra["column"].isin(trial.arms).to_numpy()
    return pd.concat([rows, extra[gone]], ignore_index=True), start

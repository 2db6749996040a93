"""Which cells of a panel of counts belong to which treated cohort and period, and what the fit gave them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from whatworks.arrays import Floats, Ints
from whatworks.did.counts.counted import cells_of
from whatworks.did.counts.saturated import CountModel, Saturation
from whatworks.did.linear.interacted import interact
from whatworks.did.linear.scores import Sample, sample
from whatworks.errors import DesignError, first_few
from whatworks.panel import NEVER, Panel


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """(N, T) cohort-and-period number of treated cells (−1 elsewhere), where each lies, and those lost."""

    data: Sample
    label: Ints
    cohort: Ints
    period: Ints
    lost: tuple[tuple[int, int], ...]


def layout_of(panel: Panel, anticipation: int, where: str) -> Layout:
    """Number the treated cells by cohort and period; those without a comparison that counts are lost.

    Raises:
        DesignError: a cohort that counts nothing before its start.
    """
    data = sample(panel, anticipation)
    first = np.where(data.cohorts == NEVER, NEVER, data.cohorts - anticipation)
    cells = cells_of(panel)
    there = cells.mass > 0
    heard = (cells.mass * cells.outcome * data.untouched).sum(axis=0) > 0
    _require_base(panel, data, cells.mass * cells.outcome, where)
    label = np.full(there.shape, -1, dtype=np.int64)
    rows: list[tuple[int, int]] = []
    lost: list[tuple[int, int]] = []
    for s, start in enumerate(first):
        members = data.members(s)
        for t in np.flatnonzero((panel.periods >= start) & there[members].any(axis=0)):
            if heard[t]:
                label[members[there[members, t]], t] = len(rows)
                rows.append((s, int(t)))
            else:
                lost.append((s, int(t)))
    table = np.array(rows, dtype=np.int64).reshape(-1, 2)
    return Layout(data, label, table[:, 0], table[:, 1], tuple(lost))


def _require_base(panel: Panel, data: Sample, counts: Floats, where: str) -> None:
    for s, start in enumerate(data.cohorts):
        members = data.members(s)
        if start == NEVER or (counts * data.untouched)[members].sum() > 0:
            continue
        raise DesignError(
            f"the units that start in {panel.label(int(start))} count 0 in every period before "
            f"({first_few(panel.units[int(i)] for i in members)}), so that their rate ratio runs "
            "off to infinity",
            where=where,
            remedy="Leave these units out, begin the window earlier, or pool offences or areas until they "
            "count something before; or take the difference in rates with did.imputation(panel.as_rate()).",
        )


def model_of(panel: Panel, layout: Layout, interacted: bool, where: str) -> CountModel:
    """The model with plain covariates, or with constant ones interacted.

    Raises:
        DesignError: covariates to be interacted that vary over time.
    """
    cells, data = cells_of(panel), layout.data
    lost = np.zeros(data.observed.shape, dtype=bool)
    for s, t in layout.lost:
        lost[data.members(s), t] = True
    cells = replace(cells, mass=np.where(lost, 0.0, cells.mass))
    regressors = np.nan_to_num(panel.covariates)
    names = tuple(f"covariate {name!r}" for name in panel.covariate_names)
    switched = np.zeros(len(names), dtype=bool)
    if interacted:
        regressors, switched, names = interact(panel, cells.mass, layout.label, where)
    return CountModel(
        cells=cells,
        label=layout.label,
        regressors=regressors,
        switched=switched,
        names=names,
        cell_names=tuple(
            f"the effect on cohort {panel.label(int(data.cohorts[s]))} in {panel.period_labels[t]}"
            for s, t in zip(layout.cohort, layout.period, strict=True)
        ),
        cluster=panel.cluster_codes,
    )


def cohort_effects(panel: Panel, layout: Layout, found: Saturation) -> pd.DataFrame:
    """One row per cohort and treated period: counts, counts expected without treatment, their ratio."""
    mass = found.model.cells.mass
    rows = []
    for number, (s, t) in enumerate(zip(layout.cohort, layout.period, strict=True)):
        cells = layout.label == number
        pair = [float((mass * cells * values).sum()) for values in (found.treated, found.untreated)]
        ratio = pair[0] / pair[1] if pair[1] > 0 else np.nan
        labels = (panel.label(int(layout.data.cohorts[s])), panel.period_labels[int(t)])
        rows.append((*labels, *pair, ratio))
    return pd.DataFrame(rows, columns=["cohort", "period", "counts", "expected", "rate_ratio"])


def notes_of(panel: Panel, layout: Layout, found: Saturation) -> list[str]:
    """What a reader must know of cells lost, empty or left out, and of overdispersion."""
    data, notes = layout.data, []

    def named(pairs: list[tuple[int, int]]) -> str:
        return first_few(
            (f"cohort {panel.label(int(data.cohorts[s]))} in {panel.period_labels[t]}" for s, t in pairs), 12
        )

    if layout.lost:
        notes.append(
            f"{len(layout.lost)} effects of a cohort in a period are not identified (no untreated unit "
            f"counts anything in that period) and are in no average: {named(list(layout.lost))}."
        )
    totals = cohort_effects(panel, layout, found)
    empty = np.flatnonzero((totals["counts"] == 0) & (totals["expected"] > 0))
    if empty.size:
        notes.append(
            f"{len(empty)} cohorts and periods count 0 in all; they enter with 0 counts and with the counts "
            f"expected of them: {named([(int(layout.cohort[m]), int(layout.period[m])) for m in empty])}."
        )
    if found.dropped:
        notes.append(f"{found.dropped:,} cells of 0 that effects alone fit do not enter.")
    notes.append(
        f"Counts vary {found.fit.dispersion:.3g} times as much as Poisson counts would (Pearson φ). The "
        "errors come from the clusters and allow for it."
    )
    return notes

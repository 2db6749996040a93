"""What a randomised roll-out is asked for: weights on treated cells, of its headline and every part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whatworks.arrays import Floats
from whatworks.did.rollout.contrasts import Rollout
from whatworks.panel import Panel

ESTIMANDS = ("simple", "cohort", "calendar", "event_time")

WORDS = {
    "simple": "over all treated unit-periods",
    "cohort": "over cohorts, each over its periods",
    "calendar": "over periods, each over the units treated by then",
    "event_time": "over event times from 0 on",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the effects table: its words, its place, and its weights on cells (G, T)."""

    term: str
    place: dict[str, str | int]
    weights: Floats


def asked_rows(panel: Panel, rollout: Rollout, estimand: str) -> tuple[Row, list[Row]]:
    """The headline's weights on cells, and those of every part of it."""
    cells = rollout.comparable() * rollout.size[:, None].astype(np.float64)
    if estimand == "simple":
        return Row("ATT", {}, cells / cells.sum()), []
    if estimand == "cohort":
        held = [g for g in range(len(cells)) if cells[g].any()]
        masks = [np.arange(len(cells))[:, None] == g for g in held]
        names = [panel.label(int(panel.periods[rollout.begins[g]])) for g in held]
        parts = [
            Row(f"cohort {name}", {"cohort": name}, m * cells / cells[g].sum())
            for g, name, m in zip(held, names, masks, strict=True)
        ]
        share = rollout.size[held] / rollout.size[held].sum()
    elif estimand == "calendar":
        held = np.flatnonzero(cells.any(axis=0)).tolist()
        masks = [np.arange(cells.shape[1])[None] == t for t in held]
        parts = [
            Row(
                f"period {panel.period_labels[t]}",
                {"period": panel.period_labels[t]},
                m * cells / cells[:, t].sum(),
            )
            for t, m in zip(held, masks, strict=True)
        ]
        share = np.full(len(parts), 1 / len(parts))
    else:
        parts = _by_event_time(rollout)
        after = np.array([int(row.place["event_time"]) >= 0 for row in parts])
        share = after / after.sum()
    whole = np.tensordot(share, np.stack([row.weights for row in parts]), axes=1)
    return Row("ATT", {}, np.asarray(whole)), parts


def _by_event_time(rollout: Rollout) -> list[Row]:
    """Cohorts weighted by size at each event time but −1, where any comparison is with itself."""
    t = np.arange(rollout.outcome.shape[1])
    distance = t - rollout.begins[:, None]
    dated = (rollout.begins < len(t)) & (rollout.begins < rollout.begins[-1])
    usable = dated[:, None] & (t < rollout.begins[-1])
    rows = []
    for e in np.unique(distance[usable]):
        if e == -1:
            continue
        weights = (usable & (distance == e)) * rollout.size[:, None].astype(np.float64)
        rows.append(Row(f"event time {e}", {"event_time": int(e)}, weights / weights.sum()))
    return rows

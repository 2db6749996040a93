"""Cohorts and comparison groups of a single unit or cluster: where influence functions see no noise."""

from __future__ import annotations

import numpy as np

from whatworks.arrays import Bools, Floats
from whatworks.did.group_time.effects import GroupTime
from whatworks.did.linear.wild import THIN_SHARE, lies_on


def thin_cells(detail: GroupTime) -> Bools:
    """(C,) cells in which one side is a single unit or cluster, or is fitted exactly by a regression."""
    thin: Bools = (detail.treated_pieces < 2) | (detail.compared_pieces < 2)
    if detail.adjust in ("outcome", "doubly_robust"):
        thin = thin | (detail.compared <= len(detail.panel.covariate_names) + 1)
    return thin & ~detail.cells.reference


def thin_share(detail: GroupTime, weights: Floats) -> Floats:
    """(k,) share of the weight of k averages, `weights` (k, C), that lies on thin cells."""
    size = np.abs(weights)
    total = size.sum(axis=1)
    return np.asarray((size @ thin_cells(detail)) / np.where(total > 0, total, 1.0))


def lone_treated(detail: GroupTime, weights: Floats) -> Bools:
    """(k,) averages whose treated side is a single cluster (or unit) in all; `weights` is (k, C)."""
    panel = detail.panel
    pieces = panel.cluster_codes
    member = np.zeros((panel.n_clusters, len(detail.cohorts)))
    inside = detail.cohort_of_unit >= 0
    member[pieces[inside], detail.cohort_of_unit[inside]] = 1
    of_cohort = (detail.cells.cohort[:, None] == detail.cohorts[None, :]).astype(float)
    live = (weights != 0) & ~detail.cells.reference
    reached = (live @ of_cohort) @ member.T
    return np.asarray((reached > 0).sum(axis=1) == 1)


def thin_reasons(detail: GroupTime, share: Floats) -> tuple[str, ...]:
    """Why an average has no error, or nothing where it may have one; `share` is (k,) as from `thin_share`."""
    word = detail.piece
    return tuple(
        lies_on(s, f"a cohort or comparison group of a single {word}", word) if s > THIN_SHARE else ""
        for s in share
    )


def thin_note(detail: GroupTime, share: float, reason: str) -> tuple[str, ...]:
    """What to tell the reader about the overall effect's error."""
    if share == 0:
        return ()
    if reason:
        return (f"No error is given for the overall effect: {reason}.",)
    return (
        f"{share:.1%} of the overall effect's weight lies on cohorts or comparison groups of a single "
        f"{detail.piece}, whose own noise the error cannot see: it is a little too small.",
    )

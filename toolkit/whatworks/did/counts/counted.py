"""Counts as a Poisson regression needs them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whatworks.arrays import Bools, Floats
from whatworks.did.regression import requirements
from whatworks.errors import DesignError, first_few
from whatworks.inference.fits.poisson_effects import Cells
from whatworks.panel import Panel


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """A panel of counts without units that count 0 throughout.

    Attributes:
        panel: the units used.
        kept: (N,) which of all units these are.
        silent: names of the units left out.
        notes: on what does not enter.
    """

    panel: Panel
    kept: Bools
    silent: tuple[str, ...]
    notes: tuple[str, ...]


def is_count(panel: Panel) -> bool:
    """Whether there is an exposure, or every outcome is a whole number of at least 0, and not all 0 or 1."""
    if panel.exposure is not None:
        return True
    known: Floats = panel.outcome[~np.isnan(panel.outcome)]
    return bool((known >= 0).all() and (known == np.round(known)).all() and (known > 1).any())


def counted(panel: Panel, where: str) -> Counted:
    """Leave out units that count 0 in every period, whose rate no effect could change.

    Raises:
        DesignError: negative outcomes, nothing to compare with, one side that counts nothing at all.
    """
    _require_counts(panel, where)
    requirements.require_contrast(panel, where)
    counts = np.nan_to_num(panel.outcome)
    gaps = int(np.isnan(panel.outcome).sum())
    notes = [f"{gaps:,} missing cells do not enter; the others of their units do."] if gaps else []
    silent = counts.sum(axis=1) == 0
    names = tuple(panel.units[int(i)] for i in np.flatnonzero(silent))
    if names:
        _require_heard(panel, silent, where)
        notes.append(
            f"{len(names)} of {panel.n_units} units count 0 in every period and were left out: whatever the "
            f"effect, they would ({first_few(names)})."
        )
        panel = panel.select(~silent)
    quiet = np.flatnonzero(counts.sum(axis=0) == 0)
    if len(quiet):
        labels = first_few(panel.period_labels[int(j)] for j in quiet)
        notes.append(f"{len(quiet)} periods in which no unit counts anything do not enter: {labels}.")
    return Counted(panel, ~silent, names, tuple(notes))


def cells_of(panel: Panel) -> Cells:
    """Outcome, log exposure and unit weights of the cells observed in periods that count anything."""
    counts = np.nan_to_num(panel.outcome)
    known = ~np.isnan(panel.outcome) & (counts.sum(axis=0) > 0)
    weight = panel.unit_weight
    exposure = np.ones(counts.shape) if panel.exposure is None else panel.exposure
    offset = np.log(np.where(known, exposure, 1.0))
    return Cells(np.where(known, counts, 0.0), offset, known * weight[:, None])


def _require_counts(panel: Panel, where: str) -> None:
    negative = np.argwhere(panel.outcome < 0)
    if len(negative):
        cells = first_few(
            f"{panel.units[i]} {panel.period_labels[j]} = {panel.outcome[i, j]:g}" for i, j in negative[:6]
        )
        raise DesignError(
            f"{len(negative):,} outcomes are negative, and no count is: {cells}",
            where=where,
            remedy="Give the counts with the exposure role; for outcomes below 0 use did.block "
            "or did.att_gt.",
        )


def _require_heard(panel: Panel, silent: Bools, where: str) -> None:
    treated = requirements.treated_units(panel)
    for side, word in ((treated, "treated"), (~treated, "comparison")):
        if side.any() and silent[side].all():
            raise DesignError(
                f"every {word} unit counts 0 in every period, so there is no rate to compare",
                where=where,
                remedy="Count something more frequent (a wider group of offences), or larger areas.",
            )
    requirements.require_contrast(panel.select(~silent), where)

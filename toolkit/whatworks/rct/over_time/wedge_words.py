"""What the result of a stepped wedge says in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from whatworks.errors import first_few
from whatworks.rct.over_time import correlation
from whatworks.rct.over_time.wedge_cells import WedgeCells
from whatworks.trial import Trial

if TYPE_CHECKING:
    from whatworks.rct.over_time.stepped_wedge import SteppedWedgeDetail


def estimand(trial: Trial, cells: WedgeCells, effect: str, counts: bool) -> str:
    """What the headline is about."""
    what = "Rate ratio" if counts else "Effect"
    most = int(cells.exposed.max())
    over = (
        f"average over {most} periods since the start" if effect == "exposure_time" else "taken as constant"
    )
    return f"{what} of {trial.arms[1]!r}, {over}, {len(cells.labels)} clusters (ITT)"


def sentences(detail: SteppedWedgeDetail, quiet: Sequence[str]) -> list[str]:
    """Notes on the steps, the weights of the constant-effect model, correlation and dispersion."""
    cells = detail.cells
    starts, sizes = np.unique(cells.start[cells.start < len(cells.names)], return_counts=True)
    steps = ", ".join(f"{n} in {cells.names[s]}" for s, n in zip(starts, sizes, strict=True))
    words = [f"Clusters cross: {steps}.", _bias(detail)]
    if quiet:
        words.append(
            f"{len(quiet)} of {len(cells.labels)} clusters count nothing throughout or have no row, and were "
            f"left out: {first_few(quiet)}."
        )
    if detail.correlation is not None:
        words.append(correlation.sentence(detail.correlation))
    if detail.dispersion is not None:
        words.append(
            f"Counts vary {detail.dispersion:.3g} times as much as Poisson counts would (Pearson φ); the "
            "inference allows for it."
        )
    words.append(
        "Rows of the table below the first have errors by the model and not by chance, and are not "
        "adjusted for their number."
    )
    return words


def _bias(detail: SteppedWedgeDetail) -> str:
    shown = ", ".join(f"{weight:+.2f}" for weight in detail.weights)
    constant = "taken as constant" in detail.effect.estimand
    return (
        f"The constant-effect model{' used here' if constant else ''} weighs the effects of exposure times 1 "
        f"to {len(detail.weights)} by {shown}: where effects grow or fade it is not their average, and with "
        "weights below 0 it can even have the other sign (Kenny et al. 2022)."
    )

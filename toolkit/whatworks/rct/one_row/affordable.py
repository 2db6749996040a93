"""How much adjustment for baseline a trial is large enough for: one rule for every analysis of it."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np

from whatworks.trial import Trial

BY_ARM: Final = 5
IN_COMMON: Final = 2
"""The default adjusts by arm from so many units (clusters) an arm for each variable, in common below.

On lognormal outcomes of which baseline explained a third, slopes by arm made intervals shorter by a tenth or
more from there on, and longer below, where one slope for both still helped; the 5% test kept 2 to 6%.
"""


def slopes(trial: Trial) -> tuple[Literal["lin", "ancova", "none"], str]:
    """Which adjustment for baseline the smaller of two arms is large enough for, and why not by arm."""
    k = len(trial.baseline_names)
    if not k:
        return "none", ""
    fewest = smaller_arm(trial)
    if fewest >= BY_ARM * k:
        return "lin", ""
    word = "clusters" if trial.cluster is not None else "units"
    size = f"the smaller arm has {fewest} {word} for {k} baseline variables"
    if fewest >= IN_COMMON * k:
        return (
            "ancova",
            f"One slope for both arms: {size} ({BY_ARM} each would allow a slope an arm).",
        )
    return "none", f"Not adjusted for baseline: {size}, and fewer than {IN_COMMON} each are too few."


def one_slope(trial: Trial) -> tuple[Literal["ancova", "none"], list[str]]:
    """The same where an analysis has one slope for both arms or none, and why none."""
    adjust, why = slopes(trial)
    return ("ancova", []) if adjust != "none" else ("none", [why] if why else [])


def left_out(trial: Trial, what: str) -> str:
    """The sentence of an analysis that by default goes without a baseline it cannot use."""
    return f"Not adjusted for baseline ({', '.join(trial.baseline_names)}): {what}."


def smaller_arm(trial: Trial) -> int:
    """How many units (clusters) are in the smaller arm; one that changes arms is in both."""
    codes = trial.cluster_codes
    return min(len(np.unique(codes[trial.arm == arm])) for arm in range(len(trial.arms)))

"""Few clusters: are there enough of them, on both sides, for the errors to be believed?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from whatworks.inference.default import FEW_TREATED, MANY_CLUSTERS, TRUSTED_SIDE
from whatworks.panel import Panel
from whatworks.results import CheckResult

NAME = "Enough clusters"


def few_clusters(panel: Panel) -> CheckResult:
    """Count clusters, treated clusters and comparison clusters, and say what can be believed.

    A cluster counts as treated if a unit in it is treated inside the window. With several starts the
    clusters not yet treated serve as comparison, so a staggered design needs none that stay untreated.

    Args:
        panel: the panel of the study; without clusters each unit is its own.

    Returns:
        `pass` from 40 clusters up with at least 20 on each side, `concern` below that (the limits were found
        by simulation on synthetic London; see Cameron & Miller 2015, section VI, and MacKinnon & Webb 2018),
        `fail` with a single cluster on one side: then no error is valid.
    """
    counts, table, word = _count(panel)
    total, treated, comparison, starts = (int(n) for n in table["number"])
    # with several starts the clusters not yet treated are the comparison
    one_sided = comparison if starts == 1 else total
    if min(treated, one_sided) < 2:
        return CheckResult(
            NAME,
            "fail",
            f"There are {counts}. With a single {word} on one side its own luck cannot be told from the "
            "effect, and no standard error is valid; synthetic control with placebo ranks is the way.",
            table,
            f"there were at least two treated and two comparison {word}s",
        )
    if min(treated, one_sided) <= FEW_TREATED:
        return CheckResult(
            NAME,
            "concern",
            f"There are {counts}. With {FEW_TREATED} or fewer on one side every known error, the wild "
            "bootstrap too, can be far from its nominal size: read the interval as a rough guide.",
            table,
            f"there were more than {FEW_TREATED} {word}s on each side",
        )
    if total < MANY_CLUSTERS or min(treated, one_sided) < TRUSTED_SIDE:
        return CheckResult(
            NAME,
            "concern",
            f"There are {counts}. With fewer than {MANY_CLUSTERS}, or fewer than {TRUSTED_SIDE} on one side, "
            "ordinary cluster-robust errors are too small; the wild cluster bootstrap is the default here "
            "for that reason.",
            table,
            f"there were {MANY_CLUSTERS} {word}s or more with {TRUSTED_SIDE} on each side",
        )
    return CheckResult(
        NAME, "pass", f"There are {counts}.", table, f"there were fewer than {MANY_CLUSTERS} {word}s"
    )


def _count(panel: Panel) -> tuple[str, pd.DataFrame, str]:
    codes = panel.cluster if panel.cluster is not None else np.arange(panel.n_units)
    word = "cluster" if panel.cluster is not None else "unit"
    inside = panel.start <= panel.periods[-1]
    total, treated, comparison = (np.unique(side).size for side in (codes, codes[inside], codes[~inside]))
    starts = np.unique(panel.start[inside]).size
    table = pd.DataFrame(
        {
            "what": [f"{word}s", f"treated {word}s", f"{word}s untreated throughout", "distinct starts"],
            "number": [total, treated, comparison, starts],
        }
    )
    counts = f"{total} {word}s, {treated} of them treated in the window and {comparison} untreated throughout"
    return counts, table, word

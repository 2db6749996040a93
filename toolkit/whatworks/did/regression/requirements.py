"""What a regression difference-in-differences needs of a panel, and where to go when it is not there."""

from __future__ import annotations

import numpy as np

from whatworks.arrays import Bools
from whatworks.errors import DesignError, OptionError, first_few
from whatworks.inference.default import ByClusters, Default
from whatworks.inference.errors.cluster import ClusterRobust
from whatworks.inference.errors.jackknife import Jackknife
from whatworks.inference.errors.sandwich import Conley, DriscollKraay, TwoWay
from whatworks.inference.errors.wild import WildCluster
from whatworks.panel import Panel

TOO_NARROW = (
    "A t interval on {clusters} clusters tends to be too narrow: on simulated panels like London's, with 4 "
    "to 16 clusters on the smaller side, 95% intervals covered the truth in 83 to 95% of cases, least where "
    "the sides are least alike in number. "
    'WildCluster() ("wild"), the default here, covered it in 92 to 97%.'
)

Inference = ClusterRobust | WildCluster | TwoWay | DriscollKraay | Conley | Jackknife | Default | None

REGRESSION = ByClusters(
    Inference,
    "inference={!r} does not apply to a regression",
    'Use ClusterRobust() ("cluster"), WildCluster() ("wild"), TwoWay(), DriscollKraay(), Conley(...) or '
    "Jackknife(), or leave it out for the default. Analytical() and MultiplierBootstrap() belong to "
    "did.att_gt, FewTreated() to did.block and did.twoway.",
    many=ClusterRobust(),
    few=TOO_NARROW,
)
settle = REGRESSION.settle


def treated_units(panel: Panel) -> Bools:
    """(N,) units whose start lies inside the window."""
    return np.asarray(panel.start <= panel.periods[-1])


def require_complete(panel: Panel, where: str) -> None:
    """Raise `DesignError` when a cell is missing, with what each policy would keep."""
    gaps = np.argwhere(np.isnan(panel.outcome))
    if len(gaps) == 0:
        return
    cells = first_few(f"{panel.units[i]} {panel.period_labels[j]}" for i, j in gaps)
    whole = int((~np.isnan(panel.outcome).any(axis=1)).sum())
    raise DesignError(
        f"{len(gaps):,} of {panel.outcome.size:,} cells are missing: {cells}",
        where=where,
        remedy="Mend the source, write 0 where the row is missing because nothing happened, or keep "
        f"complete units only with panel.drop_incomplete() ({whole} of {panel.n_units} units stay). Nothing "
        "was dropped for you: each choice is another estimate.",
    )


def require_contrast(panel: Panel, where: str) -> None:
    """Raise `DesignError` unless there are treated units, periods before and after, and two clusters."""
    treated = treated_units(panel)
    if not treated.any():
        raise DesignError(
            "no unit starts treatment inside the window "
            f"({panel.period_labels[0]} to {panel.period_labels[-1]})",
            where=where,
            remedy="Check the start column and the window.",
        )
    early = treated & (panel.start <= panel.periods[0])
    if early.any():
        raise DesignError(
            "these units have no period before treatment: "
            f"{first_few(panel.units[i] for i in np.flatnonzero(early))}",
            where=where,
            remedy="Begin the window earlier or leave those units out.",
        )
    if panel.n_clusters < 2:
        raise DesignError(
            f"there is one cluster in all ({first_few(panel.cluster_labels or panel.units)}), so nothing "
            "shows how clusters differ by chance",
            where=where,
            remedy="Cluster by the level at which treatment was assigned, with several such clusters on each "
            "side; or leave the cluster role out when units were assigned one by one.",
        )


def require_comparison(panel: Panel, where: str) -> None:
    """Raise `DesignError` when no unit stays untreated through the window."""
    if not treated_units(panel).all():
        return
    raise DesignError(
        "every unit is treated inside the window, so no comparison unit is left",
        where=where,
        remedy="Add units that are not treated, end the window before the last start, or, when starts "
        'differ, use did.att_gt(comparison="not_yet").',
    )


def require_one_start(panel: Panel, where: str) -> int:
    """The single start inside the window; raises `DesignError` when starts are staggered."""
    if len(panel.cohorts) == 1:
        return int(panel.cohorts[0])
    dates = first_few(panel.label(int(g)) for g in panel.cohorts)
    raise DesignError(
        f"treatment starts on {len(panel.cohorts)} dates ({dates}); one block needs one date",
        where=where,
        remedy="Use did.att_gt and did.aggregate, which compare each cohort with units not treated yet. A "
        "two-way fixed-effects coefficient would also compare late starters with units already treated.",
    )


def refuse_sums(inference: Inference, where: str) -> None:
    """Raise `OptionError` for errors from sums over units, where each cohort's effects absorb those sums."""
    if not isinstance(inference, TwoWay | DriscollKraay | Conley):
        return
    raise OptionError(
        f"{type(inference).__name__}() adds up units within a period or within a distance, and this "
        "regression gives each cohort an effect of its own in every period, after which such sums cancel: no "
        "noise would be left to see",
        where=where,
        remedy="Use ClusterRobust(...), Jackknife() or WildCluster(); errors across periods or places belong "
        "to one average effect, as in did.twoway, did.block or did.poisson.",
    )

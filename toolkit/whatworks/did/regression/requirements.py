"""What a regression difference-in-differences needs of a panel, and where to go when it is not there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from whatworks.arrays import Bools, Floats
from whatworks.errors import DesignError, OptionError, first_few
from whatworks.inference.default import Choice, ClusterCounts, Default, decide, plenty
from whatworks.inference.draws import check_level
from whatworks.inference.errors.cluster import ClusterRobust, Regression
from whatworks.inference.errors.jackknife import Jackknife
from whatworks.inference.errors.sandwich import Conley, DriscollKraay, TwoWay
from whatworks.inference.errors.wild import WildCluster
from whatworks.inference.uncertainty import Uncertainty, unknown
from whatworks.panel import Panel
from whatworks.results import NotAvailable

TOO_NARROW = (
    "A t interval on {clusters} clusters tends to be too narrow: on simulated panels like London's, with 4 "
    "to 16 clusters on the smaller side, 95% intervals covered the truth in 83 to 95% of cases, least where "
    "the sides are least alike in number. "
    'WildCluster() ("wild"), the default here, covered it in 92 to 97%.'
)

Inference = ClusterRobust | WildCluster | TwoWay | DriscollKraay | Conley | Jackknife | Default | None

_FITS = ClusterRobust | WildCluster | TwoWay | DriscollKraay | Conley | Jackknife | Default


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


def settle(inference: object, counts: ClusterCounts, where: str) -> Choice:
    """The inference object to use on a regression; raises `OptionError` for one that does not fit."""
    if inference is None or isinstance(inference, _FITS):
        choice = decide(inference, counts, many=ClusterRobust())
        used = choice.inference
        plain = isinstance(used, ClusterRobust) and used.kind in ("CR0", "CR1")
        if plain and not choice.warnings and not plenty(counts):
            return replace(choice, warnings=(TOO_NARROW.format(clusters=counts.clusters),))
        return choice
    raise OptionError(
        f"inference={inference!r} does not apply to a regression",
        where=where,
        remedy='Use ClusterRobust() ("cluster"), WildCluster() ("wild"), TwoWay(), DriscollKraay(), '
        "Conley(...) or Jackknife(), or leave it out for the default. "
        "Analytical() and MultiplierBootstrap() belong to did.att_gt, FewTreated() to did.block and "
        "did.twoway.",
    )


def refuse_sums(inference: object, where: str) -> None:
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


def uncertainty(choice: Choice, fit: Regression, contrasts: Floats, level: float) -> Uncertainty:
    """Uncertainty of `contrasts @ coefficients` under the choice, or the reason why there is none."""
    check_level(level)
    if isinstance(choice.inference, NotAvailable):
        return unknown(contrasts @ fit.coefficients, choice.inference.reason, level=level)
    result: Uncertainty = choice.inference.from_regression(fit, contrasts, level=level)
    return result


def seed_used(choice: Choice, clusters: int) -> int | None:
    """The seed, where random draws were made."""
    wild = choice.inference
    return wild.seed if isinstance(wild, WildCluster) and not wild.enumerates(clusters) else None

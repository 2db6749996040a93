"""The parts of a result that every regression difference-in-differences shares."""

from __future__ import annotations

from typing import Any

from whatworks.answer import NOT_BY_CHANCE, wider_error
from whatworks.inference.default import Choice
from whatworks.inference.intervals import smallest_detectable
from whatworks.panel import Panel
from whatworks.results import Design, Estimate, NotAvailable


def sizes(panel: Panel, n_treated: int, headline: Estimate) -> Design:
    """How large the study is and what it could have found, on t with clusters − 1 degrees of freedom."""
    df, error = float(panel.n_clusters - 1), headline.std_error
    if not isinstance(error, NotAvailable):
        error = wider_error(headline, df)
    return Design(
        n_units=panel.n_units,
        n_periods=panel.n_periods,
        n_clusters=panel.n_clusters,
        n_treated=n_treated,
        allocations=NOT_BY_CHANCE,
        mde=smallest_detectable(error, df, headline.level),
    )


def choices(panel: Panel, choice: Choice, level: float, **others: Any) -> dict[str, Any]:
    """Every choice made, by name."""
    return {
        **others,
        "inference": repr(choice.inference),
        "level": level,
        "covariates": list(panel.covariate_names),
        "weighted": panel.weight is not None,
        "clustered": panel.cluster is not None,
    }

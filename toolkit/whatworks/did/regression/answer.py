"""The parts of a result that every regression difference-in-differences shares."""

from __future__ import annotations

from typing import Any

from whatworks.answer import NOT_BY_CHANCE
from whatworks.inference.default import Choice
from whatworks.inference.intervals import critical_value, smallest_detectable
from whatworks.panel import Panel
from whatworks.results import Design, Estimate, NotAvailable, Number


def sizes(panel: Panel, n_treated: int, headline: Estimate) -> Design:
    """How large the study is and what it could have found, on t with clusters − 1 degrees of freedom.

    An interval from a bootstrap is wider than its standard error suggests, and so is the smallest effect
    found four times in five; half its width then takes the place of the error.
    """
    df = float(panel.n_clusters - 1)
    return Design(
        n_units=panel.n_units,
        n_periods=panel.n_periods,
        n_clusters=panel.n_clusters,
        n_treated=n_treated,
        allocations=NOT_BY_CHANCE,
        mde=smallest_detectable(_honest_error(headline, df), df, headline.level),
    )


def _honest_error(headline: Estimate, df: float) -> Number:
    error, low, high = headline.std_error, headline.low, headline.high
    if isinstance(error, NotAvailable) or isinstance(low, NotAvailable) or isinstance(high, NotAvailable):
        return error
    return max(error, (high - low) / 2 / critical_value(headline.level, df=df))


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

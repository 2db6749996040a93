"""The parts of a result that every regression difference-in-differences shares."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from whatworks.inference.default import Choice
from whatworks.inference.intervals import smallest_detectable
from whatworks.panel import Panel
from whatworks.results import Design, Estimate, NotAvailable


def explained(estimate: Estimate, choice: Choice) -> Estimate:
    """The estimate with the reason for its inference at the end of its sentence."""
    if isinstance(choice.inference, NotAvailable):
        return replace(estimate, inference=f"None: {choice.reason}")
    return replace(estimate, inference=f"{estimate.inference} ({choice.reason}).")


def sizes(panel: Panel, n_treated: int, headline: Estimate) -> Design:
    """How large the study is and what it could have found, on t with clusters − 1 degrees of freedom."""
    return Design(
        n_units=panel.n_units,
        n_periods=panel.n_periods,
        n_clusters=panel.n_clusters,
        n_treated=n_treated,
        allocations=NotAvailable("chance did not decide which units were treated, nor when"),
        mde=smallest_detectable(headline.std_error, float(panel.n_clusters - 1), headline.level),
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

"""What a two-way coefficient is made of: every comparison of two groups, with its weight."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from whatworks.did.regression import requirements
from whatworks.errors import DesignError
from whatworks.inference.fits.projection import residuals
from whatworks.panel import NEVER, Panel

WHERE = "did.bacon"

UNTREATED = "treated vs untreated"
EARLIER = "earlier vs later"
LATER = "later vs earlier"


@dataclass(frozen=True, slots=True, eq=False)
class Bacon:
    """The Goodman-Bacon decomposition of a two-way fixed-effects coefficient.

    Attributes:
        table: one row a comparison: treated, comparison, type, estimate, weight, n (units of both groups),
            already_treated (whether the comparison group is under treatment all along).
        by_type: one row a type: comparisons, weight (their sum), estimate (their weighted mean).
        coefficient: the two-way coefficient, which is the sum of weight × estimate.
        scale: the unit of the outcome.
        input_hash: fingerprint of the panel.
        notes: what a reader must know, in sentences.
    """

    table: pd.DataFrame
    by_type: pd.DataFrame
    coefficient: float
    scale: str
    input_hash: str
    notes: tuple[str, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """What the two-way regression would have said, and whether units already treated had a part in it."""
        unit = f" ({self.scale})" if self.scale else ""
        return (
            f"One two-way regression over all dates would have given {self.coefficient:.3g}{unit}.",
            self.notes[-1],
        )


def bacon(panel: Panel) -> Bacon:
    """Take the two-way fixed-effects coefficient apart into its comparisons of two groups.

    Groups are cohorts, and the units not treated inside the window. A cohort is compared with the untreated
    over all periods; with a later cohort (not treated yet) until that starts; and with an earlier cohort,
    already treated, from its start on. Weights of the last kind turn the effect's growth into bias. Unit
    weights of the panel count as so many units: the theorem needs only that they are constant over time.

    Args:
        panel: (N, T) outcomes without gaps and without covariates.

    Raises:
        DesignError: missing cells, covariates, nobody treated or nobody to compare with.

    Source: Goodman-Bacon (2021), Journal of Econometrics 225(2), theorem 1 and equations 7 to 10.
    """
    requirements.require_complete(panel, WHERE)
    requirements.require_contrast(panel, WHERE)
    if len(panel.cohorts) == 1:
        requirements.require_comparison(panel, WHERE)
    _refuse_covariates(panel)
    table = pd.DataFrame(list(_comparisons(panel)))
    table["weight"] /= table["weight"].sum()
    table["already_treated"] = table["type"] == LATER
    by_type = _by_type(table)
    return Bacon(
        table=table,
        by_type=by_type,
        coefficient=_coefficient(panel),
        scale=panel.scale,
        input_hash=panel.fingerprint,
        notes=(*panel.notes, _sentence(by_type)),
    )


def _comparisons(panel: Panel) -> Iterator[dict[str, object]]:
    """Every comparison of two groups; weights up to a common factor.

    With n_k the share of group k and D_k its share of periods under treatment, weights are in proportion to
    n_k·n_U·D_k(1 − D_k), n_k·n_l·(D_k − D_l)(1 − D_k) and n_k·n_l·D_l(D_k − D_l), k starting before l.
    """
    group = np.where(requirements.treated_units(panel), panel.start, NEVER)
    starts = np.unique(group)
    weight = panel.unit_weight
    member = group[None, :] == starts[:, None]
    mass = member @ weight
    total = np.concatenate(
        [np.zeros((len(starts), 1)), np.cumsum((member * weight) @ panel.outcome / mass[:, None], axis=1)],
        axis=1,
    )
    share, units = mass / mass.sum(), member.sum(axis=1)
    first = np.searchsorted(panel.periods, starts)
    t = panel.n_periods
    treated_share = 1 - first / t

    def change(k: int, begin: int, start: int, end: int) -> float:
        after = (total[k, end] - total[k, start]) / (end - start)
        return float(after - (total[k, start] - total[k, begin]) / (start - begin))

    def row(k: int, c: int, kind: str, weight: float, window: tuple[int, int, int]) -> dict[str, object]:
        return {
            "treated": panel.label(int(starts[k])),
            "comparison": "untreated" if starts[c] == NEVER else panel.label(int(starts[c])),
            "type": kind,
            "estimate": change(k, *window) - change(c, *window),
            "weight": float(share[k] * share[c] * weight),
            "n": int(units[k] + units[c]),
        }

    for k in np.flatnonzero(starts != NEVER).tolist():
        dk = treated_share[k]
        for c in range(k + 1, len(starts)):
            dc = treated_share[c]
            if starts[c] == NEVER:
                yield row(k, c, UNTREATED, dk * (1 - dk), (0, first[k], t))
                continue
            yield row(k, c, EARLIER, (dk - dc) * (1 - dk), (0, first[k], first[c]))
            yield row(c, k, LATER, dc * (dk - dc), (first[k], first[c], t))


def _by_type(table: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for kind in (UNTREATED, EARLIER, LATER):
        part = table[table["type"] == kind]
        if len(part):
            weight = float(part["weight"].sum())
            mean = float((part["weight"] * part["estimate"]).sum() / weight)
            rows.append({"type": kind, "comparisons": len(part), "weight": weight, "estimate": mean})
    return pd.DataFrame(rows)


def _coefficient(panel: Panel) -> float:
    treated = panel.treated & requirements.treated_units(panel)[:, None]
    D = residuals(treated.astype(np.float64), panel.unit_weight[:, None])
    mass = panel.unit_weight
    weighted = D * mass[:, None]
    # the period effects drop out on either side; demeaning the outcome by unit keeps large levels harmless
    within = panel.outcome - panel.outcome.mean(axis=1, keepdims=True)
    return float((weighted * within).sum() / (weighted * D).sum())


def _refuse_covariates(panel: Panel) -> None:
    if not panel.covariate_names:
        return
    raise DesignError(
        f"with covariates ({', '.join(panel.covariate_names)}) the two-way coefficient is not a weighted "
        "mean of simple comparisons of two groups",
        where=WHERE,
        remedy="Build the panel without covariates to see the weights of the coefficient without them.",
    )


def _sentence(by_type: pd.DataFrame) -> str:
    already = by_type.loc[by_type["type"] == LATER]
    if already.empty:
        return "No comparison uses units already treated."
    weight, estimate = float(already["weight"].iloc[0]), float(already["estimate"].iloc[0])
    return (
        f"{weight:.1%} of the weight compares later cohorts with cohorts already treated "
        f"(weighted mean {estimate:+.4g}); where effects grow or fade over time, these comparisons are "
        "biased."
    )

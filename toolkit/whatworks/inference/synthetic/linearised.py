"""Linearised errors of a difference between a treated and a calibrated comparison group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import choose
from whatworks.inference import intervals
from whatworks.inference.draws import check_level
from whatworks.inference.errors.correction import NORMAL
from whatworks.inference.fits.rows import by_cluster
from whatworks.inference.synthetic.two_groups import Several, TwoGroups, largest_of, no_joint
from whatworks.inference.uncertainty import from_errors, unknown
from whatworks.results import NotAvailable, Number

_FLAT: Final = 1e-12
NO_SPREAD: Final = "nothing varies, so there is no error"
ONE_TREATED: Final = (
    "there is only one treated {piece}, so nothing in the data shows how far it strays by chance; "
    'PermutationGroups(statistic="difference") needs only one'
)
SATURATED: Final = (
    "the constraints fit the untreated units without a remainder, or a single {piece} carries all the "
    "weight, so nothing in the data shows how far they stray by chance; match on fewer periods at a time, "
    "or use PermutationGroups() or GroupJackknife()"
)


@dataclass(frozen=True, slots=True)
class Linearised:
    """Errors from the first-order expansion of the weighted difference (Taylor linearisation).

    Attributes:
        kind: `calibrated` takes the outcome's residual from its regression, over untreated units, on what the
            weights were calibrated on, since balance takes all the rest away; its pieces are units (clusters
            where named), and t has Welch's degrees of freedom. `survey` prints what R's microsynth does:
            fixed weights, a two-group regression with period effects, every unit and period a piece of its
            own, normal.

    Source: Deville & Särndal (1992), JASA 87(418), result 5, for `calibrated`; Robbins, Saunders & Kilmer
    (2017), JASA 112(517), section 4.1, with the survey package's formula (Binder 1983), for `survey`.
    """

    kind: Literal["calibrated", "survey"] = "calibrated"

    def __post_init__(self) -> None:
        choose("kind", self.kind, ("calibrated", "survey"), where="Linearised")

    def errors(self, groups: TwoGroups) -> Floats:
        """(J, 1 + P) standard errors; NaN where there are none."""
        return self._spread(groups)[0]

    def assess(self, groups: TwoGroups, *, level: float) -> Several:
        """Uncertainty of the mean difference and of each period's, for every outcome."""
        check_level(level)
        value = groups.differences
        error, covariance, df = self._spread(groups)
        why = self.missing(groups)
        if why:
            found = unknown(value.ravel(), why, level=level)
            reason = NotAvailable(why)
            return Several(found, no_joint(why, len(value)), reason)
        spread = np.where(error.ravel() > 0, error.ravel(), np.nan)
        reasons = ("" if s > 0 else NO_SPREAD for s in spread)
        sentence = self._sentence(groups)
        found = from_errors(value.ravel(), spread, reasons, df=df, level=level, sentence=sentence)
        first = float(spread[0]) if spread[0] > 0 else NotAvailable(NO_SPREAD)
        one_df: Number = float(df[0]) if isinstance(df, np.ndarray) else df
        mde = intervals.smallest_detectable(first, one_df, level)
        return Several(found, largest_of(value[:, 0], covariance, "the linearised errors"), mde)

    def _spread(self, groups: TwoGroups) -> tuple[Floats, Floats, Floats | NotAvailable]:
        """(J, 1 + P) errors, (J, J) covariance of the mean differences, degrees of freedom."""
        if self.kind == "survey":
            return (*_survey(groups), NORMAL)
        return _calibrated(groups)

    def missing(self, groups: TwoGroups) -> str:
        """Why these groups have no such error; empty where they have."""
        piece = "cluster" if groups.cluster is not None and self.kind == "calibrated" else "unit"
        if _pieces(groups, groups.treated > 0) < 2:
            return ONE_TREATED.format(piece=piece)
        used = _pieces(groups, groups.comparison > 0)
        if used < 2 or (self.kind == "calibrated" and _spare(groups) < 1):
            return SATURATED.format(piece=piece)
        return ""

    def _sentence(self, groups: TwoGroups) -> str:
        used = int((groups.comparison > 0).sum())
        if self.kind == "survey":
            return (
                "Linearised standard error of a two-group regression with the weights taken as fixed and "
                "every unit and period as independent (as R's microsynth prints); normal distribution"
            )
        by = "units" if groups.cluster is None else "clusters"
        return (
            "Linearised standard error from residuals on what the weights were calibrated on, independent "
            f"across {by}, {used:,} comparison units carrying weight; t with Welch's degrees of freedom"
        )


def _pieces(groups: TwoGroups, mask: Bools) -> int:
    return int(mask.sum()) if groups.cluster is None else len(np.unique(groups.cluster[mask]))


def _spare(groups: TwoGroups) -> int:
    """Untreated units beyond those that the features' regression uses up."""
    basis = _basis(groups)[groups.treated == 0]
    values = np.linalg.eigvalsh(basis.T @ basis)
    return len(basis) - int((values > _FLAT * values[-1]).sum())


def _basis(groups: TwoGroups) -> Floats:
    return np.column_stack([np.ones(len(groups.treated)), groups.features])


def _calibrated(groups: TwoGroups) -> tuple[Floats, Floats, Floats]:
    """Given the features, the weights are fixed: what is random is each side's residual on the features."""
    own, free = groups.treated > 0, groups.treated == 0
    used = groups.comparison[free] > 0
    terms = np.concatenate([groups.outcome.mean(axis=2, keepdims=True), groups.outcome], axis=2)
    count, _, width = terms.shape
    flat = np.moveaxis(terms, 1, 0).reshape(len(own), -1)
    basis = _basis(groups)
    values, vectors = np.linalg.eigh(basis[free].T @ basis[free])
    kept = values > _FLAT * values[-1]
    turned = basis @ vectors[:, kept] / np.sqrt(values[kept])
    residual = flat - turned @ (turned[free].T @ flat[free])
    room = np.sqrt(np.maximum(1.0 - (turned[free] ** 2).sum(axis=1), 1e-12))
    share = (groups.comparison[free, None] * residual[free] / room[:, None])[used]
    mine = groups.treated[own, None] * (residual[own] - groups.treated[own] @ residual[own])
    codes = groups.cluster
    if codes is not None:
        mine, share = _summed(mine, codes[own]), _summed(share, codes[free][used])
    pieces, weight = len(mine), groups.comparison[free] ** 2
    mine = mine * np.sqrt(pieces / max(pieces - 1, 1))
    treated, comparison = (mine**2).sum(axis=0), (share**2).sum(axis=0)
    variance = treated + comparison
    freedom = max(min(len(share), weight.sum() ** 2 / (weight**2).sum()) - 1, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        df = variance**2 / (treated**2 / max(pieces - 1, 1) + comparison**2 / freedom)
    both = np.concatenate([mine, share])[:, np.arange(count) * width]
    error = np.sqrt(variance).reshape(count, width)
    return error, np.asarray(both.T @ both), np.asarray(np.where(np.isfinite(df), df, 1.0))


def _summed(contributions: Floats, codes: Ints) -> Floats:
    distinct, place = np.unique(codes, return_inverse=True)
    return by_cluster(contributions, place, len(distinct))


def _survey(groups: TwoGroups) -> tuple[Floats, Floats]:
    """The sandwich of y ~ group + period with rows (unit, period), centred, rows over rows less one."""
    count, units, width = groups.outcome.shape
    rows = units * width
    sign = groups.treated - groups.comparison
    level = np.einsum("n,jnp->jp", (groups.treated + groups.comparison) / 2, groups.outcome)
    gap = groups.differences[:, 0]
    side = np.sign(sign)[None, :, None] / 2
    residual = groups.outcome - level[:, None, :] - side * gap[:, None, None]
    cells = (sign[None, :, None] * residual / width).reshape(count, -1)
    covariance = rows / (rows - 1) * (cells @ cells.T)
    each = groups.outcome - np.where(
        sign[None, :, None] > 0,
        np.einsum("n,jnp->jp", groups.treated, groups.outcome)[:, None, :],
        np.einsum("n,jnp->jp", groups.comparison, groups.outcome)[:, None, :],
    )
    single = np.einsum("n,jnp->jp", sign**2, each**2) * units / (units - 1)
    error = np.concatenate([np.diag(covariance)[:, None], single], axis=1)
    return np.sqrt(error), np.asarray(covariance)

"""Bias-reduced cluster scores (CR2) and the degrees of freedom of Bell & McCaffrey."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whatworks.arrays import Floats, Ints
from whatworks.inference.fits.collinear import normal_inverse
from whatworks.inference.fits.regression import Regression
from whatworks.inference.fits.rows import Rows, period_dummies, period_gram

_RANK = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class _Whole:
    """The full design R: M = (R′WR)⁺, Ω = R′W²R, and the m combinations of X that are estimated, (m, k)."""

    M: Floats
    omega: Floats
    lean: Floats


def adjusted(fit: Regression, rows: Rows, contrasts: Floats) -> tuple[Floats, Floats]:
    """Scores (m, G) of m combinations whose sum of squares is the CR2 variance, and degrees of freedom (m,).

    With H the weighted hat matrix and an identity working covariance, residuals of cluster g are multiplied
    by the inverse symmetric root of B_g = [(I − H)(I − H)′]_g, a pseudo-inverse because unit effects nested
    in clusters leave it singular. Degrees of freedom are (tr P)²/tr P², P_gh = p_g′p_h, with p_g the vector
    that turns errors into the score of cluster g. B_g differs from a projection only on the span of R_g and
    W_gR_g, so its root is taken there.

    Source: Bell & McCaffrey (2002), Survey Methodology 28(2); Pustejovsky & Tipton (2018),
    Journal of Business & Economic Statistics 36(4).
    """
    members = rows.members()
    designs = [_design(rows, units) for units in members]
    whole = _whole(fit, rows, contrasts, designs, members)
    r, m = len(whole.M), len(contrasts)
    K = np.block([[whole.M @ whole.omega @ whole.M, -whole.M], [-whole.M, np.zeros((r, r))]])
    score = np.empty((m, len(members)))
    trace, square, outer = np.zeros(m), np.zeros(m), np.zeros((m, 2 * r, 2 * r))
    for g, units in enumerate(members):
        score[:, g], own, y = _cluster(rows, units, designs[g], whole)
        through = np.einsum("ms,st,mt->m", y, K, y, optimize=True)
        trace += own + through
        square += own**2 + 2 * own * through
        outer += y[:, :, None] * y[:, None, :]
    mixed = K @ outer
    square += np.einsum("mst,mts->m", mixed, mixed, optimize=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return score, trace**2 / square


def _design(rows: Rows, units: Ints) -> Floats:
    """(n_g·T, r) rows of R of one cluster; periods net of units and X, unless the fit has its own."""
    if rows.design is not None:
        return rows.design[units].reshape(-1, rows.design.shape[-1])
    dummies = period_dummies(rows.observed[units], unit_effects=rows.unit_effects)
    both = np.concatenate([dummies, np.moveaxis(rows.X[:, units], 0, -1)], axis=-1)
    return both.reshape(-1, both.shape[-1])


def _whole(
    fit: Regression,
    rows: Rows,
    contrasts: Floats,
    designs: list[Floats],
    members: list[Ints],
) -> _Whole:
    t = rows.observed.shape[1]
    r = designs[0].shape[1]
    omega, gram = np.zeros((r, r)), np.zeros((r, r))
    for R, units in zip(designs, members, strict=True):
        heavy = R * np.repeat(rows.weight[units], t)[:, None]
        omega += heavy.T @ heavy
        gram += R.T @ heavy
    lean = contrasts @ fit.bread
    if rows.design is not None:
        return _Whole(normal_inverse(gram, rcond=1e-11), omega, lean)
    periods = np.linalg.pinv(
        period_gram(rows.weight, rows.observed, unit_effects=rows.unit_effects), rcond=1e-12, hermitian=True
    )
    zero = np.zeros((t, len(fit.bread)))
    return _Whole(np.block([[periods, zero], [zero.T, fit.bread]]), omega, lean)


def _cluster(rows: Rows, units: Ints, R: Floats, whole: _Whole) -> tuple[Floats, Floats, Floats]:
    """Of one cluster: scores (m,), squared lengths of u_g (m,), and [R_g′u_g, R_g′W_gu_g] (m, 2r)."""
    weight = np.repeat(rows.weight[units], rows.observed.shape[1])
    heavy = R * weight[:, None]
    S = _span(R if np.ptp(weight) == 0 else np.hstack([R, heavy]))
    light, loaded = S.T @ R, S.T @ heavy
    crossed = light @ whole.M @ loaded.T
    B = np.eye(S.shape[1]) - crossed - crossed.T + light @ whole.M @ whole.omega @ whole.M @ light.T
    values, vectors = np.linalg.eigh((B + B.T) / 2)
    root = np.where(values > _RANK, 1 / np.sqrt(np.maximum(values, _RANK)), 0.0)
    aim = np.tensordot(rows.X[:, units].reshape(len(rows.X), -1) * weight, whole.lean, axes=(0, 1))
    u = (vectors * root) @ (vectors.T @ (S.T @ aim))
    score = (S.T @ rows.residual[units].ravel()) @ u
    return score, (u**2).sum(axis=0), np.hstack([u.T @ light, u.T @ loaded])


def _span(columns: Floats) -> Floats:
    """An orthonormal basis of the columns; their units of measurement do not matter."""
    length = np.sqrt((columns**2).sum(axis=0))
    kept = columns[:, length > 0] / length[length > 0]
    left, values, _ = np.linalg.svd(kept, full_matrices=False)
    return np.asarray(left[:, values > _RANK * values.max(initial=0.0)])

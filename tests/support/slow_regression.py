"""The obvious way: dummies for every unit and period, least squares, and a loop over bootstrap samples."""

from __future__ import annotations

import itertools

import numpy as np


class Slow:
    """Weighted least squares of (N, T) outcomes on k regressors (k, N, T), unit and period dummies."""

    def __init__(self, outcome, regressors, cluster, weight=None):
        n, t = outcome.shape
        unit, period = np.repeat(np.arange(n), t), np.tile(np.arange(t), n)
        dummies = np.column_stack([unit[:, None] == np.arange(n), period[:, None] == np.arange(1, t)])
        self.root = np.sqrt(np.ones(n) if weight is None else weight)[unit]
        own = np.column_stack([r.ravel() for r in regressors])
        self.k = own.shape[1]
        self.X = np.column_stack([own, dummies.astype(float)]) * self.root[:, None]
        self.inverse = np.linalg.pinv(self.X.T @ self.X)
        self.rows = np.asarray(cluster)[unit]
        self.clusters = np.unique(self.rows)
        self.y = outcome.ravel() * self.root

    def coefficients(self, y):
        return self.inverse @ (self.X.T @ y)

    def covariance(self, y):
        """CR0 over all columns."""
        residual = y - self.X @ self.coefficients(y)
        meat = np.zeros((self.X.shape[1],) * 2)
        for g in self.clusters:
            score = self.X[self.rows == g].T @ residual[self.rows == g]
            meat += np.outer(score, score)
        return self.inverse @ meat @ self.inverse

    def t(self, y, contrast, null=0.0):
        c = self._full(contrast)
        return (c @ self.coefficients(y) - null) / np.sqrt(c @ self.covariance(y) @ c)

    def restricted(self, contrasts, nulls):
        """Fitted values under `contrasts @ beta = nulls`, for (m, k) contrasts."""
        C = np.array([self._full(c) for c in contrasts])
        beta = self.coefficients(self.y)
        gap = C @ beta - np.asarray(nulls)
        return self.X @ (beta - self.inverse @ C.T @ np.linalg.solve(C @ self.inverse @ C.T, gap))

    def samples(self, fitted, flips=None):
        """Bootstrap outcomes for every vector of signs, or for the given weights (B, G)."""
        residual = self.y - fitted
        if flips is None:
            flips = itertools.product([1.0, -1.0], repeat=len(self.clusters))
        for row in flips:
            yield fitted + np.asarray(row)[np.searchsorted(self.clusters, self.rows)] * residual

    def wild_p(self, contrast, null=0.0, flips=None):
        """Share of bootstrap |t| not below the sample's, null imposed; ties within 1e-9 count."""
        observed = abs(self.t(self.y, contrast, null))
        fitted = self.restricted([contrast], [null])
        drawn = [abs(self.t(y, contrast, null)) for y in self.samples(fitted, flips)]
        return np.mean(np.array(drawn) >= observed * (1 - 1e-9)), np.array(drawn)

    def _full(self, contrast):
        return np.concatenate([contrast, np.zeros(self.X.shape[1] - self.k)])


def newton_poisson(y, offset, X, weight, steps=40):
    """Poisson regression on every column at once."""
    beta = np.linalg.lstsq(X, np.log(y + 0.5) - offset, rcond=None)[0]
    for _ in range(steps):
        mu = np.exp(offset + X @ beta)
        beta = beta + np.linalg.solve((X * (weight * mu)[:, None]).T @ X, X.T @ (weight * (y - mu)))
    return beta


def reduced_bias(X, residual, cluster, gradient, weight=None):
    """CR2 error and Bell-McCaffrey degrees of freedom of gradient·beta, from the whole hat matrix.

    Identity working covariance; rows may have been multiplied by the root of their weight beforehand.
    """
    n = len(X)
    w = np.ones(n) if weight is None else weight
    bread = np.linalg.pinv((X * w[:, None]).T @ X, rcond=1e-13)
    left = np.eye(n) - X @ bread @ (X * w[:, None]).T
    score, carried = [], []
    for g in np.unique(cluster):
        own = cluster == g
        values, vectors = np.linalg.eigh(left[own] @ left[own].T)
        root = (vectors / np.sqrt(np.where(values > 1e-9, values, np.inf))) @ vectors.T
        a = root @ (X[own] * w[own, None]) @ bread @ gradient
        score.append(a @ residual[own])
        carried.append(a @ left[own])
    P = np.array(carried) @ np.array(carried).T
    return np.sqrt(np.square(score).sum()), np.trace(P) ** 2 / (P**2).sum()


def leave_out_step(X, residual, cluster, gradient, weight=None):
    """Change of gradient·beta when each cluster is left out of the least squares, refitted from the rows."""
    w = np.ones(len(X)) if weight is None else weight
    out = []
    for g in np.unique(cluster):
        kept = cluster != g
        inverse = np.linalg.pinv((X[kept] * w[kept, None]).T @ X[kept], rcond=1e-13)
        out.append(gradient @ inverse @ (X[kept].T @ (w[kept] * residual[kept])))
    return np.array(out)

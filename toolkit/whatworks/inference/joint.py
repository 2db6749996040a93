"""Are several coefficients zero at once? A test that holds with fewer clusters than coefficients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from whatworks.inference.cluster import ClusterRobust, Regression
from whatworks.inference.wild import WildCluster
from whatworks.inference.wild_refits import TIE, project
from whatworks.results import NotAvailable, Number

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CLUSTERS_PER_RESTRICTION: Final = 5
"""A Wald test needs at least this many clusters per coefficient tested, and 40 in all."""


@dataclass(frozen=True, slots=True)
class JointTest:
    """A joint test of `n_tested` coefficients.

    Attributes:
        statistic: largest |t| (wild bootstrap) or F.
        p_value: of all of them being zero, or why there is none.
        df: degrees of freedom of F, numerator and denominator; empty for the bootstrap.
        n_tested: coefficients tested.
        sentence: which test, and why this one.
    """

    statistic: Number
    p_value: Number
    df: tuple[int, ...]
    n_tested: int
    sentence: str


def joint_test(fit: Regression, columns: Ints, inference: ClusterRobust | WildCluster) -> JointTest:
    """Test that the coefficients at `columns` are all zero.

    A cluster covariance has rank G − 1 at most, so a Wald statistic of many coefficients is unreliable long
    before it is impossible. It is used for `ClusterRobust` from 40 clusters and five clusters per coefficient
    on; otherwise the largest |t| is referred to its wild cluster bootstrap distribution with all of them set
    to zero, which needs no inverse.

    Source: MacKinnon, Nielsen & Webb (2023), Journal of Econometrics 232(2), section 4.
    """
    clusters, tested = fit.n_clusters, len(columns)
    if isinstance(inference, ClusterRobust) and clusters >= max(40, CLUSTERS_PER_RESTRICTION * tested):
        return wald(fit, columns, inference)
    wild = inference if isinstance(inference, WildCluster) else WildCluster()
    return largest_t(fit, columns, wild)


def wald(fit: Regression, columns: Ints, inference: ClusterRobust) -> JointTest:
    """F test on the cluster-robust covariance, whose degrees of freedom are the clusters less one."""
    from scipy import stats

    beta = fit.coefficients[columns]
    covariance = inference.covariance(fit)[np.ix_(columns, columns)]
    statistic = float(beta @ np.linalg.solve(covariance, beta)) / len(columns)
    df = (len(columns), fit.n_clusters - 1)
    sentence = f"Joint F({df[0]}, {df[1]}) test, {inference.kind} over {fit.n_clusters} clusters"
    return JointTest(statistic, float(stats.f.sf(statistic, *df)), df, len(columns), sentence)


def largest_t(fit: Regression, columns: Ints, wild: WildCluster) -> JointTest:
    """Largest |t| against its wild cluster bootstrap distribution with all of them set to zero."""
    moments = fit.moments()
    flips, share = wild.flips(fit.n_clusters)
    direction = fit.bread[:, columns] @ np.linalg.solve(
        fit.bread[np.ix_(columns, columns)], fit.coefficients[columns]
    )
    scores = fit.scores + np.einsum("gkl,l->gk", moments.gram, direction)
    carry = moments.carry + np.einsum("gkp,k->gp", moments.cross, direction)
    blocks, sample, largest = flips.held(), 0.0, np.zeros(len(flips))
    for column in columns:
        contrast = np.eye(len(fit.coefficients))[column]
        variance = float(((fit.scores @ fit.bread @ contrast) ** 2).sum())
        if variance <= 0:
            continue
        refits = project(fit, moments, contrast, scores, carry)
        with np.errstate(divide="ignore", invalid="ignore"):
            parts = [(w @ refits.own) ** 2 / (refits.scores(w) ** 2).sum(axis=1) for w in blocks]
        largest = np.maximum(largest, np.nan_to_num(np.concatenate(parts), nan=0.0, posinf=np.inf))
        sample = max(sample, float(fit.coefficients[column]) ** 2 / variance)
    holds = largest >= sample * (1 - TIE)
    if share.extra == 0:
        holds[0] = True
    sentence = (
        f"Largest |t| of {len(columns)} coefficients against its wild cluster bootstrap distribution over "
        f"{fit.n_clusters} clusters with all of them set to zero"
    )
    if sample == 0:
        return JointTest(
            0.0, NotAvailable("no variation is left between clusters"), (), len(columns), sentence
        )
    # CR1, as the t printed beside each coefficient
    factor = (fit.n_clusters - 1) / fit.n_clusters
    p_value = float(share.p_value(np.array(int(holds.sum()))))
    return JointTest(float(np.sqrt(sample * factor)), p_value, (), len(columns), sentence)

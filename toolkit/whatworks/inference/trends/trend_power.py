"""How steep a straight trend must be before a test of the leads notices it, and what slips through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from whatworks.arrays import Floats

POINTS: Final = 20_000
"""Lattice points; on 12 correlated leads they give a probability to about 1e-5."""

_FLOOR: Final = 1e-300


@dataclass(frozen=True, slots=True, eq=False)
class Leads:
    """J leads and the test that each |estimate| stays below `critical` standard errors.

    Attributes:
        root: (J, J) lower triangular, root·root′ the covariance.
        half: (J,) largest |estimate| that passes.
        lattice: (R, J) points in the unit cube.
    """

    root: Floats
    half: Floats
    lattice: Floats

    def passing(self, mean: Floats) -> tuple[float, Floats]:
        """Probability that all leads with this mean pass, and their expectation given that they do.

        Source: the separation of variables of Genz (1992), Journal of Computational and Graphical Statistics
        1(2), on a lattice.
        """
        from scipy.special import ndtr, ndtri

        z = np.zeros_like(self.lattice)
        weight = np.ones(len(self.lattice))
        for j, scale in enumerate(np.diag(self.root)):
            centre = mean[j] + z[:, :j] @ self.root[j, :j]
            low, high = ((side * self.half[j] - centre) / scale for side in (-1, 1))
            # mirrored where the interval lies in the upper tail, where 1 − Φ would lose its digits
            flip = np.where(low + high > 0, -1.0, 1.0)
            a, b = ndtr(np.minimum(flip * low, flip * high)), ndtr(np.maximum(flip * low, flip * high))
            u = self.lattice[:, j]
            z[:, j] = flip * ndtri(np.maximum(a + np.where(flip > 0, u, 1 - u) * (b - a), _FLOOR))
            weight *= b - a
        total = weight.sum()
        given = mean + self.root @ (weight @ z / total) if total > 0 else np.full(len(mean), np.nan)
        return float(total / len(weight)), np.asarray(given)


def leads(sigma: Floats, critical: float) -> Leads:
    """The leads with covariance `sigma` (J, J), each tested against `critical` standard errors."""
    half = critical * np.sqrt(np.diag(sigma))
    root = np.asarray(np.linalg.cholesky(sigma), dtype=np.float64)
    return Leads(root, np.asarray(half), _lattice(len(sigma)))


def joint_critical(sigma: Floats, level: float) -> float:
    """The value that the largest |t| of correlated normal leads stays below with probability `level`."""
    from scipy.optimize import brentq
    from scipy.special import ndtri

    zero = np.zeros(len(sigma))
    low, high = float(ndtri(0.5 + level / 2)), float(ndtri(0.5 + (1 - (1 - level) / len(sigma)) / 2))
    if len(sigma) == 1:
        return low

    def excess(critical: float) -> float:
        return leads(sigma, critical).passing(zero)[0] - level

    return float(brentq(excess, low - 1e-3, high + 1e-3, xtol=1e-8))


def slope_for_power(tested: Leads, when: Floats, power: float) -> float:
    """The slope γ > 0 of a line γ·when under which the test rejects with probability `power`.

    Rejection grows with the slope (Anderson's inequality), so there is one such slope, or none where the
    test rejects more often than that without any trend: then 0.
    """
    from scipy.optimize import brentq

    def short(slope: float) -> float:
        return 1 - tested.passing(slope * when)[0] - power

    if short(0.0) >= 0:
        return 0.0
    unit = float((tested.half / np.abs(when)).min())
    top = unit
    while short(top) < 0:
        top *= 2
    return float(brentq(short, 0.0, top, xtol=1e-10 * unit))


def _lattice(size: int) -> Floats:
    """(POINTS, size) points of a Kronecker sequence on square roots of primes, folded to be periodic."""
    roots = np.sqrt(np.array(_primes(size), dtype=np.float64))
    raw = (np.arange(1, POINTS + 1)[:, None] * roots[None, :] + 0.5) % 1.0
    return np.asarray(np.clip(np.abs(2 * raw - 1), 1e-12, 1 - 1e-12))


def _primes(count: int) -> list[int]:
    found: list[int] = []
    number = 2
    while len(found) < count:
        if all(number % prime for prime in found):
            found.append(number)
        number += 1
    return found

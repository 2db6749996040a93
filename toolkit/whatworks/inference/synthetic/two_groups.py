"""A treated and a weighted comparison group, followed over periods in one or several outcomes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whatworks.arrays import Floats, Ints
from whatworks.inference.errors.joint import JointTest
from whatworks.inference.errors.uniform import largest_normals
from whatworks.inference.uncertainty import Uncertainty
from whatworks.results import NotAvailable, Number


@dataclass(frozen=True, slots=True, eq=False)
class TwoGroups:
    """Outcomes of N units over P periods from the start on, and the weights of either group.

    Attributes:
        outcome: (J, N, P).
        treated: (N,) weights of the treated, summing to one, zero for others.
        comparison: (N,) weights of the comparison, summing to one, zero for others.
        features: (N, m) what the comparison's weights were calibrated on.
        cluster: (N,) codes of units whose outcomes go together, or None.
    """

    outcome: Floats
    treated: Floats
    comparison: Floats
    features: Floats
    cluster: Ints | None = None

    @property
    def differences(self) -> Floats:
        """(J, 1 + P): mean difference over the periods, and that of each period."""
        each = np.einsum("n,jnp->jp", self.treated - self.comparison, self.outcome)
        return np.concatenate([each.mean(axis=1, keepdims=True), each], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Several:
    """What an inference object says about J outcomes.

    Attributes:
        found: J·(1 + P) estimates, outcome by outcome, the mean over periods first.
        omnibus: test of no mean effect on any of the outcomes, where there are several.
        mde: smallest mean effect on the first outcome that is found four times in five.
        seed: of what was drawn, or None.
        placebos: (B, J) statistics of placebo groups, where there are some.
    """

    found: Uncertainty
    omnibus: JointTest | None
    mde: Number
    seed: int | None = None
    placebos: Floats | None = None


OMNIBUS_DRAWS = 9999
OMNIBUS_SEED = 1


def largest_of(value: Floats, covariance: Floats, how: str) -> JointTest | None:
    """Test that J estimates are all zero by the largest |t|, against normal variables correlated as they are.

    No Wald test: outcomes that are sums of others (all crime) make their covariance singular.

    Args:
        value: (J,).
        covariance: (J, J).
        how: where the covariance comes from, in words.
    """
    spread = np.sqrt(np.diag(covariance))
    known = spread > 0
    if len(value) < 2 or not np.isfinite(spread).all() or not known.any():
        return None
    z = value[known] / spread[known]
    correlation = covariance[np.ix_(known, known)] / np.outer(spread[known], spread[known])
    observed = float(np.abs(z).max())
    drawn = largest_normals(correlation, OMNIBUS_DRAWS, OMNIBUS_SEED)
    p_value = (1 + int((drawn >= observed).sum())) / (1 + OMNIBUS_DRAWS)
    sentence = f"Largest |t| of {len(value)} outcomes against normal variables with the correlations of {how}"
    return JointTest(observed, p_value, len(value), sentence)


def no_joint(reason: str, tested: int) -> JointTest | None:
    """The omnibus test that could not be made; None with a single outcome."""
    return JointTest(NotAvailable(reason), NotAvailable(reason), tested, reason) if tested > 1 else None

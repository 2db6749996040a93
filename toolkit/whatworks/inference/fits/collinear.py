"""Regressors that absorbed effects or each other explain: found before anything is divided by them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from whatworks.arrays import Floats
from whatworks.errors import DesignError, first_few

LEAVE_OUT: Final = "Leave one of them out."

_FLAT: Final = 1e-9
"""A regressor whose length falls below this share of itself was explained by the effects."""

_TIED: Final = 1e-10
"""Smallest eigenvalue, of columns of length 1, below which regressors explain each other."""


def inverse(
    gram: Floats,
    before: Floats,
    names: Sequence[str],
    *,
    where: str,
    flat: str,
    tied: str = LEAVE_OUT,
    by: str = "unit and period effects",
) -> Floats:
    """(k, k) inverse of X′WX; columns are scaled to length 1 first, so that units do not matter.

    Args:
        gram: (k, k) X′WX, X the regressors net of the absorbed effects; k may be 0.
        before: (k,) lengths of the regressors as given, under the same weights.
        names: (k,) for messages.
        where: the method, for messages.
        flat: what to do about a regressor that the effects explain.
        tied: what to do about regressors that explain each other.
        by: what was absorbed, for messages.

    Raises:
        DesignError: regressors that the effects or each other explain, by name.
    """
    if not len(gram):
        return np.empty((0, 0))
    length = np.sqrt(np.diag(gram))
    gone = length <= _FLAT * before
    if gone.any():
        explained = first_few(names[int(i)] for i in np.flatnonzero(gone))
        raise DesignError(f"{by} explain all of {explained}", where=where, remedy=flat)
    scaled = gram / np.outer(length, length)
    values, vectors = np.linalg.eigh(scaled)
    if values[0] < _TIED:
        involved = first_few(names[int(i)] for i in np.flatnonzero(np.abs(vectors[:, 0]) > 0.01))
        raise DesignError(f"these cannot be told apart: {involved}", where=where, remedy=tied)
    return np.asarray(np.linalg.inv(scaled) / np.outer(length, length))


def normal_inverse(gram: Floats, *, rcond: float) -> Floats:
    """(k, k) generalised inverse of normal equations; columns' units of measurement do not matter."""
    length = np.sqrt(np.diag(gram))
    length = np.where(length > 0, length, 1.0)
    scaled = np.linalg.pinv(gram / length / length[:, None], rcond=rcond, hermitian=True)
    return np.asarray(scaled / length / length[:, None])

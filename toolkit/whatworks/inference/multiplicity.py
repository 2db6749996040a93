"""Many questions at once: p-values adjusted so that one lucky finding among them does not mislead."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from whatworks.errors import OptionError

Floats = npt.NDArray[np.float64]


def holm(p_values: npt.ArrayLike) -> Floats:
    """Adjust (m,) p-values by Holm's step-down procedure; returns (m,) adjusted ones in the same order.

    The k-th smallest is multiplied by m - k + 1, made no smaller than those before it, and capped at 1:
    rejecting where the adjusted value is at most q keeps the chance of any false rejection at most q,
    however the tests depend on one another. Raises `OptionError` for a value outside [0, 1] or not finite.
    Source: Holm (1979), "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6, 65-70.
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1:
        raise OptionError(f"p-values of shape {p.shape}", where="holm", remedy="Give one list of p-values.")
    if not ((p >= 0) & (p <= 1)).all():
        raise OptionError(
            "a p-value lies outside 0 to 1 or is missing",
            where="holm",
            remedy="Leave out the outcomes that have no p-value, and say so.",
        )
    m = len(p)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(m, 0, -1))
    adjusted = np.empty(m, dtype=np.float64)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted

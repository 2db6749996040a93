"""Many questions at once: p-values adjusted so that one lucky finding among them does not mislead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from whatworks.arrays import Floats
from whatworks.errors import OptionError
from whatworks.inference.errors.wild_refits import TIE
from whatworks.results import NotAvailable, Number

Stepwise = Literal["holm", "benjamini_hochberg"]


def holm(p_values: npt.ArrayLike) -> Floats:
    """Adjust (m,) p-values by Holm's step-down procedure; returns (m,) adjusted ones in the same order.

    The k-th smallest is multiplied by m - k + 1, made no smaller than those before it, and capped at 1:
    rejecting where the adjusted value is at most q keeps the chance of any false rejection at most q,
    however the tests depend on one another. Raises `OptionError` for a value outside [0, 1] or not finite.
    Source: Holm (1979), "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6, 65-70.
    """
    p = _checked(p_values, "holm")
    m = len(p)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(m, 0, -1))
    adjusted = np.empty(m, dtype=np.float64)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def benjamini_hochberg(p_values: npt.ArrayLike) -> Floats:
    """Adjust (m,) p-values by Benjamini and Hochberg's step-up procedure; returns (m,) in the same order.

    The k-th smallest is multiplied by m / k and made no larger than those after it: rejecting where the
    adjusted value is at most q keeps the expected share of false rejections among all at most q, for tests
    that are independent or rise and fall together. Raises `OptionError` as `holm`.
    Source: Benjamini & Hochberg (1995), Journal of the Royal Statistical Society B 57(1), 289-300; Benjamini
    & Yekutieli (2001), Annals of Statistics 29(4), for positive dependence.
    """
    p = _checked(p_values, "benjamini_hochberg")
    m = len(p)
    order = np.argsort(p, kind="stable")[::-1]
    stepped = np.minimum.accumulate(p[order] * (m / np.arange(m, 0, -1)))
    adjusted = np.empty(m, dtype=np.float64)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def secondary(p_values: Sequence[Number], rule: Stepwise = "holm") -> tuple[list[Number], str]:
    """Adjust p-values of secondary outcomes for how many have one, and say so in words.

    Those without a p-value keep the reason why and count for nothing. Raises `OptionError` as `holm`.
    """
    known = [p for p in p_values if not isinstance(p, NotAvailable)]
    adjust, word = (holm, "Holm") if rule == "holm" else (benjamini_hochberg, "Benjamini-Hochberg")
    stepped = iter(adjust(known).tolist() if known else [])
    words = f"{word}, {len(known)} secondary outcome{'s' if len(known) != 1 else ''}"
    return [p if isinstance(p, NotAvailable) else next(stepped) for p in p_values], words


def romano_wolf(actual: npt.ArrayLike, resampled: npt.ArrayLike, *, every: bool = False) -> Floats:
    """Adjust the p-values of m statistics by Romano and Wolf's step-down procedure; returns (m,).

    From the largest |statistic| down, each is held against the largest among itself and the smaller ones in
    every resample, so that outcomes that move together are not paid for twice; rejecting where the adjusted
    value is at most q keeps the chance of any false rejection at most q.

    Args:
        actual: (m,) statistics, comparable with one another (t-statistics, or measured in their spread).
        resampled: (B, m) the same statistics where no effect is true: bootstrap t-statistics about the
            estimates, or under other assignments.
        every: whether the resamples are all assignments, the actual one among them; otherwise it is counted
            in, (1 + count)/(1 + B).

    Raises:
        OptionError: shapes that do not fit, or a statistic without a value.

    Source: Romano & Wolf (2005), Econometrica 73(4), algorithm 4.1; (2016), Statistics and Probability
    Letters 113, equations 3.6 to 3.9, for the p-values.
    """
    t, draws = np.abs(np.asarray(actual, dtype=np.float64)), np.abs(np.asarray(resampled, dtype=np.float64))
    if t.ndim != 1 or draws.ndim != 2 or draws.shape[1] != len(t) or not len(draws):
        raise OptionError(
            f"statistics of shape {t.shape} and resamples of shape {draws.shape}",
            where="romano_wolf",
            remedy="Give (m,) statistics and (B, m) resamples of them.",
        )
    if not (np.isfinite(t).all() and np.isfinite(draws).all()):
        raise OptionError(
            "a statistic is missing or infinite",
            where="romano_wolf",
            remedy="Leave out the outcomes that have none, and say so.",
        )
    order = np.argsort(-t, kind="stable")
    largest = np.maximum.accumulate(draws[:, order[::-1]], axis=1)[:, ::-1]
    count = (largest >= t[order] - TIE * largest.max(axis=0)).sum(axis=0)
    p = count / len(draws) if every else (1 + count) / (1 + len(draws))
    adjusted = np.empty(len(t), dtype=np.float64)
    adjusted[order] = np.maximum.accumulate(p)
    return adjusted


def _checked(p_values: npt.ArrayLike, where: str) -> Floats:
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1:
        raise OptionError(f"p-values of shape {p.shape}", where=where, remedy="Give one list of p-values.")
    if not ((p >= 0) & (p <= 1)).all():
        raise OptionError(
            "a p-value lies outside 0 to 1 or is missing",
            where=where,
            remedy="Leave out the outcomes that have no p-value, and say so.",
        )
    return p

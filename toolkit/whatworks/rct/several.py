"""One test of several contrasts of a regression, for any inference that gives standard errors."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from whatworks.arrays import Floats
from whatworks.errors import EstimationError
from whatworks.inference.asked import FromRegression
from whatworks.inference.fits.regression import Regression
from whatworks.results import NotAvailable, Number


def wald(fit: Regression, contrasts: Floats, inference: FromRegression, level: float) -> tuple[Number, str]:
    """The p-value that m contrasts (m, k) are all zero, and how it was found.

    Hotelling's T² with the covariance that `inference` gives and the fewest degrees of freedom among the
    contrasts; with one contrast it is the t test. The covariance comes from the errors of sums, so that it is
    that of the inference itself, whichever it is. Without errors there is no joint test.

    Source: Pustejovsky & Tipton (2018), Journal of Business & Economic Statistics 36(4), section 3.2.
    """
    from scipy.stats import f

    m = len(contrasts)
    pairs = list(combinations(range(m), 2))
    sums = [contrasts[i] + contrasts[j] for i, j in pairs]
    found = inference.from_regression(fit, np.vstack([contrasts, *sums]), level=level)
    if m == 1:
        p = float(found.p_value[0])
        return (p if np.isfinite(p) else NotAvailable(found.reason[0])), found.sentence
    if not np.isfinite(found.std_error).all():
        known = next((reason for reason in found.reason if reason), "")
        return NotAvailable(known or "this inference gives no covariance for a joint test"), found.sentence
    variance = found.std_error**2
    covariance = np.diag(variance[:m])
    for at, (i, j) in enumerate(pairs, start=m):
        covariance[i, j] = covariance[j, i] = (variance[at] - variance[i] - variance[j]) / 2
    df = np.inf if isinstance(found.df, NotAvailable) else float(np.min(np.atleast_1d(found.df)[:m]))
    if df <= m:
        return NotAvailable(
            f"{df:.3g} degrees of freedom cannot carry a test of {m} contrasts"
        ), found.sentence
    try:
        squared = float(found.value[:m] @ np.linalg.solve(covariance, found.value[:m]))
    except np.linalg.LinAlgError as problem:
        raise EstimationError(
            "the covariance of the contrasts cannot be inverted", where="joint test"
        ) from problem
    share = 1.0 if np.isinf(df) else (df - m + 1) / df
    p = float(f.sf(max(squared, 0.0) * share / m, m, df - m + 1 if np.isfinite(df) else 1e12))
    return p, f"Hotelling's T² of {m} contrasts with {df:.4g} degrees of freedom. {found.sentence}"

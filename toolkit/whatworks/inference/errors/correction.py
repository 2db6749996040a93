"""Small-sample corrections by name: the factor on the variance and the distribution that each tool prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from whatworks.errors import OptionError
from whatworks.inference.fits.regression import Regression
from whatworks.results import NotAvailable, Number

NORMAL: Final = NotAvailable("a normal reference distribution has no degrees of freedom")

_AS = {
    "fixest": "as fixest and Stata's xtreg and reghdfe print",
    "stata": "as Stata's regress and areg print",
}


@dataclass(frozen=True, slots=True)
class Correction:
    """A small-sample correction of one fit.

    Attributes:
        factor: multiplies the variance.
        words: the factor in the numbers of this fit, and what counts in it.
        df: degrees of freedom of Student's t, or why the distribution is normal.
    """

    factor: float
    words: str
    df: Number

    @property
    def distribution(self) -> str:
        """The reference distribution in words."""
        return (
            "normal quantiles"
            if isinstance(self.df, NotAvailable)
            else f"t with {self.df:g} degrees of freedom"
        )


def correct(name: str, fit: Regression, *, pieces: int, counted: int, what: str) -> Correction:
    """The correction called `name` for a sandwich of scores summed within independent pieces.

    With M pieces, n observations and K coefficients counted:

    | name | factor | distribution |
    |---|---|---|
    | `none` | 1 | t(M − 1) |
    | `clusters`, `periods`, `units` | M/(M − 1) | t(M − 1) |
    | `fixest`, `stata` | M/(M − 1) · (n − 1)/(n − K) | t(M − 1) |

    What a maximum-likelihood fit prints is normal: in fixest with the same factor, in Stata with M/(M − 1).

    Args:
        name: which correction.
        fit: the fit, for n and for whether it maximises a likelihood.
        pieces: M.
        counted: K; the one thing on which fixest and Stata's dummies part.
        what: what of the fixed effects counts in K, in words.

    Raises:
        OptionError: as many coefficients counted as observations.

    Source: fixest 0.14, `ssc`; Stata [P] _robust, and [R] areg, xtreg, Methods and formulas.
    """
    df: Number = float(pieces - 1)
    if name == "none":
        return Correction(1.0, "no small-sample factor", df)
    factor, words = pieces / (pieces - 1), f"factor {pieces:,}/{pieces - 1:,}"
    if name not in _AS:
        return Correction(factor, words, df)
    if fit.likelihood:
        df = NORMAL
        if name == "stata":
            return Correction(factor, f"{words} as Stata prints after maximum likelihood", df)
    left = fit.n_obs - counted
    if left <= 0:
        raise OptionError(
            f"correction={name!r} divides by n − K, and there are n = {fit.n_obs:,} observations for "
            f"K = {counted:,} coefficients",
            where="inference",
            remedy=f"Use the default correction, {pieces:,}/{pieces - 1:,}.",
        )
    factor *= (fit.n_obs - 1) / left
    words = f"{words} × {fit.n_obs - 1:,}/{left:,} {_AS[name]}: K = {counted:,}, {what}"
    return Correction(factor, words, df)

"""What is asked of an inference object, and which objects can answer for a kind of estimate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from whatworks.arrays import Floats
from whatworks.errors import OptionError
from whatworks.inference.fits.regression import Regression
from whatworks.inference.uncertainty import Uncertainty


@runtime_checkable
class FromRegression(Protocol):
    """Errors of a regression, whichever they are: from clusters, rows, refits or draws."""

    def from_regression(self, fit: Regression, contrasts: Floats, *, level: float) -> Uncertainty:
        """Uncertainty of the m combinations `contrasts @ coefficients`; `contrasts` is (m, k)."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """The inference objects that a kind of estimate can ask, and what to say to others.

    Attributes:
        kinds: classes, or what an object must be able to do (`FromRegression`).
        refusal: what is said of any other, which stands in the braces: '{!r} does not fit here'.
        remedy: the objects that can be used instead, and the methods where others belong.
    """

    kinds: tuple[type, ...]
    refusal: str
    remedy: str

    def kind(self, asked: object, where: str, *, but: tuple[type, ...] = ()) -> type:
        """Which of the kinds an object is; raises `OptionError` for none of them, or one of those in `but`.

        Only here may the object be anything: callers outside type checking pass words, too.
        """
        for kind in self.kinds if not isinstance(asked, but) else ():
            if isinstance(asked, kind):
                return kind
        raise OptionError(self.refusal.format(asked), where=where, remedy=self.remedy)

"""What is asked of an inference object, and which objects can answer for a kind of estimate."""

from __future__ import annotations

from dataclasses import dataclass
from types import UnionType
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
        kinds: the type of the `inference` it takes: classes, or what an object can do (`FromRegression`).
        refusal: what is said of any other, which stands in the braces: '{!r} does not fit here'.
        remedy: the objects that can be used instead, and the methods where others belong.
    """

    kinds: type | UnionType | tuple[type, ...]
    refusal: str
    remedy: str

    def require(self, asked: object, where: str, *, but: tuple[type, ...] = ()) -> None:
        """Raise `OptionError` for an object of no admitted kind, or of one in `but`.

        Only here may the object be anything: callers outside type checking pass words, too.
        """
        if not isinstance(asked, self.kinds) or isinstance(asked, but):
            raise OptionError(self.refusal.format(asked), where=where, remedy=self.remedy)

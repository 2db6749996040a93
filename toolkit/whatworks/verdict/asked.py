"""What a study must say before its result can be judged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from whatworks.errors import OptionError, choose
from whatworks.shown import words

Better = Literal["lower", "higher", "neither"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a study asked, as far as a verdict depends on it.

    Attributes:
        subject: what was measured, as it stands in a sentence (`robbery`).
        better: which way is better; `neither` where a change is neither good nor bad in itself.
        worthwhile: the smallest change that matters, in percent, or in `unit` where one is given. A change is
            said not to matter only where the whole interval lies closer to zero than this.
        unit: the unit in words, where changes are told in it and not in percent.
        made_up: whether the data are made up.
        registered: whether the protocol was registered before the data were drawn.
    """

    subject: str
    better: Better
    worthwhile: float
    unit: str = ""
    made_up: bool = False
    registered: bool = False

    def __post_init__(self) -> None:
        choose("better", self.better, get_args(Better), where="verdict")
        if not (math.isfinite(self.worthwhile) and self.worthwhile > 0):
            raise OptionError(
                f"worthwhile is {self.worthwhile!r}",
                where="verdict",
                remedy="Give the smallest change that would matter for a decision, a number above 0.",
            )

    @property
    def about(self) -> str:
        """The subject as words in a sentence."""
        return words.spoken(self.subject) or "the outcome"

"""The rows and sentences of bounds under attrition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from whatworks.answer import bare_row
from whatworks.arrays import Floats, Ints
from whatworks.inference.default import Choice
from whatworks.inference.uncertainty import from_errors
from whatworks.rct.losses import trimming
from whatworks.rct.losses.trimming import Bounds, Sample
from whatworks.results import NotAvailable, Number
from whatworks.trial import Trial

NO_SINGLE: Final = "two bounds have an error each, which stand in the table"
NO_ERROR: Final = "nothing varies here, so there is no error"
WITHIN: Final = "no effect lies between the bounds themselves"
STILL: Final = "the bound nearer to no effect does not vary, so it has no error to be measured by"

ROUNDING: Final = 1e-12
"""Errors, and distances between bounds, below this share of the largest outcome are rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """Everything that rows and sentences speak of."""

    trial: Trial
    sample: Sample
    bounds: Bounds
    cells: pd.DataFrame
    choice: Choice
    cluster: Ints | None
    level: float

    @property
    def pieces(self) -> int:
        """How many independent pieces the errors rest on."""
        return self.trial.n_rows if self.cluster is None else int(self.cluster.max()) + 1

    @property
    def word(self) -> str:
        """What the pieces are."""
        return "rows" if self.cluster is None else "clusters"

    @property
    def df(self) -> float:
        """Degrees of freedom: the pieces less two."""
        return float(max(self.pieces - 2, 1))

    @property
    def covariance(self) -> Floats | NotAvailable:
        """(2, 2) of the bounds, or why there is none."""
        if isinstance(self.choice.inference, NotAvailable):
            return NotAvailable(self.choice.reason)
        return trimming.variance(self.bounds.influence, self.sample.treated, self.cluster)

    @property
    def rounding(self) -> float:
        """Errors of outcomes, and distances between bounds, that are no more than rounding."""
        return ROUNDING * float(np.abs(self.sample.outcome).max())

    @property
    def errors(self) -> tuple[float, float]:
        """Standard errors of the lower and the upper bound; 0 where only rounding is left."""
        covariance = self.covariance
        if isinstance(covariance, NotAvailable):
            return 0.0, 0.0
        low, high = (root if root > self.rounding else 0.0 for root in np.sqrt(np.diag(covariance)).tolist())
        return low, high


def p_value(low: float, high: float, errors: tuple[float, float], df: float) -> Number:
    """One less the highest level at which the interval of Imbens and Manski leaves out no effect."""
    from scipy.special import stdtr

    if low <= 0 <= high:
        return NotAvailable(WITHIN)
    bound, error = (low, errors[0]) if low > 0 else (-high, errors[1])
    if error == 0:
        return NotAvailable(STILL)
    gap = max(high - low, 0.0) / max(errors)
    return float(np.clip(1 - stdtr(df, bound / error + gap) + stdtr(df, -bound / error), 0.0, 1.0))


def rows(told: Told) -> list[dict[str, object]]:
    """Bounds, the plain difference, and who was lost, by arm and tested."""
    sample, trial = told.sample, told.trial
    arms = {label: sample.arm(code == 1) for code, label in enumerate(trial.arms)}
    shares = {label: float(own @ sample.seen) for label, own in arms.items()}
    lost = {label: own * (sample.seen - shares[label]) for label, own in arms.items()}
    mean = {label: float(own @ sample.outcome) / shares[label] for label, own in arms.items()}
    rest = {
        label: own * sample.seen * (sample.outcome - mean[label]) / shares[label]
        for label, own in arms.items()
    }
    control, treatment = trial.arms
    n = {label: int((trial.arm == code).sum()) for code, label in enumerate(trial.arms)}
    known = int(sample.seen.sum())
    return [
        _row(told, "lower bound", told.bounds.value[0], told.bounds.influence[0], known, told.rounding),
        _row(told, "upper bound", told.bounds.value[1], told.bounds.influence[1], known, told.rounding),
        _row(
            told,
            "difference between known outcomes, losses ignored",
            mean[treatment] - mean[control],
            rest[treatment] - rest[control],
            known,
            told.rounding,
        ),
        *(
            _row(told, f"known outcome in {label} (share)", shares[label], lost[label], n[label])
            for label in (control, treatment)
        ),
        _row(
            told,
            f"known outcome, {treatment} less {control} (share)",
            shares[treatment] - shares[control],
            lost[treatment] - lost[control],
            trial.n_rows,
        ),
    ]


def _row(
    told: Told, term: str, value: float, influence: Floats, n: int, rounding: float = ROUNDING
) -> dict[str, object]:
    """A row; an error of no more than `rounding` is none."""
    if isinstance(told.choice.inference, NotAvailable):
        return bare_row(term, value, n, told.choice.reason)
    variance = trimming.variance(influence[None], told.sample.treated, told.cluster)[0, 0]
    error = np.sqrt(variance)
    if error <= rounding:
        return bare_row(term, value, n, NO_ERROR)
    found = from_errors(
        np.array([value]), np.array([error]), ("",), df=told.df, level=told.level, sentence=""
    )
    return bare_row(term, value, n, "") | found.row(0)


def notes(told: Told, limits: tuple[float, float] | None, given: bool) -> list[str]:
    """What a reader must know, in sentences."""
    control, treatment = told.trial.arms
    less, more = told.sample.shares
    said = [f"Outcomes are known for {more:.1%} of {treatment!r} and {less:.1%} of {control!r}."]
    if told.sample.seen.all():
        return [*said, "Nobody was lost, so the bounds meet at the difference in means."]
    if limits is not None:
        where = "as given" if given else "the least and the largest observed; others may be possible"
        return [
            *said,
            f"Every missing outcome is taken between {limits[0]:.4g} and {limits[1]:.4g} ({where}). "
            "Nothing is assumed about why outcomes are missing.",
        ]
    return [*said, *_lee(told, less, more), *_blocks(told)]


def _lee(told: Told, less: float, more: float) -> list[str]:
    control, treatment = told.trial.arms
    who, other = (treatment, control) if more > less else (control, treatment)
    said = []
    if len(told.cells) == 1 and abs(more - less) <= ROUNDING:
        said.append("The arms lost equal shares, so nothing is trimmed and the bounds meet.")
    elif len(told.cells) == 1:
        trimmed = 1 - min(less, more) / max(less, more)
        said.append(
            f"{trimmed:.1%} of the known outcomes in {who!r} are trimmed, the highest for one bound and "
            "the lowest for the other (the marginal one in part)."
        )
    else:
        ahead = told.cells["known in treatment"] > told.cells["known in control"]
        said.append(
            f"Trimmed within {len(told.cells)} cells and averaged by how many would be known in either arm "
            f"({told.bounds.kept:.1%} of all)."
        )
        if ahead.any() and not ahead.all():
            said.append(
                f"{treatment!r} lost fewer in some cells and more in others: with one direction for all, "
                "that is chance; else each cell is taken to have a direction of its own."
            )
    said.append(
        "It is taken for granted that assignment moves who is known in one direction (monotonicity): "
        f"whoever is known in {other!r} would be known in {who!r}, too. The effect is on those known "
        "either way, and says nothing of the others."
    )
    return said


def _blocks(told: Told) -> list[str]:
    if told.trial.block is None:
        return []
    return [
        "Rows are weighted so that both arms have the blocks' shares; errors take no credit for blocks and "
        "are cautious where blocks differ."
    ]

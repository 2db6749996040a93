"""What a comparison asks of every method: the study's own question where there is a study, and who cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from whatworks.did.group_time.cells import Base
from whatworks.did.group_time.cells import Comparison as Group
from whatworks.did.group_time.nuisance import Adjust
from whatworks.did.regression import requirements
from whatworks.errors import OptionError
from whatworks.inference.chance.few_treated import FewTreated
from whatworks.inference.chance.randomisation import RandomisationInference
from whatworks.inference.default import Default
from whatworks.inference.draws import DEFAULT_SEED
from whatworks.inference.errors.influence import Analytical
from whatworks.inference.errors.multiplier import MultiplierBootstrap
from whatworks.panel import Panel
from whatworks.results import Result

WHERE: Final = "did.compare"
ANOTHER: Final = "Another question"
"""How a sentence begins on a method that does not answer what the study asks."""

Inference = requirements.Inference | Analytical | MultiplierBootstrap | RandomisationInference | FewTreated
"""What any of the methods takes."""

Adjustment = Literal["regressors", "changes", "none"]
"""How a method takes covariates in: as regressors, in changes from the base period, or not at all."""

_CHANGES: Final = ("did.att_gt", "did.aggregate")
_WITHOUT: Final = ("did.stacked", "did.staggered_rollout", "did.switching")
_TAKES: Final = {
    "regressors": "enters covariates as regressors",
    "changes": "adjusts changes from the base period for covariates",
    "none": "adjusts for none",
}


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What is asked of every method.

    Attributes:
        panel: (N, T) outcomes with their starts.
        last: event times 0 to `last` are averaged; all without.
        per: methods that subtract use the rate per so many.
        treated: covariate that says when a treatment is on.
        randomised: whether start dates were drawn by lot.
        inference: given to every method; each refuses at run time what it does not take.
        level: coverage of the intervals.
        anticipation: periods before the start in which effects may begin.
        comparison: never or not yet treated, where a method has the choice; its own choice without.
        base: what group-time effects before the start are measured against.
        adjust: how group-time effects adjust for covariates.
        adjusted: how the study takes covariates in; None where there is no study, or no covariate.
        own: the study's own result.
    """

    panel: Panel
    last: int | None
    per: float | None
    treated: str | None
    randomised: bool
    inference: Any
    level: float
    anticipation: int = 0
    comparison: Group | None = None
    base: Base = "varying"
    adjust: Adjust = "none"
    adjusted: Adjustment | None = None
    own: Result | None = None

    @property
    def additive(self) -> Panel:
        """The panel for methods that subtract: as it is, or as a rate where that was asked for."""
        return self.panel if self.per is None else self.panel.as_rate(self.per)

    def by_default(self) -> Asked:
        """The same with each method's default inference, drawn as often and from the same seed."""
        draws = getattr(self.inference, "draws", Default().draws)
        return replace(self, inference=Default(draws, getattr(self.inference, "seed", DEFAULT_SEED)))


def as_studied(asked: Asked, own: Result) -> Asked:
    """What is asked with the choices of the study's own result: window, anticipation, groups, adjustment.

    Raises `OptionError` for a result of another panel, level or kind, and for one read back from a file.
    """
    _require_own(asked, own)
    spec = own.spec
    adjusted, adjust = _adjustment(own)
    found = replace(
        asked,
        last=_window(spec),
        anticipation=_anticipation(spec),
        comparison=spec.get("comparison"),
        base=spec.get("base", asked.base),
        adjust=adjust,
        adjusted=adjusted,
        own=own,
    )
    choice = getattr(own.detail, "choice", None)
    if asked.inference is not None or choice is None or choice.reason != "as asked for":
        return found
    return replace(found, inference=choice.inference)


def _require_own(asked: Asked, own: Result) -> None:
    def refuse(what: str, remedy: str) -> OptionError:
        return OptionError(what, where=f"{WHERE}, own", remedy=remedy)

    if not own.method.startswith("did."):
        raise refuse(f"own is a result of {own.method}", "Give what a method of did returned.")
    if own.input_hash not in (asked.panel.fingerprint, asked.additive.fingerprint):
        raise refuse("own was estimated on another panel", "Give the panel that the study's result is of.")
    if own.detail is None:
        raise refuse("own was read back from a file", "Give what the method returned in this session.")
    if own.headline.level != asked.level:
        raise refuse(
            f"own has intervals of {own.headline.level:g}, and {asked.level:g} was asked for",
            f"Give level={own.headline.level:g}.",
        )
    if asked.last is not None:
        raise refuse("last was given beside own, whose window is used", "Leave last out.")


def _window(spec: Mapping[str, Any]) -> int | None:
    ends = spec.get("horizons") or spec.get("window")
    last = spec.get("last") if ends is None else ends[1]
    return None if last is None else int(last)


def _anticipation(spec: Mapping[str, Any]) -> int:
    return int(spec.get("anticipation", -1 - int(spec.get("reference", -1))))


def _adjustment(own: Result) -> tuple[Adjustment | None, Adjust]:
    if not own.spec.get("covariates") or own.method in _WITHOUT:
        return None, "none"
    if own.method not in _CHANGES:
        return "regressors", "outcome"
    adjust: Adjust = own.spec["adjust"]
    return "changes", adjust


def otherwise(
    asked: Asked, *, anticipates: bool, windowed: bool, adjusts: Adjustment, period: str
) -> tuple[str, ...]:
    """How a method departs from the question of the study, a sentence each; nothing without a study.

    Args:
        asked: what is asked.
        anticipates: whether the method lets effects begin before the start.
        windowed: whether it can average a window of event times.
        adjusts: how it takes covariates in.
        period: the word for one period.
    """
    said = []
    if asked.anticipation and not anticipates:
        before = f"{asked.anticipation} {period}s" if asked.anticipation > 1 else f"last {period}"
        said.append(
            f"{ANOTHER}: it counts the {before} before the start as untouched, where this study lets "
            "effects begin."
        )
    if asked.own is not None and asked.last is not None and not windowed:
        said.append(
            f"{ANOTHER}: it averages every {period} under treatment, where this study averages event "
            f"times 0 to {asked.last}."
        )
    if asked.adjusted not in (None, "none", adjusts):
        said.append(f"Another adjustment: it {_TAKES[adjusts]}, where this study {_TAKES[asked.adjusted]}.")
    return tuple(said)

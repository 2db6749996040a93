"""From a source to panels: one for the primary outcome, the same for each secondary one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from whatworks import answer
from whatworks.errors import OptionError
from whatworks.inference import multiplicity
from whatworks.panel import Panel
from whatworks.results import Result
from whatworks.study.source import Source

Estimator = Callable[[Panel], Result]


def panel(
    source: Source,
    *,
    unit: str,
    period: str,
    outcome: str,
    start: str,
    cluster: str = "",
    exposure: str = "",
    covariates: Sequence[str] = (),
    first: str = "",
    last: str = "",
    per: float | None = 1000.0,
) -> Panel:
    """The panel of one outcome: columns by role, the window `first` to `last`, a rate where it has a base.

    A blank text means "none": no cluster, no exposure, no limit. With an `exposure` the outcome becomes a
    rate per `per` of it, or stays a count beside it where `per` is None.
    Raises `PanelError` or `OptionError` for a table that is not such a panel.
    """
    whole = Panel.from_frame(
        source.frame,
        unit=unit,
        period=period,
        outcome=outcome,
        start=start or None,
        cluster=cluster or None,
        exposure=exposure or None,
        covariates=tuple(covariates),
    )
    window = whole.window(first or None, last or None)
    return window if per is None else rates(window, per)


def rates(given: Panel, per: float) -> Panel:
    """The panel with the outcome as a rate per `per` of its exposure; without an exposure, as it is."""
    return given if given.exposure is None else given.as_rate(per)


def on_rates(estimate: Estimator, *, per: float) -> Estimator:
    """The estimator that takes counts with their exposure and looks at rates per `per`."""
    return lambda given: estimate(rates(given, per))


def secondary(
    result: Result,
    build: Callable[..., Panel],
    *,
    outcomes: Sequence[str],
    estimate: Estimator,
) -> Result:
    """The result with the same estimate of every secondary outcome and p-values adjusted for their number.

    `build` is the study's own panel but for the outcome (`partial(study.panel, source, unit=..., ...)`),
    `estimate` its estimator, panel in, result out. P-values are adjusted by Holm's procedure over the
    secondary outcomes that have one.

    Raises `OptionError` for an outcome named twice.
    """
    return with_adjusted(result, list(outcomes), lambda name: estimate(build(outcome=name)))


def with_adjusted(result: Result, names: list[str], one: Callable[[str], Result]) -> Result:
    """The result with secondary outcomes by name, their p-values adjusted by Holm's procedure.

    Raises `OptionError` for an outcome named twice.
    """
    if len(set(names)) != len(names):
        raise OptionError("an outcome stands twice", where="secondary", remedy="Name each outcome once.")
    found = {name: one(name) for name in names}
    adjusted, words = multiplicity.secondary([item.headline.p_value for item in found.values()])
    return result.with_secondary(*answer.secondary(found, adjusted, words))


def chain(estimate: Estimator, *steps: Callable[[Result], Result]) -> Estimator:
    """One estimator from several steps: `chain(att_gt, by_event_time)` estimates, then aggregates."""

    def run(given: Panel) -> Result:
        result = estimate(given)
        for step in steps:
            result = step(result)
        return result

    return run

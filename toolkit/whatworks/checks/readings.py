"""What a check reads off an estimator: a result or why there is none, and its distance from no effect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from whatworks.answer import numbers
from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import WhatworksError
from whatworks.panel import NEVER, Panel
from whatworks.results import RATE_RATIO, Estimate, NotAvailable, Number, Result
from whatworks.trial import Trial

Estimator = Callable[[Panel], Result]


def attempt(panel: Panel | Trial, estimate: Callable[..., Result]) -> Result | NotAvailable:
    """The result on this panel or trial, or why the estimator has none."""
    try:
        found = estimate(panel)
    except WhatworksError as problem:
        return NotAvailable(problem.what)
    return found.headline.value if isinstance(found.headline.value, NotAvailable) else found


def effects(panels: Iterable[Panel], estimate: Estimator) -> tuple[Floats, tuple[str, ...]]:
    """(B,) effects on the additive scale, NaN where there is none, with the reason beside it (else empty)."""
    found = [attempt(panel, estimate) for panel in panels]
    values = [np.nan if isinstance(one, NotAvailable) else effect(one.headline) for one in found]
    return np.array(values), tuple(one.reason if isinstance(one, NotAvailable) else "" for one in found)


def effect(found: Estimate) -> float:
    """The estimate as a distance from no effect: as it stands, or the log of a rate ratio."""
    return _additive(found, found.value)


def ends(found: Estimate) -> tuple[float, float]:
    """Both ends of the interval on the scale of `effect`, NaN where there are none."""
    return _additive(found, found.low), _additive(found, found.high)


def error(found: Estimate) -> float:
    """The standard error on the scale of `effect`, NaN where there is none."""
    if isinstance(found.std_error, NotAvailable) or isinstance(found.value, NotAvailable):
        return float("nan")
    return found.std_error / found.value if found.scale == RATE_RATIO else found.std_error


def shown(like: Estimate, effect_: float) -> float:
    """A number on the scale of `effect` back on the scale of the estimate."""
    return float(np.exp(effect_)) if like.scale == RATE_RATIO else effect_


def has_interval(found: Estimate) -> bool:
    """Whether there is an interval to judge by."""
    return not isinstance(found.low, NotAvailable) and not isinstance(found.high, NotAvailable)


def claims(found: Estimate) -> bool:
    """Whether the interval excludes no effect; false where there is no interval."""
    low, high = ends(found)
    return bool(low > 0 or high < 0)


def phrase(found: Result) -> str:
    """The estimate with its interval, and both as percent changes where the method gives them."""
    one = found.headline
    if isinstance(one.value, NotAvailable):
        return str(one.value)
    parts = []
    if not isinstance(one.low, NotAvailable) and not isinstance(one.high, NotAvailable):
        parts.append(f"{100 * one.level:.10g}% interval {one.low:.3g} to {one.high:.3g}")
    if isinstance(found.relative, Estimate) and not isinstance(found.relative.value, NotAvailable):
        parts.append(_in_percent(found.relative))
    return f"{one.value:.3g} ({'; '.join(parts)})" if parts else f"{one.value:.3g}"


def _in_percent(one: Estimate) -> str:
    """A percent change with its own interval: an end in another unit beside it would be read as percent."""
    if isinstance(one.low, NotAvailable) or isinstance(one.high, NotAvailable):
        return f"that is {one.value:+.1f}%"
    return f"that is {one.value:+.1f}%, {one.low:+.1f}% to {one.high:+.1f}%"


def columns(found: Result | NotAvailable) -> dict[str, object]:
    """Estimate, error, interval and reason as columns of a check's table."""
    if isinstance(found, NotAvailable):
        gap = float("nan")
        return {"estimate": gap, "std_error": gap, "low": gap, "high": gap, "reason": found.reason}
    return row(found.headline)


def row(one: Estimate) -> dict[str, object]:
    """As `columns`, of an estimate."""
    missing = next((n for n in (one.std_error, one.low) if isinstance(n, NotAvailable)), None)
    said = numbers(one, ("estimate", "std_error", "low", "high"))
    return {**said, "reason": "" if missing is None else missing.reason}


def treated_units(panel: Panel) -> Bools:
    """(N,) units whose start lies inside the window; a later start leaves a unit untreated here."""
    return np.asarray(panel.start <= panel.periods[-1])


def whole_clusters(panel: Panel) -> Ints:
    """(N,) codes of what was treated as a whole: the clusters where every one was, else the units."""
    units = np.arange(panel.n_units, dtype=np.int64)
    if panel.cluster is None:
        return units
    inside = np.where(treated_units(panel), panel.start, NEVER)
    first = {int(code): int(start) for code, start in zip(panel.cluster, inside, strict=True)}
    whole = all(first[int(code)] == start for code, start in zip(panel.cluster, inside, strict=True))
    return panel.cluster if whole else units


def by_cohort(panel: Panel) -> list[tuple[float, Panel]]:
    """Each cohort with the units untreated throughout, and its weight: how many treated cells it has."""
    treated = treated_units(panel)
    weight = panel.unit_weight
    parts = []
    for start in panel.cohorts:
        mine = panel.start == start
        cells = (panel.treated & ~np.isnan(panel.outcome))[mine].sum(axis=1)
        parts.append((float(weight[mine] @ cells), panel.select(mine | ~treated)))
    return parts


def averaged(parts: Sequence[tuple[float, Panel]], estimate: Estimator) -> Number:
    """The effects of several panels averaged by weight, or why one of them has none."""
    values, reasons = effects((panel for _, panel in parts), estimate)
    failed = [reason for reason in reasons if reason]
    if failed or not parts:
        return NotAvailable(failed[0] if failed else "no unit is treated inside the window")
    return float(np.average(values, weights=[weight for weight, _ in parts]))


def rates(panel: Panel) -> Floats:
    """(N, T) outcomes, or counts over their exposure scaled so that its mean is 1."""
    if panel.exposure is None:
        return panel.outcome
    return np.asarray(panel.outcome / (panel.exposure / panel.exposure.mean()))


def _additive(found: Estimate, number: Number) -> float:
    if isinstance(number, NotAvailable):
        return float("nan")
    if found.scale != RATE_RATIO:
        return number
    return float(np.log(number)) if number > 0 else float("-inf")

"""How far two runs of one study may part, by kind of quantity."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ONE_PLATFORM = 1e-8
ACROSS = 1e-5
_MONTE_CARLO_WIDTHS = 4.0
_NEAR_ZERO = 1e-13
_UNCERTAINTY = ("std_error", "low", "high", "p_value", "p_adjusted", "band_low", "band_high", "mde")
_LABELS = ("term", "name", "outcome")
_DRAWS = re.compile(r"\w+\((?:.*, )?draws=(\d+)[,)]")


@dataclass(frozen=True, slots=True)
class Rule:
    """What is compared: on one platform or across, numbers drawn or not, from how many draws."""

    same_platform: bool
    simulated: bool
    draws: int | None


def flatten(value: Any, name: str = "") -> dict[str, Any]:
    """Every leaf of JSON values by name: `headline.value`, `effects[e=3].estimate`."""
    if isinstance(value, Mapping) and value:
        return {
            leaf: item
            for key, inner in value.items()
            for leaf, item in flatten(inner, f"{name}.{key}" if name else str(key)).items()
        }
    if isinstance(value, list) and value:
        labels = _labels(value)
        return {
            leaf: item
            for label, inner in zip(labels, value, strict=True)
            for leaf, item in flatten(inner, f"{name}[{label}]").items()
        }
    return {name: value}


def draws_of(result: Mapping[str, Any]) -> int | None:
    """How many draws a result rests on, where its spec says so: a number, or `WildCluster(draws=9999, …)`."""
    for name, value in flatten(result.get("spec", {})).items():
        if name.rsplit(".", 1)[-1] == "draws" and isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and (asked := _DRAWS.match(value)):
            return int(asked[1])
    return None


def differs(name: str, then: Any, now: Any, rule: Rule) -> str:
    """Why two leaves part, or "" where they agree as far as their kind can.

    Counts, words and hashes are exact. Point estimates and analytic errors agree to 1e-8 relative on one
    platform, 1e-5 across. What was drawn with a seed is exact on one platform and within four Monte-Carlo
    standard errors across.
    """
    if isinstance(then, bool) or isinstance(now, bool) or not _numbers(then, now):
        return "" if type(then) is type(now) and then == now else "not the same"
    if isinstance(then, int) and isinstance(now, int):
        return "" if then == now else "counts are exact"
    drawn = rule.simulated and name.rsplit(".", 1)[-1] in _UNCERTAINTY
    if drawn and rule.same_platform:
        return "" if then == now else "drawn with a seed, so exact on one platform"
    if drawn and rule.draws and not math.isclose(then, now, rel_tol=ACROSS, abs_tol=_NEAR_ZERO):
        return _monte_carlo(name, then, now, rule.draws)
    limit = ONE_PLATFORM if rule.same_platform else ACROSS
    if math.isclose(then, now, rel_tol=limit, abs_tol=_NEAR_ZERO):
        return ""
    apart = abs(then - now) / max(abs(then), abs(now))
    return f"{apart:.2g} apart, {limit:g} allowed"


def _monte_carlo(name: str, then: float, now: float, draws: int) -> str:
    if name.endswith(("p_value", "p_adjusted")):
        middle = min(max((then + now) / 2, 1 / draws), 1 - 1 / draws)
        allowed = _MONTE_CARLO_WIDTHS * math.sqrt(2 * middle * (1 - middle) / draws)
    else:
        allowed = _MONTE_CARLO_WIDTHS * max(abs(then), abs(now)) / math.sqrt(draws)
    if abs(then - now) <= allowed:
        return ""
    return f"{abs(then - now):.2g} apart, {allowed:.2g} allowed with {draws:,} draws"


def _numbers(then: Any, now: Any) -> bool:
    return isinstance(then, (int, float)) and isinstance(now, (int, float))


def _labels(items: Sequence[Any]) -> list[str]:
    """What to call the items of a list: their own name where each has one of its own, else their position."""
    for key in _LABELS:
        found = [str(item[key]) for item in items if isinstance(item, Mapping) and key in item]
        if len(found) == len(items) == len(set(found)):
            return found
    return [str(i) for i in range(len(items))]

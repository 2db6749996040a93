"""Numbers as a reader meets them: rounding, signs, percents, p-values and levels in words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

import pandas as pd

from whatworks.absence import NotAvailable, Number

MINUS = "\u2212"
_MOST_DECIMALS = 6
_HYPHEN_MINUS = re.compile(r"(?<![\w-])-(?=\.?\d)")


def number(value: float, significant: int = 3) -> str:
    """A number to some significant digits, with thousands separators, a true minus and no exponent."""
    if value == 0:
        return "0"
    decimals = significant - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, decimals)
    if rounded:  # 99.99 has become 100, which needs a decimal less
        decimals = significant - 1 - math.floor(math.log10(abs(rounded)))
    return fixed(rounded, min(max(decimals, 0), _MOST_DECIMALS))


def fixed(value: float, decimals: int) -> str:
    """A number to so many decimals; `less than 0.01` where it would read as nothing though it is not."""
    text = f"{abs(value):,.{decimals}f}"
    if value != 0 and float(text.replace(",", "")) == 0:
        least = f"less than {10.0**-decimals:.{decimals}f}"
        return f"{MINUS}({least})" if value < 0 else least
    return f"{MINUS}{text}" if value < 0 else text


def signed(value: float, decimals: int) -> str:
    """A change: always with its sign, none for zero."""
    text = fixed(value, decimals)
    return f"+{text}" if value > 0 else text


def percent_decimals(values: Iterable[float]) -> int:
    """Decimals that keep these percents apart from one another and from zero: 0, 1 or 2."""
    given = list(values)
    for decimals in (0, 1):
        visible = all(abs(value) >= 0.95 * 10.0**-decimals for value in given if value != 0)
        if visible and len({round(value, decimals) for value in given}) == len(set(given)):
            return decimals
    return 2


def unit_decimals(values: Iterable[float]) -> int:
    """Decimals that give the largest of these numbers two significant digits and the smallest one."""
    given = [abs(value) for value in values if value != 0]
    if not given:
        return 0
    wanted = max(1 - math.floor(math.log10(max(given))), -math.floor(math.log10(min(given))))
    limit = 3 - math.floor(math.log10(max(given)))
    return min(max(min(wanted, limit), 0), _MOST_DECIMALS)


def p_value(value: Number) -> str:
    """A p-value: three decimals, never zero; or why there is none."""
    if isinstance(value, NotAvailable):
        return str(value)
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def p_phrase(value: Number) -> str:
    """A p-value as it stands in a sentence: `p = 0.012`, `p < 0.001`."""
    if isinstance(value, NotAvailable):
        return f"p-value {value}"
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def level(value: float) -> str:
    """A level as a percent: `95%`, `97.5%`."""
    return f"{100 * value:.10g}%"


def sentence(text: str) -> str:
    """The text with a capital letter first and one full stop last."""
    return capital(ended(text))


def ended(text: str) -> str:
    """The text with one full stop last and true minus signs; nothing for nothing."""
    bare = _HYPHEN_MINUS.sub(MINUS, text.strip())
    return bare if not bare or bare[-1] in ".!?" else f"{bare}."


def spoken(name: str) -> str:
    """A column's name as words: `vehicle_crime` is `vehicle crime`."""
    return " ".join(name.replace("_", " ").split())


def capital(text: str) -> str:
    """The text with its first letter capital and the rest untouched."""
    return text[:1].upper() + text[1:]


def allocations(value: Number) -> str:
    """How many allocations there are: written out up to a million, else its size; or why it is not known."""
    if isinstance(value, NotAvailable):
        return cell(value)
    return written(int(value))


def written(count: int) -> str:
    """A number of assignments as a reader sees it: in full up to a million, else its size."""
    if count <= 1_000_000:
        return f"{count:,}"
    if count >= 10**300:
        return f"about 10 to the power {round(math.log10(count)):,}"
    power = math.floor(math.log10(count))
    return f"about {10 ** (math.log10(count) - power):.1f} × 10 to the power {power}"


def listed(items: Iterable[str]) -> str:
    """Items as in a sentence: `a, b and c`."""
    given = list(items)
    return given[0] if len(given) == 1 else f"{', '.join(given[:-1])} and {given[-1]}" if given else ""


def cell(value: object, *, missing: str = "no value") -> str:
    """One value of a table as text; a gap says what it is."""
    if isinstance(value, NotAvailable):
        return str(value)
    if isinstance(value, dict) and set(value) == {"not_available"}:
        return f"not available: {value['not_available']}"
    if value is None or value is pd.NA or value is pd.NaT:
        return missing
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}".replace("-", MINUS)
    if isinstance(value, float):
        if not math.isfinite(value):
            return missing
        return number(value)
    if hasattr(value, "item"):
        return cell(value.item(), missing=missing)
    return str(value)

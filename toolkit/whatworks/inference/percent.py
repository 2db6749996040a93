"""An effect as a percent change against what would have happened."""

from __future__ import annotations

from dataclasses import replace

from whatworks.results import Estimate, NotAvailable, Number


def relative_change(headline: Estimate, observed: float) -> Estimate | NotAvailable:
    """The headline as a percent change against the counterfactual, `observed − effect`.

    Args:
        headline: an effect in the unit of the outcome.
        observed: mean outcome of the treated cells that the effect averages over, with the same weights.

    The value and both ends of the interval go through x → 100·x/(observed − x), which is increasing; the
    p-value stays, since no effect is 0 per cent. `observed` counts as known: what is uncertain is what would
    have happened. `NotAvailable` when the counterfactual is not positive at the value or at an end.
    """
    if isinstance(headline.value, NotAvailable):
        return headline.value
    if observed <= 0:
        return NotAvailable(
            f"the treated units' mean outcome is {observed:.4g}: a percent change needs it above 0"
        )
    if observed - headline.value <= 0:
        return NotAvailable(
            f"without the effect ({headline.value:.4g}) the mean outcome {observed:.4g} would not be positive"
        )
    for number, word in ((headline.low, "low"), (headline.high, "high")):
        if not isinstance(number, NotAvailable) and observed - number <= 0:
            return NotAvailable(
                f"at the {word} end of the interval ({number:.4g}) the mean outcome without the effect would "
                f"not be positive (observed mean {observed:.4g})"
            )
    slope = 100 * observed / (observed - headline.value) ** 2
    error = headline.std_error
    return replace(
        headline,
        estimand=f"{headline.estimand}, as a percent change",
        value=_percent(headline.value, observed),
        std_error=error if isinstance(error, NotAvailable) else slope * error,
        low=_percent(headline.low, observed),
        high=_percent(headline.high, observed),
        scale="percent",
    )


def _percent(number: Number, observed: float) -> Number:
    return number if isinstance(number, NotAvailable) else 100 * number / (observed - number)

"""Which arms a finding of a trial compares, as part of a sentence."""

from __future__ import annotations

from typing import Final

from whatworks.results import Result

_CHANCE: Final = {
    "rct.itt": "where chance assigned",
    "rct.crossover": "when chance assigned",
}


def assigned(result: Result) -> str:
    """` where chance assigned “patrol” rather than “control”`, with a blank first; nothing for other designs.

    Of the effect on compliers it says whom the effect is on.
    """
    arms = [str(arm) for arm in result.spec.get("arms", ())]
    if len(arms) < 2:
        return ""
    if result.method == "rct.cace":
        return f" for those who took it up because chance assigned “{arms[1]}” rather than “{arms[0]}”"
    if result.method == "rct.stepped_wedge":
        return f" where “{arms[1]}” had begun, in an order that chance drew"
    if result.method in _CHANCE:
        return f" {_CHANCE[result.method]} “{arms[1]}” rather than “{arms[0]}”"
    return ""

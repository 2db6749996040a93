"""Why one method's answer differs from another's, in sentences made from the weights."""

from __future__ import annotations

from collections.abc import Mapping

from whatworks.did.side_by_side.entries import YARDSTICK
from whatworks.did.side_by_side.outcome_weights import Account, Parts
from whatworks.did.staggered_rollout import RolloutDetail
from whatworks.did.switching import SwitchingDetail
from whatworks.results import Estimate, Result

MOST_COHORTS = 6
_SAME = 1e-9


def why(name: str, found: Mapping[str, Result], made: Account | None, split: Parts | None) -> str:
    """The sentence beside one answer: what it weights, what it compares with, and what that moves."""
    if made is None:
        return _otherwise(found[name], found.get(YARDSTICK))
    uses = (
        f"Weights {made.treated_cells:,} treated cells ({_cohorts(made)}) against {made.untreated_cells:,} "
        "untreated cells."
    )
    if name == YARDSTICK:
        return f"{uses} The others are laid against this one."
    return " ".join(
        part for part in (uses, _negative(made), _moved(made, split, found.get(YARDSTICK))) if part
    )


def _cohorts(made: Account) -> str:
    shares = [f"{label} {weight:.0%}" for label, weight in made.by_cohort]
    if len(shares) == 1:
        return f"all of start {made.by_cohort[0][0]}"
    if len(shares) > MOST_COHORTS:
        top = sorted(made.by_cohort, key=lambda pair: -abs(pair[1]))[:MOST_COHORTS]
        left = len(shares) - MOST_COHORTS
        return f"{', '.join(f'{label} {weight:.0%}' for label, weight in top)} and {left} more starts"
    return ", ".join(shares)


def _negative(made: Account) -> str:
    if not made.negative_cells:
        return ""
    return f"{made.negative_cells:,} of them carry negative weight, {made.negative:.3f} in all."


def _moved(made: Account, split: Parts | None, yardstick: Result | None) -> str:
    if yardstick is None or split is None:
        return f"It cannot be laid against {YARDSTICK}, which does not impute every cell weighted here."
    size = max(abs(float(str(yardstick.headline.value))), 1e-300)
    total = split.weighting + split.comparison
    if abs(total) <= _SAME * size:
        return f"The same number as {YARDSTICK}."
    pieces = []
    if abs(split.weighting) > _SAME * size:
        pieces.append(f"{split.weighting:+.4g} by weighting the same effects otherwise")
    if abs(split.comparison) > _SAME * size:
        pieces.append(f"{split.comparison:+.4g} by comparing with other untreated cells ({_leans(made)})")
    return f"{total:+.4g} against {YARDSTICK}: {' and '.join(pieces)}."


def _leans(made: Account) -> str:
    # a unit that starts after the window stays untreated in it, and yet is not one of the never treated
    kinds = [(made.never, "the never treated"), (made.later, "units that start after the window")]
    known = [f"{share:.0%} {who}" for share, who in kinds if share] or ["none the never treated"]
    first, *more = known
    share, _, who = first.partition(" ")
    last = "effects may begin" if made.anticipation else "it"
    return (
        f"{made.last_before:.0%} of its weight before the start lies on the last period before {last}, and "
        f"from the first start on {' and '.join((f'{share} of its comparison are {who}', *more))}"
    )


def _otherwise(result: Result, yardstick: Result | None) -> str:
    """For methods whose estimate is not a weighted sum of outcomes, or is one of another question."""
    if isinstance(result.detail, SwitchingDetail):
        used = result.detail.parts["DID_M"].switches
        return f"Only the period of each of {used} switches counts, whatever follows."
    if isinstance(result.detail, RolloutDetail):
        beta = result.detail.estimate.beta
        return (
            f"Subtracts {beta:.3g} of the difference in the last period before the start, as makes the "
            "variance smallest; a difference-in-differences subtracts all of it."
        )
    theirs = None if yardstick is None else yardstick.relative
    ours = result.relative
    if isinstance(ours, Estimate) and isinstance(theirs, Estimate):
        return (
            f"{float(str(ours.value)):+.3g}% where every unit would have changed in proportion, against "
            f"{float(str(theirs.value)):+.3g}% where every unit would have changed by the same amount "
            f"({YARDSTICK})."
        )
    return "Every unit would have changed in proportion, not by the same amount."

"""Calibration weights for many small areas and several outcomes at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from whatworks.arrays import Bools, Floats
from whatworks.inference.asked import Admitted
from whatworks.inference.synthetic.group_jackknife import GroupJackknife
from whatworks.inference.synthetic.linearised import Linearised
from whatworks.inference.synthetic.permutation_groups import PermutationGroups
from whatworks.inference.synthetic.two_groups import Several, TwoGroups
from whatworks.panel import Panel
from whatworks.results import Result
from whatworks.synth.micro_answer import answer
from whatworks.synth.micro_constraints import Calibration, Match, Roles, Together, roles_of
from whatworks.synth.micro_weights import WHERE
from whatworks.synth.pool import Pool, pool_of
from whatworks.synth.problems import actual, each_as_treated, repeated

Inference = Linearised | PermutationGroups | GroupJackknife

CALIBRATION: Final = Admitted(
    Inference,
    "inference={!r} does not apply to calibration weights",
    "Use Linearised(), PermutationGroups() or GroupJackknife(), or leave it out for the default.",
)


def micro(
    panel: Panel,
    *,
    outcomes: Sequence[str] = (),
    match: Match | None = None,
    together: Together = 1,
    anticipation: int = 0,
    inference: Inference | None = None,
    level: float = 0.95,
) -> Result:
    """Effect on many small treated areas, in several outcomes, against untreated areas weighted to match.

    One set of non-negative weights, as near to equal as possible, gives the untreated areas the treated
    areas' mean of every constant covariate and, period by period before the start, of every outcome. What
    cannot be met exactly is missed by as little as possible, and the result says which and by how much.

    Args:
        panel: (N, T) outcomes with one start; further outcomes and constant covariates are its covariates.
        outcomes: covariates that are further outcomes, measured (and by default matched) like the first.
        match: what to match, first things first; names in brackets stand on one level, names left out are
            not matched. None: constant covariates, then the paths of all outcomes.
        together: periods summed before they are matched, for all paths or by name.
        anticipation: periods just before the start in which the effect may begin; they are not matched.
        inference: `Linearised`, `PermutationGroups`, `GroupJackknife`, or None for the first, and for the
            second where no linearised error exists.
        level: coverage of the intervals.

    Returns:
        The mean effect on the panel's own outcome, per treated area and period, as headline; further outcomes
        in `secondary` (Holm). `effects` has for each outcome that mean, the total over all treated areas and
        periods, and each period, last the omnibus test. `detail.method` has the balance of every constraint
        and totals by outcome; `detail.weights` the weights, which sum to one.

    Raises:
        DesignError: staggered starts, fewer than two untreated areas or periods before the start, missing
            cells, an outcome zero in all treated areas, unit weights; or what the inference needs.
        OptionError: a name without a covariate, a covariate without a role, inference that does not fit.

    Source: Robbins, Saunders & Kilmer (2017), JASA 112(517); Robbins & Davenport (2021), Journal of
    Statistical Software 97(2); the distance is the first of Deville & Särndal (1992), JASA 87(418).
    """
    pool = pool_of(panel, WHERE, anticipation=anticipation)
    roles = roles_of(panel, pool, outcomes, match, together)
    fit = Calibration(roles, panel.period_labels)
    weights = fit.weights(actual(pool))
    groups = _groups(pool, fit, weights[0])
    used, why = _chosen(groups, inference)
    sure = _assess(pool, fit, groups, used, level)
    spec = {"anticipation": anticipation, "inference": repr(used), "level": level}
    return answer(pool, fit, weights, sure, spec={**_spec(roles), **spec}, why=why)


def _groups(pool: Pool, fit: Calibration, weights: Floats) -> TwoGroups:
    after = fit.roles.outcome[:, :, pool.post]
    return TwoGroups(after, pool.members, weights, fit.columns(pool.pre).scaled, pool.panel.cluster)


def _spec(roles: Roles) -> dict[str, Any]:
    return {
        "outcomes": list(roles.names[1:]),
        "match": {name: int(place) for name, place in roles.priority.items()},
        "together": dict(roles.together),
    }


def _chosen(groups: TwoGroups, inference: Inference | None) -> tuple[Inference, str]:
    """The inference to use and why; without a linearised error the default draws permutation groups."""
    if inference is not None:
        return inference, "as asked for"
    if not Linearised().missing(groups):
        return Linearised(), "the default for calibration weights"
    several = int((groups.treated > 0).sum()) > 1
    return (
        PermutationGroups(statistic="t" if several else "difference"),
        "the default where no linearised error exists",
    )


def _assess(pool: Pool, fit: Calibration, groups: TwoGroups, inference: Inference, level: float) -> Several:
    CALIBRATION.require(inference, WHERE)
    if isinstance(inference, Linearised):
        return inference.assess(groups, level=level)
    if isinstance(inference, PermutationGroups):
        return inference.assess(
            groups, pool.donors, lambda sets: fit.weights(each_as_treated(pool, sets)), level=level
        )
    return inference.assess(groups, lambda stay: _without(pool, fit, stay), level=level)


def _without(pool: Pool, fit: Calibration, stay: Bools) -> tuple[Floats, Floats]:
    """(G, N) weights of the treated and of the comparison among the units that stay."""
    members = pool.members * stay
    members = members / members.sum(axis=1, keepdims=True)
    asked = replace(repeated(pool, len(stay)), members=members, allowed=pool.donors & stay)
    return members, fit.weights(asked)

"""Treatments that go on and off: the effect in the period of the switch, against units that do not switch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from whatworks.answer import bare_row, explained
from whatworks.arrays import Bools, Floats
from whatworks.did.regression.answer import sizes
from whatworks.errors import DesignError, OptionError, did_you_mean, first_few, refuse_unused
from whatworks.inference.default import ByClusters, Choice, ClusterCounts, Default, count_clusters
from whatworks.inference.errors.influence import Analytical, analytical, standard_errors
from whatworks.inference.errors.wild import WildCluster
from whatworks.inference.fits import rounding
from whatworks.inference.fits.rows import by_cluster
from whatworks.inference.percent import relative_change
from whatworks.inference.uncertainty import NO_VARIATION, Uncertainty, unknown
from whatworks.panel import NEVER, Panel
from whatworks.results import NotAvailable, Result

WHERE = "did.switching"

Inference = Analytical | WildCluster | Default | None

SWITCHES = ByClusters(
    Inference,
    "inference={!r} does not apply to switches",
    'Use Analytical() ("analytical") or WildCluster() ("wild"), or leave it out.',
    many=Analytical("clusters"),
    by_scores=True,
)

ASSUMES = (
    "Assumes that units which switch would have changed like those that keep the same status over the same "
    "two periods, and that a past status leaves nothing behind: only the status of the period itself acts."
)


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """Switches in one direction, all (N, T) with column t for the change from t − 1 to t.

    Attributes:
        sign: 1 for switching on, −1 for switching off.
        switch, stay: units that switch, and those that had the same status before and keep it; in periods
            without both, neither.
        change: change of the outcome; 0 where unknown.
    """

    sign: float
    switch: Bools
    stay: Bools
    change: Floats


@dataclass(frozen=True, slots=True, eq=False)
class LinearParts:
    """One estimate that is linear in the outcome.

    Attributes:
        value: the estimate.
        influence: (N,) contributions whose cluster sums, squared and added, are its variance.
        at_null, slope: (N,) scores with no effect imposed, and their change per unit of effect.
        switches: unit-periods that switch.
    """

    value: float
    influence: Floats
    at_null: Floats
    slope: Floats
    switches: int


@dataclass(frozen=True, slots=True, eq=False)
class SwitchingDetail:
    """What `did.switching` computed on the way.

    Attributes:
        status: (N, T) 1 where treated.
        on, off: the two directions.
        parts: estimates by term.
        choice: the inference used, and why.
    """

    status: Floats
    on: Side
    off: Side
    parts: dict[str, LinearParts]
    choice: Choice


def switching(panel: Panel, *, treated: str, inference: Inference = None, level: float = 0.95) -> Result:
    """Effect in the period of a switch, for a treatment that goes on and off (DID_M).

    Units that switch on are compared with untreated units that stay so over the same two periods, units
    that switch off with treated units that stay so; the headline averages over all switches. The effects
    table also holds both directions apart and a placebo: the same comparison one period earlier, for units
    whose status had not changed by then.

    Args:
        panel: (N, T) outcomes, with the status as a covariate of zeros and ones and no start role. Cells may
            be missing; the changes that need them drop out.
        treated: name of that covariate.
        inference: `Analytical` (influence function by cluster), `WildCluster`, `Default`, or None for the
            default of the design.
        level: coverage of the intervals.

    Raises:
        OptionError: no such covariate, inference that does not fit, a level outside (0, 1).
        DesignError: a start role, a status that is not 0 or 1, further covariates, nobody who switches, or
            no switch in a period when others with the same status stay.

    Source: de Chaisemartin & D'Haultfœuille (2020), American Economic Review 110(9), section III.
    """
    status = _status(panel, treated)
    on, off = _side(panel, status, 1.0), _side(panel, status, -1.0)
    _require_switches(on, off)
    parts = {
        name: _parts(panel, sides)
        for name, sides in (
            ("DID_M", (on, off)),
            ("switching on", (on,)),
            ("switching off", (off,)),
            ("placebo, one period earlier", (_placebo(panel, status, on), _placebo(panel, status, off))),
        )
    }
    choice = SWITCHES.settle(inference, _counts(panel, on, off), WHERE)
    return _result(panel, treated, SwitchingDetail(status, on, off, parts, choice), level)


def _result(panel: Panel, treated: str, detail: SwitchingDetail, level: float) -> Result:
    on, off, parts, choice = detail.on, detail.off, detail.parts, detail.choice
    found = {name: _uncertainty(panel, part, choice, level) for name, part in parts.items() if part.switches}
    units = int((on.switch | off.switch).any(axis=1).sum())
    headline = found["DID_M"].estimate(
        0,
        estimand=f"Effect in the period of the switch, over {parts['DID_M'].switches} switches of {units} "
        "units (DID_M)",
        scale=panel.scale,
    )
    headline = explained(headline, choice)
    return Result(
        method=WHERE,
        headline=headline,
        effects=_effects(parts, found),
        design=sizes(panel, units, headline),
        spec={
            "treated": treated,
            "inference": repr(choice.inference),
            "level": level,
            "weighted": panel.weight is not None,
            "clustered": panel.cluster is not None,
        },
        input_hash=panel.fingerprint,
        relative=relative_change(headline, _untreated_mean(panel, on, off) + parts["DID_M"].value),
        seed=choice.seed(panel.n_clusters),
        notes=(*panel.notes, ASSUMES, *_notes(detail.status, on, off), *choice.warnings),
        detail=detail,
    )


def _status(panel: Panel, treated: str) -> Floats:
    if treated not in panel.covariate_names:
        raise OptionError(
            f"the panel has no covariate {treated!r}",
            where=WHERE,
            remedy=f"{did_you_mean(treated, panel.covariate_names)}Name the column of zeros and ones among "
            "the covariates of Panel.from_frame, and here.",
        )
    others = [name for name in panel.covariate_names if name != treated]
    refuse_unused(
        WHERE,
        "Leave them out; did.att_gt adjusts for covariates where treatment, once begun, stays.",
        covariates=others,
    )
    if (panel.start != NEVER).any():
        raise DesignError(
            "the panel names starts, and a treatment that goes on and off has none",
            where=WHERE,
            remedy="Leave the start role out and let the status say who is treated when. Where treatment, "
            "once begun, stays, use did.att_gt.",
        )
    status = panel.covariates[panel.covariate_names.index(treated)]
    wrong = np.argwhere(~np.isnan(status) & (status != 0) & (status != 1))
    if len(wrong):
        cells = first_few(
            f"{panel.units[i]} {panel.period_labels[t]} = {status[i, t]:g}" for i, t in wrong[:6]
        )
        raise DesignError(
            f"the status is neither 0 nor 1 in {len(wrong):,} cells: {cells}",
            where=f"{WHERE}, covariate {treated!r}",
            remedy="Say from which amount on a unit counts as treated, and code that as 0 and 1.",
        )
    return np.asarray(status)


def _side(panel: Panel, status: Floats, sign: float) -> Side:
    """Changes from one period to the next, in periods with both switchers and stayers."""
    before = 0.0 if sign > 0 else 1.0
    change = np.full(panel.outcome.shape, np.nan)
    change[:, 1:] = np.diff(panel.outcome, axis=1)
    change[:, 1:][:, np.diff(panel.periods) != 1] = np.nan
    was = np.zeros(status.shape, dtype=bool)
    was[:, 1:] = status[:, :-1] == before
    was &= np.isfinite(change)
    return _matched(sign, was & (status == 1 - before), was & (status == before), np.nan_to_num(change))


def _placebo(panel: Panel, status: Floats, side: Side) -> Side:
    """The change one period before each comparison, for units whose status was the same then."""
    same = np.zeros(status.shape, dtype=bool)
    same[:, 2:] = (status[:, :-2] == status[:, 1:-1]) & (np.diff(panel.periods)[:-1] == 1)
    earlier = np.full(status.shape, np.nan)
    earlier[:, 2:] = np.diff(panel.outcome, axis=1)[:, :-1]
    same &= np.isfinite(earlier)
    return _matched(side.sign, side.switch & same, side.stay & same, np.nan_to_num(earlier))


def _matched(sign: float, switch: Bools, stay: Bools, change: Floats) -> Side:
    both = switch.any(axis=0) & stay.any(axis=0)
    return Side(sign, switch & both, stay & both, change)


def _require_switches(on: Side, off: Side) -> None:
    if on.switch.any() or off.switch.any():
        return
    raise DesignError(
        "no unit switches in a period when another unit of the same status stays as it was",
        where=WHERE,
        remedy="Check the status column. Where all switch at once no unit shows what would have happened.",
    )


def _parts(panel: Panel, sides: tuple[Side, ...]) -> LinearParts:
    weight = panel.unit_weight[:, None]
    total = sum(float((weight * side.switch).sum()) for side in sides)
    value, scores = 0.0, np.zeros((4, panel.n_units))
    if total == 0:
        return LinearParts(np.nan, scores[0], scores[1], scores[2], 0)
    for side in sides:
        moved, kept = weight * side.switch, weight * side.stay
        mass, others = moved.sum(axis=0), _positive(kept.sum(axis=0))
        used = side.sign * (moved - kept * (mass / others)) / total
        means = [(m * side.change).sum(axis=0) / _positive(m.sum(axis=0)) for m in (moved, kept)]
        pooled = ((moved + kept) * side.change).sum(axis=0) / _positive(mass + others)
        effect = side.sign * (means[0] - means[1])
        value += float((mass * effect).sum() / total)
        pretend = side.sign * (side.switch - mass / _positive(mass + others))
        centre = np.where(side.switch, means[0], means[1])
        scores += np.stack(
            [
                (used * (side.change - centre) + moved * effect / total).sum(axis=1),
                (used * (side.change - pooled)).sum(axis=1),
                (used * pretend).sum(axis=1),
                moved.sum(axis=1) / total,
            ]
        )
    switches = sum(int(side.switch.sum()) for side in sides)
    return LinearParts(value, scores[0] - value * scores[3], scores[1], scores[2], switches)


def _positive(values: Floats) -> Floats:
    return np.where(values > 0, values, 1.0)


def _counts(panel: Panel, on: Side, off: Side) -> ClusterCounts:
    switch, stay = ((getattr(on, name) | getattr(off, name)).any(axis=1) for name in ("switch", "stay"))
    return count_clusters(panel.cluster, switch, stay)


def _uncertainty(panel: Panel, part: LinearParts, choice: Choice, level: float) -> Uncertainty:
    value = np.array([part.value])
    if isinstance(choice.inference, NotAvailable):
        return unknown(value, choice.inference.reason, level=level)
    columns = np.stack([part.influence, part.at_null, part.slope], axis=1)
    sums = by_cluster(columns, panel.cluster, panel.n_clusters)
    error = standard_errors(sums[:, :1])
    if not error[0] > rounding.below(panel.outcome):
        return unknown(value, NO_VARIATION, level=level)
    if isinstance(choice.inference, WildCluster):
        found = choice.inference.from_scores(sums[:, 1:2], sums[:, 2:3], level=level, std_error=error)
        return found
    by = f"the {panel.n_clusters} {'units' if panel.cluster is None else 'clusters'}"
    return analytical(
        value, error, ("",), choice=choice.inference, n_clusters=panel.n_clusters, level=level, by=by
    )


def _effects(parts: dict[str, LinearParts], found: dict[str, Uncertainty]) -> pd.DataFrame:
    rows = [
        {"term": name, **found[name].row(0), "n": part.switches}
        if name in found
        else bare_row(name, np.nan, part.switches, "no such switch has a comparison")
        for name, part in parts.items()
    ]
    return pd.DataFrame(rows)


def _untreated_mean(panel: Panel, on: Side, off: Side) -> float:
    """Mean outcome of switching units in the period of the switch, had they been untreated then."""
    weight = panel.unit_weight[:, None]
    outcome = np.nan_to_num(panel.outcome)
    total, mass = 0.0, 0.0
    for side in (on, off):
        moved = weight * side.switch
        total += float((moved * outcome).sum())
        mass += float(moved.sum())
        if side.sign > 0 and moved.any():
            total -= _parts(panel, (side,)).value * float(moved.sum())
    return total / mass


def _notes(status: Floats, on: Side, off: Side) -> list[str]:
    turned_on = int(((status[:, :-1] == 0) & (status[:, 1:] == 1)).sum())
    turned_off = int(((status[:, :-1] == 1) & (status[:, 1:] == 0)).sum())
    used = int(on.switch.sum()), int(off.switch.sum())
    notes = [f"{used[0]} switches on and {used[1]} switches off enter."]
    if (turned_on, turned_off) != used:
        notes.append(
            f"{turned_on + turned_off - sum(used)} switches do not enter: nobody of the same status stayed "
            "as it was in that period, or an outcome is missing."
        )
    if turned_off == 0:
        notes.append("Nobody switches off: did.att_gt also follows effects after the period of the switch.")
    return notes

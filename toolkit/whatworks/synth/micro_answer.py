"""From calibration weights and their inference to a result with several outcomes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from whatworks.answer import bare_row, or_nan
from whatworks.arrays import Floats
from whatworks.errors import first_few
from whatworks.inference import multiplicity
from whatworks.inference.errors.joint import JointTest
from whatworks.inference.percent import relative_change
from whatworks.inference.synthetic.two_groups import Several
from whatworks.results import Design, Estimate, NotAvailable, Number, Result, Secondary
from whatworks.synth.answer import BEFORE, SynthDetail, sizes
from whatworks.synth.micro_constraints import Calibration, Columns, Roles, fits_of
from whatworks.synth.micro_weights import HELD, WHERE
from whatworks.synth.pool import Pool
from whatworks.synth.problems import actual

WHOLE = "over all periods from the start on, so it has no event time"
JOINT = "a joint test has no estimate"
UNEVEN = 3.0
"""A weight above so many times the share of one treated area is named in a note."""


@dataclass(frozen=True, slots=True, eq=False)
class MicroDetail:
    """What calibration weights balanced, and what came of it.

    Attributes:
        balance: one row a constraint: total of the treated areas, the weighted total (weights times the
            number of treated areas), what is missed, the same in standard deviations per area, whether it is
            held, and what equal weights would give.
        totals: one row an outcome: totals of the treated and the weighted comparison from the start on, their
            difference, and percent of the latter.
        omnibus: test of no mean effect on any outcome; None with one outcome.
        effective: effective number of comparison areas, 1 over the sum of squared weights.
        placebos: (B, J) statistics of the permutation groups, where there are some.
    """

    balance: pd.DataFrame
    totals: pd.DataFrame
    omnibus: JointTest | None
    effective: float
    placebos: Floats | None


def answer(
    pool: Pool, fit: Calibration, weights: Floats, sure: Several, *, spec: dict[str, Any], why: str
) -> Result:
    """The result: the panel's own outcome as headline, the others as secondary, all in the effects."""
    found, roles = replace(sure.found, sentence=f"{sure.found.sentence} ({why})."), fit.roles
    width = 1 + int(pool.post.sum())
    estimates = [
        found.estimate(j * width, estimand=_estimand(pool, name if j else ""), scale=_scale(pool, name, j))
        for j, name in enumerate(roles.names)
    ]
    observed = np.einsum("n,jnt->jt", pool.members, roles.outcome)
    relative = [
        relative_change(estimate, float(mean))
        for estimate, mean in zip(estimates, observed[:, pool.post].mean(axis=1), strict=True)
    ]
    columns = fit.columns(pool.pre)
    own = MicroDetail(
        _balance(pool, columns, weights[0]),
        _totals(pool, roles, weights[0]),
        sure.omnibus,
        float(1 / (weights[0] ** 2).sum()),
        sure.placebos,
    )
    return Result(
        method=WHERE,
        headline=estimates[0],
        effects=effects(pool, roles, weights[0], replace(sure, found=found)),
        design=_design(pool, sure.mde),
        spec=spec,
        input_hash=pool.panel.fingerprint,
        relative=relative[0],
        seed=sure.seed,
        notes=(*pool.panel.notes, *pool.notes, *_notes(pool, columns, own, weights[0])),
        secondary=_secondary(roles.names[1:], estimates[1:], relative[1:]),
        detail=SynthDetail(pool, fit, fits_of(actual(pool), weights), None, own),
    )


def effects(pool: Pool, roles: Roles, weights: Floats, sure: Several) -> pd.DataFrame:
    """For each outcome the mean effect, the total, and every period; last the omnibus test."""
    width = 1 + int(pool.post.sum())
    parts = []
    for j, name in enumerate(roles.names):
        rows = np.zeros(len(sure.found.value), dtype=bool)
        rows[j * width : (j + 1) * width] = True
        parts.append(_one_outcome(pool, name, roles.outcome[j], weights, sure.found.only(rows).columns()))
    if sure.omnibus is not None:
        parts.append(_omnibus_row(pool, sure.omnibus))
    return pd.concat(parts, ignore_index=True)


def _one_outcome(
    pool: Pool, name: str, outcome: Floats, weights: Floats, found: dict[str, object]
) -> pd.DataFrame:
    labels, treated, comparison = pool.panel.period_labels, pool.members @ outcome, weights @ outcome
    after = np.flatnonzero(pool.post)
    cells = int(pool.treated.sum()) * len(after)
    each = pd.DataFrame(
        {
            "term": [f"{name}: gap in {label}" for label in labels],
            "outcome": name,
            "period": list(labels),
            "event_time": (pool.panel.periods - pool.start).astype(np.float64),
            "estimate": treated - comparison,
        }
    )
    sides = {"treated": treated, "comparison": comparison}
    summary = pd.DataFrame(
        {
            "term": [f"{name}: mean per area and period", f"{name}: total over areas and periods"],
            "outcome": name,
            "period": f"{labels[after[0]]} to {labels[after[-1]]}",
            "event_time": np.nan,
        }
    )
    for column in ("estimate", "std_error", "low", "high", "p_value", "reason"):
        values = np.asarray(found[column], dtype=object if column == "reason" else np.float64)
        times = cells if column not in ("p_value", "reason") else 1
        if column == "reason":
            summary[column] = f"{values[0]}; {WHOLE}" if values[0] else WHOLE
            spread = np.full(len(labels), BEFORE, dtype=object)
        else:
            summary[column] = [values[0], values[0] * times]
            spread = np.full(len(labels), np.nan)
        spread[after] = values[1:]
        if column != "estimate":
            each[column] = spread
    for side, path in sides.items():
        summary[side] = [path[after].mean(), path[after].mean() * cells]
        each[side] = path
    both = pd.concat([summary, each], ignore_index=True)
    return both.assign(n=int(pool.treated.sum()))


def _omnibus_row(pool: Pool, omnibus: JointTest) -> pd.DataFrame:
    term, reason = "no effect on any outcome (omnibus)", f"{JOINT}: {omnibus.sentence}"
    bare = bare_row(term, np.nan, int(pool.treated.sum()), reason) | {"p_value": or_nan(omnibus.p_value)}
    place = {"outcome": "all outcomes", "period": "all"}
    gaps = dict.fromkeys(("event_time", "treated", "comparison"), np.nan)
    return pd.DataFrame([bare | place | gaps])


def _secondary(
    names: tuple[str, ...], estimates: list[Estimate], relative: list[Estimate | NotAvailable]
) -> tuple[Secondary, ...]:
    adjusted, words = multiplicity.secondary([e.p_value for e in estimates])
    return tuple(
        Secondary(name, estimate, percent, p, words)
        for name, estimate, percent, p in zip(names, estimates, relative, adjusted, strict=True)
    )


def _balance(pool: Pool, columns: Columns, weights: Floats) -> pd.DataFrame:
    count = int(pool.treated.sum())
    target, weighted = pool.members @ columns.values, weights @ columns.values
    varying = columns.spread > 0
    missed = np.zeros(len(target))
    missed[varying] = ((target - weighted)[varying]) / columns.spread[varying]
    missed[np.abs(missed) <= 10 * HELD] = 0.0
    return pd.DataFrame(
        {
            "constraint": columns.names,
            "priority": columns.priority,
            "treated": target * count,
            "weighted": weighted * count,
            "missed": (target - weighted) * count,
            "missed_sd": missed,
            "held": missed == 0,
            "equal_weights": columns.values[pool.donors].mean(axis=0) * count,
        }
    )


def _totals(pool: Pool, roles: Roles, weights: Floats) -> pd.DataFrame:
    count, after = int(pool.treated.sum()), roles.outcome[:, :, pool.post].sum(axis=2)
    treated, comparison = count * (after @ pool.members), count * (after @ weights)
    percent = [
        NotAvailable("the weighted comparison has none") if c <= 0 else 100 * (t / c - 1)
        for t, c in zip(treated.tolist(), comparison.tolist(), strict=True)
    ]
    return pd.DataFrame(
        {
            "outcome": roles.names,
            "treated": treated,
            "comparison": comparison,
            "difference": treated - comparison,
            "percent": pd.Series(percent, dtype=object),
        }
    )


def _design(pool: Pool, mde: Number) -> Design:
    used = int((pool.treated | pool.donors).sum())
    size = sizes(used, int(pool.treated.sum()), pool.panel.n_periods, mde)
    return size if pool.panel.cluster is None else replace(size, n_clusters=pool.panel.n_clusters)


def _estimand(pool: Pool, outcome: str) -> str:
    labels = pool.panel.period_labels
    first, last = np.flatnonzero(pool.post)[[0, -1]]
    what = f" in {outcome}" if outcome else ""
    count = int(pool.treated.sum())
    who = f"the {count:,} treated units" if count > 1 else pool.treated_name
    return f"Average effect{what} on {who}, {labels[first]} to {labels[last]} (ATT)"


def _scale(pool: Pool, name: str, place: int) -> str:
    return name if place else pool.panel.scale


def _notes(pool: Pool, columns: Columns, own: MicroDetail, weights: Floats) -> tuple[str, ...]:
    used, donors = int((weights > 0).sum()), int(pool.donors.sum())
    words = [
        f"{used:,} of {donors:,} untreated areas carry weight, worth {own.effective:.3g} areas equally "
        "weighted."
    ]
    off = own.balance.loc[~own.balance["held"]]
    if len(off):
        worst = off.reindex(off["missed_sd"].abs().sort_values(ascending=False).index)
        named = (f"{row.constraint} by {row.missed:+.4g}" for row in worst.itertuples())
        words.append(
            f"No weights meet all {len(own.balance)} constraints; {len(off)} are missed, by as little as "
            f"possible in order of priority (treated less weighted total): {first_few(named)}."
        )
    else:
        words.append(f"All {len(own.balance)} constraints are met exactly.")
    if donors <= len(own.balance):
        words.append(f"There are {donors} untreated areas for {len(own.balance)} constraints.")
    flat = [name for name, s in zip(columns.names, columns.spread, strict=True) if s == 0]
    if flat:
        words.append(f"These constraints are the same for every area and have no say: {first_few(flat)}.")
    largest, share = float(weights.max()), 1 / int(pool.treated.sum())
    if largest > UNEVEN * share:
        name = pool.panel.units[int(weights.argmax())]
        words.append(f"The area {name} weighs as much as {largest / share:.3g} treated areas.")
    if own.omnibus is not None and not isinstance(own.omnibus.p_value, NotAvailable):
        words.append(f"No effect on any outcome: p {own.omnibus.p_value:.3g}. {own.omnibus.sentence}.")
    return tuple(words)

"""Synthetic control: who carries the weight, how far away they are, and whether they were left alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from whatworks.arrays import Bools, Floats
from whatworks.checks.movement import Movement, measure
from whatworks.checks.neighbours import Borders, adjacency
from whatworks.checks.synth import reading
from whatworks.data import breaks
from whatworks.data.recording import UNSAID, Recording
from whatworks.errors import OptionError, did_you_mean, first_few
from whatworks.results import CheckResult, CheckVerdict, NotAvailable, Result
from whatworks.synth.answer import SynthDetail
from whatworks.synth.pool import Pool
from whatworks.synth.problems import without_each

CONCENTRATION: Final = "Weight concentration"
INTERPOLATION: Final = "Interpolation"
CONTAMINATION: Final = "Donors left alone"

HALF: Final = 0.5
TIE: Final = 1e-9
NEARLY_ALL: Final = 0.9
FAR_SHARE: Final = 0.5
"""Weight on donors far from the treated unit above which averaging them is a stretch: nine in ten of 40
London boroughs drawn at random have less."""


def weight_concentration(result: Result) -> CheckResult:
    """Does the synthetic control rest on many donors, or on one?

    Args:
        result: what a method of synthetic control returned.

    Returns:
        `pass` if no donor has more than half of the weight, `concern` if one has, `fail` if one has more than
        nine tenths: what happens to that one area is then taken for what would have happened here. The
        effective number of donors is 1 over the sum of squared weights.
    """
    detail = reading.read(result)
    found = detail if isinstance(detail, NotAvailable) else reading.weights(detail)
    if isinstance(detail, NotAvailable) or isinstance(found, NotAvailable):
        return CheckResult(CONCENTRATION, "not_applicable", _why(detail, found))
    listed = detail.weights
    used = listed[listed.abs() >= reading.USED]
    table = pd.DataFrame({"donor": [str(name) for name in used.index], "weight": used.to_numpy()})
    effective, top = 1 / float((found**2).sum()), float(listed.iloc[0])
    said = (
        f"{len(used)} of {len(listed)} donors are used; {listed.index[0]} has the largest weight, {top:.2f}. "
        f"In effect it is an average of {effective:.1f} donors (1 over the sum of squared weights)"
    )
    if top > HALF + TIE:
        verdict: CheckVerdict = "fail" if top > NEARLY_ALL + TIE else "concern"
        reason = f"{said}. Whatever else happened in {listed.index[0]} counts as part of the effect."
        limit = NEARLY_ALL if verdict == "fail" else HALF
        return CheckResult(
            CONCENTRATION, verdict, reason, table, f"the largest weight were at most {limit:g}"
        )
    return CheckResult(CONCENTRATION, "pass", f"{said}.", table, f"one donor had more than {HALF:g}")


def interpolation(result: Result) -> CheckResult:
    """Is the average made of donors like the treated unit, or of unlike ones that cancel?

    A donor is far if its mean outcome before the start lies more than one standard deviation of the donors'
    means from the treated unit's. Where outcomes do not move in proportion, an average of high and low areas
    is no middling area.

    Args:
        result: what a method of synthetic control returned.

    Returns:
        `pass` if far donors have at most a quarter of the weight, `concern` if more.

    Source: Abadie, Diamond & Hainmueller (2010), JASA 105(490), section 2, on interpolation bias. The
    yardstick is ours.
    """
    detail = reading.read(result)
    found = detail if isinstance(detail, NotAvailable) else reading.weights(detail)
    if isinstance(detail, NotAvailable) or isinstance(found, NotAvailable):
        return CheckResult(INTERPOLATION, "not_applicable", _why(detail, found))
    pool = detail.pool
    level = pool.outcome[:, pool.pre].mean(axis=1)
    spread, own = float(level[pool.donors].std()), float(pool.observed[pool.pre].mean())
    away = (level - own) / spread if spread > 0 else np.zeros(len(level))
    table = _levels(pool, found, level, away)
    far = pool.donors & (np.abs(away) > 1)
    share = float(np.abs(found[far]).sum())
    said = (
        f"The treated unit's mean before the start is {own:.3g}, the donors' spread {spread:.3g}. Donors "
        f"more than one such spread away have {share:.2f} of the weight"
    )
    if share > FAR_SHARE:
        worst = first_few(str(name) for name in table.loc[table["distance"].abs() > 1, "donor"])
        reason = f"{said} ({worst}): unlike areas are averaged into one that looks alike."
        return CheckResult(INTERPOLATION, "concern", reason, table, f"they had at most {FAR_SHARE:g}")
    return CheckResult(INTERPOLATION, "pass", f"{said}.", table, f"they had more than {FAR_SHARE:g}")


def donors_left_alone(
    result: Result,
    *,
    neighbours: Borders | None = None,
    others: Mapping[str, str] | None = None,
    offence: str = "",
    recording: Recording | NotAvailable = UNSAID,
) -> CheckResult:
    """Were donors with weight touched by the treatment next door, or by one of their own?

    Suspect are donors that border a treated unit, that `others` names, or that an entry of the register of
    breaks inside the window names. The estimate is found again without all of them.

    Args:
        result: what a method of synthetic control returned.
        neighbours: from each unit to the units that border it; None for the London boroughs.
        others: units with an intervention of their own, and what it was.
        offence: the offence counted; register entries that do not touch it are left alone. Empty: all.
        recording: whose recording it is; without it no entry of the register is known to belong to it.

    Returns:
        `pass` if no suspect has weight, or the estimate without them keeps half of the effect and stays
        inside its interval; `not_informative` if it stays inside one that includes no effect; `fail` if it
        turns the sign of an estimate whose interval excludes none; `concern` otherwise. `not_applicable`
        where there are no weights, or neither borders nor others are known.

    Raises:
        OptionError: `others` names what is no unit.

    Source: Abadie (2021), Journal of Economic Literature 59(2), section 5 (no interference, and donors
    without shocks of their own).
    """
    detail = reading.read(result)
    found = detail if isinstance(detail, NotAvailable) else reading.weights(detail)
    if isinstance(detail, NotAvailable) or isinstance(found, NotAvailable):
        return CheckResult(CONTAMINATION, "not_applicable", _why(detail, found))
    beside = _beside(detail.pool, neighbours)
    if isinstance(beside, NotAvailable) and not others:
        return CheckResult(CONTAMINATION, "not_applicable", beside.reason)
    near = np.zeros(len(found), bool) if isinstance(beside, NotAvailable) else beside
    why = _suspects(detail.pool, near, others or {}, _register(detail.pool, offence, recording))
    suspect = np.array([bool(text) for text in why])
    used = suspect & (np.abs(found) >= reading.USED)
    table = _suspect_table(detail.pool, found, why)
    if not used.any():
        reason = (
            f"None of the {len(table)} suspect donors has weight." if len(table) else "No donor is suspect."
        )
        return CheckResult(CONTAMINATION, "pass", reason, table, "a donor that something touched had weight")
    return _without(result, detail, table, suspect, float(np.abs(found[used]).sum()))


def _beside(pool: Pool, neighbours: Borders | None) -> Bools | NotAvailable:
    """(N,) units that border a treated one, or why that is not known."""
    borders = adjacency(pool.panel, neighbours, pool.treated)
    if isinstance(borders, NotAvailable):
        return borders
    return np.asarray(borders[pool.treated].any(axis=0))


def _without(
    result: Result, detail: SynthDetail, table: pd.DataFrame, suspect: Bools, share: float
) -> CheckResult:
    names = first_few(
        f"{row['donor']} {row['weight']:.2f}" for _, row in table.iterrows() if row["weight"] >= 0.001
    )
    said = f"Donors that may have been touched have {share:.2f} of the weight ({names})"
    change = "they had no weight, or the estimate stood without them"
    if int((detail.pool.donors & ~suspect).sum()) < 2:
        reason = f"{said}, and without them no pool is left."
        return CheckResult(CONTAMINATION, "concern", reason, table, change)
    value = reading.again(result, detail, without_each(detail.pool, suspect[None]))
    moved = (
        value
        if isinstance(value, NotAvailable)
        else measure(result.headline, pd.DataFrame({"estimate": value}))
    )
    if isinstance(moved, NotAvailable):
        return CheckResult(CONTAMINATION, "concern", f"{said}. {moved.reason}", table, change)
    said += f"; without all suspects the estimate is {moved.top['estimate']:.3g} instead of {moved.value:.3g}"
    return _judge(moved, said, table, change)


def _judge(moved: Movement, said: str, table: pd.DataFrame, change: str) -> CheckResult:
    if len(moved.turned):
        reason = f"{said}: its sign turns, though the interval excludes no effect."
        return CheckResult(CONTAMINATION, "fail", reason, table, change)
    if len(moved.far):
        where = "outside its interval" if len(moved.outside) else "less than half of the effect"
        return CheckResult(CONTAMINATION, "concern", f"{said}, {where}.", table, change)
    if not moved.judged:
        reason = f"{said}. There is no interval to judge that by."
        return CheckResult(CONTAMINATION, "concern", reason, table, "there were an interval")
    return moved.passed(CONTAMINATION, f"{said}, inside its interval.", table, change)


def _suspects(pool: Pool, beside: Bools, others: Mapping[str, str], told: Mapping[str, str]) -> list[str]:
    """What each unit is suspected of; empty for units without suspicion and for those that are no donors."""
    names = [str(unit) for unit in pool.panel.units]
    for name in others:
        if name not in names:
            raise OptionError(
                f"{name!r} is no unit of the panel",
                where="others",
                remedy=f"{did_you_mean(name, names)}Name units as the panel spells them.",
            )
    found = []
    for name, near, donor in zip(names, beside, pool.donors, strict=True):
        reasons = ["borders the treated"] if near else []
        reasons += [text for text in (others.get(name, ""), told.get(name, "")) if text]
        found.append("; ".join(reasons) if donor else "")
    return found


def _register(pool: Pool, offence: str, recording: Recording | NotAvailable) -> dict[str, str]:
    """Entries of the register of breaks inside the window that name a unit."""
    if pool.panel.period_kind != "month" or isinstance(recording, NotAvailable):
        return {}
    labels = pool.panel.period_labels
    found: dict[str, str] = {}
    for item in breaks.crossing(labels[0], labels[-1], offence, recording=recording):
        for name in map(str, pool.panel.units):
            if re.search(rf"\b{re.escape(name)}\b", item.what):
                found[name] = f"{item.what.rstrip('.')} ({item.first_month})"
    return found


def _suspect_table(pool: Pool, found: Floats, why: list[str]) -> pd.DataFrame:
    rows = [
        {"donor": str(pool.panel.units[i]), "weight": float(found[i]), "why": text}
        for i, text in enumerate(why)
        if text
    ]
    table = pd.DataFrame(rows, columns=["donor", "weight", "why"])
    return table.sort_values("weight", ascending=False, kind="stable").reset_index(drop=True)


def _levels(pool: Pool, found: Floats, level: Floats, away: Floats) -> pd.DataFrame:
    used = np.flatnonzero(pool.donors & (np.abs(found) >= reading.USED))
    used = used[np.argsort(-found[used], kind="stable")]
    return pd.DataFrame(
        {
            "donor": [str(pool.panel.units[i]) for i in used],
            "weight": found[used],
            "mean before": level[used],
            "distance": away[used],
        }
    )


def _why(*found: object) -> str:
    return next(one.reason for one in found if isinstance(one, NotAvailable))

"""Group-time effects against slow, obvious loops written straight from the definitions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from tests.did.staggered import london, staggered

from whatworks.did.aggregate import aggregate
from whatworks.did.att_gt import att_gt
from whatworks.errors import DesignError
from whatworks.inference.errors.influence import Analytical
from whatworks.panel import NEVER, Panel


def by_hand(panel: Panel, comparison: str, base: str, anticipation: int) -> dict[tuple[int, int], tuple]:
    """{(cohort, period): (effect, influence function (N,))}, unit by unit, unweighted."""
    times = [int(t) for t in panel.periods]
    start = [int(s) for s in panel.start]
    column = {t: panel.outcome[:, j] for j, t in enumerate(times)}
    untreated = [i for i, s in enumerate(start) if s > times[-1] + anticipation]
    window = times
    cohorts = sorted({s for s in start if times[0] + anticipation < s <= times[-1] + anticipation})
    if not untreated:
        newest = max(start)
        window = [t for t in times if t < newest - anticipation]
        cohorts = [g for g in cohorts if g < newest]
    found = {}
    for g, (j, t) in itertools.product(cohorts, enumerate(window)):
        before = [s for s in window if s + anticipation < g]
        reference = before[-1] if base == "universal" or t >= g else (window[j - 1] if j else None)
        if reference is None:
            continue
        if reference == t:
            found[g, t] = (0.0, np.zeros(len(start)))
            continue
        mine = [i for i, s in enumerate(start) if s == g]
        if comparison == "never":
            others = untreated
        else:
            others = [i for i, s in enumerate(start) if s != g and s > max(t, reference) + anticipation]
        change = [column[t][i] - column[reference][i] for i in range(len(start))]
        up, down = np.mean([change[i] for i in mine]), np.mean([change[i] for i in others])
        influence = np.zeros(len(start))
        for i in mine:
            influence[i] = len(start) / len(mine) * (change[i] - up)
        for i in others:
            influence[i] = -len(start) / len(others) * (change[i] - down)
        found[g, t] = (up - down, influence)
    return found


PANELS = {
    "never": staggered([4, 4, 4, 6, 6, 6, 6, None, None, None, 8, 8]),
    "all treated": staggered([5, 5, 5, 6, 6, 6, 6, 12, 12, 12, 8, 8], periods=13),
    "after the window": staggered([4, 4, 5, 5, 5, 12, 12, 25, 25, None, None]),
    "gaps": staggered([9, 9, 9, 15, 15, 21, 21, 21, None, None], periods=[1, 2, 5, 8, 9, 14, 18, 21, 22]),
    "London": london(),
}


@pytest.mark.parametrize("name", PANELS)
@pytest.mark.parametrize("comparison", ["never", "not_yet"])
@pytest.mark.parametrize("base", ["varying", "universal"])
@pytest.mark.parametrize("anticipation", [0, 1, 3])
def test_every_cell(name: str, comparison: str, base: str, anticipation: int) -> None:
    panel = PANELS[name]
    if comparison == "never" and not (panel.start > panel.periods[-1] + anticipation).any():
        with pytest.raises(DesignError, match="no unit is never treated"):
            att_gt(panel, comparison="never", base=base, anticipation=anticipation)
        return
    expected = by_hand(panel, comparison, base, anticipation)
    result = att_gt(
        panel, comparison=comparison, base=base, anticipation=anticipation, inference=Analytical()
    )
    detail = result.detail.effects
    cells = list(zip(detail.cells.cohort.tolist(), detail.period.tolist(), strict=True))
    assert cells == sorted(expected)
    np.testing.assert_allclose(detail.att, [expected[c][0] for c in cells], rtol=1e-10, atol=1e-10)
    values = np.column_stack([expected[c][1] for c in cells])
    np.testing.assert_allclose(detail.influence_values, values, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", PANELS)
def test_averages_and_their_errors(name: str) -> None:
    panel = PANELS[name]
    cells = by_hand(panel, "not_yet", "varying", 0)
    result = att_gt(panel, comparison="not_yet", inference=Analytical())
    start = np.asarray(panel.start)
    n = len(start)
    size = {g: int((start == g).sum()) for g, _ in cells}

    def average(keep: list[tuple[int, int]]) -> tuple[float, np.ndarray]:
        total = sum(size[g] for g, _ in keep)
        value = sum(size[g] * cells[g, t][0] for g, t in keep) / total
        influence = sum(size[g] / total * cells[g, t][1] for g, t in keep)
        for i in range(n):  # the shares are estimated too
            own = [cells[g, t][0] - value for g, t in keep if g == start[i]]
            influence[i] += n / total * sum(own)
        return value, influence

    def check(value: float, error: float, expected: tuple[float, np.ndarray]) -> None:
        np.testing.assert_allclose(value, expected[0], rtol=1e-10, atol=1e-12)
        if np.isfinite(error):
            np.testing.assert_allclose(error, np.sqrt((expected[1] ** 2).sum()) / n, rtol=1e-9)

    post = [(g, t) for g, t in cells if t >= g]
    by_unit = att_gt(_unclustered(panel), comparison="not_yet", inference=Analytical())
    overall = aggregate(by_unit)
    check(overall.headline.value, overall.headline.std_error, average(post))
    assert overall.headline.value == pytest.approx(result.headline.value, rel=1e-12)
    table = aggregate(by_unit, by="event_time").effects
    for row in table.itertuples():
        check(row.estimate, row.std_error, average([c for c in cells if c[1] - c[0] == row.event_time]))
    parts = [average([c for c in post if c[1] == t]) for t in sorted({t for _, t in post})]
    calendar = aggregate(by_unit, by="period").headline
    check(calendar.value, calendar.std_error, tuple(np.mean([p[k] for p in parts], axis=0) for k in (0, 1)))


def _unclustered(panel: Panel) -> Panel:
    from dataclasses import replace

    return replace(panel, cluster=None, cluster_labels=())


def test_a_two_by_two_by_hand() -> None:
    # treated 10, 12 -> 15, 19 (mean change 6); comparison 8, 9 -> 9, 12 (mean change 2): effect 4
    panel = Panel(
        units=("a", "b", "c", "d"),
        periods=np.array([1, 2]),
        period_kind="integer",
        outcome=np.array([[10.0, 15], [12, 19], [8, 9], [9, 12]]),
        start=np.array([2, 2, NEVER, NEVER]),
    )
    result = att_gt(panel, inference=Analytical())
    assert result.headline.value == pytest.approx(4.0)
    # changes 5, 7 and 1, 3: each mean has variance (1 + 1)/4, so the error is 1
    assert result.headline.std_error == pytest.approx(1.0)
    # observed mean after treatment 17, without the effect 13
    assert result.relative.value == pytest.approx(100 * 4 / 13)


def test_clustered_errors_by_hand() -> None:
    cluster = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    panel = staggered([4, 4, 4, 4, 6, 6, 6, 6, None, None, None, None], cluster=cluster)
    result = att_gt(panel, inference=Analytical())
    cells = by_hand(panel, "never", "varying", 0)
    for row in result.effects.itertuples():
        influence = cells[int(row.cohort), int(row.period)][1]
        sums = [sum(influence[i] for i in range(12) if cluster[i] == c) for c in range(6)]
        assert row.std_error == pytest.approx(np.sqrt(sum(s**2 for s in sums)) / 12, rel=1e-9)
    corrected = att_gt(panel, inference=Analytical(correction="clusters"))
    ratio = corrected.effects["std_error"] / result.effects["std_error"]
    np.testing.assert_allclose(ratio, np.sqrt(6 / 5), rtol=1e-12)
    assert corrected.headline.df == 5


@pytest.mark.parametrize("balance", [0, 2, 5])
def test_balance_keeps_cohorts_seen_long_enough(balance: int) -> None:
    panel = staggered([4, 4, 4, 6, 6, 9, 9, None, None, None], periods=11)
    cells = by_hand(panel, "never", "varying", 0)
    size = {4: 3, 6: 2, 9: 2}
    stay = [g for g in size if 11 - g >= balance]
    result = aggregate(att_gt(panel, inference=Analytical()), by="event_time", balance=balance)
    expected = {}
    for e in range(-8, balance + 1):
        keep = [(g, t) for g, t in cells if g in stay and t - g == e]
        if keep and e >= balance - 11 + 1:
            total = sum(size[g] for g, _ in keep)
            expected[e] = sum(size[g] * cells[g, t][0] for g, t in keep) / total
    assert list(result.effects["event_time"]) == sorted(expected)
    np.testing.assert_allclose(
        result.effects["estimate"], [expected[e] for e in sorted(expected)], rtol=1e-10
    )

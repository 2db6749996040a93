"""Effects by event time: all that averages, trends and the weights of outcomes ask of a method."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from tests.did.staggered import staggered

from whatworks import did, errors
from whatworks.did.effects import ByEventTime, Covariance, from_contributions
from whatworks.did.side_by_side.outcome_weights import account
from whatworks.inference import ClusterRobust, WildCluster
from whatworks.inference.default import Choice
from whatworks.inference.errors.influence import Analytical
from whatworks.inference.errors.uniform import Terms
from whatworks.inference.uncertainty import Uncertainty, from_errors
from whatworks.panel import Panel
from whatworks.results import NotAvailable, Result

DID = Path(did.__file__).parent
NOT_NORMAL = NotAvailable("normal")


@dataclass(frozen=True, slots=True, eq=False)
class Differences:
    """Mean change of the treated less that of the others, and contributions of units to it."""

    made_of: np.ndarray
    sums: np.ndarray
    values: np.ndarray

    def uncertainty(self, weights: np.ndarray, level: float) -> Uncertainty:
        error = np.sqrt(np.diag(weights @ self.covariance().matrix @ weights.T))
        none = [""] * len(error)
        return from_errors(weights @ self.values, error, none, df=NOT_NORMAL, level=level, sentence="Made up")

    def covariance(self) -> Covariance:
        return from_contributions(self.sums, Choice(Analytical("clusters"), ""), "contributions", "unit")

    def outcomes(self, weights: np.ndarray) -> list[np.ndarray]:
        return list(np.tensordot(weights, self.made_of, axes=1))

    def redrawn(self, method: WildCluster, keep: np.ndarray) -> list[Terms]:
        raise NotImplementedError


@dataclass(frozen=True, slots=True, eq=False)
class Detail:
    by_event_time: ByEventTime


def data() -> Panel:
    return staggered([6] * 22 + [None] * 23, effect=1.0, seed=6)


def made_up(panel: Panel, **others: object) -> Result:
    """An estimator that no other file knows: means of two groups, period by period."""
    treated = panel.start == 6
    side = treated / treated.sum() - ~treated / (~treated).sum()
    times = np.array([e for e in panel.periods - 6 if e != -1])
    columns = times + 5
    made_of = np.zeros((len(times), *panel.outcome.shape))
    made_of[np.arange(len(times)), :, columns] = side
    made_of[:, :, 4] = -side
    changes = panel.outcome[:, columns] - panel.outcome[:, [4]]
    means = np.where(treated[:, None], changes[treated].mean(axis=0), changes[~treated].mean(axis=0))
    values = side @ changes
    effects = ByEventTime(
        times=times,
        estimates=values,
        reference=-1,
        pooled=np.ones(len(times), dtype=np.int64),
        mass=np.full(len(times), 22.0),
        headline="equal",
        choice=Choice(Analytical("clusters"), "as made up"),
        n_clusters=panel.n_units,
        errors=Differences(made_of, side[:, None] * (changes - means), values),
    )
    result = did.event_study(panel, inference=ClusterRobust())
    return replace(result, method="made.up", detail=Detail(replace(effects, **others)))


def test_a_new_estimator_has_averages_covariance_bounds_and_power_of_trends() -> None:
    # with one start it is did.event_study, whose CR1 has the factor G/(G − 1) as well
    panel = data()
    ours, theirs = made_up(panel), did.event_study(panel, inference=ClusterRobust())
    found, known = did.event_time_covariance(ours), did.event_time_covariance(theirs)
    np.testing.assert_allclose(found.covariance, known.covariance, rtol=1e-9, atol=1e-13)
    assert found.sentence == "contributions over 45 units, factor G/(G − 1)"
    for window in ((0, None), (1, 2), (-3, -2)):
        one, other = did.average(ours, *window), did.average(theirs, *window)
        assert one.value == pytest.approx(other.value, rel=1e-9)
        assert one.std_error == pytest.approx(other.std_error, rel=1e-9)
        assert one.inference == "Made up (as made up)."
    bounds, others = (did.honest(result, grid=[0, 0.5], draws=300) for result in (ours, theirs))
    np.testing.assert_allclose(bounds.table[["low", "high"]], others.table[["low", "high"]], rtol=1e-6)
    power, same = (did.pretrend_power(result) for result in (ours, theirs))
    np.testing.assert_allclose(power.table["slope"], same.table["slope"], rtol=1e-6)
    assert did.departures(ours).basis == did.departures(theirs).basis


def test_a_new_estimator_says_what_it_is_made_of() -> None:
    panel = data()
    result = made_up(panel)
    for last in (None, 2):
        made = account(panel, result, last)
        assert made is not None
        assert (made.weights * panel.outcome).sum() == pytest.approx(did.average(result, 0, last).value)
        assert made.last_before == pytest.approx(1.0)
    assert account(panel, replace(result, detail=object()), None) is None


def test_it_says_what_cannot_be_asked() -> None:
    panel = data()
    moving = made_up(panel, reference=NotAvailable("the base moves"))
    with pytest.raises(errors.DesignError, match="the base moves"):
        did.event_time_covariance(moving)
    for ask in (did.honest, did.pretrend_power):
        with pytest.raises(errors.DesignError, match="nothing in common"):
            ask(made_up(panel, apart="nothing in common"))
    with pytest.raises(errors.DesignError, match="no noise"):
        did.event_time_covariance(made_up(panel, choice=Choice(NotAvailable("no noise"), "no noise")))
    late = made_up(panel, earliest=0)
    with pytest.raises(errors.OptionError, match=r"made\.up takes from another regression"):
        did.average(late, -2, 3)
    with pytest.raises(errors.OptionError, match="different regressions"):
        late.detail.by_event_time.combine(np.eye(len(late.detail.by_event_time.times)), 0.95)


@pytest.mark.parametrize(
    "method",
    [
        did.event_study,
        did.interaction_weighted,
        did.etwfe,
        did.imputation,
        lambda panel: did.stacked(panel, window=(-3, 3)),
        lambda panel: did.aggregate(did.att_gt(panel, base="universal"), by="event_time"),
    ],
)
def test_estimates_mass_and_weights_of_outcomes_agree_in_every_method(method) -> None:
    panel = staggered([4, 4, 4, 6, 6, 6] + [None] * 7, effect=2.0, seed=5, weight=np.linspace(1, 2, 13))
    result = method(panel)
    found = result.detail.by_event_time
    rows = result.effects.set_index("event_time")
    np.testing.assert_allclose(found.estimates, rows.loc[found.times, "estimate"], rtol=1e-9)
    for time, value in zip(found.times, found.estimates, strict=True):
        if found.earliest is None or time >= found.earliest:
            made_of = found.coefficients((found.times == time).astype(float))
            assert (made_of * panel.outcome).sum() == pytest.approx(value, rel=1e-8, abs=1e-9)
            np.testing.assert_allclose(made_of.sum(axis=0), 0, atol=1e-10)
    after = found.times >= 0
    headline = found.average(after, found.headline, 0.95).estimate(0, estimand="", scale="")
    assert headline.value == pytest.approx(result.headline.value, rel=1e-9)


def test_no_weights_of_outcomes_where_covariates_enter_otherwise() -> None:
    panel = staggered(
        [6] * 22 + [None] * 23,
        covariates=np.random.default_rng(1).standard_normal((1, 45, 10)),
        covariate_names=("x",),
    )
    result = did.att_gt(panel, adjust="outcome", base="universal")
    assert account(panel, result, None) is None
    found = did.aggregate(result, by="event_time").detail.by_event_time
    with pytest.raises(errors.OptionError, match="no weighted sum"):
        found.coefficients(np.ones(len(found.times)))


def test_a_band_can_be_made_of_any_effects() -> None:
    panel = staggered([5] * 6 + [7] * 6 + [None] * 12, effect=1.0, seed=4)
    choice = WildCluster(draws=199)
    result = did.aggregate(did.att_gt(panel, base="universal", inference=choice), by="event_time")
    found = result.detail.by_event_time
    banded = found.banded(result, found.combine(np.eye(len(found.times)), 0.95)).effects
    rows = banded.set_index("event_time").loc[found.times]
    inside = rows["low"].notna() & rows["band_low"].notna()
    assert inside.sum() >= 5
    assert (rows["band_low"] <= rows["low"])[inside].all()


def test_an_effect_without_any_number_stands_outside_the_band_of_a_bootstrap() -> None:
    asked: list[list[bool]] = []

    @dataclass(frozen=True, slots=True, eq=False)
    class Bootstrapped(Differences):
        def redrawn(self, method: WildCluster, keep: np.ndarray) -> list[Terms]:
            asked.append(keep.tolist())
            draws, half = method.flips(45)[0], int(keep.sum())
            size = np.concatenate([np.abs(block).sum(axis=1) for block in draws])
            return [Terms(np.tile(size[:, None], (1, half)), lambda level: (-np.ones(half), np.ones(half)))]

    result = made_up(data())
    effects = result.detail.by_event_time
    errors_ = Bootstrapped(effects.errors.made_of, effects.errors.sums, effects.errors.values)
    wild = replace(effects, errors=errors_, choice=Choice(WildCluster(draws=99), "as made up"))
    found = effects.errors.uncertainty(np.eye(len(effects.times)), 0.95)
    gap = effects.times == 2
    found = replace(
        found, **{name: np.where(gap, np.nan, getattr(found, name)) for name in ("std_error", "low", "high")}
    )
    table = result.effects
    result = replace(
        result, effects=table.assign(reason=table["reason"].where(table["event_time"] != 2, "lost"))
    )
    table = wild.banded(result, found).effects.set_index("event_time")
    assert asked == [(~gap).tolist()]
    assert np.isnan(table.loc[2, "band_low"])
    assert table.loc[1, "band_low"] == -1


@pytest.mark.parametrize("path", sorted((DID / "trends").glob("*.py")), ids=lambda path: path.stem)
def test_trends_know_no_method(path: Path) -> None:
    methods = {*did.__all__, "linear", "group_time", "counts", "rollout", "side_by_side"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("whatworks.did"):
            inside = (node.module or "").split(".")[2:3]
            asked = set(inside or (alias.name for alias in node.names))
            assert not asked & methods, f"{path.name}:{node.lineno} imports {asked & methods}"

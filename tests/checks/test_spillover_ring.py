"""Spill-over ring: displacement and diffusion worked by hand on a line of areas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import toy

from whatworks import did
from whatworks.checks import spillover_ring
from whatworks.data.synthetic import london
from whatworks.errors import OptionError
from whatworks.inference import ClusterRobust
from whatworks.panel import NEVER, Panel

pytestmark = pytest.mark.filterwarnings("ignore:Precision loss:RuntimeWarning")

NAMES = ("t1", "t2", "n1", "n2", "f1", "f2", "f3", "f4")
BORDERS = {"t1": ["n1", "outside"], "t2": ["n2"], "f1": ["f2"]}


def area(treated, ring, far):
    """Two treated, two neighbours, four further away; changes of each pair or four, from 20 before."""
    change = np.array([*treated, *ring, *far], dtype=float)
    outcome = np.stack([np.full(8, 20.0), 20 + change], axis=1)
    start = np.where(np.arange(8) < 2, 1, NEVER)
    return Panel(NAMES, np.array([0, 1]), "integer", outcome, start)


def block(p):
    return did.block(p, inference=ClusterRobust())


def test_displacement_worked_by_hand():
    found = spillover_ring(area([-9, -11], [4, 6], [-1, 0, 0, 1]), block, neighbours=BORDERS)
    rows = found.table.set_index("what")["estimate"]
    assert rows["effect on the treated, all comparison units"] == pytest.approx(-10 - 10 / 6)
    assert rows["effect on the treated, neighbours left out"] == pytest.approx(-10)
    assert rows["effect on the neighbours"] == pytest.approx(5)
    assert found.table["units"].tolist() == [2, 2, 2]
    assert found.table["comparison units"].tolist() == [6, 4, 4]
    assert found.verdict == "concern"
    assert "displacement" in found.reason
    assert "overstated" in found.reason
    assert "On the 2 neighbours (n1, n2) the effect is 5 (95% interval" in found.reason


def test_diffusion_worked_by_hand():
    found = spillover_ring(area([-9, -11], [-4, -6], [-1, 0, 0, 1]), block, neighbours=BORDERS)
    assert found.table["estimate"].tolist() == pytest.approx([-10 + 10 / 6, -10, -5])
    assert "diffusion" in found.reason
    assert "understated" in found.reason


def test_it_passes_when_nothing_reaches_the_neighbours():
    found = spillover_ring(area([-9, -11], [-2, 2], [-1, 0, 0, 1]), block, neighbours=BORDERS)
    assert found.verdict == "pass"
    assert "no spill-over shows" in found.reason


def test_it_fails_when_the_answer_rests_on_the_neighbours():
    found = spillover_ring(area([-0.1, 0.1], [29, 31], [-1, 0, 0, 1]), narrow, neighbours=BORDERS)
    assert found.verdict == "fail"
    assert "outside its interval" in found.reason


def narrow(p):
    """The toy estimator with an interval of ±1."""
    found = toy.estimate(p)
    value = found.headline.value
    return replace(found, headline=replace(found.headline, low=value - 1, high=value + 1))


def test_neighbours_that_change_though_the_treated_do_not():
    found = spillover_ring(area([-3, 3], [4, 6], [-1, 0, 0, 1]), block, neighbours=BORDERS)
    assert found.verdict == "concern"
    assert "although no effect on the treated shows" in found.reason


def test_the_ring_starts_with_the_earliest_treated_neighbour():
    panel = toy.panel(units=12, months=30)
    start = np.where(np.arange(12) < 3, panel.start[0] + np.array([0, 2, 4] * 4), NEVER)
    seen = []

    def spy(p):
        seen.append({u: s for u, s in zip(p.units, p.start - panel.start[0], strict=True) if s < 99})
        return toy.estimate(p)

    borders = {"u00": [], "u01": ["u05", "u06", "u00"], "u02": ["u06", "u07"]}
    spillover_ring(panel.with_start(start), spy, neighbours=borders)
    assert seen[1] == {"u05": 2, "u06": 2, "u07": 4}
    assert seen[2] == {"u00": 0, "u01": 2, "u02": 4}


def test_one_direction_of_a_border_is_enough():
    panel = area([-9, -11], [4, 6], [-1, 0, 0, 1])
    other = {"t1": [], "t2": [], "n1": ["t1"], "n2": {"t2"}}
    a, b = (spillover_ring(panel, block, neighbours=borders) for borders in (BORDERS, other))
    assert a.table.equals(b.table)


def test_where_every_comparison_unit_is_a_neighbour_nothing_can_be_said():
    borders = {"t1": NAMES[2:], "t2": []}
    found = spillover_ring(area([-9, -11], [4, 6], [-1, 0, 0, 1]), block, neighbours=borders)
    assert found.verdict == "not_applicable"
    assert found.reason.startswith("All of the 6 comparison units border a treated one")
    borders = {"t1": NAMES[2:-1], "t2": []}
    found = spillover_ring(area([-9, -11], [4, 6], [-1, 0, 0, 1]), block, neighbours=borders)
    assert found.reason.startswith("All but one of the 6 comparison units")
    borders = {"t1": NAMES[2:-2], "t2": []}
    found = spillover_ring(area([-9, -11], [4, 6], [-1, 0, 0, 1]), block, neighbours=borders)
    assert "Most comparison units (4 of 6) are neighbours" in found.reason


def test_where_none_is_a_neighbour_there_is_no_ring():
    found = spillover_ring(area([-9, -11], [4, 6], [-1, 0, 0, 1]), block, neighbours={"t1": ["t2"], "t2": []})
    assert found.verdict == "not_applicable"
    assert "None of the 6 comparison units borders a treated one" in found.reason


@pytest.mark.parametrize("labels", ["names", "codes"])
def test_london_needs_no_borders(labels):
    city = london()
    names = getattr(city, labels)
    rng = np.random.default_rng(4)
    start = np.where(np.isin(city.names, ["Westminster", "Bexley"]), 4, NEVER)
    panel = Panel(names, np.arange(8), "integer", rng.normal(50, 5, (32, 8)), start)
    found = spillover_ring(panel, block)
    assert found.table["units"].tolist() == [2, 2, 9]
    assert found.table["comparison units"].tolist() == [30, 21, 21]
    far = panel.select([n not in {"Brent", "Camden", "Kensington and Chelsea", "Lambeth", "Wandsworth",
                                  "Barking and Dagenham", "Bromley", "Greenwich", "Havering"}
                        for n in city.names])  # fmt: skip
    assert found.table["estimate"][1] == pytest.approx(block(far).headline.value)


def test_elsewhere_borders_must_be_given_in_full():
    panel = area([-9, -11], [4, 6], [-1, 0, 0, 1])
    found = spillover_ring(panel, block)
    assert found.verdict == "not_applicable"
    assert "Give `neighbours`" in found.reason
    with pytest.raises(OptionError, match=r"these treated units: t2[\s\S]*Did you mean 't2 '"):
        spillover_ring(panel, block, neighbours={"t1": ["n1"], "t2 ": ["n2"]})
    with pytest.raises(OptionError, match="one text, 'n1'"):
        spillover_ring(panel, block, neighbours={"t1": "n1", "t2": ["n2"]})


@pytest.mark.parametrize(
    ("rows", "start", "words"),
    [
        (range(1, 8), None, "no interval to judge that by"),
        (range(2, 8), None, "There is no estimate"),
        ([0, 1], None, "There is no estimate"),
        ([0, 2], None, "There is no estimate|All of the 1"),
        (range(8), 0, "There is no estimate"),
    ],
    ids=["one treated", "none treated", "all treated", "two units", "no period before"],
)
def test_it_says_when_it_cannot(rows, start, words):
    panel = area([-9, -11], [4, 6], [-1, 0, 0, 1])
    if start is not None:
        panel = panel.with_start(np.where(panel.start == 1, start, NEVER))
    found = spillover_ring(panel.select(list(rows)), block, neighbours=BORDERS)
    assert found.verdict in ("not_applicable", "concern")
    assert any(word in found.reason for word in words.split("|")), found.reason


def test_counts_speak_in_percent():
    counts = np.stack([np.full(8, 100), np.array([50, 50, 140, 160, 90, 100, 100, 110])], axis=1)
    panel = Panel(NAMES, np.array([0, 1]), "integer", counts, np.where(np.arange(8) < 2, 1, NEVER))
    found = spillover_ring(panel, lambda p: did.poisson(p, inference=ClusterRobust()), neighbours=BORDERS)
    assert found.table["estimate"].tolist() == pytest.approx([0.5 / (7 / 6), 0.5, 1.5], rel=1e-6)
    assert "the effect is 1.5 (95% interval" in found.reason
    assert "displacement" in found.reason


@pytest.mark.parametrize("estimate", [did.att_gt, did.imputation], ids=["att_gt", "imputation"])
def test_staggered_methods_can_be_asked(estimate):
    panel = replace(toy.panel(units=12, months=30), cluster=None, cluster_labels=())
    start = np.where(
        np.arange(12) < 2, panel.start[0], np.where(np.arange(12) < 4, panel.start[0] + 2, NEVER)
    )
    borders = {"u00": ["u05"], "u01": ["u06"], "u02": ["u07"], "u03": []}
    found = spillover_ring(panel.with_start(start), estimate, neighbours=borders)
    assert found.table["estimate"].notna().all()
    far = panel.with_start(start).select([0, 1, 2, 3, 4, 8, 9, 10, 11])
    assert found.table["estimate"][1] == pytest.approx(estimate(far).headline.value)


def map_of(seed, effect, shared):
    """London, 6 boroughs treated in the second of two periods; their neighbours get `effect`.

    With `shared`, neighbouring boroughs move together.
    """
    city, rng = london(), np.random.default_rng(seed)
    near = np.asarray(city.neighbours, dtype=float)
    noise = rng.normal(0, 1, 32)
    for _ in range(shared):
        noise = (noise + near @ noise / near.sum(axis=1)) / 2
    treated = np.isin(np.arange(32), rng.choice(32, 6, replace=False))
    ring = ~treated & (near[:, treated].sum(axis=1) > 0)
    change = noise / noise.std() + effect * ring
    outcome = np.stack([np.full(32, 20.0), 20 + change], axis=1)
    return Panel(city.names, np.array([0, 1]), "integer", outcome, np.where(treated, 1, NEVER))


def test_a_ring_must_stand_out_from_rings_around_drawn_places():
    found = [spillover_ring(map_of(seed, 0.0, shared=3), block) for seed in range(30)]
    claimed = [f for f in found if len(f.table) == 3 and not f.table["low"][2] <= 0 <= f.table["high"][2]]
    assert len(claimed) > 0.15 * len(found)  # neighbours that share shocks fool an interval
    assert sum(f.verdict == "concern" for f in claimed) <= 0.5 * len(claimed)
    told = next(f for f in claimed if f.verdict not in ("concern", "fail"))
    assert "rings around places drawn on the map" in told.reason
    assert "no more than neighbours that share shocks do" in told.reason


def test_a_ring_that_really_changed_stands_out():
    found = [spillover_ring(map_of(seed, 3.0, shared=0), block) for seed in range(12)]
    assert sum(f.verdict in ("concern", "fail") for f in found) >= 9


def test_borders_of_the_treated_alone_leave_the_interval_to_judge():
    found = spillover_ring(area([-9, -11], [4, 6], [-1, 0, 0, 1]), block, neighbours=BORDERS)
    assert "drawn on the map" not in found.reason

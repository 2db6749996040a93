"""Totals, sub-totals and averages among the units are refused by their numbers or their name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from whatworks import Panel
from whatworks.errors import PanelError

UNITS, MONTHS = 12, 24
RNG = np.random.default_rng(3)
COUNTS = RNG.poisson(RNG.uniform(10, 60, UNITS)[:, None], (UNITS, MONTHS)).astype(float)
RATES = np.round(COUNTS / 7.0, 2)


def panel(rows: list[tuple[str, str, np.ndarray]]) -> Panel:
    months = [str(m) for m in pd.period_range("2020-01", periods=rows[0][2].shape[0], freq="M")]
    tables = [
        pd.DataFrame(
            {"area": name, "bcu": bcu, "month": months, "n": values, "start": "2020-03" if i < 3 else None}
        )
        for i, (name, bcu, values) in enumerate(rows)
    ]
    return Panel.from_frame(
        pd.concat(tables), unit="area", period="month", outcome="n", start="start", cluster="bcu"
    )


def areas(values: np.ndarray) -> list[tuple[str, str, np.ndarray]]:
    return [(f"area {i:02d}", f"bcu {i % 3}", row) for i, row in enumerate(values)]


@pytest.mark.parametrize("values", [COUNTS, RATES])
@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("digits", [1, 2, 6])
def test_the_sum_or_mean_of_all_others_is_named_with_its_evidence(values, average, digits):
    assert panel(areas(values)).n_units == UNITS
    row = np.round(values.mean(axis=0), digits) if average else values.sum(axis=0)
    what = "mean" if average else "sum"
    with pytest.raises(PanelError, match=rf"'Region' is the {what} of all others in every period"):
        panel([*areas(values), ("Region", "region", row)])


@pytest.mark.parametrize("place", [0, 5, 9])
@pytest.mark.parametrize("after", [False, True])
def test_a_sub_total_beside_its_parts_is_found(place, after):
    rows, some = areas(COUNTS), COUNTS[place : place + 3].sum(axis=0)
    rows.insert(place + 3 if after else place, ("North side", "x", some))
    with pytest.raises(PanelError, match=rf"'North side' is the sum of the 3 units.*area {place:02d}"):
        panel(rows)


@pytest.mark.parametrize("inside", [False, True])
def test_the_sub_total_of_a_cluster_is_found_wherever_it_stands(inside):
    rows = [*areas(COUNTS), ("Basic", "bcu 0" if inside else "y", COUNTS[0::3].sum(axis=0))]
    with pytest.raises(PanelError, match="'Basic' is the sum of 4 units of one cluster"):
        panel([*rows[-1:], *rows[:-1]])


def test_sub_totals_and_their_total_are_all_named():
    halves = [("first half", "x", COUNTS[:6].sum(axis=0)), ("second half", "y", COUNTS[6:].sum(axis=0))]
    rows = [*areas(COUNTS)[:6], halves[0], *areas(COUNTS)[6:], halves[1]]
    with pytest.raises(PanelError, match=r"totals or averages.*first half.*second half.*'city'"):
        panel([*rows, ("city", "z", COUNTS.sum(axis=0))])


@pytest.mark.parametrize(
    "name",
    [
        "Total",
        "Grand Total",
        "London total",
        "Sub-total",
        "Subtotal North",
        "All",
        "All areas",
        "Inner average",
    ],
)
def test_a_name_that_says_total_is_enough(name):
    row = RNG.poisson(30, MONTHS).astype(float)
    with pytest.raises(PanelError, match=f"'{name}' is named as a total"):
        panel([*areas(RATES), (name, "x", row)])


def test_london_beside_its_boroughs_is_refused_and_beside_other_regions_is_not():
    regions = [("London", "a", COUNTS[0]), ("North East", "b", COUNTS[1]), ("Wales", "c", COUNTS[2])]
    rest = [("City of London", "d", COUNTS[3]), ("Allerdale", "e", COUNTS[4])]
    assert panel([*regions, *rest]).n_units == 5
    with pytest.raises(PanelError, match="'London' holds the boroughs"):
        panel([*regions, *rest, ("Camden", "f", COUNTS[5]), ("Ealing", "f", COUNTS[6])])


def test_what_chance_or_construction_explains_is_no_total():
    few = np.random.default_rng(1).poisson(0.03, (400, 24)).astype(float)
    assert panel(areas(few)).n_units == 400
    parallel = np.arange(24.0)[None, :] + np.array([1.0, 2.0, 3.0, 4.0, 5.0])[:, None]
    assert panel(areas(parallel)).n_units == 5
    still = np.repeat(np.arange(10.0, 22.0)[:, None], 24, axis=1)
    still[0] = COUNTS[0]
    assert panel(areas(1000 * still)).n_units == UNITS
    alike = COUNTS.copy()
    alike[1:, :20], alike[5] = 48.0, 48.0
    assert panel(areas(alike)).n_units == UNITS
    donors = COUNTS.copy()
    donors[0] = (donors[3] + donors[7]) / 2
    assert panel(areas(donors)).n_units == UNITS

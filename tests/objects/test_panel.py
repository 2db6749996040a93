"""The rules a table must keep to become a panel, and the words when it does not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whatworks import Panel
from whatworks.errors import OptionError, PanelError
from whatworks.panel import NEVER


def table(units: int = 4, months: int = 6, **columns: object) -> pd.DataFrame:
    rows = pd.DataFrame(
        {
            "area": np.repeat([f"A{i}" for i in range(units)], months),
            "month": np.tile([f"2020-{m:02d}" for m in range(1, months + 1)], units),
            "n": np.arange(units * months, dtype=float),
            "start": np.repeat(["2020-04" if i < units // 2 else None for i in range(units)], months),
            "people": 1000.0,
        }
    )
    return rows.assign(**columns)


def build(frame: pd.DataFrame, **roles: object) -> Panel:
    return Panel.from_frame(
        frame, **{"unit": "area", "period": "month", "outcome": "n", "start": "start", **roles}
    )


def test_shapes_labels_and_treated_cells():
    panel = build(table())
    assert panel.units == ("A0", "A1", "A2", "A3")
    assert panel.period_labels[0] == "2020-01"
    assert panel.outcome[1].tolist() == [6, 7, 8, 9, 10, 11]
    assert panel.start.tolist() == [2020 * 12 + 3] * 2 + [NEVER] * 2
    assert panel.treated.sum(axis=1).tolist() == [3, 3, 0, 0]
    assert panel.label(int(panel.cohorts[0])) == "2020-04"


@given(st.randoms(use_true_random=False))
def test_row_order_never_matters(random):
    frame = table(start=np.repeat(["2020-04", "2020-05", "", None], 6), c=np.repeat(["x", "x", "y", "y"], 6))
    order = list(range(len(frame)))
    random.shuffle(order)
    a, b = (build(f, cluster="c", exposure="people") for f in (frame, frame.iloc[order]))
    assert a.fingerprint == b.fingerprint
    np.testing.assert_array_equal(a.outcome, b.outcome)


def test_fingerprint_moves_with_everything_that_can_move_an_estimate():
    base = table()
    prints = {build(base).fingerprint}
    changed = base.copy()
    changed.loc[3, "n"] += 1e-9
    prints.add(build(changed).fingerprint)
    prints.add(build(base, weight="people").fingerprint)
    prints.add(build(base, exposure="people").fingerprint)
    prints.add(build(base, start=None).fingerprint)
    prints.add(build(base.replace({"A0": "B0"})).fingerprint)
    assert len(prints) == 6


def test_the_table_is_not_changed_and_the_arrays_are_read_only():
    frame = table()
    before = frame.copy()
    panel = build(frame)
    pd.testing.assert_frame_equal(frame, before)
    with pytest.raises(ValueError, match="read-only"):
        panel.outcome[0, 0] = 5


@pytest.mark.parametrize(
    ("months", "label"),
    [
        (pd.period_range("2020-01", periods=6, freq="M"), "2020-01"),
        (pd.date_range("2020-01-01", periods=6, freq="MS"), "2020-01"),
        ([f"2020-{m:02d}-01" for m in range(1, 7)], "2020-01"),
        ([2011, 2012, 2013, 2014, 2015, 2016], "2011"),
        (["1", "2", "3", "4", "5", "6"], "1"),
        ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "1"),
        (["2020Q1", "2020Q2", "2020Q3", "2020Q4", "2021Q1", "2021Q2"], "2020Q1"),
    ],
)
def test_every_way_to_write_a_period(months, label):
    column = pd.Series(list(months) * 4, dtype=getattr(months, "dtype", None))
    panel = build(table(month=column), start=None)
    assert panel.period_labels[0] == label
    assert np.diff(panel.periods).tolist() == [1] * 5


@pytest.mark.parametrize(
    ("months", "words"),
    [
        ([202001, 202002, 202003, 202004, 202005, 202006], "89 periods apart"),
        (["2020-01", "2020-02", "Mar 2020", "2020-04", "2020-05", "2020-06"], "Mar 2020"),
        (["2020-01", "2020-02", "2020-13", "2020-04", "2020-05", "2020-06"], "2020-13"),
        (["2020-01-15", "2020-02-15", "2020-03-15", "2020-04-15", "2020-05-15", "2020-06-15"], "2020-01-15"),
        ([1.0, 2.0, 2.5, 3.0, 4.0, 5.0], "2.5"),
        (pd.date_range("2020-01-15", periods=6, freq="30D"), "first of a month"),
        (pd.date_range("2020-01-01", periods=6, freq="MS", tz="Europe/London"), "time zone"),
        ([True, False, True, False, True, False], "true/false"),
    ],
)
def test_periods_that_are_refused(months, words):
    column = pd.Series(list(months) * 4, dtype=getattr(months, "dtype", None))
    with pytest.raises(PanelError, match=words):
        build(table(month=column), start=None)


@pytest.mark.parametrize("code", [0, 9999, float("inf"), "inf", "never"])
def test_a_code_for_never_treated_is_refused_unless_named(code):
    frame = table(month=np.tile(range(1, 7), 4), start=np.repeat([4, 4, code, code], 6).tolist())
    frame["start"] = pd.Series([4, 4, code, code]).repeat(6).to_list()
    with pytest.raises(PanelError, match=r"blank.*never="):
        build(frame)
    panel = build(frame, never=code)
    assert panel.never_treated.tolist() == [False, False, True, True]


@pytest.mark.parametrize("code", [0, 9999, "0", "9999"])
def test_a_code_for_never_treated_among_months_gets_the_same_answer(code):
    frame = table()
    frame["start"] = pd.Series(["2020-04", "2020-04", code, code], dtype=object).repeat(6).to_list()
    with pytest.raises(PanelError, match=r"blank.*never="):
        build(frame)
    assert build(frame, never=code).never_treated.sum() == 2


@pytest.mark.parametrize("blank", [None, np.nan, "", "  ", pd.NA])
def test_blank_is_never_treated(blank):
    frame = table()
    frame["start"] = pd.Series(["2020-04", "2020-04", blank, blank], dtype=object).repeat(6).to_list()
    assert build(frame).never_treated.tolist() == [False, False, True, True]


def test_nan_in_a_number_column_is_a_blank():
    frame = table(month=np.tile(range(1, 7), 4), start=np.repeat([4.0, 4.0, np.nan, np.nan], 6))
    assert build(frame).start.tolist() == [4, 4, NEVER, NEVER]


def test_a_start_after_the_window_is_kept_apart_from_never():
    frame = table(start=np.repeat(["2020-04", "2020-08", None, None], 6))
    panel = build(frame)
    assert panel.never_treated.tolist() == [False, False, True, True]
    assert [panel.label(int(g)) for g in panel.cohorts] == ["2020-04"]
    assert panel.summary()["treated only after the window"] == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"start": np.repeat(["2019-05", "2020-04", None, None], 6)}, "first period"),
        ({"start": np.repeat(["2020-01", "2020-01", "2020-01", "2020-01"], 6)}, "every unit"),
        ({"start": ["2020-04"] * 5 + ["2020-05"] + [None] * 18}, "varies within 1 units: A0"),
        ({"start": np.repeat(["4", "4", None, None], 6)}, "periods are months"),
        ({"n": [np.nan, *range(23)]}, r"1 of 24 cells are missing.*A0 2020-01"),
        ({"n": [np.inf, *range(23)]}, "infinite"),
        ({"n": ["1,000", *range(23)]}, "1,000"),
        ({"n": [True] * 24}, "true/false"),
        ({"area": [None] + ["A0"] * 23}, "no unit"),
        ({"area": [" "] * 6 + ["A1"] * 6 + ["A2"] * 6 + ["A3"] * 6}, "label is blank"),
        ({"month": [None, *["2020-01"] * 23]}, "no period"),
    ],
)
def test_tables_that_are_not_panels(change, words):
    with pytest.raises(PanelError, match=f"(?s){words}"):
        build(table(**change))


def test_missing_rows_are_named_with_what_each_policy_would_do():
    frame = table().drop(index=[7, 8, 20])
    with pytest.raises(PanelError) as caught:
        build(frame)
    message = str(caught.value)
    assert "3 of 24 cells are missing, in 2 of 4 units: A1 2020-02, A1 2020-03, A3 2020-03" in message
    assert "2 of 4 units stay" in message
    assert "4 of 6 stay" in message
    panel = build(frame, allow_missing=True)
    assert np.isnan(panel.outcome).sum() == 3
    assert "3 of 24" in panel.notes[0]
    left = panel.drop_incomplete()
    assert left.units == ("A0", "A2")
    assert "A1, A3" in left.notes[-1]


def test_a_month_that_no_unit_has_is_missing_not_skipped():
    frame = table()
    with pytest.raises(PanelError, match="no unit has a row for 2020-03"):
        build(frame[frame.month != "2020-03"])
    panel = build(frame[frame.month != "2020-03"], allow_missing=True)
    assert np.diff(panel.periods).tolist() == [1, 2, 1, 1]
    assert "2020-03" in panel.notes[0]


def test_duplicates_are_refused_and_nothing_is_summed():
    frame = pd.concat([table(), table().iloc[[4]]])
    with pytest.raises(PanelError, match="1 cells occur more than once: A0 2020-05"):
        build(frame)


@pytest.mark.parametrize(("value", "word"), [(-1.0, "negative"), (2.5, "fractional")])
def test_with_an_exposure_the_outcome_is_a_count(value, word):
    frame = table()
    frame.loc[3, "n"] = value
    build(frame)
    with pytest.raises(PanelError, match=f"1 counts are {word}: A0 2020-04"):
        build(frame, exposure="people")


@pytest.mark.parametrize("value", [0.0, -5.0, np.nan])
def test_an_exposure_is_positive_and_complete(value):
    frame = table()
    frame.loc[3, "people"] = value
    with pytest.raises(PanelError, match="A0 2020-04"):
        build(frame, exposure="people")


def test_a_unit_in_two_clusters_is_refused():
    frame = table(c=["x"] * 5 + ["y"] + ["x"] * 18)
    with pytest.raises(PanelError, match="cluster varies within 1 units: A0"):
        build(frame, cluster="c")


def test_a_unit_without_cluster_is_refused():
    frame = table(c=["x"] * 23 + [None])
    with pytest.raises(PanelError, match=r"no cluster"):
        build(frame, cluster="c")


def test_a_weight_is_positive_and_one_per_unit():
    with pytest.raises(PanelError, match="weight of A0 2020-01 is 0"):
        build(table(people=0.0), weight="people")
    with pytest.raises(PanelError, match="weight varies"):
        build(table(people=np.arange(1.0, 25.0)), weight="people")


def test_a_misspelt_column_names_the_nearest():
    with pytest.raises(OptionError, match="Did you mean 'month'"):
        build(table(), period="mnoth")


def test_two_columns_of_one_name_are_refused():
    frame = table()
    frame.columns = ["area", "month", "n", "start", "n"]
    with pytest.raises(PanelError, match="2 columns named 'n'"):
        build(frame)


def test_units_that_collide_as_text_are_refused():
    frame = table(units=2, area=[7] * 6 + ["7"] * 6, start=None)
    with pytest.raises(PanelError, match="share a label"):
        build(frame, start=None)


def test_an_empty_table_is_refused():
    with pytest.raises(PanelError, match="no rows"):
        build(table().iloc[:0])


def test_rate_select_and_window():
    panel = build(table(c=np.repeat(["x", "y", "y", "z"], 6)), exposure="people", cluster="c")
    rate = panel.as_rate(1000)
    np.testing.assert_allclose(rate.outcome, panel.outcome)
    assert rate.scale == "n per 1,000 residents per month"
    some = panel.select([False, True, False, True])
    assert some.cluster_labels == ("y", "z")
    assert some.cluster.tolist() == [0, 1]
    short = panel.window("2020-02", "2020-05")
    assert short.period_labels == ("2020-02", "2020-03", "2020-04", "2020-05")
    np.testing.assert_array_equal(short.outcome, panel.outcome[:, 1:5])
    with pytest.raises(PanelError, match="treated in every period: A0, A1"):
        panel.window("2020-04")
    with pytest.raises(PanelError, match="runs from 2020-01 to 2020-06"):
        panel.window("2021-01", "2021-06")
    with pytest.raises(PanelError, match="denominator"):
        build(table()).as_rate()


def test_a_hostile_label_is_shown_as_text():
    frame = table().replace({"A0": "<script>alert(1)</script>"})
    frame = frame.rename(columns={"n": "<b>n</b>"})
    assert "<b>" not in build(frame, outcome="<b>n</b>")._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize("label", [None, "", "soon"])
def test_a_label_that_is_no_period_is_refused(label):
    with pytest.raises(PanelError):
        build(table()).number(label)

"""Figures: their words come from the numbers, their bytes are always the same, they can be read in grey."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import made_up_study as made
import numpy as np
import pandas as pd
import pytest

from whatworks import present
from whatworks.errors import DesignError, OptionError, RecordError
from whatworks.present import Figure, drawing
from whatworks.results import RATE_RATIO, NotAvailable

DRAWN: dict[str, Callable[[], Figure]] = {
    "event_study": lambda: present.event_study(made.result(), subject="robbery", period="month"),
    "paths": lambda: present.paths(made.panel(), subject="robbery"),
    "cohort_paths": lambda: present.cohort_paths(made.panel(), subject="robbery"),
    "coverage": lambda: present.coverage(made.coverage()),
    "estimates": lambda: present.estimates(made.result(), subject="robbery"),
    "effect_rows": lambda: present.effect_rows(made.result(), subject="robbery"),
}


@pytest.fixture(scope="module")
def figures() -> dict[str, Figure]:
    return {name: draw() for name, draw in DRAWN.items()}


@pytest.mark.parametrize("name", DRAWN)
def test_the_drawing_can_stand_in_a_page(figures: dict[str, Figure], name: str) -> None:
    root = ET.fromstring(figures[name].svg)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert root.get("role") == "img"
    assert set(str(root.get("aria-labelledby")).split()) <= set(ids)
    assert len(ids) == len(set(ids))
    assert all(str(identity).startswith(name) for identity in ids)
    tags = {str(element.tag).rpartition("}")[2] for element in root.iter()}
    assert not tags & {"metadata", "style", "script", "image", "foreignObject"}
    assert root.get("viewBox")
    assert root.get("width") is None
    assert "<text" in figures[name].svg
    assert "<!" not in figures[name].svg


@pytest.mark.parametrize("name", DRAWN)
def test_no_long_decimals_and_no_date(figures: dict[str, Figure], name: str) -> None:
    drawn = re.sub(r"<(title|desc)\b.*?</\1>", "", figures[name].svg, flags=re.DOTALL)
    assert not re.search(r"\d\.\d{3,}", drawn)
    assert "matplotlib" not in drawn
    assert not re.search(r"20\d\d-\d\d-\d\dT", drawn)


@pytest.mark.parametrize("name", DRAWN)
def test_the_same_bytes_again(figures: dict[str, Figure], name: str) -> None:
    again = DRAWN[name]()
    assert again.svg == figures[name].svg
    assert again.to_dict() == figures[name].to_dict()


def test_the_same_bytes_in_another_process_with_other_settings(figures: dict[str, Figure]) -> None:
    program = (
        "import hashlib, matplotlib\n"
        "matplotlib.rcParams.update({'font.size': 20, 'axes.facecolor': 'red', 'svg.hashsalt': None})\n"
        "import made_up_study as made\n"
        "from whatworks import present\n"
        "figure = present.event_study(made.result(), subject='robbery', period='month')\n"
        "assert matplotlib.rcParams['font.size'] == 20\n"
        "print(hashlib.sha256(figure.svg.encode()).hexdigest())\n"
    )
    import hashlib
    import os

    support = next(path for path in sys.path if path.endswith("support"))
    package = str(Path(present.__file__).parents[2])
    outcome = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": os.pathsep.join((support, package))},
    )
    assert outcome.stdout.strip() == hashlib.sha256(figures["event_study"].svg.encode()).hexdigest()


def test_the_words_of_an_event_study_come_from_its_numbers(figures: dict[str, Figure]) -> None:
    assert figures["event_study"].alt == (
        "Effects on robbery for each month from 6 months before to 3 months after. Before the start, "
        "estimates lie between −0.010 and 0.010; 5 of 5 95% intervals include zero. From the start on, "
        "estimates lie between −0.10 and −0.060; 0 of 4 95% intervals include zero. The reference, zero by "
        "construction, is 1 month before. A shaded band covers all periods at once."
    )
    other = present.event_study(made.result(effects=made.effects(bands=False).assign(estimate=0.5)))
    assert "0.50" in other.alt
    assert "band" not in other.alt


def test_the_words_of_paths(figures: dict[str, Figure]) -> None:
    table = figures["paths"].table
    first, last = (float(table["Treated (8 units)"].iloc[i]) for i in (0, -1))
    assert figures["paths"].alt.startswith("Robbery from 2016-01 to 2018-12. Treated (8 units): ")
    assert f"{first:.3g} in 2016-01" in figures["paths"].alt.replace("1.00 in", "1 in")
    assert f"{last:.3g} in 2018-12" in figures["paths"].alt
    assert figures["paths"].alt.endswith("Starts marked: 2017-07 and 2018-01.")


def test_paths_are_means_over_units(figures: dict[str, Figure]) -> None:
    panel = made.panel()
    expected = panel.outcome[~panel.never_treated].mean(axis=0)
    np.testing.assert_allclose(figures["paths"].table["Treated (8 units)"], expected, rtol=1e-12)


def test_a_rate_is_a_sum_over_a_sum() -> None:
    panel = made.panel()
    counted = replace(panel, outcome=np.ones(panel.outcome.shape), exposure=panel.outcome * 0 + 500.0)
    assert set(present.paths(counted).table["Treated (8 units)"]) == {2.0}


def test_no_comparison_left_draws_the_treated_alone() -> None:
    shown = present.paths(made.panel(never=False)).table
    assert list(shown.columns) == ["period", "Treated (12 units)"]
    assert len(present.cohort_paths(made.panel(never=False)).table.columns) == 3


def test_coverage_tells_missing_from_partial(figures: dict[str, Figure]) -> None:
    shown = figures["coverage"]
    assert shown.alt == (
        "Grid of 2 sources by 12 months, 2020-01 to 2020-12. Missing: early.csv 2020-02, late.csv 2020-01, "
        "late.csv 2020-02. Partial: late.csv 2020-12."
    )
    assert shown.table.to_numpy().tolist() == [
        ["early.csv", "2020-01", "2020-01", 1, "present"],
        ["early.csv", "2020-02", "2020-02", 1, "missing"],
        ["early.csv", "2020-03", "2020-12", 10, "present"],
        ["late.csv", "2020-01", "2020-02", 2, "missing"],
        ["late.csv", "2020-03", "2020-11", 9, "present"],
        ["late.csv", "2020-12", "2020-12", 1, "partial"],
    ]
    assert "pattern" in shown.svg


def test_coverage_refuses_what_has_none() -> None:
    with pytest.raises(OptionError, match="carries no coverage"):
        present.coverage(pd.DataFrame({"month": ["2020-01"]}))
    with pytest.raises(OptionError, match="unknown states"):
        present.coverage(made.coverage().assign(state="perhaps"))


def test_estimates_name_what_is_not_drawn() -> None:
    burglary, vehicle = made.result().secondary
    shown = present.estimates(
        made.result(secondary=(replace(burglary, relative=NotAvailable("nothing to compare with")), vehicle))
    )
    assert "Burglary (secondary) is not drawn. Nothing to compare with." in shown.alt
    assert shown.table["reason"].tolist() == ["", "nothing to compare with", ""]


def test_one_very_wide_interval_does_not_set_the_scale() -> None:
    effects = made.effects(bands=False)
    assert "cuts" not in present.event_study(made.result(effects=effects)).caption
    far = effects["event_time"] == effects["event_time"].max()
    wide = effects.assign(high=effects["high"].where(~far, 9.0))
    shown = present.event_study(made.result(effects=wide))
    assert "1 so wide that the drawing cuts it short" in shown.caption
    assert shown.table["95% high"].max() == 9.0
    marks = re.findall(r">(−?[0-9]+\.[0-9]+)<", shown.svg)
    assert max(float(mark.replace("−", "-")) for mark in marks) < 1.0


def test_an_event_study_needs_event_times() -> None:
    with pytest.raises(DesignError, match="no event time"):
        present.event_study(made.result(effects=made.effects().drop(columns="event_time")))


def test_names_from_the_data_are_text_and_no_formula() -> None:
    nasty = made.coverage().replace({"source": {"early.csv": "<script>$x^2$"}})
    shown = present.coverage(nasty)
    assert "&lt;script&gt;$x^2$</text>" in shown.svg
    assert "<script>" not in shown._repr_mimebundle_()["text/html"]


def test_a_figure_comes_back_from_its_stored_form(figures: dict[str, Figure]) -> None:
    for figure in figures.values():
        again = Figure.from_dict(figure._repr_mimebundle_()[present.FIGURE_MIME])
        assert again.html() == figure.html()
    with pytest.raises(RecordError, match="not a stored figure"):
        Figure.from_dict({"name": "x", "svg": "", "table": []})


def test_two_subjects_make_two_names() -> None:
    assert present.event_study(made.result(), subject="Vehicle crime").name == "event_study_vehicle_crime"
    assert present.event_study(made.result()).name == "event_study"


def test_the_data_stand_beside_the_drawing(figures: dict[str, Figure]) -> None:
    html = figures["paths"].html(label="Figure 2")
    assert html.count("<figcaption>") == html.count("<summary>") == html.count("<caption>") == 1
    assert "<strong>Figure 2.</strong>" in html
    assert html.count("<tr>") == 37


def contrast(one: str, other: str) -> float:
    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colour", [drawing.INK, drawing.SOFT, drawing.FIRST, drawing.SECOND, drawing.BEHIND])
def test_lines_stand_out_from_paper(colour: str) -> None:
    assert contrast(colour, "#ffffff") >= 3


@pytest.mark.parametrize("colour", [drawing.INK, drawing.SOFT])
@pytest.mark.parametrize("ground", [drawing.PAPER, drawing.BAND])
def test_words_can_be_read_on_paper_and_on_a_band(colour: str, ground: str) -> None:
    assert contrast(colour, ground) >= 4.5


def test_lines_differ_in_more_than_colour(figures: dict[str, Figure]) -> None:
    assert "stroke-dasharray" in figures["paths"].svg
    assert len(re.findall(r"<defs>", figures["paths"].svg)) >= 2


def test_effect_rows_leave_out_what_stands_on_another_scale_or_has_no_interval() -> None:
    whole = made.result()
    effects = whole.effects.head(1).assign(term="average", estimate=0.8, low=0.6, high=0.95, reason="")
    log = effects.assign(term="average, log of the ratio", estimate=-0.22, low=-0.5, high=-0.05)
    bare = effects.assign(term="exposure time 1", low=np.nan, high=np.nan, reason="no error")
    wide = effects.assign(term="exposure time 2", estimate=0.9, low=0.7, high=1.1)
    made_up = replace(
        whole,
        headline=replace(whole.headline, value=0.8, low=0.6, high=0.95, scale=RATE_RATIO),
        effects=pd.concat([effects, log, bare, wide], ignore_index=True),
    )
    drawn = present.effect_rows(made_up, subject="robbery")
    assert isinstance(drawn, Figure)
    assert drawn.table["term"].tolist() == ["average", "exposure time 2"]
    assert "Average: 0.80, interval 0.60 to 0.95, which does not include no change." in drawn.alt
    assert "interval 0.70 to 1.10, which includes no change" in drawn.alt
    assert "Rate ratio; 1 is no change" in drawn.svg
    nothing = present.effect_rows(replace(made_up, effects=bare))
    assert "no effect has an interval" in repr(nothing)

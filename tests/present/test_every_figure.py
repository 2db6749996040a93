"""What holds for every kind of figure: it fits a phone, its colours have dark ones, its words are short."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import made_up_study as made
import numpy as np
import pandas as pd
import pytest
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from reference_numbers import borough_panel
from tests.synth.panels import factor_panel

from whatworks import did, present, rct, synth
from whatworks.inference import RandomisationInference
from whatworks.present import Figure, drawing
from whatworks.trial import Trial

SVG = "{http://www.w3.org/2000/svg}"
PHONE = 358.0
"""Pixels between the margins of a page on a phone 390 pixels wide."""

KINDS = (
    "event_study",
    "paths",
    "cohort_paths",
    "coverage",
    "estimates",
    "estimates_units",
    "effect_rows",
    "bacon",
    "honest",
    "pretrend_power",
    "comparison",
    "comparison_ratio",
    "synth_path",
    "synth_gap",
    "synth_ranking",
    "donor_weights",
    "flow",
    "flow_many",
    "trial_balance",
    "power_curve",
    "power_sizes",
)


def trial(arms: tuple[str, ...]) -> Trial:
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"area": [f"a{i:02d}" for i in range(60)], "arm": np.resize(arms, 60), "y": 0.0})
    return Trial.from_frame(
        table.assign(crimes_before=rng.normal(size=60), size=rng.normal(size=60)),
        unit="area",
        arm="arm",
        outcome="y",
        control=arms[0],
        treatments=list(arms[1:]),
        baseline=["crimes_before", "size"],
    )


@pytest.fixture(scope="module")
def figures() -> dict[str, Figure]:
    panel = borough_panel()
    months = did.event_study(panel, ends=(-12, 18))
    made_synth = synth.classic(factor_panel(units=25, effect=-4.0, seed=4))
    pair, many = trial(("usual", "patrol")), trial(("usual", "patrol", "letters", "calls"))
    balance = rct.balance(many, inference=RandomisationInference(draws=99))
    power = rct.power(rct.Parallel(50, 50, periods=12), rct.Counts(1.0, 2.0))
    return {
        "event_study": present.event_study(made.result(), subject="robbery", period="month"),
        "paths": present.paths(made.panel(), subject="robbery"),
        "cohort_paths": present.cohort_paths(panel, subject="burglary"),
        "coverage": present.coverage(made.coverage()),
        "estimates": present.estimates(made.result(), subject="robbery"),
        "estimates_units": present.estimates(made.result(), subject="robbery", unit="robberies a month"),
        "effect_rows": present.effect_rows(made.result(), subject="robbery"),
        "bacon": present.bacon(did.bacon(panel), subject="burglary"),
        "honest": present.honest(
            did.honest(months, window=(-4, 2), grid=[0.0, 0.5, 1.0]), subject="burglary"
        ),
        "pretrend_power": present.pretrend_power(did.pretrend_power(months, window=(-6, 5)), months),
        "comparison": present.comparison(did.compare(panel), subject="burglary"),
        "comparison_ratio": present.comparison(did.compare(counted(), per=1000.0), subject="burglary"),
        "synth_path": present.synth_path(made_synth, subject="robbery"),
        "synth_gap": present.synth_gap(made_synth, subject="robbery"),
        "synth_ranking": present.synth_ranking(made_synth, subject="robbery"),
        "donor_weights": present.donor_weights(made_synth, subject="robbery"),
        "flow": present.flow(rct.flow(pair)),
        "flow_many": present.flow(rct.flow(many)),
        "trial_balance": present.trial_balance(balance),
        "power_curve": present.power_curve(power, subject="violence"),
        "power_sizes": present.power_sizes(power, subject="violence"),
    }


def counted() -> object:
    from dataclasses import replace

    panel = made.panel()
    people = np.full(panel.outcome.shape, 5000.0)
    return replace(panel, outcome=np.round(40 * panel.outcome), exposure=people)


def size(style: str | None) -> float:
    return float(re.search(r"font-size: ([\d.]+)px", style or "")[1])  # type: ignore[index]


def written(root: ET.Element) -> Iterator[tuple[float, float, float, str]]:
    """Left and right end, size and words of every text of a matplotlib drawing, in the widest font named."""
    for text in root.iter(f"{SVG}text"):
        words, style = (text.text or "").strip(), text.get("style", "")
        if not words or text.find(f"{SVG}tspan") is not None:
            continue
        weight = "bold" if "bold" in style or "700" in style else "normal"
        font = FontProperties(family="DejaVu Sans", weight=weight)
        wide = TextPath((0, 0), words, size=size(style), prop=font).get_extents().width
        moved = re.match(r"translate\(([-\d.]+)", text.get("transform", ""))
        x = float(text.get("x") or moved[1])  # type: ignore[index]
        share = {"middle": 0.5, "end": 1.0}.get((re.search(r"text-anchor: (\w+)", style) or [0, ""])[1], 0.0)
        yield x - share * wide, x + (1 - share) * wide, size(style), words


@pytest.mark.parametrize("kind", KINDS)
def test_every_word_is_large_enough_on_a_phone_and_none_is_cut(figures: dict[str, Figure], kind: str) -> None:
    root = ET.fromstring(figures[kind].svg)
    width = float(str(root.get("viewBox")).split()[2])
    assert width <= PHONE
    for element in root.iter():
        found = re.search(r"font-size: ([\d.]+)px", element.get("style", ""))
        given = element.get("font-size") or (found and found[1])
        if given:
            assert float(given) * PHONE / width >= 11
    for left, right, _, words in written(root):
        assert left >= -1, words
        assert right <= width + 1, words


@pytest.mark.parametrize("kind", KINDS)
def test_every_colour_is_one_that_the_dark_palette_knows(figures: dict[str, Figure], kind: str) -> None:
    root = ET.fromstring(figures[kind].svg)
    seen = {element.get(name) for element in root.iter() for name in ("fill", "stroke")} - {None, "none"}
    assert {colour for colour in seen if not str(colour).startswith("url(")} <= set(drawing.COLOURS)
    assert not any(re.search(r"(?<!-)(fill|stroke):", e.get("style", "")) for e in root.iter())
    assert {element.get("stroke") for element in root.iter()} & set(drawing.COLOURS)
    # what names no colour of its own would be black on a dark page
    inked = {id(child) for parent in root.iter() if parent.get("fill") for child in parent.iter()}
    assert all(id(text) in inked for text in root.iter(f"{SVG}text"))


@pytest.mark.parametrize("kind", KINDS)
def test_the_words_around_it(figures: dict[str, Figure], kind: str) -> None:
    figure = figures[kind]
    assert 3 <= len(figure.said.title.split()) <= 13
    assert figure.said.title[0].isupper() or figure.said.title[0].isdigit()
    assert not figure.said.title.endswith(".")
    assert figure.caption
    assert figure.caption != figure.title
    assert figure.said.reading.endswith(".")
    assert 1 <= figure.said.reading.count(".") <= 3
    page = figure.html(label="Figure 1")
    assert page.index(figure.said.title[:20]) < page.index("ww-subtitle") < page.index("<svg")
    assert page.index("</svg>") < page.index("How to read it.") < page.index("<details>")
    assert "_" not in figure.alt.replace("did.", "") or kind.startswith("comparison")


def test_a_notebook_shows_it_as_wide_as_text_and_prose_to_the_left(
    figures: dict[str, Figure],
) -> None:
    shown = figures["paths"]._repr_mimebundle_()["text/html"]
    assert shown.startswith('<div style="max-width: 36rem"><figure')
    assert shown.count('class="txt"') == shown.count('class="txt" style="text-align: left"') > 0
    assert "style=" not in re.sub(r"<svg.*?</svg>", "", figures["paths"].html(), flags=re.DOTALL)

"""The flow figure: words as text, boxes that hold them, arrows, every number, a description without sight."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from whatworks import present, rct
from whatworks.publish import clean
from whatworks.trial import Trial

SVG = "{http://www.w3.org/2000/svg}"
LONG = "Visible foot patrol with problem solving, letters and calls <every> week"


def found(arms: tuple[str, ...] = ("usual", "offered"), *, clustered: bool = False) -> rct.Flow:
    table = pd.DataFrame({"area": [f"a{i:03d}" for i in range(60)]})
    table["beat"] = [f"b{i // 2:02d}" for i in range(60)]
    table["arm"] = [arms[i // 2 % len(arms)] for i in range(60)]
    table["y"] = np.where(np.arange(60) % 7 == 0, np.nan, 1.0)
    made = Trial.from_frame(
        table,
        unit="area",
        arm="arm",
        outcome="y",
        control=arms[0],
        treatments=list(arms[1:]),
        cluster="beat" if clustered else None,
        allow_missing=True,
    )
    left = 8 if clustered else 16
    return rct.flow(
        made,
        enrolment=rct.Enrolment(38 if clustered else 76, {"no address to which a letter could go": left}),
        clusters="beats",
    )


CASES = [
    found(),
    found(("usual", "patrol", LONG), clustered=True),
    found(("usual", "b", "c", LONG, "e"), clustered=True),
]


@pytest.mark.parametrize("flow", CASES, ids=["two", "three", "five"])
def test_every_word_is_text_inside_its_box_and_boxes_do_not_overlap(flow):
    figure = present.flow(flow)
    root = ET.fromstring(figure.svg)
    width, height = map(float, root.get("viewBox").split()[2:])
    boxes = [tuple(float(r.get(k)) for k in ("x", "y", "width", "height")) for r in root.iter(f"{SVG}rect")]
    assert len(boxes) == 3 + (3 if len(flow.arms) <= 2 else 1) * len(flow.arms)
    assert all(x >= 0 and y >= 0 and x + w <= width and y + h <= height for x, y, w, h in boxes)
    for i, (x, y, w, h) in enumerate(boxes):
        for u, v, s, t in boxes[i + 1 :]:
            assert x + w <= u or u + s <= x or y + h <= v or v + t <= y
    for text in root.iter(f"{SVG}tspan"):
        at, base = float(text.get("x")), float(text.get("y"))
        home = [(x, y, w, h) for x, y, w, h in boxes if x < at < x + w and y < base < y + h]
        assert len(home) == 1
        assert base + 3 < home[0][1] + home[0][3]
        assert len(text.text.strip()) * 6.05 < home[0][2]


def test_arrows_lead_from_box_to_box():
    root = ET.fromstring(present.flow(found()).svg)
    # to randomised, to excluded, to each arm, and between three boxes of each
    assert len(list(root.iter(f"{SVG}polygon"))) == 2 + 2 + 2 * 2


@pytest.mark.parametrize("flow", CASES, ids=["two", "three", "five"])
def test_drawing_description_and_table_hold_the_same_numbers(flow):
    figure = present.flow(flow)
    drawn = " ".join(t.text for t in ET.fromstring(figure.svg).iter(f"{SVG}tspan")).replace("\u00a0", " ")
    drawn = re.sub(r"\s+", " ", drawn)
    finest = flow.counted[-1]
    for arm in flow.arms:
        for step in ("allocated", "analysed"):
            assert f"{flow.number(step, arm)} {finest}" in drawn
        assert f"{flow.number('analysed', arm)} {finest}" in figure.alt
    assert "Assessed for eligibility" in drawn
    assert "no address to which a letter could go" in figure.alt
    assert "Excluded" in drawn
    pd.testing.assert_frame_equal(figure.table, flow.table())


def test_the_page_gets_title_description_and_no_markup_of_labels():
    figure = present.flow(CASES[1], subject="survey")
    assert figure.name == "flow_survey"
    clean.refuse_drawing(figure.svg, where="here")
    root = ET.fromstring(figure.svg)
    assert root.get("role") == "img"
    assert root.find(f"{SVG}desc").text == figure.alt
    assert "<every>" not in figure.svg
    assert "\u00a0" not in figure.alt
    assert present.flow(CASES[1]).svg == present.flow(CASES[1]).svg
    assert "Data behind" in figure.html()


def test_a_flow_without_enrolment_begins_with_randomisation():
    made = CASES[0]
    plain = rct.Flow(made.arms, made.design, made.counted, made.numbers.iloc[2:].reset_index(drop=True))
    figure = present.flow(plain)
    assert "eligibility" not in figure.svg + figure.alt
    assert len(list(ET.fromstring(figure.svg).iter(f"{SVG}rect"))) == 1 + 3 * 2

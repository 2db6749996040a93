"""The figures of did.bacon and did.honest: words and tables from their numbers, bytes always the same."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from reference_numbers import borough_panel

from whatworks import did, present
from whatworks.results import NotAvailable
from whatworks.shown import Note


@pytest.fixture(scope="module")
def decomposition():
    return did.bacon(borough_panel())


@pytest.fixture(scope="module")
def bounds():
    study = did.event_study(borough_panel(), ends=(-12, 18))
    return did.honest(study, window=(-4, 2), grid=[0.0, 0.5, 1.0, 1.5])


def test_bacon(decomposition):
    figure = present.bacon(decomposition, subject="burglary")
    assert figure.name == "bacon_burglary"
    assert ET.fromstring(figure.svg).get("role") == "img"
    assert figure.alt.startswith("25 comparisons make up the two-way coefficient of −0.584.")
    assert "already serve as comparison): 10 with 14.6% of the weight, mean −0.361" in figure.alt.replace(
        "units already treated serve", "already serve"
    )
    assert len(figure.table) == 25
    assert present.bacon(decomposition, subject="burglary").svg == figure.svg


def test_honest(bounds):
    figure = present.honest(bounds, subject="burglary")
    assert figure.name == "honest_burglary"
    assert ET.fromstring(figure.svg).get("role") == "img"
    low, high = (bounds.table[name].iloc[-1] for name in ("low", "high"))
    assert f"At M = 1.5: {low:.2f} to {high:.2f}".replace("-", "−") in figure.alt.replace("0 to", " to")
    assert "includes zero from M = " in figure.alt
    assert list(figure.table.columns) == ["m", "low", "high"]
    assert figure.table["m"].tolist() == ["parallel trends", 0.0, 0.5, 1.0, 1.5]
    assert present.honest(bounds, subject="burglary").svg == figure.svg


def test_no_breakdown_is_said():
    study = did.event_study(borough_panel(), ends=(-12, 18))
    figure = present.honest(did.honest(study, window=(-4, 2), grid=[0.0, 0.05]))
    assert "No interval includes zero up to M = 0.05." in figure.alt
    assert present.honest(did.honest(study, window=(-4, 2), grid=[0.0])).alt.count("At M") == 1


@pytest.mark.parametrize("draw", [present.honest, present.bacon, present.said])
def test_what_is_not_available_says_why(draw):
    note = draw(NotAvailable("12 clusters carry no more"))
    assert isinstance(note, Note)
    assert note.sentences == ("Not available: 12 clusters carry no more.",)
    assert note._repr_mimebundle_()["text/html"] == "<p>Not available: 12 clusters carry no more.</p>"


def test_what_the_two_way_regression_would_have_said(decomposition):
    first, second = present.said(decomposition).sentences
    assert first == f"One two-way regression over all dates would have given −0.584 ({decomposition.scale})."
    assert second.startswith("14.6% of the weight compares later cohorts with cohorts already treated")


def test_sentences_are_escaped():
    note = Note(("a < b", "c & d"))
    assert note._repr_mimebundle_()["text/html"] == "<p>a &lt; b</p><p>c &amp; d</p>"
    assert repr(note) == "a < b c & d"

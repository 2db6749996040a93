"""How pages look: dark colours that can be read, cards and cues on a phone, titles within the verdict."""

from __future__ import annotations

import re

import made_up_study as made
import pytest

from whatworks import present
from whatworks.present import drawing
from whatworks.publish import pages, report
from whatworks.shown import Table

CSS = pages.stylesheet()
LIGHT, _, REST = CSS.partition("@media screen and (prefers-color-scheme: dark)")
DARK = REST[: REST.index("\n}\n")]
NAMED = re.compile(r"--([\w-]+): (#[0-9a-f]{6});")


def light(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def dark() -> dict[str, str]:
    """Every named colour as it is on a dark page."""
    return {**dict(NAMED.findall(LIGHT)), **dict(NAMED.findall(DARK))}


def test_words_can_be_read_on_a_dark_page() -> None:
    named, checked = dark(), 0
    for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", LIGHT.split("@media print")[0]):
        ink = re.search(r"(?<![\w-])color: var\(--([\w-]+)\)", body)
        ground = re.search(r"background: var\(--([\w-]+)\)", body)
        grounds = [named[ground[1]]] if ground else [named["paper"], named["wash"]]
        for colour in grounds if ink else ():
            assert contrast(named[ink[1]], colour) >= 4.5, f"{selector.strip()}: {ink[1]} on {colour}"
            checked += 1
    assert checked > 20
    assert contrast(named["ink"], named["paper"]) >= 4.5


@pytest.mark.parametrize("name", ["good", "neutral", "harm", "level"])
def test_edges_stand_out_and_chips_can_be_read(name: str) -> None:
    named = dark()
    assert contrast(named[name], named["wash"]) >= 3
    assert contrast(named["on-chip"], named[name]) >= 4.5


def marks() -> dict[str, str]:
    """Each colour of a drawing and what it becomes on a dark page."""
    named, found = dark(), {}
    for kind in ("fill", "stroke"):
        swap = dict(re.findall(rf'\[{kind}="(#[0-9a-f]{{6}})"\] \{{ {kind}: var\(--([\w-]+)\); \}}', DARK))
        found[kind] = {colour: named[name] for colour, name in swap.items()}
    assert found["fill"] == found["stroke"]
    return found["fill"]


def test_every_colour_of_a_drawing_has_a_dark_one() -> None:
    assert set(marks()) == set(drawing.COLOURS)
    assert len(set(marks().values())) == len(drawing.COLOURS)


def test_marks_stand_out_and_words_can_be_read_in_a_dark_drawing() -> None:
    named = marks()
    paper = named[drawing.PAPER]
    assert paper == dark()["paper"]
    for colour in (drawing.INK, drawing.SOFT, drawing.FIRST, drawing.SECOND, drawing.BEHIND):
        assert contrast(named[colour], paper) >= 3
    for ground in (paper, named[drawing.BAND]):
        assert contrast(named[drawing.INK], ground) >= 4.5
        assert contrast(named[drawing.SOFT], ground) >= 4.5
        assert contrast(named[drawing.FIRST], ground) >= 3
    assert contrast(named[drawing.INK], named[drawing.PART]) >= 3


def test_print_stays_light_and_the_page_says_it_can_be_both() -> None:
    assert (
        CSS.count("prefers-color-scheme") == CSS.count("@media screen and (prefers-color-scheme: dark)") == 1
    )
    page = report.render(made.notebook(), made.result(), made.words(), made.PROVENANCE)
    assert '<meta name="color-scheme" content="light dark">' in page
    assert DARK in page


def test_a_table_of_sentences_becomes_cards_and_keeps_its_meaning() -> None:
    reason = "It weighs the cohorts by their size and every one of their months alike."
    rows = (("did.att_gt", "−0.1", reason),)
    columns = ("Method", "Estimate & unit", "Why")
    html = Table("x", "Answers", columns, rows, (False, True, False), each="way of answering").html()
    assert html.startswith('<div class="ww-scroll ww-cards" role="region" tabindex="0" aria-label="Answers">')
    assert '<td class="num" role="cell" data-name="Estimate &amp; unit">−0.1</td>' in html
    assert '<th scope="row" class="txt" role="rowheader">did.att_gt</th>' in html
    assert '<table class="ww-table" role="table">' in html
    assert html.count('<tr role="row">') == html.count('role="rowgroup"') == 2
    assert html.count('role="columnheader"') == 3
    short = Table("x", "Answers", columns, (("did.att_gt", "−0.1", "size"),), (False, True, False)).html()
    assert "ww-cards" not in short
    assert "data-name" not in short
    assert short.count("role=") == 1
    pair = Table("x", "Facts", ("What", "Found"), (("Method", reason),), (False, False)).html()
    assert "ww-cards" not in pair


def test_narrow_pages_show_cards_and_wide_tables_say_that_they_go_on() -> None:
    narrow = CSS[CSS.index("@media screen and (max-width: 40rem)") :]
    assert re.search(r"\.ww-cards td::before \{ content: attr\(data-name\)", narrow)
    assert re.search(r"\.ww-cards, [^{]*\.ww-cards td \{ display: block; \}", narrow)
    shadows = re.search(r"\.ww-scroll \{[^}]*\}", CSS)
    assert shadows
    assert shadows[0].count("local no-repeat") == shadows[0].count("var(--edge)") == 2


def test_no_drawing_is_wider_than_its_page_or_scrolls() -> None:
    assert "min-width: 28rem" not in CSS
    figure = present.paths(made.panel())
    assert '<div class="ww-drawing"><svg' in figure.html()


def test_a_title_tells_of_a_change_only_where_the_verdict_does() -> None:
    figure = present.event_study(made.result(), subject="robbery", period="month")
    title = "Robbery lower than expected after the start"
    assert figure.title == title
    notebook = made.notebook(made.code("f", made.shown(figure)))

    def page(*failed: str) -> str:
        kept = ("pass", *(("fail",) if failed else ()))
        checks = tuple(check for check in made.result().checks if check.verdict in kept)
        return report.render(notebook, made.result(checks=checks), made.words(), made.PROVENANCE)

    assert f'<span class="ww-title">{title}</span>' in page()
    # the clusters failed: the question is not answered, and no title may answer it
    assert title not in page("Enough clusters")
    assert f'<span class="ww-title">{figure.caption}</span></figcaption>' in page("Enough clusters")

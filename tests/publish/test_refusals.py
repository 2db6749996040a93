"""What a report refuses to show, and what it shows as text."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import made_up_study as made
import pandas as pd
import pytest

from whatworks import present
from whatworks.errors import PublishError
from whatworks.publish import audit, clean, report
from whatworks.publish.prose import Prose
from whatworks.results import CheckResult

ATTACK = "<script>alert(1)</script>"
SHOWN = "&lt;script&gt;alert(1)&lt;/script&gt;"


def rendered(*cells: dict[str, Any], **words: Any) -> str:
    study = replace(made.words(), **words)
    return report.render(made.notebook(*cells), made.result(), study, made.PROVENANCE)


def harmless(page: str) -> None:
    assert "<script" not in page.lower()
    assert not re.search(r"<[^>]*\son\w+\s*=", page)
    assert not re.search(r"<a [^>]*href=\"(?!https?://|mailto:|#)", page)
    assert "<iframe" not in page


# --- ways in -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "output",
    [
        made.data("text/html", "<table><tr><td>1</td></tr></table>"),
        made.data("text/html", "<p>hello</p>", isolated=True),
        made.data("text/markdown", "**bold**"),
        made.data("application/javascript", "alert(1)"),
        made.data("image/png", "abc"),
        made.data("image/svg+xml", "<svg/>"),
        {"output_type": "stream", "name": "stdout", "text": "a"},
        {"output_type": "stream", "name": "stderr", "text": "a"},
        {"output_type": "execute_result", "data": {"text/plain": "a"}, "metadata": {}},
    ],
)
def test_what_no_presenter_made(output: dict[str, Any]) -> None:
    with pytest.raises(PublishError, match="no presenter of whatworks made") as caught:
        rendered(made.code("x", output))
    assert caught.value.where == "studies/merger, cell 1"


@pytest.mark.parametrize(
    "link", ["javascript:1", "javascript:alert(1)", "data:text/html,x", "//x.example", "x"]
)
def test_links_lead_to_pages_only(link: str) -> None:
    assert clean.markup(f'<a class="c" onclick="x()" href="{link}">here</a>') == "<a>here</a>"
    assert "<a" not in Prose(2, "x").html(f"[here]({link})")


def test_html_of_others_keeps_no_style_and_no_script() -> None:
    html = (
        '<style type="text/css">body{background:url(http://x.example/a)}</style>'
        '<table id="T_1"><tr><th scope="row" onclick="x()">a</th>'
        f'<td style="color:red">{ATTACK}<img src=x onerror=alert(1)></td></tr></table>'
    )
    page = clean.markup(html)
    harmless(page)
    assert SHOWN in page
    assert "<style" not in page
    assert "style=" not in page
    assert "&lt;style" in page


def test_markdown_cell() -> None:
    page = rendered(
        made.markdown(f"Text {ATTACK}\n\n<div onmouseover='x()'>raw</div>\n\n[ok](https://www.gov.uk/x)")
    )
    harmless(page)
    assert SHOWN in page
    assert "&lt;div onmouseover=" in page
    assert '<a href="https://www.gov.uk/x">ok</a>' in page


# --- strings from the data ---------------------------------------------------------------------------------


def test_names_from_the_data_are_text_everywhere() -> None:
    nasty = f'{ATTACK}=HYPERLINK("http://x.example")'
    checks = (CheckResult(nasty, "concern", nasty, pd.DataFrame({nasty: [nasty]}), nasty),)
    secondary = (replace(made.result().secondary[0], outcome=nasty, adjustment=nasty),)
    result = made.result(checks=checks, secondary=secondary, notes=(nasty,))
    figure = present.coverage(made.coverage().replace({"source": {"early.csv": nasty}}), subject=nasty)
    page = report.render(
        made.notebook(made.code(nasty, made.shown(figure)), made.markdown(nasty)),
        result,
        made.words(title=nasty, question=nasty, intervention=nasty, subject=nasty, people=(nasty,)),
        {**made.PROVENANCE, "data": [{"name": nasty}]},
    )
    harmless(page)
    assert page.count(SHOWN) > 10
    assert "=HYPERLINK(" in page


@pytest.mark.parametrize(
    "svg",
    [
        '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"></svg>',
        '<svg xmlns="http://www.w3.org/2000/svg"><use href="http://x.example/a.svg#b"/></svg>',
        '<svg xmlns="http://www.w3.org/2000/svg"><a href="#x"><path d="M0"/></a></svg>',
        '<svg xmlns="http://www.w3.org/2000/svg"><path style="fill: url(http://x.example/a)"/></svg>',
        '<svg xmlns="http://www.w3.org/2000/svg"><path style="fill: u\\72l(http://x.example/a)"/></svg>',
        '<svg xmlns="http://www.w3.org/2000/svg"><foreignObject/></svg>',
        '<svg xmlns="http://www.w3.org/2000/svg"><image href="#a"/></svg>',
        '<!DOCTYPE svg [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg">&a;</svg>',
        "<svg><path/></svg>",
        '<svg xmlns="http://www.w3.org/2000/svg">',
    ],
)
def test_a_drawing_that_holds_anything_else(svg: str) -> None:
    figure = replace(present.coverage(made.coverage()), svg=svg)
    with pytest.raises(PublishError, match="figure coverage"):
        rendered(made.code("x", made.shown(figure)))


# --- figures, tables and rows ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "alt", ["", "Figure", "image", "plot 1", "TODO", "alt text here please write", "..."]
)
def test_a_placeholder_for_words(alt: str) -> None:
    figure = present.coverage(made.coverage())
    svg = re.sub(r"(<desc [^>]*>)[^<]*", lambda m: m[1] + alt, figure.svg)
    with pytest.raises(PublishError, match="description says nothing"):
        rendered(made.code("x", made.shown(replace(figure, svg=svg, alt=alt))))


def test_a_figure_without_caption() -> None:
    figure = present.coverage(made.coverage())
    figure = replace(figure, said=replace(figure.said, caption=""))
    assert "an empty caption" in audit.faults("<figure><figcaption> </figcaption></figure>")
    with pytest.raises(PublishError, match="caption"):
        rendered(made.code("x", made.shown(figure)))


def test_a_figure_without_data() -> None:
    figure = present.coverage(made.coverage())
    with pytest.raises(PublishError, match="without its data"):
        rendered(made.code("x", made.shown(replace(figure, table=figure.table.iloc[:0]))))


def test_a_card_of_facts_passes() -> None:
    assert "treated units by start" in rendered(made.code("panel", made.shown(made.panel())))


def test_a_failed_cell() -> None:
    error = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []}
    with pytest.raises(PublishError, match="the cell failed: ValueError: no"):
        rendered(made.code("x", error))


def test_an_image_in_the_prose() -> None:
    with pytest.raises(PublishError, match="shows an image"):
        rendered(made.markdown("![a map](http://x.example/map.png)"))


@pytest.mark.parametrize("tex", ["\\unknown{x}", "x^{2", "\\frac{1}", "x^2^3", "a}b"])
def test_a_formula_that_cannot_be_shown(tex: str) -> None:
    with pytest.raises(PublishError, match="formula"):
        rendered(made.markdown(f"Here $${tex}$$ there\n\n$${tex}$$\n"))


def test_formulas_that_can() -> None:
    prose = Prose(2, "x").html("The $\\hat\\tau_{g,t}^2 \\leq \\text{the rest}$ of £5 and $6.")
    assert "<msubsup><mover" in prose
    assert "<mo>≤</mo>" in prose
    assert "<mtext>the rest</mtext>" in prose
    assert "and $6." in prose


# --- the audit ---------------------------------------------------------------------------------------------

GOOD = (
    '<!DOCTYPE html><html lang="en-GB"><head><meta charset="utf-8"><meta name="viewport" content="x">'
    '<meta name="description" content="x"><meta http-equiv="Content-Security-Policy" '
    'content="default-src \'none\'"><title>x</title></head><body><a href="#main">Skip</a><header></header>'
    '<nav></nav><main id="main"><h1>x</h1><h2>y</h2></main><footer></footer></body></html>'
)


def test_a_good_page_has_no_faults() -> None:
    assert audit.faults(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (' lang="en-GB"', "", "no language"),
        ("<title>x</title>", "<title></title>", "no title"),
        ('<meta name="description" content="x">', "", "no description"),
        ('<meta name="viewport" content="x">', "", "no viewport"),
        ("default-src 'none'", "default-src *", "no content security policy"),
        ("<h1>x</h1>", "<h1>x</h1><h1>z</h1>", "not exactly one h1"),
        ("<h2>y</h2>", "<h3>y</h3>", "a heading jumps from h1 to h3"),
        ("<h1>x</h1>", "<h1> </h1>", "an empty heading"),
        ('<a href="#main">Skip</a>', "", "no skip link first on the page"),
        ('id="main"', 'id="other"', "no skip link first on the page"),
        ("<nav></nav>", "", "no navigation"),
        ("<footer></footer>", "", "no footer"),
        ("<h2>y</h2>", '<h2>y</h2><img src="a.png">', "<img> has no place in a report"),
        ("<h2>y</h2>", "<h2>y</h2><script>1</script>", "<script> has no place in a report"),
        ("<h2>y</h2>", '<h2 onclick="x">y</h2>', "<h2> carries onclick"),
        (
            "<h2>y</h2>",
            '<h2>y</h2><p style="background:url(//x)">z</p>',
            "the style of <p> loads from outside",
        ),
        ("<title>", "<style>@import 'x'</style><title>", "the style sheet loads from outside"),
        ("<h2>y</h2>", '<h2>y</h2><link rel="x" href="//x">', "<link> has no place in a report"),
        ("<h2>y</h2>", '<h2>y</h2><a href="javascript:x">z</a>', "a link that runs a script"),
        ("<h2>y</h2>", '<h2>y</h2><a href="#gone">z</a>', "nothing has the id 'gone'"),
        ("<h2>y</h2>", '<h2 id="main">y</h2>', "the id 'main' stands twice"),
        ("<h2>y</h2>", "<h2>y</h2><table><tr><th>a</th></tr></table>", "a table header without scope"),
        ("<h2>y</h2>", "<h2>y</h2><table><tr><td>a</td></tr></table>", "a table without caption"),
        ("<h2>y</h2>", "<h2>y</h2><table><caption></caption></table>", "an empty table caption"),
        ("<h2>y</h2>", "<h2>y</h2><figure></figure>", "a figure without caption"),
        ("<h2>y</h2>", '<h2>y</h2><svg role="img"></svg>', "a drawing without role, title and description"),
        ("<h2>y</h2>", "<h2>y", "<h2> is not closed before </main>"),
    ],
)
def test_each_fault_is_found(old: str, new: str, fault: str) -> None:
    assert old in GOOD
    assert fault in audit.faults(GOOD.replace(old, new))

"""The report: complete, in order, the same bytes, and readable by everybody."""

from __future__ import annotations

import hashlib
import html
import os
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import made_up_study as made
import pytest

from whatworks import present
from whatworks.errors import PublishError
from whatworks.inference import relative_change
from whatworks.publish import audit, explain, origin, pages, report, summary
from whatworks.publish.about import Place
from whatworks.results import Added, CheckResult, Design, NotAvailable
from whatworks.study import record
from whatworks.study.said.facts import Contact
from whatworks.study.spec import Person, Protocol, ReportWords, StudySpec, load_study

MARKDOWN = (
    "# The method\n\n## Data\n\nCounts by borough.\n\n#### Deep\n\n$$\\hat\\tau = \\frac{1}{N}\\sum_i Y_i$$\n"
)


def everything() -> dict[str, object]:
    result = made.result()
    return made.notebook(
        made.markdown(MARKDOWN),
        made.code("study = ''", tags=("parameters",)),
        made.code("ww.present.paths(panel)", made.shown(present.paths(made.panel(), subject="robbery"))),
        made.code("ww.present.paths(panel)", made.shown(present.paths(made.panel(), subject="robbery"))),
        made.code(
            "ww.present.event_study(result)", made.shown(present.event_study(result, subject="robbery"))
        ),
        made.code("panel", made.shown(made.panel())),
        made.code("ww.present.checks_table(result)", made.shown(present.checks_table(result))),
        made.code("ww.present.effects_table(result)", made.shown(present.effects_table(result))),
    )


@pytest.fixture(scope="module")
def page() -> str:
    return report.render(everything(), made.result(), made.words(), made.PROVENANCE)


class Outline(HTMLParser):
    """Headings, landmarks, ids and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: list[tuple[int, str]] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._in: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.append((tag, dict(attrs)))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append((int(tag[1]), ""))
        self._in.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._in and self._in.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._in and self._in[-1] not in ("style", "title", "desc"):
            self.text += f" {data}"
        if self._in and re.fullmatch("h[1-6]", self._in[-1]):
            level, said = self.headings[-1]
            self.headings[-1] = (level, said + data)


def text_of(page: str) -> str:
    return " ".join(Outline(page).text.split())


def test_the_result_comes_first(page: str) -> None:
    text = text_of(page)
    order = [
        "Robbery fell by about 8%",
        "Boroughs were merged into larger commands.",
        "about 95 of the intervals would contain the true change",
        "Figure 1.",
        "Would change if: p fell below 0.05",
        "Secondary outcome, burglary",
        "Two boroughs were left out",
        "Size and method of the study",
        "Below is the notebook that made this report",
        "whatworks verify studies/merger",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_one_h1_and_no_jump(page: str) -> None:
    levels = [level for level, _ in Outline(page).headings]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))
    assert (3, "The method") in Outline(page).headings
    assert (4, "Data") in Outline(page).headings
    assert (5, "Deep") in Outline(page).headings


def test_landmarks_language_and_skip_link(page: str) -> None:
    outline = Outline(page)
    assert outline.attributes[0] == ("html", {"lang": "en-GB"})
    for landmark in ("header", "nav", "main", "footer"):
        assert outline.tags.count(landmark) == 1
    links = [attributes for tag, attributes in outline.attributes if tag == "a"]
    assert links[0] == {"class": "skip", "href": "#main"}
    assert ("main", {"id": "main"}) in outline.attributes
    metas = {
        a.get("name") or a.get("http-equiv"): a.get("content") for t, a in outline.attributes if t == "meta"
    }
    assert metas["Content-Security-Policy"] == (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    )
    assert metas["viewport"] == "width=device-width, initial-scale=1"
    assert str(metas["description"]).startswith("Robbery fell by about 8%")
    assert "<title>Merging boroughs into command units – Policing Impact Unit</title>" in page


def test_every_table_has_a_caption_and_scopes_and_scrolls_by_itself(page: str) -> None:
    assert page.count("<table") == page.count("<caption>") == page.count('class="ww-table"')
    assert page.count("<table") == len(re.findall(r'tabindex="0" aria-label="[^"]+"><table', page))
    assert not re.search(r"<th(?![^>]*scope=)[ >]", page)


def test_labels_of_regions_are_unique(page: str) -> None:
    labels = re.findall(r'role="region" tabindex="0" aria-label="([^"]+)"', page)
    assert len(labels) == len(set(labels))


def test_every_figure_has_words_and_numbers(page: str) -> None:
    figures = re.findall(r"<figure.*?</figure>", page, re.DOTALL)
    assert len(figures) == 2
    for figure in figures:
        assert len(re.findall(r"<desc [^>]*>([^<]{60,})</desc>", figure)) == 1
        assert figure.count("<table") == 1
    assert page.count("<svg") == 2
    assert page.count('Shown above: <a href="#figure-1">') == 2


def test_what_stands_above_is_not_repeated(page: str) -> None:
    assert page.count("Two of six false dates") == 2, "a caveat above, and the check"
    assert 'Shown above: <a href="#checks">' in page
    assert page.count("The table “Effects, in") == 0


def test_the_code_is_folded(page: str) -> None:
    assert re.search(r'<details class="code"><summary>Parameters of the template</summary><pre', page)
    assert "<details open" not in page


def test_formulas_are_mathml(page: str) -> None:
    assert '<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">' in page
    assert "<mfrac>" in page
    assert "\\frac" not in page


def test_nothing_is_loaded(page: str) -> None:
    assert not re.search(r"<(script|link|iframe|object|embed|img|form|base)\b", page)
    assert not re.search(r"\s(src|srcset|action|on\w+)\s*=", page)
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)
    assert set(re.findall(r"https?://[^\"'\s<]+", page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1998/Math/MathML",
    }


def test_the_same_bytes_in_another_process(page: str) -> None:
    support = next(path for path in sys.path if path.endswith("support"))
    here = os.path.dirname(__file__)
    program = (
        "import hashlib, made_up_study as made, test_report\n"
        "from whatworks.publish import report\n"
        "page = report.render(test_report.everything(), made.result(), made.words(), made.PROVENANCE)\n"
        "print(hashlib.sha256(page.encode()).hexdigest())\n"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={
            **os.environ,
            "PYTHONHASHSEED": "99",
            "TZ": "Asia/Tokyo",
            "PYTHONPATH": f"{support}{os.pathsep}{here}",
        },
    )
    assert outcome.stdout.strip() == hashlib.sha256(page.encode()).hexdigest()
    assert "\r" not in page


def test_the_page_passes_its_own_audit(page: str) -> None:
    assert audit.faults(page) == []


def test_a_parsed_study_will_do() -> None:
    spec = StudySpec(
        version=1,
        title="A title",
        question="A question?",
        intervention="Something",
        template="did",
        protocol=Protocol("Robbery", "ATT", "It falls", ("Pre-trends", "Leave one out")),
        people=(Person("B. Writer", "author"),),
        report=ReportWords("lower", 10.0),
    )
    text = text_of(report.render(made.notebook(), made.result(), spec, made.PROVENANCE))
    assert "Robbery fell by about 8%" in text
    assert "1 promised in the protocol is missing" in text
    assert "✗ Not done" in text
    assert "B. Writer, author" in text
    assert "studies/merger" in text


def test_the_report_block_reaches_the_page() -> None:
    words = ReportWords("higher", 5.0, subject="street robbery", limits=("Only one year is covered.",))
    protocol = Protocol("Robbery", "ATT", "It falls")
    spec = StudySpec(1, "A title", "A question?", "Something", "did", protocol, words)
    page = text_of(report.render(made.notebook(), made.result(checks=()), spec, made.PROVENANCE))
    assert "Street robbery fell by about 8%" in page
    assert "change for the worse" in page
    assert "Only one year is covered." in page


def test_a_number_in_large_type_only_for_a_question_that_is_answered() -> None:
    page = report.render(made.notebook(), made.result(checks=()), made.words(), made.PROVENANCE)
    assert '<p class="value">−8%</p><p class="interval">' in page
    assert "−8% 95% interval : −13% to −2%" in text_of(page)
    for changes in ({}, {"checks": (), "relative": made.percent(-8.0, -30.0, 20.0)}):
        result = made.result(**changes)
        assert '<p class="value">' not in report.render(
            made.notebook(), result, made.words(), made.PROVENANCE
        )


def test_made_up_data_cannot_be_missed() -> None:
    page = report.render(made.notebook(), made.result(), made.words(made_up=True), made.PROVENANCE)
    text = text_of(page)
    assert "<title>Merging boroughs into command units (made-up data) –" in page
    assert text.index("It says nothing about any real place") < text.index("What we found")


def test_no_margin_of_error_is_said_and_not_invented() -> None:
    result = made.result(
        headline=made.estimate(-0.08, made.NONE, made.NONE, p=made.NONE),
        relative=NotAvailable("no counterfactual"),
        checks=(),
        secondary=(),
        design=Design(9, 20, 9, 1, made.NONE, made.NONE),
    )
    page = report.render(made.notebook(), result, made.words(), made.PROVENANCE)
    text = text_of(page)
    assert "No honest margin of error can be given" in text
    assert "One treated unit carries no error of its own." in text
    assert "No check was made" in text
    assert "Secondary outcomes" not in text
    assert "What happened" not in text
    assert "NaN" not in page


def test_no_estimate_still_makes_a_report() -> None:
    result = made.result(headline=made.estimate(made.NONE, made.NONE, made.NONE, p=made.NONE), secondary=())
    text = text_of(
        report.render(made.notebook(), replace(result, relative=made.NONE), made.words(), made.PROVENANCE)
    )
    assert "could not be estimated. One treated unit carries no error of its own." in text


def test_limits_speak_of_clusters_checks_and_spill_over() -> None:
    result = made.result(checks=made.result().checks[:3])
    text = text_of(
        report.render(made.notebook(), result, made.words(limits=("Only recorded crime",)), made.PROVENANCE)
    )
    assert "Only recorded crime." in text
    assert "The data fall into 12 independent groups" in text
    assert "The check “Enough clusters” failed" in text
    assert "Whether crime moved to or from neighbouring areas was not tested." in text


# --- the style sheet ---------------------------------------------------------------------------------------


def light(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


LIGHT = pages.stylesheet().partition("@media screen and (prefers-color-scheme: dark)")[0]


def colours() -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", LIGHT))


def test_contrast_of_the_style_sheet() -> None:
    named = colours()
    rules = re.findall(r"([^{}]+)\{([^{}]*)\}", LIGHT.split("@media print")[0])
    grounds = {"paper": named["paper"], "wash": named["wash"]}
    checked = 0
    for selector, body in rules:
        ink = re.search(r"(?<![\w-])color: var\(--([\w-]+)\)", body)
        ground = re.search(r"background: var\(--([\w-]+)\)", body)
        if not ink:
            continue
        against = [named[ground[1]]] if ground else list(grounds.values())
        for colour in against:
            assert contrast(named[ink[1]], colour) >= 4.5, f"{selector.strip()}: {ink[1]} on {colour}"
            checked += 1
    assert checked > 20


def test_focus_is_visible_on_every_ground() -> None:
    named = colours()
    assert re.search(r":focus-visible \{ outline: 3px solid var\(--ink\)", pages.stylesheet())
    assert contrast(named["ink"], named["paper"]) >= 3
    assert contrast(named["focus"], named["banner"]) >= 3


def test_no_colour_stands_outside_the_palette() -> None:
    rules = LIGHT.split("}", 1)[1]
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b", rules)


def test_print_and_narrow_screens_are_provided_for() -> None:
    css = pages.stylesheet()
    assert "@media print" in css
    assert "break-inside: avoid" in css
    assert "color-scheme: light" in css
    assert re.search(r"\.ww-scroll \{\s+overflow-x: auto", css)


def test_what_the_answer_rests_on_has_its_own_section() -> None:
    assert "What the answer rests on" not in text_of(
        report.render(made.notebook(), made.result(), made.words(), made.PROVENANCE)
    )
    bounds = CheckResult("Honest bounds", "concern", "It survives 0.5 times the largest. Measured in blocks.")
    result = made.result(checks=(bounds,))
    page = report.render(made.notebook(), result, made.words(), made.PROVENANCE)
    text = text_of(page)
    assert '<h2 id="rests">' in page
    assert '<a href="#rests">' in page
    assert "<p>It survives 0.5 times the largest.</p>" in page
    assert "Measured in blocks ." in text_of(page)
    assert text.index("What the answer rests on") < text.index("Checks on this result")


def test_figures_that_test_the_answer_keep_their_numbers() -> None:
    drawn = [
        present.event_study(made.result(), subject="robbery"),
        replace(present.estimates(made.result(), subject="robbery"), name="honest_robbery"),
        present.paths(made.panel(), subject="robbery"),
    ]
    cells = [made.code("f", made.shown(figure)) for figure in drawn]
    page = report.render(made.notebook(*cells), made.result(), made.words(), made.PROVENANCE)
    order = [page.index(f'<div id="figure-{i}">') for i in (1, 3, 2)]
    assert order == sorted(order)
    assert page.index('<h2 id="happened">') < order[0]
    assert order[1] < page.index('<h2 id="rests">') < order[2]
    for i in (1, 2, 3):
        assert f'Shown above: <a href="#figure-{i}">Figure {i}</a>' in page


def test_a_rate_ratio_stands_beside_its_percents() -> None:
    ratio = made.estimate(0.902, 0.858, 0.945, scale="rate ratio")
    page = report.render(
        made.notebook(),
        made.result(headline=ratio, relative=made.percent(-9.8, -14.2, -5.5), checks=()),
        made.words(),
        made.PROVENANCE,
    )
    assert "Rate ratio 0.90, from 0.86 to 0.94; 1 is no change" in text_of(page)
    plain = report.render(made.notebook(), made.result(), made.words(), made.PROVENANCE)
    assert "Rate ratio" not in plain


def test_a_long_line_of_code_is_cut_where_it_shows() -> None:
    line = "followed = ww.study.follows(panel, 'did.att_gt', comparison=comparison)"
    page = report.render(made.notebook(made.code(line)), made.result(), made.words(), made.PROVENANCE)
    assert f"Code: <code>{html.escape(line[:51])}\u2026</code>" in page
    assert html.escape(line) in page


def test_long_lists_of_fingerprints_are_folded_away() -> None:
    main = [name for name, _ in origin.main_table(made.PROVENANCE).rows]
    assert "Code › fingerprint (SHA-256)" in main
    folded = {table.caption: table.rows for table in origin.long_tables(made.PROVENANCE)}
    assert folded["Fingerprints of the library's rooms"] == (("did", "89" * 32),)
    assert not [name for name in main if "ooms" in name or "ells" in name or "alues" in name]


def summary_of(page: str) -> str:
    return text_of(page[page.index('<section id="summary"') : page.index('<nav class="contents"')])


def added(low: float = -163.0, value: float = -104.0, high: float = -49.0) -> Added:
    one = made.estimate(value, low, high, scale="robbery")
    whole = made.estimate(36 * value, 36 * low, 36 * high, scale="robbery")
    return Added(whole, one, "month", 16, 36, "It takes the change per head to be the same.")


def test_the_summary_says_who_did_what_how_many_and_what_for(page: str) -> None:
    said = summary_of(page)
    names = [
        "What was done",
        "How many that is",
        "What it rests on",
        "What it means for a decision",
        "Who to ask",
    ]
    assert [said.index(name) for name in names] == sorted(said.index(name) for name in names)
    assert "Boroughs were merged into larger commands." in said
    assert "Not told in numbers of crimes: the study does not say how many that is." in said
    assert "Chance did not choose where it was done." in said
    assert "4 checks: 1 passed" in said
    assert "Who to ask A. Researcher, analyst" in said
    assert page.index('<section id="summary"') < page.index('<h2 id="asked"')
    asked = made.words(contact=Contact("A. Researcher", "a@example.org"))
    again = report.render(everything(), made.result(), asked, made.PROVENANCE)
    assert "Who to ask A. Researcher, a@example.org" in summary_of(again)


def test_absolute_numbers_stand_beside_percents_with_their_interval() -> None:
    fine = made.result(checks=made.result().checks[:1], added=added())
    said = summary_of(report.render(everything(), fine, made.words(), made.PROVENANCE))
    assert (
        "About 104 fewer (49 to 163 fewer) a month in all 16 treated places, and about 3,740 fewer "
        "(1,760 to 5,870 fewer) over 36 months (counted: robbery; 95% interval). It takes the change"
    ) in said
    assert "once all have it" not in said
    later = made.result(checks=(), added=replace(added(), periods=50))
    assert "16 treated places, once all have it, and about 3,740 fewer" in summary_of(
        report.render(everything(), later, made.words(), made.PROVENANCE)
    )
    # an open question: what may be, and no number in the middle
    wide = made.result(
        headline=made.estimate(-0.02, -0.13, 0.1),
        relative=made.percent(-2.0, -12.9, 11.0),
        checks=(),
        added=added(-163.0, -20.0, 90.0),
    )
    said = summary_of(report.render(everything(), wide, made.words(), made.PROVENANCE))
    assert "From 163 fewer to 90 more a month in all 16 treated places" in said
    assert "20 fewer" not in said


WINDOW = CheckResult("Alternative windows", "concern", "Another window gives less.")


def test_a_very_uncertain_answer_has_no_number_in_large_type() -> None:
    for checks, large in (((), True), ((WINDOW,), False)):
        page = report.render(everything(), made.result(checks=checks), made.words(), made.PROVENANCE)
        assert ('class="big"' in page) is large


@pytest.mark.parametrize(
    ("changes", "better", "words"),
    [
        ({}, "lower", "Do not decide by this number."),
        ({"checks": ()}, "lower", "It is a reason to go on with it"),
        ({"checks": ()}, "higher", "It is a reason to stop it or to change it"),
        ({"checks": (WINDOW,)}, "lower", "On its own it is no reason to go on and none to stop"),
        ({"checks": (WINDOW,)}, "higher", "On its own it is no reason to go on and none to stop"),
        ({"checks": ()}, "neither", "for those who decide to say"),
        ({"checks": (), "headline": made.estimate(-0.02, -0.13, 0.1),
          "relative": made.percent(-2.0, -12.9, 11.0)}, "lower", "no reason to go on and none to stop"),
        ({"checks": (), "headline": made.estimate(-0.01, -0.02, 0.01),
          "relative": made.percent(-1.0, -2.0, 1.0)}, "lower", "Do not go on with it for this reason alone"),
    ],
)  # fmt: skip
def test_what_it_means_for_a_decision_follows_the_status(changes: dict, better: str, words: str) -> None:
    result = made.result(**{"checks": made.result().checks, **changes})
    page = report.render(everything(), result, made.words(better=better), made.PROVENANCE)
    assert words in summary_of(page)
    invented = report.render(everything(), result, made.words(better=better, made_up=True), made.PROVENANCE)
    assert "Nothing, since the data are made up." in summary_of(invented)


RECORDED = sorted(path.parent for path in (Path(__file__).parents[2] / "studies").glob("*/record"))


@pytest.mark.parametrize("folder", RECORDED, ids=lambda path: path.name)
def test_no_summary_has_more_than_400_words(folder: Path) -> None:
    kept, said = record.load(folder), load_study(folder, name=folder.name)
    page = report.render(kept.json(record.NOTEBOOK), kept.result, said, kept.provenance)
    assert 100 < summary.count(page) == len(re.findall(r"\w[\w'’.,%-]*", summary_of(page))) <= 400


def test_a_long_deed_is_cut_at_a_sentence_and_a_longer_one_refused() -> None:
    short = made.words(intervention="It was done. " + "More of it was done there. " * 40)
    page = report.render(everything(), made.result(), short, made.PROVENANCE)
    assert summary_of(page).count("More of it was done there.") == 9
    assert page.count("More of it was done there.") == 49
    endless = made.words(intervention="and so on " * 120)
    with pytest.raises(PublishError, match="400 is the most"):
        report.render(everything(), made.result(), endless, made.PROVENANCE)


def test_one_interval_is_told_on_two_scales_and_says_why_they_differ() -> None:
    """0.087 (-0.068 to 0.215) where 0.353 was seen: +33%, and +156% at the upper end."""
    head = made.estimate(0.087, -0.0678, 0.2150)
    share = relative_change(head, 0.3530)
    assert [round(n) for n in (share.value, share.low, share.high)] == [33, -16, 156]
    (said,) = explain.one_interval(made.result(headline=head, relative=share))
    assert "one interval, from the same test: −0.0678 to 0.215 there" in said
    assert "at 0.215 it would have been 0.138 without the intervention, a change of +156%" in said
    ratio = made.result(headline=made.estimate(0.9, 0.8, 0.99, scale="rate ratio"))
    assert explain.one_interval(ratio) == []
    assert explain.one_interval(made.result(relative=NotAvailable("none"))) == []
    assert not any("one interval" in text for text in explain.sure(made.result(), unit="points"))


def grade(text: str) -> float:
    """The Flesch-Kincaid grade of a text: 0.39 words a sentence + 11.8 syllables a word - 15.59."""
    sentences = [part for part in re.split(r"[.!?]+(?:\s|$)", text) if re.search(r"[a-z]", part)]
    found = re.findall(r"[A-Za-z][A-Za-z'’-]*", text)
    syllables = [
        len(re.findall(r"[aeiouy]+", re.sub(r"(?<=[^aeiouyl])e$", "", w.lower()))) or 1 for w in found
    ]
    return 0.39 * len(found) / len(sentences) + 11.8 * sum(syllables) / len(found) - 15.59


@pytest.mark.parametrize("folder", RECORDED, ids=lambda path: path.name)
def test_the_first_screen_is_read_at_grade_8_or_below(folder: Path) -> None:
    kept, said = record.load(folder), load_study(folder, name=folder.name)
    page = report.render(kept.json(record.NOTEBOOK), kept.result, said, kept.provenance)
    part = page[page.index('<section id="summary"') : page.index('<nav class="contents"')]
    # the authors' own words are theirs
    ours = re.sub(r'<span class="own">.*?</span>|<dt>.*?</dt>', "", part, flags=re.DOTALL)
    assert grade(text_of(re.sub(r"(?<![.!?])</(p|li|dt|dd)>", r". </\1>", ours))) <= 8


def test_print_carries_page_numbers_and_the_web_address() -> None:
    page = report.render(made.notebook(), made.result(), made.words(), made.PROVENANCE)
    assert 'content: counter(page) " / " counter(pages)' in page
    assert "@bottom-left { content:" not in page
    at = Place(address="https://example.org/merger/report.html")
    placed = report.render(made.notebook(), made.result(), made.words(), made.PROVENANCE, place=at)
    assert '@page { @bottom-left { content: "https://example.org/merger/report.html"; } }' in placed

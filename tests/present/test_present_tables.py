"""The tables of a result: captions, headers, escapes, reasons in place of gaps."""

from __future__ import annotations

import pandas as pd
import pytest
from made_up_study import effects, panel, result

from whatworks import present
from whatworks.errors import RecordError
from whatworks.results import CheckResult, NotAvailable
from whatworks.shown import SHOWN_MIME, Table, read, table, words


def test_every_table_has_caption_and_scoped_headers() -> None:
    made = result()
    for shown in (
        present.effects_table(made),
        present.checks_table(made),
        present.design_table(made),
        present.secondary_table(made),
    ):
        html = shown.html()
        assert "<caption>" in html
        assert html.count('scope="col"') == len(shown.columns)
        assert html.count('scope="row"') == len(shown.rows)
        assert html.count("<th") - html.count("<thead") == html.count("scope=")
        assert 'tabindex="0"' in html
        assert "nan" not in html.lower().replace("alternan", "")


def test_what_stands_in_a_cell_is_text() -> None:
    nasty = CheckResult("<script>alert(1)</script>", "pass", '=HYPERLINK("http://x") & <b>bold</b>')
    html = present.checks_table(result(checks=(nasty,))).html()
    assert "<script>" not in html
    assert "<b>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "=HYPERLINK(&quot;http://x&quot;) &amp; &lt;b&gt;bold&lt;/b&gt;" in html


def test_verdicts_are_words_with_a_sign_of_their_own() -> None:
    verdicts = [row[1] for row in present.checks_table(result()).rows]
    assert verdicts == ["✓ Pass", "! Concern", "✗ Fail", "– Not applicable"]


def test_a_check_that_was_promised_and_is_missing_is_listed() -> None:
    rows = present.checks_table(result(), owed=("Placebo in time", "leave_one_out")).rows
    assert [row[0] for row in rows] == [
        "Pre-trends", "Placebo in time", "Enough clusters", "Spill-over", "Leave one out",
    ]  # fmt: skip
    assert rows[-1][1] == "✗ Not done"


def test_a_missing_number_says_why() -> None:
    rows = present.effects_table(result()).rows
    assert rows[5] == ("−1", "0.0000", "the reference period, zero by construction", "–", "32")
    assert rows[6] == ("0", "−0.0600", "−0.0900 to −0.0300", "0.040", "32")
    assert dict(row[:2] for row in present.design_table(result()).rows)["Possible allocations by chance"] == (
        "not available: chance did not assign the treatment"
    )


def test_no_rows_and_no_checks_are_said_in_words() -> None:
    assert present.checks_table(result(checks=())).html() == (
        '<p class="ww-note">Checks on this result, and what they found: none.</p>'
    )
    assert "none." in present.secondary_table(result(secondary=())).html()


def test_a_table_comes_back_from_its_stored_form() -> None:
    shown = present.secondary_table(result())
    assert read(shown._repr_mimebundle_()[SHOWN_MIME]) == (shown,)
    with pytest.raises(RecordError, match="not a stored table"):
        Table.from_dict({"name": "x"})


def test_rows_as_long_as_the_headers() -> None:
    with pytest.raises(RecordError, match="differ in number"):
        Table("x", "X", ("a", "b"), (("1",),), (False, False))


def test_a_row_stands_for_what_may_be_kept_or_for_nothing() -> None:
    assert Table("x", "X", ("a",), (("1",),), (False,)).each == ""
    with pytest.raises(RecordError, match="a row cannot stand for 'victim'"):
        Table("x", "X", ("a",), (("1",),), (False,), each="victim")


def test_a_gap_in_a_frame_is_never_nan() -> None:
    shown = table.from_frame(pd.DataFrame({"a": [1.0, None], "b": ["x", None]}), name="x", caption="X")
    assert shown.rows == (("1.00", "x"), ("no value", "no value"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1234567.0, "1,230,000"),
        (-0.0123456, "−0.0123"),
        (1e-9, "less than 0.000001"),
        (99.99, "100"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    assert words.number(value) == text


def test_a_p_value_is_never_zero() -> None:
    assert words.p_value(0.0) == "<0.001"
    assert words.p_value(0.0005) == "<0.001"
    assert words.p_value(0.0123) == "0.012"
    assert words.p_value(NotAvailable("too few draws")) == "not available: too few draws"


def test_minus_signs_but_not_dates_and_hyphens() -> None:
    assert words.sentence("from -0.12 to -0.1 since 2014-01 (well-known p-value)") == (
        "From −0.12 to −0.1 since 2014-01 (well-known p-value)."
    )


def test_presenting_changes_nothing() -> None:
    made, before = result(), effects()
    present.effects_table(made)
    present.event_study(made)
    pd.testing.assert_frame_equal(made.effects, before)
    assert panel().fingerprint == panel().fingerprint

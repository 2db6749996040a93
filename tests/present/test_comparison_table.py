"""present.comparison_table: every method in a row, in words and numbers that come from did.compare."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.did.staggered import staggered

from whatworks import did, present
from whatworks.results import NotAvailable


@pytest.fixture(scope="module")
def answers():
    panel = staggered([4] * 4 + [6] * 4 + [None] * 8, seed=2)
    rng = np.random.default_rng(5)
    counts = rng.poisson(40, size=panel.outcome.shape).astype(float)
    counted = replace(
        panel,
        outcome=counts,
        exposure=np.full(counts.shape, 2000.0),
        outcome_name="crimes",
        notes=("A note.",),
    )
    return did.compare(counted, per=1000.0)


def test_every_method_has_a_row_and_those_refused_come_last(answers) -> None:
    table = present.comparison_table(answers, subject="vehicle_crime")
    assert table.name == "comparison"
    assert table.caption == "What every method says about vehicle crime, and why they differ"
    assert len(table.rows) == len(answers.table)
    refused = [row[1] == "does not apply" for row in table.rows]
    assert refused == sorted(refused)
    assert sum(refused) == (answers.table["estimand"] == "").sum() > 0
    block = next(row for row in table.rows if row[0] == "did.block")
    assert block[1:3] == ("does not apply", "\u2013")
    assert "one block needs one date" in block[4]


def test_numbers_and_words_are_those_of_the_comparison(answers) -> None:
    rows = {row[0]: row for row in present.comparison_table(answers).rows}
    given = answers.table.set_index("method").loc["did.imputation"]
    found = rows["did.imputation"]
    value = float(found[1].split(" ")[0].replace("\u2212", "-"))
    assert value == pytest.approx(given["estimate"], rel=0.02)
    assert " to " in found[1]
    assert found[2].replace("\u2212", "-").startswith(f"{given['relative']:+.1f}")
    assert found[3] == given["assumes"]
    assert found[4].startswith("Weights 48 treated cells")


def test_a_rate_ratio_says_that_it_is_one(answers) -> None:
    row = next(row for row in present.comparison_table(answers).rows if row[0] == "did.poisson")
    ratio = answers.table.set_index("method").loc["did.poisson", "estimate"]
    assert row[1].startswith(f"{ratio:.3f} (")
    assert row[1].endswith(", rate ratio")


def test_the_suggested_method_is_named_and_the_notes_stand_below(answers) -> None:
    table = present.comparison_table(answers)
    assert [row[0] for row in table.rows if "(suggested)" in row[0]] == [f"{answers.suggested} (suggested)"]
    assert table.note.startswith(f"In {answers.scale} unless said otherwise. A note.")


def test_the_study_comes_first_and_what_parts_from_it_stands_above_all_else() -> None:
    panel = staggered([4] * 4 + [6] * 4 + [None] * 8, seed=2, effect=-2.0)
    own = did.att_gt(panel, comparison="not_yet", anticipation=2)
    found = did.compare(panel, own=own)
    table = present.comparison_table(found)
    assert table.rows[0][0] == "did.att_gt (not_yet) (this study)"
    rows = {row[0]: row for row in table.rows}
    assert rows["did.stacked (another question)"][4].startswith("Another question: it counts the 2 periods")
    assert table.note.startswith(found.sentences[0])


def test_without_a_comparison_the_reason_stands() -> None:
    for draw in (present.comparison_table, present.comparison):
        note = draw(NotAvailable("no method is permitted"))
        assert note.sentences == ("Not available: no method is permitted.",)

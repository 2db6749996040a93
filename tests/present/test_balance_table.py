"""The table of what calibration weights matched."""

from __future__ import annotations

import made_up_study as made
import numpy as np
import pytest
from tests.synth.panels import factor_panel

from whatworks import present, synth
from whatworks.errors import DesignError


@pytest.fixture(scope="module")
def result():
    panel = factor_panel(units=30, periods=14, treated=4, start=11)
    return synth.micro(panel, together=5)


def test_a_row_for_every_constraint_with_its_totals(result):
    table, balance = present.balance_table(result), result.detail.method.balance
    assert [row[0] for row in table.rows] == list(balance["constraint"])
    treated = float(table.rows[0][1].replace(",", ""))
    assert treated == pytest.approx(balance["treated"][0], rel=1e-3)
    members = np.arange(30) < 4
    total = result.detail.pool.panel.outcome[members][:, :5].sum()
    assert treated == pytest.approx(total, rel=1e-3)
    assert table.note.startswith(f"{int(balance['held'].sum())} of {len(balance)} constraints are met")
    assert {row[-1] == "yes" for row in table.rows} == set(balance["held"])


def test_the_path_of_the_first_outcome_can_be_drawn(result):
    table = present.synth_path(result).table
    effects = result.effects[result.effects["event_time"].notna()]
    np.testing.assert_allclose(table["observed"] - table["synthetic"], effects["estimate"][:14], atol=1e-9)
    assert len(table) == 14
    assert "in the mean of the 4 treated units and" in present.synth_path(result).caption


def test_other_results_have_no_such_table():
    with pytest.raises(DesignError, match="no balance of constraints"):
        present.balance_table(made.result())

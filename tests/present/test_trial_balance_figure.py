"""The balance figure: a dot a variable and arm, the numbers in words, what is missing named."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from whatworks import present, rct
from whatworks.inference import RandomisationInference
from whatworks.results import NotAvailable
from whatworks.trial import Trial

MARK = r'<use x="([\d.]+)" y="([\d.]+)" fill="[^"]*" stroke="[^"]*"( style="[^"]*")?'


def found(arms: tuple[str, ...]) -> rct.BalanceTest:
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"area": [f"a{i:02d}" for i in range(30)], "arm": np.resize(arms, 30), "y": 0.0})
    table = table.assign(crime=rng.normal(size=30), size=rng.normal(size=30), flat=1.0)
    made = Trial.from_frame(
        table,
        unit="area",
        arm="arm",
        outcome="y",
        control=arms[0],
        treatments=list(arms[1:]),
        baseline=["crime", "size", "flat"],
    )
    return rct.balance(made, inference=RandomisationInference(draws=99))


def test_the_description_holds_every_number_and_what_is_missing():
    balance = found(("usual", "patrol"))
    figure = present.trial_balance(balance)
    for row in balance.table.itertuples():
        shown = "is not drawn" if row.variable == "flat" else f"{row.standardised:.2f}".replace("-", "−")
        assert row.variable.capitalize() in figure.alt
        assert shown in figure.alt
    assert "All variables together" in figure.alt
    assert "Crime" in figure.svg
    assert "Flat" in figure.svg
    # a longer label is cut off on a small figure
    assert ">Arm less control arm, in standard deviations<" in figure.svg
    assert "band is a tenth" in figure.caption
    pd.testing.assert_frame_equal(figure.table, balance.table)


def test_several_arms_are_told_apart():
    figure = present.trial_balance(found(("usual", "patrol", "letters")), subject="crime")
    assert "Crime (patrol)" in figure.alt
    assert "Crime (letters)" in figure.alt
    assert ">letters<" in figure.svg
    assert figure.name == "trial_balance_crime"
    assert "(patrol)" not in present.trial_balance(found(("usual", "patrol"))).alt


def test_dots_lie_where_the_table_says():
    balance = found(("usual", "patrol"))
    svg = present.trial_balance(balance).svg
    marks = [(float(x), float(y), style) for x, y, style in re.findall(MARK, svg)]
    ticks = [x for x, _, style in marks if "stroke-width" in style]
    dots = [(x, y) for x, y, style in marks if "stroke-width" not in style]
    known = balance.table["standardised"].dropna().to_numpy(dtype=float)
    assert len(dots) == len(known) == 2
    # the axis is as wide to either side of none
    from_none = np.array([x for x, _ in dots]) - (ticks[0] + ticks[-1]) / 2
    np.testing.assert_allclose(from_none[0] / from_none[1], known[0] / known[1], rtol=1e-3)
    assert np.sign(from_none).tolist() == np.sign(known).tolist()
    assert dots[0][1] < dots[1][1]


def test_where_nothing_was_known_a_note_says_so():
    shown = present.trial_balance(NotAvailable("no baseline"))
    assert "no baseline" in str(shown)


def test_where_nothing_was_known_beforehand_a_note_stands_for_the_balance_figure() -> None:
    shown = present.trial_balance(NotAvailable("the trial names no baseline variables"))
    assert repr(shown) == "Not available: the trial names no baseline variables."

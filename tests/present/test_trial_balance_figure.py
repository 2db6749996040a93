"""The balance figure: a dot a variable and arm, the numbers in words, what is missing named."""

from __future__ import annotations

import numpy as np
import pandas as pd

from whatworks import present, rct
from whatworks.inference import RandomisationInference
from whatworks.trial import Trial


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
        assert f"{row.variable}" in figure.alt
        assert shown in figure.alt
    assert "All variables together" in figure.alt
    assert "Crime" in figure.svg
    assert "Flat" in figure.svg
    pd.testing.assert_frame_equal(figure.table, balance.table)


def test_several_arms_are_told_apart():
    figure = present.trial_balance(found(("usual", "patrol", "letters")), subject="crime")
    assert "crime (patrol)" in figure.alt
    assert "crime (letters)" in figure.alt
    assert ">letters<" in figure.svg
    assert figure.name == "trial_balance_crime"

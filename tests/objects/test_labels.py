"""Labels that look alike, or stand for a blank, are refused wherever they would make a group of their own."""

from __future__ import annotations

import unicodedata

import numpy as np
import pandas as pd
import pytest

from whatworks import Panel, Trial, rct
from whatworks.errors import TrialError, WhatworksError

ALIKE = [
    "North ",
    " North",
    "north",
    "NORTH",
    "North\N{NO-BREAK SPACE}",
    "North\N{ZERO WIDTH SPACE}",
    "\N{FULLWIDTH LATIN CAPITAL LETTER N}orth",
]
BLANKS = ["NA", "N/A", "NULL", "None", "nan", "-", "#N/A", "null", " NA ", "<NA>"]


def panel(labels: list[str], role: str) -> Panel:
    frame = pd.DataFrame(
        {
            "unit": np.repeat(["u1", "u2", "u3", "u4"], 4),
            "cluster": "South",
            "month": [f"2020-{m:02d}" for m in range(1, 5)] * 4,
            "n": np.arange(16) % 5,
            "start": np.repeat(["2020-03", "2020-03", None, None], 4),
        }
    )
    frame[role] = np.repeat(labels, 4) if role == "cluster" else frame["unit"].replace({"u1": labels[0]})
    if role == "unit":
        frame.loc[1, "unit"] = labels[1]
    return Panel.from_frame(
        frame, unit="unit", period="month", outcome="n", start="start", cluster="cluster", allow_missing=True
    )


def trial(labels: list[str], role: str) -> Trial:
    rows = len(labels) * 2
    frame = pd.DataFrame(
        {
            "unit": [f"u{i}" for i in range(rows)],
            "arm": ["control", "patrol"] * len(labels),
            "y": np.arange(rows),
            "block": np.repeat(labels, 2),
        }
    )
    if role != "block":
        frame["block"] = "b"
        frame.loc[: len(labels) - 1, role] = labels
    return Trial.from_frame(frame, unit="unit", arm="arm", outcome="y", control="control", block="block")


@pytest.mark.parametrize("other", ALIKE)
@pytest.mark.parametrize("role", ["unit", "cluster"])
def test_labels_of_a_panel_that_look_alike_are_refused(role, other):
    assert panel(["North", "North", "Southwark", "South East"], role).n_units
    with pytest.raises(WhatworksError, match=rf"{role} labels differ only by space, case.*'North"):
        panel(["North", other, "South", "South"], role)


def test_two_unicode_forms_of_one_name_are_one_name():
    composed = unicodedata.normalize("NFC", "Caf\N{LATIN SMALL LETTER E WITH ACUTE}")
    with pytest.raises(WhatworksError, match="differ only"):
        panel([composed, unicodedata.normalize("NFD", composed), "b", "c"], "cluster")
    with pytest.raises(WhatworksError, match="differ only"):
        panel(["Stoke-on-Trent", "Stoke\N{EN DASH}on\N{EN DASH}Trent", "b", "c"], "cluster")


@pytest.mark.parametrize("word", BLANKS)
@pytest.mark.parametrize("role", ["unit", "cluster"])
def test_a_word_for_a_blank_is_no_label_of_a_panel(role, word):
    with pytest.raises(WhatworksError, match=f"stands where a {role} should be"):
        panel([word, "North", "South", "South"], role)


@pytest.mark.parametrize("role", ["unit", "block"])
def test_labels_of_a_trial_keep_the_same_rules(role):
    assert trial(["North", "South"], role).n_units
    with pytest.raises(TrialError, match=f"{role} labels differ only"):
        trial(["North", "north", "South"], role)
    with pytest.raises(TrialError, match=f"{role} labels differ only"):
        trial(["North", "North ", "South"], role)
    with pytest.raises(TrialError, match=f"stands where a {role} should be"):
        trial(["NULL", "South"], role)


@pytest.mark.parametrize("role", ["unit", "cluster", "band"])
def test_a_list_to_randomise_keeps_the_same_rules(role):
    units = pd.DataFrame({"unit": [f"u{i}" for i in range(8)]})
    units["cluster"] = [f"c{i // 2}" for i in range(8)]
    units["band"] = ["high"] * 4 + ["low"] * 4

    def draw(listed: pd.DataFrame) -> object:
        return rct.randomise(listed, unit="unit", cluster="cluster", design=rct.Blocked(by=("band",)), seed=1)

    assert draw(units)
    for wrong, words in (
        (f"{units.loc[0, role]} ", "differ only|listed more than once"),
        ("NULL", "stands where"),
    ):
        rows = [2, 3] if role == "band" else [2]
        with pytest.raises(TrialError, match=words):
            draw(units.assign(**{role: [wrong if i in rows else v for i, v in enumerate(units[role])]}))

"""Objects that hold rows show their sizes and never a row, in every representation."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from whatworks import rct
from whatworks.data.intake import IntakeReport
from whatworks.data.recording import UNSAID
from whatworks.did.block import block
from whatworks.panel import Panel
from whatworks.rct.assign.designs import Complete
from whatworks.rct.assign.randomise import randomise
from whatworks.study.source import Source
from whatworks.study.trials import Drawn
from whatworks.trial import Trial

PERSON = re.compile(r"Quill-\d")
NAMES = [f"Quill-{i}" for i in range(12)]
LIST = pd.DataFrame({"person": NAMES})


def drawn() -> rct.Allocation:
    return randomise(LIST, unit="person", design=Complete((6, 6)), seed=3)


def trial() -> Trial:
    arms = ["usual", "offered"] * 6
    frame = LIST.assign(arm=arms, outcome=[i % 5 + 0.5 for i in range(12)])
    return Trial.from_frame(frame, unit="person", arm="arm", outcome="outcome", control="usual")


def table() -> pd.DataFrame:
    months = [f"2020-{m:02d}" for m in range(1, 7)]
    rows = [(name, month, i + m % 3) for i, name in enumerate(NAMES) for m, month in enumerate(months)]
    frame = pd.DataFrame(rows, columns=["person", "month", "outcome"])
    return frame.assign(start=frame["person"].map(lambda name: "2020-04" if name in NAMES[:6] else None))


def panel() -> Panel:
    return Panel.from_frame(table(), unit="person", period="month", outcome="outcome", start="start")


def source() -> Source:
    intake = IntakeReport(files=(), rows_read=72, rows_used=72)
    read = (("a.csv", "0" * 64),)
    return Source(table(), intake, pd.DataFrame(), UNSAID, (), read, ("outcome",))


HOLDERS: dict[str, Callable[[], Any]] = {
    "Trial": trial,
    "Panel": panel,
    "Source": source,
    "Allocation": drawn,
    "Drawn": lambda: Drawn(drawn(), True, ()),
    "Rule": lambda: drawn().require_rule(),
    "Result of a trial": lambda: rct.itt(trial()),
    "Result of a panel": lambda: block(panel()),
}


@pytest.mark.parametrize("make", HOLDERS.values(), ids=HOLDERS)
def test_no_representation_holds_a_row(make: Callable[[], Any]) -> None:
    held = make()
    texts = [repr(held), str(held), f"{held}", f"{[held]}"]
    if hasattr(held, "_repr_mimebundle_"):
        texts.append(json.dumps(held._repr_mimebundle_()))
    assert not [text for text in texts if PERSON.search(text)]
    assert max(map(len, texts)) < 4000


def test_sizes_are_said() -> None:
    assert repr(trial()).startswith("Trial(units: 12, rows: 12, arms: usual: 6, offered: 6")
    assert repr(panel()).startswith("Panel(units: 12, periods: 6 (2020-01 to 2020-06)")

from __future__ import annotations

import sys
from typing import Any

import pytest

from whatworks.study.tidy_notebook import plain_text, tidied

NAMES = {"/srv/me": ".", "/data/police": "police:"}


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def one_cell(*outputs: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    cell = {"cell_type": "code", "id": "a", "metadata": metadata, "source": "", "execution_count": 1}
    return {"cells": [{**cell, "outputs": list(outputs)}], "metadata": {"papermill": {"duration": 1}}}


def after(*outputs: dict[str, Any]) -> list[dict[str, Any]]:
    return tidied(one_cell(*outputs), NAMES)["cells"][0]["outputs"]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("<A object at 0x7f00dead>", "<A object at 0x0>"),
        ("/tmp/ipykernel_77/123.py:1: UserWarning: careful", "(cell):1: UserWarning: careful"),
        ("read /srv/me/data/a.csv", "read data/a.csv"),
        ("in /srv/me", "in ."),
        ("read /data/police/a.csv", "read police:a.csv"),
        (f"{sys.prefix}/lib/python3/site-packages/numpy/x.py:3", "(packages)/numpy/x.py:3"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("0x7f is a number", "0x7f is a number"),
    ],
)
def test_texts(text: str, plain: str) -> None:
    assert plain_text(text, NAMES) == plain


def test_how_a_stream_was_cut_does_not_show() -> None:
    whole = after(stream("ab"), stream("x", "stderr"))
    assert after(stream("a"), stream("x", "stderr"), stream("b")) == whole
    assert after(stream("x", "stderr"), stream("a"), stream("b")) == whole
    display = {"output_type": "display_data", "data": {"text/plain": "d"}, "metadata": {}}
    parts = after(stream("a"), display, stream("b"))
    assert [part["output_type"] for part in parts] == ["stream", "display_data", "stream"]


def test_what_a_machine_says_once_is_left_out() -> None:
    once = "Matplotlib is building the font cache; this may take a moment.\n"
    assert after(stream(once, "stderr")) == []
    assert after(stream(f"{once}careful\n", "stderr")) == [stream("careful\n", "stderr")]
    assert after(stream(once)) == [stream(once)]


def test_times_and_random_names_go() -> None:
    notebook = one_cell(papermill={"duration": 1}, execution={"iopub": 1}, tags=["injected-parameters"])
    notebook["cells"][0]["id"] = "7f3a"
    found = tidied(notebook, NAMES)
    assert found["cells"][0]["id"] == "injected-parameters"
    assert found["cells"][0]["metadata"] == {"tags": ["injected-parameters"]}
    assert "papermill" not in found["metadata"]
    assert notebook["cells"][0]["id"] == "7f3a", "the input is kept"

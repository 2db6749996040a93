from __future__ import annotations

import signal
import sys

import pytest

from whatworks import cli


@pytest.fixture
def whatworks(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> object:
    """Runs the command line in this process: (exit status, standard output, standard error)."""
    monkeypatch.setattr(signal, "signal", lambda *args: None)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["whatworks", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        said = capsys.readouterr()
        status = left.value.code
        return (status if isinstance(status, int) else 0), said.out, said.err

    return call

"""What a shell completes, and the workspace that is named instead of stood in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import study_workspace as workspace

from whatworks.cli import completing, methods
from whatworks.study import places


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    workspace.make(tmp_path / "force")
    workspace.put(tmp_path / "force" / "studies" / "two" / "study.yaml", workspace.STUDY)
    monkeypatch.chdir(tmp_path / "force")
    return tmp_path


@pytest.fixture
def complete(whatworks: object, monkeypatch: pytest.MonkeyPatch) -> object:
    """The words that bash is offered after a line."""

    def call(line: str) -> list[str]:
        words = line.split(" ")
        monkeypatch.setenv("_WHATWORKS_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        status, out, err = whatworks()
        assert (status, err) == (0, "")
        return out.split()

    return call


def test_studies_templates_and_methods_are_completed(here: Path, complete: object) -> None:
    for command in ("run", "verify", "checklist"):
        assert complete(f"whatworks {command} ") == ["one", "two"]
    assert complete("whatworks run t") == ["two"]
    assert complete("whatworks run studies/t") == ["studies/two"]
    assert "tiny" in complete("whatworks new ")
    assert complete("whatworks new stag") == ["staggered"]
    assert complete("whatworks estimate did.a") == ["did.att_gt"]
    assert set(complete("whatworks estimate ")) == set(methods.catalogue())
    assert "verify" in complete("whatworks ver")
    assert "--fields" in complete("whatworks verify --f")


def test_completion_follows_a_named_workspace(
    here: Path, complete: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(here)
    assert complete("whatworks run ") == []
    assert complete("whatworks --workspace force run ") == ["one", "two"]
    assert "tiny" in complete("whatworks --workspace force new t")


def test_completion_never_raises(here: Path, complete: object, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "force" / "whatworks.toml").write_text("version = [", encoding="utf-8")
    assert complete("whatworks run ") == []
    assert complete("whatworks new ") == []

    def broken() -> None:
        raise OSError("disk")

    monkeypatch.setattr(places, "find", broken)
    monkeypatch.setattr(methods, "catalogue", broken)
    assert complete("whatworks verify ") == []
    assert completing.method_names() == []


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_a_shell_completes_with_the_script_that_is_shown(here: Path) -> None:
    program = here / "bin" / "whatworks"
    program.parent.mkdir()
    program.write_text(
        f"#!/bin/sh\nexec {sys.executable} -c 'from whatworks.cli import main; main()' \"$@\"\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    script = (
        'source <("$0"); complete -p whatworks; COMP_WORDS=("$0" run t); COMP_CWORD=2; '
        '_whatworks_completion "$0"; printf "%s\\n" "${COMPREPLY[@]}"'
    ).replace('<("$0")', '<(_WHATWORKS_COMPLETE=source_bash "$0")')
    done = subprocess.run(
        ["bash", "-c", script, str(program)],
        cwd=here / "force",
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "_whatworks_completion whatworks" in done.stdout
    assert done.stdout.split()[-1] == "two"


def test_completion_can_be_installed_and_shown(whatworks: object) -> None:
    out = whatworks("--help")[1]
    assert "--install-completion" in out
    assert "--show-completion" in out


def test_a_workspace_can_be_named(here: Path, whatworks: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(here)
    status, _, err = whatworks("list")
    assert status == 2
    assert "--workspace" in err
    status, out, _ = whatworks("--workspace", "force", "list")
    assert status == 0
    assert "one" in out
    status, out, _ = whatworks("--workspace", "force/studies/one", "new", "tiny", "three")
    assert status == 0
    assert (here / "force" / "studies" / "three" / "study.yaml").is_file()
    assert "whatworks --workspace force/studies/one run studies/three" in out
    status, _, err = whatworks("--workspace", "force", "run", "onee")
    assert status == 2
    assert "Did you mean 'one'" in err
    status, _, err = whatworks("--workspace", "nowhere", "list")
    assert status == 2
    assert "--workspace nowhere: there is no such folder" in err
    assert whatworks("list")[0] == 2, "a name holds for one call"
    status, _, err = whatworks("--workspace", "force")
    assert status == 2
    assert "no command is given" in err


def test_a_new_workspace_says_the_next_command(
    tmp_path: Path, whatworks: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    out = whatworks("init", "our force", "--no-example")[1]
    assert "Next: whatworks --workspace 'our force' new did my-study" in out
    assert whatworks("--workspace", "our force", "new", "did", "my-study")[0] == 0

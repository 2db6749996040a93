from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import study_workspace as workspace

from whatworks.errors import RunError
from whatworks.study import swap

OLD = {"result.json": b"old", "tables/a.csv": b"old"}
NEW = {"result.json": b"new", "figures/b.svg": b"new"}

# ends the process, without any clean-up, just before the n-th change to the disk
_KILLED_AT = """
import os, sys
from pathlib import Path
from whatworks.study import swap
left = int(sys.argv[2])
def counted(original):
    def call(*args, **more):
        global left
        left -= 1
        if left < 0:
            os._exit(9)
        return original(*args, **more)
    return call
Path.rename = counted(Path.rename)
Path.mkdir = counted(Path.mkdir)
os.fsync = counted(os.fsync)
swap.shutil.rmtree = counted(swap.shutil.rmtree)
folder = Path(sys.argv[1])
with swap.locked(folder, name="study"):
    swap.recover(folder)
    swap.replace_whole(folder, {"result.json": b"new", "figures/b.svg": b"new"})
"""


def with_old_record(folder: Path) -> Path:
    swap.replace_whole(folder, OLD)
    return folder


def record(folder: Path) -> dict[str, bytes]:
    return workspace.tree(folder / swap.RECORD)


def test_a_record_is_replaced_whole(tmp_path: Path) -> None:
    with_old_record(tmp_path)
    swap.replace_whole(tmp_path, NEW)
    assert record(tmp_path) == NEW
    assert [p.name for p in tmp_path.iterdir()] == [swap.RECORD]


def test_a_kill_at_any_moment_leaves_the_old_record_or_the_new_one(tmp_path: Path) -> None:
    seen = set()
    for moment in range(40):
        folder = tmp_path / str(moment)
        folder.mkdir()
        with_old_record(folder)
        done = subprocess.run([sys.executable, "-c", _KILLED_AT, str(folder), str(moment)], check=False)
        with swap.locked(folder, name="study"):
            swap.recover(folder)
        assert record(folder) in (OLD, NEW), f"killed at {moment}"
        seen.add("old" if record(folder) == OLD else "new")
        assert sorted(p.name for p in folder.iterdir()) == [swap.RECORD], "temporary files stayed"
        if done.returncode == 0:
            break
    assert done.returncode == 0, "the whole sequence was walked through"
    assert seen == {"old", "new"}


def test_a_kill_of_the_very_first_run_leaves_no_half_record(tmp_path: Path) -> None:
    for moment in range(40):
        folder = tmp_path / str(moment)
        folder.mkdir()
        done = subprocess.run([sys.executable, "-c", _KILLED_AT, str(folder), str(moment)], check=False)
        swap.recover(folder)
        assert record(folder) in ({}, NEW)
        if done.returncode == 0:
            return
    pytest.fail("the whole sequence was not walked through")


@pytest.mark.parametrize("after", [0, 1])
def test_a_full_disk_leaves_the_old_record_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    with_old_record(tmp_path)
    calls = []

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) > after:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        swap.replace_whole(tmp_path, NEW)
    assert record(tmp_path) == OLD
    assert [p.name for p in tmp_path.iterdir()] == [swap.RECORD]


def test_a_rename_that_fails_puts_the_old_record_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_old_record(tmp_path)
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if self.name == "record" and self.parent.name.startswith(swap.TEMPORARY):
            raise OSError(errno.EACCES, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="Permission"):
        swap.replace_whole(tmp_path, NEW)
    assert record(tmp_path) == OLD
    assert [p.name for p in tmp_path.iterdir()] == [swap.RECORD]


_HOLDS = """
import sys, time
from pathlib import Path
from whatworks.study import swap
with swap.locked(Path(sys.argv[1]), name="study"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_two_runs_at_once_and_a_kill_that_frees_the_study(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", _HOLDS, str(tmp_path)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    try:
        with (
            pytest.raises(RunError, match="another run of this study is under way"),
            swap.locked(tmp_path, name="study"),
        ):
            pass
    finally:
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        holder.stdout.close()
    for _ in range(50):
        try:
            with swap.locked(tmp_path, name="study"):
                break
        except RunError:
            time.sleep(0.1)
    else:
        pytest.fail("the lock outlived the process that held it")
    assert list(tmp_path.iterdir()) == []


def test_one_after_the_other_is_fine(tmp_path: Path) -> None:
    for _ in range(3):
        with swap.locked(tmp_path, name="study"):
            pass

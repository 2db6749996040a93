"""What may not stand in the tree: paths of a machine, registry hosts, index addresses, real data."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REGISTRIES = re.compile(r"py" r"pi\.org|python" r"hosted|registry\.n" r"pmjs|deb\.deb" r"ian", re.IGNORECASE)
MACHINE = re.compile(r"(?<![A-Za-z0-9_.])/(?:wor" r"k|ho" r"me|Us" r"ers|ro" r"ot)/[A-Za-z0-9_.]")


def tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: nothing is tracked")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_registry_host_and_no_path_of_a_machine() -> None:
    offenders = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if REGISTRIES.search(line) or MACHINE.search(line):
                offenders.append(f"{path.relative_to(ROOT)}:{number}: {line[:100]}")
    assert not offenders, "\n".join(offenders)


def test_locks_have_hashes_and_no_index() -> None:
    for lock in sorted((ROOT / "requirements").glob("*.txt")):
        text = lock.read_text(encoding="utf-8")
        assert "index-url" not in text, lock.name
        pins = re.findall(r"^[a-zA-Z0-9._-]+==[^\s\\]+[^\n]*\n?(\s+--hash=sha256:)?", text, re.MULTILINE)
        assert pins, lock.name
        assert all(pins), f"{lock.name}: a pin without a hash"


def test_nothing_large_is_tracked() -> None:
    big = [
        f"{p.relative_to(ROOT)} {p.stat().st_size >> 10} KiB" for p in tracked() if p.stat().st_size > 2 << 20
    ]
    assert not big, big


def test_text_files_end_their_lines_with_lf() -> None:
    text = [path for path in tracked() if path.suffix in {".py", ".md", ".csv", ".json", ".yaml"}]
    wrong = [str(path.relative_to(ROOT)) for path in text if b"\r" in path.read_bytes()]
    assert not wrong, wrong

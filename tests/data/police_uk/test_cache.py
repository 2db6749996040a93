from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest
from street_files import BARNET, every_type, identifier, row, write

from whatworks.data.police_uk import cache, read_street
from whatworks.errors import SourceError


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    for month in ("2019-01", "2019-02"):
        twice = [row(month, crime_id=identifier(1))] * 2
        write(root, month, [*every_type(month), row(month, place=BARNET), *twice])
    return root


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    done: list[str] = []

    def counting(member, kind):
        done.append(member.shown)
        return real(member, kind)

    real = cache.scan
    monkeypatch.setattr(cache, "scan", counting)
    return done


def test_a_second_reading_comes_from_the_cache_and_is_the_same(
    tree: Path, tmp_path: Path, reads: list[str]
) -> None:
    folder = tmp_path / "cache"
    plain = read_street(tree)
    first = read_street(tree, cache=folder)
    assert len(reads) == 2
    second = read_street(tree, cache=folder)
    assert len(reads) == 2
    for other in (first, second):
        assert other.frame.equals(plain.frame)
        assert other.intake == plain.intake
        assert other.coverage.equals(plain.coverage)
    # what is kept is the file's counts, not one table's, so every other question is answered from it
    assert read_street(tree, cache=folder, by="force").frame["count"].sum() == 32
    assert len(reads) == 2


def test_a_changed_file_is_read_again_and_only_that(tree: Path, tmp_path: Path, reads: list[str]) -> None:
    folder = tmp_path / "cache"
    read_street(tree, cache=folder)
    reads.clear()
    path = tree / "2019-02" / "2019-02-metropolitan-street.csv"
    raw = path.read_bytes()
    write(tree, "2019-02", [*every_type("2019-02"), *[row("2019-02")] * 3])
    assert read_street(tree, cache=folder).intake.rows_used == 16 + 17
    assert reads == ["2019-02/2019-02-metropolitan-street.csv"]
    path.write_bytes(raw)
    assert read_street(tree, cache=folder).intake.rows_used == 32
    assert len(reads) == 1


def test_a_file_under_another_name_is_checked_anew(tree: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    read_street(tree, cache=folder)
    wrong = tree / "2019-02" / "2019-02-metropolitan-street.csv"
    wrong.write_bytes((tree / "2019-01" / "2019-01-metropolitan-street.csv").read_bytes())
    with pytest.raises(SourceError, match="expected 2019-02"):
        read_street(tree, cache=folder)


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_a_damaged_entry_is_found_out_and_made_again(
    tree: Path, tmp_path: Path, reads: list[str], damage: str
) -> None:
    folder = tmp_path / "cache"
    plain = read_street(tree, cache=folder)
    entries = sorted(folder.iterdir())
    for entry in entries:
        raw = bytearray(entry.read_bytes())
        raw[len(raw) // 2] ^= 1
        entry.write_bytes({"cut": raw[:-9], "flip": raw, "empty": b""}[damage])
    reads.clear()
    assert read_street(tree, cache=folder).frame.equals(plain.frame)
    assert len(reads) == 2
    reads.clear()
    assert read_street(tree, cache=folder).frame.equals(plain.frame)
    assert not reads
    assert sorted(folder.iterdir()) == entries


def test_nothing_half_written_is_left_when_the_disk_is_full(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.os, "replace", full)
    folder = tmp_path / "cache"
    assert read_street(tree, cache=folder).intake.rows_used == 32
    assert list(folder.iterdir()) == []


def test_another_reader_version_does_not_use_old_entries(
    tree: Path, tmp_path: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    read_street(tree, cache=tmp_path / "cache")
    reads.clear()
    monkeypatch.setattr(cache, "READER_VERSION", cache.READER_VERSION + 1)
    read_street(tree, cache=tmp_path / "cache")
    assert len(reads) == 2


def test_members_of_archives_and_gzip_files_are_cached(tree: Path, tmp_path: Path, reads: list[str]) -> None:
    paths = sorted(tree.rglob("*.csv"))
    archive = tmp_path / "archive.zip"
    with zipfile.ZipFile(archive, "w") as out:
        for path in paths:
            out.write(path, path.relative_to(tree))
    packed = tmp_path / f"{paths[0].name}.gz"
    packed.write_bytes(gzip.compress(paths[0].read_bytes()))
    for source in (archive, packed):
        reads.clear()
        plain = read_street(source)
        for _ in range(2):
            found = read_street(source, cache=tmp_path / "cache")
            assert found.frame.equals(plain.frame)
            assert found.intake == plain.intake
        assert len(reads) == len(plain.months)


def test_the_source_folder_gains_no_file(tree: Path, tmp_path: Path) -> None:
    before = sorted(tree.rglob("*"))
    read_street(tree, cache=tmp_path / "cache")
    assert sorted(tree.rglob("*")) == before


def test_a_cache_that_is_a_file_is_refused(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("x", encoding="utf-8")
    with pytest.raises(SourceError, match="cache"):
        read_street(tree, cache=tmp_path / "cache")

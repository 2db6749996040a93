from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from whatworks.data.mps import read_mps
from whatworks.errors import OptionError, SourceError


def write(
    path: Path, months: Sequence[str], rows: dict[tuple[str, ...], Sequence[int]], head: str = ""
) -> Path:
    lines = [",".join([head or "MajorText,MinorText,BoroughName", *months])]
    lines += [",".join([*keys, *map(str, counts)]) for keys, counts in rows.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    return path


def robbery(path: Path, months: Sequence[str], counts: Sequence[int], borough: str = "Camden") -> Path:
    return write(path, months, {("ROBBERY", "ROBBERY OF PERSONAL PROPERTY", borough): counts})


def test_historical_and_recent_join_without_overlap_or_gap(tmp_path: Path) -> None:
    early = robbery(tmp_path / "early.csv", ["202311", "202312"], [30, 31])
    late = robbery(tmp_path / "late.csv", ["202401", "202402"], [32, 33])
    tidy = read_mps([late, early])
    assert tidy.frame["month"].tolist() == ["2023-11", "2023-12", "2024-01", "2024-02"]
    assert tidy.frame["count"].tolist() == [30, 31, 32, 33]
    assert tidy.intake.months_missing == ()
    assert tidy.intake.snapshots == ()
    assert [file.name for file in tidy.intake.files] == ["early.csv", "late.csv"]


def test_the_order_of_the_files_never_matters(tmp_path: Path) -> None:
    early = robbery(tmp_path / "early.csv", ["202311", "202312"], [30, 31])
    late = robbery(tmp_path / "late.csv", ["202312", "202401"], [35, 33])
    one, two = read_mps([late, early]), read_mps([early, late])
    pd.testing.assert_frame_equal(one.frame, two.frame)
    assert one.intake == two.intake


def test_a_gap_between_files_is_missing_and_never_zero(tmp_path: Path) -> None:
    early = robbery(tmp_path / "early.csv", ["202310"], [30])
    late = robbery(tmp_path / "late.csv", ["202401"], [32])
    tidy = read_mps([early, late])
    assert tidy.frame["month"].tolist() == ["2023-10", "2024-01"]
    assert tidy.intake.months_missing == ("2023-11", "2023-12")
    assert tidy.coverage["state"].tolist() == ["present", "missing", "missing", "present"]
    assert tidy.coverage["rows"].tolist() == [1, 0, 0, 1]


def test_a_gap_inside_one_file_is_missing_too(tmp_path: Path) -> None:
    tidy = read_mps(robbery(tmp_path / "a.csv", ["202310", "202312"], [30, 31]))
    assert tidy.intake.months_missing == ("2023-11",)


def test_two_snapshots_of_a_month_are_compared_and_one_is_chosen(tmp_path: Path) -> None:
    early = robbery(tmp_path / "early.csv", ["202311", "202312"], [30, 31])
    late = robbery(tmp_path / "late.csv", ["202312", "202401"], [35, 33])
    tidy = read_mps([early, late])
    assert tidy.frame["count"].tolist() == [30, 35, 33]
    (found,) = tidy.intake.snapshots
    assert (found.month, found.chosen, found.other) == ("2023-12", "late.csv", "early.csv")
    assert (found.cells, found.difference) == (1, 4)
    assert read_mps([early, late], snapshot="oldest").frame["count"].tolist() == [30, 31, 33]
    assert read_mps([early, late], snapshot="early.csv").frame["count"].tolist() == [30, 31, 33]


def test_snapshots_that_agree_are_reported_as_agreeing(tmp_path: Path) -> None:
    early = robbery(tmp_path / "early.csv", ["202311", "202312"], [30, 31])
    late = robbery(tmp_path / "late.csv", ["202312", "202401"], [31, 33])
    tidy = read_mps([early, late])
    assert [(item.cells, item.difference) for item in tidy.intake.snapshots] == [(0, 0)]
    assert "no cell differs" in tidy.intake.text()


def test_a_file_from_which_no_month_is_taken_is_said(tmp_path: Path) -> None:
    early = robbery(tmp_path / "early.csv", ["202311"], [30])
    late = robbery(tmp_path / "late.csv", ["202311", "202312"], [35, 33])
    tidy = read_mps([early, late])
    assert any(item.reason == "early.csv: no month is taken from this file" for item in tidy.intake.dropped)
    assert tidy.intake.rows_used == 1


def test_two_files_of_one_span_need_a_choice(tmp_path: Path) -> None:
    one = robbery(tmp_path / "one.csv", ["202311"], [30])
    two = robbery(tmp_path / "two.csv", ["202311"], [35])
    with pytest.raises(OptionError, match="which is newer cannot be told"):
        read_mps([one, two])
    assert read_mps([one, two], snapshot="one.csv").frame["count"].tolist() == [30]
    with pytest.raises(OptionError, match="Did you mean 'newest'"):
        read_mps([one, two], snapshot="newst")


def test_the_same_file_twice_is_refused(tmp_path: Path) -> None:
    one = robbery(tmp_path / "one.csv", ["202311"], [30])
    copy = tmp_path / "copy.csv"
    copy.write_bytes(one.read_bytes())
    with pytest.raises(SourceError, match="the same file twice"):
        read_mps([one, copy])
    with pytest.raises(OptionError, match="no file was given"):
        read_mps([])


def test_a_borough_missing_in_one_file_is_missing_in_its_months(tmp_path: Path) -> None:
    rows = {
        ("ROBBERY", "ROBBERY OF PERSONAL PROPERTY", "Camden"): [30],
        ("ROBBERY", "ROBBERY OF PERSONAL PROPERTY", "Merton"): [40],
    }
    early = write(tmp_path / "early.csv", ["202311"], rows)
    late = robbery(tmp_path / "late.csv", ["202312"], [31])
    tidy = read_mps([early, late])
    assert tidy.frame[["area_name", "month", "count"]].to_numpy().tolist() == [
        ["Camden", "2023-11", 30],
        ["Camden", "2023-12", 31],
        ["Merton", "2023-11", 40],
    ]
    assert any("Merton (E09000024)" in note and "not zero" in note for note in tidy.intake.notes)


def test_a_label_renamed_between_files_is_refused_instead_of_filled_with_zeros(tmp_path: Path) -> None:
    early = write(
        tmp_path / "early.csv",
        ["202311"],
        {
            ("BURGLARY", "DOMESTIC BURGLARY", "Camden"): [90],
            ("ROBBERY", "ROBBERY OF PERSONAL PROPERTY", "Camden"): [30],
        },
    )
    late = write(
        tmp_path / "late.csv",
        ["202312"],
        {
            ("BURGLARY", "RES BURGLARY OF A HOME", "Camden"): [91],
            ("ROBBERY", "ROBBERY OF PERSONAL PROPERTY", "Camden"): [31],
        },
    )
    with pytest.raises(SourceError, match=r"2023-11 to 2023-12: .* the label changed"):
        read_mps([early, late], offences="minor")
    assert read_mps([early, late]).wide()["Burglary"].tolist() == [90, 91]
    assert read_mps([early, late], offences=["Robbery of personal property"]).frame["count"].tolist() == [
        30,
        31,
    ]


def test_a_rare_label_that_one_file_lacks_is_zero_and_said(tmp_path: Path) -> None:
    early = write(
        tmp_path / "early.csv",
        ["202311"],
        {
            ("NFIB FRAUD", "NFIB", "Camden"): [2],
            ("ROBBERY", "ROBBERY OF PERSONAL PROPERTY", "Camden"): [30],
        },
    )
    late = robbery(tmp_path / "late.csv", ["202312"], [31])
    tidy = read_mps([early, late])
    assert tidy.wide()["NFIB fraud"].tolist() == [2, 0]
    assert any("NFIB fraud: no row in late.csv, taken as zero" in note for note in tidy.intake.vocabulary)


OLD_HEAD = "Borough,Major Category,Minor Category"


def mixed(folder: Path) -> list[Path]:
    old = write(
        folder / "old.csv",
        ["201611", "201612"],
        {
            ("Camden", "Drugs", "Possession Of Drugs"): [60, 61],
            ("Camden", "Robbery", "Personal Property"): [30, 31],
            ("Camden", "Theft and Handling", "Other Theft"): [500, 501],
        },
        OLD_HEAD,
    )
    new = write(
        folder / "new.csv",
        ["201612", "201701"],
        {
            ("DRUG OFFENCES", "POSSESSION OF DRUGS", "Camden"): [70, 71],
            ("ROBBERY", "ROBBERY OF PERSONAL PROPERTY", "Camden"): [32, 33],
            ("THEFT", "OTHER THEFT", "Camden"): [400, 401],
        },
    )
    return [old, new]


def test_mixed_vocabularies_are_refused_with_what_does_compare(tmp_path: Path) -> None:
    files = mixed(tmp_path)
    for offences in ("major", "minor"):
        with pytest.raises(SourceError, match=r"offences=.*'Burglary', 'Drug offences', 'Robbery'"):
            read_mps(files, offences=offences)
    with pytest.raises(SourceError, match="'Theft' does not compare"):
        read_mps(files, offences=["Robbery", "Theft"])


def test_offences_in_both_vocabularies_join_when_named(tmp_path: Path) -> None:
    tidy = read_mps(mixed(tmp_path), offences=["Robbery", "Drug offences"])
    assert tidy.wide()["Robbery"].tolist() == [30, 32, 33]
    assert tidy.wide()["Drug offences"].tolist() == [60, 70, 71]
    assert any("Drugs → Drug offences" in note for note in tidy.intake.vocabulary)
    (found,) = tidy.intake.snapshots
    assert (found.cells, found.difference) == (2, (70 + 32) - (61 + 31))


def test_old_spellings_of_one_offence_are_one_series(tmp_path: Path) -> None:
    early = write(
        tmp_path / "a.csv",
        ["201612"],
        {("Camden", "Theft and Handling", "Theft From Motor Vehicle"): [80]},
        OLD_HEAD,
    )
    late = write(
        tmp_path / "b.csv", ["201701"], {("Camden", "Theft and Handling", "Theft From M/V"): [81]}, OLD_HEAD
    )
    tidy = read_mps([early, late], offences="minor")
    assert tidy.wide()["Theft from motor vehicle"].tolist() == [80, 81]


def test_the_result_does_not_depend_on_where_the_files_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "y").mkdir()
    one = robbery(tmp_path / "x" / "a.csv", ["202311"], [30])
    two = robbery(tmp_path / "y" / "a.csv", ["202311"], [30])
    monkeypatch.chdir(tmp_path / "y")
    here, there = read_mps("a.csv"), read_mps(one)
    assert here.intake == there.intake
    assert here.intake.to_dict() == read_mps(os.fspath(two)).intake.to_dict()
    assert str(tmp_path) not in here.intake.text() + here._repr_mimebundle_()["text/html"]

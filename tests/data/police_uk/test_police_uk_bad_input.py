from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest
import street_files as street
from street_files import every_type, identifier, row, write

from whatworks.data.police_uk import read_outcomes, read_stops, read_street
from whatworks.errors import OptionError, SourceError

NAME = "2019-01-metropolitan-street.csv"


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return write(tmp_path, "2019-01", every_type("2019-01"))


def refused(source: Path | list[Path], *parts: str) -> None:
    with pytest.raises(SourceError) as caught:
        read_street(source)
    for part in parts:
        assert part in str(caught.value)
    assert caught.value.remedy


def test_a_file_cut_in_the_middle_of_a_line(whole: Path) -> None:
    whole.write_bytes(whole.read_bytes()[:-60])
    refused(whole, f"{NAME}, line 15", "no line end")


def test_a_file_cut_after_a_complete_cell_count(whole: Path) -> None:
    whole.write_bytes(whole.read_bytes()[:-1])
    refused(whole, f"{NAME}, line 15", "no line end")


def test_a_line_with_too_few_cells_names_the_line(whole: Path) -> None:
    lines = whole.read_text(encoding="utf-8").splitlines()
    lines[3] = lines[3].rsplit(",", 4)[0]
    whole.write_text("\n".join(lines) + "\n", encoding="utf-8")
    refused(whole, f"{NAME}, line 4", "8 cells where the header has 12")


def test_a_blank_line_in_the_middle(whole: Path) -> None:
    lines = whole.read_text(encoding="utf-8").splitlines()
    whole.write_text("\n".join((*lines[:5], "", *lines[5:])) + "\n", encoding="utf-8")
    refused(whole, f"{NAME}, line 6")


def test_a_quotation_mark_that_is_never_closed(whole: Path) -> None:
    text = whole.read_text(encoding="utf-8")
    whole.write_text(text.replace("On or near", '"On or near', 1), encoding="utf-8")
    refused(whole, NAME)


def test_windows_1252_names_the_line(whole: Path) -> None:
    text = whole.read_text(encoding="utf-8").replace("Fox Lane", "Café Lane")
    whole.write_text(text, encoding="cp1252")
    refused(whole, f"{NAME}, line 2", "not UTF-8", "Windows-1252")


def test_utf_16(whole: Path) -> None:
    text = whole.read_text(encoding="utf-8")
    for encoding in ("utf-16", "utf-16-le"):
        whole.write_text(text, encoding=encoding)
        refused(whole, f"{NAME}, line 1", "UTF-16, expected UTF-8")


def test_zero_bytes_and_an_empty_file(whole: Path) -> None:
    raw = whole.read_bytes()
    whole.write_bytes(raw[:300] + b"\x00" * 20 + raw[320:])
    refused(whole, NAME, "zero byte")
    whole.write_bytes(b"")
    refused(whole, NAME, "empty")


def test_accents_in_utf_8_are_read(whole: Path) -> None:
    whole.write_text(whole.read_text(encoding="utf-8").replace("Fox Lane", "Café Lane"), encoding="utf-8")
    assert read_street(whole).frame["count"].sum() == 14


def test_a_truncated_gzip_and_a_damaged_zip(whole: Path, tmp_path: Path) -> None:
    packed = tmp_path / f"{NAME}.gz"
    packed.write_bytes(gzip.compress(whole.read_bytes())[:-12])
    refused(packed, f"{NAME}.gz", "cannot be unpacked")
    archive = tmp_path / "archive.zip"
    with zipfile.ZipFile(archive, "w") as out:
        out.write(whole, f"2019-01/{NAME}")
    raw = bytearray(archive.read_bytes())
    raw[200] ^= 0xFF
    archive.write_bytes(raw)
    refused(archive, f"archive.zip/2019-01/{NAME}", "cannot be unpacked")


def test_the_month_inside_must_be_the_month_of_the_name(tmp_path: Path) -> None:
    path = write(tmp_path, "2019-01", [row("2019-01"), row("2019-02"), row("2019-02")])
    refused(path, f"{NAME}, line 3", "2 of 3 rows", "'2019-02'", "expected 2019-01")


def test_a_day_is_not_a_month(tmp_path: Path) -> None:
    path = tmp_path / "saved.csv"
    path.write_text("\n".join((street.STREET, row("01/01/2019"))) + "\n", encoding="utf-8")
    refused(path, "saved.csv, line 2", "'01/01/2019'", "a month such as 2019-04")


def test_a_file_named_for_another_force(tmp_path: Path) -> None:
    path = write(tmp_path, "2019-01", [row("2019-01"), row("2019-01", force="Kent Police")])
    refused(path, f"{NAME}, line 3", "'Kent Police'", "'metropolitan'")


def test_an_unknown_crime_type_and_one_of_another_time(tmp_path: Path) -> None:
    path = write(tmp_path, "2019-01", [row("2019-01"), row("2019-01", "Burglery")])
    refused(path, f"{NAME}, line 3", "'Burglery'", "Did you mean 'Burglary'?")
    path = write(tmp_path, "2019-01", [row("2019-01", "Violent crime")])
    refused(path, f"{NAME}, line 2", "was not a crime type in 2019-01")


def test_a_place_that_is_no_lsoa_code(tmp_path: Path) -> None:
    path = write(tmp_path, "2019-01", [row("2019-01", place=("Camden 001A", "E01000001"))])
    refused(path, f"{NAME}, line 2", "'Camden 001A' is not an LSOA code")


def test_layouts_that_are_not_the_archive_s(whole: Path) -> None:
    body = whole.read_text(encoding="utf-8").split("\n", 1)[1]
    before = street.STREET.replace("Longitude,Latitude", "Easting,Northing")
    whole.write_text(f"{before}\n{body}", encoding="utf-8")
    refused(whole, f"{NAME}, line 1", "'Easting'", "expected Crime ID, Month", "before 2013")
    whole.write_text(f"{street.STREET.replace('Crime type', 'Crime typ')}\n{body}", encoding="utf-8")
    refused(whole, f"{NAME}, line 1", "no column 'Crime type'", "Did you mean 'Crime type'?")
    whole.write_text(f"{street.STREET.replace('Context', 'Month')}\n{body}", encoding="utf-8")
    refused(whole, "repeated column 'Month'")


def test_files_of_another_reader_are_named(tmp_path: Path) -> None:
    outcomes = write(tmp_path / "o", "2019-01", [], kind="outcomes", header=street.OUTCOMES)
    stops = write(tmp_path / "s", "2019-01", [], kind="stop-and-search", header=street.STOPS)
    refused(outcomes, "read_outcomes")
    refused(tmp_path / "s", "read_stops")
    for path, reader in ((outcomes, "read_outcomes"), (stops, "read_stops")):
        copy = tmp_path / "copy.csv"
        copy.write_bytes(path.read_bytes())
        refused(copy, "copy.csv, line 1", reader)
    crimes = write(tmp_path / "c", "2019-01", [row("2019-01")])
    for read in (read_outcomes, read_stops):
        with pytest.raises(SourceError, match="read_street"):
            read(crimes)


def test_nothing_to_read(tmp_path: Path) -> None:
    refused(tmp_path / "absent", "no such file or folder")
    refused(tmp_path, "no file named YYYY-MM-force-street.csv")
    write(tmp_path, "2019-01", [row("2019-01")])
    with pytest.raises(SourceError, match=r"2019-05 to 2019-06.*\n.*2019-01 metropolitan"):
        read_street(tmp_path, months=("2019-05", "2019-06"))


@pytest.mark.parametrize(
    ("choice", "word"),
    [
        ({"by": "ward"}, "'ward' is not a choice"),
        ({"vintage": "2021"}, "'2021' is not a choice"),
        ({"vocabulary": "loose"}, "'loose'"),
        ({"partial": "drop"}, "'drop'"),
        ({"months": ("2019-02", "2019-01")}, "not a first and a last month"),
        ({"months": "2019-01"}, "not a first and a last month"),
        ({"forces": "metropolitan"}, "expected a list"),
        ({"offences": "Burglary"}, "expected a list"),
        ({"offences": ["Burglry"]}, "Did you mean 'Burglary'?"),
    ],
)
def test_choices_that_do_not_exist(whole: Path, choice: dict[str, object], word: str) -> None:
    with pytest.raises(OptionError) as caught:
        read_street(whole, **choice)
    assert word in str(caught.value)


def test_a_force_without_files_is_named(tmp_path: Path) -> None:
    write(tmp_path, "2019-01", [row("2019-01")])
    with pytest.raises((OptionError, SourceError), match="kent"):
        read_street(tmp_path, forces=["kent"])
    with pytest.raises(OptionError, match="'kent'"):
        read_street(tmp_path, forces=["kent", "Metropolitan Police Service"])


def test_one_bad_file_among_good_ones_gives_no_table(tmp_path: Path) -> None:
    write(tmp_path, "2019-01", [row("2019-01", crime_id=identifier(1))])
    bad = write(tmp_path, "2019-02", [row("2019-02")])
    bad.write_bytes(bad.read_bytes()[:-30])
    refused(tmp_path, "2019-02/2019-02-metropolitan-street.csv, line 2")

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest
import street_files as street
from street_files import BARNET, CAMDEN, NOWHERE, every_type, identifier, row, write

from whatworks.data.geography import LsoaLookup, read_lsoa_lookup
from whatworks.data.police_uk import read_street
from whatworks.data.tidy import Tidy
from whatworks.errors import OptionError, SourceError

LOOKUP = "LSOA11CD,LSOA11NM,LSOA21CD,LSOA21NM,LAD22CD"


def cell(tidy: Tidy, area: str, month: str, offence: str) -> int | None:
    frame = tidy.frame
    found = frame[(frame["area_code"] == area) & (frame["month"] == month) & (frame["offence"] == offence)]
    return int(found["count"].iloc[0]) if len(found) else None


def balanced(tidy: Tidy) -> bool:
    intake = tidy.intake
    whole = intake.rows_read == intake.rows_used + sum(item.rows for item in intake.dropped)
    return whole and intake.rows_used == int(tidy.frame["count"].sum())


def lookup(tmp_path: Path) -> LsoaLookup:
    lines = (
        "E01000001,Camden 001A,E01000001,Camden 001A,E09000007",
        "E01000002,Barnet 001A,E01033001,Barnet 001F,E09000003",
        "E01000002,Barnet 001A,E01033002,Barnet 001G,E09000003",
        "E01000009,City of London 001A,E01000009,City of London 001A,E09000001",
    )
    path = tmp_path / "lookup.csv"
    path.write_text("\n".join((LOOKUP, *lines)) + "\n", encoding="utf-8")
    return read_lsoa_lookup(path)


def test_counts_by_lsoa_with_explicit_zeros(tmp_path: Path) -> None:
    write(tmp_path, "2019-01", [*every_type("2019-01"), row("2019-01", "Burglary", BARNET)])
    write(tmp_path, "2019-02", every_type("2019-02"))
    tidy = read_street(tmp_path)
    assert len(tidy.offences) == 14
    assert cell(tidy, "E01000002", "2019-01", "Burglary") == 1
    assert cell(tidy, "E01000002", "2019-02", "Burglary") == 0
    assert dict(zip(tidy.frame["area_code"], tidy.frame["area_name"], strict=True)) == {
        "E01000001": "Camden 001A",
        "E01000002": "Barnet 001A",
    }
    assert tidy.intake.filled_zeros == 13 + 14
    assert balanced(tidy)


def test_a_month_without_a_file_is_missing_not_zero(tmp_path: Path) -> None:
    for month in ("2019-01", "2019-03"):
        write(tmp_path, month, every_type(month))
    tidy = read_street(tmp_path)
    assert tidy.months == ("2019-01", "2019-03")
    assert tidy.intake.months_missing == ("2019-02",)
    states = dict(zip(tidy.coverage["month"], tidy.coverage["state"], strict=True))
    assert states == {"2019-01": "present", "2019-02": "missing", "2019-03": "present"}


def test_a_window_longer_than_the_files_shows_what_is_missing(tmp_path: Path) -> None:
    write(tmp_path, "2019-02", every_type("2019-02"))
    tidy = read_street(tmp_path, months=("2019-01", "2019-03"))
    assert tidy.intake.months_missing == ("2019-01", "2019-03")


def test_a_force_without_a_file_has_no_cells_in_its_area(tmp_path: Path) -> None:
    city = ("E01000009", "City of London 001A")
    for month in ("2019-01", "2019-02"):
        police = [row(month, kind, city, force="City of London Police") for kind in street.ALL_TYPES]
        border = row(month, "Burglary", CAMDEN, force="City of London Police")
        write(tmp_path, month, [*police, border], slug="city-of-london")
    write(tmp_path, "2019-01", every_type("2019-01"))
    tidy = read_street(tmp_path)
    # the border row counts beside the Met's own, but alone it says nothing about Camden
    assert cell(tidy, "E01000001", "2019-01", "Burglary") == 2
    assert cell(tidy, "E01000001", "2019-02", "Burglary") is None
    assert cell(tidy, "E01000009", "2019-02", "Burglary") == 1
    assert tidy.intake.months_missing == ("2019-02 (metropolitan)",)
    assert [(d.rows, d.reason) for d in tidy.intake.dropped] == [
        (1, "in the area of a force without a whole file for the month")
    ]
    assert balanced(tidy)


def test_rows_without_an_id_all_count_and_repeated_ids_count_once(tmp_path: Path) -> None:
    asb = row("2019-01", "Anti-social behaviour")
    one, other = (row("2019-01", "Burglary", place, crime_id=identifier(7)) for place in (CAMDEN, BARNET))
    third = row("2019-01", "Burglary", BARNET, crime_id=identifier(8))
    write(tmp_path, "2019-01", [asb, asb, asb, one, other, third])
    tidy = read_street(tmp_path, by="lsoa")
    assert cell(tidy, "E01000001", "2019-01", "Anti-social behaviour") == 3
    assert cell(tidy, "E01000001", "2019-01", "Burglary") == 1
    assert cell(tidy, "E01000002", "2019-01", "Burglary") == 1
    assert tidy.intake.duplicates == 1
    assert "line 6 of" in " ".join(tidy.intake.notes)
    assert balanced(tidy)


def test_repeated_ids_of_another_length_and_across_months(tmp_path: Path) -> None:
    for month in ("2019-01", "2019-02"):
        write(tmp_path, month, [row(month, crime_id="short"), row(month, crime_id="short"), row(month)])
    tidy = read_street(tmp_path, by="force")
    assert tidy.intake.duplicates == 2
    assert tidy.frame["count"].tolist() == [2, 2]


def test_ids_that_agree_in_their_fingerprint_only_are_not_duplicates(tmp_path: Path) -> None:
    same = ("a" * 48 + "b" * 16, "a" * 16 + "c" * 32 + "b" * 16)
    write(tmp_path, "2019-01", [row("2019-01", crime_id=crime_id) for crime_id in same])
    assert read_street(tmp_path, by="force").intake.duplicates == 0


def test_no_location_counts_by_force_and_is_dropped_by_lsoa(tmp_path: Path) -> None:
    write(tmp_path, "2019-01", [row("2019-01"), row("2019-01", place=NOWHERE)])
    assert read_street(tmp_path, by="force").frame["count"].sum() == 2
    tidy = read_street(tmp_path)
    assert tidy.frame["count"].sum() == 1
    assert tidy.intake.dropped[0].rows == 1
    assert "no location" in tidy.intake.dropped[0].reason
    assert "50.0%" in " ".join(tidy.intake.notes)


def test_an_lsoa_outside_london_is_not_an_area_of_the_met(tmp_path: Path) -> None:
    essex = ("E01021764", "Epping Forest 017A")
    write(tmp_path, "2019-01", [row("2019-01"), row("2019-01", place=essex)])
    tidy = read_street(tmp_path)
    assert tidy.areas == ("E01000001",)
    assert tidy.intake.dropped[0].example.endswith("E01021764 Epping Forest 017A")


def test_by_borough_has_gss_codes_and_every_borough_of_the_force(tmp_path: Path) -> None:
    write(tmp_path, "2019-01", [row("2019-01"), row("2019-01", place=("E01004736", "Westminster 018A"))])
    tidy = read_street(tmp_path, by="borough")
    assert len(tidy.areas) == 32
    assert cell(tidy, "E09000007", "2019-01", "Burglary") == 1
    assert cell(tidy, "E09000033", "2019-01", "Burglary") == 1
    assert cell(tidy, "E09000003", "2019-01", "Burglary") == 0


def test_by_force_has_the_gss_code_of_the_police_force_area(tmp_path: Path) -> None:
    write(tmp_path, "2019-01", [row("2019-01")])
    write(tmp_path, "2019-01", [row("2019-01", force="Devon & Cornwall Police")], slug="devon-and-cornwall")
    tidy = read_street(tmp_path, by="force")
    assert tidy.areas == ("E23000001", "E23000035")


def test_a_crime_type_that_did_not_exist_is_not_a_zero(tmp_path: Path) -> None:
    write(tmp_path, "2011-08", every_type("2011-08", street.FIRST_TYPES))
    write(tmp_path, "2011-09", every_type("2011-09", street.SECOND_TYPES))
    tidy = read_street(tmp_path)
    assert tidy.offences == ("Anti-social behaviour", "Burglary", "Robbery", "Vehicle crime")
    assert "2011-09" in tidy.intake.vocabulary[0]
    assert balanced(tidy)
    with pytest.raises(OptionError, match="'Shoplifting' cannot be counted over every month from 2011-08"):
        read_street(tmp_path, offences=["Shoplifting"])
    assert "Shoplifting" in read_street(tmp_path, months=("2011-09", "2011-09")).offences


def test_a_label_whose_scope_changed_is_left_out_or_joined(tmp_path: Path) -> None:
    write(tmp_path, "2013-04", every_type("2013-04", street.SECOND_TYPES))
    write(tmp_path, "2013-05", every_type("2013-05"))
    strict = read_street(tmp_path)
    assert "Other theft" not in strict.offences
    assert "Violence and sexual offences" not in strict.offences
    common = read_street(tmp_path, vocabulary="common")
    theft = "Other theft, theft from the person and bicycle theft"
    assert (cell(common, "E01000001", "2013-04", theft), cell(common, "E01000001", "2013-05", theft)) == (
        1,
        3,
    )
    assert cell(common, "E01000001", "2013-04", "Violence and sexual offences") == 1
    assert cell(common, "E01000001", "2013-05", "Public order and possession of weapons") == 2
    # nothing is lost: the joined labels hold every row
    assert common.intake.rows_used == common.intake.rows_read


def test_files_cut_to_one_type_give_no_zeros_for_others(tmp_path: Path) -> None:
    write(tmp_path, "2019-01", [row("2019-01")] * 40)
    tidy = read_street(tmp_path)
    assert tidy.offences == ("Burglary",)
    assert "false zero" in tidy.intake.vocabulary[-1]
    with pytest.raises(OptionError, match="Robbery"):
        read_street(tmp_path, offences=["Robbery"])


def test_two_snapshots_of_a_month_the_later_path_wins_and_the_difference_is_told(tmp_path: Path) -> None:
    first, second = tmp_path / "2023-03", tmp_path / "2024-03"
    write(first, "2019-01", [*every_type("2019-01"), row("2019-01", "Drugs", BARNET)])
    write(second, "2019-01", [*every_type("2019-01"), row("2019-01"), row("2019-01")])
    write(first, "2019-02", every_type("2019-02"))
    write(second, "2019-02", every_type("2019-02"))
    tidy = read_street(tmp_path)
    assert cell(tidy, "E01000001", "2019-01", "Burglary") == 3
    (found,) = tidy.intake.snapshots
    assert (found.month, found.cells, found.difference) == ("2019-01", 2, 1)
    assert (found.chosen[:7], found.other[:7]) == ("2024-03", "2023-03")
    assert "1 files are identical copies" in " ".join(tidy.intake.notes)
    assert balanced(tidy)
    turned = read_street([second, first])
    assert cell(turned, "E01000001", "2019-01", "Burglary") == 1


def test_a_partial_month_is_left_out_and_can_be_kept(tmp_path: Path) -> None:
    for month, size in (("2019-01", 100), ("2019-02", 19), ("2019-03", 100)):
        write(tmp_path, month, [row(month)] * size)
    tidy = read_street(tmp_path)
    assert tidy.intake.months_partial == ("2019-02",)
    assert tidy.months == ("2019-01", "2019-03")
    assert balanced(tidy)
    assert read_street(tmp_path, partial="keep").months == ("2019-01", "2019-02", "2019-03")


def test_lsoas_are_counted_on_units_common_to_both_censuses(tmp_path: Path) -> None:
    root = tmp_path / "files"
    old, new = ("E01000002", "Barnet 001A"), ("E01033002", "Barnet 001G")
    write(root, "2021-12", [row("2021-12", place=old), row("2021-12")])
    write(root, "2022-01", [row("2022-01", place=new), row("2022-01", place=("E01033001", "Barnet 001F"))])
    tidy = read_street(root, lsoa_lookup=lookup(tmp_path))
    assert tidy.areas == ("E01000001", "E01000002")
    assert cell(tidy, "E01000002", "2021-12", "Burglary") == 1
    assert cell(tidy, "E01000002", "2022-01", "Burglary") == 2
    assert tidy.intake.code_vintages[:2] == ("2021-12: 2011 codes.", "2022-01: 2021 codes.")
    published = read_street(root, lsoa_lookup=lookup(tmp_path), vintage="as_published")
    # a code of one census has no zero in the months of the other
    assert cell(published, "E01000002", "2022-01", "Burglary") is None
    assert cell(published, "E01033001", "2021-12", "Burglary") is None
    assert cell(published, "E01000001", "2022-01", "Burglary") == 0


def test_a_lookup_gives_zeros_to_lsoas_without_any_crime_and_drops_strangers(tmp_path: Path) -> None:
    root = tmp_path / "files"
    strange = ("E01099999", "Camden 099Z")
    write(root, "2019-01", [row("2019-01"), row("2019-01"), row("2019-01", place=strange)])
    tidy = read_street(root, lsoa_lookup=lookup(tmp_path))
    assert cell(tidy, "E01000002", "2019-01", "Burglary") == 0
    assert cell(tidy, "E01000009", "2019-01", "Burglary") is None
    assert tidy.intake.dropped[0].reason == "an LSOA that the lookup does not hold"


def test_a_lookup_of_another_place_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "files"
    write(root, "2019-01", [row("2019-01", place=("E01099999", "Camden 099Z"))])
    with pytest.raises(SourceError, match="1 of 1 located rows of metropolitan"):
        read_street(root, lsoa_lookup=lookup(tmp_path))


def test_folder_flat_folder_file_list_gzip_and_zip_give_one_table(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    flat = tmp_path / "flat"
    flat.mkdir()
    paths = [write(tree, month, every_type(month)) for month in ("2019-01", "2019-02")]
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.write(paths[0], "2019-01/2019-01-metropolitan-street.csv")
        archive.writestr("2019-02/2019-02-metropolitan-street.csv.gz", gzip.compress(paths[1].read_bytes()))
        archive.writestr("__MACOSX/2019-02/._2019-02-metropolitan-street.csv", b"x")
    for path in paths:
        (flat / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    tables = [read_street(source) for source in (tree, flat, paths, tmp_path / "archive.zip", str(tree))]
    for table in tables[1:]:
        assert table.frame.equals(tables[0].frame)
    assert read_street(paths[0]).months == ("2019-01",)
    assert tables[0].intake.files[0].sha256 == tables[3].intake.files[0].sha256


def test_resaved_copies_with_an_index_crlf_bom_quotes_and_fewer_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "a", "2019-01", every_type("2019-01"))
    whole = read_street(path).frame
    lines = path.read_text(encoding="utf-8").splitlines()
    cut = [",".join(f'"{part}"' for at, part in enumerate(x.split(",")) if at not in (3, 11)) for x in lines]
    text = "\r\n".join(f"{'' if at == 0 else at - 1},{line}" for at, line in enumerate(cut)) + "\r\n\r\n"
    other = tmp_path / "copy.csv"
    other.write_bytes(b"\xef\xbb\xbf" + text.encode("utf-8"))
    tidy = read_street(other)
    assert tidy.frame.equals(whole)
    assert "leading column without a name" in " ".join(tidy.intake.notes)
    assert "Falls within, Context" in " ".join(tidy.intake.notes)


def test_an_unnamed_file_may_hold_several_months_and_forces(tmp_path: Path) -> None:
    rows = [
        row(month, force=force)
        for month in ("2019-02", "2019-01")
        for force in (street.MET, "Kent Police", "Kent Police")
    ]
    path = tmp_path / "all.csv"
    path.write_text("\n".join((street.STREET, *rows)) + "\n", encoding="utf-8")
    tidy = read_street(path, by="force", months=("2019-01", "2019-01"))
    assert tidy.frame["count"].tolist() == [1, 2]
    assert balanced(tidy)
    assert tidy.intake.rows_used == 3


def test_other_files_of_an_archive_are_left_aside_and_named(tmp_path: Path) -> None:
    write(tmp_path, "2019-01", every_type("2019-01"))
    write(tmp_path, "2019-01", [], kind="outcomes", header=street.OUTCOMES)
    (tmp_path / "notes.csv").write_text("a\n1\n", encoding="utf-8")
    notes = " ".join(read_street(tmp_path).intake.notes)
    assert "1 outcomes files" in notes
    assert "notes.csv" in notes


def test_a_file_with_a_header_and_no_rows_is_a_month_of_zeros(tmp_path: Path) -> None:
    write(tmp_path, "2019-01", every_type("2019-01"))
    write(tmp_path, "2019-02", [])
    assert cell(read_street(tmp_path), "E01000001", "2019-02", "Burglary") == 0


def test_row_order_and_file_order_do_not_matter(tmp_path: Path) -> None:
    rows = [*every_type("2019-01"), *every_type("2019-01", place=BARNET), row("2019-01", place=NOWHERE)]
    first, second = tmp_path / "a", tmp_path / "b"
    for root, lines in ((first, rows), (second, rows[::-1])):
        write(root, "2019-01", lines)
    assert read_street(first).frame.equals(read_street(second).frame)


@pytest.mark.parametrize(
    ("other", "noted"), [("", False), ("Camden 009Z", True)], ids=["a blank name", "a second name"]
)
def test_a_code_with_and_without_its_name_keeps_it_and_two_names_are_noted(
    tmp_path: Path, other: str, noted: bool
) -> None:
    write(tmp_path, "2019-01", [*every_type("2019-01"), row("2019-01", "Burglary", (CAMDEN[0], other))])
    tidy = read_street(tmp_path)
    assert set(tidy.frame["area_name"]) == {other or CAMDEN[1]}
    assert any("stands with two names" in note for note in tidy.intake.notes) == noted

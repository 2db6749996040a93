from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from whatworks.data.mps import read_mps
from whatworks.errors import OptionError, SourceError

HEAD = b"MajorText,MinorText,BoroughName,202301,202302\n"
ROW = b"ROBBERY,ROBBERY OF PERSONAL PROPERTY,Camden,30,31\n"
NEXT = b"ROBBERY,ROBBERY OF PERSONAL PROPERTY,Merton,40,41\n"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", r"a\.csv: the file is empty"),
        (b"\n\n", r"a\.csv: the file is empty"),
        (HEAD, r"a\.csv: a header and no rows"),
        (
            HEAD + ROW + b"ROBBERY,ROBBERY OF PERSONAL PROPERTY,Merton,40\n",
            r"a\.csv, line 3: 4 cells .* has 5",
        ),
        (HEAD + b"ROBBERY,X,Merton,40,41,42\n" + ROW, r"a\.csv, line 2: 6 cells .* has 5"),
        (HEAD + ROW + NEXT[:-2], r"a\.csv, line 3: the last line has no line end"),
        (HEAD + ROW + b"\n" + NEXT, r"a\.csv, line 3: a blank line"),
        (HEAD + ROW.replace(b"31", b"x1"), r"a\.csv, line 2, column '202302': 'x1' is not a whole number"),
        (HEAD + ROW + NEXT.replace(b"40", b""), r"a\.csv, line 3, column '202301': a blank cell"),
        (HEAD + ROW + NEXT.replace(b"40", b"-4"), r"a\.csv, line 3, column '202301': a negative count, -4"),
        (
            HEAD + ROW + NEXT.replace(b"40", b"4.5"),
            r"a\.csv, line 3, column '202301': a fractional count, 4\.5",
        ),
        (HEAD + ROW + NEXT.replace(b"40", b'"4,000"'), r"a\.csv, line 3, column '202301': '4,000' is not"),
        (HEAD + ROW + NEXT.replace(b"40", b"NA"), r"a\.csv, line 3, column '202301': 'NA' is not"),
        (HEAD + ROW + NEXT.replace(b"40", b"1e3"), r"a\.csv, line 3, column '202301': '1e3' is not"),
        (HEAD + ROW + NEXT + ROW, r"a\.csv, line 4: E09000007, Robbery .* second time; first in line 2"),
        (
            HEAD + ROW + b"Robbery,Robbery of Personal  Property,Camden,1,1\n",
            r"a\.csv, line 3: E09000007, Robbery .* second time",
        ),
        (
            HEAD.replace(b"202302", b"202301") + ROW,
            r"a\.csv, line 1: repeated column '202301'",
        ),
        (HEAD.replace(b"202302", b"202313") + ROW, r"a\.csv, line 1: column 5, '202313', is not recognised"),
        (
            HEAD.replace(b"202302", b"RefreshDate") + ROW,
            r"line 1: column 5, 'RefreshDate', is not recognised",
        ),
        (b"," + HEAD + b"0," + ROW, r"a\.csv, line 1: column 1, '', is not recognised"),
        (HEAD.replace(b"MajorText", b"Borough") + ROW, r"line 1: column 3, 'BoroughName', stands twice"),
        (HEAD.replace(b"MajorText,", b"") + ROW[8:], r"a\.csv, line 1: no column for major"),
        (
            b"MajorText,MinorText,202301,202302\nA,B,1,2\n",
            r"line 1: no column for borough, ward code or LSOA",
        ),
        (b"MajorText,MinorText,BoroughName\nA,B,Camden\n", r"line 1: no column for any month"),
        (
            b"MajorText,MinorText,WardName,BoroughName,202301\nA,B,Abbey,Camden,3\n",
            r"line 1: ward names without ward codes",
        ),
        (
            b"MajorText,MinorText,WardCode,BoroughName,202301\nA,B,Abbey,Camden,3\n",
            r"line 2, column 'WardCode': 'Abbey' is not the code of a ward",
        ),
        (
            HEAD + ROW + NEXT.replace(b"Merton", b"Mreton"),
            r"line 3, column 'BoroughName': 'Mreton' is not a London borough\n.*Did you mean 'Merton'",
        ),
        (HEAD + ROW + NEXT.replace(b"Merton", b" "), r"line 3, column 'BoroughName': a blank borough"),
        (HEAD + ROW + NEXT[7:], r"line 3, column 'MajorText': a blank offence"),
        (HEAD + ROW + NEXT.replace(b"Merton", b"Mert\xf6n"), r"a\.csv, line 3: byte 0xf6 is not UTF-8"),
        ((HEAD + ROW).decode().encode("utf-16"), r"a\.csv, line 1: the text is UTF-16"),
        ((HEAD + ROW).decode().encode("utf-16-le"), r"a\.csv, line 1: the text is UTF-16"),
        (HEAD + ROW.replace(b"ROBBERY,ROB", b'ROBBERY,"ROB'), r"a\.csv"),
        (HEAD + ROW.replace(b"OF PERSONAL", b"OF\nPERSONAL"), r"a\.csv, line 2: 2 cells"),
        (
            HEAD + ROW.replace(b"ROBBERY OF PERSONAL PROPERTY", b'"ROBBERY OF\nPERSONAL"') + NEXT,
            r"a\.csv, line 2: a line break inside a quoted cell",
        ),
    ],
)
def test_bad_bytes_are_refused_with_file_line_and_column(tmp_path: Path, raw: bytes, message: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(raw)
    with pytest.raises(SourceError, match=message) as caught:
        read_mps(path)
    assert caught.value.remedy
    assert str(tmp_path) not in str(caught.value)


def frame(**columns: object) -> pd.DataFrame:
    table: dict[str, object] = {
        "majortext": ["ROBBERY", "ROBBERY"],
        "minortext": ["X", "X"],
        "boroughname": ["Camden", "Merton"],
        "202301": [30, 31],
    }
    return pd.DataFrame(table | columns)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (frame(**{"202301": [30, -1]}), r"a\.parquet, row 2, column '202301': a negative count"),
        (frame(**{"202301": [30, 1.5]}), r"a\.parquet, row 2, column '202301': a fractional count"),
        (frame(**{"202301": [30, None]}), r"a\.parquet, row 2, column '202301': a blank cell"),
        (frame(**{"202301": ["30", "31"]}), r"a\.parquet, row 1, column '202301': '30' is not"),
        (frame(boroughname=["Camden", None]), r"a\.parquet, row 2, column 'boroughname': a blank borough"),
        (frame(boroughname=["Camden", "Camden"]), r"a\.parquet, row 2: .* second time; first in row 1"),
        (frame().iloc[:0], r"a\.parquet: the file has no rows"),
        (frame(refresh=[1, 2]), r"a\.parquet, line 1: column 5, 'refresh', is not recognised"),
    ],
)
def test_bad_parquet_is_refused_with_file_row_and_column(
    tmp_path: Path, table: pd.DataFrame, message: str
) -> None:
    table.to_parquet(tmp_path / "a.parquet", index=False)
    with pytest.raises(SourceError, match=message):
        read_mps(tmp_path / "a.parquet")


def test_a_whole_number_stored_as_a_float_is_read(tmp_path: Path) -> None:
    frame(**{"202301": [30.0, 31.0]}).to_parquet(tmp_path / "a.parquet", index=False)
    assert read_mps(tmp_path / "a.parquet").frame["count"].tolist() == [30, 31]


def test_a_parquet_file_cut_short_is_refused(tmp_path: Path) -> None:
    frame().to_parquet(tmp_path / "a.parquet", index=False)
    raw = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(raw[: len(raw) // 2])
    with pytest.raises(SourceError, match=r"a\.parquet: is not a whole Parquet file"):
        read_mps(tmp_path / "a.parquet")


@pytest.mark.parametrize("name", ["none.csv", "none.parquet"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match=name):
        read_mps(tmp_path / name)


def test_another_ending_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"PK")
    with pytest.raises(SourceError, match=r"neither \.csv nor \.parquet"):
        read_mps(tmp_path / "a.xlsx")


@pytest.mark.parametrize("choice", [{"level": "boro"}, {"areas_outside": "droop"}, {"offences": ["Robery"]}])
def test_a_choice_that_does_not_exist_is_refused(tmp_path: Path, choice: dict[str, str]) -> None:
    (tmp_path / "a.csv").write_bytes(HEAD + ROW)
    with pytest.raises(OptionError):
        read_mps(tmp_path / "a.csv", **choice)


def test_a_minor_under_two_majors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(HEAD + ROW + NEXT.replace(b"ROBBERY,", b"THEFT,"))
    with pytest.raises(SourceError, match="stands under both 'Robbery' and 'Theft'"):
        read_mps(tmp_path / "a.csv", offences="minor")


def test_text_that_looks_like_markup_is_shown_as_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(HEAD + ROW + b"<script>ALERT(1)</script>,=1+1,Merton,30,31\n")
    tidy = read_mps(tmp_path / "a.csv", offences="minor", months=("2023-01", "2023-02"))
    assert "<script>" not in tidy._repr_mimebundle_()["text/html"].lower()
    shown = read_mps(tmp_path / "a.csv")._repr_mimebundle_()["text/html"]
    assert "<script>" not in shown.lower()
    assert "&lt;script&gt;" in shown.lower()

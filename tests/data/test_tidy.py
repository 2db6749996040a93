from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from whatworks.data.intake import IntakeReport
from whatworks.data.tidy import Tidy, coverage_table, from_counts, from_cube
from whatworks.errors import OptionError, SourceError

INTAKE = IntakeReport(files=())
COVERAGE = coverage_table([("MPS", "2023-02", "present", 3), ("MPS", "2023-01", "missing", 0)])
AREAS = {"E2": "Bee", "E1": "Ay"}
MONTHS = ["2023-02", "2023-01"]
OFFENCES = ["Theft", "Arson"]


def cube(missing: set[tuple[str, str]] | None = None) -> Tidy:
    block = np.arange(8, dtype=np.int64).reshape(2, 2, 2)
    return from_cube(
        block,
        areas=AREAS,
        months=MONTHS,
        offences=OFFENCES,
        intake=INTAKE,
        coverage=COVERAGE,
        missing=missing or set(),
    )


def test_a_cube_becomes_rows_in_order_with_every_zero() -> None:
    frame = cube().frame
    assert frame.columns.tolist() == ["area_code", "area_name", "month", "offence", "count"]
    assert frame["count"].dtype == np.int64
    assert frame.drop(columns="area_name").to_numpy().tolist() == [
        ["E1", "2023-01", "Arson", 7],
        ["E1", "2023-01", "Theft", 6],
        ["E1", "2023-02", "Arson", 5],
        ["E1", "2023-02", "Theft", 4],
        ["E2", "2023-01", "Arson", 3],
        ["E2", "2023-01", "Theft", 2],
        ["E2", "2023-02", "Arson", 1],
        ["E2", "2023-02", "Theft", 0],
    ]
    assert frame["area_name"].tolist() == ["Ay"] * 4 + ["Bee"] * 4
    assert cube().coverage["month"].tolist() == ["2023-01", "2023-02"]


def test_labels_are_categories_in_order_and_text_outside_the_table(tmp_path: Path) -> None:
    tidy = cube()
    for name in ("area_code", "area_name", "month", "offence"):
        assert tidy.frame[name].cat.categories.tolist() == sorted(set(tidy.frame[name]))
    assert (tidy.frame["month"] >= "2023-02").sum() == 4
    wide = tidy.wide()
    back = pd.read_parquet(tidy.write(tmp_path / "counts.parquet"))
    for frame in (wide, back):
        assert all(frame[name].dtype == "str" for name in ("area_code", "area_name", "month"))


def test_one_name_for_two_areas_is_one_category() -> None:
    tidy = from_cube(
        np.ones((2, 1, 1), dtype=np.int64),
        areas={"E2": "Same", "E1": "Same"},
        months=["2023-02"],
        offences=["Theft"],
        intake=INTAKE,
        coverage=COVERAGE,
    )
    assert tidy.frame["area_name"].tolist() == ["Same", "Same"]


def test_plain_text_and_categories_in_another_order_make_the_same_table() -> None:
    frame = cube().frame
    text = frame.assign(**{name: frame[name].astype("str") for name in frame.columns[:4]})
    turned = frame.assign(offence=frame["offence"].cat.reorder_categories(["Theft", "Arson"]))
    for other in (text, turned):
        assert Tidy(other, INTAKE, COVERAGE).offences == ("Arson", "Theft")


def test_a_missing_pair_has_no_row() -> None:
    tidy = cube({("E1", "2023-01")})
    assert len(tidy.frame) == 6
    assert tidy.wide()[["area_code", "month", "Arson"]].to_numpy().tolist() == [
        ["E1", "2023-02", 5],
        ["E2", "2023-01", 3],
        ["E2", "2023-02", 1],
    ]


def test_counts_are_filled_to_the_full_cross_and_the_zeros_counted() -> None:
    counts = pd.DataFrame({"area_code": ["E1"], "month": ["2023-01"], "offence": ["Arson"], "count": [4]})
    arguments = {
        "areas": AREAS,
        "months": MONTHS,
        "offences": OFFENCES,
        "intake": INTAKE,
        "coverage": COVERAGE,
    }
    tidy = from_counts(counts, **arguments)
    assert tidy.frame["count"].tolist() == [4, 0, 0, 0, 0, 0, 0, 0]
    assert tidy.intake.filled_zeros == 7
    part = from_counts(counts, missing={("E2", "2023-01")}, **arguments)
    assert len(part.frame) == 6
    assert part.intake.filled_zeros == 5
    with pytest.raises(SourceError, match="stands twice"):
        from_counts(pd.concat([counts, counts]), **arguments)
    with pytest.raises(SourceError, match="unknown area_code: 'E9'"):
        from_counts(counts.assign(area_code="E9"), **arguments)


def test_wide_has_one_column_per_offence() -> None:
    wide = cube().wide()
    assert wide.columns.tolist() == ["area_code", "area_name", "month", "Arson", "Theft"]
    assert wide[["Arson", "Theft"]].to_numpy().tolist() == [[7, 6], [5, 4], [3, 2], [1, 0]]
    assert cube().wide(["Theft"]).columns.tolist()[-1] == "Theft"
    with pytest.raises(OptionError, match="Did you mean 'Theft'"):
        cube().wide(["Thefts"])


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_is_written_whole_and_reads_back(tmp_path: Path, suffix: str) -> None:
    tidy = cube()
    path = tidy.write(tmp_path / f"counts{suffix}")
    back = pd.read_csv(path) if suffix == ".csv" else pd.read_parquet(path)
    assert back.to_numpy().tolist() == tidy.frame.to_numpy().tolist()
    assert [item.name for item in tmp_path.iterdir()] == [path.name]
    if suffix == ".csv":
        assert b"\r" not in path.read_bytes()


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "counts.csv"
    path.write_bytes(b"old")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    with pytest.raises(OSError, match="No space"):
        cube().write(path)
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["counts.csv"]


def test_the_old_file_is_there_until_the_new_one_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "counts.csv"
    path.write_bytes(b"old")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        cube().write(path)
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["counts.csv"]


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"counts\.xlsx"):
        cube().write(tmp_path / "counts.xlsx")


GOOD = cube().frame


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (GOOD.drop(columns="area_name"), "columns are"),
        (GOOD.assign(count=GOOD["count"].astype(float)), "float64, not int64"),
        (GOOD.assign(count=-1), "a count is negative"),
        (GOOD.iloc[1:], "lacks an offence"),
        (GOOD.iloc[::-1], "lacks an offence, or the rows are not sorted"),
        (pd.concat([GOOD.iloc[4:], GOOD.iloc[:4]]), "not sorted"),
        (pd.concat([GOOD.iloc[:2], GOOD]), "not sorted by area, month and offence, or repeat"),
        (GOOD.assign(area_code=["E1", "E2"] * 4), "not sorted"),
        (GOOD.assign(month=["2023-01", "2023-02", *GOOD["month"][2:]]), "not sorted"),
        (GOOD.assign(month="202301"), "months must read YYYY-MM"),
        (GOOD.assign(month=None), "a blank in month"),
    ],
)
def test_a_table_of_another_shape_cannot_be_made(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        Tidy(frame.reset_index(drop=True), INTAKE, COVERAGE)


def test_an_unknown_coverage_state_is_refused() -> None:
    with pytest.raises(SourceError, match="unknown coverage state 'gone'"):
        Tidy(GOOD, INTAKE, COVERAGE.assign(state="gone"))


def test_a_cube_of_another_size_is_refused() -> None:
    with pytest.raises(SourceError, match="do not fit"):
        from_cube(
            np.zeros((1, 2, 2), dtype=np.int64),
            areas=AREAS,
            months=MONTHS,
            offences=OFFENCES,
            intake=INTAKE,
            coverage=COVERAGE,
        )


def test_the_page_shows_no_row_and_months_without_a_file() -> None:
    tidy = from_cube(
        np.ones((1, 1, 1), dtype=np.int64),
        areas={"E1": "<b>Ay</b>"},
        months=["2023-02"],
        offences=["=1+1"],
        intake=INTAKE,
        coverage=COVERAGE,
    )
    shown = tidy._repr_mimebundle_()["text/html"]
    assert "Ay" not in shown, "a row of the table"
    assert "1 (2023-01)" in shown


def test_every_public_name_of_the_room_leads_somewhere() -> None:
    from whatworks import data

    for name in data.__all__:
        assert getattr(data, name) is not None
    with pytest.raises(AttributeError, match="read_everything"):
        data.read_everything  # noqa: B018

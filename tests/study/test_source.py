from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import study_workspace as workspace

from whatworks import did, inference, study
from whatworks.absence import NotAvailable
from whatworks.data.intake import IntakeReport
from whatworks.data.recording import INVENTED, OWN_COUNT, UNSAID, Recording
from whatworks.data.tables import read_table
from whatworks.data.tidy import Tidy
from whatworks.errors import OptionError, PanelError, SourceError, StudyError
from whatworks.study import source as readers
from whatworks.study.closing import MIME


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    workspace.make(tmp_path)
    monkeypatch.chdir(tmp_path / "studies")
    return tmp_path


def read(**more: object) -> study.Source:
    choices: dict[str, object] = {"outcomes": ["crimes"], "unit": "area", **more}
    return study.read("data/counts.csv", **choices)


def test_a_source_becomes_a_panel(here: Path) -> None:
    source = read()
    panel = study.panel(source, unit="area", period="month", outcome="crimes", start="start", last="2020-10")
    assert panel.outcome.shape == (12, 10)
    assert source.files[0][0] == "data/counts.csv"
    assert source.intake.rows_read == 144


def test_markup_and_formulas_in_an_area_name_are_text(here: Path) -> None:
    evil = "<script>alert(1)</script>"
    workspace.put(here / "data" / f"{'a' * 3}.csv", workspace.counts(name=evil))
    workspace.put(here / "studies" / "one" / "study.yaml", workspace.STUDY.replace("A test", f"'{evil}'"))
    source = study.read("data/aaa.csv", outcomes=["crimes"], unit="area")
    panel = study.panel(source, unit="area", period="month", outcome="crimes", start="start")
    result = did.block(panel, inference=inference.choose("cluster"))
    pages = [
        source._repr_mimebundle_()["text/html"],
        panel._repr_mimebundle_()["text/html"],
        result._repr_mimebundle_()["text/html"],
        study.about("studies/one")._repr_mimebundle_()["text/html"],
        study.conclude(result, source)._repr_mimebundle_()[0]["text/html"],
    ]
    assert all("<script" not in page for page in pages)
    assert "&lt;script" in pages[3]
    named = workspace.put(here / "data" / "<i>.csv", workspace.counts())
    assert (
        "<i>"
        not in study.read(f"data/{named.name}", outcomes=["crimes"], unit="area")._repr_mimebundle_()[
            "text/html"
        ]
    )
    assert evil in panel.units
    workspace.put(here / "data" / "b.csv", workspace.counts(name="=1+2"))
    formula = study.read("data/b.csv", outcomes=["crimes"], unit="area")
    assert "=1+2" in set(formula.frame["area"])


def test_a_conclusion_carries_the_result_and_the_files(here: Path) -> None:
    source = read()
    panel = study.panel(source, unit="area", period="month", outcome="crimes", start="start")
    result = did.block(panel, inference=inference.choose("cluster"))
    data, metadata = study.conclude(result, source)._repr_mimebundle_()
    assert data[MIME]["headline"]["value"] == result.headline.value
    assert metadata[MIME]["files"] == [{"name": "data/counts.csv", "sha256": source.files[0][1]}]


def test_secondary_outcomes_are_estimated_alike_and_adjusted(here: Path) -> None:
    lines = workspace.counts().splitlines()
    more = [f"{lines[0]},second,third"] + [
        f"{line},{i % 7},{(i * i) % 11}" for i, line in enumerate(lines[1:])
    ]
    workspace.put(here / "data" / "more.csv", "\n".join(more) + "\n")
    source = study.read("data/more.csv", outcomes=["crimes", "second", "third"], unit="area")
    build = partial(study.panel, source, unit="area", period="month", start="start")

    def estimate(panel: object) -> object:
        return did.block(panel, inference=inference.choose("cluster"))

    result = estimate(build(outcome="crimes"))
    whole = study.secondary(result, build, outcomes=["second", "third"], estimate=estimate)
    alone = [estimate(build(outcome=name)).headline for name in ("second", "third")]
    assert [item.estimate for item in whole.secondary] == alone
    p = [item.p_value for item in alone]
    small, large = min(p), max(p)
    expected = {small: min(1.0, 2 * small), large: max(min(1.0, 2 * small), large)}
    assert [item.p_adjusted for item in whole.secondary] == [expected[value] for value in p]
    with pytest.raises(OptionError, match="stands twice"):
        study.secondary(result, build, outcomes=["second", "second"], estimate=estimate)


def test_several_steps_make_one_estimator() -> None:
    assert study.chain(lambda x: x + 1, lambda x: x * 2, str)(3) == "8"  # type: ignore


@pytest.mark.parametrize(
    ("choices", "what", "error"),
    [
        ({"outcomes": ["crime"]}, "Did you mean 'crimes'", OptionError),
        ({"unit": "borough"}, "no column 'borough'", OptionError),
        ({"reader": "tabel"}, "Did you mean 'table'", OptionError),
        ({"timing": "data/none.csv"}, "no such file", StudyError),
        ({"timing": "../x.csv"}, "outside", StudyError),
        ({"population": ["nowhere:x.csv"]}, "no data root", StudyError),
        ({"reader": "mps_borough", "first": "2020-01"}, "go together", OptionError),
    ],
)
def test_bad_choices(here: Path, choices: dict[str, object], what: str, error: type[Exception]) -> None:
    with pytest.raises(error, match=what):
        read(**choices)


@pytest.mark.parametrize(
    ("reader", "function", "chosen"),
    [
        ("mps_borough", "whatworks.data.mps.read_mps", {"level": "borough"}),
        ("mps_ward", "whatworks.data.mps.read_mps", {"level": "ward"}),
        ("mps_lsoa", "whatworks.data.mps.read_mps", {"level": "lsoa"}),
        ("police_uk", "whatworks.data.police_uk.read_street", {"by": "borough"}),
        ("police_uk_lsoa", "whatworks.data.police_uk.read_street", {"by": "lsoa"}),
        ("police_uk_force", "whatworks.data.police_uk.read_street", {"by": "force"}),
    ],
)
def test_a_reader_of_police_files_is_asked_for_its_areas_outcomes_and_months(
    here: Path, monkeypatch: pytest.MonkeyPatch, reader: str, function: str, chosen: dict[str, str]
) -> None:
    seen: list[dict[str, object]] = []

    def stop(paths: list[Path], **asked: object) -> None:
        seen.append({"paths": paths, **asked})
        raise SourceError("seen", where="", remedy="")

    monkeypatch.setattr(function, stop)
    for months in ({}, {"first": "2020-01", "last": "2020-06"}):
        with pytest.raises(SourceError, match="seen"):
            read(reader=reader, **months)
    assert [asked["months"] for asked in seen] == [None, ("2020-01", "2020-06")]
    assert [path.name for path in seen[0]["paths"]] == ["counts.csv"]
    assert seen[0]["offences"] == ["crimes"]
    assert {key: seen[0][key] for key in chosen} == chosen


def tidy(outcome: str = "robbery", forces: tuple[str, ...] = ("metropolitan",)) -> Tidy:
    """One area over the months before and after the Met changed its recording system."""
    months = ["2024-01", "2024-02", "2024-03"]
    counts = [("E1", "North", month, outcome, 5) for month in months]
    frame = pd.DataFrame(counts, columns=["area_code", "area_name", "month", "offence", "count"])
    rows = [(force, month, "present", 1) for force in forces for month in months]
    coverage = pd.DataFrame(rows, columns=["source", "month", "state", "rows"])
    return Tidy(frame, IntakeReport(files=()), coverage)


@pytest.mark.parametrize("force", ["metropolitan", "west-yorkshire"])
def test_a_new_reader_is_a_row_with_its_own_function_and_recording(
    here: Path, monkeypatch: pytest.MonkeyPatch, force: str
) -> None:
    def mine(paths: list[Path], offences: list[str], months: object, cache: Path) -> Tidy:
        assert (offences, months) == (["robbery"], ("2024-01", "2024-03"))
        return tidy()

    whose = Recording("force_records", (force,), "ward")
    monkeypatch.setitem(readers.READERS, "mine", readers.Reader(mine, lambda coverage: whose))
    asked = {"outcomes": ["robbery"], "unit": "area_code", "first": "2024-01", "last": "2024-03"}
    found = read(reader="mine", **asked)
    assert found.frame["robbery"].tolist() == [5, 5, 5]
    assert found.recording == whose
    assert [item.id for item in found.breaks] == (["connect-2024"] if force == "metropolitan" else [])


@pytest.mark.parametrize(
    ("reader", "forces", "expected"),
    [
        ("mps_borough", ("any file",), Recording("mps_tables", ("metropolitan",), "borough")),
        ("mps_ward", ("any file",), Recording("mps_tables", ("metropolitan",), "ward")),
        ("mps_lsoa", ("any file",), Recording("mps_tables", ("metropolitan",), "lsoa")),
        ("police_uk", ("west-yorkshire",), Recording("police_uk_street", ("west-yorkshire",), "borough")),
        (
            "police_uk_lsoa",
            ("metropolitan", "city-of-london"),
            Recording("police_uk_street", ("city-of-london", "metropolitan"), "lsoa"),
        ),
        ("police_uk_force", ("kent",), Recording("police_uk_street", ("kent",), "force")),
        ("police_uk_force", ("kent", "nowhere"), NotAvailable("the register knows no recording of nowhere")),
    ],
)
def test_a_police_reader_knows_whose_recording_it_reads(
    reader: str, forces: tuple[str, ...], expected: Recording | NotAvailable
) -> None:
    row = readers.READERS[reader]
    assert row is not None
    assert row.recording(tidy(forces=forces).coverage) == expected


LEEDS = {"series": "force_records", "force": "west-yorkshire", "level": "ward"}


def test_a_table_says_whose_recording_it_is_or_nobody_knows(here: Path) -> None:
    assert read().recording is UNSAID
    assert read(recorded_by={"series": "own"}).recording is OWN_COUNT
    found = read(recorded_by=LEEDS)
    assert found.recording == Recording("force_records", ("west-yorkshire",), "ward")
    assert {item.id for item in found.breaks} >= {"lockdown-1"}
    assert not [item for item in found.breaks if not (item.everywhere or "west-yorkshire" in item.forces)]
    assert read().breaks == ()
    with pytest.raises(OptionError, match="the reader mps_borough knows it"):
        read(reader="mps_borough", recorded_by=LEEDS)


def test_made_up_data_are_nobodys_recording(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(study="studies/one").recording is UNSAID
    declared = workspace.STUDY.replace("version: 1", "version: 1\nsynthetic: true")
    workspace.put(here / "studies" / "one" / "study.yaml", declared)
    assert read(study="studies/one").recording is INVENTED
    assert read(study="studies/one").breaks == ()
    with pytest.raises(OptionError, match="the data are made up"):
        read(study="studies/one", recorded_by=LEEDS)
    workspace.put(here / "data" / "synthetic" / "counts.csv", workspace.counts())
    asked = {"outcomes": ["crimes"], "unit": "area"}
    assert study.read("data/synthetic/counts.csv", **asked).recording is INVENTED
    both = ["data/synthetic/counts.csv", "data/counts.csv"]
    assert study.read(both, **asked).recording is UNSAID
    row = readers.Reader(lambda *asked: tidy("crimes"), lambda coverage: Recording("pas", ("kent",), "ward"))
    monkeypatch.setitem(readers.READERS, "mine", row)
    assert read(reader="mine", unit="area_code", study="studies/one").recording is INVENTED


@pytest.mark.parametrize("name", ["did", "staggered", "counts_did", "synthetic_control", "small_areas"])
def test_every_template_hands_the_recording_to_every_check_that_asks_for_it(name: str) -> None:
    text = (Path(__file__).parents[2] / "templates" / "notebooks" / f"{name}.ipynb").read_text("utf-8")
    assert "    recorded_by=recorded_by,\\n" in text
    assert "    study=study,\\n" in text
    asking = [line for line in text.splitlines() if "offence=outcome" in line]
    assert asking
    assert all("recording=source.recording" in line for line in asking)


def test_every_reader_stands_in_the_guide() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "how-to" / "study.md").read_text(encoding="utf-8")
    assert not [name for name in readers.READERS if f"`{name}`" not in guide]


def test_files_read_together_have_the_same_columns(here: Path) -> None:
    workspace.put(here / "data" / "b.csv", "area,month\nx,2020-01\n")
    with pytest.raises(SourceError, match="its columns are not those of"):
        study.read(["data/counts.csv", "data/b.csv"], outcomes=["crimes"], unit="area")


def test_timing_and_population_are_joined(here: Path) -> None:
    rows = ["area_code,month,crimes"]
    rows += [f"{code},2020-{m:02d},5" for code in ("E09000002", "E09000003") for m in (1, 2, 3)]
    workspace.put(here / "data" / "c.csv", "\n".join(rows) + "\n")
    workspace.put(here / "data" / "t.csv", "area_code,start\nE09000002,2020-02-10\n")
    people = workspace.put(
        here / "data" / "p.csv", "code,2020_Population\nE09000002,200000\nE09000003,100000\n"
    )
    assert people.exists()
    source = study.read(
        "data/c.csv",
        outcomes=["crimes"],
        timing="data/t.csv",
        timing_others="never",
        timing_rule="next",
        population=["data/p.csv"],
    )
    panel = study.panel(
        source,
        unit="area_code",
        period="month",
        outcome="crimes",
        start="start",
        exposure="population",
        per=1e5,
    )
    assert panel.label(int(panel.start[0])) == "2020-03"
    assert panel.never_treated.tolist() == [False, True]
    assert np.allclose(panel.outcome, [[2.5] * 3, [5.0] * 3])
    assert [name for name, _ in source.files] == ["data/c.csv", "data/p.csv", "data/t.csv"]


def test_the_words_of_a_study_and_of_the_example(here: Path) -> None:
    assert study.about("studies/one").title == "A test"
    assert "synthetic" in study.about("")._repr_mimebundle_()["text/html"]
    with pytest.raises(StudyError):
        study.about("../one")


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.csv", b"a,b\n1,2\n3\n", "line 3"),
        ("a.csv", b"a,b\n1,2\n3,4,5\n", "line 3"),
        ("a.csv", b"", "empty"),
        ("a.csv", b"a,b\n", "no rows"),
        ("a.csv", b"a,a\n1,2\n", "'a'"),
        ("a.csv", b"a,b\n1,caf\xe9\n", "line 2"),
        ("a.csv", b"a;b\n1;2\n", "commas"),
        ("a.csv", b"a\tb\n1\t2\n", "commas"),
        ("a.csv", b'a,b\n1,"2\n3,4\n', "a.csv"),
        ("a.xlsx", b"x", "ending"),
        ("a.parquet", b"PAR1 not", "a.parquet"),
    ],
)
def test_tables_that_are_not_whole_are_refused(tmp_path: Path, name: str, content: bytes, what: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceError, match=what):
        read_table(path)


def test_a_table_keeps_texts_as_they_stand(tmp_path: Path) -> None:
    import pandas as pd

    path = tmp_path / "a.csv"
    path.write_bytes(b"code,name,x\n007,Brent,\n010,NA,1.50\n")
    frame = read_table(path)
    assert frame["code"].tolist() == ["007", "010"]
    assert frame["name"].tolist() == ["Brent", "NA"]
    assert frame["x"].isna().tolist() == [True, False]
    typed = pd.DataFrame({"i": [1, 2], "f": [0.1, None], "d": pd.to_datetime(["2020-01-01", "2020-02-01"])})
    typed.to_parquet(tmp_path / "a.parquet")
    back = read_table(tmp_path / "a.parquet")
    assert back["i"].tolist() == ["1", "2"]
    assert back["f"].iloc[0] == "0.1"
    assert back["f"].isna().tolist() == [False, True]
    assert back["d"].iloc[1].startswith("2020-02-01")


def test_a_missing_cell_is_named_not_dropped(here: Path) -> None:
    lines = workspace.counts().splitlines()
    del lines[5]
    workspace.put(here / "data" / "gap.csv", "\n".join(lines) + "\n")
    source = study.read("data/gap.csv", outcomes=["crimes"], unit="area")
    with pytest.raises(PanelError, match="1 of 144 cells are missing"):
        study.panel(source, unit="area", period="month", outcome="crimes", start="start")

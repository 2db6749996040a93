"""Trials inside a study: the record behind them, their outcomes, and what leaves with the result."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

import pytest

from whatworks import rct, study
from whatworks.errors import OptionError, RecordError, StudyError, TrialError
from whatworks.inference.multiplicity import holm
from whatworks.study.closing import MIME
from whatworks.study.example_trials import example_trial

LISTED, RECORD = "data/trials/hotspots-list.csv", "data/trials/hotspots-allocation.json"
ROLES = {"unit": "spot", "arm": "arm", "control": "control", "block": "band"}


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with the files of the hot-spot trial and of the one with losses."""
    (tmp_path / "whatworks.toml").write_text("version = 1\n", encoding="utf-8")
    example_trial("hotspots").write(tmp_path / "data")
    example_trial("restorative-justice").write(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def spots(*outcomes: str) -> study.Source:
    return study.read("data/trials/hotspots.csv", outcomes=outcomes, unit="spot", period="")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_record_is_read_drawn_again_and_hashed(inside: Path) -> None:
    found = study.drawn(RECORD, listed=LISTED)
    assert found.replayed
    assert found.notes == ()
    assert found.allocation is not None
    assert found.allocation.rule is not None
    assert found.files == ((RECORD, sha256(inside / RECORD)), (LISTED, sha256(inside / LISTED)))
    shown = found._repr_mimebundle_()["text/html"]
    assert "within 5 blocks: 30 to control, 30 to patrol" in shown
    assert "about 6.7 × 10 to the power 14" in shown
    assert "byte for byte" in shown
    assert found.allocation.hash[:12] in shown


def test_what_a_study_cannot_show_is_said(inside: Path) -> None:
    bare = study.drawn(RECORD)
    assert bare.allocation is not None
    assert not bare.replayed
    assert "was not drawn again" in bare.notes[0]
    assert bare.notes[0] in bare._repr_mimebundle_()["text/html"]
    none = study.drawn()
    assert none.allocation is None
    assert "taken on trust" in none.notes[0]
    assert none.files == ()


def test_a_record_that_cannot_be_true_stops_the_study(inside: Path) -> None:
    with pytest.raises(RecordError, match="does not serve this record"):
        study.drawn(RECORD, listed="data/trials/restorative-justice-list.csv")
    path = inside / RECORD
    before, after = path.read_text(encoding="utf-8").rsplit('"patrol"', 1)
    path.write_text(f'{before}"control"{after}', encoding="utf-8")
    with pytest.raises(RecordError, match="hash differs"):
        study.drawn(RECORD)
    with pytest.raises(RecordError, match="not an allocation record"):
        study.drawn(LISTED)
    with pytest.raises(RecordError, match=r"nowhere.json: the allocation record cannot be read"):
        study.drawn("data/nowhere.json")
    with pytest.raises(StudyError):
        study.drawn("../outside.json")
    with pytest.raises(OptionError, match="no allocation record"):
        study.drawn(listed=LISTED)


def test_a_trial_by_roles_as_texts_is_that_of_the_table(inside: Path) -> None:
    source = spots("crimes")
    made = study.trial(source, outcome="crimes", exposure="days", baseline=["crimes_before"], **ROLES)
    whole = example_trial("hotspots").made.frame
    direct = rct_trial(whole, exposure="days", baseline=("crimes_before",))
    assert made.fingerprint == direct.fingerprint
    with pytest.raises(TrialError, match="have no outcome"):
        victims(lost=False)
    assert int((~victims(lost=True).observed).sum()) > 50


def rct_trial(frame: object, **more: object) -> object:
    from whatworks import Trial

    return Trial.from_frame(frame, outcome="crimes", **ROLES, **more)


def victims(*, lost: bool) -> object:
    name = "data/trials/restorative-justice.csv"
    source = study.read(name, outcomes=["satisfaction"], unit="victim", period="")
    roles = {"unit": "victim", "arm": "arm", "control": "usual practice", "block": "site", "taken": "met"}
    return study.trial(source, outcome="satisfaction", lost=lost, **roles)


def test_secondary_outcomes_are_estimated_alike_and_adjusted(inside: Path) -> None:
    source = spots("crimes", "disorder", "nearby")
    build = partial(study.trial, source, **ROLES)
    result = study.further(
        rct.itt(build(outcome="crimes")), build, outcomes=["disorder", "nearby"], estimate=rct.itt
    )
    alone = [rct.itt(build(outcome=name)).headline for name in ("disorder", "nearby")]
    assert [item.outcome for item in result.secondary] == ["disorder", "nearby"]
    assert [item.estimate.value for item in result.secondary] == [one.value for one in alone]
    assert [item.p_adjusted for item in result.secondary] == holm([one.p_value for one in alone]).tolist()
    with pytest.raises(OptionError, match="stands twice"):
        study.further(result, build, outcomes=["nearby", "nearby"], estimate=rct.itt)


def test_the_result_leaves_with_every_file_that_was_read(inside: Path) -> None:
    source, found = spots("crimes"), study.drawn(RECORD)
    result = rct.itt(study.trial(source, outcome="crimes", **ROLES))
    data, metadata = study.conclude(result, source, found)._repr_mimebundle_()
    names = [item["name"] for item in metadata[MIME]["files"]]
    assert names == ["data/trials/hotspots.csv", RECORD]
    assert found.notes[0] in data[MIME]["notes"]
    again, _ = study.conclude(result.with_notes(*found.notes), source, found)._repr_mimebundle_()
    assert again[MIME]["notes"].count(found.notes[0]) == 1

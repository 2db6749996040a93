"""Series breaks: a study meets those of its own series, force, areas and offences; no others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import toy

from whatworks import NotAvailable, Panel, checks
from whatworks.data.recording import INVENTED, OWN_COUNT, Recording
from whatworks.panel import NEVER

MET_WARDS = Recording("mps_tables", ("metropolitan",), "ward")
MET_STREET = Recording("police_uk_street", ("metropolitan",), "lsoa")
LEEDS = Recording("force_records", ("west-yorkshire",), "ward")


def panel(first: str, months: int = 36, *, start: int = 24) -> Panel:
    """Months from `first` on, half of the units treated from month `start` on (0 is the first)."""
    made = toy.panel(months=months)
    low = int(first[:4]) * 12 + int(first[5:]) - 1
    begun = np.where(made.start == NEVER, NEVER, low + start)
    return replace(made, periods=np.arange(low, low + months), start=begun)


def test_a_window_without_a_break_passes_and_says_for_which_series() -> None:
    found = checks.series_breaks(panel("2013-06", 6, start=3), offence="bicycle theft", recording=MET_WARDS)
    assert found.verdict == "pass"
    assert "the Met's published tables (metropolitan, by ward)" in found.reason


@pytest.mark.parametrize("first", ["2010-12", "2012-06", "2021-06"])
def test_tables_of_wards_meet_no_break_of_street_files(first: str) -> None:
    wards = checks.series_breaks(panel(first), offence="theft", recording=MET_WARDS)
    street = checks.series_breaks(panel(first), offence="theft", recording=MET_STREET)
    assert not [owner for owner in wards.table["whose"] if owner.startswith("police_uk_street of")]
    assert [owner for owner in street.table["whose"] if owner.startswith("police_uk_street of")]
    assert len(street.table) > len(wards.table)
    assert "street files" in street.reason or "LSOA" in street.reason
    assert "street files" not in wards.reason
    assert "LSOA" not in wards.reason


def test_a_change_of_street_files_at_the_start_concerns_a_study_of_street_files_only() -> None:
    riots = panel("2010-12", 24, start=9)  # treated from 2011-09, when five types were added
    street = checks.series_breaks(riots, offence="Criminal damage", recording=MET_STREET)
    assert street.verdict == "concern"
    assert "five crime types added to the street files (from 2011-09)" in street.reason
    wards = checks.series_breaks(riots, offence="Criminal damage", recording=MET_WARDS)
    assert wards.verdict == "not_informative"


def test_a_table_of_leeds_meets_none_of_londons() -> None:
    for first in ("2010-12", "2013-01", "2016-01", "2018-01", "2022-06"):
        found = checks.series_breaks(panel(first), offence="robbery", recording=LEEDS)
        owners = found.table["whose"] if len(found.table) else []
        assert not [text for text in owners if "metropolitan" in text or "city-of-london" in text]
        for word in ("Met", "London", "Night Tube", "CONNECT", "funeral", "street files"):
            assert word not in found.reason
    assert "West Yorkshire records more" in checks.series_breaks(panel("2013-01"), recording=LEEDS).reason


@pytest.mark.parametrize("first", ["2014-12", "2018-06", "2022-06"])
def test_a_scale_of_a_survey_meets_no_break_of_crime(first: str) -> None:
    said = checks.series_breaks(panel(first), offence="good job local", recording=OWN_COUNT)
    assert (said.verdict, len(said.table)) == ("not_applicable", 0)
    published = Recording("pas", ("metropolitan",), "borough")
    assert checks.series_breaks(panel(first), offence="good job local", recording=published).verdict == "pass"
    trust = checks.series_breaks(panel("2014-12"), offence="trust", recording=published)
    assert "trust enters the published measures" in trust.reason


def test_connect_comes_first_in_a_robbery_panel_of_the_met() -> None:
    found = checks.series_breaks(panel("2022-01"), offence="robbery", recording=MET_WARDS)
    assert found.verdict == "concern"  # treated from 2024-01
    assert found.reason.index("CRIS replaced by CONNECT (from 2024-02)") < found.reason.index("funeral")
    early = checks.series_breaks(panel("2022-01", start=12), offence="robbery", recording=MET_WARDS)
    assert early.verdict == "not_informative"
    assert early.reason.startswith(
        "Counting changed inside the window: the Met's recording system CRIS replaced by CONNECT"
    )
    assert early.table["kind"].iloc[0] == "recording"
    assert early.table["first month"].iloc[0] == "2024-02"


def test_every_change_of_counting_is_named_the_gravest_first_and_shocks_after_them() -> None:
    long = panel("2014-06", 126, start=60)
    found = checks.series_breaks(long, offence="violence", recording=MET_WARDS)
    counting = found.table[found.table["kind"].isin(["recording", "vocabulary"])]
    assert list(counting.index) == list(range(len(counting)))
    before, _, after = found.reason.partition(" Shocks and policies")
    assert "more" not in before
    spans = [month for month in counting["first month"] if f"from {month}" in before]
    assert spans == counting["first month"].tolist()
    assert spans[0] == "2024-02"  # the Met's own; the rules of the land come after it
    assert {"2015-04", "2018-04", "2023-05"} < set(spans)
    assert "first lockdown (2020-03 to 2020-06)" in after


def test_a_shock_at_the_start_is_never_a_change_of_counting() -> None:
    found = checks.series_breaks(panel("2019-01", 24, start=14), offence="robbery", recording=LEEDS)
    assert found.verdict == "not_informative"
    assert found.reason.startswith("Shocks and policies there and then")


@pytest.mark.parametrize(
    ("recording", "words"),
    [
        (None, "it is not said whose recording this is"),
        (INVENTED, "the data are made up, so nobody recorded them"),
        (OWN_COUNT, "a count of one's own"),
    ],
)
def test_a_recording_that_is_not_known_never_passes(recording: NotAvailable | None, words: str) -> None:
    chosen = {} if recording is None else {"recording": recording}
    for first in ("2013-08", "2022-01"):
        found = checks.series_breaks(panel(first), offence="robbery", **chosen)
        assert (found.verdict, words in found.reason) == ("not_applicable", True)
        assert "No break is charged and none is ruled out" in found.reason
    assert ("recorded_by" in found.would_change_if) == (recording is None)


def test_quarters_meet_the_breaks_of_their_months() -> None:
    months = panel("2023-01", 24)
    quarters = replace(
        months,
        period_kind="quarter",
        periods=np.arange(2023 * 4, 2023 * 4 + 8),
        outcome=months.outcome[:, :8],
        start=np.where(months.start == NEVER, NEVER, 2024 * 4),
    )
    found = checks.series_breaks(quarters, offence="robbery", recording=MET_WARDS)
    assert (found.verdict, found.table["first month"].iloc[0]) == ("concern", "2024-02")
    late = replace(quarters, start=np.where(months.start == NEVER, NEVER, 2023 * 4 + 2))
    assert checks.series_breaks(late, offence="robbery", recording=MET_WARDS).verdict == "not_informative"
    years = replace(quarters, period_kind="integer")
    assert checks.series_breaks(years, recording=MET_WARDS).verdict == "not_applicable"

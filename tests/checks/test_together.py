"""Many looks: one concern among ten says little, four say more, and the design does not count."""

from __future__ import annotations

import pytest

from whatworks.checks.together import BY_DESIGN, SOUND, together
from whatworks.results import CheckResult


def found(**kinds):
    return [CheckResult(f"{kind} {i}", kind, "") for kind, n in kinds.items() for i in range(n)]


def test_no_concern_passes():
    every = together(found(**{"pass": 9, "not_applicable": 2}))
    assert every.verdict == "pass"
    assert every.reason == "9 of 11 checks could look at the outcome, and none of them raised a concern."
    assert every.table.set_index("verdict")["checks"].to_dict() == {
        "pass": 9,
        "concern": 0,
        "fail": 0,
        "not informative": 0,
        "not applicable": 2,
    }


@pytest.mark.parametrize("raised", range(1, 8))
def test_the_verdict_follows_the_share_of_sound_panels_with_as_many(raised):
    every = together(found(**{"pass": 5, "concern": raised - 1, "fail": 1}))
    share = SOUND[min(raised, len(SOUND) - 1)]
    assert every.verdict == ("not_informative" if share >= 0.1 else "concern")
    assert f"{raised} raised a concern or failed" in every.reason
    assert f"{share:.0%} had at least as many" in every.reason


def test_more_concerns_are_never_more_usual():
    assert SOUND[0] == 1
    assert list(SOUND) == sorted(SOUND, reverse=True)


def test_checks_of_the_design_do_not_count():
    design = [CheckResult(name, "concern", "") for name in BY_DESIGN]
    assert "5 of 7 checks" in together(found(**{"pass": 5}) + design).reason
    assert together(design).verdict == "not_applicable"


def test_no_pass_beside_a_concern_of_the_design():
    failed = CheckResult(BY_DESIGN[1], "fail", "")
    beside = together([*found(**{"pass": 5}), failed])
    assert beside.verdict == "not_informative"
    assert f"Beside them {BY_DESIGN[1].lower()} did, which chance cannot raise." in beside.reason

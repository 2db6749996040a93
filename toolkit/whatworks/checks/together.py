"""All checks together: how many concerns would chance alone bring?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pandas as pd

from whatworks.checks.few_clusters import NAME as FEW_CLUSTERS_NAME
from whatworks.checks.series_breaks import NAME as SERIES_BREAKS_NAME
from whatworks.results import CheckResult, CheckVerdict

NAME = "All checks together"

BY_DESIGN: Final = (FEW_CLUSTERS_NAME, SERIES_BREAKS_NAME)
"""These look at the design and the calendar, never at an outcome, so chance cannot raise them."""

RAISED: Final = ("concern", "fail")

USUAL: Final = 0.1
"""Where fewer sound panels than this have as many concerns, that many are not usual."""

SOUND: Final = (1.0, 0.29, 0.08, 0.01)
"""Share of 300 simulated sound panels with at least 0, 1, 2, 3 concerns (battery_false_alarms.py)."""

_WORDS: Final[dict[CheckVerdict, str]] = {
    "pass": "pass",
    "concern": "concern",
    "fail": "fail",
    "not_informative": "not informative",
    "not_applicable": "not applicable",
}


def together(found: Sequence[CheckResult]) -> CheckResult:
    """Count the checks that raised a concern or failed, and say whether chance often brings as many.

    Each check is one more look, and sooner or later a look finds something where nothing is. How often was
    simulated on synthetic London with parallel trends, no spill-over and treatment at random. Checks of the
    design and the calendar do not count: chance cannot raise them.

    Args:
        found: what the checks of one study found.

    Returns:
        `pass` if no check at all raised a concern; `concern` if fewer than a tenth of the simulated panels
        had as many; `not_informative` between the two, since a number that is usual by chance supports
        nothing; `not_applicable` if no check could look at the outcome. The table counts the verdicts.
    """
    verdicts = [check.verdict for check in found]
    table = pd.DataFrame(
        {"verdict": list(_WORDS.values()), "checks": [verdicts.count(kind) for kind in _WORDS]}
    )
    silent = ("not_applicable", "not_informative")
    looks = [check for check in found if check.name not in BY_DESIGN and check.verdict not in silent]
    if not looks:
        return CheckResult(NAME, "not_applicable", "No check could look at the outcome.", table)
    raised = [check.name.lower() for check in looks if check.verdict != "pass"]
    many = len(raised)
    ran = f"{len(looks)} of {len(found)} checks could look at the outcome"
    told = [check.name.lower() for check in found if check.name in BY_DESIGN and check.verdict in RAISED]
    beside = f" Beside them {' and '.join(told)} did, which chance cannot raise." if told else ""
    if not raised:
        reason = f"{ran}, and none of them raised a concern.{beside}"
        return CheckResult(NAME, "not_informative" if told else "pass", reason, table, "one did")
    share = SOUND[min(many, len(SOUND) - 1)]
    numbers = (
        f"{ran}, and {many} raised a concern or failed ({', '.join(raised)}).{beside} Of simulated panels "
        f"with nothing wrong, {share:.0%} had at least as many."
    )
    if share < USUAL:
        reason = f"{numbers} That is more than chance often brings."
        return CheckResult(NAME, "concern", reason, table, "fewer checks raised a concern")
    reason = f"{numbers} That is not unusual by chance, though each reason may still be a real one."
    return CheckResult(NAME, "not_informative", reason, table, "more checks raised a concern")

"""What stands before any outcome: the allocation record, balance on baseline, and how much was assigned."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from whatworks.errors import WhatworksError
from whatworks.inference.chance.randomisation import RandomisationInference
from whatworks.rct.assign import listed
from whatworks.rct.assign.allocation import Allocation
from whatworks.rct.balance import balance
from whatworks.rct.one_row.default_errors import FEW
from whatworks.results import CheckResult, CheckVerdict
from whatworks.trial import Trial

RECORD: Final = "Allocation record"
BALANCE: Final = "Balance before the start"
ENOUGH: Final = "Enough assigned"

STRANGE: Final = 0.01
"""Sound randomisation gives a p-value below this once in a hundred trials."""

LEAST: Final = 0.05
"""A trial that cannot reach this p-value cannot say at the usual level that anything works."""

BROKEN: Final = 0.001
"""Below this, chance as described is no explanation."""


def allocation_record(trial: Trial, allocation: Allocation | None) -> CheckResult:
    """Hold the analysed list against the record: same arms, drawn without outcomes, and enough allocations.

    Returns:
        `fail` where the list is not the recorded one or the draw could have used the outcome; `concern` where
        the smallest p-value that the allocations allow is above 0.05; `not_applicable` without a record.
    """
    if allocation is None:
        return CheckResult(RECORD, "not_applicable", "No allocation record was given.")
    record = allocation.record
    smallest = float(record["smallest_p"])
    columns = [str(name) for name in record["input_columns"]]
    facts = {
        "rule": str(record["algorithm"]),
        "seed": str(record["seed"]),
        "units drawn": str(record["units"]),
        "units analysed": str(trial.n_units),
        "admissible allocations": str(record["admissible"]),
        "smallest p": f"{smallest:.3g}",
        "hash": allocation.hash,
        "list": ", ".join(columns),
    }
    table = pd.DataFrame({"what": list(facts), "value": list(facts.values())})
    try:
        said = " ".join(listed.against_record(trial, allocation))
    except WhatworksError as problem:
        reason = f"The list is not the recorded one: {problem.what}."
        return CheckResult(RECORD, "fail", reason, table, "the list were the one that was drawn")
    if trial.outcome_name in columns:
        reason = f"The draw used the column {trial.outcome_name!r}, which is the outcome."
        return CheckResult(RECORD, "fail", reason, table, "the list had held no outcome")
    said += f" The draw read {', '.join(columns)} and no outcome."
    if smallest > LEAST:
        reason = f"{said} With {record['admissible']} allocations no p-value can fall below {smallest:.3g}."
        return CheckResult(RECORD, "concern", reason, table, "chance had had more allocations to choose from")
    return CheckResult(RECORD, "pass", said, table, "the list differed from the record")


def balance_before(
    trial: Trial,
    allocation: Allocation | None = None,
    *,
    inference: RandomisationInference | None = None,
) -> CheckResult:
    """Ask whether chance parts the arms as far on baseline as they are, in one test of all variables.

    Arguments are those of `rct.balance`.

    Returns:
        `concern` below p = 0.01 and `fail` below 0.001: randomisation then hardly went as described;
        `not_applicable` without baseline or where units change arms.
    """
    try:
        found = balance(trial, allocation=allocation, inference=inference)
    except WhatworksError as problem:
        return CheckResult(BALANCE, "not_applicable", f"{problem.what[:1].upper()}{problem.what[1:]}.")
    if not isinstance(found.p_value, float):
        return CheckResult(BALANCE, "not_applicable", f"{found.p_value.reason}.", found.table)
    reason = (
        f"The largest standardised difference is {found.largest:.2f}; taking all variables together, chance "
        f"parts arms at least as far in {found.p_value:.2g} of allocations. {found.sentence}"
    )
    change = f"fewer than {STRANGE:.0%} of allocations parted the arms as far"
    if found.p_value >= STRANGE:
        return CheckResult(BALANCE, "pass", reason, found.table, change)
    verdict: CheckVerdict = "fail" if found.p_value < BROKEN else "concern"
    reason += " See who was left out, and whether arms were given as drawn."
    return CheckResult(BALANCE, verdict, reason, found.table, "the arms were closer on baseline")


def enough_assigned(trial: Trial) -> CheckResult:
    """Count what was assigned to each arm: clusters, or units; over time, units that were in the arm.

    Returns:
        `fail` with one in an arm, `concern` below six, as errors from t are then a rough guide.
    """
    codes = trial.cluster_codes
    word = "units" if trial.cluster is None else "clusters"
    numbers = [len(np.unique(codes[trial.arm == arm])) for arm in range(len(trial.arms))]
    table = pd.DataFrame({"arm": trial.arms, word: numbers})
    said = ", ".join(f"{n:,} {word} in {label}" for n, label in zip(numbers, trial.arms, strict=True))
    if min(numbers) < 2:
        reason = f"There are {said}: how one of them strays by chance cannot be seen."
        return CheckResult(ENOUGH, "fail", reason, table, "each arm had two or more")
    if min(numbers) < FEW:
        reason = f"There are {said}. With fewer than {FEW} in an arm put a randomisation test beside t."
        return CheckResult(ENOUGH, "concern", reason, table, f"each arm had {FEW} or more")
    return CheckResult(ENOUGH, "pass", f"There are {said}.", table, f"an arm had fewer than {FEW}")

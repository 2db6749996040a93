"""An allocation drawn again from its record and the list: the proof that chance, and nobody else, did it."""

from __future__ import annotations

import ast
from typing import Any, Final

import pandas as pd

from whatworks.errors import OptionError, RecordError, WhatworksError
from whatworks.rct.assign.allocation import Allocation
from whatworks.rct.assign.designs import Balance, Blocked, Complete, Pairs, SteppedWedge
from whatworks.rct.assign.randomise import randomise
from whatworks.rct.assign.rota import Rota
from whatworks.rct.assign.schedule import Crossover

WHERE: Final = "rct.replay"
_KINDS: Final = {
    kind.__name__: kind for kind in (Complete, Blocked, Pairs, SteppedWedge, Crossover, Rota, Balance)
}


def replay(allocation: Allocation, units: pd.DataFrame) -> Allocation:
    """Draw an allocation again, by the rule and seed of its record, and see that it comes out the same.

    Args:
        allocation: what `rct.randomise` gave, or `Allocation.from_json` read.
        units: the list that was randomised, in any order; further columns do not matter.

    Returns:
        The allocation with its `rule`, which randomisation tests work from and files do not hold.

    Raises:
        RecordError: a record that lacks its rule, or another list, or a draw that comes out otherwise; the
            message names what differs.
    """
    record = allocation.record
    try:
        drawn = randomise(
            units,
            unit=allocation.unit,
            cluster=allocation.cluster,
            seed=record["seed"],
            design=_built(record["design"]),
            balance=None if record["balance"] == "none" else _built(record["balance"]),
            # a stepped wedge names its arms by their steps itself
            **({} if "start" in allocation.table.columns else {"arms": tuple(record["arms"])}),
        )
    except (KeyError, TypeError, ValueError, SyntaxError) as problem:
        raise RecordError(
            f"the record does not say how to draw: {problem!r}",
            where=WHERE,
            remedy="Use the record as `rct.randomise` wrote it.",
        ) from problem
    except WhatworksError as problem:
        raise RecordError(
            f"the list does not serve this record: {problem.what}",
            where=problem.where or WHERE,
            remedy=problem.remedy or "Give the list that was randomised.",
        ) from problem
    allocation.require_same(drawn)
    return drawn


def _built(text: str) -> Any:
    """The design or balance rule whose `repr` the record holds; nothing else is ever run."""
    call = ast.parse(text, mode="eval").body
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.args:
        raise ValueError(text)
    settings = {str(word.arg): ast.literal_eval(word.value) for word in call.keywords}
    try:
        return _KINDS[call.func.id](**settings)
    except OptionError as problem:
        raise ValueError(problem.what) from problem

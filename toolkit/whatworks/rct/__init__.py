"""Trials: randomise, run, analyse."""

from __future__ import annotations

from whatworks.rct.allocation import Allocation
from whatworks.rct.balance import BalanceTest, balance
from whatworks.rct.crossover import Crossover
from whatworks.rct.designs import Balance, Blocked, Complete, Pairs, SteppedWedge
from whatworks.rct.itt import itt
from whatworks.rct.randomise import randomise

__all__ = [
    "Allocation",
    "Balance",
    "BalanceTest",
    "Blocked",
    "Complete",
    "Crossover",
    "Pairs",
    "SteppedWedge",
    "balance",
    "itt",
    "randomise",
]

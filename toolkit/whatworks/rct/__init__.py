"""Trials: randomise, run, analyse."""

from __future__ import annotations

from whatworks.rct.allocation import Allocation
from whatworks.rct.attrition_bounds import attrition_bounds
from whatworks.rct.balance import BalanceTest, balance
from whatworks.rct.cace import cace
from whatworks.rct.crossover import Crossover
from whatworks.rct.crossover_trial import crossover
from whatworks.rct.designs import Balance, Blocked, Complete, Pairs, SteppedWedge
from whatworks.rct.dosage import dosage
from whatworks.rct.flow import Enrolment, Flow, flow
from whatworks.rct.horvitz_thompson import horvitz_thompson
from whatworks.rct.itt import itt
from whatworks.rct.modifier import Subgroup
from whatworks.rct.outcomes import outcomes
from whatworks.rct.past_noise import PastNoise, noise
from whatworks.rct.power import power
from whatworks.rct.power_designs import Clusters, Paired, Parallel
from whatworks.rct.power_noise import Counts, Normal, Share
from whatworks.rct.power_over_time import PlaceDays, Wedge
from whatworks.rct.power_result import Power
from whatworks.rct.power_simulation import power_by_simulation
from whatworks.rct.randomisation_test import randomisation_test
from whatworks.rct.randomise import randomise
from whatworks.rct.replay import replay
from whatworks.rct.rota import Rota
from whatworks.rct.stepped_wedge import stepped_wedge
from whatworks.rct.subgroups import subgroups

__all__ = [
    "Allocation",
    "Balance",
    "BalanceTest",
    "Blocked",
    "Clusters",
    "Complete",
    "Counts",
    "Crossover",
    "Enrolment",
    "Flow",
    "Normal",
    "Paired",
    "Pairs",
    "Parallel",
    "PastNoise",
    "PlaceDays",
    "Power",
    "Rota",
    "Share",
    "SteppedWedge",
    "Subgroup",
    "Wedge",
    "attrition_bounds",
    "balance",
    "cace",
    "crossover",
    "dosage",
    "flow",
    "horvitz_thompson",
    "itt",
    "noise",
    "outcomes",
    "power",
    "power_by_simulation",
    "randomisation_test",
    "randomise",
    "replay",
    "stepped_wedge",
    "subgroups",
]

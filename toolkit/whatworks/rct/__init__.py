"""Trials: randomise, run, analyse."""

from __future__ import annotations

from whatworks.rct.assign.allocation import Allocation
from whatworks.rct.assign.designs import Balance, Blocked, Complete, Pairs, SteppedWedge
from whatworks.rct.assign.randomise import randomise
from whatworks.rct.assign.replay import replay
from whatworks.rct.assign.rota import Rota
from whatworks.rct.assign.schedule import Crossover
from whatworks.rct.balance import BalanceTest, balance
from whatworks.rct.chance.randomisation_test import randomisation_test
from whatworks.rct.horvitz_thompson import horvitz_thompson
from whatworks.rct.itt import itt
from whatworks.rct.losses.attrition_bounds import attrition_bounds
from whatworks.rct.losses.flow import Enrolment, Flow, flow
from whatworks.rct.modifier import Subgroup
from whatworks.rct.outcomes import outcomes
from whatworks.rct.over_time.crossover import crossover
from whatworks.rct.over_time.stepped_wedge import stepped_wedge
from whatworks.rct.plan.designs import Clusters, Paired, Parallel
from whatworks.rct.plan.designs_over_time import PlaceDays, Wedge
from whatworks.rct.plan.noise import Counts, Normal, Share
from whatworks.rct.plan.past_noise import PastNoise, noise
from whatworks.rct.plan.power import power
from whatworks.rct.plan.result import Power
from whatworks.rct.plan.simulation import power_by_simulation
from whatworks.rct.subgroups import subgroups
from whatworks.rct.take_up.cace import cace
from whatworks.rct.take_up.dosage import dosage

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

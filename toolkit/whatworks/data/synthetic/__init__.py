"""Synthetic London: invented counts and trials whose true effects are known."""

from __future__ import annotations

from whatworks.data.synthetic.areas import small_areas
from whatworks.data.synthetic.borough import one_borough
from whatworks.data.synthetic.city import City, london
from whatworks.data.synthetic.counts import Noise, Simulated, simulate_counts
from whatworks.data.synthetic.designs import NO_EFFECT, KnownEffects
from whatworks.data.synthetic.offences import OFFENCES, Offence, expected_counts
from whatworks.data.synthetic.table import SyntheticLondon, synthesise
from whatworks.data.synthetic.trial_place_days import place_days, place_days_list
from whatworks.data.synthetic.trial_spots import hotspots, hotspots_list
from whatworks.data.synthetic.trial_victims import restorative_justice, victims_list
from whatworks.data.synthetic.trial_wedge import stepped_wedge, stepped_wedge_list

__all__ = [
    "NO_EFFECT",
    "OFFENCES",
    "City",
    "KnownEffects",
    "Noise",
    "Offence",
    "Simulated",
    "SyntheticLondon",
    "expected_counts",
    "hotspots",
    "hotspots_list",
    "london",
    "one_borough",
    "place_days",
    "place_days_list",
    "restorative_justice",
    "simulate_counts",
    "small_areas",
    "stepped_wedge",
    "stepped_wedge_list",
    "synthesise",
    "victims_list",
]

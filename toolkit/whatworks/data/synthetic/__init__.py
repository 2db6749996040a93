"""Synthetic London: invented monthly counts for 32 boroughs whose true effects are known."""

from __future__ import annotations

from whatworks.data.synthetic.areas import small_areas
from whatworks.data.synthetic.borough import one_borough
from whatworks.data.synthetic.city import City, london
from whatworks.data.synthetic.counts import Noise, Simulated, simulate_counts
from whatworks.data.synthetic.designs import NO_EFFECT, KnownEffects
from whatworks.data.synthetic.offences import OFFENCES, Offence, expected_counts
from whatworks.data.synthetic.table import SyntheticLondon, synthesise

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
    "london",
    "one_borough",
    "simulate_counts",
    "small_areas",
    "synthesise",
]

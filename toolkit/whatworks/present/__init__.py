"""From a result to figures, tables and sentences; nothing here estimates anything."""

from __future__ import annotations

from whatworks.present.answer import answer
from whatworks.present.bacon import bacon
from whatworks.present.balance import balance_table
from whatworks.present.comparison import comparison
from whatworks.present.comparison_table import comparison_table
from whatworks.present.counts import counts_table
from whatworks.present.coverage import coverage
from whatworks.present.effect_rows import effect_rows
from whatworks.present.estimates import estimates
from whatworks.present.event_study import event_study
from whatworks.present.figure import FIGURE_MIME, Figure, Words
from whatworks.present.flow import flow
from whatworks.present.honest import honest
from whatworks.present.paths import cohort_paths, paths
from whatworks.present.power import power_curve, power_sizes
from whatworks.present.pretrend_power import pretrend_power
from whatworks.present.said import said
from whatworks.present.synth import donor_weights, synth_gap, synth_path, synth_ranking
from whatworks.present.tables import checks_table, design_table, effects_table, secondary_table
from whatworks.present.trial_balance import trial_balance

__all__ = [
    "FIGURE_MIME",
    "Figure",
    "Words",
    "answer",
    "bacon",
    "balance_table",
    "checks_table",
    "cohort_paths",
    "comparison",
    "comparison_table",
    "counts_table",
    "coverage",
    "design_table",
    "donor_weights",
    "effect_rows",
    "effects_table",
    "estimates",
    "event_study",
    "flow",
    "honest",
    "paths",
    "power_curve",
    "power_sizes",
    "pretrend_power",
    "said",
    "secondary_table",
    "synth_gap",
    "synth_path",
    "synth_ranking",
    "trial_balance",
]

"""Trials in which units change arms over time: crossovers of place-days and stepped wedges."""

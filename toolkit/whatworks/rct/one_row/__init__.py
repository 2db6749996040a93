"""Analyses of one row a unit: rows compared, adjustment, regressions, errors, answers."""

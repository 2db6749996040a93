"""Estimates linear in the outcome: saturated, imputed and stacked fits, their scores and bands."""

"""Cohorts and periods of counts: which units are heard, Poisson fits, rate ratios."""

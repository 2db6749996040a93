"""Effects by cohort and period: cells, weights, errors."""

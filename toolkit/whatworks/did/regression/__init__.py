"""What two-way regressions share: requirements, answers, other assignments, few treated clusters."""

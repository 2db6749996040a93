"""Start dates drawn by lot: what is estimated, contrasts of cohorts, Fisher's test."""

"""Randomisation tests: trials assigned again by their rule, statistics, effects not rejected."""

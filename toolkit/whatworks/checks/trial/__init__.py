"""Checks of a trial."""

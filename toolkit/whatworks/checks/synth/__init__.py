"""Checks of a synthetic control."""

"""Errors of a fit or of its influence values: sandwiches, jackknives, bootstraps, bands, joint tests."""

"""Fits that inference takes: least squares and Poisson, with and without absorbed effects."""

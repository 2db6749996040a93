"""Inference of synthetic controls: placebos, conformal tests, predictions, refits without some."""

"""Synthetic control, one method a file."""

from __future__ import annotations

from whatworks.synth.augmented import augmented
from whatworks.synth.classic import classic
from whatworks.synth.compare import SynthComparison, compare
from whatworks.synth.completion import completion
from whatworks.synth.interactive import interactive
from whatworks.synth.micro import micro
from whatworks.synth.penalised import penalised
from whatworks.synth.predictors import Predictors
from whatworks.synth.staggered import staggered
from whatworks.synth.synthdid import synthdid

__all__ = [
    "Predictors",
    "SynthComparison",
    "augmented",
    "classic",
    "compare",
    "completion",
    "interactive",
    "micro",
    "penalised",
    "staggered",
    "synthdid",
]

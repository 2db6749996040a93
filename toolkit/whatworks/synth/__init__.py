"""Synthetic control, one method a file."""

from __future__ import annotations

from whatworks.synth.classic import classic

__all__ = ["classic"]

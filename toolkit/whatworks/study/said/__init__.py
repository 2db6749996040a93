"""What a study says of itself beside its question: dates, sources, registration, answers to a checklist."""

from __future__ import annotations

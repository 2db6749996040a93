"""NotAvailable: absence with a reason, where a number would be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NotAvailable:
    """Stands where a number would be, and says why there is none."""

    reason: str

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        return f"not available: {self.reason}"


Number = float | NotAvailable

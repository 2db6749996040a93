"""The rows and sentences that a two-stage estimate brings, whether of taking it up or of a dose."""

from __future__ import annotations

import numpy as np

from whatworks.answer import bare_row
from whatworks.rct.take_up.two_stages import WEAK, Found
from whatworks.results import NotAvailable


def effect_rows(found: Found, words: tuple[str, str, str], nobody: str) -> list[dict[str, object]]:
    """Rows of a table: the two-stage effect, its Anderson–Rubin interval, both effects of assignment, and F.

    `words` are the terms of the effect, of the effect on the outcome and of the effect on take-up.
    """
    n, reason = found.columns.trial.n_rows, found.columns.choice.reason
    effect, itt, first = words
    rows = [
        bare_row(effect, np.nan, n, nobody),
        bare_row(f"{effect}, Anderson–Rubin interval", np.nan, n, nobody),
    ]
    if found.effect is not None:
        rows[0] = {"term": effect, **found.effect.row(0), "n": n}
        rows[1] |= {"estimate": found.effect.value[0], "reason": reason}
    if found.stages is None:
        rows += [bare_row(itt, found.itt, n, reason), bare_row(first, found.moved, n, reason)]
    else:
        rows += [
            {"term": term, **part.row(0), "n": n}
            for term, part in ((itt, found.stages.reduced), (first, found.stages.first))
        ]
    if isinstance(found.f, NotAvailable) and found.stages is not None:
        rows[3]["reason"] = found.f.reason
    if found.accepted is not None:
        low, high = (end if isinstance(end, float) else np.nan for end in found.accepted.ends)
        rows[1] |= {"low": low, "high": high, "p_value": rows[2]["p_value"]}
        rows[1]["reason"] = (
            "the interval comes from a test turned round, which has no standard error"
            if found.accepted.shape == "interval"
            else found.accepted.words()
        )
    f = found.f
    gap = f.reason if isinstance(f, NotAvailable) else "a test statistic has no interval"
    rows.append(bare_row("F of the first stage", f if isinstance(f, float) else np.nan, n, gap))
    if isinstance(f, float):
        rows[-1]["p_value"] = rows[3]["p_value"]
    return rows


def strength(found: Found) -> list[str]:
    """How strong the first stage is and what the Anderson–Rubin test says, in sentences."""
    if found.accepted is None:
        return []
    notes = []
    if found.weak:
        notes.append(
            f"The first stage is weak: F = {found.f:.3g}, below {WEAK:.0f}. The two-stage estimate leans "
            "towards the comparison of those who took it up with those who did not, its own interval "
            "covers too seldom or says too little, and the interval shown is Anderson and Rubin's."
        )
    elif isinstance(found.f, float):
        notes.append(f"First stage: F = {found.f:.4g}, robust.")
    notes.append(
        f"Anderson–Rubin: {found.accepted.words()}. It holds even where the first stage is weak, and its "
        "p-value is that of the effect of assignment."
    )
    return notes

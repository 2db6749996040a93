"""The status of a verdict as a chip: a sign, a word, and a tone that repeats what the word says."""

from __future__ import annotations

from whatworks.verdict import Verdict

_FOR: dict[bool | None, tuple[str, str]] = {
    True: ("good", ", for the better"),
    False: ("harm", ", for the worse"),
    None: ("neutral", ""),
}


def chip(verdict: Verdict) -> dict[str, str]:
    """The chip of a verdict as `word`, `symbol` and `tone` (good, harm, neutral, level, open)."""
    if verdict.status in ("fell", "rose"):
        tone, whose = _FOR[verdict.good]
        return {"word": f"{verdict.word}{whose}", "symbol": verdict.symbol, "tone": tone}
    tone = "level" if verdict.answered else "open"
    return {"word": verdict.word, "symbol": verdict.symbol, "tone": tone}

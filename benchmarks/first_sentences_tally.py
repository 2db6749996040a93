"""Drawn first sentences, counted: claims, finds and refusals, by row, by check and under other rules."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from whatworks import verdict
from whatworks.checks.regression_to_the_mean import NAME as PEAK
from whatworks.checks.synth.fit import HULL
from whatworks.results import CheckResult
from whatworks.verdict.gravity import Found, against

TITLES = {
    "nothing": "Nothing happened",
    "fall": "15% fewer",
    "worst": "The ten worst, and nothing happened",
}
MODES = {"nothing": (False, 1.0), "fall": (False, 0.85), "worst": (True, 1.0)}
"""Whether the ten worst are treated, and the share of their crimes that is left."""

CLAIMS = ("fell", "rose")
SURE = ("high", "moderate")
NO_REPORT = "no_report"


@dataclass(frozen=True, slots=True)
class Tally:
    """Draws of one row in one mode, counted by status.

    Attributes:
        said: what the first sentence says.
        sure: the same, of those at high or moderate certainty: below it the first sentence has a "but".
        bare: what it would say had no check been made.
    """

    said: Counter[str]
    sure: Counter[str]
    bare: Counter[str]

    @property
    def n(self) -> int:
        """How many draws."""
        return self.said.total()


def claims(counts: Mapping[str, int]) -> int:
    """First sentences that claim a change."""
    return sum(counts.get(word, 0) for word in CLAIMS)


def tally(draws: Iterable[Mapping[str, Any]]) -> Tally:
    """Count the draws; one without a report says nothing, and is counted under `no_report`."""
    drawn = list(draws)
    return Tally(
        Counter(draw["status"] for draw in drawn),
        Counter(draw["status"] for draw in drawn if draw.get("certainty") in SURE),
        Counter(draw["unchecked"] for draw in drawn),
    )


def _against(draw: Mapping[str, Any]) -> tuple[Found, ...]:
    checks = json.loads(draw.get("checks") or "{}")
    return against([CheckResult(name, found, "as recorded") for name, found in checks.items()])


@dataclass(frozen=True, slots=True)
class Rule:
    """Which checks would keep a first sentence from claiming a change, were the rules others.

    Attributes:
        refuses: whether a concern that refuses would, as a failed check does.
        spared: checks whose concern would not, though it refuses.
    """

    refuses: bool = True
    spared: tuple[str, ...] = ()

    def claims(self, draw: Mapping[str, Any]) -> bool:
        """Whether the sentence would still claim a change."""
        return draw["unchecked"] in CLAIMS and not any(
            one.weight == "failed"
            or (one.weight == "refusing" and self.refuses and one.name not in self.spared)
            for one in _against(draw)
        )


RULES = {
    "the rules as they are": Rule(),
    "outside the convex hull: a concern like others": Rule(spared=(HULL,)),
    "a peak: a concern like others": Rule(spared=(PEAK,)),
    "no concern refuses": Rule(refuses=False),
}


def share(count: int, n: int) -> str:
    """A share in percent with its standard error; with none or all, its one-sided 95% limit."""
    if not n:
        return "–"
    p, limit = count / n, 100 * (1 - 0.05 ** (1 / n))
    if count in (0, n):
        return f"100 (over {100 - limit:.0f})" if count else f"0 (under {limit:.0f})"
    return f"{100 * p:.0f} ± {100 * np.sqrt(p * (1 - p) / n):.1f}"


def tables(draws: list[dict[str, str]], rows: Mapping[str, str]) -> Iterator[str]:
    """Markdown: a table for each mode, how often each check spoke, other rules; `rows` by name in words."""
    for mode in MODES:
        of_mode = [draw for draw in draws if draw["mode"] == mode]
        if of_mode:
            yield from _by_row(mode, of_mode, rows)
    yield from _by_check(draws)
    yield from _by_rule(draws)


def _line(cells: Iterable[object]) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _by_row(mode: str, draws: list[dict[str, str]], rows: Mapping[str, str]) -> Iterator[str]:
    words = (*verdict.STATUSES, NO_REPORT)
    # where something did happen a rise is the false claim, and a fall the find
    kind = "found" if mode == "fall" else "false claims"
    shares = (kind, "with no “but”: at high or moderate certainty", "had no check been made")
    head = ["template and places", "draws", *(word.replace("_", " ") for word in words), *shares]
    yield f"\n### {TITLES[mode]}\n"
    yield _line(head)
    yield _line(["---"] * len(head))
    for name in (name for name in rows if any(draw["row"] == name for draw in draws)):
        t = tally(draw for draw in draws if draw["row"] == name)
        cells = [share(k, t.n) for k in counted(t, mode)]
        yield _line([rows[name], t.n, *(t.said[word] for word in words), *cells])
    t = tally(draws)
    yield _line(["all", t.n, *(t.said[word] for word in words), *_overall(draws, mode)])


def counted(found: Tally, mode: str) -> list[int]:
    """Claims by the three ways of counting; where something fell, only those that say so."""
    ways = (found.said, found.sure, found.bare)
    return [way["fell"] if mode == "fall" else claims(way) for way in ways]


def _overall(draws: list[dict[str, str]], mode: str) -> list[str]:
    """Shares of all rows; rows share their draws, so the errors are those of whole draws."""
    of_draw = [tally(d for d in draws if d["draw"] == k) for k in sorted({d["draw"] for d in draws})]
    sizes = np.array([t.n for t in of_draw])
    numbers = np.array([counted(t, mode) for t in of_draw])
    shares = numbers.sum(axis=0) / sizes.sum()
    errors = np.sqrt(((numbers - np.outer(sizes, shares)) ** 2).sum(axis=0)) / sizes.sum()
    return [f"{100 * p:.1f} ± {100 * e:.1f}" for p, e in zip(shares, errors, strict=True)]


def _by_check(draws: list[dict[str, str]]) -> Iterator[str]:
    """Concerns and fails where nothing happened, and fails where the bare result made a claim, by mode."""
    spoke: dict[str, Counter[str]] = {}
    made = Counter(draw["mode"] for draw in draws if draw["unchecked"] in CLAIMS)
    for draw in draws:
        mode = draw["mode"]
        for name, found in json.loads(draw["checks"] or "{}").items():
            count = spoke.setdefault(name, Counter())
            count[f"{mode} run"] += found != "not_applicable"
            count[f"{mode} {found}"] += 1
            count[f"{mode} {found} at a claim"] += draw["unchecked"] in CLAIMS
    words = ("concern", "fail", "not_informative")
    stopped = [f"fails at a claim, {TITLES[mode].lower()} (of {made[mode]})" for mode in MODES]
    head = ["check", "could be run", *(word.replace("_", " ") for word in words), *stopped]
    yield "\n### Checks\n"
    yield _line(head)
    yield _line(["---"] * len(head))
    for name, c in spoke.items():
        shares = [share(c[f"nothing {word}"], c["nothing run"]) for word in words]
        fails = [c[f"{mode} fail at a claim"] for mode in MODES]
        yield _line([name, c["nothing run"], *shares, *fails])


def _by_rule(draws: list[dict[str, str]]) -> Iterator[str]:
    """Claims under other rules, of all rows together; where something fell, only those that say so."""
    yield "\n### Other rules\n"
    yield _line(["rules", *TITLES.values()])
    yield _line(["---"] * (1 + len(TITLES)))
    for words, rule in RULES.items():
        cells = []
        for mode in MODES:
            of_mode = [draw for draw in draws if draw["mode"] == mode]
            right = [d for d in of_mode if rule.claims(d) and (mode != "fall" or d["unchecked"] == "fell")]
            cells.append(share(len(right), len(of_mode)))
        yield _line([words, *cells])

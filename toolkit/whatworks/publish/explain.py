"""The sentences of a report around its numbers: what was asked, how sure, what limits it."""

from __future__ import annotations

from collections import Counter

from whatworks.checks.honest_bounds import NAME as HONEST_BOUNDS
from whatworks.present import tables
from whatworks.publish.words import StudyWords
from whatworks.results import RATE_RATIO, CheckVerdict, NotAvailable, Result
from whatworks.shown import words

FEW_CLUSTERS = 40
"""Below this many independent groups a report warns that margins of error are themselves uncertain."""

_MOVED = "Whether crime moved to or from neighbouring areas was not tested."
_TOUCHED = (
    "Whether what was done in one arm reached the other (crime that moved, people who talk to each other) "
    "was not tested."
)

_COUNTED: dict[CheckVerdict, tuple[str, str]] = {
    "pass": ("passed", "passed"),
    "concern": ("raises a concern", "raise a concern"),
    "fail": ("failed", "failed"),
    "not_informative": ("is not informative", "are not informative"),
    "not_applicable": ("does not apply", "do not apply"),
}


def asked(study: StudyWords) -> list[tuple[str, str]]:
    """What was asked, as pairs of a word and what the study says; what it does not say is left out."""
    pairs = (
        ("Question", study.question),
        ("Intervention", study.intervention),
        ("How it was meant to work", study.theory_of_change),
        ("Expected beforehand", study.hypothesis),
        ("Primary outcome", study.primary_outcome or words.capital(study.subject)),
        ("Effect measured", study.estimand),
    )
    return [(name, words.sentence(text)) for name, text in pairs if text.strip()]


def sure(result: Result, *, unit: str = "") -> list[str]:
    """How to read the interval, and how it was found, in the words of repeated studies.

    `unit` is the study's own unit, where its changes are told in that and not in percent.
    """
    estimate = result.headline
    missing = [n for n in (estimate.value, estimate.low, estimate.high) if isinstance(n, NotAvailable)]
    if missing:
        return [
            "No honest margin of error can be given for this result.",
            words.sentence(missing[0].reason),
            "Read the number as a description of what was seen, not as evidence of an effect.",
        ]
    share = 100 * estimate.level
    likely = f"about {share:.10g}"
    told = [
        f"The margin of error is a {words.level(estimate.level)} interval. It means this: if 100 studies "
        f"like this one were made, each giving an interval in the same way, {likely} of the intervals would "
        "contain the true change. This is one such interval; we cannot know whether it is one that does.",
        f"How it was found: {words.sentence(estimate.inference)}",
    ]
    told += [] if unit else one_interval(result)
    if not isinstance(estimate.p_value, NotAvailable):
        told.append(
            "If the intervention changed nothing, a difference at least this large would turn up by chance "
            f"with probability {_probability(estimate.p_value)} (the p-value). That is not the probability "
            "that the intervention changed nothing."
        )
    return told


def one_interval(result: Result) -> list[str]:
    """That percents and the outcome's own unit tell one interval, and why its ends seem to differ.

    Nothing where the page has one scale only: no percent change, or a ratio. What would have happened, if an
    end were the true change x, is the base b of its percent 100·x/b.
    """
    head, share = result.headline, result.relative
    if isinstance(share, NotAvailable) or head.scale == RATE_RATIO:
        return []
    ends = (head.low, head.high, share.low, share.high)
    known = [n for n in ends if not isinstance(n, NotAvailable)]
    if len(known) < len(ends) or not known[1] or not known[3]:
        return []
    low, high, _, percent = known
    shown = [words.number(n) for n in (low, high, 100 * high / percent)]
    return [
        f"The percents on this page and the numbers in its tables ({head.scale}) are one interval, from the "
        f"same test: {shown[0]} to {shown[1]} there. Each end is put in percent of what would have happened "
        f"were that end true, so the two ends have different bases: at {shown[1]} it would have been "
        f"{shown[2]} without the intervention, a change of "
        f"{words.signed(percent, words.percent_decimals([percent]))}%."
    ]


def rests(result: Result) -> list[str]:
    """What was found with the assumption of parallel trends relaxed, in sentences; nothing if it was not."""
    found = [check for check in result.checks if check.name == HONEST_BOUNDS]
    if not found:
        return []
    assumed = (
        "The answer takes for granted that, without the intervention, treated and comparison areas would "
        "have moved in parallel. Nobody can know that. This is what can be said about it:"
    )
    parts = [part for check in found for part in check.reason.split(". ", 1)]
    return [assumed, *map(words.sentence, parts)]


def checks_said(result: Result, study: StudyWords) -> str:
    """How many checks there are and how they came out, in a sentence."""
    owed = tables.missing_checks(result, study.checks_owed)
    counted = Counter(check.verdict for check in result.checks)
    total = len(result.checks)
    if not total and not owed:
        return "No check was made. The result stands on the design alone."
    parts = [
        f"{counted[kind]} {names[counted[kind] != 1]}" for kind, names in _COUNTED.items() if counted[kind]
    ]
    text = (
        f"{total} check{'' if total == 1 else 's'}: {words.listed(parts)}." if total else "No check was made."
    )
    if owed:
        text += f" {len(owed)} promised in the protocol {'is' if len(owed) == 1 else 'are'} missing."
    return text


def limits(result: Result, study: StudyWords) -> list[str]:
    """What a reader must keep in mind, in sentences; never empty."""
    found = [words.sentence(text) for text in (*study.limits, *result.notes)]
    for verdict, said in (("fail", "failed"), ("concern", "raised a concern")):
        names = [tables.check_name(check.name) for check in result.checks if check.verdict == verdict]
        if names:
            quoted = words.listed(f"“{name}”" for name in names)
            many = "checks" if len(names) > 1 else "check"
            found.append(f"The {many} {quoted} {said}; read what was found before relying on the number.")
    clusters = result.design.n_clusters
    if clusters < FEW_CLUSTERS:
        found.append(
            f"The data fall into {clusters} independent group{'' if clusters == 1 else 's'} (clusters). "
            "With so few, the margin of error is itself uncertain."
        )
    if not any(word in check.name.lower() for check in result.checks for word in ("spill", "displac")):
        found.append(_TOUCHED if result.method.startswith("rct.") else _MOVED)
    found.append("This is one study, in one place and time; elsewhere the change may differ.")
    return list(dict.fromkeys(found))


def _probability(p: float) -> str:
    return "below 0.001" if p < 0.001 else f"{p:.3f}"

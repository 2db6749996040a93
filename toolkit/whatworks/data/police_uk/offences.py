"""Which labels can be counted over a whole window: vocabularies compared, cut files found out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from whatworks.data.police_uk.words import Era, era_of, eras_of
from whatworks.errors import OptionError, SourceError, did_you_mean, first_few

Vocabulary = Literal["strict", "common"]


@dataclass(frozen=True, slots=True)
class Offences:
    """The labels of the table, which published label counts under which (by first month of its era), and
    what the reader must know about the words.
    """

    names: tuple[str, ...]
    target: Mapping[tuple[str, str], str]
    sentences: tuple[str, ...]


def comparable(
    seen: Mapping[str, Mapping[str, Collection[str]]],
    *,
    eras: tuple[Era, ...],
    vocabulary: Vocabulary,
    offences: Sequence[str] | None,
    what: str,
    seen_only: bool = False,
) -> Offences:
    """The labels that mean the same in every month of a table, so that a zero is a count of none.

    `seen` holds, by force and month, the labels found. A label that did not exist in some month of the
    window, or meant something else there, is left out (`strict`) or counted with its neighbours under the
    widest label that did not change (`common`). Files cut to some labels, which hold fewer than half of a
    vocabulary, give only the labels they hold; with `seen_only` a label that no file holds is not in the
    table either. Raises `OptionError` for an offence asked for that cannot be counted over the window,
    `SourceError` when none can.
    """
    months = sorted({month for by_month in seen.values() for month in by_month})
    touched = eras_of(months, eras)
    target = _targets(touched, vocabulary, seen, eras)
    names = sorted(set(target.values()))
    sentences = _sentences(touched, months, eras, names, what, target)
    if seen_only:
        found = {key for by_month in seen.values() for key in _keys(by_month, eras)}
        names = sorted({name for key, name in target.items() if key in found})
        sentences += _not_throughout(seen, months, eras, what)
    kept = [
        name
        for name in names
        if seen_only or all(_holds(name, target, by_month, eras) for by_month in seen.values())
    ]
    if len(kept) < len(names):
        sentences.append(
            f"The files are cut to some {what}s: they hold only {first_few(kept, 8) or 'none'}, so that any "
            f"other {what} would be a false zero and is not in the table."
        )
    if not kept:
        raise SourceError(
            f"no {what} means the same in every month from {months[0]} to {months[-1]}",
            where=what,
            remedy="Narrow the months.",
        )
    chosen = kept if offences is None else _asked(offences, kept, target, touched, what, months)
    return Offences(
        tuple(chosen),
        {key: name for key, name in target.items() if name in set(chosen)},
        tuple(sentences),
    )


def _targets(
    touched: tuple[Era, ...],
    vocabulary: Vocabulary,
    seen: Mapping[str, Mapping[str, Collection[str]]],
    eras: tuple[Era, ...],
) -> dict[tuple[str, str], str]:
    if not eras:
        labels = {label for by_month in seen.values() for found in by_month.values() for label in found}
        return {("", label): label for label in labels}
    wide = vocabulary == "common" and len(touched) > 1

    def meaning(era: Era, label: str) -> str | None:
        return era.common.get(era.meanings[label]) if wide else era.meanings[label]

    shared = set.intersection(*({meaning(era, label) or "" for label in era.meanings} for era in touched))
    plain = {label for era in eras for label in era.meanings}
    target = {}
    for era in touched:
        for label in era.meanings:
            name = meaning(era, label)
            if name in shared and name:
                # inside one era a label keeps its own name, unless its meaning is a published name as well
                target[era.first, label] = name if wide or name in plain else label
    if len(touched) == 1:
        era = touched[0]
        unknown = {label for by_month in seen.values() for found in by_month.values() for label in found}
        target |= {(era.first, label): label for label in unknown - set(era.meanings)}
    return target


def _keys(by_month: Mapping[str, Collection[str]], eras: tuple[Era, ...]) -> set[tuple[str, str]]:
    return {
        (era_of(month, eras).first if eras else "", label)
        for month, labels in by_month.items()
        for label in labels
    }


def _not_throughout(
    seen: Mapping[str, Mapping[str, Collection[str]]],
    months: Sequence[str],
    eras: tuple[Era, ...],
    what: str,
) -> list[str]:
    """Labels without a published period that begin or end inside the window: zeros outside may be false."""
    spans: dict[str, list[str]] = {}
    for by_month in seen.values():
        for month, labels in by_month.items():
            for label in labels:
                spans.setdefault(label, []).append(month)
    partly = [
        f"{label} ({min(found)} to {max(found)})"
        for label, found in sorted(spans.items())
        if not eras and (min(found) > months[0] or max(found) < months[-1])
    ]
    if not partly:
        return []
    return [
        f"Each {what} found in part of the window only, so that zeros outside its span may only mean that "
        f"it was not in use: {'; '.join(partly)}."
    ]


def _holds(
    name: str,
    target: Mapping[tuple[str, str], str],
    by_month: Mapping[str, Collection[str]],
    eras: tuple[Era, ...],
) -> bool:
    """Whether a force's files can tell a zero of this label: they are not cut, or they hold all its parts."""
    if not eras or not by_month:
        return True
    for era in eras_of(by_month, eras):
        found = {
            label for month, labels in by_month.items() if era_of(month, eras) is era for label in labels
        }
        parts = {label for (first, label), to in target.items() if first == era.first and to == name}
        if len(found) * 2 < len(era.meanings) and not parts <= found:
            return False
    return True


def _sentences(
    touched: tuple[Era, ...],
    months: Sequence[str],
    eras: tuple[Era, ...],
    names: Sequence[str],
    what: str,
    target: Mapping[tuple[str, str], str],
) -> list[str]:
    if len(touched) < 2:
        return []
    changes = [era.first for era in touched[1:]]
    left = sorted({label for era in touched for label in era.meanings if (era.first, label) not in target})
    sentences = [
        f"The {what}s in use changed at {' and '.join(changes)}, inside the window {months[0]} to "
        f"{months[-1]}; the table holds the {len(names)} that can be compared over it: {', '.join(names)}."
    ]
    renamed = sorted({(label, to) for (_, label), to in target.items() if label != to})
    if renamed:
        pairs = "; ".join(f"{label} as {to}" for label, to in renamed)
        sentences.append(f"Counted under one label: {pairs}.")
    if left:
        sentences.append(
            f"Left out, because in some month they did not exist or meant something else: {', '.join(left)}."
        )
    return sentences


def _asked(
    offences: Sequence[str],
    kept: Sequence[str],
    target: Mapping[tuple[str, str], str],
    touched: tuple[Era, ...],
    what: str,
    months: Sequence[str],
) -> list[str]:
    for name in offences:
        if name in kept:
            continue
        span = f"every month from {months[0]} to {months[-1]}"
        known = name in target.values() or any(name in era.meanings for era in touched)
        raise OptionError(
            f"{name!r} cannot be counted over {span}" if known else f"there is no {what} {name!r}",
            where="offences",
            remedy=f"{did_you_mean(name, kept)}Over {span} these files give {', '.join(kept)}. "
            "Narrow the months or, for neighbouring vocabularies, choose vocabulary='common'.",
        )
    return list(dict.fromkeys(offences))

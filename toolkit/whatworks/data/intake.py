"""What happened to the files on the way in: read, used, dropped and why, missing, revised."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path

from whatworks.shown import Card, Part, Shown

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file that was read: its name without folders, the SHA-256 of its bytes, its data rows."""

    name: str
    sha256: str
    rows: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """Rows of a source that are not in the table: why, how many, and one of them in words."""

    reason: str
    rows: int
    example: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """Two snapshots of one month: which file was chosen, over how many cells they differ, by how much.

    `difference` is the total of the chosen file minus the total of the other, in crimes, over the cells that
    can be compared; `cells` counts the area × offence cells that are not equal.
    """

    month: str
    chosen: str
    other: str
    cells: int
    difference: int


@dataclass(frozen=True, slots=True, repr=False)
class IntakeReport(Shown):
    """Everything a reader of the table must know about the files it came from.

    Names are file names without folders, so the report is the same wherever the data lie.
    Sentences (`vocabulary`, `code_vintages`, `notes`) name the month or file they are about.
    """

    files: tuple[SourceFile, ...]
    rows_read: int = 0
    rows_used: int = 0
    dropped: tuple[Dropped, ...] = ()
    duplicates: int = 0
    months_missing: tuple[str, ...] = ()
    months_partial: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] = ()
    code_vintages: tuple[str, ...] = ()
    snapshots: tuple[Difference, ...] = ()
    filled_zeros: int = 0
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """The report as plain lists, texts and whole numbers, in the order of its fields, ready for JSON."""
        return {field.name: _plain(getattr(self, field.name)) for field in dataclasses.fields(self)}

    def text(self) -> str:
        """The report as lines of plain text, one fact a line, without a final line break."""
        lines = []
        for title, items in self._sections():
            if len(items) == 1:
                lines.append(f"{title}: {items[0]}")
            elif items:
                lines.append(f"{title}:")
                lines.extend(f"  - {item}" for item in items)
        return "\n".join(lines)

    def parts(self) -> tuple[Part, ...]:
        """What happened to the files, a fact a line."""
        facts = ((title, "\n".join(items)) for title, items in self._sections() if items)
        return (Card("Intake report", tuple(facts)),)

    def _sections(self) -> list[tuple[str, list[str]]]:
        return [
            ("Files", [f"{f.name} ({f.rows:,} rows, sha256 {f.sha256[:12]})" for f in self.files]),
            ("Rows read", [f"{self.rows_read:,}"]),
            ("Rows used", [f"{self.rows_used:,}"]),
            ("Dropped", [_dropped_sentence(item) for item in self.dropped] or ["nothing"]),
            ("Duplicates", [f"{self.duplicates:,}"]),
            ("Months missing", _joined(self.months_missing) or ["none"]),
            ("Months partial", _joined(self.months_partial) or ["none"]),
            ("Vocabulary", list(self.vocabulary)),
            ("Area codes", list(self.code_vintages)),
            ("Two snapshots of a month", _snapshot_sentences(self.snapshots)),
            ("Zeros filled in", [f"{self.filled_zeros:,} cells"]),
            ("Notes", list(self.notes)),
        ]


def source_file(path: Path, rows: int) -> SourceFile:
    """Describe a file on disk: its name, the SHA-256 of its bytes, the number of data rows read from it."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            digest.update(chunk)
    return SourceFile(path.name, digest.hexdigest(), rows)


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return value


def _dropped_sentence(item: Dropped) -> str:
    example = f" (for example {item.example})" if item.example else ""
    return f"{item.rows:,} rows: {item.reason}{example}"


def _snapshot_sentences(items: tuple[Difference, ...]) -> list[str]:
    pairs: dict[tuple[str, str], list[Difference]] = {}
    for item in items:
        pairs.setdefault((item.chosen, item.other), []).append(item)
    sentences = []
    for (chosen, other), found in pairs.items():
        months = sorted(found, key=lambda item: item.month)
        differ = [item for item in months if item.cells]
        text = (
            f"{months[0].month} to {months[-1].month}, {len(months):,} months: {chosen} chosen over {other}; "
        )
        if differ:
            worst = max(differ, key=lambda item: abs(item.difference))
            text += (
                f"{sum(item.cells for item in differ):,} cells differ in {len(differ):,} months, "
                f"{sum(item.difference for item in differ):+,} crimes in all, "
                f"most in {worst.month} ({worst.difference:+,})"
            )
        else:
            text += "no cell differs"
        sentences.append(text)
    return sentences


def _joined(months: tuple[str, ...]) -> list[str]:
    return [", ".join(months)] if months else []

"""How far a run is: a bar on a terminal, a plain line for each of several studies elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Tell = Callable[[int, int, str], None]
"""Told before each cell: how many are done, how many there are, what this one is about."""
Render = Callable[..., str]

STARTING = "starting the kernel"
REPORT = "making the report"
_THEN_REPORT = ", then the report"
_WORDS = 38
"""What is left of 80 columns beside the bar, the steps done and the time."""


class Batch:
    """Studies that run one after the other; knows which one it is at and how long those before it took.

    The time left is the mean time of the studies that have run times those that are left: nothing before the
    first has run, and a study that stopped before its first cell does not count.
    """

    def __init__(self, total: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.total = total
        self.at = 0
        self._clock = clock
        self._took: list[float] = []

    @contextmanager
    def study(self, slug: str) -> Iterator[Step]:
        """What to tell while one study runs: a bar on a terminal, else a line where there are several."""
        self.at += 1
        began = self._clock()
        step = Step()
        title = f"{self.at} of {self.total}: {slug}" if self.total > 1 else slug
        try:
            with self._shown(title, began) as step.show:
                yield step
        finally:
            if step.ran:
                self._took.append(self._clock() - began)

    def left(self, spent: float) -> str:
        """How long the rest takes, in words; `spent` seconds of this study are over. "" where unknown."""
        if not self._took or self.total < 2:
            return ""
        mean = sum(self._took) / len(self._took)
        seconds = mean * (self.total - self.at) + max(mean - spent, 0.0)
        return f"about {duration(seconds)} left"

    @contextmanager
    def _shown(self, title: str, began: float) -> Iterator[Tell | None]:
        if sys.stderr.isatty():
            with _bar(title, lambda: self.left(self._clock() - began)) as tell:
                yield tell
            return
        if self.total > 1:
            left = self.left(0.0)
            sys.stderr.write(f"{title}{f' ({left}, if the rest take as long)' if left else ''}\n")
            sys.stderr.flush()
        yield None


class Step:
    """One study under way: `tell` goes to the run, `around` puts the report among its steps."""

    def __init__(self) -> None:
        self.ran = False
        self.show: Tell | None = None
        self._cells = 1

    def tell(self, done: int, total: int, words: str) -> None:
        """Say what the study is at; the last cell is followed by the report."""
        self.ran = True
        self._cells = total
        if self.show is not None:
            then = _THEN_REPORT if done == total - 1 else ""
            self.show(done, total, _cut(words, _WORDS - len(then)) + then)

    def around(self, render: Render) -> Render:
        """The renderer of a report that says that it is at work."""

        def told(*given: Any) -> str:
            if self.show is not None:
                self.show(self._cells, self._cells, REPORT)
            return render(*given)

        return told


def duration(seconds: float) -> str:
    """Seconds in words, as finely as an estimate deserves."""
    if seconds < 90:
        return f"{max(round(seconds / 5) * 5, 5)} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _cut(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 1]}…"


@contextmanager
def _bar(title: str, left: Callable[[], str]) -> Iterator[Tell]:
    from rich.console import Console, RenderableType
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.text import Text

    class Titled(Progress):
        """A bar under a line that says where it is and how long the rest takes, drawn anew while it runs."""

        def get_renderables(self) -> Iterator[RenderableType]:
            yield Text(
                " · ".join(part for part in (title, left()) if part), overflow="ellipsis", no_wrap=True
            )
            yield from super().get_renderables()

    columns = (
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Titled(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(STARTING, total=None)

        def tell(done: int, total: int, words: str) -> None:
            bar.update(task, completed=done, total=total, description=escape(words), refresh=True)

        yield tell

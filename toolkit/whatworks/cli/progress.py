"""Progress on a terminal, cell by cell; silent where nobody watches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def shown(title: str) -> Iterator[Callable[[int, int, str], None] | None]:
    """A function to call before each step (done, total, words); None where standard error is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"{escape(title)}: starting", total=None)

        def tell(done: int, total: int, words: str) -> None:
            short = words if len(words) <= 48 else f"{words[:47]}…"
            bar.update(task, completed=done, total=total, description=f"{escape(title)}: {escape(short)}")

        yield tell

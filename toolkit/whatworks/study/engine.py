"""Run a notebook in a fresh kernel of this very Python, in surroundings that are the same everywhere."""

from __future__ import annotations

import copy
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whatworks.errors import RunError
from whatworks.study import tidy_notebook
from whatworks.study.template import Template

Progress = Callable[[int, int, str], None]
"""Told before each code cell: how many are done, how many there are, what this one is about."""

KERNEL = "python3"
START_SECONDS = 180
_SOCKET_PATH_LIMIT = 90

_FIXED = {
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    # said once, when a package is first compiled, and never again
    "PYTHONWARNINGS": "ignore::SyntaxWarning",
    "TZ": "UTC",
    "LC_ALL": "C.UTF-8",
    "LANG": "C.UTF-8",
    "LANGUAGE": "",
    "COLUMNS": "110",
    # sums split over threads end in other last digits
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "BLIS_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
}
_DROPPED = ("PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONOPTIMIZE", "MPLBACKEND", "MPLSTYLE")


@dataclass(frozen=True, slots=True)
class Executed:
    """A notebook that ran to its end, tidied so that the same inputs give the same bytes."""

    notebook: Any


def execute(
    template: Template,
    parameters: Mapping[str, Any],
    *,
    folder: Path,
    names: Mapping[str, str],
    progress: Progress | None = None,
) -> Executed:
    """Run `template` with `parameters` in `folder` (the workspace) and hand back the tidied notebook.

    `names` maps absolute folders to the words that stand for them in outputs. Raises `RunError` naming the
    cell and the error in words; `StudyError` never comes from here.
    """
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    notebook = _prepared(template)
    seat = _Seat(notebook, progress)
    with _scratch() as scratch:
        try:
            ran = papermill.execute_notebook(
                notebook,
                None,
                parameters=dict(parameters),
                kernel_name=KERNEL,
                progress_bar=False,
                start_timeout=START_SECONDS,
                kernel_manager_class=_kernel_class(scratch, folder),
                on_cell_start=seat.start,
            )
        except PapermillExecutionError as problem:
            raise _cell_error(problem, seat, template, names) from problem
        except DeadKernelError as problem:
            raise RunError(
                f"the kernel died in {seat.words()}",
                where=f"template {template.name}",
                remedy="Something ended it: out of memory, or killed. Nothing was written; run again.",
            ) from problem
        except (CellTimeoutError, TimeoutError, RuntimeError) as problem:
            raise RunError(
                f"the kernel did not answer in {seat.words()}: {problem}",
                where=f"template {template.name}",
                remedy="The machine may be overloaded; run again. Nothing was written.",
            ) from problem
        words = {str(scratch): "(temporary)", **names}
        return Executed(tidy_notebook.tidied(ran, words))


class _Seat:
    """Where the run is: which cell has started, for progress and for messages."""

    def __init__(self, notebook: Any, progress: Progress | None) -> None:
        self.titles = _titles(notebook)
        self.progress = progress
        self.done = 0
        self.cell: Any = None

    def start(self, cell: Any, cell_index: int) -> None:
        if cell.cell_type != "code":
            return
        self.cell = cell
        if self.progress is not None:
            self.progress(self.done, len(self.titles) + 1, self.titles.get(cell.get("id", ""), "Parameters"))
        self.done += 1

    def words(self) -> str:
        if self.cell is None:
            return "its start, before the first cell"
        name = self.cell.get("id", "")
        return f"cell {name!r} ({self.titles.get(name, 'the parameters')})"


def _prepared(template: Template) -> Any:
    import nbformat

    notebook = copy.deepcopy(template.notebook)
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": KERNEL},
            "language_info": {"name": "python"},
        }
    )
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def _titles(notebook: Any) -> dict[str, str]:
    """For each code cell the heading it stands under."""
    titles, heading = {}, "Set up"
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            found = re.findall(r"(?m)^#{1,6}\s+(.+?)\s*$", cell.source)
            heading = found[-1] if found else heading
        elif cell.cell_type == "code":
            titles[cell.get("id", "")] = heading
    return titles


@contextmanager
def _scratch() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="whatworks-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _environment(scratch: Path) -> dict[str, str]:
    kept = {
        k: v for k, v in os.environ.items() if k not in _DROPPED and not k.startswith(("JUPYTER", "JPY_"))
    }
    # profiles, start-up files and plot styles of whoever runs it must not reach the result
    (scratch / "matplotlibrc").write_text("", encoding="utf-8")
    own = {"IPYTHONDIR": str(scratch / "ipython"), "MATPLOTLIBRC": str(scratch / "matplotlibrc")}
    return {**kept, **_FIXED, **own, "JUPYTER_RUNTIME_DIR": str(scratch)}


def _kernel_class(scratch: Path, folder: Path) -> type:
    """A kernel manager of this Python over local sockets: no port to race for, no kernelspec to install."""
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    environment = _environment(scratch)
    local = os.name == "posix" and len(str(scratch)) < _SOCKET_PATH_LIMIT
    spec = KernelSpec(
        argv=[
            sys.executable,
            "-m",
            "ipykernel_launcher",
            "-f",
            "{connection_file}",
            "--HistoryManager.enabled=False",
        ],
        display_name="Python 3",
        language="python",
    )

    class ThisPython(AsyncKernelManager):  # type: ignore[misc]
        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            self.transport = "ipc" if local else "tcp"
            self.connection_file = str(scratch / "kernel.json")

        @property
        def kernel_spec(self) -> Any:
            return spec

        async def start_kernel(self, **settings: Any) -> None:
            # what the process itself says (not its cells) is not for the reader's terminal
            with (scratch / "kernel.log").open("wb") as log:
                own = {"env": environment, "cwd": str(folder), "stdout": log, "stderr": log}
                await super().start_kernel(**{**settings, **own})

    return ThisPython


def _cell_error(problem: Any, seat: _Seat, template: Template, names: Mapping[str, str]) -> RunError:
    text = tidy_notebook.plain_text(str(problem.evalue), names).strip()
    what, _, remedy = text.partition("\n  What to do: ")
    kind = "" if remedy or "Error: " in what else f"{problem.ename}: "
    return RunError(
        f"{seat.words()} stopped: {kind}{what or problem.ename}",
        where=f"template {template.name}",
        remedy=remedy
        or "The old record is untouched. Open the template with `whatworks lab` to look closer.",
    )

"""Random assignment from a list, with a record that can be replayed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whatworks.cli.help import Command
from whatworks.errors import OptionError, RecordError, choose

if TYPE_CHECKING:
    from whatworks.rct import Allocation

_DESIGNS = {
    "complete": "Complete",
    "blocked": "Blocked",
    "pairs": "Pairs",
    "crossover": "Crossover",
    "rota": "Rota",
    "stepped_wedge": "SteppedWedge",
}
_FIRST = {"blocked": "blocked:by=COLUMN", "pairs": "pairs:on=COLUMN", "crossover": "crossover:periods=90"}
_FIRST |= {"rota": "rota:periods=90,treated=10", "stepped_wedge": "stepped_wedge:steps=6,first=3"}

_Seed = Annotated[
    str, typer.Option(metavar="NUMBER", help="A whole number, agreed in public before this call.")
]
_Design = Annotated[
    str,
    typer.Option(
        metavar="DESIGN",
        help="complete, blocked:by=A+B, pairs:on=A+B, crossover:periods=90, "
        "rota:periods=90,treated=10, stepped_wedge:steps=6,first=3.",
    ),
]
_Arms = Annotated[str, typer.Option(metavar="LABELS", help="Labels of the arms, control first.")]
_Cluster = Annotated[str, typer.Option(metavar="COLUMN", help="Column with what is assigned as a whole.")]
_Balance = Annotated[
    str, typer.Option(metavar="RULE", help="on=A+B,accept=0.1: draw again until arms are alike.")
]
_Out = Annotated[
    Path, typer.Option(metavar="NAME", help="Where to write: NAME makes NAME.json and NAME.csv.")
]
_Replay = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A record: draw again and say whether it comes out the same."),
]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(cls=Command)(randomise)


def randomise(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet file: the list, one row per unit.")],
    unit: Annotated[str, typer.Option(metavar="COLUMN", help="Column with the unit's label.")] = "",
    seed: _Seed = "",
    design: _Design = "complete",
    arms: _Arms = "control,treatment",
    cluster: _Cluster = "",
    balance: _Balance = "",
    out: _Out = Path("allocation"),
    replay: _Replay = None,
) -> None:
    """Assign the units of a list to arms by chance, or replay a record of it."""
    if replay is not None:
        _replayed(replay, file)
        return
    if not unit or not seed:
        name = "--seed" if unit else "--unit"
        raise OptionError("is not given", where=name, remedy="Give --unit COLUMN and --seed NUMBER.")
    from whatworks.data.tables import read_table
    from whatworks.inference.settings import read, settings
    from whatworks.rct import Balance
    from whatworks.rct import randomise as draw

    labels = () if design.startswith("stepped_wedge") else _parts(arms)
    drawn = draw(
        read_table(file),
        unit=unit,
        seed=read(int, seed, "--seed"),
        design=_drawn_by(design),
        cluster=cluster or None,
        balance=Balance(**settings(Balance, "--balance", balance)) if balance else None,
        **({"arms": labels} if labels else {}),
    )
    _written(drawn, out)


def read_record(record: Path, listed: Path | None = None) -> Allocation:
    """The allocation of a record's file, replayed on the list where that is given.

    Raises `RecordError` for a file that is no record, or one that the list does not bring out again.
    """
    from whatworks.data.tables import read_table
    from whatworks.rct import Allocation
    from whatworks.rct import replay as draw_again

    held = Allocation.from_json(_record_text(record))
    return held if listed is None else draw_again(held, read_table(listed))


def _record_text(record: Path) -> str:
    """The text of a file that says it is a record; raises `RecordError` for any other."""
    try:
        text = record.read_text(encoding="utf-8")
        json.loads(text)["schema"]
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise RecordError(
            "this is no allocation record, or it cannot be read",
            where=str(record),
            remedy="Give the .json file that `whatworks randomise` wrote.",
        ) from problem
    return text


def _replayed(record: Path, listed: Path) -> None:
    _record_text(record)  # a file that is no record is bad input; one that comes out otherwise is a finding
    try:
        held = read_record(record, listed)
    except RecordError as problem:
        typer.echo(f"whatworks: {problem}", err=True)
        raise typer.Exit(1) from problem
    typer.echo(f"match: {held.record['algorithm']} Seed {held.record['seed']}, SHA-256 {held.hash}.")


def _drawn_by(text: str) -> Any:
    from whatworks import rct
    from whatworks.inference.settings import settings

    word, _, given = text.partition(":")
    kind = getattr(rct, _DESIGNS[choose("design", word, _DESIGNS, where="--design")])
    try:
        return kind(**settings(kind, f"design {word}", given))
    except TypeError as problem:
        raise OptionError(
            f"{word} lacks a setting",
            where="--design",
            remedy=f"Write it as in {_FIRST.get(word, word)}.",
        ) from problem


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _written(drawn: Allocation, out: Path) -> None:
    """Write the record and the table; never over another, since drawing until it pleases is no chance."""
    record, table = out.with_name(f"{out.name}.json"), out.with_name(f"{out.name}.csv")
    for path in (record, table):
        if path.exists():
            raise OptionError(
                "the file exists",
                where=path.name,
                remedy="An allocation is drawn once. Give another --out, or use --replay to check this one.",
            )
    try:
        record.write_bytes(drawn.to_json().encode("utf-8"))
        table.write_bytes(drawn.table.to_csv(index=False, lineterminator="\n").encode("utf-8"))
    except OSError as problem:
        raise OptionError(
            f"cannot be written: {problem.strerror}", where=str(out), remedy="Give a folder that exists."
        ) from problem
    for line in (
        drawn.record["algorithm"],
        f"Admissible allocations: {drawn.record['admissible']}; the smallest p-value they allow is "
        f"{_smallest(drawn.record['smallest_p'])}.",
        f"Register this before any outcome is seen: SHA-256 {drawn.hash}",
        str(record),
        str(table),
    ):
        typer.echo(line)


def _smallest(p_value: float) -> str:
    """A p-value in words; more allocations than a number can hold leave one too small to be told from 0."""
    return f"{p_value:.3g}" if p_value > 0 else "below 1e-300"

"""Commands around data: real police files to tidy counts, and the synthetic city."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whatworks.errors import OptionError

if TYPE_CHECKING:
    from whatworks.data.tidy import Tidy

_Files = Annotated[list[Path], typer.Argument(help="Files (or, for street files, folders and archives).")]
_Out = Annotated[Path, typer.Option("--out", help="Table to write: .csv or .parquet.")]
_Months = Annotated[str, typer.Option(help="First and last month, 2012-01..2019-01.")]
_Offences = Annotated[str, typer.Option(help="major, minor, or names separated by commas.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(
        help="Police files in, tidy counts (area × month × offence) and an intake report out.",
        no_args_is_help=True,
    )
    group.command("mps")(mps)
    group.command("street")(street)
    app.add_typer(group, name="data")
    app.command()(synthesise)


def mps(
    files: _Files,
    out: _Out,
    level: Annotated[str, typer.Option(help="borough, ward or lsoa: that of the files.")] = "borough",
    offences: _Offences = "major",
    months: _Months = "",
    areas_outside: Annotated[str, typer.Option(help="drop or keep airports and Unknown.")] = "drop",
    snapshot: Annotated[str, typer.Option(help="newest, oldest or a file name.")] = "newest",
) -> None:
    """Read the Metropolitan Police's borough, ward or LSOA tables."""
    from whatworks.data.mps import read_mps

    tidy = read_mps(
        list(files),
        level=level,  # type: ignore[arg-type]
        offences=offences if offences in ("major", "minor") else _list(offences),
        months=_window(months),
        areas_outside=areas_outside,  # type: ignore[arg-type]
        snapshot=snapshot,
    )
    _written(tidy, out)


def street(
    files: _Files,
    out: _Out,
    by: Annotated[str, typer.Option(help="lsoa, borough or force.")] = "lsoa",
    offences: Annotated[str, typer.Option(help="Crime types separated by commas; all unless given.")] = "",
    months: _Months = "",
    forces: Annotated[str, typer.Option(help="Forces separated by commas; all unless given.")] = "",
    lookup: Annotated[
        Path | None, typer.Option(help="Official LSOA 2011 to 2021 lookup, for counts across the two.")
    ] = None,
    vocabulary: Annotated[str, typer.Option(help="strict or common crime types.")] = "strict",
    partial: Annotated[str, typer.Option(help="leave_out or keep months that look cut short.")] = "leave_out",
    cache: Annotated[Path | None, typer.Option(help="Folder that keeps counted files.")] = None,
) -> None:
    """Read street-level crime files of data.police.uk (folders, zip, gzip)."""
    from whatworks.data.geography import read_lsoa_lookup
    from whatworks.data.police_uk import read_street

    choices: dict[str, Any] = {"by": by, "vocabulary": vocabulary, "partial": partial}
    tidy = read_street(
        list(files),
        months=_window(months),
        forces=_list(forces) or None,
        offences=_list(offences) or None,
        lsoa_lookup=None if lookup is None else read_lsoa_lookup(lookup),
        cache=cache,
        **choices,
    )
    _written(tidy, out)


def synthesise(
    out: Annotated[Path, typer.Argument(help="Folder for london.csv and truth.json.")],
    seed: Annotated[int, typer.Option(help="Seed; the one that ships gives the data that ship.")] = 2020,
) -> None:
    """Write the synthetic city: invented counts for 32 boroughs whose true effects are known."""
    from whatworks.data.synthetic import synthesise as make

    for path in make(seed=seed).write(out):
        typer.echo(str(path))


def _written(tidy: Tidy, out: Path) -> None:
    path = tidy.write(out)
    typer.echo(tidy.intake.text(), err=True)
    typer.echo(str(path))


def _window(text: str) -> tuple[str, str] | None:
    if not text:
        return None
    first, sign, last = text.partition("..")
    if not sign or not first or not last:
        raise OptionError(
            f"{text!r} is not a span of months", where="--months", remedy="Write 2012-01..2019-01."
        )
    return first, last


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]

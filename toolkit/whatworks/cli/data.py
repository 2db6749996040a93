"""Commands around data: real police files to tidy counts, and the synthetic city."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whatworks.cli import here
from whatworks.cli.help import Command, Group
from whatworks.errors import OptionError

if TYPE_CHECKING:
    from whatworks.data.tidy import Tidy

_Files = Annotated[list[Path], typer.Argument(help="Files (or, for street files, folders and archives).")]
_Out = Annotated[Path, typer.Option("--out", metavar="FILE", help="Table to write: .csv or .parquet.")]
_Months = Annotated[str, typer.Option(metavar="FIRST..LAST", help="First and last month, 2012-01..2019-01.")]
_Forces = Annotated[str, typer.Option(metavar="NAMES", help="Forces separated by commas; all unless given.")]
_Partial = Annotated[str, typer.Option(metavar="WORD", help="leave_out or keep months that look cut short.")]
_Cache = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Folder that keeps counted files.")]
_Offences = Annotated[str, typer.Option(metavar="NAMES", help="major, minor, or names separated by commas.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(
        help="Police files in, tidy counts (area × month × offence) and an intake report out.",
        cls=Group,
        no_args_is_help=True,
    )
    for command in (mps, street, stops, outcomes, breaks):
        group.command(cls=Command)(command)
    app.add_typer(group, name="data")
    app.command(cls=Command)(synthesise)


def mps(
    files: _Files,
    out: _Out,
    level: Annotated[
        str, typer.Option(metavar="WORD", help="borough, ward or lsoa: that of the files.")
    ] = "borough",
    offences: _Offences = "major",
    months: _Months = "",
    areas_outside: Annotated[
        str, typer.Option(metavar="WORD", help="drop or keep airports and Unknown.")
    ] = "drop",
    snapshot: Annotated[str, typer.Option(metavar="NAME", help="newest, oldest or a file name.")] = "newest",
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
    by: Annotated[str, typer.Option(metavar="WORD", help="lsoa, borough or force.")] = "lsoa",
    offences: Annotated[
        str, typer.Option(metavar="NAMES", help="Crime types separated by commas; all unless given.")
    ] = "",
    months: _Months = "",
    forces: _Forces = "",
    lookup: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Official LSOA 2011 to 2021 lookup, for counts across the two."),
    ] = None,
    vocabulary: Annotated[str, typer.Option(metavar="WORD", help="strict or common crime types.")] = "strict",
    partial: _Partial = "leave_out",
    cache: _Cache = None,
) -> None:
    """Read street-level crime files of data.police.uk (folders, zip, gzip)."""
    from whatworks.data.geography import read_lsoa_lookup
    from whatworks.data.police_uk import read_street

    words: dict[str, Any] = {"by": by, "vocabulary": vocabulary, **_choices(months, forces, partial, cache)}
    tidy = read_street(
        list(files),
        offences=_list(offences) or None,
        lsoa_lookup=None if lookup is None else read_lsoa_lookup(lookup),
        **words,
    )
    _written(tidy, out)


def stops(
    files: _Files,
    out: _Out,
    months: _Months = "",
    forces: _Forces = "",
    partial: _Partial = "leave_out",
    cache: _Cache = None,
) -> None:
    """Read stop and search files of data.police.uk: force × month (London time) × outcome."""
    from whatworks.data.police_uk import read_stops

    _written(read_stops(list(files), **_choices(months, forces, partial, cache)), out)


def outcomes(
    files: _Files,
    out: _Out,
    months: _Months = "",
    forces: _Forces = "",
    partial: _Partial = "leave_out",
    cache: _Cache = None,
) -> None:
    """Read outcomes files of data.police.uk: force × month of the outcome × type."""
    from whatworks.data.police_uk import read_outcomes

    _written(read_outcomes(list(files), **_choices(months, forces, partial, cache)), out)


def breaks(
    months: Annotated[str, typer.Argument(help="First and last month of a window, 2012-01..2019-01.")],
    offence: Annotated[str, typer.Option(metavar="NAME", help="Only what affects this offence.")] = "",
    series: Annotated[
        str,
        typer.Option(metavar="NAME", help="Only what belongs to this series: mps_tables, police_uk_street …"),
    ] = "",
    force: Annotated[str, typer.Option(metavar="NAME", help="With --series: who recorded it.")] = "",
    level: Annotated[str, typer.Option(metavar="NAME", help="With --series: the areas it counts by.")] = "",
) -> None:
    """List the known series breaks and shocks that a window of months crosses, or that one series meets."""
    from whatworks.data.breaks import crossing
    from whatworks.data.recording import UNSAID, Recording, parse_recording

    window = _window(months)
    if window is None:
        raise OptionError("no window is given", where="breaks", remedy="Write 2012-01..2019-01.")
    said = {"series": series, "force": force, "level": level}
    whose = parse_recording({key: value for key, value in said.items() if value})
    if not isinstance(whose, Recording) and whose != UNSAID:
        raise OptionError(whose.reason, where="--series", remedy="Leave it out to see the whole register.")
    for item in crossing(*window, offence, recording=whose if isinstance(whose, Recording) else None):
        typer.echo(item.sentence())


def _choices(months: str, forces: str, partial: str, cache: Path | None) -> dict[str, Any]:
    return {"months": _window(months), "forces": _list(forces) or None, "partial": partial, "cache": cache}


def synthesise(
    out: Annotated[Path, typer.Argument(help="Folder for london.csv and truth.json.")],
    seed: Annotated[
        int, typer.Option(metavar="NUMBER", help="Seed; the one that ships gives the data that ship.")
    ] = 2020,
) -> None:
    """Write the synthetic city: invented counts for 32 boroughs whose true effects are known."""
    from whatworks.data.synthetic import synthesise as make

    for path in make(seed=seed).write(out):
        typer.echo(str(path))


def _written(tidy: Tidy, out: Path) -> None:
    here.refuse_unwritable(out, "--out")
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

"""Whose recording a table is: its series, the forces that recorded it, the areas it counts by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from whatworks.absence import NotAvailable
from whatworks.errors import OptionError, choose, did_you_mean, first_few

Series = Literal[
    "mps_tables",
    "police_uk_street",
    "police_uk_outcomes",
    "police_uk_searches",
    "home_office",
    "force_records",
    "pas",
]
Counts = Literal["crime", "outcomes", "searches", "attitudes"]
Level = Literal["point", "lsoa", "ward", "borough", "force"]

SERIES: Final[Mapping[Series, tuple[Counts, str]]] = {
    "mps_tables": ("crime", "the Met's published tables"),
    "police_uk_street": ("crime", "street files of data.police.uk"),
    "police_uk_outcomes": ("outcomes", "outcomes files of data.police.uk"),
    "police_uk_searches": ("searches", "stop and search files of data.police.uk"),
    "home_office": ("crime", "recorded crime of the Home Office and ONS"),
    "force_records": ("crime", "a force's own records"),
    "pas": ("attitudes", "MOPAC's Public Attitude Survey"),
}
"""Every series that the register of breaks follows: what it counts, and its name in words."""

_FORCES: Final = (
    "avon-and-somerset bedfordshire btp cambridgeshire cheshire city-of-london cleveland cumbria derbyshire "
    "devon-and-cornwall dorset durham dyfed-powys essex gloucestershire greater-manchester gwent hampshire "
    "hertfordshire humberside kent lancashire leicestershire lincolnshire merseyside metropolitan norfolk "
    "north-wales north-yorkshire northamptonshire northumbria nottinghamshire south-wales south-yorkshire "
    "staffordshire suffolk surrey sussex thames-valley warwickshire west-mercia west-midlands west-yorkshire "
    "wiltshire"
)
ENGLAND_AND_WALES: Final = tuple(_FORCES.split())
"""The 43 forces and the British Transport Police, as data.police.uk writes them in its file names."""

OWN: Final = "own"
_KEYS: Final = ("series", "force", "level")
_EXAMPLE: Final = "recorded_by: {series: force_records, force: west-yorkshire, level: ward}"

UNSAID: Final = NotAvailable("it is not said whose recording this is")
OWN_COUNT: Final = NotAvailable("this is a count of one's own, which the register of breaks does not follow")
INVENTED: Final = NotAvailable("the data are made up, so nobody recorded them")


@dataclass(frozen=True, slots=True)
class Recording:
    """Whose recording a table is, so that it meets the breaks of its own recording and of no other.

    `series` is the published series (a key of `SERIES`), `forces` those that recorded it (names as in the
    files of data.police.uk: `metropolitan`, `west-yorkshire`), `level` the areas it counts by: `point` (map
    points and areas drawn from them), `lsoa`, `ward`, `borough` (or district), `force`.

    Raises `OptionError` for a name that is none of these, or without a force.
    """

    series: Series
    forces: tuple[str, ...]
    level: Level

    def __post_init__(self) -> None:
        choose("series", self.series, SERIES, where="recorded_by")
        choose("level", self.level, get_args(Level), where="recorded_by")
        for force in self.forces:
            choose("force", force, ENGLAND_AND_WALES, where="recorded_by")
        if not self.forces:
            raise OptionError("no force is named", where="recorded_by", remedy=f"Write {_EXAMPLE}.")

    @property
    def counts(self) -> Counts:
        """What the series counts."""
        return SERIES[self.series][0]

    @property
    def words(self) -> str:
        """The recording in words: series, forces, level."""
        return f"{SERIES[self.series][1]} ({first_few(self.forces)}, by {self.level})"


def parse_recording(said: Mapping[str, str]) -> Recording | NotAvailable:
    """What `recorded_by` of a study says, or why there is no recording that the register could know.

    `said` holds `series`, `force` (several with commas between them) and `level`; or `series: own` alone for
    what the analyst or a partner counted or asked; or nothing. Raises `OptionError` for anything else.
    """
    if not said:
        return UNSAID
    for key in said:
        if key not in _KEYS:
            raise OptionError(
                f"unknown key {key!r}",
                where="recorded_by",
                remedy=f"{did_you_mean(key, _KEYS)}Write {_EXAMPLE}, or {{series: own}}.",
            )
    if dict(said) == {"series": OWN}:
        return OWN_COUNT
    missing = [key for key in _KEYS if not said.get(key)]
    if missing:
        raise OptionError(
            f"it does not say the {' and the '.join(missing)}",
            where="recorded_by",
            remedy=f"Write {_EXAMPLE}, or {{series: own}} for what no police force published.",
        )
    forces = tuple(name.strip() for name in said["force"].split(",") if name.strip())
    return Recording(said["series"], forces, said["level"])  # type: ignore[arg-type]

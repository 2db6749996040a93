"""From a file and roles on the command line to a panel or a trial."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whatworks.errors import OptionError, did_you_mean

if TYPE_CHECKING:
    from whatworks.panel import Panel
    from whatworks.trial import Trial

_LISTS = ("covariates", "baseline")
_ARMS = ("control", "treatments")
"""What the arms of a trial are called: options, since no column holds them."""


def panel(file: Path, roles: dict[str, str]) -> Panel:
    """The panel of a table; raises `OptionError` for a role that does not exist or is not given."""
    from whatworks.panel import Panel

    known = _known(Panel.from_frame)
    return Panel.from_frame(_table(file), **_given(roles, known, ("unit", "period", "outcome")))


def trial(file: Path, roles: dict[str, str], options: dict[str, str]) -> Trial:
    """The trial of a table; takes the names of its arms, `control` and `treatments`, out of the options.

    Raises `OptionError` for a role that does not exist, or a role or the control arm that is not given.
    """
    from whatworks.trial import Trial

    known = [name for name in _known(Trial.from_frame) if name not in _ARMS]
    given = _given(roles, known, ("unit", "arm", "outcome"))
    if "control" not in options:
        raise OptionError(
            "the control arm is not named",
            where="--option",
            remedy="Say --option control=LABEL, and --option treatments=A,B where there are several others.",
        )
    given["control"] = options.pop("control")
    if "treatments" in options:
        given["treatments"] = _listed(options.pop("treatments"))
    return Trial.from_frame(_table(file), **given)


def pairs(given: list[str] | None, where: str) -> dict[str, str]:
    """NAME=VALUE texts by name; raises `OptionError` for one that is none, or a name given twice."""
    found: dict[str, str] = {}
    for item in given or ():
        name, sign, value = item.partition("=")
        if not sign or not name.strip():
            raise OptionError(f"{item!r} is not NAME=VALUE", where=where, remedy=f"Write {where} name=value.")
        if name.strip() in found:
            raise OptionError(f"{name.strip()!r} is given twice", where=where, remedy="Give it once.")
        found[name.strip()] = value
    return found


def _table(file: Path) -> Any:
    from whatworks.data.tables import read_table

    return read_table(file)


def _known(build: Any) -> list[str]:
    return [name for name in inspect.signature(build).parameters if name not in ("cls", "frame")]


def _given(roles: dict[str, str], known: list[str], needed: tuple[str, ...]) -> dict[str, Any]:
    for name in roles:
        if name not in known:
            raise OptionError(
                f"there is no role {name!r}",
                where="--role",
                remedy=f"{did_you_mean(name, known)}The roles are {', '.join(known)}.",
            )
    for name in needed:
        if name not in roles:
            raise OptionError(
                f"the role {name} is not given", where="--role", remedy=f"Say --role {name}=COLUMN."
            )
    given: dict[str, Any] = dict(roles)
    for name in _LISTS:
        if name in given:
            given[name] = _listed(roles[name])
    if "allow_missing" in given:
        from whatworks.inference.settings import read

        given["allow_missing"] = read(bool, roles["allow_missing"], "--role allow_missing")
    return given


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())

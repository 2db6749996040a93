"""From a file and roles on the command line to a panel or a trial."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from whatworks.errors import OptionError, did_you_mean

if TYPE_CHECKING:
    from whatworks.panel import Panel
    from whatworks.trial import Trial

NEEDED: Final = {"panel": ("unit", "period", "outcome"), "trial": ("unit", "arm", "outcome")}
"""Roles without which there is no panel or trial."""
LISTS: Final = ("covariates", "baseline")
"""Roles of several columns."""
NO_COLUMN: Final = ("allow_missing", "never")
"""Roles that say how the columns are to be read."""
_ARMS = ("control", "treatments")
"""What the arms of a trial are called: options, since no column holds them."""


def panel(file: Path, roles: dict[str, str]) -> Panel:
    """The panel of a table; raises `OptionError` for a role that does not exist or is not given."""
    from whatworks.panel import Panel

    return Panel.from_frame(_table(file), **_given(roles, "panel"))


def trial(file: Path, roles: dict[str, str], options: dict[str, str]) -> Trial:
    """The trial of a table; takes the names of its arms, `control` and `treatments`, out of the options.

    Raises `OptionError` for a role that does not exist, or a role or the control arm that is not given.
    """
    from whatworks.trial import Trial

    given = _given(roles, "trial")
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


def builder(takes: str) -> Callable[..., Any]:
    """What makes a `panel` or a `trial` of a table; its arguments are the roles."""
    from whatworks.panel import Panel
    from whatworks.trial import Trial

    return Panel.from_frame if takes == "panel" else Trial.from_frame


def known(takes: str) -> list[str]:
    """The roles that a panel or a trial knows."""
    not_roles = ("cls", "frame", *_ARMS)
    return [name for name in inspect.signature(builder(takes)).parameters if name not in not_roles]


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


def _given(roles: dict[str, str], takes: str) -> dict[str, Any]:
    names = known(takes)
    for name in roles:
        if name not in names:
            raise OptionError(
                f"there is no role {name!r}",
                where="--role",
                remedy=f"{did_you_mean(name, names)}The roles are {', '.join(names)}.",
            )
    for name in NEEDED[takes]:
        if name not in roles:
            raise OptionError(
                f"the role {name} is not given", where="--role", remedy=f"Say --role {name}=COLUMN."
            )
    given: dict[str, Any] = dict(roles)
    for name in LISTS:
        if name in given:
            given[name] = _listed(roles[name])
    if "allow_missing" in given:
        from whatworks.inference.settings import read

        given["allow_missing"] = read(bool, roles["allow_missing"], "--role allow_missing")
    return given


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())

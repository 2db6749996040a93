"""Who borders whom among the units of a panel: London's boroughs by themselves, others as the user says."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from whatworks.arrays import Bools
from whatworks.data import geography
from whatworks.errors import OptionError, did_you_mean, first_few
from whatworks.panel import Panel
from whatworks.results import NotAvailable

Borders = Mapping[str, Collection[str]]


def adjacency(panel: Panel, neighbours: Borders | None, treated: Bools) -> Bools | NotAvailable:
    """(N, N) true where two units border each other; symmetric, whichever of the two names the other.

    Args:
        panel: its unit labels are what `neighbours` speaks of.
        neighbours: unit to its neighbours; names that are no unit of the panel are places outside the study.
            None: the London boroughs by name or code, where all units are boroughs.
        treated: (N,) units whose neighbours must be known.

    Raises:
        OptionError: a treated unit without an entry, or neighbours that are text instead of a collection.
    """
    if neighbours is None:
        return _london(panel)
    at = {name: i for i, name in enumerate(panel.units)}
    borders = np.zeros((panel.n_units, panel.n_units), dtype=bool)
    for name, near in neighbours.items():
        if isinstance(near, str):
            raise OptionError(
                f"the neighbours of {name!r} are one text, {near!r}, not a list of units",
                where="neighbours",
                remedy=f"Write them as a list: {{{name!r}: [{near!r}, …]}}.",
            )
        if name in at:
            borders[at[name], [at[other] for other in near if other in at]] = True
    unknown = [panel.units[i] for i in np.flatnonzero(treated) if panel.units[i] not in neighbours]
    if unknown:
        raise OptionError(
            f"no entry says what borders these treated units: {first_few(unknown)}",
            where="neighbours",
            remedy=f"{did_you_mean(unknown[0], neighbours)}Name the neighbours of every treated unit as the "
            "panel spells it; an empty list says that it has none.",
        )
    borders |= borders.T
    np.fill_diagonal(borders, False)
    return borders


def _london(panel: Panel) -> Bools | NotAvailable:
    from whatworks.data.synthetic.city import london

    city = london()
    codes = [geography.find_borough(name) for name in panel.units]
    strange = [name for name, code in zip(panel.units, codes, strict=True) if code not in city.codes]
    if strange:
        return NotAvailable(
            f"Who borders whom is not known: {first_few(strange, 3)} "
            f"{'is' if len(strange) == 1 else 'are'} not among the 32 boroughs whose borders ship with the "
            "toolkit. Give `neighbours`, from each unit to those beside it."
        )
    at = [city.codes.index(code) for code in codes if code is not None]
    return np.asarray(city.neighbours[np.ix_(at, at)])

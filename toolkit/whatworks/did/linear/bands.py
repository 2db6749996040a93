"""Uniform bands in the effects table of an event study, where its inference can carry them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from whatworks.arrays import Floats, Ints
from whatworks.inference.default import Choice, rests_on_many
from whatworks.inference.errors.uniform import Band, normal_band
from whatworks.inference.uncertainty import Uncertainty
from whatworks.results import Result

_COLUMNS = ("band_low", "band_high")


def plain_band(choice: Choice, found: Uncertainty, covariance: Floats) -> Band | None:
    """The band of k estimates under CR0, CR1 or `Analytical()`; `covariance` (k, k) up to a factor.

    None under any other inference, and with few clusters: there such bands are far too narrow, and the wild
    bootstrap, the default, has one that is not.
    """
    # on many clusters both come without a warning, on few with one
    return normal_band(found, covariance) if rests_on_many(choice) else None


def banded(result: Result, times: Ints, band: Band | None) -> Result:
    """The result with the band (k,) in the rows of the event times (k,), and a note on what it is."""
    if band is None:
        return result
    place = pd.Index(times).get_indexer(pd.Index(result.effects["event_time"]))
    shown = {"band_low": band.low, "band_high": band.high}
    columns = {name: np.where(place < 0, np.nan, ends[place]) for name, ends in shown.items()}
    reason = [
        "; ".join(dict.fromkeys(w for w in (words, band.reason[at] if at >= 0 else "") if w))
        for words, at in zip(result.effects["reason"], place, strict=True)
    ]
    table = result.effects.drop(columns="reason").assign(**columns, reason=reason)
    return replace(result, effects=table, notes=(*result.notes, band.sentence))

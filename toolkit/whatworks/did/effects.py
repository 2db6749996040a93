"""Effects by event time: the one object that every event study puts into its result.

What asks about event times (averages, trends, the weights of outcomes) asks this object, never the method.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import pandas as pd

from whatworks.arrays import Bools, Floats, Ints
from whatworks.did.regression.bands import banded, plain_band
from whatworks.errors import OptionError
from whatworks.inference.default import Choice
from whatworks.inference.errors.cluster import ClusterRobust
from whatworks.inference.errors.influence import Analytical
from whatworks.inference.errors.uniform import Band, Terms, regression_terms, wild_band
from whatworks.inference.errors.wild import WildCluster
from whatworks.inference.fits.regression import Regression
from whatworks.inference.uncertainty import Uncertainty
from whatworks.results import NotAvailable, Result

Weights = Literal["equal", "cells"]

COLUMNS = ["term", "event_time", "estimate", "std_error", "low", "high", "p_value", "n", "reason"]


@dataclass(frozen=True, slots=True, eq=False)
class Covariance:
    """The covariance (J, J) of effects, and how it was found."""

    matrix: Floats
    sentence: str


class Errors(Protocol):
    """What only the method knows of its effects; `weights` (m, J) are combinations of them."""

    def uncertainty(self, weights: Floats, level: float) -> Uncertainty:
        """Uncertainty of m combinations, by the inference of the result."""

    def covariance(self) -> Covariance:
        """Of all J effects; asked only where they have an error."""

    def outcomes(self, weights: Floats) -> list[Floats]:
        """(N, T) weight of each outcome in each combination."""

    def redrawn(self, method: WildCluster, keep: Bools) -> list[Terms]:
        """The effects kept (J,) in the draws of a wild bootstrap, in one part or more."""


@dataclass(frozen=True, slots=True, eq=False)
class ByEventTime:
    """J effects by event time.

    Attributes:
        times: (J,) ascending, without the reference; a pooled end stands under its edge.
        estimates: (J,) effects.
        reference: event time that every effect is measured against (where `apart`, the last one before
            effects may begin), or why it moves from one effect to the next.
        pooled: (J,) periods that each spans, 1 except at pooled ends.
        mass: (J,) treated weight behind each.
        headline: how the method's own headline averages them: every period alike, or every treated cell by
            its weight.
        choice: the inference used, and why.
        n_clusters: independent pieces that it rests on.
        errors: what only the method knows.
        apart: why effects before and after the start have no reference in common; empty where they have.
        earliest: where earlier effects come from another regression, the first that an average takes in.
        of_cells: uncertainty of the average of the cells at a mask (J,) of event times, at a level, where
            it is not that of the effects combined by mass.
    """

    times: Ints
    estimates: Floats
    reference: int | NotAvailable
    pooled: Ints
    mass: Floats
    headline: Weights
    choice: Choice
    n_clusters: int
    errors: Errors
    apart: str = ""
    earliest: int | None = None
    of_cells: Callable[[Bools, float], Uncertainty] | None = None

    def window(self, first: int, last: int | None) -> Bools:
        """(J,) event times from `first` to `last`, both included; to the end without."""
        return np.asarray((self.times >= first) & (True if last is None else self.times <= last))

    def share(self, inside: Bools, weights: Weights) -> Floats:
        """(J,) weights of the average over a mask (J,): every period alike, or every treated cell."""
        size = inside * (self.pooled if weights == "equal" else self.mass)
        return np.asarray(size / size.sum())

    def combine(self, weights: Floats, level: float) -> Uncertainty:
        """Uncertainty of combinations (m, J) of the effects, by the inference of the result.

        Raises `OptionError` for weight on effects that come from another regression.
        """
        if self.earliest is not None and weights[:, self.times < self.earliest].any():
            raise OptionError(
                "effects from different regressions cannot be combined",
                where="effects by event time",
                remedy=f"Put weight on event times from {self.earliest} on alone.",
            )
        return self.errors.uncertainty(weights, level)

    def average(self, inside: Bools, weights: Weights, level: float) -> Uncertainty:
        """Uncertainty of the average over a mask (J,)."""
        if weights == "cells" and self.of_cells is not None:
            return self.of_cells(inside, level)
        return self.combine(self.share(inside, weights)[None], level)

    def covariance(self) -> Covariance:
        """Of the effects; exists where `choice` has an inference."""
        return self.errors.covariance()

    def coefficients(self, weights: Floats) -> Floats:
        """(N, T) weight of each outcome in the combination `weights` (J,)."""
        return self.errors.outcomes(weights[None])[0]

    def outcome_weights(self, last: int | None) -> Floats:
        """(N, T) weight of each outcome in the headline over event times 0 to `last`, to the end without."""
        return self.coefficients(self.share(self.window(0, last), self.headline))

    def table(self, found: Uncertainty, units: Ints, at_reference: int = 0) -> pd.DataFrame:
        """Rows of an effects table, that of the reference among them where there is one.

        `found` are the J effects, `units` (J,) the treated units behind each, `at_reference` those of the
        reference.
        """
        columns = {"event_time": self.times, "n": units, "pooled": self.pooled}
        table = pd.DataFrame({**found.columns(), **columns})
        if not self.apart:
            gap = dict.fromkeys(("std_error", "low", "high", "p_value"), np.nan)
            reason = "the reference period, which every effect is measured against"
            own = {"estimate": 0.0, **gap, "event_time": self.reference, "n": at_reference, "pooled": 1}
            table = pd.concat([table, pd.DataFrame([{**own, "reason": reason}])])
        table = table.sort_values("event_time", ignore_index=True)
        ends = np.where(table["event_time"] < 0, " and earlier", " and later")
        pooled = np.where(table["pooled"] > 1, ends, "")
        table["term"] = [f"event time {e}{end}" for e, end in zip(table["event_time"], pooled, strict=True)]
        return table[COLUMNS]

    def banded(self, result: Result, terms: Uncertainty) -> Result:
        """The result with a band for all effects at once, where its inference can carry one.

        `terms` are the J effects; those without any number stand outside the band.
        """
        among = np.isfinite(terms.low) | np.isfinite(terms.high) | np.isfinite(terms.std_error)
        return banded(result, self.times[among], self._band(terms, among)) if among.any() else result

    def _band(self, terms: Uncertainty, keep: Bools) -> Band | None:
        method = self.choice.inference
        if isinstance(method, WildCluster):
            parts = self.errors.redrawn(method, keep)
            return wild_band(method, parts, self.n_clusters, level=terms.level)
        return plain_band(self.choice, terms.only(keep), lambda: self.covariance().matrix[np.ix_(keep, keep)])


@dataclass(frozen=True, slots=True, eq=False)
class RegressionErrors:
    """Of a regression whose first `count` coefficients are the effects; its inference, and why."""

    fit: Regression
    choice: Choice
    count: int

    def uncertainty(self, weights: Floats, level: float) -> Uncertainty:
        """As the inference gives it for contrasts of coefficients."""
        return self.choice.from_regression(self.fit, self._contrasts(weights), level=level)

    def covariance(self) -> Covariance:
        """Of the inference itself, CR1 where that is a bootstrap."""
        method: Callable[[Regression], Floats] | None = getattr(self.choice.inference, "covariance", None)
        chosen = ClusterRobust() if method is None else self.choice.inference
        matrix = (method or ClusterRobust().covariance)(self.fit)[: self.count, : self.count]
        kind, n = getattr(chosen, "kind", type(chosen).__name__), self.fit.n_clusters
        return Covariance(matrix, f"{kind} over {n} clusters")

    def outcomes(self, weights: Floats) -> list[Floats]:
        """From the rows of the regression."""
        return regression_weights(self.fit, self._contrasts(weights))

    def redrawn(self, method: WildCluster, keep: Bools) -> list[Terms]:
        """The regression refitted to every draw."""
        return [regression_terms(method, self.fit, self._contrasts(np.eye(self.count)[keep]))]

    def _contrasts(self, weights: Floats) -> Floats:
        return np.pad(weights, ((0, 0), (0, len(self.fit.coefficients) - self.count)))


def regression_weights(fit: Regression, contrasts: Floats) -> list[Floats]:
    """(N, T) weight of each outcome in contrasts (m, K) of the coefficients of a regression with its rows."""
    if fit.rows is None:
        raise TypeError("a regression without its rows has no weights of outcomes")
    rows = fit.rows()
    return [np.tensordot(c, rows.X, axes=1) * rows.weight[:, None] for c in contrasts @ fit.bread]


def from_contributions(
    sums: Floats, choice: Choice, what: str, piece: str, *, before: Floats | None = None
) -> Covariance:
    """Covariance of effects whose contributions are summed within G clusters (G, J), times G/(G − 1).

    Without that factor where the inference is `Analytical()` without correction. Contributions `before`
    (G, l) of earlier effects carry a factor of their own.
    """
    g, method = len(sums), choice.inference
    plain = isinstance(method, Analytical) and method.correction == "did"
    scaled = sums if plain else np.sqrt(g / (g - 1)) * sums
    if before is not None:
        scaled = np.concatenate([before, scaled], axis=1)
    words = f"{what} over {g} {piece}s" + ("" if plain else ", factor G/(G − 1)")
    return Covariance(scaled.T @ scaled, words)


def effects_of(result: Result, where: str) -> ByEventTime:
    """The effects by event time that a result holds; raises `OptionError` where it holds none."""
    found = getattr(result.detail, "by_event_time", None)
    if isinstance(found, ByEventTime):
        return found
    raise OptionError(
        f"a result of {result.method} holds no effects by event time",
        where=where,
        remedy="Give what did.event_study, did.interaction_weighted, did.stacked, did.etwfe, did.imputation "
        'or did.aggregate(by="event_time") returned in this session; a result read back from a file has lost '
        "what an error needs: estimate again.",
    )


def outcome_weights(result: Result, last: int | None) -> Floats | None:
    """(N, T) weight of each outcome in the headline over event times 0 to `last`, to the end without.

    None for a method whose estimate is not a weighted sum of outcomes. A result's own detail may answer
    (`outcome_weights`), as for methods with one effect for all periods; else its effects by event time do.
    """
    for holder in (result.detail, getattr(result.detail, "by_event_time", None)):
        weigh: Callable[[int | None], Floats] | None = getattr(holder, "outcome_weights", None)
        if weigh is not None:
            return weigh(last)
    return None

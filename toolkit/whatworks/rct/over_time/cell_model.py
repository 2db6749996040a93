"""Means or counts of units by period: fits with unit and period effects, tests under other assignments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Literal

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import DesignError, first_few
from whatworks.inference.asked import Admitted, FromRegression
from whatworks.inference.chance.chance import Assignments
from whatworks.inference.chance.randomisation import NO_ERROR, RandomisationInference, collect
from whatworks.inference.draws import check_level
from whatworks.inference.errors.wild import WildCluster
from whatworks.inference.errors.wild_refits import TIE
from whatworks.inference.fits import cell_weights, poisson_effects
from whatworks.inference.fits.poisson_effects import Cells, PoissonFit, SeparationError
from whatworks.inference.fits.poisson_rows import worded
from whatworks.inference.fits.projection import residuals
from whatworks.inference.fits.regression import Regression
from whatworks.inference.uncertainty import Uncertainty
from whatworks.results import NotAvailable

Model = Literal["means", "rate_ratio"]
Designs = Callable[[Ints], tuple[Floats, Floats]]
"""From (B, A) assignments to regressors (B, k, N, T) and which cells are used, (B, N, T) of 0 and 1."""

_FARTHEST: Final = 8.0
"""Log rate ratios beyond this distance from the estimate are not looked at: a factor of 3,000."""

_HALVINGS: Final = 40
_ROUNDING: Final = 1e-12
_HELD: Final = 2**24


@dataclass(frozen=True, slots=True, eq=False)
class CellModel:
    """Outcomes of N units by T periods, and what weighs a cell.

    Attributes:
        model: `means`, or `rate_ratio` for counts by Poisson regression.
        outcome: (N, T) means, or totals of counts; 0 where nothing was seen.
        exposure: (N, T) denominators of counts, 1 where nothing was seen.
        mass: (N, T) weight of a cell: rows behind a mean, 1 for a count; 0 where nothing was seen.
        cluster: (N,) codes 0..G−1 of the pieces that errors take as independent.
        labels: N names for messages.
        where: the method, for messages.
    """

    model: Model
    outcome: Floats
    exposure: Floats
    mass: Floats
    cluster: Ints
    labels: tuple[str, ...]
    where: str

    @property
    def counts(self) -> bool:
        """Whether effects are logs of rate ratios."""
        return self.model == "rate_ratio"

    def heard(self) -> tuple[CellModel, Bools]:
        """Without units that count 0 throughout and cells of such periods, and which units (N,) are left."""
        seen = self.mass > 0
        keep = np.asarray(seen.any(axis=1))
        mass = self.mass
        if self.counts:
            keep = np.asarray((self.outcome * seen).sum(axis=1) > 0)
            mass = mass * ((self.outcome * seen).sum(axis=0) > 0)
        codes = np.unique(self.cluster[keep], return_inverse=True)[1].astype(np.int64)
        parts = {name: getattr(self, name)[keep] for name in ("outcome", "exposure")}
        names = tuple(label for label, kept in zip(self.labels, keep, strict=True) if kept)
        return replace(self, **parts, mass=mass[keep], cluster=codes, labels=names), keep

    def fit(
        self, design: Floats, names: tuple[str, ...], used: Bools | None = None
    ) -> tuple[Regression, PoissonFit | None]:
        """The regression on k regressors (k, N, T) over cells `used` (N, T), all that were seen without.

        Raises:
            DesignError: regressors that the effects or each other explain; counts of 0 from which an effect
                would run off to 0 or infinity.
        """
        mass = self.mass if used is None else self.mass * used
        inside = mass.any(axis=1)
        codes = np.unique(self.cluster[inside], return_inverse=True)[1].astype(np.int64)
        rows = (self.outcome[inside], design[:, inside], mass[inside])
        if not self.counts:
            return cell_weights.fit(*rows, codes, names=names, where=self.where), None
        return self._poisson(*rows, np.log(self.exposure[inside]), names, codes)

    def _poisson(
        self, y: Floats, design: Floats, mass: Floats, offset: Floats, names: tuple[str, ...], codes: Ints
    ) -> tuple[Regression, PoissonFit]:
        while True:  # a unit or period may fall silent when another has
            live = ((y * mass).sum(axis=1, keepdims=True) > 0) & ((y * mass).sum(axis=0) > 0)
            if (mass * ~live).any():
                mass = mass * live
                continue
            break
        inside = mass.any(axis=1)
        cells = Cells((y * (mass > 0))[inside], offset[inside], mass[inside])
        try:
            found = poisson_effects.fit(cells, design[:, inside], names)
        except SeparationError as separation:
            guilty = first_few(n for n, step in zip(names, separation.steps, strict=True) if abs(step) > 0.01)
            raise DesignError(
                f"counts of 0 line up with {guilty or 'the unit and period effects'}, so the rate ratio runs "
                "off to 0 or infinity and has no error",
                where=self.where,
                remedy='Count something more frequent or longer periods, or take model="means".',
            ) from None
        except DesignError as problem:
            raise DesignError(
                f"{problem.what}, once units and periods that count nothing are left out",
                where=self.where,
                remedy='Count something more frequent or longer periods, or take model="means".',
            ) from None
        again = np.unique(codes[inside], return_inverse=True)[1].astype(np.int64)
        return poisson_effects.regression(found, again), found

    def untreated(self, treated: Floats, effect: float) -> Floats:
        """(N, T) relative residuals of the outcomes without an effect that multiplies by exp(effect)."""
        y = self.outcome * np.exp(-effect * treated)
        base = poisson_effects.fit(Cells(y, np.log(self.exposure), self.mass), np.empty((0, *y.shape)), ())
        left = np.where(self.mass > 0, y / base.mean - 1, 0.0)
        return np.zeros_like(left) if np.abs(left).max() <= _ROUNDING else np.asarray(left)

    def net(self) -> Floats:
        """(N, T) outcomes net of unit and period effects, exactly 0 where these explain them all."""
        y = self.outcome * (self.mass > 0)
        left = residuals(y, self.mass)
        return np.zeros_like(left) if np.abs(left).max() <= _ROUNDING * np.abs(y).max() else left

    def weight(self) -> Floats:
        """(N, T) weights of a cell in a test: its mass, times its mean count without an effect."""
        if not self.counts:
            return self.mass
        none = np.empty((0, *self.mass.shape))
        return (
            self.mass
            * poisson_effects.fit(Cells(self.outcome, np.log(self.exposure), self.mass), none, ()).mean
        )


ERRORS: Final = Admitted(
    FromRegression,
    "{!r} does not fit here",
    "Use ClusterRobust(), TwoWay(), DriscollKraay(), Jackknife(), for means WildCluster(), or "
    "RandomisationInference() with the allocation record.",
)


def by_model(
    inference: FromRegression, fit: Regression, contrasts: Floats, counts: bool, level: float
) -> Uncertainty:
    """Uncertainty of m combinations (m, k) from an inference object for regressions.

    Raises:
        OptionError: an object that takes no regression, or one for least squares only with counts.
    """
    ERRORS.require(inference, "inference", but=(WildCluster,) if counts else ())
    found = inference.from_regression(fit, contrasts, level=level)
    return worded(found) if counts else found


def by_chance(
    inference: RandomisationInference,
    design: Assignments,
    model: CellModel,
    designs: Designs,
    actual: Ints,
    treated: Floats,
    contrast: Floats,
    *,
    value: float,
    level: float,
) -> Uncertainty:
    """Uncertainty of one combination of coefficients under other assignments.

    Args:
        inference: draws and seed.
        design: the assignments.
        model: outcomes.
        designs: regressors and cells of each assignment.
        actual: (A,) the actual assignment.
        treated: (N, T) indicator of actual treatment.
        contrast: (k,) of the coefficients.
        value: the estimate, for a rate ratio its log.
        level: coverage of the interval.

    For means the statistic is the estimate itself. For counts it is the estimate that one step from the fit
    without treatment gives, on outcomes from which the effect tested has been divided out; the interval holds
    every constant factor that is not rejected.

    Raises:
        DesignError: assignments without a statistic.

    Source: Rosenbaum (2002), Statistical Science 17(3), section 5; Gail, Tan & Piantadosi (1988), Biometrika
    75(1), for tests on residuals.
    """
    level, heavy = check_level(level), model.weight()

    def weights(block: Ints) -> Floats:
        regressors, used = designs(block)
        return _known(cell_weights.functionals(regressors, used * heavy, contrast), model.where)

    if not model.counts:

        def theta(outcome: Floats, block: Ints) -> Floats:
            return weights(block) @ outcome.ravel()

        # weights sum to 0 over the cells of a unit and of a period, whose effects may as well be taken out
        both = (partial(theta, outcome) for outcome in (model.net(), treated))
        return inference.uncertainty(collect(design, actual, *both), level)
    return _by_factor(inference, design, model, weights, actual, treated, value, level)


def _known(weights: Floats, where: str) -> Floats:
    if np.isnan(weights).any():
        raise DesignError(
            "chance could have made assignments whose treatment unit and period effects explain in full, so "
            "that a test by randomisation has nothing to compare there",
            where=where,
            remedy='With so few units and periods take inference=ClusterRobust("CR2") as a rough guide.',
        )
    return weights


def _by_factor(
    inference: RandomisationInference,
    design: Assignments,
    model: CellModel,
    weights: Callable[[Ints], Floats],
    actual: Ints,
    treated: Floats,
    value: float,
    level: float,
) -> Uncertainty:
    own = weights(actual[None])[0]
    size = np.float32 if design.possible > design.draws and own.size * design.draws > _HELD else np.float64
    others = np.concatenate([weights(block).astype(size) for block in design])

    def p_value(effect: float) -> float:
        left = model.untreated(treated, effect).ravel()
        stray, mine = np.abs(others @ left.astype(size)), abs(float(own @ left))
        count = np.array([int((stray >= mine - TIE * stray.max()).sum())])
        return float(design.share.p_value(count)[0])

    ends = [_end(p_value, value, side, 1 - level) for side in (-1.0, 1.0)]
    open_ended = not all(map(np.isfinite, ends))
    low, high = (np.array([end if np.isfinite(end) else np.nan]) for end in ends)
    gap = "; no factor is rejected on one side, however large" if open_ended else ""
    return Uncertainty(
        value=np.array([value]),
        std_error=np.array([np.nan]),
        low=low,
        high=high,
        p_value=np.array([p_value(0.0)]),
        reason=(f"{NO_ERROR}{gap}",),
        level=level,
        df=NotAvailable("the test refers to the assignments themselves, not to a t distribution"),
        sentence=inference.sentence(design).replace("every constant effect", "every constant factor"),
    )


def _end(p_value: Callable[[float], float], value: float, side: float, bar: float) -> float:
    """Where the p-value falls to `bar`, going from the estimate to one side; infinite beyond the farthest."""
    inside, step = 0.0, 0.25
    while p_value(value + side * step) > bar:
        inside, step = step, 2 * step
        if step > _FARTHEST:
            return side * np.inf
    outside = step
    for _ in range(_HALVINGS):
        if outside - inside < 1e-7:
            break
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if p_value(value + side * middle) > bar else (inside, middle)
    return value + side * inside

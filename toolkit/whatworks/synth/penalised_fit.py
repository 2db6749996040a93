"""The penalised fit: donors pay for their own distance from the target, so near ones are preferred."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import DesignError
from whatworks.synth.problems import Fits, Problems, halves
from whatworks.synth.simplex import minimise, unique

RULES: Final = ("holdout", "leave_one_out")

GRID: Final = 10.0 ** np.arange(-6, 1.01, 0.5)
"""Penalties tried: from all but none to all but matching with the nearest donor."""

_CELLS: Final = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class PenalisedFit:
    """The method as a function that can be asked again; the penalty is chosen anew for each problem.

    Attributes:
        penalty: `holdout`, `leave_one_out`, or λ itself.
    """

    penalty: str | float

    def __call__(self, problems: Problems) -> Fits:
        """Donor weights for each problem."""
        return self.solve(problems)[2]

    def solve(self, problems: Problems) -> tuple[Floats, Floats, Fits]:
        """(B,) penalties, (B, L) errors at each penalty tried (L is 0 for a given one), and the fits.

        Raises `DesignError` where a penalty is to be chosen on fewer than two matched periods.
        """
        errors = np.empty((len(problems.members), 0))
        if isinstance(self.penalty, str):
            _require_periods(problems.pre)
            judge = _by_holdout if self.penalty == "holdout" else _by_leaving_out
            errors = judge(problems)
            penalty = GRID[_last_smallest(errors)]
        else:
            penalty = np.full(len(errors), float(self.penalty))
        weights = shared_by_twins(problems, _weights(problems, penalty[:, None])[0])
        counterfactual = np.asarray(weights @ problems.outcome)
        return penalty, errors, Fits(counterfactual, problems.targets - counterfactual, weights)


def programme(problems: Problems, penalty: Floats) -> tuple[Floats, Floats]:
    """(B, N, N) and (B, N): the quadratic programme ½‖x₁ − X₀w‖² + ½λΣⱼwⱼ‖x₁ − xⱼ‖² of each problem."""
    gram = _gram(problems)
    return gram, -0.5 * penalty[:, None] * np.einsum("bnn->bn", gram)


def one_optimum(problems: Problems, penalty: Floats, weights: Floats) -> Bools:
    """(B,) whether no other weights do as well."""
    return unique(*programme(problems, penalty), weights, allowed=problems.allowed)


def shared_by_twins(problems: Problems, weights: Floats) -> Floats:
    """The weights, with what falls to donors of the very same path before the start split evenly.

    The objective cannot tell such donors apart; their paths afterwards may differ.
    """
    always = problems.pre.all(axis=0)
    if len(np.unique(problems.outcome[:, always], axis=0)) == len(problems.outcome):
        return weights
    split = weights.copy()
    for b, (pre, allowed) in enumerate(zip(problems.pre, problems.allowed, strict=True)):
        own = np.flatnonzero(allowed)
        _, twin, count = np.unique(
            problems.outcome[own][:, pre], axis=0, return_inverse=True, return_counts=True
        )
        split[b, own] = np.bincount(twin, weights=weights[b, own])[twin] / count[twin]
    return split


def _gram(problems: Problems) -> Floats:
    apart = (problems.outcome[None] - problems.targets[:, None, :]) * problems.pre[:, None, :]
    apart = apart * problems.allowed[:, :, None]
    return np.asarray(apart @ apart.transpose(0, 2, 1))


def _weights(problems: Problems, penalties: Floats) -> Floats:
    """(L, B, N) weights at each column of (B, L) penalties, one after the other from the solution before."""
    count, units = problems.allowed.shape
    step = max(1, _CELLS // units**2)
    found = np.empty((penalties.shape[1], count, units))
    for first in range(0, count, step):
        part = slice(first, first + step)
        gram = _gram(_part(problems, part))
        far = np.einsum("bnn->bn", gram)
        start = None
        for k, size in enumerate(penalties[part].T):
            start = minimise(
                gram, -0.5 * size[:, None] * far, allowed=problems.allowed[part], start=start
            ).weights
            found[k, part] = start
    return found


def _part(problems: Problems, part: slice) -> Problems:
    shift = None if problems.shift is None else problems.shift[part]
    return Problems(
        problems.outcome, problems.members[part], problems.allowed[part], problems.pre[part], shift
    )


def _require_periods(pre: Bools) -> None:
    if (pre.sum(axis=1) < 2).any():
        raise DesignError(
            "the penalty cannot be chosen on a single period",
            where="synth.penalised",
            remedy="Begin the panel earlier, or give the penalty a number.",
        )


def _by_holdout(problems: Problems) -> Floats:
    """(B, L) mean squared gap in the second half of the matched periods, of weights from the first."""
    first, second = halves(problems.pre)
    early = Problems(problems.outcome, problems.members, problems.allowed, first, problems.shift)
    return _errors(early, second)


def _by_leaving_out(problems: Problems) -> Floats:
    """(B, L) mean squared gap of each donor in turn, predicted by the others, in the periods not matched.

    Where every period is matched, their second half is predicted from the first instead. The target has no
    part in it, so problems that share donors and periods share the errors.
    """
    asked = np.concatenate([problems.allowed, problems.pre], axis=1)
    rows, which = np.unique(asked, axis=0, return_inverse=True)
    units = problems.allowed.shape[1]
    found = np.empty((len(rows), len(GRID)))
    for k, row in enumerate(rows):
        allowed, pre = row[:units], row[units:]
        matched, judged = (pre, ~pre) if not pre.all() else (half[0] for half in halves(pre[None]))
        own = np.eye(units, dtype=bool)[allowed]
        each = Problems(
            problems.outcome, own.astype(np.float64), allowed & ~own, np.repeat(matched[None], len(own), 0)
        )
        found[k] = _errors(each, np.repeat(judged[None], len(own), 0)).mean(axis=0)
    return found[which.reshape(-1)]


def _errors(problems: Problems, judged: Bools) -> Floats:
    penalties = np.repeat(GRID[None, ::-1], len(judged), axis=0)
    found = _weights(problems, penalties)[::-1]
    gaps = problems.targets[None] - found @ problems.outcome
    return np.asarray(((gaps**2 * judged).sum(axis=2) / judged.sum(axis=1)).T)


def _last_smallest(errors: Floats) -> Ints:
    """(B,) the largest penalty among those with the smallest error."""
    near = errors <= errors.min(axis=1, keepdims=True) * (1 + 1e-9)
    return np.asarray(near.shape[1] - 1 - near[:, ::-1].argmax(axis=1))

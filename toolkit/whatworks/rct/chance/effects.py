"""The effects of `rct.itt` under many assignments at once, from sums within what was assigned as a whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from whatworks.arrays import Floats, Ints
from whatworks.errors import DesignError, EstimationError, first_few
from whatworks.rct.one_row.adjust import Adjust
from whatworks.rct.one_row.default_errors import small_blocks
from whatworks.trial import Trial

Effects = Callable[[Ints], Floats]
"""From (B, G) arms of places (0 control, 1 treatment) to (B, m) effects, one for each of m outcomes."""

WHERE = "RandomisationInference on a trial"


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Sums over the rows of each of G places, for the rows of some blocks.

    Attributes:
        place: (R,) place of each row; `places` how many there are.
        order, first: places sorted by block, and where each of K blocks begins among them.
    """

    place: Ints
    places: int
    order: Ints
    first: Ints

    def of(self, values: Floats) -> Floats:
        """(G, m) sums of the values (R, m) of each place."""
        return np.stack([np.bincount(self.place, column, self.places) for column in values.T], axis=1)

    def by_block(self, treated: Floats, sums: Floats) -> Floats:
        """(B, K, m) sums over the treated places of each block; `treated` (B, G), `sums` (G, m)."""
        if len(self.first) == 1:
            return np.asarray((treated @ sums)[:, None, :])
        treated, sums = treated[:, self.order], sums[self.order]
        return np.stack([np.add.reduceat(treated * v, self.first, axis=1) for v in sums.T], axis=2)


@dataclass(frozen=True, slots=True, eq=False)
class _Arms:
    """Sums (B, K, ·) of either arm by block: rows `n`, covariates `x`, outcomes `y`; who is on both sides."""

    n: tuple[Floats, Floats]
    x: tuple[Floats, Floats]
    y: tuple[Floats, Floats]

    @property
    def weight(self) -> Floats:
        """(B, K) shares of the rows in blocks with both arms."""
        both = (self.n[0] > 0) & (self.n[1] > 0)
        size = np.where(both, self.n[0] + self.n[1], 0.0)[:, :, 0]
        total = size.sum(axis=1, keepdims=True)
        return np.asarray(np.divide(size, total, out=np.full(size.shape, np.nan), where=total > 0))

    def mean(self, what: tuple[Floats, Floats], arm: int) -> Floats:
        """(B, K, ·) means of one arm, 0 where it has no row."""
        return np.asarray(what[arm] / np.maximum(self.n[arm], 1.0))


def effects(trial: Trial, outcomes: Floats, adjust: Adjust, place: Ints, places: int) -> Effects:
    """The effect of `rct.itt` on every outcome, as a function of arms.

    Blocks that an assignment leaves with one arm only (units that left make that possible) drop out of it,
    and the others share their weight.

    Args:
        trial: two arms, one row a unit, nothing missing.
        outcomes: (m, R).
        adjust: as in `rct.itt`.
        place: (R,) which of G places of an assignment decides a row's arm, and `places` G.

    Raises:
        DesignError: a place whose rows lie in several blocks.
    """
    small = small_blocks(trial)
    if in_common(trial, adjust):
        return _additive(trial, outcomes, adjust != "none", place, places)
    block = np.zeros(trial.n_rows, dtype=np.int64) if trial.block is None else trial.block
    x = trial.baseline.T
    if adjust == "none":
        return _differences(sums_of(trial, place, places), x[:, :0], outcomes.T)
    if adjust == "cuped":
        return _less_predicted(sums_of(trial, place, places), block, x - x.mean(axis=0), outcomes.T)
    each = (small & (trial.block is not None))[block]
    parts = []
    for rows, form in ((~each, _by_arm), (each, _of_differences)):
        if rows.any():
            sums = _sums(trial.select(rows), block[rows], place[rows], places)
            parts.append((rows.mean(), form(sums, x[rows] - x[rows].mean(axis=0), outcomes.T[rows])))
    return lambda arms: np.asarray(sum(share * part(arms) for share, part in parts))


def in_common(trial: Trial, adjust: Adjust) -> bool:
    """Whether blocks enter as dummies beside one effect for all, instead of with an effect each."""
    small = small_blocks(trial)
    return adjust == "ancova" or bool(small.sum() == 1 and len(small) > 1)


def sums_of(trial: Trial, place: Ints, places: int) -> Sums:
    """Sums within places and blocks of a whole trial; raises `DesignError` as `effects`."""
    block = np.zeros(trial.n_rows, dtype=np.int64) if trial.block is None else trial.block
    return _sums(trial, block, place, places)


def _sums(trial: Trial, block: Ints, place: Ints, places: int) -> Sums:
    codes, own = np.unique(block, return_inverse=True)
    of_place = np.zeros(places, dtype=np.int64)
    of_place[place] = own
    split = np.unique(place[of_place[place] != own])
    if split.size:
        labels = trial.cluster_names
        code = trial.cluster_codes
        rows = [int(np.flatnonzero(place == p)[0]) for p in split[:6]]
        raise DesignError(
            f"{split.size:,} clusters reach over several blocks: {first_few(labels[code[r]] for r in rows)}",
            where=WHERE,
            remedy="Name as block what holds whole clusters, or leave the block role out.",
        )
    order = np.argsort(of_place, kind="stable")
    first = np.searchsorted(of_place[order], np.arange(len(codes)))
    return Sums(place, places, order, first)


def _sides(sums: Sums, x: Floats, y: Floats) -> Callable[[Floats], _Arms]:
    """Sums of either arm by block, given treated places (B, G); `x` (R, p), `y` (R, m)."""
    p = x.shape[1]
    of_place = sums.of(np.hstack([np.ones((len(y), 1)), x, y]))
    total = sums.by_block(np.ones((1, sums.places)), of_place)

    def sides(treated: Floats) -> _Arms:
        one = sums.by_block(treated, of_place)
        both = (total - one, one)
        return _Arms(
            (both[0][:, :, :1], both[1][:, :, :1]),
            (both[0][:, :, 1 : 1 + p], both[1][:, :, 1 : 1 + p]),
            (both[0][:, :, 1 + p :], both[1][:, :, 1 + p :]),
        )

    return sides


def _differences(sums: Sums, x: Floats, y: Floats) -> Effects:
    """Differences in means by block, weighted by rows."""
    sides = _sides(sums, x, y)

    def effect(arms: Ints) -> Floats:
        found = sides(arms.astype(np.float64))
        gap = found.mean(found.y, 1) - found.mean(found.y, 0)
        return np.asarray(np.einsum("bk,bkm->bm", found.weight, gap))

    return effect


def _less_predicted(sums: Sums, block: Ints, x: Floats, y: Floats) -> Effects:
    """CUPED: differences by block of the outcome less what baseline predicts, slopes found anew in each draw.

    Slopes are those of values net of block means and of treatment net of block means (`itt_adjust.cuped`).
    """
    sides, p = _sides(sums, x, y), x.shape[1]
    _, own = np.unique(block, return_inverse=True)
    shared = np.hstack([x, y])
    net = (
        shared - np.stack([np.bincount(own, v) for v in shared.T], axis=1)[own] / np.bincount(own)[own, None]
    )
    whole, of_place = net[:, :p].T @ net, sums.of(net)

    def effect(arms: Ints) -> Floats:
        treated = arms.astype(np.float64)
        found, along = sides(treated), treated @ of_place
        spread = (found.n[0] * found.n[1] / (found.n[0] + found.n[1])).sum(axis=1)
        left = whole - along[:, :p, None] * along[:, None, :] / spread[:, :, None]
        theta = _solved(left[:, :, :p], left[:, :, p:])
        pairs = ((found.mean(side, 1) - found.mean(side, 0)) for side in (found.x, found.y))
        of_x, of_y = (np.einsum("bk,bkm->bm", found.weight, gap) for gap in pairs)
        return np.asarray(of_y - np.einsum("bp,bpm->bm", of_x, theta))

    return effect


def _by_arm(sums: Sums, x: Floats, y: Floats) -> Effects:
    """Lin's regression: each arm on its own, blocks with a constant each, evaluated at the mean of x."""
    sides, p, m = _sides(sums, x, y), x.shape[1], y.shape[1]
    squares = (x[:, :, None] * np.hstack([x, y])[:, None, :]).reshape(len(x), -1)
    of_place = sums.of(squares)
    total = of_place.sum(axis=0)

    def effect(arms: Ints) -> Floats:
        treated = arms.astype(np.float64)
        found, one = sides(treated), treated @ of_place
        value = np.zeros((len(arms), m))
        for arm, sign, raw in ((0, -1, total - one), (1, 1, one)):
            both = np.concatenate([found.mean(found.x, arm), found.mean(found.y, arm)], axis=2)
            crossed = np.einsum("bkp,bkq->bpq", found.x[arm], both, optimize=True)
            moment = raw.reshape(-1, p, p + m) - crossed
            level = both[:, :, p:] - both[:, :, :p] @ _solved(moment[:, :, :p], moment[:, :, p:])
            value += sign * np.einsum("bk,bkm->bm", found.weight, level)
        return value

    return effect


def _of_differences(sums: Sums, x: Floats, y: Floats) -> Effects:
    """One row a block: the difference of its arms' means on those of x, and on the treated side's x."""
    sides = _sides(sums, x, y)

    def effect(arms: Ints) -> Floats:
        found = sides(arms.astype(np.float64))
        treated_x = found.mean(found.x, 1)
        design = np.concatenate([treated_x - found.mean(found.x, 0), treated_x], axis=2)
        design = np.concatenate([np.ones((*design.shape[:2], 1)), design], axis=2)
        gap = found.mean(found.y, 1) - found.mean(found.y, 0)
        heavy = design * found.weight[:, :, None]
        return _solved(heavy.transpose(0, 2, 1) @ design, heavy.transpose(0, 2, 1) @ gap)[:, 0]

    return effect


def _additive(trial: Trial, outcomes: Floats, covariates: bool, place: Ints, places: int) -> Effects:
    """One effect for all beside blocks and covariates, by Frisch and Waugh: their part is taken out once."""
    block = np.zeros(trial.n_rows, dtype=np.int64) if trial.block is None else trial.block
    fixed = (block[:, None] == np.unique(block)).astype(np.float64)
    if covariates:
        centred = trial.baseline.T - trial.baseline.mean(axis=1)
        fixed = np.hstack([fixed, centred / np.maximum(np.abs(centred).max(axis=0), 1e-300)])
    basis = np.linalg.qr(fixed)[0]
    y = outcomes.T - basis @ (basis.T @ outcomes.T)
    q = basis.shape[1]
    everywhere = Sums(place, places, np.arange(places), np.zeros(1, dtype=np.int64))
    of_place = everywhere.of(np.hstack([basis, np.ones((len(y), 1)), y]))

    def effect(arms: Ints) -> Floats:
        found = arms.astype(np.float64) @ of_place
        return np.asarray(found[:, q + 1 :] / (found[:, [q]] - (found[:, :q] ** 2).sum(axis=1)[:, None]))

    return effect


def _solved(gram: Floats, right: Floats) -> Floats:
    try:
        return np.asarray(np.linalg.solve(gram, right))
    except np.linalg.LinAlgError as problem:
        raise EstimationError(
            "the covariates cannot be told apart under some assignment that chance could have made",
            where=WHERE,
            remedy="Use fewer covariates, or adjust='ancova', which has one slope for both arms.",
        ) from problem

"""The regression behind a difference in means: blocks with an effect each, and covariates centred."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import DesignError, first_few
from whatworks.inference.fits import least_squares
from whatworks.inference.fits.regression import Regression
from whatworks.rct.one_row.answer import dummies, require_room
from whatworks.rct.one_row.default_errors import Form, pieces, small_blocks
from whatworks.trial import Trial

WHERE = "rct.itt"


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A fit, and which combination of its coefficients is the effect.

    Attributes:
        fit: the regression.
        contrast: (1, k) weights on its coefficients.
        control_mean: mean outcome of the control arm, blocks and covariates as the effect weights them.
        form: which default errors it takes.
        clustered: whether its rows go together in clusters.
    """

    fit: Regression
    contrast: Floats
    control_mean: float
    form: Form
    clustered: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Some rows of a regression.

    Attributes:
        outcome, weight: (r,).
        design: (r, k) under `names`.
        cluster: (r,) codes, or empty where each row is its own.
        effect: (k,) the combination that is the effect.
        control, level: the control arm's mean is `control @ coefficients + level`.
        size: how many rows of the trial it stands for.
    """

    outcome: Floats
    weight: Floats
    design: Floats
    names: list[str]
    cluster: Ints
    effect: Floats
    control: Floats
    size: int
    level: float = field(default=0.0)


def by_block(trial: Trial, *, lin: bool) -> Prepared:
    """Block differences weighted by block size, with covariates by arm where `lin`.

    Blocks with two units (or clusters) or more of both arms have a constant and an effect each, covariates
    centred on their mean. Each other block enters as one row: the difference of its arms' means, weighted by
    its size, on the differences of their covariates and the treated side's centred covariates.

    Raises:
        DesignError: covariates that are constant or cannot be told apart.

    Source: Lin (2013), Annals of Applied Statistics 7(1); Fogarty (2018), Journal of the Royal Statistical
    Society B 80(5); Imai, King & Nall (2009), Statistical Science 24(1).
    """
    if lin:
        refuse_constant(trial)
    names = trial.baseline_names if lin else ()
    block = np.zeros(trial.n_rows, dtype=np.int64) if trial.block is None else trial.block
    small = small_blocks(trial) & (trial.block is not None)
    each = small[block]
    parts = [_whole(trial, block, ~each, names)] if not each.all() else []
    if each.any():
        parts.append(_differences(trial, block, each, names))
    form: Form = "difference" if trial.block is None else "blocked"
    clustered = trial.cluster is not None and not each.all()
    return _joined(parts, "regression" if lin or each.any() else form, clustered)


def additive(trial: Trial, *, covariates: bool = True) -> Prepared:
    """One effect for all, blocks as dummies, covariates added.

    Raises:
        DesignError: covariates that are constant or cannot be told apart from the blocks or each other.
    """
    if covariates:
        refuse_constant(trial)
    X, names = regressors(trial, trial.baseline_names if covariates else ())
    cluster = pieces(trial)
    fit = least_squares.fit(trial.outcome, X, names=names, where=WHERE, cluster=cluster)
    others = X[:, 2:].mean(axis=0) @ fit.coefficients[2:]
    control = float(fit.coefficients[0] + others)
    return Prepared(fit, np.eye(X.shape[1])[1:2], control, "regression", cluster is not None)


def regressors(trial: Trial, names: Sequence[str]) -> tuple[Floats, list[str]]:
    """(R, k) constant, treatment, block dummies and, where there are names, centred baseline; their names."""
    columns = [np.ones((trial.n_rows, 1)), trial.treated[:, None].astype(np.float64)]
    labels = ["the constant", "the treatment"]
    if trial.block is not None:
        indicator, words = dummies(trial.block, trial.block_labels, "block")
        columns.append(indicator)
        labels += words
    if names:
        columns.append((trial.baseline - trial.baseline.mean(axis=1, keepdims=True)).T)
        labels += [f"baseline {name!r}" for name in names]
    return np.hstack(columns), labels


def refuse_constant(trial: Trial, where: str = WHERE) -> None:
    """Raise `DesignError` for a baseline variable that is the same for every row."""
    size = np.abs(trial.baseline).max(axis=1, initial=0.0)
    flat = np.ptp(trial.baseline, axis=1) <= 1e-12 * size if len(size) else np.zeros(0, dtype=bool)
    if flat.any():
        shown = first_few(repr(trial.baseline_names[int(k)]) for k in np.flatnonzero(flat))
        raise DesignError(
            f"baseline is the same for every row: {shown}",
            where=where,
            remedy="Leave it out of baseline; it can adjust nothing.",
        )


def _whole(trial: Trial, block: Ints, rows: Bools, names: Sequence[str]) -> _Part:
    """Blocks with a constant and an effect each; covariates by arm, centred on these rows."""
    codes, own = np.unique(block[rows], return_inverse=True)
    require_room(len(own), 2 * len(codes), "block")
    indicator = (own[:, None] == np.arange(len(codes))).astype(np.float64)
    z = trial.treated[rows][:, None]
    x = trial.baseline[: len(names), rows].T
    x = x - x.mean(axis=0)
    labels = [""] if trial.block is None else [f" of block {trial.block_labels[int(code)]}" for code in codes]
    words = [f"the constant{label}" for label in labels] + [f"the treatment{label}" for label in labels]
    words += [f"baseline {name!r}" for name in names] + [f"baseline {name!r} by arm" for name in names]
    share = indicator.mean(axis=0)
    zero, rest = np.zeros(len(codes)), np.zeros(2 * len(names))
    cluster = np.empty(0, dtype=np.int64) if trial.cluster is None else trial.cluster[rows]
    return _Part(
        outcome=trial.outcome[rows],
        weight=np.ones(int(rows.sum())),
        design=np.hstack([indicator, indicator * z, x, x * z]),
        names=words,
        cluster=cluster,
        effect=np.concatenate([zero, share, rest]),
        control=np.concatenate([share, zero, rest]),
        size=int(rows.sum()),
    )


def _differences(trial: Trial, block: Ints, rows: Bools, names: Sequence[str]) -> _Part:
    """One row a block: the difference of its arms' means, and of their covariates."""
    _, own = np.unique(block[rows], return_inverse=True)
    z, values = trial.treated[rows], np.vstack([trial.outcome, trial.baseline[: len(names)]])[:, rows]
    count = np.stack([np.bincount(own, side.astype(float)) for side in (~z, z)])
    means = np.stack(
        [
            [np.bincount(own, value * side) for value in values] / n
            for side, n in zip((~z, z), count, strict=True)
        ]
    )
    size = count.sum(axis=0)
    share, control = size / size.sum(), means[0]
    x = (means[1, 1:] - values[1:].mean(axis=1)[:, None]).T
    words = ["the treatment in small blocks"] + [f"baseline {name!r} (difference)" for name in names]
    words += [f"baseline {name!r} by arm" for name in names]
    k = len(names)
    # the control side's slope is that of the differences, and its covariates are brought to the common mean
    shift = values[1:].mean(axis=1) - control[1:] @ share
    return _Part(
        outcome=means[1, 0] - control[0],
        weight=size,
        design=np.hstack([np.ones((len(size), 1)), (means[1, 1:] - control[1:]).T, x]),
        names=words,
        cluster=np.empty(0, dtype=np.int64),
        effect=np.eye(1 + 2 * k)[0],
        control=np.concatenate([[0.0], shift, np.zeros(k)]),
        size=int(rows.sum()),
        level=float(control[0] @ share),
    )


def _joined(parts: list[_Part], form: Form, clustered: bool) -> Prepared:
    """The parts side by side, nothing in common; the effect weights them by their sizes."""
    total = sum(part.size for part in parts)
    height, width = sum(len(part.outcome) for part in parts), sum(part.design.shape[1] for part in parts)
    design, down, across = np.zeros((height, width)), 0, 0
    codes: list[Ints] = []
    for part in parts:
        r, k = part.design.shape
        design[down : down + r, across : across + k] = part.design
        following = max((int(code.max()) + 1 for code in codes if len(code)), default=0)
        codes.append(part.cluster if len(part.cluster) else following + np.arange(r))
        down, across = down + r, across + k
    fit = least_squares.fit(
        np.concatenate([part.outcome for part in parts]),
        design,
        names=[name for part in parts for name in part.names],
        where=WHERE,
        weight=np.concatenate([part.weight for part in parts]),
        cluster=np.unique(np.concatenate(codes), return_inverse=True)[1] if clustered else None,
    )
    shares = [part.size / total for part in parts]
    effect = np.concatenate([s * part.effect for s, part in zip(shares, parts, strict=True)])
    control = np.concatenate([s * part.control for s, part in zip(shares, parts, strict=True)])
    level = sum(s * part.level for s, part in zip(shares, parts, strict=True))
    return Prepared(fit, effect[None], float(control @ fit.coefficients + level), form, clustered)

"""The one place that says which errors an analysis of a trial takes, and why."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np

from whatworks.arrays import Bools, Ints
from whatworks.inference.asked import Admitted, FromRegression
from whatworks.inference.chance.randomisation import RandomisationInference
from whatworks.inference.default import Choice, Default, draws_of
from whatworks.inference.errors.cluster import ClusterRobust
from whatworks.inference.errors.heteroskedastic import Heteroskedastic
from whatworks.results import NotAvailable
from whatworks.trial import Trial

Form = Literal["difference", "blocked", "regression"]
Inference = FromRegression | RandomisationInference | Default | None

TRIAL: Final = Admitted(
    FromRegression | Default | None,
    "{!r} does not fit an analysis of a trial",
    "Use Heteroskedastic(), ClusterRobust() or WildCluster(). Randomisation tests are in rct.itt and "
    "rct.randomisation_test.",
)

FEW: Final = 6
"""Below this many units (clusters, pairs) in an arm no error keeps its promise, and the result says so."""

SMALL: Final = 20
UNEVEN: Final = 2
"""An arm smaller than this beside one so many times as large makes Welch's test too sure."""

MANY: Final = 40
"""Below this many clusters in blocks, errors within blocks are slightly too small."""


def assigned(trial: Trial) -> tuple[Ints, Ints, Ints]:
    """What chance dealt: the first row, arm and block of each cluster (of each row without clusters)."""
    first = np.arange(trial.n_rows)
    if trial.cluster is not None:
        first = np.unique(trial.cluster, return_index=True)[1].astype(np.int64)
    block = np.zeros(len(first), dtype=np.int64) if trial.block is None else trial.block[first]
    return first, trial.arm[first], block


def small_blocks(trial: Trial) -> Bools:
    """(B,) blocks with a single unit (or cluster) of an arm, which have no variance of their own."""
    if trial.block is None:
        return np.zeros(1, dtype=bool)
    _, arm, block = assigned(trial)
    counts = np.zeros((trial.n_blocks, len(trial.arms)), dtype=np.int64)
    np.add.at(counts, (block, arm), 1)
    return np.asarray((counts <= 1).any(axis=1))


def pieces(trial: Trial) -> Ints | None:
    """(R,) which rows go together in the errors of a regression on all rows, or None for each its own.

    Rows of a cluster go together, and so do the rows of a block with a single unit or cluster of an arm: its
    dummy makes the two sides' residuals mirror images, and taken as independent they count twice.

    Source: de Chaisemartin & Ramirez-Cuellar (2024), American Economic Journal: Applied Economics 16(1).
    """
    small = small_blocks(trial)
    if trial.block is None or not small.any():
        return trial.cluster
    own = np.arange(trial.n_rows) if trial.cluster is None else trial.cluster
    joined = np.where(small[trial.block], own.max() + 1 + trial.block, own)
    return np.unique(joined, return_inverse=True)[1].astype(np.int64)


def settle(
    trial: Trial, asked: Inference, *, form: Form = "regression", clustered: bool | None = None
) -> Choice:
    """Which inference an analysis of a two-armed trial takes.

    Args:
        trial: the rows analysed, two arms, one row a unit.
        asked: an inference object, `Default(...)`, or None for the default.
        form: `difference` for a difference in means of unblocked rows (Welch's degrees of freedom),
            `blocked` for block differences (rows less two a block), `regression` for everything else.
        clustered: whether rows go together in the errors; from `pieces(trial)` where None.

    A single unit (or cluster, or pair) in an arm permits no error: the choice is then `NotAvailable`.

    Raises:
        OptionError: something that is no inference object for a regression.
    """
    lone = _lone(trial)
    if lone is not None:
        return Choice(lone, lone.reason, (lone.reason,))
    warnings = _warn(trial, form)
    TRIAL.require(asked, "inference")
    if draws_of(asked) is None:
        return Choice(asked, "as asked for", warnings)
    if pieces(trial) is not None if clustered is None else clustered:
        word = "clusters were assigned" if trial.cluster is not None else "blocks hold single units of an arm"
        return Choice(ClusterRobust("CR2"), f"the default where {word}", warnings)
    df: dict[Form, Literal["welch", "residual", "satterthwaite"]] = {
        "difference": "welch",
        "blocked": "residual",
        "regression": "satterthwaite",
    }
    return Choice(
        Heteroskedastic("HC2", df=df[form]), "the default where units were assigned singly", warnings
    )


def _lone(trial: Trial) -> NotAvailable | None:
    """Why no error exists, or None."""
    _, arm, _ = assigned(trial)
    small = small_blocks(trial)
    word = "cluster" if trial.cluster is not None else "unit"
    if trial.block is None:
        for code, label in enumerate(trial.arms):
            if int((arm == code).sum()) == 1:
                return NotAvailable(
                    f"only one {word} is in arm {label!r}, so nothing shows how far it strays by chance; "
                    "a test needs the allocations that chance could have made (RandomisationInference)"
                )
    elif small.sum() == 1 and len(small) == 1:
        return NotAvailable(
            f"the one block holds a single {word} of an arm, so nothing shows how far it strays by chance"
        )
    return None


def _warn(trial: Trial, form: Form) -> tuple[str, ...]:
    """Sentences on errors that do not keep their promise with units so few or so uneven."""
    _, arm, block = assigned(trial)
    fewest, most = sorted(np.bincount(arm, minlength=2).tolist())
    word = "clusters" if trial.cluster is not None else "units"
    said = []
    if fewest < FEW:
        said.append(
            f"Only {fewest} {word} are in an arm. With so few an interval from t is a rough guide; put "
            "RandomisationInference beside it, which is exact under the rule that assigned the arms."
        )
    elif form == "difference" and trial.cluster is None and fewest < SMALL and most >= UNEVEN * fewest:
        said.append(
            f"One arm has {fewest} units, the other {most}. On skewed outcomes of 8 against 32 units a 5% "
            "test like this rejected a true null in 9% of simulated trials; adjust for baseline if you can."
        )
    large = np.bincount(block)[~small_blocks(trial)] if trial.block is not None else block[:0]
    if trial.cluster is not None and len(arm) < MANY and large.size:
        said.append(
            f"With {len(arm)} clusters in blocks a 5% test rejected a true null in 6 to 7% of simulated "
            "trials: the interval is slightly too short."
        )
    return tuple(said)

"""Random assignment with a record that can be replayed byte for byte."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from whatworks import columns, trial_rules
from whatworks.arrays import Ints
from whatworks.errors import DesignError, OptionError, TrialError, first_few
from whatworks.inference import draws as random_draws
from whatworks.rct.assign.allocation import Allocation, input_hash, table_hash, written
from whatworks.rct.assign.balance_rule import Restricted, restricted
from whatworks.rct.assign.designs import (
    WHERE,
    AtOnce,
    Balance,
    Blocked,
    Complete,
    Listed,
    Pairs,
    SteppedWedge,
)
from whatworks.rct.assign.designs import names as as_names
from whatworks.rct.assign.rota import Rota
from whatworks.rct.assign.rule import Rule
from whatworks.rct.assign.schedule import Crossover


def randomise(
    units: pd.DataFrame,
    *,
    unit: str,
    seed: int,
    arms: Sequence[str] = ("control", "treatment"),
    design: AtOnce | Crossover | Rota | None = None,
    cluster: str | None = None,
    balance: Balance | None = None,
) -> Allocation:
    """Assign units to arms by chance, and keep a record of how.

    Args:
        units: one row a unit, with what the design needs; the order of rows never matters. Leave outcomes
            out: the record's input hash then shows that none could have been used.
        unit: column with the unit's label.
        seed: a whole number, drawn or agreed in public before this call.
        arms: labels, control first. A stepped wedge names its steps itself.
        design: `Complete`, `Blocked`, `Pairs`, `SteppedWedge`, `Crossover` or `Rota`; None is `Complete()`.
        cluster: column with the cluster that is assigned as a whole.
        balance: baseline that the arms must be alike on, by drawing again until they are.

    Returns:
        The allocation: `table`, `record` (algorithm, seed, constraints, number of admissible allocations, the
        smallest p-value they allow, hashes) and `rule`, which randomisation tests work from.

    Raises:
        TrialError: a unit twice, or without a label.
        OptionError: a column, arm or seed that cannot be.
        DesignError: a design that does not fit the list.
    """
    chosen = Complete() if design is None else design
    random_draws.check_seed(seed)
    labels = _labels(arms)
    _refuse_own_words(chosen, unit, cluster)
    listed = _listed(units, unit, cluster)
    names = _columns(unit, cluster, chosen, balance)
    if isinstance(chosen, Crossover | Rota):
        return _scheduled(listed, unit, labels, chosen, seed, names, balance)
    return _dealt(listed, unit, cluster, labels, chosen, seed, names, balance)


def _dealt(
    listed: Listed,
    unit: str,
    cluster: str | None,
    labels: tuple[str, ...],
    design: AtOnce,
    seed: int,
    names: list[str],
    balance: Balance | None,
) -> Allocation:
    layout = design.layout(listed, len(labels))
    bits = np.random.PCG64(np.random.SeedSequence(seed))
    rule, words = Rule(layout, None, len(listed.units)), ""
    if balance is None:
        dealt, admissible = layout.draw(bits, 1)[0], layout.possible
    else:
        baseline = listed.means(as_names(balance.on))
        held = restricted(layout, baseline, balance, bits)
        rule = Rule(layout, None, len(listed.units), baseline, held.cutoff, held.admissible)
        dealt, admissible, words = held.arms, held.admissible, _balance_words(balance, held)
    column = "arm"
    if isinstance(design, SteppedWedge):
        column, labels = "start", design.starts
    table = pd.DataFrame({unit: listed.units})
    if cluster is not None:
        table[cluster] = np.asarray(listed.cluster_labels, dtype=object)[listed.cluster]
    if isinstance(design, Blocked | Pairs):
        table["block"] = (layout.block[listed.cluster] + 1).tolist()
    table[column] = np.asarray(labels, dtype=object)[dealt[listed.cluster]]
    total = zip(layout.counts.sum(axis=0), labels, strict=True)
    algorithm = (
        f"{design.words(listed, layout)}: {', '.join(f'{n} to {label}' for n, label in total)}.{words}"
    )
    smallest = _smallest(admissible, layout.counts)
    record = _record(algorithm, design, balance, labels, seed, admissible, smallest, listed, names, table)
    return Allocation(table, record, replace(rule, algorithm=algorithm))


def _scheduled(
    listed: Listed,
    unit: str,
    labels: tuple[str, ...],
    design: Crossover | Rota,
    seed: int,
    names: list[str],
    balance: Balance | None,
) -> Allocation:
    if balance is not None or listed.word == "cluster" or len(labels) != 2:
        raise DesignError(
            "a schedule has two arms, units one by one, and needs no balance rule",
            where=WHERE,
            remedy="Every unit is its own control: leave cluster and balance out, and give two arms.",
        )
    bits = np.random.PCG64(np.random.SeedSequence(seed))
    schedules = design.draw(bits, len(listed.units), 1)[0]
    table = pd.DataFrame(
        {
            unit: np.repeat(np.asarray(listed.units, dtype=object), design.periods),
            "period": np.tile(np.arange(1, design.periods + 1), len(listed.units)),
            "arm": np.asarray(labels, dtype=object)[schedules.ravel()],
            "washout": design.washed(schedules).ravel(),
        }
    )
    rule = Rule(None, design, len(listed.units))
    possible, words = rule.possible, design.words(len(listed.units), labels)
    if not rule.counted:
        least = written(possible)
        least = f"{possible:,}" if least.isdigit() else least
        words += f" How many schedules keep these rules is not known; at least {least} do."
    record = _record(words, design, None, labels, seed, possible, 1 / possible, listed, names, table)
    return Allocation(table, record, replace(rule, algorithm=words))


def _labels(arms: Sequence[str]) -> tuple[str, ...]:
    labels = tuple(str(arm).strip() for arm in arms)
    if isinstance(arms, str) or len(labels) < 2 or len(set(labels)) != len(labels) or not all(labels):
        raise OptionError(
            f"arms={arms!r} are not two or more different labels",
            where=WHERE,
            remedy='Give them in order, control first, as in ("usual", "patrol").',
        )
    return labels


def _refuse_own_words(design: AtOnce | Crossover | Rota, unit: str, cluster: str | None) -> None:
    """A column of the list must not bear the name of a column that the record writes."""
    own = ["start" if isinstance(design, SteppedWedge) else "arm"]
    if isinstance(design, Blocked | Pairs):
        own.append("block")
    if isinstance(design, Crossover | Rota):
        own += ["period", "washout"]
    taken = [name for name in (unit, cluster) if name in own]
    if taken:
        raise OptionError(
            f"the list has a column {taken[0]!r}, and so has the record, for something else",
            where=WHERE,
            remedy=f"Rename it in the list; the record writes {', '.join(own)}.",
        )


def _listed(units: pd.DataFrame, unit: str, cluster: str | None) -> Listed:
    asked = [("unit", unit), *([] if cluster is None else [("cluster", cluster)])]
    columns.require(units, asked, TrialError)
    if units.empty:
        raise TrialError("the list is empty", where=WHERE, remedy="Give one row a unit.")
    text = ["" if pd.isna(value) else str(value).strip() for value in units[unit]]
    blank = [i + 1 for i, label in enumerate(text) if not label]
    twice = sorted({label for label in text if text.count(label) > 1}) if len(set(text)) < len(text) else []
    if blank or twice:
        raise TrialError(
            f"{len(blank)} rows name no unit: rows {first_few(blank)}"
            if blank
            else f"{len(twice)} units are listed more than once: {first_few(twice)}",
            where=f"column {unit!r}",
            remedy="Each unit stands on the list once, by a label of its own.",
        )
    for name in (unit, *([] if cluster is None else [cluster])):
        trial_rules.refuse_doubtful(units[name], name, "unit" if name == unit else "cluster")
    order = np.argsort(np.asarray(text, dtype=object), kind="stable")
    frame = units.iloc[order].reset_index(drop=True)
    labels = tuple(text[i] for i in order)
    if cluster is None:
        return Listed(frame, labels, np.arange(len(labels)), labels, "unit")
    if frame[cluster].isna().any():
        raise TrialError("some units have no cluster", where=f"column {cluster!r}")
    names, codes = np.unique(frame[cluster].astype(str).to_numpy(dtype=str), return_inverse=True)
    return Listed(frame, labels, codes.astype(np.int64), tuple(names.tolist()), "cluster")


def _columns(
    unit: str, cluster: str | None, design: AtOnce | Crossover | Rota, balance: Balance | None
) -> list[str]:
    """The columns that the draw depends on."""
    more = () if isinstance(design, Crossover | Rota) else design.uses
    alike = () if balance is None else as_names(balance.on)
    return list(dict.fromkeys([unit, *([] if cluster is None else [cluster]), *more, *alike]))


def _smallest(admissible: int, counts: Ints) -> float:
    """The smallest two-sided p: an allocation and its mirror image are equally extreme where both are."""
    mirrored = counts.shape[1] == 2 and bool((counts[:, 0] == counts[:, 1]).all())
    return min(1.0, (2 if mirrored else 1) / max(admissible, 1))


def _balance_words(balance: Balance, held: Restricted) -> str:
    return (
        f" Drawn again until the arms' baseline means ({', '.join(as_names(balance.on))}) were among the "
        "closest "
        f"{balance.accept:.3g} of allocations (Mahalanobis distance at most {held.cutoff:.6g}; draw "
        f"{held.attempts:,} was the first)."
    )


def _record(
    algorithm: str,
    design: object,
    balance: Balance | None,
    labels: tuple[str, ...],
    seed: int,
    admissible: int,
    smallest: float,
    listed: Listed,
    names: list[str],
    table: pd.DataFrame,
) -> dict[str, Any]:
    return {
        "algorithm": algorithm,
        "design": repr(design),
        "balance": "none" if balance is None else repr(balance),
        "arms": list(labels),
        "seed": int(seed),
        "units": len(listed.units),
        "admissible": written(admissible),
        "smallest_p": smallest,
        "input_columns": names,
        "input_hash": input_hash(listed.frame.assign(**{names[0]: list(listed.units)}), names),
        "table_hash": table_hash(table),
    }

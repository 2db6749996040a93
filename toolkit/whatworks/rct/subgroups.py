"""Subgroups: does the effect differ between groups, in one test of the difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Final

import numpy as np
import pandas as pd

from whatworks.answer import bare_row, explained, or_nan
from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import DesignError, EstimationError, OptionError, did_you_mean, first_few
from whatworks.inference.asked import FromRegression
from whatworks.inference.default import Choice
from whatworks.inference.draws import check_level
from whatworks.inference.fits import least_squares
from whatworks.inference.fits.regression import Regression
from whatworks.inference.multiplicity import holm
from whatworks.inference.uncertainty import Uncertainty
from whatworks.rct.assign import listed
from whatworks.rct.assign.allocation import Allocation
from whatworks.rct.modifier import WHERE, Divided, Subgroup, divide
from whatworks.rct.one_row import answer
from whatworks.rct.one_row.default_errors import Inference, pieces, settle
from whatworks.results import Estimate, NotAvailable, Number, Result
from whatworks.trial import Trial

EXPLORATORY: Final = (
    "Exploratory: nothing says that these subgroups were fixed before the outcomes were known. A difference "
    "found by looking is a question for the next trial, not an answer of this one."
)
NOT_TESTED: Final = (
    "effects within subgroups are shown, not tested: one can differ from zero and another not though they do "
    "not differ from each other"
)
ONE_OF_MANY: Final = "the joint test speaks for all groups together"


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """One modifier: effects by group, their differences from the first group's, and the joint test."""

    divided: Divided
    effects: Uncertainty
    differences: Uncertainty
    p_value: Number
    sentence: str
    sizes: Ints


def subgroups(
    trial: Trial,
    *,
    by: str | Subgroup | Sequence[str | Subgroup],
    prespecified: str = "",
    adjust: Sequence[str] = (),
    allocation: Allocation | None = None,
    inference: Inference = None,
    level: float = 0.95,
) -> Result:
    """Ask whether the effect differs between subgroups, by the interaction and never by separate tests.

    A modifier has a regression of its own: outcome on arm, group, arm by group, and the blocks. The answer is
    the difference between the effects, with several groups one joint test that all are equal; p-values of
    several modifiers are adjusted by Holm's procedure.

    Args:
        trial: two arms, one row a unit; rows without an outcome are left out with a note.
        by: a baseline column of codes, a `Subgroup` (cuts, labels or a list of units), or several of them.
        prespecified: where the subgroups were fixed before outcomes were known ("protocol of 3 May, section
            7"); without it the result is marked exploratory.
        adjust: baseline columns to adjust for.
        allocation: the record, against which the list is held.
        inference: `Heteroskedastic`, `ClusterRobust`, `WildCluster`, `Jackknife`, `Default`, or None for the
            default of the design.
        level: coverage of the intervals.

    Returns:
        The headline is the difference between the first modifier's two groups; more groups have a p-value and
        no single number. `effects` adds modifier, group, kind (effect, difference, joint) and p_adjusted.

    Raises:
        DesignError: over two arms, several rows a unit, an exposure, under two units of an arm in a group.
        OptionError: an unknown column, a number without cuts, a claim without a place.
        TrialError: a list that is not the recorded one.

    Source: Brookes et al. (2004), Journal of Clinical Epidemiology 57(3).
    """
    _refuse(trial, prespecified)
    rules = _rules(by)
    listing = () if allocation is None else listed.against_record(trial, allocation)
    kept = trial.drop_missing()
    choice = settle(kept, inference)
    if isinstance(choice.inference, NotAvailable):
        raise DesignError(choice.reason, where=WHERE, remedy="Fewer groups, or more units in an arm.")
    X, level = _covariates(kept, adjust), check_level(level)
    found = [_fitted(kept, divide(kept, rule), X, choice, level) for rule in rules]
    spec = {"by": [repr(rule) for rule in rules], "prespecified": prespecified, "adjust": list(adjust)}
    result = _result(kept, found, choice, answer.choices(kept, choice, level, **spec))
    return replace(result, input_hash=trial.fingerprint, notes=(*kept.notes, *listing, *result.notes))


def _result(trial: Trial, found: Sequence[_Fitted], choice: Choice, spec: dict[str, Any]) -> Result:
    said = spec["prespecified"].strip()
    headline = _headline(trial, found[0], choice, spec["level"], said)
    fixed = f"The subgroups were fixed beforehand: {said}." if said else EXPLORATORY
    return Result(
        method="rct.subgroups",
        headline=headline,
        effects=_table(found),
        design=answer.sizes(trial, headline),
        spec=spec,
        input_hash=trial.fingerprint,
        relative=NotAvailable("a difference between effects has no percent change"),
        seed=getattr(choice.inference, "seed", None),
        notes=(fixed, *_several(found), *choice.warnings),
    )


def _rules(by: str | Subgroup | Sequence[str | Subgroup]) -> list[str | Subgroup]:
    rules = [by] if isinstance(by, str | Subgroup) else list(by)
    names = [rule if isinstance(rule, str) else rule.name for rule in rules]
    if not rules or len(set(names)) < len(names):
        raise OptionError(
            f"by={names!r} does not name different modifiers", where=WHERE, remedy="Name each once."
        )
    return rules


def _refuse(trial: Trial, prespecified: str) -> None:
    if not isinstance(prespecified, str):
        raise OptionError(
            f"prespecified={prespecified!r} does not say where",
            where=WHERE,
            remedy="Name the registered protocol and section that fixed the subgroups, or leave it out.",
        )
    why = ""
    if len(trial.arms) > 2:
        why, remedy = f"the trial has {len(trial.arms)} arms", "Take one: trial.against_control(arm)."
    elif trial.period is not None:
        why, remedy = "units have several rows", "Sum each unit's outcome over its periods first."
    elif trial.exposure is not None:
        why, remedy = (
            "the outcome is a count with an exposure",
            "Differences between effects hang on the scale; build the trial with the rate as its outcome.",
        )
    if why:
        raise DesignError(why, where=WHERE, remedy=remedy)


def _covariates(trial: Trial, adjust: Sequence[str]) -> Floats:
    """(R, J) covariates, centred."""
    strange = [name for name in adjust if name not in trial.baseline_names]
    if strange:
        raise OptionError(
            f"the trial has no baseline column {strange[0]!r}",
            where=WHERE,
            remedy=f"{did_you_mean(strange[0], trial.baseline_names)}Name it as baseline of the trial.",
        )
    X = trial.baseline[[trial.baseline_names.index(name) for name in adjust]].T
    return np.asarray(X - X.mean(axis=0)).reshape(trial.n_rows, len(adjust))


def _fitted(trial: Trial, divided: Divided, X: Floats, choice: Choice, level: float) -> _Fitted:
    groups = len(divided.labels)
    sizes = np.stack([_sizes(trial, divided.code == g) for g in range(groups)])
    small = [divided.labels[g] for g in range(groups) if sizes[g, :2].min() < 2]
    if small:
        word = "units" if trial.cluster is None else "clusters"
        raise DesignError(
            f"{divided.name!r} has groups with fewer than two {word} in an arm: {first_few(small)}",
            where=WHERE,
            remedy="Join groups, or choose other cuts.",
        )
    fit, first = _regression(trial, divided, X)
    each = np.zeros((groups, len(fit.coefficients)))
    each[:, first] = 1.0
    each[np.arange(1, groups), first + np.arange(1, groups)] = 1.0
    differences = each[1:] - each[0]
    p_value, sentence = joint_test(fit, differences, choice.inference, level)
    return _Fitted(
        divided,
        choice.from_regression(fit, each, level=level),
        choice.from_regression(fit, differences, level=level),
        p_value,
        sentence,
        sizes[:, 2],
    )


def joint_test(
    fit: Regression, contrasts: Floats, inference: FromRegression, level: float
) -> tuple[Number, str]:
    """The p-value that m contrasts (m, k) are all zero, and how it was found.

    Hotelling's T² with the covariance that `inference` gives and the fewest degrees of freedom among the
    contrasts; with one contrast it is the t test. The covariance comes from the errors of sums, so that it is
    that of the inference itself, whichever it is. Without errors there is no joint test.

    Source: Pustejovsky & Tipton (2018), Journal of Business & Economic Statistics 36(4), section 3.2.
    """
    from scipy.stats import f

    m = len(contrasts)
    pairs = list(combinations(range(m), 2))
    sums = [contrasts[i] + contrasts[j] for i, j in pairs]
    found = inference.from_regression(fit, np.vstack([contrasts, *sums]), level=level)
    if m == 1:
        p = float(found.p_value[0])
        return (p if np.isfinite(p) else NotAvailable(found.reason[0])), found.sentence
    if not np.isfinite(found.std_error).all():
        known = next((reason for reason in found.reason if reason), "")
        return NotAvailable(known or "this inference gives no covariance for a joint test"), found.sentence
    variance = found.std_error**2
    covariance = np.diag(variance[:m])
    for at, (i, j) in enumerate(pairs, start=m):
        covariance[i, j] = covariance[j, i] = (variance[at] - variance[i] - variance[j]) / 2
    df = np.inf if isinstance(found.df, NotAvailable) else float(np.min(np.atleast_1d(found.df)[:m]))
    if df <= m:
        return NotAvailable(
            f"{df:.3g} degrees of freedom cannot carry a test of {m} contrasts"
        ), found.sentence
    try:
        squared = float(found.value[:m] @ np.linalg.solve(covariance, found.value[:m]))
    except np.linalg.LinAlgError as problem:
        raise EstimationError(
            "the covariance of the contrasts cannot be inverted", where="joint test"
        ) from problem
    share = 1.0 if np.isinf(df) else (df - m + 1) / df
    p = float(f.sf(max(squared, 0.0) * share / m, m, df - m + 1 if np.isfinite(df) else 1e12))
    return p, f"Hotelling's T² of {m} contrasts with {df:.4g} degrees of freedom. {found.sentence}"


def _sizes(trial: Trial, here: Bools) -> Ints:
    """Control and treated clusters of a group, and its units."""
    codes = trial.cluster_codes
    arms = [len(np.unique(codes[here & (trial.arm == arm)])) for arm in (0, 1)]
    return np.array([*arms, int(here.sum())])


def _regression(trial: Trial, divided: Divided, X: Floats) -> tuple[Regression, int]:
    """Outcome on blocks, groups, arm and arm by group, and where the arm's column stands."""
    treated = (trial.arm == 1).astype(np.float64)
    member = (divided.code[:, None] == np.arange(len(divided.labels))).astype(np.float64)
    columns, names = [np.ones((trial.n_rows, 1))], ["constant"]
    if trial.block is not None:
        part, labels = answer.dummies(trial.block, trial.block_labels, "block")
        columns, names = [*columns, part], [*names, *labels]
    for label, one in zip(divided.labels[1:], member.T[1:], strict=True):
        # a group made of whole blocks has its level from them
        so_far = np.hstack(columns)
        left = one - so_far @ np.linalg.lstsq(so_far, one, rcond=None)[0]
        if np.abs(left).max() > 1e-8:
            columns, names = [*columns, one[:, None]], [*names, f"{divided.name} {label}"]
    first = len(names)
    columns += [treated[:, None], member[:, 1:] * treated[:, None], X]
    names += ["arm", *(f"arm by {label}" for label in divided.labels[1:])]
    names += [f"covariate {j + 1}" for j in range(X.shape[1])]
    design = np.hstack(columns)
    fit = least_squares.fit(trial.outcome, design, names=names, where=WHERE, cluster=pieces(trial))
    return fit, first


def _table(found: Sequence[_Fitted]) -> pd.DataFrame:
    known = [one.p_value for one in found if not isinstance(one.p_value, NotAvailable)]
    adjusted = iter(holm(np.array(known)).tolist())
    rows: list[dict[str, object]] = []
    for one in found:
        name, labels = one.divided.name, one.divided.labels
        own = np.nan if isinstance(one.p_value, NotAvailable) else next(adjusted)
        two = len(labels) == 2
        for g, label in enumerate(labels):
            rows.append(_row(one.effects, g, name, label, "effect", int(one.sizes[g])))
        for g, label in enumerate(labels[1:]):
            pair = f"{label} minus {labels[0]}"
            row = _row(one.differences, g, name, pair, "difference", int(one.sizes[[0, g + 1]].sum()))
            rows.append(row | ({"p_adjusted": own} if two else {"p_value": np.nan, "reason": ONE_OF_MANY}))
        if not two:
            rows.append(_joint(one, own))
    frame = answer.in_order(rows)
    return frame if (frame["reason"] != "").any() else frame.drop(columns="reason")


def _row(part: Uncertainty, at: int, name: str, group: str, kind: str, n: int) -> dict[str, object]:
    found = part.row(at)
    if kind == "effect":
        found |= {"p_value": np.nan, "reason": found["reason"] or NOT_TESTED}
    place = {"modifier": name, "group": group, "kind": kind, "p_adjusted": np.nan}
    return {"term": f"{name}: {group}", **found, "n": n, **place}


def _joint(one: _Fitted, adjusted: float) -> dict[str, object]:
    missing, name = isinstance(one.p_value, NotAvailable), one.divided.name
    reason = str(one.p_value) if missing else f"a joint test of {len(one.sizes)} groups has no estimate"
    place = {"modifier": name, "group": "all", "kind": "joint", "p_adjusted": adjusted}
    bare = bare_row(f"{name}: all effects equal", np.nan, int(one.sizes.sum()), reason)
    return bare | {"p_value": or_nan(one.p_value)} | place


def _headline(trial: Trial, one: _Fitted, choice: Choice, level: float, prespecified: str) -> Estimate:
    labels, arm = one.divided.labels, trial.arms[1]
    mark = "" if prespecified else " (exploratory)"
    scale = trial.scale or trial.outcome_name
    if len(labels) == 2:
        estimand = (
            f"Difference between the effects of {arm} in {one.divided.name} {labels[1]} and {labels[0]}"
        )
        found = one.differences.estimate(0, estimand=estimand + mark, scale=scale)
        return explained(found, choice)
    gap = NotAvailable(f"with {len(labels)} subgroups there is no single difference")
    estimand = f"Differences between the effects of {arm} over {len(labels)} groups of {one.divided.name}"
    found = Estimate(estimand + mark, gap, gap, gap, gap, level, one.p_value, gap, one.sentence, scale)
    return explained(found, choice)


def _several(found: Sequence[_Fitted]) -> tuple[str, ...]:
    if len(found) == 1:
        return ()
    return (
        f"{len(found)} modifiers were tried; p_adjusted holds Holm's adjustment over all. The headline "
        f"is about the first, {found[0].divided.name}.",
    )

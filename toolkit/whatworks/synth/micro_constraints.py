"""What calibration weights must balance: constant covariates, and paths of outcomes before the start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import DesignError, OptionError, did_you_mean, first_few
from whatworks.panel import Panel
from whatworks.synth.micro_weights import WHERE, calibrate
from whatworks.synth.pool import Pool
from whatworks.synth.problems import Fits, Problems

Together = int | Mapping[str, int]
Match = Sequence[str | Sequence[str]]

_SAME = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Roles:
    """Which series are measured and which are matched, in order of priority.

    Attributes:
        names: J outcomes measured, the panel's own first.
        outcome: (J, N, T).
        constant: constant covariates matched, by name, each (N,).
        paths: series whose path before the start is matched, by name, each (N, T).
        priority: priority of everything matched, by name; 0 comes first.
        together: periods summed before they are matched, by name of a path.
    """

    names: tuple[str, ...]
    outcome: Floats
    constant: Mapping[str, Floats]
    paths: Mapping[str, Floats]
    priority: Mapping[str, int]
    together: Mapping[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """The constraints for one set of periods before the start.

    Attributes:
        names: m labels.
        values: (N, m).
        spread: (m,) standard deviation over all units, zero for a constraint that always holds.
        priority: (m,).
        shares: (m, T) for paths, the periods that are summed; zero rows for covariates.
        own: (m,) whether the constraint is on the panel's own outcome.
    """

    names: tuple[str, ...]
    values: Floats
    spread: Floats
    priority: Ints
    shares: Floats
    own: Bools

    @property
    def scaled(self) -> Floats:
        """(N, m') columns that vary, centred, in standard deviations."""
        varying = self.spread > 0
        values = self.values[:, varying]
        return np.asarray((values - values.mean(axis=0)) / self.spread[varying])


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Calibration weights as a function that can be asked again.

    Attributes:
        roles: what is matched.
        labels: T labels of the periods.
    """

    roles: Roles
    labels: tuple[str, ...]

    def __call__(self, problems: Problems) -> Fits:
        """The fits of each problem on the panel's own outcome."""
        return fits_of(problems, self.weights(problems))

    def weights(self, problems: Problems) -> Floats:
        """(B, N) weights; a supposed effect (shift) is on the panel's own outcome."""
        weights = np.zeros(problems.members.shape)
        kinds, which = np.unique(problems.pre, axis=0, return_inverse=True)
        for kind, pre in enumerate(kinds):
            columns = self.columns(pre)
            scaled, varying = columns.scaled, columns.spread > 0
            for b in np.flatnonzero(which.ravel() == kind):
                target = problems.members[b] @ scaled
                if problems.shift is not None:
                    moved = columns.shares[varying] @ problems.shift[b] * columns.own[varying]
                    target = target - moved / columns.spread[varying]
                used = problems.allowed[b]
                weights[b, used] = calibrate(scaled[used], target, columns.priority[varying]).weights
        return weights

    def columns(self, pre: Bools) -> Columns:
        """The constraints with these periods (T,) before the start."""
        roles = self.roles
        names, values, shares, priority, own = [], [], [], [], []
        for name, values_ in roles.constant.items():
            names.append(name)
            values.append(values_)
            shares.append(np.zeros(len(pre)))
            priority.append(roles.priority[name])
            own.append(False)
        for name, series in roles.paths.items():
            for periods in _bins(pre, roles.together.get(name, 1)):
                names.append(f"{name}, {self._span(periods)}")
                values.append(series[:, periods].sum(axis=1))
                shares.append(np.isin(np.arange(len(pre)), periods).astype(np.float64))
                priority.append(roles.priority[name])
                own.append(name == roles.names[0])
        table = np.column_stack(values)
        size = np.abs(table).max(axis=0)
        spread = table.std(axis=0)
        return Columns(
            tuple(names),
            table,
            np.where(spread > _SAME * np.where(size > 0, size, 1.0), spread, 0.0),
            np.array(priority, dtype=np.int64),
            np.array(shares),
            np.array(own),
        )

    def _span(self, periods: Ints) -> str:
        first, last = self.labels[periods[0]], self.labels[periods[-1]]
        return first if len(periods) == 1 else f"{first} to {last}"


def fits_of(problems: Problems, weights: Floats) -> Fits:
    """The fits that these weights (B, N) give on the problems' own outcome."""
    counterfactual = np.asarray(weights @ problems.outcome)
    return Fits(counterfactual, problems.targets - counterfactual, weights)


def _bins(pre: Bools, size: int) -> list[Ints]:
    """Runs of so many periods, counted back from the start; the earliest takes what is left."""
    at = np.flatnonzero(pre)[::-1]
    return [at[low : low + size][::-1] for low in range(0, len(at), size)][::-1]


def roles_of(
    panel: Panel, pool: Pool, outcomes: Sequence[str], match: Match | None, together: Together
) -> Roles:
    """Sort the panel's outcome and covariates into what is measured and what is matched.

    Raises:
        DesignError: missing cells in a series that is used, or unit weights.
        OptionError: a name that is no covariate, is given twice, or a number of periods that is none.
    """
    if panel.weight is not None:
        raise DesignError(
            "unit weights have no part in calibration weights",
            where=WHERE,
            remedy="Leave the weight role out: treated units count equally.",
        )
    further = [outcomes] if isinstance(outcomes, str) else list(outcomes)
    series = {panel.outcome_name: panel.outcome}
    series |= dict(zip(panel.covariate_names, panel.covariates, strict=True))
    _known(further, [name for name in series if name != panel.outcome_name], "outcomes")
    names = (panel.outcome_name, *further)
    flat = {name: bool((values == values[:, :1]).all()) for name, values in series.items()}
    groups = _priorities(panel, names, flat) if match is None else _given(match, list(series))
    priority = {name: place for place, group in enumerate(groups) for name in group}
    for name in dict.fromkeys((*names, *priority)):
        _complete(panel, name, series[name])
    _measurable(names, series, pool)
    matched = {name: series[name] for name in priority}
    constant = {n: v[:, 0] for n, v in matched.items() if flat[n] and n not in names}
    paths = {n: v for n, v in matched.items() if n not in constant}
    return Roles(
        names,
        np.stack([series[name] for name in names]),
        constant,
        paths,
        priority,
        _together(together, list(paths)),
    )


def _priorities(panel: Panel, names: tuple[str, ...], flat: Mapping[str, bool]) -> list[list[str]]:
    """Constant covariates first, then the paths of all outcomes."""
    rest = [name for name in panel.covariate_names if name not in names]
    moving = [name for name in rest if not flat[name]]
    if moving:
        raise OptionError(
            f"covariates that vary over time have no role: {first_few(moving)}",
            where=WHERE,
            remedy="Name them in outcomes= to match and to measure them, in match= to match their path only, "
            "or leave them out of the panel.",
        )
    return [group for group in (rest, list(names)) if group]


def _given(match: Match, known: list[str]) -> list[list[str]]:
    items = [match] if isinstance(match, str) else match
    groups = [[item] if isinstance(item, str) else list(item) for item in items]
    groups = [group for group in groups if group]
    if not groups:
        raise OptionError("match names nothing", where=WHERE, remedy="Leave it out to match everything.")
    _known([name for group in groups for name in group], known, "match")
    return groups


def _known(asked: list[str], known: list[str], option: str) -> None:
    for place, name in enumerate(asked):
        if name not in known:
            raise OptionError(
                f"{option} names {name!r}, which is no covariate of the panel",
                where=WHERE,
                remedy=f"{did_you_mean(name, known)}The panel has {', '.join(known) or 'no covariates'}; "
                "give others in from_frame(covariates=…).",
            )
        if name in asked[:place]:
            raise OptionError(f"{option} names {name!r} twice", where=WHERE, remedy="Name it once.")


def _complete(panel: Panel, name: str, values: Floats) -> None:
    gaps = np.argwhere(np.isnan(values))
    if len(gaps):
        cells = first_few(f"{panel.units[i]} {panel.period_labels[j]}" for i, j in gaps)
        raise DesignError(
            f"{len(gaps):,} cells of {name} are missing: {cells}",
            where=WHERE,
            remedy="Mend the source, or keep complete units only. Nothing was dropped for you.",
        )


def _measurable(names: tuple[str, ...], series: Mapping[str, Floats], pool: Pool) -> None:
    empty = [name for name in names if not series[name][pool.treated].any()]
    if empty:
        raise DesignError(
            f"zero throughout in every treated unit: {first_few(empty)}",
            where=WHERE,
            remedy="There is nothing to match and nothing to measure: pool offences, or leave it out.",
        )


def _together(together: Together, paths: list[str]) -> dict[str, int]:
    if isinstance(together, Mapping):
        _known(list(together), paths, "together")
    given = dict(together) if isinstance(together, Mapping) else dict.fromkeys(paths, together)
    for name, size in given.items():
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
            raise OptionError(
                f"together={size!r} for {name!r} is not a number of periods",
                where=WHERE,
                remedy="Give how many periods are summed before they are matched: 1, or 3 for quarters.",
            )
    return {name: int(size) for name, size in given.items()}

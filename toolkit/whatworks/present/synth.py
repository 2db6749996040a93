"""Figures of a synthetic control: its path, its gap among placebos, the ranking, and the donor weights."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import pandas as pd

from whatworks.arrays import Floats
from whatworks.errors import DesignError
from whatworks.panel import Panel
from whatworks.present import drawing
from whatworks.present.figure import Figure, Words, slug
from whatworks.present.paths import measured_in, ticks
from whatworks.results import Result
from whatworks.shown import Note, words
from whatworks.verdict import direction

MOST_RANKED = 40
"""So many units, those with the largest ratio, are drawn; the table has all."""

LONGEST = 20
"""Letters of a unit's name beside its mark."""

MOST_DONORS = 20
"""So many donors, the heaviest, are drawn; the table has all."""

FEW = 3
"""Up to so many treated units are named in captions."""

NO_PLACEBOS = "Not available: no placebos in space were run, because another inference was asked for."


class _Pool(Protocol):
    """The treated unit and its donors; what is drawn is read off it."""

    @property
    def panel(self) -> Panel:
        """The panel they come from."""

    @property
    def observed(self) -> Floats:
        """(T,) outcome of the treated."""

    @property
    def treated_name(self) -> str:
        """The treated unit."""

    @property
    def start(self) -> int:
        """Period number of the start."""


def synth_path(result: Result, *, subject: str = "") -> Figure:
    """Draw the treated unit's path and the synthetic one, with the interval of what would have happened.

    Raises `DesignError` for a result without a synthetic path.
    """
    detail = _detail(result)
    pool: _Pool = detail.pool
    observed, made = pool.observed, detail.fits.counterfactual[0]
    low, high = observed - _column(result, "high"), observed - _column(result, "low")
    level = words.level(result.headline.level)
    about = words.spoken(subject or pool.panel.outcome_name)
    table = pd.DataFrame(
        {
            "period": pool.panel.period_labels,
            "observed": observed,
            "synthetic": made,
            f"synthetic, {level} low": low,
            f"synthetic, {level} high": high,
        }
    )
    said = _path_said(result, about)
    with drawing.canvas() as canvas:
        axes = canvas.add_subplot()
        periods = pool.panel.periods
        if np.isfinite(low).any():
            axes.fill_between(periods, low, high, color=drawing.BAND, linewidth=0, label=f"{level} interval")
        axes.plot(periods, observed, color=drawing.FIRST, label="Observed")
        axes.plot(periods, made, color=drawing.SECOND, linestyle=(0, (5, 2)), label="Synthetic")
        _start(axes, pool)
        drawing.upright(axes, measured_in(pool.panel))
        axes.yaxis.grid(True)
        drawing.key(canvas, 3)
        alt = _path_alt(result, table, about)
        return drawing.finish(
            canvas, said=said, name=slug("synth_path", subject), each="period", alt=alt, table=table
        )


def synth_gap(result: Result, *, subject: str = "") -> Figure | Note:
    """Draw the treated unit's gap over the gaps of all placebos in space; a note where none were run.

    Raises `DesignError` for a result without a synthetic path.
    """
    detail = _detail(result)
    if detail.space is None:
        return Note((NO_PLACEBOS,))
    pool: _Pool = detail.pool
    gaps, kept = detail.space.gaps, detail.space.rank.kept
    table = pd.DataFrame({"period": pool.panel.period_labels, _name(pool): gaps[0]})
    names = _stand_ins(detail)
    rest = pd.DataFrame(gaps[1:].T, columns=names)
    about = words.spoken(subject or pool.panel.outcome_name)
    with drawing.canvas() as canvas:
        axes = canvas.add_subplot()
        periods = pool.panel.periods
        axes.axhline(0, color=drawing.INK, linewidth=1)
        for row, one in zip(gaps[1:], kept[1:], strict=True):
            axes.plot(
                periods, row, color=drawing.BEHIND, linewidth=0.6, alpha=0.75, linestyle="-" if one else ":"
            )
        axes.plot([], [], color=drawing.BEHIND, linewidth=0.8, label=f"{len(gaps) - 1} placebos")
        axes.plot(periods, gaps[0], color=drawing.FIRST, linewidth=2.4, label=words.capital(_name(pool)))
        _start(axes, pool)
        drawing.upright(axes, f"Gap: {measured_in(pool.panel)}")
        axes.yaxis.grid(True)
        drawing.key(canvas, 1 if len(_name(pool)) > 20 else 2)
        return drawing.finish(
            canvas,
            said=_gap_said(detail, about),
            name=slug("synth_gap", subject),
            each="period",
            alt=_gap_alt(detail, about),
            table=pd.concat([table, rest], axis=1),
        )


def synth_ranking(result: Result, *, subject: str = "") -> Figure | Note:
    """Draw the RMSPE ratio of the treated unit and of every placebo, largest first; a note without placebos.

    Raises `DesignError` for a result without a synthetic path.
    """
    detail = _detail(result)
    if detail.space is None:
        return Note((NO_PLACEBOS,))
    rank, pool = detail.space.by_ratio, detail.pool
    table = pd.DataFrame(
        {
            "unit": [_name(pool), *_stand_ins(detail)],
            "RMSPE before": rank.before,
            "RMSPE after": rank.after,
            "ratio": rank.ratio,
            "counts": rank.kept,
        }
    )
    order = np.argsort(-rank.ratio, kind="stable")
    table, own = table.iloc[order].reset_index(drop=True), int(np.flatnonzero(order == 0)[0])
    finite = np.where(np.isfinite(table["ratio"]), table["ratio"], np.nan)
    shown = min(len(table), MOST_RANKED)
    with drawing.canvas(0.8 + 0.2 * shown) as canvas:
        axes = canvas.add_subplot()
        places = np.arange(shown)
        axes.hlines(places, 0, finite[:shown], color=drawing.GRID, linewidth=1)
        axes.plot(finite[:shown], places, "o", color=drawing.BEHIND, markersize=4)
        if own < shown:
            axes.plot(finite[own], own, "o", color=drawing.FIRST, markersize=8)
        labels = axes.set_yticks(places, [_short(name) for name in table["unit"][:shown]])
        if own < shown:
            labels[own].label1.set_fontweight("bold")
        axes.set_ylim(shown - 0.5, -0.5)
        axes.set_xlim(0, None)
        drawing.along(axes, "Ratio of RMSPE after the start to RMSPE before")
        axes.xaxis.grid(True)
        alt = (
            f"{words.capital(_name(pool))} ranks {own + 1} of {len(table)} by the ratio of RMSPE after "
            f"the start to RMSPE before ({words.number(float(rank.ratio[0]))}); the smallest possible p "
            f"is {words.p_value(rank.smallest)}."
        )
        said = _ranking_said(_name(pool), own, len(table))
        return drawing.finish(
            canvas, said=said, name=slug("synth_ranking", subject), each="area", alt=alt, table=table
        )


def donor_weights(result: Result, *, subject: str = "") -> Figure | Note:
    """Draw the donors' weights, largest first; a note for a method without them.

    Raises `DesignError` for a result without a synthetic path.
    """
    detail = _detail(result)
    weights = detail.weights
    if not len(weights):
        return Note(("Not available: this method gives no weight to single donors.",))
    table = pd.DataFrame({"donor": [str(name) for name in weights.index], "weight": weights.to_numpy()})
    shown = table[table["weight"].abs() >= 0.001].head(MOST_DONORS).reset_index(drop=True)
    used = int((table["weight"].abs() >= 0.001).sum())
    with drawing.canvas(0.8 + 0.24 * len(shown)) as canvas:
        axes = canvas.add_subplot()
        places = np.arange(len(shown))
        axes.barh(places, shown["weight"], color=drawing.FIRST, height=0.62)
        for place, value in zip(places, shown["weight"], strict=True):
            axes.annotate(
                words.fixed(float(value), 2),
                (max(value, 0.0), place),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                color=drawing.INK,
            )
        axes.axvline(0, color=drawing.INK, linewidth=1)
        axes.set_yticks(places, [_short(name) for name in shown["donor"]])
        axes.margins(x=0.15)
        axes.set_ylim(len(shown) - 0.5, -0.5)
        drawing.along(axes, "Weight")
        axes.tick_params(axis="y", length=0)
        most = words.listed(
            f"{name} {words.fixed(float(value), 2)}"
            for name, value in shown[["donor", "weight"]].head(3).itertuples(index=False)
        )
        alt = f"{used} of {len(table)} donors have a weight of at least 0.001. The heaviest are {most}."
        said = _donors_said(_name(detail.pool), table["weight"].to_numpy())
        return drawing.finish(
            canvas, said=said, name=slug("donor_weights", subject), each="donor", alt=alt, table=table
        )


def _detail(result: Result) -> Any:
    if all(hasattr(result.detail, name) for name in ("pool", "fits", "space", "weights")):
        return result.detail
    raise DesignError(
        f"a result of {result.method} has no synthetic path",
        where="present",
        remedy="Give what a method of synth returned in this session; a result read back from a file has "
        "lost its paths: estimate again.",
    )


def _name(pool: Any) -> str:
    """The treated unit by name, or how many there are where naming them would fill the page."""
    count = int(np.count_nonzero(pool.treated))
    return str(pool.treated_name) if count <= FEW else f"the mean of the {count} treated units"


def _short(name: object) -> str:
    text = str(name)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _path_said(result: Result, about: str) -> Words:
    """The title is the average gap's: below or above the synthetic control, or not clearly either."""
    pool = result.detail.pool
    name, found = _name(pool), direction(result.headline)
    title = ""
    if found == "":
        title = f"No clear gap between {name} and its synthetic control"
    elif found:
        way = "below" if found == "fell" else "above"
        title = f"{words.capital(about)} in {name} ran {way} its synthetic control"
    level = words.level(result.headline.level)
    return Words(
        title,
        f"{words.capital(measured_in(pool.panel))} in {name} and in its synthetic control, with the "
        f"{level} interval of what would have been",
        "Before the start the two lines should lie on each other. After it, a solid line outside the shaded "
        "interval is a change.",
        found or "",
    )


def _gap_said(detail: Any, about: str) -> Words:
    """The title counts the placebos whose mean gap is at least as large as the treated unit's."""
    name, beyond, many = _name(detail.pool), _beyond(detail), len(detail.space.gaps) - 1
    some = f"{beyond} of {many} placebos have" if beyond > 1 else f"{beyond or 'None'} of {many} placebos has"
    return Words(
        f"{some} a gap as large as {name}",
        f"Gap in {about} between {name} and its synthetic control, among placebos: the same for places where "
        "nothing was done",
        "Each grey line is a place where nothing was done, treated as if it had been. Only if the strong "
        "line leaves the grey ones after the start is its gap unusual.",
    )


def _beyond(detail: Any) -> int:
    means = detail.space.gaps[:, np.asarray(detail.pool.post)].mean(axis=1)
    return int((np.abs(means[1:]) >= abs(means[0])).sum())


def _ranking_said(name: str, own: int, many: int) -> Words:
    """The title is the place of the treated unit."""
    return Words(
        f"{words.capital(name)} ranks {own + 1} of {many} by how far it moved away",
        f"RMSPE after the start over RMSPE before: {name} among placebos"
        + (f", the first {MOST_RANKED} drawn" if many > MOST_RANKED else ""),
        "A large ratio means that a place left its synthetic control after the start though it was matched "
        "well before. Only a place at the very top is unusual.",
    )


def _donors_said(name: str, weights: Floats) -> Words:
    """The title is the share of the three heaviest donors, or of the only ones."""
    used = int((np.abs(weights) >= 0.001).sum())
    some = min(used, 3)
    share = words.fixed(100 * float(np.sort(weights)[::-1][:some].sum()), 0)
    many = {1: "One donor makes", 2: "Two donors make", 3: "Three donors make"}.get(some, "")
    return Words(
        f"{many} up {share}% of the synthetic control" if many and (weights >= 0).all() else "",
        f"Weight of each donor in the synthetic control of {name}, the heaviest first",
        "The longer the bar, the more the synthetic control is that place. One that is nearly all a single "
        "place stands and falls with it.",
    )


def _column(result: Result, name: str) -> Floats:
    """(T,) a column of the effects period by period, of the first outcome where there are several."""
    by_period = result.effects[result.effects["event_time"].notna()]
    return np.asarray(by_period[name], dtype=np.float64)[: result.detail.pool.panel.n_periods]


def _stand_ins(detail: Any) -> list[str]:
    units = [str(unit) for unit in detail.pool.panel.units]
    return [" + ".join(units[i] for i in np.flatnonzero(row)) for row in detail.space.sets]


def _start(axes: Any, pool: _Pool) -> None:
    axes.axvline(pool.start - 0.5, color=drawing.SOFT, linewidth=1.2, linestyle=(0, (4, 2)))
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.1 * (high - low))
    drawing.note(axes, pool.start - 0.5, f"start {pool.panel.label(pool.start)}")
    ticks(axes, pool.panel, 6)


def _path_alt(result: Result, table: pd.DataFrame, about: str) -> str:
    detail = result.detail
    after = np.asarray(detail.pool.post)
    observed, made = (float(table.loc[after, name].mean()) for name in ("observed", "synthetic"))
    return (
        f"{words.capital(about)} in {_name(detail.pool)}, observed and synthetic, "
        f"{table['period'].iloc[0]} to {table['period'].iloc[-1]}. Before the start, "
        f"{detail.pool.panel.label(detail.pool.start)}, the two differ by {words.number(detail.rmspe)} on "
        f"average (RMSPE). From the start on the observed mean is {words.number(observed)} and the synthetic "
        f"one {words.number(made)}."
    )


def _gap_alt(detail: Any, about: str) -> str:
    gaps, post = detail.space.gaps, np.asarray(detail.pool.post)
    means = gaps[:, post].mean(axis=1)
    beyond = _beyond(detail)
    return (
        f"Gap in {about} over time of {_name(detail.pool)} and of {len(gaps) - 1} placebos. From the "
        f"start on the treated unit's gap is {words.number(float(means[0]))} on average; {beyond} of the "
        f"placebos have a mean gap at least as large, before allowing for how well each was matched."
    )

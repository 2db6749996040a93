"""Figures of a synthetic control: its path, its gap among placebos, the ranking, and the donor weights."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import pandas as pd

from whatworks.arrays import Floats
from whatworks.errors import DesignError
from whatworks.panel import Panel
from whatworks.present import drawing
from whatworks.present.figure import Figure, slug
from whatworks.present.paths import ticks
from whatworks.results import Result
from whatworks.shown import Note, words

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
    caption = f"{words.capital(about)} in {_name(pool)} and in its synthetic control"
    with drawing.canvas() as canvas:
        axes = canvas.add_subplot()
        periods = pool.panel.periods
        if np.isfinite(low).any():
            axes.fill_between(
                periods, low, high, color=drawing.BAND, linewidth=0, label=f"{level} interval without it"
            )
        axes.plot(periods, observed, color=drawing.FIRST, label="Observed")
        axes.plot(periods, made, color=drawing.SECOND, linestyle=(0, (5, 2)), label="Synthetic")
        _start(axes, pool)
        axes.set_ylabel(drawing.side_label(words.capital(pool.panel.scale or about)))
        axes.yaxis.grid(True)
        axes.figure.legend(loc="outside lower center", ncols=3, frameon=False)
        alt = _path_alt(result, table, about)
        return drawing.finish(
            canvas, name=slug("synth_path", subject), each="period", caption=caption, alt=alt, table=table
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
    caption = f"Gap in {about} between {_name(pool)} and its synthetic control, among placebos"
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
        axes.set_ylabel(drawing.side_label(f"Gap: {pool.panel.scale or about}"))
        axes.yaxis.grid(True)
        axes.figure.legend(loc="outside lower center", ncols=2, frameon=False)
        return drawing.finish(
            canvas,
            name=slug("synth_gap", subject),
            each="period",
            caption=caption,
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
    caption = f"RMSPE after the start over RMSPE before: {_name(pool)} among placebos"
    finite = np.where(np.isfinite(table["ratio"]), table["ratio"], np.nan)
    shown = min(len(table), 40)
    with drawing.canvas(0.9 + 0.17 * shown) as canvas:
        axes = canvas.add_subplot()
        places = np.arange(shown)
        axes.hlines(places, 0, finite[:shown], color=drawing.GRID, linewidth=1)
        axes.plot(finite[:shown], places, "o", color=drawing.BEHIND, markersize=4)
        if own < shown:
            axes.plot(finite[own], own, "o", color=drawing.FIRST, markersize=8)
        labels = axes.set_yticks(places, table["unit"][:shown], fontsize=7.5)
        if own < shown:
            labels[own].label1.set_fontweight("bold")
        axes.set_ylim(shown - 0.5, -0.5)
        axes.set_xlim(0, None)
        axes.set_xlabel("RMSPE ratio")
        axes.xaxis.grid(True)
        alt = (
            f"{words.capital(_name(pool))} ranks {own + 1} of {len(table)} by the ratio of RMSPE after "
            f"the start to RMSPE before ({words.number(float(rank.ratio[0]))}); the smallest possible p "
            f"is {words.p_value(rank.smallest)}."
        )
        return drawing.finish(
            canvas, name=slug("synth_ranking", subject), each="area", caption=caption, alt=alt, table=table
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
    caption = f"What the synthetic control of {_name(detail.pool)} is made of"
    used = int((table["weight"].abs() >= 0.001).sum())
    with drawing.canvas(0.9 + 0.24 * len(shown)) as canvas:
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
                fontsize=8.5,
                color=drawing.INK,
            )
        axes.axvline(0, color=drawing.INK, linewidth=1)
        axes.set_yticks(places, shown["donor"])
        axes.set_ylim(len(shown) - 0.5, -0.5)
        axes.set_xlabel("Weight")
        axes.tick_params(axis="y", length=0)
        most = words.listed(
            f"{name} {words.fixed(float(value), 2)}"
            for name, value in shown[["donor", "weight"]].head(3).itertuples(index=False)
        )
        alt = f"{used} of {len(table)} donors have a weight of at least 0.001. The heaviest are {most}."
        return drawing.finish(
            canvas, name=slug("donor_weights", subject), each="donor", caption=caption, alt=alt, table=table
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
    drawing.note(axes, pool.start - 0.5, f"start {pool.panel.label(pool.start)}", "right")
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
    beyond = int((np.abs(means[1:]) >= abs(means[0])).sum())
    return (
        f"Gap in {about} over time of {_name(detail.pool)} and of {len(gaps) - 1} placebos. From the "
        f"start on the treated unit's gap is {words.number(float(means[0]))} on average; {beyond} of the "
        f"placebos have a mean gap at least as large, before allowing for how well each was matched."
    )

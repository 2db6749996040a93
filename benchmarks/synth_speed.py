"""Speed of synth.classic with every placebo against its peers, as ratios from one run.

    python benchmarks/synth_speed.py --install
    python benchmarks/synth_speed.py --repeats 5

Made-up data of the shape of the Californian tobacco study: 39 units × 31 periods, one treated from 20.
`outcome`: weights on the whole path before the start. `nested`: three covariates and three past outcomes,
predictor weights by nested optimisation. In both, every donor takes the treated unit's place once.
Packages take turns within each repeat, each run in a process of its own, reading and importing not counted;
ours counts building the panel from the table. Peers live in benchmarks/peers/.venv-synth or where --venv
says; one that is missing or fails is said so. On a busy machine compare processor seconds; OMP_NUM_THREADS=1
keeps threads apart.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent
VENV = HERE / "peers" / ".venv-synth"
PACKAGES = ("pysyncon", "diff-diff")
TASKS = ("outcome", "nested")
UNITS, PERIODS, START = 39, 31, 20
COVARIATES = ("income", "price", "young")
LAGS = (6, 11, 19)


def table(seed: int = 1) -> pd.DataFrame:
    """Two common factors, levels, noise; covariates that follow the loadings."""
    draw = np.random.default_rng(seed)
    loadings = draw.normal(size=(UNITS, 2))
    factors = draw.normal(size=(2, PERIODS)).cumsum(axis=1)
    noise = draw.normal(size=(UNITS, PERIODS))
    outcome = 100 + 5 * draw.normal(size=(UNITS, 1)) + 3 * loadings @ factors + noise
    outcome[0, START - 1 :] -= 10
    frame = pd.DataFrame(
        {
            "unit": np.repeat([f"u{i:02d}" for i in range(UNITS)], PERIODS),
            "t": np.tile(np.arange(1, PERIODS + 1), UNITS),
            "y": outcome.ravel(),
            "start": np.repeat([str(START)] + [""] * (UNITS - 1), PERIODS),
        }
    )
    for k, name in enumerate(COVARIATES):
        values = loadings @ draw.normal(size=2) + 0.5 * draw.normal(size=UNITS) + 3 * k
        frame[name] = np.repeat(values, PERIODS)
    return frame


def whatworks(frame: pd.DataFrame, task: str) -> Callable[[], float]:
    from whatworks import Panel, synth

    predictors = None
    if task == "nested":
        lags = tuple((lag, lag) for lag in LAGS)
        predictors = synth.Predictors(covariates=dict.fromkeys(COVARIATES), outcomes=lags)

    def run() -> float:
        panel = Panel.from_frame(
            frame, unit="unit", period="t", outcome="y", start="start", covariates=COVARIATES
        )
        return float(synth.classic(panel, predictors=predictors).headline.value)

    return run


def pysyncon(frame: pd.DataFrame, task: str) -> Callable[[], float]:
    from pysyncon import Synth

    wide = frame.pivot(index="t", columns="unit", values="y")
    before = wide.loc[: START - 1]
    covariates = frame[frame["t"] < START].groupby("unit")[list(COVARIATES)].mean().T
    matched = before if task == "outcome" else pd.concat([covariates, before.loc[list(LAGS)]])

    def effect(unit: str, donors: list[str]) -> float:
        fit = Synth()
        used = matched[[*donors, unit]]
        # it divides each row by its standard deviation; these weights undo that
        v = used.var(axis=1).to_numpy() if task == "outcome" else None
        fit.fit(
            X0=matched[donors],
            X1=matched[unit],
            Z0=before[donors],
            Z1=before[unit],
            custom_V=v,
            optim_method="Nelder-Mead",
            optim_initial="equal",
        )
        after = wide.loc[START:]
        return float((after[unit] - after[donors].to_numpy() @ fit.W).mean())

    def run() -> float:
        treated, *donors = wide.columns
        own = effect(treated, donors)
        for unit in donors:
            effect(unit, [other for other in donors if other != unit])
        return own

    return run


def diff_diff(frame: pd.DataFrame, task: str) -> Callable[[], float]:
    from diff_diff import SyntheticControl

    data = frame.assign(d=((frame["start"] != "") & (frame["t"] >= START)).astype(int))

    def run() -> float:
        if task == "outcome":
            model = SyntheticControl(v_method="custom", custom_v=np.ones(START - 1), standardize="none")
            found = model.fit(data, "y", "d", "unit", "t", pre_period_outcomes="all")
        else:
            model = SyntheticControl(seed=1)
            found = model.fit(
                data, "y", "d", "unit", "t", predictors=list(COVARIATES), pre_period_outcomes=list(LAGS)
            )
        found.in_space_placebo()
        return float(found.att)

    return run


RUNS = {"whatworks": whatworks, "pysyncon": pysyncon, "diff-diff": diff_diff}


def work(name: str, task: str, path: str) -> None:
    """One package's times and answer as JSON; what is quick runs twice, so that late imports do not count."""
    warnings.simplefilter("ignore")
    run = RUNS[name](pd.read_csv(path, keep_default_na=False), task)
    seconds, processor = [], []
    while not seconds or (len(seconds) < 2 and seconds[0] < 5):
        begun, worked = time.perf_counter(), time.process_time()
        value = run()
        seconds.append(time.perf_counter() - begun)
        processor.append(time.process_time() - worked)
    print(json.dumps({"seconds": min(seconds), "processor": min(processor), "att": value}))


def ask(name: str, task: str, path: Path, limit: float, venv: Path) -> dict[str, float] | str:
    python = Path(sys.executable) if name == "whatworks" else venv / "bin" / "python"
    if not python.exists():
        return "not installed (run with --install)"
    command = [str(python), str(Path(__file__).resolve()), "--work", name, task, str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return f"no answer within {limit:.0f} s"
    if done.returncode != 0:
        return "failed: " + (done.stderr.strip().splitlines() or ["no message"])[-1]
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def report(task: str, rows: dict[str, list[dict[str, float] | str]]) -> None:
    """One line a package: best times, and how many times ours they are."""
    best: dict[str, tuple[float, float]] = {}
    print(f"\n{task}: {UNITS} units x {PERIODS} periods, {UNITS - 1} placebos")
    print("| package | seconds | times ours | processor seconds | times ours | effect |")
    print("|---|---|---|---|---|---|")
    for name, runs in rows.items():
        good = [run for run in runs if not isinstance(run, str)]
        if not good:
            print(f"| {name} | {runs[0]} | | | | |")
            continue
        wall, cpu = (min(run[k] for run in good) for k in ("seconds", "processor"))
        best[name] = (wall, cpu)
        ours = best["whatworks"]
        print(
            f"| {name} | {wall:.4f} | {wall / ours[0]:.1f} | {cpu:.4f} | {cpu / ours[1]:.1f} "
            f"| {good[0]['att']:.4f} |"
        )


def install() -> None:
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    for name in PACKAGES:
        subprocess.run([str(VENV / "bin" / "python"), "-m", "pip", "install", "-q", name], check=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--limit", type=float, default=600.0)
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--venv", type=Path, default=VENV, help="where the peers live")
    parser.add_argument("--install", action="store_true")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        work(*asked.work)
        return
    if asked.install and not VENV.exists():
        install()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "panel.csv"
        table().to_csv(path, index=False)
        for task in asked.tasks.split(","):
            rows: dict[str, list[dict[str, float] | str]] = {name: [] for name in RUNS}
            for _ in range(asked.repeats):
                for name in RUNS:
                    rows[name].append(ask(name, task, path, asked.limit, asked.venv))
            report(task, rows)


if __name__ == "__main__":
    main()

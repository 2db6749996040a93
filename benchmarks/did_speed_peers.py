"""One peer's turn at one job of did_speed.py, timed in its own process.

    python did_speed_peers.py JOB PEER DATA REPEATS

Runs with the peers' interpreter, never with the project's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from did_speed_turn import Found, arrays, play, table

Run = Callable[[], Found]


def event_study_pyfixest(path: str) -> Run:
    import pyfixest as pf

    rows = table(path)
    rows["treated"] = (rows["g"] > 0).astype(int)
    start = int(rows["g"].max())

    def run() -> Found:
        fit = pf.feols(f"y ~ i(t, treated, ref={start - 1}) | id + t", rows, vcov={"CRV1": "id"})
        found = fit.tidy()
        times = [int(name.split("::")[1].split(":")[0]) - start for name in found.index]
        return _times(times, found["Estimate"], found["Std. Error"])

    return run


def event_study_diff_diff(path: str) -> Run:
    from diff_diff import TwoWayFixedEffects

    rows = table(path)
    rows["treated"] = (rows["g"] > 0).astype(int)
    start = int(rows["g"].max())
    after = [int(t) for t in sorted(rows["t"].unique()) if t >= start]

    def run() -> Found:
        model = TwoWayFixedEffects(cluster="id")
        found = model.fit(
            rows, outcome="y", treatment="treated", unit="id", time="t", event_study=True,
            reference_period=start - 1, post_periods=after,
        )  # fmt: skip
        return _diff_diff_times(found, start)

    return run


def event_study_diff_diff_periods(path: str) -> Run:
    from diff_diff import MultiPeriodDiD

    rows = table(path)
    rows["treated"] = (rows["g"] > 0).astype(int)
    start = int(rows["g"].max())
    after = [int(t) for t in sorted(rows["t"].unique()) if t >= start]

    def run() -> Found:
        found = MultiPeriodDiD(cluster="id").fit(
            rows, outcome="y", treatment="treated", time="t", unit="id", absorb=["id"],
            reference_period=start - 1, post_periods=after,
        )  # fmt: skip
        return _diff_diff_times(found, start)

    return run


def _diff_diff_times(found: Any, start: int) -> Found:
    if not hasattr(found, "period_effects"):
        known = np.isfinite(found.se)
        shift = start if found.time_scale == "calendar" else 0
        return _times(found.event_time[known].astype(int) - shift, found.att[known], found.se[known])
    effects = {int(t): e for t, e in found.period_effects.items() if np.isfinite(e.se) and e.se > 0}
    values = effects.values()
    return _times([t - start for t in effects], [e.effect for e in values], [e.se for e in values])


def poisson_pyfixest(path: str) -> Run:
    import pyfixest as pf

    rows = table(path)
    rows["d"] = ((rows["g"] > 0) & (rows["t"] >= rows["g"])).astype(float)

    def run() -> Found:
        found = pf.fepois("y ~ d | id + t", rows, vcov={"CRV1": "id"}).tidy()
        return {"effect": found["Estimate"]["d"], "error": found["Std. Error"]["d"]}

    return run


def imputation_diff_diff(path: str) -> Run:
    from diff_diff import ImputationDiD

    rows = table(path)

    def run() -> Found:
        found = ImputationDiD(pretrends=True).fit(
            rows, outcome="y", unit="id", time="t", first_treat="g", aggregate="event_study"
        )
        effects = {int(e): v for e, v in found.event_study_effects.items() if np.isfinite(v["se"])}
        values = effects.values()
        errors = [v["se"] for v in values]
        return _from_start(_times(list(effects), [v["effect"] for v in values], errors))

    return run


def imputation_pyfixest(path: str) -> Run:
    import pyfixest as pf

    rows = table(path)

    rows["e"] = np.where(rows["g"] > 0, rows["t"] - rows["g"], -1000).astype(int)
    rows["d"] = ((rows["g"] > 0) & (rows["t"] >= rows["g"])).astype(bool)

    def run() -> Found:
        found = pf.did2s(
            rows, yname="y", first_stage="~ 0 | id + t", second_stage="~ i(e, ref=-1000)",
            treatment="d", cluster="id",
        ).tidy()  # fmt: skip
        times = [int(float(name.split("::")[1])) for name in found.index]
        return _from_start(_times(times, found["Estimate"], found["Std. Error"]))

    return run


def imputation_did_imputation(path: str) -> Run:
    from did_imputation import did_imputation

    rows = table(path)
    rows["g"] = rows["g"].where(rows["g"] > 0)

    def run() -> Found:
        did_imputation(rows.copy(), y="y", i="id", t="t", Ei="g", fe=["id", "t"], allhorizons=True)
        return {}

    return run


def _times(times: Any, values: Any, errors: Any) -> Found:
    found = {f"effect {e}": float(v) for e, v in zip(times, values, strict=True)}
    return found | {f"error {e}": float(v) for e, v in zip(times, errors, strict=True)}


def _from_start(found: Found) -> Found:
    """Effects from the start on; leads have another reference with every author."""
    return {name: v for name, v in found.items() if int(name.split(" ")[1]) >= 0}


def _treated(path: str) -> pd.DataFrame:
    rows = table(path)
    rows["d"] = ((rows["g"] > 0) & (rows["t"] >= rows["g"])).astype(float)
    return rows


def wild_pyfixest(path: str, weights: str) -> Run:
    import pyfixest as pf

    rows = _treated(path)

    def run() -> Found:
        fit = pf.feols("y ~ d + C(id) + C(t)", rows, vcov={"CRV1": "c"})
        found = fit.wildboottest(param="d", reps=9999, cluster="c", weights_type=weights, seed=1)
        return {"effect": fit.coef()["d"], "p": found["Pr(>|t|)"]}

    return run


def wild_wildboottest(path: str, weights: str) -> Run:
    import statsmodels.formula.api as smf
    from wildboottest.wildboottest import wildboottest

    rows = _treated(path)

    def run() -> Found:
        model = smf.ols("y ~ d + C(id) + C(t)", rows)
        found = wildboottest(
            model, B=9999, cluster=rows["c"], param="d", weights_type=weights, seed=1, show=False
        )
        return {"p": float(np.ravel(found["p-value"])[0])}

    return run


def wild_diff_diff(path: str, weights: str) -> Run:
    from diff_diff import DifferenceInDifferences

    rows = _treated(path)
    rows["ever"] = (rows["g"] > 0).astype(int)
    rows["after"] = (rows["t"] >= rows["g"].max()).astype(int)

    def run() -> Found:
        model = DifferenceInDifferences(
            cluster="c", inference="wild_bootstrap", n_bootstrap=9999, bootstrap_weights=weights, seed=1
        )
        found = model.fit(rows, outcome="y", treatment="ever", time="after", absorb=["id", "t"])
        return {"effect": found.att, "p": found.p_value}

    return run


def honest_moderndid(path: str) -> Run:
    from moderndid import create_sensitivity_results_rm

    case = arrays(path)

    def run() -> Found:
        found = create_sensitivity_results_rm(
            case["beta"], case["sigma"], int(case["n_pre"]), int(case["n_post"]), method="C-LF",
            m_bar_vec=case["grid"], l_vec=case["target"].reshape(-1, 1),
            grid_points=int(case["grid_points"]),
        )  # fmt: skip
        rows = found.to_dicts() if hasattr(found, "to_dicts") else found.to_dict("records")
        numbers: dict[str, float] = {}
        for m, row in zip(case["grid"], rows, strict=True):
            numbers |= {f"low {m:.2f}": row["lb"], f"high {m:.2f}": row["ub"]}
        return numbers

    return run


def att_gt(path: str, peer: str) -> Run:
    from att_gt_peers import PEERS as RUNS

    inner = RUNS[peer](table(path), 999)

    def run() -> Found:
        found = inner()
        return {"effect": found} if isinstance(found, float) else {}

    return run


JOBS: dict[str, dict[str, Callable[[str], Run]]] = {
    "event_study": {
        "pyfixest": event_study_pyfixest,
        "diff-diff": event_study_diff_diff,
        "diff-diff MultiPeriodDiD": event_study_diff_diff_periods,
    },
    "poisson": {"pyfixest": poisson_pyfixest},
    "imputation": {
        "diff-diff": imputation_diff_diff,
        "pyfixest did2s": imputation_pyfixest,
        "did-imputation": imputation_did_imputation,
    },
    **{
        job: {
            "pyfixest": partial(wild_pyfixest, weights=weights),
            "wildboottest": partial(wild_wildboottest, weights=weights),
            "diff-diff": partial(wild_diff_diff, weights=weights),
        }
        for job, weights in (("wild_12", "rademacher"), ("wild_12_webb", "webb"), ("wild_32", "rademacher"))
    },
    "honest": {"moderndid": honest_moderndid},
    "att_gt": {
        peer: partial(att_gt, peer=peer) for peer in ("diff-diff", "csdid", "moderndid", "differences")
    },
}


def main() -> None:
    """One turn."""
    job, peer, path, repeats = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    play(partial(JOBS[job][peer], path), repeats)


if __name__ == "__main__":
    main()

"""Published results of estimatr on two public data sets: each entry, by the method it belongs to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from whatworks import Trial, rct
from whatworks.inference import ClusterRobust, Heteroskedastic
from whatworks.inference.fits import least_squares
from whatworks.results import Estimate, NotAvailable, Result

EXACT = 1e-9
HC2 = Heteroskedastic("HC2")
CR2 = ClusterRobust("CR2")


@pytest.fixture(scope="module")
def golden(reference_public: Path) -> dict[str, Any]:
    text = (reference_public / "goldens" / "rct__estimatr.json").read_text(encoding="utf-8")
    return json.loads(text)["results"]


@pytest.fixture(scope="module")
def policing(reference_public: Path) -> pd.DataFrame:
    return pd.read_csv(reference_public / "data" / "sim_policing_rct.csv")


@pytest.fixture(scope="module")
def students(reference_public: Path) -> pd.DataFrame:
    frame = pd.read_csv(reference_public / "data" / "alo_star_men.csv")
    return frame.dropna(subset=["GPA_year1", "gpa0"]).reset_index(names="id")


def trial(frame: pd.DataFrame, arm: str, outcome: str, **roles: Any) -> Trial:
    return Trial.from_frame(frame, unit="id", arm=arm, outcome=outcome, control=0, **roles)


def agree(found: Estimate, wanted: dict[str, Any], *, interval: bool = True) -> None:
    """Against the entry's own term, assignment or take-up, the second where there are several."""
    numbers = {name: value[1] if isinstance(value, list) else value for name, value in wanted.items()}
    assert found.value == pytest.approx(numbers["estimate"], rel=EXACT)
    assert found.std_error == pytest.approx(numbers["std.error"], rel=EXACT)
    if interval:
        assert found.low == pytest.approx(numbers["conf.low"], rel=1e-8)
        assert found.high == pytest.approx(numbers["conf.high"], rel=1e-8)
        assert found.p_value == pytest.approx(numbers["p.value"], rel=1e-7)
        assert found.df == pytest.approx(numbers["df"], rel=1e-8)


@pytest.mark.parametrize(
    ("entry", "arm", "outcome", "roles"),
    [
        ("dim_simple", "z_simple", "y_simple", {}),
        ("dim_block", "z_block", "y_block", {"block": "ward"}),
        ("dim_block_unequal", "z_block_uneq", "y_block_uneq", {"block": "ward"}),
        ("dim_pair", "z_pair", "y_pair", {"block": "pair"}),
        ("dim_clustered", "z_clus", "y_clus", {"cluster": "beat"}),
    ],
)
def test_differences_in_means(golden, policing, entry, arm, outcome, roles) -> None:
    agree(rct.itt(trial(policing, arm, outcome, **roles)).headline, golden["sim"][entry])


def test_clusters_in_blocks_have_its_error_and_fewer_degrees_of_freedom(golden, policing) -> None:
    wanted = golden["sim"]["dim_block_clustered"]
    found = rct.itt(trial(policing, "z_bc", "y_bc", block="ward", cluster="beat")).headline
    agree(found, wanted, interval=False)
    assert found.df <= wanted["df"] * (1 + 1e-9)


def test_slopes_by_arm(golden, policing) -> None:
    simple = trial(policing, "z_simple", "y_simple", baseline=["crime_pre"])
    agree(rct.itt(simple, adjust="lin", inference=HC2).headline, golden["sim"]["lm_lin"])
    wards = trial(policing, "z_block", "y_block", block="ward")
    agree(rct.itt(wards, inference=HC2).headline, golden["sim"]["lm_lin_blocks"])
    beats = trial(policing, "z_clus", "y_clus", cluster="beat", baseline=["crime_pre"])
    agree(rct.itt(beats, adjust="lin").headline, golden["sim"]["lm_lin_cluster_CR2"])


@pytest.mark.parametrize(
    ("entry", "inference"),
    [
        ("lm_robust_clus_CR0", ClusterRobust("CR0")),
        ("lm_robust_clus_stata", ClusterRobust("CR1", "stata")),
        ("lm_robust_clus_CR2", CR2),
    ],
)
def test_one_slope_in_clusters(golden, policing, entry, inference) -> None:
    beats = trial(policing, "z_clus", "y_clus", cluster="beat", baseline=["crime_pre"])
    agree(rct.itt(beats, adjust="ancova", inference=inference).headline, golden["sim"][entry])


@pytest.mark.parametrize("kind", ["classical", "HC0", "HC1", "HC2"])
def test_take_up(golden, policing, kind) -> None:
    offered = trial(policing, "z_simple", "y_iv", taken="d_taken", baseline=["crime_pre"])
    found = rct.cace(offered, adjust="ancova", inference=Heteroskedastic(kind))
    agree(found.headline, golden["sim"][f"iv_robust_{kind}"])
    if kind == "HC2":
        f = found.effects.set_index("term").loc["F of the first stage", "estimate"]
        assert f == pytest.approx(golden["sim"]["iv_robust_diagnostics"]["weakinst"]["value"], rel=EXACT)


def test_probabilities_of_assignment(golden, policing) -> None:
    found = rct.horvitz_thompson(trial(policing, "z_simple", "y_simple"), probability=0.5).headline
    wanted = golden["sim"]["ht_simple"]
    assert isinstance(found.df, NotAvailable)
    agree(found, wanted | {"df": found.df}, interval=False)
    assert found.low == pytest.approx(wanted["conf.low"], rel=1e-8)
    assert found.p_value == pytest.approx(wanted["p.value"], rel=1e-7)


@pytest.mark.parametrize(
    ("entry", "inference"),
    [(f"lm_robust_{k}", Heteroskedastic(k)) for k in ("classical", "HC0", "HC1", "HC2", "HC3")]
    + [(f"lm_lin_{k}", Heteroskedastic(k)) for k in ("HC2", "HC3")]
    + [("dim_simple", None)],
)
def test_students_offered_help(golden, students, entry, inference) -> None:
    roles = {} if entry == "dim_simple" else {"baseline": ["gpa0"]}
    adjust = {"dim": "none", "lm_r": "ancova", "lm_l": "lin"}[entry[:4].rstrip("_")]
    found: Result = rct.itt(trial(students, "sfsp", "GPA_year1", **roles), adjust=adjust, inference=inference)
    agree(found.headline, golden["alo"][entry])


# weights of rows, fixed effects that were no blocks, and clusters within which arms vary: regressions that no
# method of a trial makes by itself, and the same code underneath
@pytest.mark.parametrize(
    ("entry", "outcome", "columns", "roles", "inference"),
    [
        ("dim_weighted", "y_simple", ["z_simple"], {"weight": "w"}, HC2),
        ("lm_robust_w_HC2", "y_simple", ["z_simple", "crime_pre"], {"weight": "w"}, HC2),
        ("lm_robust_w_CR2", "y_clus", ["z_clus", "crime_pre"], {"weight": "w", "cluster": "beat"}, CR2),
        ("lm_robust_fe_CR2", "y_clus", ["z_clus", "crime_pre"], {"dummies": "ward", "cluster": "beat"}, CR2),
        ("lm_robust_fe_HC2", "y_block", ["z_block", "crime_pre"], {"dummies": "ward"}, HC2),
        ("iv_robust_CR2", "y_iv", ["d_taken"], {"instrument": "z_simple", "cluster": "beat"}, CR2),
    ],
)
def test_regressions_underneath(golden, policing, entry, outcome, columns, roles, inference) -> None:
    design = np.column_stack([np.ones(len(policing)), policing[columns]])
    if "dummies" in roles:
        design = np.hstack([design, pd.get_dummies(policing[roles["dummies"]], drop_first=True)])
    instruments = None
    if "instrument" in roles:
        instruments = np.column_stack([np.ones(len(policing)), policing[roles["instrument"]]])
    fit = least_squares.fit(
        policing[outcome].to_numpy(dtype=float),
        design.astype(float),
        names=[f"column {j}" for j in range(design.shape[1])],
        where="test",
        weight=policing[roles["weight"]].to_numpy() if "weight" in roles else None,
        cluster=policing[roles["cluster"]].to_numpy() - 1 if "cluster" in roles else None,
        instruments=instruments,
    )
    found = inference.from_regression(fit, np.eye(design.shape[1])[1:2])
    wanted = golden["sim"][entry]
    if "dummies" in roles:
        # the constant is absorbed there, so the assignment stands first
        wanted = {
            name: [*value[::-1]] if isinstance(value, list) else value for name, value in wanted.items()
        }
    agree(found.estimate(0, estimand="", scale=""), wanted)

"""Two stages against linearmodels: estimates, robust and clustered covariances, the first stage."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from linearmodels.iv import IV2SLS
from tests.support.reference_numbers import HERE

from whatworks import Trial, rct
from whatworks.inference import ClusterRobust, Heteroskedastic

A = pd.read_csv(HERE / "data" / "trial_blocked.csv")
C = pd.read_csv(HERE / "data" / "trial_cluster.csv")
C["dosed"] = ((C.z == 1) & (C.x > -0.5)).astype(int)


def theirs(frame: pd.DataFrame, taken: str, others: list[pd.DataFrame], **covariance: Any) -> Any:
    exogenous = pd.concat([pd.Series(1.0, frame.index, name="one"), *others], axis=1).astype(float)
    model = IV2SLS(frame.y, exogenous, frame[taken].astype(float), frame.z.astype(float))
    return model.fit(**covariance)


def ours(frame: pd.DataFrame, inference: Any, **roles: Any) -> pd.Series:
    trial = Trial.from_frame(frame, unit="person", arm="z", outcome="y", control=0, **roles)
    return rct.cace(trial, inference=inference).effects.iloc[0]


@pytest.mark.parametrize(
    ("inference", "covariance"),
    [
        (Heteroskedastic("HC0"), {"cov_type": "robust"}),
        (Heteroskedastic("HC1"), {"cov_type": "robust", "debiased": True}),
        (Heteroskedastic("classical"), {"cov_type": "unadjusted", "debiased": True}),
    ],
)
def test_with_blocks_and_baseline(inference: Any, covariance: dict[str, Any]) -> None:
    blocks = pd.get_dummies(A.block, prefix="b", drop_first=True)
    wanted = theirs(A, "takeup", [A[["x"]], blocks], **covariance)
    found = ours(A, inference, taken="takeup", block="block", baseline=["x"])
    assert found["estimate"] == pytest.approx(wanted.params["takeup"], rel=1e-10)
    assert found["std_error"] == pytest.approx(wanted.std_errors["takeup"], rel=1e-10)


@pytest.mark.parametrize(
    ("inference", "debiased"),
    [(ClusterRobust("CR0"), False), (ClusterRobust("CR1", correction="stata"), True)],
)
def test_in_clusters(inference: Any, debiased: bool) -> None:
    options = {"cov_type": "clustered", "clusters": C.cluster, "debiased": debiased}
    wanted = theirs(C, "dosed", [C[["x"]]], **options)
    found = ours(C, inference, taken="dosed", cluster="cluster", baseline=["x"])
    assert found["estimate"] == pytest.approx(wanted.params["dosed"], rel=1e-10)
    assert found["std_error"] == pytest.approx(wanted.std_errors["dosed"], rel=1e-9)


def test_the_first_stage_is_theirs() -> None:
    wanted = theirs(A, "takeup", [A[["x"]]], cov_type="robust").first_stage.diagnostics
    trial = Trial.from_frame(
        A, unit="person", arm="z", outcome="y", control=0, taken="takeup", baseline=["x"]
    )
    found = rct.cace(trial, inference=Heteroskedastic("HC0"))
    # their partial F is a chi-squared of one degree of freedom with HC0: the same number
    assert found.detail.f == pytest.approx(wanted.loc["takeup", "f.stat"], rel=1e-9)


def test_a_dose_over_places_and_days() -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"spot": np.arange(12).repeat(20), "day": np.tile(np.arange(20), 12)})
    frame["z"] = rng.integers(0, 2, len(frame))
    frame["minutes"] = np.where(frame.z == 1, rng.gamma(4, 4, len(frame)), rng.gamma(1, 1, len(frame)))
    frame["y"] = frame.spot - 0.02 * frame.minutes + rng.normal(size=len(frame))
    others = [
        pd.get_dummies(frame[name].astype(str), prefix=name, drop_first=True) for name in ("spot", "day")
    ]
    wanted = theirs(frame, "minutes", others, cov_type="clustered", clusters=frame.spot)
    trial = Trial.from_frame(
        frame, unit="spot", period="day", arm="z", outcome="y", control=0, taken="minutes"
    )
    found = rct.dosage(trial, inference=ClusterRobust("CR0"))
    assert found.headline.value == pytest.approx(wanted.params["minutes"], rel=1e-9)
    assert found.headline.std_error == pytest.approx(wanted.std_errors["minutes"], rel=1e-9)

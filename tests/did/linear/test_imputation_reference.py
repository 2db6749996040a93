"""did.imputation against R's didimputation 0.5.0: tests/reference/json/imputation.json, published data."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.did.dense import cell_weights, dummies, least_squares, summed_squares

from whatworks.did.imputation import imputation
from whatworks.inference.errors.influence import Analytical
from whatworks.panel import Panel

ROOT = Path(__file__).resolve().parents[2] / "reference"
ENTRIES = json.loads((ROOT / "json" / "imputation.json").read_text(encoding="utf-8"))["entries"]
# fixest stops its first stage at about 1e-8
ESTIMATE, ERROR = 1e-7, 1e-7


@functools.cache
def frame(file: str) -> pd.DataFrame:
    return pd.read_csv(ROOT / "data" / f"{file}.csv")


def panel(key: str, **roles: Any) -> Panel:
    words = key.split(".")
    bcu = words[1] == "y_bcu"
    roles |= {"outcome": words[1], "start": "start_bcu" if bcu else "start"}
    if words[2] == "cluster_bcu":
        roles["cluster"] = "bcu"
    missing = words[2] == "missing"
    file = "boroughs_missing" if missing else "boroughs"
    return Panel.from_frame(frame(file), unit="id", period="t", allow_missing=missing, **roles)


@pytest.mark.parametrize(
    "key", sorted(k for k in ENTRIES if k.split(".")[2] in ("cluster_unit", "cluster_bcu", "missing"))
)
def test_matches_didimputation(key: str) -> None:
    expected = ENTRIES[key]["results"]
    if key.startswith("static"):
        result = imputation(panel(key), inference=Analytical())
        found = [(result.headline.value, result.headline.std_error)]
    else:
        window = (0, 11) if "pretrends" in key else None
        result = imputation(panel(key), horizons=window, leads=6 if window else 0, inference=Analytical())
        table = result.effects.set_index("event_time").loc[[int(e) for e in expected["term"]]]
        found = list(zip(table["estimate"], table["std_error"], strict=True))
    np.testing.assert_allclose([f[0] for f in found], expected["estimate"], rtol=ESTIMATE)
    np.testing.assert_allclose([f[1] for f in found], expected["se"], rtol=ERROR)


def test_month_effects_that_depend_on_a_covariate() -> None:
    data = frame("boroughs").copy()
    names = [f"d{t}" for t in range(2, data["t"].max() + 1)]
    for t, name in enumerate(names, 2):
        data[name] = data["deprivation"] * (data["t"] == t)
    built = Panel.from_frame(data, unit="id", period="t", outcome="y", start="start", covariates=names)
    expected = ENTRIES["static.y.deprivation_by_month"]["results"]
    headline = imputation(built, leads=0, inference=Analytical()).headline
    assert headline.value == pytest.approx(expected["estimate"][0], rel=1e-6)
    assert headline.std_error == pytest.approx(expected["se"][0], rel=1e-6)


def test_weights_same_estimate_and_an_error_that_differs_for_a_known_reason() -> None:
    """With weights didimputation multiplies the dummies by them before projecting, twice over.

    Its v is then −wZ(Z₀′w²Z₀)⁻¹Z₁′(w·w₁), which are not the weights of the weighted estimate; ours are.
    """
    built = panel("static.y.weights_population", weight="population")
    expected = ENTRIES["static.y.weights_population"]["results"]
    result = imputation(built, inference=Analytical())
    assert result.headline.value == pytest.approx(expected["estimate"][0], rel=ESTIMATE)
    detail = result.detail.effects
    Z, w = dummies(built), cell_weights(built)
    D, U = detail.cells.ravel(), detail.fit.used.ravel() > 0
    w1 = np.where(D, w, 0) / w[D].sum()
    scaled = Z * (w / w.mean())[:, None]
    v = w1.copy()
    v[U] = -scaled[U] @ np.linalg.pinv(scaled[U].T @ scaled[U], rcond=1e-11) @ (scaled.T @ w1)
    theirs = summed_squares(v * (detail.residual + detail.centred).ravel(), built)
    assert theirs == pytest.approx(expected["se"][0], rel=1e-6)
    assert result.headline.std_error != pytest.approx(theirs, rel=1e-3)
    assert least_squares(Z[U], built.outcome.ravel()[U], w[U]).shape == (Z.shape[1],)


def test_published_simulated_panel(reference_public: Path) -> None:
    data = pd.read_csv(reference_public / "data" / "df_het.csv.gz")
    golden = json.loads((reference_public / "goldens" / "borusyak__didimputation.json").read_text("utf-8"))
    data["start"] = data["g"].where((data["g"] > 0) & np.isfinite(data["g"]))
    for name, cluster in (("df_het_static", None), ("df_het_static_cluster_state", "state")):
        built = Panel.from_frame(
            data, unit="unit", period="year", outcome="dep_var", start="start", cluster=cluster
        )
        expected = golden["results"][name]
        headline = imputation(built, leads=0, inference=Analytical()).headline
        assert headline.value == pytest.approx(expected["estimate"], rel=1e-6)
        assert headline.std_error == pytest.approx(expected["std.error"], rel=1e-6)
    built = Panel.from_frame(data, unit="unit", period="year", outcome="dep_var", start="start")
    expected = golden["results"]["df_het_dynamic"]
    table = imputation(built, leads=5, inference=Analytical()).effects.set_index("event_time")
    table = table.loc[[int(e) for e in expected["term"]]]
    np.testing.assert_allclose(table["estimate"], expected["estimate"], rtol=1e-6)
    np.testing.assert_allclose(table["std_error"], expected["std.error"], rtol=1e-6)

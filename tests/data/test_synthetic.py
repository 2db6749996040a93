from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whatworks.data.geography import COMMAND_UNITS, MPS_BOROUGHS
from whatworks.data.synthetic import (
    NO_EFFECT,
    OFFENCES,
    KnownEffects,
    Noise,
    SyntheticLondon,
    expected_counts,
    london,
    simulate_counts,
    synthesise,
)
from whatworks.data.synthetic.draws import poisson_quantile, uniforms
from whatworks.errors import OptionError

COMMITTED = Path(__file__).parents[2] / "data" / "synthetic"
FIRST = 2013 * 12


@pytest.fixture(scope="module")
def built() -> SyntheticLondon:
    return synthesise()


@pytest.fixture(scope="module")
def committed() -> pd.DataFrame:
    return pd.read_csv(COMMITTED / "london.csv")


@pytest.fixture(scope="module")
def truth() -> dict:
    return json.loads((COMMITTED / "truth.json").read_text(encoding="utf-8"))


def wide(frame: pd.DataFrame, column: str) -> np.ndarray:
    return frame.pivot(index="area_code", columns="month", values=column).to_numpy()


def standardised_noise(noise: Noise, replications: int = 40, months: int = 48) -> tuple[np.ndarray, float]:
    """(R, N, T) noise of untreated robbery in units of the root of its mean, and its variance over mean."""
    mean = expected_counts("robbery", seed=1, first=FIRST, months=months)
    counts = simulate_counts(mean, seed=2, replications=replications, noise=noise).counts
    score = (counts - mean) / np.sqrt(mean)
    return score, float((score**2).mean())


# --- the files -----------------------------------------------------------------------------------


def test_the_committed_files_are_what_the_seed_gives(built, tmp_path):
    table, truth_file = built.write(tmp_path / "new" / "folder")
    assert table.read_bytes() == (COMMITTED / "london.csv").read_bytes()
    assert truth_file.read_bytes() == (COMMITTED / "truth.json").read_bytes()


def test_a_folder_that_cannot_be_written_is_refused(built, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OptionError, match="cannot be written") as caught:
        built.write(tmp_path / "file")
    assert caught.value.remedy


def test_the_table_hash_is_pinned():
    # a change of generator must be meant: raise GENERATOR and change this line
    held = hashlib.sha256((COMMITTED / "london.csv").read_bytes()).hexdigest()
    assert held == "dfb2586da440d8bfca57291557dd9f83fbdc6cf203991a5ec9e298e0cc9a41cd"


def test_the_files_are_small_plain_text_with_unix_line_ends():
    for name in ("london.csv", "truth.json"):
        data = (COMMITTED / name).read_bytes()
        assert b"\r" not in data
        assert data.endswith(b"\n")
        assert len(data) < 500_000
        data.decode("ascii" if name == "london.csv" else "utf-8")


def test_the_table_reads_back_as_it_was_built(built, committed):
    pd.testing.assert_frame_equal(built.frame, committed, check_dtype=False)


def test_the_table_is_whole(committed):
    assert list(committed.columns) == [
        "area_code", "area_name", "month", "bcu", "population", "deprivation",
        "robbery", "burglary", "violence", "vehicle_crime", "start_hotspots", "start_staggered",
    ]  # fmt: skip
    assert len(committed) == 32 * 72
    assert not committed.duplicated(["area_code", "month"]).any()
    assert committed["month"].min() == "2013-01"
    assert committed["month"].max() == "2018-12"
    assert not committed.drop(columns=["start_hotspots", "start_staggered"]).isna().any().any()
    assert dict(zip(committed["area_code"], committed["area_name"], strict=True)) == dict(MPS_BOROUGHS)
    assert set(committed["bcu"]) == set(COMMAND_UNITS)
    for fixed in ("bcu", "population", "deprivation", "start_hotspots", "start_staggered"):
        assert (committed.groupby("area_code")[fixed].nunique(dropna=False) == 1).all()


def test_magnitudes_are_those_of_a_borough(committed):
    medians = committed.groupby("area_code")[list(OFFENCES)].mean().median()
    for offence, low, high in (
        ("robbery", 40, 110), ("burglary", 120, 280), ("violence", 300, 650), ("vehicle_crime", 150, 350),
    ):  # fmt: skip
        assert low < medians[offence] < high, offence


# --- the seed ------------------------------------------------------------------------------------


def test_another_seed_gives_other_data(built):
    other = synthesise(seed=2021)
    assert other.truth["table"]["sha256"] != built.truth["table"]["sha256"]
    for offence in OFFENCES:
        assert (other.frame[offence] != built.frame[offence]).mean() > 0.9


def test_the_same_seed_gives_the_same_panels():
    mean = expected_counts("burglary", seed=3, first=FIRST, months=24)
    one, two = (simulate_counts(mean, seed=11, replications=3) for _ in range(2))
    np.testing.assert_array_equal(one.counts, two.counts)


def test_uniforms_are_pinned_to_the_raw_stream():
    # raw bits of PCG64, which numpy promises never to change
    bits = np.random.PCG64(np.random.SeedSequence([2020, 1])).random_raw(2)
    expected = [(int(raw) // 4096 + 0.5) / 2**52 for raw in bits]
    assert uniforms(2020, 1, (2,)).tolist() == expected


# --- who is treated ------------------------------------------------------------------------------


def test_hotspots_treats_six_command_units_at_one_date(committed, truth):
    starts = committed.groupby("area_code")[["bcu", "start_hotspots"]].first()
    treated = starts[starts["start_hotspots"].notna()]
    assert set(treated["start_hotspots"]) == {"2016-01"}
    assert treated["bcu"].nunique() == 6
    assert 14 <= len(treated) <= 16
    assert not set(treated["bcu"]) & set(starts.loc[starts["start_hotspots"].isna(), "bcu"])
    assert truth["designs"]["hotspots"]["cohorts"] == {"2016-01": sorted(set(treated["bcu"]))}


def test_staggered_has_four_cohorts_of_two_command_units_and_four_never(committed, truth):
    starts = committed.groupby("bcu")["start_staggered"].agg(lambda held: held.iloc[0])
    assert (committed.groupby("bcu")["start_staggered"].nunique(dropna=False) == 1).all()
    assert starts.isna().sum() == 4
    assert starts.value_counts().to_dict() == dict.fromkeys(("2015-07", "2016-01", "2016-07", "2017-01"), 2)
    design = truth["designs"]["staggered"]
    assert design["never_treated"] == sorted(starts[starts.isna()].index)
    assert design["treated_command_units"] == 8


def test_never_treated_is_blank_in_the_file():
    lines = (COMMITTED / "london.csv").read_text(encoding="utf-8").splitlines()[1:]
    ends = {tuple(line.split(",")[-2:]) for line in lines}
    assert "" in {hotspots for hotspots, _ in ends}
    assert "" in {staggered for _, staggered in ends}
    assert {value for pair in ends for value in pair} <= {"", "2015-07", "2016-01", "2016-07", "2017-01"}


# --- the truth -----------------------------------------------------------------------------------


def test_the_truth_names_the_table_it_belongs_to(truth):
    table = (COMMITTED / truth["table"]["file"]).read_bytes()
    assert truth["table"]["sha256"] == hashlib.sha256(table).hexdigest()
    assert truth["table"]["rows"] == table.count(b"\n") - 1
    assert truth["seed"] == 2020
    assert truth["untouched"] == ["violence", "vehicle_crime"]


def true_percent(design: str, elapsed: np.ndarray) -> np.ndarray:
    """The documented effects, written out again on their own."""
    if design == "hotspots":
        return np.full(elapsed.shape, -12.0)
    return -np.minimum(4.0 + elapsed, 16.0)


@pytest.mark.parametrize("design", ["hotspots", "staggered"])
def test_the_effects_are_those_of_the_panel_as_drawn(built, design):
    held = built.truth["designs"][design]
    months = sorted(built.frame["month"].unique())
    starts = wide(built.frame, held["start_column"])[:, 0]
    rows = [(i, months.index(start)) for i, start in enumerate(starts) if isinstance(start, str)]
    # the same hidden rates, drawn with no treatment at all: the seed fixes them
    without = synthesise(effects=NO_EFFECT)
    rate = {name: held["effects"][name] for name in ("by_event_time", "by_cohort", "overall")}
    sizes = {e: sum(t + e < 72 for _, t in rows) for e in range(72)}
    for row in rate["by_event_time"]:
        elapsed = np.array([row["event_time"]])
        assert row["percent"] == pytest.approx(true_percent(design, elapsed)[0], abs=1e-6)
        assert row["borough_months"] == sizes[row["event_time"]]
        assert row["per_1000"] == pytest.approx(row["untreated_rate"] * row["percent"] / 100, abs=2e-6)
    for part in ("by_event_time", "by_cohort", "by_period"):
        weights = [row["borough_months"] for row in held["effects"][part]]
        pooled = np.average([row["per_1000"] for row in held["effects"][part]], weights=weights)
        assert pooled == pytest.approx(rate["overall"]["per_1000"], abs=2e-6)
        crimes = sum(row["crimes"] for row in held["effects"][part])
        assert crimes == pytest.approx(rate["overall"]["crimes"], abs=0.1 * len(weights))
    # the untreated twin of the panel averages, within Poisson error, to the untreated rate stated
    counts, people = wide(without.frame, held["outcome"]), wide(without.frame, "population")
    cells = [(i, t) for i, start in rows for t in range(start, 72)]
    twin = np.mean([1000 * counts[i, t] / people[i, t] for i, t in cells])
    error = 1000 * np.sqrt(sum(counts[i, t] / people[i, t] ** 2 for i, t in cells)) / len(cells)
    assert abs(twin - rate["overall"]["untreated_rate"]) < 4 * error
    assert len(cells) == rate["overall"]["borough_months"]


def test_no_effect_means_a_truth_of_zero_and_the_same_noise(built):
    plain = synthesise(effects=NO_EFFECT)
    for design in ("hotspots", "staggered"):
        effects = plain.truth["designs"][design]["effects"]
        rows = [effects[name] for name in effects if name.startswith("overall")]
        rows += [row for name in effects if name.startswith("by_") for row in effects[name]]
        assert all(row["per_1000"] == 0 and row["percent"] == 0 for row in rows)
        assert "-0.0" not in json.dumps(effects)
    for untouched in ("violence", "vehicle_crime"):
        pd.testing.assert_series_equal(plain.frame[untouched], built.frame[untouched])
    before = built.frame["month"] < "2015-07"
    pd.testing.assert_frame_equal(plain.frame[before], built.frame[before])
    after = built.frame["start_hotspots"].notna() & (built.frame["month"] >= "2016-01")
    assert plain.frame.loc[after, "robbery"].sum() > built.frame.loc[after, "robbery"].sum()
    pd.testing.assert_series_equal(plain.frame.loc[~after, "robbery"], built.frame.loc[~after, "robbery"])


def test_a_difference_of_means_finds_the_effect_on_average():
    months, k = 48, 1000 / london().population[:, np.newaxis]
    mean = expected_counts("robbery", seed=5, first=FIRST, months=months)
    treated = np.isin(london().bcu, sorted(COMMAND_UNITS)[::2])
    after = np.arange(months) >= 24
    drawn = simulate_counts(
        mean, seed=6, replications=150, rate_ratio=np.where(treated[:, None] & after, 0.88, 1.0)
    )
    change = (drawn.counts * k)[..., after].mean(-1) - (drawn.counts * k)[..., ~after].mean(-1)
    estimate = change[:, treated].mean(1) - change[:, ~treated].mean(1)
    effect = ((drawn.treated - drawn.untreated) * k)[:, treated][..., after].mean((1, 2))
    assert abs((estimate - effect).mean()) < 4 * (estimate - effect).std() / np.sqrt(150)
    assert effect.mean() < -5 * (estimate - effect).std() / np.sqrt(150)


# --- the noise -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dispersion", [1.0, 1.5, 3.0, 6.0])
def test_variance_over_mean_is_the_dispersion_asked_for(dispersion):
    _, realised = standardised_noise(Noise(dispersion=dispersion))
    assert realised == pytest.approx(dispersion, rel=0.03)


def test_dispersion_in_the_committed_table(committed):
    # after levels and months are taken out; two-way fitted values, so degrees of freedom 31 × 71
    counts = wide(committed, "vehicle_crime").astype(float)
    people = wide(committed, "population")
    rate = counts / people
    fitted = (rate.mean(1, keepdims=True) + rate.mean(0) - rate.mean()) * people
    phi = ((counts - fitted) ** 2 / fitted).sum() / (31 * 71)
    assert 2.3 < phi < 3.7


def test_months_and_neighbours_go_together_as_asked():
    borders = london().neighbours
    apart = ~borders & ~np.eye(32, dtype=bool)

    def correlations(noise: Noise) -> tuple[float, float, float]:
        score, phi = standardised_noise(noise)
        between = np.einsum("rit,rjt->ij", score, score) / (score.shape[0] * score.shape[2] * phi)
        serial = (score[..., 1:] * score[..., :-1]).mean() / phi
        return float(serial), float(between[borders].mean()), float(between[apart].mean())

    serial, near, far = correlations(Noise())
    assert 0.35 < serial < 0.45  # 0.6 × (φ − 1)/φ
    assert near > 0.12
    assert near > far + 0.1
    serial, near, far = correlations(Noise(serial=0.0, spatial=0.0))
    assert abs(serial) < 0.02
    assert abs(near) < 0.02
    assert abs(far) < 0.02


def test_the_hidden_rates_average_to_one():
    mean = expected_counts("robbery", seed=1, first=FIRST, months=24)
    drawn = simulate_counts(mean, seed=8, replications=200, rate_ratio=0.5)
    assert (drawn.untreated / mean).mean() == pytest.approx(1, abs=0.01)
    np.testing.assert_allclose(drawn.treated, drawn.untreated / 2, atol=1e-8)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.floats(1e-9, 1 - 1e-9), st.floats(0, 5000)), min_size=1, max_size=30))
def test_the_poisson_step_is_the_inverse_distribution_function(pairs):
    from scipy.special import pdtr

    probability, mean = (np.array(column) for column in zip(*pairs, strict=True))
    count = poisson_quantile(probability, mean)
    assert (pdtr(count, mean) >= probability).all()
    below = count > 0
    assert (pdtr(count[below] - 1, mean[below]) < probability[below]).all()


# --- the map -------------------------------------------------------------------------------------


def test_borders_are_mutual_and_every_borough_has_one():
    borders = london().neighbours
    np.testing.assert_array_equal(borders, borders.T)
    assert not borders.diagonal().any()
    assert (borders.sum(axis=1) >= 2).all()
    within_ten_steps = np.linalg.matrix_power(borders + np.eye(32), 10) > 0
    assert within_ten_steps.all()


def test_the_packaged_table_spells_boroughs_as_geography_does():
    import csv
    from importlib import resources

    text = resources.files("whatworks.data").joinpath("boroughs.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert {row["code"]: row["name"] for row in rows} == dict(MPS_BOROUGHS)
    named = {name for row in rows for name in row["neighbours"].split(";")}
    assert named == set(MPS_BOROUGHS.values())
    assert london().neighbours.sum() == sum(len(row["neighbours"].split(";")) for row in rows)


# --- invariants and bad input --------------------------------------------------------------------


@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**70),
    months=st.integers(24, 40),
    dispersion=st.floats(1, 20),
    spatial=st.floats(0, 0.9),
    hotspots=st.floats(-60, 60),
)
def test_any_setting_gives_whole_valid_panels(seed, months, dispersion, spatial, hotspots):
    year, month = divmod(FIRST + months - 1, 12)
    data = synthesise(
        seed=seed,
        last=f"{year}-{month + 1:02d}",
        effects=KnownEffects(hotspots=hotspots),
        noise=Noise(dispersion=dispersion, spatial=spatial),
    )
    counts = data.frame[list(OFFENCES)]
    assert len(data.frame) == 32 * months
    assert (counts.dtypes == np.int64).all()
    assert (counts >= 0).all().all()
    assert data.frame["bcu"].nunique() == 12
    overall = data.truth["designs"]["hotspots"]["effects"]["overall"]
    assert overall["percent"] == pytest.approx(hotspots, abs=1e-6)
    assert 14 <= data.truth["designs"]["hotspots"]["treated_boroughs"] <= 16
    json.dumps(data.truth, allow_nan=False)


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), replications=st.integers(1, 4), months=st.integers(1, 30))
def test_simulated_counts_have_the_shape_asked_for(seed, replications, months):
    mean = expected_counts("violence", seed=seed, first=FIRST, months=months)
    assert mean.shape == (32, months)
    assert (mean > 0).all()
    drawn = simulate_counts(mean, seed=seed, replications=replications)
    assert drawn.counts.shape == drawn.treated.shape == drawn.untreated.shape == (replications, 32, months)
    assert drawn.counts.dtype == np.int64
    assert (drawn.counts >= 0).all()


def test_an_assignment_for_each_panel():
    mean = expected_counts("robbery", seed=1, first=FIRST, months=24)
    ratio = np.ones((2, 32, 24))
    ratio[1, :, 12:] = 0.5
    drawn = simulate_counts(mean, seed=4, replications=2, rate_ratio=ratio)
    np.testing.assert_array_equal(drawn.treated[0], drawn.untreated[0])
    np.testing.assert_allclose(drawn.treated[1, :, 12:], drawn.untreated[1, :, 12:] / 2, atol=1e-8)


MEAN = np.full((32, 24), 50.0)


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: synthesise(seed=-1), "seed=-1"),
        (lambda: synthesise(seed=True), "seed=True"),
        (lambda: synthesise(seed="2020"), "seed='2020'"),
        (lambda: synthesise(first="January 2013"), "first='January 2013'"),
        (lambda: synthesise(first=None), "first=None"),
        (lambda: synthesise(last="2018-13"), "last='2018-13'"),
        (lambda: synthesise(last="2018Q4"), "last='2018Q4'"),
        (lambda: synthesise(first="2018-01"), "12 months"),
        (lambda: synthesise(first="2019-01"), "0 months"),
        (lambda: Noise(dispersion=0.5), "dispersion=0.5"),
        (lambda: Noise(dispersion=float("nan")), "dispersion=nan"),
        (lambda: Noise(dispersion="3"), "dispersion='3'"),
        (lambda: Noise(serial=1.0), "serial=1.0"),
        (lambda: Noise(spatial=-0.1), "spatial=-0.1"),
        (lambda: KnownEffects(hotspots=-100.0), "hotspots=-100.0"),
        (lambda: KnownEffects(staggered_full=float("inf")), "staggered_full=inf"),
        (lambda: KnownEffects(months_to_full=0), "months_to_full=0"),
        (lambda: expected_counts("roberry", seed=1, first=FIRST, months=24), "Did you mean 'robbery'"),
        (lambda: simulate_counts(MEAN[:31], seed=1), "(31, 24)"),
        (lambda: simulate_counts(MEAN * 0, seed=1), "not above 0"),
        (lambda: simulate_counts(MEAN, seed=1, replications=0), "replications=0"),
        (lambda: simulate_counts(MEAN, seed=1, rate_ratio=np.ones((32, 23))), "(32, 23)"),
        (lambda: simulate_counts(MEAN, seed=1, rate_ratio=-0.12), "not above 0"),
    ],
)
def test_a_bad_parameter_is_refused_with_a_remedy(call, names):
    with pytest.raises(OptionError) as caught:
        call()
    assert names in str(caught.value)
    assert caught.value.remedy


def test_the_table_makes_valid_panels(committed):
    from whatworks.panel import Panel

    for start, outcome in (("start_hotspots", "robbery"), ("start_staggered", "burglary")):
        panel = Panel.from_frame(
            committed,
            unit="area_name",
            period="month",
            outcome=outcome,
            start=start,
            cluster="bcu",
            exposure="population",
            covariates=("deprivation",),
        )
        assert panel.outcome.shape == (32, 72)
        assert len(panel.cluster_labels) == 12

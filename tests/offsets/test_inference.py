import literal
import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import chi2, kstest

from skaudit.offsets._cells import make_cells, make_grid
from skaudit.offsets._inference import (
    benjamini_hochberg,
    combine_p_values,
    contrast_scores,
    omnibus_test,
    robust_score_vector,
    score_vector,
    shape_of,
)
from skaudit.offsets._recalibration import calibration_of, fit_recalibration, separates
from skaudit.offsets._segments import quantile_segments

BINNED = pytest.mark.parametrize("few_rows", [10**9, 0], ids=["rows", "bins"])
ADJUST = pytest.mark.parametrize("adjust", ["none", "intercept", "platt", "spline"])


def make_data(seed, n=3000, slope=1.0):
    rng = np.random.default_rng(seed)
    z = 1.2 * rng.normal(size=n) - 1
    codes = np.digitize(z + 2 * rng.normal(size=n), [-3, -1, 1, 3])
    y = (rng.random(n) < expit(slope * z + 0.1 * codes)).astype(float)
    return z, y, rng.integers(1, 4, n).astype(float), codes


def vector_of(z, y, weight, codes, adjust, few_rows=10**9, robust=False):
    grid = make_grid(z, y, weight, few_rows=few_rows)
    null = fit_recalibration(grid, adjust)
    cells, listed, _ = make_cells(codes, int(codes.max()) + 1, grid)
    if robust:
        return robust_score_vector(cells, null, codes, grid, len(listed)), null
    return score_vector(cells, null), null


@BINNED
@ADJUST
def test_score_vector_agrees_with_explicit_matrices(adjust, few_rows, global_random_seed):
    z, y, weight, codes = make_data(global_random_seed)
    vector, null = vector_of(z, y, weight, codes, adjust, few_rows)
    p = expit(null.curve(z)[0])
    statistic, U, V = literal.score_test(codes, null.basis(z)[0], p, y, weight)
    np.testing.assert_allclose(vector.score, U, atol=1e-8)
    np.testing.assert_allclose(vector.variance, V, atol=1e-7)
    assert omnibus_test(vector)[0] == pytest.approx(statistic, rel=1e-7)
    assert omnibus_test(vector)[1] == 5 - (adjust != "none")


@ADJUST
def test_the_recalibration_is_at_its_optimum(adjust, global_random_seed):
    z, y, weight, _ = make_data(global_random_seed)
    null = fit_recalibration(make_grid(z, y, weight), adjust)
    residual = weight * (y - expit(null.curve(z)[0]))
    np.testing.assert_allclose(null.basis(z)[0].T @ residual, 0, atol=1e-7)


def test_the_robust_variance_is_its_definition():
    z, y, weight, codes = make_data(0)
    vector, null = vector_of(z, y, weight, codes, "platt", robust=True)
    p, B = expit(null.curve(z)[0]), null.basis(z)[0]
    E = (codes[:, None] == np.arange(5)).astype(float)
    v = weight * p * (1 - p)
    share = np.linalg.solve(B.T @ (v[:, None] * B), B.T @ (v[:, None] * E))
    rows = (weight * (y - p))[:, None] * (E - B @ share)
    np.testing.assert_allclose(vector.variance, rows.T @ rows, rtol=1e-9, atol=1e-8)


def test_the_scale_of_importance_weights_does_not_matter():
    z, y, weight, codes = make_data(0)
    one = omnibus_test(vector_of(z, y, weight, codes, "spline", robust=True)[0])
    two = omnibus_test(vector_of(z, y, 1e-4 * weight, codes, "spline", robust=True)[0])
    assert one == pytest.approx(two, rel=1e-6)


def test_combined_p_values_are_uniform_under_the_null(global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    for df in (1, 2, 3, 9):
        for has_curvature in (False, df > 1):
            squares = rng.normal(size=(500, df)) ** 2
            p_values = [
                combine_p_values(
                    chi2.sf(row.sum(), df),
                    df,
                    chi2.sf(row[0], 1),
                    chi2.sf(row[1], 1) if has_curvature else np.nan,
                )
                for row in squares
            ]
            assert kstest(p_values, "uniform").pvalue > 1e-4


def test_combined_p_value_is_no_less_than_its_part():
    assert combine_p_values(0.03, 1, 0.03, np.nan) == 0.03
    assert combine_p_values(0.03, 5, np.nan, np.nan) == 0.03
    assert 1e-30 < combine_p_values(1e-30, 9, 1e-20, 0.5) < 1e-29
    assert combine_p_values(1.0, 9, 1.0, 1.0) == 1.0
    assert 0 <= combine_p_values(0.0, 9, 0.0, 0.0) < 1e-200


def test_benjamini_hochberg_is_its_definition():
    p_values = np.array([0.01, 0.04, 0.03, 0.5, 0.02])
    expected = [0.05, 0.05, 0.05, 0.5, 0.05]
    np.testing.assert_allclose(benjamini_hochberg(p_values), expected)
    for level in (0.05, 0.1, 0.5):
        ordered = np.sort(p_values)
        passed = np.flatnonzero(ordered <= level * np.arange(1, 6) / 5)
        largest = ordered[passed[-1]] if len(passed) else -1
        rejected = benjamini_hochberg(p_values) <= level + 1e-15
        np.testing.assert_array_equal(rejected, p_values <= largest)


EFFECTS = {
    "increasing": lambda x: 0.8 * x,
    "decreasing": lambda x: -0.8 * x,
    "u-shaped": lambda x: 0.7 * (x**2 - 1),
    "inverted-u": lambda x: -0.7 * (x**2 - 1),
    "irregular": lambda x: 1.2 * np.sin(6 * x),
    "missing": lambda x: np.where(np.isnan(x), 1.5, 0.0),
}


@pytest.mark.parametrize("shape", EFFECTS)
def test_shapes_are_told_apart(shape, global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    x = rng.normal(size=8000)
    x[rng.random(8000) < 0.1] = np.nan
    z = rng.normal(size=8000)
    effect = EFFECTS[shape](x)
    y = (rng.random(8000) < expit(z + np.nan_to_num(effect))).astype(float)
    segments = quantile_segments(x, None, 10)
    vector, _ = vector_of(z, y, None, segments.codes(x).astype(int), "spline")
    is_number = np.arange(11) < 10
    contrasts = contrast_scores(vector, is_number, ~is_number)
    statistic = omnibus_test(vector)[0]
    assert shape_of(contrasts, statistic, is_number) == shape
    # The contrasts are orthogonal directions of the omnibus statistic.
    assert sum(z**2 for z in contrasts) <= statistic + 1e-8


def test_platt_is_found_again():
    rng = np.random.default_rng(0)
    z = rng.normal(size=100_000)
    y = (rng.random(100_000) < expit(0.3 + 0.8 * z)).astype(float)
    found = calibration_of(make_grid(z, y, None))
    assert found["intercept"] == pytest.approx(0.3, abs=0.03)
    assert found["slope"] == pytest.approx(0.8, abs=0.03)
    constant = calibration_of(make_grid(np.zeros(100), (np.arange(100) < 30) * 1.0, None))
    assert constant["slope"] == 1.0
    assert constant["intercept"] == pytest.approx(np.log(3 / 7))


def test_separation_is_seen():
    z, events = np.array([0.0, 1.0, 2.0]), np.array([0.0, 0.0, 1.0])
    assert separates(z, events, None)
    assert not separates(z[::-1], events, None)
    assert separates(z, 2 * events, np.array([1.0, 1.0, 2.0]))


DISTORTIONS = {
    "calibrated": lambda z: z,
    "shifted": lambda z: z + 0.2,
    "scaled": lambda z: 1.5 * z,
    "cubic": lambda z: z + 0.15 * z**3,
}


@pytest.mark.parametrize("correlated", [False, True])
@pytest.mark.parametrize("distortion", DISTORTIONS)
def test_false_positives_keep_their_level(distortion, correlated, global_random_seed):
    rng = np.random.default_rng([global_random_seed, correlated])
    n_trials, n = 400, 2000
    rejected = 0
    for _ in range(n_trials):
        z = 1.2 * rng.normal(size=n) - 1
        x = rng.normal(size=n) + (z if correlated else 0)
        y = (rng.random(n) < expit(z)).astype(float)
        codes = quantile_segments(x, None, 10).codes(x).astype(int)
        vector, _ = vector_of(DISTORTIONS[distortion](z), y, None, codes, "spline")
        rejected += omnibus_test(vector)[2] < 0.05
    # benchmarks/offsets measures the level closely; here four standard errors of a share.
    assert abs(rejected / n_trials - 0.05) < 4 * np.sqrt(0.05 * 0.95 / n_trials)

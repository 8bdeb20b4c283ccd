import literal
import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import chi2, kstest

from skaudit.offsets import _recalibration
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
    assert combine_p_values(0.0, 9, 0.0, 0.0) == 0.0
    assert combine_p_values(0.0, 9, 0.3, np.nan) == 0.0


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


SPLINE_AND_PLATT = pytest.mark.parametrize("adjust", ["platt", "spline"])


def make_votes(rng, n_votes, n=1500):
    """Logits of the share of votes, clipped, and the probability given it that it stands for."""
    z = 1.5 * rng.normal(size=n)
    votes = rng.binomial(n_votes, expit(z))
    mean = np.bincount(votes, weights=expit(z)) / np.maximum(np.bincount(votes), 1)
    eps = np.finfo(float).eps
    return logit(np.clip(votes / n_votes, eps, 1 - eps)), mean[votes], z


@SPLINE_AND_PLATT
@pytest.mark.parametrize("n_votes", [1, 2, 3, 5, 10, 30])
def test_shares_of_votes_keep_the_level_and_the_power(n_votes, adjust, global_random_seed):
    rng = np.random.default_rng([global_random_seed, n_votes])
    n_trials, rejected = 200, np.zeros(2)
    for _ in range(n_trials):
        z, p, truth = make_votes(rng, n_votes)
        y = (rng.random(len(z)) < p).astype(float)
        grid = make_grid(z, y, None, few_rows=10**9)
        null = fit_recalibration(grid, adjust)
        assert null.converged
        for k, link in enumerate((0.0, 2.7)):
            x = rng.normal(size=len(z)) + link * expit(z)
            codes = quantile_segments(x, None, 10).codes(x).astype(int)
            cells, _, _ = make_cells(codes, int(codes.max()) + 1, grid)
            rejected[k] += omnibus_test(score_vector(cells, null))[2] < 0.05
    assert (np.abs(rejected / n_trials - 0.05) < 4 * np.sqrt(0.05 * 0.95 / n_trials)).all()
    y = (rng.random(len(z)) < expit(truth)).astype(float)
    codes = quantile_segments(truth, None, 10).codes(truth).astype(int)
    assert omnibus_test(vector_of(z, y, None, codes, adjust)[0])[2] < 0.01


SCORES = {
    "votes": lambda rng, z: make_votes(rng, 5, len(z))[0],
    "sure": lambda rng, z: 10 * z,
    "flat": lambda rng, z: rng.uniform(-30, 30, len(z)),
    "cubic": lambda rng, z: z + 0.15 * z**3,
    "single": lambda rng, z: np.clip(12 * z, -15.94, 15.94),
    "rare": lambda rng, z: z - 6,
}


@ADJUST
@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("truth", [1.0, 0.3, -0.5])
def test_the_recalibration_converges_wherever_it_starts(score, truth, adjust, global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    z = SCORES[score](rng, rng.normal(size=2000))
    y = (rng.random(2000) < expit(truth * z)).astype(float)
    null = fit_recalibration(make_grid(z, y, None), adjust)
    assert null.converged
    residual = y - expit(null.curve(z)[0])
    scale = np.sqrt(np.diag(null.information))
    assert (np.abs(null.basis(z)[0].T @ residual) <= 1e-6 * scale + 1e-12 * len(z)).all()


@SPLINE_AND_PLATT
@pytest.mark.parametrize("score", SCORES)
def test_bins_and_weights_do_not_change_the_test(score, adjust, global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    z = SCORES[score](rng, rng.normal(size=4000))
    y = (rng.random(4000) < expit(0.8 * z)).astype(float)
    codes = np.digitize(z + 10 * rng.normal(size=4000), [-10, 0, 10])
    weight = rng.integers(1, 4, 4000)
    repeated = [np.repeat(values, weight) for values in (z, y, codes)]
    weighted = weight.astype(float)
    results = [
        omnibus_test(vector_of(z, y, weighted, codes, adjust)[0]),
        omnibus_test(vector_of(z, y, weighted, codes, adjust, few_rows=0)[0]),
        omnibus_test(vector_of(*repeated[:2], None, repeated[2], adjust)[0]),
    ]
    for other in results[1:]:
        assert other[1] == results[0][1]
        assert other == pytest.approx(results[0], rel=1e-8)
    assert results[2] == pytest.approx(results[0], rel=1e-10, abs=1e-10)


def test_a_fit_that_does_not_converge_says_so(monkeypatch):
    monkeypatch.setattr(_recalibration, "_MAX_ITER", 1)
    z, y, weight, _ = make_data(0)
    with pytest.warns(UserWarning, match="did not converge"):
        null = fit_recalibration(make_grid(z, y, weight), "platt")
    assert not null.converged


def test_calibration_by_importance_weights_is_a_sandwich():
    z, y, weight, _ = make_data(0)
    found = [
        calibration_of(make_grid(z, y, factor * weight), robust=True)["statistics"]
        for factor in (1e-4, 1.0, 1e4)
    ]
    for one in (found[0], found[2]):
        for name in ("offset", "offset_standard_error", "lr_p_value"):
            assert one[name] == pytest.approx(found[1][name], rel=1e-9)
    p = expit(z + found[1]["offset"])
    information = np.sum(weight * p * (1 - p))
    expected = np.sqrt(np.sum((weight * (y - p)) ** 2)) / information
    assert found[1]["offset_standard_error"] == pytest.approx(expected, rel=1e-9)


def test_calibration_by_importance_weights_keeps_its_level(global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    p_values = []
    for _ in range(300):
        z, weight = rng.normal(size=1000), rng.exponential(size=1000)
        y = (rng.random(1000) < expit(z)).astype(float)
        grid = make_grid(z, y, weight)
        p_values.append(calibration_of(grid, robust=True)["statistics"]["lr_p_value"])
    assert kstest(p_values, "uniform").pvalue > 1e-4


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

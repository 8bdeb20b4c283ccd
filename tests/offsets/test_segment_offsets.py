"""Offsets and shrinkage: laws first, then the literal reference, with and without bins."""

import literal
import numpy as np
import pytest
from scipy.special import expit, logit

from skaudit import IncrementalFeatureAnalyzer, ScoreColumn
from skaudit.offsets._cells import logistic_derivatives, make_cells, make_grid
from skaudit.offsets._recalibration import fit_recalibration
from skaudit.offsets._segment_offsets import loss_rise, segment_offsets, shrunk_offsets
from skaudit.offsets._shrinkage import cross_fitted_gain, recalibrated, variance_of_offsets

COLUMNS = ("offset", "standard_error", "offset_lower", "offset_upper", "lr")
BINNED = pytest.mark.parametrize("few_rows", [10**9, 0], ids=["rows", "bins"])


def make_data(seed, n=6000, n_codes=3, weighted=True):
    rng = np.random.default_rng(seed)
    z = 1.5 * rng.normal(size=n) - 1
    codes = rng.integers(0, n_codes, n)
    y = (rng.random(n) < expit(z + 0.4 * (codes - 1))).astype(float)
    weight = rng.integers(1, 4, n).astype(float) if weighted else None
    return z, y, weight, codes


def cells_of(z, y, weight, codes, **kwargs):
    grid = make_grid(z, y, weight, **kwargs)
    return make_cells(codes, int(codes.max()) + 1, grid)[0]


def test_derivatives_follow_from_each_other():
    eta, step = np.linspace(-9, 9, 13), 1e-5
    above, below = (logistic_derivatives(eta + s, 8) for s in (step, -step))
    for k, derivative in enumerate(logistic_derivatives(eta, 8)[1:]):
        slope = (above[k] - below[k]) / (2 * step)
        np.testing.assert_allclose(derivative, slope, rtol=1e-5, atol=1e-7)


@BINNED
@pytest.mark.parametrize("weighted", [False, True])
def test_offsets_agree_with_the_literal_reference(few_rows, weighted, global_random_seed):
    z, y, weight, codes = make_data(global_random_seed, weighted=weighted)
    cells = cells_of(z, y, weight, codes, few_rows=few_rows)
    assert (cells.moments.shape[1] < len(z)) == (few_rows == 0)
    found = segment_offsets(cells)
    w = np.ones(len(z)) if weight is None else weight
    for j in range(3):
        inside = codes == j
        expected = literal.segment(expit(z[inside]), y[inside], w[inside])
        np.testing.assert_allclose([found[name][j] for name in COLUMNS], expected, rtol=1e-8)


@BINNED
def test_the_gradient_is_zero_at_the_offset(few_rows, global_random_seed):
    z, y, weight, codes = make_data(global_random_seed, n_codes=5)
    offset = segment_offsets(cells_of(z, y, weight, codes, few_rows=few_rows))["offset"]
    for j in range(5):
        inside = codes == j
        gradient = np.sum(weight[inside] * (expit(z[inside] + offset[j]) - y[inside]))
        assert abs(gradient) < 1e-9 * weight[inside].sum()


@BINNED
def test_a_weight_is_a_repetition(few_rows, global_random_seed):
    z, y, weight, codes = make_data(global_random_seed)
    weighted = segment_offsets(cells_of(z, y, weight, codes, few_rows=few_rows))
    z, y, codes = (np.repeat(a, weight.astype(int)) for a in (z, y, codes))
    repeated = segment_offsets(cells_of(z, y, None, codes, few_rows=few_rows))
    for name in COLUMNS:
        np.testing.assert_allclose(weighted[name], repeated[name], rtol=1e-10)


@BINNED
def test_other_labels_change_the_sign(few_rows, global_random_seed):
    z, y, weight, codes = make_data(global_random_seed)
    one = segment_offsets(cells_of(z, y, weight, codes, few_rows=few_rows))
    two = segment_offsets(cells_of(-z, 1 - y, weight, codes, few_rows=few_rows))
    np.testing.assert_allclose(one["offset"], -two["offset"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(one["offset_lower"], -two["offset_upper"], rtol=1e-9)
    np.testing.assert_allclose(one["lr"], two["lr"], rtol=1e-8)


@pytest.mark.parametrize("positive", [0.0, 1.0])
def test_a_segment_of_one_class_has_one_limit(positive, global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    z, y = rng.normal(size=40), np.full(40, positive)
    found = {k: v[0] for k, v in segment_offsets(cells_of(z, y, None, np.zeros(40, int))).items()}
    sign = 2 * positive - 1
    assert found["offset"] == sign * np.inf
    assert np.isnan(found["standard_error"])
    assert found["lr"] == pytest.approx(2 * literal.loss(0, z, y, 1))
    finite, infinite = ("lower", "upper") if positive else ("upper", "lower")
    assert found[f"offset_{infinite}"] == sign * np.inf
    limit = found[f"offset_{finite}"]
    assert 2 * literal.loss(limit, z, y, 1) == pytest.approx(3.841458820694124)


@pytest.mark.parametrize("extreme", [1e-15, 1 - 1e-15])
def test_extreme_scores_have_finite_answers(extreme):
    score = np.full(50, extreme)
    y = np.zeros(50)
    y[:7] = 1
    cells = cells_of(logit(score), y, None, np.zeros(50, dtype=int))
    found = {name: value[0] for name, value in segment_offsets(cells).items()}
    # All scores equal: the offset is a difference of logits.
    assert found["offset"] == pytest.approx(logit(7 / 50) - logit(extreme))
    assert found["standard_error"] == pytest.approx(1 / np.sqrt(50 * 0.14 * 0.86))
    assert found["offset_lower"] < found["offset"] < found["offset_upper"]


@pytest.mark.parametrize("end", [1e-200, 1e-17, 1e-10, 0.0])
@pytest.mark.parametrize("wrong", [False, True])
def test_scores_that_are_sure_have_limits(end, wrong):
    eps = np.finfo(float).eps
    y = np.repeat([0.0, 1.0], 20)
    z = logit(np.clip(np.repeat([end, 1 - end], 20), eps, 1 - eps))
    z = -z if wrong else z
    codes = np.tile([0, 1], 20)
    found = segment_offsets(cells_of(z, y, None, codes))
    assert not any(np.isnan(found[name]).any() for name in COLUMNS)
    for j in range(2):
        rows = z[codes == j], y[codes == j], 1.0
        floor = literal.loss(found["offset"][j], *rows)
        for name in ("offset_lower", "offset_upper"):
            rise = literal.loss(found[name][j], *rows) - floor
            assert 2 * rise == pytest.approx(3.841458820694124, rel=1e-6)


def test_one_row_makes_a_class_and_rounding_does_not():
    rng = np.random.default_rng(0)
    weight = rng.uniform(0.1, 1e6, 3000)
    codes = rng.integers(0, 3, 3000)
    y = (codes == 1).astype(float)
    first = np.flatnonzero(codes == 0)[0]
    y[first], weight[first] = 1.0, 1e-9
    found = segment_offsets(cells_of(np.zeros(3000), y, weight, codes))
    assert np.isfinite(found["offset"][0])
    assert found["offset"][1:].tolist() == [np.inf, -np.inf]


@pytest.mark.parametrize("variance", [0.01, 0.5, 30.0])
def test_shrunk_offsets_minimise_the_penalised_loss(variance, global_random_seed):
    z, y, _, codes = make_data(global_random_seed, n=300, weighted=False)
    y[codes == 2] = 1
    found = shrunk_offsets(cells_of(z, y, None, codes), variance)
    expected = [literal.shrunk(z[codes == j], y[codes == j], variance) for j in range(3)]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert not shrunk_offsets(cells_of(z, y, None, codes), 0.0).any()


def test_shrunk_offsets_tend_to_the_exact_ones():
    cells = cells_of(*make_data(0))
    np.testing.assert_allclose(
        shrunk_offsets(cells, 1e9), segment_offsets(cells)["offset"], rtol=1e-6
    )


def test_loss_rise_keeps_the_digits_of_small_steps():
    cells = cells_of(*make_data(0))
    offset = segment_offsets(cells)["offset"]
    step = 1e-5
    curvature = segment_offsets(cells)["standard_error"] ** -2
    rise = loss_rise(cells, offset + step, offset)
    np.testing.assert_allclose(rise, 0.5 * curvature * step**2, rtol=1e-3)


def test_the_variance_of_offsets_is_recovered():
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(400), 100)
    z = rng.normal(size=len(codes))
    y = rng.random(len(codes)) < expit(z + 0.5 * rng.normal(size=400)[codes])
    found = variance_of_offsets(cells_of(z, y.astype(float), None, codes))
    assert found == pytest.approx(0.25, rel=0.15)
    y = rng.random(len(codes)) < expit(z)
    assert variance_of_offsets(cells_of(z, y.astype(float), None, codes)) < 0.01


@BINNED
def test_the_gain_is_that_of_a_loop_over_folds(few_rows, global_random_seed):
    z, y, weight, codes = make_data(global_random_seed)
    fold = np.random.default_rng(global_random_seed).integers(0, 3, len(z), dtype=np.uint8)
    grid = make_grid(z, y, weight, fold=fold, n_folds=3, few_rows=few_rows)
    null = fit_recalibration(grid, "platt")
    _, _, by_fold = make_cells(codes, 3, grid)
    found = cross_fitted_gain(by_fold, 3, null, 1)
    saved = 0.0
    eta = null.curve(z)[0]
    for f in range(3):
        out = fold != f
        train = cells_of(eta[out], y[out], weight[out], codes[out])
        offset = shrunk_offsets(train, variance_of_offsets(train, 1))
        for j in range(3):
            part = eta[(codes == j) & ~out], y[(codes == j) & ~out], weight[(codes == j) & ~out]
            saved += literal.loss(0, *part) - literal.loss(offset[j], *part)
    assert found == pytest.approx(saved / weight.sum(), rel=1e-8)


def test_recalibrated_cells_are_cells_of_the_recalibrated_score():
    z, y, weight, codes = make_data(0)
    null = fit_recalibration(make_grid(z, y, weight), "platt")
    direct = segment_offsets(cells_of(null.curve(z)[0], y, weight, codes))
    binned = segment_offsets(recalibrated(cells_of(z, y, weight, codes, few_rows=0), null))
    np.testing.assert_allclose(binned["offset"], direct["offset"], rtol=1e-8, atol=1e-11)


def test_intervals_cover_at_their_level(global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    n_segments, size = 4000, 60
    codes = np.repeat(np.arange(n_segments), size)
    z = rng.normal(size=len(codes)) - 1
    y = (rng.random(len(codes)) < expit(z + 0.3)).astype(float)
    found = segment_offsets(cells_of(z, y, None, codes), confidence_level=0.9)
    covered = (found["offset_lower"] <= 0.3) & (0.3 <= found["offset_upper"])
    # Four standard errors of a share of 4000.
    assert abs(covered.mean() - 0.9) < 4 * np.sqrt(0.09 / n_segments)


@pytest.mark.filterwarnings("ignore:.* base scores are 0 or 1")
@pytest.mark.filterwarnings("ignore:The base scores separate the classes")
@pytest.mark.parametrize("n_wrong", [0, 1, 10])
def test_the_analyzer_answers_for_scores_of_0_and_1(n_wrong):
    y = np.repeat([0, 1], 20)
    score = y.astype(float)
    score[:n_wrong] = 1.0
    X = np.c_[score, np.tile([0.0, 1.0], 20)]
    fitted = IncrementalFeatureAnalyzer(ScoreColumn(0), segmenter=[0.5]).fit(X, y)
    segments = fitted.segment_table_
    assert not segments[list(COLUMNS)].isna().any(axis=None)
    assert (segments["offset_lower"] < segments["offset_upper"]).all()
    row = fitted.feature_table_.iloc[0]
    assert row["score_p_value"] > 0.05
    # What the score explains differs from the score as it is.
    assert (row["lr_p_value"] < 1e-6) == (row["lr"] > 40)


def test_a_feature_that_the_score_explains_has_its_likelihood_ratio():
    rng = np.random.default_rng(0)
    score = rng.choice([0.2, 0.8], 400)
    y = rng.random(400) < 0.5
    fitted = IncrementalFeatureAnalyzer(ScoreColumn(0), segmenter=[0.5]).fit(np.c_[score, score], y)
    row = fitted.feature_table_.iloc[0]
    assert (row["score_df"], row["score_p_value"], row["selected"]) == (0, 1.0, False)
    assert row["lr"] > 40
    assert row["lr_p_value"] < 1e-6

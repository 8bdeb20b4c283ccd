"""The spaces of the metrics against their formulas, written out for whole matrices."""

import numpy as np
import pytest

from skaudit.spotlight import _metric
from skaudit.spotlight._metric import METRICS, fit_metric, normalise_rows


def rows(n=60, d=4, seed=0):
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(d, d))
    return rng.normal(size=(n, d)) @ mixing + 3 * rng.normal(size=d)


def literal(name, X, weights):
    """The map of a metric, x -> z, as a function of a matrix; from the text of the class."""
    mean = np.average(X, axis=0, weights=weights)
    covariance = np.cov(X.T, aweights=weights, ddof=0)
    d = X.shape[1]
    if name == "euclidean":
        return lambda A: (A - mean) / np.sqrt(np.trace(covariance))
    std = np.sqrt(np.diag(covariance))
    if name == "standardized":
        return lambda A: (A - mean) / std / np.sqrt(d)
    if name == "cosine":
        unit = X / np.linalg.norm(X, axis=1, keepdims=True)
        centre = np.average(unit, axis=0, weights=weights)
        rms = np.sqrt(np.average(((unit - centre) ** 2).sum(axis=1), weights=weights))
        return lambda A: (A / np.linalg.norm(A, axis=1, keepdims=True) - centre) / rms
    correlation = covariance / np.outer(std, std)
    shrunk = correlation + 0.1 * np.eye(d)
    values, vectors = np.linalg.eigh(shrunk)
    root = vectors @ np.diag(values**-0.5) @ vectors.T
    rms = np.sqrt(np.trace(root @ correlation @ root))
    return lambda A: (A - mean) / std @ root / rms


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", METRICS)
def test_the_map_is_that_of_its_formula(name, weighted, global_random_seed):
    X = rows(seed=global_random_seed)
    weights = np.random.default_rng(1).integers(1, 4, 60).astype(float) if weighted else np.ones(60)
    metric = fit_metric(name, X, weights)
    Z = metric.apply(X, np.float64)
    np.testing.assert_allclose(Z, literal(name, X, weights)(X), atol=1e-12)
    np.testing.assert_allclose(np.average(Z, axis=0, weights=weights), 0, atol=1e-12)
    assert np.average((Z**2).sum(axis=1), weights=weights) == pytest.approx(1)
    new = rows(seed=global_random_seed + 1)
    np.testing.assert_allclose(metric.apply(new, np.float64), literal(name, X, weights)(new))


@pytest.mark.parametrize("name", METRICS)
def test_centers_come_back_in_the_units_of_X(name, global_random_seed):
    X = rows(seed=global_random_seed)
    metric = fit_metric(name, X, np.ones(60))
    back = metric.invert(metric.apply(X, np.float64))
    np.testing.assert_allclose(back, normalise_rows(X) if name == "cosine" else X)


@pytest.mark.parametrize("name", METRICS)
def test_distances_are_those_of_a_loop(name):
    X, centers = rows(), np.random.default_rng(0).normal(size=(3, 4))
    metric = fit_metric(name, X, np.ones(60))
    Z = literal(name, X, np.ones(60))(X)
    slow = [[((z - center) ** 2).sum() for center in centers] for z in Z]
    np.testing.assert_allclose(metric.squared_distances(X, centers), slow)


@pytest.mark.parametrize("name", METRICS)
def test_blocks_do_not_show(name, monkeypatch):
    X, weights = rows(), np.random.default_rng(0).random(60)
    whole = fit_metric(name, X, weights)
    distances = whole.squared_distances(X, X[:2])
    monkeypatch.setattr(_metric, "_BLOCK", 30)
    blocks = fit_metric(name, X, weights)
    np.testing.assert_allclose(blocks.apply(X, np.float64), whole.apply(X, np.float64), atol=1e-12)
    np.testing.assert_allclose(blocks.squared_distances(X, X[:2]), distances)


@pytest.mark.parametrize("name", METRICS)
def test_a_weight_is_as_good_as_a_repeated_row(name):
    X, weights = rows(), np.random.default_rng(0).integers(1, 4, 60)
    weighted = fit_metric(name, X, weights.astype(float))
    repeated = fit_metric(name, X.repeat(weights, axis=0), np.ones(weights.sum()))
    np.testing.assert_allclose(
        weighted.apply(X, np.float64), repeated.apply(X, np.float64), atol=1e-12
    )


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("unit", [1e-300, 1e-200, 1e-6, 1e6, 1e200, 1e305])
def test_units_cancel(name, unit):
    X = rows()
    plain, scaled = (fit_metric(name, A, np.ones(60)) for A in (X, X * unit))
    np.testing.assert_allclose(
        scaled.apply(X * unit, np.float64), plain.apply(X, np.float64), atol=1e-9
    )
    back = scaled.invert(scaled.apply(X * unit, np.float64))
    np.testing.assert_allclose(
        back / (1 if name == "cosine" else unit),
        plain.invert(plain.apply(X, np.float64)),
        rtol=1e-9,
    )


@pytest.mark.parametrize("name", METRICS)
def test_numbers_below_the_smallest_normal_one_stay_finite(name):
    X = rows() * 1e-311
    metric = fit_metric(name, X, np.ones(60))
    assert np.isfinite(metric.scale).all()
    assert np.isfinite(metric.apply(X, np.float64)).all()


@pytest.mark.parametrize("name", ["euclidean", "standardized", "whitened"])
@pytest.mark.parametrize("shift", [1e3, 1e8])
def test_a_shift_cancels(name, shift):
    X = rows()
    plain, moved = (fit_metric(name, A, np.ones(60)) for A in (X, X + shift))
    np.testing.assert_allclose(
        moved.apply(X + shift, np.float64), plain.apply(X, np.float64), atol=1e-14 * shift
    )


@pytest.mark.parametrize("name", ["standardized", "whitened"])
def test_constant_columns_take_no_part(name):
    """0.1 is no binary number: its mean over many rows is off by rounding, and is no deviation."""
    X = rows(20_000)
    wide = np.insert(X, 1, 0.1, axis=1)
    metric, alone = (fit_metric(name, A, np.ones(20_000)) for A in (wide, X))
    Z = metric.apply(wide, np.float64)
    np.testing.assert_allclose(Z[:, 1], 0, atol=0 if name == "standardized" else 1e-12)
    moved = wide + np.array([0, 9, 0, 0, 0])
    np.testing.assert_array_equal(metric.apply(moved, np.float64), Z)
    np.testing.assert_allclose(metric.invert(Z), wide)
    np.testing.assert_allclose(np.delete(Z, 1, axis=1), alone.apply(X, np.float64), atol=1e-12)
    assert metric.unit == pytest.approx(alone.unit)
    assert metric.n_varying == alone.n_varying == 4


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("value", [0.0, 0.1, -1e200])
def test_equal_rows_have_no_metric(name, value):
    assert fit_metric(name, np.full((50, 3), value), np.ones(50)) is None


def test_single_precision_is_centred_in_double():
    X = (rows() + 1e4).astype(np.float32)
    metric = fit_metric("euclidean", X, np.ones(60))
    assert metric.location.dtype == metric.scale.dtype == np.float64
    Z = metric.apply(X, np.float32)
    assert Z.dtype == np.float32
    exact = literal("euclidean", X.astype(float), np.ones(60))(X.astype(float))
    np.testing.assert_allclose(Z, exact, atol=1e-6)


@pytest.mark.parametrize("unit", [1e-320, 1e-200, 1.0, 1e200])
def test_rows_of_length_one(unit):
    X = np.array([[3.0, 4.0], [0.0, 0.0], [-1.0, 0.0]]) * unit
    expected = [[0.6, 0.8], [0, 0], [-1, 0]]
    np.testing.assert_allclose(normalise_rows(X), expected, rtol=1e-3 if unit < 1e-300 else 1e-15)


def test_rows_are_not_written_to():
    X = rows()
    X.flags.writeable = False
    for name in METRICS:
        metric = fit_metric(name, X, np.ones(60))
        metric.apply(X, np.float64)
        metric.squared_distances(X, X[:2])

"""The best rescaling of probabilities: a gradient of zero, Platt's line, invariance."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.special import expit, logit, softmax
from scipy.stats import kstest

from skaudit import IncrementalFeatureAnalyzer, ScoreColumn
from skaudit.dynamics._log_ratios import log_ratios
from skaudit.report._calibration import _Rescaling, find_miscalibration, recalibrated


def draw(n, n_classes, slope, rng):
    """Labels drawn from probabilities, and these distorted by a slope."""
    logits = rng.normal(size=(n, n_classes)) * 1.5
    proba = softmax(logits, axis=1)
    codes = np.array([rng.choice(n_classes, p=p) for p in proba])
    return codes, softmax(logits / slope, axis=1)


def test_two_classes_have_platts_line(global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    score = expit(rng.normal(size=2000))
    y = rng.random(2000) < expit(0.4 + 0.8 * logit(score))
    found = find_miscalibration(y.astype(int), np.stack([1 - score, score], 1), np.ones(2000))
    X = np.column_stack([rng.normal(size=2000), score])
    line = IncrementalFeatureAnalyzer(ScoreColumn(1)).fit(X, y).calibration_
    assert found["slope"] == pytest.approx(line["slope"], abs=1e-4)
    assert found["shift"][1] == pytest.approx(line["intercept"], abs=1e-4)
    assert found["statistic"] == pytest.approx(line["statistics"]["lr"], rel=1e-5)
    assert found["p_value"] == pytest.approx(line["statistics"]["lr_p_value"], rel=1e-3)


def test_the_error_of_the_slope_is_that_of_a_logistic_regression(global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    z, weights = rng.normal(size=1000), rng.integers(1, 4, 1000).astype(float)
    y = rng.random(1000) < expit(0.4 + 0.8 * z)
    proba = np.stack([expit(-z), expit(z)], 1)
    found = find_miscalibration(y.astype(int), proba, weights)
    design, p = np.column_stack([z, np.ones(1000)]), recalibrated(proba, found)[:, 1]
    information = (design * (weights * p * (1 - p))[:, None]).T @ design
    expected = np.sqrt(np.linalg.inv(information)[0, 0])
    assert found["slope_error"] == pytest.approx(expected, rel=1e-4)
    bias = np.average(expit(z) - y, weights=weights)
    np.testing.assert_allclose(found["bias"], [-bias, bias])


@pytest.mark.parametrize("n_classes", [2, 3, 6])
def test_the_gradient_is_zero_there(n_classes, global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    codes, proba = draw(800, n_classes, 1.7, rng)
    weights = rng.exponential(size=800)
    found = find_miscalibration(codes, proba, weights)
    logs = np.log(proba)
    residual = softmax(found["slope"] * logs + found["shift"], axis=1)
    residual[np.arange(800), codes] -= 1
    np.testing.assert_allclose(weights @ residual / weights.sum(), 0, atol=1e-7)
    slope_gradient = (weights[:, None] * residual * logs).sum() / weights.sum()
    assert slope_gradient == pytest.approx(0, abs=1e-6)
    assert found["slope"] == pytest.approx(1.7, abs=0.4)


def test_the_statistic_is_twice_the_loss_that_is_gained(global_random_seed):
    codes, proba = draw(500, 3, 0.5, np.random.default_rng(global_random_seed))
    found = find_miscalibration(codes, proba, np.ones(500))
    rows = np.arange(500)
    before = -np.log(proba[rows, codes]).sum()
    after = -np.log(recalibrated(proba, found)[rows, codes]).sum()
    assert found["statistic"] == pytest.approx(2 * (before - after), rel=1e-6)
    assert found["slope"] < 1
    np.testing.assert_allclose(recalibrated(proba, found).sum(axis=1), 1)


def test_right_probabilities_have_uniform_p_values():
    rng = np.random.default_rng(0)
    p_values = [
        find_miscalibration(*draw(400, 3, 1.0, rng), np.ones(400))["p_value"] for _ in range(200)
    ]
    assert kstest(p_values, "uniform").pvalue > 0.01


def test_probabilities_of_zero_and_one_are_no_obstacle():
    codes = np.array([0, 1, 1, 0] * 10)
    proba = np.eye(2)[[0, 1, 0, 1] * 10]
    found = find_miscalibration(codes, proba, np.ones(40))
    assert found["p_value"] < 1e-10
    assert np.isfinite(recalibrated(proba, found)).all()


def test_a_probability_of_zero_is_rescaled_as_half_of_the_smallest_other(global_random_seed):
    """Shares of 5 votes: the zeros of wrong guesses cost what they cost, not the rescaling."""
    rng = np.random.default_rng(global_random_seed)
    chance = rng.beta(0.5, 0.5, 3000)
    votes = rng.binomial(5, chance) / 5
    proba, codes = np.stack([1 - votes, votes], axis=1), (rng.random(3000) < chance).astype(int)
    found = find_miscalibration(codes, proba, np.ones(3000))
    impossible = proba[np.arange(3000), codes] == 0
    assert found["n_impossible"] == impossible.sum() > 0
    assert found["floor"] == pytest.approx(0.1)
    assert found["zeros_cost"] > 0.5 * found["gain"]
    raised = np.maximum(proba, 0.1)
    raised /= raised.sum(axis=1, keepdims=True)
    plain = find_miscalibration(codes, raised, np.ones(3000))
    np.testing.assert_allclose(recalibrated(proba, found), recalibrated(raised, plain), rtol=1e-5)
    assert found["statistic"] > plain["statistic"] + 2 * impossible.sum() * np.log(1e6)
    assert 0.3 < found["slope"] < 3


@pytest.mark.parametrize("n_classes", [2, 4])
def test_the_derivatives_are_those_of_the_loss(n_classes, global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    codes, proba = draw(60, n_classes, 1.5, rng)
    share = rng.dirichlet(np.ones(60))
    problem = _Rescaling(log_ratios(proba, 1e-12), codes, share)
    at = rng.normal(size=n_classes)
    gradient = approx_fprime(at, lambda x: problem.loss(x)[0], 1e-7)
    np.testing.assert_allclose(problem.loss(at)[1], gradient, atol=1e-5)
    curvature = approx_fprime(at, lambda x: problem.loss(x)[1], 1e-7)
    np.testing.assert_allclose(problem.curvature(at), curvature, atol=1e-5)


@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_where_all_probabilities_are_the_same_the_slope_is_1(n_classes, global_random_seed):
    codes = np.random.default_rng(global_random_seed).binomial(n_classes - 1, 0.3, 500)
    found = find_miscalibration(codes, np.full((500, n_classes), 1 / n_classes), np.ones(500))
    assert found["slope"] == pytest.approx(1.0, abs=1e-3)


def test_a_single_zero_does_not_decide_what_is_said():
    """Timid by a factor of two, and one label of 5,000 that was given no chance."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=5000)
    codes = (rng.random(5000) < expit(4 * z)).astype(int)
    proba = np.stack([expit(-2 * z), expit(2 * z)], axis=1)
    proba[0], proba[0, codes[0]] = 1.0, 0.0
    found = find_miscalibration(codes, proba, np.ones(5000))
    assert found["n_impossible"] == 1
    assert 0 < found["zeros_cost"] < 0.5 * found["gain"]
    assert found["slope"] > 1.5


def test_what_zeros_cost_is_the_loss_that_their_rows_save():
    """A model of 0 and 1 alone that errs twice: all of the gain, and more, is of these rows."""
    codes = np.arange(500) % 2
    proba = np.eye(2)[codes]
    proba[:2] = proba[:2, ::-1]
    found = find_miscalibration(codes, proba, np.ones(500))
    then = recalibrated(proba, found)[:2].min()
    assert found["n_impossible"] == 2
    assert found["zeros_cost"] == pytest.approx(2 / 500 * np.log(then / np.finfo(float).eps))
    assert found["zeros_cost"] > found["gain"] > 0


def test_rounding_to_zero_is_no_vote():
    proba = np.array([[1.0, 0.0], [1e-20, 1.0], [0.4, 0.6]] * 20)
    found = find_miscalibration(np.array([0, 1, 0] * 20), proba, np.ones(60))
    assert found["floor"] == 1e-12

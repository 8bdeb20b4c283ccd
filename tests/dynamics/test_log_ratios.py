"""Probabilities as logarithms of ratios: there and back, and nothing overflows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import softmax

from skaudit.dynamics._log_ratios import log_ratios, ratios_to_proba


@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_there_and_back(n_classes, global_random_seed):
    proba = np.random.default_rng(global_random_seed).dirichlet(np.ones(n_classes), 50)
    ratios = log_ratios(proba, 1e-300)
    assert ratios.shape == (n_classes, 50)
    assert_allclose(ratios.max(axis=0), 0)
    assert_allclose(ratios_to_proba(ratios).T, proba)
    assert_allclose(ratios_to_proba(700.0 * ratios).T, softmax(700.0 * np.log(proba), axis=1))


def test_a_factor_of_a_row_does_not_count(global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    ratios = rng.normal(size=(3, 20))
    assert_allclose(ratios_to_proba(ratios + 1e4 * rng.normal(size=20)), ratios_to_proba(ratios))


def test_small_probabilities_are_raised_to_the_floor():
    ratios = log_ratios(np.array([[1.0, 0.0], [0.5, 0.5]], dtype=np.float32), 1e-3)
    assert_allclose(ratios, [[0, 0], [np.log(1e-3), 0]])

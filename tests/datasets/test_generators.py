"""Generators: the truth that they tell is the truth."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris, make_classification

from skaudit.datasets import make_noisy_labels

KINDS = ("symmetric", "class-dependent", "hard-region")


@pytest.fixture(scope="module")
def problem():
    return make_classification(
        600, 6, n_informative=4, n_classes=3, class_sep=1.5, flip_y=0, random_state=0
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate", [0.0, 0.05, 0.3])
def test_exactly_the_flipped_labels_are_wrong(problem, kind, rate, global_random_seed):
    X, y = problem
    before = y.copy()
    noisy, flipped = make_noisy_labels(
        y, X=X, kind=kind, rate=rate, random_state=global_random_seed
    )
    assert flipped.sum() == round(rate * len(y))
    np.testing.assert_array_equal(noisy != y, flipped)
    np.testing.assert_array_equal(y, before)
    assert set(noisy) <= set(y)


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_fixes_the_choice(problem, kind):
    X, y = problem
    first, second, third = (
        make_noisy_labels(y, X=X, kind=kind, rate=0.2, random_state=seed)[1] for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, second)
    assert (first != third).any()


def test_symmetric_noise_spreads_over_all_other_classes():
    y = np.repeat(np.arange(4), 1000)
    noisy, flipped = make_noisy_labels(y, rate=0.3, random_state=0)
    table = pd.crosstab(y[flipped], noisy[flipped]).to_numpy()
    assert (np.diag(table) == 0).all()
    off = table[~np.eye(4, dtype=bool)]
    # 1200 flips over 12 cells: mean 100, standard deviation below 10.
    assert abs(off - 100).max() < 40


def test_class_dependent_noise_mistakes_a_class_for_one_other_at_its_own_rate():
    y = np.repeat(np.arange(4), 1000)
    noisy, flipped = make_noisy_labels(y, kind="class-dependent", rate=0.2, random_state=0)
    table = pd.crosstab(y[flipped], noisy[flipped])
    assert ((table > 0).sum(axis=1) == 1).all()
    rates = np.bincount(y[flipped], minlength=4) / 1000
    assert rates.min() == 0
    assert rates.max() > 0.3


def test_hard_region_noise_prefers_rows_on_which_a_model_is_unsure():
    rng = np.random.default_rng(0)
    X = rng.uniform(-3, 3, (2000, 1))
    y = (X[:, 0] + 0.2 * rng.standard_normal(2000) > 0).astype(int)
    flipped = make_noisy_labels(y, X=X, kind="hard-region", rate=0.05, random_state=0)[1]
    assert np.abs(X[flipped]).mean() < 0.5 * np.abs(X).mean()


def test_text_labels_and_series_stay_what_they_are():
    names = pd.Series(load_iris().target_names[load_iris().target], name="species")
    names.index = names.index + 1000
    noisy, flipped = make_noisy_labels(names, rate=0.1, random_state=0)
    assert noisy.index.equals(names.index)
    assert noisy.name == "species"
    assert (noisy[flipped] != names[flipped]).all()
    assert flipped.dtype == bool


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"kind": "random"}, "kind must be one of 'symmetric'"),
        ({"rate": 1.0}, r"rate must lie in \[0, 1\), got 1.0"),
        ({"rate": -0.1}, "rate must lie in"),
        ({"kind": "hard-region"}, "needs X"),
        ({"kind": "hard-region", "X": [[0.0], [1.0]]}, "X has 2 rows but y has 20"),
        ({"kind": "class-dependent", "rate": 0.9}, "rate asks for 18 wrong labels, but only 10"),
    ],
)
def test_bad_arguments(arguments, text):
    with pytest.raises(ValueError, match=text):
        make_noisy_labels([0, 1] * 10, random_state=0, **arguments)


def test_one_class_has_no_wrong_label():
    with pytest.raises(ValueError, match="only one class, np.int64|only one class, 1"):
        make_noisy_labels([1, 1, 1])

"""Which labels are likely wrong: laws of the counts and of the noise model, planted noise."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import approx_fprime
from sklearn.metrics import f1_score

from skaudit import DataMapClassifier
from skaudit.dynamics._label_issues import (
    _log_margin,
    _lowest_margins,
    _noise_loss,
    best_third,
    confident_counts,
    expected_f1_choice,
    expected_statistic,
    find_issues,
    find_noise,
    noise_posterior,
)
from skaudit.dynamics._log_ratios import log_ratios
from skaudit.report._calibration import find_miscalibration, recalibrated


def planted(n, n_classes, noise, seed, sharpness=8):
    """Calibrated probabilities, the true labels and those given: uniform ones with P = noise."""
    rng = np.random.default_rng(seed)
    logits = sharpness * rng.normal(size=(n, n_classes))
    proba = np.exp(logits - logits.max(axis=1, keepdims=True))
    proba /= proba.sum(axis=1, keepdims=True)
    true = np.minimum((rng.random((n, 1)) > proba.cumsum(axis=1)).sum(axis=1), n_classes - 1)
    return proba, true, np.where(rng.random(n) < noise, rng.integers(n_classes, size=n), true)


def confident_learning(codes, proba):
    """The rows off the diagonal of the confident joint, literally; thresholds, sizes of classes."""
    threshold = {k: proba[codes == k, k].mean() for k in set(codes.tolist())}
    off = np.zeros(len(codes), dtype=bool)
    counted = np.zeros(len(codes), dtype=bool)
    for i, code in enumerate(codes):
        # A mean of equal numbers is that number up to rounding, which may not decide.
        reached = [k for k, t in threshold.items() if proba[i, k] > t * (1 + 1e-9)]
        if reached:
            counted[i] = True
            off[i] = max(reached, key=lambda k: (proba[i, k], -k)) != code
    return off, counted


@st.composite
def problems(draw, most_classes=5):
    """Codes and probabilities with many ties, zeros and ones; NaN rows and lone classes occur."""
    n, n_classes = draw(st.integers(1, 12)), draw(st.integers(2, most_classes))
    weights = st.lists(st.sampled_from([0, 0, 1, 2, 1000]), min_size=n_classes, max_size=n_classes)
    proba = np.array([draw(weights) for _ in range(n)], dtype=float)
    proba[proba.sum(axis=1) == 0] = 1
    proba /= proba.sum(axis=1, keepdims=True)
    codes = draw(st.lists(st.integers(0, n_classes - 1), min_size=n, max_size=n))
    return np.array(codes, dtype=np.int8), proba


@settings(max_examples=50)
@given(problems(most_classes=30), st.sampled_from([np.float32, np.float64]), st.data())
def test_every_case_has_an_answer(case, dtype, data):
    """Never NaN, no RuntimeWarning (warnings are errors), nothing written to, bounds kept."""
    codes, proba = case
    proba = proba.astype(dtype)
    n, n_classes = proba.shape
    known = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    proba[~known] = np.nan
    codes.flags.writeable = proba.flags.writeable = False
    suggested, is_issue = find_issues(codes, proba)
    assert is_issue.dtype == bool
    assert_array_equal(suggested[~known], codes[~known])
    assert_array_equal(suggested[known], proba[known].argmax(axis=1))
    assert not (is_issue & (suggested == codes)).any()
    if known.any():
        # The rows not known are as if they were not there.
        alone = find_issues(codes[known], proba[known])[1]
        assert_array_equal(is_issue[known], alone)
        high = confident_counts(codes[known], proba[known])[1]
        assert is_issue.sum() <= max(np.rint(high).sum(), round(high.sum()))


@pytest.mark.parametrize("column", [0, 2])
def test_a_row_with_any_nan_is_unknown(column):
    proba = np.array([[0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [0.9, 0.05, 0.05]])
    proba[0, column] = np.nan
    suggested, is_issue = find_issues(np.array([0, 0, 0]), proba)
    assert suggested.tolist() == [0, 0, 0]
    assert not is_issue.any()


@given(problems())
def test_counts_are_those_of_confident_learning(case):
    codes, proba = case
    off, counted = confident_learning(codes, proba)
    low, high = confident_counts(codes, proba)
    for k in range(proba.shape[1]):
        mine = codes == k
        assert low[k] == off[mine].sum()
        share = off[mine].sum() / max(counted[mine].sum(), 1)
        assert high[k] == pytest.approx(max(low[k], share * mine.sum()))


@pytest.mark.parametrize("n", [3, 7, 20, 100, 1000])
@pytest.mark.parametrize("p", [0.6, 0.7, 0.9])
def test_rounding_of_a_mean_decides_nothing(n, p):
    """With one prediction for all rows the model is confident of none, and marks none."""
    codes, proba = np.arange(n) % 2, np.tile([p, 1 - p], (n, 1))
    low, high = confident_counts(codes, proba)
    assert low.tolist() == high.tolist() == [0, 0]
    assert not find_issues(codes, proba)[1].any()


@given(problems(), st.data())
def test_lowest_margins_are_marked_in_each_class(case, data):
    codes, proba = case
    n, n_classes = proba.shape
    counts = data.draw(st.lists(st.integers(0, n), min_size=n_classes, max_size=n_classes))
    marked = _lowest_margins(codes.astype(int), proba, np.array(counts))
    margin = proba[range(n), codes] - [
        np.delete(row, k).max() for row, k in zip(proba, codes, strict=True)
    ]
    for k in range(n_classes):
        rows = sorted(np.flatnonzero(codes == k), key=lambda i: margin[i])
        assert np.flatnonzero(marked & (codes == k)).tolist() == sorted(rows[: counts[k]])


@given(problems(), st.floats(-2, 2), st.floats(0.5, 2), st.floats(-8, -0.1))
def test_gradient_of_the_noise_model(case, log_temperature, power, log_odds):
    codes, proba = case
    ratios, own = log_ratios(proba, 1e-3), codes * len(codes) + np.arange(len(codes))
    margin, share = _log_margin(ratios), np.arange(1.0, len(codes) + 1)
    share /= share.sum()
    at = np.array([log_temperature, power, log_odds])
    numeric = approx_fprime(at, lambda x: _noise_loss(x, ratios, margin, own, share)[0], 1e-7)
    assert_allclose(_noise_loss(at, ratios, margin, own, share)[1], numeric, rtol=1e-4, atol=1e-5)


def test_likelihood_of_the_noise_model_is_the_one_of_its_definition(global_random_seed):
    proba, _, codes = planted(50, 3, 0.2, global_random_seed, sharpness=1)
    temperature, power, noise = 1.7, 1.3, 0.15
    ranked = np.sort(np.log(proba), axis=1)
    margin = ranked[:, 2] - ranked[:, 1]
    q = proba ** (margin ** (power - 1) / temperature)[:, None]
    q = (1 - noise) * q / q.sum(axis=1, keepdims=True) + noise / 3
    at, own = [np.log(temperature), power, np.log(noise / (1 - noise))], codes * 50 + np.arange(50)
    loss, _ = _noise_loss(at, log_ratios(proba, 0), np.log(margin), own, np.full(50, 1 / 50))
    assert loss == pytest.approx(-np.log(q[np.arange(50), codes]).mean())


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("concentration", [0.3, 0.05])
def test_the_expected_statistic_is_that_of_many_draws(n_classes, concentration, global_random_seed):
    """Also where probabilities are so sharp that those learned from noisy labels are not."""
    rng = np.random.default_rng(global_random_seed)
    proba = rng.dirichlet(np.full(n_classes, concentration), 3000)
    noise, statistics = 0.1, []
    noisy = (1 - noise) * proba + noise / n_classes
    for _ in range(10):
        codes = (rng.random((3000, 1)) > noisy.cumsum(axis=1)[:, :-1]).sum(axis=1)
        learned = recalibrated(proba, find_miscalibration(codes, proba, np.ones(3000)))
        statistics.append(find_noise(codes, learned, np.ones(3000))["statistic"])
    assert expected_statistic(proba, noise) == pytest.approx(np.mean(statistics), rel=0.2)


def test_weights_count_as_repeated_rows_in_the_test_for_noise(global_random_seed):
    proba, _, codes = planted(400, 3, 0.1, global_random_seed, sharpness=3)
    times = np.random.default_rng(global_random_seed).integers(1, 5, 400)
    weighted = find_noise(codes, proba, times.astype(float))
    repeated = find_noise(
        np.repeat(codes, times), np.repeat(proba, times, axis=0), np.ones(times.sum())
    )
    assert weighted["statistic"] == pytest.approx(repeated["statistic"], rel=1e-3, abs=1e-3)
    assert weighted["rate"] == pytest.approx(repeated["rate"], rel=1e-2, abs=1e-3)


@pytest.mark.parametrize("n_classes", [2, 3, 10])
@pytest.mark.parametrize("noise", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("temperature", [0.5, 1, 2])
def test_noise_model_counts_planted_noise(n_classes, noise, temperature, global_random_seed):
    """Also where the probabilities are too sharp or too flat: a temperature is found for them."""
    proba, true, codes = planted(3000, n_classes, noise, global_random_seed, sharpness=4)
    proba = proba ** (1 / temperature)
    proba /= proba.sum(axis=1, keepdims=True)
    posterior = noise_posterior(codes, proba)
    wrong = true != codes
    assert ((posterior >= 0) & (posterior <= 1)).all()
    # Five standard deviations of the count of a binomial, and what two parameters add.
    assert posterior.sum() == pytest.approx(wrong.sum(), abs=5 * np.sqrt(wrong.sum()) + 10)
    if noise:
        assert posterior[wrong].mean() > 5 * posterior[~wrong].mean()


def test_noise_model_on_a_part_of_many_rows():
    """Beyond 5,000 rows a stride is enough, and every row has its posterior."""
    proba, true, codes = planted(12_000, 3, 0.2, 0)
    posterior = noise_posterior(codes, proba)
    assert posterior.shape == (12_000,)
    assert posterior.sum() == pytest.approx((true != codes).sum(), rel=0.1)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=7))
def test_no_other_choice_has_a_better_expected_f1(posterior):
    posterior = np.array(posterior)
    chosen = expected_f1_choice(posterior)

    def value(rows):
        return 2 * posterior[list(rows)].sum() / (len(rows) + posterior.sum())

    if not posterior.any():
        assert len(chosen) == 0
        return
    others = (
        rows
        for m in range(1, len(posterior) + 1)
        for rows in combinations(range(len(posterior)), m)
    )
    assert value(chosen) >= max(map(value, others)) - 1e-12
    assert_array_equal(posterior[chosen], np.sort(posterior)[::-1][: len(chosen)])


@pytest.mark.parametrize("n_classes", [2, 3, 10, 28])
@pytest.mark.parametrize("noise", [0.1, 0.3])
def test_planted_noise_is_found(n_classes, noise, global_random_seed):
    proba, true, codes = planted(2000, n_classes, noise, global_random_seed)
    suggested, is_issue = find_issues(codes, proba)
    wrong = true != codes
    assert is_issue.sum() == pytest.approx(wrong.sum(), rel=0.5)
    reference, _ = confident_learning(codes, proba)
    # For two classes the reference is as good, and chance decides between the two.
    slack = 0.015 if n_classes == 2 else 0
    assert f1_score(wrong, is_issue) >= f1_score(wrong, reference) - slack
    assert (suggested[wrong & is_issue] == true[wrong & is_issue]).mean() > 0.8


@pytest.mark.parametrize("n_classes", [2, 10])
def test_clean_and_separable_data_has_hardly_an_issue(n_classes, global_random_seed):
    proba, _, codes = planted(1000, n_classes, 0.0, global_random_seed, sharpness=100)
    assert find_issues(codes, proba)[1].sum() <= 5
    certain = np.eye(n_classes)[codes]
    assert not find_issues(codes, certain)[1].any()


def test_flips_among_certain_predictions_are_exactly_the_issues(global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    true = rng.integers(4, size=200)
    codes = true.copy()
    flipped = rng.choice(200, 20, replace=False)
    codes[flipped] = (true[flipped] + 1) % 4
    suggested, is_issue = find_issues(codes, np.eye(4)[true])
    assert_array_equal(suggested, true)
    assert_array_equal(is_issue, codes != true)


@pytest.mark.parametrize("n_classes", [2, 5, 28])
def test_names_of_classes_and_order_of_rows_do_not_matter(n_classes, global_random_seed):
    proba, _, codes = planted(500, n_classes, 0.2, global_random_seed, sharpness=2)
    suggested, is_issue = find_issues(codes, proba)
    rng = np.random.default_rng(global_random_seed)
    classes, rows = rng.permutation(n_classes), rng.permutation(500)
    renamed = find_issues(np.argsort(classes)[codes], proba[:, classes])
    assert_array_equal(classes[renamed[0]], suggested)
    assert_array_equal(renamed[1], is_issue)
    moved = find_issues(codes[rows], proba[rows])
    assert_array_equal(moved, (suggested[rows], is_issue[rows]))


def test_a_row_is_no_issue_where_its_own_label_is_the_most_probable():
    """Thresholds of 5/6 and .3: the rows of .6 count for the other class all the same."""
    p = np.array([0.95] * 8 + [0.6] * 4 + [0.7] * 4)
    codes, proba = np.repeat([0, 1], [12, 4]), np.stack([p, 1 - p], axis=1)
    assert confident_counts(codes, proba)[0].tolist() == [4, 0]
    assert not find_issues(codes, proba)[1][:12].any()


def test_no_row_is_known():
    suggested, is_issue = find_issues(np.array([1, 0], np.int8), np.full((2, 2), np.nan))
    assert suggested.tolist() == [1, 0]
    assert is_issue.tolist() == [False, False]


@pytest.mark.parametrize(
    ("accuracy", "best"),
    [
        ([0.5], [0]),
        ([0.5, 0.9], [1]),
        ([0.9, 0.1, 0.2, 0.9, 0.9, 0.3], [0, 3]),
        ([0.7] * 10, [0, 1, 2]),
        ([np.nan, 0.1, 0.2], [2]),
    ],
)
def test_best_third_of_the_epochs(accuracy, best):
    assert best_third(accuracy).tolist() == best


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("constant", [True, False])
def test_a_model_that_cannot_beat_guessing_marks_none(n_classes, constant, global_random_seed):
    """Under cv each fold has its own constant, which goes against the labels of its test rows."""
    rng = np.random.default_rng(global_random_seed)
    y = rng.integers(n_classes, size=300)
    X = np.ones((300, 2)) if constant else rng.normal(size=(300, 4))
    issues = DataMapClassifier(cv=3, random_state=global_random_seed).fit(X, y).label_issues()
    assert not issues["is_issue"].any()

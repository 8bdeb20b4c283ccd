"""The scan against a literal loop, and where it must not cut."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skaudit.spotlight._scan import Cut, _nearest, cut_at, scan


def literal_scan(distances, weights, losses, low, high):
    """For each distance the statistic of the rows up to it, by loops over all rows; the best."""
    n, best = len(distances), (0.0, 0.0, 0.0)
    total = sum(weights)
    mean = sum(w * x for w, x in zip(weights, losses, strict=True)) / total
    variance = sum(w * (x - mean) ** 2 for w, x in zip(weights, losses, strict=True)) / total
    for radius in sorted(set(distances)):
        inside = [i for i in range(n) if distances[i] <= radius]
        outside = [i for i in range(n) if distances[i] > radius]
        mass = sum(weights[i] for i in inside)
        if not outside or not low - 1e-9 * total <= mass <= high + 1e-9 * total or variance == 0:
            continue
        a = sum(weights[i] * losses[i] for i in inside) / mass
        b = sum(weights[i] * losses[i] for i in outside) / (total - mass)
        statistic = mass * (total - mass) / total * (a - b) ** 2 / variance
        if a > b and statistic > best[0]:
            best = (statistic, mass, radius)
    return best


@st.composite
def scanned(draw):
    n = draw(st.integers(2, 25))
    distance = st.one_of(st.integers(0, 3), st.floats(1e-3, 1e3))
    distances = np.array(draw(st.lists(distance, min_size=n, max_size=n)), dtype=float)
    # Distances that differ by rounding are ties to us, and not to the loop.
    distances = np.round(distances, 3)
    weights = np.array(draw(st.lists(st.integers(1, 3), min_size=n, max_size=n)), dtype=float)
    losses = np.array(draw(st.lists(st.integers(-3, 9), min_size=n, max_size=n)), dtype=float)
    low = draw(st.floats(0.0, 0.9))
    high = draw(st.floats(low, 0.99))
    return distances, weights, losses, low * weights.sum(), high * weights.sum()


@given(scanned())
def test_the_scan_is_that_of_a_loop(case):
    distances, weights, losses, low, high = case
    cut = scan(*case)
    statistic, mass, radius = literal_scan(*case)
    np.testing.assert_allclose(cut.statistic, statistic, rtol=1e-9, atol=1e-12)
    if statistic > 1e-9:
        # Of two equally good cuts either may be taken; it is one of the loop's.
        again = literal_scan(distances, weights, losses, cut.mass, cut.mass)
        np.testing.assert_allclose(again, (cut.statistic, cut.mass, cut.radius), rtol=1e-9)


def test_the_loop_finds_something():
    rng = np.random.default_rng(0)
    distances, weights = rng.exponential(size=50), np.ones(50)
    losses = 3.0 * (distances < 0.3) + rng.exponential(size=50)
    cut = scan(distances, weights, losses, 2, 25)
    assert cut.statistic == pytest.approx(literal_scan(distances, weights, losses, 2, 25)[0])
    assert cut.statistic > 10
    assert (distances <= cut.radius).sum() == cut.mass


def test_ties_stay_together():
    """Five of six tied rows would make the best cut; they cannot be told from the sixth."""
    distances = np.array([1.0] * 6 + [2.0] * 14)
    losses = np.array([9.0] * 5 + [0.0] * 15)
    weights = np.ones(20)
    assert scan(distances, weights, losses, 2, 10).mass == 6
    assert scan(distances, weights, losses, 2, 5) == Cut()
    nearly = distances * (1 + 1e-9 * np.arange(20))  # ties but for rounding
    assert scan(nearly, weights, losses, 2, 10).mass == 6
    assert scan(nearly, weights, losses, 2, 10, tolerance=1e-12).mass == 5
    assert scan(distances * (1 + 1e-3 * np.arange(20)), weights, losses, 2, 10).mass == 5


def test_a_weight_is_as_good_as_a_repeated_row(global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    distances, weights = rng.exponential(size=80), rng.integers(1, 4, 80)
    losses = rng.exponential(size=80) + 2 * (distances < 0.2)
    low, high = 0.05 * weights.sum(), 0.3 * weights.sum()
    weighted = scan(distances, weights.astype(float), losses, low, high)
    repeated = [values.repeat(weights) for values in (distances, losses)]
    alone = scan(repeated[0], np.ones(weights.sum()), repeated[1], low, high)
    np.testing.assert_allclose(
        (weighted.statistic, weighted.mass, weighted.radius),
        (alone.statistic, alone.mass, alone.radius),
    )
    size = 0.1 * weights.sum()
    a = cut_at(distances, weights.astype(float), losses, size)
    b = cut_at(repeated[0], np.ones(weights.sum()), repeated[1], size)
    np.testing.assert_allclose(
        (a.statistic, a.mass, a.radius), (b.statistic, b.mass, b.radius), rtol=1e-9
    )


@pytest.mark.parametrize(
    ("losses", "low", "high"),
    [
        (np.zeros(20), 1, 10),  # constant
        (np.arange(20.0), 1, 10),  # lower inside
        (-np.arange(20.0), 3.2, 3.8),  # no row within the bounds
    ],
)
def test_no_cut(losses, low, high):
    assert scan(np.arange(20.0), np.ones(20), losses, low, high).statistic == 0


@pytest.mark.parametrize("kind", ["equal", "light first", "heavy first"])
def test_the_nearest_rows_reach_just_beyond_the_weight(kind, global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    distances = rng.exponential(size=500)
    weights = np.ones(500)
    if kind != "equal":
        weights = np.where((distances < 0.3) == (kind == "light first"), 0.01, 3.0)
    for mass in (1.0, 40.0, 0.99 * weights.sum()):
        near = _nearest(distances, weights, mass)
        assert (np.diff(distances[near]) >= 0).all()
        assert len(near) == len(set(near))
        rest = np.setdiff1d(np.arange(500), near)
        assert weights[near].sum() > mass
        assert rest.size == 0 or distances[rest].min() >= distances[near].max()
    assert len(_nearest(distances, np.ones(500), 40.0)) < 60


def test_a_given_weight_takes_the_nearest_rows():
    distances = np.array([3.0, 1.0, 2.0, 2.0, 9.0])
    losses = np.array([0.0, 4.0, 1.0, 3.0, 2.0])
    one = cut_at(distances, np.ones(5), losses, 1)
    assert (one.mass, one.radius) == (1, 1.0)
    # a = 4, b = 1.5, mean 2, variance 2: 1 * 4 / 5 * 2.5^2 / 2
    assert one.statistic == pytest.approx(2.5)
    assert cut_at(distances, np.ones(5), losses, 2).mass == 3  # a tie
    assert cut_at(distances, np.ones(5), -losses, 1).statistic == 0
    everything = cut_at(np.ones(5), np.ones(5), losses, 2)
    assert (everything.statistic, everything.mass) == (0, 5)
    assert cut_at(distances, np.ones(5), np.ones(5), 1).statistic == 0
    half = cut_at(distances, np.array([1.0, 0.5, 0.25, 0.25, 1.0]), losses, 1.0)
    assert (half.mass, half.radius) == (1.0, 2.0)

"""Laws of the memberships: the size is met, and steps go up the gradient."""

import numpy as np
import pytest
from embeddings import centred, planted
from hypothesis import example, given
from hypothesis import strategies as st

from skaudit.spotlight import _membership
from skaudit.spotlight._membership import (
    ascend,
    objective,
    solve_precision,
    squared_distances,
)


def size_of(distances, weights, tau):
    return weights @ np.maximum(1 - tau * distances, 0)


@st.composite
def rows_of_a_ball(draw):
    """Distances with ties and zeros over six decades, weights with zeros, and a size below them."""
    n = draw(st.integers(2, 25))
    distance = st.one_of(st.just(0.0), st.integers(1, 4), st.floats(1e-6, 1e6))
    weight = st.one_of(st.integers(0, 3), st.floats(1e-3, 1e3))
    distances = np.array(draw(st.lists(distance, min_size=n, max_size=n)), dtype=float)
    weights = np.array(draw(st.lists(weight, min_size=n, max_size=n)), dtype=float)
    weights[draw(st.integers(0, n - 1))] += 1.0
    share = draw(st.one_of(st.floats(1e-6, 1 - 1e-6), st.sampled_from([1e-9, 1 - 1e-9])))
    return distances, weights, share * weights.sum()


@given(rows_of_a_ball(), st.sampled_from([None, 1e-9, 1.0, 1e9]))
@example((np.array([0.0, 1.0, 1.0]), np.ones(3), 1.0), None)  # a flat root
@example((np.array([0.0, 0.0, 1.0, 4.0]), np.array([0.5, 0.5, 1.0, 1.0]), 1.0), 1e9)
def test_the_size_is_met(case, start):
    """Exactly, except where rows at the center itself weigh more: then no other row is inside."""
    distances, weights, size = case
    tau = solve_precision(
        distances[None],
        weights,
        np.array([size]),
        None if start is None else np.array([start]),
        tolerance=1e-13,
    )[0]
    assert 0 < tau < np.inf or not (distances * weights).any()
    at_center = weights[distances == 0].sum()
    wanted = max(size, at_center)
    # Sizes below the rounding of the weights' sum are met to that rounding.
    rounding = 1e-14 * weights.sum()
    np.testing.assert_allclose(size_of(distances, weights, tau), wanted, rtol=1e-9, atol=rounding)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_several_centers_are_solved_as_one_by_one(dtype, global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    distances = rng.exponential(size=(5, 300)).astype(dtype)
    weights = rng.integers(1, 4, 300).astype(dtype)
    sizes = np.array([1.0, 20.0, 50.0, 200.0, 500.0], dtype=dtype)
    together = solve_precision(distances, weights, sizes)
    assert together.dtype == dtype
    alone = [solve_precision(distances[[b]], weights, sizes[[b]])[0] for b in range(5)]
    np.testing.assert_allclose(together, alone, rtol=1e-5)
    for b in range(5):
        got = size_of(distances[b].astype(float), weights.astype(float), float(together[b]))
        np.testing.assert_allclose(got, sizes[b], rtol=1e-4)


def test_many_rows_at_the_center_do_not_overflow_in_single_precision():
    distances = np.zeros((1, 20_000), dtype=np.float32)
    distances[0, 10_000:] = np.geomspace(1e-3, 1e6, 10_000)
    weights = np.ones(20_000, dtype=np.float32)
    tau = solve_precision(distances, weights, np.array([50.0], dtype=np.float32))
    assert np.isfinite(tau * distances).all()
    assert ((distances[0] * tau[0] < 1) == (distances[0] == 0)).all()


def test_a_solver_that_is_cut_off_is_on_its_way(monkeypatch):
    distances, weights = np.arange(1.0, 31.0)[None], np.ones(30)
    exact = solve_precision(distances, weights, np.array([2.0]))[0]
    monkeypatch.setattr(_membership, "_NEWTON_STEPS", 2)
    early = solve_precision(distances, weights, np.array([2.0]))[0]
    assert 28 / distances.sum() < early < exact


def test_more_weight_at_the_same_place_is_a_repeated_row(global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    distances, weights = rng.exponential(size=60), rng.integers(1, 4, 60)
    size = np.array([15.0])
    weighted = solve_precision(distances[None], weights.astype(float), size, tolerance=1e-13)
    repeated = distances.repeat(weights)
    alone = solve_precision(repeated[None], np.ones(len(repeated)), size, tolerance=1e-13)
    np.testing.assert_allclose(weighted, alone, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_distances_are_those_of_a_loop(dtype, global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    Z = rng.normal(size=(40, 7)).astype(dtype)
    centers = np.concatenate([Z[:2], rng.normal(size=(2, 7))]).astype(dtype)
    fast = squared_distances(Z, (Z * Z).sum(1), centers)
    slow = [[((z - center) ** 2).sum() for z in Z] for center in centers]
    assert fast.dtype == dtype
    assert (fast >= 0).all()  # also where a center is a row
    np.testing.assert_allclose(fast, slow, atol=50 * np.finfo(dtype).eps)


# ------------------------------------------------------------------------------------- gradients


class Case:
    """f(mu) = sum w k l / S with the precision solved exactly, and its gradient as in the text."""

    def __init__(self, seed=0, n=200, d=3, share=0.2, losses=None):
        rng = np.random.default_rng(seed)
        X, drawn, _ = planted(n, d, seed=seed)
        self.weights = rng.integers(1, 4, n).astype(float)
        self.Z = centred(X, self.weights)
        self.losses = drawn if losses is None else losses(self.Z)
        self.size = np.array([share * self.weights.sum()])
        self.norms = (self.Z**2).sum(axis=1)

    def at(self, mu):
        distances = squared_distances(self.Z, self.norms, mu[None])
        return distances, solve_precision(distances, self.weights, self.size, tolerance=1e-14)

    def value(self, mu):
        distances, tau = self.at(mu)
        return objective(self.weights, self.losses, distances, tau, self.size)[0]

    def differences(self, mu, h=1e-5):
        return np.array(
            [(self.value(mu + e) - self.value(mu - e)) / (2 * h) for e in h * np.eye(3)]
        )

    def gradient(self, mu):
        """(2 tau / S) (sum_A w c z - mu sum_A w c), row by row; sum_A w c or - sum_A w |c|; tau."""
        distances, tau = self.at(mu)
        inside = [i for i, d in enumerate(distances[0]) if tau[0] * d < 1]
        spread = sum(self.weights[i] * distances[0, i] for i in inside)
        level = sum(self.weights[i] * self.losses[i] * distances[0, i] for i in inside) / spread
        pull, mass, scale = np.zeros(3), 0.0, 0.0
        for i in inside:
            c = self.weights[i] * (self.losses[i] - level)
            pull += c * self.Z[i]
            mass += c
            scale += abs(c)
        gradient = 2 * tau[0] / self.size[0] * (pull - mu * mass)
        return gradient, mass if mass > 0 else -scale, tau[0]

    def step(self, mu):
        distances, tau = self.at(mu)
        return ascend(self.Z, self.weights, self.losses, distances, tau, self.size, mu[None])


@pytest.mark.parametrize("place", [0.0, 0.3, 1.0, 3.0])
def test_the_gradient_is_that_of_finite_differences(place, global_random_seed):
    case = Case(global_random_seed)
    mu = place * np.random.default_rng(global_random_seed).normal(size=3)
    gradient, _, _ = case.gradient(mu)
    # The objective is smooth but where a row enters: too few of them to disturb the difference.
    np.testing.assert_allclose(case.differences(mu), gradient, atol=1e-3 * abs(gradient).max())


@pytest.mark.parametrize("place", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_step_leads_to_the_fixed_point_or_up_the_gradient(place, sign, global_random_seed):
    case = Case(global_random_seed)
    case.losses = sign * case.losses
    mu = place * np.random.default_rng(global_random_seed).normal(size=3)
    value, step = case.step(mu)
    gradient, mass, tau = case.gradient(mu)
    wanted = gradient * case.size[0] / (2 * tau) / abs(mass)
    length, radius = np.linalg.norm(wanted), tau**-0.5
    np.testing.assert_allclose(step[0], wanted * min(1, radius / length), rtol=1e-6)
    assert value[0] == pytest.approx(case.value(mu), rel=1e-12)
    assert gradient @ step[0] > 0


def test_both_kinds_of_steps_are_taken():
    """In the case above: a ball around the highest losses has mass, one around the lowest none."""
    peak = Case(losses=lambda Z: np.exp(-(Z**2).sum(axis=1)))
    mu = np.full(3, 0.1)
    assert peak.gradient(mu)[1] > 0
    peak.losses = -peak.losses
    assert peak.gradient(mu)[1] < 0


def test_a_fixed_point_has_no_gradient(global_random_seed):
    """Up to the jump of the gradient where a row enters, which goes with 1 / n."""
    case = Case(global_random_seed, n=20_000)
    mu = case.losses @ case.Z / case.losses.sum()
    start = np.linalg.norm(case.gradient(mu)[0])
    for _ in range(100):
        mu = mu + case.step(mu)[1][0]
    gradient, mass, _ = case.gradient(mu)
    assert mass > 0
    assert np.linalg.norm(gradient) < 1e-2 * start
    assert np.linalg.norm(case.differences(mu, 1e-3)) < 1e-2 * start


@pytest.mark.parametrize("factor", [1e-6, 3.0, 1e6])
@pytest.mark.parametrize("sign", [1, -1])
def test_units_of_losses_and_weights_do_not_matter(factor, sign):
    case, scaled = (Case(losses=lambda Z: sign * np.exp(-(Z**2).sum(axis=1))) for _ in range(2))
    scaled.losses = factor * scaled.losses
    mu = np.full(3, 0.2)
    np.testing.assert_allclose(scaled.value(mu), factor * case.value(mu), rtol=1e-12)
    np.testing.assert_allclose(scaled.step(mu)[1], case.step(mu)[1], rtol=1e-9)
    scaled.losses = case.losses
    scaled.weights, scaled.size = factor * scaled.weights, factor * scaled.size
    np.testing.assert_allclose(scaled.value(mu), case.value(mu), rtol=1e-12)
    np.testing.assert_allclose(scaled.step(mu)[1], case.step(mu)[1], rtol=1e-9)

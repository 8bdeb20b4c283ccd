"""The search never goes down, more starts never hurt, and a grid of centers is no better."""

import numpy as np
import pytest
from embeddings import centred, f1, planted, two_subclasses

from skaudit.spotlight import _search
from skaudit.spotlight._backend import NumpyBackend
from skaudit.spotlight._halves import two_means
from skaudit.spotlight._membership import objective, solve_precision, squared_distances
from skaudit.spotlight._search import Sizing, finish, lay_out, search, start_centers, take_apart

AUTO, GIVEN = Sizing(0.05, 0.2), Sizing(0.1, 0.1)


def rows_and_loss(n=600, d=4, seed=0, dtype=np.float64, **params):
    X, losses, truth = planted(n, d, seed=seed, **params)
    rows = lay_out(centred(X).astype(dtype), np.ones(n), NumpyBackend())
    return rows, (losses / losses.std()).astype(dtype), truth


def value_at(rows, loss, center, share):
    size = np.array([share * rows.n])
    distances = squared_distances(rows.Z, rows.norms, np.atleast_2d(center))
    tau = solve_precision(distances, rows.weights, size)
    return objective(rows.weights, loss, distances, tau, size)


@pytest.mark.parametrize("sizing", [AUTO, GIVEN], ids=["auto", "given"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_step_lowers_the_objective(sizing, dtype, global_random_seed, monkeypatch):
    rows, loss, _ = rows_and_loss(seed=global_random_seed, dtype=dtype)
    steps, plain = [], _search._try_step

    def watched(rows, loss, path, fraction):
        before = [
            value_at(rows, loss, c, s / rows.n)[0]
            for c, s in zip(path.centers, path.size, strict=True)
        ]
        gain = plain(rows, loss, path, fraction)
        after = [
            value_at(rows, loss, c, s / rows.n)[0]
            for c, s in zip(path.centers, path.size, strict=True)
        ]
        steps.append((before, after, gain))
        np.testing.assert_allclose(path.value, after, rtol=1e-4)
        return gain

    monkeypatch.setattr(_search, "_try_step", watched)
    search(rows, loss, sizing)
    assert len(steps) >= _search._N_SIZES
    for before, after, gain in steps:
        assert (np.array(after) >= np.array(before) * (1 - 1e-5)).all()
        assert gain >= 0
    assert max(gain for _, _, gain in steps) > 0.01


def test_the_end_of_a_climb_cannot_be_improved_by_small_steps(global_random_seed):
    rows, loss, _ = rows_and_loss(2000, seed=global_random_seed)
    found = search(rows, loss, GIVEN)
    best = value_at(rows, loss, found.center, found.share)[0]
    assert found.value == pytest.approx(best, rel=1e-5)
    rng = np.random.default_rng(global_random_seed)
    for length in (1e-3, 1e-2, 0.1):
        near = found.center + length * rng.normal(size=(50, 4))
        assert max(value_at(rows, loss, center, 0.1)[0] for center in near) < best * (1 + 1e-3)


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("seed", range(5))
def test_a_grid_of_centers_finds_nothing_better(d, seed):
    rows, loss, _ = rows_and_loss(400, d, seed=seed)
    found = search(rows, loss, GIVEN)
    axis = np.linspace(-5, 5, 1001 if d == 1 else 40)
    grid = np.stack(np.meshgrid(*[axis] * d), axis=-1).reshape(-1, d)
    best = max(value_at(rows, loss, center, 0.1)[0] for center in grid)
    assert found.value >= 0.99 * best


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("excess", [0.5, 4.0])
@pytest.mark.parametrize("d", [2, 30])
def test_far_starts_do_not_lower_the_result(seed, excess, d, monkeypatch):
    rows, loss, _ = rows_and_loss(500, d, seed=seed, excess=excess)
    together = [search(rows, loss, sizing).value for sizing in (AUTO, GIVEN)]
    monkeypatch.setattr(_search, "start_centers", lambda *args: start_centers(*args)[:1])
    alone = [search(rows, loss, sizing).value for sizing in (AUTO, GIVEN)]
    # The step lengths of paths that climb together are the same: a little may be lost by that.
    assert together[0] >= alone[0] * (1 - 1e-6)
    assert together[1] >= alone[1] * (1 - 1e-4)


def test_constant_columns_do_not_change_the_starts():
    rng = np.random.default_rng(0)
    Z, loss = centred(rng.normal(size=(300, 4)) ** 3), rng.exponential(size=300)
    wide = np.insert(Z, [1, 3, 4], 0.0, axis=1)
    starts = start_centers(lay_out(Z, np.ones(300), NumpyBackend()), loss)
    others = start_centers(lay_out(wide, np.ones(300), NumpyBackend(), n_varying=4), loss)
    for start, other in zip(starts, others, strict=True):
        np.testing.assert_allclose(np.delete(other, [1, 4, 6]), start, rtol=1e-9)


def test_far_starts_find_what_the_near_one_misses(monkeypatch):
    """High losses beyond a plane across the shortest of 20 axes; a case found by trying seeds."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(1000, 20)) / np.arange(1.0, 21.0)
    loss = rng.exponential(size=1000) + 5 * (X[:, -1] > np.quantile(X[:, -1], 0.9))
    rows = lay_out(centred(X), np.ones(1000), NumpyBackend())
    found = search(rows, loss, GIVEN)
    monkeypatch.setattr(_search, "start_centers", lambda *args: start_centers(*args)[:1])
    assert found.value > 1.005 * search(rows, loss, GIVEN).value


def test_starts_are_those_of_their_formulas(global_random_seed):
    X, loss, _ = planted(300, 6, seed=global_random_seed)
    weights = np.random.default_rng(global_random_seed).random(300) + 0.1
    Z = centred(X, weights)
    rows = lay_out(Z, weights, NumpyBackend())
    mean, covariance, discriminant = start_centers(rows, loss)
    excess = loss - np.average(loss, weights=weights)
    np.testing.assert_allclose(mean, np.average(Z, axis=0, weights=weights * excess.clip(0)))
    share = weights / weights.sum()
    direction = (share * excess) @ Z
    np.testing.assert_allclose(covariance, 4 * direction / np.linalg.norm(direction))
    within = (Z.T * share) @ Z
    shrunk = within + 0.1 * np.trace(within) / 6 * np.eye(6)
    solved = np.linalg.solve(shrunk, direction)
    np.testing.assert_allclose(discriminant, 4 * solved / np.linalg.norm(solved), atol=0.01)


def test_losses_without_direction_have_finite_starts():
    """Two rows at opposite places of the same loss: no covariance of the rows with the loss."""
    Z = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    rows = lay_out(Z, np.ones(4), NumpyBackend())
    for start in start_centers(rows, np.array([1.0, 1.0, 0.0, 0.0])):
        np.testing.assert_allclose(start, 0, atol=1e-12)


@pytest.mark.parametrize("sizing", [AUTO, GIVEN], ids=["auto", "given"])
def test_the_planted_region_is_found(sizing, global_random_seed):
    rows, loss, truth = rows_and_loss(2000, seed=global_random_seed)
    found = search(rows, loss, sizing)
    assert sizing.low <= found.share <= sizing.high
    distances = ((rows.Z - found.center) ** 2).sum(axis=1)
    members = distances <= np.sort(distances)[int(found.share * rows.n) - 1]
    assert f1(members, truth == 0) > (0.9 if not sizing.given else 0.75)


def test_a_search_on_a_sample_is_finished_on_all_rows(global_random_seed):
    rows, loss, _ = rows_and_loss(4000, seed=global_random_seed)
    sample = np.arange(0, 4000, 4)
    for sizing in (AUTO, GIVEN):
        first = search(rows.take(sample), loss[sample], sizing)
        done = finish(rows, loss, sizing, first)
        whole = search(rows, loss, sizing)
        assert done.n_iter > first.n_iter
        assert done.history[: len(first.history)] == first.history
        assert done.value >= 0.93 * whole.value
        if sizing.given:
            assert done.value >= value_at(rows, loss, first.center, first.share)[0]


def test_rows_of_a_sample_weigh_one_on_average():
    weights = np.arange(1.0, 11.0)
    rows = lay_out(np.arange(20.0).reshape(10, 2), weights, NumpyBackend())
    np.testing.assert_allclose(rows.weights, weights / 5.5)
    np.testing.assert_allclose(rows.norms, (rows.Z**2).sum(axis=1))
    part = rows.take(np.array([1, 3]))
    np.testing.assert_allclose(part.weights, [2 / 3, 4 / 3])
    np.testing.assert_array_equal(part.Z, rows.Z[[1, 3]])
    np.testing.assert_array_equal(part.norms, rows.norms[[1, 3]])


def test_the_history_only_rises():
    rows, loss, _ = rows_and_loss()
    found = search(rows, loss, AUTO)
    steps, sizes, shares, values = np.array(found.history).T
    assert (np.diff(values) > 0).all()
    assert (np.diff(steps) >= 0).all()
    assert values[-1] == found.value
    assert shares[-1] == found.share
    assert ((sizes >= 0.4 * 0.05 - 1e-9) & (sizes <= 0.5)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_two_regions_in_one_half_space_are_taken_apart(dtype, global_random_seed):
    X, losses, truth = two_subclasses(seed=global_random_seed)
    rows = lay_out(centred(X).astype(dtype), np.ones(len(X)), NumpyBackend())
    loss = losses.astype(dtype)
    sizing = Sizing(0.01, 0.1)
    whole = search(rows, loss, sizing)
    counts = np.bincount(truth[whole.members] + 1, minlength=3)[1:]
    assert min(counts) >= 20  # the case is one where the search gathers both
    found = take_apart(rows, loss, sizing, whole)
    counts = sorted(np.bincount(truth[found.members] + 1, minlength=3)[1:])
    assert counts[0] <= 2
    assert counts[1] >= 35
    assert found.share * len(X) == found.members.sum()
    assert found.history[: len(whole.history)] == whole.history
    assert found.n_iter > whole.n_iter


@pytest.mark.parametrize("d", [2, 10, 100])
def test_one_region_is_not_taken_apart(d, global_random_seed):
    rows, loss, _ = rows_and_loss(2000, d, seed=global_random_seed)
    found = search(rows, loss, AUTO)
    assert take_apart(rows, loss, AUTO, found) is found


def test_what_has_a_given_size_is_not_taken_apart():
    rows, loss, _ = rows_and_loss(300, 2)
    found = search(rows, loss, GIVEN)
    assert take_apart(rows, loss, GIVEN, found) is found


def test_halves_are_those_of_two_clouds(global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    Z = rng.normal(size=(60, 5))
    Z[:20] += 6.0
    half = two_means(Z, rng.random(60) + 0.1)
    assert len(set(half[:20])) == len(set(half[20:])) == 1
    assert half[0] != half[30]
    shifted = two_means(1e-3 * Z[::-1] + 7.0, np.ones(60))[::-1]
    assert (shifted == half).all() or (shifted == ~half).all()


def test_a_weight_of_two_gives_the_halves_of_repeated_rows(global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    Z, weights = rng.normal(size=(40, 3)), rng.integers(1, 4, size=40)
    half = two_means(Z, weights.astype(float))
    repeated = two_means(Z.repeat(weights, axis=0), np.ones(weights.sum()))
    np.testing.assert_array_equal(half.repeat(weights), repeated)


def test_rows_that_are_alike_or_weigh_nothing_have_no_halves():
    assert two_means(np.full((5, 2), 3.0), np.ones(5)) is None
    assert two_means(np.arange(10.0).reshape(5, 2), np.zeros(5)) is None
    half = two_means(np.array([[0.0], [1.0], [9.0], [10.0]]), np.array([1.0, 0.0, 0.0, 1.0]))
    assert half[0] == half[1] != half[2] == half[3]

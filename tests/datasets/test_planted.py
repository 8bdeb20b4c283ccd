"""Planted regions: where the truth says so the loss is high, and by as much as asked."""

import numpy as np
import pytest

from skaudit.datasets import make_planted_loss, make_planted_region

SMALL = {"n_superclasses": 4, "n_subclasses": 3, "n_per_subclass": 30, "n_features": 24}
GEOMETRIES = ("blobs", "elongated", "ring", "uniform", "low-dim")
LOSSES = ("exponential", "cross-entropy", "heavy-tailed", "zero-one")
SHAPES = ("ball", "ellipsoid", "cap")


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


# Superclasses and subclasses


def test_only_the_planted_subclass_has_random_labels(global_random_seed):
    data = make_planted_region(**SMALL, random_state=global_random_seed)
    planted = np.unique(data.subclass[data.truth])
    assert len(planted) == 1
    np.testing.assert_array_equal(data.truth, data.subclass == planted[0])
    np.testing.assert_array_equal(data.y[~data.truth], data.y_clean[~data.truth])
    np.testing.assert_array_equal(data.y_clean, data.subclass // SMALL["n_subclasses"])
    np.testing.assert_array_equal(np.bincount(data.subclass), 30)
    assert set(data.y) <= set(range(4))


def test_random_labels_are_right_as_often_as_chance_has_it():
    data = make_planted_region(
        n_superclasses=4, n_subclasses=2, n_per_subclass=2000, n_features=4, random_state=0
    )
    agree = np.mean(data.y[data.truth] == data.y_clean[data.truth])
    # 2000 draws with probability 1/4: standard deviation below .01.
    assert abs(agree - 0.25) < 0.04


def test_loss_is_the_cross_entropy_of_the_labels_given():
    data = make_planted_region(**SMALL, random_state=0)
    np.testing.assert_allclose(data.proba.sum(axis=1), 1.0)
    np.testing.assert_allclose(
        np.exp(-data.loss), data.proba[np.arange(len(data.y)), data.y], atol=2e-7
    )


def test_the_model_knows_the_superclasses_and_errs_in_the_region(global_random_seed):
    data = make_planted_region(**SMALL, spread=0.6, random_state=global_random_seed)
    right = data.proba.argmax(axis=1) == data.y
    assert right[~data.truth].mean() > 0.8
    assert right[data.truth].mean() < 0.7
    assert data.loss[data.truth].mean() > 2 * data.loss[~data.truth].mean()


def test_subclasses_overlap_the_more_the_larger_the_spread():
    """The share of a row's nearest rows that are of its subclass falls."""
    purity = []
    for spread in (0.5, 0.9, 1.5):
        data = make_planted_region(**SMALL, spread=spread, random_state=0)
        distances = ((data.X[:, None] - data.X) ** 2).sum(axis=2)
        near = np.argsort(distances, axis=1)[:, 1:11]
        purity.append(np.mean(data.subclass[near] == data.subclass[:, None]))
    assert purity[0] > purity[1] + 0.05
    assert purity[1] > purity[2] + 0.05


def test_several_subclasses_can_be_planted():
    data = make_planted_region(**SMALL, n_planted=3, random_state=0)
    np.testing.assert_array_equal(np.bincount(data.region + 1)[1:], 30)
    assert len(np.unique(data.subclass[data.truth])) == 3
    np.testing.assert_array_equal(data.truth, data.region >= 0)


# Losses alone


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("shape", SHAPES)
def test_region_holds_the_share_asked(geometry, shape, global_random_seed):
    data = make_planted_loss(
        geometry=geometry, shape=shape, share=0.03, n_planted=2, random_state=global_random_seed
    )
    assert data.X.shape == (2000, 10)
    assert np.isfinite(data.X).all()
    np.testing.assert_array_equal(np.bincount(data.region + 1), [1880, 60, 60])
    np.testing.assert_array_equal(data.truth, data.region >= 0)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("lift", [1.5, 4.0])
def test_means_are_those_asked(loss, lift, global_random_seed):
    """Inside lift * mean_loss, over all rows mean_loss: in expectation exactly, drawn nearly."""
    data = make_planted_loss(
        n_samples=40_000,
        n_features=2,
        share=0.1,
        lift=lift,
        loss=loss,
        mean_loss=0.2,
        random_state=global_random_seed,
    )
    np.testing.assert_allclose(data.expected_loss.mean(), 0.2)
    np.testing.assert_allclose(data.expected_loss[data.truth], 0.2 * lift)
    assert (data.loss >= 0).all()
    for rows in (data.truth, ~data.truth):
        error = data.loss[rows].std() / np.sqrt(rows.sum())
        assert abs(data.loss[rows].mean() - data.expected_loss[rows].mean()) < 5 * error


def test_zero_one_losses_are_zero_or_one():
    data = make_planted_loss(loss="zero-one", random_state=0)
    assert set(data.loss) == {0.0, 1.0}


def test_heavy_tailed_losses_have_their_largest_outside_too():
    data = make_planted_loss(n_samples=20_000, loss="heavy-tailed", lift=3.0, random_state=0)
    largest = np.argsort(-data.loss)[:100]
    assert 0.05 < data.truth[largest].mean() < 0.95
    assert data.loss.max() > 50 * data.loss.mean()


def test_a_region_may_hold_all_of_the_loss():
    data = make_planted_loss(share=0.1, lift=10.0, random_state=0)
    np.testing.assert_allclose(data.loss[~data.truth], 0.0, atol=1e-12)


def test_ball_is_the_nearest_rows_to_one_row(global_random_seed):
    data = make_planted_loss(n_samples=300, n_features=3, random_state=global_random_seed)
    distances = ((data.X[:, None] - data.X) ** 2).sum(axis=2)
    farthest_inside = distances[:, data.truth].max(axis=1)
    nearest_outside = distances[:, ~data.truth].min(axis=1)
    assert (farthest_inside <= nearest_outside).any()


def test_cap_is_cut_off_by_a_plane(global_random_seed):
    """Some direction separates the region: one of those from the mean to a row."""
    data = make_planted_loss(
        n_samples=300, n_features=3, shape="cap", random_state=global_random_seed
    )
    origin = data.X.mean(axis=0)
    along = (data.X - origin) @ (data.X - origin).T
    assert (along[data.truth].min(axis=0) >= along[~data.truth].max(axis=0)).any()


def test_elongated_blobs_are_longer_than_wide():
    ratios = []
    for geometry in ("blobs", "elongated"):
        # The nearest rows of a row come mostly from its blob.
        X = make_planted_loss(geometry=geometry, n_samples=4000, n_features=3, random_state=0).X
        near = X[np.argsort(((X - X[0]) ** 2).sum(axis=1))[:200]]
        ratios.append(np.divide(*np.linalg.eigvalsh(np.cov(near.T))[[-1, 0]]))
    assert ratios[1] > 2 * ratios[0]


def test_rows_of_a_ring_lie_on_it_and_rows_of_low_dim_in_few_dimensions():
    ring = make_planted_loss(geometry="ring", n_features=2, random_state=0).X
    assert abs(np.linalg.norm(ring, axis=1) - 1).max() < 0.3
    surface = make_planted_loss(geometry="low-dim", n_features=50, random_state=0).X
    variance = np.linalg.svd(surface - surface.mean(axis=0), compute_uv=False) ** 2
    assert variance[:12].sum() > 0.95 * variance.sum()


def test_given_embedding_is_used_and_left_as_it_is():
    X = np.random.default_rng(0).standard_normal((100, 4)).astype(np.float32)
    X.setflags(write=False)
    data = make_planted_loss(X, share=0.1, dtype=np.float32, random_state=0)
    np.testing.assert_array_equal(data.X, X)
    assert data.X.dtype == np.float32
    assert not np.shares_memory(data.X, X)


# Both


def make_small_region(**parameters):
    return make_planted_region(**SMALL, **parameters)


@pytest.mark.parametrize("make", [make_small_region, make_planted_loss])
def test_a_seed_fixes_everything_and_float32_rounds_it(make):
    first, second, other = (make(random_state=seed) for seed in (3, 3, 4))
    assert_same(first, second)
    assert (first.X != other.X).any()
    assert first.X.dtype == first.loss.dtype == np.float64
    single = make(random_state=3, dtype="float32")
    assert single.X.dtype == single.loss.dtype == np.float32
    np.testing.assert_array_equal(single.X, first.X.astype(np.float32))
    np.testing.assert_array_equal(single.loss, first.loss.astype(np.float32))
    np.testing.assert_array_equal(single.region, first.region)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_superclasses": 1}, "n_superclasses must be at least 2, got 1"),
        ({"n_subclasses": 0}, "n_subclasses must be at least 1, got 0"),
        ({"n_per_subclass": 0}, "n_per_subclass must be at least 1, got 0"),
        ({"n_features": 0}, "n_features must be at least 1, got 0"),
        ({"spread": 0.0}, "spread must be positive, got 0.0"),
        ({"n_planted": 0}, "n_planted must be at least 1, got 0"),
        ({"n_planted": 61}, "n_planted must be at most the 60 subclasses"),
        ({"dtype": "float16"}, "dtype must be 'float32' or 'float64', got 'float16'"),
    ],
)
def test_region_errors_name_the_parameter(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_planted_region(**parameters)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"geometry": "torus"}, "geometry must be one of 'blobs', .*, got 'torus'"),
        ({"shape": "cube"}, "shape must be one of 'ball', .*, got 'cube'"),
        ({"loss": "hinge"}, "loss must be one of 'exponential', .*, got 'hinge'"),
        ({"n_samples": 0}, "n_samples must be at least 1, got 0"),
        ({"geometry": "ring", "n_features": 1}, "n_features must be at least 2, got 1"),
        ({"share": 0.0}, "share must give each of the 1 regions at least one of the 2000 rows"),
        ({"share": 0.5, "n_planted": 2}, "share must give each of the 2 regions"),
        ({"lift": 1.0}, "lift must be above 1, got 1.0"),
        ({"lift": float("nan")}, "lift must be above 1, got nan"),
        ({"lift": 21.0}, "lift must be at most 20, where the 0.05 of the rows"),
        ({"mean_loss": 0.0}, "mean_loss must be positive, got 0.0"),
        ({"loss": "zero-one", "lift": 6.0}, r"lift \* mean_loss must be at most 1, .*got 1.2"),
        ({"loss": "cross-entropy", "lift": 15.0}, r"lift \* mean_loss must be at most 2.4"),
        ({"X": [[0.0], [np.nan]]}, "Input X contains NaN"),
    ],
)
def test_loss_errors_name_the_parameter(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_planted_loss(**parameters)

"""`SpotlightFinder`: what it finds, what its attributes say, and that the same is found again."""

import io
import pickle
import tracemalloc

import cloudpickle
import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
import skops.io
from embeddings import f1, planted
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skaudit
from skaudit import SpotlightFinder
from skaudit.datasets import make_planted_loss
from skaudit.spotlight import _fit
from skaudit.spotlight._metric import METRICS

SIZES = ["auto", 0.08, 40]


def fitted(X, losses, sample_weight=None, *, n_spotlights=1, random_state=0, **params):
    finder = SpotlightFinder(n_spotlights, random_state=random_state, **params)
    return finder.fit(X, losses, sample_weight)


def assert_same_result(a, b, X, X_b=None, **tolerance):
    """Two fitted finders tell the same of the same rows; to the bit unless told otherwise."""
    tolerance = tolerance or {"rtol": 0, "atol": 0}
    X_b = X if X_b is None else X_b
    np.testing.assert_allclose(a.transform(X), b.transform(X_b), **tolerance)
    np.testing.assert_array_equal(a.predict(X), b.predict(X_b))
    # Half of the rows are drawn at random: in another order they are others.
    columns = ["size", "n_members", "mean_loss", "lift", "share_of_loss", "statistic"]
    np.testing.assert_allclose(a.spotlights_[columns], b.spotlights_[columns], **tolerance)


# ------------------------------------------------------------------------------- what is found


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("size", ["auto", 0.07])
def test_the_planted_region_is_found(metric, size, global_random_seed):
    X, losses, truth = planted(1500, 4, seed=global_random_seed)
    truth = truth == 0
    if metric == "cosine":  # its regions are cones
        cosine = X @ [1, 1, 0, 0] / np.linalg.norm(X, axis=1)
        truth = cosine > np.quantile(cosine, 0.93)
        losses = np.random.default_rng(global_random_seed).exponential(size=1500) + 4 * truth
    finder = fitted(X, losses, metric=metric, size=size)
    assert f1(finder.predict(X) == 0, truth) > (0.85 if size == "auto" else 0.75)
    assert finder.spotlights_["lift"][0] > 2


@pytest.mark.parametrize("deflation", ["members", "soft"])
@pytest.mark.parametrize("size", ["auto", 0.06])
def test_two_planted_regions_are_both_found(deflation, size, global_random_seed):
    X, losses, truth = planted(2000, 4, n_regions=2, share=0.06, seed=global_random_seed)
    # The soft rule lowers the losses near the center most: what is left of a region of a given
    # size is found again, as the paper's own code does; it takes more spotlights.
    n_spotlights = 2 if deflation == "members" else 4
    finder = fitted(X, losses, n_spotlights=n_spotlights, size=size, deflation=deflation)
    found = finder.predict(X)
    for region in (0, 1):
        assert max(f1(found == j, truth == region) for j in range(n_spotlights)) > (
            0.85 if deflation == "members" else 0.5
        )
    if deflation == "members":
        assert finder.spotlights_["n_members"].tolist() == [(found == j).sum() for j in (0, 1)]


def subclass_case(seed):
    """As in section 4.6 of the paper: 5 classes of 4 subclasses; one subclass has random labels."""
    rng = np.random.default_rng(seed)
    d, n_each = 32, 40
    classes = rng.normal(size=(5, d)) * 1.2
    subclasses = (classes[:, None] + 0.9 * rng.normal(size=(5, 4, d))).reshape(20, d)
    subclass = np.repeat(np.arange(20), n_each)
    train = subclasses[subclass] + 0.7 * rng.normal(size=(800, d))
    X = subclasses[subclass] + 0.7 * rng.normal(size=(800, d))
    model = LogisticRegression(C=0.1).fit(train, subclass // 4)
    truth = subclass == rng.integers(20)
    y = np.where(truth, rng.integers(5, size=800), subclass // 4)
    proba = model.predict_proba(X)[np.arange(800), y]
    return np.maximum(X, 0.1 * X), -np.log(proba.clip(1e-7)), truth


@pytest.mark.parametrize("seed", range(4))
def test_a_subclass_with_random_labels_is_found(seed):
    X, losses, truth = subclass_case(seed)
    assert f1(fitted(X, losses).predict(X) == 0, truth) > 0.85
    assert f1(fitted(X, losses, size=40).predict(X) == 0, truth) > 0.75


def test_a_spoiled_digit_is_found():
    """Of one writing style of the 3 (its half with more ink below) the labels are wrong."""
    X, y = load_digits(return_X_y=True)
    ink = X[:, 32:].sum(axis=1)
    truth = (y == 3) & (ink > np.median(ink[y == 3]))
    losses = np.random.default_rng(0).exponential(size=len(y)) * 0.3 + 3.0 * truth
    finder = fitted(X, losses, n_spotlights=1)
    member = finder.predict(X) == 0
    assert f1(member, truth) > 0.7
    assert finder.spotlights_["lift"][0] > 3


# ------------------------------------------------------------------- attributes and what they mean


def spaces(metric, X):
    """Rows and centers -> their squared distances in the metric's space, from its text alone."""
    if metric == "euclidean":
        return lambda A, centers: ((A[:, None] - centers) ** 2).sum(axis=2)
    if metric == "standardized":
        scale = X.std(axis=0)
        return lambda A, centers: (((A[:, None] - centers) / scale) ** 2).sum(axis=2)
    if metric == "cosine":

        def distances(A, centers):
            unit = A / np.linalg.norm(A, axis=1, keepdims=True)
            return ((unit[:, None] - centers) ** 2).sum(axis=2)

        return distances
    correlation = np.corrcoef(X.T)
    values, vectors = np.linalg.eigh(correlation + 0.1 * np.eye(len(correlation)))
    root = vectors / np.sqrt(values) @ vectors.T
    return lambda A, centers: (((A[:, None] - centers) / X.std(axis=0) @ root) ** 2).sum(axis=2)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("size", SIZES)
def test_transform_and_predict_are_the_formulas_of_the_attributes(metric, size):
    X, losses, _ = planted(500, 3)
    X = X * [1, 2, 5] + 1
    new = planted(200, 3, seed=1)[0] * [1, 2, 5] + 1
    finder = fitted(X, losses, n_spotlights=2, metric=metric, size=size)
    assert finder.n_spotlights_ == 2
    distances = spaces(metric, X)
    for rows in (X, new):
        squared = distances(rows, finder.centers_)
        memberships = np.maximum(1 - finder.precisions_ * squared, 0)
        np.testing.assert_allclose(finder.transform(rows), memberships, atol=1e-9)
        inside = np.sqrt(squared) <= finder.radii_ * (1 + 1e-9)
        chosen = np.where(inside, memberships, -1).argmax(axis=1)
        np.testing.assert_array_equal(finder.predict(rows), np.where(inside.any(1), chosen, -1))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("size", [1, 3, 40, 0.08, 0.5])
@pytest.mark.parametrize("d", [2, 300])
def test_memberships_sum_to_the_size(metric, size, d):
    X, losses, _ = planted(200, 3 if d > 200 else d)
    if d > 200:
        X = np.random.default_rng(0).normal(size=(200, d))
        losses = losses + 5 * (X[:, 0] > 1)
    finder = fitted(X, losses, size=size, metric=metric)
    count = size if isinstance(size, int) else size * 200
    assert finder.transform(X).sum() == pytest.approx(count, abs=1e-3)
    assert finder.spotlights_["size"][0] == pytest.approx(count, abs=1e-3)
    # Members: its S nearest rows, and whoever is at the same distance.
    members = finder.predict(X) == 0
    assert members.sum() == finder.spotlights_["n_members"][0] == round(count)
    inner = finder._distances(X)[:, 0]
    assert inner[members].max() <= inner[~members].min()


def test_the_table_is_that_of_the_members():
    X, losses, _ = planted(600, 4, n_regions=2)
    weight = np.random.default_rng(0).integers(1, 4, 600)
    finder = fitted(X, losses, weight, n_spotlights=2)
    table, members = finder.spotlights_, finder.predict(X)
    assert table.columns.tolist() == [
        *["size", "n_members", "mean_loss", "lift", "share_of_loss", "statistic", "p_value"],
        "held_out_lift",
    ]
    overall = np.average(losses, weights=weight)
    for j in (0, 1):
        inside = members == j
        row = table.loc[j]
        assert row["n_members"] == inside.sum()
        mean = np.average(losses[inside], weights=weight[inside])
        assert row["mean_loss"] == pytest.approx(mean)
        assert row["lift"] == pytest.approx(mean / overall)
        share = (weight * losses)[inside].sum() / (weight * losses).sum()
        assert row["share_of_loss"] == pytest.approx(share)
        assert row["size"] == pytest.approx(weight[inside].sum(), rel=1e-9)
        assert row["size"] == pytest.approx(weight @ finder.transform(X)[:, j])
    # The statistic of the first, of the clipped losses, by its formula.
    clipped = np.minimum(losses, 10 * overall)
    inside, total = members == 0, weight.sum()
    held = weight[inside].sum()
    a, b = (np.average(clipped[part], weights=weight[part]) for part in (inside, ~inside))
    variance = np.cov(clipped, fweights=weight, ddof=0)
    expected = held * (total - held) / total * (a - b) ** 2 / variance
    assert table["statistic"][0] == pytest.approx(expected)
    assert table["held_out_lift"][0] > 1.5
    assert table["p_value"].isna().all()


def test_the_history_leads_to_the_result():
    X, losses, _ = planted()
    auto, given = fitted(X, losses, n_spotlights=2), fitted(X, losses, n_spotlights=2, size=40)
    for finder in (auto, given):
        history = finder.history_
        assert history.columns.tolist() == ["spotlight", "step", "size", "mass", "value"]
        assert set(history["spotlight"]) == {0, 1}
        assert finder.n_iter_ >= history["step"].max()
        assert np.isfinite(history).all(axis=None)
    last = auto.history_.groupby("spotlight").last()
    np.testing.assert_allclose(last["value"], auto.spotlights_["statistic"], rtol=1e-6)
    np.testing.assert_allclose(last["mass"] * 600, auto.spotlights_["n_members"])
    np.testing.assert_allclose(given.history_[["size", "mass"]], 40 / 600)


def test_sizes_are_counts_or_shares_and_auto_has_bounds():
    X, losses, truth = planted(1000, 3, share=0.2)
    by_count, by_share = fitted(X, losses, size=50), fitted(X, losses, size=0.05)
    assert_same_result(by_count, by_share, X, rtol=1e-9, atol=1e-12)
    assert fitted(X, losses).spotlights_["n_members"][0] <= 100
    wide = fitted(X, losses, max_size=0.3)
    assert wide.spotlights_["n_members"][0] == pytest.approx(200, abs=25)
    assert f1(wide.predict(X) == 0, truth == 0) > 0.85
    tiny = planted(2000, 3, share=0.002)
    assert fitted(*tiny[:2]).spotlights_["n_members"][0] >= 20
    few = planted(60, 3, share=0.05)
    assert 10 <= fitted(*few[:2]).spotlights_["n_members"][0] <= 12


def test_signed_losses_are_searched_without_clipping():
    X, losses, truth = planted(800, 3)
    difference = losses - losses.mean() - 2.0  # the mean is negative, and most losses are
    finder = fitted(X, difference, loss_clip=None)
    assert f1(finder.predict(X) == 0, truth == 0) > 0.85
    same = fitted(X, losses, loss_clip=None)
    np.testing.assert_array_equal(finder.predict(X), same.predict(X))
    other = fitted(X, -losses, loss_clip=None)
    assert not (other.predict(X)[truth == 0] == 0).any()


def test_clipping_makes_outliers_harmless():
    X, losses, truth = planted(800, 3)
    outlier = np.flatnonzero((X**2).sum(axis=1) > 7)[:2]
    losses[outlier] = 1e4
    losses[np.setdiff1d(np.arange(800), outlier)] *= 30
    assert f1(fitted(X, losses).predict(X) == 0, truth == 0) > 0.85
    unclipped = fitted(X, losses, loss_clip=None).predict(X)
    assert f1(unclipped == 0, truth == 0) < 0.5


# -------------------------------------------------------------------- what is not found has no rows


def silent(finder, j, X):
    """Spotlight j has no members, no memberships and no attributes."""
    return (
        not finder.transform(X)[:, j].any()
        and not (finder.predict(X) == j).any()
        and np.isnan(finder.centers_[j]).all()
        and np.isnan(finder.precisions_[j])
        and np.isnan(finder.radii_[j])
        and finder.spotlights_.drop(columns="n_members").loc[j].isna().all()
        and finder.spotlights_["n_members"][j] == 0
    )


@pytest.mark.parametrize(
    ("X", "losses", "text"),
    [
        (None, np.ones(100), "All losses are the same: there is no spotlight"),
        (None, np.zeros(100), "All losses are the same"),
        (None, 0.1 + np.arange(100) * 1e-18, "All losses are the same"),
        (np.full((100, 3), 0.1), None, "All rows of X are the same"),
        (np.zeros((100, 3)), None, "All rows of X are the same"),
        (np.full((100, 1), -1e200), None, "All rows of X are the same"),
    ],
)
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("size", SIZES)
def test_constant_inputs_have_no_spotlight(X, losses, text, metric, size):
    plain = planted(100, 3)
    X, losses = plain[0] if X is None else X, plain[1] if losses is None else losses
    finder = SpotlightFinder(2, metric=metric, size=size, n_permutations=9)
    with pytest.warns(UserWarning, match=text) as caught:
        finder.fit(X, losses)
    assert [warning.filename for warning in caught] == [__file__]
    assert finder.n_spotlights_ == finder.n_iter_ == 0
    assert len(finder.history_) == 0
    assert all(silent(finder, j, X) for j in (0, 1))
    assert finder.score(X, losses) == 1.0


def test_more_spotlights_than_the_data_hold():
    """Two clusters, one with loss: the first spotlight takes all that there is."""
    X = np.repeat([[0.0, 0.0], [9.0, 9.0]], [90, 10], axis=0)
    X = X + 0.1 * np.random.default_rng(0).normal(size=(100, 2))
    losses = np.repeat([0.3, 1.7], [90, 10])
    for size in ("auto", 10):
        finder = SpotlightFinder(4, size=size, random_state=0)
        with pytest.warns(UserWarning, match="Only 1 of 4 spotlights have a higher") as caught:
            finder.fit(X, losses)
        assert [warning.filename for warning in caught] == [__file__]
        assert finder.n_spotlights_ == 1
        assert finder.transform(X).shape == (100, 4)
        assert (finder.predict(X) == 0).tolist() == (losses == 1.7).tolist()
        assert not silent(finder, 0, X)
        assert all(silent(finder, j, X) for j in (1, 2, 3))
        assert len(finder.spotlights_) == 4


@pytest.mark.parametrize("size", ["auto", 1, 0.5])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("n", [2, 3, 5, 10, 19, 20])
@pytest.mark.filterwarnings("ignore:Only")  # so few rows may hold fewer than three
@pytest.mark.filterwarnings("ignore:All rows of X")  # two directions may be one
def test_a_few_rows_are_enough(n, metric, size):
    X, losses, _ = planted(n, 2, seed=3)
    if size == 0.5 and n < 4 and metric == "cosine":
        metric = "euclidean"
    finder = fitted(X, losses, n_spotlights=3, size=size, metric=metric)
    memberships = finder.transform(X)
    assert np.isfinite(memberships).all()
    if size != "auto":
        sums = memberships.sum(axis=0)[: finder.n_spotlights_]
        np.testing.assert_allclose(sums, size if size == 1 else n / 2, atol=1e-3)
    if metric == "euclidean":
        assert finder.n_spotlights_ >= 1
    assert finder.spotlights_["n_members"].max() <= max(n // 2 + 1, 12)


@pytest.mark.parametrize("size", ["auto", 1, 40])
@pytest.mark.parametrize("metric", ["euclidean", "standardized", "whitened"])
def test_one_feature_is_enough(size, metric):
    X, losses, truth = planted(500, 1)
    finder = fitted(X, losses, size=size, metric=metric)
    if size == "auto":
        assert f1(finder.predict(X) == 0, truth == 0) > 0.9
    else:
        assert finder.transform(X).sum() == pytest.approx(size, abs=1e-3)


@pytest.mark.parametrize("size", ["auto", 30])
def test_duplicated_rows_stay_together(size, global_random_seed):
    X, losses, _ = planted(100, 3, seed=global_random_seed)
    X = X.repeat(5, axis=0)
    losses = losses.repeat(5) + np.random.default_rng(0).random(500)
    finder = fitted(X, losses, n_spotlights=2, size=size)
    labels = finder.predict(X).reshape(100, 5)
    assert (labels == labels[:, :1]).all()
    memberships = finder.transform(X).reshape(100, 5, 2)
    np.testing.assert_array_equal(memberships, memberships[:, :1].repeat(5, axis=1))


def test_rows_at_the_center_that_outweigh_the_size_shut_out_all_others():
    X = np.repeat([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [50, 25, 25], axis=0)
    losses = np.repeat([3.0, 1.0, 1.0], [50, 25, 25])
    finder = fitted(X, losses, size=30)
    assert finder.predict(X).tolist() == [0] * 50 + [-1] * 50
    memberships = finder.transform(X)[:, 0]
    assert (memberships[:50] > 0.5).all()
    assert not memberships[50:].any()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("constant", [0.0, 0.1, 1e6])
def test_constant_columns_do_not_disturb(metric, constant):
    X, losses, _ = planted(400, 3)
    wide = np.insert(X, 1, constant, axis=1)
    finder = fitted(wide, losses, metric=metric)
    assert np.isfinite(finder.centers_).all()
    if metric != "cosine":
        assert finder.centers_[0, 1] == pytest.approx(constant)
        alone = fitted(X, losses, metric=metric)
        np.testing.assert_array_equal(finder.predict(wide), alone.predict(X))
        np.testing.assert_allclose(finder.radii_, alone.radii_)
        np.testing.assert_allclose(finder.precisions_, alone.precisions_)


def test_a_finder_that_kept_no_number_of_columns_predicts():
    X, losses, _ = planted(200, 3)
    finder = fitted(X, losses)
    expected = finder.predict(X)
    del finder._metric["n_varying"]
    np.testing.assert_array_equal(finder.predict(X), expected)


def test_many_constant_columns_do_not_move_a_far_center():
    """High losses beyond a plane across the shortest axis: the start is a discriminant."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(1000, 20)) / np.arange(1.0, 21.0)
    losses = rng.exponential(size=1000) + 5 * (X[:, -1] > np.quantile(X[:, -1], 0.9))
    wide = np.hstack([X, np.full((1000, 60), 0.1)])
    finder, alone = (fitted(A, losses) for A in (wide, X))
    np.testing.assert_allclose(finder.centers_[:, :20], alone.centers_, rtol=1e-6)
    np.testing.assert_allclose(finder.history_, alone.history_, rtol=1e-6)


# --------------------------------------------------------------------------------- invariances


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("deflation", ["members", "soft"])
def test_a_weight_is_as_good_as_a_repeated_row(size, metric, deflation, global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    X, losses, _ = planted(300, 3, n_regions=2, seed=global_random_seed)
    weight = rng.integers(0, 4, 300)
    params = {"n_spotlights": 2, "size": size, "metric": metric, "deflation": deflation}
    weighted = fitted(X, losses, weight, **params)
    repeated = fitted(X.repeat(weight, axis=0), losses.repeat(weight), **params)
    new = planted(100, 3, seed=9)[0]
    for rows in (X, new):
        np.testing.assert_allclose(weighted.transform(rows), repeated.transform(rows), atol=1e-6)
        np.testing.assert_array_equal(weighted.predict(rows), repeated.predict(rows))
    columns = ["size", "mean_loss", "lift", "share_of_loss", "statistic"]
    np.testing.assert_allclose(
        weighted.spotlights_[columns], repeated.spotlights_[columns], rtol=1e-6
    )
    np.testing.assert_allclose(weighted.centers_, repeated.centers_, atol=1e-6)


@pytest.mark.parametrize("size", SIZES)
def test_the_order_of_rows_does_not_matter(size, global_random_seed):
    X, losses, _ = planted(500, 3, n_regions=2, seed=global_random_seed)
    order = np.random.default_rng(global_random_seed).permutation(500)
    plain = fitted(X, losses, n_spotlights=2, size=size)
    shuffled = fitted(X[order], losses[order], n_spotlights=2, size=size)
    assert_same_result(plain, shuffled, X, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("unit", [1e-6, 0.3, 1e6])
def test_the_unit_of_X_does_not_matter(size, metric, unit, global_random_seed):
    X, losses, _ = planted(400, 3, seed=global_random_seed)
    plain, scaled = (fitted(A, losses, size=size, metric=metric) for A in (X, unit * X))
    assert_same_result(plain, scaled, X, unit * X, rtol=1e-6, atol=1e-6)
    if metric == "euclidean":
        np.testing.assert_allclose(scaled.radii_, unit * plain.radii_, rtol=1e-6)
        np.testing.assert_allclose(scaled.precisions_, plain.precisions_ / unit**2, rtol=1e-6)
    factor = 1.0 if metric == "cosine" else unit
    np.testing.assert_allclose(scaled.centers_, factor * plain.centers_, atol=1e-6 * factor)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("metric", ["euclidean", "standardized", "whitened"])
@pytest.mark.parametrize("shift", [-100.0, 1e6])
def test_a_shift_of_X_does_not_matter(size, metric, shift, global_random_seed):
    X, losses, _ = planted(400, 3, seed=global_random_seed)
    plain, moved = (fitted(A, losses, size=size, metric=metric) for A in (X, X + shift))
    assert_same_result(plain, moved, X, X + shift, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(moved.centers_ - shift, plain.centers_, atol=1e-5)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("unit", [1e-300, 1e-6, 1e6, 1e200, 1e305])
def test_the_unit_of_the_losses_does_not_matter(size, unit, global_random_seed):
    X, losses, _ = planted(400, 3, seed=global_random_seed)
    plain, scaled = (fitted(X, values, size=size) for values in (losses, unit * losses))
    np.testing.assert_allclose(plain.transform(X), scaled.transform(X), atol=1e-6)
    np.testing.assert_array_equal(plain.predict(X), scaled.predict(X))
    table, other = plain.spotlights_, scaled.spotlights_
    np.testing.assert_allclose(other["mean_loss"], unit * table["mean_loss"], rtol=1e-6)
    for column in ("lift", "share_of_loss", "statistic", "held_out_lift"):
        np.testing.assert_allclose(other[column], table[column], rtol=1e-6)
    assert scaled.score(X, unit * losses) == pytest.approx(plain.score(X, losses))


@pytest.mark.parametrize("unit", [1e-300, 1e-20, 1e200])
def test_the_unit_of_the_weights_matters_to_the_sizes_alone(unit):
    X, losses, _ = planted(400, 3)
    weight = np.random.default_rng(0).random(400) + 1
    plain, scaled = (fitted(X, losses, w, size=0.07) for w in (weight, unit * weight))
    np.testing.assert_allclose(plain.transform(X), scaled.transform(X), atol=1e-6)
    assert scaled.spotlights_["size"][0] == pytest.approx(unit * plain.spotlights_["size"][0])
    columns = ["mean_loss", "lift", "share_of_loss", "held_out_lift"]
    np.testing.assert_allclose(plain.spotlights_[columns], scaled.spotlights_[columns])


def test_rows_whose_sum_is_beyond_the_numbers_are_finite():
    X, losses, truth = planted(400, 3)
    finder = fitted((X + 9) * 1e307, losses)
    assert f1(finder.predict((X + 9) * 1e307) == 0, truth == 0) > 0.8


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("unit", [1e-310, 1e-300, 1e-160, 1e160, 1e200, 1e305])
def test_extreme_units_of_X_are_no_reason_for_nan(metric, unit):
    X, losses, truth = planted(400, 3)
    finder = fitted(X * unit, losses, metric=metric)
    assert np.isfinite(finder.centers_).all()
    assert not np.isnan(finder.precisions_).any()  # 1 / unit^2 may be beyond the numbers
    if unit > 1e-305 and metric != "cosine":
        np.testing.assert_allclose(
            finder.transform(X * unit), fitted(X, losses, metric=metric).transform(X), atol=1e-6
        )
        assert f1(finder.predict(X * unit) == 0, truth == 0) > 0.8


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("metric", METRICS)
def test_single_precision_finds_the_same(size, metric, global_random_seed, monkeypatch):
    X, losses, _ = planted(600, 3, seed=global_random_seed)
    X = X.astype(np.float32)
    double = fitted(X.astype(float), losses, size=size, metric=metric)
    for small in (True, False):
        if not small:  # as where X has many rows
            monkeypatch.setattr(_fit, "_SMALL", 0)
        single = fitted(X, losses, size=size, metric=metric)
        np.testing.assert_allclose(single.transform(X), double.transform(X), atol=0.05)
        assert f1(single.predict(X) == 0, double.predict(X) == 0) > 0.97
        assert single.transform(X).dtype == np.float64


def test_the_search_works_in_single_precision_where_X_has_it(monkeypatch):
    seen, plain = [], _fit.lay_out
    monkeypatch.setattr(_fit, "lay_out", lambda Z, *args: seen.append(Z.dtype) or plain(Z, *args))
    X, losses, _ = planted(100, 3)
    fitted(X, losses)
    fitted(X.astype(np.float32), losses)
    monkeypatch.setattr(_fit, "_SMALL", 0)
    fitted(X, losses)
    assert seen == [np.float64, np.float32, np.float32]


@pytest.mark.parametrize("params", [{}, {"size": 40}, {"n_permutations": 19}])
def test_the_same_seed_finds_the_same(params):
    X, losses, _ = planted(200, 3)
    first, again = (fitted(X, losses, n_spotlights=2, **params) for _ in range(2))
    assert_same_result(first, again, X)
    pd.testing.assert_frame_equal(first.spotlights_, again.spotlights_, check_exact=True)
    pd.testing.assert_frame_equal(
        first.spotlights_, first.fit(X, losses).spotlights_, check_exact=True
    )
    other = fitted(X, losses, n_spotlights=2, random_state=1, **params)
    np.testing.assert_array_equal(first.centers_, other.centers_)
    assert (first.spotlights_["held_out_lift"] != other.spotlights_["held_out_lift"]).any()


def test_no_global_seed_is_moved():
    X, losses, _ = planted(100, 3)
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    fitted(X, losses, random_state=3, n_permutations=3)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_a_generator_is_moved_on():
    X, losses, _ = planted(300, 3)
    rng = np.random.RandomState(0)
    first, second = (fitted(X, losses, random_state=rng).spotlights_ for _ in range(2))
    assert first["held_out_lift"][0] != second["held_out_lift"][0]


# ---------------------------------------------------------------------------------- many rows


@pytest.mark.parametrize("size", ["auto", 0.05])
def test_many_rows_are_searched_on_a_sample_and_finished_on_all(size, global_random_seed):
    X, losses, truth = planted(60_000, 8, share=0.05, excess=3.0, seed=global_random_seed)
    X = X.astype(np.float32)
    finder = fitted(X, losses, size=size, random_state=global_random_seed)
    member = finder.predict(X) == 0
    assert f1(member, truth == 0) > (0.9 if size == "auto" else 0.8)
    assert finder.spotlights_["n_members"][0] == member.sum()
    if size != "auto":
        assert finder.transform(X).sum() == pytest.approx(3000, abs=1e-3 * 3000)
    assert finder.spotlights_["held_out_lift"][0] > 2


def test_the_sample_is_that_of_the_seed_and_lowered_where_all_rows_are(monkeypatch):
    """With a small sample the whole way can be gone in little time."""
    monkeypatch.setattr(_fit, "_LARGE", 500)
    monkeypatch.setattr(_fit, "_PATH_ROWS", 400)
    X, losses, truth = planted(1600, 3, n_regions=2)
    params = {"n_spotlights": 2, "n_permutations": 9, "alpha": 0.2}
    first, again = (fitted(X, losses, **params) for _ in range(2))
    assert_same_result(first, again, X)
    assert first.n_spotlights_ == 2
    for j in (0, 1):
        assert f1(first.predict(X) == j, truth == j) > 0.75
    other = fitted(X, losses, random_state=1, **params)
    assert not np.array_equal(first.centers_, other.centers_)


def test_a_sample_may_miss_all_that_differs(monkeypatch):
    monkeypatch.setattr(_fit, "_LARGE", 500)
    monkeypatch.setattr(_fit, "_PATH_ROWS", 20)
    X, losses, _ = planted(2000, 3)
    finder = SpotlightFinder(2, random_state=0)
    with pytest.warns(UserWarning, match="Only 0 of 2 spotlights"):
        finder.fit(X, np.where(np.arange(2000) == 7, 1.0, 0.0))
    assert finder.n_spotlights_ == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_memory_is_little_more_than_that_of_X(dtype):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300_000, 32), dtype=np.float32).astype(dtype)
    losses = rng.exponential(size=300_000) + 3 * (((X[:, :3] - 1) ** 2).sum(axis=1) < 0.5)
    tracemalloc.start()
    try:
        finder = fitted(X, losses)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        finder.transform(X)
        later = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2.5 * X.nbytes
    assert later < 2.5 * X.nbytes


# ----------------------------------------------------------------------- scikit-learn around it


@pytest.mark.parametrize("y_kind", [np.asarray, pd.Series, list])
def test_a_search_chooses_size_and_metric(y_kind):
    X, losses, _ = planted(400, 3)
    X = X * [1, 1, 30]  # in which the euclidean metric sees the last axis alone
    search = GridSearchCV(
        SpotlightFinder(1, random_state=0),
        {"size": ["auto", 0.3], "metric": ["euclidean", "standardized"]},
        cv=3,
    ).fit(X, y_kind(losses))
    assert search.best_params_ == {"size": "auto", "metric": "standardized"}
    assert search.best_score_ > 1.5
    assert search.best_estimator_.transform(X).shape == (400, 1)


def test_the_score_is_the_lift_of_the_first_spotlight(global_random_seed):
    X, losses, _ = planted(500, 3, seed=global_random_seed)
    new, other, _ = planted(300, 3, seed=global_random_seed + 1)
    weight = np.random.default_rng(0).random(300)
    finder = fitted(X, losses, n_spotlights=2)
    k = finder.transform(new)[:, 0]
    assert finder.score(new, other) == pytest.approx(k @ other / k.sum() / other.mean())
    assert finder.score(new, other, weight) == pytest.approx(
        (k * weight) @ other / (k @ weight) / np.average(other, weights=weight)
    )
    assert finder.score(new + 99, other) == 1.0
    assert finder.score(new, 0 * other) == 1.0
    assert cross_validate(finder, X, losses, cv=3)["test_score"].min() > 1.2


def test_it_works_at_the_end_of_a_pipeline():
    X, losses, truth = planted(600, 6)
    X = np.c_[X, X @ np.random.default_rng(0).normal(size=(6, 3))] * 40 + 9
    model = make_pipeline(StandardScaler(), PCA(6), SpotlightFinder(2, random_state=0))
    memberships = model.fit_transform(X, losses)
    assert memberships.shape == (600, 2)
    assert f1(model.predict(X) == 0, truth == 0) > 0.7
    assert model.get_feature_names_out().tolist() == ["spotlight0", "spotlight1"]
    assert model.score(X, losses) > 1.5


def test_weights_are_routed(enable_metadata_routing):
    X, losses, _ = planted(300, 3)
    weight = np.random.default_rng(0).integers(1, 4, 300)
    asking = SpotlightFinder(1, random_state=0)
    asking.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
    scaler = StandardScaler().set_fit_request(sample_weight=False)
    model = make_pipeline(scaler, asking).fit(X, losses, sample_weight=weight)
    scaled = StandardScaler().fit_transform(X)
    assert_same_result(model[-1], fitted(scaled, losses, weight), scaled)
    scores = cross_validate(model, X, losses, params={"sample_weight": weight})["test_score"]
    assert scores.mean() > 1.5


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_memberships_come_as_frames(library):
    X, losses, _ = planted(100, 3)
    frame = pd.DataFrame(X, index=np.arange(100) + 7).add_prefix("x")
    finder = SpotlightFinder(2, random_state=0).set_output(transform=library)
    out = finder.fit_transform(frame, losses)
    assert type(out).__module__.partition(".")[0] == library
    assert list(out.columns) == ["spotlight0", "spotlight1"]
    plain = clone(finder).set_output(transform="default").fit(frame, losses).transform(frame)
    np.testing.assert_array_equal(out.to_numpy(), plain)
    if library == "pandas":
        assert out.index.equals(frame.index)
    names = finder.get_feature_names_out()
    assert names.dtype == object
    assert names.tolist() == ["spotlight0", "spotlight1"]


def test_what_was_fitted_counts_not_what_is_set():
    X, losses, _ = planted(200, 3)
    finder = fitted(X, losses, n_spotlights=2)
    before = finder.transform(X)
    finder.set_params(n_spotlights=5, metric="cosine")
    np.testing.assert_array_equal(finder.transform(X), before)
    assert len(finder.get_feature_names_out()) == len(finder.spotlights_) == 2
    assert finder.predict(X).max() == 1


def test_tags():
    tags = SpotlightFinder().__sklearn_tags__()
    assert tags.target_tags.required
    assert tags.target_tags.positive_only
    assert not tags.input_tags.sparse
    assert not tags.input_tags.allow_nan
    assert not SpotlightFinder(loss_clip=None).__sklearn_tags__().target_tags.positive_only


# ------------------------------------------------------------------------------------------ files


def by_file(model):
    stream = io.BytesIO()
    joblib.dump(model, stream)
    return joblib.load(stream)


def trusted(model):
    return skops.io.get_untrusted_types(data=skops.io.dumps(model))


WAYS = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "cloudpickle": lambda model: cloudpickle.loads(cloudpickle.dumps(model)),
    "joblib": by_file,
    "skops": lambda model: skops.io.loads(skops.io.dumps(model), trusted=trusted(model)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("metric", "size"), [("euclidean", 20), ("whitened", "auto")])
def test_a_fitted_finder_survives_a_file(way, metric, size):
    X, losses, _ = planted(200, 3)
    frame = pd.DataFrame(X).add_prefix("x")
    finder = fitted(frame, losses, n_spotlights=2, metric=metric, size=size, n_permutations=3)
    loaded = WAYS[way](finder)
    assert_same_result(finder, loaded, frame)
    for table in ("spotlights_", "history_"):
        pd.testing.assert_frame_equal(getattr(loaded, table), getattr(finder, table))
    np.testing.assert_array_equal(loaded.centers_, finder.centers_)
    assert loaded.get_params() == finder.get_params()
    assert loaded.score(frame, losses) == finder.score(frame, losses)


@pytest.mark.parametrize("metric", METRICS)
def test_skops_has_to_trust_our_class_alone(metric):
    finder = fitted(*planted(200, 3)[:2], metric=metric)
    assert trusted(finder) == [f"{SpotlightFinder.__module__}.SpotlightFinder"]


@pytest.mark.filterwarnings("ignore:All losses")  # this is how a finder without a map is made
def test_a_finder_without_spotlights_survives_a_file():
    X = planted(100, 3)[0]
    for way in WAYS.values():
        assert not way(SpotlightFinder().fit(X, np.ones(100))).transform(X).any()


def test_another_version_warns(monkeypatch):
    finder = fitted(*planted(100, 3)[:2])
    monkeypatch.setattr(skaudit, "__version__", "0.0.9")
    stored = pickle.dumps(finder)
    monkeypatch.undo()
    with pytest.warns(UserWarning, match="saved by skaudit 0.0.9"):
        pickle.loads(stored)


def test_no_rows_are_kept():
    X, losses, _ = planted(20_000, 10)
    finder = fitted(X, losses, n_spotlights=3)
    assert len(pickle.dumps(finder)) < 20_000
    small = fitted(X[:200], losses[:200], n_spotlights=3)
    shapes = [
        {name: np.shape(value) for name, value in vars(f).items() if name != "_history"}
        for f in (finder, small)
    ]
    assert shapes[0] == shapes[1]


# ---------------------------------------------------------------------------- whole states only


def everything(finder):
    return pickle.dumps(vars(finder))


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("moment", ["fit_metric", "search", "cut_at", "deflate", "_held_out_lift"])
def test_a_fit_that_ends_early_leaves_the_old_state(error, moment, monkeypatch):
    X, losses, _ = planted(200, 3)
    finder = fitted(pd.DataFrame(X).add_prefix("x"), losses, n_spotlights=2, size=20)
    before = everything(finder)

    def fail(*args, **kwargs):
        raise error("enough")

    monkeypatch.setattr(_fit, moment, fail)
    with pytest.raises(error, match="enough"):
        finder.fit(X[:, :2], losses)
    assert everything(finder) == before
    new = SpotlightFinder(2, size=20)
    with pytest.raises(error, match="enough"):
        new.fit(X, losses)
    assert vars(new).keys() == new.get_params().keys()


@pytest.mark.parametrize(
    ("change", "rows"),
    [({"size": 500}, 3), ({"n_spotlights": 0}, 3), ({}, 1), ({"metric": "?"}, 3)],
)
def test_a_refused_fit_leaves_the_old_state(change, rows):
    X, losses, _ = planted(200, 3)
    finder = fitted(pd.DataFrame(X).add_prefix("x"), losses).set_params(**change)
    before = everything(finder)
    with pytest.raises(ValueError, match=r"size=500|n_spotlights|NaN|metric"):
        finder.fit(X[:, :rows], losses if rows == 3 else losses * np.nan)
    assert everything(finder) == before


def test_a_warning_raised_as_an_error_leaves_the_old_state():
    X, losses, _ = planted(200, 3)
    finder = fitted(X, losses)
    before = everything(finder)
    with pytest.raises(UserWarning, match="All losses"):
        finder.fit(X[:, :2], np.ones(200))
    assert everything(finder) == before


def test_a_refit_forgets_the_fit_before():
    X, losses, _ = planted(200, 3)
    finder = fitted(pd.DataFrame(X).add_prefix("x"), losses, n_spotlights=3)
    assert finder.feature_names_in_.tolist() == ["x0", "x1", "x2"]
    finder.set_params(n_spotlights=1).fit(X[:, :2], losses)
    assert not hasattr(finder, "feature_names_in_")
    assert finder.n_features_in_ == 2
    assert len(finder.spotlights_) == 1
    with pytest.warns(UserWarning, match="All losses"):
        finder.fit(X, np.ones(200))
    assert finder.n_spotlights_ == len(finder.history_) == 0


@pytest.mark.parametrize("name", ["spotlights_", "history_", "centers_"])
def test_attributes_before_fit(name):
    with pytest.raises(AttributeError if name == "centers_" else NotFittedError):
        getattr(SpotlightFinder(), name)


@pytest.mark.parametrize("name", ["transform", "predict", "get_feature_names_out"])
def test_methods_before_fit(name):
    with pytest.raises(NotFittedError):
        getattr(SpotlightFinder(), name)(planted(10, 2)[0])
    with pytest.raises(NotFittedError):
        SpotlightFinder().score(*planted(10, 2)[:2])


# ------------------------------------------------------------------------------------- callbacks


needs_callbacks = pytest.mark.skipif(
    not hasattr(SpotlightFinder, "set_callbacks"), reason="scikit-learn has callbacks since 1.9"
)


class Stops:
    """A callback that stops after some spotlights and writes down what it is told."""

    def __init__(self, after=99):
        self.after, self.tasks = after, []

    def setup(self, estimator, context):
        self.tasks.append("setup")

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.tasks.append(context.task_name)
        return self.tasks.count("spotlight") >= self.after

    def teardown(self, estimator, context):
        self.tasks.append("teardown")


@needs_callbacks
def test_progress_is_shown(capsys):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    X, losses, _ = planted(100, 3)
    finder = SpotlightFinder(2, random_state=0).set_callbacks(ProgressBar()).fit(X, losses)
    assert "SpotlightFinder" in capsys.readouterr().out
    assert_same_result(finder, fitted(X, losses, n_spotlights=2), X)


@needs_callbacks
@pytest.mark.parametrize("after", [1, 2])
def test_a_callback_may_stop_the_search(after):
    X, losses, _ = planted(200, 3)
    callback = Stops(after)
    finder = SpotlightFinder(3, random_state=0).set_callbacks(callback).fit(X, losses)
    assert callback.tasks == ["setup", *["spotlight"] * after, "fit", "teardown"]
    assert finder.n_spotlights_ == after
    short = fitted(X, losses, n_spotlights=after)
    np.testing.assert_array_equal(finder.transform(X)[:, :after], short.transform(X))
    assert all(silent(finder, j, X) for j in range(after, 3))


@needs_callbacks
def test_the_tasks_of_a_fit_are_told_and_torn_down():
    X, losses, _ = planted(200, 3)
    callback = Stops()
    SpotlightFinder(2, random_state=0).set_callbacks(callback).fit(X, losses)
    assert callback.tasks == ["setup", "spotlight", "spotlight", "fit", "teardown"]
    callback.tasks.clear()
    finder = SpotlightFinder(2).set_callbacks(callback)
    with pytest.warns(UserWarning, match="All losses"):
        finder.fit(X, np.ones(200))
    assert callback.tasks == ["setup", "fit", "teardown"]
    callback.tasks.clear()
    with pytest.raises(ValueError, match="NaN"):
        finder.fit(X, np.full(200, np.nan))
    assert callback.tasks == []


@pytest.mark.skipif(hasattr(SpotlightFinder, "set_callbacks"), reason="scikit-learn has callbacks")
def test_older_versions_of_sklearn_have_no_callbacks():
    assert sklearn.__version__ < "1.9"
    assert fitted(*planted(100, 3)[:2]).n_spotlights_ == 1


def test_a_ratio_to_a_mean_that_is_not_positive_is_nan():
    X, losses, truth = planted(n_regions=1)
    difference = losses - losses.mean() - 1.0
    finder = fitted(X, difference, n_spotlights=1, loss_clip=None)
    table = finder.spotlights_
    assert table.loc[0, ["lift", "share_of_loss", "held_out_lift"]].isna().all()
    assert table["mean_loss"][0] == pytest.approx(difference[finder.predict(X) == 0].mean())
    assert f1(finder.predict(X) == 0, truth == 0) > 0.8
    with pytest.warns(UserWarning, match="exchange the models"):
        assert np.isnan(finder.score(X, difference))
    assert finder.score(X, np.zeros(len(X))) == 1.0


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("size", SIZES)
def test_members_are_the_same_in_both_precisions(metric, size, global_random_seed):
    X, losses, _ = planted(400, 5, seed=global_random_seed)
    X += 3.0
    single = X.astype(np.float32)
    finder = fitted(single, losses, metric=metric, size=size)
    np.testing.assert_array_equal(finder.predict(X), finder.predict(single))
    assert (finder.predict(X) == 0).sum() == finder.spotlights_["n_members"][0]


def test_one_region_is_not_found_twice(global_random_seed):
    """Exponential losses: to lower members by the difference of the means would leave an excess."""
    shared = []
    for seed in range(8 * global_random_seed, 8 * global_random_seed + 8):
        data = make_planted_loss(n_samples=600, n_features=6, share=0.08, lift=4, random_state=seed)
        finder = fitted(data.X, data.loss, n_spotlights=2)
        member = np.linalg.norm(data.X[:, None] - finder.centers_, axis=2) <= finder.radii_
        shared.append((member[:, 0] & member[:, 1]).sum() / member[:, 1].sum())
    assert np.mean(shared) < 0.5


def test_a_region_too_large_on_all_rows_is_missed_without_an_error():
    """More than max_size of all rows, less of the rows sampled: one place, which cannot be cut."""
    n, share = 60_000, 0.1002
    high = np.arange(n) < share * n
    X = np.eye(2)[high.astype(int)]
    losses = np.where(high, 3.0, 1.0)
    for seed in range(6):
        with pytest.warns(UserWarning, match="Regions of 600 to 6000 of 60000 rows"):
            finder = SpotlightFinder(1, random_state=seed).fit(X, losses)
        assert finder.n_spotlights_ == 0
        assert not finder.transform(X[:10]).any()


def test_a_share_in_single_precision_is_the_same_share():
    X, losses, _ = planted(600, 3)
    single, double = (fitted(X, losses, size=kind(0.05)) for kind in (np.float32, float))
    np.testing.assert_array_equal(single.centers_, double.centers_)
    assert single.spotlights_["n_members"][0] == 30

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.preprocessing import OneHotEncoder

from skaudit.offsets._segments import (
    category_segments,
    check_edges,
    edge_segments,
    quantile_segments,
    quantile_windows,
)

TIED = hnp.arrays(np.float64, st.integers(1, 60), elements=st.integers(-4, 4).map(float))


def test_distinct_values_are_shared_equally():
    values = np.random.default_rng(0).permutation(1000.0 * np.arange(1000))
    segments = quantile_segments(values, None, 10)
    np.testing.assert_array_equal(np.bincount(segments.codes(values)), np.full(10, 100))


def test_a_heavy_value_has_its_own_segment(global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    values = np.where(rng.random(2000) < 0.92, 0.0, rng.normal(size=2000))
    segments = quantile_segments(values, None, 10)
    codes = segments.codes(values)
    (zero,) = np.unique(codes[values == 0])
    assert (values[codes == zero] == 0).all()
    assert len(np.unique(codes)) == 10
    # What lies between the heavy value and its neighbours is not the heavy value's.
    assert segments.codes(np.array([5e-324])) == zero + 1


@given(values=TIED, n_segments=st.integers(1, 8))
def test_segments_keep_ties_together_and_heavy_values_apart(values, n_segments):
    codes = quantile_segments(values, None, n_segments).codes(values)
    for value in np.unique(values):
        (code,) = np.unique(codes[values == value])
        if (values == value).mean() >= 1 / n_segments:
            assert (values[codes == code] == value).all()
    order = np.argsort(values, kind="stable")
    assert (np.diff(codes[order].astype(int)) >= 0).all()
    # Every segment has rows.
    np.testing.assert_array_equal(np.unique(codes), np.arange(codes.max() + 1))


@given(values=TIED, n_segments=st.integers(1, 8), seed=st.integers(0, 100))
def test_a_weight_is_a_repetition(values, n_segments, seed):
    weight = np.random.default_rng(seed).integers(1, 4, len(values))
    weighted = quantile_segments(values, weight.astype(float), n_segments)
    repeated = quantile_segments(np.repeat(values, weight), None, n_segments)
    np.testing.assert_array_equal(weighted.edges, repeated.edges)


@given(values=TIED, n_segments=st.integers(1, 8))
def test_codes_do_not_change_under_monotone_transforms(values, n_segments):
    moved = np.exp(values / 3) - 7
    before = quantile_segments(values, None, n_segments).codes(values)
    after = quantile_segments(moved, None, n_segments).codes(moved)
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_missing_values_are_the_last_segment(dtype):
    values = np.array([1, np.nan, 3, 2], dtype=dtype)
    segments = quantile_segments(values, None, 3)
    assert segments.codes(values).tolist() == [0, 3, 2, 1]
    assert segments.describe()["kind"] == ["numeric"] * 3 + ["missing"]
    alone = quantile_segments(np.full(3, np.nan), None, 3)
    assert alone.codes(np.array([np.nan, 1.0])).tolist() == [1, 0]


def test_edges_count_those_at_or_below():
    segments = edge_segments(check_edges([0, 1.5], "segmenter"))
    assert segments.codes(np.array([-1.0, 0.0, 1.0, 1.5, 9.0, np.nan])).tolist() == [
        0, 1, 1, 2, 2, 3,
    ]  # fmt: skip
    described = segments.describe()
    assert described["lower"][:3] == [-np.inf, 0.0, 1.5]
    assert described["upper"][:3] == [0.0, 1.5, np.inf]


def test_many_edges_agree_with_few():
    edges = np.arange(200.0)
    values = np.random.default_rng(0).uniform(-5, 205, 500)
    expected = (values[:, None] >= edges).sum(axis=1)
    np.testing.assert_array_equal(edge_segments(edges).codes(values), expected)


@pytest.mark.parametrize(
    ("edges", "text"),
    [
        ([2, 1], "must ascend"),
        ([1, 1], "must ascend"),
        ([0, np.nan], "NaN or infinite"),
        ([], "list of numbers"),
        (["a"], "list of numbers"),
        ([[1, 2]], "list of numbers"),
    ],
)
def test_bad_edges_are_named(edges, text):
    with pytest.raises(ValueError, match=f"segmenter.*{text}"):
        check_edges(edges, "segmenter")


@pytest.mark.parametrize("overlap", [0.2, 0.5, 0.9])
def test_windows_share_the_weight_asked_for(overlap):
    values = np.random.default_rng(0).normal(size=5000)
    windows = quantile_windows(values, None, 10, overlap)
    inside = (values[:, None] >= windows.lower) & (values[:, None] < windows.upper)
    shared = (inside[:, :-1] & inside[:, 1:]).sum(axis=0)
    np.testing.assert_allclose(shared, overlap * 500, atol=2)
    assert inside.any(axis=1).all()


def test_windows_end_at_heavy_values():
    rng = np.random.default_rng(0)
    values = np.where(rng.random(3000) < 0.5, 0.0, rng.normal(size=3000))
    windows = quantile_windows(values, None, 10, 0.5)
    inside = (values[:, None] >= windows.lower) & (values[:, None] < windows.upper)
    with_zero = inside[values == 0][0]
    assert with_zero.sum() == 1
    assert (values[inside[:, with_zero][:, 0]] == 0).all()


@pytest.mark.parametrize("max_categories", [1, 2, 3, 5, 9])
def test_categories_are_grouped_as_one_hot_encoder_does(max_categories):
    labels = np.repeat(list("bacdef"), [5, 3, 3, 2, 9, 1]).astype(object)
    encoder = OneHotEncoder(max_categories=max_categories).fit(labels[:, None])
    rare = encoder.infrequent_categories_[0]
    segments, codes = category_segments(labels, None, max_categories)
    kept = [name for name in segments.describe()["category"] if name is not None]
    assert kept == sorted(set("abcdef") - set([] if rare is None else rare))
    assert len(np.unique(codes)) == min(max_categories, 6)
    np.testing.assert_array_equal(segments.codes(labels), codes)


def test_as_many_categories_as_allowed_are_all_kept():
    # OneHotEncoder would call the rarest one "infrequent", which says less in as many columns.
    segments, _ = category_segments(np.array(list("aabbc"), dtype=object), None, 3)
    assert segments.describe()["category"] == ["a", "b", "c", None, None]


def test_unseen_and_missing_categories():
    segments, codes = category_segments(np.array(["x", None, "y"], dtype=object), None, 20)
    assert codes.tolist() == [0, 3, 1]
    assert segments.codes(np.array(["z", np.nan, "y"], dtype=object)).tolist() == [-1, 3, 1]


def test_categories_of_several_types_and_of_none_that_hash():
    labels = np.array([1, "1", 2.5, True, b"b"], dtype=object)
    segments, codes = category_segments(labels, None, 20)
    # 1 and True are equal, in Python as in pandas.
    assert len(np.unique(codes)) == 4
    np.testing.assert_array_equal(segments.codes(labels), codes)
    with pytest.raises(TypeError, match="argument must be a string or a number"):
        category_segments(np.array([{"a": 1}], dtype=object), None, 20)


def test_weights_of_categories_count():
    labels = np.array(list("aabc"), dtype=object)
    segments, _ = category_segments(labels, np.array([1.0, 1.0, 5.0, 2.0]), 2)
    assert segments.describe()["category"] == ["b", None, None]

"""What a caller hands over is checked, and each refusal names the argument and the remedy."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import sparse

from skaudit.utils._validation import (
    as_numbers,
    check_class_weight,
    check_container,
    check_finite,
    check_indicator,
    check_row_count,
    check_same_rows,
    check_sample_weight,
    encode_labels,
    shorten,
)


def test_shorten_shows_a_few_and_says_how_many():
    assert shorten([1, "a"]) == "1, 'a'"
    assert shorten(list(range(9)), most=2) == "0, 1, ... (9 in all)"
    assert shorten(["x" * 100]) == "'" + "x" * 56 + "..."


# Containers


def _torch():
    return pytest.importorskip("torch").ones(2)


def _dask_array():
    return pytest.importorskip("dask.array").ones(2)


def _dask_frame():
    return pytest.importorskip("dask.dataframe").from_pandas(pd.DataFrame({"a": [1]}))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: np.ma.masked_array([1, 2]), r"numpy MaskedArray.*mask.*thing\.filled\(\.\.\.\)"),
        (lambda: pl.LazyFrame({"a": [1]}), r"polars LazyFrame.*lazy.*thing\.collect\(\)"),
        (_torch, r"torch Tensor.*thing\.detach\(\)\.cpu\(\)\.numpy\(\)"),
        (_dask_array, r"dask Array.*lazy.*thing\.compute\(\)"),
        (_dask_frame, r"dask DataFrame.*lazy.*thing\.compute\(\)"),
    ],
)
def test_containers_that_would_lose_something_are_refused(make, text):
    with pytest.raises(TypeError, match=f"^thing is a {text}"):
        check_container(make(), "thing")


@pytest.mark.parametrize(
    "value",
    [None, [1], np.ones(2), pd.Series([1]), pl.DataFrame({"a": [1]}), sparse.csr_array((2, 2))],
)
def test_other_containers_pass(value):
    check_container(value, "thing")


@pytest.mark.parametrize("value", [[1, 2], np.ones((2, 3)), sparse.csr_array((2, 3))])
def test_row_count(value):
    check_row_count(value, 2, "thing")
    with pytest.raises(ValueError, match="thing has 2 rows but y has 3; they must be the same"):
        check_row_count(value, 3, "thing", of="y")


LABELS = [
    [2, 0, 1],
    ["b", "a", "c"],
    [1, "a", None],
    [(1, "a"), (2, "b"), (1, "b")],
    pd.to_datetime(["2024-01-02", "2024-01-01", "2024-01-03"]),
    [1, 1, 2],
]


@pytest.mark.parametrize("labels", LABELS, ids=str)
def test_same_labels_in_another_order_are_refused(labels):
    index = pd.MultiIndex.from_tuples(labels) if isinstance(labels[0], tuple) else pd.Index(labels)
    X = pd.DataFrame({"x": [1, 2, 3]}, index=index)
    y = X["x"]
    check_same_rows(X, y=y, weight=None, other=y.to_numpy())
    check_same_rows(X.to_numpy(), y=y.iloc[::-1])
    # Others are the caller's business: rows are matched by position.
    check_same_rows(X, y=y.reset_index(drop=True).set_axis([7, 8, 9]), short=y.iloc[:2])
    with pytest.raises(ValueError, match=r"y has the same index.*align it first: y = y\.loc\[X"):
        check_same_rows(X, y=y.iloc[[2, 1, 0]])


def test_other_multiplicities_are_other_labels():
    check_same_rows(pd.DataFrame(index=[1, 1, 2]), y=pd.Series([0, 0, 0], index=[1, 2, 2]))


# Numbers


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        ([1, 2], np.float64),
        ([True, False], np.float64),
        (np.array([1, 2], np.float16), np.float32),
        (np.array([1, 2], ">f4"), np.float32),
        (np.array([1, 2], ">f8"), np.float64),
        (np.array([1, 2], np.longdouble), np.float64),
        (np.array([1, 2], object), np.float64),
        (pd.Series([1, 2], dtype="Int64"), np.float64),
    ],
)
def test_numbers_become_floats(value, dtype):
    numbers = as_numbers(value, "thing")
    assert numbers.dtype == dtype
    assert numbers.tolist() == np.asarray(value).astype(float).tolist()


@pytest.mark.parametrize("value", [np.ones(3), np.ones((2, 2), np.float32, order="F")])
def test_floats_are_not_copied(value):
    assert np.shares_memory(as_numbers(value, "thing"), value)


def test_missing_numbers_are_nan():
    expected = [1, np.nan, np.nan, np.nan]
    assert_array_equal(as_numbers([1, None, pd.NA, np.nan], "thing"), expected)


@pytest.mark.parametrize(
    "value",
    ["1", ["1"], [1, "a"], [1j], sparse.eye_array(2), np.array([[1], None], dtype=object)],
    ids=str,
)
def test_what_is_no_number_is_refused(value):
    with pytest.raises(ValueError, match=rf"thing must hold numbers, got {type(value).__name__}"):
        as_numbers(value, "thing")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_infinite_entries_are_counted(make, dtype):
    X = np.array([[0, np.inf], [-np.inf, np.nan]], dtype)
    with pytest.raises(ValueError, match=r"Input X, column 'a', contains infinity .*: 2 of [34]"):
        check_finite(make(X), "X, column 'a',")
    X[np.isinf(X)] = np.finfo(dtype).max  # their sum overflows
    check_finite(make(X))
    check_finite(make(np.nan_to_num(X, nan=1)))
    check_finite(np.array([[1, 2]]))


# Sample weights


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        (2, [2, 2, 2]),
        (np.float32(0.5), [0.5, 0.5, 0.5]),
        ([1, 0, 2], [1, 0, 2]),
        (pd.Series([1, 0, 2], index=[5, 6, 7]), [1, 0, 2]),
        (pl.Series([0.5, 0.0, 2.0]), [0.5, 0, 2]),
        (np.array([True, False, True]), [1, 0, 1]),
    ],
)
def test_sample_weights(weight, expected):
    checked = check_sample_weight(weight, 3)
    assert checked.dtype.kind == "f"
    assert checked.tolist() == expected


def test_no_sample_weights():
    assert check_sample_weight(None, 3) is None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float_weights_keep_their_type(dtype):
    weight = np.ones(3, dtype)
    weight.flags.writeable = False
    assert check_sample_weight(weight, 3).dtype == dtype


@pytest.mark.parametrize(
    ("weight", "text"),
    [
        ([1, 2], "sample_weight has 2 rows but X has 3"),
        (np.ones((3, 1)), "Sample weights must be 1D array or scalar, got 2D"),
        ([1, np.nan, None], "sample_weight contains NaN: 2 of 3 entries"),
        (pd.Series([1, None, 1], dtype="Float64"), "sample_weight contains NaN: 1 of 3"),
        ([1, np.inf, 1], "sample_weight contains infinity.*: 1 of 3 entries"),
        ([1, -0.5, -2], r"must be >= 0, got 2 negative entries \(smallest -2.0\)"),
        (-1, r"must be >= 0, got 3 negative"),
        ([0, 0, 0], "zero for every row; at least one must be positive"),
        ("balanced", "sample_weight must hold numbers, got str"),
    ],
)
def test_refused_sample_weights(weight, text):
    with pytest.raises(ValueError, match=text):
        check_sample_weight(weight, 3)


def test_masked_sample_weights_are_refused():
    with pytest.raises(TypeError, match="sample_weight is a numpy MaskedArray"):
        check_sample_weight(np.ma.masked_array([1, 2, 3]), 3)


@pytest.mark.parametrize("weight", [None, "balanced", {}, {"a": 1.0}, {"a": 1, "b": 2}])
def test_class_weights_of_classes_that_exist(weight):
    check_class_weight(weight, np.array(["a", "b"]))


def test_class_weight_of_an_unknown_class():
    text = "class_weight names classes that y does not have: 1; classes are 'a', 'b'"
    with pytest.raises(ValueError, match=text):
        check_class_weight({"a": 1, 1: 2}, np.array(["a", "b"]))


# Labels (their containers: test_recorder.py)


@given(
    st.one_of(
        st.lists(st.integers(-5, 5), min_size=1),
        st.lists(st.text("abé", max_size=2), min_size=1),
        st.lists(st.booleans(), min_size=1),
        st.lists(st.integers(-5, 5).map(float), min_size=1),
    ),
    st.booleans(),
)
def test_codes_are_positions_in_the_sorted_classes(y, as_object):
    codes, classes = encode_labels(np.array(y, dtype=object) if as_object else y)
    assert classes.tolist() == sorted(set(y))
    assert classes[codes].tolist() == y
    other = classes[::-1]
    if len(other) > 1:
        codes, classes = encode_labels(y, other)
        assert classes.tolist() == other.tolist()
        assert classes[codes].tolist() == y


@pytest.mark.parametrize(
    ("n_classes", "dtype"), [(2, np.int8), (128, np.int8), (129, np.int16), (40_000, np.int32)]
)
def test_codes_take_the_smallest_type(n_classes, dtype):
    codes, _ = encode_labels(np.arange(n_classes))
    assert codes.dtype == dtype
    assert codes.tolist() == list(range(n_classes))


def test_objects_of_no_other_type_stay_objects():
    y = np.array([(1, 2), (0, 1), (1, 2)], dtype="i,i").astype(object)
    codes, classes = encode_labels(y)
    assert codes.tolist() == [1, 0, 1]
    assert classes.tolist() == [(0, 1), (1, 2)]


def test_a_column_is_taken_with_the_warning_of_scikit_learn():
    frame = pd.DataFrame({"y": [3, 1]}, dtype="Int64")
    with pytest.warns(UserWarning, match="column-vector y was passed"):
        codes, classes = encode_labels(frame)
    assert codes.tolist() == [1, 0]
    assert [type(label) for label in classes.tolist()] == [int, int]


nan, inf = np.nan, np.inf
BAD_LABELS = {
    "NaN": ([1, nan, nan], "Input y contains NaN: 2 of 3 entries"),
    "infinite": ([1, inf, 2], "Input y contains infinity.*: 1 of 3"),
    "None": (["a", None, "b"], "Input y contains NaN: 1 of 3 labels are missing"),
    "NaN beside text": (np.array(["a", nan], object), "contains NaN: 1 of 2 labels are missing"),
    "None beside numbers": ([1, None], "Input y contains NaN: 1 of 2"),
    "continuous": ([0.5, 1], "Unknown label type: continuous.*cut it into classes first"),
    "continuous objects": (np.array([0.5, 1], object), "continuous"),
    "numbers of two kinds": (np.array([0.5, 1, 2], object)[[1, 0, 2]], "continuous"),
    "continuous Float64": (pd.Series([0.5, 1], dtype="Float64"), "continuous"),
    "infinite objects": (np.array([inf, 1.0], object), "contains infinity"),
    "infinite Float64": (pd.Series([inf, 1], dtype="Float64"), "contains infinity"),
    "mixed": (np.array([1, "a", 2], object), "mixes labels of the types 'int', 'str': make them"),
    "mixed list": ([1, "a", 2], "mixes labels of the types 'int', 'str'"),
    "mixed floats": (np.array([1.5, "a"], object), "mixes labels of the types 'float', 'str'"),
    "lists": (np.array([[1], [1, 2], None], object)[:2], "mixes labels of the types 'list'"),
    "polars null": (pl.Series(["a", None]), "contains NaN: 1 of 2 labels are missing"),
    "complex": (np.array([1j, 2]), "Complex data not supported"),
    "two columns": ([[1, 2], [3, 4]], "1d array"),
}
for name in ("Int64", "boolean", "string", "category", "int64[pyarrow]", "str", "object"):
    missing = pd.Series(["a", None] if name in ("string", "str") else [1, None], dtype=name)
    BAD_LABELS[f"missing {name}"] = (missing, "Input y contains NaN: 1 of 2")


@pytest.mark.parametrize(("y", "text"), BAD_LABELS.values(), ids=BAD_LABELS)
def test_refused_labels(y, text):
    with pytest.raises(ValueError, match=text):
        encode_labels(y)


# Indicators (their containers: test_recorder.py)


@given(st.lists(st.lists(st.integers(0, 1), min_size=3, max_size=3), min_size=1, max_size=5))
def test_indicator_is_int8(y):
    for dtype in (bool, int, float, object):
        checked = check_indicator(np.array(y, dtype))
        assert checked.dtype == np.int8
        assert checked.tolist() == y


@pytest.mark.parametrize(
    ("y", "text"),
    [
        ([0, 1], r"has the shape \(n, n_labels\), got \(2,\)"),
        ([[0, 2]], r"zeros and ones; it has the values 0, 2"),
        ([[0, 0.5]], "zeros and ones; it has the values 0.0, 0.5"),
        ([["a", "b"]], "zeros and ones; it has the values 'a', 'b'"),
        (np.array([["a", 0]], object), "multilabel y must hold numbers"),
        (np.array([[None, 0]], object), "y contains NaN: 1 of 2"),
        ([[nan, 0]], "y contains NaN: 1 of 2"),
        ([[inf, 0]], "y contains infinity"),
        (sparse.csr_array(np.array([[0, 3]])), "it has the values 0, 3"),
    ],
)
def test_refused_indicators(y, text):
    with pytest.raises(ValueError, match=text):
        check_indicator(y)

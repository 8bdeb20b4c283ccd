"""Frames of every type of number become one matrix, and others are refused by name."""

from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

from skaudit.utils._frames import frame_values

nan = np.nan
decimal = pd.ArrowDtype(pyarrow.decimal128(5, 2))


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (np.array([1, 2], np.int8), [1, 2]),
        (np.array([1, 2], np.uint64), [1, 2]),
        (np.array([1, 0], bool), [1, 0]),
        (np.array([0.5, nan], np.float16), [0.5, nan]),
        (np.array([0.5, nan], np.float64), [0.5, nan]),
        (pd.array([1, None], dtype="Int64"), [1, nan]),
        (pd.array([True, None], dtype="boolean"), [1, nan]),
        (pd.array([0.5, None], dtype="Float64"), [0.5, nan]),
        (pd.array([1, None], dtype="int64[pyarrow]"), [1, nan]),
        (pd.array([True, None], dtype="bool[pyarrow]"), [1, nan]),
        (pd.array([0.5, None], dtype="double[pyarrow]"), [0.5, nan]),
        (pd.array([Decimal("1.5"), None], dtype=decimal), [1.5, nan]),
        (np.array([1, None], object), [1, nan]),
        (np.array([1.5, pd.NA], object), [1.5, nan]),
        (np.array([True, None], object), [1, nan]),
        (np.array([1, 2.5], object), [1, 2.5]),
        (np.array([Decimal("1.5"), Decimal(2)], object), [1.5, 2]),
        (np.array([None, None], object), [nan, nan]),
    ],
    ids=lambda value: str(getattr(value, "dtype", "")) or "is",
)
def test_columns_of_numbers(column, expected):
    frame = pd.DataFrame({"a": column, "b": [0.25, 0.5]})
    before = frame.copy()
    values = frame_values(frame)
    assert values.dtype == np.float64
    assert_array_equal(values, np.column_stack([expected, [0.25, 0.5]]))
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("dtype", ["float32", "Float32", "float[pyarrow]"])
def test_float32_stays(dtype):
    frame = pd.DataFrame({"a": [0.5, 1.5], "b": [1.0, 2.0]}).astype(dtype)
    assert frame_values(frame).dtype == np.float32
    assert frame_values(frame.assign(c=[1, 2])).dtype == np.float64


def test_columns_may_share_a_name():
    frame = pd.DataFrame([[1, 2.5], [3, 4]], columns=["a", "a"])
    assert frame_values(frame).tolist() == [[1, 2.5], [3, 4]]
    assert frame_values(frame.set_axis([("a", 1), 2], axis=1)).tolist() == [[1, 2.5], [3, 4]]


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(np.float32, np.float32), (np.float64, np.float64), (int, np.float64), (bool, np.float64)],
)
def test_sparse_frames_stay_sparse(dtype, expected):
    dense = np.array([[0, 1], [1, 0], [0, 0]], dtype)
    values = frame_values(pd.DataFrame(dense).astype(pd.SparseDtype(dtype, dtype(0))))
    assert values.format == "csr"
    assert values.dtype == expected
    assert values.nnz == 2
    assert_array_equal(values.toarray(), dense)


def test_sparse_frames_without_zeros_become_dense():
    missing = pd.arrays.SparseArray([nan, 1.0, nan])
    zeros = pd.arrays.SparseArray([0.0, 1.0, 0.0], fill_value=0)
    for frame in (
        pd.DataFrame({"a": missing, "b": missing}),
        pd.DataFrame({"a": zeros, "b": missing}),
        pd.DataFrame({"a": zeros, "b": [nan, 1, nan]}),
    ):
        values = frame_values(frame)
        assert not sparse.issparse(values)
        assert_array_equal(values, frame.astype(float))


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (["a", "b"], "str|object"),
        (pd.array(["a", "b"], dtype="string"), "string"),
        (np.array(["1", 2], object), "object"),
        (pd.Categorical([1, 2]), "category"),
        (pd.date_range("2024", periods=2), r"datetime64\[.s\]"),
        (pd.date_range("2024", periods=2, tz="UTC"), r"datetime64\[.s, UTC\]"),
        (pd.timedelta_range("1h", periods=2), r"timedelta64\[.s\]"),
        (pd.period_range("2024", periods=2, freq="M"), r"period\[M\]"),
        (pd.interval_range(0, 2), r"interval\[int64, right\]"),
        (np.array([1j, 2]), "complex128"),
        (pd.arrays.SparseArray(np.array(["a", "b"], object)), "Sparse.*"),
        (pd.array(["a", "b"], dtype=pd.ArrowDtype(pyarrow.string())), r"string\[pyarrow\]|string"),
    ],
    ids=lambda value: str(getattr(value, "dtype", "")) or "is",
)
def test_other_columns_are_named(column, kind):
    frame = pd.DataFrame({"good": [1, 2], "the bad": column})
    text = rf"^table has columns that are not numbers: 'the bad' \({kind}\)\. Encode them first"
    with pytest.raises(ValueError, match=text):
        frame_values(frame, "table")


def test_a_few_of_many_bad_columns_are_named():
    frame = pd.DataFrame({name: ["x"] for name in "abcdef"})
    with pytest.raises(ValueError, match=r"'e' \((str|object)\), \.\.\.\. Encode"):
        frame_values(frame)
    with pytest.raises(ValueError, match=r"'e' \((str|object)\)\. Encode"):
        frame_values(frame[list("abcde")])


def test_polars():
    frame = pl.DataFrame({"a": [1, None], "b": [True, False], "c": [0.5, None]})
    assert_array_equal(frame_values(frame), [[1, 1, 0.5], [nan, 0, nan]])
    assert_array_equal(frame_values(frame[["b"]]), [[1], [0]])
    single = frame.cast(pl.Float32)
    assert frame_values(single).dtype == np.float32
    assert_array_equal(frame_values(single), frame_values(frame))
    money = pl.DataFrame({"a": [Decimal("1.5"), None]})
    assert_array_equal(frame_values(money), [[1.5], [nan]])
    with pytest.raises(ValueError, match=r"numbers: 'd' \(String\), 'e' \(Null\)\. Encode"):
        frame_values(frame.with_columns(d=pl.lit("x"), e=None))

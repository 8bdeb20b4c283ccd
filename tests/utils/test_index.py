"""An index that is packed into plain arrays comes back as it was."""

import datetime
import pickle

import numpy as np
import pandas as pd
import pyarrow
import pytest
from dateutil.tz import tzoffset
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_index_equal

from skaudit.utils._index import pack_index, unpack_index

Index, Range = pd.Index, pd.RangeIndex
dates = pd.DatetimeIndex(["2024-03-30", "2024-03-31 12:00", "2024-03-30", "1999-01-01"])
berlin = dates.tz_localize("Europe/Berlin")
letters = ["b", "a", "b", "c"]

INDEXES = {
    "range": Range(4),
    "named range": Range(4, name="id"),
    "start and step": Range(3, 11, 2),
    "backwards": Range(3, -1, -1),
    "int64": Index([3, 0, 3, 2**60]),
    "float": Index([0.0, 1.0, 2.0, 3.0]),
    "float with NaN": Index([0.5, np.nan, 2, 3]),
    "int32": Index(np.arange(4, dtype=np.int32)),
    "uint8": Index(np.arange(4, dtype=np.uint8)),
    "big-endian": Index(np.arange(4, dtype=">i8")),
    "complex": Index([1j, 2, 3, 4]),
    "bool": Index([True, False, True, True]),
    "Int64": Index([0, 1, 2, 3], dtype="Int64"),
    "Int64 beyond floats": Index([2**60 + 1, None, 2, None], dtype="Int64"),
    "boolean": Index([True, None, False, True], dtype="boolean"),
    "Float64": Index([None, 0.5, 1, 2], dtype="Float64"),
    "all missing": Index([None] * 4, dtype="Int64"),
    "text": Index(letters),
    "text with None": Index(["a", None, "b", "c"]),
    "string": Index(letters, dtype="string"),
    "string with NA": Index(["a", None, "b", "c"], dtype="string"),
    "objects": Index([1, "a", 2.5, None], dtype=object),
    "object ints": Index([0, 1, 2, 3], dtype=object),
    "tuples": Index([(1, 2), (3,), (4,), ()], tupleize_cols=False),
    "dates": dates,
    "seconds": dates.as_unit("s"),
    "NaT": pd.DatetimeIndex(["2024-01-01", None, "2025-01-01", None]),
    "time zone": berlin,
    "time zone in seconds": berlin.as_unit("s"),
    "time zone with NaT": pd.DatetimeIndex([*berlin[:3], pd.NaT]),
    "UTC": dates.tz_localize("UTC"),
    "datetime's UTC": dates.tz_localize(datetime.UTC),
    "offset": dates.tz_localize(datetime.timezone(datetime.timedelta(hours=5, minutes=30))),
    "durations": pd.TimedeltaIndex(["1h", "2h", None, "1D"]),
    "months": pd.PeriodIndex(["2024-01", None, "2024-03", "1960-01"], freq="M"),
    "quarters": pd.period_range("2024", periods=4, freq="Q-NOV"),
    "two days": pd.period_range("2024", periods=4, freq="2D"),
    "intervals": pd.interval_range(0, 4),
    "closed left": pd.interval_range(0.0, 4.0, closed="left"),
    "interval missing": pd.IntervalIndex.from_tuples([(0, 1), np.nan, (2, 3), (0, 1)]),
    "interval of moments": pd.IntervalIndex.from_breaks(
        pd.date_range("2024", periods=5, tz="Asia/Tokyo")
    ),
    "categories": pd.CategoricalIndex(letters),
    "ordered categories": pd.CategoricalIndex(letters, categories=list("cxba"), ordered=True),
    "category missing": pd.CategoricalIndex(["a", None, "b", "a"]),
    "categories 0..3": pd.CategoricalIndex([0, 1, 2, 3]),
    "category of moments": pd.CategoricalIndex(berlin),
    "cut": pd.CategoricalIndex(pd.cut([1, 2, 3, 4], 2)),
    "int64[pyarrow]": Index([2**60 + 1, None, 2, 3], dtype="int64[pyarrow]"),
    "double[pyarrow]": Index([0.5, None, 2, 3], dtype="double[pyarrow]"),
    "timestamp[pyarrow]": Index(dates, dtype="timestamp[ns][pyarrow]"),
    "levels": pd.MultiIndex.from_arrays(
        [letters, berlin, [1, "x", None, 2.5], pd.Categorical(letters, ordered=True)],
        names=["k", None, 3, ("a", 1)],
    ),
    "levels with missing": pd.MultiIndex.from_arrays([["a", None, "b", "b"], [1, 2, np.nan, 4]]),
    "levels of a selection": pd.MultiIndex.from_product([range(3), letters[1:]])[[8, 1, 1, 4]],
    "one level": pd.MultiIndex.from_arrays([letters], names=["k"]),
}
try:
    import pytz

    INDEXES["pytz"] = dates.tz_localize(pytz.timezone("Europe/Berlin"))
except ModuleNotFoundError:  # not a dependency of pandas 3
    pass


def leaves(packed):
    """The values inside nested dicts and lists."""
    if isinstance(packed, dict):
        packed = list(packed.values())
    return (
        [leaf for part in packed for leaf in leaves(part)] if isinstance(packed, list) else [packed]
    )


@pytest.mark.parametrize("name", [None, "id", ("a", 1)], ids=str)
@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES)
def test_comes_back_as_it_was(index, name):
    if not isinstance(index, pd.MultiIndex) and name is not None:
        index = index.rename(name)
    packed = pickle.loads(pickle.dumps(pack_index(index)))
    assert_index_equal(unpack_index(packed, len(index)), index, exact="equiv")
    if packed is not None:
        plain = (np.ndarray, str, bool, int, tuple, type(None))
        assert {type(leaf) for leaf in leaves(packed)} <= set(plain)


PLAIN = [key for key in INDEXES if key != "timestamp[pyarrow]"]


@pytest.mark.parametrize("key", PLAIN)
def test_skops_takes_the_packed_form_without_trusting_anything(key):
    io = pytest.importorskip("skops.io")
    packed = pack_index(INDEXES[key])
    loaded = io.loads(io.dumps(packed), trusted=None)
    assert_index_equal(unpack_index(loaded, 4), INDEXES[key], exact="equiv")


def test_the_plain_index_takes_no_memory():
    for index in (None, Range(4), Index([0, 1, 2, 3])):
        assert pack_index(index) is None
    assert_index_equal(unpack_index(None, 4), Range(4), exact=True)


@pytest.mark.parametrize("storage", ["python", "pyarrow"])
def test_strings_come_back_in_the_storage_of_the_pandas_that_loads_them(storage):
    index = Index(letters, dtype=f"string[{storage}]")
    assert_index_equal(unpack_index(pack_index(index), 4), Index(letters, dtype="string"))
    arrow = Index(letters, dtype=pd.ArrowDtype(pyarrow.string()))
    assert unpack_index(pack_index(arrow), 4).tolist() == letters


def test_a_time_zone_without_a_name_comes_back_as_utc():
    index = dates.tz_localize(tzoffset("X", 3600))
    assert_index_equal(unpack_index(pack_index(index), 4), index.tz_convert("UTC"))


@given(st.lists(st.one_of(st.none(), st.integers(-(2**62), 2**62)), min_size=1))
def test_missing_values_keep_their_places(values):
    for dtype in ("Int64", object):
        index = Index(values, dtype=dtype)
        assert_index_equal(unpack_index(pack_index(index), len(values)), index, exact="equiv")

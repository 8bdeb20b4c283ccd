"""What columns are, and what is made of them."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skaudit.report._columns import as_labels, as_texts, as_years, column_kinds, plain_columns

KINDS = {"number", "category", "text", "date", "identifier", "constant", "other"}
NAMES = ["<script>alert(1)</script>", "n" * 10_000, "two\nlines", "", "😀", "اسم", 'a: "word"']


def arrow(values, kind):
    return pd.Series(values, dtype=pd.ArrowDtype(kind))


def kind(values, **kwargs):
    column = values if isinstance(values, pd.Series) else pd.Series(values, **kwargs)
    return column_kinds(column.to_frame("c"))["c"]


SENTENCES = [f"The parcel number {i} came late" for i in range(50)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pd.Series([1, 2]), "number"),
        (pd.Series([0.5, np.nan]), "number"),
        (pd.Series([1, 2], dtype=np.uint8), "number"),
        (pd.Series([1, 2], dtype=np.float16), "number"),
        (pd.Series([1, None], dtype="Int64"), "number"),
        (pd.Series([1.5, None], dtype="Float32"), "number"),
        (arrow([1, None], pa.int64()), "number"),
        (arrow([Decimal("1.5"), None], pa.decimal128(5, 2)), "number"),
        (pd.Series([1, pd.NA, 2.5], dtype=object), "number"),
        (pd.Series([10**30, 1], dtype=object), "number"),
        (pd.Series([Decimal("0.1"), Decimal("2")]), "number"),
        (pd.Series(pd.arrays.SparseArray([0.0, 1.0])), "number"),
        # Integers that all differ may still be a quantity.
        (pd.Series(range(1000)), "number"),
        (pd.Series([True, False]), "category"),
        (pd.Series([True, None], dtype="boolean"), "category"),
        (pd.Series([True, None], dtype=object), "category"),
        (arrow([True, None], pa.bool_()), "category"),
        (pd.Series([1, 2], dtype="category"), "category"),
        (pd.Series(SENTENCES, dtype="category"), "category"),
        (pd.cut(pd.Series([1, 5, 9]), 3), "category"),
        (pd.Series(["a", "b", None]), "category"),
        (pd.Series(["a", "b", None], dtype=object), "category"),
        (arrow(["a", "b", None], pa.string()), "category"),
        (arrow(["a", "b"], pa.dictionary(pa.int8(), pa.string())), "category"),
        (pd.Series([1, "a", None], dtype=object), "category"),
        (pd.Series(["one of three choices", "another one of them"] * 20), "category"),
        (pd.Series(SENTENCES), "text"),
        (arrow(SENTENCES, pa.string()), "text"),
        (pd.Series([*SENTENCES, None, None]), "text"),
        (pd.Series([f"u-{i}" for i in range(30)]), "identifier"),
        (pd.Series([f"u-{i}" for i in range(30)] + [None] * 70), "identifier"),
        # Too few to say.
        (pd.Series([f"u-{i}" for i in range(29)]), "category"),
        (pd.to_datetime(pd.Series(["2024-01-01", None])), "date"),
        (pd.to_datetime(pd.Series(["2024-01-01", None])).dt.tz_localize("Asia/Tokyo"), "date"),
        (pd.Series(pd.period_range("2024-01", periods=2, freq="M")), "date"),
        (pd.Series([dt.date(2024, 1, 1), None], dtype=object), "date"),
        (pd.to_timedelta(pd.Series([1, 2]), unit="h"), "date"),
        (arrow([dt.date(2024, 1, 1), None], pa.date32()), "date"),
        (arrow([dt.datetime(2024, 1, 1), None], pa.timestamp("us")), "date"),
        (arrow([dt.timedelta(1), None], pa.duration("us")), "date"),
        (pd.Series([None, None]), "constant"),
        (pd.Series([np.nan, np.nan]), "constant"),
        (pd.Series([7, 7]), "constant"),
        (pd.Series(["a"]), "constant"),
        (pd.Series([], dtype=float), "constant"),
        (pd.Series([7, None]), "number"),  # a missing value is a value
        (pd.Series([[1], [2]]), "other"),
        (pd.Series([{"a": 1}, {"a": 1}]), "other"),
        (pd.Series([(1,), (2,)]), "other"),
        (pd.Series([b"a", b"b"]), "other"),
        (pd.Series([1j, 2]), "other"),
        (pd.Series([10**400, 1], dtype=object), "other"),
        (pd.Series([print, None]), "other"),
        (arrow([[1], [2]], pa.list_(pa.int64())), "other"),
    ],
)
def test_kind(values, expected):
    assert kind(values) == expected


def test_one_different_value_among_many_is_found():
    values = np.zeros(100_000)
    values[12_345] = 1
    assert kind(values) == "number"


def test_many_categories_are_no_identifiers():
    # A sample of them shows nearly each once; all rows show five times each.
    assert kind([f"k{i}" for i in range(20_000)] * 5) == "category"
    assert kind([f"k{i}" for i in range(100_000)]) == "identifier"


def test_kinds_go_by_position_where_names_are_odd():
    frame = pd.DataFrame({0: [1, 2], "a": ["x", "y"], None: [1j, 2]})
    assert list(column_kinds(frame).values()) == ["number", "category", "other"]


def plain(frame, **params):
    return plain_columns(frame, column_kinds(frame), **params)[0]


def test_numbers_and_categories_stay_as_they_are():
    frame = pd.DataFrame(
        {
            "number": [1.5, np.nan, 3],
            "nullable": pd.array([1, None, 3], dtype="Int64"),
            "category": pd.Categorical(["a", "b", None]),
            "string": ["x", None, "z"],
            "flag": [True, False, True],
        },
        index=[5, 5, 4],
    )
    pd.testing.assert_frame_equal(plain(frame), frame)


def test_what_cannot_be_cut_is_left_out():
    frame = pd.DataFrame(
        {"c": 1, "id": [f"u{i}" for i in range(40)], "o": [[i] for i in range(40)]}
    )
    assert plain(frame).shape == (40, 0)


def test_mixed_objects_become_strings_and_missing_ones_stay():
    column = plain(pd.DataFrame({"m": [1, "a", None, 2.0]}, dtype=object))["m"]
    assert column.isna().tolist() == [False, False, True, False]
    assert column.dropna().tolist() == ["1", "a", "2"]


def test_an_integer_keeps_its_label_as_a_float():
    labels = as_labels(pd.Series([1, "a"], dtype=object))
    assert (labels == as_labels(pd.Series([1.0, "a"], dtype=object))).all()
    assert as_labels(pd.Series([0.5, None], dtype="category"))[0] == "0.5"


@pytest.mark.parametrize(
    ("moment", "year"),
    [
        ("1970-01-01", 1970.0),
        ("2024-01-01", 2024.0),
        ("2023-07-02 12:00", 2023.5),  # the middle of 365 days
        ("2024-07-02", 2024.5),  # and of 366
        ("1969-12-31 23:59:59", 1970 - 1 / (365 * 86400)),
    ],
)
@pytest.mark.parametrize("dtype", ["datetime64[ns]", "datetime64[s]", "object", "timestamp"])
def test_dates_are_years_with_a_fraction(moment, year, dtype):
    dtype = pd.ArrowDtype(pa.timestamp("us")) if dtype == "timestamp" else dtype
    column = pd.Series([pd.Timestamp(moment), pd.NaT], dtype="datetime64[ns]").astype(dtype)
    years = as_years(column)
    assert years[0] == pytest.approx(year, abs=1e-9)
    assert np.isnan(years[1])


def test_years_of_a_time_zone_are_those_of_utc():
    column = pd.Series(pd.to_datetime(["2024-01-01 09:00"])).dt.tz_localize("Asia/Tokyo")
    assert as_years(column).tolist() == [2024.0]


def test_years_of_a_period_are_those_of_its_start():
    column = pd.Series([pd.Period("2024-07", "M"), None])
    expected = 2024 + 182 / 366
    assert as_years(column)[0] == pytest.approx(expected)
    assert as_years(column.astype(object))[0] == pytest.approx(expected)


def test_durations_are_days():
    column = pd.to_timedelta(pd.Series([36, None]), unit="h")
    np.testing.assert_array_equal(as_years(column), [1.5, np.nan])
    np.testing.assert_array_equal(as_years(column.astype(object)), [1.5, np.nan])


@given(st.lists(st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)), min_size=2))
def test_years_keep_the_order_of_dates(moments):
    years = as_years(pd.Series(sorted(moments), dtype="datetime64[us]"))
    assert (np.diff(years) >= 0).all()


# Texts


@pytest.fixture
def texts():
    """200 texts: "late" in 100, "lost" in 20, "rare" in 9, "parcel" in all, one text missing."""
    words = ["parcel"] * 200
    for word, count in [("late", 100), ("lost", 20), ("rare", 9)]:
        words = [f"{text} {word}" if i < count else text for i, text in enumerate(words)]
    frame = pd.DataFrame({"t": [f"the {text} nr{i}" for i, text in enumerate(words)]})
    frame.loc[199, "t"] = None
    return frame.set_axis(np.arange(200)[::-1] * 2)


def test_words_of_texts_become_flags(texts):
    table = plain(texts)
    assert list(table) == ['t: "late"', 't: "lost"', "t: number of words"]
    assert table['t: "late"'].dtype == bool
    assert table['t: "late"'].tolist() == [i < 100 for i in range(200)]
    assert table['t: "lost"'].sum() == 20
    assert table.index.equals(texts.index)


def test_numbers_of_words_are_counted(texts):
    counts = plain(texts)["t: number of words"].to_numpy()
    assert counts[[0, 10, 50, 150]].tolist() == [6, 5, 4, 3]
    assert np.isnan(counts[199])


def test_missing_texts_have_no_words():
    assert as_texts(pd.Series(["a b", None, 3], dtype=object)) == ["a b", "", "3"]


def test_the_most_frequent_words_are_kept(texts):
    assert list(plain(texts, n_words=1)) == ['t: "late"', "t: number of words"]
    assert list(plain(texts, n_words=0)) == ["t: number of words"]


def test_new_names_are_free(texts):
    taken = {'t: "late"': range(200), 't: "late" (2)': range(200), "t: number of words": range(200)}
    table = plain(pd.concat([texts, pd.DataFrame(taken, index=texts.index)], axis=1))
    assert table.columns.is_unique
    assert 't: "late" (3)' in table
    assert table['t: "late"'].tolist() == list(range(200))


def test_texts_of_stop_words_have_a_length_only():
    frame = pd.DataFrame({"t": ["the of and " * (i + 1) for i in range(20)]})
    assert list(plain(frame)) == ["t: number of words"]


def test_features_know_their_columns_and_avoid_reserved_names(texts):
    frame = texts.assign(score=range(200), n=range(200))
    table, sources = plain_columns(frame, column_kinds(frame), n_words=1, reserved=["score"])
    assert sources == {
        't: "late"': "t",
        "t: number of words": "t",
        "score (2)": "score",
        "n": "n",
    }
    assert list(table) == list(sources)


def test_given_kinds_are_taken():
    frame = pd.DataFrame({"a": ["x", "y"], "b": [1, 2]})
    assert list(plain_columns(frame, {"a": "text", "b": "other"})[0]) == ["a: number of words"]


# Nasty frames

nasty_texts = st.one_of(
    st.none(),
    st.text(max_size=20),
    st.sampled_from(
        [
            "😀 👩‍👩‍👧 family",
            "نص من اليمين إلى اليسار",
            "x" * 10_000,
            "word " * 2_000,
            "<script>",
            "\0",
            "\n",
        ]
    ),
)
cells = st.one_of(
    nasty_texts,
    st.integers(),
    st.floats(allow_infinity=False),
    st.booleans(),
    st.dates(),
    st.binary(max_size=3),
    st.lists(st.integers(), max_size=2),
)
columns_of = [
    lambda n: st.lists(nasty_texts, min_size=n, max_size=n),
    lambda n: st.lists(cells, min_size=n, max_size=n),
    lambda n: st.lists(st.floats(allow_infinity=False), min_size=n, max_size=n),
    lambda n: st.lists(st.dates() | st.none(), min_size=n, max_size=n),
]


@st.composite
def frames(draw):
    n = draw(st.integers(0, 40))
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=4))
    data = {name: draw(draw(st.sampled_from(columns_of))(n)) for name in names}
    dtype = draw(st.sampled_from([None, object]))
    index = pd.Index(draw(st.lists(st.integers(0, 5), min_size=n, max_size=n)), dtype=object)
    return pd.DataFrame({k: pd.Series(v, dtype=dtype) for k, v in data.items()}).set_axis(
        index if names else pd.Index([])
    )


@given(frames())
def test_nasty_frames_do_not_raise(frame):
    before = frame.copy(deep=True)
    kinds = column_kinds(frame)
    table = plain_columns(frame, kinds)[0]
    assert set(kinds) == set(frame.columns)
    assert set(kinds.values()) <= KINDS
    assert table.index.equals(frame.index)
    assert table.columns.is_unique
    assert all(name in set(table.columns) for name, k in kinds.items() if k in ("number", "date"))
    pd.testing.assert_frame_equal(frame, before)
    # What comes out can be read again, and stays what it is.
    again = column_kinds(table)
    assert set(again.values()) <= KINDS - {"text", "other"} | {"identifier"}


@given(frames(), st.randoms())
def test_the_order_of_rows_does_not_matter(frame, random):
    order = list(range(len(frame)))
    random.shuffle(order)
    assert column_kinds(frame.iloc[order]) == column_kinds(frame)

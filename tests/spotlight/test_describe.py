"""`describe_spotlights`: contrasts are what they are defined as, and planted ones come first."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from skaudit import SpotlightFinder
from skaudit.spotlight import describe_spotlights

COLUMNS = ["spotlight", "kind", "feature", "value", "inside", "outside", "contrast"]


def planted(n=400, size=60, seed=0):
    """Memberships of one spotlight, the first rows, and columns that do or do not tell it apart."""
    rng = np.random.default_rng(seed)
    inside = np.arange(n) < size
    memberships = np.where(inside, rng.uniform(0.2, 1, n), 0.0)[:, None]
    color = np.where(inside & (rng.random(n) < 0.8), "red", rng.choice(["blue", "green"], n))
    texts = [" ".join(rng.choice(["the", "cat", "dog", "ran", "sat", "far"], 6)) for _ in range(n)]
    texts = [
        text + " zebra" if red else text for text, red in zip(texts, color == "red", strict=True)
    ]
    data = pd.DataFrame(
        {
            "age": rng.normal(size=n) - 2 * inside,
            "noise": rng.normal(size=n),
            "color": color,
            "review": texts,
            "id": [f"row {i}" for i in range(n)],
            "flag": inside ^ (rng.random(n) < 0.1),
        },
        index=[f"r{i}" for i in range(n)],
    )
    return memberships, data


def only(table, **values):
    for name, value in values.items():
        table = table[table[name] == value]
    return table


def one(table, **values):
    (row,) = only(table, **values).itertuples()
    return row


def contrasts(table):
    return table[table["contrast"].notna()]


# The definitions


def test_numeric_contrast_is_the_difference_of_weighted_means_in_standard_deviations(
    global_random_seed,
):
    rng = np.random.default_rng(global_random_seed)
    x, k = rng.normal(3, 2, 50), rng.uniform(size=50)
    row = one(describe_spotlights(k[:, None], x[:, None], n_examples=0))
    assert (row.kind, row.feature, row.value) == ("numeric", "x0", None)
    assert row.inside == pytest.approx(np.average(x, weights=k))
    assert row.outside == pytest.approx(np.average(x, weights=1 - k))
    assert row.contrast == pytest.approx((row.inside - row.outside) / x.std())


def test_category_contrast_is_the_difference_of_shares_in_standard_deviations():
    k = np.array([1, 0.5, 0.5, 0, 0, 0, 0, 0])
    data = pd.DataFrame({"c": list("aabaabbb")})
    row = one(describe_spotlights(k[:, None], data, n_examples=0))  # b is less frequent inside
    assert (row.kind, row.feature, row.value) == ("category", "c", "a")
    # Inside 1.5 of 2, outside 2.5 of 6 rows; p = 1/2 and S = 2.
    assert row.inside == pytest.approx(1.5 / 2)
    assert row.outside == pytest.approx(2.5 / 6)
    assert row.contrast == pytest.approx((1.5 / 2 - 2.5 / 6) / np.sqrt(0.25 + 0.5))


def literal_fightin_words(y_in, n_in, y_out, n_out, prior, n_prior):
    """Equations 15, 18, 19 and 22 of Monroe et al. with all four terms of the variance."""
    delta = np.log((y_in + prior) / (n_in + n_prior - y_in - prior))
    delta -= np.log((y_out + prior) / (n_out + n_prior - y_out - prior))
    variance = 1 / (y_in + prior) + 1 / (n_in + n_prior - y_in - prior)
    variance += 1 / (y_out + prior) + 1 / (n_out + n_prior - y_out - prior)
    return delta / np.sqrt(variance)


def test_word_contrast_is_the_log_odds_ratio_with_an_informative_prior():
    texts = ["Rain, rain!", "rain and sun", "sun", "and", "wind and sun", "rain"]
    k = np.array([1, 0.5, 0, 0.25, 0, 0])
    row = one(describe_spotlights(k[:, None], texts, n_examples=0), value="rain")
    assert (row.kind, row.feature) == ("word", "text")
    size, rest, y_in, y_out = 1.75, 4.25, 1.5, 1.5
    z = literal_fightin_words(y_in, size, y_out, rest, prior=size * 3 / 6, n_prior=size)
    assert row.inside == pytest.approx(y_in / size)
    assert row.outside == pytest.approx(y_out / rest)
    assert row.contrast == pytest.approx(z * np.sqrt(1 / size + 1 / rest))


def test_examples_are_the_rows_of_highest_and_lowest_positive_membership():
    k = np.array([0, 0.3, 0.9, 0.1, 0, 0.6, 0.2])
    index = list("abcdefg")
    for data in (pd.DataFrame({"x": np.ones(7)}, index=index), pd.Series(np.ones(7), index=index)):
        table = describe_spotlights(k[:, None], data, n_examples=2)
        assert table["kind"].tolist() == ["nearest"] * 2 + ["boundary"] * 2
        assert table["value"].tolist() == ["c", "f", "d", "g"]
        np.testing.assert_allclose(table["inside"], [0.9, 0.6, 0.1, 0.2])
        assert table[["outside", "contrast"]].isna().all(axis=None)
        assert table["feature"].tolist() == [None] * 4
    table = describe_spotlights(k[:, None], data, n_examples=4)  # of five none is named twice
    assert table["value"].tolist() == ["c", "f", "b", "g", "d"]
    assert table["kind"].tolist() == ["nearest"] * 4 + ["boundary"]


def test_labels_come_from_the_memberships_where_data_has_none():
    memberships = pd.DataFrame({"spotlight0": [0.0, 1.0]}, index=["a", "b"])
    assert describe_spotlights(memberships, [[1.0], [2.0]])["value"].tolist()[-1] == "b"
    index = pd.MultiIndex.from_tuples([(0, "x"), (0, "y")])
    table = describe_spotlights(memberships.to_numpy(), pd.DataFrame({"a": [1, 2]}, index=index))
    assert table["value"].tolist()[-1] == (0, "y")


# Laws


def test_what_is_planted_comes_first(global_random_seed):
    memberships, data = planted(seed=global_random_seed)
    table = describe_spotlights(memberships, data)
    numbers, words = only(table, kind="numeric"), only(table, kind="word")
    assert numbers["feature"].tolist() == ["age", "noise"]
    assert numbers["contrast"].iloc[0] < -1
    categories = only(table, kind="category")
    assert set(categories["feature"].iloc[:2]) == {"color", "flag"}
    assert set(categories["value"].iloc[:2]) == {"red", True}
    assert words["value"].iloc[0] == "zebra"
    assert words["contrast"].iloc[0] > 2 * words["contrast"].iloc[1:].max()
    assert table.columns.tolist() == COLUMNS


def test_strongest_first_and_at_most_top_of_a_kind():
    memberships, data = planted()
    memberships = np.column_stack([memberships[:, 0], memberships[::-1, 0]])
    table = describe_spotlights(memberships, data, top=2, n_examples=1)
    assert table["spotlight"].is_monotonic_increasing
    for j in (0, 1):
        part = only(table, spotlight=j)
        strength = contrasts(part)["contrast"].abs()
        assert strength.is_monotonic_decreasing
        assert part["kind"].value_counts().to_dict() == {
            "numeric": 2, "category": 2, "word": 2, "nearest": 1, "boundary": 1
        }  # fmt: skip
        assert part["kind"].iloc[-2:].tolist() == ["nearest", "boundary"]
        alone = describe_spotlights(memberships[:, [j]], data, top=2, n_examples=1)
        pd.testing.assert_frame_equal(
            alone.drop(columns="spotlight"), part.drop(columns="spotlight").reset_index(drop=True)
        )
    assert describe_spotlights(memberships, data, top=0)["contrast"].isna().all()


@pytest.mark.parametrize(
    ("scale", "shift"), [(1e-6, 0), (1e6, -3), (1.0, 1e6), (1e200, 0), (1e-300, 0)]
)
def test_units_of_numbers_do_not_matter(scale, shift):
    memberships, data = planted()
    expected = one(describe_spotlights(memberships, data[["age"]], n_examples=0))
    moved = data[["age"]] * scale + shift
    row = one(describe_spotlights(memberships, moved, n_examples=0))
    assert row.contrast == pytest.approx(expected.contrast, rel=1e-8)
    assert row.inside == pytest.approx(expected.inside * scale + shift, rel=1e-9)


def test_row_order_does_not_matter():
    memberships, data = planted()
    order = np.random.default_rng(0).permutation(len(data))
    expected = describe_spotlights(memberships, data)
    table = describe_spotlights(memberships[order], data.iloc[order])
    pd.testing.assert_frame_equal(table, expected)


def test_a_repeated_row_counts_twice_in_means_and_shares():
    memberships, data = planted()
    data = data[["age", "color"]]
    expected = contrasts(describe_spotlights(memberships, data))
    twice = pd.concat([data, data])
    table = contrasts(describe_spotlights(np.vstack([memberships] * 2), twice))
    columns = ["feature", "value", "inside", "outside"]
    pd.testing.assert_frame_equal(
        table[columns].reset_index(drop=True), expected[columns].reset_index(drop=True)
    )


def test_an_indicator_says_the_same_as_a_number_and_as_a_category():
    memberships, data = planted(n=4000, size=2000)  # where 1 / S does not show
    flag = data[["flag"]]
    number = one(describe_spotlights(memberships, flag.astype(int), n_examples=0))
    category = one(describe_spotlights(memberships, flag, n_examples=0))
    assert category.contrast == pytest.approx(number.contrast, rel=0.01)
    assert (category.inside, category.outside) == pytest.approx((number.inside, number.outside))


def test_rare_values_do_not_come_first(global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    n, size = 3000, 100
    k = (np.arange(n) < size).astype(float)
    serial = [f"s{i // 2}" for i in range(n)]  # each value twice: those inside are only there
    half = rng.random(n) < np.where(k > 0, 0.8, 0.4)
    data = pd.DataFrame({"serial": serial, "half": half})
    table = describe_spotlights(k[:, None], data)
    assert only(table, kind="category")["feature"].iloc[0] == "half"
    texts = [f"{s} common" if h else s for s, h in zip(serial, half, strict=True)]
    assert describe_spotlights(k[:, None], texts)["value"].iloc[0] == "common"


def test_chance_gives_contrasts_of_the_size_of_their_error(global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    n, size = 2000, 100
    k = (rng.permutation(n) < size).astype(float)[:, None]
    data = pd.DataFrame(rng.normal(size=(n, 30))).add_prefix("x")
    data = data.assign(**{f"c{i}": rng.integers(3, size=n).astype(str) for i in range(10)})
    texts = pd.Series([" ".join(words) for words in rng.choice(list_of_words(60), (n, 8))])
    error = np.sqrt(1 / size + 1 / (n - size))
    for table in (
        describe_spotlights(k, data, top=30, n_examples=0),
        describe_spotlights(k, texts, top=30, n_examples=0),
    ):
        assert table["contrast"].abs().max() < 4.5 * error


def list_of_words(n):
    return [f"word{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(n)]


@given(
    hnp.arrays(float, (12, 2), elements=st.sampled_from([0.0, 0.25, 1.0])),
    hnp.arrays(
        float,
        (12, 2),
        elements=st.sampled_from([0.0, 1.0, -1.0, np.nan, 1e300, -1e300, 5e-324, 1e-300]),
    ),
    st.lists(st.sampled_from(["a", "b", "aa bb cc", "aa bb dd", None]), min_size=12, max_size=12),
)
def test_nothing_is_ever_nan_or_out_of_range(memberships, numbers, strings):
    data = pd.DataFrame(numbers, columns=["u", "v"]).assign(s=strings)
    for given_data in (data, strings):
        table = contrasts(describe_spotlights(memberships, given_data))
        assert np.isfinite(table[["inside", "outside", "contrast"]]).all(axis=None)
        shares = table[table["kind"] != "numeric"]
        assert shares[["inside", "outside"]].ge(0).all(axis=None)
        assert shares[["inside", "outside"]].le(1 + 1e-12).all(axis=None)
        assert (shares["contrast"] > 0).all()


# Kinds of columns


def test_hard_members_and_empty_spotlights():
    memberships, data = planted()
    hard = np.column_stack([np.zeros(len(data)), memberships[:, 0] > 0, np.zeros(len(data))])
    for K in (hard, hard.astype(bool), hard.astype(np.float32), hard.astype(int)):
        assert set(describe_spotlights(K, data)["spotlight"]) == {1}
    table = describe_spotlights(hard[:, :1], data)
    assert table.empty
    assert table.columns.tolist() == COLUMNS
    assert table.dtypes.to_dict() == describe_spotlights(hard, data).dtypes.to_dict()


def test_a_spotlight_on_every_row_contrasts_with_nothing():
    memberships, data = planted()
    table = describe_spotlights(np.ones_like(memberships), data)
    assert table["kind"].tolist() == ["nearest"] * 3 + ["boundary"] * 3


def test_missing_values_are_left_out_of_means_and_counted_on_their_own():
    k = np.r_[np.ones(4), np.zeros(8)][:, None]
    x = np.r_[np.nan, np.nan, np.nan, 5.0, np.arange(8.0)]
    table = describe_spotlights(k, pd.DataFrame({"x": x}), n_examples=0)
    number, missing = one(table, kind="numeric"), one(table, kind="category")
    assert (number.inside, number.outside) == (5.0, 3.5)
    assert (missing.feature, missing.value) == ("x", "(missing)")
    assert (missing.inside, missing.outside) == (0.75, 0.0)
    labels = pd.Series(["a", None, None, "b", *"aaaabbbb"], name="c")
    for dtype in ("object", "string", "category", "string[pyarrow]"):
        frame = labels.astype(dtype).to_frame()
        row = describe_spotlights(k, frame, n_examples=0).iloc[0]
        assert (row["value"], row["inside"], row["outside"]) == ("(missing)", 0.5, 0.0)


@pytest.mark.parametrize("unit", ["s", "ns"])
@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_dates_are_numbers_with_a_readable_mean(unit, zone):
    dates = pd.Series(pd.date_range("2020-01-01", periods=10, freq="D")).dt.as_unit(unit)
    dates = dates.where(dates.index < 9)
    dates = dates if zone is None else dates.dt.tz_localize("UTC").dt.tz_convert(zone)
    k = np.r_[np.ones(3), np.zeros(7)][:, None]
    table = describe_spotlights(k, pd.DataFrame({"day": dates}), n_examples=0)
    row = one(table, kind="numeric")
    assert row.value == "2020-01-02 00:00:00"
    assert row.inside == (datetime.date(2020, 1, 2) - datetime.date(1970, 1, 1)).days
    assert row.contrast < 0
    lengths = pd.DataFrame({"took": pd.to_timedelta(np.arange(10) * 6, unit="h")})
    row = one(describe_spotlights(k, lengths, n_examples=0))
    assert (row.value, row.inside) == ("0 days 06:00:00", pytest.approx(0.25))


def test_numbers_of_every_dtype():
    x, k = np.r_[np.zeros(5), np.arange(1.0, 6)], np.r_[np.zeros(5), np.ones(5)][:, None]
    expected = one(describe_spotlights(k, x[:, None], n_examples=0)).contrast
    series = pd.Series(x)
    columns = [series.astype(d) for d in ("int8", "Int64", "Float32", "float16", "int64[pyarrow]")]
    columns += [pd.Series([Decimal(int(v)) for v in x]), pd.Series(list(x), dtype=object)]
    columns += [series.astype(pd.SparseDtype(float)), series.astype(">f8")]
    for column in columns:
        row = one(describe_spotlights(k, column.to_frame("x"), n_examples=0))
        assert (row.kind, row.contrast) == ("numeric", pytest.approx(expected))
    for array in (x.astype(">f4")[:, None], x[:, None].astype(object), x.tolist(), x[::-1][::-1]):
        row = one(describe_spotlights(k, array, n_examples=0))
        assert (row.feature, row.contrast) == ("x0", pytest.approx(expected))


@pytest.mark.parametrize("dtype", [object, "string", "str", "string[pyarrow]"])
def test_text_columns_are_recognised(dtype):
    memberships, data = planted()
    for name, kind in (("review", "word"), ("color", "category"), ("id", "category")):
        table = describe_spotlights(memberships, data[[name]].astype(dtype), n_examples=0)
        assert set(table["kind"]) <= {kind}
    table = describe_spotlights(memberships, data[["review"]].astype("category"))
    assert "word" not in set(table["kind"])


def test_long_categories_that_repeat_are_no_text():
    memberships, data = planted()
    names = {"red": "a long red name", "blue": "a long blue name", "green": "a long green name"}
    table = describe_spotlights(memberships, data[["color"]].replace(names))
    assert one(table, kind="category").value == "a long red name"


def test_sequences_of_texts():
    memberships, data = planted()
    texts = data["review"]
    expected = describe_spotlights(memberships, list(texts))
    assert expected["feature"].iloc[0] == "text"
    forms = [tuple(texts), texts.to_numpy(dtype=str), texts.to_numpy(dtype=object)]
    forms += [pl.Series(texts.to_list()), texts.reset_index(drop=True).rename(None)]
    for form in forms:
        pd.testing.assert_frame_equal(describe_spotlights(memberships, form), expected)
    assert describe_spotlights(memberships, texts)["feature"].iloc[0] == "review"
    named = describe_spotlights(memberships, list(texts), feature_names=["words"])
    assert named["feature"].iloc[0] == "words"


def test_texts_may_be_short_missing_or_empty():
    k = np.r_[np.ones(4), np.zeros(4)][:, None]
    texts = ["good", "good", None, "", "bad", "bad", "bad", None]
    row = one(describe_spotlights(k, texts, n_examples=0))
    assert (row.kind, row.value, row.inside, row.outside) == ("word", "good", 0.5, 0.0)
    assert describe_spotlights(k, [None] * 8, n_examples=0).empty
    assert describe_spotlights(k, ["", " ", "!"] * 2 + [""] * 2, n_examples=0).empty


def test_mixed_and_unhashable_objects_are_categories():
    k = np.r_[np.ones(3), np.zeros(3)][:, None]
    mixed = pd.DataFrame({"m": pd.Series([1, 1, "b", "b", "b", None], dtype=object)})
    assert one(describe_spotlights(k, mixed, n_examples=0), value=1).inside == pytest.approx(2 / 3)
    lists = pd.DataFrame({"l": [[1, 2], [1, 2], [3], [3], [3], None]})
    assert one(describe_spotlights(k, lists, n_examples=0)).value == "[1, 2]"
    days = pd.DataFrame({"d": [datetime.date(2020, 1, 1)] * 3 + [datetime.date(2020, 1, 2)] * 3})
    assert one(describe_spotlights(k, days, n_examples=0)).value == datetime.date(2020, 1, 1)


def test_polars_frames_and_memberships():
    memberships, data = planted()
    plain = data.reset_index(drop=True)
    expected = describe_spotlights(memberships, plain)
    frame = pl.DataFrame({name: plain[name].to_list() for name in plain})
    soft = pl.DataFrame(memberships, schema=["spotlight0"])
    pd.testing.assert_frame_equal(describe_spotlights(soft, frame), expected)


def test_names_may_repeat_or_be_anything():
    memberships, data = planted()
    twice = data[["age", "noise"]].set_axis(["a", "a"], axis=1)
    table = describe_spotlights(memberships, twice, n_examples=0)
    assert table["feature"].tolist() == ["a", "a"]
    nested = data[["age"]].set_axis([("a", 1)], axis=1)
    assert describe_spotlights(memberships, nested)["feature"].iloc[0] == ("a", 1)
    named = describe_spotlights(memberships, data[["age"]].to_numpy(), feature_names=["years"])
    assert named["feature"].iloc[0] == "years"


def test_constant_columns_have_no_contrast():
    memberships, data = planted()
    constant = pd.DataFrame({"a": 0.1, "b": "x", "c": np.nan, "d": True}, index=data.index)
    constant["e"] = pd.Series(None, index=data.index, dtype="string")
    assert describe_spotlights(memberships, constant, n_examples=0).empty
    no_columns = pd.DataFrame(index=data.index)
    assert describe_spotlights(memberships, no_columns)["kind"].isin(["nearest", "boundary"]).all()


def test_inputs_stay_as_they_were():
    memberships, data = planted()
    copy = data.copy()
    numbers = data[["age", "noise"]].to_numpy()
    numbers.flags.writeable = memberships.flags.writeable = False
    describe_spotlights(memberships, data)
    describe_spotlights(memberships, numbers)
    pd.testing.assert_frame_equal(data, copy)


def test_memberships_of_a_finder():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(600, 3)), columns=["a", "b", "c"])
    loss = rng.exponential(size=600) * np.where(X["a"] > 1.2, 5, 1)
    finder = SpotlightFinder(n_spotlights=1, random_state=0).set_output(transform="pandas")
    memberships = finder.fit(X, loss).transform(X)
    first = describe_spotlights(memberships, X).iloc[0]
    assert first["feature"] == "a"
    assert first["contrast"] > 1


# Bad inputs


@pytest.mark.parametrize(
    ("memberships", "text"),
    [
        (np.zeros((3, 1)), "memberships has 3 rows but data has 4"),
        (np.zeros(4), r"shape \(n, n_spotlights\), as transform .* got float64 of shape \(4,\)"),
        (np.full((4, 1), "a"), "must be numbers"),
        (np.array([[-0.1], [1.5], [0.5], [np.nan]]), r"must lie in \[0, 1\]; 3 of 4 do not"),
    ],
)
def test_bad_memberships(memberships, text):
    with pytest.raises(ValueError, match=text):
        describe_spotlights(memberships, np.zeros((4, 1)))


@pytest.mark.parametrize(
    ("data", "error", "text"),
    [
        (sparse.csr_array(np.eye(4)), TypeError, r"sparse csr_array.*data.toarray\(\)"),
        (np.ma.masked_array(np.eye(4)), TypeError, "MaskedArray"),
        (pl.LazyFrame({"a": [1] * 4}), TypeError, "LazyFrame.*collect"),
        ("text", TypeError, "one entry a row, got a str"),
        ({"a": [1] * 4}, TypeError, "one entry a row, got a dict"),
        (np.zeros((4, 2, 2)), ValueError, r"got an array of shape \(4, 2, 2\)"),
        (np.array([[1], [np.inf], [-np.inf], [0]]), ValueError, "'x0', contains infinity.* 2 of 4"),
    ],
)
def test_bad_data(data, error, text):
    with pytest.raises(error, match=text):
        describe_spotlights(np.ones((4, 1)), data)


def test_masked_memberships():
    with pytest.raises(TypeError, match="memberships is a numpy MaskedArray"):
        describe_spotlights(np.ma.masked_array(np.ones((4, 1))), np.eye(4))


def test_rows_in_another_order_are_refused():
    memberships = pd.DataFrame({"spotlight0": [1.0, 0.0]}, index=["a", "b"])
    data = pd.DataFrame({"x": [1, 2]}, index=["b", "a"])
    with pytest.raises(ValueError, match="memberships has the same index labels"):
        describe_spotlights(memberships, data)


@pytest.mark.parametrize("name", ["top", "n_examples"])
@pytest.mark.parametrize("value", [-1, 1.5, None])
def test_bad_counts(name, value):
    with pytest.raises(ValueError, match=f"{name} must be an integer"):
        describe_spotlights(np.ones((2, 1)), np.eye(2), **{name: value})


def test_wrong_number_of_feature_names():
    with pytest.raises(ValueError, match="feature_names has 1 names but data has 2 columns"):
        describe_spotlights(np.ones((2, 1)), np.eye(2), feature_names=["a"])


def test_a_word_keeps_its_apostrophe():
    texts = ["I don't know", "they don’t care"] * 5 + ["fine weather today", "all is well"] * 5
    words = describe_spotlights(np.arange(20)[:, None] < 10, texts)
    words = words.loc[words["kind"] == "word", "value"].tolist()
    assert words[0] == "don't"
    assert "don" not in words


def test_labels_of_predict_are_hard_members():
    rng = np.random.default_rng(0)
    data = pd.DataFrame(rng.normal(size=(30, 2)), columns=["a", "b"])
    labels = np.repeat([1, -1, 0], 10)
    members = labels[:, None] == np.arange(2)
    pd.testing.assert_frame_equal(
        describe_spotlights(labels, data), describe_spotlights(members, data)
    )
    assert describe_spotlights(np.full(30, -1), data).empty

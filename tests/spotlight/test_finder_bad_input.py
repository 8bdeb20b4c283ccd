"""What a `SpotlightFinder` refuses, in words that help, and the odd inputs that it takes."""

import decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
from embeddings import planted
from scipy import sparse
from sklearn.base import clone

from skaudit import SpotlightFinder

X, LOSSES, _ = planted(200, 3)
WEIGHT = np.random.default_rng(0).integers(1, 4, 200).astype(float)
for array in (X, LOSSES, WEIGHT):
    array.flags.writeable = False
FRAME = pd.DataFrame(X).add_prefix("x")
ROWS = np.arange(200)


def fitted(X=X, y=LOSSES, sample_weight=None, **params):
    return SpotlightFinder(**{"n_spotlights": 1, "random_state": 0} | params).fit(
        X, y, sample_weight
    )


FITTED = fitted()


def refuses(error, text, **arguments):
    """`fit` raises `error` with the text; where that is a list, with all of it."""
    with pytest.raises(error) as caught:
        fitted(**arguments)
    for part in [text] if isinstance(text, str) else text:
        assert part in str(caught.value)


def put(values, at, value):
    changed = np.array(values, dtype=float)
    changed[at] = value
    return changed


# ------------------------------------------------------------------------------------------- rows

INFINITE = put(X, ([1, 2], [0, 2]), [np.inf, -np.inf])
MISSING = put(X, ([1, 2, 3], [0, 0, 2]), np.nan)
BAD_ROWS = {
    "NaN": (MISSING, ["Input X contains NaN: 3 of 600 entries, in the columns 0, 2."]),
    "NaN and inf": (put(INFINITE, (5, 1), np.nan), ["contains NaN: 1 of 600", "the column 1."]),
    "inf": (INFINITE, ["Input X contains infinity", "2 of 600 entries, in the columns 0, 2."]),
    "inf in a list": (INFINITE.tolist(), ["infinity", "2 of 600 entries"]),
    "single": (INFINITE.astype(np.float32), ["too large for dtype('float32')"]),
    "NaN in a frame": (FRAME.assign(x1=MISSING[:, 0]), ["contains NaN: 2 of 600", "column 'x1'."]),
    "NA": (
        FRAME.astype("Float64").mask(ROWS[:, None] * [1, 0, 1] == 5),
        ["NaN: 2 of 600", "'x0', 'x2'"],
    ),
    "None": (X.astype(object) * np.where(ROWS == 3, np.nan, 1)[:, None], ["NaN: 3 of 600"]),
    "polars null": (
        pl.DataFrame({"a": [None, *X[1:, 0].tolist()], "b": X[:, 1]}),
        ["NaN: 1 of 400", "column 'a'."],
    ),
    "date": (
        FRAME.assign(when=pd.Timestamp(0)),
        ["X has columns that are not numbers: 'when' (da"],
    ),
    "word": (FRAME.assign(word="a"), ["X has columns that are not numbers: 'word'", "Encode them"]),
    "numeric word": (
        FRAME.assign(x1=pd.Series(["1.5"] * 200, dtype=object)),
        ["columns that are not numbers: 'x1' (object)"],
    ),
    "polars word": (pl.DataFrame({"a": X[:, 0], "b": ["x"] * 200}), ["not numbers: 'b' (String)"]),
    "text": (X.astype(str), ["X has columns that are not numbers: 0 (<U", "Encode them"]),
    "text list": (X.astype(str).tolist(), ["X has columns that are not numbers: 0 (<U"]),
    "text column": (
        np.c_[X.astype(object), np.full(200, "1.5", dtype=object)],
        ["X has columns that are not numbers: 3 (object)"],
    ),
    "repeated names": (
        FRAME.set_axis(["a", "b", "a"], axis=1),
        ["X has repeated column names: 'a'. Rename or drop"],
    ),
    "one dimension": (X[:, 0], ["Expected 2D array, got 1D array instead"]),
    "three dimensions": (X.reshape(100, 3, 2), ["Found array with dim 3"]),
    "no columns": (X[:, :0], ["0 feature(s)"]),
    "no rows": (X[:0], ["0 sample(s)"]),
    "one row": (X[:1], ["1 sample(s)", "minimum of 2"]),
    "complex": (X + 1j, ["Complex data not supported"]),
    "ragged": ([[1.0], [2.0, 3.0]] * 100, ["inhomogeneous"]),
}


@pytest.mark.parametrize("kind", BAD_ROWS)
def test_bad_rows(kind):
    bad, text = BAD_ROWS[kind]
    refuses(ValueError, text, X=bad)


@pytest.mark.parametrize("kind", ["NaN", "inf", "NaN in a frame", "text", "date"])
@pytest.mark.parametrize("method", ["transform", "predict", "score"])
def test_bad_rows_after_the_fit(kind, method):
    bad, text = BAD_ROWS[kind]
    finder = fitted(FRAME.assign(when=0.0)) if kind == "date" else FITTED
    finder = fitted(FRAME) if kind == "NaN in a frame" else finder
    with pytest.raises(ValueError, match=text[0].partition("(")[0]):
        getattr(finder, method)(bad, *([LOSSES] if method == "score" else []))


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.coo_matrix, "frame"])
def test_sparse_rows(kind):
    if kind == "frame":
        given = FRAME.astype(pd.SparseDtype("float", 0.0))
    else:
        given = kind(X)
    refuses(TypeError, ["sparse data was passed", "X.toarray()", "TruncatedSVD"], X=given)
    with pytest.raises(TypeError, match="toarray"):
        (fitted(FRAME) if kind == "frame" else FITTED).transform(given)


def dask_array(values):
    return pytest.importorskip("dask.array").from_array(values)


def dask_frame(values):
    dataframe = pytest.importorskip("dask.dataframe")
    return dataframe.from_pandas(pd.DataFrame(values), npartitions=2)


LAZY = {
    "masked": (lambda values: np.ma.array(values), "fill it first, {}.filled(...)"),
    "dask": (dask_array, "compute it first, {}.compute()"),
    "dask frame": (
        dask_frame,
        "compute it first, {}.compute()",
    ),
    "polars": (lambda values: pl.DataFrame(values).lazy(), "collect it first, {}.collect()"),
}


@pytest.mark.parametrize("kind", LAZY)
@pytest.mark.parametrize("name", ["X", "y", "sample_weight"])
def test_lazy_and_masked_containers_are_not_converted(name, kind):
    convert, remedy = LAZY[kind]
    lazy = convert({"X": X, "y": LOSSES, "sample_weight": WEIGHT}[name].copy())
    text = [f"{name} is a ", "not supported here", remedy.format(name)]
    refuses(TypeError, text, **{name: lazy})
    given = {"X": X, "y": LOSSES, "sample_weight": WEIGHT} | {name: lazy}
    with pytest.raises(TypeError, match=f"{name} is a .* not supported here"):
        FITTED.score(**given)
    if name == "X":
        for method in (FITTED.transform, FITTED.predict):
            with pytest.raises(TypeError, match="X is a .* not supported here"):
                method(lazy)


def test_the_columns_after_the_fit_are_those_of_the_fit():
    finder = fitted(FRAME)
    with pytest.raises(ValueError, match="feature names should match"):
        finder.predict(FRAME.iloc[:, ::-1])
    with pytest.raises(ValueError, match="feature names should match"):
        finder.transform(FRAME.rename(columns={"x0": "other"}))
    with pytest.raises(ValueError, match="X has 2 features, but SpotlightFinder is expecting 3"):
        FITTED.transform(X[:, :2])
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        finder.predict(X)
    with pytest.warns(UserWarning, match="X has feature names, but"):
        FITTED.predict(FRAME)


def test_mixed_names_are_refused():
    refuses(
        TypeError, "Feature names are only supported if all", X=FRAME.set_axis(["a", 1, 2], axis=1)
    )


# ----------------------------------------------------------------------------------------- losses


NEGATIVE = put(LOSSES, [3, 4], [-0.5, -2.0])
BAD_LOSSES = {
    "none": (None, "requires y to be passed, but the target y is None"),
    "NaN": (put(LOSSES, [3, 4], np.nan), "Input y contains NaN: 2 of 200 losses"),
    "None": ([None, *LOSSES[1:]], "Input y contains NaN: 1 of 200 losses"),
    "NA": (pd.Series(LOSSES, dtype="Float64").mask(ROWS < 3), "Input y contains NaN: 3 of 200"),
    "integer NA": (pd.Series(ROWS, dtype="Int64").mask(ROWS < 3), "contains NaN: 3 of 200"),
    "all NA": (pd.Series([pd.NA] * 200), "Input y contains NaN: 200 of 200"),
    "inf": (put(LOSSES, 3, np.inf), ["Input y contains infinity: 1 of 200", "Clip the prob"]),
    "negative": (NEGATIVE, ["y has 2 negative losses (smallest -2)", "Shift", "loss_clip=None"]),
    "bool": (LOSSES > 1, ["must be the loss of each sample, got booleans", "sample_losses"]),
    "nullable bool": (pd.Series(LOSSES > 1, dtype="boolean"), "got boolean"),
    "text": (np.full(200, "a"), ["got text", "skaudit.spotlight.sample_losses(model, X, y)"]),
    "text objects": (np.full(200, "1.5", dtype=object), "got text"),
    "text series": (pd.Series(["a"] * 200), "got text"),
    "text categories": (pd.Series(["a"] * 200, dtype="category"), "got text"),
    "text polars": (pl.Series(["a"] * 200), "got text"),
    "mixed": (np.array(["a", *LOSSES[1:]], dtype=object), "got mixed"),
    "dates": (
        pd.Series([pd.Timestamp(0)] * 200),
        "must be the loss of each sample, got datetime64",
    ),
    "spans": (np.full(200, 5, dtype="m8[s]"), "got timedelta64"),
    "complex": (LOSSES + 1j, "got complex128"),
    "short": (LOSSES[:40], "y has 40 rows but X has 200"),
    "two columns": (np.c_[LOSSES, LOSSES], "y should be a 1d array"),
    "scalar": (3.0, "y should be a 1d array"),
}


@pytest.mark.parametrize("kind", BAD_LOSSES)
def test_bad_losses(kind):
    bad, text = BAD_LOSSES[kind]
    refuses(ValueError, text, y=bad)
    if bad is not None:
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            FITTED.score(X, bad)
        assert (text if isinstance(text, str) else text[0]) in str(caught.value)


def test_negative_losses_are_fine_without_clipping():
    assert fitted(y=NEGATIVE, loss_clip=None).n_spotlights_ == 1


@pytest.mark.parametrize(
    "labels",
    [
        ROWS % 3,
        (ROWS % 2).tolist(),
        pd.Series(ROWS % 7),
        pd.Series(ROWS % 7, dtype="Int64"),
        pd.Series(ROWS % 4, dtype="category"),
        pl.Series(ROWS % 3),
        (ROWS % 5).astype(object),
        (ROWS % 5).astype(np.uint8),
    ],
)
def test_labels_in_place_of_losses_warn(labels):
    text = r"y has \d distinct integers and looks like labels.*sample_losses\(model, X, y\)"
    with pytest.warns(UserWarning, match=text) as caught:
        fitted_to_labels = SpotlightFinder(1, random_state=0).fit(X, labels)
    assert [warning.filename for warning in caught] == [__file__]
    with pytest.warns(UserWarning, match=text) as caught:
        fitted_to_labels.score(X, labels)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize(
    "losses", [(ROWS % 2).astype(float), ROWS, np.round(LOSSES), pd.Series(ROWS % 2.0)]
)
def test_counts_and_zero_one_losses_are_losses(losses):
    SpotlightFinder(1, random_state=0).fit(X, losses)  # warnings are errors


def test_a_column_of_losses_is_flattened_with_a_warning():
    with pytest.warns(UserWarning, match="A column-vector y was passed"):
        finder = fitted(y=LOSSES[:, None])
    np.testing.assert_array_equal(finder.centers_, FITTED.centers_)


@pytest.mark.parametrize("name", ["y", "sample_weight"])
def test_rows_in_another_order_are_refused(name):
    frame = FRAME.set_index(ROWS + 7)
    given = {"y": LOSSES, "sample_weight": WEIGHT}
    given[name] = pd.Series(given[name], index=frame.index[::-1])
    text = [f"{name} has the same index labels as X in another order", f"{name}.loc[X.index]"]
    refuses(ValueError, text, X=frame, **given)
    with pytest.raises(ValueError, match="in another order"):
        fitted(FRAME).score(frame, **given)
    aligned = {name: pd.Series(given[name].to_numpy(), index=frame.index)}
    assert fitted(frame, **{"y": LOSSES} | aligned).n_spotlights_ == 1


@pytest.mark.parametrize(
    ("weight", "text"),
    [
        (put(WEIGHT, [2, 3], -1), "sample_weight must be >= 0, got 2 negative entries"),
        (np.zeros(200), "sample_weight is zero for every row"),
        (put(WEIGHT, 2, np.nan), "Input sample_weight contains NaN: 1 of 200"),
        (put(WEIGHT, 2, np.inf), "Input sample_weight contains infinity"),
        (np.ones((200, 2)), "Sample weights must be 1D"),
        (np.ones(7), "sample_weight has 7 rows but X has 200"),
    ],
)
def test_bad_weights(weight, text):
    refuses(ValueError, text, sample_weight=weight)
    with pytest.raises(ValueError, match=text):
        FITTED.score(X, LOSSES, weight)


def test_rows_of_weight_zero_take_no_part():
    weight = np.where(ROWS < 150, WEIGHT, 0.0)
    wild = put(X, ROWS >= 150, 1e6)
    losses = put(LOSSES, ROWS >= 150, 1e9)
    finder, alone = fitted(wild, losses, weight), fitted(X[:150], LOSSES[:150], WEIGHT[:150])
    np.testing.assert_array_equal(finder.transform(X), alone.transform(X))
    pd.testing.assert_frame_equal(finder.spotlights_, alone.spotlights_)


def test_one_row_with_weight_is_no_spotlight():
    with pytest.warns(UserWarning, match="All losses are the same"):
        fitted(sample_weight=np.eye(200)[0])


# ------------------------------------------------------------------------------------ parameters


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"n_spotlights": 0}, "'n_spotlights' parameter of SpotlightFinder must be an int in the"),
        ({"n_spotlights": 1.5}, "'n_spotlights'"),
        ({"size": 0}, "'size'"),
        ({"size": 1.0}, "'size'"),
        ({"size": -0.1}, "'size'"),
        ({"size": "all"}, "'size'"),
        ({"max_size": 1.0}, "'max_size'"),
        ({"max_size": 0}, "'max_size'"),
        ({"metric": "manhattan"}, "'metric'"),
        ({"loss_clip": 0}, "'loss_clip'"),
        ({"deflation": "hard"}, "'deflation'"),
        ({"n_permutations": -1}, "'n_permutations'"),
        ({"alpha": 0.0}, "'alpha'"),
        ({"backend": "jax"}, "'backend'"),
        ({"random_state": "seed"}, "'random_state'"),
        ({"n_jobs": "all"}, "'n_jobs'"),
        ({"size": 200}, "size=200 asks for as many rows as there are or more (200)"),
        ({"size": 5000}, "size=5000 asks for as many rows as there are or more (200)"),
        ({"size": 0.001}, "size=0.001 of 200 rows is less than one row"),
        ({"device": "cuda"}, "device='cuda' is used by backend='torch' only"),
        ({"device": "cuda", "backend": "numpy"}, "device='cuda' is used by backend='torch' only"),
    ],
)
def test_parameters_are_checked_in_fit(params, text):
    SpotlightFinder(**params)
    refuses(ValueError, text, **params)


def test_a_count_is_of_weighted_rows():
    assert fitted(size=300, sample_weight=np.full(200, 2)).transform(X).sum() == pytest.approx(150)
    refuses(ValueError, "size=400 asks for", size=400, sample_weight=np.full(200, 2))
    # Weights that sum to less than the number of rows are relative.
    relative = fitted(size=50, sample_weight=np.full(200, 0.01))
    assert relative.transform(X).sum() == pytest.approx(50, abs=1e-3)
    assert relative.spotlights_["size"][0] == pytest.approx(0.5)


@pytest.mark.parametrize("size", [np.int64(20), np.float64(0.1), np.float32(0.125)])
def test_numpy_numbers_are_sizes(size):
    wanted = float(size) if size >= 1 else float(size) * 200
    assert fitted(size=size).transform(X).sum() == pytest.approx(wanted, abs=1e-3)


# ------------------------------------------------------------------------------------ what is fine


def memory_map(values, folder):
    path = folder / "X.npy"
    np.save(path, values)
    return np.load(path, mmap_mode="r")


CONTAINERS = {
    "list": lambda folder: X.tolist(),
    "memory map": lambda folder: memory_map(X, folder),
    "column order": lambda folder: np.asfortranarray(X),
    "negative strides": lambda folder: X[::-1, ::-1].copy()[::-1, ::-1],
    "big-endian": lambda folder: X.astype(">f8"),
    "object": lambda folder: X.astype(object),
    "decimals": lambda folder: np.vectorize(decimal.Decimal, otypes=[object])(X),
    "integer names": lambda folder: pd.DataFrame(X),
    "string names": lambda folder: FRAME,
    "other index": lambda folder: FRAME.set_index(ROWS + 7),
    "nullable": lambda folder: FRAME.astype("Float64"),
    "pyarrow": lambda folder: FRAME.astype("double[pyarrow]"),
    "polars": lambda folder: pl.DataFrame(X),
}


@pytest.mark.parametrize("size", ["auto", 20])
@pytest.mark.parametrize("kind", CONTAINERS)
def test_all_containers_give_the_same_spotlights(kind, size, tmp_path):
    if kind == "pyarrow":
        pytest.importorskip("pyarrow")
    given = CONTAINERS[kind](tmp_path)
    finder, expected = fitted(given, size=size), fitted(size=size)
    np.testing.assert_allclose(finder.centers_, expected.centers_, rtol=1e-9)
    np.testing.assert_allclose(finder.transform(given), expected.transform(X), atol=1e-9)
    np.testing.assert_array_equal(finder.predict(given), expected.predict(X))
    assert finder.score(given, LOSSES) == pytest.approx(expected.score(X, LOSSES))
    assert hasattr(finder, "feature_names_in_") == (
        kind in ("string names", "other index", "nullable", "pyarrow", "polars")
    )


@pytest.mark.parametrize(
    "dtype", [np.float16, np.float32, ">f4", np.int64, np.int8, np.uint16, bool]
)
@pytest.mark.parametrize("frame", [False, True])
def test_all_kinds_of_numbers_give_the_same_spotlights(dtype, frame):
    rounded = (X > 0).astype(dtype) if dtype is bool else np.abs(10 * X).astype(dtype)
    given = pd.DataFrame(rounded.astype(rounded.dtype.newbyteorder("="))) if frame else rounded
    # Of bools there are eight places, each with more rows than "auto" takes.
    finder, expected = (fitted(rows, size=20) for rows in (given, rounded.astype(float)))
    tolerance = 1e-2 if rounded.dtype.itemsize == 4 else 1e-9
    np.testing.assert_allclose(finder.transform(given), expected.transform(given), atol=tolerance)


@pytest.mark.parametrize(
    "kind", [list, pd.Series, pl.Series, "Float64", "double[pyarrow]", object, ">f8", np.float16]
)
def test_all_kinds_of_losses_and_weights(kind):
    if kind == "double[pyarrow]":
        pytest.importorskip("pyarrow")
    losses = np.round(LOSSES, 1).astype(np.float16).astype(float)

    def convert(values):
        if kind in ("Float64", "double[pyarrow]"):
            return pd.Series(values, dtype=kind)
        return (
            kind(values)
            if callable(kind) and kind not in (object, np.float16)
            else (values.astype(kind))
        )

    expected = fitted(y=losses, sample_weight=WEIGHT)
    finder = fitted(y=convert(losses), sample_weight=convert(WEIGHT))
    pd.testing.assert_frame_equal(finder.spotlights_, expected.spotlights_, check_exact=True)
    assert finder.score(X, convert(losses), convert(WEIGHT)) == expected.score(X, losses, WEIGHT)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("params", [{}, {"size": 20, "deflation": "soft"}, {"metric": "cosine"}])
def test_inputs_are_not_written_to(order, dtype, params):
    given = np.array(X, dtype=dtype, order=order)
    arrays = given, LOSSES.copy(), WEIGHT.copy()
    before = [array.copy() for array in arrays]
    finder = fitted(*arrays, n_spotlights=2, n_permutations=3, alpha=0.5, **params)
    finder.transform(given)
    finder.predict(given)
    finder.score(*arrays)
    for array, old in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, old)
    for array in arrays:
        array.flags.writeable = False
    again = clone(finder).fit(*arrays)
    np.testing.assert_array_equal(again.transform(given), finder.transform(given))


def test_labels_of_rows_that_do_not_match_do_not_matter():
    finder = fitted(FRAME.set_index(pd.Index(["a", "b"] * 100)), pd.Series(LOSSES))
    np.testing.assert_allclose(finder.centers_, FITTED.centers_)

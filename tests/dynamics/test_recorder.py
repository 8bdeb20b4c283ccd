"""`DataMapRecorder`: the definitions over a stored tensor of snapshots, however they arrive."""

import pickle
from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal, assert_index_equal
from scipy import sparse
from scipy.special import logit
from sklearn.exceptions import NotFittedError

from skaudit import DataMapRecorder

COLUMNS = ["confidence", "variability", "correctness", "forgetting_events"]
COLUMNS += ["first_learned", "margin", "aleatoric"]


def literal_map(proba, codes):
    """The definitions of the class's notes, row by row; proba of (n_snapshots, n, n_classes)."""
    rows = []
    for i, code in enumerate(codes):
        p = proba[:, i, code]
        correct = [snapshot.argmax() == code for snapshot in proba[:, i]]
        others = np.delete(proba[:, i], code, axis=1).max(axis=1)
        confidence = sum(p) / len(p)
        rows.append(
            [
                confidence,
                (sum((p - confidence) ** 2) / len(p)) ** 0.5,
                sum(correct) / len(p),
                sum(a and not b for a, b in zip(correct, correct[1:], strict=False)),
                correct.index(True) if any(correct) else -1,
                sum(p - others) / len(p),
                sum(p * (1 - p)) / len(p),
            ]
        )
    return np.array(rows)


def statistics(recorder):
    return recorder.to_frame()[COLUMNS].to_numpy()


def record(y, snapshots, **params):
    recorder = DataMapRecorder(y, **params)
    for proba in snapshots:
        recorder.update(proba)
    return recorder


def random_snapshots(shape, seed=0):
    return np.random.default_rng(seed).dirichlet(np.ones(shape[-1]), size=shape[:-1])


@st.composite
def tensors(draw):
    """Probabilities (n_snapshots, n, n_classes) with many ties, zeros and ones, and codes (n,)."""
    shape = draw(st.tuples(st.integers(1, 6), st.integers(1, 7), st.integers(2, 4)))
    size = int(np.prod(shape))
    weights = np.array(draw(st.lists(st.integers(0, 3), min_size=size, max_size=size)), float)
    weights = weights.reshape(shape)
    weights[weights.sum(axis=2) == 0, draw(st.integers(0, shape[2] - 1))] = 1
    codes = draw(st.lists(st.integers(0, shape[2] - 1), min_size=shape[1], max_size=shape[1]))
    return weights / weights.sum(axis=2, keepdims=True), np.array(codes)


@given(tensors())
def test_streaming_equals_the_definitions(case):
    proba, codes = case
    recorder = record(codes, proba, classes=range(proba.shape[2]))
    assert_allclose(statistics(recorder), literal_map(proba, codes), rtol=0, atol=1e-13)
    assert recorder.n_snapshots_ == len(proba)
    assert recorder.n_samples_ == len(codes)
    assert (recorder.to_frame().dtypes[["forgetting_events", "first_learned"]] == np.int64).all()


@settings(max_examples=50)
@given(tensors(), st.data())
def test_any_split_into_mini_batches_gives_the_same_map(case, data):
    proba, codes = case
    params = {"classes": range(proba.shape[2]), "keep_history": True}
    whole, parts = record(codes, proba, **params), DataMapRecorder(codes, **params)
    for snapshot in proba:
        order = np.array(data.draw(st.permutations(range(len(codes)))))
        for rows in np.array_split(order, data.draw(st.integers(1, len(codes) + 1))):
            parts.update(snapshot[rows], indices=rows)
    assert_frame_equal(parts.to_frame(), whole.to_frame())
    assert_array_equal(parts.history_, whole.history_)


@settings(max_examples=50)
@given(tensors())
def test_logits_are_read_as_their_softmax(case):
    proba, codes = case
    proba = (proba + 0.1) / (1 + 0.1 * proba.shape[2])
    classes = range(proba.shape[2])
    by_logit = DataMapRecorder(codes, classes=classes)
    for k, snapshot in enumerate(proba):
        by_logit.update(np.log(snapshot) + k, logits=True)
    # Rounding may break a tie: correctness and what follows from it are compared without ties.
    columns = ["confidence", "variability", "margin", "aleatoric"]
    expected = record(codes, proba, classes=classes).to_frame()
    # Where p is constant the exact 0 of one side meets the rounding of the logarithm.
    assert_allclose(by_logit.to_frame()[columns], expected[columns], rtol=0, atol=1e-7)


def test_logits_of_distinct_classes_are_exact_in_every_column():
    proba = random_snapshots((5, 20, 3))
    by_logit = DataMapRecorder(np.arange(20) % 3)
    for snapshot in proba:
        by_logit.update(np.log(snapshot) - 7, logits=True)
    assert_allclose(statistics(by_logit), literal_map(proba, np.arange(20) % 3), atol=1e-12)


def test_two_classes_as_one_or_two_columns_or_log_odds(global_random_seed):
    proba = random_snapshots((6, 30, 2), global_random_seed)
    y = np.arange(30) % 2
    expected = literal_map(proba, y)
    assert_allclose(expected[:, COLUMNS.index("margin")], 2 * expected[:, 0] - 1)
    for snapshots in (proba, proba[:, :, 1], proba[:, :, 1:]):
        assert_allclose(statistics(record(y, snapshots)), expected, atol=1e-13)
    log_odds = logit(proba[:, :, 1])
    for snapshots in (log_odds, log_odds[..., None], np.log(proba) + 3):
        recorder = DataMapRecorder(y)
        for snapshot in snapshots:
            recorder.update(snapshot, logits=True)
        assert_allclose(statistics(recorder), expected, atol=1e-13)


def test_equals_the_tutorial_where_it_is_right(global_random_seed):
    """Its gather, mean, std (the paper's ddof=0, not torch's 1) and share, for two classes."""
    proba = random_snapshots((10, 50, 2), global_random_seed)
    y = np.random.default_rng(global_random_seed).integers(2, size=50)
    true_probs = np.take_along_axis(proba, np.tile(y, (10, 1))[..., None], axis=2).squeeze()
    frame = record(y, proba, classes=[0, 1]).to_frame()
    assert_allclose(frame["confidence"], true_probs.mean(axis=0))
    assert_allclose(frame["variability"], true_probs.std(axis=0))
    assert_allclose(frame["correctness"], (true_probs >= 0.5).sum(axis=0) / 10)


def test_ties_go_to_the_first_class_as_in_argmax():
    tie = np.full((3, 3), 1 / 3)
    assert record([0, 1, 2], [tie]).to_frame()["correctness"].tolist() == [1, 0, 0]
    for half in (np.full(2, 0.5), np.full((2, 2), 0.5)):
        assert record([0, 1], [half]).to_frame()["correctness"].tolist() == [1, 0]
    zero = DataMapRecorder([0, 1]).update([0.0, 0.0], logits=True)
    assert zero.to_frame()["correctness"].tolist() == [1, 0]


# Labels

LABELS = {
    "int": np.array([0, 1]),
    "signs": np.array([-1, 1], dtype=np.int8),
    "from one": [1, 2],
    "unsigned": np.array([3, 200], dtype=np.uint8),
    "bool": np.array([False, True]),
    "whole floats": np.array([0.0, 1.0]),
    "big-endian": np.array([1, 2], dtype=">i4"),
    "str": ["no", "yes"],
    "bytes": np.array([b"no", b"yes"]),
    "object str": np.array(["no", "yes"], dtype=object),
    "object int": np.array([5, 10], dtype=object),
    "object bool": np.array([False, True], dtype=object),
    "tuple of str": ("no", "yes"),
    "pandas str": pd.Series(["no", "yes"]),
    "string": pd.Series(["no", "yes"], dtype="string"),
    "Int64": pd.Series([1, 2], dtype="Int64"),
    "boolean": pd.Series([False, True], dtype="boolean"),
    "int64[pyarrow]": pd.Series([1, 2], dtype="int64[pyarrow]"),
    "bool[pyarrow]": pd.Series([False, True], dtype="bool[pyarrow]"),
    "categorical": pd.Series(["no", "yes"], dtype=pd.CategoricalDtype(["yes", "no", "?"])),
    "categorical int": pd.Series([1, 2], dtype="category"),
    "polars": pl.Series(["no", "yes"]),
    "polars categorical": pl.Series(["no", "yes"], dtype=pl.Categorical),
}


@pytest.mark.parametrize("pair", LABELS.values(), ids=LABELS)
def test_the_map_does_not_depend_on_the_names_of_the_labels(pair):
    codes = np.array([0, 1, 1, 0, 1])
    if hasattr(pair, "iloc"):
        y = pair.iloc[codes].reset_index(drop=True)
    else:
        y = [pair[i] for i in codes] if isinstance(pair, (list, tuple)) else pair[codes]
    proba = random_snapshots((4, 5, 2))
    recorder = record(y, proba)
    assert_allclose(statistics(recorder), literal_map(proba, codes), atol=1e-13)
    names = list(pair)
    assert recorder.classes_.tolist() == names
    assert recorder.to_frame()["label"].tolist() == [names[i] for i in codes]
    # An integer or boolean stays one, also where scikit-learn would make a float of it.
    kinds = {type(name) for name in recorder.classes_.tolist()}
    assert kinds == {type(name) for name in np.array(names).tolist()}


@pytest.mark.parametrize("n_classes", [28, 128, 129, 300])
def test_many_classes(n_classes, global_random_seed):
    codes = np.random.default_rng(global_random_seed).permutation(n_classes)
    names = np.array([f"class {k:03}" for k in range(n_classes)])
    proba = random_snapshots((3, n_classes, n_classes), global_random_seed)
    recorder = record(names[codes], proba)
    assert_allclose(statistics(recorder), literal_map(proba, codes), atol=1e-13)
    assert recorder.to_frame()["label"].tolist() == names[codes].tolist()


@settings(max_examples=50)
@given(tensors(), st.randoms(use_true_random=False))
def test_order_of_classes_and_rows(case, random):
    proba, codes = case
    classes = np.array(list("dbca")[: proba.shape[2]])
    frame = record(classes[codes], proba, classes=classes).to_frame()
    rows = random.sample(range(len(codes)), len(codes))
    moved = record(classes[codes][rows], proba[:, rows], classes=classes).to_frame()
    assert_frame_equal(moved, frame.iloc[rows].reset_index(drop=True))
    # Which of tied classes comes first is the one thing that their order says.
    proba = proba + np.linspace(0, 1e-6, proba.shape[2])
    order = random.sample(range(len(classes)), len(classes))
    frame = record(classes[codes], proba, classes=classes).to_frame()
    other = record(classes[codes], proba[:, :, order], classes=classes[order]).to_frame()
    # Of two classes the margin is 2 p - 1 of the mean: rounding.
    assert_frame_equal(other, frame, rtol=0, atol=1e-15)


def test_classes_that_y_lacks():
    proba = random_snapshots((2, 3, 4))
    recorder = record(["b", "b", "d"], proba, classes=["a", "b", "c", "d"])
    assert_allclose(statistics(recorder), literal_map(proba, [1, 1, 3]), atol=1e-13)


# Containers of the snapshots


def _read_only(proba):
    proba = proba.copy()
    proba.flags.writeable = False
    return proba


def _memmap(proba, tmp_path):
    file = np.memmap(tmp_path / "proba", dtype=proba.dtype, mode="w+", shape=proba.shape)
    file[:] = proba
    return file


FORMS = {
    "list": np.ndarray.tolist,
    "frame": pd.DataFrame,
    "nullable frame": lambda proba: pd.DataFrame(proba).astype("Float64"),
    "polars": pl.DataFrame,
    "object": lambda proba: proba.astype(object),
    "fortran": np.asfortranarray,
    "read-only": _read_only,
    "negative strides": lambda proba: proba[::-1, ::-1].copy()[::-1, ::-1],
    "strided": lambda proba: np.repeat(np.repeat(proba, 2, axis=0), 2, axis=1)[::2, ::2],
    "big-endian": lambda proba: proba.astype(">f8"),
    "big-endian float32": lambda proba: proba.astype(">f4"),
    "float32": lambda proba: proba.astype(np.float32),
    "float16": lambda proba: proba.astype(np.float16),
    "longdouble": lambda proba: proba.astype(np.longdouble),
    "memmap": None,
}


@pytest.mark.parametrize("multilabel", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("form", FORMS)
def test_forms_of_the_snapshots_agree_and_are_left_alone(form, n_classes, multilabel, tmp_path):
    make = FORMS[form] or partial(_memmap, tmp_path=tmp_path)
    # Sixteenths are exact in every float type, and so are their sums here.
    counts = np.random.default_rng(0).multinomial(16, np.ones(n_classes) / n_classes, size=(3, 6))
    y = np.eye(n_classes, dtype=int)[np.arange(6) % n_classes]
    y = y if multilabel else y.argmax(axis=1)
    expected = record(y, counts / 16)
    recorder = DataMapRecorder(y)
    for proba in counts / 16:
        given_in = make(proba)
        before = np.array(given_in).tolist()
        recorder.update(given_in)
        assert np.array(given_in).tolist() == before
    assert_frame_equal(recorder.to_frame(), expected.to_frame())


@pytest.mark.parametrize(
    ("dtype", "atol"), [(np.float64, 1e-14), (np.float32, 1e-6), (np.float16, 1e-2)]
)
@pytest.mark.parametrize("n_classes", [2, 28])
def test_error_of_narrow_floats_is_that_of_their_rounding(dtype, atol, n_classes):
    """Also that rows of float16, which sum to 1 only roughly, are accepted."""
    proba = random_snapshots((10, 200, n_classes))
    codes = np.arange(200) % n_classes
    columns = ["confidence", "variability", "margin", "aleatoric"]
    expected = record(codes, proba).to_frame()[columns]
    narrow = record(codes, proba.astype(dtype)).to_frame()[columns]
    assert_allclose(narrow, expected, rtol=0, atol=atol)
    by_logit = DataMapRecorder(codes)
    for snapshot in np.log(proba).astype(dtype):
        by_logit.update(snapshot, logits=True)
    assert_allclose(by_logit.to_frame()[columns], expected, rtol=0, atol=2 * atol)


# Precision and memory


@settings(max_examples=50)
@given(st.floats(0, 1), st.integers(1, 300))
def test_a_constant_probability_does_not_vary_at_all(p, n_snapshots):
    frame = record([0, 1], [[p, p]] * n_snapshots).to_frame()
    assert frame["variability"].tolist() == [0, 0]
    assert_allclose(frame["confidence"], [1 - p, p], rtol=0, atol=1e-15)


def test_a_thousand_snapshots_near_one_lose_nothing(global_random_seed):
    distance = np.random.default_rng(global_random_seed).uniform(1e-9, 3e-9, size=(1000, 4))
    p = 1 - distance
    exact = (1 - p).std(axis=0)  # 1 - p is exact, and its two-pass standard deviation too
    naive = np.sqrt(np.maximum((p**2).mean(axis=0) - p.mean(axis=0) ** 2, 0))
    variability = record([1] * 4, p, classes=[0, 1]).to_frame()["variability"]
    assert_allclose(variability, exact, rtol=0, atol=1e-12)
    assert np.abs(naive - exact).max() > 1e-10  # or the case would show nothing


@pytest.mark.parametrize(
    ("n_classes", "multilabel", "most"), [(2, False, 30), (28, False, 38), (2, True, 30)]
)
@pytest.mark.parametrize("n_snapshots", [10, 1000])
def test_state_does_not_grow_with_the_snapshots(n_classes, multilabel, most, n_snapshots):
    n = 2000
    y = np.arange(n) % n_classes
    proba = np.full((n, n_classes), 1 / n_classes)
    recorder = DataMapRecorder(np.eye(n_classes)[y] if multilabel else y)
    recorder.update(proba)
    for _ in range(1, n_snapshots):
        recorder.update(proba[:1], indices=[0])  # for speed one row has them all
    n_rows = n * n_classes if multilabel else n
    assert recorder.n_snapshots_ == n_snapshots
    assert recorder._state.nbytes + recorder._codes.nbytes == most * n_rows
    assert len(pickle.dumps(recorder)) <= most * n_rows + 2000
    assert most <= 40


@pytest.mark.parametrize("rows", [None, [0, 1]])
def test_counters_widen_before_they_overflow(rows):
    recorder = record([0, 1], [[0.25, 0.75]])
    for counter in (recorder._state.n_updates, recorder._state.n_correct):
        counter[:] = 65_535  # as if it had been so all the time
    recorder.update([0.75, 0.25], indices=rows).update([0.25, 0.75], indices=rows)
    assert recorder.n_snapshots_ == 65_537
    frame = recorder.to_frame()
    assert_allclose(frame["correctness"], 65_536 / 65_537, rtol=1e-15)
    assert_allclose(frame["confidence"], 0.75 - 0.5 / 65_537, rtol=1e-15)
    assert frame["forgetting_events"].tolist() == [1, 1]


# History


def test_history_of_mini_batches_is_nan_after_a_row_ends():
    recorder = DataMapRecorder([0, 1, 1], keep_history=True)
    assert recorder.history_.shape == (0, 3)
    recorder.update([0.25, 0.75], indices=[0, 2])
    recorder.update([0.5], indices=[2])
    recorder.update([0.125], indices=[False, True, False])
    nan = np.nan
    assert_array_equal(recorder.history_, [[0.75, 0.125, 0.75], [nan, nan, 0.5]])
    assert recorder.history_.dtype == np.float32
    recorder.update([0.625, 0.375, 0.875])  # of rows updated once, once and twice
    third = [nan, nan, 0.875]
    assert_array_equal(recorder.history_, [[0.75, 0.125, 0.75], [0.375, 0.375, 0.5], third])


def test_history_is_p_of_the_label_in_every_snapshot():
    proba = random_snapshots((4, 6, 3))
    recorder = record([0, 1, 2, 0, 1, 2], proba, keep_history=True)
    expected = proba[:, np.arange(6), [0, 1, 2, 0, 1, 2]]
    assert_allclose(recorder.history_, expected, rtol=1e-7)


def test_history_has_to_be_asked_for():
    with pytest.raises(AttributeError, match="keep_history=True"):
        record([0, 1], [[0.5, 0.5]]).history_  # noqa: B018


# Rows that are never updated


def test_rows_never_updated_are_nan():
    recorder = DataMapRecorder([0, 1, 2]).update([[0.2, 0.5, 0.3]], indices=[1])
    frame = recorder.to_frame()
    assert frame.loc[[0, 2], COLUMNS].isna().all(axis=None)
    assert_allclose(frame.loc[1, COLUMNS].tolist(), [0.5, 0, 1, 0, 0, 0.2, 0.25])
    assert frame["label"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("rows", [[], np.zeros(2, bool)])
def test_an_empty_mini_batch_records_nothing(rows):
    recorder = DataMapRecorder([0, 1]).update(np.zeros((0, 2)), indices=rows)
    assert recorder.n_snapshots_ == 0
    with pytest.raises(NotFittedError, match="holds no snapshot yet: call update first"):
        recorder.to_frame()


# Multilabel


def test_multilabel_equals_the_definitions_of_each_label(global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    q, y = rng.random((5, 12, 3)), rng.integers(2, size=(12, 3))
    recorder = record(y, q, keep_history=True)
    # Each pair is a row of two classes, absent and present.
    expected = literal_map(np.stack([1 - q, q], axis=-1).reshape(5, 36, 2), y.ravel())
    assert_allclose(statistics(recorder), expected, atol=1e-13)
    assert_allclose(recorder.history_, np.where(y == 1, q, 1 - q), rtol=1e-6)
    by_logit = DataMapRecorder(y)
    parts = DataMapRecorder(y)
    for snapshot in q:
        by_logit.update(logit(snapshot), logits=True)
        parts.update(snapshot[4:], indices=np.arange(4, 12))
        parts.update(snapshot[:4], indices=np.arange(12) < 4)
    assert_allclose(statistics(by_logit), expected, atol=1e-13)
    assert_frame_equal(parts.to_frame(), recorder.to_frame())


def test_a_perfect_negative_counts_as_one_and_half_as_correct():
    frame = record([[0, 1], [1, 0]], [[[0.0, 1.0], [0.5, 0.5]]]).to_frame()
    assert frame["confidence"].tolist() == [1, 1, 0.5, 0.5]
    assert frame["correctness"].tolist() == [1, 1, 1, 1]
    assert frame["label"].tolist() == [0, 1, 1, 0]
    half = DataMapRecorder([[0, 1]]).update([[0.0, 0.0]], logits=True)
    assert half.to_frame()["correctness"].tolist() == [1, 1]


INDICATORS = {
    "list": lambda y: y.tolist(),
    "bool": lambda y: y.astype(bool),
    "float": lambda y: y.astype(float),
    "object": lambda y: y.astype(object),
    "csr": sparse.csr_matrix,
    "sparse bool": lambda y: sparse.csc_array(y.astype(bool)),
    "frame": pd.DataFrame,
    "nullable frame": lambda y: pd.DataFrame(y).astype("boolean"),
    "sparse frame": lambda y: pd.DataFrame(y).astype(pd.SparseDtype(int, 0)),
    "polars": pl.DataFrame,
}


@pytest.mark.parametrize("make", INDICATORS.values(), ids=INDICATORS)
def test_forms_of_an_indicator(make):
    y = np.array([[1, 0, 1], [0, 0, 1]])
    q = np.random.default_rng(0).random((2, 2, 3))
    assert_frame_equal(record(make(y), q).to_frame(), record(y, q).to_frame())


def test_a_single_label_may_be_a_multilabel_problem():
    y, q = np.array([[1], [0]]), np.array([[[0.5], [0.25]]])
    frame = record(y, q, multilabel=True).to_frame()
    assert frame["confidence"].tolist() == [0.5, 0.75]
    assert frame["correctness"].tolist() == [1, 1]
    # Otherwise it is a column of two classes, as scikit-learn has it.
    with pytest.warns(UserWarning, match="column-vector y was passed"):
        assert record(y, q).to_frame()["correctness"].tolist() == [0, 1]


# Index


def test_the_index_is_that_of_y_or_the_one_given():
    y = pd.Series([0, 1, 1], index=pd.Index(["a", "b", "b"], name="id"))
    recorder = record(y, [[0.1, 0.2, 0.3]])
    assert_index_equal(recorder.to_frame().index, y.index)
    assert_index_equal(recorder.to_frame(index=[7, 8, 9]).index, pd.Index([7, 8, 9]))
    assert_index_equal(record([0, 1], [[0.1, 0.2]]).to_frame().index, pd.RangeIndex(2), exact=True)
    with pytest.raises(ValueError, match="index has 2 rows but y has 3"):
        recorder.to_frame(index=[1, 2])


@pytest.mark.parametrize(
    ("index", "names"),
    [
        (pd.RangeIndex(2), ["example", "class"]),
        (pd.Index(["u", "v"], name="id"), ["id", "class"]),
        (pd.MultiIndex.from_tuples([("u", 1), ("v", 2)], names=["k", None]), ["k", None, "class"]),
    ],
)
def test_multilabel_index_is_example_and_label(index, names):
    y = pd.DataFrame([[1, 0, 1], [0, 1, 0]], index=index)
    q = np.random.default_rng(0).random((1, 2, 3))
    frame = record(y, q, classes=["x", "y", "z"]).to_frame()
    assert list(frame.index.names) == names
    for i, example in enumerate(index):
        for j, label in enumerate("xyz"):
            key = (*(example if isinstance(example, tuple) else (example,)), label)
            expected = q[0, i, j] if y.iloc[i, j] else 1 - q[0, i, j]
            assert frame.loc[key, "confidence"] == pytest.approx(expected)


# Merging


@settings(max_examples=50)
@given(tensors(), st.data())
def test_merge_of_disjoint_recorders_is_one_recorder(case, data):
    proba, codes = case
    params = {"classes": range(proba.shape[2]), "keep_history": True}
    mine = np.array(data.draw(st.lists(st.booleans(), min_size=len(codes), max_size=len(codes))))
    n_theirs = data.draw(st.integers(0, len(proba)))  # workers need not be equally far
    whole, left, right = (DataMapRecorder(codes, **params) for _ in range(3))
    for k, snapshot in enumerate(proba):
        for recorder, rows in ((left, mine), (right, ~mine)):
            if recorder is left or k < n_theirs:
                recorder.update(snapshot[rows], indices=rows)
                whole.update(snapshot[rows], indices=rows)
    before = pickle.dumps((left, right))
    for merged in (left.merge(right), right.merge(left)):
        assert_array_equal(merged.history_, whole.history_)
        if whole.n_snapshots_:
            assert_frame_equal(merged.to_frame(), whole.to_frame())
    merged.update(proba[0])
    assert pickle.dumps((left, right)) == before


def test_merge_keeps_the_index_and_takes_multilabel():
    y = pd.DataFrame([[1, 0], [0, 1]], index=["u", "v"])
    left = DataMapRecorder(y).update([[0.5, 0.25]], indices=[0])
    right = DataMapRecorder(y).update([[0.5, 0.25]], indices=[1])
    merged = left.merge(right).to_frame()
    assert merged["confidence"].tolist() == [0.5, 0.75, 0.5, 0.25]
    assert merged.index.tolist() == [("u", 0), ("u", 1), ("v", 0), ("v", 1)]


@pytest.mark.parametrize(
    ("other", "error", "text"),
    [
        ("no recorder", TypeError, "takes a DataMapRecorder, got str"),
        (DataMapRecorder([0, 1, 0]), ValueError, "same y, index and classes"),
        (DataMapRecorder([0, 1]), ValueError, "same y, index and classes"),
        (DataMapRecorder([0, 1, 1], classes=[0, 1, 2]), ValueError, "same y, index and classes"),
        (DataMapRecorder([0, 1, 1], keep_history=True), ValueError, "the other does not"),
        (
            DataMapRecorder([0, 1, 1]).update([0.5, 0.5], indices=[1, 2]),
            ValueError,
            r"Both recorders have updated the rows 1\.",
        ),
    ],
)
def test_merge_of_unequal_recorders_is_refused(other, error, text):
    recorder = DataMapRecorder([0, 1, 1]).update([0.5, 0.5], indices=[0, 1])
    with pytest.raises(error, match=text):
        recorder.merge(other)


def test_merge_names_the_examples_that_both_updated_once_each():
    recorder = record([[0, 1], [1, 0]], [[[0.5, 0.5], [0.5, 0.5]]])
    with pytest.raises(ValueError, match=r"the rows 0, 1\."):
        recorder.merge(recorder)


def test_pickle_carries_everything():
    recorder = record(pd.Series(["a", "b"], index=["u", "v"]), [[0.1, 0.9]], keep_history=True)
    copy = pickle.loads(pickle.dumps(recorder))
    assert repr(copy) == "DataMapRecorder(n_samples=2, n_classes=2, n_snapshots=1)"
    for each in (recorder, copy):
        each.update([0.3, 0.4])
    assert_frame_equal(copy.to_frame(), recorder.to_frame())
    assert "n_labels=2" in repr(DataMapRecorder([[0, 1]]))


# Refusals

BAD_UPDATES = {
    "above one": ({"proba": [[0.5, 1.5], [1, 0]]}, r"lie in \[0, 1\].*0 to 1.5; .*logits=True"),
    "negative": ({"proba": [-0.5, 0.5]}, "values from -0.5 to 0.5"),
    "sums": ({"proba": [[1, 0], [0.5, 0.25]]}, "must sum to 1, those of row 1 sum to 0.75"),
    "NaN": ({"proba": [[np.nan, np.nan], [0, 1]]}, "NaN or infinite in 2 entries, first in row 0"),
    "NaN in the second epoch": ({"proba": [0, np.nan]}, r"^epoch 1 \(counted from 0\).*diverged"),
    "NaN of a row's first": ({"proba": [np.nan], "indices": [2]}, r"^epoch 0 \(counted from 0\)"),
    "None": ({"proba": [0.5, None]}, "NaN or infinite in 1 entries, first in row 1"),
    "pandas NA": ({"proba": pd.array([0.5, None], dtype="Float64")}, "NaN or infinite in 1"),
    "infinite logit": ({"proba": [0, np.inf], "logits": True}, "NaN or infinite in 1 entries"),
    "both infinities": ({"proba": [-np.inf, np.inf], "logits": True}, "NaN or infinite in 2"),
    "too few rows": ({"proba": [[0.5, 0.5]]}, r"must have the shape \(2, 2\) or \(2,\)"),
    "too many classes": ({"proba": np.eye(3)[:2]}, r"'no', 'yes'\]; got \(2, 3\).* as classes"),
    "three axes": ({"proba": np.ones((2, 2, 1))}, r"got \(2, 2, 1\)"),
    "a number": ({"proba": 0.5}, r"got \(\)"),
    "text": ({"proba": [["0.5", "0.5"]] * 2}, "proba must hold numbers, got list of <U3"),
    "words": ({"proba": np.array(["a", "b"], dtype=object)}, "proba must hold numbers"),
    "complex": ({"proba": np.eye(2) * 1j}, "proba must hold numbers, got ndarray of complex128"),
    "sparse": ({"proba": sparse.csr_array(np.eye(2))}, "must hold numbers, got csr_array"),
    "above": ({"proba": [0.5, 0.5], "indices": [0, 3]}, "out of range: 3; rows are 0 to 2"),
    "below": ({"proba": [0.5, 0.5], "indices": [0, -1]}, "out of range: -1"),
    "repeated": ({"proba": [0.5] * 3, "indices": [1, 0, 1]}, "repeated within one update: 1;"),
    "floats": ({"proba": [0.5, 0.5], "indices": [0.0, 1.0]}, "list of row positions.*float64"),
    "two axes": ({"proba": [0.5, 0.5], "indices": [[0], [1]]}, r"of shape \(2, 1\)"),
    "a row": ({"proba": [0.5], "indices": 1}, r"of shape \(\)"),
    "mask too short": ({"proba": [0.5], "indices": [True, False]}, "mask indices has 2 rows but"),
    "mask of two axes": ({"proba": [0.5], "indices": np.ones((3, 1), bool)}, r"shape \(3, 1\)"),
    "rows without indices": ({"proba": [0.5] * 3, "indices": [0, 1]}, r"got \(3,\)"),
}


@pytest.mark.parametrize(("call", "text"), BAD_UPDATES.values(), ids=BAD_UPDATES)
def test_refused_updates_name_the_reason_and_leave_the_state_alone(call, text):
    recorder = DataMapRecorder(["no", "yes", "yes"], keep_history=True)
    recorder.update([0.5, 0.5], indices=[0, 1])
    before = pickle.dumps(recorder)
    with pytest.raises(ValueError, match=text):
        recorder.update(**{"indices": [0, 1]} | call)
    assert pickle.dumps(recorder) == before


@pytest.mark.parametrize(
    ("proba", "text"),
    [
        ([[0.5, 0.5, 1.1]] * 2, r"lie in \[0, 1\]"),
        ([0.5, 0.5], r"must have the shape \(2, 3\): rows"),
        ([[0.5, 0.5]] * 2, r"got \(2, 2\)"),
        ([[0.5, np.nan, 0.5]] * 2, "^epoch 0"),
    ],
)
def test_refused_updates_of_multilabel(proba, text):
    with pytest.raises(ValueError, match=text):
        DataMapRecorder(np.eye(3)[:2]).update(proba)


def test_rounding_passes_where_a_mistake_does_not():
    """Row sums may be off by 1e-3, by 1e-2 where float16 is to blame."""
    off = np.array([[0.5, 0.505]])
    with pytest.raises(ValueError, match="must sum to 1"):
        DataMapRecorder([0], classes=[0, 1]).update(off)
    DataMapRecorder([0], classes=[0, 1]).update(off.astype(np.float16))
    frame = record([0], [[[1.0005, 0]]], classes=[0, 1]).to_frame()
    assert frame[["confidence", "aleatoric"]].to_numpy().tolist() == [[1, 0]]


BAD_LABELS = {
    "empty": ([], "y is empty"),
    "no rows": (np.zeros((0, 3)), "y is empty"),
    "one class": (["a", "a"], "only one class, 'a'; pass all classes"),
    "no labels": (None, "should be a 1d array"),
    "three axes": (np.zeros((2, 2, 2)), "dim 3"),
    "not an indicator": (
        [[0, 1], [2, 1]],
        "indicator of zeros and ones; it has the values 0, 1, 2",
    ),
    "NaN in an indicator": ([[0, 1], [np.nan, 1]], "contains NaN: 1 of 4 entries"),
    "NA in an indicator": (pd.DataFrame({"a": [1, None], "b": [0, 1]}, dtype="Int64"), "NaN: 1 of"),
}


@pytest.mark.parametrize(("y", "text"), BAD_LABELS.values(), ids=BAD_LABELS)
def test_refused_labels(y, text):
    with pytest.raises(ValueError, match=text):
        DataMapRecorder(y)


BAD_CLASSES = {
    "unknown label": (
        ["a", "b"],
        ["a", "c"],
        "y has labels that are not in classes: 'b'; .*'a', 'c'",
    ),
    "repeated": (["a", "b"], ["a", "b", "a"], "classes has repeated labels: 'a', 'b', 'a'"),
    "one": (["a"], ["a"], "list of two or more labels"),
    "a number": (["a"], 3, "list of two or more labels"),
    "names of columns": ([[0, 1]], ["a"], r"name the 2 columns of y, got the shape \(1,\)"),
    "repeated names": ([[0, 1]], ["a", "a"], "classes has repeated labels: 'a', 'a'"),
}


@pytest.mark.parametrize(("y", "classes", "text"), BAD_CLASSES.values(), ids=BAD_CLASSES)
def test_refused_classes(y, classes, text):
    with pytest.raises(ValueError, match=text):
        DataMapRecorder(y, classes=classes)


def test_multilabel_is_refused_where_it_contradicts_the_shape_of_y():
    with pytest.raises(ValueError, match=r"has the shape \(n, n_labels\), got \(2,\)"):
        DataMapRecorder([0, 1], multilabel=True)
    with pytest.raises(ValueError, match="1d array"):
        DataMapRecorder([[0, 1], [1, 0]], multilabel=False)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("y", DataMapRecorder),
        ("proba", DataMapRecorder([0, 1]).update),
        ("indices", lambda rows: DataMapRecorder([0, 1]).update([0.5, 0.5], indices=rows)),
    ],
)
def test_containers_that_would_lose_something_are_refused(name, call):
    with pytest.raises(TypeError, match=rf"{name} is a numpy MaskedArray.*{name}\.filled"):
        call(np.ma.masked_array([0, 1], mask=[False, True]))


@settings(max_examples=30)
@given(tensors())
def test_ranges_hold(case):
    proba, codes = case
    frame = record(codes, proba, classes=range(proba.shape[2])).to_frame()
    assert frame[["confidence", "correctness"]].stack().between(0, 1).all()
    assert frame["variability"].between(0, 0.5 + 1e-12).all()
    assert frame["aleatoric"].between(0, 0.25).all()
    assert frame["margin"].between(-1, 1).all()
    assert (frame["forgetting_events"] <= len(proba) // 2).all()
    assert frame["first_learned"].between(-1, len(proba) - 1).all()
    assert ((frame["first_learned"] == -1) == (frame["correctness"] == 0)).all()


def test_columns_named_by_classes_are_taken_by_name():
    p = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    by_name = pd.DataFrame(p[:, ::-1], columns=["b", "a"])
    frame = DataMapRecorder(["a", "b", "b"]).update(by_name).to_frame()
    assert_allclose(frame["confidence"], [0.9, 0.8, 0.4])


def test_recorders_of_other_examples_do_not_merge():
    first, second = (
        DataMapRecorder(pd.Series([0, 1], index=list(names))) for names in ("ab", "cd")
    )
    with pytest.raises(ValueError, match="same y, index and classes"):
        first.merge(second)

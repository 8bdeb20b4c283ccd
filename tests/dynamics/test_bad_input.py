"""What a `DataMapClassifier` refuses, in words that help, and the odd inputs that it takes."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from learners import problem
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, SGDClassifier, SGDRegressor
from sklearn.model_selection import GroupKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skaudit import DataMapClassifier

LOG_LOSS = SGDClassifier(loss="log_loss", alpha=0.05)
X, Y = problem(100, n_features=6, n_redundant=1)
X.flags.writeable = Y.flags.writeable = False
ROWS = np.arange(100)


def fitted(X=X, y=Y, sample_weight=None, learner=LOG_LOSS, groups=None, **params):
    model = DataMapClassifier(learner, n_epochs=3, random_state=0, **params)
    return model.fit(X, y, sample_weight, **({} if groups is None else {"groups": groups}))


def refuses(error, text, **arguments):
    """`fitted` raises `error` with `text`; where the text is a list, with all of it."""
    with pytest.raises(error) as caught:
        fitted(**arguments)
    message = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    for part in [text] if isinstance(text, str) else text:
        assert part in message


def put(values, at, value):
    changed = np.array(values, dtype=float)
    changed[at] = value
    return changed


# -------------------------------------------------------------------------------------- estimators


class Dumb(ClassifierMixin, BaseEstimator):
    """Learns and says nothing."""

    def partial_fit(self, X, y, classes=None):
        return self


class NoWeights(Dumb):
    def predict_proba(self, X):
        return np.full((len(X), 2), 0.5)


@pytest.mark.parametrize(
    ("learner", "text"),
    [
        (SGDClassifier, ["estimator is the class SGDClassifier", "pass an instance"]),
        ("sgd", "estimator must be a classifier, got 'sgd'"),
        (7, "estimator must be a classifier, got 7"),
        (SGDRegressor(), "estimator must be a classifier, got SGDRegressor()"),
        (make_pipeline(StandardScaler()), "must be a classifier, got StandardScaler()"),
        (make_pipeline(StandardScaler(), "passthrough"), "must be a classifier"),
        (
            KNeighborsClassifier(),
            ["KNeighborsClassifier shows no training dynamics", "has no partial_fit, staged"]
            + ["Choose another learner", "DataMapRecorder"],
        ),
        (make_pipeline(StandardScaler(), KNeighborsClassifier()), "KNeighborsClassifier shows no"),
        (FrozenEstimator(LOG_LOSS), ["estimator is frozen", "pass the unfitted model"]),
        (
            make_pipeline(StandardScaler(), make_pipeline(LOG_LOSS)),
            "last step is a Pipeline; put all steps into one",
        ),
        (
            SGDClassifier(class_weight="balanced"),
            ["SGDClassifier(class_weight='balanced') does not work with partial_fit"]
            + ["set class_weight='balanced' on the DataMapClassifier instead"],
        ),
        (Dumb(), "Dumb has neither predict_proba nor decision_function"),
    ],
)
def test_learners_without_dynamics_are_refused_before_any_work(learner, text):
    refuses(ValueError, text, learner=learner)


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"recording": "prequential", "cv": 3}, "recording='prequential' predicts rows before"),
        (
            {"recording": "prequential", "learner": LogisticRegression()},
            "for recording='prequential': it has no partial_fit.",
        ),
        ({"n_epochs": 0}, "'n_epochs' parameter of DataMapClassifier must be an int in the range"),
        ({"n_repeats": 0}, "'n_repeats'"),
        ({"cv": 1}, "'cv'"),
        ({"cv": "three"}, "'cv'"),
        ({"recording": "before"}, "'recording'"),
        ({"keep_history": "yes"}, "'keep_history'"),
        ({"class_weight": "auto"}, "'class_weight'"),
        ({"n_jobs": "all"}, "'n_jobs'"),
        ({"random_state": "seed"}, "'random_state'"),
    ],
)
def test_parameters_are_checked_in_fit(params, text):
    model = DataMapClassifier(**{"estimator": params.pop("learner", LOG_LOSS)} | params)
    with pytest.raises(ValueError, match=text):
        model.fit(X, Y)


# ------------------------------------------------------------------------------------------ arrays


FRAME = pd.DataFrame(X).add_prefix("x")


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        (put(X, ([1, 2], [0, 3]), [np.inf, -np.inf]), "infinity or a value too large"),
        (put(X, ([1, 2], [0, 3]), [np.inf, -np.inf]), "2 of 600 entries"),
        (put(X, ([1, 2], [0, 3]), [np.inf, -np.inf]).tolist(), "2 of 600 entries"),
        (sparse.csr_array(put(X * 0, (1, 2), np.inf)), "Input X contains infinity"),
        (FRAME.assign(x3=put(X[:, 3], 5, np.inf)), ["Input X, column 'x3'", "1 of 100 entries"]),
        (put(X, (1, 2), np.nan), ["Input X contains NaN", "SGDClassifier does not accept missing"]),
        (FRAME.assign(x3=put(X[:, 3], 5, np.nan)), "Input X contains NaN"),
        (FRAME.assign(when=pd.Timestamp(0)), ["X has columns that are not numbers: 'when' (date"]),
        (FRAME.assign(word="a"), ["X has columns that are not numbers: 'word'", "Encode them"]),
        (pl.DataFrame({"a": [0.0] * 100, "b": ["x"] * 100}), "not numbers: 'b' (String)"),
        (np.full((100, 2), "a"), "could not convert string to float: "),
        (np.full((100, 2), "a", dtype=object), "could not convert string to float: "),
        (X[:, 0], "Expected 2D array, got 1D array instead"),
        (X.reshape(100, 3, 2), "Found array with dim 3"),
        (X[:, :0], "0 feature(s)"),
        (X + 1j, "Complex data not supported"),
        ([[1.0], [2.0, 3.0]] * 50, "inhomogeneous"),
    ],
)
def test_bad_rows(bad, text):
    refuses(ValueError, text, X=bad)


def dask_array(values):
    return pytest.importorskip("dask.array").from_array(values)


def dask_frame(values):
    dataframe = pytest.importorskip("dask.dataframe")
    return dataframe.from_pandas(pd.DataFrame(values), npartitions=2)


LAZY = {
    "masked": (lambda values: np.ma.array(values), "fill it first, {}.filled(...)"),
    "dask": (dask_array, "compute it first, {}.compute()"),
    "dask frame": (dask_frame, "compute it first, {}.compute()"),
    "polars": (lambda values: pl.DataFrame(values).lazy(), "collect it first, {}.collect()"),
}


@pytest.mark.parametrize("kind", LAZY)
@pytest.mark.parametrize("name", ["X", "y", "sample_weight"])
def test_lazy_and_masked_containers_are_not_converted(name, kind):
    convert, remedy = LAZY[kind]
    value = {"X": X, "y": Y, "sample_weight": np.ones(100)}[name].copy()
    text = [f"{name} is a ", "not supported here", remedy.format(name)]
    refuses(TypeError, text, **{name: convert(value)})


def test_tensors_are_not_converted():
    torch = pytest.importorskip("torch")
    refuses(TypeError, "pass a numpy array: X.detach().cpu().numpy()", X=torch.tensor(X.copy()))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"y": Y[:40]}, "y has 40 rows but X has 100"),
        ({"sample_weight": np.ones(7)}, "sample_weight has 7 rows but X has 100"),
        ({"groups": ROWS[:9], "cv": GroupKFold(3)}, "[100, 100, 9]"),
        ({"X": X[:0], "y": Y[:0]}, "0 sample(s)"),
        ({"y": None}, "requires y to be passed, but the target y is None"),
        ({"y": np.zeros(100)}, "y has only one class, 0.0; a classifier needs at least two"),
        ({"y": np.full(100, "a")}, "y has only one class, 'a'"),
        ({"y": put(Y, [3, 4], np.nan)}, "Input y contains NaN: 2 of 100"),
        ({"y": [None, *Y[1:].tolist()]}, "Input y contains NaN: 1 of 100"),
        ({"y": pd.Series(Y, dtype="Int64").mask(ROWS < 3)}, "Input y contains NaN: 3 of 100"),
        ({"y": put(Y, 3, np.inf)}, ["Input y contains infinity", "1 of 100"]),
        ({"y": X[:, 0]}, ["Unknown label type: continuous", "cut it into classes"]),
        ({"y": ["a", *Y[1:].tolist()]}, "y mixes labels of the types"),
        ({"y": np.c_[Y, Y + 1]}, "must be a multilabel indicator of zeros and ones"),
        ({"y": np.c_[Y, Y * 0]}, "The columns 1 of y have one value only"),
        (
            {"y": np.c_[Y, 1 - Y], "class_weight": "balanced"},
            ["class_weight is not defined for a multilabel y", "sample_weight"],
        ),
    ],
)
def test_bad_labels_and_lengths(arguments, text):
    refuses(ValueError, text, **arguments)


@pytest.mark.parametrize("name", ["y", "sample_weight"])
def test_rows_in_another_order_are_refused(name):
    frame = FRAME.set_index(ROWS + 7)
    shuffled = {"y": Y, "sample_weight": np.ones(100)}
    shuffled[name] = pd.Series(shuffled[name], index=frame.index[::-1])
    refuses(
        ValueError,
        [f"{name} has the same index labels as X in another order", f"{name}.loc[X.index]"],
        X=frame,
        **shuffled,
    )


@pytest.mark.parametrize(
    ("weight", "text"),
    [
        (put(np.ones(100), [2, 3], -1), "sample_weight must be >= 0, got 2 negative entries"),
        (np.zeros(100), "sample_weight is zero for every row"),
        (put(np.ones(100), 2, np.nan), "Input sample_weight contains NaN: 1 of 100"),
        (put(np.ones(100), 2, np.inf), "Input sample_weight contains infinity"),
        (np.ones((100, 2)), "Sample weights must be 1D"),
        (np.full(100, "a"), "sample_weight must hold numbers"),
    ],
)
def test_bad_weights(weight, text):
    refuses(ValueError, text, sample_weight=weight)


@pytest.mark.parametrize(
    ("weights", "text"),
    [
        ({5: 1.0}, "class_weight names classes that y does not have: 5; classes are 0, 1"),
        ({0: -1.0}, "class_weight must give finite numbers >= 0, got 0: -1.0"),
        ({0: np.nan}, "class_weight must give finite numbers >= 0, got 0: nan"),
        ({0: "a"}, "class_weight must give finite numbers >= 0, got 0: 'a'"),
        ({0: 0, 1: 0.0}, "class_weight is zero for every class"),
    ],
)
def test_bad_class_weights(weights, text):
    refuses(ValueError, text, class_weight=weights)


@pytest.mark.parametrize("arguments", [{"sample_weight": np.ones(100)}, {"class_weight": {0: 2}}])
def test_weights_for_a_learner_that_takes_none(arguments):
    text = "NoWeights.partial_fit takes no sample_weight, so neither sample_weight nor class_weight"
    refuses(ValueError, text, learner=NoWeights(), **arguments)


@pytest.mark.parametrize(
    ("split", "text"),
    [
        ((ROWS, ROWS[:9]), "trains on rows that it tests: 0, 1, 2, 3, 4, ... (9 in all)"),
        ((ROWS[50:], [1, 2, 2]), "A split of cv tests rows twice: 2."),
        ((ROWS[50:], [0, 100]), "A split of cv has rows that X lacks: 100; rows are 0 to 99"),
        ((ROWS[50:], [-1]), "A split of cv has rows that X lacks: -1"),
        ((ROWS[50:], []), "A split of cv has 50 training and 0 test rows"),
        ((ROWS < 0, ROWS >= 0), "A split of cv has 0 training and 100 test rows"),
    ],
)
def test_bad_splits(split, text):
    refuses(ValueError, text, cv=[split])


def test_arguments_of_fit_that_nobody_takes():
    refuses(ValueError, "groups would be used by cv only, and cv is None", groups=ROWS)
    with pytest.raises(TypeError, match=r"unexpected arguments \['colour'\]; groups is allowed"):
        DataMapClassifier(LOG_LOSS, cv=3).fit(X, Y, colour=ROWS)


@pytest.mark.parametrize("name", ["data_map_", "epoch_log_"])
def test_attributes_before_fit(name):
    with pytest.raises(NotFittedError):
        getattr(DataMapClassifier(), name)


@pytest.mark.parametrize("name", ["label_issues", "select"])
def test_methods_before_fit(name):
    with pytest.raises(NotFittedError):
        getattr(DataMapClassifier(), name)()


@pytest.mark.parametrize("name", ["predict", "predict_proba", "predict_log_proba"])
def test_predictions_before_fit(name):
    with pytest.raises(NotFittedError):
        getattr(DataMapClassifier(), name)(X)


# ---------------------------------------------------------------------------------- what is fine


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
    "text numbers": lambda folder: X.astype(str),
    "integer names": lambda folder: pd.DataFrame(X),
    "string names": lambda folder: FRAME,
    "nullable": lambda folder: FRAME.astype("Float64"),
    "pyarrow": lambda folder: FRAME.astype("double[pyarrow]"),
    "polars": lambda folder: pl.DataFrame(X),
    "sparse frame": lambda folder: FRAME.astype(pd.SparseDtype("float", 0.0)),
    "csr": lambda folder: sparse.csr_matrix(X),
    "csc": lambda folder: sparse.csc_array(X),
    "coo": lambda folder: sparse.coo_matrix(X),
}


@pytest.mark.parametrize("cv", [None, 3])
@pytest.mark.parametrize("kind", CONTAINERS)
def test_all_containers_give_the_same_map(kind, cv, tmp_path):
    if kind == "pyarrow":
        pytest.importorskip("pyarrow")
    given = CONTAINERS[kind](tmp_path)
    model = fitted(given, cv=cv)
    # The intercept of SGD learns more slowly where X is sparse.
    plain = sparse.csr_array(X) if kind in ("csr", "csc", "coo", "sparse frame") else X
    expected = fitted(plain, cv=cv).data_map_
    pd.testing.assert_frame_equal(model.data_map_, expected, rtol=1e-9)
    assert model.n_features_in_ == 6
    # scikit-learn knows the names of polars frames in some combinations of versions only.
    names = getattr(SGDClassifier().fit(given, Y), "feature_names_in_", None)
    assert kind not in ("string names", "nullable", "pyarrow") or names[0] == "x0"
    for fit in (model, model.estimator_):
        np.testing.assert_array_equal(getattr(fit, "feature_names_in_", None), names)
    if kind not in ("object", "text numbers"):
        assert model.predict(given).shape == (100,)  # without a warning about names


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_single_precision_stays(dtype):
    model = fitted(X.astype(dtype))
    seen = []

    class Watcher(SGDClassifier):
        def partial_fit(self, X, y, classes=None, sample_weight=None):
            seen.append(X.dtype)
            return super().partial_fit(X, y, classes, sample_weight)

    fitted(X.astype(dtype), learner=Watcher(loss="log_loss"))
    assert set(seen) == {np.dtype(np.float32)}
    frame = pd.DataFrame(X.astype(dtype))
    assert fitted(frame).data_map_["confidence"].between(0, 1).all()
    np.testing.assert_allclose(
        model.data_map_["confidence"], fitted().data_map_["confidence"], atol=2e-2
    )


@pytest.mark.parametrize("cv", [None, 3])
@pytest.mark.parametrize("container", [np.array, pd.DataFrame, sparse.csr_array, sparse.csc_matrix])
def test_input_is_left_as_it_was(container, cv):
    given, labels, weight = container(X), pd.Series(Y), np.ones(100)
    dense = given.copy()
    fitted(given, labels, weight, cv=cv, class_weight="balanced")
    difference = (given - dense) != 0
    assert not (difference.nnz if sparse.issparse(given) else np.asarray(difference).any())
    assert (weight == 1).all()
    assert (labels.to_numpy() == Y).all()


INDEXES = {
    "text": pd.Index([f"row {i}" for i in ROWS], name="id"),
    "levels": pd.MultiIndex.from_product([range(20), list("abcde")], names=["a", "b"]),
    "zone": pd.date_range("2024-03-01", periods=100, tz="Europe/Berlin"),
    "dates": pd.date_range("2024-03-01", periods=100),
    "repeated": pd.Index(ROWS // 2),
    "named range": pd.RangeIndex(100, name="row"),
}


@pytest.mark.parametrize("kind", INDEXES)
@pytest.mark.parametrize("carrier", ["X", "y"])
def test_the_index_of_the_caller_is_carried(kind, carrier):
    index = INDEXES[kind]
    given = {"X": FRAME.set_index(index)} if carrier == "X" else {"y": pd.Series(Y, index=index)}
    model = fitted(**given)
    data_map, issues = model.data_map_, model.label_issues()
    assert data_map.index.equals(index)
    assert data_map.index.names == index.names
    assert data_map.index.dtype == index.dtype
    worst = np.argsort(data_map["label_quality"], kind="stable")
    assert issues.index.equals(index[worst])


def test_missing_values_are_the_learners_affair():
    given = put(X, (ROWS[:20], 0), np.nan)
    booster = HistGradientBoostingClassifier(max_iter=3)
    assert fitted(given, learner=booster).data_map_["confidence"].notna().all()
    assert DataMapClassifier(booster).__sklearn_tags__().input_tags.allow_nan
    assert not DataMapClassifier(LOG_LOSS).__sklearn_tags__().input_tags.allow_nan


@pytest.mark.parametrize("given", [X * 1e-300, X * 0, np.repeat(X[:1], 100, axis=0)])
def test_degenerate_rows_give_finite_numbers(given):
    model = fitted(given, learner=None)
    assert np.isfinite(model.data_map_["confidence"]).all()
    assert np.isfinite(model.epoch_log_).all(axis=None)


def test_the_columns_of_predict_are_checked():
    model = fitted(FRAME)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(FRAME.iloc[:, ::-1])
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        model.predict(X)


def test_mixed_names_are_refused_before_any_work():
    class Untouched(SGDClassifier):
        def partial_fit(self, *args, **kwargs):
            raise AssertionError

    mixed = pd.DataFrame(X, columns=["a", 1, 2, 3, 4, 5])
    refuses(TypeError, "Feature names are only supported if all", X=mixed, learner=Untouched())

"""`sample_losses`: their mean is scikit-learn's metric, whatever the labels are called."""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.cluster import KMeans
from sklearn.datasets import make_classification, make_regression
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    log_loss,
    mean_absolute_error,
    mean_squared_error,
    zero_one_loss,
)
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, TimeSeriesSplit
from sklearn.model_selection import cross_val_predict as out_of_fold
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skaudit.spotlight import sample_losses

LABELS = {
    "0/1": [0, 1],
    "-1/1": [-1, 1],
    "1/2": [1, 2],
    "bool": [False, True],
    "strings": ["no", "yes"],
    "three": [0, 1, 2],
    "three strings": ["a", "b", "c"],
    "three odd": [-5, 3, 7],
}


def classification(n_classes=2, n=150, seed=0):
    return make_classification(
        n, n_features=5, n_informative=4, n_redundant=0, n_classes=n_classes, random_state=seed
    )


def logistic():
    return LogisticRegression(C=0.3)


class Fixed(ClassifierMixin, BaseEstimator):
    """Answers with what it was made with, whatever it is asked."""

    def __init__(self, proba=None, classes=(0, 1), labels=None):
        self.proba = proba
        self.classes = classes
        self.labels = labels
        self.classes_ = classes if isinstance(classes, list | None) else np.array(classes)

    def fit(self, X, y):
        return self

    def predict(self, X):
        return self.labels

    def predict_proba(self, X):
        return self.proba


class FixedRegressor(RegressorMixin, BaseEstimator):
    def __init__(self, values=None):
        self.values = values
        self.fitted_ = True

    def fit(self, X, y):
        return self

    def predict(self, X):
        return self.values


# Laws


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("cv", [None, 3])
def test_the_mean_is_the_metric_of_scikit_learn(labels, cv, global_random_seed):
    X, y = classification(len(labels), seed=global_random_seed)
    y = np.array(labels)[y]
    model = logistic() if cv else logistic().fit(X, y)
    if cv:
        proba = out_of_fold(model, X, y, cv=cv, method="predict_proba")
        predicted = out_of_fold(model, X, y, cv=cv)
    else:
        proba, predicted = model.predict_proba(X), model.predict(X)
    expected = {
        "log_loss": log_loss(y, proba),
        "brier": brier_score_loss(y, proba, labels=labels),
        "zero_one": zero_one_loss(y, predicted),
    }
    for loss, value in expected.items():
        losses = sample_losses(model, X, y, loss=loss, cv=cv)
        assert losses.dtype == np.float64
        assert losses.shape == (150,)
        assert (losses >= 0).all()
        assert losses.mean() == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("cv", [None, 3])
def test_the_mean_is_the_metric_of_a_regressor(cv, global_random_seed):
    X, y = make_regression(80, n_features=4, noise=3.0, random_state=global_random_seed)
    model = Ridge().fit(X, y)
    predicted = out_of_fold(model, X, y, cv=cv) if cv else model.predict(X)
    squared = sample_losses(model, X, y, loss="squared", cv=cv)
    absolute = sample_losses(model, X, y, loss="absolute", cv=cv)
    assert squared.mean() == pytest.approx(mean_squared_error(y, predicted), rel=1e-12)
    assert absolute.mean() == pytest.approx(mean_absolute_error(y, predicted), rel=1e-12)
    np.testing.assert_allclose(absolute**2, squared, rtol=1e-12)


@pytest.mark.parametrize("loss", ["log_loss", "brier", "zero_one"])
@pytest.mark.parametrize("labels", [[-1, 1], [1, 2], ["no", "yes"], ["z", "a"], [1, 0]])
def test_names_of_labels_do_not_matter(labels, loss):
    X, y = classification()
    named = np.array(labels)[y]
    expected = sample_losses(logistic().fit(X, y), X, y, loss=loss)
    renamed = sample_losses(logistic().fit(X, named), X, named, loss=loss)
    np.testing.assert_allclose(renamed, expected, rtol=1e-4, atol=1e-6)


def test_columns_follow_classes_in_any_order():
    model = Fixed(np.array([[0.7, 0.2, 0.1], [0.7, 0.2, 0.1]]), classes=("c", "a", "b"))
    losses = sample_losses(model, [[0], [0]], ["c", "a"])
    np.testing.assert_allclose(losses, -np.log([0.7, 0.2]))


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=2, max_size=20))
def test_losses_of_any_probability_are_finite_and_as_defined(pairs):
    p, y = np.array([pair[0] for pair in pairs]), np.array([int(pair[1]) for pair in pairs])
    model, X = Fixed(np.column_stack([1 - p, p])), np.zeros((len(y), 1))
    logs, brier = sample_losses(model, X, y), sample_losses(model, X, y, loss="brier")
    np.testing.assert_allclose(brier, (p - y) ** 2, atol=1e-15)
    assert np.isfinite(logs).all()
    assert (logs > 0).all()
    assert logs.mean() == pytest.approx(log_loss(y, model.proba, labels=[0, 1]), rel=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_the_clip_is_that_of_the_dtype(dtype):
    model = Fixed(np.array([[1, 0]], dtype=dtype))
    (loss,) = sample_losses(model, [[0]], [1])
    assert loss == -np.log(np.float64(np.finfo(dtype).eps))


def test_multiclass_brier_reaches_two():
    model = Fixed(np.array([[1.0, 0.0, 0.0]]), classes=(0, 1, 2))
    np.testing.assert_array_equal(sample_losses(model, [[0]], [1], loss="brier"), [2.0])


def test_row_order_carries_through():
    X, y = classification()
    model, order = logistic().fit(X, y), np.random.default_rng(0).permutation(len(y))
    expected = sample_losses(model, X, y)[order]
    np.testing.assert_allclose(sample_losses(model, X[order], y[order]), expected, rtol=1e-12)


def test_out_of_fold_losses_exceed_those_of_a_model_that_memorised():
    X, y = classification()
    model = DecisionTreeClassifier(random_state=0)
    assert sample_losses(model.fit(X, y), X, y, loss="zero_one").sum() == 0
    assert sample_losses(model, X, y, loss="zero_one", cv=4).sum() > 0


def test_groups_and_weights_reach_the_folds():
    X, y = classification()
    groups, weight = np.arange(150) // 10, np.linspace(0.1, 3, 150)
    cv = GroupKFold(3)
    given = {"sample_weight": weight, "groups": groups}
    losses = sample_losses(logistic(), X, y, cv=cv, params=given, n_jobs=1)
    proba = out_of_fold(
        logistic(),
        X,
        y,
        cv=list(cv.split(X, y, groups)),
        params={"sample_weight": weight},
        method="predict_proba",
    )
    assert losses.mean() == pytest.approx(log_loss(y, proba), rel=1e-12)
    assert set(given) == {"sample_weight", "groups"}


def test_groups_are_routed(enable_metadata_routing):
    X, y = classification()
    groups = np.arange(150) // 10
    losses = sample_losses(logistic(), X, y, cv=GroupKFold(3), params={"groups": groups})
    with sklearn.config_context(enable_metadata_routing=False):
        expected = sample_losses(logistic(), X, y, cv=GroupKFold(3), params={"groups": groups})
    np.testing.assert_array_equal(losses, expected)


# Containers


@pytest.mark.parametrize(
    "container",
    [
        list,
        pd.Series,
        lambda y: pd.Series(y, dtype="category"),
        lambda y: pd.Series(y, dtype="string"),
        lambda y: pd.Series(y, dtype="string[pyarrow]"),
        lambda y: np.array(y, dtype=object),
    ],
)
@pytest.mark.parametrize("cv", [None, 2])
def test_containers_of_labels(container, cv):
    X, y = classification(n=60)
    y = np.array(["no", "yes"])[y]
    model = logistic().fit(X, y)
    for loss in ("log_loss", "zero_one"):
        expected = sample_losses(model, X, y, cv=cv, loss=loss)
        losses = sample_losses(model, X, container(y), cv=cv, loss=loss)
        np.testing.assert_array_equal(losses, expected)


@pytest.mark.parametrize("dtype", ["boolean", "Int64", ">i4", "int8"])
def test_dtypes_of_labels(dtype):
    X, y = classification(n=60)
    model = logistic().fit(X, y)
    given = pd.Series(y).astype(dtype) if dtype[0] in "bI" else y.astype(dtype)
    np.testing.assert_array_equal(sample_losses(model, X, given), sample_losses(model, X, y))


def test_columns_and_frames_of_targets():
    X, y = make_regression(30, n_features=2, random_state=0)
    X, y = pd.DataFrame(X).add_prefix("x"), pd.Series(y)
    model = LinearRegression().fit(X, y.to_frame())  # predicts (n, 1)
    expected = np.abs(y - model.predict(X)[:, 0])
    for target in (y, y.to_list(), y.astype("Float64")):
        np.testing.assert_allclose(sample_losses(model, X, target, loss="absolute"), expected)


def test_pipelines_searches_and_lists_of_texts():
    texts, y = ["good day", "bad day", "good", "bad"] * 5, [1, 0, 1, 0] * 5
    pipeline = make_pipeline(CountVectorizer(), MultinomialNB())
    search = GridSearchCV(pipeline, {"multinomialnb__alpha": [0.1, 1.0]}, cv=2).fit(texts, y)
    for model in (search, search.best_estimator_):
        losses = sample_losses(model, texts, y)
        assert losses.mean() == pytest.approx(log_loss(y, model.predict_proba(texts)))
    assert sample_losses(pipeline, texts, y, cv=2).shape == (20,)


def test_inputs_are_not_written_to():
    X, y = classification()
    model = logistic().fit(X, y)
    copies = X.copy(), y.copy()
    X.flags.writeable = y.flags.writeable = False
    for loss in ("log_loss", "brier", "zero_one"):
        sample_losses(model, X, y, loss=loss)
    np.testing.assert_array_equal(X, copies[0])
    np.testing.assert_array_equal(y, copies[1])


def test_probabilities_of_the_model_are_not_written_to():
    proba = np.array([[0.25, 0.75], [0.5, 0.5]])
    proba.flags.writeable = False
    np.testing.assert_array_equal(
        sample_losses(Fixed(proba), [[0], [0]], [1, 0], loss="brier"), [0.0625, 0.25]
    )


def test_integer_probabilities_are_read():
    losses = sample_losses(Fixed(np.array([[1, 0], [0, 1]])), [[0], [0]], [0, 0], loss="brier")
    np.testing.assert_array_equal(losses, [0.0, 1.0])


def test_a_model_of_one_class():
    model = DummyClassifier().fit([[0], [0]], ["a", "a"])
    np.testing.assert_allclose(sample_losses(model, [[0]], ["a"]), 0, atol=1e-15)


# Callables


def test_a_callable_gets_labels_and_probabilities():
    X, y = classification(3)
    y = np.array(["a", "b", "c"])[y]
    model = logistic().fit(X, y)
    seen = {}

    def margin(y_true, y_pred):
        seen.update(y=y_true, p=y_pred)
        return -y_pred.max(axis=1)

    losses = sample_losses(model, X, y, loss=margin)
    np.testing.assert_array_equal(losses, -model.predict_proba(X).max(axis=1))
    np.testing.assert_array_equal(seen["y"], y)
    np.testing.assert_array_equal(seen["p"], model.predict_proba(X))


def test_a_callable_of_a_regressor_may_have_several_targets():
    X, y = make_regression(30, n_targets=2, random_state=0)
    losses = sample_losses(Ridge().fit(X, y), X, y, loss=lambda t, p: ((t - p) ** 2).sum(axis=1))
    assert losses.shape == (30,)
    with pytest.raises(ValueError, match="y should be a 1d array"):
        sample_losses(Ridge().fit(X, y), X, y, loss="squared")


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (0.5, r"loss=judge must return one number a row, an array of shape \(150,\)"),
        (np.zeros((150, 1)), r"of shape \(150, 1\)"),
        (np.array(["x"] * 150), "<U1"),
        (np.r_[np.nan, np.inf, np.ones(148)], "judge is NaN or infinite for 2 of 150 rows"),
    ],
)
def test_a_callable_that_returns_something_else(result, text):
    X, y = classification()

    def judge(y_true, y_pred):
        return result

    with pytest.raises(ValueError, match=text):
        sample_losses(logistic().fit(X, y), X, y, loss=judge)


def test_a_metric_that_averages_is_refused():
    X, y = classification()
    with pytest.raises(ValueError, match="A metric that averages will not do"):
        sample_losses(logistic().fit(X, y), X, y, loss=log_loss)


# Bad inputs


@pytest.mark.parametrize(
    ("estimator", "loss", "text"),
    [
        (Ridge(), "log_loss", r"'log_loss' does not suit Ridge, a regressor: .* 'squared'"),
        (logistic(), "squared", r"'squared' does not suit LogisticRegression, a classifier"),
        (logistic(), "hinge", r"loss must be one of 'log_loss', .* callable; got 'hinge'"),
        (LinearSVC(), "log_loss", r"LinearSVC has no predict_proba, .* loss='zero_one'"),
        (LinearSVC(), accuracy_score, r"which loss=accuracy_score needs"),
        (LogisticRegression, "log_loss", r"estimator is the class LogisticRegression"),
        (StandardScaler(), "log_loss", r"a classifier or a regressor .* got StandardScaler"),
        (KMeans(), "log_loss", r"got KMeans"),
        (object(), "log_loss", r"got object"),
    ],
)
@pytest.mark.parametrize("error", [TypeError, ValueError])
def test_a_loss_that_does_not_suit_the_estimator(estimator, loss, text, error):
    with pytest.raises(error, match=text):
        sample_losses(estimator, [[0.0]], [0], loss=loss)


def test_margins_suffice_for_zero_one():
    X, y = classification()
    model = LinearSVC().fit(X, y)
    losses = sample_losses(model, X, y, loss="zero_one")
    assert losses.mean() == pytest.approx(1 - model.score(X, y))


def test_a_model_that_is_not_fitted():
    with pytest.raises(NotFittedError):
        sample_losses(logistic(), [[0.0]], [0])


@pytest.mark.parametrize("loss", ["log_loss", "brier", "zero_one"])
def test_labels_that_the_model_does_not_know(loss):
    X, y = classification()
    model = logistic().fit(X, np.array(["no", "yes"])[y])
    given = np.array(["no", "maybe"])[y]
    text = "y has labels that the model does not know: 'maybe'; its classes_ are 'no', 'yes'"
    with pytest.raises(ValueError, match=text):
        sample_losses(model, X, given, loss=loss)


def test_a_prediction_that_is_no_class():
    model = Fixed(labels=np.array([0, 9]))
    with pytest.raises(ValueError, match="The prediction has labels that the model does not know"):
        sample_losses(model, [[0], [0]], [0, 1], loss="zero_one")


@pytest.mark.parametrize(
    ("proba", "text"),
    [
        ([[0.5, np.nan], [0.5, 0.5]], "NaN or infinite in 1 of 2 rows"),
        ([[2.0, -1.0], [0.5, 0.5]], r"must lie in \[0, 1\], got values from -1 to 2"),
        ([[0.5, 0.5], [0.5, 0.1]], "those of row 1 sum to 0.6"),
        ([0.5, 0.5], r"the shape \(2,\); \(2, 2\) is needed"),
        ([[1.0], [1.0]], r"a column for each of the classes 0, 1"),
    ],
)
def test_probabilities_that_are_none(proba, text):
    with pytest.raises(ValueError, match=text):
        sample_losses(Fixed(np.array(proba)), [[0], [0]], [0, 1])


def test_several_labels_a_row_are_refused():
    X = [[0], [0]]
    with pytest.raises(ValueError, match="predict_proba gives a list"):
        sample_losses(Fixed([np.eye(2), np.eye(2)]), X, [0, 1])
    with pytest.raises(ValueError, match="has a list of classes_"):
        sample_losses(Fixed(classes=[np.arange(2)] * 2), X, [0, 1])
    with pytest.raises(ValueError, match="has no classes_"):
        sample_losses(Fixed(classes=None), X, [0, 1])
    with pytest.raises(ValueError, match="y should be a 1d array"):
        sample_losses(Fixed(np.eye(2)), X, [[0, 1], [1, 1]])


@pytest.mark.parametrize(
    ("y", "text"),
    [
        ([0, 1], "y has 2 rows but X has 3"),
        (None, "y is None"),
        ([0, 1, np.nan], "contains NaN"),
        ([0.5, 1.5, 0.1], "continuous"),
        (["a", None, "b"], "1 of 3 labels are missing"),
    ],
)
def test_bad_labels(y, text):
    with pytest.raises(ValueError, match=text):
        sample_losses(Fixed(np.eye(2)[[0, 1, 0]]), np.zeros((3, 1)), y)


@pytest.mark.parametrize(
    ("y", "predicted", "text"),
    [
        ([0.0, np.inf], [0.0, 0.0], "y contains NaN or infinity: 1 of 2"),
        ([0.0, 1.0], [np.nan, 0.0], "The prediction contains NaN or infinity: 1 of 2"),
        (["1", "2"], [0.0, 0.0], "y must be numbers for a regressor: got <U1"),
        (np.array(["x", 2], dtype=object), [0.0, 0.0], "y must be numbers for a regressor"),
        ([0.0, 1.0], [[0.0, 1.0], [0.0, 1.0]], r"shape \(2, 2\), and y has \(2,\)"),
        ([1e200, -1e200], [-1e200, 1e200], "NaN or infinite for 2 of 2 rows: .* 'absolute'"),
    ],
)
def test_bad_targets_and_predictions(y, predicted, text):
    with pytest.raises(ValueError, match=text):
        sample_losses(FixedRegressor(np.array(predicted)), [[0], [0]], y, loss="squared")


@pytest.mark.parametrize("scale", [1e200, 1e-300])
def test_extreme_scales(scale):
    model = FixedRegressor(np.zeros(2))
    losses = sample_losses(model, [[0], [0]], [scale, -scale], loss="absolute")
    np.testing.assert_array_equal(losses, [scale, scale])


def test_rows_in_another_order_are_refused():
    X, y = classification(n=20)
    X, y = pd.DataFrame(X), pd.Series(y)
    model = logistic().fit(X, y)
    with pytest.raises(ValueError, match=r"y has the same index labels as X in another order"):
        sample_losses(model, X, y[::-1])


def test_no_rows():
    with pytest.raises(ValueError, match="X has no rows"):
        sample_losses(Fixed(np.empty((0, 2))), np.empty((0, 1)), [])


@pytest.mark.parametrize("name", ["X", "y"])
def test_masked_arrays_are_refused(name):
    given = {"X": np.zeros((2, 1)), "y": np.array([0, 1])}
    given[name] = np.ma.masked_array(given[name])
    with pytest.raises(TypeError, match=rf"{name} is a numpy MaskedArray.*filled"):
        sample_losses(Fixed(np.eye(2)), **given)


def test_out_of_fold_losses_of_a_frozen_model_are_none():
    X, y = classification()
    with pytest.raises(ValueError, match="estimator is frozen"):
        sample_losses(FrozenEstimator(logistic().fit(X, y)), X, y, cv=3)


def test_params_without_folds():
    X, y = classification()
    with pytest.raises(ValueError, match="params are for the fits of cv"):
        sample_losses(logistic().fit(X, y), X, y, params={"sample_weight": np.ones(150)})


def test_splits_that_leave_rows_out_are_refused():
    X, y = classification()
    with pytest.raises(ValueError, match="partitions"):
        sample_losses(logistic(), X, y, cv=TimeSeriesSplit(3))


def test_a_class_that_a_fold_never_saw_has_a_finite_loss():
    X, y = classification(n=40)
    y[:4] = 2  # all in the first fold of an unshuffled KFold
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # scikit-learn's, about that class
        losses = sample_losses(logistic(), X, y, cv=KFold(4))
    np.testing.assert_allclose(losses[:4], -np.log(np.finfo(float).eps))

"""Where base scores come from, which columns they are made of, and what is refused."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.special import logit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    ShuffleSplit,
    TimeSeriesSplit,
    cross_val_predict,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skaudit import ScoreColumn
from skaudit.offsets._base_score import Score, find_columns, fit_score, score_rows
from skaudit.offsets._input import read_fit

RNG = np.random.default_rng(0)
VALUES = RNG.normal(size=(200, 4))
FRAME = pd.DataFrame(VALUES, columns=list("abcd"))
Y = np.where(VALUES[:, 0] + RNG.logistic(size=200) > 0, "yes", "no")
WEIGHT = RNG.random(200)
BASE = LogisticRegression().fit(FRAME[["c", "a"]], Y)


class Owner(BaseEstimator):
    """Stands for the estimators of the room."""


class Odd(ClassifierMixin, BaseEstimator):
    """Gives the probabilities it is told to."""

    def __init__(self, kind):
        self.kind = kind

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        n = len(X)
        return {
            "vector": np.full(n, 0.3),
            "column": np.full((n, 1), 0.3),
            "reversed": np.tile([0.7, 0.3], (n, 1)),
            "three": np.full((n, 3), 1 / 3),
            "nan": np.full((n, 2), np.nan),
            "sum": np.full((n, 2), 0.7),
            "outside": np.tile([1.2, -0.2], (n, 1)),
        }[self.kind]


def fitted(estimator, X=FRAME, y=Y, weight=None, features=None, **params):
    """The rows, columns, fitted base and scores of a fit."""
    rows = read_fit(Owner(), X, y, weight)
    columns = find_columns(estimator, features, rows)
    return rows, columns, *fit_score(estimator, rows, columns, **params)


# --------------------------------------------------------------------------------------- the column


def test_a_score_column_is_a_parameter():
    column = ScoreColumn("s")
    assert clone(column).get_params() == {"column": "s"}
    assert repr(column) == "ScoreColumn(column='s')"
    assert column.set_params(column=3).column == 3


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f8", object])
def test_scores_of_a_column_are_its_values(dtype):
    s = RNG.uniform(0.1, 0.9, 200).astype(dtype)
    for X, name in (
        (np.column_stack([FRAME.to_numpy().astype(dtype), s]), -1),
        (FRAME.assign(s=s), "s"),
        (FRAME.assign(s=s), 4),
    ):
        _, columns, _, score = fitted(ScoreColumn(name), X)
        assert columns.score == 4
        assert columns.features.tolist() == [0, 1, 2, 3]
        np.testing.assert_array_equal(score.probability, s.astype(np.float64))
        np.testing.assert_allclose(score.logit, logit(s.astype(np.float64)), rtol=1e-12)
        assert score.n_clipped == 0


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_certain_scores_are_clipped_by_the_epsilon_of_their_type(dtype):
    eps = np.finfo("f8" if dtype == "f8" else "f4").eps
    s = np.full(200, 0.5, dtype=dtype)
    s[:2] = 0, 1
    score = fitted(ScoreColumn(1), np.column_stack([s, s]))[3]
    assert score.n_clipped == 2
    assert score.clipped_share == 0.01
    np.testing.assert_array_equal(score.probability[:2], [eps, 1 - np.float64(eps)])
    assert score.logit[0] == pytest.approx(-score.logit[1])


def test_integers_and_booleans_are_certain_scores():
    for s in (Y == "yes", (Y == "yes").astype(int)):
        with pytest.warns(UserWarning, match="200 of 200 base scores are 0 or 1"):
            fitted(ScoreColumn("s"), FRAME.assign(s=s))
        with pytest.warns(UserWarning, match="200 of 200"):
            fitted(ScoreColumn(1), np.column_stack([s, s]))


@pytest.mark.parametrize(
    ("column", "features", "text"),
    [
        ("s", None, "ScoreColumn names columns that X lacks: 's'; X has 'a', 'b', 'c', 'd'"),
        (7, None, "ScoreColumn has positions that X lacks: 7; X has 4 columns"),
        (["a", "b"], None, r"names one column of X, got \['a', 'b'\]"),
        (2.5, None, "must be names, positions or a mask of columns"),
        ("a", ["a", "b"], "features contains the score column 'a'"),
        ("a", [], "features names no column"),
    ],
)
def test_wrong_score_columns_are_refused(column, features, text):
    with pytest.raises(ValueError, match=text):
        fitted(ScoreColumn(column), features=features)
    if column == "s":
        with pytest.raises(ValueError, match="gives names, 's', but the columns of X have none"):
            fitted(ScoreColumn("s"), VALUES)
    with pytest.raises(ValueError, match="all columns of X are the score"):
        fitted(ScoreColumn(0), FRAME[["a"]])


# ------------------------------------------------------------------------------------------ columns


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ("b", [1]),
        (2, [2]),
        (-1, [3]),
        (["d", "a"], [3, 0]),
        (np.array([3, -4]), [3, 0]),
        (pd.Index(["b", "c"]), [1, 2]),
        ([True, False, False, True], [0, 3]),
        (np.array([False, True, True, False]), [1, 2]),
        (pd.Series([True, False, True, False]), [0, 2]),
    ],
)
def test_features_are_names_positions_or_a_mask(features, expected):
    _, columns, base, _ = fitted(LogisticRegression(), features=features)
    assert columns.features.tolist() == expected
    assert columns.base.tolist() == [j for j in range(4) if j not in expected]
    assert base.n_features_in_ == 4 - len(expected)


@pytest.mark.parametrize(
    ("features", "text"),
    [
        (["a", "z"], "features names columns that X lacks: 'z'"),
        ([0, 9, -7], "features has positions that X lacks: 9, -7"),
        ([True, False], "features is a mask of length 2, but X has 4 columns"),
        (["a", 1], "features must be names, positions or a mask"),
        ([1.0], "features must be names, positions or a mask"),
        (["a", "b", "a"], "features names columns twice: 'a'"),
        ([0, 1, -4], "features names columns twice: 'a'"),
        (list("abcd"), "leaves none to train the base estimator on"),
        ([], "no contesting feature is left"),
        ([False] * 4, "no contesting feature is left"),
    ],
)
def test_wrong_features_are_refused(features, text):
    with pytest.raises(ValueError, match=text):
        fitted(LogisticRegression(), features=features)


def test_without_features_an_unfitted_base_uses_all_and_all_contest():
    for estimator in (None, LogisticRegression()):
        _, columns, _, _ = fitted(estimator)
        assert columns.base is None
        assert columns.features.tolist() == [0, 1, 2, 3]


# ------------------------------------------------------------------------------------------- frozen


def test_a_frozen_base_finds_its_columns_by_name():
    for X in (FRAME, FRAME[list("dcba")], pl.DataFrame(FRAME.to_dict("list"))):
        _, columns, base, score = fitted(FrozenEstimator(BASE), X)
        names = list(X.columns)
        assert [names[j] for j in columns.base] == ["c", "a"]
        assert sorted(names[j] for j in columns.features) == ["b", "d"]
        np.testing.assert_array_equal(
            score.probability, BASE.predict_proba(FRAME[["c", "a"]])[:, 1]
        )
        assert base.estimator is BASE
    columns = fitted(FrozenEstimator(BASE), features=["a", "b"])[1]
    assert columns.features.tolist() == [0, 1]  # its own column may be asked about
    own = fitted(FrozenEstimator(BASE), FRAME[["c", "a"]], features=["a"])[1]
    assert own.base is None


def test_a_frozen_base_without_names_goes_by_what_is_left():
    base = FrozenEstimator(LogisticRegression().fit(VALUES[:, [0, 2]], Y))
    _, columns, _, score = fitted(base, VALUES, features=[3, 1])
    assert columns.base.tolist() == [0, 2]
    np.testing.assert_array_equal(score.probability, base.predict_proba(VALUES[:, [0, 2]])[:, 1])
    whole = FrozenEstimator(LogisticRegression().fit(VALUES, Y))
    assert fitted(whole, VALUES, features=[1])[1].base is None
    unknown = FrozenEstimator(Odd("vector").fit(VALUES, Y))
    assert fitted(unknown, features=["b"])[1].base.tolist() == [0, 2, 3]
    scaled = FrozenEstimator(make_pipeline("passthrough", BASE))
    assert fitted(scaled)[1].base.tolist() == [2, 0]


@pytest.mark.parametrize(
    ("estimator", "X", "features", "text"),
    [
        (BASE, FRAME[["a", "b"]], None, "fitted on columns that X lacks: 'c'; X has 'a', 'b'"),
        (BASE, FRAME[["a", "c"]], None, "all columns of X are the frozen base's own"),
        (BASE, VALUES, None, "fitted on 2 columns, which cannot be found by name among the 4"),
        (BASE, VALUES, [1], "fitted on 2 columns, which cannot be found by name among the 4"),
        (Odd("vector").fit(VALUES, Y), VALUES, None, "fitted on an unknown number of columns"),
    ],
)
def test_a_frozen_base_whose_columns_are_unclear_is_refused(estimator, X, features, text):
    with pytest.raises(ValueError, match=text):
        fitted(FrozenEstimator(estimator), X, features=features)


def test_a_frozen_base_that_is_not_fitted_is_refused():
    with pytest.raises(NotFittedError, match="estimator is frozen but not fitted"):
        fitted(FrozenEstimator(LogisticRegression()))


def test_encoded_labels_reach_a_frozen_base():
    # cross_val_predict hands 0 and 1 on in place of the labels.
    expected = fitted(FrozenEstimator(BASE))[3]
    encoded = fitted(FrozenEstimator(BASE), y=(Y == "yes").astype(int))[3]
    np.testing.assert_array_equal(encoded.logit, expected.logit)
    with pytest.raises(ValueError, match="knows the classes 'no', 'yes', but y has 'a', 'b'"):
        fitted(FrozenEstimator(BASE), y=np.where(Y == "yes", "a", "b"))
    three = LogisticRegression().fit(FRAME, np.arange(200) % 3)
    with pytest.raises(ValueError, match="knows the classes 0, 1, 2, but y has 0, 1"):
        fitted(FrozenEstimator(three), y=(Y == "yes").astype(int), features=["a"])


# ----------------------------------------------------------------------------------------- unfitted


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("cv", [None, 3, KFold(4, shuffle=True, random_state=0)])
def test_an_unfitted_base_is_scored_out_of_fold(cv, weight):
    names = {
        LogisticRegression(): "sample_weight",
        make_pipeline(StandardScaler(), LogisticRegression()): "logisticregression__sample_weight",
        GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2): "sample_weight",
    }
    for base, name in names.items():
        params = {} if weight is None else {name: weight}
        _, _, refitted, score = fitted(base, weight=weight, cv=cv, features=["d"])
        own = FRAME[["a", "b", "c"]]
        expected = cross_val_predict(base, own, Y, cv=cv, method="predict_proba", params=params)
        np.testing.assert_allclose(score.probability, expected[:, 1], rtol=1e-12)
        whole = clone(base).fit(own, Y, **params)
        np.testing.assert_array_equal(refitted.predict_proba(own), whole.predict_proba(own))
        assert not hasattr(base, "classes_")


def test_labels_stay_the_callers():
    base = LogisticRegression(class_weight={"no": 3, "yes": 1})
    assert fitted(base)[2].classes_.tolist() == ["no", "yes"]


def test_a_base_that_takes_no_weights_warns():
    with pytest.warns(UserWarning, match="KNeighborsClassifier takes no sample_weight") as caught:
        fitted(KNeighborsClassifier(30), weight=WEIGHT)
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="Pipeline takes no sample_weight"):
        fitted(make_pipeline(StandardScaler(), KNeighborsClassifier(30)), weight=WEIGHT)


def test_the_base_rate_is_weighted():
    rows, columns, base, score = fitted(None, weight=WEIGHT)
    np.testing.assert_allclose(score.probability, np.average(Y == "yes", weights=WEIGHT))
    later = score_rows(base, FRAME[:3], columns, rows.classes)
    np.testing.assert_array_equal(later.logit, score.logit[:3])


@pytest.mark.parametrize(
    ("cv", "text"),
    [
        (TimeSeriesSplit(3), "must test every row exactly once; 50 of 200 rows are never tested"),
        (ShuffleSplit(3, random_state=0), "more than once"),
        ([(np.arange(200), np.arange(200))], "trains on rows that it tests"),
        ([(np.arange(100), np.arange(100, 300))], "A fold of cv has rows that X lacks: 200, 201"),
        ([(np.flatnonzero(Y == "no"), np.flatnonzero(Y == "yes"))], "one class only: 'no'"),
    ],
)
def test_folds_that_are_none_are_refused(cv, text):
    with pytest.raises(ValueError, match=text):
        fitted(LogisticRegression(), cv=cv)


def test_folds_may_be_masks():
    first = np.arange(200) < 100
    one = fitted(LogisticRegression(), cv=[(first, ~first), (~first, first)])[3]
    places = np.flatnonzero(first), np.flatnonzero(~first)
    other = fitted(LogisticRegression(), cv=[places, places[::-1]])[3]
    np.testing.assert_array_equal(one.logit, other.logit)


@pytest.mark.parametrize("kind", ["vector", "column", "reversed"])
def test_the_positive_column_is_read(kind):
    np.testing.assert_allclose(fitted(Odd(kind))[3].probability, 0.3)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("three", "Odd gives 3 columns of probabilities for two classes"),
        ("nan", "The score of the base model Odd contains NaN: 200 of 200"),
        ("sum", "base model Odd do not sum to 1; they are off by up to 0.4"),
        ("outside", r"base model Odd must be a probability in \[0, 1\], got values from -0.2 to"),
    ],
)
def test_probabilities_that_are_none_are_refused(kind, text):
    with pytest.raises(ValueError, match=text):
        fitted(Odd(kind))


@pytest.mark.parametrize(
    ("estimator", "text"),
    [
        (LogisticRegression, r"the class LogisticRegression; .* such as LogisticRegression\(\)"),
        (ScoreColumn, r"the class ScoreColumn; pass an instance, such as ScoreColumn\('name'\)"),
        ("s", "must be a classifier, .* a ScoreColumn or None, got 's'"),
        (LinearRegression(), r"must have predict_proba, which LinearRegression\(\) lacks; choose"),
        (LinearSVC(), r"predict_proba, which LinearSVC\(\) lacks; wrap it in CalibratedClassifier"),
        (StandardScaler(), "must have predict_proba"),
    ],
)
def test_other_things_than_a_base_are_refused(estimator, text):
    with pytest.raises(ValueError, match=text):
        fitted(estimator)


def test_certain_models_are_warned_of():
    with pytest.warns(UserWarning, match="200 of 200 base scores are 0 or 1 .* calibrate"):
        fitted(DecisionTreeClassifier())


@pytest.mark.parametrize("n_jobs", [2, -1])
def test_the_number_of_jobs_does_not_matter(n_jobs):
    base = RandomForestClassifier(10, max_depth=2, random_state=0)
    one, many = fitted(base)[3], fitted(base, n_jobs=n_jobs)[3]
    np.testing.assert_array_equal(one.logit, many.logit)


def test_an_empty_score_has_no_clipped_share():
    assert Score(np.empty(0), np.empty(0), 0).clipped_share == 0.0


def test_lists_with_texts_keep_their_numbers():
    rows = read_fit(Owner(), [["a", 0.5], ["b", 0.25], ["c", 0.75]], [0, 1, 0])
    assert rows.X.dtype == object
    columns = find_columns(ScoreColumn(1), None, rows)
    np.testing.assert_array_equal(
        fit_score(ScoreColumn(1), rows, columns)[1].probability, [0.5, 0.25, 0.75]
    )

"""The map of estimators that report their own iterations."""

import importlib.util

import numpy as np
import pandas as pd
import pytest
from learners import NumberedStops, assert_maps_agree, literal_map, problem
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skaudit import DataMapCallback
from skaudit.dynamics import assign_regions

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("sklearn.callback") is None,
    reason="scikit-learn has callbacks since 1.9",
)


def iterates(X, y, n, X_eval=None):
    """What LogisticRegression predicts after 1, 2, ..., n iterations."""
    X_eval = X if X_eval is None else X_eval
    snapshots = []
    for max_iter in range(1, n + 1):
        model = LogisticRegression(max_iter=max_iter)
        with pytest.warns(match="failed to converge"):
            snapshots.append(model.fit(X, y).predict_proba(X_eval))
    return np.array(snapshots)


def watched(callback, max_iter=5, **params):
    return LogisticRegression(max_iter=max_iter, **params).set_callbacks(callback)


pytestmark = [pytestmark, pytest.mark.filterwarnings("ignore:.*failed to converge")]


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("names", [(0, 1, 2), ("a", "b", "c"), (-1, 1, 7)], ids=str)
def test_each_iteration_is_a_snapshot(n_classes, names):
    X, y = problem(n_classes=n_classes)
    names = np.array(names)
    callback = DataMapCallback()
    model = watched(callback).fit(X, names[y])
    data_map = callback.data_map_
    assert callback.recorder_.n_snapshots_ == 5
    assert_maps_agree(data_map, literal_map(iterates(X, names[y], 5), y))
    assert data_map["label"].tolist() == names[y].tolist()
    pd.testing.assert_series_equal(data_map["region"], assign_regions(data_map))
    assert model.n_iter_[0] == 5


def test_names_of_columns_are_no_matter():
    X, y = problem()
    callback, other = DataMapCallback(), NameWatcher()
    model = LogisticRegression(max_iter=5).set_callbacks(callback, other)
    model.fit(pd.DataFrame(X).add_prefix("x"), y)
    assert_maps_agree(callback.data_map_, literal_map(iterates(X, y, 5), y))
    assert set(other.named) == {True}  # what the other callbacks get is left as it was


class NameWatcher(NumberedStops):
    """Sees after each iteration whether the model knows the names of its columns."""

    named = ()

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if fitted_estimator is not None:
            self.named = [*self.named, hasattr(fitted_estimator, "feature_names_in_")]


def test_other_rows_can_be_recorded():
    X, y = problem()
    callback = DataMapCallback(X[150:], y[150:])
    watched(callback).fit(X[:150], y[:150])
    expected = literal_map(iterates(X[:150], y[:150], 5, X[150:]), y[150:])
    assert_maps_agree(callback.data_map_, expected)
    frame = pd.DataFrame(X).add_prefix("x")
    named = DataMapCallback(frame[150:], y[150:])
    watched(named).fit(frame[:150], y[:150])
    assert_maps_agree(named.data_map_, expected)
    assert named.data_map_.index.tolist() == list(range(150, 200))


def test_inside_a_pipeline_the_transformed_rows_are_read():
    X, y = problem()
    callback = DataMapCallback()
    make_pipeline(StandardScaler(), watched(callback)).fit(X * 50 + 7, y)
    assert_maps_agree(callback.data_map_, literal_map(iterates(X, y, 5), y), atol=1e-6)
    assert len(callback.runs_) == 1


def test_a_pipeline_may_carry_frames():
    X, y = problem()
    callback = DataMapCallback()
    head = StandardScaler().set_output(transform="pandas")
    make_pipeline(head, watched(callback)).fit(pd.DataFrame(X).add_prefix("x"), y)
    assert_maps_agree(callback.data_map_, literal_map(iterates(X, y, 5), y), atol=1e-6)


@pytest.mark.parametrize("inside", [False, True], ids=["alone", "pipeline"])
def test_a_search_has_a_run_for_each_fit(inside):
    X, y = problem()
    callback = DataMapCallback()
    model = watched(callback)
    model = make_pipeline(StandardScaler(), model) if inside else model
    name = "logisticregression__C" if inside else "C"
    search = GridSearchCV(model, {name: [0.1, 1.0]}, cv=3).fit(X, y)
    runs = list(callback.runs_.values())
    assert len(runs) == 2 * 3 + 1
    assert {run.n_samples_ for run in runs[:-1]} == {133, 134}
    assert {run.n_snapshots_ for run in runs} == {5}
    best = search.best_estimator_.predict_proba(X)[np.arange(200), y]
    assert runs[-1] is callback.recorder_
    assert np.corrcoef(best, callback.data_map_["confidence"])[0, 1] > 0.9


def test_cross_validation_has_a_run_for_each_fold():
    X, y = problem()
    callback = DataMapCallback()
    cross_validate(watched(callback), X, y, cv=3)
    assert [run.n_samples_ for run in callback.runs_.values()] == [133, 133, 134]
    assert {run.n_snapshots_ for run in callback.runs_.values()} == {5}


def test_a_second_fit_is_another_run():
    X, y = problem()
    callback = DataMapCallback()
    model = watched(callback).fit(X, y)
    first = callback.recorder_
    model.fit(X[:90], y[:90])
    assert list(callback.runs_.values()) == [first, callback.recorder_]
    assert (first.n_samples_, callback.recorder_.n_samples_) == (200, 90)


def test_processes_of_their_own_lead_to_the_final_refit():
    X, y = problem()
    callback = DataMapCallback()
    GridSearchCV(watched(callback), {"C": [0.1, 1.0]}, cv=2, n_jobs=2).fit(X, y)
    assert callback.recorder_.n_samples_ == 200
    assert callback.recorder_.n_snapshots_ == 5


def test_nothing_seen_is_said():
    with pytest.raises(AttributeError, match=r"No iteration was seen yet.*LogisticRegression"):
        _ = DataMapCallback().recorder_
    # A callback on a transformer, or around the classifier, sees no probabilities.
    X, y = problem()
    callback = DataMapCallback()
    StandardScaler().set_callbacks(callback).fit(X, y)
    assert callback.runs_ == {}


def test_rows_and_labels_come_together():
    with pytest.raises(ValueError, match="X and y are given together, or neither"):
        DataMapCallback(np.zeros((2, 2)))


def test_rows_given_are_checked_when_they_are_given():
    X = pd.DataFrame({"a": [0.0, 1.0, 2.0]})
    with pytest.raises(ValueError, match="same index labels as X in another order"):
        DataMapCallback(X, pd.Series([0, 1, 1], index=[2, 1, 0]))
    with pytest.raises(ValueError, match="y has 2 rows but X has 3"):
        DataMapCallback(X, [0, 1])
    with pytest.raises(TypeError, match="filled"):
        DataMapCallback(np.ma.array(X.to_numpy()), [0, 1, 1])

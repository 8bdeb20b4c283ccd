"""A `DataMapClassifier` among the other parts of scikit-learn, and in files."""

import importlib.util
import io
import pickle

import cloudpickle
import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
import skops.io
from learners import NumberedStops, problem
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier, SGDRegressor
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_validate
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skaudit
from skaudit import DataMapClassifier

LOG_LOSS = SGDClassifier(loss="log_loss", alpha=0.05)
needs_callbacks = pytest.mark.skipif(
    importlib.util.find_spec("sklearn.callback") is None,
    reason="scikit-learn has callbacks since 1.9",
)


def wrapped(learner=LOG_LOSS, **params):
    return DataMapClassifier(learner, **{"n_epochs": 4, "random_state": 0} | params)


# ---------------------------------------------------------------------------------- sklearn's tools


def test_a_search_chooses_the_number_of_epochs():
    X, y = problem()
    search = GridSearchCV(
        wrapped(), {"n_epochs": [1, 3], "estimator__alpha": [0.05, 1.0]}, cv=3
    ).fit(X, y)
    best = search.best_estimator_
    assert best.n_epochs_ == search.best_params_["n_epochs"]
    assert best.estimator_.alpha == search.best_params_["estimator__alpha"]
    by_hand = wrapped(clone(LOG_LOSS).set_params(alpha=best.estimator_.alpha))
    by_hand.set_params(n_epochs=best.n_epochs_).fit(X, y)
    pd.testing.assert_frame_equal(best.data_map_, by_hand.data_map_)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_held_out_predictions_are_those_of_fits_by_hand(method):
    X, y = problem()
    predicted = cross_val_predict(wrapped(), X, y, cv=4, method=method)
    rows = np.arange(200)
    first = cross_val_predict(wrapped(), X, y, cv=[(rows[50:], rows[:50]), (rows[:50], rows[50:])])
    assert first.shape == (200,)
    assert np.isfinite(predicted).all()
    fit = wrapped().fit(X[50:], y[50:])
    np.testing.assert_array_equal(first[:50], fit.predict(X[:50]))


@pytest.mark.parametrize(
    "around",
    [
        lambda model: make_pipeline(StandardScaler(), model),
        lambda model: CalibratedClassifierCV(model, cv=2),
        lambda model: OneVsRestClassifier(model),
        lambda model: VotingClassifier([("a", model), ("b", LogisticRegression())], voting="soft"),
        lambda model: BaggingClassifier(model, n_estimators=2, random_state=0),
    ],
    ids=["pipeline", "calibrated", "one-vs-rest", "voting", "bagging"],
)
def test_other_estimators_take_it_for_a_classifier(around):
    X, y = problem(n_classes=3)
    names = np.array(["a", "b", "c"])[y]
    model = around(wrapped()).fit(X, names)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)
    assert model.score(X, names) > 0.5


def test_a_pipeline_around_the_map_leads_to_the_same_as_one_inside():
    X, y = problem()
    frame = pd.DataFrame(X, index=np.arange(200) + 9).add_prefix("x")
    around = make_pipeline(StandardScaler().set_output(transform="pandas"), wrapped())
    around.fit(frame, y)
    inside = wrapped(make_pipeline(StandardScaler(), LOG_LOSS)).fit(frame, y)
    pd.testing.assert_frame_equal(around[-1].data_map_, inside.data_map_)


def test_parameters_can_be_cloned_and_set():
    model = wrapped(cv=3, class_weight={0: 2})
    copied = clone(model)
    assert copied is not model
    assert copied.estimator is not model.estimator
    assert repr(copied) == repr(model)
    copied.set_params(estimator__alpha=7, n_repeats=2)
    assert (model.estimator.alpha, copied.estimator.alpha, copied.n_repeats) == (0.05, 7, 2)
    assert is_classifier(model)


def test_tags_are_those_of_the_learner():
    forest = DataMapClassifier(RandomForestClassifier()).__sklearn_tags__()
    assert forest.target_tags.multi_output
    assert not DataMapClassifier(LOG_LOSS).__sklearn_tags__().target_tags.multi_output
    assert DataMapClassifier().__sklearn_tags__().input_tags.sparse
    assert is_classifier(DataMapClassifier(SGDRegressor()))  # which `fit` then refuses


def test_sample_weights_are_routed(enable_metadata_routing):
    X, y = problem()
    weight = np.random.default_rng(0).random(200)
    scaler = StandardScaler().set_fit_request(sample_weight=False)
    asking = wrapped().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
    model = make_pipeline(scaler, asking).fit(X, y, sample_weight=weight)
    plain = wrapped(make_pipeline(StandardScaler(), LOG_LOSS)).fit(X, y, sample_weight=weight)
    pd.testing.assert_frame_equal(model[-1].data_map_, plain.data_map_)
    scores = cross_validate(asking, X, y, params={"sample_weight": weight})["test_score"]
    assert scores.min() > 0.6
    model.set_params(datamapclassifier=wrapped().set_fit_request(sample_weight=False))
    with pytest.raises(TypeError, match="not routed to any object"):
        model.fit(X, y, sample_weight=weight)


# ------------------------------------------------------------------------------------------ files


def trusted(model):
    """The types in a skops file that a reader has to trust."""
    return skops.io.get_untrusted_types(data=skops.io.dumps(model))


def by_file(model):
    stream = io.BytesIO()
    joblib.dump(model, stream)
    return joblib.load(stream)


WAYS = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "cloudpickle": lambda model: cloudpickle.loads(cloudpickle.dumps(model)),
    "joblib": by_file,
    "skops": lambda model: skops.io.loads(skops.io.dumps(model), trusted=trusted(model)),
}
INDEXES = {
    "zone": pd.date_range("2024-01-01", periods=100, tz="Asia/Tokyo"),
    "levels": pd.MultiIndex.from_product([range(20), list("abcde")], names=["a", None]),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("index", INDEXES)
@pytest.mark.parametrize(
    ("learner", "cv"),
    [(LOG_LOSS, None), (make_pipeline(StandardScaler(), LOG_LOSS), 3), (MLPClassifier(4), 2)],
    ids=["sgd", "pipeline", "network"],
)
def test_a_fitted_map_survives_a_file(way, index, learner, cv):
    X, y = problem(100, n_classes=3)
    frame = pd.DataFrame(X, index=INDEXES[index]).add_prefix("x")
    labels = pd.Series(np.array(["a", "b", "c"])[y], index=frame.index)
    model = wrapped(learner, cv=cv, keep_history=True).fit(frame, labels)
    loaded = WAYS[way](model)
    pd.testing.assert_frame_equal(loaded.data_map_, model.data_map_)
    pd.testing.assert_frame_equal(loaded.epoch_log_, model.epoch_log_)
    pd.testing.assert_frame_equal(loaded.label_issues(), model.label_issues())
    np.testing.assert_array_equal(loaded.history_, model.history_)
    np.testing.assert_array_equal(loaded.predict_proba(frame), model.predict_proba(frame))
    np.testing.assert_array_equal(loaded.select("hard"), model.select("hard"))


@pytest.mark.parametrize("y_kind", [str, object, "category", "Int64"])
def test_skops_has_to_trust_our_class_alone(y_kind):
    X, y = problem(100)
    labels = pd.Series(y).astype(y_kind)
    model = wrapped(cv=3).fit(pd.DataFrame(X, index=np.arange(100).astype(str)), labels)
    assert trusted(model) == [f"{DataMapClassifier.__module__}.DataMapClassifier"]


@pytest.mark.parametrize("way", ["pickle", "skops"])
def test_another_version_warns(way, monkeypatch):
    model = wrapped().fit(*problem(60))
    monkeypatch.setattr(skaudit, "__version__", "0.0.9")
    stored = pickle.dumps(model) if way == "pickle" else skops.io.dumps(model)
    monkeypatch.undo()
    trust = {} if way == "pickle" else {"trusted": trusted(model)}
    with pytest.warns(UserWarning, match=f"saved by skaudit 0.0.9 .*{skaudit.__version__}; .*Fit"):
        (pickle if way == "pickle" else skops.io).loads(stored, **trust)


def sizes(value, seen=None):
    """The sizes of all arrays that a state holds, however deep."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, np.ndarray) and value.dtype != object:
        yield value.size
    elif hasattr(value, "to_numpy") or hasattr(value, "tocsr"):
        yield np.prod(value.shape)
    else:
        parts = value.values() if isinstance(value, dict) else value
        if not isinstance(value, (dict, list, tuple, set)):
            parts = vars(value).values() if hasattr(value, "__dict__") else []
        for part in parts:
            yield from sizes(part, seen)


@pytest.mark.parametrize("cv", [None, 3])
@pytest.mark.parametrize("learner", [None, LOG_LOSS, MLPClassifier(3)])
def test_neither_rows_nor_histories_are_kept(learner, cv):
    X, y = problem(2000, n_features=40, n_classes=3)
    frame = pd.DataFrame(X).add_prefix("x")
    model = wrapped(learner, cv=cv, n_epochs=2).fit(frame, np.array(["a", "b", "c"])[y])
    held = list(sizes(vars(model)))
    assert max(held) == 2000
    assert len(pickle.dumps(model)) < 2000 * 8 * 10


# ------------------------------------------------------------------------------------- callbacks


@needs_callbacks
@pytest.mark.parametrize("params", [{}, {"cv": 3}, {"cv": 3, "n_jobs": 2}])
def test_progress_is_shown(params, capsys):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    X, y = problem(60)
    model = wrapped(**params).set_callbacks(ProgressBar()).fit(X, y)
    assert "DataMapClassifier" in capsys.readouterr().out
    pd.testing.assert_frame_equal(model.data_map_, wrapped(**params).fit(X, y).data_map_)


@needs_callbacks
@pytest.mark.parametrize("cv", [None, 3])
@pytest.mark.parametrize(
    "learner", [LOG_LOSS, make_pipeline(StandardScaler(), LOG_LOSS)], ids=["sgd", "pipeline"]
)
def test_scores_are_monitored_epoch_by_epoch(learner, cv):
    from sklearn.callback import ScoringMonitor

    X, y = problem()
    names = np.array(["no", "yes"])[y]
    monitor = ScoringMonitor(scoring="accuracy")
    frame = pd.DataFrame(X).add_prefix("x")
    model = wrapped(learner, cv=cv).set_callbacks(monitor).fit(frame, names)
    log = monitor.get_logs()
    log = (log[0] if isinstance(log, list) else log).data_as_pandas
    epochs = log[log["task_name"] == "epoch"]
    assert len(epochs) == 4 * (1 if cv is None else 1 + cv)
    np.testing.assert_allclose(epochs["accuracy"][:4], model.epoch_log_["accuracy"])
    assert epochs["accuracy"].iloc[-1] > 0.7


@needs_callbacks
@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("cv", [None, 2])
def test_a_callback_may_stop_the_training(cv, n_jobs):
    X, y = problem()
    model = wrapped(cv=cv, n_epochs=9, keep_history=True, n_jobs=n_jobs)
    model.set_callbacks(NumberedStops(after=3)).fit(X, y)
    short = wrapped(cv=cv, n_epochs=3, keep_history=True).fit(X, y)
    assert model.n_epochs_ == len(model.epoch_log_) == 3
    np.testing.assert_array_equal(model.history_, short.history_)
    np.testing.assert_array_equal(model.predict_proba(X), short.predict_proba(X))


class RowCounter(NumberedStops):
    """Counts the rows that it is shown."""

    def on_fit_task_end(self, estimator, context, *, X=None, y=None):
        self.tasks.append((context.task_name, len(X), len(y)))


@needs_callbacks
@pytest.mark.parametrize("container", [np.array, list, pd.Series])
def test_callbacks_are_shown_the_rows_of_their_training(container):
    X, y = problem(60)
    callback = RowCounter()
    wrapped(cv=3, n_epochs=1).set_callbacks(callback).fit(X, container(y))
    seen = [rows for name, *rows in callback.tasks[1:-1] if name == "epoch"]
    assert seen == [[60, 60]] + [[40, 40]] * 3


@needs_callbacks
def test_the_tasks_of_a_fit_are_told():
    X, y = problem(60)
    callback = NumberedStops()
    wrapped(cv=2, n_epochs=2).set_callbacks(callback).fit(X, y)
    one = ["epoch", "epoch", "training"]
    assert callback.tasks == ["setup", *one * 3, "fit", "teardown"]


@pytest.mark.skipif(
    importlib.util.find_spec("sklearn.callback") is not None, reason="scikit-learn has callbacks"
)
def test_older_versions_of_sklearn_have_no_callbacks():
    assert sklearn.__version__ < "1.9"
    assert not hasattr(DataMapClassifier(), "set_callbacks")
    assert wrapped().fit(*problem(60)).n_epochs_ == 4

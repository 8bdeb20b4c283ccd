"""The dynamics of the folds alone: equal to what the classifier records of them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skaudit import DataMapClassifier
from skaudit.dynamics._held_out import check_labels, read_fitted, train_folds

X, Y = load_breast_cancer(return_X_y=True, as_frame=True)
FOLDS = list(StratifiedKFold(3, shuffle=True, random_state=0).split(X, Y))


def sgd():
    return make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", alpha=0.1))


def test_the_map_is_that_of_the_classifier_with_the_same_folds():
    """The order of the rows depends on the stream of seeds, so only a learner without one."""
    learner = make_pipeline(StandardScaler(), GaussianNB())
    found = train_folds(learner, X, Y, FOLDS, n_epochs=3)
    with pytest.warns(UserWarning, match="the map is degenerate"):
        model = DataMapClassifier(learner, n_epochs=3, cv=FOLDS).fit(X, Y)
    pd.testing.assert_frame_equal(found.data_map, model.data_map_)
    pd.testing.assert_frame_equal(found.label_issues, model.label_issues())
    assert not found.shows_dynamics


def test_the_last_snapshot_is_kept():
    found = train_folds(sgd(), X, Y, FOLDS, n_epochs=4, random_state=0)
    assert found.shows_dynamics
    right = found.proba.argmax(axis=1) == found.codes
    assert right.mean() == pytest.approx(found.epoch_log["held_out_accuracy"].iloc[-1])
    np.testing.assert_allclose(found.proba.sum(axis=1), 1)
    own = found.proba[np.arange(len(Y)), found.codes]
    assert -np.log(own).mean() == pytest.approx(
        found.epoch_log["held_out_log_loss"].iloc[-1], rel=1e-6
    )


def test_the_model_is_that_of_the_first_fold():
    found = train_folds(sgd(), X, Y, FOLDS, random_state=0)
    train, test = FOLDS[0]
    np.testing.assert_allclose(
        found.estimator.predict_proba(X.iloc[test]), found.proba[test], atol=1e-12
    )


def test_a_learner_without_dynamics_is_read_once():
    found = train_folds(KNeighborsClassifier(), X, Y, FOLDS)
    expected = cross_val_predict(KNeighborsClassifier(), X, Y, cv=FOLDS, method="predict_proba")
    np.testing.assert_allclose(found.proba, expected)
    assert not found.shows_dynamics
    assert len(found.epoch_log) == 1
    assert (found.data_map["variability"] == 0).all()


def test_learners_get_as_many_epochs_as_they_need():
    assert len(train_folds(sgd(), X, Y, FOLDS).epoch_log) == 20
    linear = make_pipeline(StandardScaler(), LogisticRegression())
    assert len(train_folds(linear, X, Y, FOLDS).epoch_log) == 10
    network = make_pipeline(StandardScaler(), MLPClassifier((5,), learning_rate_init=0.05))
    n_epochs = len(train_folds(network, X, Y, FOLDS, random_state=0).epoch_log)
    settled = make_pipeline(StandardScaler(), MLPClassifier((5,), learning_rate_init=0.05))
    settled.set_params(mlpclassifier__random_state=0).fit(X, Y)
    # As its own `fit` would, give or take the order of the rows.
    assert 0.3 * settled[-1].n_iter_ < n_epochs < min(200, 3 * settled[-1].n_iter_)


def test_the_learner_is_not_changed():
    learner = sgd()
    train_folds(learner, X, Y, FOLDS, n_epochs=2)
    assert not hasattr(learner[-1], "coef_")


def test_a_fitted_model_has_one_snapshot():
    model = GaussianNB().fit(X[:300], Y[:300])
    proba = model.predict_proba(X)
    found = read_fitted(model, check_labels(X, Y, None), proba, X.index)
    rows = np.arange(len(Y))
    np.testing.assert_allclose(found.data_map["confidence"], proba[rows, Y])
    assert found.label_issues["label_quality"].is_monotonic_increasing
    assert (found.data_map["variability"] == 0).all()
    assert found.epoch_log["held_out_accuracy"][0] == pytest.approx(model.score(X, Y))
    three = np.column_stack([proba, np.zeros(len(Y))])
    data = check_labels(X, Y, None)
    data.classes = np.array([0, 1, 2])
    assert len(read_fitted(model, data, three, None).label_issues) == len(Y)

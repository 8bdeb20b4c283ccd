"""Learners, data and slow literal references for the tests of data maps."""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.datasets import make_classification
from sklearn.linear_model import SGDClassifier

EVENTS: list = []  # (what, ids of the rows, the spy), written by the spies of this process


def problem(n=200, n_classes=2, seed=0, flip_y=0.1, n_features=8, **params):
    """Standardised rows and labels 0, 1, ... of a classification problem."""
    X, y = make_classification(
        n,
        n_features=n_features,
        n_informative=5,
        n_classes=n_classes,
        flip_y=flip_y,
        random_state=seed,
        **params,
    )
    return (X - X.mean(axis=0)) / X.std(axis=0), y


def with_ids(X):
    """X behind a column that numbers the rows, for the spies."""
    return np.column_stack([np.arange(len(X)), X])


def literal_map(snapshots, codes):
    """The data map of class probabilities (n_epochs, n, n_classes), as its definitions say."""
    rows = np.arange(len(codes))
    p = snapshots[:, rows, codes]
    others = snapshots.copy()
    others[:, rows, codes] = -np.inf
    correct = snapshots.argmax(axis=2) == codes
    return pd.DataFrame(
        {
            "confidence": p.mean(axis=0),
            "variability": p.std(axis=0),
            "correctness": correct.mean(axis=0),
            "forgetting_events": (correct[:-1] & ~correct[1:]).sum(axis=0),
            "first_learned": np.where(correct.any(axis=0), correct.argmax(axis=0), -1),
            "margin": (p - others.max(axis=2)).mean(axis=0),
            "aleatoric": (p * (1 - p)).mean(axis=0),
        }
    )


def seeded(learner, seed):
    """A clone whose random parts all draw from one RandomState."""
    rng = np.random.RandomState(seed)
    names = [name for name in learner.get_params() if name.endswith("random_state")]
    return clone(learner).set_params(**dict.fromkeys(names, rng))


def literal_snapshots(learner, X, y, n_epochs=10, seed=0, read="predict_proba", **params):
    """What the plain loop that one would write predicts after each epoch, and the learner."""
    learner = seeded(learner, seed)
    snapshots = []
    for _ in range(n_epochs):
        learner.partial_fit(X, y, classes=np.unique(y), **params)
        snapshots.append(getattr(learner, read)(X))
    return np.array(snapshots), learner


def assert_maps_agree(data_map, expected, atol=1e-9):
    """The statistics that both frames have are the same to `atol`."""
    for column in expected:
        np.testing.assert_allclose(
            data_map[column].to_numpy(float), expected[column], rtol=0, atol=atol, err_msg=column
        )


class SpyClassifier(ClassifierMixin, BaseEstimator):
    """Leans to the first class, more so each call; writes down the rows (first column of X) that it
    learns and reads."""

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        if not hasattr(self, "classes_"):
            self.classes_, self.n_calls_ = classes, 0
        self.n_calls_ += 1
        EVENTS.append(("learn", X[:, 0].astype(int), self))
        return self

    def predict_proba(self, X):
        EVENTS.append(("read", X[:, 0].astype(int), self))
        proba = np.full((len(X), len(self.classes_)), 1 / (len(self.classes_) + self.n_calls_))
        proba[:, 0] += 1 - proba.sum(axis=1)
        return proba

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class SpyTransformer(TransformerMixin, BaseEstimator):
    """Passes X on and writes down the rows (first column of X) that it is fitted on."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        EVENTS.append(("fit", np.asarray(X)[:, 0].astype(int), self))
        return self

    def transform(self, X):
        return X


class FailingClassifier(SGDClassifier):
    """A logistic regression whose `partial_fit` fails in the epoch given."""

    def __init__(self, epoch=2, error=ValueError, random_state=None):
        super().__init__(loss="log_loss", random_state=random_state)
        self.epoch = epoch
        self.error = error

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        self.n_calls_ = getattr(self, "n_calls_", -1) + 1
        if self.n_calls_ == self.epoch:
            raise self.error("enough")
        return super().partial_fit(X, y, classes, sample_weight)


class OddClassifier(ClassifierMixin, BaseEstimator):
    """Predicts what it is told, in and after the epoch told."""

    def __init__(self, value=np.nan, epoch=1):
        self.value = value
        self.epoch = epoch

    def partial_fit(self, X, y, classes=None):
        self.classes_ = classes if classes is not None else self.classes_
        self.n_calls_ = getattr(self, "n_calls_", -1) + 1
        return self

    def predict_proba(self, X):
        value = self.value if self.n_calls_ >= self.epoch else 0.5
        return np.full((len(X), len(self.classes_)), value)


class NumberedStops:
    """A callback that asks to stop after the epochs given and counts what it sees."""

    def __init__(self, after=None):
        self.after = after
        self.tasks = []

    def setup(self, estimator, context):
        self.tasks.append("setup")

    def teardown(self, estimator, context):
        self.tasks.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.tasks.append(context.task_name)
        return context.task_name == "epoch" and context.task_id + 1 == self.after

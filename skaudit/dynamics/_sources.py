"""Where snapshots come from: each kind of learner turned into a generator of epochs.

A source trains the learner given in place and yields a `Snapshot` after each epoch. At every yield
the learner can predict with the caller's labels and feature names.
"""

import warnings
from collections.abc import Callable
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from inspect import signature

import numpy as np
from scipy import sparse
from scipy.special import expit
from sklearn import config_context
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import SGDClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.validation import validate_data

from ..utils._crossfit import find_weight_name
from ..utils._frames import frame_values
from ..utils._sklearn_compat import InvalidParameterError, take_rows

# Prequential batches: small enough for many updates an epoch, large enough for the call's overhead.
_BATCHES = 100
_MIN_BATCH = 32


@dataclass
class Snapshot:
    """Probabilities (or logits) of the evaluated rows after an epoch; `rows` where not all."""

    values: np.ndarray
    logits: bool = False
    rows: np.ndarray | None = None


@dataclass
class Task:
    """One training: rows to learn from, rows to evaluate (None: the same), budget.

    `codes` of shape (n,) are positions in `classes`; of shape (n, n_labels) they are an indicator.
    """

    X: object
    codes: np.ndarray
    classes: np.ndarray
    weight: np.ndarray | None
    X_eval: object | None
    n_epochs: int
    rng: np.random.RandomState

    @property
    def multilabel(self):
        return self.codes.ndim == 2

    @property
    def y(self):
        """The labels as the learner is to know them."""
        return self.codes if self.multilabel else self.classes[self.codes]

    @property
    def weights(self):
        """The keyword argument for the learner."""
        return {} if self.weight is None else {"sample_weight": self.weight}


@dataclass(frozen=True)
class Source:
    """How a kind of learner is trained and read."""

    run: Callable
    method: str  # the learner's method that trains it
    held_out: bool = False  # whether its in-sample snapshots come from models that skipped the row
    remedy: str = "recording='prequential' or another learner"  # where epochs change nothing


def split_head(estimator):
    """The fitted-once part of a Pipeline (or None) and the learner at its end."""
    if not isinstance(estimator, Pipeline):
        return None, estimator
    name, last = estimator.steps[-1]
    if isinstance(last, Pipeline):
        raise InvalidParameterError(
            "estimator is a Pipeline whose last step is a Pipeline; put all steps into one."
        )
    if len(estimator.steps) == 1:
        return None, last
    # A Pipeline's memory holds all steps but the last, so a step that does nothing takes its place.
    head = copy(estimator)
    head.steps = [*estimator.steps[:-1], (name, "passthrough")]
    return head, last


def find_source(estimator, recording, held_out, single=False):
    """The `Source` for an unfitted estimator, or an error that says what would work.

    `held_out` says whether the evaluated rows are others than the training rows, `single` whether
    one snapshot will do for a learner without training dynamics.
    """
    if isinstance(estimator, type):
        raise InvalidParameterError(
            f"estimator is the class {estimator.__name__}; pass an instance: "
            f"{estimator.__name__}()."
        )
    _, learner = split_head(estimator)
    name = type(learner).__name__
    if isinstance(learner, FrozenEstimator):
        raise InvalidParameterError(
            "estimator is frozen and cannot be trained; pass the unfitted model, or feed a "
            "DataMapRecorder from your own training loop."
        )
    if not hasattr(learner, "get_params") or not is_classifier(learner):
        raise InvalidParameterError(f"estimator must be a classifier, got {learner!r}.")
    source = _source_of(learner, recording)
    if source is None and single:
        source = SINGLE
    if source is None:
        wanted = (
            "partial_fit" if recording == "prequential" else "partial_fit, staged_predict_proba"
        )
        wanted += "" if recording == "prequential" else ", out-of-bag votes or warm_start"
        raise InvalidParameterError(
            f"{name} shows no training dynamics for recording={recording!r}: it has no {wanted}. "
            "Choose another learner, or feed a DataMapRecorder from your own training loop."
        )
    if not (hasattr(learner, "predict_proba") or hasattr(learner, "decision_function")):
        raise InvalidParameterError(
            f"{name} has neither predict_proba nor decision_function, so there is no confidence."
        )
    if source.method == "partial_fit" and learner.get_params().get("class_weight") == "balanced":
        raise InvalidParameterError(
            f"{name}(class_weight='balanced') does not work with partial_fit: set "
            "class_weight='balanced' on the DataMapClassifier instead."
        )
    if source is FOREST and not learner.get_params()["bootstrap"] and not held_out:
        raise InvalidParameterError(
            f"{name}(bootstrap=False) has no out-of-bag votes, and its votes on the rows it was "
            "fitted on are all 1: set bootstrap=True, or record held-out votes with cv=3."
        )
    return source


def _source_of(learner, recording):
    from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

    if hasattr(learner, "partial_fit"):
        return PREQUENTIAL if recording == "prequential" else PARTIAL_FIT
    if recording == "prequential":
        return None
    if hasattr(learner, "staged_predict_proba"):
        return STAGED
    if isinstance(learner, ExtraTreesClassifier | RandomForestClassifier):
        return FOREST
    params = learner.get_params(deep=False)
    grows = {"max_iter", "n_estimators"} & set(params)
    if "warm_start" in params and grows and params.get("solver") != "liblinear":
        return WARM_START
    return None


def check_weight_support(source, estimator):
    """Raise where weights are wanted and the learner's training method takes none."""
    _, learner = split_head(estimator)
    if source is SINGLE and find_weight_name(learner) is not None:
        return
    if "sample_weight" not in signature(getattr(learner, source.method)).parameters:
        raise InvalidParameterError(
            f"{type(learner).__name__}.{source.method} takes no sample_weight, so neither "
            "sample_weight nor class_weight can be used with it."
        )


def run_source(source, estimator, task):
    """Fit a Pipeline's head once, then yield the snapshots of the learner at its end."""
    head, learner = split_head(estimator)
    if head is not None:
        # What the learner is fitted on is what it is read on: predicting would transform again.
        task.X = head.fit_transform(task.X, task.y)
        if task.X_eval is not None:
            task.X_eval = head.transform(task.X_eval)
        estimator.steps = head.steps[:-1] + estimator.steps[-1:]
    return source.run(learner, task)


def _partial_fit_epochs(learner, task):
    """A `partial_fit` over all rows is an epoch."""
    desk = _Desk(learner, task)
    for epoch in range(task.n_epochs):
        with _naming(epoch), desk.training(epoch):
            learner.partial_fit(desk.X, desk.y, **desk.first_call(epoch), **task.weights)
            snapshot = desk.read(desk.X_eval)
        yield snapshot


def _prequential_epochs(learner, task):
    """Each shuffled mini-batch is predicted, then learned from; nothing is known of the first."""
    desk = _Desk(learner, task)
    n_rows = desk.X.shape[0]
    size = max(_MIN_BATCH, -(-n_rows // _BATCHES))
    if n_rows <= size and task.n_epochs == 1:
        raise ValueError(
            "recording='prequential' predicts each batch by what the earlier ones taught, and "
            f"{n_rows} rows make one batch only: use n_epochs=2 or more."
        )
    for epoch in range(task.n_epochs):
        order = task.rng.permutation(n_rows)
        batches = [order[start : start + size] for start in range(0, n_rows, size)]
        values, logits = None, False
        with _naming(epoch), desk.training(epoch):
            for number, rows in enumerate(batches):
                X = take_rows(desk.X, rows)
                if epoch or number:
                    # GaussianNB takes the logarithm of 0 for a class that no batch has had yet.
                    with np.errstate(divide="ignore"):
                        part = desk.read(X)
                    if values is None:
                        values = np.empty((n_rows, *part.values.shape[1:]), part.values.dtype)
                    values[rows], logits = part.values, part.logits
                weights = {name: weight[rows] for name, weight in task.weights.items()}
                first = desk.first_call(epoch if number == 0 else 1)
                learner.partial_fit(X, desk.y[rows], **first, **weights)
        predicted = None if epoch else np.sort(order[size:])
        if values is not None:
            values = values if predicted is None else values[predicted]
            yield Snapshot(values, logits, predicted)


def _staged_epochs(learner, task):
    """The stages of a fitted booster, evenly spaced and ending with the last."""
    learner.fit(task.X, task.y, **task.weights)
    n_stages = getattr(learner, "n_iter_", None) or getattr(learner, "n_estimators_", None)
    wanted = set(_spaced(n_stages or len(learner.estimators_), task.n_epochs))
    X = task.X if task.X_eval is None else task.X_eval
    for stage, proba in enumerate(learner.staged_predict_proba(X), 1):
        if stage in wanted:
            yield Snapshot(_align(proba, learner, task))


def _forest_epochs(learner, task):
    """The running vote of a forest's trees; on a training row of those that skipped it."""
    learner.fit(task.X, task.y, **task.weights)
    out_of_bag = task.X_eval is None
    X = task.X if out_of_bag else task.X_eval
    X = X.tocsr() if sparse.issparse(X) else np.asarray(X, dtype=np.float32)
    n_rows = X.shape[0]
    samples = learner.estimators_samples_ if out_of_bag else [[]] * len(learner.estimators_)
    groups = set(_spaced(len(learner.estimators_), task.n_epochs))
    votes, n_votes = None, np.zeros(n_rows, dtype=np.intp)
    for number, tree in enumerate(learner.estimators_, 1):
        unseen = np.ones(n_rows, dtype=bool)
        unseen[samples[number - 1]] = False
        rows = np.flatnonzero(unseen)
        if rows.size:
            share = _align(tree.predict_proba(X[rows]), learner, task)
            votes = np.zeros((n_rows, share.shape[1])) if votes is None else votes
            votes[rows] += share
            n_votes[rows] += 1
        seen = np.flatnonzero(n_votes)
        if number in groups and votes is not None:
            mean = votes[seen] / n_votes[seen, None]
            yield Snapshot(mean, rows=None if len(seen) == n_rows else seen)


def _warm_start_epochs(learner, task):
    """Refits that each go on where the last stopped, with a share of the learner's own budget.

    A learner that stops before its share is spent stays as it is: it has converged, or met another
    limit of its own.
    """
    params = learner.get_params(deep=False)
    name = "max_iter" if "max_iter" in params else "n_estimators"
    stops = _spaced(params[name], task.n_epochs)
    budgets = np.diff([0, *stops]).tolist() if name == "max_iter" else stops
    desk = _Desk(learner, task)
    done = False
    for epoch, budget in enumerate(budgets):
        if not done:
            learner.set_params(**{name: budget, "warm_start": True})
            with _naming(epoch), warnings.catch_warnings():
                if epoch < len(budgets) - 1:
                    warnings.simplefilter("ignore", ConvergenceWarning)
                with desk.training(epoch):
                    learner.fit(desk.X, desk.y, **task.weights)
                    snapshot = desk.read(desk.X_eval)
            learner.set_params(**{key: params[key] for key in (name, "warm_start")})
            n_iter = getattr(learner, "n_iter_", None) if name == "max_iter" else None
            done = n_iter is not None and np.max(n_iter) < budget
        yield snapshot


def _single_epoch(learner, task):
    """The fitted learner, read once."""
    weights = {} if task.weight is None else {find_weight_name(learner): task.weight}
    learner.fit(task.X, task.y, **weights)
    yield _read(learner, task.X if task.X_eval is None else task.X_eval, task)


PARTIAL_FIT = Source(_partial_fit_epochs, "partial_fit")
PREQUENTIAL = Source(_prequential_epochs, "partial_fit")
SINGLE = Source(_single_epoch, "fit")
STAGED = Source(_staged_epochs, "fit")
FOREST = Source(_forest_epochs, "fit", held_out=True)
WARM_START = Source(
    _warm_start_epochs, "fit", remedy="a smaller max_iter, so that the epochs are shorter"
)


class _Desk:
    """The rows of a task laid out once for a learner that is called many times.

    Matrices become contiguous float arrays or CSR, text labels become numbers where the learner
    keeps them in `classes_` alone, and the learner checks X and its parameters once.
    """

    def __init__(self, learner, task):
        self.learner, self.task = learner, task
        self.X, self.named = _matrix(task.X, learner)
        self.X_eval = self.X if task.X_eval is None else _matrix(task.X_eval, learner)[0]
        self.encodes = (
            type(learner) is SGDClassifier
            and learner.class_weight is None
            and not task.multilabel
            and task.classes.dtype.kind in "OUS"
        )
        self.y = task.codes if self.encodes else task.y

    def first_call(self, epoch):
        """The classes, which `partial_fit` is told once."""
        if epoch:
            return {}
        if self.encodes:
            return {"classes": np.arange(len(self.task.classes))}
        if not self.task.multilabel:
            return {"classes": self.task.classes}
        n_labels = self.task.codes.shape[1]
        if isinstance(self.learner, MultiOutputClassifier):
            return {"classes": [np.array([0, 1])] * n_labels}
        return {"classes": np.arange(n_labels)}

    @contextmanager
    def training(self, epoch):
        """Codes for labels, no names and no repeated checks while the learner is at work."""
        learner = self.learner
        if epoch and self.named is not None:
            vars(learner).pop("feature_names_in_", None)
        if epoch and self.encodes:
            learner.classes_ = np.arange(len(self.task.classes))
        checked = bool(epoch) and getattr(self.X, "dtype", None) is not None
        with config_context(assume_finite=checked, skip_parameter_validation=bool(epoch)):
            yield
        if self.encodes:
            learner.classes_ = self.task.classes
        if self.named is not None:
            validate_data(learner, X=self.named, skip_check_array=True)

    def read(self, X):
        """The snapshot of the rows given."""
        return _read(self.learner, X, self.task)


def _read(learner, X, task):
    """The snapshot of a fitted learner on the rows given."""
    if type(learner) is SGDClassifier and learner.loss == "log_loss":
        return _read_linear(learner, X)
    if hasattr(learner, "predict_proba"):
        return Snapshot(_align(learner.predict_proba(X), learner, task))
    return Snapshot(learner.decision_function(X), logits=True)


def _read_linear(learner, X):
    """SGD's probabilities by one product: log-odds of two classes, else normalised one-vs-rest."""
    coef, intercept = learner.coef_, learner.intercept_
    if len(coef) == 1:
        return Snapshot(X @ coef[0] + intercept[0], logits=True)
    if sparse.issparse(X):
        # A product with the whole of coef.T would copy it into another order first.
        scores = np.stack([X @ row for row in coef], axis=1) + intercept
    else:
        scores = X @ coef.T + intercept
    proba = expit(scores, out=scores)
    total = proba.sum(axis=1, keepdims=True)
    lost = total[:, 0] == 0
    proba[lost], total[lost] = 1.0, len(coef)
    return Snapshot(np.divide(proba, total, out=proba))


def _matrix(X, learner):
    """X as a contiguous float array or CSR matrix, and a row of the frame it was (or None).

    What is no matrix of numbers goes to the learner as it is.
    """
    if sparse.issparse(X):
        return X.tocsr(), None
    tags = get_tags(learner).input_tags
    takes_words = tags.string or tags.categorical
    if hasattr(X, "columns"):
        if takes_words:
            return X, None
        return _matrix(frame_values(X), learner)[0], X[:1]
    X = np.asarray(X)
    if X.ndim != 2 or X.dtype.kind not in ("fiub" if takes_words else "fiubOUS"):
        return X, None
    if X.dtype.kind != "f":
        X = X.astype(np.float64)
    elif X.dtype.itemsize == 2:
        X = X.astype(np.float32)
    return np.ascontiguousarray(X, dtype=X.dtype.newbyteorder("=")), None


def _align(proba, learner, task):
    """Probabilities with a column for each class of the task, or each label of a multilabel one."""
    if isinstance(proba, list):
        return np.stack([_present(part, learner, j) for j, part in enumerate(proba)], axis=1)
    if task.multilabel or len(learner.classes_) == len(task.classes):
        return proba
    place = {label: column for column, label in enumerate(task.classes.tolist())}
    full = np.zeros((len(proba), len(task.classes)))
    full[:, [place[label] for label in learner.classes_.tolist()]] = proba
    return full


def _present(proba, learner, label):
    """Probability that a label is present; one column means that training rows had one value."""
    if proba.shape[1] == 2:
        return proba[:, 1]
    return np.full(len(proba), float(learner.classes_[label][0]))


def _spaced(n, k):
    """At most k whole numbers, evenly spaced over 1..n and ending with n."""
    k = min(n, k)
    return np.ceil(np.arange(1, k + 1) * (n / k) - 1e-9).astype(int).tolist()


@contextmanager
def _naming(epoch):
    """Tell the epoch in which a learner gave up."""
    try:
        yield
    except Exception as error:
        error.add_note(f"This happened in epoch {epoch} (counted from 0).")
        raise

"""One training of one learner, recorded: the unit of work that folds and repeats are made of."""

from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from scipy.special import expit, softmax

from ..utils._sklearn_compat import take_rows
from ._label_issues import best_third
from ._recorder import DataMapRecorder
from ._sources import Source, Task, run_source, split_head
from ._statistics import Tally


@dataclass
class Data:
    """What every training of a fit shares: the rows, their labels as codes, and their weights."""

    X: Any
    codes: np.ndarray
    classes: np.ndarray
    weight: np.ndarray | None
    class_weight: Any = None

    def training_weight(self, rows):
        """Sample weight times class weight of the rows given (None: all); None where all are 1."""
        codes = self.codes if rows is None else self.codes[rows]
        weight = self.weight if rows is None or self.weight is None else self.weight[rows]
        if self.class_weight is None:
            return weight
        given = np.ones(len(codes)) if weight is None else weight
        if self.class_weight == "balanced":
            total = np.bincount(codes, weights=given, minlength=len(self.classes))
            present = np.count_nonzero(total)
            factor = total.sum() / (present * np.where(total > 0, total, 1.0))
        else:
            factor = np.array(
                [self.class_weight.get(label, 1.0) for label in self.classes.tolist()]
            )
        return given * factor[codes]


@dataclass
class Run:
    """What a training leaves: its estimator, a record of the evaluated rows, a tally an epoch."""

    estimator: Any
    recorder: DataMapRecorder
    tallies: list = field(default_factory=list)
    class_means: np.ndarray | None = None  # (m, n_classes) float32, of more than two classes
    last: np.ndarray | None = None  # (m, n_classes), the probabilities of the last snapshot

    @property
    def accuracy(self):
        return [tally.accuracy for tally in self.tallies]


def record_run(
    estimator,
    source: Source,
    data: Data,
    *,
    train,
    test,
    n_epochs,
    rng,
    keep_history,
    progress,
    keep_last=False,
):
    """Train a clone's epochs and record them.

    Parameters
    ----------
    estimator : classifier
        Unfitted, trained in place.
    train, test : ndarray of positions or None
        Rows to learn from and to evaluate; None and None are all rows and the same.
    progress : Progress
        Told of each epoch; it may ask to stop.
    keep_last : bool
        Whether the run keeps all probabilities of its last snapshot, a label a row.

    Returns
    -------
    Run
    """
    X = data.X if train is None else take_rows(data.X, train)
    codes = data.codes if test is None else data.codes[test]
    task = Task(
        X=X,
        codes=data.codes if train is None else data.codes[train],
        classes=data.classes,
        weight=data.training_weight(train),
        X_eval=None if test is None else take_rows(data.X, test),
        n_epochs=n_epochs,
        rng=rng,
    )
    held_out = source.held_out or test is not None
    run = Run(estimator, DataMapRecorder._from_codes(codes, data.classes, keep_history or held_out))
    means = None
    if codes.ndim == 1 and len(data.classes) > 2:
        shape = (len(codes), len(data.classes))
        means = _BestMeans(shape, n_epochs) if held_out else _RunningMean(shape)
    weight = data.weight if test is None or data.weight is None else data.weight[test]
    if weight is not None and codes.ndim == 2:
        weight = np.repeat(weight, codes.shape[1])
    latest, checked = None, None
    with _one_stream(estimator, rng):
        epochs = run_source(source, estimator, task)
        for _ in range(n_epochs):
            with progress.epoch(estimator) as watched:
                snapshot = next(epochs, None)
                if snapshot is not None:
                    # A learner that has converged yields its last snapshot again.
                    if snapshot is not latest:
                        checked = run.recorder._check_snapshot(
                            snapshot.values, snapshot.rows, snapshot.logits
                        )
                    run.tallies.append(
                        _record_snapshot(run.recorder, snapshot, checked, weight, means)
                    )
                    latest = snapshot
            if snapshot is None or watched.stop:
                break
    if keep_last:
        run.last = _class_probabilities(latest)
    run.class_means = None if means is None else means.mean()
    return run


def _record_snapshot(recorder, snapshot, checked, weight, means):
    """Record one snapshot, of which the recorder has checked the values; its tally."""
    tally = Tally(weight)
    values, read = checked
    recorder._record(snapshot.rows, values, read, tally)
    if means is not None:
        proba = softmax(values, axis=1) if snapshot.logits else values
        means.add(snapshot.rows, proba, tally.accuracy)
    tally.weight = None
    return tally


def _class_probabilities(snapshot):
    """A snapshot of all evaluated rows as probabilities of shape (m, n_classes)."""
    values = snapshot.values
    if values.ndim == 2 and values.shape[1] > 1:
        return softmax(values, axis=1) if snapshot.logits else values
    positive = values.ravel().astype(np.float64)
    positive = expit(positive) if snapshot.logits else positive
    return np.stack([1.0 - positive, positive], axis=1)


class Progress:
    """Tells the callbacks of a `DataMapClassifier` of the epochs of one training."""

    def __init__(self, owner, context, X, y, classes, train):
        self.owner, self.context = owner, context
        self.X, self.y, self.classes, self.train = X, y, classes, train
        self.stop = False

    @property
    def _shown(self):
        rows = {"X": self.X, "y": self.y}
        if self.train is not None:
            # Taken only where a callback asks for them.
            rows = {name: partial(take_rows, value, self.train) for name, value in rows.items()}
        return {"estimator": self.owner, **rows}

    @contextmanager
    def training(self):
        """Around the whole training."""
        self.context.call_on_fit_task_begin(**self._shown)
        yield
        self.context.call_on_fit_task_end(**self._shown)

    @contextmanager
    def epoch(self, estimator):
        """Around one epoch; afterwards `stop` says whether a callback asked to end here."""
        task = self.context.subcontext(task_name="epoch")
        task.call_on_fit_task_begin(**self._shown)
        yield self
        self.stop = task.call_on_fit_task_end(
            **self._shown,
            reconstruction_attributes=lambda: {"estimator_": estimator, "classes_": self.classes},
        )


class Silent:
    """A `Progress` that nobody watches."""

    stop = False

    @contextmanager
    def epoch(self, estimator):
        yield self


class Settling(Silent):
    """A `Silent` that stops where a learner's own training loss has stopped falling.

    By the learner's own patience, as its `fit` would; learners without a `loss_curve_` go on.
    """

    @contextmanager
    def epoch(self, estimator):
        yield self
        learner = split_head(estimator)[1]
        curve = getattr(learner, "loss_curve_", None)
        if curve is not None and len(curve) > (patience := learner.n_iter_no_change):
            self.stop = min(curve[:-patience]) - min(curve[-patience:]) < learner.tol


@contextmanager
def _one_stream(estimator, rng):
    """Let all random parts of an estimator draw from one stream, then give their seeds back.

    A seed that is a number would make each `partial_fit` replay the same order of the rows.
    """
    seeds = {
        name: value
        for name, value in estimator.get_params().items()
        if name == "random_state" or name.endswith("__random_state")
    }
    estimator.set_params(**dict.fromkeys(seeds, rng))
    try:
        yield
    finally:
        estimator.set_params(**seeds)


class _RunningMean:
    """Mean class probabilities of all epochs, shape (m, n_classes)."""

    def __init__(self, shape):
        self.total = np.zeros(shape, dtype=np.float32)
        self.count = np.zeros(shape[0], dtype=np.float32)

    def add(self, rows, proba, accuracy):
        rows = slice(None) if rows is None else rows
        self.total[rows] += proba
        self.count[rows] += 1

    def mean(self):
        with np.errstate(invalid="ignore"):
            return self.total / self.count[:, None]


class _BestMeans:
    """Mean class probabilities of the third of the epochs with the best accuracy."""

    def __init__(self, shape, n_epochs):
        self.shape, self.n_best = shape, len(best_third(np.zeros(n_epochs)))
        self.kept: list = []

    def add(self, rows, proba, accuracy):
        self.kept.append((accuracy, rows, proba.astype(np.float32)))
        # Later epochs lose ties, as in `best_third`.
        self.kept.sort(key=lambda item: -item[0])
        del self.kept[self.n_best :]

    def mean(self):
        mean = _RunningMean(self.shape)
        for accuracy, rows, proba in self.kept:
            mean.add(rows, proba, accuracy)
        return mean.mean()

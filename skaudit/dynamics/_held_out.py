"""The dynamics of the folds alone: for a caller that wants what held-out rows get, and no refit."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.neural_network import MLPClassifier
from sklearn.utils.parallel import Parallel, delayed

from ..utils._index import pack_index
from ._classifier import DataMapClassifier, _streams, stands_still
from ._input import caller_index, check_data
from ._recorder import DataMapRecorder
from ._regions import region_categories, region_codes
from ._results import issues_of
from ._sources import PARTIAL_FIT, SINGLE, check_weight_support, find_source, split_head
from ._training import Data, Settling, record_run

_SNAPSHOTS = 10  # of learners with a budget of their own, which they are read at
_PASSES = 20  # of a learner trained by `partial_fit` that does not tell its training loss
_MOST_PASSES = 200  # of one that does, and stops where it has settled


@dataclass
class HeldOut:
    """What models say of rows that they have not seen.

    Parameters
    ----------
    codes, classes : ndarray of shape (n,), ndarray of shape (n_classes,)
        Positions of the given labels among the classes, and these.
    proba : ndarray of shape (n, n_classes)
        The last snapshot of each row.
    estimator : classifier
        Fitted: the model of the first fold, or the one given.
    data_map, epoch_log : pandas.DataFrame
        As `DataMapClassifier` has them.
    issues : pandas.DataFrame
        As its `label_issues` returns it, but in the order of the rows.
    shows_dynamics : bool
        Whether the snapshots differ, so that variability says something.
    unseen : ndarray of positions
        Rows that `estimator` was not trained on, ascending.
    """

    codes: np.ndarray
    classes: np.ndarray
    proba: np.ndarray
    estimator: object
    data_map: object
    epoch_log: object
    issues: Any
    shows_dynamics: bool
    unseen: np.ndarray

    @property
    def label_issues(self):
        """The issues, worst first."""
        order = np.argsort(self.issues["label_quality"].to_numpy(), kind="stable")
        return self.issues.iloc[order]


def check_labels(X, y, sample_weight):
    """The `Data` of an audit: rows, labels of two or more classes, weights."""
    return check_data(X, y, sample_weight, None, owner="audit", matrix=False)


def train_folds(
    estimator, X, y, folds, *, n_epochs=None, sample_weight=None, random_state=None, n_jobs=None
):
    """Train the estimator on each fold and record the rows that it has not seen.

    Parameters
    ----------
    estimator : classifier
        Unfitted. One without training dynamics is fitted as it is and read once.
    folds : list of (train, test)
        That test each row once.
    n_epochs : int, default=None
        Snapshots, and for learners trained by `partial_fit` the passes over the rows. None: 10
        snapshots; as many passes as a multilayer perceptron takes until its loss has settled, at
        most its `max_iter` and 200; 20 of other learners.

    Returns
    -------
    HeldOut
    """
    source = find_source(estimator, "after", held_out=True, single=True)
    n_epochs = _count_epochs(estimator, source) if n_epochs is None else n_epochs
    model = DataMapClassifier(estimator, n_epochs=n_epochs, cv=folds)
    data = check_labels(X, y, sample_weight)
    if data.weight is not None:
        check_weight_support(source, estimator)
    streams = _streams(random_state, estimator)
    runs = Parallel(n_jobs=n_jobs)(
        delayed(record_run)(
            clone(estimator),
            source,
            data,
            train=train,
            test=test,
            n_epochs=n_epochs,
            rng=next(streams),
            keep_history=False,
            progress=Settling(),
            keep_last=True,
        )
        for train, test in folds
    )
    fitted = model._assemble(runs, [test for _, test in folds], source, data)
    model.__dict__.update(fitted, _index=pack_index(caller_index(X, y)))
    proba = np.empty((len(data.codes), len(data.classes)))
    for (_, test), run in zip(folds, runs, strict=True):
        proba[test] = run.last
    # What rounding, of float32 as a rule, leaves outside.
    np.clip(proba, 0.0, 1.0, out=proba)
    data_map = model.data_map_
    moments = data_map["confidence"].to_numpy(), data_map["variability"].to_numpy() ** 2
    return HeldOut(
        data.codes,
        data.classes,
        proba,
        model.estimator_,
        data_map,
        model.epoch_log_,
        model._issue_table(),
        model.n_epochs_ > 1 and not stands_still(*moments, model.n_epochs_),
        np.sort(folds[0][1]),
    )


def _count_epochs(estimator, source):
    """How many snapshots a learner is given where the caller leaves it open."""
    learner = split_head(estimator)[1]
    if source is SINGLE:
        return 1
    if source is not PARTIAL_FIT:
        return _SNAPSHOTS
    return min(learner.max_iter, _MOST_PASSES) if isinstance(learner, MLPClassifier) else _PASSES


def read_fitted(estimator, data: Data, proba, index):
    """The `HeldOut` of a fitted model whose probabilities of unseen rows are known.

    Parameters
    ----------
    estimator : fitted classifier
    data : Data
        Its `classes` are those of the model, in the order of the columns of `proba`.
    proba : ndarray of shape (n, n_classes)
    index : pandas.Index or None
    """
    import pandas as pd

    recorder = DataMapRecorder._from_codes(data.codes, data.classes, keep_history=False)
    recorder._index = pack_index(index)
    recorder.update(proba)
    data_map = recorder.to_frame()
    regions = region_codes(data_map["confidence"].to_numpy(), data_map["variability"].to_numpy())
    quality = data_map["confidence"].to_numpy()
    data_map = data_map.assign(region=region_categories(regions), label_quality=quality)
    suggested, is_issue = issues_of(data.codes, quality, proba if proba.shape[1] > 2 else None)
    issues = pd.DataFrame(
        {
            "label": data_map["label"],
            "suggested_label": data.classes[suggested],
            "label_quality": quality,
            "is_issue": is_issue,
        },
        index=data_map.index,
    )
    hits = np.average(data_map["correctness"], weights=data.weight)
    log = pd.DataFrame({"epoch": [0], "held_out_accuracy": [hits]})
    return HeldOut(
        data.codes,
        data.classes,
        proba,
        estimator,
        data_map,
        log,
        issues,
        False,
        np.arange(len(quality)),
    )

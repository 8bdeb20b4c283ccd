"""What a model says of rows that it has not seen: by folds, or by a fitted model on new rows."""

import numpy as np
from sklearn.base import is_classifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ..dynamics._held_out import read_fitted, train_folds
from ..dynamics._training import Data
from ..utils._crossfit import make_folds
from ..utils._sklearn_compat import InvalidParameterError
from ..utils._validation import shorten

_SUM = 1e-3  # by which the probabilities of a row may miss 1


def check_estimator(estimator):
    """Raise InvalidParameterError unless the estimator is a classifier that gives probabilities."""
    if isinstance(estimator, type):
        raise InvalidParameterError(
            f"estimator is the class {estimator.__name__}; pass an instance of it: "
            f"{estimator.__name__}()."
        )
    if not hasattr(estimator, "__sklearn_tags__") or not is_classifier(estimator):
        given = f"a {type(estimator).__name__}" if hasattr(estimator, "shape") else repr(estimator)
        raise InvalidParameterError(
            f"estimator must be a classifier of scikit-learn's kind, got {given}. The order is "
            "audit(estimator, X, y); estimator=None takes a model that suits the columns."
        )
    if not hasattr(estimator, "predict_proba"):
        raise InvalidParameterError(
            f"estimator must have predict_proba, which {type(estimator).__name__} lacks; wrap it "
            "in CalibratedClassifierCV, which makes probabilities of its decision values."
        )


def hold_out(estimator, rows, *, cv, groups, n_epochs, random_state, n_jobs):
    """The `HeldOut` of an audit, and the number of folds (0: a fitted model was read).

    Parameters
    ----------
    estimator : unfitted classifier, or FrozenEstimator of one fitted on other rows
    rows : Rows
    """
    if isinstance(estimator, FrozenEstimator):
        data, proba = _read_frozen(estimator, rows)
        return read_fitted(estimator.estimator, data, proba, rows.index), 0
    y = rows.labels.classes[rows.labels.codes]
    folds = _folds(cv, rows, y, groups, random_state)
    held_out = train_folds(
        estimator,
        rows.X_model,
        rows.y,
        folds,
        n_epochs=n_epochs,
        sample_weight=rows.labels.weight,
        random_state=random_state,
        n_jobs=n_jobs,
    )
    return held_out, len(folds)


def _folds(cv, rows, y, groups, random_state):
    """Folds that test each row once; an int means shuffled, stratified ones."""
    params = {} if groups is None else {"groups": groups}
    if isinstance(cv, (int, np.integer)):
        seed = check_random_state(random_state).randint(2**31)
        kind = StratifiedKFold if groups is None else StratifiedGroupKFold
        splitter = kind(cv, shuffle=True, random_state=seed)
        if groups is None and np.bincount(rows.labels.codes).min() < cv:
            return _spread_folds(rows.labels.codes, cv, seed)
        cv = splitter
    return make_folds(cv, rows.X_model, y, **params)


def _spread_folds(codes, n_folds, seed):
    """Shuffled folds that deal the rows of each class out in turn.

    The stratified ones of scikit-learn warn of classes with fewer rows than folds.
    """
    rng = np.random.RandomState(seed)
    order = rng.permutation(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]
    fold = np.empty(len(codes), dtype=np.intp)
    fold[order] = np.arange(len(codes)) % n_folds
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(n_folds)]


def _read_frozen(estimator, rows):
    """Labels as positions in the classes of a fitted model, and its probabilities."""
    check_is_fitted(estimator)
    classes = getattr(estimator, "classes_", None)
    if classes is None or isinstance(classes, list):
        raise InvalidParameterError(
            f"{type(estimator.estimator).__name__} has no single list of classes_; a fitted "
            "classifier of one label a row is needed."
        )
    classes = np.asarray(classes)
    place = {label: i for i, label in enumerate(classes.tolist())}
    found = rows.labels.classes.tolist()
    if unknown := [label for label in found if label not in place]:
        raise ValueError(
            f"y has labels that the fitted model does not know: {shorten(unknown)}; its classes_ "
            f"are {shorten(classes.tolist())}."
        )
    codes = np.array([place[label] for label in found])[rows.labels.codes]
    proba = np.asarray(estimator.predict_proba(rows.X_model), dtype=np.float64)
    if proba.shape != (rows.n, len(classes)) or not np.isfinite(proba).all():
        raise ValueError(
            f"predict_proba of the fitted model must give finite numbers of the shape "
            f"({rows.n}, {len(classes)}); got {proba.shape}."
        )
    away = np.abs(proba.sum(axis=1) - 1.0).max()
    if proba.min() < -_SUM or away > _SUM:
        raise ValueError(
            "predict_proba of the fitted model must give probabilities that sum to 1 in each row; "
            f"they are off by up to {away:.3g}."
        )
    codes = codes.astype(np.min_scalar_type(-len(classes)))
    # What rounding, of float32 as a rule, leaves outside.
    proba = np.clip(proba, 0.0, 1.0)
    proba /= proba.sum(axis=1, keepdims=True)
    return Data(rows.X_model, codes, classes, rows.labels.weight), proba

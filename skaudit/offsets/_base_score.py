"""The base score: the probability that exists already, wherever it comes from.

The steps of a `fit`, for the estimators of this room::

    rows = read_fit(witness, X, y, sample_weight)          # checked, on a clone of the estimator
    columns = find_columns(self.estimator, self.features, rows)
    routed = route_fit(self, sample_weight, params)
    estimator_, score = fit_score(self.estimator, rows, columns, cv=self.cv, routed=routed)

and of a prediction::

    X = read_rows(self, X)
    score = score_rows(self.estimator_, X, columns, self.classes_)

`score.logit` is the offset of each row.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.special import logit
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ..utils._crossfit import find_weight_name, make_folds, out_of_fold_proba
from ..utils._frames import frame_values
from ..utils._sklearn_compat import InvalidParameterError, routing_enabled
from ..utils._validation import (
    NotFittedError,
    shorten,
)
from ._columns import Columns, find_positions, others
from ._input import column_name, take_columns
from ._routing import without_routing
from ._score_column import ScoreColumn

__all__ = [
    "Score",
    "check_base",
    "find_columns",
    "fit_score",
    "score_rows",
    "seen_in_fit",
]

# More clipped scores than this share are worth a warning.
_MANY = 0.01


@dataclass
class Score:
    """Base scores of n rows.

    Parameters
    ----------
    probability : ndarray of shape (n,), float64
        Of the positive class, within (0, 1).
    logit : ndarray of shape (n,), float64
        log(s / (1 - s)), the offset of the row.
    n_clipped : int
        How many were 0 or 1, or nearer to them than the epsilon of float64 (or float32).
    """

    probability: np.ndarray
    logit: np.ndarray
    n_clipped: int

    @property
    def clipped_share(self):
        return self.n_clipped / max(len(self.logit), 1)


def find_columns(estimator, features, rows, *, contest=True):
    """Which columns the base score is made of, and which contest.

    Parameters
    ----------
    estimator : unfitted classifier, FrozenEstimator, ScoreColumn or None
    features : names, positions, mask or None
        The contesting columns. None: all but the ScoreColumn's or those of the frozen base; an
        unfitted base uses all columns and all contest. Where given, an unfitted base is trained
        on the others.
    rows : FitRows
    contest : bool
        Whether having no contesting column is an error.

    Returns
    -------
    Columns

    Raises
    ------
    ValueError
        Where columns are unknown, the frozen base's are absent, or none is left.
    """
    n_columns, names = rows.X.shape[1], rows.names
    chosen = None if features is None else find_positions(features, names, n_columns)
    base = score = None
    taken = np.array([], dtype=np.intp)  # what contests only where the caller says so
    if isinstance(estimator, ScoreColumn):
        taken = find_positions(estimator.column, names, n_columns, "ScoreColumn")
        if len(taken) != 1:
            raise ValueError(f"ScoreColumn names one column of X, got {estimator.column!r}.")
        score = int(taken[0])
        if chosen is not None and score in chosen:
            raise ValueError(
                f"features contains the score column {rows.name_of(score)!r}; a score cannot "
                "contest itself."
            )
    elif isinstance(estimator, FrozenEstimator):
        base = _frozen_columns(estimator, chosen, names, n_columns)
        taken = np.arange(n_columns) if base is None else base
    elif estimator is not None and chosen is not None:
        base = others(chosen, n_columns)
        if not len(base):
            raise ValueError(
                "features names every column of X, which leaves none to train the base estimator "
                "on. Name fewer, or set features=None to let it use all columns."
            )
    contesting = others(taken, n_columns) if chosen is None else chosen
    if contest and not len(contesting):
        raise ValueError(_none_left(estimator, features))
    return Columns(contesting, base, score)


def _none_left(estimator, features):
    if features is not None:
        return "features names no column: no contesting feature is left."
    which = "the score" if isinstance(estimator, ScoreColumn) else "the frozen base's own"
    return (
        f"No contesting feature is left: all columns of X are {which}. Pass X with further "
        "columns, or name contesting ones by features."
    )


def _frozen_columns(estimator, chosen, names, n_columns):
    """Positions of a frozen base's own columns in its order; None for all of X."""
    try:
        check_is_fitted(estimator)
    except NotFittedError as error:
        raise NotFittedError(
            f"estimator is frozen but not fitted: {estimator!r}. Fit the model inside first, or "
            "pass it without FrozenEstimator to have it trained here."
        ) from error
    own = seen_in_fit(estimator, "feature_names_in_")
    if own is not None and names is not None:
        missing = [name for name in own if name not in names]
        if missing:
            raise ValueError(
                f"The frozen base was fitted on columns that X lacks: {shorten(missing)}; X has "
                f"{shorten(names)}."
            )
        positions = np.array([names.index(name) for name in own], dtype=np.intp)
        return None if np.array_equal(positions, np.arange(n_columns)) else positions
    count = seen_in_fit(estimator, "n_features_in_")
    rest = None if chosen is None else others(chosen, n_columns)
    if rest is not None and count in (None, len(rest)):
        return rest
    if count == n_columns:
        return None
    known = "an unknown number of" if count is None else count
    raise ValueError(
        f"The frozen base was fitted on {known} columns, which cannot be found by name among the "
        f"{n_columns} of X. Name the contesting columns by features, so that the others are the "
        "base's, or fit the base and call this with DataFrames."
    )


def seen_in_fit(estimator, attribute):
    """What a fitted model recorded of its X; a Pipeline asks its first step, "passthrough" or not.

    None where nothing is known.
    """
    value = getattr(estimator, attribute, None)
    if value is None and isinstance(estimator, FrozenEstimator):
        return seen_in_fit(estimator.estimator, attribute)
    if value is None and isinstance(estimator, Pipeline):
        steps = [step for _, step in estimator.steps if step not in (None, "passthrough")]
        return seen_in_fit(steps[0], attribute) if steps else None
    return value


def fit_score(estimator, rows, columns, *, cv=None, routed=None, n_jobs=None, stacklevel=2):
    """The base model as it will predict, and the score of each training row.

    Parameters
    ----------
    estimator : unfitted classifier, FrozenEstimator, ScoreColumn or None
        An unfitted one gives out-of-fold scores and is refitted on all rows; a frozen one and a
        column are taken as they are; None is the weighted share of the positive class.
    rows : FitRows
    columns : Columns
    cv : int, splitter, iterable or None
        For an unfitted estimator; None is 5 stratified folds.
    routed : Bunch
        What `route_fit` returned.
    n_jobs : int or None
        Folds fitted at a time.
    stacklevel : int
        For warnings, counted from the caller.

    Returns
    -------
    fitted : classifier, FrozenEstimator or ScoreColumn
        What `score_rows` takes.
    score : Score

    Raises
    ------
    ValueError, TypeError
        Where the estimator gives no probabilities, or a score is missing or outside [0, 1].
    """
    check_base(estimator)
    if estimator is None:
        fitted = DummyClassifier(strategy="prior").fit(rows.X, rows.y, rows.weight)
        score = score_rows(fitted, rows.X, columns, rows.classes)
    elif isinstance(estimator, (ScoreColumn, FrozenEstimator)):
        fitted = clone(estimator)
        score = score_rows(fitted, rows.X, columns, rows.classes)
    else:
        fitted, score = _cross_fit(estimator, rows, columns, cv, routed, n_jobs, stacklevel + 1)
    if score.clipped_share > _MANY:
        warnings.warn(
            f"{score.n_clipped} of {len(rows.codes)} base scores are 0 or 1 and have an infinite "
            "logit; they were clipped. Such a score is more certain than data can make it: "
            "calibrate the base model or smooth its probabilities.",
            UserWarning,
            stacklevel=stacklevel + 1,
        )
    return fitted, score


def check_base(estimator):
    """Raise InvalidParameterError unless `estimator` can give a base score."""
    if estimator is None or isinstance(estimator, ScoreColumn):
        return
    if isinstance(estimator, type):
        name = estimator.__name__
        remedy = "ScoreColumn('name')" if issubclass(estimator, ScoreColumn) else f"{name}()"
        raise InvalidParameterError(
            f"estimator is the class {name}; pass an instance, such as {remedy}."
        )
    if not (hasattr(estimator, "fit") and hasattr(estimator, "get_params")):
        raise InvalidParameterError(
            "estimator must be a classifier, a FrozenEstimator around a fitted one, a ScoreColumn "
            f"or None, got {estimator!r}."
        )
    if not hasattr(estimator, "predict_proba"):
        remedy = (
            "wrap it in CalibratedClassifierCV, which makes probabilities of its decision values"
            if hasattr(estimator, "decision_function")
            else "choose a classifier that has it"
        )
        raise InvalidParameterError(
            f"estimator must have predict_proba, which {estimator!r} lacks; {remedy}."
        )


def _cross_fit(estimator, rows, columns, cv, routed, n_jobs, stacklevel):
    """An unfitted estimator's held-out scores, then the estimator fitted on all rows."""
    routed = without_routing(None, {}) if routed is None else routed
    params = dict(routed.estimator.fit)
    if rows.weight is not None and not routing_enabled():
        name = find_weight_name(estimator)
        if name is None:
            warnings.warn(
                f"{type(estimator).__name__} takes no sample_weight: the weights are used for what "
                "is fitted on its score, not for the base model itself.",
                UserWarning,
                stacklevel=stacklevel + 1,
            )
        else:
            params[name] = rows.weight
    X, y = take_columns(rows.X, columns.base), rows.y
    folds = make_folds(cv, X, y, **routed.splitter.split)
    held_out = out_of_fold_proba(
        estimator, X, y, folds, _Reader(rows.classes), fit_params=params, n_jobs=n_jobs
    )
    score = _as_score(held_out, f"The score of the base model {_model_name(estimator)}")
    return clone(estimator).fit(X, y, **params), score


def score_rows(fitted, X, columns, classes):
    """The base score of rows, seen or new.

    Parameters
    ----------
    fitted : classifier, FrozenEstimator or ScoreColumn
        As `fit_score` returned it.
    X : what `read_rows` returned
    columns : Columns
    classes : ndarray of shape (2,)

    Returns
    -------
    Score
    """
    if columns.score is not None:
        return _as_score(_column_values(X, columns.score), _column_text(X, columns.score))
    proba = _Reader(classes)(fitted, take_columns(X, columns.base))
    return _as_score(proba, f"The score of the base model {_model_name(fitted)}")


class _Reader:
    """Reads a fitted classifier's probability of `classes[1]`; goes to workers with each fold."""

    def __init__(self, classes):
        self.classes = classes

    def __call__(self, fitted, X):
        known = np.asarray(getattr(fitted, "classes_", self.classes)).tolist()
        wanted = self.classes.tolist()
        if wanted == [0, 1] and len(known) == 2:
            # Encoded labels, as cross_val_predict hands them to a base that knows the real ones.
            wanted = known
        if len(known) != 2 or set(known) != set(wanted):
            raise ValueError(
                f"The base model {_model_name(fitted)} knows the classes {shorten(known)}, but y "
                f"has {shorten(wanted)}."
            )
        proba = np.asarray(fitted.predict_proba(X))
        if proba.ndim == 1 or proba.shape[1] == 1:
            return proba.ravel()
        if proba.shape[1] != 2:
            raise ValueError(
                f"The base model {_model_name(fitted)} gives {proba.shape[1]} columns of "
                "probabilities for two classes."
            )
        away = np.abs(proba.sum(axis=1, dtype=np.float64) - 1).max(initial=0.0)
        if away > 1e-3:
            raise ValueError(
                f"The probabilities of the base model {_model_name(fitted)} do not sum to 1; they "
                f"are off by up to {away:.3g}."
            )
        return proba[:, known.index(wanted[1])]


def _as_score(values, source):
    """Checked scores as a `Score`; `source` says in messages where they come from."""
    single = values.dtype.kind == "f" and values.dtype.itemsize <= 4
    eps = float(np.finfo(np.float32 if single else np.float64).eps)
    values = values.astype(np.float64)  # a copy, clipped below
    low, high = values.min(initial=1.0), values.max(initial=0.0)  # NaN where any is
    if not (low >= 0 and high <= 1):
        n_nan = int(np.isnan(values).sum())
        if n_nan:
            raise ValueError(f"{source} contains NaN: {n_nan} of {len(values)} are missing.")
        raise ValueError(
            f"{source} must be a probability in [0, 1], got values from {low:.6g} to "
            f"{high:.6g}. If these are log-odds, take scipy.special.expit of them first."
        )
    n_clipped = 0
    if low < eps or high > 1 - eps:
        n_clipped = int(((values < eps) | (values > 1 - eps)).sum())
        np.clip(values, eps, 1 - eps, out=values)
    return Score(values, logit(values), n_clipped)


def _column_values(X, position):
    """A score column as a float array; missing values are NaN."""
    if hasattr(X, "columns"):
        column = frame_values(take_columns(X, [position]))
        return (column.toarray() if sparse.issparse(column) else column).ravel()
    column = X[:, position]
    if column.dtype.kind == "f":
        return column
    if column.dtype.kind not in "biuO" or any(isinstance(value, (str, bytes)) for value in column):
        raise ValueError(f"{_column_text(X, position)} must hold numbers, got text.")
    return column.astype(np.float64)


def _column_text(X, position):
    return f"The score column {column_name(X, position)!r}"


def _model_name(fitted):
    inner = fitted.estimator if isinstance(fitted, FrozenEstimator) else fitted
    return type(inner).__name__

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
from typing import Any

import numpy as np
from scipy import sparse
from scipy.special import logit
from sklearn.base import BaseEstimator, clone
from sklearn.dummy import DummyClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from ..utils._crossfit import find_weight_name, make_folds, out_of_fold_proba
from ..utils._frames import frame_values
from ..utils._sklearn_compat import InvalidParameterError, routing_enabled, take_rows
from ..utils._validation import (
    NotFittedError,
    check_container,
    check_row_count,
    check_same_rows,
    check_sample_weight,
    encode_labels,
    shorten,
)
from ._columns import Columns, find_positions, others

__all__ = [
    "FitRows",
    "Score",
    "ScoreColumn",
    "base_routes",
    "find_columns",
    "fit_score",
    "read_fit",
    "read_rows",
    "route_fit",
    "score_rows",
    "take_columns",
]

# What metadata may be routed to.
_PARTS = ("estimator", "splitter", "transformer")
# More clipped scores than this share are worth a warning.
_MANY = 0.01


class ScoreColumn(BaseEstimator):
    """Name the column of X that holds the base score.

    Stands where the estimators of :mod:`skaudit.offsets` take a base model, when the probability
    of the positive class was computed elsewhere. The score travels with X, so that
    cross-validation, searches and `predict` see it; given as fit metadata they would not.

    Parameters
    ----------
    column : str or int
        Name of the column, or its position (negative ones count from the end).

    See Also
    --------
    IncrementalFeatureAnalyzer : What each feature adds to the score.
    LogitOffsetCorrector : Adds features to the score.

    Notes
    -----
    The column holds the probability s of `classes_[1]`, the greater of the two labels: numbers in
    [0, 1], none missing. Values of 0 and 1 are moved by the epsilon of float64, or float32 where
    the scores are no finer, as their logit is infinite; an error tells the range of values outside.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudit import LogitOffsetCorrector, ScoreColumn
    >>> X = np.array([[0.2, 1.0], [0.4, 0.0], [0.6, 1.0], [0.9, 0.0], [0.5, 1.0], [0.3, 0.0]])
    >>> y = [0, 0, 1, 1, 0, 1]
    >>> model = LogitOffsetCorrector(ScoreColumn(0)).fit(X, y)
    >>> model.coef_.shape
    (1, 1)
    """

    def __init__(self, column):
        self.column = column


@dataclass
class FitRows:
    """What a fit is handed, checked.

    Parameters
    ----------
    X : ndarray, pandas.DataFrame or polars.DataFrame of shape (n, n_columns)
    codes : ndarray of shape (n,), int8
        1 for the positive class, `classes[1]`.
    classes : ndarray of shape (2,)
    weight : ndarray of shape (n,) or None
    names : list of str or None
        The names of the columns, where all are strings.
    """

    X: Any
    codes: np.ndarray
    classes: np.ndarray
    weight: np.ndarray | None
    names: list | None

    @property
    def y(self):
        """The labels as the caller has them."""
        return self.classes[self.codes]

    def name_of(self, position):
        """A column for a message: its name, else its position."""
        return _column_name(self.X, position)


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


# -------------------------------------------------------------------------------------------- rows


def read_rows(owner, X, *, reset=False):
    """X as an array or frame with known columns, its values not yet looked at.

    Parameters
    ----------
    owner : estimator
        Gets `n_features_in_` and `feature_names_in_` with `reset`, else X is held against them.
    X : array-like or DataFrame of shape (n, n_columns)

    Returns
    -------
    ndarray, pandas.DataFrame or polars.DataFrame

    Raises
    ------
    TypeError
        Where X is sparse, lazy, masked or a tensor.
    ValueError
        Where X is empty, not two-dimensional, has repeated or other columns.
    """
    check_container(X, "X")
    if sparse.issparse(X):
        raise TypeError(
            f"{type(owner).__name__} takes dense X: sparse data was passed; use X.toarray()."
        )
    if not hasattr(X, "columns"):
        if isinstance(X, (list, tuple)):
            values = np.asarray(X)
            # numpy would make texts of the numbers beside texts.
            X = np.asarray(X, dtype=object) if values.dtype.kind in "US" else values
        return validate_data(owner, X, reset=reset, dtype=None, ensure_all_finite=False)
    columns = list(X.columns)
    repeated = [name for i, name in enumerate(columns) if name in columns[:i]]
    if repeated:
        raise ValueError(
            f"X has repeated column names: {shorten(repeated)}. Rename or drop them first."
        )
    validate_data(owner, X=X, skip_check_array=True, reset=reset)
    for count, what in zip(X.shape, ("sample", "feature"), strict=True):
        if count == 0:
            raise ValueError(
                f"Found array with 0 {what}(s) (shape={X.shape}) while a minimum of 1 is required "
                f"by {type(owner).__name__}."
            )
    return X


def read_fit(owner, X, y, sample_weight=None):
    """The `FitRows` of a fit with a binary target.

    `owner` gets `n_features_in_` and `feature_names_in_`: hand over a clone, so that a fit that
    fails leaves no trace.

    Raises
    ------
    ValueError
        Where y is missing or not binary, lengths or indices differ, or weights are negative.
    """
    name = type(owner).__name__
    if y is None:
        raise ValueError(f"{name} requires y to be passed, but the target y is None.")
    check_container(y, "y")
    check_same_rows(X, y=y, sample_weight=sample_weight)
    X = read_rows(owner, X, reset=True)
    check_row_count(y if hasattr(y, "shape") else np.asarray(y, dtype=object), X.shape[0], "y")
    weight = check_sample_weight(sample_weight, X.shape[0])
    codes, classes = encode_labels(y)
    if len(classes) > 2:
        kind = type_of_target(classes[codes], input_name="y")
        raise ValueError(
            f"Only binary classification is supported. The type of the target is {kind}; y has "
            f"the classes {shorten(classes.tolist())}."
        )
    present = np.unique(codes if weight is None else codes[weight > 0])
    if len(present) < 2:
        where = "" if len(classes) < 2 else " of positive weight"
        raise ValueError(
            f"y has only one class{where}, {classes[present].tolist()[0]!r}; {name} needs rows of "
            "both."
        )
    names = getattr(owner, "feature_names_in_", None)
    return FitRows(X, codes, classes, weight, None if names is None else list(names))


def take_columns(X, positions):
    """Some columns of X as the same kind of container; all of it for None."""
    return X if positions is None else take_rows(X, positions, axis=1)


# ----------------------------------------------------------------------------------------- columns


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
    own = _seen_in_fit(estimator, "feature_names_in_")
    if own is not None and names is not None:
        missing = [name for name in own if name not in names]
        if missing:
            raise ValueError(
                f"The frozen base was fitted on columns that X lacks: {shorten(missing)}; X has "
                f"{shorten(names)}."
            )
        positions = np.array([names.index(name) for name in own], dtype=np.intp)
        return None if np.array_equal(positions, np.arange(n_columns)) else positions
    count = _seen_in_fit(estimator, "n_features_in_")
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


def _seen_in_fit(estimator, attribute):
    """What a fitted model recorded of its X; a Pipeline asks its first step, "passthrough" or not.

    None where nothing is known.
    """
    value = getattr(estimator, attribute, None)
    if value is None and isinstance(estimator, FrozenEstimator):
        return _seen_in_fit(estimator.estimator, attribute)
    if value is None and isinstance(estimator, Pipeline):
        steps = [step for _, step in estimator.steps if step not in (None, "passthrough")]
        return _seen_in_fit(steps[0], attribute) if steps else None
    return value


# ------------------------------------------------------------------------------------------ scores


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
    routed = _without_routing(None, {}) if routed is None else routed
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


def _column_name(X, position):
    return list(X.columns)[position] if hasattr(X, "columns") else position


def _column_text(X, position):
    return f"The score column {_column_name(X, position)!r}"


def _model_name(fitted):
    inner = fitted.estimator if isinstance(fitted, FrozenEstimator) else fitted
    return type(inner).__name__


# ----------------------------------------------------------------------------------------- routing


def base_routes(owner):
    """The MetadataRouter of an estimator with the parameters `estimator` and `cv`.

    The estimator itself asks for `sample_weight`; its base and its splitter for what they like.
    """
    router = MetadataRouter(owner=type(owner).__name__).add_self_request(owner)
    fit = MethodMapping().add(caller="fit", callee="fit")
    if _is_trained(owner.estimator):
        router.add(estimator=owner.estimator, method_mapping=fit)
    splitter = owner.cv if hasattr(owner.cv, "split") else StratifiedKFold()
    split = MethodMapping().add(caller="fit", callee="split")
    return router.add(splitter=splitter, method_mapping=split)


def route_fit(owner, sample_weight, params):
    """The metadata of a fit by where they go: a Bunch with `estimator.fit` and `splitter.split`.

    With metadata routing the base gets `sample_weight` where it asks for it; without, `fit_score`
    passes the checked weights on, and only `groups` is taken besides.
    """
    if not routing_enabled():
        return _without_routing(owner, params)
    if sample_weight is not None:
        params = params | {"sample_weight": sample_weight}
    # Without parameters scikit-learn answers for any name, and `in` would never end.
    routed = process_routing(owner, "fit", **params) if params else Bunch()
    empty = Bunch(fit={}, split={}, fit_transform={})
    return Bunch(**{name: routed.get(name, empty) for name in _PARTS})


def _without_routing(owner, params):
    unknown = set(params) - {"groups"}
    if unknown:
        raise TypeError(
            f"fit got unexpected arguments {sorted(unknown)}; groups is allowed. Others need "
            "sklearn.set_config(enable_metadata_routing=True)."
        )
    if params and not _is_trained(owner.estimator):
        raise ValueError("groups would be used by cv only, and nothing is cross-fitted here.")
    empty = Bunch(fit={}, split=dict(params), fit_transform={})
    return Bunch(**dict.fromkeys(_PARTS, empty))


def _is_trained(estimator):
    """Whether a fit trains the base."""
    return estimator is not None and not isinstance(estimator, (ScoreColumn, FrozenEstimator))

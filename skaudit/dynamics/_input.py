"""What `DataMapClassifier.fit` is handed, checked and laid out once for all its trainings."""

from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.model_selection import KFold, StratifiedKFold, check_cv
from sklearn.utils import indexable

from ..utils._sklearn_compat import num_samples
from ..utils._validation import (
    check_class_weight,
    check_container,
    check_finite,
    check_indicator,
    check_row_count,
    check_same_rows,
    check_sample_weight,
    encode_labels,
    shorten,
)
from ._training import Data


def check_data(X, y, sample_weight, class_weight, *, owner, matrix):
    """The `Data` of a fit; `matrix` says whether X must be a matrix (else a Pipeline's input)."""
    if y is None:
        raise ValueError(
            f"This {owner} estimator requires y to be passed, but the target y is None."
        )
    for name, value in (("X", X), ("y", y), ("sample_weight", sample_weight)):
        check_container(value, name)
    check_same_rows(X, y=y, sample_weight=sample_weight)
    (X,) = indexable(X)
    n_rows = num_samples(X)
    if n_rows == 0:
        raise ValueError(
            f"Found array with 0 sample(s) while a minimum of 1 is required by {owner}."
        )
    y = y if hasattr(y, "shape") else np.asarray(y)
    check_row_count(y, n_rows, "y")
    if matrix:
        _check_infinity(X)
    if len(y.shape) == 2 and y.shape[1] > 1:
        codes, classes = check_indicator(y), np.arange(y.shape[1])
        constant = np.flatnonzero(codes.min(axis=0) == codes.max(axis=0))
        if constant.size:
            raise ValueError(
                f"The columns {shorten(constant.tolist())} of y have one value only; a label needs "
                "examples with and without it."
            )
        if class_weight is not None:
            raise ValueError(
                "class_weight is not defined for a multilabel y; weight the rows by sample_weight."
            )
    else:
        codes, classes = encode_labels(y)
        if len(classes) < 2:
            raise ValueError(
                f"y has only one class, {classes[0]!r}; a classifier needs at least two."
            )
        check_class_weight(class_weight, classes)
    return Data(X, codes, classes, check_sample_weight(sample_weight, n_rows), class_weight)


def _check_infinity(X):
    """Raise ValueError with the number of infinite entries of a matrix or frame."""
    if hasattr(X, "columns"):
        for column in X.columns:
            values = np.asarray(X[column])
            if values.ndim == 1 and values.dtype.kind == "f":
                check_finite(values, f"X, column {column!r},")
    elif sparse.issparse(X) or isinstance(X, np.ndarray):
        check_finite(X)


def caller_index(X, y):
    """The pandas index of X, else of y, else None."""
    for value in (X, y):
        if hasattr(value, "iloc"):
            return value.index
    return None


def make_splits(cv, data, n_repeats, streams, params):
    """Training and test positions of the folds of all repeats, a list of pairs.

    Raises ValueError where a fold trains on rows that it tests.
    """
    y = data.codes
    if not isinstance(cv, Integral):
        splitter = check_cv(cv, y, classifier=True)
    splits = []
    for _ in range(n_repeats):
        if isinstance(cv, Integral):
            kind = KFold if y.ndim == 2 else StratifiedKFold
            splitter = kind(cv, shuffle=True, random_state=next(streams))
        for train, test in splitter.split(data.X, y, **params):
            train, test = _positions(train), _positions(test)
            shared = np.intersect1d(train, test)
            if shared.size:
                raise ValueError(
                    f"A split of cv trains on rows that it tests: {shorten(shared.tolist())}; its "
                    "snapshots would not be held out."
                )
            splits.append((train, test))
    return splits


def _positions(rows):
    """Positions of a fold's rows, also where the splitter gives a mask."""
    rows = np.asarray(rows)
    return np.flatnonzero(rows) if rows.dtype == bool else rows

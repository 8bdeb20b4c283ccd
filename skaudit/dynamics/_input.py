"""What `DataMapClassifier.fit` is handed, checked and laid out once for all its trainings."""

from collections.abc import Mapping
from numbers import Integral, Real

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
    X, y = (indexable(value)[0] for value in (X, y))
    n_rows = num_samples(X)
    if n_rows == 0:
        raise ValueError(
            f"Found array with 0 sample(s) while a minimum of 1 is required by {owner}."
        )
    shape = y.shape if hasattr(y, "shape") else np.asarray(y, dtype=object).shape
    check_row_count(y, n_rows, "y")
    if matrix:
        X = X if hasattr(X, "shape") else np.asarray(X)
        _check_infinity(X)
    if len(shape) == 2 and shape[1] > 1:
        codes, classes = check_indicator(y), np.arange(shape[1])
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
                f"y has only one class, {classes.tolist()[0]!r}; a classifier needs at least two."
            )
        check_class_weight(class_weight, classes)
        _check_weights_of_classes(class_weight, classes)
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


def _check_weights_of_classes(class_weight, classes):
    """Raise ValueError unless a dict of class weights holds numbers >= 0, some of them positive."""
    if not isinstance(class_weight, Mapping):
        return
    bad = [
        f"{label!r}: {value!r}"
        for label, value in class_weight.items()
        if not isinstance(value, Real) or not 0 <= float(value) < np.inf
    ]
    if bad:
        raise ValueError(f"class_weight must give finite numbers >= 0, got {', '.join(bad[:5])}.")
    if all(class_weight.get(label, 1) == 0 for label in classes.tolist()):
        raise ValueError("class_weight is zero for every class; at least one must be positive.")


def caller_index(X, y):
    """The pandas index of X, else of y, else None."""
    for value in (X, y):
        if hasattr(value, "iloc"):
            return value.index
    return None


def make_splits(cv, data, n_repeats, streams, params):
    """Training and test positions of the folds of all repeats, a list of pairs.

    Raises ValueError where a fold is no fold of these rows, or trains on rows that it tests.
    """
    y = data.codes
    if not isinstance(cv, Integral):
        y = y if y.ndim == 2 else data.classes[y]  # the caller's splitter knows the caller's labels
        splitter = check_cv(cv, y, classifier=True)
    splits = []
    for _ in range(n_repeats):
        if isinstance(cv, Integral):
            kind = KFold if y.ndim == 2 else StratifiedKFold
            splitter = kind(cv, shuffle=True, random_state=next(streams))
        for train, test in splitter.split(data.X, y, **params):
            splits.append((_positions(train), _positions(test)))
            _check_split(*splits[-1], len(y))
    return splits


def _check_split(train, test, n_rows):
    """Raise ValueError unless a fold learns from some of `n_rows` rows and tests others once."""
    if not (len(train) and len(test)):
        raise ValueError(
            f"A split of cv has {len(train)} training and {len(test)} test rows; it needs both."
        )
    named = np.concatenate([train, test])
    outside = named[(named < 0) | (named >= n_rows)]
    if outside.size:
        raise ValueError(
            f"A split of cv has rows that X lacks: {shorten(outside.tolist())}; rows are 0 to "
            f"{n_rows - 1}."
        )
    values, counts = np.unique(test, return_counts=True)
    if len(values) < len(test):
        raise ValueError(f"A split of cv tests rows twice: {shorten(values[counts > 1].tolist())}.")
    shared = np.intersect1d(train, test)
    if shared.size:
        raise ValueError(
            f"A split of cv trains on rows that it tests: {shorten(shared.tolist())}; its "
            "snapshots would not be held out."
        )


def _positions(rows):
    """Positions of a fold's rows, also where the splitter gives a mask."""
    rows = np.asarray(rows)
    return np.flatnonzero(rows) if rows.dtype == bool else rows

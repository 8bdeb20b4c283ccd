"""Rows as the estimators of this room take them, checked: X, binary labels, weights."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import validate_data

from ..utils._sklearn_compat import take_rows
from ..utils._validation import (
    check_container,
    check_row_count,
    check_same_rows,
    check_sample_weight,
    encode_labels,
    shorten,
)

__all__ = ["FitRows", "column_name", "read_fit", "read_rows", "take_columns"]


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
        return column_name(self.X, position)


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


def column_name(X, position):
    return list(X.columns)[position] if hasattr(X, "columns") else position

"""What `audit` is handed: the rows as the model takes them and as a table, labels and weights."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.dummy import DummyClassifier
from sklearn.frozen import FrozenEstimator

from ..dynamics._held_out import check_labels
from ..offsets._base_score import find_columns, seen_in_fit
from ..offsets._input import FitRows, take_columns
from ..utils._validation import check_container, check_same_rows, shorten
from ._columns import column_kinds

_MOST_NUMBERS = 50  # that are classes
_WIDE = 200  # columns of a sparse matrix; of more no table is made


@dataclass
class Rows:
    """The rows of an audit.

    Parameters
    ----------
    X : as given
    X_model : what of it the model gets
    table : pandas.DataFrame of shape (n, n_columns) or None
        All columns by name, with the caller's index.
    base : ndarray of positions or None
        The columns of the table that the model gets, in its order; None: all as they are.
    labels : Data
        Positions of the labels among the classes, these, and the weights.
    y : as given
    """

    X: Any
    X_model: Any
    table: Any
    base: Any
    labels: Any
    y: Any

    @property
    def names(self):
        """The names of the columns; none without a table."""
        return [] if self.table is None else list(self.table.columns)

    @cached_property
    def kinds(self):
        """What each column is, by name, see `column_kinds`; none without a table."""
        return {} if self.table is None else column_kinds(self.table)

    @property
    def known(self):
        """The names of the columns that the model gets, in its order."""
        return self.names if self.base is None else [self.names[i] for i in self.base]

    @property
    def withheld(self):
        """The names of the columns that are kept from the model."""
        known = set(self.known)
        return [name for name in self.names if name not in known]

    @property
    def n(self):
        return len(self.labels.codes)

    @property
    def weights(self):
        """The weight of each row, 1 where none are given."""
        return np.ones(self.n) if self.labels.weight is None else self.labels.weight

    @property
    def index(self):
        """The caller's index; a plain one where there is none."""
        import pandas as pd

        for value in (self.X, self.y):
            if hasattr(value, "iloc"):
                return value.index
        return pd.RangeIndex(self.n)


def read_rows(estimator, X, y, features, sample_weight):
    """The `Rows` of an audit.

    Raises
    ------
    TypeError, ValueError
        Where X or y is lazy or masked, lengths or indices differ, y is multilabel, continuous or
        has one class, columns have the same name, or `features` names columns that X lacks.
    """
    if isinstance(y, str):
        raise TypeError(f"y must be the labels, one a row, got the text {y!r}; pass X.pop({y!r}).")
    for name, value in (("X", X), ("y", y), ("sample_weight", sample_weight)):
        check_container(value, name)
    check_same_rows(X, y=y, sample_weight=sample_weight)
    X = _with_rows_to_take(X)
    _check_label_type(y)
    labels = check_labels(X, y, sample_weight)
    if labels.codes.ndim > 1:
        raise ValueError(
            "y is multilabel; an audit takes one label a row. Audit a label at a time."
        )
    _check_classes(labels)
    table = table_of(X)
    if table is None:
        if features is not None:
            raise ValueError("features names columns, but X is a wide sparse matrix without any.")
        return Rows(X, X, None, None, labels, y)
    rows = Rows(X, X, table, None, labels, y)
    table.index = rows.index
    if features is None and not _knows_its_columns(estimator):
        return rows
    _check_known_columns(estimator, rows.names)
    # The default model is made for the columns that are left.
    given = DummyClassifier() if estimator is None else estimator
    shape = FitRows(table, None, None, None, rows.names)  # type: ignore[arg-type]
    base = find_columns(given, features, shape, contest=False).base
    if base is None or np.array_equal(base, np.arange(len(rows.names))):
        return rows
    matrix = X if hasattr(X, "shape") else np.asarray(X, dtype=object)
    return Rows(X, take_columns(matrix, base), table, base, labels, y)


def _check_known_columns(estimator, names):
    """Raise ValueError where X lacks columns that a fitted model was trained on."""
    if isinstance(estimator, FrozenEstimator):
        known = seen_in_fit(estimator, "feature_names_in_")
        lacking = [] if known is None else [name for name in known if str(name) not in names]
        if lacking:
            raise ValueError(
                f"X lacks columns that the fitted model was trained on: {shorten(lacking)}."
            )


def _knows_its_columns(estimator):
    """Whether a model is fitted and recorded how many columns it was given."""
    return (
        isinstance(estimator, FrozenEstimator)
        and seen_in_fit(estimator, "n_features_in_") is not None
    )


def _with_rows_to_take(X):
    """X, of which rows can be taken: sparse formats that cannot, and sparse columns, are others."""
    if sparse.issparse(X):
        return X if X.format in ("csr", "csc") else X.tocsr()
    if hasattr(X, "iloc") and X.ndim == 2:
        dense = {c: t.subtype for c, t in X.dtypes.items() if hasattr(t, "fill_value")}
        return X.astype(dense) if dense else X
    return X


def _check_label_type(y):
    """Raise TypeError where labels are dates or intervals, which are neither texts nor numbers."""
    import pandas as pd

    dtype = getattr(y, "dtype", None)
    dtype = getattr(getattr(dtype, "categories", None), "dtype", dtype)
    if isinstance(dtype, pd.IntervalDtype) or getattr(dtype, "kind", "?") in "mM":
        raise TypeError(f"y holds {dtype}; labels are texts, numbers or bools: pass y.astype(str).")


def _check_classes(labels):
    """Raise ValueError where a class has a single row, or numbers to predict are no classes."""
    weighted = slice(None) if labels.weight is None else labels.weight > 0
    count = np.bincount(labels.codes[weighted], minlength=len(labels.classes))
    single = labels.classes[count < 2]
    are_numbers = labels.classes.dtype.kind in "iuf"
    if len(single):
        numbers = " Numbers to predict are no classes: cut them into some."
        of_weight = "" if labels.weight is None else " of positive weight"
        raise ValueError(
            f"These classes of y have fewer than two rows{of_weight}: {shorten(single.tolist())}. "
            "A model that has not seen the row cannot know its class: drop the row, or merge the "
            f"class with another.{numbers * are_numbers}"
        )
    if are_numbers and len(labels.classes) > _MOST_NUMBERS:
        raise ValueError(
            f"y has {len(labels.classes)} different numbers. Numbers to predict are no classes: "
            "cut them into some; numbers that are names of classes can be passed as y.astype(str)."
        )


def table_of(X):
    """X as a pandas frame with columns of distinct, textual names; None for wide sparse matrices.

    Arrays have columns x0, x1, ..., a sequence of texts has the column "text".
    """
    import pandas as pd

    if sparse.issparse(X):
        if X.shape[1] > _WIDE:
            return None
        X = X.toarray()
    if isinstance(X, pd.DataFrame):
        table = X.copy(deep=False)
        table.columns = [str(name) for name in X.columns]
    elif isinstance(X, pd.Series):
        table = pd.DataFrame({"text": X})
    elif hasattr(X, "columns"):  # polars
        table = pd.DataFrame({str(name): X[name].to_list() for name in X.columns})
    else:
        values = np.asarray(X)
        if values.ndim == 1:
            return pd.DataFrame({"text": pd.Series(list(X), dtype=object)})
        names = [f"x{i}" for i in range(values.shape[1])]
        table = pd.DataFrame(values, columns=names)
        table = table.infer_objects() if values.dtype == object else table
    _check_names(table)
    _check_no_infinity(table)
    return table


def _check_names(table):
    repeated = table.columns[table.columns.duplicated()]
    if len(repeated):
        raise ValueError(
            f"X has repeated column names: {shorten(repeated.tolist())}. Rename or drop them first."
        )


def _check_no_infinity(table):
    """Raise ValueError with the columns that hold infinite numbers."""
    numbers = table.select_dtypes("number")
    with np.errstate(invalid="ignore"):
        infinite = np.isinf(numbers.to_numpy(dtype=np.float64, na_value=np.nan))
    if infinite.any():
        bad = numbers.columns[infinite.any(axis=0)].tolist()
        raise ValueError(
            f"Input X contains infinity: {int(infinite.sum())} entries, in the columns "
            f"{shorten(bad)}. Replace it by NaN or a finite number."
        )

"""One column of X as a feature: numbers or labels, and the segmentation that suits it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..utils._validation import shorten
from ._columns import find_positions
from ._segments import (
    category_segments,
    check_edges,
    edge_segments,
    quantile_segments,
    quantile_windows,
)

__all__ = [
    "Feature",
    "Segmenter",
    "find_segmenter",
    "learn_segments",
    "positive_rows",
    "read_feature",
    "read_features",
]

_RULES = ("auto", "quantile", "categorical")
_NUMBERS = {"integer", "floating", "mixed-integer-float", "decimal", "empty"}
_LARGE = 1e290  # sums of larger numbers overflow


@dataclass(frozen=True)
class Feature:
    """A column as it is, and what it holds.

    Parameters
    ----------
    name : str
    column : ndarray, pandas.Series or polars.Series of shape (n,)
    is_number : bool
    kind : str
        Its type, for messages.
    """

    name: str
    column: Any
    is_number: bool
    kind: str

    def take(self, rows):
        """The feature of some rows, positions or None for all."""
        if rows is None:
            return self
        # A Series would take numbers for labels of its index.
        column = self.column.iloc if hasattr(self.column, "iloc") else self.column
        return replace(self, column=column[rows])

    def numbers(self):
        """float32, where the column is, or float64 of shape (n,), NaN where missing."""
        if not self.is_number:
            raise ValueError(
                f"Column {self.name!r} has segments of numbers, but holds {self.kind}. Make it "
                "numeric, or use the segmenter 'categorical' for it."
            )
        column = self.column
        if hasattr(column, "to_numpy") and hasattr(column, "iloc"):
            single = str(getattr(column.dtype, "numpy_dtype", column.dtype)).lower() == "float32"
            if column.dtype == object:
                column = column.where(column.notna(), np.nan)
            values = column.to_numpy(dtype=np.float32 if single else np.float64, na_value=np.nan)
        elif hasattr(column, "to_numpy"):
            values = column.to_numpy()
        else:
            values = column
            if values.dtype == object:
                import pandas as pd

                values = np.where(pd.isna(values), np.nan, values)
        wanted = np.float32 if values.dtype in (np.float32, np.float16) else np.float64
        values = np.ascontiguousarray(values, dtype=wanted)
        _check_no_infinity(values, self.name)
        return values

    def labels(self):
        """What pandas can factorize, of shape (n,); numbers checked."""
        if self.is_number:
            values = self.numbers()
            column = self.column
            return values if values.dtype.kind == "f" and _is_float(column) else column
        column = self.column
        if hasattr(column, "to_list") and not hasattr(column, "iloc"):
            return np.array([*column.to_list(), None], dtype=object)[:-1]
        return column.astype(object) if getattr(column, "dtype", None) == bool else column


def _is_float(column):
    kind = str(getattr(column.dtype, "kind", "")) or str(column.dtype).lower()
    return kind.startswith("f")


def _check_no_infinity(values, name):
    with np.errstate(over="ignore", invalid="ignore"):
        total = values.sum()
    if np.isfinite(total):
        return
    n_inf = int(np.isinf(values).sum())
    if n_inf:
        raise ValueError(
            f"Input X contains infinity or a value too large for {values.dtype!r}: {n_inf} of "
            f"{len(values)} entries, in the column {name!r}."
        )


def read_feature(X, position, name):
    """The `Feature` at a position of X, an ndarray or a frame.

    Raises
    ------
    ValueError
        Where the column holds dates, durations or complex numbers; the text names column and type.
    """
    if hasattr(X, "iloc"):
        column = X.iloc[:, position]
        if hasattr(column, "sparse"):
            column = column.sparse.to_dense()
    elif hasattr(X, "columns"):
        column = X[X.columns[position]]
    else:
        column = X[:, position]
    is_number, kind = _kind_of(column)
    if is_number is None:
        raise ValueError(
            f"Column {name!r} holds {kind}, which has no segments. Make it a number (for example "
            "days since a date) or a category, or leave it out by features."
        )
    return Feature(name, column, is_number, kind)


def _kind_of(column):
    """Whether a column holds numbers (None: neither these nor categories), and its type."""
    dtype = column.dtype
    if hasattr(dtype, "is_numeric"):  # polars
        if dtype.is_numeric():
            return True, str(dtype)
        return (None if dtype.is_temporal() else False), str(dtype)
    kind = getattr(dtype, "kind", "O")
    if hasattr(dtype, "categories") or kind in "bUST":
        return False, str(dtype)
    if kind in "iuf":
        return True, str(dtype)
    if kind in "Mmc":
        return None, str(dtype)
    import pandas as pd

    if isinstance(dtype, (pd.PeriodDtype, pd.IntervalDtype)):
        return None, str(dtype)
    found = pd.api.types.infer_dtype(column, skipna=True)
    if found in ("datetime", "datetime64", "date", "time", "timedelta", "timedelta64", "complex"):
        return None, found
    return found in _NUMBERS, "texts" if found == "string" else f"{dtype} ({found})"


@dataclass(frozen=True)
class Segmenter:
    """How the features are cut into segments, checked.

    Parameters
    ----------
    rules : dict
        Position of a feature -> "quantile", "categorical" or edges (n_edges,).
    n_segments : int
    max_categories : int
    overlap : float
    """

    rules: dict
    n_segments: int
    max_categories: int
    overlap: float = 0.0


def read_features(X, positions, names):
    """The `Feature` at each position of X, numbers without infinities."""
    features = [
        read_feature(X, position, f"x{position}" if names is None else names[position])
        for position in positions
    ]
    for feature in features:
        if feature.is_number:
            feature.numbers()
    return features


def positive_rows(logit, y, weight):
    """Logits, labels and weights of the rows of positive weight, and which (None: all)."""
    if weight is None:
        return logit, y, None, None
    weight = weight.astype(np.float64)
    if weight.all():
        return logit, y, weight, None
    chosen = np.flatnonzero(weight)
    return logit[chosen], y[chosen], weight[chosen], chosen


def find_segmenter(owner, features, positions, rows):
    """The `Segmenter` of an estimator's parameters, for features at positions of its rows."""
    rules = _check_segmenter(owner.segmenter, features, positions, rows)
    overlap = getattr(owner, "overlap", 0.0)
    return Segmenter(rules, owner.n_segments, owner.max_categories, overlap)


def _check_segmenter(segmenter, features, positions, rows):
    """Position -> "quantile", "categorical" or edges, from a rule for all or a dict of rules."""
    given: dict = {}
    if isinstance(segmenter, Mapping):
        for key, rule in segmenter.items():
            position = int(find_positions([key], rows.names, rows.X.shape[1], "segmenter")[0])
            if position not in positions:
                raise ValueError(
                    f"segmenter names the column {key!r}, which does not contest the score; add "
                    "it to features or drop it from segmenter."
                )
            given[position] = (rule, f"segmenter[{key!r}]")
    else:
        given = dict.fromkeys(positions.tolist(), (segmenter, "segmenter"))
    rules = {}
    for position, feature in zip(positions.tolist(), features, strict=True):
        rule, argument = given.get(position, ("auto", "segmenter"))
        rules[position] = _check_rule(rule, argument, feature)
    return rules


def _check_rule(rule, argument, feature):
    if isinstance(rule, str):
        if rule not in _RULES:
            raise ValueError(
                f"{argument} must be one of {shorten(list(_RULES))}, or a list of edges; got "
                f"{rule!r}."
            )
        if rule == "auto":
            return "quantile" if feature.is_number else "categorical"
        if rule == "categorical":
            return rule
    else:
        rule = check_edges(rule, argument)
    if not feature.is_number:
        raise ValueError(
            f"{argument} cuts numbers, but column {feature.name!r} holds {feature.kind}. Use "
            "'auto' or 'categorical' for it, or make it numeric."
        )
    return rule


def learn_segments(feature, position, segmenter, weight, rows=None):
    """Segments of a feature, learned from its values.

    Parameters
    ----------
    feature : Feature
    position : int
    segmenter : Segmenter
    weight : ndarray of shape (n,) or None
    rows : ndarray or None
        The rows to learn from; None is all.

    Returns
    -------
    segments : NumericSegments or CategorySegments
    codes : ndarray of shape (n,)
    values : ndarray of shape (n,) or None
        The numbers, where they are numbers.
    windows : Windows or None
    """
    rule = segmenter.rules[position]
    feature = feature.take(rows)
    if isinstance(rule, str) and rule == "categorical":
        segments, codes = category_segments(feature.labels(), weight, segmenter.max_categories)
        return segments, codes, None, None
    values = feature.numbers()
    windows = None
    if not isinstance(rule, str):
        segments = edge_segments(rule)
    else:
        segments = quantile_segments(values, weight, segmenter.n_segments)
        if segmenter.overlap:
            windows = quantile_windows(values, weight, segmenter.n_segments, segmenter.overlap)
    return segments, segments.codes(values), values, windows

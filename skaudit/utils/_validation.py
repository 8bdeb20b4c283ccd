"""Checks of what a caller hands over; each error names the argument, what came and the remedy."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import column_or_1d

__all__ = [
    "NotFittedError",
    "as_numbers",
    "check_class_weight",
    "check_container",
    "check_finite",
    "check_finite_columns",
    "check_indicator",
    "check_row_count",
    "check_same_rows",
    "check_sample_weight",
    "encode_labels",
    "is_tensor",
    "shorten",
    "tensor_values",
]


def shorten(values, most=5):
    """A readable list of at most `most` values for a message, long ones cut."""
    shown = [text if len(text := repr(v)) <= 60 else text[:57] + "..." for v in values[:most]]
    return ", ".join(shown) + (f", ... ({len(values)} in all)" if len(values) > most else "")


def check_container(value, name):
    """Raise TypeError where a container would be converted silently and lose something."""
    if value is None:
        return
    kind = type(value)
    module = kind.__module__.partition(".")[0]
    if isinstance(value, np.ma.MaskedArray):
        remedy = f"its mask would be lost: fill it first, {name}.filled(...)"
    elif hasattr(value, "__dask_graph__"):
        remedy = f"it is lazy: compute it first, {name}.compute()"
    elif module == "polars" and kind.__name__ == "LazyFrame":
        remedy = f"it is lazy: collect it first, {name}.collect()"
    elif module == "torch" and hasattr(value, "detach"):
        remedy = f"pass a numpy array: {name}.detach().cpu().numpy()"
    else:
        return
    raise TypeError(f"{name} is a {module} {kind.__name__}, which is not supported here; {remedy}.")


def is_tensor(X):
    """Whether X is a torch tensor, without importing torch."""
    return type(X).__module__.partition(".")[0] == "torch" and hasattr(X, "detach")


def tensor_values(X):
    """The values of a torch tensor as an array."""
    X = X.detach().cpu()
    # numpy has no bfloat16; single precision holds it exactly.
    return (X.float() if str(X.dtype) == "torch.bfloat16" else X).numpy()


def check_row_count(value, n_rows, name, of="X"):
    """Raise ValueError unless `value` has as many rows as `of`."""
    count = value.shape[0] if hasattr(value, "shape") else len(value)
    if count != n_rows:
        raise ValueError(f"{name} has {count} rows but {of} has {n_rows}; they must be the same.")


def check_same_rows(X, **others):
    """Raise ValueError where a pandas object has the labels of X's index in another order."""
    if not hasattr(X, "iloc"):
        return
    index = X.index
    for name, other in others.items():
        if not hasattr(other, "iloc"):
            continue
        labels = other.index
        if len(labels) != len(index) or labels.equals(index):
            continue
        # Counted, not sorted: labels of several types have no order.
        if Counter(labels) == Counter(index):
            raise ValueError(
                f"{name} has the same index labels as X in another order; rows are matched by "
                f"position, so align it first: {name} = {name}.loc[X.index]."
            )


def as_numbers(value, name):
    """`value` as an array of float32, where it holds no more, or float64; missing ones are NaN."""
    values = np.asarray(value)
    if values.dtype.kind == "O":
        import pandas as pd

        try:
            values = np.where(pd.isna(values), np.nan, values).astype(np.float64)
        except (TypeError, ValueError):
            pass  # refused below
    if values.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold numbers, got {type(value).__name__} of {values.dtype}.")
    single = values.dtype.kind == "f" and values.dtype.itemsize <= 4
    return values.astype(np.float32 if single else np.float64, copy=False)


def _count_non_finite(values, name):
    """Raise ValueError with the number of NaN and of infinite entries of a float array."""
    n_nan = int(np.isnan(values).sum())
    if n_nan:
        raise ValueError(f"Input {name} contains NaN: {n_nan} of {values.size} entries.")
    n_inf = int(np.isinf(values).sum())
    if n_inf:
        raise ValueError(
            f"Input {name} contains infinity or a value too large for {values.dtype!r}: "
            f"{n_inf} of {values.size} entries."
        )


def check_finite(X, name="X"):
    """Raise ValueError with the count of infinite entries of a dense or sparse float matrix.

    NaN is left to the learner, whose tags say whether it takes missing values.
    """
    values = X.data if sparse.issparse(X) else X
    # The sum of finite numbers is finite unless it overflows: one cheap pass settles most inputs.
    with np.errstate(over="ignore", invalid="ignore"):
        if values.dtype.kind != "f" or np.isfinite(values.sum()):
            return
    n_inf = int(np.isinf(values).sum())
    if n_inf:
        raise ValueError(
            f"Input {name} contains infinity or a value too large for {values.dtype!r}: "
            f"{n_inf} of {values.size} entries."
        )


def check_finite_columns(X, names=None, column="column", remedy=""):
    """Raise ValueError with the number and the columns of entries of X that are NaN or infinite.

    `names` (n_columns,) are what columns are called, else their positions; `column` is what they
    are, and `remedy` ends the text where entries are NaN.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(X.sum()):
            return
    nan = np.isnan(X)
    bad = nan if nan.any() else np.isinf(X)
    if not bad.any():
        return
    found = np.flatnonzero(bad.any(axis=0)).tolist()
    found = found if names is None else [names[j] for j in found]
    what = "NaN" if bad is nan else f"infinity or a value too large for {X.dtype!r}"
    raise ValueError(
        f"Input X contains {what}: {int(bad.sum())} of {X.size} entries, in the "
        f"{column}{'s' * (len(found) > 1)} {shorten(found)}.{remedy if bad is nan else ''}"
    )


def check_sample_weight(sample_weight, n_rows):
    """Weights as a float array of shape (n_rows,), or None for weight 1 everywhere."""
    if sample_weight is None:
        return None
    check_container(sample_weight, "sample_weight")
    weight = as_numbers(sample_weight, "sample_weight")
    if weight.ndim == 0:
        weight = np.full(n_rows, weight)
    if weight.ndim != 1:
        raise ValueError(f"Sample weights must be 1D array or scalar, got {weight.ndim}D array.")
    check_row_count(weight, n_rows, "sample_weight")
    _count_non_finite(weight, "sample_weight")
    n_negative = int((weight < 0).sum())
    if n_negative:
        raise ValueError(
            f"sample_weight must be >= 0, got {n_negative} negative entries "
            f"(smallest {weight.min()})."
        )
    if not weight.any():
        raise ValueError("sample_weight is zero for every row; at least one must be positive.")
    return weight


def _plain_labels(y):
    """A column of labels as a 1-D array without missing values, object only where it must be."""
    if hasattr(y, "iloc") and not isinstance(getattr(y, "dtype", None), np.dtype):
        y = y.to_numpy(dtype=object)  # scikit-learn would make floats of nullable integers
    values = column_or_1d(y, warn=True)
    if values.dtype.kind in "US" and isinstance(y, (list, tuple)):
        # numpy makes the text "1" of the number 1 beside texts.
        _check_one_kind(np.array(y, dtype=object).ravel())
    if values.dtype.kind not in "biufUS":
        values = _plain_objects(np.asarray(values, dtype=object))
    if values.dtype.kind == "f":
        _count_non_finite(values, "y")
        if (values != np.round(values)).any():
            raise ValueError(
                "Unknown label type: continuous. y has fractions, but class labels were expected; "
                "for a numeric target cut it into classes first."
            )
    return values


def _plain_objects(values):
    """An object array of labels, none missing, as numbers or booleans where it holds only these."""
    import pandas as pd

    n_missing = int(pd.isna(values).sum())
    if n_missing:
        raise ValueError(f"Input y contains NaN: {n_missing} of {len(values)} labels are missing.")
    kind = pd.api.types.infer_dtype(values, skipna=False)
    plain = ("boolean", "integer", "floating", "mixed-integer-float")
    return np.array(values.tolist()) if kind in plain else values


def _check_one_kind(labels):
    """Raise ValueError unless the labels, an object array, can be compared with each other."""
    try:
        sorted(dict.fromkeys(labels))
    except TypeError as error:
        kinds = sorted({type(label).__name__ for label in labels})
        raise ValueError(f"y mixes labels of the types {shorten(kinds)}: make them one.") from error


def encode_labels(y, classes=None):
    """Labels as positions in their classes.

    Parameters
    ----------
    y : array-like of shape (n,)
        Labels of any sortable kind.
    classes : array-like of shape (n_classes,), default=None
        The classes in the order of the columns of the probabilities; the sorted labels if None.

    Returns
    -------
    codes : ndarray of shape (n,)
        Positions in `classes`, in the smallest integer type that holds them.
    classes : ndarray of shape (n_classes,)

    Raises
    ------
    ValueError
        Where a label is missing, not finite, not a class label, or not among `classes`.
    """
    labels = _plain_labels(y)
    if labels.dtype.kind == "O":
        import pandas as pd

        _check_one_kind(labels)  # pandas would sort numbers before texts
        codes, found = pd.factorize(labels, sort=True)
        found = np.asarray(found, dtype=object)
    else:
        found, codes = np.unique(labels, return_inverse=True)
    if classes is None:
        classes = found
    else:
        classes, position = _match_classes(found, classes)
        codes = position[codes]
    return codes.astype(np.min_scalar_type(-len(classes))), classes


def _match_classes(found, classes):
    """The given classes as an array, and the position in it of each label found."""
    classes = np.asarray(classes)
    if classes.ndim != 1 or len(classes) < 2:
        raise ValueError(f"classes must be a list of two or more labels, got {classes!r}.")
    place = {label: i for i, label in enumerate(classes.tolist())}
    if len(place) < len(classes):
        raise ValueError(f"classes has repeated labels: {shorten(classes.tolist())}.")
    unknown = [label for label in found.tolist() if label not in place]
    if unknown:
        raise ValueError(
            f"y has labels that are not in classes: {shorten(unknown)}; "
            f"classes are {shorten(classes.tolist())}."
        )
    return classes, np.array([place[label] for label in found.tolist()], dtype=np.intp)


def check_indicator(y):
    """A label indicator as an int8 array of shape (n, n_labels) of zeros and ones."""
    y = y.toarray() if sparse.issparse(y) else np.asarray(y)
    if y.ndim != 2:
        raise ValueError(f"A multilabel y has the shape (n, n_labels), got {y.shape}.")
    if y.dtype.kind in "Of":
        y = as_numbers(y, "A multilabel y")
        _count_non_finite(y, "y")
    if not np.isin(y, (0, 1)).all():
        raise ValueError(
            "A two-dimensional y must be a multilabel indicator of zeros and ones; "
            f"it has the values {shorten(np.unique(y).tolist())}."
        )
    return y.astype(np.int8)


def check_class_weight(class_weight, classes):
    """Raise ValueError where a dict of class weights names a label that does not exist."""
    if not isinstance(class_weight, Mapping):
        return
    unknown = [label for label in class_weight if label not in set(classes.tolist())]
    if unknown:
        raise ValueError(
            f"class_weight names classes that y does not have: {shorten(unknown)}; "
            f"classes are {shorten(classes.tolist())}."
        )

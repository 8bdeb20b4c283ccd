"""What a `SpotlightFinder` is handed: rows of an embedding and a loss for each."""

import warnings

import numpy as np
from scipy import sparse
from sklearn.utils import check_array
from sklearn.utils.validation import column_or_1d, validate_data

from ..utils._frames import frame_values
from ..utils._validation import (
    check_container,
    check_finite_columns,
    check_row_count,
    is_tensor,
    shorten,
    tensor_values,
)

_FEW = 20  # distinct integers that are labels rather than counts
_NUMBERS = ("integer", "floating", "mixed-integer-float", "decimal", "empty")


def beside(X, value):
    """`value`, a loss or weight of each row; where X is a tensor it may be one too."""
    return tensor_values(value) if is_tensor(value) and is_tensor(X) else value


def as_matrix(estimator, X, *, reset):
    """X as a finite 2-D float array; features are recorded on the estimator with `reset`."""
    if is_tensor(X):
        X = tensor_values(X)
    check_container(X, "X")
    if hasattr(X, "columns"):
        names = _distinct_names(X)
        validate_data(estimator, X=X, skip_check_array=True, reset=reset)
        X = frame_values(X)
    else:
        if isinstance(X, (list, tuple, np.ndarray)):
            _refuse_text(np.asarray(X))
        names = None
    if sparse.issparse(X):
        raise TypeError(
            f"{type(estimator).__name__} takes dense X: sparse data was passed; use X.toarray(), "
            "or reduce it first, for example by TruncatedSVD."
        )
    checks = {
        "dtype": [np.float64, np.float32],
        "ensure_all_finite": False,  # below, with the columns
        "ensure_min_samples": 2 if reset else 1,
    }
    if names is None:
        matrix = validate_data(estimator, X, reset=reset, **checks)
    else:
        matrix = check_array(X, estimator=estimator, **checks)
    check_finite_columns(matrix, names)
    return matrix


def _distinct_names(X):
    """The column names of a frame, or an error where one is there twice."""
    names = list(X.columns)
    repeated = [name for i, name in enumerate(names) if name in names[:i]]
    if repeated:
        raise ValueError(
            f"X has repeated column names: {shorten(repeated)}. Rename or drop them first."
        )
    return names


def _refuse_text(values):
    """Raise ValueError where an array holds text, which numpy would read as numbers."""
    if values.dtype.kind in "USTO" and values.ndim == 2:
        bad = [
            f"{j} ({values.dtype})"
            for j, column in enumerate(values.T)
            if any(isinstance(value, (str, bytes)) for value in column)
        ]
        if bad:
            raise ValueError(
                f"X has columns that are not numbers: {', '.join(bad[:5])}"
                f"{', ...' if len(bad) > 5 else ''}. Encode them first, or make them floats."
            )


def check_losses(y, n_rows, clip, stacklevel=2):
    """The per-sample losses as a float64 array of shape (n_rows,), or an error that says why not.

    Warns of labels; `stacklevel` counts from the caller.
    """
    check_container(y, "y")
    values = column_or_1d(_numbers(y), warn=True)
    losses = values.astype(np.float64)
    check_row_count(losses, n_rows, "y")
    n_nan, n_inf = int(np.isnan(losses).sum()), int(np.isinf(losses).sum())
    if n_nan:
        raise ValueError(f"Input y contains NaN: {n_nan} of {n_rows} losses.")
    if n_inf:
        raise ValueError(
            f"Input y contains infinity: {n_inf} of {n_rows} losses. Clip the probabilities "
            "before the logarithm, as sample_losses does."
        )
    if clip is not None and (losses < 0).any():
        raise ValueError(
            f"y has {int((losses < 0).sum())} negative losses (smallest {losses.min():.4g}). Shift "
            "them, or set loss_clip=None to search signed differences."
        )
    if values.dtype.kind in "iu" and len(np.unique(values)) <= _FEW:
        warnings.warn(
            f"y has {len(np.unique(values))} distinct integers and looks like labels; y must be "
            "the loss of each sample: skaudit.spotlight.sample_losses(model, X, y).",
            UserWarning,
            stacklevel=stacklevel + 1,
        )
    return losses


def _numbers(y):
    """y as an array of integers or floats, missing ones NaN; an error where it holds others."""
    values, kind = np.asarray(y), ""
    if values.dtype.kind == "O":
        import pandas as pd

        kind = pd.api.types.infer_dtype(values.ravel(), skipna=True)
        if kind in _NUMBERS:
            missing = pd.isna(values)
            whole = kind == "integer" and not missing.any()
            values = np.where(missing, np.nan, values).astype(np.int64 if whole else np.float64)
    if values.dtype.kind not in "iuf":
        text = values.dtype.kind in "UST" or kind == "string"
        got = "text" if text else "booleans" if values.dtype.kind == "b" else kind or values.dtype
        raise ValueError(
            f"y must be the loss of each sample, got {got}. Losses of a model: "
            "skaudit.spotlight.sample_losses(model, X, y)."
        )
    return values

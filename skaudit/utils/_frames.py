"""Data frames as matrices of numbers."""

import numpy as np

__all__ = ["frame_values"]

_NUMBERS = {"boolean", "decimal", "empty", "floating", "integer", "mixed-integer-float"}


def frame_values(X, name="X"):
    """The values of a frame of numeric and boolean columns.

    Parameters
    ----------
    X : pandas.DataFrame or polars.DataFrame of shape (n, n_features)

    Returns
    -------
    ndarray or CSR matrix of shape (n, n_features)
        float32 where all columns are, else float64; missing values are NaN.

    Raises
    ------
    ValueError
        Where a column is no number; the text names column and type.
    """
    import pandas as pd

    is_pandas = isinstance(X, pd.DataFrame)
    dtypes = list(X.dtypes)
    if is_pandas:
        numeric = [_is_number(dtype, X.iloc[:, i]) for i, dtype in enumerate(dtypes)]
    else:
        numeric = [dtype.is_numeric() or str(dtype) == "Boolean" for dtype in dtypes]
    bad = [
        f"{column!r} ({dtype})"
        for column, dtype, good in zip(X.columns, dtypes, numeric, strict=True)
        if not good
    ]
    if bad:
        raise ValueError(
            f"{name} has columns that are not numbers: {', '.join(bad[:5])}"
            f"{', ...' if len(bad) > 5 else ''}. Encode them first, for example in a Pipeline with "
            "a ColumnTransformer."
        )
    wanted = np.float32 if all(map(_is_single, dtypes)) else np.float64
    if not is_pandas:
        return X.to_numpy().astype(wanted, copy=False)
    if dtypes and all(
        isinstance(dtype, pd.SparseDtype) and dtype.fill_value == 0 for dtype in dtypes
    ):
        return X.sparse.to_coo().tocsr().astype(wanted, copy=False)
    if object in dtypes:
        X = X.where(X.notna(), np.nan)  # pd.NA among objects is no float
    return X.to_numpy(dtype=wanted, na_value=np.nan)


def _is_number(dtype, values):
    import pandas as pd

    if dtype.kind == "O":
        return pd.api.types.infer_dtype(values, skipna=True) in _NUMBERS
    return dtype.kind in "biuf"


def _is_single(dtype):
    """Whether a dtype of pandas (sparse, nullable or pyarrow too) or polars is float32."""
    plain = getattr(dtype, "subtype", getattr(dtype, "numpy_dtype", dtype))
    return str(plain).lower() == "float32"

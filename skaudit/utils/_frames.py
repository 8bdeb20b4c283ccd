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
    numeric = [
        _is_number(dtype, X.iloc[:, i])
        if is_pandas
        else dtype.is_numeric() or str(dtype) == "Boolean"
        for i, dtype in enumerate(dtypes)
    ]
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
    single = all(str(dtype).lower() == "float32" for dtype in dtypes)
    wanted = np.float32 if single else np.float64
    if not is_pandas:
        return X.to_numpy().astype(wanted, copy=False)
    if dtypes and all(isinstance(dtype, pd.SparseDtype) for dtype in dtypes):
        return X.sparse.to_coo().tocsr()
    return X.to_numpy(dtype=wanted, na_value=np.nan)


def _is_number(dtype, values):
    import pandas as pd

    if dtype == object:
        return pd.api.types.infer_dtype(values, skipna=True) in _NUMBERS
    return pd.api.types.is_bool_dtype(dtype) or (
        pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype)
    )

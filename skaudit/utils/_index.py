"""A pandas index as plain arrays and back, so that fitted objects can carry their caller's."""

import numpy as np

__all__ = ["pack_index", "unpack_index"]


def pack_index(index):
    """The pandas index as a dict of arrays and strings; None for the plain 0..n-1 index.

    Parameters
    ----------
    index : pandas.Index or None

    Returns
    -------
    dict or None
        `names` (list), `arrays` (list of ndarray, one a level) and `dtypes` (list of str).
    """
    import pandas as pd

    if index is None or index.equals(pd.RangeIndex(len(index))) and index.name is None:
        return None
    levels = [index.get_level_values(i) for i in range(index.nlevels)]
    return {
        "names": list(index.names),
        "arrays": [_plain_values(level) for level in levels],
        "dtypes": [str(level.dtype) for level in levels],
    }


def _plain_values(level):
    """The values of one level; moments of time zones as UTC, the rest as numpy holds them."""
    if getattr(level, "tz", None) is not None:
        return level.tz_convert("UTC").tz_localize(None).to_numpy()
    return np.asarray(level)


def unpack_index(packed, n_rows):
    """The index that `pack_index` took apart, or the plain one for None."""
    import pandas as pd

    if packed is None:
        return pd.RangeIndex(n_rows)
    levels = []
    for values, dtype in zip(packed["arrays"], packed["dtypes"], strict=True):
        if values.dtype.kind == "M" and ", " in dtype:
            zone = dtype.partition(", ")[2].rstrip("]")
            levels.append(pd.DatetimeIndex(values, tz="UTC").tz_convert(zone))
        else:
            levels.append(pd.Index(values, dtype=dtype))
    if len(levels) == 1:
        return levels[0].rename(packed["names"][0])
    return pd.MultiIndex.from_arrays(levels, names=packed["names"])

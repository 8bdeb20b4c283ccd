"""A pandas index as plain arrays and back, so that fitted objects can carry their caller's."""

import numpy as np

__all__ = ["pack_index", "unpack_index"]


def pack_index(index):
    """The pandas index as dicts of arrays and strings; None for the plain 0..n-1 index.

    Parameters
    ----------
    index : pandas.Index or None

    Returns
    -------
    dict or None
        `names` (list), `levels` (list of dict, see `_pack_level`) and, for a MultiIndex,
        the `codes` of the rows in them (list of ndarray).
    """
    import pandas as pd

    if index is None:
        return None
    if index.dtype == np.int64 and index.name is None and index.equals(pd.RangeIndex(len(index))):
        return None
    if not isinstance(index, pd.MultiIndex):
        return {"names": list(index.names), "levels": [_pack_level(index)]}
    index = index.remove_unused_levels()
    return {
        "names": list(index.names),
        "levels": [_pack_level(level) for level in index.levels],
        "codes": [np.asarray(codes) for codes in index.codes],
    }


def unpack_index(packed, n_rows):
    """The index that `pack_index` took apart, or the plain one for None."""
    import pandas as pd

    if packed is None:
        return pd.RangeIndex(n_rows)
    levels = [_unpack_level(level) for level in packed["levels"]]
    if "codes" in packed:
        return pd.MultiIndex(levels=levels, codes=packed["codes"], names=packed["names"])
    return levels[0].rename(packed["names"][0])


def _pack_level(level):
    """One level as a dict: `dtype` (str), arrays, and the parts of categories and intervals.

    Moments of time zones are kept as UTC, periods as ordinals, and of pandas' own types the values
    that are there beside the mask of those that are `missing`.
    """
    import pandas as pd

    dtype = level.dtype
    packed = {"dtype": str(dtype)}
    if isinstance(dtype, pd.CategoricalDtype):
        categories = _pack_level(dtype.categories)
        return packed | {"codes": level.codes, "categories": categories, "ordered": level.ordered}
    if isinstance(dtype, pd.IntervalDtype):
        ends = {"left": _pack_level(level.left), "right": _pack_level(level.right)}
        return packed | ends | {"closed": level.closed}
    if isinstance(dtype, pd.PeriodDtype):
        return packed | {"ordinals": level.asi8}
    if isinstance(dtype, pd.DatetimeTZDtype):
        return packed | {
            "zone": _zone_name(dtype.tz),
            "values": level.tz_convert("UTC").tz_localize(None).to_numpy(),
        }
    if not isinstance(dtype, np.dtype) and level.hasnans:
        missing = np.asarray(level.isna())
        return packed | {"values": np.asarray(level[~missing]), "missing": missing}
    return packed | {"values": np.asarray(level)}


def _unpack_level(packed):
    """The level that `_pack_level` took apart."""
    import pandas as pd

    dtype = packed["dtype"]
    if "codes" in packed:
        categories = _unpack_level(packed["categories"])
        kind = pd.CategoricalDtype(categories, ordered=packed["ordered"])
        return pd.CategoricalIndex(pd.Categorical.from_codes(packed["codes"], dtype=kind))
    if "closed" in packed:
        ends = _unpack_level(packed["left"]), _unpack_level(packed["right"])
        return pd.IntervalIndex.from_arrays(*ends, closed=packed["closed"])
    if "ordinals" in packed:
        freq = pd.PeriodDtype.construct_from_string(dtype).freq
        return pd.PeriodIndex.from_ordinals(packed["ordinals"], freq=freq)
    if "zone" in packed:
        return pd.DatetimeIndex(packed["values"], tz="UTC").tz_convert(packed["zone"])
    values = packed["values"]
    if "missing" in packed:
        present, missing = pd.Index(values, dtype=dtype), packed["missing"]
        # Position -1 stands for a missing value.
        place = np.where(missing, -1, np.cumsum(~missing) - 1)
        return present.take(place, allow_fill=True, fill_value=present.dtype.na_value)
    return pd.Index(values, dtype=dtype)


def _zone_name(tz):
    """The name by which pandas finds a time zone; UTC where it has none."""
    import pandas as pd

    try:
        return str(pd.DatetimeTZDtype(tz=str(tz)).tz)
    except Exception:  # ValueError or KeyError, as the library of the zones has it
        return "UTC"

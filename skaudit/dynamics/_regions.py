"""The regions of a data map, and the rows to choose from them."""

import numpy as np

REGIONS = ("easy-to-learn", "ambiguous", "hard-to-learn")
_EASY, _AMBIGUOUS, _HARD = range(3)
_RULES = ("quantile", "absolute", "fraction")
_NEGLIGIBLE = 1e-3  # a probability that moves less is settled, not ambiguous


def region_codes(confidence, variability, rule="quantile", *, fraction=1 / 3, low=0.4, high=0.6):
    """Positions in `REGIONS` of shape (n,); -1 for rows in no region and for NaN rows."""
    if rule not in _RULES:
        raise ValueError(f"rule must be one of {', '.join(map(repr, _RULES))}, got {rule!r}.")
    if not 0 < fraction < 1:
        raise ValueError(f"fraction must lie between 0 and 1, got {fraction}.")
    if not 0 <= low <= high <= 1:
        raise ValueError(f"low and high must satisfy 0 <= low <= high <= 1, got {low}, {high}.")
    codes = np.full(len(confidence), -1, dtype=np.int8)
    known = np.flatnonzero(~(np.isnan(confidence) | np.isnan(variability)))
    if not known.size:
        return codes
    confidence, variability = confidence[known], variability[known]
    if rule == "fraction":
        codes[known] = _by_rank(confidence, variability, fraction)
        return codes
    if rule == "absolute":
        ambiguous = (confidence >= low) & (confidence <= high)
        hard = confidence < low
    else:
        ambiguous = variability > max(np.quantile(variability, 1 - fraction), _NEGLIGIBLE)
        hard = confidence < np.quantile(confidence, fraction)
    codes[known] = np.where(ambiguous, _AMBIGUOUS, np.where(hard, _HARD, _EASY))
    return codes


def _by_rank(confidence, variability, fraction):
    """The same number of rows for each region: ambiguous first, then hard, then easy; else -1."""
    count = int(fraction * len(confidence) + 0.5)
    codes = np.full(len(confidence), -1, dtype=np.int8)
    codes[np.argsort(-variability, kind="stable")[:count]] = _AMBIGUOUS
    by_confidence = np.argsort(confidence, kind="stable")
    for order, region in ((by_confidence, _HARD), (by_confidence[::-1], _EASY)):
        codes[order[codes[order] == -1][:count]] = region
    return codes


def assign_regions(data_map, rule="quantile", *, fraction=1 / 3, low=0.4, high=0.6):
    """Divide a data map into easy-to-learn, ambiguous and hard-to-learn examples.

    Parameters
    ----------
    data_map : pandas.DataFrame of n rows
        With the columns `confidence` and `variability`.
    rule : {"quantile", "absolute", "fraction"}, default="quantile"
        - "quantile": ambiguous where variability is above its (1 - `fraction`) quantile, and above
          0.001; of the others hard-to-learn where confidence is below its `fraction` quantile, else
          easy-to-learn. Relative to the map: a good model has a hard region too.
        - "absolute": hard-to-learn where confidence < `low`, easy-to-learn where it is > `high`,
          ambiguous between.
        - "fraction": `fraction` of the rows for each region by rank, as in the data-map paper: the
          most variable, then of the others the least and the most confident; the remaining rows
          have no region.
    fraction : float, default=1/3
        Share of the rows, for the rules "quantile" and "fraction".
    low : float, default=0.4
        Confidence below is hard-to-learn by the rule "absolute".
    high : float, default=0.6
        Confidence above is easy-to-learn by the rule "absolute".

    Returns
    -------
    pandas.Series of n categories
        With the index of `data_map`; missing for rows without a snapshot or region.

    Raises
    ------
    ValueError
        Where the rule is unknown, a limit is out of range or a column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> from skaudit.dynamics import assign_regions
    >>> data_map = pd.DataFrame({"confidence": [0.95, 0.5, 0.1], "variability": [0.01, 0.3, 0.05]})
    >>> assign_regions(data_map).tolist()
    ['easy-to-learn', 'ambiguous', 'hard-to-learn']
    """
    import pandas as pd

    missing = [name for name in ("confidence", "variability") if name not in data_map]
    if missing:
        raise ValueError(f"data_map lacks the columns {', '.join(missing)}.")
    confidence = data_map["confidence"].to_numpy(dtype=float, na_value=np.nan)
    variability = data_map["variability"].to_numpy(dtype=float, na_value=np.nan)
    codes = region_codes(confidence, variability, rule, fraction=fraction, low=low, high=high)
    return pd.Series(region_categories(codes), index=data_map.index, name="region")


def region_categories(codes):
    """The region codes as a pandas Categorical, -1 missing."""
    import pandas as pd

    return pd.Categorical.from_codes(codes, categories=list(REGIONS))


def rank_examples(values, fraction, *, largest, both_ends=False):
    """Positions of the `fraction` of rows with the most extreme values, most extreme first.

    Parameters
    ----------
    values : ndarray of shape (n,)
        NaN rows are never chosen.
    fraction : float in (0, 1]
        Share of the rows that have a value, rounded, at least one row.
    largest : bool
        Whether large values are the extreme ones.
    both_ends : bool
        Whether to take half from each end; the larger half from the extreme one.

    Returns
    -------
    ndarray of shape (m,)
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction must lie in (0, 1], got {fraction}.")
    known = np.flatnonzero(~np.isnan(values))
    keys = -values[known] if largest else values[known]
    order = known[np.argsort(keys, kind="stable")]
    count = min(max(int(fraction * len(known) + 0.5), 1), len(known))
    if not both_ends:
        return order[:count]
    tail = count // 2
    return np.concatenate([order[: count - tail], order[::-1][:tail]])

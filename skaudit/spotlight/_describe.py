"""What the members of a spotlight have in common, as a table of contrasts.

An entry is a row of it: (spotlight, kind, feature, value, inside, outside, contrast).
"""

import re
from collections.abc import Mapping

import numpy as np
from scipy import sparse

from ..utils._validation import (
    check_container,
    check_finite,
    check_row_count,
    check_same_rows,
    is_tensor,
    tensor_values,
)
from ._contrast import NOISE, mean_contrast, share_contrast, word_contrast

_COLUMNS = ["spotlight", "kind", "feature", "value", "inside", "outside", "contrast"]
_WORD = re.compile(r"\b\w[\w']*\w\b")
_MISSING = "(missing)"
_NUMBERS = {"decimal", "floating", "integer", "mixed-integer-float"}
_TEXT_WORDS = 3  # a column with so many words a row on average is text ...
_TEXT_DISTINCT = 0.2  # ... if so many of its values are different
_DTYPES = dict(zip(_COLUMNS, [np.int64, str, object, object, float, float, float], strict=True))


def describe_spotlights(memberships, data, *, top=5, n_examples=3, feature_names=None):
    """Tell spotlights apart from the other rows, feature by feature.

    Parameters
    ----------
    memberships : array-like or DataFrame of shape (n, n_spotlights) or (n,)
        Memberships in [0, 1], as `SpotlightFinder.transform` returns them; or integers of shape
        (n,), the spotlight of each row and -1 for none, as `predict` returns them: then the members
        alone are described. Soft memberships reach beyond these.
    data : DataFrame, array-like of shape (n, n_features) or sequence of n texts
        What is known of the rows, often not what the spotlights were searched in. A string column
        with three and more words a row, most of them different, is read as text; convert it to a
        categorical column where it is not.
    top : int, default=5
        Most features of each kind for each spotlight.
    n_examples : int, default=3
        Most rows for each spotlight of either kind, "nearest" and "boundary".
    feature_names : sequence of str, default=None
        Names of the columns of `data`; None takes those of a frame, else x0, x1, ..., or "text".

    Returns
    -------
    pandas.DataFrame
        Of each spotlight first what tells it apart, the largest |contrast| first, then examples.

        - `spotlight`: its number, from 0. Those without any member have no rows.
        - `kind`: "numeric", "category", "word", "nearest" or "boundary".
        - `feature`: name of the column; None for examples.
        - `value`: the category ("(missing)" for missing values, of numbers too) or the word; of a
          date its mean inside; of an example the label of its row; else None.
        - `inside`, `outside`: weighted means (dates: days since 1970), or shares of rows with the
          category or word; of an example its membership, and NaN.
        - `contrast`: see Notes; NaN for examples.

    Raises
    ------
    ValueError
        Where memberships are not in [0, 1], data has infinite values, or lengths or indices differ.
    TypeError
        For sparse, lazy or masked data.

    See Also
    --------
    SpotlightFinder : Finds the spotlights.
    SpotlightDisplay : Draws the contrasts as bars.

    Notes
    -----
    With the weights k inside and 1 - k outside, S = sum k and T = sum (1 - k):

    - numeric: (mean inside - mean outside) / standard deviation of all rows; missing values are
      left out and count as a category of their own;
    - category: (share inside - share outside) / sqrt(p (1 - p) + 1 / S), p being the share in all
      rows; 1 / S keeps categories of a few rows from the top. Of the categories of a column those
      more frequent inside are listed;
    - word: the log-odds ratio of rows with the word, inside against outside, with an informative
      prior [1]_, over its standard error, times sqrt(1 / S + 1 / T) for the scale of the others.
      The prior are S rows in which the word is as frequent as in all. Capitals do not count, nor
      how often a text repeats a word. Words more frequent inside are listed.

    A category or word in one row only is not listed.

    References
    ----------
    .. [1] Monroe, Colaresi, Quinn, "Fightin' Words: Lexical Feature Selection and Evaluation for
       Identifying the Content of Political Conflict", Political Analysis 16(4), 2008.

    Examples
    --------
    >>> import pandas as pd
    >>> from skaudit.spotlight import describe_spotlights
    >>> data = pd.DataFrame({
    ...     "age": [20, 22, 24, 50, 52, 54],
    ...     "city": ["Bonn", "Bonn", "Kiel", "Kiel", "Kiel", "Bonn"],
    ... })
    >>> memberships = [[1.0], [0.5], [0], [0], [0], [0]]
    >>> describe_spotlights(memberships, data, n_examples=1).round(2)
       spotlight      kind feature value  inside  outside  contrast
    0          0   numeric     age  None   20.67    42.44     -1.44
    1          0  category    city  Bonn    1.00     0.33      0.70
    2          0   nearest    None     0    1.00      NaN       NaN
    3          0  boundary    None     1    0.50      NaN       NaN
    """
    import pandas as pd

    _check_counts(top=top, n_examples=n_examples)
    memberships = tensor_values(memberships) if is_tensor(memberships) else memberships
    data = tensor_values(data) if is_tensor(data) else data
    check_container(memberships, "memberships")
    check_container(data, "data")
    frame, is_text = _as_frame(data, feature_names)
    K = _check_memberships(memberships, len(frame))
    if _is_indexed(memberships) and not _is_indexed(data):
        frame = frame.set_axis(memberships.index)
    check_same_rows(frame, memberships=memberships)
    contrasts = []
    for i, name in enumerate(frame.columns):  # by position: names may repeat
        contrasts += _describe_column(frame.iloc[:, i], name, K, is_text, top)
    rows = []
    for j in range(K.shape[1]):
        rows += _strongest([entry for entry in contrasts if entry[0] == j], top)
        rows += _examples(K[:, j], j, frame.index, n_examples)
    table = {name: [row[i] for row in rows] for i, name in enumerate(_COLUMNS)}
    return pd.DataFrame({name: pd.Series(table[name], dtype=_DTYPES[name]) for name in _COLUMNS})


# What comes in


def _check_counts(**counts):
    for name, count in counts.items():
        if not isinstance(count, int | np.integer) or count < 0:
            raise ValueError(f"{name} must be an integer, 0 or more; got {count!r}.")


def _check_memberships(memberships, n_rows):
    """Memberships as float64 of shape (n, n_spotlights), of labels too."""
    K = np.asarray(memberships)
    if K.ndim == 1 and K.dtype.kind in "iu":
        K = K[:, None] == np.arange(max(K.max(initial=-1) + 1, 1))
    if K.ndim != 2 or K.dtype.kind not in "fiub":
        raise ValueError(
            "memberships must be numbers of the shape (n, n_spotlights), as transform returns "
            f"them; got {K.dtype} of shape {K.shape}."
        )
    check_row_count(K, n_rows, "memberships", of="data")
    K = K.astype(np.float64)
    n_bad = int((~((K >= 0) & (K <= 1))).sum())
    if n_bad:
        raise ValueError(f"memberships must lie in [0, 1]; {n_bad} of {K.size} do not.")
    return K


def _is_indexed(data):
    return hasattr(data, "iloc")


def _as_frame(data, feature_names):
    """The data as a pandas frame, and whether it is a sequence of texts."""
    import pandas as pd

    if isinstance(data, str | Mapping):
        raise TypeError(f"data must hold one entry a row, got a {type(data).__name__}.")
    if hasattr(data, "toarray"):
        raise TypeError(
            f"data is a sparse {type(data).__name__}, which is not supported here: pass "
            "data.toarray(), or the texts or the frame that it was made from."
        )
    if not _is_indexed(data):
        data = _as_pandas(data)
    is_text = data.ndim == 1 and pd.api.types.infer_dtype(data, skipna=True) == "string"
    if data.ndim == 1:
        unnamed = "text" if is_text else "x0"
        data = data.to_frame(unnamed if data.name is None else data.name)
    if feature_names is not None:
        names = list(feature_names)
        if len(names) != data.shape[1]:
            raise ValueError(
                f"feature_names has {len(names)} names but data has {data.shape[1]} columns."
            )
        data = data.set_axis(names, axis=1)
    return data, is_text


def _as_pandas(data):
    """A polars object, list or array as a Series, or a frame with columns x0, x1, ..."""
    import pandas as pd

    if hasattr(data, "to_dict"):  # a polars frame; its own conversion would need pyarrow
        return pd.DataFrame(data.to_dict(as_series=False))
    if hasattr(data, "to_list") or isinstance(next(iter(data), None), str):
        # Not through an array: numpy would give each text the length of the longest.
        name = getattr(data, "name", None) or None
        return pd.Series(list(data), name=name, dtype=object).infer_objects()
    values = np.asarray(data)
    if values.ndim == 1:
        return pd.Series(values)
    if values.ndim != 2:
        raise ValueError(
            "data must be a frame, an array of shape (n, n_features) or a sequence of texts; got "
            f"an array of shape {values.shape}."
        )
    frame = pd.DataFrame(values.astype(values.dtype.newbyteorder("="), copy=False))
    return frame.infer_objects().add_prefix("x")


# One column


def _describe_column(column, name, K, is_text, top):
    """Entries of a column, `top` of a kind for each spotlight."""
    kind, values = _read_column(column, name, is_text)
    if kind == "word":
        words, incidence = _words_of(values)
        return _entries("word", name, words, word_contrast(incidence, K), top)
    if kind == "category":
        categories, incidence = _categories_of(values)
        return _entries("category", name, categories, share_contrast(incidence, K), top)
    missing = np.isnan(values)
    some = ~missing if missing.any() else slice(None)
    inside, outside, contrast = mean_contrast(values[some], K[some])
    entries = _entries("numeric", name, [None], (inside, outside, contrast), top)
    if kind != "number":
        entries = [(*entry[:3], _as_date(entry[4], kind), *entry[4:]) for entry in entries]
    if missing.any():
        flags = np.full(len(missing), None, dtype=object)
        flags[missing] = _MISSING
        categories, incidence = _categories_of(flags)
        entries += _entries("category", name, categories, share_contrast(incidence, K), top)
    return entries


def _read_column(column, name, is_text):
    """ "number", "date" or "duration" with floats, "category" or "word" with objects."""
    import pandas as pd
    from pandas.api import types

    dtype = column.dtype
    if types.is_datetime64_any_dtype(dtype):
        since = pd.to_datetime(column, utc=True) - pd.Timestamp(0, tz="UTC")
        return "date", (since / pd.Timedelta(days=1)).to_numpy(dtype=np.float64, na_value=np.nan)
    if types.is_timedelta64_dtype(dtype):
        return "duration", (column / pd.Timedelta(days=1)).to_numpy(dtype=np.float64)
    kind = types.infer_dtype(column, skipna=True) if dtype == object else ""
    if kind in _NUMBERS or types.is_any_real_numeric_dtype(dtype):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        check_finite(values, f"data, column {name!r},")
        return "number", values
    values = np.array(column.astype(object), dtype=object)
    missing = column.isna().to_numpy()
    values[missing] = None
    may_be_text = not isinstance(dtype, pd.CategoricalDtype) and kind in ("", "string")
    if is_text or (may_be_text and not types.is_bool_dtype(dtype) and _looks_like_text(values)):
        return "word", values
    values[missing] = _MISSING
    return "category", values


def _looks_like_text(values):
    texts = [value for value in values.tolist() if value is not None]
    if not texts:
        return False
    n_words = sum(len(str(text).split()) for text in texts)
    return n_words >= _TEXT_WORDS * len(texts) and len(set(texts)) >= _TEXT_DISTINCT * len(texts)


def _as_date(days, kind):
    """Days since 1970, or days, as a text in seconds."""
    import pandas as pd

    span = pd.Timedelta(days=days).round("s")
    return str(span if kind == "duration" else pd.Timestamp(0) + span)


def _categories_of(values):
    """Categories of rows (None: none), and which rows have which: sparse (n_categories, n)."""
    import pandas as pd

    try:
        codes, categories = pd.factorize(values)
    except TypeError:  # lists and the like cannot be compared; what is written of them can
        codes, categories = pd.factorize(np.array([str(value) for value in values], dtype=object))
    rows = np.flatnonzero(codes >= 0)
    return list(categories), _one_hot(codes[rows], rows, (len(categories), len(values)))


def _words_of(texts):
    """Words of texts (None: none), and which texts have which: sparse (n_words, n)."""
    place: dict = {}
    codes: list = []
    lengths = np.zeros(len(texts), dtype=np.intp)
    for i, text in enumerate(texts):
        words = set() if text is None else set(_WORD.findall(str(text).lower().replace("’", "'")))
        lengths[i] = len(words)
        codes += [place.setdefault(word, len(place)) for word in sorted(words)]
    rows = np.repeat(np.arange(len(texts)), lengths)
    return list(place), _one_hot(codes, rows, (len(place), len(texts)))


def _one_hot(codes, rows, shape):
    return sparse.csr_array((np.ones(len(rows)), (codes, rows)), shape=shape)


# Rows of the table


def _entries(kind, feature, values, contrasts, top):
    """Entries of a column: for each spotlight the `top` strongest values that have a contrast."""
    inside, outside, contrast = contrasts
    strength = np.abs(contrast)
    strength = np.where(strength > NOISE, strength, -1.0)
    entries = []
    for j in range(strength.shape[1]):
        for i in np.argsort(-strength[:, j], kind="stable")[:top]:
            if strength[i, j] > 0:
                numbers = (inside[i, j], outside[i, j], contrast[i, j])
                entries.append((j, kind, feature, values[i], *map(float, numbers)))
    return entries


def _strongest(entries, top):
    """The `top` of each kind, all in the order of their strength."""
    left = dict.fromkeys(("numeric", "category", "word"), top)
    chosen = []
    for entry in sorted(entries, key=lambda entry: -abs(entry[-1])):
        left[entry[1]] -= 1
        if left[entry[1]] >= 0:
            chosen.append(entry)
    return chosen


def _examples(membership, spotlight, labels, n_examples):
    """The rows of highest membership, and of the others inside those of the lowest."""
    order = np.argsort(-membership, kind="stable")
    order = order[: np.count_nonzero(membership)]
    kinds = {
        "nearest": order[:n_examples],
        "boundary": order[n_examples:][::-1][:n_examples],
    }
    return [
        (spotlight, kind, None, labels[i], membership[i], np.nan, np.nan)
        for kind, rows in kinds.items()
        for i in rows
    ]

"""What each column of a table is, and the columns as features that can be cut into segments."""

from decimal import Decimal

import numpy as np

__all__ = ["as_labels", "as_texts", "as_years", "column_kinds", "free_name", "plain_columns"]

_SAMPLE = 2000  # values that decide what a column of strings is
_TEXT_WORDS = 3  # a column with so many words a value on average is text ...
_TEXT_DISTINCT = 0.2  # ... if more than so many of its values are different
_ID_DISTINCT = 0.9  # strings of which more are different name rows, they do not group them ...
_ID_ROWS = 30  # ... where so many rows show it
_WORD_ROWS = 10  # fewer rows with a word say nothing of it
_WORD_SHARE = 0.01, 0.5
_NUMBERS = {"decimal", "floating", "integer", "mixed-integer-float"}
_DATES = {"date", "datetime", "datetime64", "period", "timedelta", "timedelta64"}
_PLAIN = (str, bool, int, float, Decimal, np.bool_, np.integer, np.floating)


def column_kinds(frame):
    """Tell what each column of a frame is.

    Parameters
    ----------
    frame : pandas.DataFrame

    Returns
    -------
    dict of str
        For each column name one of "number"; "category"; "text" (three and more words a value,
        many values different); "date" (durations too); "identifier" (strings that nearly all
        differ); "constant" (one value, a missing one counted as a value); "other" (complex
        numbers, bytes, and objects that are neither strings nor numbers).
    """
    return {name: _kind_of(frame.iloc[:, i]) for i, name in enumerate(frame.columns)}


def plain_columns(frame, kinds, *, n_words=30, reserved=()):
    """The columns of a frame as numbers, categories and flags.

    Numbers and categories stay as they are; dates become years with a fraction, durations days. A
    text column `c` becomes boolean columns `c: "word"`, of its most frequent words without the
    stop words of English, and `c: number of words`. All other columns are left out.

    Parameters
    ----------
    frame : pandas.DataFrame
    kinds : dict of str
        As `column_kinds` returns them.
    n_words : int, default=30
        Most words of a text column; each is in 1 % to 50 % of the rows and in 10 at least.
    reserved : sequence of str, default=()
        Names that none of the columns is to have.

    Returns
    -------
    table : pandas.DataFrame
        With the index of `frame` and names of its own for each column.
    sources : dict of str
        Name in `table` -> name in `frame`.
    """
    import pandas as pd

    taken = set(reserved)
    own = {name: free_name(name, taken) for name in frame.columns}
    columns, sources = [], {}
    for i, name in enumerate(frame.columns):
        column, kind = frame.iloc[:, i], kinds[name]
        if kind in _PLAIN_FORMS:
            columns.append(_PLAIN_FORMS[kind](column))
            sources[own[name]] = name
        elif kind == "text":
            for feature, values in _text_features(column, name, n_words):
                columns.append(pd.Series(values, index=frame.index))
                sources[free_name(feature, taken)] = name
    table = pd.DataFrame(dict(enumerate(columns)), index=frame.index)
    # Without names there is no type to infer.
    labels = pd.Index(list(sources), tupleize_cols=False) if sources else frame.columns[:0]
    return table.set_axis(labels, axis=1), sources


# Kinds


def _kind_of(column):
    """The kind of a Series."""
    import pandas as pd
    from pandas.api import types

    dtype = column.dtype
    try:
        if _is_constant(column):
            return "constant"
    except (TypeError, NotImplementedError):  # lists and the like cannot be compared
        return "other"
    if types.is_any_real_numeric_dtype(dtype):
        return "number"
    if types.is_bool_dtype(dtype) or isinstance(dtype, pd.CategoricalDtype):
        return "category"
    known = column[column.notna()]
    inferred = types.infer_dtype(known, skipna=True)
    if dtype.kind in "mM" or inferred in _DATES:
        return "date"
    if inferred in _NUMBERS:
        return "number" if _fits_float(known) else "other"
    values = _spread(known).tolist()
    if not all(isinstance(value, _PLAIN) for value in values):
        return "other"
    return _kind_of_strings(column, [str(value) for value in values])


def _fits_float(numbers):
    """Whether objects are numbers that a float can hold; an integer of 400 digits is none."""
    try:
        numbers.to_numpy(dtype=np.float64)
    except OverflowError:
        return False
    return True


def _is_constant(column):
    """Whether a column has at most one value, a missing one counted."""
    # A sample settles most columns without a look at all rows.
    return _spread(column).nunique(dropna=False) < 2 and column.nunique(dropna=False) < 2


def _kind_of_strings(column, sample):
    """The kind of a column of which `sample` has the strings, none missing."""
    n_distinct = len(set(sample))
    n_words = sum(len(text.split()) for text in sample)
    if n_words >= _TEXT_WORDS * len(sample) and n_distinct > _TEXT_DISTINCT * len(sample):
        return "text"
    if len(sample) < _ID_ROWS or n_distinct <= _ID_DISTINCT * len(sample):
        return "category"
    # A sample of many categories shows each once, so all rows have to say that they differ.
    differ = column.nunique() > _ID_DISTINCT * column.count()
    return "identifier" if differ else "category"


def _spread(column):
    """At most `_SAMPLE` rows of a Series, evenly spread."""
    if len(column) <= _SAMPLE:
        return column
    return column.iloc[np.linspace(0, len(column) - 1, _SAMPLE).astype(np.intp)]


# Plain values


def as_years(column):
    """Dates as years with a fraction, in UTC, and durations as days; shape (n,), float64."""
    import pandas as pd

    if column.dtype.kind == "m" or pd.api.types.infer_dtype(column, skipna=True) == "timedelta":
        days = pd.to_timedelta(column) / pd.Timedelta(days=1)
        return days.to_numpy(dtype=np.float64, na_value=np.nan)
    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    elif column.dtype == object:
        column = column.map(lambda value: getattr(value, "start_time", value), na_action="ignore")
    moments = pd.to_datetime(column, utc=True, errors="coerce").to_numpy(dtype="datetime64[s]")
    years = moments.astype("datetime64[Y]")
    start = years.astype("datetime64[s]")
    length = (years + 1).astype("datetime64[s]") - start
    values = 1970 + years.astype(np.int64) + (moments - start) / length
    return np.where(np.isnat(moments), np.nan, values)


def as_labels(column):
    """Categories of any kind as an object array of strings, missing ones NaN; shape (n,)."""
    import pandas as pd

    codes, values = pd.factorize(column.astype(object))
    labels = np.array([_label(value) for value in values] + [np.nan], dtype=object)
    return labels[codes]


def as_texts(column):
    """Texts as a list of n strings, missing ones empty."""
    missing = column.isna().tolist()
    values = column.astype(object).tolist()
    return ["" if gone else str(value) for value, gone in zip(values, missing, strict=True)]


def _label(value):
    # An integer is a float where its column has a missing value: it has to stay the same category.
    whole = isinstance(value, float | np.floating) and float(value).is_integer()
    return str(int(value)) if whole else str(value)


def _plain_number(column):
    import pandas as pd

    if column.dtype.kind != "O":
        return column
    # Objects and decimals; the rest of the package knows only the number types of numpy and pandas.
    values = [np.nan if gone else value for value, gone in zip(column, column.isna(), strict=True)]
    return pd.Series(np.array(values, dtype=np.float64), index=column.index)


def _plain_category(column):
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        return column
    if pd.api.types.infer_dtype(column, skipna=True) in ("boolean", "string"):
        return column
    return pd.Series(as_labels(column), index=column.index, dtype=object)


def _plain_date(column):
    import pandas as pd

    return pd.Series(as_years(column), index=column.index)


_PLAIN_FORMS = {"number": _plain_number, "category": _plain_category, "date": _plain_date}


# Texts


def _text_features(column, name, n_words):
    """Names and values of the flags of words and of the number of words."""
    texts = as_texts(column)
    features = [(f'{name}: "{word}"', flags) for word, flags in _frequent_words(texts, n_words)]
    lengths = np.array([len(text.split()) for text in texts], dtype=np.float64)
    lengths[column.isna().to_numpy()] = np.nan
    return [*features, (f"{name}: number of words", lengths)]


def _frequent_words(texts, n_words):
    """The most frequent words of texts, and which texts have them."""
    from sklearn.feature_extraction.text import CountVectorizer

    try:
        vectorizer = CountVectorizer(binary=True, stop_words="english", dtype=np.int32)
        counts = vectorizer.fit_transform(texts).tocsc()
    except ValueError:  # no text has a word
        return []
    n_rows = np.diff(counts.indptr)
    low, high = (share * len(texts) for share in _WORD_SHARE)
    wanted = np.flatnonzero((n_rows >= max(low, _WORD_ROWS)) & (n_rows <= high))
    wanted = wanted[np.argsort(-n_rows[wanted], kind="stable")][:n_words]
    words = vectorizer.get_feature_names_out()
    return [(words[j], counts[:, [j]].toarray().ravel().astype(bool)) for j in wanted]


def free_name(name, taken):
    """`name`, or with a number behind it where it is taken; it is taken afterwards."""
    free, count = name, 1
    while free in taken:
        count += 1
        free = f"{name} ({count})"
    taken.add(free)
    return free

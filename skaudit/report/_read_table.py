"""Tables that the command line reads, from files that nobody has checked."""

import codecs
import difflib
import gzip
import io
import re
import warnings
import zlib
from collections import Counter

import numpy as np

from ..utils._optional import import_optional
from ..utils._validation import shorten
from ._files import existing_file, shown

__all__ = ["drop_columns", "read_table", "read_with_code", "split_target"]

_HEADER_BYTES = 1_000_000
_LINE_BYTES = 64_000_000  # a longer line is no row of a table, and would fill the memory
_GZIP = b"\x1f\x8b"
_DELIMITERS = ",;\t|"
_SAMPLE = 5_000  # rows that tell how numbers are written
_DIGITS = r"[-+]?\d[\d.,]*|[-+]?[.,]\d+"
_CONTINENTAL = r"[-+]?(?:\d+|[1-9]\d{0,2}(?:\.\d{3})+)?(?:,\d+)?"
_DECIMAL_COMMA = r",(?:\d{1,2}|\d{4,})$"
_POINT_GROUPS = r"^[-+]?[1-9]\d{0,2}(?:\.\d{3})+(?:,|$)"
_COMMA_GROUPS = r"[-+]?(?:\d{1,3}|[1-9]\d{0,2}(?:,\d{3})+)(?:\.\d+)?"
_NUMBER = rf"{_CONTINENTAL}|{_COMMA_GROUPS}|[-+]?\d*\.?\d+"
# A quote opens a field only at its start; elsewhere, as in 5" pipe, it is a character.
_QUOTED = re.compile(rf'(?:\A|(?<=[{_DELIMITERS}\r\n]))"[^"]*(?:""[^"]*)*"?')
_BLANK_LINES = re.compile(r"\A(?:[^\S\r\n]*[\r\n])+")
_DATE = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?"
)
_DATE_SAMPLE, _DATE_SHARE = 200, 0.95


def read_table(path):
    """Read a table from CSV, gzip-compressed CSV or Parquet, whatever the file is called.

    Parameters
    ----------
    path : str or Path
        A CSV file is UTF-8 with a header; its delimiter, one of , ; | and tab, is the one that its
        header has most of. A first column without a name is the index if its values are unique.

    Returns
    -------
    pandas.DataFrame
        With string columns of ISO dates as dates. No column name repeats. Numbers may have decimal
        commas, and points or commas between thousands.

    Raises
    ------
    OSError
        Where there is no file to read.
    ValueError
        Where the file is no table; the text says why and what to do.
    """
    return read_with_code(path)[0]


def read_with_code(path):
    """What `read_table` returns, and lines of code that read it as `table` with pandas as `pd`."""
    path = existing_file(path)
    with open(path, "rb") as file:
        is_parquet = file.read(4) == b"PAR1"
    table, code = _read_parquet(path) if is_parquet else _read_csv(path)
    if not len(table):
        raise ValueError(f"{path.name!r} has the columns {_listed(table)} and no row below them.")
    return table, code


def split_target(table, target):
    """Take the target out of a table.

    Parameters
    ----------
    table : pandas.DataFrame
    target : str
        The name of a column.

    Returns
    -------
    X : pandas.DataFrame
        The other columns.
    y : pandas.Series
    n_dropped : int
        Rows that are left out of both because their target is missing.

    Raises
    ------
    ValueError
        Where there is no such column, no other one, or no row that has a target.
    """
    _check_names(table, [target], "target")
    if table.shape[1] == 1:
        raise ValueError(f"The table has no column besides the target {target!r}; add features.")
    y = table[target]
    known = y.notna().to_numpy()
    if not known.any():
        raise ValueError(f"All {len(y)} values of the target {target!r} are missing.")
    n_dropped = int((~known).sum())
    X = table.drop(columns=target)
    if n_dropped:
        X, y = X[known], _whole_numbers(y[known])
    return X, y, n_dropped


def drop_columns(table, names):
    """The table without the columns named, of which each must be there; commas part several."""
    names = [one for name in names for one in _split_names(table, name)]
    _check_names(table, names, "column to exclude")
    return table.drop(columns=names)


def _split_names(table, name):
    """The columns that a name stands for: itself, or those between its commas."""
    parts = name.split(",")
    return parts if name not in table.columns and set(parts) <= set(table.columns) else [name]


# Text


class _CheckedText(io.RawIOBase):
    """The bytes of a CSV file, compressed or not; ValueError at the first that are no such text.

    pandas tells its own story about an error of what it reads from: the first one is kept as
    `problem`.
    """

    def __init__(self, path):
        self._name = path.name
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._n_bytes = self._line_bytes = 0
        self.problem: ValueError | None = None
        self._file = open(path, "rb")
        self._gzip = self._file.read(2) == _GZIP
        self._file.seek(0)
        self._source = gzip.GzipFile(fileobj=self._file) if self._gzip else self._file

    def readable(self):
        return True

    def readinto(self, buffer):
        if self.problem is not None:
            raise self.problem
        try:
            data = self._checked(len(buffer))
        except ValueError as error:
            self.problem = error
            raise
        buffer[: len(data)] = data
        return len(data)

    def close(self):
        self._file.close()
        super().close()

    def _checked(self, n_bytes):
        """The next bytes, at most `n_bytes`."""
        try:
            data = self._source.read(n_bytes)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{self._name!r} is damaged: {shown(error)}.") from error
        self._check_text(data)
        end = data.rfind(b"\n")
        self._line_bytes = self._line_bytes + len(data) if end < 0 else len(data) - end - 1
        if self._line_bytes > _LINE_BYTES:
            raise ValueError(
                f"{self._name!r} is no CSV table: it has a line of more than "
                f"{_LINE_BYTES // 1_000_000} MB."
            )
        self._n_bytes += len(data)
        return data

    def _check_text(self, data):
        is_utf16 = not self._n_bytes and data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        if b"\0" in data and not is_utf16:
            raise ValueError(
                f"{self._name!r} is no CSV or Parquet table: it has a NUL byte, at position "
                f"{self._n_bytes + data.index(0)}."
            )
        pending = len(self._decoder.getstate()[0])
        try:
            self._decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            position = self._n_bytes - pending + error.start
            raise ValueError(
                f"{self._name!r} is not UTF-8{' but UTF-16' * is_utf16} text: the byte at position "
                f"{position} cannot be read. Convert it, for example: iconv -f LATIN1 -t UTF-8, "
                "with the encoding that it has behind -f."
            ) from error


# CSV


def _read_csv(path):
    """The table in a CSV file, and the code that reads it."""
    delimiter, names = _read_header(path)
    sample = _parse_csv(path, delimiter, names, nrows=_SAMPLE, dtype=str)
    numbers = _number_format(sample)
    table = _name_unnamed(_parse_csv(path, delimiter, names, low_memory=False, **numbers), names)
    dated = _parse_dates(table)
    dates = [name for name in table.columns if dated[name].dtype != table[name].dtype]
    options = {
        "sep": delimiter,
        **numbers,
        "index_col": 0 if len(names) > table.shape[1] else False,
        "low_memory": False,
        "compression": _compression(path),
    }
    given = "".join(f", {name}={value!r}" for name, value in options.items())
    lines = [f"table = pd.read_csv({str(path)!r}{given})"]
    if not all(map(str.strip, names)):
        lines.append(f"table.columns = {list(table.columns)!r}")
    for name in dates:
        lines.append(f"table[{name!r}] = pd.to_datetime(table[{name!r}], format='ISO8601')")
    return dated, "\n".join(lines)


def _compression(path):
    with open(path, "rb") as file:
        return "gzip" if file.read(2) == _GZIP else None


def _number_format(sample):
    """How pandas has to read numbers that have commas, `decimal` and `thousands`.

    Parameters
    ----------
    sample : pandas.DataFrame of str
        A comma is decimal where it stands before other than three digits, and no point does; three
        digits behind each comma are thousands. Columns that could be neither are texts, and so
        are numbers with points between thousands beside dates with points.
    """
    import pandas as pd

    columns = [sample.iloc[:, i].dropna() for i in range(sample.shape[1])]
    columns = [column for column in columns if column.str.fullmatch(_DIGITS).all()]
    commas = [column for column in columns if column.str.contains(",").any()]
    # Dates and versions are not, such as 24.12.2026.
    numbers = [column for column in columns if column.str.fullmatch(_NUMBER).all()]
    if not commas or not numbers:
        return {}
    values = pd.concat(numbers)
    if values.str.fullmatch(_CONTINENTAL).all() and values.str.contains(_DECIMAL_COMMA).any():
        # Between thousands pandas skips points wherever they stand, in dates too.
        grouped = values.str.contains(_POINT_GROUPS).any() and len(numbers) == len(columns)
        return {"decimal": ",", "thousands": "."} if grouped else {"decimal": ","}
    if pd.concat(commas).str.fullmatch(_COMMA_GROUPS).all():
        return {"thousands": ","}
    return {}


def _parse_csv(path, delimiter, names, **options):
    import pandas as pd

    with _CheckedText(path) as source, warnings.catch_warnings():
        # Without it, pandas only warns of rows that it cuts.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            return pd.read_csv(
                io.BufferedReader(source),
                sep=delimiter,
                header=0,
                names=list(range(len(names))),
                index_col=False,
                encoding="utf-8-sig",
                **options,
            )
        except Exception as error:
            raise source.problem or ValueError(_why_no_table(path, error)) from error


def _why_no_table(path, error):
    import pandas as pd

    if isinstance(error, pd.errors.ParserWarning):
        what = "a row has more fields than the header"
    else:
        what = shown(error).removeprefix("Error tokenizing data. C error: ").rstrip(". ")
    return (
        f"{path.name!r} could not be read as CSV: {what}. Every row must have the fields of the "
        "header; those with delimiters in them need quotes."
    )


def _read_header(path):
    """The delimiter of a CSV file, and the names of its columns."""
    import pandas as pd

    with _CheckedText(path) as source:
        start = io.BufferedReader(source).read(_HEADER_BYTES)
    text = codecs.getincrementaldecoder("utf-8-sig")().decode(start)
    if not text.strip():
        raise ValueError(f"{path.name!r} is empty: it begins with nothing but white space.")
    text = _BLANK_LINES.sub("", text)
    outside = _QUOTED.sub(lambda quoted: "x" * len(quoted[0]), text)
    line = re.match(r"[^\r\n]*", outside)[0]  # type: ignore[index]
    if len(line) == len(text) and len(start) == _HEADER_BYTES:
        raise ValueError(
            f"{path.name!r} is no CSV table: its header line is longer than "
            f"{_HEADER_BYTES // 1_000_000} MB."
        )
    delimiter = max(_DELIMITERS, key=line.count)
    try:
        header = pd.read_csv(
            io.StringIO(text[: len(line)]), sep=delimiter, header=None, dtype=str, na_filter=False
        )
    except ValueError as error:
        raise ValueError(_why_no_table(path, error)) from error
    names = [str(name) for name in header.iloc[0]]
    repeated = [name for name, count in Counter(filter(str.strip, names)).items() if count > 1]
    if repeated:
        raise ValueError(
            f"{path.name!r} has columns of the same name: {shorten(repeated)}. Rename them in its "
            "header."
        )
    return delimiter, names


def _name_unnamed(table, names):
    """The table with `names`, of which some are blank; the first such is the index if unique."""
    import pandas as pd

    blank = [not name.strip() for name in names]
    names = list(names)
    for i in np.flatnonzero(blank):
        names[i] = f"column {i + 1}"
        while names.count(names[i]) > 1:
            names[i] += "'"
    table = table.set_axis(names, axis=1)
    first = table.iloc[:, 0]
    if len(names) > 1 and blank[0] and first.is_unique and first.notna().all():
        # What to_csv writes of an index.
        return table.iloc[:, 1:].set_axis(pd.Index(first).rename(None), axis=0)
    return table


def _parse_dates(table):
    """The table with columns of strings that are all ISO dates as dates."""
    table = table.copy(deep=False)
    for name in table.columns:
        table[name] = _as_dates(table[name])
    return table


def _as_dates(column):
    import pandas as pd

    if not (column.dtype == object or pd.api.types.is_string_dtype(column.dtype)):
        return column
    known = column[column.notna()]
    sample = known.iloc[np.linspace(0, len(known) - 1, min(len(known), _DATE_SAMPLE)).astype(int)]
    dates = sum(bool(_DATE.fullmatch(str(value))) for value in sample)
    if not dates or dates < _DATE_SHARE * len(sample):
        return column
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)
            return pd.to_datetime(column, format="ISO8601")
    except (ValueError, FutureWarning):  # not all of them, or in several time zones
        return column


# Parquet


def _read_parquet(path):
    """The table in a Parquet file, and the code that reads it."""
    import pandas as pd

    import_optional("pyarrow", "parquet")
    try:
        table = pd.read_parquet(path, engine="pyarrow")
    except Exception as error:
        raise ValueError(f"{path.name!r} could not be read as Parquet: {shown(error)}.") from error
    names = [str(name) for name in table.columns]
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ValueError(f"{path.name!r} has columns of the same name: {shorten(repeated)}.")
    code = f"table = pd.read_parquet({str(path)!r})"
    if list(table.columns) != names:
        code += "\ntable.columns = table.columns.map(str)"
    return table.set_axis(names, axis=1), code


# Columns


def _check_names(table, names, what):
    """Raise ValueError where a name is none of a column, with the closest one."""
    columns = list(table.columns)
    for name in names:
        if name in columns:
            continue
        close = difflib.get_close_matches(str(name), [str(column) for column in columns], n=1)
        guess = f" Did you mean {shorten(close)}?" if close else ""
        raise ValueError(
            f"There is no {what} {shorten([name])}.{guess} The columns are: {_listed(table)}."
        )


def _listed(table):
    return shorten(list(table.columns), most=20)


def _whole_numbers(y):
    """Labels without the fraction .0 that a missing one has given to integers."""
    if y.dtype != np.float64:
        return y
    values = y.to_numpy()
    whole = (values == np.round(values)) & (np.abs(values) < 2**53)
    return y.astype(np.int64) if whole.all() else y

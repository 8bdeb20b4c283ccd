"""What the command line reads: tables and models, from files that nobody has checked."""

import codecs
import difflib
import gzip
import io
import re
import sys
import warnings
import zipfile
import zlib
from collections import Counter
from numbers import Number
from pathlib import Path

import joblib
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from ..utils._optional import import_optional
from ..utils._validation import shorten

__all__ = ["drop_columns", "load_model", "read_table", "split_target"]

_HEADER_BYTES = 1_000_000
_LINE_BYTES = 64_000_000  # a longer line is no row of a table, and would fill the memory
_DELIMITERS = ",;\t|"
# A quote opens a field only at its start; elsewhere, as in 5" pipe, it is a character.
_QUOTED = re.compile(rf'(?:\A|(?<=[{_DELIMITERS}\r\n]))"[^"]*(?:""[^"]*)*"?')
_BLANK_LINES = re.compile(r"\A(?:[^\S\r\n]*[\r\n])+")
_DATE = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?"
)
_DATE_SAMPLE, _DATE_SHARE = 200, 0.95

# skops checks the names of the types in a file and nothing else, and lets a trusted name stand
# wherever a class or function can, called with arguments of the file. So a prefix such as "numpy."
# or "sklearn." is no reason to trust: numpy.load, or a function that a module of scikit-learn
# has imported, would come with it. Numbers, arrays, dtypes and ufuncs are trusted by skops itself.
# Estimators only remember what they are made of, so they are trusted here, if defined by
# scikit-learn or by us, and besides them what the fitted classifiers of scikit-learn are made of,
# one by one, where neither making nor using it does more than arithmetic. Trees are not among it:
# compiled code follows the positions in their nodes without a check, and a wrong one ends the
# process or reads foreign memory.
_HARMLESS = frozenset(
    {
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.feature_selection._mutual_info.mutual_info_classif",
        "sklearn.feature_selection._univariate_selection.chi2",
        "sklearn.feature_selection._univariate_selection.f_classif",
        "sklearn.gaussian_process.kernels.ConstantKernel",
        "sklearn.gaussian_process.kernels.Matern",
        "sklearn.gaussian_process.kernels.Product",
        "sklearn.gaussian_process.kernels.RBF",
        "sklearn.gaussian_process.kernels.Sum",
        "sklearn.gaussian_process.kernels.WhiteKernel",
        "sklearn.metrics._scorer._PassthroughScorer",
        "sklearn.model_selection._split.KFold",
        "sklearn.model_selection._split.StratifiedKFold",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    }
)
_BOMB_BYTES, _BOMB_RATIO = 1 << 30, 100


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
        With string columns of ISO dates as dates. No column name repeats.

    Raises
    ------
    OSError
        Where there is no file to read.
    ValueError
        Where the file is no table; the text says why and what to do.
    """
    path = _existing_file(path)
    with open(path, "rb") as file:
        is_parquet = file.read(4) == b"PAR1"
    table = _read_parquet(path) if is_parquet else _read_csv(path)
    if not len(table):
        raise ValueError(f"{path.name!r} has the columns {_listed(table)} and no row below them.")
    return table


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
    """The table without the columns named, of which each must be there."""
    names = list(names)
    _check_names(table, names, "column to exclude")
    return table.drop(columns=names)


def load_model(path, allow_pickle=False):
    """Load a fitted classifier.

    Parameters
    ----------
    path : str or Path
        A skops file, recognised by what it holds and not by its name.
    allow_pickle : bool, default=False
        Whether the maker of the file is trusted: then a file that is not of skops is unpickled,
        which runs whatever code is in it, and one of skops may hold any types.

    Returns
    -------
    estimator
        Fitted, with `predict_proba`.

    Raises
    ------
    OSError
        Where there is no file to read.
    ValueError
        Where the file is refused or broken, or holds no fitted classifier.
    ImportError
        Where skops is needed and not installed.
    """
    path = _existing_file(path)
    if _is_skops(path):
        model = _load_skops(path, allow_pickle)
    elif allow_pickle:
        model = _guarded(path, joblib.load, path)
    else:
        raise ValueError(
            f"{path.name!r} is no skops file. To load a pickle runs whatever code is in it: "
            "--allow-pickle does it, for a file whose maker you trust; or save the model by "
            "skops.io.dump."
        )
    _check_model(model, path)
    return model


# Files


def _existing_file(path):
    """The path of a regular file that holds something."""
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder; name a file in it.")
    if not path.exists():
        raise FileNotFoundError(f"There is no file {str(path)!r}; check its name and folder.")
    if not path.is_file():
        raise ValueError(
            f"{str(path)!r} is no regular file, and it is read more than once; copy it."
        )
    if not path.stat().st_size:
        raise ValueError(f"{path.name!r} is empty: it has 0 bytes.")
    return path


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
        self._gzip = self._file.read(2) == b"\x1f\x8b"
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
            raise ValueError(f"{self._name!r} is damaged: {_shown(error)}.") from error
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
    import pandas as pd

    delimiter, names = _read_header(path)
    with _CheckedText(path) as source, warnings.catch_warnings():
        # Without it, pandas only warns of rows that it cuts.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            table = pd.read_csv(
                io.BufferedReader(source),
                sep=delimiter,
                header=0,
                names=list(range(len(names))),
                index_col=False,
                low_memory=False,
                encoding="utf-8-sig",
            )
        except Exception as error:
            raise source.problem or ValueError(_why_no_table(path, error)) from error
    return _parse_dates(_name_unnamed(table, names))


def _why_no_table(path, error):
    import pandas as pd

    if isinstance(error, pd.errors.ParserWarning):
        what = "a row has more fields than the header"
    else:
        what = _shown(error).removeprefix("Error tokenizing data. C error: ").rstrip(". ")
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
    import pandas as pd

    import_optional("pyarrow", "parquet")
    try:
        table = pd.read_parquet(path, engine="pyarrow")
    except Exception as error:
        raise ValueError(f"{path.name!r} could not be read as Parquet: {_shown(error)}.") from error
    names = [str(name) for name in table.columns]
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ValueError(f"{path.name!r} has columns of the same name: {shorten(repeated)}.")
    return table.set_axis(names, axis=1)


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


# Models


def _is_skops(path):
    """Whether a file is of skops; ValueError where it is another zip archive, or half of one."""
    with open(path, "rb") as file:
        starts_as_zip = file.read(4) == b"PK\x03\x04"
    if zipfile.is_zipfile(path):
        names = _guarded(path, _names_in_zip, path)
        if "schema.json" in names:
            return True
    elif not starts_as_zip:
        return False
    if starts_as_zip:
        raise ValueError(
            f"{path.name!r} could not be loaded: it is a zip archive, but no whole skops file."
        )
    return False


def _names_in_zip(path):
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def _load_skops(path, allow_all):
    """The object in a skops file, if all its types are trusted."""
    skops_io = import_optional("skops.io", "model")
    _check_size(path)
    data = path.read_bytes()
    untrusted = _guarded(path, skops_io.get_untrusted_types, data=data)
    refused = [] if allow_all else [name for name in untrusted if not _is_trusted(name)]
    if refused:
        raise ValueError(
            f"{path.name!r} has types that may do harm when they are loaded or used: "
            f"{shorten(refused)}. If you trust the maker of the file, --allow-pickle loads it."
        )
    model = _guarded(path, skops_io.loads, data, trusted=untrusted)
    if not allow_all:
        _check_no_cache(model, path.name)
    return model


def _check_size(path):
    """Raise ValueError where a small archive unpacks to a huge one."""
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > max(_BOMB_BYTES, _BOMB_RATIO * path.stat().st_size):
        raise ValueError(
            f"{path.name!r} could not be loaded: it would unpack to {unpacked} bytes, "
            f"{unpacked // path.stat().st_size} times its size, which no model does."
        )


def _is_trusted(name):
    """Whether what a skops file names is harmless whatever is done with it."""
    if name in _HARMLESS:
        return True
    module, _, attribute = name.rpartition(".")
    if module.partition(".")[0] not in ("sklearn", "skaudit"):
        return False
    # Only what is imported already, which all estimators are: to import may run code as well.
    found = getattr(sys.modules.get(module), attribute, None)
    return (
        isinstance(found, type) and issubclass(found, BaseEstimator) and found.__module__ == module
    )


def _check_no_cache(model, name):
    """Raise ValueError where an object has a folder for joblib to unpickle cached results from."""
    seen: dict = {}  # kept alive: the id of an object that is gone may come again
    todo = [model]
    while todo:
        thing = todo.pop()
        if id(thing) in seen:
            continue
        seen[id(thing)] = thing
        state = thing if isinstance(thing, dict) else getattr(thing, "__dict__", {})
        if any(_is_cache(key, value) for key, value in state.items()):
            raise ValueError(
                f"The model in {name!r} would load cached pickles from a folder, its memory. Save "
                "it with memory=None or, if you trust its maker, use --allow-pickle."
            )
        todo += state.values()
        if isinstance(thing, list | tuple | set | frozenset):
            todo += thing
        elif isinstance(thing, np.ndarray) and thing.dtype == object:
            todo += thing.ravel().tolist()


def _is_cache(key, value):
    # A number is that of the word "memory" in a vocabulary.
    is_memory = isinstance(key, str) and key.rpartition("__")[2] == "memory"
    return is_memory and not (value is None or isinstance(value, Number))


def _check_model(model, path):
    """Raise ValueError unless a loaded object is a fitted classifier with probabilities."""
    kind = type(model).__name__
    if isinstance(model, type) or not _guarded(path, hasattr, model, "fit"):
        raise ValueError(f"{path.name!r} holds no model but a {kind}.")
    if not _guarded(path, hasattr, model, "predict_proba"):
        raise ValueError(
            f"The {kind} in {path.name!r} has no predict_proba; wrap it in a "
            "CalibratedClassifierCV, or use another classifier."
        )
    if not _guarded(path, _is_fitted, model):
        raise ValueError(f"The {kind} in {path.name!r} is not fitted; fit it before saving it.")


def _is_fitted(model):
    try:
        check_is_fitted(model)
    except NotFittedError:
        return False
    return True


def _guarded(path, function, *args, **kwargs):
    """The result of a loader, any exception of it as a ValueError of one line."""
    try:
        return function(*args, **kwargs)
    except Exception as error:
        raise ValueError(f"{path.name!r} could not be loaded: {_shown(error)}.") from error


def _shown(error):
    """The type and text of an exception on one line, a long text cut."""
    text = " ".join(str(error).split())
    text = text if len(text) <= 200 else text[:197] + "..."
    return f"{type(error).__name__}: {text}".rstrip(". ")

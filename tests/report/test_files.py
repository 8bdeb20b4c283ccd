"""Tables and models from files: the ordinary ones, the odd ones and the hostile ones."""

import gzip
import json
import pickle
import re
import sys
import tracemalloc
import zipfile

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC

from skaudit import DataMapClassifier
from skaudit.report._load_model import load_model
from skaudit.report._read_table import drop_columns, read_table, read_with_code, split_target

TABLE = pd.DataFrame(
    {
        "age": [31, 44, 25],
        "city": ["Bonn", "a, b; c\td|e", 'say "hi"\nthere'],
        "<script>": [0.5, np.nan, -1e300],
        "العمر 😀": ["x", None, "y"],
    }
)


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.fixture
def csv(tmp_path):
    """A function that reads a CSV of this content."""
    return lambda content: read_table(write(tmp_path / "data.csv", content))


# Tables


@pytest.mark.parametrize("delimiter", list(",;\t|"))
@pytest.mark.parametrize("compress", [lambda data: data, gzip.compress])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b"\r\n  \n"])
def test_csv_comes_back(tmp_path, delimiter, compress, start):
    content = start + TABLE.to_csv(index=False, sep=delimiter).encode()
    # The name says nothing.
    table = read_table(write(tmp_path / "data.parquet", compress(content)))
    pd.testing.assert_frame_equal(table, TABLE, check_dtype=False)


def test_parquet_comes_back(tmp_path):
    path = tmp_path / "data.csv"
    TABLE.set_axis([7, 8, 9]).to_parquet(path)
    pd.testing.assert_frame_equal(read_table(path), TABLE.set_axis([7, 8, 9]), check_dtype=False)


def test_path_may_be_text(tmp_path):
    path = tmp_path / "data.csv"
    TABLE.to_csv(path, index=False)
    pd.testing.assert_frame_equal(read_table(str(path)), TABLE, check_dtype=False)


def test_delimiters_in_quoted_names_do_not_count(csv):
    assert list(csv('"a,b,c";"d,e\nf"\n1;2\n')) == ["a,b,c", "d,e\nf"]


def test_quote_inside_a_name_is_a_character(csv):
    assert list(csv('5" pipe,3" pipe\n1,2\n')) == ['5" pipe', '3" pipe']


def test_one_column_needs_no_delimiter(csv):
    assert csv("text\nsome words; and more\n")["text"].tolist() == ["some words; and more"]


def test_numbers_stay_numbers_and_labels_strings(csv):
    table = csv("n,x,b,s\n1,0.5,True,007a\n2,,False,b\n")
    assert [dtype.kind for dtype in table.dtypes[:3]] == ["i", "f", "b"]
    assert table["s"].tolist() == ["007a", "b"]


def test_index_of_to_csv_comes_back(tmp_path):
    path = tmp_path / "data.csv"
    frame = TABLE.set_axis([30, 10, 20])
    frame.to_csv(path)
    pd.testing.assert_frame_equal(read_table(path), frame, check_dtype=False)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a;b\n1,5;x\n-0,25;y\n;z\n", [1.5, -0.25, np.nan]),
        ("a;eur\n-0,126;49.812\n1,25;1.234,5\n", [-0.126, 1.25]),
        ("a;b\n49,812;1\n231,606;0\n990;1\n", [49812, 231606, 990]),
        ('a,b\n"49,812",1\n"1,231,606.5",0\n', [49812, 1231606.5]),
        ("a;b\n1.5;x\n2.25;y\n", [1.5, 2.25]),
        ("a;b\n1,5;0.5\n2,5;0.25\n", ["1,5", "2,5"]),
        ('a,b\n"1,2,3",1\n"4,5",0\n', ["1,2,3", "4,5"]),
        ("a\tb\n007\tx,y\n008\tz\n", [7, 8]),
        ("a;day\n1,5;24.12.2026\n-0,25;1.1.2027\n", [1.5, -0.25]),
    ],
)
def test_numbers_are_read_as_they_are_written(csv, content, expected):
    assert csv(content)["a"].tolist() == pytest.approx(expected, nan_ok=True)


def test_points_are_thousands_where_commas_are_decimal(csv):
    assert csv("a;eur\n-0,126;49.812\n1,25;1.234,5\n")["eur"].tolist() == [49812, 1234.5]


def test_points_of_dates_are_not_between_thousands(csv):
    table = csv("a;day;eur\n1,5;24.12.2026;1.234,5\n2,25;1.1.2027;49.812\n")
    assert table["a"].tolist() == [1.5, 2.25]
    assert table["day"].tolist() == ["24.12.2026", "1.1.2027"]
    assert table["eur"].tolist() == ["1.234,5", "49.812"]


@pytest.mark.parametrize(
    "content",
    [
        "a,b\n1,x\n2,y\n",
        "\n\na;b;when\n1,5;x;2020-01-02\n2,5;y;2021-03-04T05:06\n",
        ",a\n5,1\n6,2\n",
        ",a, \n5,1,2\n5,2,3\n",
        'say "hi"\tb\n1\t\'\n2\t\\\n',
        gzip.compress(b"\xef\xbb\xbfa|b\n1|2\n", mtime=0),
    ],
)
def test_the_code_reads_what_was_read(content, tmp_path):
    table, code = read_with_code(write(tmp_path / "it's a file", content))
    names = {"pd": pd}
    exec(code, names)
    pd.testing.assert_frame_equal(names["table"], table)


@pytest.mark.parametrize("names", [list(TABLE), [1, 2, 3, 4]])
def test_the_code_reads_parquet(tmp_path, names):
    path = tmp_path / "data"
    TABLE.set_axis(names, axis=1).to_parquet(path)
    table, code = read_with_code(path)
    names = {"pd": pd}
    exec(code, names)
    pd.testing.assert_frame_equal(names["table"], table)


@pytest.mark.parametrize("first", ["5,1\n5,2\n", "5,1\n,2\n"])
def test_unnamed_column_that_is_no_index_gets_a_name(csv, first):
    table = csv(f",a\n{first}")
    assert list(table) == ["column 1", "a"]
    assert list(table.index) == [0, 1]


def test_unnamed_columns_get_free_names(csv):
    assert list(csv("a,,column 2, \n1,2,3,4\n")) == ["a", "column 2'", "column 2", "column 4"]


def test_iso_dates_become_dates(csv):
    days = csv("d,t,z\n2024-02-29,2024-02-29 12:30,2024-01-01T00:00:00Z\n,2024-03-01T01:00:01.5,\n")
    assert [dtype.kind for dtype in days.dtypes] == ["M", "M", "M"]
    assert days.loc[0, "d"] == pd.Timestamp("2024-02-29")
    assert days.loc[1, "t"] == pd.Timestamp("2024-03-01 01:00:01.5")


@pytest.mark.parametrize(
    "values",
    [
        ["2024-01-01"] * 99 + ["unknown"],
        ["2024-01-01", "2024-02-30"],
        ["2024-01-01", "soon", "later"],
        ["01/02/2024", "03/04/2024"],
        ["2024-01-01T00:00+01:00", "2024-07-01T00:00+02:00"],
        ["2024", "2025"],
    ],
)
def test_what_are_not_all_dates_stays(csv, values):
    table = csv("\n".join(["d", *values]))
    assert table["d"].astype(str).tolist() == values


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "'data.csv' is empty: it has 0 bytes"),
        (b" \n\t\r\n ", "'data.csv' is empty: it begins with nothing but white space"),
        (b"\xef\xbb\xbf", "is empty"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (b"a,b\n", r"has the columns 'a', 'b' and no row below them"),
        (b"a,b\n1,2\n3,4,5\n", "Expected 2 fields in line 3, saw 3. Every row must have"),
        (b"a,b\n1,2,3\n4,5,6\n", "a row has more fields than the header"),
        (b'a,b\n"1,2\n', "EOF inside string"),
        (b"a,b,a,b,c\n1,2,3,4,5\n", r"columns of the same name: 'a', 'b'\. Rename them"),
        (b"a,b\n1,2\0\n", "is no CSV or Parquet table: it has a NUL byte, at position 7"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is no CSV or Parquet table"),
        ("naïve,b\n1,2\n".encode("latin-1"), "not UTF-8 text: the byte at position 2 .* iconv"),
        ("a,b\n1,2\n".encode("utf-16"), "is not UTF-8 but UTF-16 text"),
        (b"a,b\n1,\xe2\x82", "not UTF-8 text: the byte at position 6"),
        (gzip.compress(b"a,b\n" + b"1,2\n" * 9, mtime=0)[:-12], "'data.csv' is damaged: "),
        (b"\x1f\x8bnonsense", "'data.csv' is damaged: "),
        (b"PAR1 and then no more", "could not be read as Parquet: "),
    ],
)
def test_what_is_no_table_is_told_in_one_line(csv, content, text):
    with pytest.raises(ValueError, match=text) as caught:
        csv(content)
    assert "\n" not in str(caught.value)


def test_bytes_are_counted_from_the_start_of_the_file(csv):
    # Beyond what is read at once, with a character across the border of what is.
    content = b"a\n" + "é\n".encode() * 700_000
    with pytest.raises(ValueError, match=f"at position {len(content)} "):
        csv(content + b"\xff\n")


def test_parquet_with_repeated_names_is_refused(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "data.parquet"
    pq.write_table(pa.table([[1], [2]], names=["a", "a"]), path)
    with pytest.raises(ValueError, match="data.parquet"):
        read_table(path)


def test_parquet_without_rows_is_refused(tmp_path):
    TABLE.iloc[:0].to_parquet(tmp_path / "data")
    with pytest.raises(ValueError, match="no row below them"):
        read_table(tmp_path / "data")


@pytest.mark.parametrize("read", [read_table, load_model])
def test_what_is_no_file_is_refused(tmp_path, read):
    with pytest.raises(FileNotFoundError, match="There is no file .*check its name"):
        read(tmp_path / "none")
    with pytest.raises(IsADirectoryError, match="is a folder; name a file in it"):
        read(tmp_path)


def _sparse(path):
    with open(path, "wb") as file:
        file.write(b"a,b")
        file.truncate(2 << 30)


def _long_header(path):
    path.write_bytes(b"a" * 3_000_000)


def _gzip_bomb(path):
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(100):
            file.write(b"a," * 500_000)


def _blank_bomb(path):
    path.write_bytes(gzip.compress(b" " * 100_000_000, 1))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (_sparse, "NUL byte, at position 3"),
        (_long_header, "header line is longer than 1 MB"),
        (_gzip_bomb, "header line is longer than 1 MB"),
        (_blank_bomb, "begins with nothing but white space"),
    ],
)
def test_files_that_unfold_are_refused_by_their_start(tmp_path, make, text):
    make(tmp_path / "data.csv")
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=text):
            read_table(tmp_path / "data.csv")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 50_000_000


def test_endless_line_below_the_header_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("skaudit.report._read_table._LINE_BYTES", 3_000_000)
    with pytest.raises(ValueError, match="it has a line of more than 3 MB"):
        read_table(write(tmp_path / "data.csv", gzip.compress(b"a\n" + b"b" * 9_000_000)))


# Columns


def test_split_target_parts_the_columns():
    X, y, n_dropped = split_target(TABLE, "age")
    assert list(X) == ["city", "<script>", "العمر 😀"]
    assert y.tolist() == [31, 44, 25]
    assert n_dropped == 0


def test_rows_without_a_target_are_dropped():
    table = pd.DataFrame({"x": [1, 2, 3], "y": [1.0, None, 0.0]}, index=list("abc"))
    X, y, n_dropped = split_target(table, "y")
    assert n_dropped == 1
    assert list(X.index) == list(y.index) == ["a", "c"]
    # A missing one had made floats of them.
    assert y.dtype == np.int64
    assert len(table) == 3


@pytest.mark.parametrize("label", [0.5, np.inf, 1e300])
def test_targets_that_are_no_integers_stay(label):
    table = pd.DataFrame({"x": [1, 2, 3], "y": [label, None, 0.0]})
    assert split_target(table, "y")[1].tolist() == [label, 0.0]


def test_unknown_target_lists_the_columns():
    table = pd.DataFrame(columns=["Survived", "n" * 10_000, *map(str, range(30))])
    with pytest.raises(ValueError, match="There is no target 'survived'") as caught:
        split_target(table, "survived")
    assert "Did you mean 'Survived'? The columns are: 'Survived', 'nnn" in str(caught.value)
    assert "'17', ... (32 in all)" in str(caught.value)
    assert len(str(caught.value)) < 500


def test_unknown_target_that_resembles_nothing_gets_no_guess():
    with pytest.raises(ValueError, match="There is no target 'qqq'. The columns are"):
        split_target(TABLE, "qqq")


def test_target_needs_features_and_values():
    with pytest.raises(ValueError, match="no column besides the target 'age'"):
        split_target(TABLE[["age"]], "age")
    with pytest.raises(ValueError, match="All 3 values of the target 'age' are missing"):
        split_target(TABLE.assign(age=None), "age")


def test_drop_columns():
    assert list(drop_columns(TABLE, ["city", "<script>"])) == ["age", "العمر 😀"]
    with pytest.raises(ValueError, match="no column to exclude 'cite'. Did you mean 'city'?"):
        drop_columns(TABLE, ["age", "cite"])


# Models

X, Y = make_classification(n_samples=60, random_state=0)


def save(model, path):
    skops.io.dump(model, path)
    return path


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        make_pipeline(StandardScaler(), SelectKBest(k=5), PCA(3), SGDClassifier(loss="log_loss")),
        GaussianNB(),
        MLPClassifier(max_iter=5),
        CalibratedClassifierCV(LinearSVC()),
        GaussianProcessClassifier(),
        GridSearchCV(LogisticRegression(), {"C": [1, 2]}),
        DataMapClassifier(SGDClassifier(loss="log_loss"), n_epochs=2, cv=2),
        make_pipeline(FunctionTransformer(np.tanh), LogisticRegression()),
    ],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:DataMapClassifier")
def test_skops_model_comes_back(tmp_path, model):
    # The name says nothing.
    loaded = load_model(save(model.fit(X, Y), tmp_path / "model.pkl"))
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_the_word_memory_in_a_vocabulary_is_no_cache(tmp_path):
    model = make_pipeline(TfidfVectorizer(), LogisticRegression())
    model.fit(["memory lane", "another word"], [0, 1])
    assert load_model(save(model, tmp_path / "m")).classes_.tolist() == [0, 1]


def own_function(X):
    return X


class OwnClassifier(LogisticRegression):
    pass


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (make_pipeline(FunctionTransformer(own_function), LogisticRegression()), "own_function"),
        (make_pipeline(FunctionTransformer(np.load), LogisticRegression()), "numpy.load"),
        (make_pipeline(FunctionTransformer(joblib.load), LogisticRegression()), "joblib"),
        (OwnClassifier().fit(X, Y), "OwnClassifier"),
        (RandomForestClassifier(2).fit(X, Y), "sklearn.tree._tree.Tree"),
    ],
)
def test_types_that_may_do_harm_are_named(tmp_path, model, name):
    path = save(model, tmp_path / "model.skops")
    if name == "sklearn.tree._tree.Tree" and not skops.io.get_untrusted_types(file=path):
        pytest.skip("this version of skops trusts trees")
    with pytest.raises(ValueError, match=f"types that may do harm.*{name}.*--allow-pickle"):
        load_model(path)


def test_allow_pickle_trusts_the_types_of_skops(tmp_path):
    model = RandomForestClassifier(2, random_state=0).fit(X, Y)
    loaded = load_model(save(model, tmp_path / "m"), allow_pickle=True)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize(
    "name",
    [
        "numpy.load",
        "sklearn.base.clone",
        "sklearn.utils.Bunch",
        "sklearn.base.os.system",
        "sklearn.linear_model.LogisticRegression",  # an alias: defined elsewhere
        "skaudit.report._cli.main",
        "skaudit.__main__.main",
        "skaudit.report._load_model.BaseEstimator",
        "sklearn",
        "",
        "sklearn_evil.Model",
    ],
)
def test_a_prefix_is_no_reason_to_trust(name):
    from skaudit.report._load_model import _is_trusted

    assert not _is_trusted(name)


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), LogisticRegression(), memory="somewhere"),
        GridSearchCV(
            make_pipeline(StandardScaler(), LogisticRegression()), {"memory": [None, "x"]}
        ),
        CalibratedClassifierCV(make_pipeline(LogisticRegression(), memory="somewhere")),
    ],
)
def test_folders_of_cached_pickles_are_refused(tmp_path, monkeypatch, model):
    monkeypatch.chdir(tmp_path)
    path = save(model.fit(X, Y), tmp_path / "model.skops")
    with pytest.raises(ValueError, match="would load cached pickles from a folder"):
        load_model(path)
    assert load_model(path, allow_pickle=True)


class Bomb:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("name", ["m.pkl", "m.skops", "m.joblib", "m.zip"])
@pytest.mark.parametrize("dump", [pickle.dump, joblib.dump])
def test_nothing_is_unpickled_without_the_flag(tmp_path, name, dump):
    trace, path = tmp_path / "trace", tmp_path / name
    with open(path, "wb") as file:
        dump(Bomb(trace), file)
    with pytest.raises(ValueError, match="is no skops file.*runs whatever code.*--allow-pickle"):
        load_model(path)
    assert not trace.exists()


@pytest.mark.parametrize("entry", ["model.pkl", "data.pkl", "schema.json"])
def test_nothing_in_a_zip_is_unpickled(tmp_path, entry):
    trace, path = tmp_path / "trace", tmp_path / "m.skops"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(entry, pickle.dumps(Bomb(trace)))
    with pytest.raises(ValueError, match="could not be loaded"):
        load_model(path)
    assert not trace.exists()


def test_an_array_of_pickles_in_a_skops_file_is_not_unpickled(tmp_path):
    trace, path = tmp_path / "trace", save(GaussianNB().fit(X, Y), tmp_path / "m")
    array = np.empty(1, dtype=object)
    array[0] = Bomb(trace)
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            with archive.open(name, "w") as file:
                if name.endswith(".npy"):
                    np.save(file, array, allow_pickle=True)
                else:
                    file.write(content)
    with pytest.raises(ValueError, match="'m' could not be loaded: ValueError"):
        load_model(path)
    assert not trace.exists()


def test_a_pickle_behind_a_zip_is_read_as_the_zip(tmp_path):
    model = GaussianNB().fit(X, Y)
    trace, path = tmp_path / "trace", tmp_path / "m.pkl"
    path.write_bytes(pickle.dumps(Bomb(trace)) + save(model, tmp_path / "z").read_bytes())
    np.testing.assert_array_equal(load_model(path).predict_proba(X), model.predict_proba(X))
    assert not trace.exists()


@pytest.mark.parametrize("dump", [pickle.dump, joblib.dump])
def test_pickle_comes_back_with_the_flag(tmp_path, dump):
    model = LogisticRegression().fit(X, Y)
    with open(tmp_path / "m.skops", "wb") as file:
        dump(model, file)
    loaded = load_model(tmp_path / "m.skops", allow_pickle=True)
    np.testing.assert_array_equal(loaded.coef_, model.coef_)


@pytest.mark.parametrize("allow_pickle", [False, True])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_truncated_skops_file_is_refused(tmp_path, share, allow_pickle):
    path = save(LogisticRegression().fit(X, Y), tmp_path / "m.skops")
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ValueError, match="'m.skops' could not be loaded"):
        load_model(path, allow_pickle)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated_pickle_is_told_in_one_line(tmp_path, share):
    content = pickle.dumps(LogisticRegression().fit(X, Y))
    path = write(tmp_path / "m.pkl", content[: int(share * len(content))])
    with pytest.raises(ValueError, match=r"^'m.pkl' could not be loaded: \w+") as caught:
        load_model(path, allow_pickle=True)
    assert "\n" not in str(caught.value)


def _nested(depth):
    text = '{"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": ['
    return text * depth + "]}" * depth


@pytest.mark.parametrize(
    "schema",
    [
        "",
        "[]",
        "null",
        "{}",
        json.dumps({"protocol": 10**9}),
        json.dumps({"protocol": 0, "__loader__": "Nonsense", "__class__": "a", "__module__": "b"}),
        '{"protocol": 1, ' + _nested(5000)[1:],
        "[" * 100_000,
    ],
    ids=range(8),
)
def test_nonsense_in_a_skops_file_is_told_in_one_line(tmp_path, schema):
    path = tmp_path / "m.skops"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", schema)
    with pytest.raises(ValueError, match=r"^'m.skops' could not be loaded: \w+") as caught:
        load_model(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_archive_that_unfolds_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("skaudit.report._load_model._BOMB_BYTES", 10_000_000)
    path = tmp_path / "m.skops"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", b" " * 20_000_000)
    with pytest.raises(ValueError, match="it would unpack to 20000000 bytes"):
        load_model(path)


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        (LogisticRegression(), "The LogisticRegression in 'm' is not fitted"),
        (LinearRegression().fit(X, Y), "The LinearRegression in 'm' has no predict_proba"),
        ([1, 2], "'m' holds no model but a list"),
    ],
)
def test_what_is_no_fitted_classifier_is_refused(tmp_path, thing, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        load_model(save(thing, tmp_path / "m"))


class Hostile(BaseEstimator):
    """An estimator whose attributes do not answer."""

    @property
    def predict_proba(self):
        raise RuntimeError("no\nanswer")

    def fit(self, X, y):
        return self


def test_whatever_a_loaded_object_raises_takes_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(joblib, "load", lambda path: Hostile())
    with pytest.raises(ValueError, match="'m' could not be loaded: RuntimeError: no answer."):
        load_model(write(tmp_path / "m", b"x"), allow_pickle=True)


def test_a_class_is_no_model(tmp_path):
    with open(tmp_path / "m", "wb") as file:
        pickle.dump(LogisticRegression, file)
    with pytest.raises(ValueError, match="holds no model"):
        load_model(tmp_path / "m", allow_pickle=True)


@pytest.mark.parametrize(("package", "extra"), [("skops", "model"), ("pyarrow", "parquet")])
def test_missing_packages_say_how_to_get_them(tmp_path, monkeypatch, package, extra):
    read = {"skops": load_model, "pyarrow": read_table}[package]
    path = save(GaussianNB().fit(X, Y), tmp_path / "m")
    if package == "pyarrow":
        TABLE.to_parquet(path)
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_Missing(package), *sys.meta_path])
    with pytest.raises(ImportError, match=re.escape(f'pip install "skaudit[{extra}]"')):
        read(path)


class _Missing:
    """Makes a package look as if it were not installed."""

    def __init__(self, package):
        self.package = package

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == self.package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

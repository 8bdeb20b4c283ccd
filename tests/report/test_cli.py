"""The command: what it writes, what it says, how it fails."""

import contextlib
import gzip
import io
import json
import pickle
import re
import runpy
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skaudit import __version__
from skaudit.datasets import make_customers
from skaudit.report import _cli, _demo
from skaudit.report._cli import main


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The folder and the text of one run of the demonstration, as a user starts it."""
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "skaudit", "demo", "--json", "report.json"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return folder, done.stdout


def test_the_demo_finds_what_was_planted(demo):
    """In a stock run: labels with precision and recall, the region, the column."""
    folder, text = demo
    assert "not found" not in text
    pairs = re.findall(r"precision ([\d.]+), recall ([\d.]+)", text)
    (labels, region) = (tuple(map(float, pair)) for pair in pairs)
    assert min(labels) > 0.6
    assert min(region) > 0.6
    assert re.search(r"'discount', kept from the model: finding \d", text)
    assert "Written: skaudit_demo.html and report.json" in text


def test_the_demo_says_what_its_report_holds(demo):
    folder, text = demo
    page = (folder / "skaudit_demo.html").read_text(encoding="utf-8")
    assert page.lower().startswith("<!doctype html>")
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    truth = make_customers(random_state=0)
    labels = next(one for one in report["findings"] if one["kind"] == "label_issues")
    wrong = (truth.y != truth.y_true)[labels["rows"]]
    precision, _ = re.search(r"precision ([\d.]+), recall ([\d.]+)", text).groups()
    assert float(precision) == pytest.approx(wrong.mean(), abs=0.005)


@pytest.fixture
def table(tmp_path):
    """A CSV file of mixed columns with missing values and texts, and its frame."""
    data = make_customers(500, random_state=1)
    frame = data.frame.assign(outcome=data.y, joined=pd.date_range("2019-03-01", periods=500))
    frame.loc[::50, "outcome"] = None
    frame.to_csv(tmp_path / "customers.csv", index=False)
    return tmp_path / "customers.csv", frame


def run(*arguments):
    return main([str(argument) for argument in arguments])


def test_a_table_of_mixed_columns_is_audited(table, tmp_path, capsys):
    path, frame = table
    page, text = tmp_path / "page.html", tmp_path / "report.json"
    assert run("audit", path, "--target", "outcome", "-o", page, "--json", text) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert "on 490 rows x 10 columns" in said.out
    assert "10 rows without a label were left out" in said.out
    report = json.loads(text.read_text(encoding="utf-8"))
    assert report["format"] == "skaudit-audit"
    assert {row["column"] for row in report["features"]} >= {"age", "plan", "joined"}
    assert "<html" in page.read_text(encoding="utf-8")


def run_as_told(path):
    """Run what a JSON report says to make it again, and its next steps; the report of that."""
    report = json.loads(path.read_text(encoding="utf-8"))
    names: dict = {}
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(report["setup"], names)
        for finding in report["findings"]:
            exec(finding["next_step"], names)
    assert [f["title"] for f in report["findings"]] == names["report"].findings_["title"].tolist()
    return names["report"]


def test_the_next_steps_of_a_file_run(tmp_path):
    """From its reading on: delimiter, decimal commas, dates, missing targets, columns left out."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(1500, 2)), columns=["height", "it's"])
    frame["joined"] = pd.date_range("2012-03-01", periods=1500)
    frame["last_message"] = "none"
    frame["outcome"] = ((frame["height"] + frame["it's"] > 0) ^ (rng.random(1500) < 0.08)) * 1.0
    frame.loc[::50, "outcome"] = None
    path, text = tmp_path / "customers.csv", tmp_path / "report.json"
    frame.to_csv(path, sep=";", decimal=",")
    settings = ["--exclude", "last_message", "--json", text, "-o", tmp_path / "page.html"]
    assert run("audit", path, "--target", "outcome", *settings) == 0
    report = run_as_told(text)
    assert len(report.findings_)
    assert report.summary_["classes"].keys() == {0, 1}
    assert set(report.feature_table_["column"]) >= {"joined", "height"}
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert 'href="#setup"' in page
    assert 'id="setup"' in page


def test_the_next_steps_of_the_demo_run(demo):
    folder, _ = demo
    assert len(run_as_told(folder / "report.json").findings_) == 3


def test_a_console_that_cannot_show_a_name_loses_nothing(table, tmp_path, monkeypatch):
    path, frame = table
    frame.set_axis([f"Ж{i}" for i in range(500)]).to_csv(path)
    console = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", console)
    page = tmp_path / "page.html"
    assert run("audit", path, "--target", "outcome", "-o", page) == 0
    assert "<html" in page.read_text(encoding="utf-8")


def test_excluded_columns_are_gone(table, tmp_path, capsys):
    path, _ = table
    page, text = tmp_path / "page.html", tmp_path / "report.json"
    exclude = ["--exclude", "last_message", "--exclude", "discount", "--exclude", "joined"]
    assert run("audit", path, "--target", "outcome", *exclude, "-o", page, "--json", text) == 0
    columns = {row["column"] for row in json.loads(text.read_text())["features"]}
    assert not columns & {"last_message", "discount", "joined"}
    assert "x 7 columns" in capsys.readouterr().out


@pytest.fixture
def numbers(tmp_path):
    """A Parquet file of numbers and a model fitted to other rows of the same kind."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(600, 3)), columns=["a", "b", "c"])
    y = (X["a"] + X["b"] + rng.logistic(size=600) > 0).map({True: "yes", False: "no"})
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(
        X.loc[:299, ["a", "b"]], y[:300]
    )
    path = tmp_path / "numbers.parquet"
    X.assign(label=y).iloc[300:].to_parquet(path)
    return path, model


def test_a_model_in_a_skops_file_is_read_as_it_is(numbers, tmp_path, capsys):
    skops = pytest.importorskip("skops.io")
    path, model = numbers
    skops.dump(model, tmp_path / "model.bin")  # whatever it is called
    page, text = tmp_path / "page.html", tmp_path / "report.json"
    settings = ["--target", "label", "--model", tmp_path / "model.bin", "-o", page, "--json", text]
    assert run("audit", path, *settings) == 0
    summary = json.loads(text.read_text())["summary"]
    assert (summary["n_folds"], summary["withheld"]) == (0, ["c"])
    assert "a fitted model" in capsys.readouterr().out
    run_as_told(text)


def test_a_pickle_needs_the_flag(numbers, tmp_path, capsys):
    path, model = numbers
    (tmp_path / "model.skops").write_bytes(pickle.dumps(model))
    settings = ["audit", path, "--target", "label", "--model", tmp_path / "model.skops"]
    settings += ["-o", tmp_path / "page.html"]
    assert run(*settings) == 2
    assert "--allow-pickle" in one_line(capsys)
    text = tmp_path / "report.json"
    assert run(*settings, "--allow-pickle", "--json", text) == 0
    run_as_told(text)


class Bomb:
    """Writes a file where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib", "model.skops"])
def test_a_hostile_model_is_not_unpickled(name, numbers, tmp_path, capsys):
    path, _ = numbers
    trace = tmp_path / "trace"
    (tmp_path / name).write_bytes(pickle.dumps(Bomb(trace)))
    settings = ["--target", "label", "--model", tmp_path / name, "-o", tmp_path / "page.html"]
    assert run("audit", path, *settings) == 2
    assert "pickle" in one_line(capsys)
    assert not trace.exists()
    assert not (tmp_path / "page.html").exists()


def one_line(capsys):
    """What was said on stderr, which is one line without a traceback."""
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("skaudit: error: ")
    assert said.err.count("\n") == 1
    assert "Traceback" not in said.err
    return said.err


def written(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


BAD_TABLES = {
    "empty": (b"", "empty"),
    "no rows": (b"a,b,y\n", "no row below"),
    "one class": ("a,y\n" + "\n".join(f"{i},1" for i in range(50)), "only one class"),
    "numbers as target": ("a,y\n" + "\n".join(f"{i},{i / 7}" for i in range(50)), "continuous"),
    "no target": (b"a,b\n1,2\n3,4\n", "'a', 'b'"),
    "binary": (b"\x00\x01\x02" * 100, "no CSV or Parquet"),
    "truncated parquet": (b"PAR1abc", "Parquet"),
    "ragged": (b"a,y\n1,2\n1,2,3\n", "line"),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_bad_tables_are_told_in_one_line(name, tmp_path, capsys):
    content, text = BAD_TABLES[name]
    path = written(tmp_path / "table.csv", content)
    assert run("audit", path, "--target", "y", "-o", tmp_path / "page.html") == 2
    assert text.lower() in one_line(capsys).lower()
    assert not (tmp_path / "page.html").exists()


def test_missing_files_and_folders_are_told_in_one_line(tmp_path, capsys):
    for path in (tmp_path / "absent.csv", tmp_path):
        assert run("audit", path, "--target", "y", "-o", tmp_path / "page.html") == 2
        assert str(path) in one_line(capsys)


def test_a_header_of_two_gigabytes_is_not_read(tmp_path, capsys):
    """The file has holes: only what is read of it takes time and memory."""
    path = tmp_path / "wide.csv"
    with open(path, "wb") as file:
        file.write(b"a," * 600_000)
        file.truncate(2 << 30)
    assert run("audit", path, "--target", "y", "-o", tmp_path / "page.html") == 2
    assert "header" in one_line(capsys)


def test_a_compressed_table_is_read(table, tmp_path, capsys):
    path, frame = table
    packed = written(tmp_path / "packed.csv", gzip.compress(path.read_bytes()))
    assert run("audit", packed, "--target", "absent", "-o", tmp_path / "page.html") == 2
    assert "outcome" in one_line(capsys)


HOSTILE = {
    "<script>alert(1)</script>": ["<b>bold</b>", "&amp;", "plain"],
    "emoji 🎈 and \u05e9\u05dc\u05d5\u05dd": [
        "🎈🎈",
        "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd",
        "a\nb",
    ],
    "long": ["x" * 10_000, "y" * 10_000, "$z$"],
}


def test_hostile_names_and_cells_are_safe(tmp_path, capsys):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.choice(values, 300) for name, values in HOSTILE.items()})
    frame["number"] = rng.normal(size=300)
    frame["y</title>"] = np.where(frame["number"] > 0, "<yes>", "no")
    frame.loc[:30, "y</title>"] = "no"
    frame.to_csv(tmp_path / "hostile.csv", index=False)
    page = tmp_path / "page.html"
    settings = ["--target", "y</title>", "-o", page, "--json", tmp_path / "report.json"]
    assert run("audit", tmp_path / "hostile.csv", *settings) == 0
    text = page.read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert "<b>bold" not in text
    assert "<yes>" not in text
    assert len(text) < 3_000_000
    json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert max(map(len, capsys.readouterr().out.splitlines())) < 200


def test_no_file_is_overwritten_by_mistake(table, tmp_path, capsys):
    path, _ = table
    before, page = path.read_bytes(), tmp_path / "page.html"
    for outputs in (["-o", path], ["-o", page, "--json", page], ["-o", page, "--json", path]):
        assert run("audit", path, "--target", "outcome", *outputs) == 2
        assert "different files" in one_line(capsys)
    assert path.read_bytes() == before


@pytest.mark.parametrize("command", ["demo", "audit"])
@pytest.mark.parametrize(
    ("output", "text"), [("missing/page.html", "there is no folder"), (".", "is a folder")]
)
def test_outputs_are_checked_before_any_work(command, output, text, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    table = ["absent.csv", "--target", "y"] if command == "audit" else []
    for option in ("-o", "--json"):
        assert run(command, *table, option, output) == 2
        assert text in one_line(capsys)
    assert list(tmp_path.iterdir()) == []


def test_without_jinja2_it_says_how_to_install_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert run("demo") == 2
    assert 'pip install "skaudit[report]"' in one_line(capsys)


def test_an_error_of_a_model_is_told_by_its_name(monkeypatch, tmp_path, capsys):
    def fail(**_):
        raise KeyError("x")

    monkeypatch.setattr(_demo, "audit", lambda *args, **settings: fail())
    assert run("demo", "-o", tmp_path / "page.html") == 2
    assert "KeyError: 'x'" in one_line(capsys)


def test_stopping_it_is_no_error(monkeypatch, tmp_path, capsys):
    def stop(*args, **settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(_demo, "audit", stop)
    assert run("demo", "-o", tmp_path / "page.html") == 130
    assert capsys.readouterr().err == "skaudit: stopped\n"


def test_progress_goes_to_terminals_alone(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for stream, expected in ((io.StringIO(), False), (Terminal(), True)):
        monkeypatch.setattr(sys, "stderr", stream)
        with _cli._Progress() as progress:
            progress("training on folds")
            progress("done")
        assert ("training on folds" in stream.getvalue()) is expected
        assert not expected or stream.getvalue().endswith("\r")


@pytest.mark.parametrize("arguments", [[], ["unknown"], ["audit", "table.csv"]])
def test_wrong_usage_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage: skaudit" in capsys.readouterr().err


def test_module_and_command_are_the_same(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["skaudit", "--version"])
    with pytest.raises(SystemExit) as stop:
        runpy.run_module("skaudit", run_name="__main__")
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"skaudit {__version__}\n"

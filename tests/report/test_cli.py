"""The command: what it writes, what it says, how it fails."""

import re
import runpy
import subprocess
import sys

import pandas as pd
import pytest

from skaudit import __version__
from skaudit.report._cli import main


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The folder and the text of one run of the demonstration."""
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "skaudit", "demo"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return folder, done.stdout


def test_demo_writes_picture_and_table(demo):
    folder, _ = demo
    assert sorted(path.name for path in folder.iterdir()) == [
        "skaudit_demo.csv",
        "skaudit_demo.png",
    ]
    assert (folder / "skaudit_demo.png").read_bytes().startswith(b"\x89PNG")
    assert len(pd.read_csv(folder / "skaudit_demo.csv")) == 1797


def test_demo_says_what_its_table_holds(demo):
    folder, text = demo
    table = pd.read_csv(folder / "skaudit_demo.csv")
    precision, recall = map(float, re.search(r"precision ([\d.]+), recall ([\d.]+)", text).groups())
    hits = (table["is_issue"] & table["is_wrong"]).sum()
    assert precision == pytest.approx(hits / table["is_issue"].sum(), abs=5e-4)
    assert recall == pytest.approx(hits / table["is_wrong"].sum(), abs=5e-4)
    assert min(precision, recall) > 0.85
    assert (table["is_wrong"] == (table["label"] != table["true_label"])).all()


def test_the_picture_goes_where_it_is_asked_to(tmp_path, capsys):
    assert main(["demo", "--output", str(tmp_path / "map.svg")]) == 0
    assert (tmp_path / "map.svg").read_text().startswith("<?xml")
    assert (tmp_path / "map.csv").is_file()
    assert "precision" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("output", "text"),
    [("missing/map.png", "there is no folder"), ("map.txt", "must end in .png, .svg or .pdf")],
)
def test_errors_take_one_line(tmp_path, monkeypatch, capsys, output, text):
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "-o", output]) == 2
    message = capsys.readouterr().err
    assert message.startswith("skaudit: error: ")
    assert text in message
    assert message.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [[], ["unknown"]])
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

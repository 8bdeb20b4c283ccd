"""Training dynamics in the files of the data maps' authors."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal
from scipy.special import softmax

from skaudit import DataMapRecorder

GUIDS = ["train-7", "train-1", "ü"]
GOLD = [2, 0, 1]


def write(folder, epoch, rows=(0, 1, 2), guids=GUIDS, gold=GOLD, logits=None):
    """One file as `log_training_dynamics` of the authors' code writes it; the logits."""
    if logits is None:
        logits = np.random.default_rng(epoch).normal(size=(len(guids), 3))
    lines = [
        json.dumps({"guid": guids[i], f"logits_epoch_{epoch}": list(logits[i]), "gold": gold[i]})
        for i in rows
    ]
    path = folder / f"dynamics_epoch_{epoch}.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return logits


def test_equals_the_recorder_fed_by_hand(tmp_path):
    """Epochs in the order of their numbers (10 after 9), rows by guid in any order of lines."""
    expected = DataMapRecorder(GOLD, classes=range(3))
    for epoch in range(12):
        rows = np.random.default_rng(epoch).permutation(3) if epoch else range(3)
        expected.update(softmax(write(tmp_path, epoch, rows), axis=1))
    (tmp_path / "dynamics_epoch_last.jsonl").write_text("not read")
    recorder = DataMapRecorder.from_jsonl(str(tmp_path))
    frame = recorder.to_frame()
    assert frame.index.tolist() == GUIDS
    assert frame.index.name == "guid"
    assert_frame_equal(frame.reset_index(drop=True), expected.to_frame())


def test_numbers_as_guids_and_missing_rows(tmp_path):
    guids = [30, 10, 20]
    first = write(tmp_path, 0, rows=[0], guids=guids)
    second = write(tmp_path, 2, rows=[2, 0], guids=guids)
    frame = DataMapRecorder.from_jsonl(tmp_path).to_frame()
    assert frame.index.tolist() == [30, 20]
    both = softmax([first[0], second[0]], axis=1)[:, GOLD[0]]
    one = softmax(second[2])[GOLD[2]]
    assert_allclose(frame["confidence"], [both.mean(), one])


def test_a_class_that_is_nobodys_gold_stays_a_class(tmp_path):
    write(tmp_path, 0, gold=[0, 1, 0])
    assert DataMapRecorder.from_jsonl(tmp_path).classes_.tolist() == [0, 1, 2]


def test_blank_lines_are_no_lines(tmp_path):
    write(tmp_path, 0)
    expected = DataMapRecorder.from_jsonl(tmp_path).to_frame()
    path = tmp_path / "dynamics_epoch_0.jsonl"
    path.write_text(path.read_text("utf-8").replace("\n", "\n\n"), "utf-8")
    assert_frame_equal(DataMapRecorder.from_jsonl(tmp_path).to_frame(), expected)


@pytest.mark.parametrize("folder", [".", "absent", "dynamics_epoch_x.jsonl"])
def test_a_folder_without_files(tmp_path, folder):
    (tmp_path / "dynamics_epoch_x.jsonl").write_text("")
    with pytest.raises(FileNotFoundError, match="holds no file dynamics_epoch_<number>.jsonl"):
        DataMapRecorder.from_jsonl(tmp_path / folder)


@pytest.mark.parametrize("text", ["", "\n"])
def test_an_empty_file_is_named(tmp_path, text):
    write(tmp_path, 0)
    (tmp_path / "dynamics_epoch_1.jsonl").write_text(text)
    with pytest.raises(ValueError, match=r"^dynamics_epoch_1\.jsonl is empty"):
        DataMapRecorder.from_jsonl(tmp_path)


BAD_LINES = {
    "no json": ("{", r"line 4: expected an object with guid, gold and logits_epoch_<k>, got '{'"),
    "no object": ("[1]", "line 4: expected an object"),
    "text": ('"guid"', "line 4: expected an object"),
    "no guid": ('{"logits_epoch_1": [0, 1, 2], "gold": 0}', "line 4: expected an object"),
    "no logits": ('{"guid": "a", "gold": 0}', "line 4: expected an object"),
    "no gold": ('{"guid": "a", "logits_epoch_1": [0, 1, 2]}', "line 4: expected an object"),
    "gold is a name": (
        '{"guid": "a", "logits_epoch_1": [0, 1, 2], "gold": "no"}',
        "line 4: expected an object",
    ),
    "guid is a list": (
        '{"guid": [1], "logits_epoch_1": [0, 1, 2], "gold": 0}',
        "line 4: expected an object",
    ),
    "a number for logits": (
        '{"guid": "a", "logits_epoch_1": 1, "gold": 0}',
        "line 4: expected an object",
    ),
    "another number of logits": (
        '{"guid": "a", "logits_epoch_1": [0, 1], "gold": 0}',
        "line 4: 2 logits, 3 before",
    ),
    "another gold": (
        '{"guid": "train-7", "logits_epoch_1": [0, 1, 2], "gold": 1}',
        "line 4: gold of guid 'train-7' was 2, is 1",
    ),
    "repeated": (
        '{"guid": "train-7", "logits_epoch_1": [0, 1, 2], "gold": 2}',
        "line 4: guid 'train-7' is repeated",
    ),
    "gold above": (
        '{"guid": "a", "logits_epoch_1": [0, 1, 2], "gold": 3}',
        "line 4: gold is 3, but the logits are of 3 classes",
    ),
    "gold below": ('{"guid": "a", "logits_epoch_1": [0, 1, 2], "gold": -1}', "line 4: gold is -1"),
}


@pytest.mark.parametrize(("line", "text"), BAD_LINES.values(), ids=BAD_LINES)
def test_bad_lines_are_named(tmp_path, line, text):
    write(tmp_path, 0)
    write(tmp_path, 1)
    with (tmp_path / "dynamics_epoch_1.jsonl").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(ValueError, match=rf"^dynamics_epoch_1\.jsonl, {text}"):
        DataMapRecorder.from_jsonl(tmp_path)


def test_a_diverged_epoch_is_named(tmp_path):
    write(tmp_path, 0)
    write(tmp_path, 1, logits=np.full((3, 3), np.nan))
    with pytest.raises(ValueError, match="^epoch 1 .*diverged"):
        DataMapRecorder.from_jsonl(tmp_path)

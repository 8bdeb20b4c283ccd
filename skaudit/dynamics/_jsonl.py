"""The file layout in which the authors of data maps keep training dynamics."""

import json
import re

import numpy as np


def read_epochs(folder):
    """Read `dynamics_epoch_<k>.jsonl`, in the order of k.

    Parameters
    ----------
    folder : pathlib.Path

    Returns
    -------
    guids : list
        Names of the examples, in the order of their first appearance.
    gold : list of int
        Their labels.
    snapshots : list of (list of int, ndarray of shape (m, n_classes))
        For each file the positions in `guids` and the logits.
    """
    files = sorted(
        (int(match[1]), path)
        for path in folder.glob("dynamics_epoch_*.jsonl")
        if (match := re.fullmatch(r"dynamics_epoch_(\d+)", path.stem))
    )
    if not files:
        raise FileNotFoundError(f"{folder} holds no file dynamics_epoch_<number>.jsonl.")
    position: dict = {}
    gold: list[int] = []
    snapshots = []
    n_classes = 0
    for _, path in files:
        logits: dict[int, list[float]] = {}
        for where, guid, label, values in _read_lines(path):
            n_classes = n_classes or len(values)
            if len(values) != n_classes:
                raise ValueError(f"{where}: {len(values)} logits, {n_classes} before.")
            if not 0 <= label < n_classes:
                raise ValueError(
                    f"{where}: gold is {label}, but the logits are of {n_classes} classes."
                )
            row = position.setdefault(guid, len(position))
            if row == len(gold):
                gold.append(label)
            if gold[row] != label:
                raise ValueError(f"{where}: gold of guid {guid!r} was {gold[row]}, is {label}.")
            if row in logits:
                raise ValueError(f"{where}: guid {guid!r} is repeated.")
            logits[row] = values
        if not logits:
            raise ValueError(f"{path.name} is empty.")
        snapshots.append((list(logits), np.array(list(logits.values()))))
    return list(position), gold, snapshots


def _read_lines(path):
    """Yield (place, guid, gold, logits) of each line of one file."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            where = f"{path.name}, line {number}"
            try:
                record = json.loads(line)
                key = next(key for key in record if key.startswith("logits_epoch_"))
                guid, values = record["guid"], [float(value) for value in record[key]]
                hash(guid)  # a list or an object names no example
                yield where, guid, int(record["gold"]), values
            except (AttributeError, KeyError, StopIteration, TypeError, ValueError) as error:
                raise ValueError(
                    f"{where}: expected an object with guid, gold and logits_epoch_<k>, got "
                    f"{line.strip()[:80]!r}."
                ) from error

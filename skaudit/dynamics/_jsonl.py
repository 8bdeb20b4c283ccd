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
    for _, path in files:
        rows: list[int] = []
        logits: list[list[float]] = []
        for where, guid, label, values in _read_lines(path):
            row = position.setdefault(guid, len(position))
            if row == len(gold):
                gold.append(label)
            if gold[row] != label:
                raise ValueError(f"{where}: gold of guid {guid!r} was {gold[row]}, is {label}.")
            if logits and len(values) != len(logits[0]):
                raise ValueError(f"{where}: {len(values)} logits, {len(logits[0])} before.")
            rows.append(row)
            logits.append(values)
        if not rows:
            raise ValueError(f"{path.name} is empty.")
        snapshots.append((rows, np.array(logits)))
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
                yield where, record["guid"], int(record["gold"]), [float(v) for v in record[key]]
            except (AttributeError, KeyError, StopIteration, TypeError, ValueError) as error:
                raise ValueError(
                    f"{where}: expected an object with guid, gold and logits_epoch_<k>, got "
                    f"{line.strip()[:80]!r}."
                ) from error

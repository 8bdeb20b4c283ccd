"""What recording keeps: bytes a row of a recorder, and peak memory beyond that of training alone.

Each measurement of a peak is a process of its own, because a peak never goes down.
"""

import argparse
import json
import resource
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
from sklearn.linear_model import SGDClassifier

from skaudit import DataMapRecorder

from ..tables import print_table, silence, verdict
from ._common import Answer, Case, dense_case_data, largest_error, literal_answer
from .competitors import bare_loop, skaudit_map, tutorial

COMPETITORS = {
    bare_loop.NAME: bare_loop.run,
    tutorial.NAME: tutorial.run,
    "skaudit, fit": skaudit_map.fit,
    "skaudit, fit and data_map_": skaudit_map.run,
}
GOAL_BYTES_A_ROW = 40
GOAL_MEGABYTES = 100
MEGABYTE = 1e6


def recorder_rows(n_rows, snapshots, n_classes):
    """Bytes that a recorder holds a row, labels included, for each number of snapshots."""
    rng = np.random.default_rng(0)
    y = rng.integers(n_classes, size=n_rows)
    y[:n_classes] = range(n_classes)
    proba = rng.dirichlet(np.ones(n_classes), size=n_rows).astype(np.float32)
    rows = []
    for n_snapshots in snapshots:
        tracemalloc.start()
        recorder = DataMapRecorder(y)
        for k in range(n_snapshots):
            recorder.update(np.roll(proba, k, axis=0))
        held, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        p = [np.roll(proba, k, axis=0)[np.arange(n_rows), y] for k in range(n_snapshots)]
        off = np.abs(recorder.to_frame()["confidence"] - np.mean(p, axis=0, dtype=float)).max()
        rows.append(
            {
                "classes": n_classes,
                "snapshots": n_snapshots,
                "bytes a row held": held / n_rows,
                "bytes a row at peak": peak / n_rows,
                "confidence off by": f"{off:.1e}",
                "goal": f"<= {GOAL_BYTES_A_ROW} {verdict(held / n_rows <= GOAL_BYTES_A_ROW)}",
            }
        )
    return rows


def peak_bytes():
    """Largest memory of this process so far."""
    try:
        # ru_maxrss of a child starts at the memory that its parent had.
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def large_case(n_rows, n_epochs):
    X, y = dense_case_data(n_rows, 20)
    return Case("large", X, y, SGDClassifier(loss="log_loss"), n_epochs=n_epochs)


def measure_one(name, n_rows, n_epochs):
    """In a process of its own: print the peak and how far the answer is off."""
    case = large_case(n_rows, n_epochs)
    answer = COMPETITORS[name](case)
    found = {"peak": peak_bytes(), "off": None}
    if isinstance(answer, Answer):
        found["off"] = float(max(largest_error(answer, literal_answer(case))))
    print(json.dumps(found))


def peak_rows(n_rows, n_epochs):
    """A row of the table for each competitor."""
    floor, rows = None, []
    for name in COMPETITORS:
        command = [sys.executable, "-m", __spec__.name, "--one", name]
        command += ["--rows", str(n_rows), "--epochs", str(n_epochs)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found = json.loads(output.splitlines()[-1])
        floor = found["peak"] if floor is None else floor
        added = (found["peak"] - floor) / MEGABYTE
        goal = "-"
        if name.startswith(skaudit_map.NAME):
            goal = f"< {GOAL_MEGABYTES} MB {verdict(added < GOAL_MEGABYTES)}"
        rows.append(
            {
                "rows": n_rows,
                "epochs": n_epochs,
                "competitor": name,
                "peak MB": found["peak"] / MEGABYTE,
                "beyond bare loop MB": added,
                "answer off by": "-" if found["off"] is None else f"{found['off']:.1e}",
                "goal": goal,
            }
        )
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--one", choices=COMPETITORS, help="measure one competitor in this process")
    args = parser.parse_args()
    silence()
    if args.one is not None:
        measure_one(args.one, args.rows, args.epochs)
        return
    table = [
        row for n_classes in (2, 4) for row in recorder_rows(100_000, (10, 100, 1_000), n_classes)
    ]
    print_table(table, "A recorder of 100,000 rows")
    print_table(peak_rows(args.rows, args.epochs), "Peak memory, dense x 20")


if __name__ == "__main__":
    main()

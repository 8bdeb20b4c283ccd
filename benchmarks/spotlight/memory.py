"""Peak memory of a fit beyond the embedding, in multiples of the embedding's bytes.

Each fit runs in a fresh process that makes its X, warms up on a few rows, resets the peak of its
resident memory and fits. Linux only: the peak is read from /proc.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np

from ..tables import print_table, silence, verdict
from ._common import f1

GOAL = 2.5  # 1e6 x 32, float32
CENTER = 1.0  # of the planted ball, in each of its columns


def make_rows(n_rows, n_features, dtype):
    """Normal rows made in place, and losses that are high in a ball of about 2 %."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, n_features), dtype=dtype)
    distance = np.zeros(n_rows)
    for column in X.T:
        distance += (column - CENTER) ** 2
    inside = distance < np.quantile(distance, 0.02)
    return X, rng.exponential(np.where(inside, 2.0, 0.2)), inside


def resident(field):
    """A field of /proc/self/status in bytes: "VmRSS" now, "VmHWM" at its peak."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return 1024 * int(line.split()[1])
    raise RuntimeError(f"/proc/self/status has no {field}.")


def child(n_rows, n_features, dtype, size, n_spotlights):
    """Print bytes beyond what was there before the fit, and the F1 of its first spotlight."""
    from skaudit import SpotlightFinder

    silence()
    parsed = size if size == "auto" else float(size)
    finder = SpotlightFinder(n_spotlights, size=parsed, random_state=0)
    small, loss, _ = make_rows(2000, n_features, dtype)
    finder.fit(small, loss)
    X, loss, inside = make_rows(n_rows, n_features, dtype)
    # 5 resets the peak to what is resident now.
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    finder.fit(X, loss)
    beyond = resident("VmHWM") - before
    print(beyond, f1(finder.predict(X) == 0, inside))


def measure(n_rows, n_features, dtype, size, n_spotlights):
    """A row of the table."""
    arguments = [n_rows, n_features, dtype, size, n_spotlights]
    done = subprocess.run(
        [sys.executable, "-m", __spec__.name, "--child", *map(str, arguments)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    beyond, found = map(float, done.stdout.split())
    of_X = n_rows * n_features * np.dtype(dtype).itemsize
    goal = "-"
    if (n_rows, n_features, dtype) == (1_000_000, 32, "float32"):
        goal = f"<= {GOAL} {verdict(beyond / of_X <= GOAL)}"
    return {
        "rows": n_rows,
        "columns": n_features,
        "dtype": dtype,
        "size": size,
        "spotlights": n_spotlights,
        "X MiB": of_X / 2**20,
        "beyond MiB": beyond / 2**20,
        "beyond / X": beyond / of_X,
        "goal": goal,
        "F1": found,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="*", type=int, default=[100_000, 1_000_000])
    parser.add_argument("--columns", nargs="*", type=int, default=[32])
    parser.add_argument("--dtypes", nargs="*", default=["float32", "float64"])
    parser.add_argument("--spotlights", type=int, default=1)
    parser.add_argument("--child", nargs=5, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        n_rows, n_features, dtype, size, n_spotlights = args.child
        child(int(n_rows), int(n_features), np.dtype(dtype), size, int(n_spotlights))
        return
    rows = [
        measure(n, d, dtype, size, args.spotlights)
        for n in args.rows
        for d in args.columns
        for dtype in args.dtypes
        for size in ("auto", "0.02")
    ]
    print_table(rows)


if __name__ == "__main__":
    main()

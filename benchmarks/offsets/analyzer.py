"""What an analysis costs: the literal reference of the source document against skaudit.

The reference is lean: numpy arrays, quantile segments, one `scipy.optimize.minimize` a segment,
profile limits by root finding; no tests, no checks. `core` is skaudit's arithmetic from logits to
all tests; `fit` a whole `IncrementalFeatureAnalyzer.fit` with checks, frames and a score column.
CPU time on one thread, turns in alternation in one process; offsets and limits have to agree.
"""

import argparse

import numpy as np
import pandas as pd
from scipy.optimize import brentq, minimize
from scipy.special import expit, logit

from skaudit import IncrementalFeatureAnalyzer, ScoreColumn
from skaudit.offsets._analysis import Problem, analyse_feature
from skaudit.offsets._cells import make_grid
from skaudit.offsets._feature import Segmenter, read_feature
from skaudit.offsets._growing_score import GrowingScore
from skaudit.offsets._recalibration import fit_recalibration

from ..clock import cpu_times
from ..tables import print_table, verdict

N_SEGMENTS = 10
GOALS = {"core": 8.0, "fit": 2.0, "fit, each of many": 5.0}
# minimize stops at a gradient of 1e-5; the limits of a segment follow its offset.
TOLERANCE = 1e-3


def make_case(n_rows, n_features, seed=0):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n_rows, n_features))
    z = 1.2 * rng.normal(size=n_rows) - 1
    y = (rng.random(n_rows) < expit(z + 0.1 * features[:, 0])).astype(np.int64)
    return features, expit(z), y


def reference(feature, score, y):
    """Offset and limits of each segment, shape (N_SEGMENTS, 3)."""
    edges = np.quantile(feature, np.arange(1, N_SEGMENTS) / N_SEGMENTS)
    segment = np.searchsorted(edges, feature, side="right")
    z = logit(score)
    found = []
    for j in range(N_SEGMENTS):
        inside = segment == j
        zj, yj = z[inside], y[inside]

        def loss(a, zj=zj, yj=yj):
            p = expit(zj + a)
            return -np.sum(yj * np.log(p) + (1 - yj) * np.log1p(-p))

        best = minimize(lambda a, loss=loss: loss(a[0]), [0.0])
        offset = best.x[0]
        p = expit(zj + offset)
        reach = 8 / np.sqrt(np.sum(p * (1 - p)))

        def height(a, loss=loss, floor=best.fun):
            return 2 * (loss(a) - floor) - 3.841458820694124

        limits = brentq(height, offset - reach, offset), brentq(height, offset, offset + reach)
        found.append((offset, *limits))
    return np.array(found)


def core(feature, score, y):
    fold = np.random.default_rng(0).integers(0, 5, len(y), dtype=np.uint8)
    grid = make_grid(logit(score), y, None, fold=fold, n_folds=5)
    problem = Problem(grid, fit_recalibration(grid, "spline"), False, 0.95, True)
    column = read_feature(feature[:, None], 0, "x")
    _, table = analyse_feature(column, 0, Segmenter({0: "quantile"}, N_SEGMENTS, 20), problem)
    return _offsets(table)


def fit(X, y):
    return IncrementalFeatureAnalyzer(ScoreColumn(-1)).fit(X, y).segment_table_


def measure_growth(n_rows, n_features, budget):
    """One feature added to the score and the others tested anew, over whole fits of the others."""
    features, score, y = make_case(n_rows, n_features)
    frame = pd.DataFrame(features).add_prefix("x")
    others = np.column_stack([features[:, 1:], score])

    def add_and_test():
        growing = GrowingScore(frame, score, y == 1, None)
        growing.add("x0")
        return [growing.p_value(name) for name in frame.columns[1:]]

    seconds, _ = cpu_times({"a fit": lambda: fit(others, y), "added": add_and_test}, budget)
    return {
        "rows": n_rows,
        "features": n_features,
        "a fit of the others s": seconds["a fit"],
        "one added, the others tested s": seconds["added"],
        "speed-up": seconds["a fit"] / seconds["added"],
    }


def _offsets(table):
    return np.column_stack([table[name] for name in ("offset", "offset_lower", "offset_upper")])


def measure(n_rows, n_many, budget):
    features, score, y = make_case(n_rows, n_many)
    one = np.column_stack([features[:, 0], score])
    many = np.column_stack([features, score])
    works = {
        "reference": lambda: reference(features[:, 0], score, y),
        "core": lambda: core(features[:, 0], score, y),
        "fit": lambda: _offsets(fit(one, y)),
    }
    seconds, results = cpu_times(works, budget)
    shared, tables = cpu_times({"many": lambda: fit(many, y)}, 0)
    seconds["fit, each of many"] = shared["many"] / n_many
    results["fit, each of many"] = _offsets(tables["many"].query("feature == 'x0'"))
    for name, goal in GOALS.items():
        speed = seconds["reference"] / seconds[name]
        error = np.abs(results[name] - results["reference"]).max()
        yield {
            "rows": n_rows,
            "features": n_many if "many" in name else 1,
            "skaudit": name,
            "reference s": seconds["reference"],
            "s": seconds[name],
            "speed-up": speed,
            "goal": goal,
            "verdict": verdict(speed >= goal and error < TOLERANCE),
            "largest difference": error,
        }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--many", type=int, default=50)
    parser.add_argument("--budget", type=float, default=20.0, help="seconds for a single feature")
    options = parser.parse_args()
    print_table(list(measure(options.rows, options.many, options.budget)))
    sizes = (options.rows // 20, 30), (options.rows, 10)
    growth = [measure_growth(*size, options.budget) for size in sizes]
    print_table(growth, "A score that features join")

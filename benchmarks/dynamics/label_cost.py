"""What judging labels costs: CPU time for given probabilities, over that of cleanlab's choice.

`marks` chooses the rows that count for wrong, as `label_issues` does; `test` is the test whether
there is more noise than the probabilities explain, as an audit makes it; `least` finds the share of
wrong labels that this test would have found, which an audit tells beside it.
"""

import argparse
from functools import partial

import numpy as np

from skaudit.dynamics._label_issues import find_issues, find_noise
from skaudit.report._detectable import detectable_noise

from ..clock import cpu_times
from ..tables import print_table, silence
from .competitors import cleanlab_scores


def draw_labels(n_rows, n_classes, noise=0.05, seed=0):
    """Class probabilities, and labels drawn from them of which some are random."""
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.full(n_classes, 0.2), n_rows)
    codes = (rng.random((n_rows, 1)) > proba.cumsum(axis=1)[:, :-1]).sum(axis=1)
    random = rng.random(n_rows) < noise
    codes[random] = rng.integers(0, n_classes, random.sum())
    return codes, proba


def measure(n_rows, n_classes, budget):
    """A row of the table."""
    codes, proba = draw_labels(n_rows, n_classes)
    works = {
        "cleanlab": partial(cleanlab_scores.is_issue, codes, proba),
        "marks": partial(find_issues, codes, proba),
        "test": partial(find_noise, codes, proba, np.ones(n_rows)),
        "least": partial(detectable_noise, proba, 1e-3),
    }
    seconds, _ = cpu_times(works, budget)
    row = {"rows": n_rows, "classes": n_classes}
    row |= {f"{name} s": seconds[name] for name in works}
    competitor = seconds.pop("cleanlab")
    return row | {f"{name} / cleanlab": spent / competitor for name, spent in seconds.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="*", type=int, default=[50_000, 500_000])
    parser.add_argument("--classes", nargs="*", type=int, default=[2, 10])
    parser.add_argument("--seconds", type=float, default=5, help="CPU time for a size")
    args = parser.parse_args()
    silence()
    print_table([measure(n, k, args.seconds) for n in args.rows for k in args.classes])


if __name__ == "__main__":
    main()

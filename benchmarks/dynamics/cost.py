"""What recording costs: CPU time of a data map over that of training alone, and how it grows.

Every competitor trains the same learner on the same rows in the same orders; `skaudit` is a whole
`fit` with its checks and its frame. The answers are checked against the literal definitions.
"""

import argparse
from functools import partial

import numpy as np
from sklearn.linear_model import SGDClassifier
from sklearn.neural_network import MLPClassifier

from ..clock import cpu_times
from ..tables import print_table, silence, verdict
from ._common import (
    GRATITUDE,
    Case,
    dense_case_data,
    find_goemotions,
    largest_error,
    literal_answer,
    text_matrix,
)
from .competitors import bare_loop, raw_product_loop, skaudit_map, tutorial

COMPETITORS = (bare_loop, raw_product_loop, tutorial, skaudit_map)
TOLERANCE = 1e-6
GOALS = {"text2": 1.20, "text2-balanced": 1.20, "dense": 1.10}


def sgd():
    return SGDClassifier(loss="log_loss")


def text_case(name, folder, *, balanced=False, n_classes=2):
    """GoEmotions: 'gratitude' or not, or the first of the 28 labels."""
    X, labels = text_matrix(folder)
    if n_classes == 2:
        y = np.array([GRATITUDE in row for row in labels], dtype=np.int64)
    else:
        y = np.array([row[0] for row in labels], dtype=np.int64)
    return Case(name, X, y, sgd(), balanced=balanced)


def dense_case(name, n_rows, learner, *, n_epochs=10, dtype=np.float64):
    X, y = dense_case_data(n_rows, 20, dtype=dtype)
    return Case(name, X, y, learner, n_epochs=n_epochs)


def mlp():
    return MLPClassifier((32,))


CASES = {
    "text2": lambda name, folder: text_case(name, folder),
    "text2-balanced": lambda name, folder: text_case(name, folder, balanced=True),
    "dense": lambda name, folder: dense_case(name, 300_000, sgd()),
    "dense32": lambda name, folder: dense_case(name, 300_000, sgd(), dtype=np.float32),
    "mlp": lambda name, folder: dense_case(name, 100_000, mlp()),
    "text28": lambda name, folder: text_case(name, folder, n_classes=28),
}


def compete(case, budget):
    """CPU seconds and answers of all competitors, two dicts."""
    return cpu_times({module.NAME: partial(module.run, case) for module in COMPETITORS}, budget)


def measure(case, budget):
    """A row of the table for each competitor."""
    times, answers = compete(case, budget)
    reference = literal_answer(case)
    rows = []
    for name, seconds in times.items():
        row = {
            "case": case.name,
            "competitor": name,
            "CPU s": seconds,
            "/ bare loop": seconds / times[bare_loop.NAME],
            "confidence off by": "-",
            "variability off by": "-",
            "correctness unequal": "-",
            "answer": "-",
            "goal": "-",
        }
        if answers[name] is not None:
            confidence, variability, unequal = largest_error(answers[name], reference)
            row["confidence off by"] = f"{confidence:.1e}"
            row["variability off by"] = f"{variability:.1e}"
            row["correctness unequal"] = f"{unequal:.2%}"
            right = max(confidence, variability, unequal) < TOLERANCE
            row["answer"] = "right" if right else "WRONG"
        if name == skaudit_map.NAME and case.name in GOALS:
            goal = GOALS[case.name]
            row["goal"] = f"<= {goal:.2f} {verdict(row['/ bare loop'] <= goal)}"
        rows.append(row)
    return rows


def growth(cases, budget):
    """How the time beyond the bare loop grows, a row a case."""
    rows = []
    for case in cases:
        times, _ = compete(case, budget)
        floor = times[bare_loop.NAME]
        row = {"rows": len(case.y), "epochs": case.n_epochs, "bare loop s": floor}
        for module in COMPETITORS[1:]:
            beyond = times[module.NAME] - floor
            row[f"{module.NAME} ratio"] = times[module.NAME] / floor
            row[f"{module.NAME} ns/row/epoch"] = round(
                beyond / len(case.y) / case.n_epochs * 1e9, 1
            )
        rows.append(row)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--goemotions", help="folder with train.tsv.gz")
    parser.add_argument("--cases", nargs="*", choices=CASES, default=list(CASES))
    parser.add_argument(
        "--seconds", type=float, default=30, help="CPU time for a case; the least time counts"
    )
    parser.add_argument("--growth", action="store_true", help="also vary epochs and rows")
    args = parser.parse_args()
    silence()
    folder = find_goemotions(args.goemotions)
    for name in args.cases:
        case = CASES[name](name, folder)
        print_table(measure(case, args.seconds))
        print()
    if args.growth:
        epochs = [dense_case("", 100_000, sgd(), n_epochs=n) for n in (1, 3, 10, 30, 100)]
        print_table(growth(epochs, args.seconds), "More epochs, dense x 20")
        rows = [dense_case("", n, sgd()) for n in (1_000, 10_000, 100_000, 1_000_000)]
        print_table(growth(rows, args.seconds), "More rows, dense x 20")


if __name__ == "__main__":
    main()

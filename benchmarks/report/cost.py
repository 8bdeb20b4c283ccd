"""CPU time of an audit over that of cross-validating its model on the same folds and epochs.

Cross-validating is scikit-learn's `cross_val_predict`. Learners with `partial_fit` make 20 passes
over each fold instead, a network too, which an audit left the choice would give more.

An audit also does the work of the three rooms: the choice of wrong labels, the test for noise and
the noise that it would find; a column at a time what it says beyond the score, then beyond the
columns before it; regions, from where the rows lie to what tells them apart. What this takes is
stated here a room and, against competitors or a fit, in the benchmarks of the rooms. It is taken
off; what is left is what the goal is for. The ratio is the median of some turns.
"""

import argparse
import time
from contextlib import contextmanager

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from skaudit import audit
from skaudit.dynamics import _results
from skaudit.report import _audit, _detectable

from ..clock import cpu_time
from ..tables import print_table, silence, verdict

GOAL = 1.3
N_PASSES, N_SNAPSHOTS = 20, 10
ROOMS = {
    "labels": [
        (_results, "find_issues"),
        (_audit, "find_noise"),
        (_detectable, "detectable_noise"),
    ],
    "columns": [(_audit, "analyse_columns"), (_audit, "without_repetition")],
    "regions": [(_audit, "find_embeddings"), (_audit, "find_regions"), (_audit, "word_regions")],
}
MODELS = {
    "boosting": HistGradientBoostingClassifier(max_iter=100, early_stopping=False),
    "forest": RandomForestClassifier(50, min_samples_leaf=5, random_state=0),
    "linear, lbfgs": make_pipeline(StandardScaler(), LogisticRegression()),
    "linear, sgd": make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", average=True)),
    "network": make_pipeline(StandardScaler(), MLPClassifier((32,))),
}


def make_rows(n_rows, n_columns):
    """A frame and labels of two classes, some of them wrong."""
    X, y = make_classification(
        n_rows, n_columns, n_informative=n_columns // 3, flip_y=0.05, random_state=0
    )
    return pd.DataFrame(X).add_prefix("x"), y


def cross_validate(model, X, y, folds):
    """Held-out probabilities of models trained for the epochs of an audit."""
    learner = last_step(model)
    if not hasattr(learner, "partial_fit"):
        return cross_val_predict(model, X, y, cv=folds, method="predict_proba")
    proba = np.empty((len(y), 2))
    for train, test in folds:
        fitted = clone(model)
        X_train = fitted[:-1].fit_transform(X.iloc[train])
        for _ in range(N_PASSES):
            fitted[-1].partial_fit(X_train, y[train], classes=[0, 1])
        proba[test] = fitted.predict_proba(X.iloc[test])
    return proba


def last_step(model):
    return model[-1] if hasattr(model, "steps") else model


@contextmanager
def clocked(rooms):
    """CPU seconds spent in the functions of each room, a dict; none of them calls another."""
    spent = dict.fromkeys(rooms, 0.0)
    originals = [(room, module, name) for room, names in rooms.items() for module, name in names]
    originals = [(*place, getattr(*place[1:])) for place in originals]

    def timed(room, function):
        def run_and_count(*args, **params):
            start = time.process_time()
            result = function(*args, **params)
            spent[room] += time.process_time() - start
            return result

        return run_and_count

    for room, module, name, function in originals:
        setattr(module, name, timed(room, function))
    try:
        yield spent
    finally:
        for _, module, name, function in originals:
            setattr(module, name, function)


def measure(name, X, y, repetitions):
    """A row of the table."""
    model = MODELS[name]
    folds = list(StratifiedKFold(5, shuffle=True, random_state=0).split(X, y))
    n_epochs = N_PASSES if hasattr(last_step(model), "partial_fit") else N_SNAPSHOTS
    turns = []
    for _ in range(repetitions):
        # On either side of the audit, so that a slow spell of the machine meets both.
        before, _ = cpu_time(lambda: cross_validate(model, X, y, folds))
        with clocked(ROOMS) as spent:
            whole, _ = cpu_time(lambda: audit(model, X, y, cv=folds, n_epochs=n_epochs))
        after, _ = cpu_time(lambda: cross_validate(model, X, y, folds))
        turns.append([(before + after) / 2, whole, *spent.values(), whole - sum(spent.values())])
    baselines, *_, rests = np.transpose(turns)
    ratio = float(np.median(rests / baselines))
    stages = ["cross-validation", "audit", *ROOMS, "rest"]
    row = {"model": name}
    row |= {
        f"{stage} s": float(least)
        for stage, least in zip(stages, np.min(turns, axis=0), strict=True)
    }
    return row | {
        "rest / cross-validation": ratio,
        "goal": f"<= {GOAL} {verdict(ratio <= GOAL)}",
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--repetitions", type=int, default=3)
    args = parser.parse_args()
    silence()
    X, y = make_rows(args.rows, args.columns)
    with threadpool_limits(limits=1):
        print_table([measure(name, X, y, args.repetitions) for name in args.models])


if __name__ == "__main__":
    main()

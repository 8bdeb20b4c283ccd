"""CPU time of an audit over that of cross-validating its model on the same folds and epochs.

Learners with `partial_fit` make 20 passes, a network too, which an audit left the choice would give
more. Others are fitted once a fold: so does the audit, but for logistic regression that has not
converged in a tenth of its iterations.

The audit also does what the rooms do and their benchmarks state: `SpotlightFinder` with its
permutations in each embedding, `IncrementalFeatureAnalyzer` on all columns, `GrowingScore` on those
that say more than the score, the choice of wrong labels and the test for noise in them. The time in
them is taken off; what is left is what the goal is for. The ratio is the median of some turns.
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
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from skaudit import IncrementalFeatureAnalyzer, SpotlightFinder, audit
from skaudit.dynamics import _results
from skaudit.offsets._growing_score import GrowingScore
from skaudit.report import _audit

from ..clock import cpu_time
from ..tables import print_table, silence, verdict

GOAL = 1.3
N_PASSES, N_SNAPSHOTS = 20, 10
ROOMS = [
    (SpotlightFinder, "fit"),
    (IncrementalFeatureAnalyzer, "fit"),
    (GrowingScore, "__init__"),
    (GrowingScore, "add"),
    (GrowingScore, "p_value"),
    (_results, "find_issues"),
    (_audit, "find_noise"),
]
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
    proba = np.empty((len(y), 2))
    for train, test in folds:
        fitted, X_train, X_test = clone(model), X.iloc[train], X.iloc[test]
        learner = fitted
        if hasattr(fitted, "steps"):
            X_train = fitted[:-1].fit_transform(X_train)
            X_test = fitted[:-1].transform(X_test)
            learner = fitted[-1]
        if hasattr(learner, "partial_fit"):
            for _ in range(N_PASSES):
                learner.partial_fit(X_train, y[train], classes=[0, 1])
        else:
            learner.fit(X_train, y[train])
        proba[test] = learner.predict_proba(X_test)
    return proba


@contextmanager
def clocked(methods):
    """CPU seconds spent in functions of classes and modules, none in another; a list of one."""
    spent, originals = [0.0], [(owner, name, getattr(owner, name)) for owner, name in methods]

    def timed(method):
        def run_and_count(*args, **params):
            start = time.process_time()
            result = method(*args, **params)
            spent[0] += time.process_time() - start
            return result

        return run_and_count

    for owner, name, method in originals:
        setattr(owner, name, timed(method))
    yield spent
    for owner, name, method in originals:
        setattr(owner, name, method)


def measure(name, X, y, repetitions):
    """A row of the table."""
    model = MODELS[name]
    folds = list(StratifiedKFold(5, shuffle=True, random_state=0).split(X, y))
    learner = model[-1] if hasattr(model, "steps") else model
    n_epochs = N_PASSES if hasattr(learner, "partial_fit") else N_SNAPSHOTS
    baselines, wholes, rests = [], [], []
    for _ in range(repetitions):
        # On either side of the audit, so that a slow spell of the machine meets both.
        before, _ = cpu_time(lambda: cross_validate(model, X, y, folds))
        with clocked(ROOMS) as spent:
            whole, _ = cpu_time(lambda: audit(model, X, y, cv=folds, n_epochs=n_epochs))
        after, _ = cpu_time(lambda: cross_validate(model, X, y, folds))
        baselines.append((before + after) / 2)
        wholes.append(whole)
        rests.append(whole - spent[0])
    ratio = float(np.median(np.divide(rests, baselines)))
    return {
        "model": name,
        "cross-validation s": min(baselines),
        "audit s": min(wholes),
        "rest s": min(rests),
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

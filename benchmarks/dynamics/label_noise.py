"""Finding wrong labels: average precision of the ranking and F1 of the marks, against cleanlab's.

A cell is a learner on a data set. Labels of a known share of its rows are made wrong; skaudit maps
the rows held out (`cv`), cleanlab gets held-out class probabilities of the same learner on the same
folds, trained by a loop of this file that knows nothing of skaudit.
"""

import argparse
import csv
from functools import partial

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, make_classification
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import average_precision_score, f1_score
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skaudit import DataMapClassifier
from skaudit.datasets import make_noisy_labels

from ..tables import print_table, silence, verdict
from ._common import find_goemotions, read_goemotions, sparse_stand_in
from .competitors import cleanlab_scores

N_EPOCHS = 10
N_FOLDS = 3
EMOTIONS = (1, 2, 7, 15, 25)  # amusement, anger, curiosity, gratitude, sadness
GOAL_GAIN, GOAL_WORST = 0.05, 0.5


def breast_cancer(folder):
    return load_breast_cancer(return_X_y=True)


def digits(folder):
    return load_digits(return_X_y=True)


def four_classes(folder):
    return make_classification(
        2_000,
        20,
        n_informative=8,
        n_classes=4,
        n_clusters_per_class=2,
        class_sep=1.5,
        flip_y=0,
        random_state=0,
    )


def imbalanced(folder):
    return make_classification(
        3_000, 20, n_informative=6, weights=[0.9], class_sep=1.5, flip_y=0, random_state=0
    )


def emotions(folder):
    """Comments with one label, which is one of five, as TF-IDF."""
    if folder is None:
        X, labels = sparse_stand_in(6_000, 60_000, len(EMOTIONS))
        return X, np.array([row[0] for row in labels])
    texts, labels = read_goemotions(folder)
    rows = [i for i, row in enumerate(labels) if len(row) == 1 and row[0] in EMOTIONS]
    X = TfidfVectorizer(ngram_range=(1, 2), min_df=2).fit_transform([texts[i] for i in rows])
    return X, np.array([EMOTIONS.index(labels[i][0]) for i in rows])


def sgd():
    return make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss"))


def text_sgd():
    return SGDClassifier(loss="log_loss")


def mlp():
    return make_pipeline(StandardScaler(), MLPClassifier((64,), learning_rate_init=0.01))


def text_mlp():
    return MLPClassifier((32,), learning_rate_init=0.01)


def forest():
    return RandomForestClassifier(100)


def boosting():
    return HistGradientBoostingClassifier(max_iter=50)


CELLS = {
    "sgd/breast": (sgd, breast_cancer),
    "sgd/digits": (sgd, digits),
    "sgd/synthetic4": (sgd, four_classes),
    "sgd/imbalanced": (sgd, imbalanced),
    "sgd/emotions": (text_sgd, emotions),
    "mlp/breast": (mlp, breast_cancer),
    "mlp/digits": (mlp, digits),
    "mlp/synthetic4": (mlp, four_classes),
    "mlp/imbalanced": (mlp, imbalanced),
    "mlp/emotions": (text_mlp, emotions),
    "forest/digits": (forest, digits),
    "forest/imbalanced": (forest, imbalanced),
    "boosting/synthetic4": (boosting, four_classes),
}
NOISES = (
    ("symmetric", 0.05),
    ("symmetric", 0.1),
    ("symmetric", 0.2),
    ("class-dependent", 0.1),
    ("hard-region", 0.1),
    ("clean", 0.0),
)


def held_out_epochs(learner, X, codes, folds, seed):
    """Class probabilities of rows when held out, after each epoch, (n_epochs, n, n_classes)."""
    proba = np.zeros((N_EPOCHS, len(codes), codes.max() + 1))
    for number, (train, test) in enumerate(folds):
        rng = np.random.RandomState(1_000 * seed + number)
        for epoch, part in enumerate(_epochs(clone(learner), X[train], codes[train], X[test], rng)):
            proba[epoch, test] = part
    return proba


def _epochs(learner, X, codes, X_test, rng):
    """Train, and yield the probabilities of the test rows after each epoch."""
    steps, last = [], learner
    if hasattr(learner, "steps"):
        *steps, last = [step for _, step in learner.steps]
    for step in steps:
        X, X_test = step.fit_transform(X), step.transform(X_test)
    last.set_params(random_state=rng)
    if hasattr(last, "partial_fit"):
        for _ in range(N_EPOCHS):
            last.partial_fit(X, codes, classes=np.unique(codes))
            yield last.predict_proba(X_test)
    elif hasattr(last, "staged_predict_proba"):
        stages = list(last.fit(X, codes).staged_predict_proba(X_test))
        for k in range(1, N_EPOCHS + 1):
            yield stages[len(stages) * k // N_EPOCHS - 1]
    else:
        votes = [tree.predict_proba(X_test) for tree in last.fit(X, codes).estimators_]
        for k in range(1, N_EPOCHS + 1):
            yield np.mean(votes[: len(votes) * k // N_EPOCHS], axis=0)


def best_window(proba, codes):
    """Mean probabilities of the third of the epochs with the best held-out accuracy."""
    accuracy = (proba.argmax(axis=2) == codes).mean(axis=1)
    best = np.argsort(-accuracy, kind="stable")[: round(len(accuracy) / 3)]
    return proba[best].mean(axis=0)


def run_once(cell, noise, rate, seed, folder):
    """One experiment: a dict of its scores."""
    silence()
    make, load = CELLS[cell]
    X, y = load(folder)
    wrong = np.zeros(len(y), dtype=bool)
    given = y
    if noise != "clean":
        dense = X if isinstance(X, np.ndarray) else _reduced(X)
        given, wrong = make_noisy_labels(y, X=dense, kind=noise, rate=rate, random_state=seed)
    folds = list(StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed + 100).split(X, given))
    learner = make()
    model = DataMapClassifier(learner, n_epochs=N_EPOCHS, cv=folds, random_state=seed)
    issues = model.fit(X, given).label_issues().sort_index()
    in_sample = DataMapClassifier(learner, n_epochs=N_EPOCHS, random_state=seed).fit(X, given)
    proba = held_out_epochs(learner, X, given, folds, seed)
    last, window = proba[-1], best_window(proba, given)
    quality = {
        "AP": issues["label_quality"].to_numpy(),
        "AP cleanlab": cleanlab_scores.label_quality(given, last),
        "AP in-sample": in_sample.data_map_["confidence"].to_numpy(),
    }
    marked = {
        "F1": issues["is_issue"].to_numpy(),
        "F1 cleanlab": cleanlab_scores.is_issue(given, last),
        "F1 cleanlab, window": cleanlab_scores.is_issue(given, window),
    }
    row = {"cell": cell, "noise": noise, "rate": rate, "seed": seed}
    for name, values in quality.items():
        row[name] = average_precision_score(wrong, -values) if wrong.any() else np.nan
    for name, values in marked.items():
        row[name] = f1_score(wrong, values) if wrong.any() else np.nan
        row[name.replace("F1", "marked")] = values.mean()
    row["error"] = (window.argmax(axis=1) != y).mean()
    return row


def _reduced(X):
    """A few dense columns of a sparse matrix, for the model that finds its hard region."""
    from sklearn.decomposition import TruncatedSVD

    return TruncatedSVD(50, random_state=0).fit_transform(X)


SCORES = ("AP", "AP cleanlab", "AP in-sample", "F1", "F1 cleanlab", "F1 cleanlab, window")


def means(rows, *keys):
    """Means of the scores over the rows that agree in the keys."""
    table = []
    for group in dict.fromkeys(tuple(row[key] for key in keys) for row in rows):
        members = [row for row in rows if tuple(row[key] for key in keys) == group]
        line = dict(zip(keys, group, strict=True))
        line |= {name: float(np.mean([row[name] for row in members])) for name in SCORES}
        table.append(line)
    return table


def report(rows):
    """Print the tables and the goals."""
    symmetric = [row for row in rows if row["noise"] == "symmetric"]
    for noise in dict.fromkeys(row["noise"] for row in rows):
        some = [row for row in rows if row["noise"] == noise]
        if noise == "clean":
            print_table(_clean(some), "Clean labels: share of the rows that is marked")
        else:
            table = means(some, "cell")
            table.append({"cell": "mean"} | {k: np.mean([t[k] for t in table]) for k in SCORES})
            print_table(table, f"{noise} noise, mean over rates and seeds")
    if symmetric:
        print_table(means(symmetric, "rate"), "symmetric noise by rate")
        print_table(_goals(symmetric), "Goals (symmetric noise)")


def _clean(rows):
    names = ["marked", "marked cleanlab", "marked cleanlab, window", "error"]
    return [
        {"cell": cell}
        | {name: np.mean([row[name] for row in rows if row["cell"] == cell]) for name in names}
        for cell in dict.fromkeys(row["cell"] for row in rows)
    ]


def _goals(rows):
    cells = means(rows, "cell")
    gain = np.mean([cell["AP"] - cell["AP cleanlab"] for cell in cells])
    goals = [
        {
            "goal": f"mean gain of AP over cleanlab's >= {GOAL_GAIN}",
            "found": f"{gain:.3f}",
            "": verdict(gain >= GOAL_GAIN),
        }
    ]
    tenth = means([row for row in rows if row["rate"] == 0.1], "cell")
    if tenth:
        worst = min(tenth, key=lambda cell: cell["AP"])
        goals.append(
            {
                "goal": f"AP of each cell at 10 % flips >= {GOAL_WORST}",
                "found": f"{worst['AP']:.3f} {worst['cell']}",
                "": verdict(worst["AP"] >= GOAL_WORST),
            }
        )
    for rival in ("F1 cleanlab", "F1 cleanlab, window"):
        short = min(cells, key=lambda cell: cell["F1"] - cell[rival])
        goals.append(
            {
                "goal": f"F1 of each cell >= {rival}",
                "found": f"least gain {short['F1'] - short[rival]:.3f} {short['cell']}",
                "": verdict(short["F1"] >= short[rival]),
            }
        )
    return goals


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--goemotions", help="folder with train.tsv.gz")
    parser.add_argument("--cells", nargs="*", choices=CELLS, default=list(CELLS))
    parser.add_argument("--noises", nargs="*", choices=sorted({noise for noise, _ in NOISES}))
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds")
    parser.add_argument("--jobs", type=int, default=1, help="experiments at a time")
    parser.add_argument("--csv", help="file for the scores of each experiment")
    args = parser.parse_args()
    folder = find_goemotions(args.goemotions)
    if folder is None:
        print("GoEmotions is not there (--goemotions): a synthetic sparse matrix stands in for it.")
    once = delayed(partial(run_once, folder=folder))
    rows = Parallel(n_jobs=args.jobs)(
        once(cell, noise, rate, seed)
        for cell in args.cells
        for noise, rate in NOISES
        if args.noises is None or noise in args.noises
        # Of two classes one loses all the wrong rows, which may be as many as the small one has.
        if not (noise == "class-dependent" and cell.endswith("/imbalanced"))
        for seed in range(args.seeds)
    )
    if args.csv:
        with open(args.csv, "w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    report(rows)


if __name__ == "__main__":
    main()

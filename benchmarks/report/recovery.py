"""What an audit finds of the problems planted in `make_customers`, and in tables without any.

Competitors get the same held-out probabilities and losses: cleanlab's choice of wrong labels, and
for the region the leaf of a regression tree on the loss with the highest mean, and of 60 clusters
of k-means that with the highest mean, all in the embedding of the table.
"""

import argparse

import numpy as np
from scipy.special import expit
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from threadpoolctl import threadpool_limits

from skaudit import audit
from skaudit.datasets import make_customers

from ..dynamics.competitors import cleanlab_scores
from ..spotlight._common import f1
from ..spotlight._geometries import Case
from ..spotlight.competitors import kmeans, loss_tree
from ..tables import print_table, silence

VIEW = "the table"
CHANCE = {
    "audited with the default model": None,
    "with logistic regression": LogisticRegression(),
    "with a forest": RandomForestClassifier(100, min_samples_leaf=5, random_state=0),
    "with nearest neighbours": KNeighborsClassifier(5),
}


def measure(seed, n_rows):
    """A row of the table of tables with problems."""
    data = make_customers(n_rows, random_state=seed)
    report = audit(None, data.frame, data.y, features=[data.withheld], random_state=seed)
    wrong = (data.y != data.y_true).to_numpy()
    marked = report.label_issues_["is_issue"].reindex(data.frame.index).to_numpy()
    codes = report.proba_.columns.get_indexer(data.y)
    theirs = cleanlab_scores.is_issue(codes, report.proba_.to_numpy())
    kinds = report.findings_["kind"]
    regions = [report.rows(number) for number in np.flatnonzero(kinds == "spotlight")]
    features = report.findings_["column"].dropna()
    case = Case(
        "customers",
        report.embeddings_[VIEW],
        report.losses_.to_numpy(),
        np.where(data.region, 0, -1),
    )
    return {
        "seed": seed,
        "labels": "label_issues" in set(kinds),
        "precision": wrong[marked].mean(),
        "recall": marked[wrong].mean(),
        "F1": f1(marked, wrong),
        "cleanlab F1": f1(theirs, wrong),
        "region F1": max([f1(_mask(rows, n_rows), data.region) for rows in regions], default=0.0),
        "tree F1": f1(loss_tree.run(case, seed).members[:, 0], data.region),
        "k-means F1": f1(kmeans.run(case, seed).members[:, 0], data.region),
        "column": bool((features == data.withheld).any()),
        "other columns": int((features != data.withheld).sum()),
    }


def _mask(rows, n_rows):
    mask = np.zeros(n_rows, dtype=bool)
    mask[rows] = True
    return mask


def count_found(estimator, X, y, seed):
    """How many findings of each kind there are."""
    kinds = audit(estimator, X, y, random_state=seed).findings_["kind"]
    return {"seed": seed} | {
        kind: int((kinds == kind).sum())
        for kind in ("label_issues", "spotlight", "feature", "calibration")
    }


def audit_coins(seed, n_rows):
    """Labels are coins: whatever is found beside calibration is false."""
    y = np.random.default_rng(seed).choice(["left", "stayed"], n_rows)
    return count_found(None, make_customers(n_rows, random_state=seed).frame, y, seed)


def audit_chance(estimator, seed, n_rows):
    """Labels are draws of a logistic model: whatever is found beside calibration is false.

    But nearest neighbours make too little of the columns, which is told rightly.
    """
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 5))
    y = rng.random(n_rows) < expit(2.0 * X[:, 0] + X[:, 1])
    return count_found(estimator, X, y, seed)


def with_mean(rows):
    """The rows, and their means below."""
    means = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    return [*rows, means | {"seed": "mean"}]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--rows", type=int, default=4000)
    args = parser.parse_args()
    silence()
    with threadpool_limits(limits=1):
        print_table(with_mean([measure(seed, args.rows) for seed in range(args.seeds)]))
        coins = [audit_coins(seed, args.rows) for seed in range(args.seeds)]
        print_table(with_mean(coins), "Labels that are coins")
        for name, model in CHANCE.items():
            chance = [audit_chance(model, seed, args.rows) for seed in range(args.seeds)]
            print_table(with_mean(chance), f"Labels that are draws of a logistic model, {name}")


if __name__ == "__main__":
    main()

"""What the benchmarks of the spotlight share: answers and their scores, a CPU clock, tables."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

_LEAST_ROWS = 10


@dataclass
class Answer:
    """What a competitor found: regions in its own order, the first the one that it trusts most.

    `members` (n, n_found), bool: the rows of each region, of the size that the competitor chose;
    None where it chooses none. `score` (n, n_found): larger for rows deeper inside, so that the
    first S rows are the region of size S; None where the competitor ranks no rows.
    """

    members: np.ndarray | None
    score: np.ndarray | None


def top_rows(score, size):
    """The `size` rows with the largest scores, (n,), bool."""
    chosen = np.zeros(len(score), dtype=bool)
    chosen[np.argsort(-score, kind="stable")[:size]] = True
    return chosen


def f1(found, truth):
    """F1 of two sets of rows, each (n,), bool; 0 where nothing is found."""
    return 2.0 * np.sum(found & truth) / max(1, np.sum(found) + np.sum(truth))


def recovery(case, columns, n_looked=None):
    """Mean over the planted regions of the F1 of the best of the first columns found.

    `columns` (n, n_found), bool. As many columns are looked at as regions are planted, or
    `n_looked`.
    """
    numbers = range(case.region.max() + 1)
    looked = columns[:, : n_looked or len(numbers)].T
    return float(
        np.mean([max([f1(c, case.region == k) for c in looked], default=0.0) for k in numbers])
    )


def sized(case, score):
    """The rows of each column of scores at the true size of region 0, (n, n_found), bool."""
    return np.stack([top_rows(column, case.size) for column in score.T], axis=1)


def objective(X, loss, center, size):
    """sum k l / sum k at `center`, its precision such that sum k = size.

    The same yardstick for everyone: a root finder on the definition, in float64.
    """
    X = np.asarray(X, np.float64)
    distances = ((X - np.asarray(center, np.float64)) ** 2).sum(axis=1)

    def excess(log_tau):
        return np.maximum(1.0 - np.exp(log_tau) * distances, 0.0).sum() - size

    low, high = -np.log(distances.max()) - 50.0, -np.log(np.sort(distances)[:2].max()) + 5.0
    tau = np.exp(brentq(excess, low, high, xtol=1e-13))
    k = np.maximum(1.0 - tau * distances, 0.0)
    return float(k @ loss / k.sum())


def clustered(labels, score, loss):
    """An Answer of clusters, those with the highest mean loss first.

    Clusters of fewer than ten rows come last: single rows with high losses would win otherwise, and
    the finder has this least size too. `labels` (n,): the cluster of each row; `score`
    (n, n_clusters).
    """
    counts = np.bincount(labels, minlength=score.shape[1])
    means = np.bincount(labels, loss, minlength=score.shape[1]) / np.maximum(counts, 1)
    order = np.argsort(-np.where(counts >= _LEAST_ROWS, means, -np.inf), kind="stable")
    return Answer(labels[:, None] == order, score[:, order])

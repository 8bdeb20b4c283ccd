"""Whether a spotlight is chance: the statistic against that of permuted losses."""

import numpy as np
from joblib import effective_n_jobs
from sklearn.utils.parallel import Parallel, delayed

_TASKS = 2  # permutations for each job between two looks at whether to stop


def permutation_p_value(statistic_of, n_rows, observed, n_permutations, alpha, seeds, n_jobs):
    """The p-value of a statistic under permutations of the losses.

    Parameters
    ----------
    statistic_of : callable
        `statistic_of(order)` is the statistic of the whole search with the losses in that order.
    observed : float
    seeds : ndarray of shape (n_permutations,)
        One for each permutation, so that the result does not depend on `n_jobs`.

    Returns
    -------
    p_value : float
        (1 + exceedances) / (1 + n_permutations), or exceedances / permutations where these stop
        early because p <= alpha is out of reach (Besag and Clifford's sequential p-value).
    null : ndarray of shape (m,)
        The statistics of the permutations.
    """
    enough = int(alpha * (1 + n_permutations)) + 1
    null: list = []
    jobs = effective_n_jobs(n_jobs)
    batch_size = 1 if jobs == 1 else _TASKS * jobs
    with Parallel(n_jobs=n_jobs) as parallel:
        for start in range(0, n_permutations, batch_size):
            batch = seeds[start : start + batch_size]
            values = parallel(
                delayed(statistic_of)(np.random.RandomState(seed).permutation(n_rows))
                for seed in batch
            )
            for value in values:
                null.append(value)
                if np.sum(np.array(null) >= observed) >= enough:
                    return enough / len(null), np.array(null)
    exceedances = int(np.sum(np.array(null) >= observed))
    return (1 + exceedances) / (1 + n_permutations), np.array(null)


def gumbel_quantile(null, upper):
    """The value that a maximum like those of `null` exceeds with probability `upper`.

    The best of many regions is a maximum, and maxima have a Gumbel distribution: with the mean and
    the standard deviation of `null` it reaches beyond the few permutations there are.
    """
    center, scale = _gumbel(null)
    return center - scale * np.log(-np.log1p(-upper))


def gumbel_p_value(null, observed):
    """The probability that a maximum like those of `null` reaches `observed`."""
    center, scale = _gumbel(null)
    return float(-np.expm1(-np.exp(-(observed - center) / scale)))


def _gumbel(null):
    """Center and scale of the Gumbel distribution, by the mean and the standard deviation."""
    scale = null.std(ddof=1) * np.sqrt(6.0) / np.pi
    # Few permutations know both only so well. This makes a p-value of .001 right for 19 to 99 of
    # them (simulated: it would be true .003 to .0014 times), and larger ones a little too large.
    return null.mean() - np.euler_gamma * scale, scale * (1.0 + 4.0 / len(null))

"""Whether a spotlight is chance: permuted losses, and a search on one half measured on the other."""

import numpy as np
from sklearn.utils.parallel import Parallel, delayed

_BATCH = 16


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
    float
        (1 + exceedances) / (1 + n_permutations), or exceedances / permutations where these stop
        early because p <= alpha is out of reach (Besag and Clifford's sequential p-value).
    """
    enough = int(alpha * (1 + n_permutations)) + 1
    exceedances = 0
    with Parallel(n_jobs=n_jobs) as parallel:
        for start in range(0, n_permutations, _BATCH):
            batch = seeds[start : start + _BATCH]
            values = parallel(
                delayed(statistic_of)(np.random.RandomState(seed).permutation(n_rows))
                for seed in batch
            )
            for done, value in enumerate(values, start + 1):
                exceedances += value >= observed
                if exceedances >= enough:
                    return exceedances / done
    return (1 + exceedances) / (1 + n_permutations)

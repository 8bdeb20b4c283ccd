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
    float
        (1 + exceedances) / (1 + n_permutations), or exceedances / permutations where these stop
        early because p <= alpha is out of reach (Besag and Clifford's sequential p-value).
    """
    enough = int(alpha * (1 + n_permutations)) + 1
    exceedances = 0
    jobs = effective_n_jobs(n_jobs)
    batch_size = 1 if jobs == 1 else _TASKS * jobs
    with Parallel(n_jobs=n_jobs) as parallel:
        for start in range(0, n_permutations, batch_size):
            batch = seeds[start : start + batch_size]
            values = parallel(
                delayed(statistic_of)(np.random.RandomState(seed).permutation(n_rows))
                for seed in batch
            )
            for done, value in enumerate(values, start + 1):
                exceedances += value >= observed
                if exceedances >= enough:
                    return exceedances / done
    return (1 + exceedances) / (1 + n_permutations)

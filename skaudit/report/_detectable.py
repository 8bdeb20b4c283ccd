"""What an audit would have found: sizes of problems that its tests see 8 times out of 10."""

from functools import lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtri, chndtrinc
from scipy.stats import norm

from ..dynamics._label_issues import expected_statistic
from ..spotlight._significance import gumbel_quantile
from ._regions import ENOUGH

__all__ = ["detectable_gain", "detectable_noise", "detectable_sizes", "smallest_lift"]

_POWER = 0.8
_SHARES = (0.02, 0.05, 0.1)  # of the rows, of regions that could have been found
_NOISES = np.geomspace(1e-5, 0.5, 20).tolist()  # between which noise may be detected


def detectable_sizes(clean, offsets, views, losses, calibration, total, level):
    """What the audit would have found with a power of 80 %, a row a kind of problem.

    `clean` (n, n_classes) are the class probabilities without noise; `level` is that of the first
    finding where there is none yet.
    """
    import pandas as pd

    df = np.median([test.row.score_df for test in offsets.tests]) if offsets.tests else 0
    records = [
        ("label_issues", "share of wrong labels", detectable_noise(clean, level)),
        ("calibration", "gain, nats a row", detectable_gain(calibration["df"], level, total)),
    ]
    if df > 0:
        records.append(("feature", "gain, nats a row", detectable_gain(df, level, total)))
    for share in _SHARES:
        lifts = [smallest_lift(view, losses, share, level) for view in views]
        if np.isfinite(lifts).any():
            what = f"lift of a region of {share:.0%} of the rows"
            records.append(("spotlight", what, float(np.nanmin(lifts))))
    return pd.DataFrame(records, columns=["kind", "what", "detectable"])


def detectable_noise(proba, level):
    """The share of wrong labels that the test would find with a power of 80 %.

    `proba` (n, n_classes) is right but for the noise; NaN where no noise would be found.
    """
    statistic = lru_cache(lambda noise: expected_statistic(proba, noise))
    # What the floor of the test takes from sure probabilities looks like noise, and is none.
    wanted = statistic(_NOISES[0]) + (norm.isf(level) + norm.isf(1.0 - _POWER)) ** 2
    # Of much noise, flat probabilities explain a part: it is not the more the easier to find.
    # Every other size comes first; those between may hold the highest statistic.
    for high in [*range(2, len(_NOISES), 2), *range(1, len(_NOISES), 2)]:
        if statistic(_NOISES[high]) >= wanted:
            low = _NOISES[max(high - 2, 0)]
            found = brentq(lambda noise: statistic(noise) - wanted, low, _NOISES[high], rtol=0.01)
            return float(found * (proba.shape[1] - 1) / proba.shape[1])
    return np.nan


def detectable_gain(df, level, total):
    """The gain in nats a row that a chi-squared test would find with a power of 80 %."""
    noncentral = chndtrinc(chdtri(df, level), df, 1.0 - _POWER)
    return float(noncentral / (2.0 * total))


def smallest_lift(view, losses, share, level):
    """The lift with which a region of a share of the rows is told from chance, 8 times out of 10.

    The scan statistic is m (n - m) / n (difference of means)^2 / variance, the square of a normal
    variable of variance 1; it has to reach the quantile at a level of its maxima under
    permutations. NaN where there are too few of them.
    """
    evidence, losses = view.finder._evidence, losses[view.rows]
    null = np.concatenate([one["null"] for one in evidence]) if evidence else np.empty(0)
    if len(null) < ENOUGH or not losses.mean() > 0:
        return np.nan
    clipped = np.minimum(losses, view.finder.loss_clip * losses.mean())
    wanted = np.sqrt(gumbel_quantile(null, level)) + norm.isf(1.0 - _POWER)
    n_rows = evidence[0]["n_rows"]
    difference = wanted * np.sqrt(clipped.var() / (n_rows * share * (1.0 - share)))
    return float(1.0 + difference * (1.0 - share) / clipped.mean())

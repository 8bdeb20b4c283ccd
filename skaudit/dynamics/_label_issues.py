"""Which labels are likely wrong, and how many: confident-learning counts over a quality."""

import numpy as np


def best_third(accuracy):
    """The third of the epochs with the best accuracy, shape (n_epochs,) -> sorted positions."""
    count = max(1, round(len(accuracy) / 3))
    return np.sort(np.argsort(-np.asarray(accuracy), kind="stable")[:count])


def find_issues(codes, quality, proba):
    """Suggested labels and likely issues.

    Parameters
    ----------
    codes : ndarray of shape (n,)
        Positions of the given labels among the classes.
    quality : ndarray of shape (n,)
        How plausible the given label is; low is suspicious.
    proba : ndarray of shape (n, n_classes)
        Class probabilities of the rows, NaN where unknown.

    Returns
    -------
    suggested : ndarray of shape (n,)
        The most probable class.
    is_issue : ndarray of shape (n,), bool

    Notes
    -----
    The threshold of a class is the mean probability that its own rows get. A row counts as confidently of
    the most probable class whose threshold it reaches.
    """
    known = ~np.isnan(quality)
    suggested = codes.astype(np.intp)
    is_issue = np.zeros(len(codes), dtype=bool)
    return suggested, is_issue

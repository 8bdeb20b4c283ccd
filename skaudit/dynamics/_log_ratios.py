"""Probabilities as logarithms of their ratios to the largest of the row, a class a row.

In this layout sums over classes run along contiguous rows, and no power above 0 overflows.
"""

import numpy as np


def log_ratios(proba, floor):
    """Of probabilities of shape (n, n_classes), raised to a floor first; (n_classes, n), <= 0."""
    logs = np.log(np.maximum(np.ascontiguousarray(proba.T), floor, dtype=np.float64))
    return np.subtract(logs, logs.max(axis=0), out=logs)


def ratios_to_proba(ratios):
    """Probabilities of shape (n_classes, n) from logarithms of ratios, of any common factor."""
    odds = np.exp(ratios - ratios.max(axis=0))
    return np.divide(odds, odds.sum(axis=0), out=odds)

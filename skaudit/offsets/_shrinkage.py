"""Empirical-Bayes shrinkage of offsets, and what they gain on rows that they were not made from."""

from dataclasses import replace

import numpy as np

from ._cells import logistic_derivatives, spread
from ._segment_offsets import loss_rise, shrunk_offsets

__all__ = ["cross_fitted_gain", "recalibrated", "shrink", "variance_of_offsets"]


def recalibrated(cells, null):
    """Cells about the recalibrated logit instead of the base score's."""
    return _moved(cells, *_curve(cells, null))


def _curve(cells, null):
    """The recalibrated logit of each cell, and the powers of its slope, by which moments grow."""
    eta, slope = null.curve(cells.center)
    return eta, slope ** np.arange(len(cells.moments))[:, None]


def _moved(cells, eta, growth):
    return replace(cells, center=eta, moments=cells.moments * growth)


def variance_of_offsets(cells, n_fitted=0):
    """The moment estimate of the variance of the offsets between segments.

    tau^2 = (Q - df) / sum I, where Q = sum U^2 / I over the segments, U = sum w (y - p) and
    I = sum w p (1 - p) at offset 0, and df is their number less `n_fitted`; 0 unless Q is more than
    its standard deviation above df. Of many rare segments even chance differences are costly.

    Returns
    -------
    float
    """
    derivatives = logistic_derivatives(cells.center, len(cells.moments) + 2)
    score = cells.events - cells.sum(spread(cells.moments, derivatives))
    information = cells.sum(spread(cells.moments, derivatives[1:]))
    fourth = cells.sum(spread(cells.moments, derivatives[3:]))
    useful = information > 1e-12 * np.maximum(cells.mass, 0.0)
    score, information, fourth = score[useful], information[useful], fourth[useful]
    df = len(score) - n_fitted
    if df < 1:
        return 0.0
    excess = np.sum(score**2 / information) - df
    # U has the fourth cumulant `fourth`; it matters where segments have few rows.
    noise = np.sqrt(np.maximum(np.sum(2.0 + fourth / information**2), 0.0))
    return float(excess / information.sum()) if excess > noise else 0.0


def shrink(cells, n_fitted=0):
    """Shrunk offsets of the segments, shape (n_segments,), and the variance they assume."""
    variance = variance_of_offsets(cells, n_fitted)
    return shrunk_offsets(cells, variance), variance


def cross_fitted_gain(by_fold, n_folds, null, n_fitted):
    """Mean loss that shrunk offsets save on held-out rows, in nats a unit of weight.

    Parameters
    ----------
    by_fold : callable
        by_fold(f) returns the Cells outside of fold f and those in it.
    n_folds : int
    null : Recalibration
        What the offsets are added to.
    n_fitted : int
        Its number of coefficients that the segments could imitate: 1 with a constant, else 0.
    """
    saved = total = 0.0
    # All folds have the cells of all rows.
    curve = _curve(by_fold(0)[0], null)
    for f in range(n_folds):
        outside, inside = (_moved(cells, *curve) for cells in by_fold(f))
        offset, _ = shrink(outside, n_fitted)
        saved -= loss_rise(inside, offset, np.zeros_like(offset)).sum()
        total += inside.mass.sum()
    return float(saved / total)

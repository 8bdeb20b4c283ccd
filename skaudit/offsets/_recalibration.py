"""The score recalibrated, logit p = z + b(z) gamma: the null model of every test of a feature.

b is a constant ("intercept"), a straight line ("platt"), a linear spline ("spline") or nothing
("none"); it is fitted by maximum likelihood to all rows at once, without any feature.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from ._cells import WIDTH, logistic_derivatives, spread

__all__ = ["Recalibration", "calibration_of", "fit_recalibration", "separates", "solve_symmetric"]

N_KNOTS = 5
_MAX_ITER = 60
# Of the eigenvalues of a matrix with ones on its diagonal: below it, rounding.
_RANK_TOLERANCE = 1e-10


def solve_symmetric(matrix, right):
    """Least-norm solution of a positive semidefinite system, whatever the scales of its rows."""
    scale = np.sqrt(np.maximum(np.diag(matrix), 0.0))
    inverse = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
    values, vectors = np.linalg.eigh(matrix * inverse * inverse[:, None])
    keep = values > _RANK_TOLERANCE
    vectors = vectors[:, keep] / np.sqrt(values[keep])
    inverse = inverse.reshape(-1, *[1] * (right.ndim - 1))
    return inverse * (vectors @ (vectors.T @ (inverse * right)))


@dataclass(frozen=True)
class Recalibration:
    """A fitted correction of the logit.

    Parameters
    ----------
    nodes : ndarray of shape (n_nodes,)
        Of a line or spline: where the pieces meet and both ends; empty without.
    coef : ndarray of shape (n_coef,)
        gamma: with nodes the correction at each, else a constant, or nothing at all.
    information : ndarray of shape (n_coef, n_coef)
        sum w p (1 - p) b b'.
    """

    nodes: np.ndarray
    coef: np.ndarray
    information: np.ndarray

    def basis(self, z):
        """b(z) and its derivative, both of shape (len(z), n_coef)."""
        return _basis(self.nodes, len(self.coef), z)

    def curve(self, z):
        """The recalibrated logit at z and its slope."""
        values, slopes = self.basis(z)
        return z + values @ self.coef, 1.0 + slopes @ self.coef


def _basis(nodes, n_coef, z):
    """Hat functions on the nodes, straight beyond both ends; a constant without nodes."""
    if not len(nodes):
        return np.ones((len(z), n_coef)), np.zeros((len(z), n_coef))
    piece = np.clip(np.searchsorted(nodes, z, side="right") - 1, 0, len(nodes) - 2)
    width = np.diff(nodes)[piece]
    share = (z - nodes[piece]) / width
    rows = np.arange(len(z))
    values, slopes = np.zeros((len(z), n_coef)), np.zeros((len(z), n_coef))
    values[rows, piece], values[rows, piece + 1] = 1.0 - share, share
    slopes[rows, piece], slopes[rows, piece + 1] = -1.0 / width, 1.0 / width
    return values, slopes


def _nodes(grid, n_knots):
    """The least and the greatest logit and weighted quantiles between them; none for one logit.

    Quantiles are taken to the next edge of a bin, so that no bin has a kink inside, and also where
    there are no bins: repeated rows must give what weights give.
    """
    lowest, highest = grid.logit.min(), grid.logit.max()
    if lowest == highest:
        return np.empty(0)
    place = ((grid.center - lowest) * (1 / WIDTH)).astype(np.intp)
    cumulative = np.cumsum(np.bincount(place, weights=grid.mass))
    at = np.arange(1, n_knots + 1) / (n_knots + 1) * cumulative[-1]
    inner = lowest + WIDTH * (np.searchsorted(cumulative, at * (1 - 1e-12)) + 1)
    return np.concatenate([[lowest], np.unique(inner[inner < highest]), [highest]])


def fit_recalibration(grid, adjust):
    """The recalibration of the scores of a `ScoreGrid`, by Newton's method with step halving.

    Parameters
    ----------
    grid : ScoreGrid
    adjust : {"spline", "platt", "intercept", "none"}

    Returns
    -------
    Recalibration
    """
    n_knots = {"spline": N_KNOTS, "platt": 0}.get(adjust)
    nodes = np.empty(0) if n_knots is None else _nodes(grid, n_knots)
    n_coef = 0 if adjust == "none" else max(len(nodes), 1)
    values, slopes = _basis(nodes, n_coef, grid.center)
    coef = np.zeros(n_coef)
    loss, gradient, information = _evaluate(grid, values, slopes, coef)
    for _ in range(_MAX_ITER if n_coef else 0):
        step = solve_symmetric(information, gradient)
        decrement = step @ gradient
        for _ in range(30):
            new = _evaluate(grid, values, slopes, coef + step)
            if new[0] <= loss + 1e-10 * abs(loss):
                break
            step = 0.5 * step
        coef = coef + step
        loss, gradient, information = new
        # The decrement, twice the loss still to be won, is squared by each further step.
        if decrement < 1e-9:
            break
    return Recalibration(nodes, coef, information)


def _evaluate(grid, values, slopes, coef):
    """Loss at gamma, minus its gradient, and its second derivative."""
    eta = grid.center + values @ coef
    slope = 1.0 + slopes @ coef
    n_moments = len(grid.moments)
    derivatives = logistic_derivatives(eta, n_moments)
    softplus = [np.logaddexp(0.0, eta), *derivatives]
    level, tilt = grid.event_moments
    loss = np.sum(spread(grid.moments, softplus, slope) - level * eta - tilt * slope)
    level = level - spread(grid.moments, derivatives, slope)
    gradient = level @ values
    curvature = derivatives[1:]
    information = _gram(values, values, spread(grid.moments, curvature, slope))
    if n_moments > 1:
        gradient = gradient + (tilt - spread(grid.moments, derivatives, slope, power=1)) @ slopes
        mixed = _gram(values, slopes, spread(grid.moments, curvature, slope, power=1))
        information = information + mixed + mixed.T
        information += _gram(slopes, slopes, spread(grid.moments, curvature, slope, power=2))
    return loss, gradient, information


def _loss(grid, fitted):
    """The loss of the scores after a `Recalibration`."""
    values, slopes = fitted.basis(grid.center)
    return _evaluate(grid, values, slopes, fitted.coef)[0]


def _gram(left, right, weight):
    return (left * weight[:, None]).T @ right


def separates(logit, events, weight):
    """Whether every row with y = 1 has a higher score than every row with y = 0."""
    positive = events > 0
    negative = events < (1.0 if weight is None else weight)
    return bool(logit[negative].max() < logit[positive].min())


def calibration_of(grid):
    """Platt's line through the scores and how much better it fits than they do.

    Returns
    -------
    dict
        `intercept, slope` of logit p = intercept + slope z (a slope of 1 where all z are the same)
        and `statistics`, a dict: `offset, offset_standard_error, offset_lr` of the best constant;
        `slope_lr` of the line against that; `lr, lr_df, lr_p_value` of the line against z.
    """
    shift = fit_recalibration(grid, "intercept")
    line = fit_recalibration(grid, "platt")
    base, shifted, lined = (
        _loss(grid, fit) for fit in (fit_recalibration(grid, "none"), shift, line)
    )
    eta, slope = line.curve(np.zeros(1))
    df = len(line.coef)
    lr = max(2.0 * (base - lined), 0.0)
    return {
        "intercept": float(eta[0]),
        "slope": float(slope[0]),
        "statistics": {
            "offset": float(shift.coef[0]),
            "offset_standard_error": float(1.0 / np.sqrt(shift.information[0, 0])),
            "offset_lr": float(max(2.0 * (base - shifted), 0.0)),
            "slope_lr": float(max(2.0 * (shifted - lined), 0.0)),
            "lr": float(lr),
            "lr_df": df,
            "lr_p_value": float(chdtrc(df, lr)),
        },
    }

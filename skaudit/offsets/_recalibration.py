"""The score recalibrated, logit p = z + b(z) gamma: the null model of every test of a feature.

b is a constant ("intercept"), a straight line ("platt"), a linear spline ("spline") or nothing
("none"); it is fitted by maximum likelihood to all rows at once, without any feature.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from ._cells import WIDTH, logistic_derivatives, spread

__all__ = ["Recalibration", "calibration_of", "fit_recalibration", "separates", "solve_symmetric"]

N_KNOTS = 5
_MAX_ITER = 200
_MAX_HALVINGS = 10
_REACH = 4.0  # the longest step, in log-odds
# Of twice the loss still to be won, a unit of weight: what is left after one more step is rounding,
# and scores without errors have gone where they carry no information.
_SMALL = 1e-17
# A gap this wide sets the scores beyond it apart where they are together and as far as these.
_GAP = 3.0
_FAR = {"platt": 15.0, "spline": 5.0, "line": np.inf}
_SURE = 40.0  # logits beyond are as good as infinite
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
    converged : bool
    """

    nodes: np.ndarray
    coef: np.ndarray
    information: np.ndarray
    converged: bool = True

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


def _nodes(grid, adjust, n_knots=N_KNOTS):
    """Both ends of the logits and where the correction may bend; none for one logit.

    Scores that were 0 or 1 stand where their clipping put them, far from the others: their
    correction is free. The knots of a spline are quantiles of the information about the
    correction; few distinct logits are knots themselves. Knots lie on edges of bins, also where
    there are no bins (repeated rows must give what weights give), each left of an occupied bin
    between the first and the last, so that each has rows of its own; the last before a gap is right
    of its bin, so that the scores beyond share no rows with it.
    """
    lowest, highest = grid.logit.min(), grid.logit.max()
    if adjust in ("none", "intercept") or lowest == highest:
        return np.empty(0)
    place = ((grid.center - lowest) * (1 / WIDTH)).astype(np.intp)
    occupied = np.flatnonzero(np.bincount(place, weights=grid.mass))
    edges = lowest + WIDTH * occupied.astype(float)
    first, last = _between_gaps(edges, _FAR[adjust])
    knots = {first, last}
    if adjust == "spline":
        if len(edges) <= n_knots + 2:
            knots |= set(range(len(edges)))
        else:
            start = _fit(grid, _nodes(grid, "platt"), 2)
            cumulative = np.cumsum(_information(grid, start, place)[occupied][first : last + 1])
            at = np.arange(1, n_knots + 1) / (n_knots + 1) * cumulative[-1]
            # A sum that is equal to a quantile but for rounding must not decide.
            knots |= set((first + 1 + np.searchsorted(cumulative, at * (1 - 1e-9))).tolist())
    edges[last] += WIDTH
    inner = sorted(knot for knot in knots if 0 < knot < len(edges) - 1)
    return np.concatenate([[lowest], edges[inner], [highest]])


def _between_gaps(edges, least):
    """The first and the last bin without the group at an end beyond +-`least`, across a gap."""
    first = np.searchsorted(edges, edges[0] + _GAP, side="right")
    last = np.searchsorted(edges, edges[-1] - _GAP, side="left") - 1
    n = len(edges)
    low = first < n and edges[first - 1] <= -least and edges[first] - edges[first - 1] > _GAP
    high = last >= 0 and edges[last + 1] >= least and edges[last + 1] - edges[last] > _GAP
    return (int(first) if low else 0), (int(last) if high else n - 1)


def _information(grid, fitted, place):
    """sum w p (1 - p) of each bin."""
    eta, slope = fitted.curve(grid.center)
    derivatives = logistic_derivatives(eta, len(grid.moments))
    return np.bincount(place, weights=spread(grid.moments, derivatives[1:], slope))


def fit_recalibration(grid, adjust):
    """The recalibration of the scores of a `ScoreGrid`, by maximum likelihood.

    Parameters
    ----------
    grid : ScoreGrid
    adjust : {"spline", "platt", "line", "intercept", "none"}
        "platt" is a line but for scores of 0 and 1, "line" a line whatever they are.

    Returns
    -------
    Recalibration

    Warns
    -----
    UserWarning
        Where the fit did not converge.
    """
    # Pieces that separate the few labels in them have no fit: then fewer of them.
    for n_knots in (N_KNOTS, 2, 0) if adjust == "spline" else (0,):
        fitted = _fit(grid, _nodes(grid, adjust, n_knots), 0 if adjust == "none" else 1)
        if fitted.converged:
            break
    else:
        warnings.warn(
            f"The recalibration of the base scores (adjust={adjust!r}) did not converge; p-values "
            "given it are not to be trusted. Calibrate the base model, or use a simpler adjust.",
            UserWarning,
            stacklevel=2,
        )
    return fitted


def _fit(grid, nodes, n_coef):
    """Newton's method, kept from steps that are too long or do not lower the loss.

    Where Newton's step has to be shortened, the one of the bound of the loss by a parabola with
    w tanh(eta / 2) / (2 eta) for w p (1 - p) contends with it: it lowers the loss from everywhere,
    however little information there is at the start.
    """
    n_coef = len(nodes) or n_coef
    values, slopes = _basis(nodes, n_coef, grid.center)
    coef = np.zeros(n_coef)
    loss, gradient, information = _evaluate(grid, values, slopes, coef)
    slack = 1e-13 * (abs(loss) + grid.mass.sum())
    enough = _SMALL * grid.mass.sum()
    converged = not n_coef
    for _ in range(_MAX_ITER if n_coef else 0):
        step = solve_symmetric(information, gradient)
        share = _short_enough(grid, values, coef, step)
        tries = [share * step]
        decrement = step @ gradient
        if share < 1.0 or decrement <= enough:
            tries.append(_bounded_step(grid, values, coef, gradient))
        # Directions that are almost without information are not in Newton's step.
        if share == 1.0 and decrement <= enough and tries[1] @ gradient <= enough:
            coef, converged = coef + step, True
            information = _evaluate(grid, values, slopes, coef)[2]
            break
        news = [_evaluate(grid, values, slopes, coef + step) for step in tries]
        if len(tries) == 1 and news[0][0] > loss + slack:
            tries += [_bounded_step(grid, values, coef, gradient), 0.5 * step, 0.1 * step]
            news += [_evaluate(grid, values, slopes, coef + step) for step in tries[1:]]
        best = int(np.argmin([new[0] for new in news]))
        if news[best][0] > loss + slack:
            break
        coef = coef + tries[best]
        loss, gradient, information = news[best]
    return Recalibration(nodes, coef, information, converged)


def _short_enough(grid, values, coef, step):
    """How much of a step to take; logits as good as infinite may go on as they like."""
    eta, change = grid.center + values @ coef, values @ step
    gone = (np.abs(eta) > _SURE) & (eta * change > 0)
    longest = np.abs(np.where(gone, 0.0, change)).max()
    return min(1.0, _REACH / max(longest, _REACH))


def _bounded_step(grid, values, coef, gradient):
    half = 0.5 * np.abs(grid.center + values @ coef)
    bound = np.divide(np.tanh(half), 4.0 * half, out=np.full_like(half, 0.25), where=half > 1e-9)
    return solve_symmetric(_gram(values, values, grid.mass * bound), gradient)


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


def calibration_of(grid, robust=False):
    """Platt's line through the scores and how much better it fits than they do.

    Parameters
    ----------
    grid : ScoreGrid
    robust : bool
        Whether weights are no frequencies: the standard error and the p-value are then those of
        the sandwich variance, which a common factor of the weights does not change.

    Returns
    -------
    dict
        `intercept, slope` of logit p = intercept + slope z (a slope of 1 where all z are the same)
        and `statistics`, a dict: `offset, offset_standard_error, offset_lr` of the best constant;
        `slope_lr` of the line against that; `lr, lr_df, lr_p_value` of the line against z.
    """
    shift = fit_recalibration(grid, "intercept")
    line = fit_recalibration(grid, "line")
    base, shifted, lined = (
        _loss(grid, fit) for fit in (fit_recalibration(grid, "none"), shift, line)
    )
    eta, slope = line.curve(np.zeros(1))
    df = len(line.coef)
    lr = max(2.0 * (base - lined), 0.0)
    inflation = _inflation(grid, shift)[0] if robust else 1.0
    # Twice the gain in loss is a sum of squares times these: as Satterthwaite, a chi-squared with
    # their mean and variance.
    factors = _inflation(grid, line) if robust else np.ones(df)
    square = np.sum(factors**2)
    p_value = chdtrc(factors.sum() ** 2 / square, lr * factors.sum() / square) if square else 1.0
    return {
        "intercept": float(eta[0]),
        "slope": float(slope[0]),
        "statistics": {
            "offset": float(shift.coef[0]),
            "offset_standard_error": float(np.sqrt(inflation / shift.information[0, 0])),
            "offset_lr": float(max(2.0 * (base - shifted), 0.0)),
            "slope_lr": float(max(2.0 * (shifted - lined), 0.0)),
            "lr": float(lr),
            "lr_df": df,
            "lr_p_value": float(p_value),
        },
    }


def _inflation(grid, fitted):
    """Eigenvalues of A^- B: A the information, B = sum w^2 (y - p)^2 b b' over the rows."""
    values, _ = fitted.basis(grid.logit)
    mass = 1.0 if grid.weight is None else grid.weight
    p = logistic_derivatives(fitted.curve(grid.logit)[0], 0)[0]
    found = _gram(values, values, (grid.events - mass * p) ** 2)
    return np.maximum(np.linalg.eigvals(solve_symmetric(fitted.information, found)).real, 0.0)

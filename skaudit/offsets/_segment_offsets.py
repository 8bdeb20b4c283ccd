"""Exact log-odds offsets of segments, with standard errors and profile-likelihood limits.

In a segment with logits z, labels y and weights w the offset delta minimises the cross entropy
L(a) = sum w [log(1 + exp(z + a)) - y (z + a)], the solution of mean sigma(z + delta) = mean y.
A segment of one class has delta = -inf or inf and one finite limit.
"""

import numpy as np
from scipy.special import chdtri, expit

from ._cells import logistic_derivatives, spread

__all__ = [
    "loss_rise",
    "robust_inflation",
    "segment_offsets",
    "shrunk_offsets",
    "solve_offsets",
]

_MAX_ITER = 100
# Newton's steps converge quadratically: what is left after a step this small is rounding.
_SMALL = 1e-8
_TINY = 1e-300
_FAR = 40.0  # log-odds; logits of scores end at 36.04
_FARTHEST = 1e300


def _responses(cells, shift):
    """sum w sigma and sum w sigma (1 - sigma) of segments moved by `shift`."""
    eta = cells.center + shift[cells.segment]
    derivatives = logistic_derivatives(eta, len(cells.moments))
    return (
        cells.sum(spread(cells.moments, derivatives)),
        cells.sum(spread(cells.moments, derivatives[1:])),
    )


def _complement(cells, shift):
    """sum w (1 - sigma), which the difference of sums would lose where sigma is near 1."""
    eta = cells.center + shift[cells.segment]
    derivatives = [-d for d in logistic_derivatives(eta, len(cells.moments) - 1)]
    derivatives[0] = logistic_derivatives(-eta, 0)[0]
    return cells.sum(spread(cells.moments, derivatives))


def _softplus_sum(cells, shift):
    """log(1 + exp(z + shift)) summed over each cell with its weights."""
    eta = cells.center + shift[cells.segment]
    derivatives = logistic_derivatives(eta, max(len(cells.moments) - 2, 0))
    return spread(cells.moments, [np.logaddexp(0.0, eta), *derivatives])


def loss_rise(cells, shift, start):
    """L(shift) - L(start) of each segment, in nats."""
    order = max(len(cells.moments) - 2, 0)
    after, before = (cells.center + a[cells.segment] for a in (shift, start))
    change = [
        x - y
        for x, y in zip(
            logistic_derivatives(after, order), logistic_derivatives(before, order), strict=True
        )
    ]
    # log(1 + e^b) - log(1 + e^a) = log1p(sigma(a) expm1(b - a)), a <= b: all digits of small steps.
    lower, upper = np.minimum(after, before), np.maximum(after, before)
    small = np.log1p(expit(lower) * np.expm1(np.minimum(upper - lower, 1.0)))
    large = np.logaddexp(0.0, upper) - np.logaddexp(0.0, lower)
    rise = np.copysign(np.where(upper - lower < 1.0, small, large), after - before)
    return cells.sum(spread(cells.moments, [rise, *change])) - (shift - start) * cells.events


def solve_offsets(cells):
    """The offsets of segments that have both classes, by a safeguarded Newton iteration.

    The root of h(a) = logit(mean sigma(z + a)) - logit(mean y), of which 0 < h' <= 1: the step
    a - h(a) never passes the root. It lies between logit(mean y) - max z and - min z.
    """
    target = np.log(cells.events / cells.others)
    reach = 0.0 if len(cells.moments) == 1 else 0.1  # rows lie that near to their center
    low = target - np.maximum.reduceat(cells.center, cells.starts) - reach
    high = target - np.minimum.reduceat(cells.center, cells.starts) + reach
    offset = np.clip(0.0, low, high)
    for _ in range(_MAX_ITER):
        ones, information = _responses(cells, offset)
        zeros = _complement(cells, offset)
        h = np.log(ones / zeros) - target
        low, high = np.where(h < 0, offset, low), np.where(h > 0, offset, high)
        slope = np.maximum(information * (1.0 / ones + 1.0 / zeros), _TINY)
        moved = offset - h / slope
        moved = np.where((moved < low) | (moved > high), offset - h, moved)
        step = np.abs(moved - offset)
        offset = moved
        if (step <= _SMALL * (1.0 + np.abs(offset))).all():
            break
    return offset


def _profile_limit(cells, offset, error, root, side):
    """Where sqrt(2 (L(a) - L(offset))) = root above (side 1) or below (-1) the offset.

    Scores near 0 and 1 make the loss flat about the offset and the error no guide: the distance is
    bracketed from the start, which is no longer than `_FAR`.
    """
    near, far = np.zeros_like(offset), np.full_like(offset, np.inf)
    distance = np.minimum(root * error, _FAR)
    for _ in range(_MAX_ITER):
        limit = offset + side * distance
        rise = np.sqrt(2.0 * np.maximum(loss_rise(cells, limit, offset), 0.0))
        slope = np.abs(_responses(cells, limit)[0] - cells.events) / np.maximum(rise, _TINY)
        near, far = np.where(rise < root, distance, near), np.where(rise >= root, distance, far)
        moved = distance + (root - rise) / np.maximum(slope, _TINY)
        # Never back to the offset itself, where the root is flat.
        between = np.where(np.isinf(far), 2.0 * distance, 0.5 * (near + np.minimum(far, _FARTHEST)))
        longest = np.where(np.isinf(far), np.maximum(4.0 * distance, _FAR), far)
        inside = (moved >= near) & (moved <= longest) & (moved >= 0.1 * distance)
        moved = np.where(inside, moved, between)
        step = np.abs(moved - distance)
        distance = moved
        if (step <= _SMALL * (1.0 + np.abs(limit))).all():
            break
    return offset + side * distance


def _one_class_limit(cells, height):
    """Where the loss of segments without events, sum w log(1 + exp(z + a)), is `height`."""
    # Were all z equal: log(1 + exp(z + a)) = height / mass.
    alone = height / cells.mass
    alone = alone + np.log(-np.expm1(-alone))
    low = alone - np.maximum.reduceat(cells.center, cells.starts) - 0.1
    high = alone - np.minimum.reduceat(cells.center, cells.starts) + 0.1
    limit = 0.5 * (low + high)
    for _ in range(_MAX_ITER):
        loss = cells.sum(_softplus_sum(cells, limit))
        gap = np.log(loss / height)
        low, high = np.where(gap < 0, limit, low), np.where(gap > 0, limit, high)
        # The logarithm of the loss is nearly linear in a, which the loss is not.
        moved = limit - gap * loss / _responses(cells, limit)[0]
        moved = np.where((moved < low) | (moved > high), 0.5 * (low + high), moved)
        step = np.abs(moved - limit)
        limit = moved
        if (step <= _SMALL * (1.0 + np.abs(limit))).all():
            break
    return limit


def segment_offsets(cells, *, confidence_level=0.95, inflation=None, limits=True):
    """Offsets of all segments with their errors, limits and likelihood ratios.

    Parameters
    ----------
    cells : Cells
    confidence_level : float
    inflation : callable, default=None
        As `robust_inflation` returns it; None is 1 everywhere.
    limits : bool

    Returns
    -------
    dict of ndarray of shape (n_segments,)
        `offset, standard_error` (NaN for one class), `offset_lower, offset_upper, lr`
        (2 (L(0) - L(offset)); 2 L(0) for one class) and `inflation`.
    """
    n_segments = len(cells.mass)
    zeros = np.zeros(n_segments)
    full = cells.others == 0
    both = ~full & (cells.events > 0)
    offset = np.where(full, np.inf, -np.inf)
    error, lr = np.full(n_segments, np.nan), np.zeros(n_segments)
    lower, upper = np.full(n_segments, -np.inf), np.full(n_segments, np.inf)
    inflated = np.ones(n_segments)
    height = chdtri(1, 1.0 - confidence_level)
    if both.any():
        part = cells.select(both)
        root = solve_offsets(part)
        offset[both] = root
    if inflation is not None:
        inflated = inflation(np.where(both, offset, 0.0), both)
    if both.any():
        information = _responses(part, root)[1]
        naive = 1.0 / np.sqrt(information)
        error[both] = naive * np.sqrt(inflated[both])
        lr[both] = 2.0 * np.maximum(loss_rise(part, zeros[both], root), 0.0)
        if limits:
            reach = np.sqrt(height * inflated[both])
            lower[both] = _profile_limit(part, root, naive, reach, -1)
            upper[both] = _profile_limit(part, root, naive, reach, 1)
    one = ~both
    if one.any():
        # Segments of events only are segments without any once the labels change places.
        part = cells.select(one).flip(full[one])
        lr[one] = 2.0 * part.sum(_softplus_sum(part, zeros[one]))
        if limits:
            limit = _one_class_limit(part, 0.5 * height * inflated[one])
            upper[one] = np.where(full[one], np.inf, limit)
            lower[one] = np.where(full[one], -limit, -np.inf)
    return {
        "offset": offset,
        "standard_error": error,
        "offset_lower": lower,
        "offset_upper": upper,
        "lr": lr,
        "inflation": inflated,
    }


def robust_inflation(number, grid, n_segments):
    """How much more the scores vary than they would if weights were frequencies.

    Parameters
    ----------
    number : ndarray of shape (n,)
        The segment of each row.
    grid : ScoreGrid
    n_segments : int

    Returns
    -------
    callable
        inflation(offset, both): sum w^2 (y - sigma)^2 / sum w sigma (1 - sigma) of each segment at
        its offset, and sum w^2 / sum w where `both` classes are not there.
    """

    def sums(values):
        return np.bincount(number, weights=values, minlength=n_segments)

    def inflation(offset, both):
        weight = np.ones(len(number)) if grid.weight is None else grid.weight
        p, slope = logistic_derivatives(grid.logit + offset[number], 1)
        square = sums((grid.events - weight * p) ** 2)
        information = sums(weight * slope)
        mass, mass_square = sums(weight), sums(weight**2)
        return np.where(both, square, mass_square) / np.where(both, information, mass)

    return inflation


def shrunk_offsets(cells, variance):
    """Offsets of smallest L(a) + a^2 / (2 variance): finite for one class, 0 without variance."""
    offset = np.zeros(len(cells.mass))
    if not variance > 0:
        return offset
    # The pull of the data is strongest at 0: the solution is no farther than it reaches.
    reach = (cells.events - _responses(cells, offset)[0]) * variance
    low, high = np.minimum(0.0, reach), np.maximum(0.0, reach)
    for _ in range(_MAX_ITER):
        ones, information = _responses(cells, offset)
        gradient = ones - cells.events + offset / variance
        low, high = np.where(gradient < 0, offset, low), np.where(gradient > 0, offset, high)
        moved = offset - gradient / (information + 1.0 / variance)
        moved = np.where((moved < low) | (moved > high), 0.5 * (low + high), moved)
        step = np.abs(moved - offset)
        offset = moved
        if (step <= _SMALL * (1.0 + np.abs(offset))).all():
            break
    return offset

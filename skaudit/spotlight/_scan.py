"""How many of the nearest rows belong to a spotlight: the scan statistic."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Cut:
    """The nearest rows taken as members: their statistic, weight, and largest squared distance."""

    statistic: float = 0.0
    mass: float = 0.0
    radius: float = 0.0


def scan(distances, weights, loss, low, high, tolerance=1e-6):
    """The cut of the rows ordered by distance that separates high from low losses best.

    The statistic of the nearest rows, of weight M out of W, is M (W - M) / W (a - b)^2 / v with a
    and b the mean losses of these rows and of the others and v the variance of the loss.

    Parameters
    ----------
    distances, weights, loss : ndarray of shape (n,)
    low, high : float
        Bounds of M.
    tolerance : float
        Relative difference below which two distances are the same.

    Returns
    -------
    Cut
        With statistic 0 where no cut within the bounds has a higher mean inside.

    Notes
    -----
    A cut lies only where the distance grows: rows at the same place stay together, so that a
    weight of 2 equals a repeated row.
    """
    total, loss_sum = weights.sum(), weights @ loss
    variance = weights @ (loss - loss_sum / total) ** 2 / total
    near = _nearest(distances, weights, high)
    d, w = distances[near], weights[near]
    mass = np.cumsum(w, dtype=np.float64)
    inside = np.cumsum(w * loss[near], dtype=np.float64)
    last = np.empty(len(d), dtype=bool)
    last[:-1] = d[1:] > d[:-1] * (1 + tolerance)
    last[-1] = False
    slack = 1e-9 * total
    allowed = last & (mass >= low - slack) & (mass <= high + slack)
    if not allowed.any() or not variance > 0:
        return Cut()
    mass, inside, d = mass[allowed], inside[allowed], d[allowed]
    contrast = np.maximum(inside / mass - (loss_sum - inside) / (total - mass), 0.0)
    statistic = mass * (total - mass) / total * contrast**2 / variance
    best = int(statistic.argmax())
    return Cut(float(statistic[best]), float(mass[best]), float(d[best]))


def _nearest(distances, weights, mass):
    """Positions of the nearest rows in their order, just beyond the weight `mass`."""
    n = len(distances)
    count = min(n, int(mass / weights.sum() * n) + 2)
    while count < n:
        near = np.argpartition(distances, count - 1)[:count]
        if weights[near].sum() > mass * (1 + 1e-9):
            return near[np.argsort(distances[near], kind="stable")]
        # With weights below the mean more rows make up the same mass.
        count = min(n, 2 * count)
    return np.argsort(distances, kind="stable")


def cut_at(distances, weights, loss, mass):
    """The `Cut` of just so many nearest rows that their weight reaches `mass`."""
    order = np.argsort(distances, kind="stable")
    reached = np.searchsorted(np.cumsum(weights[order]), mass * (1 - 1e-9))
    radius = distances[order[min(reached, len(order) - 1)]]
    members = distances <= radius
    statistic = statistic_of(members, weights, loss)
    return Cut(statistic, float(weights[members].sum()), float(radius))


def mean_excess(members, weights, loss):
    """Mean loss of a set of rows, a mask (n,), minus that of the others; 0 without either."""
    held, total = weights[members].sum(), weights.sum()
    if members.all() or not held > 0:
        return 0.0
    inside = weights[members] @ loss[members]
    return float(inside / held - (weights @ loss - inside) / (total - held))


def statistic_of(members, weights, loss):
    """The statistic of any set of rows, a mask of shape (n,); 0 where its mean is not higher."""
    held, total = weights[members].sum(), weights.sum()
    variance = weights @ (loss - weights @ loss / total) ** 2 / total
    if not variance > 0:
        return 0.0
    contrast = max(mean_excess(members, weights, loss), 0.0)
    return float(held * (total - held) / total * contrast**2 / variance)

"""Whether held-out probabilities are right as a whole, for any number of classes."""

from functools import lru_cache

import numpy as np
from scipy.optimize import minimize
from scipy.special import chdtrc

from ..dynamics._log_ratios import log_ratios, ratios_to_proba

_TINY = 1e-12


def find_miscalibration(codes, proba, weights):
    """Compare probabilities with their best rescaling, softmax(b log p + a).

    For two classes this is Platt's line through the logits. A probability of 0 is rescaled as half
    of the smallest other one: that 5 of 5 votes agree says not much more than that 4 do.

    Parameters
    ----------
    codes : ndarray of shape (n,)
        Positions of the labels among the classes.
    proba : ndarray of shape (n, n_classes)
    weights : ndarray of shape (n,)

    Returns
    -------
    dict
        `slope` b (above 1: too timid, below: too sure), `shift` a (n_classes,), the first of which
        is 0; `floor`, below which no probability is rescaled; `n_impossible`, labels that have a
        probability of 0; `statistic` (likelihood ratio against the probabilities as they are),
        `df`, `p_value`.
    """
    floor = max(0.5 * proba[proba > 0].min(), _TINY) if (proba == 0).any() else _TINY
    ratios, n_classes, total = log_ratios(proba, floor), proba.shape[1], weights.sum()
    share, rows = weights / total, np.arange(len(codes))
    # What the labels say of the slope and of the shifts.
    given = np.bincount(codes, weights=share, minlength=n_classes)
    given[0] = share @ ratios[codes, rows]

    @lru_cache(maxsize=1)
    def softmax(slope, *shifts):
        """Probabilities after the rescaling, and the logarithm of what they were divided by."""
        scaled = slope * ratios
        scaled[1:] += np.array(shifts)[:, None]
        highest = scaled.max(axis=0)
        p = np.exp(np.subtract(scaled, highest, out=scaled), out=scaled)
        divisor = p.sum(axis=0)
        return np.divide(p, divisor, out=p), np.log(divisor) + highest

    def loss(parameters):
        """The mean log loss and its gradient in (b, a_1, ...)."""
        p, log_divisor = softmax(*parameters)
        gradient = p @ share
        gradient[0] = share @ np.einsum("kn,kn->n", p, ratios)
        return share @ log_divisor - parameters @ given, gradient - given

    def curvature(parameters):
        """The second derivatives of the loss."""
        p, _ = softmax(*parameters)
        weighted = p * share
        away = ratios - np.einsum("kn,kn->n", p, ratios)
        second = np.diag(weighted.sum(axis=1)) - weighted @ p.T
        second[0] = second[:, 0] = np.einsum("kn,kn->k", weighted, away)
        second[0, 0] = np.einsum("kn,kn,kn->", weighted, away, ratios)
        return second

    start = np.append(1.0, np.zeros(n_classes - 1))
    found = minimize(
        loss, start, jac=True, hess=curvature, method="trust-exact", options={"gtol": 1e-7}
    )
    own = proba[rows, codes]
    before = -(share @ np.log(np.maximum(own, _TINY)))
    statistic = float(max(2.0 * total * (before - found.fun), 0.0))
    return {
        "slope": float(found.x[0]),
        "shift": np.append(0.0, found.x[1:]),
        "floor": floor,
        "n_impossible": int(((own == 0) & (weights > 0)).sum()),
        "statistic": statistic,
        "df": n_classes,
        "p_value": float(chdtrc(n_classes, statistic)),
    }


def recalibrated(proba, found):
    """Probabilities of shape (n, n_classes) after the rescaling that was found."""
    scaled = found["slope"] * log_ratios(proba, found["floor"]) + found["shift"][:, None]
    return ratios_to_proba(scaled).T

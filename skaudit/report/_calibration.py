"""Whether held-out probabilities are right as a whole, for any number of classes."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import chdtrc

from ..dynamics._log_ratios import log_ratios, ratios_to_proba

_TINY = 1e-12
_RIDGE = 1e-9  # on the slope, which is 1 where all probabilities are the same


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
        `slope` b (above 1: too timid, below: too sure) and its standard error `slope_error`;
        `shift` a (n_classes,), the first of which is 0; `bias` (n_classes,), the mean probability
        of each class less the share of its labels; `floor`, below which no probability is
        rescaled; `n_impossible`, labels that have a probability of 0; `gain` in nats a row, and
        `zeros_cost`, the part of it that these have; `statistic` (likelihood ratio against the
        probabilities as they are), `df`, `p_value`.
    """
    floor = max(0.5 * proba[proba > 0].min(), _TINY) if (proba == 0).any() else _TINY
    total, n_classes = weights.sum(), proba.shape[1]
    problem = _Rescaling(log_ratios(proba, floor), codes, weights / total)
    start = np.append(1.0, np.zeros(n_classes - 1))
    found = minimize(
        problem.loss,
        start,
        jac=True,
        hess=problem.curvature,
        method="trust-exact",
        options={"gtol": 1e-7},
    )
    slope, shift = found.x[0], np.append(0.0, found.x[1:])
    rescaled = recalibrated(proba, {"slope": slope, "shift": shift, "floor": floor})
    own, then = (p[np.arange(len(codes)), codes] for p in (proba, rescaled))
    least = np.finfo(np.float64)
    saved = np.log(np.maximum(then, least.tiny)) - np.log(np.maximum(own, least.eps))
    gain = weights / total * saved
    impossible = (own < floor) & (weights > 0)
    statistic = float(max(2.0 * total * gain.sum(), 0.0))
    covariance = np.linalg.pinv(problem.curvature(found.x), hermitian=True) / total
    given = np.bincount(codes, weights=weights, minlength=n_classes)
    return {
        "slope": float(slope),
        "slope_error": float(np.sqrt(max(covariance[0, 0], 0.0))),
        "shift": shift,
        "bias": (weights @ proba - given) / total,
        "floor": floor,
        "n_impossible": int(impossible.sum()),
        "zeros_cost": float(gain[impossible].sum()),
        "gain": float(gain.sum()),
        "statistic": statistic,
        "df": n_classes,
        "p_value": float(chdtrc(n_classes, statistic)),
    }


class _Rescaling:
    """The mean log loss of softmax(b log p + a) and its derivatives in (b, a_1, ...).

    Parameters
    ----------
    ratios : ndarray of shape (n_classes, n)
        See `log_ratios`.
    codes : ndarray of shape (n,)
        Positions of the labels among the classes.
    share : ndarray of shape (n,)
        Of the weight, with sum 1.
    """

    def __init__(self, ratios, codes, share):
        self.ratios, self.share = ratios, share
        # What the labels say of the slope and of the shifts.
        self.given = np.bincount(codes, weights=share, minlength=len(ratios))
        self.given[0] = share @ ratios[codes, np.arange(len(codes))]
        self._last: tuple = (None, None, None)

    def _rescaled(self, parameters):
        """Probabilities (n_classes, n), and the logarithm of what their odds were divided by."""
        if self._last[0] != (key := tuple(parameters)):
            scaled = parameters[0] * self.ratios
            scaled[1:] += parameters[1:, None]
            highest = scaled.max(axis=0)
            p = np.exp(np.subtract(scaled, highest, out=scaled), out=scaled)
            divisor = p.sum(axis=0)
            self._last = key, np.divide(p, divisor, out=p), np.log(divisor) + highest
        return self._last[1:]

    def loss(self, parameters):
        """The loss and its gradient."""
        p, log_divisor = self._rescaled(parameters)
        away = parameters[0] - 1.0
        gradient = p @ self.share
        gradient[0] = self.share @ np.einsum("kn,kn->n", p, self.ratios) + _RIDGE * away
        value = self.share @ log_divisor - parameters @ self.given + 0.5 * _RIDGE * away**2
        return value, gradient - self.given

    def curvature(self, parameters):
        """The second derivatives."""
        p, _ = self._rescaled(parameters)
        weighted = p * self.share
        away = self.ratios - np.einsum("kn,kn->n", p, self.ratios)
        second = np.diag(weighted.sum(axis=1)) - weighted @ p.T
        second[0] = second[:, 0] = np.einsum("kn,kn->k", weighted, away)
        second[0, 0] = np.einsum("kn,kn,kn->", weighted, away, self.ratios) + _RIDGE
        return second


def recalibrated(proba, found):
    """Probabilities of shape (n, n_classes) after the rescaling that was found."""
    scaled = found["slope"] * log_ratios(proba, found["floor"]) + found["shift"][:, None]
    return ratios_to_proba(scaled).T

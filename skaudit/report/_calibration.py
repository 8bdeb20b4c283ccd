"""Whether held-out probabilities are right as a whole, for any number of classes."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import chdtrc, log_softmax, softmax

_TINY = 1e-12


def find_miscalibration(codes, proba, weights):
    """Compare probabilities with their best rescaling, softmax(b log p + a).

    For two classes this is Platt's line through the logits.

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
        is 0; `statistic` (likelihood ratio), `df`, `p_value`.
    """
    logs = np.log(np.maximum(proba, _TINY, dtype=np.float64))
    rows, total, n_classes = np.arange(len(codes)), weights.sum(), proba.shape[1]

    def loss(parameters):
        scaled = parameters[0] * logs
        scaled[:, 1:] += parameters[1:]
        log_p = log_softmax(scaled, axis=1)
        residual = np.exp(log_p)
        residual[rows, codes] -= 1.0
        residual *= (weights / total)[:, None]
        gradient = np.append((residual * logs).sum(), residual[:, 1:].sum(axis=0))
        return -(weights @ log_p[rows, codes]) / total, gradient

    start = np.append(1.0, np.zeros(n_classes - 1))
    found = minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-8})
    statistic = float(max(2.0 * total * (loss(start)[0] - found.fun), 0.0))
    return {
        "slope": float(found.x[0]),
        "shift": np.append(0.0, found.x[1:]),
        "statistic": statistic,
        "df": n_classes,
        "p_value": float(chdtrc(n_classes, statistic)),
    }


def recalibrated(proba, found):
    """Probabilities of shape (n, n_classes) after the rescaling that was found."""
    return softmax(found["slope"] * np.log(np.maximum(proba, _TINY)) + found["shift"], axis=1)

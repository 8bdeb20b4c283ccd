"""The source document word for word, and tests from explicit matrices: slow, one row at a time."""

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import expit, logit


def loss(a, z, y, w):
    """L(a) of section 2.3."""
    return np.sum(w * (np.logaddexp(0, z + a) - y * (z + a)))


def segment(score, y, w, level=3.841458820694124):
    """Offset, standard error, limits and likelihood ratio of a segment with both classes."""
    z = logit(score)

    def gradient(a):
        return np.sum(w * (expit(z + a) - y))

    delta = brentq(gradient, -60, 60, xtol=1e-14)
    p = expit(z + delta)
    error = 1 / np.sqrt(np.sum(w * p * (1 - p)))
    floor = loss(delta, z, y, w)

    def height(a):
        return 2 * (loss(a, z, y, w) - floor) - level

    reach = 20 * error
    lower = brentq(height, delta - reach, delta, xtol=1e-13)
    upper = brentq(height, delta, delta + reach, xtol=1e-13)
    return delta, error, lower, upper, 2 * (loss(0, z, y, w) - floor)


def score_test(segments, basis, p, y, w):
    """U' V^- U for indicators of segments given a fitted basis; V from its definition."""
    E = (segments[:, None] == np.unique(segments)).astype(float)
    v = w * p * (1 - p)
    A, C = basis.T @ (v[:, None] * basis), E.T @ (v[:, None] * basis)
    V = E.T @ (v[:, None] * E)
    if basis.shape[1]:
        V = V - C @ np.linalg.pinv(A) @ C.T
    U = E.T @ (w * (y - p))
    return U @ np.linalg.pinv(V, rcond=1e-9) @ U, U, V


def shrunk(z, y, variance):
    """The minimum of L(a) + a^2 / (2 variance)."""
    found = minimize_scalar(
        lambda a: loss(a, z, y, np.ones(len(z))) + a**2 / (2 * variance),
        bounds=(-20, 20),
        options={"xatol": 1e-12},
        method="bounded",
    )
    return found.x

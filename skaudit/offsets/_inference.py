"""Tests of a feature given the score: omnibus, trend, their combination, many features at once.

With the recalibrated score p as the null model, the score of segment j is U_j = sum w (y - p) over
its rows; V, the variance of U, accounts for the fit of the recalibration. The omnibus statistic is
U' V^- U, chi-squared with rank(V) degrees of freedom; a contrast c of the segments has the score
c' U / sqrt(c' V c), standard normal.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.special import chdtrc, chdtri, roots_legendre

from ._cells import logistic_derivatives, spread
from ._recalibration import solve_symmetric

__all__ = [
    "Contrasts",
    "ScoreVector",
    "benjamini_hochberg",
    "combine_p_values",
    "contrast_scores",
    "omnibus_test",
    "robust_score_vector",
    "score_vector",
    "shape_of",
]

# Of the eigenvalues of V scaled by the information of the segments alone: below it the segments
# say nothing that the score does not say.
_RANK_TOLERANCE = 1e-8
_SMALLEST = 1e-300
# Of the level of the combined test, for the omnibus, the trend and the curvature test. Of trends,
# steps and irregular effects it loses less power than any one of them, and of U-shapes it gains.
_SHARES = np.array([0.4, 0.5, 0.1])
_N_NODES = 64


class ScoreVector(NamedTuple):
    """Scores of the segments of a feature under the null model.

    Parameters
    ----------
    score : ndarray of shape (n_segments,)
        U.
    information : ndarray of shape (n_segments,)
        sum w p (1 - p).
    variance : ndarray of shape (n_segments, n_segments)
        V.
    mass : ndarray of shape (n_segments,)
    """

    score: np.ndarray
    information: np.ndarray
    variance: np.ndarray
    mass: np.ndarray


def _null_sums(cells, null):
    """U, the information of each segment, and sum w p (1 - p) b of shape (n_segments, n_coef)."""
    eta, slope = null.curve(cells.center)
    n_moments = len(cells.moments)
    derivatives = logistic_derivatives(eta, n_moments)
    expected = cells.sum(spread(cells.moments, derivatives, slope))
    level = spread(cells.moments, derivatives[1:], slope)
    values, slopes = null.basis(cells.center)
    cross = values * level[:, None]
    if n_moments > 1:
        cross += slopes * spread(cells.moments, derivatives[1:], slope, power=1)[:, None]
    return cells.events - expected, cells.sum(level), cells.sum(cross.T).T


def score_vector(cells, null):
    """The `ScoreVector` of a feature's cells under a `Recalibration`."""
    score, information, cross = _null_sums(cells, null)
    variance = np.diag(information)
    if cross.shape[1]:
        variance = variance - cross @ solve_symmetric(null.information, cross.T)
    return ScoreVector(score, information, variance, cells.mass)


def robust_score_vector(cells, null, codes, grid, n_segments):
    """The same with a variance that holds for weights that are no frequencies.

    V is the sum over rows of w^2 (y - p)^2 e e', where e is the row's segment less what the
    recalibration explains of it.

    Parameters
    ----------
    codes : ndarray of shape (n,), intp
        The number of the listed segment of each row.
    """
    score, information, cross = _null_sums(cells, null)
    eta, _ = null.curve(grid.logit)
    mass = 1.0 if grid.weight is None else grid.weight
    square = (grid.events - mass * logistic_derivatives(eta, 0)[0]) ** 2
    variance = np.diag(np.bincount(codes, weights=square, minlength=n_segments))
    values, _ = null.basis(grid.logit)
    if values.shape[1]:
        share = solve_symmetric(null.information, cross.T).T
        mixed = np.stack(
            [np.bincount(codes, weights=square * b, minlength=n_segments) for b in values.T], axis=1
        )
        common = (values * square[:, None]).T @ values
        product = mixed @ share.T
        variance = variance - product - product.T + share @ common @ share.T
    return ScoreVector(score, information, variance, cells.mass)


def omnibus_test(vector):
    """Statistic, degrees of freedom and p-value of all segments; 0, 0, 1 where none can differ."""
    scale = np.sqrt(vector.information)
    total = vector.information.sum()
    useful = vector.information > 1e-12 * total
    if total <= 1e-12 * vector.mass.sum() or not useful.any():
        return 0.0, 0, 1.0
    scale = scale[useful]
    variance = vector.variance[np.ix_(useful, useful)] / scale / scale[:, None]
    values, vectors = np.linalg.eigh(variance)
    keep = values > _RANK_TOLERANCE
    df = int(keep.sum())
    if not df:
        return 0.0, 0, 1.0
    projected = vectors[:, keep].T @ (vector.score[useful] / scale)
    statistic = float(np.sum(projected**2 / values[keep]))
    return statistic, df, float(chdtrc(df, statistic))


class Contrasts(NamedTuple):
    """Standard normal scores of contrasts of segments, each given those before it; NaN where none.

    Parameters
    ----------
    missing : float
        Of missing values against the others.
    trend : float
        Of the weighted mid-ranks of numeric segments.
    curvature : float
        Of their squares.
    """

    missing: float
    trend: float
    curvature: float

    @property
    def trend_p_value(self):
        return float(chdtrc(1, self.trend**2))

    @property
    def curvature_p_value(self):
        return float(chdtrc(1, self.curvature**2))


def contrast_scores(vector, is_number, is_missing):
    """The `Contrasts` of segments, masks of shape (n_segments,) saying which are of numbers."""
    mass = np.where(is_number, vector.mass, 0.0)
    total = max(mass.sum(), _SMALLEST)
    rank = np.where(is_number, (np.cumsum(mass) - 0.5 * mass) / total - 0.5, 0.0)
    scores: list = []
    used: list = []
    for contrast in (is_missing.astype(float), rank, rank**2):
        for other in used:
            contrast = contrast - other * (other @ vector.variance @ contrast)
        variance = contrast @ vector.variance @ contrast
        # What is left of a contrast that the others or the score explain is rounding.
        if variance > _RANK_TOLERANCE * (contrast**2 @ vector.information) and variance > 0:
            used.append(contrast / np.sqrt(variance))
            scores.append(float(used[-1] @ vector.score))
        else:
            scores.append(np.nan)
    if is_number.sum() < 2:
        scores[1:] = [np.nan, np.nan]
    return Contrasts(*scores)


def combine_p_values(omnibus, df, trend, curvature):
    """One p-value of the omnibus, the trend and the curvature test, by their joint law.

    The statistic is m = min(p_omnibus / 0.4, p_trend / 0.5, p_curvature / 0.1). The squared scores
    T and C of trend and curvature are two directions of the omnibus statistic Q = T + C + R, and
    independent of each other and of the rest R. With a, c and q the quantiles of T, C and Q at
    their shares of m, the p-value is P(T > a or C > c or Q > q).

    Parameters
    ----------
    omnibus : float
    df : int
        Degrees of freedom of Q.
    trend, curvature : float
        NaN where there is none; the others then keep their proportions.

    Returns
    -------
    float
    """
    if np.isnan(trend) or df < 1:
        return omnibus
    if df == 1:
        return trend
    has_curvature = not np.isnan(curvature)
    shares = _SHARES if has_curvature else _SHARES / _SHARES[:2].sum()
    least = min(omnibus / shares[0], trend / shares[1])
    if has_curvature:
        least = min(least, curvature / shares[2])
    if least * shares.max() >= 1.0:
        return 1.0
    if least < _SMALLEST:
        return float(least)  # what the sum of the shares allows; the rest is far below it
    levels = least * shares
    q, a = chdtri(df, levels[0]), chdtri(1, levels[1])
    x, weight_x = _half_normal(np.sqrt(a))
    if has_curvature:
        y, weight_y = _half_normal(np.sqrt(chdtri(1, levels[2])))
        left = q - x[:, None] ** 2 - y**2
        beyond = weight_x @ _upper_tail(df - 2, left) @ weight_y
        rejected = levels[1] + (1.0 - levels[1]) * levels[2]
    else:
        beyond = weight_x @ _upper_tail(df - 1, q - x**2)
        rejected = levels[1]
    return float(min(rejected + beyond, 1.0))


@cache
def _legendre():
    return roots_legendre(_N_NODES)


def _half_normal(end):
    """Nodes in [0, end] and weights whose sums are expectations over |Z|, Z standard normal."""
    nodes, weights = _legendre()
    x = 0.5 * end * (nodes + 1.0)
    return x, 0.5 * end * weights * np.exp(-0.5 * x**2) * np.sqrt(2.0 / np.pi)


def _upper_tail(df, value):
    """P(chi-squared > value), 1 for negative values; without freedom it is 0."""
    tail = chdtrc(df, np.maximum(value, 0.0)) if df else np.zeros_like(value)
    return np.where(value < 0, 1.0, tail)


def benjamini_hochberg(p_values):
    """Smallest false discovery rates at which each hypothesis is rejected, shape (m,)."""
    n = len(p_values)
    order = np.argsort(p_values, kind="stable")[::-1]
    scaled = p_values[order] * n / np.arange(n, 0, -1)
    q_values = np.empty(n)
    q_values[order] = np.minimum(np.minimum.accumulate(scaled), 1.0)
    return q_values


def shape_of(contrasts, statistic, is_number):
    """How the log-odds go along a feature, in a word.

    Of the omnibus statistic: "missing" where missing values have most of it; else, of what the
    others have, "increasing" or "decreasing" where the mid-ranks have most; "u-shaped" or
    "inverted-u" where their squares have most of the rest; else "irregular". "categories" without
    numeric segments.
    """
    if not is_number.any():
        return "categories"
    missing, trend, curvature = (0.0 if np.isnan(z) else z for z in contrasts)
    if missing**2 > 0.5 * statistic:
        return "missing"
    left = statistic - missing**2
    if trend**2 > 0.5 * left:
        return "increasing" if trend > 0 else "decreasing"
    if curvature**2 > 0.5 * (left - trend**2):
        return "u-shaped" if curvature > 0 else "inverted-u"
    return "irregular"

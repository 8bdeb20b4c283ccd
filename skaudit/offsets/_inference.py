"""Tests of a feature given the score: omnibus, trend, their combination, many features at once.

With the recalibrated score p as the null model, the score of segment j is U_j = sum w (y - p) over
its rows; V, the variance of U, accounts for the fit of the recalibration. The omnibus statistic is
U' V^- U, chi-squared with rank(V) degrees of freedom; the trend statistic is (c' U)^2 / c' V c for
the mid-ranks c of the segments, chi-squared with one.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import chdtrc, chdtri, roots_legendre

from ._cells import logistic_derivatives, spread
from ._recalibration import solve_symmetric

__all__ = [
    "ScoreVector",
    "benjamini_hochberg",
    "combine_p_values",
    "omnibus_test",
    "robust_score_vector",
    "score_vector",
    "shape_of",
    "trend_test",
]

# Of the eigenvalues of V scaled by the information of the segments alone: below it the segments
# say nothing that the score does not say.
_RANK_TOLERANCE = 1e-8
_SMALLEST = 1e-300


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


def trend_test(vector, is_number, is_missing):
    """Statistic and p-value of the weighted mid-ranks of numeric segments; NaN where no order is.

    Missing values, where there are some, are held apart: the test is given their indicator too.
    """
    if is_number.sum() < 2:
        return np.nan, np.nan
    mass = np.where(is_number, vector.mass, 0.0)
    ranks = np.where(is_number, np.cumsum(mass) - 0.5 * mass - 0.5 * mass.sum(), 0.0)
    contrast = ranks / mass.sum()
    tail = vector.variance @ contrast
    score, variance = contrast @ vector.score, contrast @ tail
    if is_missing.any():
        m = int(np.flatnonzero(is_missing)[0])
        if vector.variance[m, m] > _RANK_TOLERANCE * vector.information[m]:
            share = tail[m] / vector.variance[m, m]
            score -= share * vector.score[m]
            variance -= share * tail[m]
    if not variance > _RANK_TOLERANCE * (contrast**2 @ vector.information):
        return np.nan, np.nan
    statistic = float(score**2 / variance)
    return statistic, float(chdtrc(1, statistic))


def combine_p_values(omnibus, df, trend):
    """p-value of the smaller of an omnibus and a trend p-value, by their joint law.

    The trend statistic T is one direction of the omnibus statistic Q = T + R, R chi-squared with
    df - 1 degrees of freedom and independent of T. With m the smaller p-value, and a and b the
    quantiles of T and Q at it, P(T > a or Q > b) = m + P(T <= a, Q > b).
    """
    if np.isnan(trend) or df < 1:
        return omnibus
    if df == 1:
        return trend
    least = max(min(omnibus, trend), _SMALLEST)
    if least >= 1.0:
        return 1.0
    root, b = np.sqrt(chdtri(1, least)), chdtri(df, least)
    nodes, weights = _legendre()
    x = 0.5 * root * (nodes + 1.0)
    density = np.exp(-0.5 * x**2) * np.sqrt(2.0 / np.pi)
    between = 0.5 * root * weights @ (density * chdtrc(df - 1, b - x**2))
    return float(min(least + between, 1.0))


def _legendre(n=64):
    return roots_legendre(n)


def benjamini_hochberg(p_values):
    """Smallest false discovery rates at which each hypothesis is rejected, shape (m,)."""
    n = len(p_values)
    order = np.argsort(p_values, kind="stable")[::-1]
    scaled = p_values[order] * n / np.arange(n, 0, -1)
    q_values = np.empty(n)
    q_values[order] = np.minimum(np.minimum.accumulate(scaled), 1.0)
    return q_values


def shape_of(vector, is_number, is_missing, statistic):
    """How the log-odds go along a feature, in a word.

    Of the omnibus statistic: "missing" where the indicator of missing values has most of it; else,
    of what numeric segments have, "increasing" or "decreasing" where the mid-ranks have most;
    "u-shaped" or "inverted-u" where their squares have most of the rest; else "irregular".
    Categories are "categories".
    """
    n_numbers = int(is_number.sum())
    indicator = is_missing.astype(float)
    if is_missing.any() and len(is_missing) > 1:
        missing = _contrast_statistic(vector, indicator)[1]
        if missing > 0.5 * statistic and n_numbers:
            return "missing"
        statistic = statistic - missing
    if n_numbers == 0:
        return "categories" if (~is_missing).any() else "none"
    if n_numbers == 1:
        return "none"
    mass = np.where(is_number, vector.mass, 0.0)
    rank = (np.cumsum(mass) - 0.5 * mass) / mass.sum() - 0.5
    slope, trend = _contrast_statistic(vector, np.where(is_number, rank, 0.0), indicator)
    if trend > 0.5 * statistic:
        return "increasing" if slope > 0 else "decreasing"
    square = np.where(is_number, rank**2, 0.0)
    bend, curved = _contrast_statistic(vector, square, indicator, np.where(is_number, rank, 0.0))
    if curved > 0.5 * (statistic - trend):
        return "u-shaped" if bend > 0 else "inverted-u"
    return "irregular"


def _contrast_statistic(vector, contrast, *given):
    """Score and statistic of a contrast of the segments, given others."""
    for other in given:
        tail = vector.variance @ other
        length = other @ tail
        if length > _RANK_TOLERANCE * (other**2 @ vector.information):
            contrast = contrast - other * (contrast @ tail) / length
    variance = contrast @ vector.variance @ contrast
    if not variance > _RANK_TOLERANCE * (contrast**2 @ vector.information):
        return 0.0, 0.0
    score = contrast @ vector.score
    return score, score**2 / variance

"""Contrasts of rows inside a spotlight with those outside, in standard deviations.

Memberships K have the shape (n, k). A row counts as K_ij inside spotlight j, as 1 - K_ij outside:
S and T rows together. Each function gives (inside, outside, contrast) of shape (n_values, k), the
contrast NaN where there is nothing to compare.
"""

import numpy as np

NOISE = 1e-12  # what rounding leaves of no difference, and of no membership


def mean_contrast(values, K):
    """Of the means of values (n,), in their standard deviations."""
    largest = np.abs(values).max(initial=0)
    if largest == 0 or (values == values[0]).all():
        return (np.full((1, K.shape[1]), np.nan),) * 3
    scaled = values / largest  # squares of very large or small numbers would not be finite
    mean = scaled.mean()
    scaled -= mean
    mass = K.sum(axis=0)
    inside = _divide(scaled @ K, mass)
    outside = _divide(scaled @ (1 - K), len(K) - mass)
    contrast = (inside - outside) / np.sqrt(np.mean(scaled**2))
    return tuple(
        row[None] for row in ((inside + mean) * largest, (outside + mean) * largest, contrast)
    )


def share_contrast(incidence, K):
    """Of the shares of rows with a value, in standard deviations of such a share.

    The variance p (1 - p) gets 1 / S more, so that a value of few rows does not look strong. Only
    values that are more frequent inside have a contrast.

    Parameters
    ----------
    incidence : sparse array of zeros and ones of shape (n_values, n)
    """
    mass, count, inside, outside = _shares(incidence, K)
    share = count / len(K)
    spread = (share * (1 - share))[:, None] + _divide(np.ones_like(mass), mass)
    return inside, outside, _listed(count, (inside - outside) / np.sqrt(spread))


def word_contrast(incidence, K):
    """The same by Monroe et al.'s log-odds ratio with an informative prior.

    It counts S more rows on either side, in which a word is as frequent as in all rows. The ratio
    over its standard error, times sqrt(1 / S + 1 / T), is comparable with the other contrasts.
    """
    mass, count, inside, outside = _shares(incidence, K)
    rest = len(K) - mass
    # A word in all texts has no odds, and none that tell texts apart.
    share = np.where(count < len(K), count / len(K), np.nan)[:, None]
    with_in, with_out = (inside + share) * mass, outside * rest + share * mass
    without_in, without_out = 2 * mass - with_in, rest + mass - with_out
    log_odds = np.log(with_in / without_in) - np.log(with_out / without_out)
    variance = 1 / with_in + 1 / without_in + 1 / with_out + 1 / without_out
    contrast = log_odds / np.sqrt(variance) * np.sqrt(_divide(1.0, mass) + _divide(1.0, rest))
    return inside, outside, _listed(count, contrast)


def _shares(incidence, K):
    """Sum of memberships, number of rows with each value, and shares of it inside and outside."""
    mass = K.sum(axis=0)
    count = incidence.sum(axis=1)
    inside = incidence @ K
    outside = np.maximum(count[:, None] - inside, 0)
    return mass, count, _divide(inside, mass), _divide(outside, len(K) - mass)


def _listed(count, contrast):
    """The contrasts of values that more than one row has and that are more frequent inside."""
    return np.where((count > 1)[:, None] & (contrast > 0), contrast, np.nan)


def _divide(values, mass):
    """values / mass; NaN where there is no mass."""
    return values / np.where(mass > NOISE, mass, np.nan)

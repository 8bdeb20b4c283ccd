"""Embeddings with regions of high loss, and how a found one is compared with the truth."""

import numpy as np


def planted(n=600, d=4, n_regions=1, share=0.07, excess=4.0, seed=0):
    """X (n, d), losses (n,) and the truth (n,): number of the region, or -1.

    Regions are balls at opposite sides of a normal cloud; losses are exponential, higher inside.
    """
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    truth = np.full(n, -1)
    losses = rng.exponential(size=n)
    for j in range(n_regions):
        center = np.zeros(d)
        center[: min(d, 2)] = 1.5 * (-1) ** j
        distances = ((X - center) ** 2).sum(axis=1)
        inside = distances <= np.quantile(distances, share)
        truth[inside] = j
        losses[inside] += excess - j
    return X, losses, truth


def two_subclasses(n_classes=40, n_each=50, d=200, seed=0):
    """X (n, d), losses (n,) and the truth (n,): clouds, of which two have high losses throughout.

    With so many dimensions a plane tells the two from all others: a far center holds them both.
    """
    rng = np.random.default_rng(seed)
    subclass = np.repeat(np.arange(n_classes), n_each)
    X = rng.normal(size=(n_classes, d))[subclass] + 0.8 * rng.normal(size=(len(subclass), d))
    truth = np.select([subclass == 0, subclass == 1], [0, 1], -1)
    losses = rng.exponential(size=len(subclass)) + np.where(truth >= 0, 8.0, 0.0)
    return X, losses, truth


def f1(found, truth):
    """F1 of two masks."""
    return 2 * (found & truth).sum() / (found.sum() + truth.sum())


def centred(X, weights=None):
    """X about its mean, with RMS norm 1, as the euclidean metric has it."""
    Z = X - np.average(X, axis=0, weights=weights)
    return Z / np.sqrt(np.average((Z**2).sum(axis=1), weights=weights))

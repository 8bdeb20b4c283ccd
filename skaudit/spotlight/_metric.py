"""The space in which spotlights are round: a linear map of the embedding, fitted once and stored."""

from dataclasses import dataclass

import numpy as np

_BLOCK = 65_536
_SHRINKAGE = 0.1  # share of the mean variance that whitening adds to each direction
METRICS = ("euclidean", "standardized", "whitened", "cosine")


@dataclass
class Metric:
    """z = (x - location) * scale, times `matrix` where whitened; cosine first divides x by |x|.

    `scale` (d,) makes the RMS norm of the rows 1, so that units cancel before any product.
    """

    name: str
    location: np.ndarray
    scale: np.ndarray
    matrix: np.ndarray | None = None

    def apply(self, X, dtype):
        """Rows of the metric's space, shape (n, d), computed in float64 block by block."""
        Z = np.empty(X.shape, dtype=dtype)
        for start in range(0, len(X), _BLOCK):
            Z[start : start + _BLOCK] = self.apply_block(X[start : start + _BLOCK])
        return Z

    def apply_block(self, X):
        Z = X.astype(np.float64, copy=False)
        if self.name == "cosine":
            Z = normalise_rows(Z)
        Z = Z - self.location
        Z *= self.scale
        return Z if self.matrix is None else Z @ self.matrix

    def invert(self, centers):
        """Centers of shape (k, d) in the units of X; cosine: of the normalised rows."""
        if self.matrix is not None:
            centers = np.linalg.solve(self.matrix.T, centers.T).T
        return centers / self.scale + self.location

    def squared_distances(self, X, centers):
        """|z_i - mu_k|^2 of shape (n, k), float64."""
        out = np.empty((len(X), len(centers)))
        for start in range(0, len(X), _BLOCK):
            Z = self.apply_block(X[start : start + _BLOCK])
            for k, center in enumerate(centers):
                difference = Z - center
                out[start : start + _BLOCK, k] = np.einsum("ij,ij->i", difference, difference)
        return out


def fit_metric(name, X, weights):
    """The `Metric` of the rows X (n, d) with weights (n,); None where all rows are the same."""
    location, deviation = _location_and_deviation(name, X, weights)
    varying = deviation > 0
    if not varying.any():
        return None
    d = X.shape[1]
    if name in ("standardized", "whitened"):
        scale = np.where(varying, 1.0, 0.0) / np.where(varying, deviation, 1.0) / np.sqrt(d)
    else:
        largest = deviation.max()
        rms = largest * np.sqrt(((deviation / largest) ** 2).sum())
        scale = np.full(d, 1.0 / rms)
    metric = Metric(name, location, scale)
    if name == "whitened":
        metric.matrix = _whitening(metric, X, weights)
    return metric


def normalise_rows(X):
    """Rows of length 1; rows of zeros stay."""
    largest = np.abs(X).max(axis=1, keepdims=True)
    X = X / np.where(largest > 0, largest, 1.0)
    length = np.sqrt((X * X).sum(axis=1, keepdims=True))
    return X / np.where(length > 0, length, 1.0)


def _blocks(name, X, weights):
    for start in range(0, len(X), _BLOCK):
        block = X[start : start + _BLOCK].astype(np.float64, copy=False)
        yield normalise_rows(block) if name == "cosine" else block, weights[start : start + _BLOCK]


def _location_and_deviation(name, X, weights):
    """Weighted mean and standard deviation of each column, without overflow at extreme units."""
    total = weights.sum()
    location = sum((w / total) @ block for block, w in _blocks(name, X, weights))
    largest = np.max(
        [np.abs(block - location).max(axis=0) for block, _ in _blocks(name, X, weights)], axis=0
    )
    # What rounding of the mean leaves of a constant column is no deviation.
    noise = 8 * np.finfo(X.dtype if X.dtype.kind == "f" else np.float64).eps * np.abs(location)
    largest = np.where(largest > noise, largest, 0.0)
    unit = np.where(largest > 0, largest, 1.0)
    square = sum(
        (w / total) @ ((block - location) / unit) ** 2 for block, w in _blocks(name, X, weights)
    )
    return location, np.where(largest > 0, largest * np.sqrt(square), 0.0)


def _whitening(metric, X, weights):
    """(C + s I)^(-1/2) of the scaled rows, with RMS norm 1 kept; symmetric, shape (d, d)."""
    total = weights.sum()
    covariance = sum(
        (metric.apply_block(block) * (w / total)[:, None]).T @ metric.apply_block(block)
        for block, w in _blocks("euclidean", X, weights)
    )
    d = len(covariance)
    values, vectors = np.linalg.eigh(covariance)
    shrunk = np.maximum(values, 0) + _SHRINKAGE * np.trace(covariance) / d
    matrix = (vectors / np.sqrt(shrunk)) @ vectors.T
    return matrix / np.sqrt(np.trace(matrix @ covariance @ matrix))

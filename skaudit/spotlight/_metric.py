"""The space in which spotlights are round: a linear map of the embedding, fitted and stored."""

from dataclasses import dataclass

import numpy as np

_BLOCK = 2**19  # entries turned into float64 at a time: few enough for a cache, many for a loop
_SHRINKAGE = 0.1  # share of the mean variance that whitening adds to each direction
_LEAST = np.finfo(np.float64).tiny  # the reciprocal of a smaller deviation would be infinite
METRICS = ("euclidean", "standardized", "whitened", "cosine")


@dataclass
class Metric:
    """z = (x - location) * scale, times `matrix` where whitened; cosine first divides x by |x|.

    `scale` (d,) makes the RMS norm of the rows 1, so that units cancel before any product. `unit`
    is the length here of what is 1 where distances are told: in X (euclidean), in rows of length 1
    (cosine), in columns of deviation 1 (standardized), and in these times
    (R + s trace(R) / d I)^(-1/2), with R the correlations of the d columns that vary (whitened).
    """

    name: str
    location: np.ndarray
    scale: np.ndarray
    unit: float
    matrix: np.ndarray | None = None
    n_varying: int = 0  # columns; what was pickled before it was kept predicts without

    def apply(self, X, dtype):
        """Rows of the metric's space, shape (n, d), computed in float64 block by block."""
        Z = np.empty(X.shape, dtype=dtype)
        for part in _parts(X):
            Z[part] = self.apply_block(X[part])
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
        # A constant column has scale 0; the center is then where the column is.
        still = self.scale == 0
        return centers / np.where(still, np.inf, self.scale) + self.location

    def squared_distances(self, X, centers):
        """|z_i - mu_k|^2 of shape (n, k), float64."""
        out = np.empty((len(X), len(centers)))
        # Without a matrix the difference is taken first: one pass less.
        targets = self.invert(centers) if self.matrix is None else centers
        for part in _parts(X):
            if self.matrix is not None:
                Z = self.apply_block(X[part])
            else:
                Z = X[part].astype(np.float64, copy=False)
                Z = normalise_rows(Z) if self.name == "cosine" else Z
            for k, target in enumerate(targets):
                difference = Z - target
                if self.matrix is None:
                    difference *= self.scale
                out[part, k] = np.einsum("ij,ij->i", difference, difference)
        return out


def fit_metric(name, X, weights):
    """The `Metric` of the rows X (n, d) with weights (n,); None where all rows are the same."""
    location, deviation = _location_and_deviation(name, X, weights)
    varying = deviation > 0
    if not varying.any():
        return None
    n_varying = int(np.count_nonzero(varying))
    if name in ("standardized", "whitened"):
        unit = 1.0 / np.sqrt(n_varying)
        scale = unit * varying / np.maximum(np.where(varying, deviation, 1.0), _LEAST)
    else:
        largest = deviation.max()
        rms = largest * np.sqrt(((deviation / largest) ** 2).sum())
        unit = 1.0 / max(rms, _LEAST)
        scale = np.full(X.shape[1], unit)
    metric = Metric(name, location, scale, float(unit), n_varying=n_varying)
    if name == "whitened":
        metric.matrix, metric.unit = _whitening(metric, X, weights)
    return metric


def normalise_rows(X):
    """Rows of length 1; rows of zeros stay."""
    largest = np.abs(X).max(axis=1, keepdims=True)
    X = X / np.where(largest > 0, largest, 1.0)
    length = np.sqrt((X * X).sum(axis=1, keepdims=True))
    return X / np.where(length > 0, length, 1.0)


def _parts(X):
    """Slices of the rows of X (n, d) that make blocks of a bounded size."""
    rows = max(1, _BLOCK // X.shape[1])
    return [slice(start, start + rows) for start in range(0, len(X), rows)]


def _blocks(name, X, weights):
    for part in _parts(X):
        block = X[part].astype(np.float64, copy=False)
        yield normalise_rows(block) if name == "cosine" else block, weights[part]


def _location_and_deviation(name, X, weights):
    """Weighted mean and standard deviation of each column, without overflow at extreme units."""
    total = weights.sum()
    location = sum((w / total) @ block for block, w in _blocks(name, X, weights))
    ends = [(block.min(axis=0), block.max(axis=0)) for block, _ in _blocks(name, X, weights)]
    low, high = np.min([end[0] for end in ends], axis=0), np.max([end[1] for end in ends], axis=0)
    # A column that varies within rounding is constant; its mean may be off by more.
    varying = high > low + 8 * np.finfo(X.dtype).eps * np.abs(location)
    largest = np.where(varying, np.maximum(high - location, location - low), 0.0)
    unit = np.where(varying, largest, np.inf)
    square = sum(
        (w / total) @ _squares(block, location, unit) for block, w in _blocks(name, X, weights)
    )
    return np.where(varying, location, low), largest * np.sqrt(square)


def _squares(block, location, unit):
    """((block - location) / unit)^2, in one array."""
    squares = block - location
    squares /= unit
    squares *= squares
    return squares


def _whitening(metric, X, weights):
    """(C + s I)^(-1/2) of the scaled rows over the RMS norm that it gives them, and 1 over that."""
    total = weights.sum()
    covariance = sum(
        (metric.apply_block(block) * (w / total)[:, None]).T @ metric.apply_block(block)
        for block, w in _blocks("euclidean", X, weights)
    )
    values, vectors = np.linalg.eigh(covariance)
    shrunk = np.maximum(values, 0) + _SHRINKAGE * np.trace(covariance) / metric.n_varying
    matrix = (vectors / np.sqrt(shrunk)) @ vectors.T
    length = np.sqrt(np.trace(matrix @ covariance @ matrix))
    return matrix / length, float(1.0 / length)

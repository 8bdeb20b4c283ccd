"""A feature as shrunk offsets: learned from some rows, looked up for others."""

import numpy as np

from ._cells import make_cells, make_grid
from ._feature import learn_segments, positive_rows
from ._recalibration import fit_recalibration
from ._segments import CategorySegments, NumericSegments
from ._shrinkage import recalibrated, shrink

__all__ = ["cross_encode", "encode", "learn_encoding"]


def learn_encoding(feature, position, segmenter, logit, y, weight, rows=None):
    """Segments of a feature and their offsets from the score, shifted to the right mean.

    Parameters
    ----------
    feature : Feature
    position : int
    segmenter : Segmenter
    logit, y, weight : ndarray of shape (n,), the last may be None
        Of all rows of the feature.
    rows : ndarray or None
        The rows to learn from; None is all.

    Returns
    -------
    dict
        `segments` (a dict that `encode` reads), `offsets` (a number a segment) and `variance`.
    """
    if rows is not None:
        logit, y, weight = logit[rows], y[rows], None if weight is None else weight[rows]
    logit, y, weight, chosen = positive_rows(logit, y, weight)
    if chosen is not None:
        rows = chosen if rows is None else rows[chosen]
    grid = make_grid(logit, y, weight)
    segments, codes, _, _ = learn_segments(feature, position, segmenter, weight, rows)
    cells, listed, _ = make_cells(codes, segments.n_codes, grid)
    shifted = recalibrated(cells, fit_recalibration(grid, "intercept"))
    offsets = np.zeros(segments.n_codes)
    offsets[listed], variance = shrink(shifted, n_fitted=1)
    return {"segments": vars(segments), "offsets": offsets, "variance": variance}


def encode(feature, encoding, rows=None):
    """The offset of the segment of each row, shape (n,); 0 for categories not learned."""
    parts = encoding["segments"]
    is_number = "edges" in parts
    segments = (NumericSegments if is_number else CategorySegments)(**parts)
    feature = feature.take(rows)
    codes = segments.codes(feature.numbers() if is_number else feature.labels())
    # The last entry is for -1.
    return np.append(encoding["offsets"], 0.0)[codes.astype(np.intp)]


def cross_encode(feature, position, segmenter, logit, y, weight, folds):
    """Each row encoded by what was learned from the other folds, shape (n,)."""
    encoded = np.empty(len(y))
    for train, test in folds:
        encoding = learn_encoding(feature, position, segmenter, logit, y, weight, train)
        encoded[test] = encode(feature, encoding, test)
    return encoded

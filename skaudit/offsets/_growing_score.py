"""A score that features join, and what each of the others still says beyond it."""

import numpy as np
from scipy.special import chdtrc, logit

from ._cells import make_cells, make_grid
from ._feature import Segmenter, learn_segments, positive_rows, read_features
from ._inference import omnibus_test, score_vector
from ._recalibration import fit_recalibration, separates
from ._segment_offsets import segment_offsets

__all__ = ["GrowingScore"]

_FAR = 4.0  # an offset beyond, of a segment of one class, is taken for this


class GrowingScore:
    """A score and features, each cut into segments once.

    Parameters
    ----------
    frame : pandas.DataFrame of shape (n, n_features)
        The features: numbers, texts, booleans or categories, with distinct names.
    score : ndarray of shape (n,)
        Probabilities.
    y : ndarray of shape (n,), bool
        Of both classes.
    weight : ndarray of shape (n,) or None
        Weights, >= 0, as numbers of rows.
    n_segments, max_categories : int
        As `IncrementalFeatureAnalyzer` has them.
    """

    def __init__(self, frame, score, y, weight, n_segments=10, max_categories=20):
        eps = np.finfo(np.float64).eps
        self._logit, self._y, self._weight, self._rows = positive_rows(
            logit(np.clip(score, eps, 1.0 - eps)), y, weight
        )
        names = list(frame.columns)
        self._features = dict(
            zip(names, read_features(frame, range(len(names)), names), strict=True)
        )
        self._n_segments, self._max_categories = n_segments, max_categories
        self._codes: dict = {}
        self._start()

    def _start(self):
        """The grid and the null model of the score as it is."""
        self._grid = make_grid(self._logit, self._y, self._weight)
        self._testable = not separates(self._logit, self._grid.events, self._weight)
        self._null = fit_recalibration(self._grid, "spline")

    def _segment_codes(self, name):
        """The segment of each row, and how many there can be."""
        if name not in self._codes:
            feature = self._features[name]
            rule = "quantile" if feature.is_number else "categorical"
            segmenter = Segmenter({0: rule}, self._n_segments, self._max_categories)
            segments, codes, _, _ = learn_segments(feature, 0, segmenter, self._weight, self._rows)
            self._codes[name] = codes, segments.n_codes
        return self._codes[name]

    def _examine(self, name):
        """The cells of a feature, the codes of its segments, and what `segment_offsets` says."""
        codes, n_codes = self._segment_codes(name)
        cells, listed, _ = make_cells(codes, n_codes, self._grid)
        return cells, listed, segment_offsets(cells, limits=False)

    def add(self, name):
        """Add the offsets of the segments of a feature to the logit of the score."""
        codes, n_codes = self._segment_codes(name)
        _, listed, found = self._examine(name)
        offset = np.zeros(n_codes)
        offset[listed] = np.clip(found["offset"], -_FAR, _FAR)
        self._logit = self._logit + offset[codes]
        self._start()

    def p_value(self, name):
        """The larger p-value of score test and likelihood ratio of a feature given the score."""
        cells, listed, found = self._examine(name)
        if len(listed) < 2 or not self._testable:
            return 1.0
        _, _, p_value = omnibus_test(score_vector(cells, self._null))
        return max(p_value, float(chdtrc(len(listed), found["lr"].sum())))

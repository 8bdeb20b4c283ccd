"""`ScoreColumn`: the column of X that holds a score."""

from sklearn.base import BaseEstimator


class ScoreColumn(BaseEstimator):
    """Name the column of X that holds the base score.

    Stands where the estimators of :mod:`skaudit.offsets` take a base model, when the probability
    of the positive class was computed elsewhere. The score travels with X, so that
    cross-validation, searches and `predict` see it; given as fit metadata they would not.

    Parameters
    ----------
    column : str or int
        Name of the column, or its position (negative ones count from the end).

    See Also
    --------
    IncrementalFeatureAnalyzer : What each feature adds to the score.
    LogitOffsetCorrector : Adds features to the score.

    Notes
    -----
    The column holds the probability s of `classes_[1]`, the greater of the two labels: numbers in
    [0, 1], none missing. Values of 0 and 1 are moved by the epsilon of float64, or float32 where
    the scores are no finer, as their logit is infinite; an error tells the range of values outside.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudit import LogitOffsetCorrector, ScoreColumn
    >>> X = np.array([[0.2, 1.0], [0.4, 0.0], [0.6, 1.0], [0.9, 0.0], [0.5, 1.0], [0.3, 0.0]])
    >>> y = [0, 0, 1, 1, 0, 1]
    >>> model = LogitOffsetCorrector(ScoreColumn(0)).fit(X, y)
    >>> model.coef_.shape
    (1, 1)
    """

    def __init__(self, column):
        self.column = column

"""Data with a known truth, to see whether a method finds it."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state

from ..utils._validation import check_row_count, encode_labels

_KINDS = ("symmetric", "class-dependent", "hard-region")


def make_noisy_labels(y, *, X=None, kind="symmetric", rate=0.1, random_state=None):
    """Replace a share of the labels by wrong ones and say which.

    Parameters
    ----------
    y : array-like of shape (n,)
        True labels of at least two classes.
    X : array-like of shape (n, n_features), default=None
        Numeric features, needed by the kind "hard-region".
    kind : {"symmetric", "class-dependent", "hard-region"}, default="symmetric"
        - "symmetric": any row, and any other class, with the same probability.
        - "class-dependent": each class is mistaken for one other class, the next in a random
          circle; some classes more often than others, from never to about twice the mean.
        - "hard-region": rows on which a held-out logistic regression is unsure, replaced by the
          class that it finds most likely among the others.
    rate : float, default=0.1
        Share of the rows to change, in [0, 1); the number is exact, rounded.
    random_state : int, RandomState instance or None, default=None
        Seeds the choice.

    Returns
    -------
    y_noisy : ndarray or pandas.Series of shape (n,)
        The labels with `round(rate * n)` of them wrong; a Series with its index where y is one.
    flipped : ndarray or pandas.Series of shape (n,), bool
        Whether the label was changed.

    Raises
    ------
    ValueError
        Where y has one class, a parameter is out of range, X is missing, or the kind cannot
        change so many rows.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skaudit.datasets import make_noisy_labels
    >>> X, y = load_iris(return_X_y=True)
    >>> y_noisy, flipped = make_noisy_labels(y, rate=0.1, random_state=0)
    >>> int(flipped.sum()), int((y_noisy != y).sum())
    (15, 15)
    """
    if kind not in _KINDS:
        raise ValueError(f"kind must be one of {', '.join(map(repr, _KINDS))}, got {kind!r}.")
    if not 0 <= rate < 1:
        raise ValueError(f"rate must lie in [0, 1), got {rate}.")
    codes, classes = encode_labels(y)
    if len(classes) < 2:
        raise ValueError(f"y has only one class, {classes[0]!r}; there is no wrong label to give.")
    rng = check_random_state(random_state)
    codes = codes.astype(np.intp)
    if kind == "symmetric":
        weight = np.ones(len(codes))
        wrong = (codes + rng.randint(1, len(classes), size=len(codes))) % len(classes)
    elif kind == "class-dependent":
        weight, wrong = _class_dependent(codes, len(classes), rng)
    else:
        weight, wrong = _hard_region(X, codes, rng)
    rows = _weighted_sample(weight, int(rate * len(codes) + 0.5), rng)
    codes[rows] = wrong[rows]
    flipped = np.zeros(len(codes), dtype=bool)
    flipped[rows] = True
    return _like(y, classes[codes]), _like(y, flipped)


def _class_dependent(codes, n_classes, rng):
    """How likely each row is changed, by its class, and the class that its own is mistaken for."""
    circle = rng.permutation(n_classes)
    successor = np.empty(n_classes, dtype=np.intp)
    successor[circle] = np.roll(circle, 1)
    weight = np.linspace(0.0, 2.0, n_classes)[rng.permutation(n_classes)]
    return weight[codes], successor[codes]


def _hard_region(X, codes, rng):
    """How likely each row is changed, by how unsure a model is, and its most likely other class."""
    if X is None:
        raise ValueError("kind='hard-region' needs X: it changes labels where a model is unsure.")
    check_row_count(X, len(codes), "X", of="y")
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    folds = StratifiedKFold(3, shuffle=True, random_state=rng)
    proba = cross_val_predict(model, X, codes, cv=folds, method="predict_proba")
    rows = np.arange(len(codes))
    unsure = 1.0 - proba[rows, codes]
    proba[rows, codes] = -1.0
    return unsure, proba.argmax(axis=1)


def _weighted_sample(weight, count, rng):
    """Positions of `count` rows drawn without replacement, with probability as weight."""
    possible = np.flatnonzero(weight > 0)
    if count > len(possible):
        raise ValueError(f"rate asks for {count} wrong labels, but only {len(possible)} can be.")
    # The largest of log(weight) + Gumbel noise are a weighted sample without replacement.
    keys = np.log(weight[possible]) + rng.gumbel(size=len(possible))
    return possible[np.argsort(-keys)[:count]]


def _like(y, values):
    """The values as a Series with the index of y where y is one."""
    if not hasattr(y, "iloc"):
        return values
    import pandas as pd

    return pd.Series(values, index=y.index, name=getattr(y, "name", None))

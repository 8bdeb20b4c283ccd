"""Scores of a model that lacks a feature, whose effect is known."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.utils import Bunch, check_random_state

_CATEGORIES = 30
_SHARE_MISSING = 0.1


def make_omitted_feature(
    n_samples=10_000,
    *,
    n_features=5,
    effect="linear",
    strength=1.0,
    intercept=-0.5,
    random_state=None,
):
    """Draw labels from a logistic model, and score them by one that lacks a feature.

    As in section 2.4 of [1]_: weights and features are uniform on [-1, 1], the log-odds of y = 1
    are mu = intercept + x b, here with any effect g(x_j) in place of that of one feature. A
    logistic regression is trained, on as many further rows, on the other features only; its
    probabilities of the rows returned are the score.

    Parameters
    ----------
    n_samples : int, default=10000
        Number of rows.
    n_features : int, default=5
        Number of features, the omitted one included.
    effect : {"linear", "u-shape", "step", "rare-category", "missing", "none"}, default="linear"
        g, with the given strength s:

        - "linear": s x;
        - "u-shape": s (3 x^2 - 1) / 2;
        - "step": s / 2 above 0 and -s / 2 below;
        - "rare-category": the omitted feature has 30 categories, the k-th with a share in
          proportion to 1 / k; each of the rarer half adds s or -s, by turns;
        - "missing": a tenth of its values are missing, and those add s; the others say nothing;
        - "none": 0, a feature without information.
    strength : float, default=1.0
        s, in log-odds.
    intercept : float, default=-0.5
        Log-odds where all features are 0.
    random_state : int, RandomState instance or None, default=None
        Seeds everything.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Has the following attributes, n = n_samples:

        frame : pandas.DataFrame of n rows
            The features `known0, ...` of the model, `omitted` and `score`.
        y : ndarray of shape (n,), int
            The labels, 0 or 1.
        effect : ndarray of shape (n,)
            g of the omitted feature, in log-odds.
        proba : ndarray of shape (n,)
            True probability of y = 1.
        coef : ndarray of shape (n_features - 1,)
            Weights of the known features.

    Raises
    ------
    ValueError
        Where a parameter is out of range.

    References
    ----------
    .. [1] A. Klein, "Incremental Feature Analysis Tool - Mathematical definition".

    Examples
    --------
    >>> from skaudit import IncrementalFeatureAnalyzer, ScoreColumn
    >>> from skaudit.datasets import make_omitted_feature
    >>> data = make_omitted_feature(effect="u-shape", random_state=0)
    >>> analyzer = IncrementalFeatureAnalyzer(ScoreColumn("score")).fit(data.frame, data.y)
    >>> analyzer.feature_table_.loc[0, ["feature", "shape"]].tolist()
    ['omitted', 'u-shaped']
    """
    import pandas as pd

    if effect not in _EFFECTS:
        raise ValueError(f"effect must be one of {', '.join(map(repr, _EFFECTS))}, got {effect!r}.")
    if n_features < 2:
        raise ValueError(f"n_features must be at least 2, got {n_features}.")
    if n_samples < 2:
        raise ValueError(f"n_samples must be at least 2, got {n_samples}.")
    rng = check_random_state(random_state)
    coef = rng.uniform(-1, 1, n_features - 1)

    def draw():
        known = rng.uniform(-1, 1, (n_samples, n_features - 1))
        omitted, g = _EFFECTS[effect](n_samples, strength, rng)
        proba = 1 / (1 + np.exp(-(intercept + known @ coef + g)))
        return known, omitted, g, proba, (rng.random_sample(n_samples) < proba).astype(np.int64)

    known, _, _, _, y = draw()
    model = LogisticRegression(C=1e6).fit(known, y) if y.min() < y.max() else None
    known, omitted, g, proba, y = draw()
    if model is None:
        raise ValueError(
            "All training labels are the same; take more n_samples or a less extreme intercept."
        )
    frame = pd.DataFrame(known, columns=[f"known{j}" for j in range(n_features - 1)])
    frame = frame.assign(omitted=omitted, score=model.predict_proba(known)[:, 1])
    return Bunch(frame=frame, y=y, effect=g, proba=proba, coef=coef)


def _linear(n_rows, strength, rng):
    x = rng.uniform(-1, 1, n_rows)
    return x, strength * x


def _u_shape(n_rows, strength, rng):
    x = rng.uniform(-1, 1, n_rows)
    return x, strength * (3 * x**2 - 1) / 2


def _step(n_rows, strength, rng):
    x = rng.uniform(-1, 1, n_rows)
    return x, strength * np.where(x > 0, 0.5, -0.5)


def _rare_category(n_rows, strength, rng):
    share = 1 / np.arange(1, _CATEGORIES + 1)
    code = rng.choice(_CATEGORIES, n_rows, p=share / share.sum())
    is_rare = code >= _CATEGORIES // 2
    names = np.array([f"category{k}" for k in range(_CATEGORIES)], dtype=object)
    return names[code], strength * is_rare * np.where(code % 2 == 0, 1.0, -1.0)


def _missing(n_rows, strength, rng):
    x = rng.uniform(-1, 1, n_rows)
    is_missing = rng.random_sample(n_rows) < _SHARE_MISSING
    return np.where(is_missing, np.nan, x), strength * is_missing


def _none(n_rows, strength, rng):
    return rng.uniform(-1, 1, n_rows), np.zeros(n_rows)


_EFFECTS = {
    "linear": _linear,
    "u-shape": _u_shape,
    "step": _step,
    "rare-category": _rare_category,
    "missing": _missing,
    "none": _none,
}

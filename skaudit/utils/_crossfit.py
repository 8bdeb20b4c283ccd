"""Probabilities of rows from models that have not seen them."""

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, check_cv
from sklearn.pipeline import Pipeline
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import has_fit_parameter

from ._sklearn_compat import params_of_rows, take_rows
from ._validation import shorten

__all__ = ["find_weight_name", "make_folds", "out_of_fold_proba"]


def find_weight_name(estimator):
    """What `estimator.fit` calls the sample weight without metadata routing; None if it has none.

    A Pipeline hands weights to its last step; a search to its estimator.
    """
    if has_fit_parameter(estimator, "sample_weight"):
        return "sample_weight"
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        inner = find_weight_name(last) if hasattr(last, "fit") else None
        return None if inner is None else f"{name}__{inner}"
    if isinstance(estimator, (GridSearchCV, RandomizedSearchCV)):
        return find_weight_name(estimator.estimator)
    return None


def make_folds(cv, X, y, **params):
    """Folds that test each row exactly once.

    Parameters
    ----------
    cv : int, splitter, iterable or None
        As in scikit-learn; an int or None means stratified folds.
    X, y : the rows and their labels
    **params : dict
        Arguments of the splitter, `groups` as a rule.

    Returns
    -------
    list of (train, test), ndarrays of positions

    Raises
    ------
    ValueError
        Where a row is tested never or twice, or a fold is trained on one class only.
    """
    n_rows = len(y)
    folds = []
    tested = np.zeros(n_rows, dtype=np.intp)
    for train, test in check_cv(cv, y, classifier=True).split(X, y, **params):
        train, test = (_positions(rows, n_rows) for rows in (train, test))
        seen = np.zeros(n_rows, dtype=bool)
        seen[train] = True
        if seen[test].any():
            raise ValueError("A fold of cv trains on rows that it tests; they are not held out.")
        if len(classes := np.unique(y[train])) < 2:
            raise ValueError(
                f"A fold of cv trains on one class only: {shorten(classes.tolist())}. Use fewer or "
                "stratified folds."
            )
        tested += np.bincount(test, minlength=n_rows)
        folds.append((train, test))
    if (tested != 1).any():
        raise ValueError(
            f"cv must test every row exactly once; {int((tested == 0).sum())} of {n_rows} rows are "
            f"never tested and {int((tested > 1).sum())} more than once. Use KFold or one of its "
            "kin, or score the rows elsewhere (FrozenEstimator, ScoreColumn)."
        )
    return folds


def _positions(rows, n_rows):
    rows = np.asarray(rows)
    rows = np.flatnonzero(rows) if rows.dtype == bool else rows
    outside = rows[(rows < 0) | (rows >= n_rows)]
    if outside.size:
        raise ValueError(
            f"A fold of cv has rows that X lacks: {shorten(outside.tolist())}; rows are 0 to "
            f"{n_rows - 1}."
        )
    return rows


def out_of_fold_proba(estimator, X, y, folds, read, *, fit_params=None, n_jobs=None):
    """What `read` makes of models that have not seen the rows.

    Parameters
    ----------
    estimator : classifier, not modified
    X, y : the rows and their labels
    folds : list of (train, test)
        As `make_folds` returns them.
    read : callable
        `read(fitted, X)` returns an array of shape (m,) for m rows.
    fit_params : dict, default=None
        Arguments of `fit`; those with a value a row are taken apart.
    n_jobs : int, default=None
        Number of folds fitted at a time.

    Returns
    -------
    ndarray of shape (n,)
    """
    parts = Parallel(n_jobs=n_jobs)(
        delayed(_fit_and_read)(clone(estimator), X, y, train, test, read, fit_params or {})
        for train, test in folds
    )
    result = np.empty(len(y), dtype=np.result_type(*parts))
    for (_, test), part in zip(folds, parts, strict=True):
        result[test] = part
    return result


def _fit_and_read(estimator, X, y, train, test, read, params):
    estimator.fit(take_rows(X, train), y[train], **params_of_rows(X, params, train))
    return read(estimator, take_rows(X, test))

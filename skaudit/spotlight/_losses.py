"""The loss of each sample, of a fitted model or out-of-fold."""

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import cross_val_predict
from sklearn.utils.validation import check_is_fitted, column_or_1d

from ..utils._sklearn_compat import InvalidParameterError, num_samples, routing_enabled
from ..utils._validation import (
    check_container,
    check_row_count,
    check_same_rows,
    encode_labels,
    shorten,
)


def sample_losses(estimator, X, y, *, loss="log_loss", cv=None, params=None, n_jobs=None):
    """Measure how wrong a model is on each sample.

    Parameters
    ----------
    estimator : classifier or regressor
        Fitted, or to be fitted on folds where `cv` is given.
    X : array-like, sparse matrix, DataFrame or list of shape (n, ...)
        The samples as the estimator takes them (not their embedding).
    y : array-like of shape (n,)
        Labels or target values. A callable `loss` of a regressor may have several columns.
    loss : {"log_loss", "zero_one", "brier", "squared", "absolute"} or callable, default="log_loss"
        With p the probabilities of the classes:

        - "log_loss": -ln p(y), p clipped to [eps, 1 - eps] of its dtype as in
          :func:`sklearn.metrics.log_loss`, so that it is finite;
        - "zero_one": 0.0 where the predicted label is y, else 1.0;
        - "brier": sum over classes of (1[class is y] - p(class))^2, halved for two classes, where
          it is (1[y is positive] - p(positive))^2; as
          :func:`sklearn.metrics.brier_score_loss`, from 0 to 1, or to 2 for three and more classes;
        - "squared", "absolute": of the residual of a regressor;
        - a callable gets (y_true, y_pred), y_pred being the class probabilities of a classifier
          (n, n_classes) in the order of `classes_`, or the predictions of a regressor; it returns
          a number a row.
    cv : int, splitter or iterable, default=None
        None: losses of the model as it is, which are too small on the rows it was fitted on.
        Otherwise out-of-fold: those of :func:`sklearn.model_selection.cross_val_predict`.
    params : dict, default=None
        With `cv`: parameters of `fit`, such as `sample_weight`, and `groups` for the splitter.
    n_jobs : int, default=None
        With `cv`: number of folds fitted at a time.

    Returns
    -------
    ndarray of shape (n,), float64
        One loss a row, in the order of the rows of X; finite, and >= 0 unless a callable says else.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        Where the estimator is not fitted and `cv` is None.
    TypeError, ValueError
        Where the loss does not suit the estimator (both), a label is unknown to the model, lengths
        differ, y has the index of X in another order, or predictions or losses are not finite.

    See Also
    --------
    SpotlightFinder : Finds where these losses are high.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skaudit.spotlight import sample_losses
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], ["no", "no", "yes", "no"]
    >>> model = LogisticRegression().fit(X, y)
    >>> sample_losses(model, X, y, loss="zero_one")
    array([0., 0., 1., 0.])
    >>> out_of_fold = sample_losses(LogisticRegression(), X * 5, y * 5, cv=5)
    >>> out_of_fold.argmax() % 4  # the only "yes", among many "no"
    np.int64(2)
    """
    kind = _check_estimator(estimator, loss)
    for name, value in (("X", X), ("y", y)):
        check_container(value, name)
        if value is None:
            raise ValueError(f"{name} is None; it is needed to measure losses.")
    check_same_rows(X, y=y)
    n_rows = num_samples(X)
    if n_rows == 0:
        raise ValueError("X has no rows: there is no loss to measure.")
    check_row_count(y if hasattr(y, "shape") else np.asarray(y), n_rows, "y")
    if cv is None:
        if params is not None:
            raise ValueError("params are for the fits of cv; with cv=None nothing is fitted.")
        check_is_fitted(estimator)

    def predict(method, y):
        if cv is None:
            return getattr(estimator, method)(X)
        return _out_of_fold(estimator, X, y, cv, method, params, n_jobs)

    if kind == "regressor":
        losses = _regression_losses(predict, y, loss)
    else:
        classes = None if cv is not None else _classes_of(estimator)
        losses = _classification_losses(predict, y, classes, loss)
    return _check_losses(losses, n_rows, loss)


def _zero_one(codes, predicted):
    return codes != predicted


def _log_loss(codes, proba):
    eps = np.finfo(proba.dtype).eps
    own = np.clip(proba[np.arange(len(codes)), codes], eps, 1 - eps)
    return -np.log(own.astype(np.float64))


def _brier(codes, proba):
    residual = proba.astype(np.float64)
    residual[np.arange(len(codes)), codes] -= 1.0
    squares = np.einsum("ij,ij->i", residual, residual)
    return squares / 2 if residual.shape[1] < 3 else squares


def _squared(y, predicted):
    with np.errstate(over="ignore"):  # what overflows is reported with the remedy
        return (y - predicted) ** 2


def _absolute(y, predicted):
    with np.errstate(over="ignore"):
        return np.abs(y - predicted)


_OF_PROBABILITIES = {"log_loss": _log_loss, "brier": _brier}
_LOSSES = {
    "classifier": ("log_loss", "zero_one", "brier"),
    "regressor": ("squared", "absolute"),
}


def _check_estimator(estimator, loss):
    """ "classifier" or "regressor", or an error where the estimator does not go with the loss."""
    if isinstance(estimator, type):
        raise InvalidParameterError(
            f"estimator is the class {estimator.__name__}; pass an instance of it."
        )
    name = type(estimator).__name__
    # is_classifier itself fails without tags, with a word about BaseEstimator.
    known = hasattr(estimator, "__sklearn_tags__")
    if not known or not (is_classifier(estimator) or is_regressor(estimator)):
        raise InvalidParameterError(
            f"estimator must be a classifier or a regressor of scikit-learn's kind, got {name}."
        )
    kind = "classifier" if is_classifier(estimator) else "regressor"
    if not callable(loss):
        _check_loss_name(loss, kind, name)
    if kind == "classifier" and loss != "zero_one" and not hasattr(estimator, "predict_proba"):
        raise InvalidParameterError(
            f"{name} has no predict_proba, which loss={_name_of(loss)} needs: take "
            "loss='zero_one', or calibrate it by CalibratedClassifierCV."
        )
    return kind


def _check_loss_name(loss, kind, name):
    every = [choice for choices in _LOSSES.values() for choice in choices]
    if loss not in every:
        raise InvalidParameterError(
            f"loss must be one of {', '.join(map(repr, every))}, or a callable; got {loss!r}."
        )
    if loss not in _LOSSES[kind]:
        raise InvalidParameterError(
            f"loss={loss!r} does not suit {name}, a {kind}: take one of "
            f"{', '.join(map(repr, _LOSSES[kind]))}, or a callable."
        )


def _name_of(loss):
    return getattr(loss, "__name__", type(loss).__name__) if callable(loss) else repr(loss)


def _classes_of(estimator):
    """The labels of a fitted classifier, in the order of its probabilities."""
    classes = getattr(estimator, "classes_", None)
    if classes is None or isinstance(classes, list):
        raise ValueError(
            f"{type(estimator).__name__} has {'no' if classes is None else 'a list of'} classes_; "
            "a classifier of one label a row is needed."
        )
    return np.asarray(classes)


def _out_of_fold(estimator, X, y, cv, method, params, n_jobs):
    if isinstance(estimator, FrozenEstimator):
        raise InvalidParameterError(
            "estimator is frozen: no fold would be fitted, and the losses would not be "
            "out-of-fold. Pass the unfrozen model, or cv=None."
        )
    params = {} if params is None else dict(params)
    # Without routing the groups have an argument of their own.
    groups = None if routing_enabled() else params.pop("groups", None)
    return cross_val_predict(
        estimator, X, y, groups=groups, cv=cv, n_jobs=n_jobs, params=params, method=method
    )


def _regression_losses(predict, y, loss):
    target = np.asarray(y)
    if not callable(loss):
        target = column_or_1d(target, warn=True)
    target = _as_numbers(target, "y")
    predicted = _as_numbers(np.asarray(predict("predict", target)), "The prediction")
    if target.ndim == 1 and predicted.shape == (len(target), 1):
        predicted = predicted[:, 0]
    if predicted.shape != target.shape:
        raise ValueError(
            f"The predictions have the shape {predicted.shape}, and y has {target.shape}; they "
            "must be the same."
        )
    if callable(loss):
        return loss(target, predicted)
    return {"squared": _squared, "absolute": _absolute}[loss](target, predicted)


def _as_numbers(values, name):
    """The values as finite float64."""
    try:
        if values.dtype.kind not in "fiubO":
            raise TypeError(f"got {values.dtype}")
        values = values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be numbers for a regressor: {error}.") from error
    n_bad = int((~np.isfinite(values)).sum())
    if n_bad:
        raise ValueError(f"{name} contains NaN or infinity: {n_bad} of {values.size} entries.")
    return values


def _classification_losses(predict, y, classes, loss):
    codes, found = encode_labels(y)
    labels = found[codes]
    classes = found if classes is None else classes
    codes = _positions(found, classes, "y")[codes]
    if loss == "zero_one":
        predicted, values = encode_labels(predict("predict", labels))
        return _zero_one(codes, _positions(values, classes, "The prediction")[predicted])
    proba = _check_proba(predict("predict_proba", labels), len(codes), classes)
    if callable(loss):
        return loss(labels, proba)
    return _OF_PROBABILITIES[loss](codes, proba)


def _positions(labels, classes, name):
    """Where in `classes` each of the labels is; ValueError with those that are not."""
    place = {label: i for i, label in enumerate(classes.tolist())}
    unknown = [label for label in labels.tolist() if label not in place]
    if unknown:
        raise ValueError(
            f"{name} has labels that the model does not know: {shorten(unknown)}; its classes_ are "
            f"{shorten(classes.tolist())}."
        )
    return np.array([place[label] for label in labels.tolist()], dtype=np.intp)


def _check_proba(proba, n_rows, classes):
    """Class probabilities of shape (n_rows, n_classes), in their own float type."""
    if isinstance(proba, list):
        raise ValueError("predict_proba gives a list: one label a row is needed, not several.")
    proba = np.asarray(proba)
    if proba.dtype.kind != "f":
        proba = proba.astype(np.float64)
    if proba.shape != (n_rows, len(classes)):
        raise ValueError(
            f"predict_proba gives the shape {proba.shape}; ({n_rows}, {len(classes)}) is needed, a "
            f"column for each of the classes {shorten(classes.tolist())}."
        )
    n_bad = int((~np.isfinite(proba)).any(axis=1).sum())
    if n_bad:
        raise ValueError(f"predict_proba is NaN or infinite in {n_bad} of {n_rows} rows.")
    # Room for the rounding of the model's own dtype, not for scores that are no probabilities.
    tolerance = 1e-2 if proba.dtype == np.float16 else 1e-3
    low, high = proba.min(), proba.max()
    if low < -tolerance or high > 1 + tolerance:
        raise ValueError(
            f"predict_proba must lie in [0, 1], got values from {low:.4g} to {high:.4g}."
        )
    sums = proba.sum(axis=1, dtype=np.float64)
    worst = int(np.abs(sums - 1).argmax())
    if abs(sums[worst] - 1) > tolerance:
        raise ValueError(
            f"The probabilities of a row must sum to 1; those of row {worst} sum to "
            f"{sums[worst]:.4g}."
        )
    return proba


def _check_losses(losses, n_rows, loss):
    """One finite float64 a row."""
    losses = np.asarray(losses)
    if losses.shape != (n_rows,) or losses.dtype.kind not in "fiub":
        raise ValueError(
            f"loss={_name_of(loss)} must return one number a row, an array of shape ({n_rows},); "
            f"got {losses.dtype} of shape {losses.shape}. A metric that averages will not do."
        )
    losses = losses.astype(np.float64)
    n_bad = int((~np.isfinite(losses)).sum())
    if n_bad:
        raise ValueError(
            f"loss={_name_of(loss)} is NaN or infinite for {n_bad} of {n_rows} rows: clip "
            "probabilities first; for very large residuals take 'absolute', or scale y."
        )
    return losses

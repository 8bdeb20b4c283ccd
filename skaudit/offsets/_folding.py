"""Linear models behind linear scalers as one linear model of the raw columns."""

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)

from ._columns import find_positions

__all__ = ["linear_base", "linear_scaling", "scaled_columns"]


_SCALERS = "StandardScaler, MinMaxScaler, MaxAbsScaler and RobustScaler"


def linear_base(base):
    """Coefficients and intercept of a base whose log-odds are linear in its columns."""
    base = _thawed(base)
    if isinstance(base, DummyClassifier):
        low, high = base.class_prior_
        return 0.0, float(np.log(high) - np.log(low))
    if hasattr(base, "to_logistic_regression"):
        base = base.to_logistic_regression()
    factor, added, last = 1.0, 0.0, base
    if isinstance(base, Pipeline):
        last = _thawed(base.steps[-1][1])
        factor, added = _linear_steps(base.steps[:-1], "base")
    is_logistic = isinstance(last, (LogisticRegression, LogisticRegressionCV))
    if not is_logistic or getattr(last, "multi_class", None) == "multinomial":
        raise ValueError(
            "to_logistic_regression needs a base whose log-odds are linear: a LogisticRegression, "
            f"or a Pipeline of {_SCALERS} that ends with one; the base is {base!r}."
        )
    coef = last.coef_[0]
    return coef * factor, float(last.intercept_[0] + np.sum(coef * added))


def _linear_steps(steps, owner):
    """The scalings of several transformers as one: x * factor + added."""
    factor, added = 1.0, 0.0
    for _, step in steps:
        step_factor, step_added = linear_scaling(step, owner)
        factor, added = factor * step_factor, added * step_factor + step_added
    return factor, added


def linear_scaling(step, owner):
    """What a fitted transformer does to each column: x * factor + added."""
    step = _thawed(step)
    if isinstance(step, Pipeline):
        return _linear_steps(step.steps, owner)
    untouched = isinstance(step, FunctionTransformer) and step.func is None
    if untouched or step is None or isinstance(step, str):  # "passthrough"
        return 1.0, 0.0
    scalers = (StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler)
    if not isinstance(step, scalers) or getattr(step, "clip", False):
        raise ValueError(
            f"to_logistic_regression can fold {_SCALERS} (without clip), not the {step!r} of the "
            f"{owner}."
        )
    if isinstance(step, MinMaxScaler):
        return step.scale_, step.min_
    center = getattr(step, "mean_" if isinstance(step, StandardScaler) else "center_", None)
    if not getattr(step, "with_mean", True):
        center = None  # StandardScaler keeps a mean that it does not subtract
    factor = 1.0 if step.scale_ is None else 1.0 / step.scale_
    return factor, 0.0 if center is None else -center * factor


def scaled_columns(transformer, n_columns, names):
    """Positions in X, slice of the columns that come out, and transformer of each part."""
    if not isinstance(transformer, ColumnTransformer):
        return [(np.arange(n_columns), slice(None), transformer)]
    names = None if names is None else names.tolist()
    parts = []
    for name, step, columns in transformer.transformers_:
        out = transformer.output_indices_[name]
        if out.stop > out.start:
            chosen = np.arange(n_columns)[columns] if isinstance(columns, slice) else columns
            parts.append((find_positions(chosen, names, n_columns), out, step))
    return parts


def _thawed(estimator):
    while isinstance(estimator, FrozenEstimator):
        estimator = estimator.estimator
    return estimator

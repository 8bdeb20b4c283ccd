"""Where the rows lie for a model, and as a table: what spotlights are searched in."""

import warnings

import numpy as np
from scipy import sparse
from scipy.special import expit
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_selection import SelectorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils import get_tags

from ..dynamics import DataMapClassifier
from ..utils._frames import frame_values
from ..utils._sklearn_compat import num_samples, take_rows
from ..utils._validation import check_container, check_finite_columns, check_row_count
from ._columns import as_labels, as_years
from ._default_model import TextFeatures

_LEAST = 100  # rows to search in
_DIMENSIONS = 32  # of leaves and sparse matrices
_TEXT_DIMENSIONS = 16  # of a text column
_CATEGORIES = 20  # of a column; the others are one more
# Planted regions of two columns each, 20 in all: mean F1 .74; with normal scores and 1 for all
# kinds .58. Two rows of different categories differ as a whole, two numbers by a little.
_VARIANCE = {"category": 2.25, "text": 0.25}
_TREES = 40  # of an ensemble; more of them tell the same
_WRAPPERS = (DataMapClassifier, FixedThresholdClassifier, TunedThresholdClassifierCV)
_ACTIVATIONS = {
    "identity": lambda z: z,
    "logistic": expit,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0.0),
}


def check_embedding(embedding, n_rows):
    """The caller's embedding as a matrix of finite floats."""
    check_container(embedding, "embedding")
    matrix = as_matrix(embedding)
    if sparse.issparse(matrix) or matrix.ndim != 2:
        raise ValueError("embedding must be a dense matrix of shape (n, n_dimensions).")
    check_row_count(matrix, n_rows, "embedding")
    check_finite_columns(matrix)
    return matrix


def find_embeddings(given, held_out, rows, random_state):
    """Name -> embedding and its rows: the caller's, or the model's own and that of the table."""
    everyone = np.arange(rows.n)
    if given is not None:
        return {"the embedding given": (given, everyone)}
    found = {}
    name, own, seen = model_embedding(
        held_out.estimator, rows.X_model, held_out.unseen, random_state
    )
    if name is not None and len(seen) >= _LEAST:
        found[name] = own, seen
    table = None if rows.table is None else table_embedding(rows.table, rows.kinds, random_state)
    if table is not None:
        found["the table"] = table, everyone
    return found


def model_embedding(estimator, X, unseen, random_state):
    """Where a fitted classifier places the rows.

    What was learned from labels places the rows that it was trained on by their labels: rows of
    the same label come together, and with them their losses. Such an embedding is of the unseen
    rows alone.

    Parameters
    ----------
    estimator : fitted classifier
    X : rows as the classifier takes them
    unseen : ndarray of positions
        Rows that it was not trained on.

    Returns
    -------
    name : str or None
        What the embedding is; None where the model has none of its own.
    embedding : ndarray of shape (m, n_dimensions) or None
        The last hidden layer of a multilayer perceptron; the leaves of a forest, tree or booster,
        reduced by a truncated singular value decomposition; else, of a Pipeline, what its last
        step gets.
    rows : ndarray of shape (m,) or None
        Positions of its rows.
    """
    while not isinstance(estimator, Pipeline) and (inner := _inner(estimator)) is not None:
        estimator = inner
    head, learner = None, estimator
    if isinstance(estimator, Pipeline):
        head = estimator[:-1] if len(estimator.steps) > 1 else None
        learner = estimator.steps[-1][1]
    rows = unseen if _has_learned_places(head, learner) else np.arange(num_samples(X))
    X = take_rows(X, rows)
    X = X if head is None else head.transform(X)
    if isinstance(learner, MLPClassifier):
        return "the last hidden layer", _last_hidden_layer(learner, as_matrix(X)), rows
    if (leaves := _leaves(learner, X)) is not None:
        return "the leaves of the model's trees", _reduced(_one_hot(leaves), random_state), rows
    if head is None:
        return None, None, None
    matrix = X if sparse.issparse(X) else as_matrix(X)
    matrix = _reduced(matrix, random_state) if sparse.issparse(matrix) else matrix
    if not np.isfinite(matrix).all():
        return None, None, None
    return "the columns as the Pipeline makes them", matrix, rows


def _has_learned_places(head, learner):
    """Whether labels had a say in where rows lie."""
    if isinstance(learner, MLPClassifier) or _has_leaves(learner):
        return True
    steps = [] if head is None else list(head.get_params().values())
    steps = [step for step in steps if hasattr(step, "__sklearn_tags__")]
    # Selectors do not say whether they look at the labels; most do.
    return any(isinstance(s, SelectorMixin) or get_tags(s).target_tags.required for s in steps)


def _inner(estimator):
    """The fitted model inside a search, a frozen or a wrapped one; None if there is none."""
    if isinstance(estimator, FrozenEstimator):
        return estimator.estimator
    if isinstance(estimator, _WRAPPERS):
        return getattr(estimator, "estimator_", None)
    return getattr(estimator, "best_estimator_", None)


def as_matrix(X):
    """A dense or sparse matrix, or a frame of numbers, as floats."""
    if hasattr(X, "columns"):
        X = frame_values(X)
    return X.astype(np.float64) if sparse.issparse(X) else np.asarray(X, dtype=np.float64)


def _last_hidden_layer(network, X):
    """The activations that the output layer of a multilayer perceptron gets."""
    activation = _ACTIVATIONS[network.activation]
    for weights, shift in zip(network.coefs_[:-1], network.intercepts_[:-1], strict=True):
        X = activation(X @ weights + shift)
    return X.toarray() if sparse.issparse(X) else X


def _leaves(estimator, X):
    """Which leaf of each tree a row falls into, shape (n, n_trees), or None without trees."""
    if hasattr(estimator, "apply"):
        with warnings.catch_warnings():
            # Boosters hand a frame on to trees that were fitted on arrays.
            warnings.filterwarnings("ignore", "X has feature names")
            leaves = np.asarray(estimator.apply(X))
        leaves = leaves.reshape(len(leaves), -1)
        return leaves[:, _some(leaves.shape[1])]
    # Histogram boosting tells no leaves, but what a tree adds is another number for each of them.
    return _leaves_by_value(estimator, X) if _has_leaves(estimator) else None


def _has_leaves(estimator):
    staged = hasattr(estimator, "n_iter_") and hasattr(estimator, "staged_decision_function")
    return staged or hasattr(estimator, "apply")


def _leaves_by_value(booster, X):
    before, columns = 0.0, []
    some = set(_some(booster.n_iter_))
    for stage, total in enumerate(booster.staged_decision_function(X)):
        if stage in some:
            added = (total - before).reshape(len(total), -1)
            columns += [np.unique(np.round(c, 10), return_inverse=True)[1] for c in added.T]
        before = total.copy()
    return np.stack(columns, axis=1)


def _some(n_trees):
    """Positions of at most `_TREES` trees, evenly spaced."""
    return np.unique(np.linspace(0, n_trees - 1, _TREES).astype(int)).tolist()


def _one_hot(leaves):
    return OneHotEncoder(dtype=np.float32, handle_unknown="ignore").fit_transform(leaves)


def _reduced(matrix, random_state):
    """A sparse matrix in at most `_DIMENSIONS` dense columns."""
    n_components = min(_DIMENSIONS, min(matrix.shape) - 1)
    if n_components < 1:
        return matrix.toarray().astype(np.float64)
    # Rows that are all the same have no variance, of which scikit-learn takes shares.
    with np.errstate(divide="ignore", invalid="ignore"):
        return TruncatedSVD(n_components, random_state=random_state).fit_transform(matrix)


def table_embedding(table, kinds, random_state):
    """Where the rows of a table lie.

    Numbers and dates by their ranks, which are bounded and know no outliers, beside a flag for
    missing ones; categories one-hot; texts by the leading components of their words. A column of
    numbers has a total variance of 1, the others as `_VARIANCE` says.

    Parameters
    ----------
    table : pandas.DataFrame
    kinds : dict of str
        Of its columns.

    Returns
    -------
    ndarray of shape (n, n_dimensions) or None
        None where no column says anything.
    """
    blocks = [
        block
        for i, name in enumerate(table.columns)
        if (block := _block(table.iloc[:, i], kinds[name], random_state)) is not None
    ]
    return np.hstack(blocks) if blocks else None


def _block(column, kind, random_state):
    """One column in the embedding, shape (n, m); None if it says nothing."""
    if kind == "number":
        block = _ranked(column.to_numpy(dtype=np.float64, na_value=np.nan))
    elif kind == "date":
        block = _ranked(as_years(column))
    elif kind == "category":
        encoder = OneHotEncoder(max_categories=_CATEGORIES + 1, sparse_output=False)
        block = encoder.fit_transform(as_labels(column)[:, None])
    elif kind == "text":
        words = TextFeatures(_TEXT_DIMENSIONS, random_state=random_state).fit_transform(column)
        block = words.toarray() if sparse.issparse(words) else words
    else:
        return None
    variance = block.var(axis=0).sum()
    if variance < 1e-12:
        return None
    return (block * np.sqrt(_VARIANCE.get(kind, 1.0) / variance)).astype(np.float32)


def _ranked(values):
    """Mean ranks of numbers, 1 the highest; .5 for missing ones, which a second column marks."""
    missing = np.isnan(values)
    order = np.argsort(values)[: len(values) - missing.sum()]
    ordered = values[order]
    first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(order)])
    count = np.diff(first, append=len(order))
    ranks = np.full(len(values), 0.5)
    ranks[order] = np.repeat(first + 0.5 * (count + 1), count) / max(len(order), 1)
    return np.stack([ranks, missing], axis=1) if len(order) < len(values) else ranks[:, None]

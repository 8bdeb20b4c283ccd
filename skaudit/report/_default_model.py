"""The classifier that stands in where none is given."""

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder
from sklearn.utils.validation import check_is_fitted

from ..utils._frames import frame_values
from ..utils._validation import shorten
from ._columns import as_labels, as_texts, as_years, column_kinds
from ._rows import table_of

__all__ = [
    "TextFeatures",
    "default_model_for",
    "label_columns",
    "make_default_model",
    "year_columns",
]

_MAX_CATEGORIES = 250  # the trees take 255
_COMPONENTS = 20
_RARE_ROWS = 20  # from so many rows on, a word of one row is left out

# Measured by cross-validation on 13 data sets of 300 to 20,000 rows (breast cancer, noisy clusters,
# logistic data, mixed frames with missing values and categories). scikit-learn's defaults fit small
# tables until they are sure of what is noise: calibration slopes of 0.3 to 0.6 below 1,000 rows.
# These give 0.7 to 1.4 there, and a lower log loss on 11 of the 13. 31 leaves and 150 iterations
# gain on large tables of clusters and lose on all of the logistic and mixed ones. The penalty is
# set against p(1 - p) summed over the rows of a leaf, so it gives way by itself as a table grows.
# Stopping early would hold back rows that small tables cannot spare.
_BOOSTING = {
    "learning_rate": 0.1,
    "max_iter": 100,
    "max_leaf_nodes": 15,
    "l2_regularization": 20.0,
    "max_features": 0.3,
    "early_stopping": False,
}
# The penalty of a logistic regression with C = 2. On comments of GoEmotions, 200 to 12,000 of them,
# 0.5 had the lowest log loss of 0.2, 0.3 and 0.5, and slopes of 0.9 to 1.2 from 500 rows on; a
# penalty that does not shrink with the rows is over-confident on few and timid on many.
_TEXT_PENALTY = 0.5


def make_default_model(frame, kinds=None, random_state=None):
    """A classifier for the columns of a frame.

    Gradient-boosted trees on numbers, categories, dates (years with a fraction) and the leading
    components of texts; where texts are all there is, a linear model of their words. Identifiers,
    constants and other columns are left out. Missing values need no care, and neither do categories
    and words that come up after the fit.

    Parameters
    ----------
    frame : pandas.DataFrame of shape (n, n_features)
        The columns that the model will get, for their kinds and number of rows.
    kinds : dict of str, default=None
        As `column_kinds` returns them; None finds them.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    Pipeline
        Not fitted, of "columns" and "classifier". The stages of the trees, and the epochs of
        `partial_fit` of the linear model, are training dynamics.

    Raises
    ------
    ValueError
        Where no column can be used; the text says what the columns are.
    """
    kinds = column_kinds(frame) if kinds is None else kinds
    chosen = {
        kind: _selection(frame, kinds, kind) for kind in ("category", "number", "date", "text")
    }
    if not any(chosen.values()):
        raise ValueError(_nothing_to_learn_from(kinds))
    if not (chosen["category"] or chosen["number"] or chosen["date"]):
        return _text_model(chosen["text"], len(frame), random_state)
    columns = ColumnTransformer(
        [*_plain_steps(chosen), *_text_steps(chosen["text"], _COMPONENTS, random_state)],
        remainder="drop",
        sparse_threshold=0,
    )
    # Categories are the first columns that come out.
    categories = list(range(len(chosen["category"]))) or None
    trees = HistGradientBoostingClassifier(
        categorical_features=categories, random_state=random_state, **_BOOSTING
    )
    return Pipeline([("columns", columns), ("classifier", trees)])


def default_model_for(X, random_state):
    """The default model for whatever the caller has the rows in.

    Raises
    ------
    ValueError
        Where X is a wide sparse matrix, or no column can be used.
    """
    table = table_of(X)
    if table is None:
        raise ValueError("X is a wide sparse matrix: there is no default model for it; pass one.")
    if hasattr(X, "iloc") and X.ndim == 2:
        table.columns = X.columns  # which the model has to find again
    model = make_default_model(table, random_state=random_state)
    if not hasattr(X, "iloc") or X.ndim == 1:
        model.steps.insert(0, ("table", FunctionTransformer(table_of)))
    return model


def label_columns(frame):
    """The columns of a frame as an object array of strings, missing ones NaN."""
    return np.column_stack([as_labels(frame.iloc[:, i]) for i in range(frame.shape[1])])


def year_columns(frame):
    """The date columns of a frame as years with a fraction, durations as days."""
    return np.column_stack([as_years(frame.iloc[:, i]) for i in range(frame.shape[1])])


class TextFeatures(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Tf-idf of one column of texts, or its leading components; a zero where there are no words.

    Parameters
    ----------
    n_components : int, default=None
        Most components of a truncated SVD; None keeps the sparse tf-idf.
    max_features : int, default=20000
        Most words, the most frequent ones.
    random_state : int, RandomState instance or None, default=None
    """

    def __init__(self, n_components=None, max_features=20_000, random_state=None):
        self.n_components = n_components
        self.max_features = max_features
        self.random_state = random_state

    def fit(self, X, y=None):
        """Learn the words of a Series of texts, and the components."""
        self.fit_transform(X)
        return self

    def fit_transform(self, X, y=None):
        """Learn from a Series of texts and return their features, an array or CSR matrix."""
        self._svd = None
        self.vectorizer_, features = _fit_words(as_texts(X), self.max_features)
        if self.n_components is not None and self.vectorizer_ is not None:
            n_components = min(self.n_components, *features.shape)
            self._svd = TruncatedSVD(n_components, random_state=self.random_state)
            # Texts that are all the same have no variance, of which scikit-learn takes shares.
            with np.errstate(divide="ignore", invalid="ignore"):
                features = self._svd.fit_transform(features)
        self._n_features_out = features.shape[1]
        return features

    def transform(self, X):
        """The features of a Series of texts."""
        check_is_fitted(self)
        if self.vectorizer_ is None:
            return sparse.csr_matrix((len(X), 1))
        words = self.vectorizer_.transform(as_texts(X))
        return words if self._svd is None else self._svd.transform(words)


def _fit_words(texts, max_features):
    """A fitted vectorizer of texts and their tf-idf; None and zeros where they have no words."""
    for min_df in (2, 1) if len(texts) >= _RARE_ROWS else (1,):
        vectorizer = TfidfVectorizer(sublinear_tf=True, min_df=min_df, max_features=max_features)
        try:
            return vectorizer, vectorizer.fit_transform(texts)
        except ValueError:  # no word is left
            continue
    return None, sparse.csr_matrix((len(texts), 1))


def _text_model(columns, n_rows, random_state):
    """A linear model of the words of texts."""
    words = ColumnTransformer(
        _text_steps(columns, None, random_state), remainder="drop", sparse_threshold=1.0
    )
    linear = SGDClassifier(
        loss="log_loss", alpha=_TEXT_PENALTY / max(n_rows, 1), random_state=random_state
    )
    return Pipeline([("columns", words), ("classifier", linear)])


def _plain_steps(chosen):
    """Steps of a ColumnTransformer for columns that are no texts, categories first."""
    # Unknown, missing and rare are what the trees split apart, so none of them may raise.
    codes = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
        max_categories=_MAX_CATEGORIES,
    )
    steps = [
        ("categories", make_pipeline(_apply(label_columns), codes), chosen["category"]),
        ("numbers", _apply(frame_values), chosen["number"]),
        ("dates", _apply(year_columns), chosen["date"]),
    ]
    return [step for step in steps if step[2]]


def _text_steps(columns, n_components, random_state):
    return [
        (f"text_{i}", TextFeatures(n_components, random_state=random_state), column)
        for i, column in enumerate(columns, start=1)
    ]


def _apply(function):
    return FunctionTransformer(function, feature_names_out="one-to-one")


def _selection(frame, kinds, kind):
    """The columns of a kind: names where all are strings and none repeats, else positions."""
    names = list(frame.columns)
    by_name = all(isinstance(name, str) for name in names) and len(set(names)) == len(names)
    return [name if by_name else i for i, name in enumerate(names) if kinds[name] == kind]


def _nothing_to_learn_from(kinds):
    found: dict = {}
    for name, kind in kinds.items():
        found.setdefault(kind, []).append(name)
    listed = "; ".join(f"{kind}: {shorten(names)}" for kind, names in found.items())
    return (
        "There is no column to learn from: numbers, categories, dates and texts are used, but the "
        f"table has {listed or 'no columns'}. Add a column, or pass a model of your own."
    )

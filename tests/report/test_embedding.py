"""Embeddings: equal to what the model computes, one distance for each kind of column."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.special import softmax
from scipy.stats import rankdata
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder
from sklearn.tree import DecisionTreeClassifier

from skaudit import DataMapClassifier
from skaudit.report._columns import column_kinds
from skaudit.report._embedding import _leaves, _ranked, model_embedding, table_embedding

X, Y = load_iris(return_X_y=True)
EVERY_THIRD = np.arange(0, 150, 3)


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_the_last_hidden_layer_makes_the_probabilities(activation):
    network = MLPClassifier((7, 5), activation=activation, max_iter=20, random_state=0).fit(X, Y)
    unseen = np.arange(0, 150, 3)
    name, hidden, rows = model_embedding(network, X, unseen, 0)
    assert name == "the last hidden layer"
    assert hidden.shape == (50, 5)
    np.testing.assert_array_equal(rows, unseen)
    logits = hidden @ network.coefs_[-1] + network.intercepts_[-1]
    np.testing.assert_allclose(softmax(logits, axis=1), network.predict_proba(X[unseen]))


FORESTS = {
    "tree": DecisionTreeClassifier(max_depth=3, random_state=0),
    "forest": RandomForestClassifier(12, max_depth=3, random_state=0),
    "boosting": GradientBoostingClassifier(n_estimators=6, max_depth=2, random_state=0),
    "histogram": HistGradientBoostingClassifier(max_iter=6, max_leaf_nodes=4),
}


@pytest.mark.parametrize("name", FORESTS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_rows_of_the_same_leaves_have_the_same_probabilities(name, n_classes):
    rows = Y < n_classes
    model = FORESTS[name].fit(X[rows], Y[rows])
    leaves = _leaves(model, X[rows])
    _, group = np.unique(leaves, axis=0, return_inverse=True)
    proba = model.predict_proba(X[rows])
    for g in range(group.max() + 1):
        np.testing.assert_allclose(np.ptp(proba[group == g], axis=0), 0, atol=1e-9)
    embedded, Z, seen = model_embedding(model, X[rows], np.arange(rows.sum()), 0)
    assert embedded == "the leaves of the model's trees"
    assert len(Z) == len(seen) == rows.sum()
    first = np.flatnonzero(group == group[0])
    np.testing.assert_allclose(np.ptp(Z[first], axis=0), 0, atol=1e-5)


def test_values_tell_the_leaves_of_histograms_apart():
    """Of gradient boosting both ways are known: the leaves by number and by value."""
    model = GradientBoostingClassifier(n_estimators=5, max_depth=2, random_state=0).fit(X, Y)
    from skaudit.report._embedding import _leaves_by_value

    class Staged:
        n_iter_ = 5
        staged_decision_function = staticmethod(model.staged_decision_function)

    by_value, by_number = _leaves_by_value(Staged, X), _leaves(model, X)
    assert by_value.shape == (150, 15)
    for group in np.unique(by_number, axis=0):
        rows = (by_number == group).all(axis=1)
        # The first tree's values are on top of the prior, which is the same for all rows.
        assert len(np.unique(by_value[rows], axis=0)) == 1


def test_a_pipeline_shows_what_its_last_step_gets():
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    name, Z, rows = model_embedding(model, X, EVERY_THIRD, 0)
    assert name == "the columns as the Pipeline makes them"
    np.testing.assert_array_equal(rows, np.arange(150))  # no label had a say in it
    np.testing.assert_allclose(Z, StandardScaler().fit_transform(X))
    words = make_pipeline(TfidfVectorizer(), LogisticRegression())
    texts = ["good", "bad news", "good day", "bad"] * 10
    words.fit(texts, [1, 0, 1, 0] * 10)
    assert model_embedding(words, texts, np.arange(9), 0)[1].shape[0] == 40


def test_what_labels_made_places_unseen_rows_alone():
    """A step that needs labels, also one inside of others."""
    chosen = make_pipeline(SelectKBest(k=2), LogisticRegression()).fit(X, Y)
    encoder = make_column_transformer((TargetEncoder(), [0]), remainder="passthrough")
    encoded = make_pipeline(encoder, LogisticRegression(max_iter=1000)).fit(X, Y)
    for model in (chosen, encoded):
        _, Z, rows = model_embedding(model, X, EVERY_THIRD, 0)
        np.testing.assert_array_equal(rows, EVERY_THIRD)
        assert len(Z) == 50


def test_wrapped_models_are_looked_into():
    model = make_pipeline(StandardScaler(), LogisticRegression())
    expected = model_embedding(model.fit(X, Y), X, EVERY_THIRD, 0)[1]
    search = GridSearchCV(model, {"logisticregression__C": [1.0]}, cv=2).fit(X, Y)
    mapped = DataMapClassifier(model, cv=2, random_state=0).fit(X, Y)
    for wrapped in (FrozenEstimator(model), search, mapped):
        np.testing.assert_allclose(model_embedding(wrapped, X, EVERY_THIRD, 0)[1], expected)


def test_other_models_have_none():
    for model in (GaussianNB(), GridSearchCV(GaussianNB(), {}, cv=2)):
        assert model_embedding(model.fit(X, Y), X, EVERY_THIRD, 0) == (None, None, None)


def test_sparse_rows_go_through_a_network():
    network = MLPClassifier((4,), max_iter=200, random_state=0, tol=1.0).fit(X, Y)
    np.testing.assert_allclose(
        model_embedding(network, sparse.csr_matrix(X), EVERY_THIRD, 0)[1],
        model_embedding(network, X, EVERY_THIRD, 0)[1],
    )


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "number": rng.lognormal(size=200),
            "gaps": np.where(rng.random(200) < 0.2, np.nan, rng.normal(size=200)),
            "category": rng.choice(list("abc"), 200),
            "date": pd.date_range("2020", periods=200),
            "text": [" ".join(rng.choice(list("abcdefghij"), 5)) + f" w{i}" for i in range(200)],
            "constant": 1,
            "id": [f"row-{i}" for i in range(200)],
        }
    )


def placed(table):
    return table_embedding(table, column_kinds(table), 0)


def test_the_variance_of_a_column_is_set_by_its_kind(table):
    for name, variance in {
        "number": 1,
        "gaps": 1,
        "category": 2.25,
        "date": 1,
        "text": 0.25,
    }.items():
        Z = placed(table[[name]])
        assert Z.var(axis=0).sum() == pytest.approx(variance, rel=1e-4)
    whole = placed(table)
    assert whole.var(axis=0).sum() == pytest.approx(5.5, rel=1e-4)
    assert np.isfinite(whole).all()
    assert placed(table[["constant", "id"]]) is None


def test_equal_numbers_have_their_mean_rank(global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    values = rng.integers(0, 20, 300).astype(float)
    values[rng.random(300) < 0.1] = np.nan
    known = ~np.isnan(values)
    ranks, missing = _ranked(values).T
    np.testing.assert_allclose(ranks[known], rankdata(values[known]) / known.sum())
    assert (ranks[~known] == 0.5).all()
    np.testing.assert_array_equal(missing == 1, ~known)
    assert (_ranked(np.full(3, np.nan)) == [0.5, 1]).all()
    assert _ranked(values[known]).shape == (known.sum(), 1)  # nothing to flag


def test_only_the_ranks_of_numbers_count(table):
    changed = table.assign(number=np.exp(table["number"]), gaps=table["gaps"] * 1e6)
    np.testing.assert_allclose(placed(table), placed(changed), atol=1e-5)


def test_names_of_categories_do_not_count(table):
    renamed = table.assign(category=table["category"].map({"a": "z", "b": "y", "c": "x"}))
    Z, other = (placed(one[["category"]]) for one in (table, renamed))
    np.testing.assert_allclose(
        ((Z[:, None] - Z[None]) ** 2).sum(-1),
        ((other[:, None] - other[None]) ** 2).sum(-1),
        atol=1e-4,
    )

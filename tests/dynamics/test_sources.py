"""Every kind of learner is trained and read as its own methods would have it."""

import numpy as np
import pandas as pd
import pytest
from learners import (
    EVENTS,
    SpyClassifier,
    SpyTransformer,
    assert_maps_agree,
    literal_map,
    literal_snapshots,
    problem,
    seeded,
    with_ids,
)
from scipy import sparse
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.datasets import make_multilabel_classification
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Perceptron, SGDClassifier
from sklearn.metrics import log_loss
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from skaudit import DataMapClassifier

LOG_LOSS = SGDClassifier(loss="log_loss")


def fitted(learner, X, y, *, n_epochs=5, random_state=0, **params):
    """A map with history, held to its own rows."""
    model = DataMapClassifier(
        learner, n_epochs=n_epochs, random_state=random_state, keep_history=True, **params
    )
    return model.fit(X, y)


def texts(n=120, seed=0):
    """Sentences of two classes of words, some of them common."""
    rng = np.random.default_rng(seed)
    words = np.array(["sun", "sea", "warm", "snow", "ice", "cold", "day", "night"])
    y = rng.integers(2, size=n)
    picks = rng.integers(3, size=(n, 3)) + 3 * (y[:, None] ^ (rng.random((n, 3)) < 0.05))
    return [" ".join([*words[pick], *words[[6 + i % 2]]]) for i, pick in enumerate(picks)], y


# --------------------------------------------------------------------------- epochs of partial_fit


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize(
    "learner",
    [
        LOG_LOSS,
        SGDClassifier(loss="log_loss", average=True),
        SGDClassifier(loss="modified_huber"),
        MLPClassifier(8),
        OneVsRestClassifier(SGDClassifier(loss="log_loss")),
    ],
    ids=["log_loss", "averaged", "modified_huber", "mlp", "one-vs-rest"],
)
def test_the_map_is_that_of_a_plain_loop(learner, n_classes, global_random_seed):
    X, y = problem(n_classes=n_classes, seed=global_random_seed)
    snapshots, loop = literal_snapshots(learner, X, y, seed=global_random_seed)
    model = fitted(learner, X, y, n_epochs=10, random_state=global_random_seed)
    assert_maps_agree(model.data_map_, literal_map(snapshots, y))
    np.testing.assert_allclose(model.history_, snapshots[:, np.arange(len(y)), y], atol=1e-7)
    np.testing.assert_allclose(model.predict_proba(X), loop.predict_proba(X), atol=1e-12)


@pytest.mark.parametrize("container", [sparse.csr_array, sparse.csc_matrix, sparse.coo_array])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("average", [False, True])
def test_sparse_matrices_are_read_as_dense_ones(container, n_classes, average):
    X, y = problem(n_classes=n_classes)
    X[np.abs(X) < 0.5] = 0.0
    learner = SGDClassifier(loss="log_loss", average=average)
    snapshots, _ = literal_snapshots(learner, sparse.csr_array(X), y, 4)
    model = fitted(learner, container(X), y, n_epochs=4)
    assert_maps_agree(model.data_map_, literal_map(snapshots, y))


def test_the_seed_of_the_learner_counts_where_the_map_has_none():
    X, y = problem()
    inner = clone(LOG_LOSS).set_params(random_state=3)
    snapshots, _ = literal_snapshots(LOG_LOSS, X, y, seed=3)
    ours = fitted(inner, X, y, n_epochs=10, random_state=None)
    assert_maps_agree(ours.data_map_, literal_map(snapshots, y))
    assert ours.estimator_.random_state == 3
    unseeded = [fitted(LOG_LOSS, X, y, random_state=None).data_map_ for _ in range(2)]
    assert not unseeded[0].equals(unseeded[1])


def test_each_epoch_has_an_order_of_its_own():
    """An int seed given to the learner itself replays one order in every `partial_fit`."""
    X, y = problem()
    classes = np.unique(y)
    replays = [
        clone(LOG_LOSS).set_params(random_state=0, learning_rate="constant", eta0=0.1)
        for _ in range(2)
    ]
    for epoch in range(3):
        replays[0].partial_fit(X, y, classes)
        # Another seed at each call shows that the order matters.
        replays[1].set_params(random_state=epoch).partial_fit(X, y, classes)
    model = fitted(clone(replays[0]), X, y, n_epochs=3)
    assert not np.array_equal(replays[0].coef_, replays[1].coef_)
    assert not np.array_equal(model.estimator_.coef_, replays[0].coef_)


def test_zero_probabilities_of_all_classes_are_equal_shares():
    """One-vs-rest scores far below zero underflow; so newer versions of scikit-learn have it."""
    X, y = problem(n_classes=3)
    X = X * 1e6
    model = fitted(SGDClassifier(loss="log_loss", learning_rate="constant", eta0=1.0), X, y)
    with np.errstate(invalid="ignore"):
        proba = model.estimator_.predict_proba(X)
    lost = np.isnan(proba).all(axis=1) | (proba == 1 / 3).all(axis=1)
    assert lost.any()
    proba[lost] = 1 / 3  # scikit-learn 1.7 has 0 / 0
    np.testing.assert_allclose(model.history_[-1], proba[np.arange(len(y)), y], atol=1e-7)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "learner", [SGDClassifier(loss="hinge"), Perceptron()], ids=["hinge", "perceptron"]
)
def test_margins_are_read_as_logits(learner, n_classes):
    X, y = problem(n_classes=n_classes)
    scores, _ = literal_snapshots(learner, X, y, 5, read="decision_function")
    if n_classes == 2:
        proba = np.stack([expit(-scores), expit(scores)], axis=2)
    else:
        proba = softmax(scores, axis=2)
    model = fitted(learner, X, y)
    assert_maps_agree(model.data_map_, literal_map(proba, y))
    assert not hasattr(model, "predict_proba")
    np.testing.assert_array_equal(model.decision_function(X), model.estimator_.decision_function(X))


@pytest.mark.parametrize(
    ("learner", "remedy"),
    [
        (GaussianNB(), "recording='prequential' or another learner"),
        (MultinomialNB(alpha=1e-9), "recording='prequential' or another learner"),
        (LogisticRegression(max_iter=300), "a smaller max_iter"),
    ],
)
def test_learners_that_stand_still_are_reported(learner, remedy):
    X, y = problem()
    text = (
        f"all 3 epochs are the same: {type(learner).__name__} learns nothing from .* Use {remedy}"
    )
    with pytest.warns(UserWarning, match=text):
        model = fitted(learner, np.abs(X), y, n_epochs=3)
    assert model.data_map_["variability"].max() < 1e-3


def test_naive_bayes_moves_where_batches_are_predicted_first():
    X, y = problem(400, n_classes=10, n_clusters_per_class=1)
    y[y == 9] = 8
    y[:3] = 9  # not in every first batch
    model = fitted(GaussianNB(), X, y, n_epochs=2, recording="prequential")
    assert model.data_map_["variability"].max() > 1e-3


# --------------------------------------------------------------------------------------- pipelines


@pytest.mark.parametrize("kind", [list, np.array, pd.Series], ids=["list", "array", "series"])
@pytest.mark.parametrize("cv", [None, 3])
def test_texts_go_through_a_pipeline(kind, cv):
    X, y = texts()
    X = kind(X)
    model = fitted(make_pipeline(TfidfVectorizer(), LOG_LOSS), X, y, cv=cv)
    snapshots, _ = literal_snapshots(LOG_LOSS, TfidfVectorizer().fit_transform(X), y, 5)
    if cv is None:
        assert_maps_agree(model.data_map_, literal_map(snapshots, y))
    assert model.score(X, y) > 0.8
    assert "tfidfvectorizer" in model.estimator_.named_steps
    assert not hasattr(model, "n_features_in_")


@pytest.mark.parametrize("cv", [None, 4])
def test_a_head_is_fitted_once_a_training_on_its_rows_alone(cv, spied):
    X, y = problem(60)
    pipeline = make_pipeline(SpyTransformer(), "passthrough", SpyClassifier())
    fitted(pipeline, with_ids(X), y, n_epochs=3, cv=cv)
    fits = [ids for what, ids, _ in spied if what == "fit"]
    assert len(fits) == (1 if cv is None else 1 + cv)
    assert len(fits[0]) == 60
    learned = [set(ids) for what, ids, _ in spied if what == "learn"][::3]
    assert [set(ids) for ids in fits] == learned
    tested = [set(ids) for what, ids, _ in spied if what == "read"][::3]
    if cv is not None:
        assert not any(a & b for a, b in zip(learned[1:], tested[1:], strict=True))
        assert set.union(*tested[1:]) == set(range(60))


def test_a_head_may_give_frames_and_the_last_step_may_stand_alone():
    X, y = problem(60)
    frame = pd.DataFrame(X).add_prefix("x")
    head = StandardScaler().set_output(transform="pandas")
    model = fitted(make_pipeline(head, LOG_LOSS), frame, y)
    plain = fitted(make_pipeline(StandardScaler(), LOG_LOSS), X, y)
    pd.testing.assert_frame_equal(model.data_map_, plain.data_map_)
    assert model.estimator_[-1].feature_names_in_.tolist() == frame.columns.tolist()
    alone = fitted(make_pipeline(LOG_LOSS), StandardScaler().fit_transform(X), y)
    pd.testing.assert_frame_equal(alone.data_map_, plain.data_map_)


@pytest.mark.filterwarnings("ignore:Persisting input arguments took:UserWarning")
def test_a_head_may_be_cached(tmp_path, spied):
    X, y = problem(60)
    pipeline = make_pipeline(SpyTransformer(), LOG_LOSS, memory=str(tmp_path))
    maps = [fitted(pipeline, X, y).data_map_ for _ in range(2)]
    pd.testing.assert_frame_equal(*maps)
    assert [what for what, *_ in spied] == ["fit"]


def test_mixed_columns_go_through_a_column_transformer():
    X, y = problem(90)
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "town": np.array(["x", "y"])[y]})
    columns = make_column_transformer(
        (StandardScaler(), ["a", "b"]), (OneHotEncoder(), ["town"]), sparse_threshold=0
    )
    assert isinstance(columns, ColumnTransformer)
    model = fitted(make_pipeline(columns, LOG_LOSS), frame, y)
    snapshots, _ = literal_snapshots(LOG_LOSS, clone(columns).fit_transform(frame), y, 5)
    assert_maps_agree(model.data_map_, literal_map(snapshots, y))
    assert model.feature_names_in_.tolist() == ["a", "b", "town"]
    assert model.predict(frame).shape == (90,)


class WordCounter(ClassifierMixin, BaseEstimator):
    """Takes words, as its tags say, and knows their frame."""

    def partial_fit(self, X, y, classes=None):
        self.classes_ = np.unique(y) if classes is None else classes
        self.rates_ = pd.Series(y).groupby(X["word"].to_numpy()).mean()
        self.n_calls_ = getattr(self, "n_calls_", 0) + 1
        return self

    def predict_proba(self, X):
        positive = self.rates_[X["word"]].to_numpy() ** self.n_calls_
        return np.stack([1 - positive, positive], axis=1)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        return tags


def test_a_learner_that_takes_words_gets_its_frame():
    words = pd.DataFrame({"word": ["yes", "no", "perhaps", "perhaps"] * 5})
    y = np.array([1, 0, 0, 1] * 5)
    model = fitted(WordCounter(), words, y, n_epochs=2)
    np.testing.assert_allclose(model.history_[0][:4], [1, 1, 0.5, 0.5])
    np.testing.assert_allclose(model.history_[1][:4], [1, 1, 0.75, 0.25])


# ------------------------------------------------------------------------------ boosters by stages


BOOSTERS = [
    GradientBoostingClassifier(n_estimators=20),
    HistGradientBoostingClassifier(max_iter=20, min_samples_leaf=5),
    AdaBoostClassifier(n_estimators=20),
]


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("booster", BOOSTERS, ids=lambda learner: type(learner).__name__)
@pytest.mark.parametrize(("n_epochs", "stages"), [(4, [5, 10, 15, 20]), (3, [7, 14, 20])])
@pytest.mark.filterwarnings("ignore:The learner memorises")
def test_stages_are_the_epochs_of_a_booster(booster, n_classes, n_epochs, stages):
    X, y = problem(n_classes=n_classes)
    plain = seeded(booster, 0).fit(X, y)
    snapshots = np.array(list(plain.staged_predict_proba(X)))[np.array(stages) - 1]
    model = fitted(booster, X, y, n_epochs=n_epochs)
    assert_maps_agree(model.data_map_, literal_map(snapshots, y))
    np.testing.assert_array_equal(model.predict_proba(X), plain.predict_proba(X))


@pytest.mark.filterwarnings("ignore:The learner memorises")
def test_a_booster_that_stops_early_has_fewer_stages():
    X, y = problem()
    booster = GradientBoostingClassifier(n_estimators=50, n_iter_no_change=1)
    model = fitted(booster, X, y, n_epochs=50)
    assert model.n_epochs_ == model.estimator_.n_estimators_ < 50


@pytest.mark.parametrize("cv", [None, 3])
def test_a_booster_takes_missing_values_and_categories(cv):
    X, y = problem(150)
    frame = pd.DataFrame(X).add_prefix("x").astype("float32")
    frame.loc[::7, "x0"] = np.nan
    frame["town"] = pd.Categorical(np.array(["north", "south", "west"])[np.arange(150) % 3])
    booster = HistGradientBoostingClassifier(max_iter=6, categorical_features="from_dtype")
    model = fitted(booster, frame, y, cv=cv)
    plain = seeded(booster, 0).fit(frame, y)
    np.testing.assert_array_equal(model.predict_proba(frame), plain.predict_proba(frame))
    assert model.data_map_["confidence"].between(0, 1).all()
    if cv is None:
        snapshots = np.array(list(plain.staged_predict_proba(frame)))[[1, 2, 3, 4, 5]]
        assert len(snapshots) == model.n_epochs_


# ---------------------------------------------------------------------- forests by out-of-bag votes


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "forest",
    [RandomForestClassifier(100), ExtraTreesClassifier(100, bootstrap=True)],
    ids=["random forest", "extra trees"],
)
@pytest.mark.parametrize("container", [np.asarray, sparse.csc_array], ids=["dense", "csc"])
def test_forests_are_read_by_the_running_out_of_bag_vote(forest, n_classes, container):
    X, y = problem(n_classes=n_classes)
    X = X.astype(np.float32)
    model = fitted(forest, container(X), y, n_epochs=2)
    plain = seeded(forest, 0).set_params(oob_score=True)
    samples = plain.fit(container(X), y).estimators_samples_
    votes, count, snapshots = np.zeros((len(y), n_classes)), np.zeros((len(y), 1)), []
    for number, tree in enumerate(plain.estimators_, 1):
        unseen = np.setdiff1d(np.arange(len(y)), samples[number - 1])
        votes[unseen] += tree.predict_proba(X[unseen])
        count[unseen] += 1
        if number % 50 == 0:
            snapshots.append(votes / count)
    np.testing.assert_allclose(snapshots[-1], plain.oob_decision_function_, atol=1e-12)
    assert_maps_agree(model.data_map_, literal_map(np.array(snapshots), y))


def test_rows_that_no_tree_skipped_yet_come_later():
    X, y = problem(60)
    forest = RandomForestClassifier(6)
    model = fitted(forest, X, y, n_epochs=6)
    kept = np.isfinite(model.history_).sum(axis=0)
    plain = seeded(forest, 0).fit(X, y)
    samples = plain.estimators_samples_
    first = [min((k for k in range(6) if i not in samples[k]), default=6) for i in range(60)]
    np.testing.assert_array_equal(kept, 6 - np.array(first))
    assert len(np.unique(kept)) > 2  # the case is there
    data_map = model.data_map_
    assert (data_map["confidence"].isna() == (kept == 0)).all()
    assert (data_map["label_quality"].isna() == (kept == 0)).all()
    by_epoch = np.full((6, 60), np.nan)
    for row, late in enumerate(first):
        by_epoch[late:, row] = model.history_[: 6 - late, row]
    best = np.argsort(-model.epoch_log_["accuracy"].to_numpy(), kind="stable")[:2]
    known = np.isfinite(by_epoch[best]).any(axis=0)
    expected = np.nanmean(by_epoch[best][:, known], axis=0)
    np.testing.assert_allclose(data_map["label_quality"][known], expected, atol=1e-6)


def test_a_forest_without_bootstrap_votes_on_held_out_rows_only():
    X, y = problem(90)
    forest = ExtraTreesClassifier(12)
    with pytest.raises(ValueError, match=r"bootstrap=False.*set bootstrap=True.*cv=3"):
        fitted(forest, X, y)
    rows = np.arange(90)
    split = [(rows[30:], rows[:30]), (rows[:30], rows[30:])]
    model = fitted(forest, X, y, n_epochs=3, cv=split)
    assert model.n_epochs_ == 3
    assert model.data_map_["confidence"].notna().all()


def test_a_label_that_training_rows_never_have_is_surely_absent():
    X, Y = make_multilabel_classification(90, 6, n_classes=2, random_state=0)
    Y[:45, 1] = 0
    rows = np.arange(90)
    split = [(rows[:45], rows[45:]), (rows[45:], rows[:45])]
    model = fitted(RandomForestClassifier(10), X, Y, cv=split)
    np.testing.assert_array_equal(model.history_[:, 45:, 1], np.tile(1 - Y[45:, 1], (5, 1)))


def test_forests_map_several_labels():
    X, Y = make_multilabel_classification(120, 6, n_classes=3, random_state=0)
    forest = RandomForestClassifier(100)
    model = fitted(forest, X, Y, n_epochs=4)
    plain = seeded(forest, 0).set_params(oob_score=True)
    positive = plain.fit(X, Y).oob_decision_function_[:, 1, :]
    np.testing.assert_allclose(
        model.history_[-1], np.where(Y == 1, positive, 1 - positive), atol=1e-6
    )


# ---------------------------------------------------------------------- parts of a learner's budget


@pytest.mark.parametrize(
    "learner",
    [
        LogisticRegression(max_iter=12),
        LogisticRegression(solver="newton-cg", max_iter=4),
        LogisticRegression(solver="saga", max_iter=8),
        MLPClassifier(5, solver="lbfgs", max_iter=40, alpha=1.0),
    ],
    ids=["lbfgs", "newton-cg", "saga", "mlp"],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_warm_start_learner_spends_its_budget_in_parts(learner, n_classes):
    X, y = problem(n_classes=n_classes)
    model = fitted(learner, X, y, n_epochs=4)
    plain = clone(learner).set_params(random_state=0).fit(X, y)
    assert log_loss(y, model.predict_proba(X)) < log_loss(y, plain.predict_proba(X)) + 0.02
    assert model.n_epochs_ == 4
    np.testing.assert_allclose(
        model.history_[-1], model.predict_proba(X)[np.arange(len(y)), y], atol=1e-6
    )
    for name in ("max_iter", "warm_start"):
        assert getattr(model.estimator_, name) == getattr(learner, name)


def test_a_learner_that_has_converged_is_left_as_it_is(monkeypatch):
    X, y = problem()
    fits, fit = [], LogisticRegression.fit
    monkeypatch.setattr(LogisticRegression, "fit", lambda *args: fits.append(1) or fit(*args))
    model = fitted(LogisticRegression(max_iter=40), X, y, n_epochs=10)
    assert len(fits) < 10
    assert model.n_epochs_ == 10
    np.testing.assert_array_equal(model.history_[-1], model.history_[len(fits) - 1])
    assert not model.estimator_.warm_start


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_learner_that_counts_no_iterations_is_fitted_on():
    class Silent(LogisticRegression):
        def fit(self, X, y):
            super().fit(X, y)
            self.n_iter_ = None
            return self

    X, y = problem()
    assert fitted(Silent(max_iter=12), X, y, n_epochs=4).n_epochs_ == 4


def test_only_the_end_of_the_budget_may_warn_of_convergence():
    X, y = problem()
    with pytest.warns(ConvergenceWarning) as caught:
        fitted(LogisticRegression(max_iter=4), X, y, n_epochs=4)
    assert len(caught) == 1


def test_a_budget_below_the_number_of_epochs_gives_fewer():
    X, y = problem()
    with pytest.warns(ConvergenceWarning):
        model = fitted(LogisticRegression(max_iter=3, warm_start=False), X, y, n_epochs=8)
    assert model.n_epochs_ == 3
    assert not model.estimator_.warm_start


def test_bagging_grows_its_trees_in_parts():
    X, y = problem()
    bagging = BaggingClassifier(LogisticRegression(), n_estimators=9, max_samples=0.2)
    model = fitted(bagging, X, y, n_epochs=3)
    assert len(model.estimator_.estimators_) == 9
    first = np.mean([m.predict_proba(X) for m in model.estimator_.estimators_[:3]], axis=0)
    np.testing.assert_allclose(model.history_[0], first[np.arange(len(y)), y], atol=1e-6)


def test_liblinear_has_no_warm_start():
    X, y = problem()
    with pytest.raises(ValueError, match="LogisticRegression shows no training dynamics"):
        fitted(LogisticRegression(solver="liblinear"), X, y)


@pytest.mark.parametrize(
    "learner", [LogisticRegression(), GradientBoostingClassifier(n_estimators=5)]
)
def test_a_fold_may_lack_a_class(learner):
    X, y = problem(90, n_classes=3)
    y = np.array(["a", "b", "c"])[np.sort(y)]
    rows, lone = np.arange(90), np.flatnonzero(y == "b")
    split = [(np.setdiff1d(rows, lone), lone), (lone[:0:-1], np.array([0]))]
    split[1] = (np.r_[lone, rows[-30:]], rows[:20])
    with pytest.warns(UserWarning, match="cv leaves"):
        model = fitted(learner, X, y, n_epochs=3, cv=split)
    assert (model.data_map_["confidence"].to_numpy()[lone] == 0).all()
    assert (model.label_issues()["suggested_label"].to_numpy() != "b").any()


# ------------------------------------------------------------------------------------- prequential


@pytest.mark.parametrize("n", [40, 3500], ids=["small", "batches of more than 32"])
def test_a_batch_is_predicted_before_it_is_learned(n, spied):
    X, y = problem(n)
    DataMapClassifier(SpyClassifier(), recording="prequential", n_epochs=2, random_state=0).fit(
        with_ids(X), y
    )
    sizes = {len(ids) for what, ids, _ in EVENTS if what == "learn"}
    assert max(sizes) == max(32, n // 100)
    read, learned = np.zeros(n, int), np.zeros(n, int)
    for what, ids, _ in spied:
        if what == "read":
            assert (read[ids] <= learned[ids]).all()
            read[ids] += 1
        else:
            learned[ids] += 1
    first = spied[0][1]
    assert spied[0][0] == "learn"
    assert (learned == 2).all()
    assert set(np.flatnonzero(read == 1)) == set(first)
    assert (np.delete(read, first) == 2).all()


def test_rows_of_the_first_batch_have_one_snapshot_less():
    X, y = problem(100)
    model = fitted(LOG_LOSS, X, y, n_epochs=3, recording="prequential")
    kept = np.isfinite(model.history_).sum(axis=0)
    assert np.bincount(kept).tolist() == [0, 0, 32, 68]
    once = fitted(LOG_LOSS, X, y, n_epochs=1, recording="prequential")
    assert once.data_map_["confidence"].isna().sum() == 32
    assert len(once.epoch_log_) == 1


def test_a_single_batch_predicted_first_leaves_nothing_to_record():
    X, y = problem(20)
    with pytest.raises(ValueError, match=r"prequential.*n_epochs"):
        fitted(LOG_LOSS, X, y, n_epochs=1, recording="prequential")


# -------------------------------------------------------------------------------------- multilabel


@pytest.mark.parametrize(
    "learner",
    [MLPClassifier(8), MultiOutputClassifier(SGDClassifier(loss="log_loss"))],
    ids=["mlp", "multi-output"],
)
def test_several_labels_are_mapped_pair_by_pair(learner):
    X, Y = make_multilabel_classification(120, 6, n_classes=3, random_state=0)
    X = MinMaxScaler().fit_transform(X)
    loop = seeded(learner, 0)
    classes = np.arange(3) if isinstance(learner, MLPClassifier) else [np.array([0, 1])] * 3
    snapshots = []
    for _ in range(4):
        proba = loop.partial_fit(X, Y, classes=classes).predict_proba(X)
        proba = np.stack([p[:, 1] for p in proba], axis=1) if isinstance(proba, list) else proba
        snapshots.append(np.where(Y == 1, proba, 1 - proba))
    p = np.array(snapshots)
    model = fitted(learner, X, Y, n_epochs=4)
    data_map = model.data_map_
    assert data_map.index.names == ["example", "class"]
    assert_maps_agree(
        data_map,
        {
            "label": Y.ravel(),
            "confidence": p.mean(axis=0).ravel(),
            "variability": p.std(axis=0).ravel(),
            "correctness": (p >= 0.5).mean(axis=0).ravel(),
            "margin": (2 * p - 1).mean(axis=0).ravel(),
        },
    )
    np.testing.assert_allclose(model.history_, p, atol=1e-6)
    assert model.predict(X).shape == Y.shape
    assert model.classes_.tolist() == [0, 1, 2]


def test_a_perfect_negative_is_easy():
    rng = np.random.default_rng(0)
    Y = rng.integers(2, size=(100, 2))
    forest = RandomForestClassifier(50, random_state=0)
    data_map = fitted(forest, Y + 0.0, Y).data_map_
    negative = data_map[data_map["label"] == 0]
    assert negative["confidence"].min() > 0.99
    assert (negative["correctness"] == 1).all()

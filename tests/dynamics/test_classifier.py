"""What a `DataMapClassifier` says of its training, and that it says the same again."""

import copy
import warnings

import numpy as np
import pandas as pd
import pytest
from learners import (
    FailingClassifier,
    OddClassifier,
    SpyClassifier,
    assert_maps_agree,
    literal_map,
    literal_snapshots,
    problem,
    with_ids,
)
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    PredefinedSplit,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedKFold,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.class_weight import compute_sample_weight

from skaudit import DataMapClassifier
from skaudit.dynamics import assign_regions
from skaudit.dynamics._memorisation import find_memorisation

LOG_LOSS = SGDClassifier(loss="log_loss", alpha=0.05)  # probabilities keep away from 0 and 1
STATISTICS = [
    "confidence",
    "variability",
    "correctness",
    "forgetting_events",
    "first_learned",
    "margin",
    "aleatoric",
]


def fitted(X, y, learner=LOG_LOSS, *, n_epochs=6, random_state=0, sample_weight=None, **params):
    model = DataMapClassifier(learner, n_epochs=n_epochs, random_state=random_state, **params)
    return model.fit(X, y, sample_weight)


def assert_same_result(a, b):
    """Two fitted objects hold the same numbers, to the bit."""
    pd.testing.assert_frame_equal(a.data_map_, b.data_map_, check_exact=True)
    pd.testing.assert_frame_equal(a.epoch_log_, b.epoch_log_, check_exact=True)
    pd.testing.assert_frame_equal(a.label_issues(), b.label_issues(), check_exact=True)
    if hasattr(a, "history_") or hasattr(b, "history_"):
        np.testing.assert_array_equal(a.history_, b.history_)


# ------------------------------------------------------------------------------------ what is told


def test_the_data_map_has_the_columns_of_the_recorder_and_two_more():
    X, y = problem(n_classes=3)
    data_map = fitted(X, y).data_map_
    assert data_map.columns.tolist() == ["label", *STATISTICS, "region", "label_quality"]
    pd.testing.assert_series_equal(data_map["region"], assign_regions(data_map))
    np.testing.assert_array_equal(data_map["label_quality"], data_map["confidence"])


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_epoch_log_holds_the_metrics_of_sklearn(n_classes, weighted):
    X, y = problem(n_classes=n_classes)
    weight = np.random.default_rng(0).random(len(y)) if weighted else None
    snapshots, _ = literal_snapshots(LOG_LOSS, X, y, 6, sample_weight=weight)
    log = fitted(X, y, sample_weight=weight).epoch_log_
    assert log.columns.tolist() == ["epoch", "log_loss", "accuracy"]
    assert log["epoch"].tolist() == list(range(6))
    losses = [log_loss(y, proba, sample_weight=weight) for proba in snapshots]
    hits = [accuracy_score(y, proba.argmax(axis=1), sample_weight=weight) for proba in snapshots]
    np.testing.assert_allclose(log["log_loss"], losses, rtol=1e-12)
    np.testing.assert_allclose(log["accuracy"], hits, rtol=1e-12)


def test_issues_are_ranked_by_label_quality():
    X, y = problem(300, n_classes=3, flip_y=0.0, class_sep=3.0, n_clusters_per_class=1)
    wrong = np.arange(0, 300, 20)
    y[wrong] = (y[wrong] + 1) % 3
    names = np.array(["a", "b", "c"])[y]
    model = fitted(pd.DataFrame(X, index=np.arange(300) + 1000), names, cv=3)
    issues = model.label_issues()
    assert issues.columns.tolist() == ["label", "suggested_label", "label_quality", "is_issue"]
    assert issues["label_quality"].is_monotonic_increasing
    assert set(issues.index) == set(range(1000, 1300))
    found = issues.index[issues["is_issue"]] - 1000
    assert len(set(found) & set(wrong)) >= 0.8 * max(len(found), len(wrong))
    right = np.array(["a", "b", "c"])[(y[wrong] - 1) % 3]
    assert (issues.loc[wrong + 1000, "suggested_label"] == right).mean() > 0.8
    np.testing.assert_array_equal(issues["label"], names[issues.index - 1000])


def test_issues_of_several_labels_are_pairs():
    X, Y = make_multilabel_classification(200, 8, n_classes=3, random_state=0)
    issues = fitted(X, Y, RandomForestClassifier(50)).label_issues()
    assert issues.index.names == ["example", "class"]
    assert len(issues) == 600
    changed = issues[issues["is_issue"]]
    assert (changed["suggested_label"] == 1 - changed["label"]).all()


@pytest.mark.parametrize(
    ("by", "column", "sign"),
    [("ambiguous", "variability", -1), ("hard", "confidence", 1), ("easy", "confidence", -1)]
    + [("margin", "margin", -1)],
)
def test_select_ranks_positions(by, column, sign):
    X, y = problem()
    model = fitted(pd.DataFrame(X, index=np.arange(200)[::-1]), y)
    order = np.argsort(sign * model.data_map_[column].to_numpy(), kind="stable")
    np.testing.assert_array_equal(model.select(by, fraction=0.1), order[:20])
    both = model.select(by, fraction=0.1, both_ends=True)
    np.testing.assert_array_equal(both, [*order[:10], *order[::-1][:10]])


def test_select_takes_the_most_extreme_label_of_an_example():
    X, Y = make_multilabel_classification(100, 6, n_classes=3, random_state=0)
    model = fitted(X, Y, RandomForestClassifier(50))
    confidence = model.data_map_["confidence"].to_numpy().reshape(100, 3)
    hard = model.select("hard", fraction=0.05)
    np.testing.assert_array_equal(hard, np.argsort(confidence.min(axis=1), kind="stable")[:5])


@pytest.mark.parametrize(
    ("params", "text"),
    [({"by": "label"}, "by must be 'ambiguous'.*got 'label'"), ({"fraction": 0}, "got 0")],
)
def test_select_refuses(params, text):
    model = fitted(*problem())
    with pytest.raises(ValueError, match=text):
        model.select(**params)


# -------------------------------------------------------------------------------------- held out


R = np.arange(60)
GROUPS = np.repeat(np.arange(12), 5)
FOLDS = {
    "int": (3, {}),
    "splitter": (StratifiedKFold(4), {}),
    "iterable": ([(R[20:], R[:20]), (R < 20, R >= 20)], {}),
    "groups": (GroupKFold(3), {"groups": GROUPS}),
    "repeated": (RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0), {}),
}


@pytest.mark.parametrize("n_repeats", [1, 2])
@pytest.mark.parametrize("kind", FOLDS)
def test_no_snapshot_comes_from_a_model_that_has_seen_the_row(kind, n_repeats, spied):
    X, y = problem(60)
    cv, params = FOLDS[kind]
    model = DataMapClassifier(
        SpyClassifier(), cv=cv, n_epochs=3, n_repeats=n_repeats, keep_history=True
    ).fit(with_ids(X), y, **params)
    seen, n_reads = {}, np.zeros(60, dtype=int)
    for what, ids, spy in spied:
        if what == "learn":
            seen.setdefault(id(spy), set()).update(ids)
        elif len(seen[id(spy)]) < 60:  # else the training on all rows, which reads its own
            assert not seen[id(spy)] & set(ids)
            n_reads[ids] += 1
    repeats = n_repeats * (2 if kind == "repeated" else 1)
    assert (n_reads == 3 * repeats).all()
    assert np.isfinite(model.history_).sum(axis=0).tolist() == n_reads.tolist()
    if kind == "groups":
        learned = [set(GROUPS[ids]) for what, ids, _ in spied if what == "learn"]
        assert {len(groups) for groups in learned} == {12, 8}


def test_an_int_stands_for_shuffled_stratified_folds(spied):
    X, y = problem(60)
    y = np.sort(y)
    DataMapClassifier(SpyClassifier(), cv=3, n_epochs=1, n_repeats=2).fit(with_ids(X), y)
    folds = [ids for what, ids, _ in spied if what == "read"][1:]
    share = y.mean()
    assert all(abs(y[ids].mean() - share) < 0.06 for ids in folds)
    assert len({frozenset(ids.tolist()) for ids in folds}) == 6
    plain = {frozenset(test.tolist()) for _, test in StratifiedKFold(3).split(X, y)}
    assert not plain & {frozenset(ids.tolist()) for ids in folds}


def test_a_splitter_sees_the_labels_of_the_caller():
    X, y = problem(60)
    names = np.array(["no", "yes"])[y]

    class Watcher(StratifiedKFold):
        def split(self, X, y, groups=None):
            seen.extend(y)
            return super().split(X, y, groups)

    seen: list = []
    fitted(X, names, cv=Watcher(3))
    assert seen == names.tolist()


def test_groups_are_routed_to_the_splitter(enable_metadata_routing, spied):
    X, y = problem(60)
    cv = GroupKFold(3).set_split_request(groups=True)
    model = DataMapClassifier(SpyClassifier(), cv=cv, n_epochs=2)
    model.fit(with_ids(X), y, groups=GROUPS)
    read = [set(GROUPS[ids]) for what, ids, _ in spied if what == "read"]
    assert {len(groups) for groups in read} == {12, 4}
    assert "splitter" in str(model.get_metadata_routing())
    with pytest.raises(TypeError, match="nonsense"):
        model.fit(with_ids(X), y, nonsense=GROUPS)


def test_rows_that_no_fold_tests_have_no_statistics():
    X, y = problem(60)
    cv = PredefinedSplit(np.where(R < 10, -1, R % 2))
    with pytest.warns(UserWarning, match="cv leaves 10 of 60 rows out of all test folds") as caught:
        model = fitted(X, y, cv=cv)
    assert caught[0].filename == __file__
    data_map = model.data_map_
    assert data_map[[*STATISTICS, "region", "label_quality"]].isna().any(axis=1).tolist() == (
        (R < 10).tolist()
    )
    assert data_map.loc[:9, STATISTICS].isna().all(axis=None)
    issues = model.label_issues()
    assert sorted(issues.index[-10:]) == list(range(10))
    assert not issues["is_issue"].iloc[-10:].any()
    assert not set(model.select(fraction=1.0)) & set(range(10))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_held_out_statistics_are_those_of_folds_trained_by_hand(n_classes):
    """With a learner that is not random the folds can be repeated exactly."""
    X, y = problem(n_classes=n_classes)
    learner = HistGradientBoostingClassifier(max_iter=6)
    folds = list(KFold(3).split(X))
    snapshots = np.empty((6, 200, n_classes))
    for train, test in folds:
        plain = clone(learner).fit(X[train], y[train])
        snapshots[:, test] = list(plain.staged_predict_proba(X[test]))
    model = fitted(X, y, learner, cv=folds, keep_history=True)
    assert_maps_agree(model.data_map_, literal_map(snapshots, y))
    log = model.epoch_log_
    hits = [accuracy_score(y, proba.argmax(axis=1)) for proba in snapshots]
    np.testing.assert_allclose(log["held_out_accuracy"], hits)
    np.testing.assert_allclose(log["held_out_log_loss"], [log_loss(y, p) for p in snapshots])


@pytest.mark.parametrize(
    "learner",
    [LOG_LOSS, MLPClassifier(6, learning_rate_init=0.1), RandomForestClassifier(40)],
    ids=["sgd", "mlp", "rf"],
)
@pytest.mark.parametrize("cv", [3, ShuffleSplit(8, test_size=0.7, random_state=0)])
def test_label_quality_is_confidence_in_the_best_third_of_the_epochs(learner, cv):
    X, y = problem(n_classes=3)
    model = fitted(X, y, learner, cv=cv, keep_history=True)
    accuracy = model.epoch_log_["held_out_accuracy"].to_numpy()
    best = np.argsort(-accuracy, kind="stable")[:2]
    by_training = model.history_.reshape(-1, 6, 200)
    expected = np.nanmean(by_training[:, best].astype(float), axis=(0, 1))
    np.testing.assert_allclose(model.data_map_["label_quality"], expected, atol=1e-6)
    suggested = model.label_issues().sort_index()["suggested_label"]
    assert (suggested == y).mean() > 0.5


@pytest.mark.parametrize("learner", [None, LOG_LOSS, GradientBoostingClassifier(n_estimators=6)])
def test_the_final_model_does_not_depend_on_cv(learner):
    X, y = problem()
    held_out, plain = (fitted(X, y, learner, cv=cv) for cv in (3, None))
    np.testing.assert_array_equal(held_out.predict_proba(X), plain.predict_proba(X))
    own = held_out.epoch_log_[["epoch", "log_loss", "accuracy"]]
    pd.testing.assert_frame_equal(own, plain.epoch_log_, check_exact=True)


def test_several_labels_are_held_out_too():
    X, Y = make_multilabel_classification(120, 6, n_classes=3, random_state=0)
    learner = MLPClassifier(6, solver="adam")
    model = fitted(X, Y, learner, cv=3, n_repeats=2, keep_history=True)
    assert model.history_.shape == (12, 120, 3)
    confidence = model.history_.mean(axis=0, dtype=float).ravel()
    np.testing.assert_allclose(model.data_map_["confidence"], confidence, atol=1e-6)
    accuracy = (model.history_.reshape(2, 6, -1) >= 0.5).mean(axis=(0, 2))
    np.testing.assert_allclose(model.epoch_log_["held_out_accuracy"], accuracy)


# --------------------------------------------------------------------------------------- repeats


def test_repeats_pool_their_snapshots():
    X, y = problem(n_classes=3)
    once = fitted(X, y, keep_history=True)
    model = fitted(X, y, keep_history=True, n_repeats=3)
    assert model.history_.shape == (18, 200)
    assert model.n_epochs_ == 6
    np.testing.assert_array_equal(model.history_[:6], once.history_)
    assert not np.array_equal(model.history_[6:12], model.history_[12:])
    p = model.history_.astype(float)
    data_map = model.data_map_
    np.testing.assert_allclose(data_map["confidence"], p.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(data_map["variability"], p.std(axis=0), atol=1e-6)
    np.testing.assert_allclose(data_map["aleatoric"], (p * (1 - p)).mean(axis=0), atol=1e-6)
    np.testing.assert_array_equal(model.predict_proba(X), once.predict_proba(X))


def test_forgetting_is_counted_within_each_training():
    X, y = problem()
    model = fitted(X, y, keep_history=True, n_repeats=4)
    correct = (model.history_ > 0.5).reshape(4, 6, 200)
    forgotten = (correct[:, :-1] & ~correct[:, 1:]).sum(axis=(0, 1))
    np.testing.assert_array_equal(model.data_map_["forgetting_events"], forgotten)
    flat = correct.reshape(24, 200)
    assert forgotten.sum() < (flat[:-1] & ~flat[1:]).sum()


# --------------------------------------------------------------------------------------- weights


@pytest.mark.parametrize("class_weight", ["balanced", {0: 1.0, 1: 3.0}, {1: 0.5}])
@pytest.mark.parametrize("names", [(0, 1, 2), ("a", "b", "c")], ids=["numbers", "names"])
@pytest.mark.parametrize("cv", [None, [(R[20:], R[:20]), (R[:20], R[20:])]], ids=["own", "cv"])
def test_class_weights_are_sample_weights(class_weight, names, cv):
    X, y = problem(60, n_classes=3)
    names = np.array(names)
    if class_weight != "balanced":
        class_weight = {names[code]: weight for code, weight in class_weight.items()}
    ours = fitted(X, names[y], class_weight=class_weight, cv=cv)
    weight = compute_sample_weight(class_weight, names[y])
    snapshots, _ = literal_snapshots(LOG_LOSS, X, y, 6, sample_weight=weight)
    if cv is None:
        assert_maps_agree(ours.data_map_, literal_map(snapshots, y))
    # The log is that of the rows as they are.
    np.testing.assert_allclose(ours.epoch_log_["log_loss"], [log_loss(y, p) for p in snapshots])
    if cv is not None and class_weight != "balanced":
        theirs = fitted(X, names[y], sample_weight=weight, cv=cv)
        # Label quality looks at the accuracy, which class weights do not concern.
        assert_maps_agree(ours.data_map_, theirs.data_map_[STATISTICS], atol=0)


def test_balanced_weights_multiply_into_sample_weights():
    X, y = problem()
    weight = np.random.default_rng(0).integers(1, 4, len(y))
    total = np.bincount(y, weights=weight)
    ours = fitted(X, y, class_weight="balanced", sample_weight=weight)
    theirs = fitted(X, y, sample_weight=weight * (weight.sum() / (2 * total))[y])
    assert_maps_agree(ours.data_map_, theirs.data_map_[STATISTICS])


DETERMINISTIC = {
    "GaussianNB": (GaussianNB(), {"n_epochs": 1}),
    "boosting": (GradientBoostingClassifier(n_estimators=8, max_depth=2), {"n_epochs": 4}),
    "bagging": (LogisticRegression(max_iter=8, tol=1e-10), {"n_epochs": 4}),
}


@pytest.mark.parametrize("kind", DETERMINISTIC)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_weight_is_as_good_as_a_repeated_row(kind):
    learner, params = DETERMINISTIC[kind]
    X, y = problem(120)
    weight = np.random.default_rng(0).integers(1, 4, 120)
    weighted = fitted(X, y, learner, sample_weight=weight, **params)
    repeated = fitted(X.repeat(weight, axis=0), y.repeat(weight), learner, **params)
    first = np.cumsum(weight) - weight
    assert_maps_agree(weighted.data_map_, repeated.data_map_.iloc[first][STATISTICS], atol=1e-6)
    np.testing.assert_allclose(weighted.epoch_log_, repeated.epoch_log_, atol=1e-6)


def test_the_log_of_several_labels_weighs_the_rows():
    X, Y = make_multilabel_classification(120, 6, n_classes=3, random_state=0)
    weight = np.random.default_rng(0).random(120)
    model = fitted(X, Y, MLPClassifier(6), sample_weight=weight, keep_history=True)
    p = model.history_.astype(float)
    losses = np.average(-np.log(p).mean(axis=2), axis=1, weights=weight)
    np.testing.assert_allclose(model.epoch_log_["log_loss"], losses, atol=1e-5)
    hits = np.average((p >= 0.5).mean(axis=2), axis=1, weights=weight)
    np.testing.assert_allclose(model.epoch_log_["accuracy"], hits, atol=1e-9)


@pytest.mark.parametrize("kind", ["GaussianNB", "boosting"])
def test_rows_of_weight_zero_are_mapped_and_teach_nothing(kind):
    learner, params = DETERMINISTIC[kind]
    X, y = problem(120)
    weight = (np.arange(120) < 90).astype(float)
    model = fitted(X, y, learner, sample_weight=weight, **params)
    alone = fitted(X[:90], y[:90], learner, **params)
    assert_maps_agree(model.data_map_[:90], alone.data_map_[STATISTICS], atol=1e-6)
    pd.testing.assert_frame_equal(model.epoch_log_, alone.epoch_log_)
    assert model.data_map_["confidence"].notna().all()


# ---------------------------------------------------------------------------------------- labels


BINARY = {
    "minus one": np.array([-1, 1]),
    "one, two": np.array([1, 2]),
    "text": np.array(["no", "yes"]),
    "reversed text": np.array(["yes", "no"]),
    "object": np.array(["no", "yes"], dtype=object),
    "bool": np.array([False, True]),
    "float": np.array([0.0, 1.0]),
    "categorical": pd.Categorical(["z", "a"]),
    "nullable": pd.array([7, 9], dtype="Int64"),
    "nullable bool": pd.array([False, True], dtype="boolean"),
    "string dtype": pd.array(["no", "yes"], dtype="string"),
}


@pytest.mark.parametrize("cv", [None, 2])
@pytest.mark.parametrize("learner", [LOG_LOSS, SGDClassifier(loss="hinge")], ids=["log", "hinge"])
@pytest.mark.parametrize("kind", BINARY)
def test_label_names_change_nothing_else(kind, learner, cv):
    X, y = problem(80)
    names = pd.Series(BINARY[kind])
    cv = [(R[20:], R[:20]), (np.r_[R[:20], 60:80], R[20:])] if cv else None
    labels = names.take(y).reset_index(drop=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="cv leaves 20 of 80")
        ours, theirs = fitted(X, labels, learner, cv=cv), fitted(X, y, learner, cv=cv)
    assert_maps_agree(ours.data_map_, theirs.data_map_[[*STATISTICS, "label_quality"]])
    assert sorted(ours.classes_) == list(ours.classes_) == sorted(set(names))
    as_given = dict(zip(names, (0, 1), strict=True))
    assert [as_given[label] for label in ours.data_map_["label"]] == y.tolist()
    predicted = [as_given[label] for label in ours.predict(X)]
    assert predicted == theirs.predict(X).tolist()
    issues = ours.label_issues()
    issues = issues[(issues["label_quality"] - 0.5).abs() > 1e-9]  # of tied labels the first
    suggested = [as_given[label] for label in issues["suggested_label"]]
    assert suggested == theirs.label_issues()["suggested_label"][issues.index].tolist()


# What scikit-learn 1.7 says of the list of classes, as if it were the labels.
@pytest.mark.filterwarnings("ignore:The number of unique classes is greater")
@pytest.mark.parametrize("kind", ["int", "text"])
def test_many_classes_go_to_their_columns(kind):
    X, y = problem(560, n_classes=28, n_clusters_per_class=1)
    names = np.arange(28) * 3 - 7 if kind == "int" else np.array([f"c{i:02}" for i in range(28)])
    snapshots, _ = literal_snapshots(LOG_LOSS, X, y, 6)
    model = fitted(X, names[y])
    assert_maps_agree(model.data_map_, literal_map(snapshots, y))
    assert model.classes_.tolist() == names.tolist()
    assert model.data_map_["label"].tolist() == names[y].tolist()


# ---------------------------------------------------------------------------------- memorisation


def flipped(n=500, share=0.2, seed=0):
    X, y = problem(n, flip_y=0.0, n_features=30, seed=seed)
    wrong = np.random.default_rng(seed).random(n) < share
    return X, np.where(wrong, 1 - y, y)


MEMORISERS = {
    "boosting": HistGradientBoostingClassifier(max_iter=40, min_samples_leaf=2),
    "network": MLPClassifier(200, learning_rate_init=0.02),
    "bagged trees": BaggingClassifier(DecisionTreeClassifier(), n_estimators=10),
}


@pytest.mark.parametrize("kind", MEMORISERS)
def test_a_learner_that_memorises_is_reported(kind, global_random_seed):
    X, y = flipped(seed=global_random_seed)
    n_epochs = 30 if kind == "network" else 5
    with pytest.warns(
        UserWarning,
        match=r"accuracy on the given labels is (1\.0|0\.9)\d+, but a copy trained on \d+ rows "
        r"reaches 0\.\d+ on \d+ rows that it has not seen.*cv=3.*prequential",
    ) as caught:
        fitted(X, y, MEMORISERS[kind], n_epochs=n_epochs, random_state=global_random_seed)
    assert caught[0].filename == __file__
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("learner", "params"),
    [
        (MEMORISERS["boosting"], {"cv": 3}),
        (MEMORISERS["network"], {"recording": "prequential"}),
        (RandomForestClassifier(50), {}),
        (LOG_LOSS, {}),
        (None, {}),
        (GaussianNB(), {"n_epochs": 1}),
    ],
    ids=["held out", "prequential", "out of bag", "linear", "default", "bayes"],
)
def test_other_maps_are_not_reported(learner, params, global_random_seed):
    X, y = flipped(seed=global_random_seed)
    fitted(X, y, learner, random_state=global_random_seed, **params)  # warnings are errors


def test_in_sample_label_quality_fails_where_the_warning_says_so():
    X, y = flipped()
    wrong = problem(500, flip_y=0.0, n_features=30)[1] != y
    with pytest.warns(UserWarning, match="memorises"):
        own = fitted(X, y, MEMORISERS["bagged trees"], n_epochs=2)
    held_out = fitted(X, y, MEMORISERS["bagged trees"], n_epochs=2, cv=3)
    hits = [roc_auc_score(wrong, -model.data_map_["label_quality"]) for model in (own, held_out)]
    assert hits[1] > hits[0] + 0.05


@pytest.mark.parametrize(
    ("n_rows", "sizes"),
    [
        (300, [240]),
        (1000, [800]),
        (3000, [1000, 2400]),
        (100_000, [1000, 4000, 16_000, 25_000]),
    ],
)
def test_copies_grow_up_to_a_quarter_of_the_rows(n_rows, sizes):
    probes = []

    def probe(n_train, n_test, n_epochs):
        probes.append((n_train, n_test, n_epochs))
        return 0.7

    evidence = find_memorisation(0.99, 0.5, n_rows, 8, probe)
    assert [n_train for n_train, *_ in probes] == sizes
    assert evidence == (0.7, sizes[-1], min(n_rows - sizes[-1], 1000))
    assert [n_epochs for *_, n_epochs in probes] == ([3] if len(sizes) > 1 else []) + [8] * (
        len(sizes) - (len(sizes) > 1)
    )
    # The first copy that does as well ends the search.
    probes.clear()
    assert find_memorisation(0.72, 0.5, n_rows, 8, probe) is None
    assert len(probes) == 1


@pytest.mark.parametrize(
    ("accuracy", "majority", "n_rows", "held_out"),
    [
        (0.97, 0.94, 5000, 0.1),  # hardly better than the commonest class
        (0.99, 0.5, 60, 0.5),  # too few rows to tell
        (0.99, 0.5, 300, 0.93),  # within three standard errors
        (0.80, 0.5, 5000, 0.70),  # its errors are not halved
        (0.99, 0.5, 5000, np.nan),  # a copy could not be trained
    ],
)
def test_weak_evidence_of_memorising_is_none(accuracy, majority, n_rows, held_out):
    probe = lambda n_train, n_test, n_epochs: held_out  # noqa: E731
    assert find_memorisation(accuracy, majority, n_rows, 8, probe) is None


def test_a_copy_that_cannot_be_trained_on_few_rows_proves_nothing():
    X, y = flipped(100)
    X = np.random.default_rng(0).normal(size=(100, 90))
    pipeline = make_pipeline(PCA(n_components=85), MEMORISERS["boosting"])
    fitted(X, y, pipeline, n_epochs=2)  # the copy has 80 rows


# -------------------------------------------------------------------------------- the same again


@pytest.mark.parametrize("backend", ["loky", "threading"])
@pytest.mark.parametrize(
    "learner",
    [MLPClassifier(5), make_pipeline(PCA(3, svd_solver="randomized"), LOG_LOSS)],
    ids=["network", "pipeline"],
)
def test_the_result_does_not_depend_on_n_jobs(learner, backend):
    import joblib

    X, y = problem(n_classes=3)
    params = {"cv": 3, "n_repeats": 2, "keep_history": True}
    alone = fitted(X, y, learner, **params)
    with joblib.parallel_config(backend):
        together = fitted(X, y, learner, n_jobs=2, **params)
    assert_same_result(alone, together)
    np.testing.assert_array_equal(alone.predict_proba(X), together.predict_proba(X))


@pytest.mark.parametrize("params", [{}, {"cv": 3}, {"recording": "prequential"}])
def test_the_same_seed_gives_the_same_map(params):
    X, y = problem()
    first = fitted(X, y, **params)
    assert_same_result(first, clone(first).fit(X, y))
    assert_same_result(first, first.fit(X, y))
    other = fitted(X, y, random_state=1, **params)
    assert not first.data_map_.equals(other.data_map_)


def test_a_generator_is_moved_on_and_the_learner_is_left_alone():
    X, y = problem()
    rng = np.random.RandomState(0)
    learner = SGDClassifier(loss="log_loss", random_state=np.random.RandomState(5))
    before = copy.deepcopy(learner.random_state.get_state()[1])
    first, second = (fitted(X, y, learner, random_state=rng).data_map_ for _ in range(2))
    assert not first.equals(second)
    np.testing.assert_array_equal(learner.random_state.get_state()[1], before)
    assert not hasattr(learner, "coef_")


def test_no_global_seed_is_moved():
    X, y = problem()
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    fitted(X, y, random_state=None, cv=3)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


# ------------------------------------------------------------------------------- whole states only


def state_of(model):
    return copy.deepcopy(vars(model))


def assert_state(model, state):
    assert vars(model).keys() == state.keys()
    np.testing.assert_array_equal(model._quality, state["_quality"])
    np.testing.assert_array_equal(model.classes_, state["classes_"])


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("params", [{}, {"cv": 2}, {"recording": "prequential"}])
def test_a_fit_that_ends_early_leaves_the_old_state(error, params):
    X, y = problem(100)
    frame = pd.DataFrame(X).add_prefix("x")
    model = fitted(frame, y, keep_history=True, **params)
    old = model.data_map_
    model.set_params(estimator=FailingClassifier(error=error))
    state = state_of(model)
    other = pd.DataFrame(X[:, :4]).add_prefix("z")
    with pytest.raises(error, match="enough") as caught:
        model.fit(other, y + 5)
    if error is ValueError:
        epoch = 0 if "recording" in params else 2
        assert caught.value.__notes__ == [f"This happened in epoch {epoch} (counted from 0)."]
    assert_state(model, state)
    pd.testing.assert_frame_equal(model.data_map_, old)
    assert model.predict(frame).shape == (100,)


def test_a_warning_raised_as_an_error_leaves_the_old_state():
    X, y = problem(60)
    model = fitted(X, y)
    state = state_of(model)
    model.set_params(cv=PredefinedSplit(np.where(R < 10, -1, R % 2)))
    with pytest.raises(UserWarning, match="cv leaves 10"):
        model.fit(X, y)
    assert_state(model, state | {"cv": model.cv})


def test_a_failed_first_fit_leaves_nothing():
    X, y = problem(60)
    model = DataMapClassifier(FailingClassifier())
    with pytest.raises(ValueError, match="enough"):
        model.fit(X, y)
    assert vars(model).keys() == model.get_params(deep=False).keys()


def test_a_refit_forgets_the_fit_before():
    X, y = problem(60)
    model = fitted(pd.DataFrame(X, index=R + 5).add_prefix("x"), y, keep_history=True, cv=2)
    assert {"history_", "feature_names_in_"} <= vars(model).keys()
    model.set_params(keep_history=False, cv=None).fit(X[:, :5], y)
    assert not {"history_", "feature_names_in_"} & vars(model).keys()
    assert model.n_features_in_ == 5
    assert model.epoch_log_.columns.tolist() == ["epoch", "log_loss", "accuracy"]
    assert model.data_map_.index.equals(pd.RangeIndex(60))


# --------------------------------------------------------------------------- learners that go wrong


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.nan, r"epoch 1 \(counted from 0\): proba is NaN or infinite in 120 entries"),
        (0.7, r"epoch 1.*must sum to 1.*1\.4"),
        (3.0, r"epoch 1.*must lie in \[0, 1\]"),
    ],
)
def test_probabilities_that_are_none_name_their_epoch(value, text):
    X, y = problem(60)
    with pytest.raises(ValueError, match=text):
        fitted(X, y, OddClassifier(value))


def test_a_diverged_learner_names_its_epoch():
    X, y = problem(60)
    with pytest.raises(ValueError, match=r"overflow") as caught:
        fitted(X * 1e200, y)
    assert caught.value.__notes__ == ["This happened in epoch 0 (counted from 0)."]


def test_estimators_delegate():
    X, y = problem()
    model = fitted(X, y)
    inner = model.estimator_
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        np.testing.assert_array_equal(getattr(model, method)(X), getattr(inner, method)(X))
    assert model.score(X, y) == inner.score(X, y)
    for learner in (SGDClassifier(loss="hinge"), LOG_LOSS):
        for method in ("predict_proba", "predict_log_proba", "decision_function"):
            unfitted = DataMapClassifier(learner)
            assert hasattr(unfitted, method) == hasattr(learner, method)

"""`audit`: what goes in, what is shared, what it finds and what it leaves alone."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_info, threadpool_limits

from skaudit import AuditReport, DataMapClassifier, audit
from skaudit.datasets import make_customers, make_noisy_labels


@pytest.fixture(scope="module")
def cancer():
    return load_breast_cancer(return_X_y=True, as_frame=True)


def brief(estimator, X, y, **settings):
    """An audit without permutations beyond the least."""
    return audit(estimator, X, y, **{"n_permutations": 2, "n_spotlights": 1} | settings)


# What is found


def test_each_planted_problem_is_found(report, customers):
    found = set(report.findings_["kind"])
    assert {"label_issues", "spotlight", "feature"} <= found
    wrong = (customers.y != customers.y_true).to_numpy()
    for number, finding in enumerate(report.findings_.itertuples()):
        rows = report.rows(number)
        if finding.kind == "label_issues":
            assert wrong[rows].mean() > 0.7
            assert customers.flipped[rows].sum() > 0.7 * customers.flipped.sum()
    regions = [report.rows(k) for k in np.flatnonzero(report.findings_["kind"] == "spotlight")]
    assert max(customers.region[rows].mean() for rows in regions) > 0.6
    titles = report.findings_.loc[report.findings_["kind"] == "feature", "title"]
    assert titles.str.startswith("discount says what").any()


def test_pure_noise_has_no_findings(global_random_seed):
    """Labels independent of all columns: no label, region or column is blamed."""
    rng = np.random.default_rng(global_random_seed)
    X = pd.DataFrame(rng.normal(size=(600, 4)), columns=list("abcd"))
    y = rng.choice(["no", "yes"], size=600)
    report = audit(make_pipeline(StandardScaler(), LogisticRegression()), X, y, n_permutations=19)
    assert set(report.findings_["kind"]) <= {"calibration"}
    assert "Would have been found" in str(report)


def test_a_clean_table_is_not_blamed():
    data = make_customers(1500, wrong=0.0, spoiled=False, random_state=0)
    report = brief(None, data.frame, data.y)
    assert "label_issues" not in set(report.findings_["kind"])


VOTES = {
    "neighbours": KNeighborsClassifier(5),
    "tree": DecisionTreeClassifier(min_samples_leaf=5, random_state=0),
    "forest": RandomForestClassifier(10, random_state=0),
}


@pytest.mark.parametrize("name", VOTES)
def test_labels_that_disagree_with_a_few_votes_are_not_wrong_for_it(name):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 5))
    y = rng.random(2000) < expit(4 * X[:, 0])
    assert "label_issues" not in set(brief(VOTES[name], X, y).findings_["kind"])


@pytest.mark.parametrize("name", ["neighbours", "forest"])
def test_a_few_votes_find_many_wrong_labels(name):
    X, y = load_digits(return_X_y=True)
    y, wrong = make_noisy_labels(y, rate=0.12, random_state=0)
    report = brief(VOTES[name], X, y)
    rows = report.rows(int(np.flatnonzero(report.findings_["kind"] == "label_issues")[0]))
    assert wrong[rows].mean() > 0.8
    assert wrong[rows].sum() > 0.8 * wrong.sum()


def test_findings_come_worst_first(report, iris_report):
    for one in (report, iris_report):
        severity = one.findings_["severity"].to_numpy()
        assert (np.diff(severity) <= 0).all()
        assert (one.findings_["q_value"] <= 0.05).all()
        assert (one.findings_["q_value"] >= one.findings_["p_value"]).all()


# What is shared


def test_held_out_probabilities_are_those_of_cross_validation(cancer):
    """A model without training dynamics is fitted on each fold as scikit-learn does."""
    X, y = cancer
    folds = StratifiedKFold(4, shuffle=True, random_state=3)
    report = brief(GaussianNB(), X, y, cv=folds)
    expected = cross_val_predict(GaussianNB(), X, y, cv=folds, method="predict_proba")
    np.testing.assert_allclose(report.proba_, expected)
    own = expected[np.arange(len(y)), y]
    losses = -np.log(np.clip(own, np.finfo(float).eps, 1 - np.finfo(float).eps))
    np.testing.assert_allclose(report.losses_, losses)
    assert report.summary_["mean_loss"] == pytest.approx(losses.mean())


def test_the_last_stage_of_a_booster_is_its_probability(cancer):
    X, y = cancer
    folds = StratifiedKFold(3, shuffle=True, random_state=3)
    booster = HistGradientBoostingClassifier(max_iter=15)
    report = brief(booster, X, y, cv=folds)
    expected = cross_val_predict(booster, X, y, cv=folds, method="predict_proba")
    np.testing.assert_allclose(report.proba_, expected, atol=1e-12)
    assert report.summary_["n_snapshots"] == 10


def test_the_data_map_is_that_of_a_classifier(cancer):
    X, y = cancer
    folds = list(StratifiedKFold(3, shuffle=True, random_state=0).split(X, y))
    learner = HistGradientBoostingClassifier(max_iter=12, early_stopping=False)
    report = brief(learner, X, y, cv=folds)
    alone = DataMapClassifier(learner, cv=folds, random_state=0).fit(X, y)
    pd.testing.assert_frame_equal(report.data_map_, alone.data_map_)
    pd.testing.assert_frame_equal(report.label_issues_, alone.label_issues())


class Counting(ClassifierMixin, BaseEstimator):
    """Counts its fits in a list that clones share."""

    fits: list = []

    def fit(self, X, y):
        self.fits.append(len(X))
        self.inner_ = GaussianNB().fit(X, y)
        self.classes_ = self.inner_.classes_
        return self

    def predict(self, X):
        return self.inner_.predict(X)

    def predict_proba(self, X):
        return self.inner_.predict_proba(X)


def test_each_fold_is_fitted_once(cancer):
    Counting.fits.clear()
    brief(Counting(), *cancer, cv=4)
    assert len(Counting.fits) == 4
    Counting.fits.clear()
    X, y = cancer
    fitted = Counting().fit(X, y)
    Counting.fits.clear()
    brief(FrozenEstimator(fitted), X, y)
    assert Counting.fits == []


def test_n_jobs_changes_nothing(cancer):
    X, y = cancer
    alone, together = (
        brief(RandomForestClassifier(10), X, y, n_jobs=n_jobs, n_permutations=4)
        for n_jobs in (None, 2)
    )
    pd.testing.assert_frame_equal(alone.findings_, together.findings_)
    pd.testing.assert_frame_equal(alone.spotlights_, together.spotlights_)
    pd.testing.assert_frame_equal(alone.data_map_, together.data_map_)


def test_the_same_seed_gives_the_same_report(cancer):
    X, y = cancer
    learner = SGDClassifier(loss="log_loss", alpha=0.1)
    model = make_pipeline(StandardScaler(), learner)
    first, again, other = (brief(model, X, y, random_state=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.proba_, again.proba_)
    assert not np.array_equal(first.proba_, other.proba_)


def test_the_input_is_not_changed(customers):
    X, y = customers.frame.copy(), customers.y.copy()
    X_before, y_before = X.copy(deep=True), y.copy(deep=True)
    brief(None, X, y)
    pd.testing.assert_frame_equal(X, X_before)
    pd.testing.assert_series_equal(y, y_before)


# What goes in


MODELS = {
    "logistic": make_pipeline(StandardScaler(), LogisticRegression()),
    "sgd": make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", alpha=0.1)),
    "network": make_pipeline(StandardScaler(), MLPClassifier((8,), learning_rate_init=0.02)),
    "forest": RandomForestClassifier(10),
    "boosting": HistGradientBoostingClassifier(max_iter=10),
    "neighbours": KNeighborsClassifier(),
    "search": GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1e-3]}, cv=2),
    "calibrated": CalibratedClassifierCV(GaussianNB(), cv=2),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_models_of_all_kinds_work(name, n_classes):
    X, y = load_iris(return_X_y=True, as_frame=True)
    X, y = X.iloc[: 50 * n_classes], load_iris().target_names[y[: 50 * n_classes]]
    report = brief(clone(MODELS[name]), X, y, cv=3)
    assert isinstance(report, AuditReport)
    np.testing.assert_allclose(report.proba_.sum(axis=1), 1.0, atol=1e-6)
    assert report.proba_.columns.tolist() == sorted(set(y))
    assert len(report.embeddings_) in (1, 2)
    assert str(report)


def test_containers_give_the_same_numbers(cancer):
    X, y = cancer
    frame = brief(GaussianNB(), X, y, cv=3)
    for rows, labels in (
        (X.to_numpy(), y.to_numpy()),
        (X.to_numpy().tolist(), y.tolist()),
        (np.asfortranarray(X.to_numpy()), y),
    ):
        other = brief(GaussianNB(), rows, labels, cv=3)
        np.testing.assert_allclose(other.proba_, frame.proba_)
        np.testing.assert_allclose(other.findings_["severity"], frame.findings_["severity"])


def test_sparse_rows_and_texts(customers):
    texts, y = customers.frame["last_message"].fillna(""), customers.y
    words = TfidfVectorizer(min_df=5).fit_transform(texts)
    linear = LogisticRegression()
    narrow = brief(linear, words, y, cv=3)
    assert len(narrow.feature_table_) == words.shape[1]
    wide = sparse.hstack([words] * 5, format="csr")
    assert brief(linear, wide, y, cv=3).feature_table_.empty
    for rows in (texts, texts.tolist()):
        report = brief(make_pipeline(TfidfVectorizer(), linear), rows, y, cv=3)
        assert set(report.feature_table_["column"]) == {"text"}


@pytest.mark.parametrize("container", ["array", "list of texts", "polars"])
def test_the_default_model_takes_other_containers(container, customers):
    y = customers.y.tolist()
    if container == "array":
        X, y = load_iris(return_X_y=True)
    elif container == "list of texts":
        X = customers.frame["last_message"].fillna("").tolist()
    else:
        polars = pytest.importorskip("polars")
        X = polars.DataFrame(customers.frame.to_dict("list"), strict=False)
    report = brief(None, X, y, cv=3)
    report.model_.fit(X, y).predict_proba(X)


def test_columns_named_by_levels_are_found_by_the_default_model(cancer):
    X, y = cancer
    X = X.iloc[:, :4]
    X.columns = pd.MultiIndex.from_product([["a", "b"], [1, 2]])
    report = brief(None, X, y, cv=3)
    assert set(report.feature_table_["column"]) == {str(name) for name in X.columns}


@pytest.mark.parametrize("container", ["coo", "sparse columns"])
def test_sparse_containers_without_rows_to_take(container, cancer):
    X, y = cancer
    X = X.iloc[:, :5].to_numpy().round()
    model = LogisticRegression(max_iter=2000)
    plain = brief(model, X / 100, y, cv=3)
    given = sparse.coo_matrix(X / 100)
    if container == "sparse columns":
        given = pd.DataFrame.sparse.from_spmatrix(given)
    np.testing.assert_allclose(brief(model, given, y, cv=3).proba_, plain.proba_, atol=1e-3)


def test_a_model_that_knows_too_much_and_one_that_knows_nothing_are_doubted(cancer):
    X, y = cancer
    leaked = brief(
        LogisticRegression(C=1e4), pd.DataFrame({"copy": y, "x": X["mean area"] / 1000}), y
    )
    assert "gives the answer away" in leaked.summary_["doubt"]
    assert "gives the answer away" in " ".join(str(leaked).split())
    rng = np.random.default_rng(0)
    useless = brief(
        RandomForestClassifier(20, random_state=0),
        rng.normal(size=(300, 3)),
        rng.integers(0, 2, 300),
    )
    assert "no lower than that of guessing" in useless.summary_["doubt"]
    assert brief(GaussianNB(), X[["mean area"]], y).summary_["doubt"] == ""


def test_labels_of_any_kind_give_the_same_numbers(cancer):
    X, y = cancer
    plain = brief(GaussianNB(), X, y, cv=3)
    for labels in (y.astype(bool), y * 2 - 1, np.where(y, "yes", "no"), y.astype("Int64")):
        other = brief(GaussianNB(), X, labels, cv=3)
        np.testing.assert_array_equal(other.proba_, plain.proba_)
        assert other.findings_["title"].tolist() == plain.findings_["title"].tolist()


def test_the_callers_index_is_everywhere(cancer):
    X, y = cancer
    labels = [f"patient {i}" for i in range(len(y))]
    report = brief(GaussianNB(), X.set_axis(labels), y.set_axis(labels), cv=3)
    for table in (report.data_map_, report.proba_, report.losses_):
        assert table.index.tolist() == labels
    assert set(report.label_issues_.index) == set(labels)
    assert "patient " in str(report)


def test_withheld_columns_are_not_given_to_the_model(cancer):
    X, y = cancer
    report = brief(GaussianNB(), X, y, features=["worst area", "mean radius"], cv=3)
    rest = X.drop(columns=["worst area", "mean radius"])
    np.testing.assert_allclose(report.proba_, brief(GaussianNB(), rest, y, cv=3).proba_)
    assert set(report.feature_table_["feature"]) == set(X)
    by_position = brief(GaussianNB(), X.to_numpy(), y, features=[0, 23], cv=3)
    np.testing.assert_allclose(by_position.proba_, report.proba_)
    assert by_position.summary_["withheld"] == ["x0", "x23"]


def test_a_frozen_model_is_read_on_its_own_columns(cancer):
    X, y = cancer
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X.iloc[:250, :4], y[:250])
    report = brief(FrozenEstimator(model), X.iloc[250:], y.iloc[250:])
    np.testing.assert_array_equal(report.proba_, model.predict_proba(X.iloc[250:, :4]))
    assert report.summary_["n_folds"] == 0
    assert "feature" in set(report.findings_["kind"])
    assert set(report.summary_["withheld"]) == set(X.columns[4:])


def test_a_frozen_model_on_its_own_rows_warns(cancer):
    X, y = cancer
    model = RandomForestClassifier(50, min_samples_leaf=3, random_state=0).fit(X, y)
    with pytest.warns(UserWarning, match="a model's scores of its own training rows") as told:
        report = audit(FrozenEstimator(model), X, y, n_permutations=2)
    assert told[0].filename == __file__
    assert any("own training rows" in note for note in report.notes_)


def test_weights_count_as_repeated_rows_of_the_score(cancer):
    X, y = cancer
    rng = np.random.default_rng(0)
    weight = rng.integers(1, 4, len(y))
    model = FrozenEstimator(GaussianNB().fit(X.iloc[:100, :5], y[:100]))
    weighted = brief(model, X, y, sample_weight=weight)
    repeated = brief(model, X.iloc[np.repeat(np.arange(len(y)), weight)], np.repeat(y, weight))
    assert weighted.summary_["mean_loss"] == pytest.approx(repeated.summary_["mean_loss"])
    assert weighted.calibration_["statistic"] == pytest.approx(
        repeated.calibration_["statistic"], rel=1e-6
    )
    columns = ["feature", "score_statistic"]
    first, second = (r.feature_table_[columns].sort_values("feature") for r in (weighted, repeated))
    np.testing.assert_allclose(first["score_statistic"], second["score_statistic"], rtol=1e-6)


class Remembering(Counting):
    """Keeps the groups that it was trained on, a row each, in a list that clones share."""

    trained: list = []

    def fit(self, X, y):
        self.trained.append(X["group"])
        return super().fit(X, y)


def test_groups_stay_together(cancer):
    X, y = cancer
    groups = pd.Series(np.arange(len(y)) // 3, index=y.index)
    Remembering.trained.clear()
    report = brief(Remembering(), X.assign(group=groups), y, groups=groups, cv=3)
    assert any(note.startswith("Groups stay together") for note in report.notes_)
    size = groups.value_counts()
    assert len(Remembering.trained) == 3
    for trained in Remembering.trained:
        count = trained.value_counts()
        assert (count == size[count.index]).all()


def test_a_given_embedding_is_the_only_one(cancer):
    X, y = cancer
    Z = X.iloc[:, :3]
    report = brief(GaussianNB(), X, y, embedding=Z, cv=3)
    assert list(report.embeddings_) == ["the embedding given"]
    np.testing.assert_array_equal(report.embeddings_["the embedding given"], Z)
    assert report.embeddings_["the embedding given"].index.equals(X.index)


@pytest.mark.parametrize("name", ["forest", "boosting", "network"])
def test_a_model_that_remembers_its_labels_makes_no_regions(name, global_random_seed):
    """Leaves and layers sort rows they were trained on by their labels; those are no regions."""
    rng = np.random.default_rng(global_random_seed)
    X, y = rng.normal(size=(1500, 6)), (rng.random(1500) < 0.1).astype(int)
    model = clone(MODELS[name])
    report = audit(model, X, y, n_permutations=19, cv=3)
    assert set(report.findings_["kind"]) <= {"calibration"}
    own = next(iter(report.embeddings_))
    assert len(report.embeddings_[own]) == 500


@pytest.mark.parametrize("slope", [1.5, 2.4])
def test_chance_that_the_model_knows_is_nothing_to_fix(slope, global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    X = pd.DataFrame(rng.normal(size=(6000, 3)), columns=list("abc"))
    y = rng.random(6000) < expit(slope * X["a"] + X["b"])
    assert audit(LogisticRegression(), X, y).findings_.empty


@pytest.mark.parametrize(("shift", "level"), [(-1.0, "low"), (1.0, "high")])
def test_probabilities_that_are_shifted_are_told_as_that(shift, level, global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    X = rng.normal(size=(900, 2))
    y = np.where(rng.random(900) < expit(2 * X[:, 0]), "yes", "no")
    model = LogisticRegression().fit(X[:600], y[:600])
    model.intercept_ += shift
    report = audit(FrozenEstimator(model), X[600:], y[600:])
    found = report.findings_.query("kind == 'calibration'").iloc[0]
    assert found["title"] == "The probabilities are shifted between the classes"
    words = re.search("mean probability of “(yes|no)” is too (low|high)", found["evidence"])
    other = {"low": "high", "high": "low"}
    assert words.group(2) == (level if words.group(1) == "yes" else other[level])


def test_labels_that_are_told_are_not_beyond_telling(cancer):
    """Whatever noise in general could have been found: here it was."""
    X, y = cancer
    flipped = np.random.default_rng(1).choice(len(y), 30, replace=False)
    y = y.mask(y.index.isin(flipped), 1 - y)
    report = audit(make_pipeline(StandardScaler(), LogisticRegression()), X, y)
    assert "label_issues" in set(report.findings_["kind"])
    assert np.isnan(report.detectable_.query("kind == 'label_issues'")["detectable"].iloc[0])
    assert "no share of wrong labels" not in str(report)


def test_without_permutations_the_other_findings_stay(customers):
    settings = {"features": [customers.withheld], "cv": 3, "n_spotlights": 1}
    report = audit(None, customers.frame, customers.y, n_permutations=0, **settings)
    assert {"feature", "label_issues"} <= set(report.findings_["kind"])
    assert "n_permutations=0" in report.notes_[0]


def test_few_permutations_find_a_clear_region(customers):
    report = audit(None, customers.frame, customers.y, n_permutations=9)
    assert (report.findings_["kind"] == "spotlight").any()


def test_rows_of_weight_0_are_not_blamed(cancer):
    X, y = cancer
    flipped = np.arange(len(y)) % 10 == 0
    labels, weight = np.where(flipped, 1 - y, y), np.where(flipped, 0.0, 1.0)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    assert "label_issues" in set(brief(model, X, labels).findings_["kind"])
    weighted = brief(model, X, labels, sample_weight=weight)
    assert "label_issues" not in set(weighted.findings_["kind"])


class Single(Counting):
    """Probabilities in float32, beyond 1 by rounding."""

    def predict_proba(self, X):
        return (self.inner_.predict_proba(X) * (1 + 1e-6)).astype(np.float32)


def test_probabilities_in_single_precision_are_taken(cancer):
    X, y = cancer
    brief(Single(), X, y)
    brief(FrozenEstimator(Single().fit(X[:200], y[:200])), X[200:], y[200:])


def test_weights_reach_the_model_inside_a_search(cancer):
    X, y = cancer
    search = GridSearchCV(LogisticRegression(), {"C": [0.1]}, cv=2)
    model = make_pipeline(StandardScaler(), search)
    weight = np.where(y, 3.0, 1.0)
    weighted = brief(model, X, y, sample_weight=weight)
    assert weighted.proba_[1].mean() > brief(model, X, y).proba_[1].mean()


def test_a_small_table_is_audited_on_one_thread(cancer, monkeypatch):
    seen, fit = [], LogisticRegression.fit

    def count_threads(*args, **params):
        seen.append({pool["num_threads"] for pool in threadpool_info()})
        return fit(*args, **params)

    monkeypatch.setattr(LogisticRegression, "fit", count_threads)
    X, y = cancer
    model = make_pipeline(StandardScaler(), LogisticRegression())
    with threadpool_limits(limits=2):
        brief(model, X, y)
        assert seen.pop() == {1}
        monkeypatch.setattr("skaudit.report._audit._FEW", 100)
        brief(model, X, y)
        assert seen.pop() != {1}


def test_progress_is_told(cancer):
    told = []
    brief(GaussianNB(), *cancer, progress=told.append)
    assert told[0] == "training on folds"
    assert len(told) == 5


def test_rare_classes_are_dealt_out():
    X, y = load_iris(return_X_y=True)
    y = np.where(np.arange(150) < 3, 9, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = brief(make_pipeline(StandardScaler(), LogisticRegression()), X, y)
    assert np.isfinite(report.proba_.to_numpy()).all()


# What is refused


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"y": "one"}, "only one class"),
        ({"y": "continuous"}, "continuous"),
        ({"y": "short"}, "y has 50 rows but X has"),
        ({"y": "missing"}, "NaN"),
        ({"y": "single"}, "fewer than two rows: 5.*Numbers to predict are no classes"),
        ({"y": "multilabel"}, "multilabel"),
        ({"y": np.arange(569) // 10}, "57 different numbers"),
        ({"y": pd.Series(pd.to_datetime(np.arange(569) % 2, unit="D"))}, "pass y.astype"),
        ({"y": pd.cut(pd.Series(np.arange(569)), 3)}, "y holds interval.*pass y.astype"),
        ({"sample_weight": "none of class 0"}, "fewer than two rows of positive weight: 0"),
        ({"y": "permuted"}, "same index labels as X in another order"),
        ({"estimator": LogisticRegression}, "is the class"),
        ({"estimator": LinearSVC()}, "must have predict_proba"),
        ({"estimator": StandardScaler()}, "must be a classifier"),
        ({"estimator": np.zeros((3, 2))}, r"got a ndarray\. The order is audit\(estimator, X, y\)"),
        ({"y": "a name"}, "y must be the labels, one a row, got the text 'a name'"),
        ({"features": ["absent"]}, "names columns that X lacks"),
        ({"features": "all"}, "leaves none to train"),
        ({"embedding": np.zeros((3, 2))}, "embedding has 3 rows"),
        ({"embedding": "permuted"}, "embedding has the same index labels as X in another order"),
        ({"groups": "permuted"}, "groups has the same index labels as X in another order"),
        ({"groups": [1, 2, 3]}, "groups has 3 rows"),
        ({"embedding": np.full((569, 2), np.nan)}, "NaN"),
        ({"X": "infinite"}, "infinity"),
        ({"X": "repeated"}, "repeated column names"),
        ({"cv": 1}, "n_splits"),
        ({"fdr": 0}, "'fdr' parameter of audit must be"),
        ({"n_epochs": 0}, "'n_epochs' parameter of audit must be"),
        ({"n_spotlights": 0}, "'n_spotlights' parameter of audit must be"),
        ({"y": "texts and None"}, "missing"),
    ],
)
def test_bad_input_is_refused_with_the_reason(changes, text, cancer):
    X, y = cancer
    settings = {"estimator": GaussianNB(), "X": X, "y": y} | changes
    if isinstance(settings["y"], str):
        settings["y"] = {
            "one": np.ones(len(X)),
            "continuous": np.linspace(0, 1, len(X)),
            "short": y[:50],
            "missing": y.astype(object).where(y.index > 0),
            "single": np.where(np.arange(len(X)) == 7, 5, y),
            "multilabel": np.stack([y, 1 - y], axis=1),
            "permuted": y.iloc[::-1],
            "texts and None": y.map({0: "no", 1: "yes"}).where(y.index > 2, None),
        }.get(settings["y"], settings["y"])
    if isinstance(settings.get("sample_weight"), str):
        settings["sample_weight"] = y.to_numpy(dtype=float)
    for name in ("embedding", "groups"):
        if isinstance(settings.get(name), str):
            settings[name] = X["mean radius"].iloc[::-1]
    if settings.get("features") == "all":
        settings["features"] = list(X)
    if isinstance(settings["X"], str):
        infinite = X.copy()
        infinite.iloc[3, 2] = np.inf
        repeated = X.set_axis(["a", "a", *X.columns[2:]], axis=1)
        settings["X"] = {"infinite": infinite, "repeated": repeated}[settings["X"]]
    with pytest.raises((ValueError, TypeError), match=text):
        brief(settings.pop("estimator"), settings.pop("X"), settings.pop("y"), **settings)


class Fixed(ClassifierMixin, BaseEstimator):
    """A fitted classifier that says the same whatever it is asked."""

    def __init__(self, proba=None, classes=(0, 1)):
        self.proba = proba
        self.classes = classes

    def fit(self, X, y):
        self.classes_ = self.classes if isinstance(self.classes, list) else np.array(self.classes)
        return self

    def predict_proba(self, X):
        return np.asarray(self.proba)[np.zeros(len(X), dtype=int)]


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (Fixed([[0.5, 0.5]], [np.array([0, 1]), np.array([0, 1])]), "no single list of classes_"),
        (Fixed([[0.5, 0.5]], (1, 2)), r"labels that the fitted model does not know: .*0"),
        (Fixed([[0.5, np.nan]]), "must give finite numbers"),
        (Fixed([[0.2, 0.3, 0.5]]), r"of the shape \(569, 2\); got \(569, 3\)"),
        (Fixed([[0.5, 0.6]]), "sum to 1 in each row; they are off by up to 0.1"),
        (Fixed([[-0.5, 1.5]]), "sum to 1 in each row"),
    ],
)
def test_a_fitted_model_has_to_give_probabilities(model, text, cancer):
    X, y = cancer
    with pytest.raises(ValueError, match=text):
        brief(FrozenEstimator(model.fit(X, y)), X, y)

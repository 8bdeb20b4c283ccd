"""`LogitOffsetCorrector`: laws, agreement with fits by hand, its place in scikit-learn."""

import gzip
import json
import pickle

import cloudpickle
import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import skops.io
from scipy.special import expit, logit
from scipy.stats import chi2
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning, NotFittedError, UnsetMetadataPassedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.metrics import log_loss
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    PolynomialFeatures,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
)
from sklearn.utils.estimator_checks import check_estimator

import skaudit
from skaudit import LogitOffsetCorrector, ScoreColumn, SegmentOffsetEncoder
from skaudit.offsets._logistic_offset import fit_logistic_offset

SPLINES = ColumnTransformer([("spline", SplineTransformer(4), ["d"])])


def problem(seed=0, n=400):
    """A frame with columns a to d and a score s made of a and b; labels of all four."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4)) * [1.0, 3.0, 0.2, 40.0] + [0.0, 5.0, 0.0, -100.0]
    signal = (X - [0.0, 5.0, 0.0, -100.0]) / [1.0, 3.0, 0.2, 40.0] @ [1.0, 0.5, 0.7, -0.7]
    y = signal + rng.logistic(size=n) > 0
    frame = pd.DataFrame(X, columns=list("abcd"), index=np.arange(n) * 3 + 7)
    score = expit(X[:, 0] + 0.5 * (X[:, 1] - 5.0) / 3.0)
    return frame.assign(s=score), np.where(y, "yes", "no"), rng.random(n) + 0.1


FRAME, Y, WEIGHT = problem()
BASE = LogisticRegression().fit(FRAME[["b", "a"]], Y)


def assert_same_fit(one, other, rtol=1e-10):
    for name in ("coef_", "intercept_", "covariance_", "lr_statistic_"):
        values, expected = getattr(one, name), getattr(other, name)
        np.testing.assert_allclose(values, expected, rtol=rtol, atol=rtol * np.abs(expected).max())


# -------------------------------------------------------------------------------------------- laws


@pytest.mark.parametrize(
    "estimator", [None, ScoreColumn("s"), FrozenEstimator(BASE)], ids=["none", "column", "frozen"]
)
@pytest.mark.parametrize("features", [["c", "d"], None, SPLINES], ids=["names", "all", "splines"])
def test_weights_equal_repetition(estimator, features, global_random_seed):
    X, y, _ = problem(global_random_seed)
    weight = np.random.default_rng(global_random_seed).integers(0, 4, size=len(y))
    if features is SPLINES:  # a ColumnTransformer passes no weights to its parts
        features = clone(SPLINES).set_params(spline__knots=np.linspace(-300, 100, 4)[:, None])
    model = LogitOffsetCorrector(estimator, features, alpha=0.1)
    rows = np.repeat(np.arange(len(y)), weight)
    weighted = clone(model).fit(X, y, weight)
    repeated = clone(model).fit(X.iloc[rows], y[rows])
    assert_same_fit(weighted, repeated)


def test_the_order_of_rows_does_not_matter(global_random_seed):
    X, y, weight = problem(global_random_seed)
    order = np.random.default_rng(global_random_seed).permutation(len(y))
    model = LogitOffsetCorrector(ScoreColumn("s"))
    one, other = clone(model).fit(X, y, weight), model.fit(X.iloc[order], y[order], weight[order])
    assert_same_fit(one, other)


@pytest.mark.parametrize(
    "names", [("no", "yes"), (0, 1), (-1, 1), (1, 2), (False, True), (2.0, 3.5), ("a", "b")]
)
def test_names_of_the_labels_do_not_matter(names):
    if names == (2.0, 3.5):
        names = (2.0, 3.0)
    y = np.array(names)[(Y == "yes").astype(int)]
    model = LogitOffsetCorrector(ScoreColumn("s")).fit(FRAME, y)
    reference = LogitOffsetCorrector(ScoreColumn("s")).fit(FRAME, Y)
    assert model.classes_.tolist() == list(names)
    assert_same_fit(model, reference, rtol=0)
    np.testing.assert_array_equal(
        model.predict(FRAME) == names[1], reference.predict(FRAME) == Y[0]
    )


def test_exchanged_labels_change_the_sign():
    exchanged = FRAME.assign(s=1 - FRAME["s"])
    model = LogitOffsetCorrector(ScoreColumn("s")).fit(FRAME, Y == "yes")
    other = LogitOffsetCorrector(ScoreColumn("s")).fit(exchanged, Y == "no")
    np.testing.assert_allclose(other.coef_, -model.coef_, rtol=1e-9)
    np.testing.assert_allclose(other.predict_proba(exchanged), model.predict_proba(FRAME)[:, ::-1])


def test_a_base_that_knows_everything_is_left_alone(global_random_seed):
    # The offset has all there is: coefficients stay within a few of their standard errors.
    rng = np.random.default_rng(global_random_seed)
    X = rng.normal(size=(5000, 4))
    s = expit(X[:, 0])
    y = rng.random(5000) < s
    model = LogitOffsetCorrector(ScoreColumn(4)).fit(np.column_stack([X, s]), y)
    estimates = np.append(model.coef_[0], model.intercept_)
    assert (np.abs(estimates) < 4.5 * np.sqrt(np.diag(model.covariance_))).all()
    assert model.lr_statistic_ < chi2.isf(1e-6, 5)
    assert model.p_value_ == pytest.approx(chi2.sf(model.lr_statistic_, 5))


def test_probabilities_are_the_formula():
    model = LogitOffsetCorrector(ScoreColumn("s"), ["d", "a"], alpha=0.3).fit(FRAME, Y)
    odds = logit(FRAME["s"]) + FRAME[["d", "a"]].to_numpy() @ model.coef_[0] + model.intercept_
    np.testing.assert_allclose(model.decision_function(FRAME), odds, rtol=1e-10)
    np.testing.assert_allclose(model.predict_proba(FRAME)[:, 1], expit(odds), rtol=1e-10)
    np.testing.assert_allclose(
        model.predict_log_proba(FRAME), np.log(model.predict_proba(FRAME)), rtol=1e-10
    )
    np.testing.assert_array_equal(model.predict(FRAME), np.where(odds > 0, "yes", "no"))
    gain = log_loss(Y, FRAME["s"], normalize=False)
    gain -= log_loss(Y, model.predict_proba(FRAME), normalize=False)
    assert model.lr_statistic_ == pytest.approx(2 * gain)


def test_log_probabilities_stay_finite():
    X = np.column_stack([np.linspace(-1, 1, 50), np.tile([0.3, 0.6], 25)])
    y = np.arange(50) % 2
    model = LogitOffsetCorrector(ScoreColumn(1)).fit(X, y)
    far = np.array([[1e6 / abs(model.coef_[0, 0]), 0.5]])
    assert np.isfinite(model.predict_log_proba(far)).all()
    assert model.predict_log_proba(far).min() < -1e5


def test_without_base_it_is_a_logistic_regression():
    model = LogitOffsetCorrector(alpha=2.0).fit(FRAME[["a", "c"]], Y, WEIGHT)
    peer = LogisticRegression(C=0.5, tol=1e-10).fit(FRAME[["a", "c"]], Y, WEIGHT)
    np.testing.assert_allclose(model.coef_, peer.coef_, rtol=1e-5)
    np.testing.assert_allclose(
        model.predict_proba(FRAME[["a", "c"]]), peer.predict_proba(FRAME[["a", "c"]]), rtol=1e-5
    )


def test_without_intercept():
    model = LogitOffsetCorrector(ScoreColumn("s"), ["c"], fit_intercept=False).fit(FRAME, Y)
    assert model.intercept_.tolist() == [0.0]
    assert model.covariance_.shape == (1, 1)
    assert model.p_value_ == pytest.approx(chi2.sf(model.lr_statistic_, 1))
    constant = LogitOffsetCorrector(ScoreColumn(0), fit_intercept=False)
    constant.fit([[0.2, 0.0], [0.3, 0.0], [0.4, 0.0]], [0, 1, 0])
    assert (constant.lr_statistic_, constant.p_value_) == (0.0, 1.0)


# --------------------------------------------------------------------------------------- by hand


def by_hand(base, own, features, X, y, weight, folds):
    """Out-of-fold scores in a loop, then the core; a function that predicts."""
    positive = np.empty(len(y))
    for train, test in folds:
        part = clone(base).fit(X[own].iloc[train], y[train], sample_weight=weight[train])
        positive[test] = part.predict_proba(X[own].iloc[test])[:, 1]
    found = fit_logistic_offset(X[features].to_numpy(), y == "yes", logit(positive), weight)
    refitted = clone(base).fit(X[own], y, sample_weight=weight)

    def predict(new):
        odds = logit(refitted.predict_proba(new[own])[:, 1])
        return expit(odds + new[features].to_numpy() @ found.coef + found.intercept)

    return found, predict


@pytest.mark.parametrize(
    ("features", "own"), [(["c", "d"], ["a", "b", "s"]), (None, ["a", "b", "c", "d", "s"])]
)
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_an_unfitted_base_is_crossfitted_as_in_a_loop(features, own, n_jobs):
    folds = list(StratifiedKFold(5).split(FRAME, Y))
    base = RandomForestClassifier(20, max_depth=2, random_state=0)
    found, predict = by_hand(base, own, features or list(FRAME), FRAME, Y, WEIGHT, folds)
    model = LogitOffsetCorrector(base, features, n_jobs=n_jobs).fit(FRAME, Y, WEIGHT)
    np.testing.assert_allclose(model.coef_[0], found.coef, rtol=1e-12)
    np.testing.assert_allclose(model.predict_proba(FRAME)[:, 1], predict(FRAME), rtol=1e-12)
    assert model.estimator_.feature_names_in_.tolist() == own


@pytest.mark.parametrize(
    "estimator",
    [ScoreColumn("s"), FrozenEstimator(BASE), LogisticRegression(class_weight={"no": 2, "yes": 1})],
    ids=["column", "frozen", "unfitted"],
)
def test_cross_validated_predictions_are_those_of_a_loop(estimator):
    model = LogitOffsetCorrector(estimator, ["c", "d"])
    folds = KFold(3, shuffle=True, random_state=1)
    expected = np.empty((len(Y), 2))
    for train, test in folds.split(FRAME):
        fitted = clone(model).fit(FRAME.iloc[train], Y[train])
        expected[test] = fitted.predict_proba(FRAME.iloc[test])
    if not isinstance(estimator, LogisticRegression):
        # (the names of labels in class_weight are lost in cross_val_predict)
        found = cross_val_predict(model, FRAME, Y, cv=folds, method="predict_proba")
        np.testing.assert_array_equal(found, expected)
    scores = cross_val_score(model, FRAME, Y, cv=folds, scoring="neg_log_loss")
    pooled = [
        -log_loss(Y[test], expected[test], labels=model.fit(FRAME, Y).classes_)
        for _, test in folds.split(FRAME)
    ]
    np.testing.assert_allclose(scores, pooled, rtol=1e-12)


def test_a_search_scores_as_a_loop_does():
    grid = {"alpha": [0.01, 1e4], "features": [["c"], ["c", "d"], SPLINES]}
    model = LogitOffsetCorrector(ScoreColumn("s"), SPLINES, alpha=1.0)
    folds = StratifiedKFold(3)
    search = GridSearchCV(model, grid, cv=folds, scoring="neg_log_loss").fit(FRAME, Y)
    for params, score in zip(
        search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
    ):
        losses = []
        for train, test in folds.split(FRAME, Y):
            fitted = clone(model).set_params(**clone(params, safe=False))
            fitted.fit(FRAME.iloc[train], Y[train])
            losses.append(-log_loss(Y[test], fitted.predict_proba(FRAME.iloc[test])))
        assert score == pytest.approx(np.mean(losses), rel=1e-12)
    nested = {"features__spline__n_knots": [3, 5]}
    assert GridSearchCV(model, nested, cv=2).fit(FRAME, Y).best_estimator_.coef_.shape[1] in (5, 7)


def test_calibration_on_top_is_that_of_a_loop():
    model = LogitOffsetCorrector(ScoreColumn("s"), ["c", "d"])
    folds = list(StratifiedKFold(3).split(FRAME, Y))
    calibrated = CalibratedClassifierCV(model, cv=folds).fit(FRAME, Y)
    parts = []
    for train, test in folds:
        inner = FrozenEstimator(clone(model).fit(FRAME.iloc[train], Y[train]))
        parts.append(
            CalibratedClassifierCV(inner, cv=[(test[:0], np.arange(len(test)))])
            .fit(FRAME.iloc[test], Y[test])
            .predict_proba(FRAME)
        )
    np.testing.assert_allclose(calibrated.predict_proba(FRAME), np.mean(parts, axis=0), rtol=1e-9)


def test_a_transformer_that_encodes_by_the_target_is_crossfitted():
    class Spy(BaseEstimator):
        def fit(self, X, y, sample_weight=None):
            self.weight_ = sample_weight
            return self

        def fit_transform(self, X, y, sample_weight=None):
            self.fit(X, y, sample_weight)
            return X[["c"]] * 2

        def transform(self, X):
            return X[["c"]]

    model = LogitOffsetCorrector(ScoreColumn("s"), Spy()).fit(FRAME, Y, WEIGHT)
    plain = LogitOffsetCorrector(ScoreColumn("s"), ["c"]).fit(FRAME, Y, WEIGHT)
    np.testing.assert_allclose(2 * model.coef_, plain.coef_)
    np.testing.assert_array_equal(model.transformer_.weight_, WEIGHT)
    assert not hasattr(model.features, "weight_")


def test_transformers_of_all_kinds():
    X = FRAME.assign(t=np.where(FRAME["d"] > -100, "high", "low"))
    one_hot = make_column_transformer((OneHotEncoder(drop="first"), ["t"]), sparse_threshold=1.0)
    frozen = FrozenEstimator(clone(one_hot).fit(X, Y))
    base = FrozenEstimator(BASE)
    model = LogitOffsetCorrector(base, one_hot).fit(X, Y, WEIGHT)
    other = LogitOffsetCorrector(base, frozen).fit(X, Y, WEIGHT)
    assert_same_fit(model, other)
    both = clone(one_hot).set_output(transform="pandas").set_params(sparse_threshold=0)
    both.set_params(onehotencoder__sparse_output=False)
    assert_same_fit(model, LogitOffsetCorrector(base, both).fit(X, Y, WEIGHT))
    np.testing.assert_allclose(model.predict_proba(X), other.predict_proba(X))


def test_offsets_of_segments_can_be_the_features():
    encoder = SegmentOffsetEncoder(ScoreColumn("s"), features=["c", "d"])
    model = LogitOffsetCorrector(ScoreColumn("s"), encoder).fit(FRAME, Y, WEIGHT)
    own = clone(encoder)
    values = own.fit_transform(FRAME, Y, sample_weight=WEIGHT)
    found = fit_logistic_offset(
        np.asarray(values), Y == "yes", logit(FRAME["s"].to_numpy()), WEIGHT
    )
    np.testing.assert_allclose(model.coef_[0], found.coef, rtol=1e-10)
    odds = logit(FRAME["s"]) + np.asarray(own.transform(FRAME)) @ found.coef + found.intercept
    np.testing.assert_allclose(model.decision_function(FRAME), odds, rtol=1e-10)


# --------------------------------------------------------------------------------------- acceptance


@pytest.mark.parametrize("case", ["breast_cancer", "fair"])
def test_reference_answers(case, shared_data):
    folder = shared_data / "acceptance"
    if not folder.is_dir():
        pytest.skip("no folder ../shared/data/acceptance beside the checkout")
    answers = json.loads((folder / "acceptance.json").read_text())[case]
    with gzip.open(folder / f"{case}.csv.gz", "rt") as file:
        data = pd.read_csv(file, keep_default_na=False, na_values=[""])
    analysis, test = (data[data["part"] == part] for part in ("analysis", "test"))
    for answer in answers["corrector"].values():
        columns = [*answer["features"], "score"]
        for solver in ("newton", "lbfgs"):
            model = LogitOffsetCorrector(ScoreColumn("score"), solver=solver)
            model.fit(analysis[columns], analysis["y"])
            np.testing.assert_allclose(model.coef_[0], answer["coef"], rtol=1e-7)
            np.testing.assert_allclose(model.intercept_, answer["intercept"], rtol=1e-7)
            errors = np.sqrt(np.diag(model.covariance_))
            np.testing.assert_allclose(np.roll(errors, 1), answer["se"], rtol=1e-7)
            np.testing.assert_allclose(model.lr_statistic_, answer["lr_vs_base"], rtol=1e-7)
            held_out = log_loss(test["y"], model.predict_proba(test[columns]))
            np.testing.assert_allclose(held_out, answer["logloss_test"], rtol=1e-7)
    answer = answers["corrector_l2"]
    scaler = ColumnTransformer([("scaler", StandardScaler(), answer["features"])])
    model = LogitOffsetCorrector(ScoreColumn("score"), scaler, alpha=answer["alpha"])
    model.fit(analysis[[*answer["features"], "score"]], analysis["y"])
    np.testing.assert_allclose(model.coef_[0], answer["coef"], rtol=1e-7)
    np.testing.assert_allclose(model.intercept_, answer["intercept"], rtol=1e-7)


# ------------------------------------------------------------------------------------------ folding


SCALERS = [
    StandardScaler(),
    StandardScaler(with_mean=False),
    StandardScaler(with_std=False),
    MinMaxScaler((-2, 5)),
    MaxAbsScaler(),
    RobustScaler(),
    RobustScaler(with_centering=False, with_scaling=False),
    "passthrough",
    make_pipeline(MinMaxScaler(), StandardScaler()),
]


@pytest.mark.parametrize("scaler", SCALERS, ids=str)
@pytest.mark.parametrize("features", [["c", "d"], None], ids=["others", "all"])
def test_a_linear_base_is_folded(scaler, features):
    base = make_pipeline(scaler, RobustScaler(), LogisticRegression())
    for model in (
        LogitOffsetCorrector(base, features).fit(FRAME, Y),
        LogitOffsetCorrector(base, StandardScaler(), alpha=1.0).fit(FRAME, Y),
        LogitOffsetCorrector(
            FrozenEstimator(clone(base).fit(FRAME[["b", "s", "a"]], Y)), ["d"]
        ).fit(FRAME, Y),
    ):
        folded = model.to_logistic_regression()
        assert type(folded) is LogisticRegression
        new = problem(1)[0]
        np.testing.assert_allclose(
            folded.predict_proba(new), model.predict_proba(new), rtol=0, atol=1e-12
        )
        np.testing.assert_array_equal(folded.predict(new), model.predict(new))
        assert folded.feature_names_in_.tolist() == list(FRAME)


@pytest.mark.parametrize(
    "base",
    [
        None,
        LogisticRegression(),
        LogisticRegressionCV(
            cv=2, l1_ratios=(0,), use_legacy_attributes=False, max_iter=1000, scoring="accuracy"
        )
        if "use_legacy_attributes" in LogisticRegressionCV().get_params()
        else LogisticRegressionCV(cv=2),
        FrozenEstimator(make_pipeline(FrozenEstimator(BASE))),
        LogitOffsetCorrector(LogisticRegression(), ["a"]),
    ],
    ids=["none", "plain", "cv", "frozen", "corrector"],
)
def test_other_linear_bases_are_folded(base):
    X = FRAME[["b", "a"]] / 10 if not isinstance(base, FrozenEstimator) else FRAME[["b", "a"]]
    features = ["b"]
    if isinstance(base, LogitOffsetCorrector):
        X, features = X.assign(c=FRAME["c"]), ["c"]
    model = LogitOffsetCorrector(base, features).fit(X, Y)
    folded = model.to_logistic_regression()
    np.testing.assert_allclose(folded.predict_proba(X), model.predict_proba(X), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("base", "features", "text"),
    [
        (RandomForestClassifier(20, max_depth=2), None, "needs a base whose log-odds are linear"),
        (ScoreColumn("s"), None, r"the base is ScoreColumn\(column='s'\)"),
        (
            make_pipeline(PolynomialFeatures(2), StandardScaler(), LogisticRegression()),
            None,
            r"can fold StandardScaler, .*, not the PolynomialFeatures\(\) of the base",
        ),
        (
            make_pipeline(MinMaxScaler(clip=True), LogisticRegression()),
            None,
            r"without clip\), not the MinMaxScaler\(clip=True\) of the base",
        ),
        (
            make_pipeline(StandardScaler(), RandomForestClassifier(20, max_depth=2)),
            None,
            "ends with one; the",
        ),
        (LogisticRegression(), SPLINES, r"not the SplineTransformer\(.*\) of the features"),
    ],
)
def test_what_cannot_be_folded_is_refused(base, features, text):
    X = (FRAME - FRAME.mean()) / FRAME.std() if not isinstance(base, ScoreColumn) else FRAME
    model = LogitOffsetCorrector(base, features, alpha=1.0).fit(X, Y)
    with pytest.raises(ValueError, match=text):
        model.to_logistic_regression()


@pytest.mark.parametrize("remainder", ["drop", "passthrough", MinMaxScaler()])
@pytest.mark.parametrize(
    "columns", [["c", "a"], [2, 0], slice(1, 3), np.array([True, False, True])]
)
def test_scalers_of_some_columns_fold(columns, remainder):
    scaled = ColumnTransformer([("scaled", StandardScaler(), columns)], remainder=remainder)
    X = FRAME[["a", "b", "c"]]
    model = LogitOffsetCorrector(LogisticRegression(), scaled, alpha=1.0).fit(X, Y)
    folded = model.to_logistic_regression()
    np.testing.assert_allclose(folded.predict_proba(X), model.predict_proba(X), rtol=0, atol=1e-12)


def test_arrays_fold_too():
    X = FRAME.to_numpy()
    base = FrozenEstimator(LogisticRegression().fit(X[:, [0, 1, 4]], Y))
    model = LogitOffsetCorrector(base, [2, 3]).fit(X, Y)
    folded = model.to_logistic_regression()
    assert not hasattr(folded, "feature_names_in_")
    np.testing.assert_allclose(folded.predict_proba(X), model.predict_proba(X), atol=1e-12)
    with pytest.raises(NotFittedError):
        LogitOffsetCorrector().to_logistic_regression()


# --------------------------------------------------------------------------------------- containers


def test_frames_of_both_kinds_and_arrays_lead_to_the_same():
    reference = LogitOffsetCorrector(ScoreColumn("s"), ["d", "c"]).fit(FRAME, Y, WEIGHT)
    others = {
        "polars": (pl.DataFrame(FRAME.to_dict("list")), "s", ["d", "c"]),
        "pyarrow": (FRAME.convert_dtypes(dtype_backend="pyarrow"), "s", ["d", "c"]),
        "nullable": (FRAME.convert_dtypes(), "s", ["d", "c"]),
        "array": (FRAME.to_numpy(), 4, [3, 2]),
        "mask": (FRAME[["a", "b", "d", "c", "s"]], "s", [False, False, True, True, False]),
        "list": (FRAME.to_numpy().tolist(), -1, [-2, 2]),
        "objects": (FRAME.to_numpy().astype(object), -1, np.array([3, 2])),
    }
    for X, column, features in others.values():
        model = LogitOffsetCorrector(ScoreColumn(column), features).fit(X, Y, WEIGHT)
        assert_same_fit(model, reference)
        np.testing.assert_allclose(model.predict_proba(X), reference.predict_proba(FRAME))


@pytest.mark.parametrize("dtype", ["f2", "f4", ">f8", "g"])
def test_types_and_layouts_leave_the_input_alone(dtype, tmp_path):
    X = np.column_stack([FRAME[["c", "a"]], FRAME["s"]]).astype(dtype)
    X = np.asfortranarray(X)[::-1]
    X.flags.writeable = False
    before = X.copy()
    model = LogitOffsetCorrector(ScoreColumn(2)).fit(X, Y[::-1])
    plain = LogitOffsetCorrector(ScoreColumn(2)).fit(X.astype(np.float64), Y[::-1])
    # Scores near 0 and 1 are clipped by the epsilon of their type.
    np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-2 if dtype == "f2" else 1e-6)
    model.predict_proba(X)
    np.testing.assert_array_equal(X, before)


def test_memory_maps_can_be_read(tmp_path):
    path = tmp_path / "X.npy"
    np.save(path, FRAME.to_numpy())
    mapped = np.load(path, mmap_mode="r")
    model = LogitOffsetCorrector(ScoreColumn(4)).fit(mapped, Y)
    assert_same_fit(model, LogitOffsetCorrector(ScoreColumn(4)).fit(FRAME.to_numpy(), Y))


def test_other_columns_may_be_anything():
    X = FRAME.assign(t="text", when=pd.Timestamp(0), gap=np.where(Y == "no", np.nan, WEIGHT))
    model = LogitOffsetCorrector(ScoreColumn("s"), ["c", "d"]).fit(X, Y)
    assert_same_fit(model, LogitOffsetCorrector(ScoreColumn("s"), ["c", "d"]).fit(FRAME, Y))
    booster = HistGradientBoostingClassifier(max_iter=3)
    gaps = X.assign(a=FRAME["a"].where(FRAME["a"] > -0.5))[["a", "gap", "c"]]
    assert LogitOffsetCorrector(booster, ["c"]).fit(gaps, Y).coef_.shape == (1, 1)


# ---------------------------------------------------------------------------------------- bad input


def put(column, value, frame=FRAME):
    changed = frame.copy().astype({column: object} if isinstance(value, str) else {})
    changed.iloc[[3, 5], changed.columns.get_loc(column)] = value
    return changed


@pytest.mark.parametrize(
    ("X", "text"),
    [
        (
            put("c", np.nan),
            r"contains NaN: 2 of 1600 entries, in the contesting column 'c'. Impute",
        ),
        (put("c", np.nan).to_numpy(), "in the contesting column 2"),
        (put("d", np.inf), r"infinity or a value too large .*: 2 of 1600 .* column 'd'"),
        (put("d", "7"), r"columns that are not numbers: 'd' \(object\)"),
        (FRAME.assign(c="7"), r"columns that are not numbers: 'c' \("),
        (FRAME.assign(c=pd.Timestamp(0)), r"not numbers: 'c' \(datetime"),
        (put("c", "7").to_numpy(), r"not numbers: 2 \(object\)"),
        (FRAME.to_numpy().astype(str), r"The score column 4 must hold numbers|not numbers: 0 \("),
        (np.zeros((400, 5), dtype="M8[s]"), "not numbers: 0"),
        (put("s", np.nan), "The score column 's' contains NaN: 2 of 400"),
        (
            FRAME.assign(s=logit(FRAME["s"])),
            r"'s' must be .* in \[0, 1\], got values from -.* to .*expit",
        ),
        (FRAME.assign(s="high"), "not numbers: 's'"),
        (FRAME.iloc[:, [0, 1, 1, 2, 4]], "repeated column names: 'b'"),
        (FRAME.to_numpy()[:, 0], "Expected 2D array"),
        (FRAME.iloc[:0], "0 sample"),
        (FRAME.iloc[:, :0], "0 feature|names columns that X lacks"),
        (FRAME.iloc[:10], "y has 400 rows but X has 10"),
        (FRAME.to_numpy()[:10], "y has 400 rows but X has 10"),
    ],
)
def test_bad_rows_are_refused(X, text):
    column = "s" if hasattr(X, "columns") else -1
    with pytest.raises(ValueError, match=text):
        LogitOffsetCorrector(ScoreColumn(column)).fit(X, Y)


@pytest.mark.parametrize(
    ("X", "text"),
    [
        (np.ma.masked_array(FRAME.to_numpy(), FRAME.to_numpy() > 1), "mask would be lost"),
        (pl.DataFrame(FRAME.to_dict("list")).lazy(), "collect it first"),
        (pd.DataFrame.sparse.from_spmatrix, "toarray"),
    ],
)
def test_containers_that_would_be_converted_silently_are_refused(X, text):
    if callable(X):
        from scipy import sparse

        X = sparse.csr_array(FRAME.to_numpy())
    with pytest.raises(TypeError, match=text):
        LogitOffsetCorrector(ScoreColumn(-1)).fit(X, Y)


@pytest.mark.parametrize(
    ("y", "text"),
    [
        (np.arange(400) % 3, r"Only binary classification is supported. The type .* multiclass; y"),
        (np.arange(400) / 7, "Unknown label type: continuous"),
        (["one"] * 400, "y has only one class, 'one'; LogitOffsetCorrector needs rows of both"),
        (np.where(Y == "yes", 1.0, np.nan), "Input y contains NaN"),
        (None, "requires y to be passed"),
        (np.column_stack([Y, Y]), "1d array"),
        (pd.Series(Y, FRAME.index[::-1]), "same index labels as X in another order"),
    ],
)
def test_bad_labels_are_refused(y, text):
    with pytest.raises(ValueError, match=text):
        LogitOffsetCorrector(ScoreColumn("s")).fit(FRAME, y)


@pytest.mark.parametrize(
    ("weight", "text"),
    [
        (-WEIGHT, "must be >= 0, got 400 negative"),
        (np.zeros(400), "zero for every row"),
        (np.where(WEIGHT > 1, np.nan, WEIGHT), "sample_weight contains NaN"),
        (WEIGHT[:10], "sample_weight has 10 rows but X has 400"),
        ((Y == "yes") * 1.0, "only one class of positive weight, 'yes'"),
        (pd.Series(WEIGHT, FRAME.index[::-1]), "sample_weight has the same index labels"),
    ],
)
def test_bad_weights_are_refused(weight, text):
    with pytest.raises(ValueError, match=text):
        LogitOffsetCorrector(ScoreColumn("s")).fit(FRAME, Y, weight)


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"alpha": -1.0}, "'alpha'"),
        ({"alpha": np.inf}, "alpha"),
        ({"alpha": "much"}, "'alpha'"),
        ({"solver": "sgd"}, "'solver'"),
        ({"fit_intercept": "yes"}, "'fit_intercept'"),
        ({"cv": 1, "estimator": LogisticRegression()}, "'cv'"),
        ({"n_jobs": "all"}, "'n_jobs'"),
    ],
)
def test_parameters_are_checked_in_fit(params, text):
    with pytest.raises(ValueError, match=text):
        LogitOffsetCorrector(**{"estimator": ScoreColumn("s")} | params).fit(FRAME, Y)


def test_prediction_without_the_score_is_an_error():
    for X, column in ((FRAME, "s"), (FRAME.to_numpy(), 4)):
        model = LogitOffsetCorrector(ScoreColumn(column)).fit(X, Y)
        without = X.drop(columns="s") if column == "s" else X[:, :4]
        for method in ("predict", "predict_proba", "decision_function", "predict_log_proba"):
            with pytest.raises(ValueError, match="feature names should match|5 features as input"):
                getattr(model, method)(without)
    with pytest.raises(ValueError, match="feature names should match"):
        LogitOffsetCorrector(ScoreColumn("s")).fit(FRAME, Y).predict(FRAME[list("sabcd")])


def test_a_frame_at_fit_and_an_array_at_predict_warns():
    model = LogitOffsetCorrector(ScoreColumn("s")).fit(FRAME, Y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        proba = model.predict_proba(FRAME.to_numpy())
    np.testing.assert_array_equal(proba, model.predict_proba(FRAME))


def test_bad_values_at_prediction_are_refused():
    model = LogitOffsetCorrector(ScoreColumn("s")).fit(FRAME, Y)
    with pytest.raises(ValueError, match="contesting column 'c'"):
        model.predict(put("c", np.nan))
    with pytest.raises(ValueError, match="'s' must be a probability"):
        model.predict(FRAME.assign(s=1.5))
    with pytest.raises(NotFittedError):
        LogitOffsetCorrector().predict(FRAME)


def test_separation_is_warned_of():
    X = FRAME.assign(leak=(Y == "yes") * 1.0)
    with pytest.warns(ConvergenceWarning, match="separation.*Set alpha > 0") as caught:
        model = LogitOffsetCorrector(ScoreColumn("s"), ["leak"]).fit(X, Y)
    assert caught[0].filename == __file__
    assert np.isfinite(model.predict_proba(X)).all()
    assert (model.predict(X) == Y).all()
    LogitOffsetCorrector(ScoreColumn("s"), ["leak"], alpha=1.0).fit(X, Y)  # does not warn


def test_scores_of_0_and_1_are_clipped_and_counted():
    certain = FRAME["s"].copy()
    certain.iloc[:3], certain.iloc[3] = 1.0, 0.0
    model = LogitOffsetCorrector(ScoreColumn("s"), ["c"]).fit(FRAME.assign(s=certain), Y)
    assert np.isfinite(model.decision_function(FRAME.assign(s=1.0))).all()
    certain.iloc[3:10] = 0.0
    with pytest.warns(UserWarning, match="10 of 400 base scores are 0 or 1") as caught:
        LogitOffsetCorrector(ScoreColumn("s"), ["c"]).fit(FRAME.assign(s=certain), Y)
    assert caught[0].filename == __file__


# -------------------------------------------------------------------------------------------- state


class Breaks(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        raise KeyboardInterrupt

    def predict_proba(self, X):
        """Never gets here."""


def test_a_refused_or_interrupted_fit_leaves_the_old_state():
    model = LogitOffsetCorrector(ScoreColumn("s")).fit(FRAME, Y)
    before = dict(vars(model))
    for X, y in ((FRAME[["a", "b"]], Y), (put("c", np.nan), Y), (FRAME[["a", "s"]], ["x"] * 400)):
        with pytest.raises(ValueError, match="."):
            model.fit(X, y)
        assert vars(model) == before
    model.set_params(estimator=Breaks())
    before["estimator"] = model.estimator
    with pytest.raises(KeyboardInterrupt):
        model.fit(FRAME.to_numpy(), Y)
    assert vars(model) == before


def test_a_second_fit_forgets_the_first():
    model = LogitOffsetCorrector(ScoreColumn(-1)).fit(FRAME, Y)
    model.set_params(features=StandardScaler()).fit(FRAME, Y)
    model.set_params(features=None).fit(FRAME.to_numpy()[:, 2:], Y == "yes")
    fresh = clone(model).fit(FRAME.to_numpy()[:, 2:], Y == "yes")
    assert vars(model).keys() == vars(fresh).keys()
    assert model.transformer_ is None
    assert_same_fit(model, fresh, rtol=0)


@pytest.mark.parametrize(
    "model",
    [
        LogitOffsetCorrector(ScoreColumn("s"), SPLINES, alpha=1.0),
        LogitOffsetCorrector(FrozenEstimator(BASE), ["c", "d"]),
        LogitOffsetCorrector(),
    ],
    ids=["column", "frozen", "none"],
)
def test_it_travels_through_files(model):
    model = clone(model).fit(FRAME, Y)
    expected = model.predict_proba(FRAME)

    def skops_round_trip(model):
        data = skops.io.dumps(model)
        trusted = skops.io.get_untrusted_types(data=data)
        ours = ("skaudit.offsets.", "scipy.")  # a SplineTransformer holds splines of scipy
        assert all(name.startswith(ours) for name in trusted), trusted
        return skops.io.loads(data, trusted=trusted)

    def joblib_round_trip(model):
        import io

        file = io.BytesIO()
        joblib.dump(model, file)
        file.seek(0)
        return joblib.load(file)

    for round_trip in (
        lambda model: pickle.loads(pickle.dumps(model)),
        lambda model: pickle.loads(cloudpickle.dumps(model)),
        joblib_round_trip,
        skops_round_trip,
    ):
        np.testing.assert_array_equal(round_trip(model).predict_proba(FRAME), expected)
    assert model.__getstate__()["_skaudit_version"] == skaudit.__version__
    assert len(pickle.dumps(model)) < 20_000  # nothing a row


# ------------------------------------------------------------------------------------------ routing


def test_common_checks_pass_with_routing_on_and_other_bases(enable_metadata_routing):
    for model in (LogitOffsetCorrector(alpha=1.0), LogitOffsetCorrector(solver="lbfgs", alpha=0.5)):
        for result in check_estimator(model, on_skip=None, on_fail="raise"):
            assert result["status"] in ("passed", "skipped")


def test_weights_and_groups_are_routed(enable_metadata_routing):
    groups = np.arange(400) // 4
    scaler = StandardScaler().set_fit_request(sample_weight=True)
    base = LogisticRegression().set_fit_request(sample_weight=True)
    model = LogitOffsetCorrector(base, scaler, cv=GroupKFold(3)).set_fit_request(sample_weight=True)
    model.fit(FRAME, Y, sample_weight=WEIGHT, groups=groups)
    folds = list(GroupKFold(3).split(FRAME, Y, groups))
    weighted = StandardScaler().fit(FRAME, sample_weight=WEIGHT)
    found, _ = by_hand(base, list(FRAME), list(FRAME), FRAME, Y, WEIGHT, folds)
    np.testing.assert_allclose(model.transformer_.mean_, weighted.mean_)
    np.testing.assert_allclose(model.coef_[0] / weighted.scale_, found.coef, rtol=1e-8)
    unasked = LogitOffsetCorrector(LogisticRegression(), ["c"])
    with pytest.raises(UnsetMetadataPassedError):
        unasked.fit(FRAME, Y, sample_weight=WEIGHT)
    assert LogitOffsetCorrector(ScoreColumn("s")).fit(FRAME, Y, sample_weight=WEIGHT).coef_.any()


def test_groups_reach_the_splitter_without_routing():
    groups = np.arange(400) // 4
    model = LogitOffsetCorrector(LogisticRegression(), ["c"], cv=GroupKFold(3))
    folds = list(GroupKFold(3).split(FRAME, Y, groups))
    found, _ = by_hand(LogisticRegression(), list("abds"), ["c"], FRAME, Y, WEIGHT, folds)
    model.fit(FRAME, Y, WEIGHT, groups=groups)
    np.testing.assert_allclose(model.coef_[0], found.coef, rtol=1e-12)
    with pytest.raises(TypeError, match="unexpected arguments"):
        model.fit(FRAME, Y, colour="red")
    with pytest.raises(ValueError, match="groups would be used by cv only"):
        LogitOffsetCorrector().fit(FRAME, Y, groups=groups)

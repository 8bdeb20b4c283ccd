import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skaudit import IncrementalFeatureAnalyzer, ScoreColumn
from skaudit.datasets import make_omitted_feature

NUMBERS = ["offset", "standard_error", "offset_lower", "offset_upper", "lr", "weight", "events"]


def make_data(seed=0, n=3000):
    """Features that matter or do not, beside a calibrated score that knows none of them."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "linear": rng.normal(size=n),
            "noise": rng.normal(size=n),
            "group": rng.choice(list("abcd"), n),
            "tied": np.where(rng.random(n) < 0.92, 0.0, rng.exponential(size=n)),
            "holes": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
        },
        index=pd.Index([f"row{i}" for i in range(n)], name="id"),
    )
    X["score"] = expit(rng.normal(size=n))
    z = np.log(X["score"] / (1 - X["score"]))
    effect = 0.5 * X["linear"] + 1.5 * (X["tied"] > 0) + 0.8 * X["holes"].isna()
    effect += 0.8 * (X["group"] == "a")
    # The score is what is known without the features: their mean effect is in it.
    y = pd.Series(rng.random(n) < expit(z + effect - effect.mean()), index=X.index)
    return X, y


def analyzer(**kwargs):
    return IncrementalFeatureAnalyzer(ScoreColumn("score"), **kwargs)


def features_of(fitted):
    return fitted.feature_table_.set_index("feature")


def test_tables_have_the_documented_columns():
    X, y = make_data()
    fitted = analyzer().fit(X, y)
    assert (
        list(fitted.feature_table_)
        == (
            "feature n_segments lr lr_df lr_p_value score_statistic score_df score_p_value "
            "trend_p_value combined_p_value q_value gain shape selected"
        ).split()
    )
    assert (
        list(fitted.segment_table_)
        == (
            "feature segment kind lower upper category mean n weight events offset standard_error "
            "offset_lower offset_upper lr"
        ).split()
    )
    table = fitted.feature_table_
    assert table["score_p_value"].is_monotonic_increasing
    sums = fitted.segment_table_.groupby("feature")["lr"].sum()
    np.testing.assert_allclose(table.set_index("feature")["lr"], sums[table["feature"]])
    counts = fitted.segment_table_.groupby("feature")["n"].sum()
    assert (counts == len(X)).all()


def test_effects_are_selected_and_named():
    X, y = make_data()
    fitted = analyzer().fit(X, y)
    table = features_of(fitted)
    assert table["selected"].to_dict() == {
        "linear": True,
        "tied": True,
        "holes": True,
        "group": True,
        "noise": False,
    }
    shapes = {"linear": "increasing", "holes": "missing", "group": "categories", "noise": "none"}
    assert {name: table.loc[name, "shape"] for name in shapes} == shapes
    assert np.isnan(table.loc["group", "trend_p_value"])
    assert (table.loc[["linear", "tied", "group"], "gain"] > 0.002).all()
    assert abs(table.loc["noise", "gain"]) < 0.001
    assert fitted.get_feature_names_out().tolist() == ["linear", "group", "tied", "holes", "score"]


def test_a_heavy_tie_keeps_its_segment_and_its_strong_statistic():
    X, y = make_data()
    fitted = analyzer().fit(X, y)
    segments = fitted.segment_table_.query("feature == 'tied'")
    zero = segments[segments["upper"] == segments["lower"]]
    assert zero["n"].tolist() == [(X["tied"] == 0).sum()]
    binary = analyzer(segmenter={"tied": [1e-9]}).fit(X, y)
    # Nine segments of the rest can only fit better than one.
    assert features_of(fitted).loc["tied", "lr"] >= features_of(binary).loc["tied", "lr"] > 50


@pytest.mark.parametrize("n", [800, 30_000])
@pytest.mark.parametrize("kwargs", [{}, {"overlap": 0.4}, {"max_categories": 2}])
def test_a_weight_is_a_repetition(n, kwargs):
    X, y = make_data(n=n)
    weight = np.random.default_rng(1).integers(0, 4, n)
    weighted = analyzer(**kwargs).fit(X, y, sample_weight=weight)
    repeated = analyzer(**kwargs).fit(X.loc[X.index.repeat(weight)], np.repeat(y, weight))
    one, two = features_of(weighted), features_of(repeated)
    numbers = one.select_dtypes("number").columns.drop("gain")
    np.testing.assert_allclose(one[numbers], two.loc[one.index, numbers], rtol=1e-9, atol=1e-10)
    assert (one["shape"] == two.loc[one.index, "shape"]).all()
    one, two = weighted.segment_table_, repeated.segment_table_
    np.testing.assert_allclose(one[NUMBERS], two[NUMBERS], rtol=1e-9, atol=1e-9)


def test_neither_order_of_rows_nor_names_of_labels_matter():
    X, y = make_data()
    plain = analyzer().fit(X, y)
    order = np.random.default_rng(0).permutation(len(X))
    shuffled = analyzer().fit(X.iloc[order], y.iloc[order])
    columns = features_of(plain).select_dtypes("number").columns.drop("gain")
    np.testing.assert_allclose(features_of(plain)[columns], features_of(shuffled)[columns])
    renamed = analyzer().fit(X, np.where(y, "yes", "no"))
    pd.testing.assert_frame_equal(plain.feature_table_, renamed.feature_table_)
    pd.testing.assert_frame_equal(plain.segment_table_, renamed.segment_table_)


def test_a_monotone_transform_changes_no_statistic():
    X, y = make_data()
    moved = X.assign(
        linear=np.exp(X["linear"]), noise=1e200 * X["noise"], holes=1e-300 * X["holes"]
    )
    one, two = (features_of(analyzer().fit(data, y)) for data in (X, moved))
    pd.testing.assert_frame_equal(one, two)


def test_the_result_does_not_depend_on_the_number_of_jobs():
    X, y = make_data()
    one, two = (analyzer(n_jobs=n_jobs).fit(X, y) for n_jobs in (None, 2))
    pd.testing.assert_frame_equal(one.feature_table_, two.feature_table_, check_exact=True)
    pd.testing.assert_frame_equal(one.segment_table_, two.segment_table_, check_exact=True)


def test_base_scores_of_every_kind_agree():
    X, y = make_data()
    base = LogisticRegression().fit(X[["score"]], y)
    numeric = ["linear", "noise"]
    frozen = IncrementalFeatureAnalyzer(FrozenEstimator(base), features=numeric).fit(X, y)
    column = X[numeric].assign(score=base.predict_proba(X[["score"]])[:, 1])
    given = analyzer().fit(column, y)
    pd.testing.assert_frame_equal(frozen.feature_table_, given.feature_table_)
    trained = IncrementalFeatureAnalyzer(LogisticRegression(), features=numeric, cv=5).fit(
        X[[*numeric, "score"]], y
    )
    assert trained.estimator_.feature_names_in_.tolist() == ["score"]
    # Out-of-fold scores of a model with two parameters are nearly its scores.
    one, two = features_of(frozen)["lr"], features_of(trained)["lr"]
    np.testing.assert_allclose(one, two[one.index], rtol=0.1, atol=1)


def test_without_a_base_offsets_are_weights_of_evidence():
    X, y = make_data()
    fitted = IncrementalFeatureAnalyzer(features=["group"]).fit(X, y)
    table = fitted.segment_table_.set_index("category")
    for label, part in y.groupby(X["group"]):
        evidence = np.log(part.mean() / (1 - part.mean())) - np.log(y.mean() / (1 - y.mean()))
        assert table.loc[label, "offset"] == pytest.approx(evidence)


def test_windows_widen_segments_and_leave_tests_alone():
    X, y = make_data()
    narrow, wide = (analyzer(overlap=overlap).fit(X, y) for overlap in (0.0, 0.5))
    pd.testing.assert_frame_equal(narrow.feature_table_, wide.feature_table_)
    one, two = (fitted.segment_table_.query("feature == 'holes'") for fitted in (narrow, wide))
    assert two["kind"].tolist() == ["numeric"] * 10 + ["missing"]
    assert (two["n"].to_numpy()[1:9] > 1.4 * one["n"].to_numpy()[1:9]).all()
    inside = X["holes"].between(two["lower"].iloc[4], two["upper"].iloc[4], inclusive="left")
    assert inside.sum() == two["n"].iloc[4]
    assert two["mean"].iloc[4] == pytest.approx(X["holes"][inside].mean())


def test_nothing_to_test_is_never_selected():
    X, y = make_data()
    X = X[["score"]].assign(constant=1.0, empty=np.nan, texts="a")
    fitted = analyzer(fdr=1.0).fit(X, y)
    columns = ["score_p_value", "combined_p_value", "lr_p_value", "q_value"]
    assert (fitted.feature_table_[columns] == 1).all(axis=None)
    assert not fitted.feature_table_["selected"].any()
    with pytest.warns(UserWarning, match="separate the classes"):
        fitted = analyzer(fdr=1.0).fit(make_data()[0], X["score"] > 0.4)
    assert (fitted.feature_table_[columns] == 1).all(axis=None)
    assert not fitted.feature_table_["selected"].any()


def test_miscalibration_is_told_apart_from_information():
    rng = np.random.default_rng(0)
    z = rng.normal(size=20_000)
    X = pd.DataFrame({"noise": rng.normal(size=20_000), "score": expit(0.5 + 0.8 * z)})
    y = rng.random(20_000) < expit(z)
    fitted = analyzer().fit(X, y)
    assert features_of(fitted).loc["noise", "lr_p_value"] < 1e-6
    assert features_of(fitted).loc["noise", "score_p_value"] > 0.01
    assert fitted.calibration_.slope == pytest.approx(1 / 0.8, abs=0.05)
    assert fitted.calibration_.intercept == pytest.approx(-0.5 / 0.8, abs=0.05)
    assert fitted.calibration_.clipped_share == 0


@pytest.mark.filterwarnings("ignore:The base scores have a slope")  # taken for frequencies
def test_importance_weights_keep_the_level():
    rng = np.random.default_rng(0)
    n_trials, n = 300, 1500
    p_values = {"importance": [], "frequency": []}
    for trial in range(n_trials):
        z, x = rng.normal(size=(2, n))
        X = np.column_stack([expit(z), x])
        y = rng.random(n) < expit(z)
        weight = rng.exponential(size=n) ** 2
        for weights, found in p_values.items():
            if weights == "frequency" and trial % 5:
                continue  # far beyond any level, which few trials show
            fitted = IncrementalFeatureAnalyzer(ScoreColumn(0), weights=weights)
            fitted.fit(X, y, sample_weight=weight)
            found.append(fitted.feature_table_["score_p_value"][0])
    shares = {name: np.mean(np.array(found) < 0.05) for name, found in p_values.items()}
    assert 0.01 < shares["importance"] < 0.1
    assert shares["frequency"] > 0.3


def test_importance_weights_of_one_agree_with_frequencies():
    X, y = make_data()
    one, two = (analyzer(weights=weights).fit(X, y) for weights in ("frequency", "importance"))
    columns = ["score_statistic", "lr"]
    np.testing.assert_allclose(
        features_of(one)[columns], features_of(two)[columns].loc[features_of(one).index], rtol=0.25
    )
    finite = np.isfinite(one.segment_table_["standard_error"])
    np.testing.assert_allclose(
        one.segment_table_["standard_error"][finite],
        two.segment_table_["standard_error"][finite],
        rtol=0.3,
    )


@pytest.mark.filterwarnings("ignore:.*infinite logit")
def test_in_sample_scores_warn():
    X, y = make_data()
    forest = RandomForestClassifier(20, random_state=0).fit(X[["linear", "noise"]], y)
    with pytest.warns(UserWarning, match="scores (have a slope|separate)"):
        IncrementalFeatureAnalyzer(FrozenEstimator(forest), features=["holes"]).fit(
            X[["linear", "noise", "holes"]], y
        )


def test_many_certain_scores_warn():
    X, y = make_data()
    X.loc[X.index[:60], "score"] = np.where(y.iloc[:60], 1.0, 0.0)
    with pytest.warns(UserWarning, match="60 of 3000"):
        fitted = analyzer().fit(X, y)
    assert fitted.calibration_.clipped_share == 0.02


def test_selects_in_pipelines_and_searches():
    X, y = make_data(n=1500)
    X = X[["linear", "noise", "tied", "score"]]
    pipe = make_pipeline(analyzer(), LogisticRegression())
    search = GridSearchCV(pipe, {"incrementalfeatureanalyzer__fdr": [0.01, 1.0]}, cv=3).fit(X, y)
    assert search.best_score_ > 0.6
    assert pipe.fit(X, y)[-1].n_features_in_ == 3


@pytest.mark.parametrize("kind", ["array", "objects", "polars", "nullable", "pyarrow", "float32"])
def test_containers_agree(kind):
    X, y = make_data(n=800)
    columns = ["linear", "tied", "holes", "score"]
    X = X[columns].astype(np.float32) if kind == "float32" else X[columns]
    expected = analyzer().fit(X.astype(np.float64), y).feature_table_
    score = ScoreColumn(3)
    if kind == "array":
        data = np.asfortranarray(X.to_numpy())
        data.flags.writeable = False
    elif kind == "objects":
        data = X.to_numpy().astype(object)
    elif kind == "polars":
        data = pytest.importorskip("polars").from_pandas(X.reset_index(drop=True))
    elif kind == "nullable":
        data = X.convert_dtypes()
    elif kind == "pyarrow":
        pytest.importorskip("pyarrow")
        data = X.convert_dtypes(dtype_backend="pyarrow")
    else:
        data = X
    found = IncrementalFeatureAnalyzer(score).fit(data, y).feature_table_
    rtol = 1e-4 if kind == "float32" else 1e-9
    numbers = expected.select_dtypes("number").columns
    np.testing.assert_allclose(found[numbers], expected[numbers], rtol=rtol, atol=1e-6)


@pytest.mark.parametrize("dtype", ["category", "string", object, "bool", "interval"])
def test_categories_of_every_type(dtype):
    X, y = make_data(n=800)
    group = X["group"]
    if dtype == "bool":
        group = group == "a"
    elif dtype == "interval":
        group = pd.cut(X["linear"], 4)
    else:
        group = group.astype(dtype)
    fitted = analyzer().fit(X[["score"]].assign(group=group), y)
    assert set(fitted.segment_table_["kind"]) == {"category"}
    assert fitted.feature_table_["n_segments"].tolist() == [group.nunique()]
    pickle.loads(pickle.dumps(fitted))


def test_output_is_a_frame_with_the_callers_index():
    X, y = make_data(n=800)
    out = analyzer().set_output(transform="pandas").fit(X, y).transform(X)
    pd.testing.assert_frame_equal(out, X[list(out)])


def test_round_trips():
    X, y = make_data(n=800)
    fitted = analyzer().fit(X, y)
    skops = pytest.importorskip("skops.io")
    text = skops.dumps(fitted)
    unknown = skops.get_untrusted_types(data=text)
    assert all(name.startswith("skaudit.") for name in unknown)
    for copy in (pickle.loads(pickle.dumps(fitted)), skops.loads(text, trusted=unknown)):
        pd.testing.assert_frame_equal(copy.feature_table_, fitted.feature_table_)
        pd.testing.assert_frame_equal(copy.segment_table_, fitted.segment_table_)
        assert copy.calibration_ == fitted.calibration_
        np.testing.assert_array_equal(copy.get_support(), fitted.get_support())
    # No row is kept.
    assert len(pickle.dumps(fitted)) < 20_000


def test_a_failed_fit_leaves_the_old_state():
    X, y = make_data(n=800)
    fitted = analyzer().fit(X, y)
    before = fitted.feature_table_
    with pytest.raises(ValueError, match="infinity"):
        fitted.fit(X.assign(noise=np.inf), y)
    pd.testing.assert_frame_equal(fitted.feature_table_, before)
    with pytest.raises(NotFittedError):
        _ = clone(fitted).feature_table_


BAD = {
    "dates": (lambda X: X.assign(noise=pd.Timestamp("2020-01-01")), {}, "noise.*datetime64"),
    "infinity": (lambda X: X.assign(noise=np.inf), {}, "infinity.*3000 of 3000.*'noise'"),
    "no score": (lambda X: X.drop(columns="score"), {}, "'score'"),
    "score not a probability": (lambda X: X.assign(score=X["score"] * 3), {}, "expit"),
    "nothing contests": (lambda X: X[["score"]], {}, "No contesting feature is left"),
    "unknown feature": (lambda X: X, {"features": ["x9"]}, "x9"),
    "segmenter of an unknown column": (lambda X: X, {"segmenter": {"x9": "auto"}}, "x9"),
    "segmenter of the score": (lambda X: X, {"segmenter": {"score": [0.5]}}, "'score'.*contest"),
    "unsorted edges": (lambda X: X, {"segmenter": {"noise": [2, 1]}}, r"\['noise'\] must ascend"),
    "edges with NaN": (lambda X: X, {"segmenter": {"noise": [np.nan]}}, "'noise'.*NaN"),
    "unknown rule": (lambda X: X, {"segmenter": {"noise": "bins"}}, "'noise'.*one of 'auto'"),
    "edges for texts": (lambda X: X, {"segmenter": {"group": [1]}}, "'group' holds"),
    "quantiles of texts": (lambda X: X, {"segmenter": "quantile"}, "'group' holds"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name):
    change, kwargs, text = BAD[name]
    X, y = make_data()
    with pytest.raises(ValueError, match=text):
        analyzer(**kwargs).fit(change(X), y)


def test_more_segments_than_values():
    X, y = make_data(n=400)
    few = X[["score"]].assign(two=np.arange(400) % 2)
    fitted = analyzer(n_segments=50).fit(few, y)
    assert fitted.feature_table_["n_segments"].tolist() == [2]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert analyzer(n_segments=1).fit(few, y).feature_table_["n_segments"].le(2).all()


def test_callbacks_see_every_feature():
    callback = pytest.importorskip("sklearn.callback")
    X, y = make_data(n=400)
    fitted = analyzer().set_callbacks(callback.ProgressBar()).fit(X, y)
    assert len(fitted.feature_table_) == 5


@pytest.mark.parametrize("base", [ScoreColumn("score"), None])
def test_the_order_of_the_rows_does_not_matter(base, global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    data = make_omitted_feature(600, random_state=global_random_seed)
    X = data.frame.assign(
        town=rng.choice(["a", "b", None], 600), few=rng.integers(0, 3, 600).astype(float)
    )
    order = rng.permutation(600)
    features = ["town", "few", "omitted"]
    plain, other = (
        IncrementalFeatureAnalyzer(base, features=features).fit(X.iloc[rows], data.y[rows])
        for rows in (np.arange(600), order)
    )
    for table in ("feature_table_", "segment_table_"):
        pd.testing.assert_frame_equal(getattr(plain, table), getattr(other, table), rtol=1e-9)
    assert (plain.feature_table_["gain"] != 0).any()

import pickle

import literal
import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy.special import expit, logit
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skaudit import ScoreColumn, SegmentOffsetEncoder


def make_data(seed=0, n=3000, n_groups=20, spread=0.8):
    rng = np.random.default_rng(seed)
    group = rng.integers(0, n_groups, n)
    effect = spread * rng.normal(size=n_groups)
    z = rng.normal(size=n) - 0.5
    y = rng.random(n) < expit(z + effect[group])
    X = pd.DataFrame(
        {
            "score": expit(z),
            "group": pd.Series(group).map("g{}".format),
            "number": rng.normal(size=n),
        }
    )
    return X, pd.Series(y), effect


def encoder(**kwargs):
    return SegmentOffsetEncoder(ScoreColumn("score"), **kwargs)


def test_offsets_minimise_the_penalised_loss():
    X, y, _ = make_data()
    fitted = encoder(features=["group"]).fit(X, y)
    encoded = fitted.transform(X)[:, 0]
    z = logit(X["score"].to_numpy())
    shift = literal.segment(X["score"].to_numpy(), y.to_numpy(), np.ones(len(y)))[0]
    score, information = [], []
    for label in X["group"].unique():
        inside = (X["group"] == label).to_numpy()
        p = expit(z[inside] + shift)
        score.append(np.sum(y[inside] - p))
        information.append(np.sum(p * (1 - p)))
    score, information = np.array(score), np.array(information)
    variance = (np.sum(score**2 / information) - 19) / information.sum()
    assert fitted.variances_[0] == pytest.approx(variance, rel=1e-8)
    for label in X["group"].unique():
        inside = (X["group"] == label).to_numpy()
        expected = literal.shrunk(z[inside] + shift, y[inside].to_numpy(), variance)
        (found,) = np.unique(encoded[inside])
        assert found == pytest.approx(expected, abs=1e-6)


def test_offsets_are_found_again():
    X, y, effect = make_data(n=60_000)
    encoded = encoder(features="group").fit(X, y).transform(X)[:, 0]
    expected = effect[X["group"].str[1:].astype(int)]
    assert np.corrcoef(encoded, expected)[0, 1] > 0.99


def test_unseen_and_first_missing_values_are_zero():
    X, y, _ = make_data()
    fitted = encoder().fit(X, y)
    new = X[:3].assign(group=["unknown", None, "g1"], number=[np.nan, 0.0, 1.0])
    encoded = fitted.transform(new)
    assert encoded[0].tolist() == [0, 0]
    assert encoded[1, 0] == 0
    assert encoded[2, 0] != 0


def test_missing_values_of_training_have_an_offset():
    X, y, _ = make_data()
    X["number"] = X["number"].mask(y & (np.arange(len(X)) % 3 == 0))
    encoded = encoder(features="number").fit(X, y).transform(X)[:, 0]
    assert (encoded[X["number"].isna()] > 1).all()


def test_null_categories_cost_nothing(global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    n_train, n = 4000, 40_000
    costs = []
    for _ in range(5):
        z = rng.normal(size=n) - 1
        X = pd.DataFrame({"score": expit(z), "group": rng.integers(0, 200, n)})
        y = rng.random(n) < expit(z)
        fitted = encoder(segmenter="categorical", max_categories=300)
        fitted.fit(X[:n_train], y[:n_train])
        encoded = fitted.transform(X[n_train:])[:, 0]
        base = log_loss(y[n_train:], expit(z[n_train:]))
        costs.append(log_loss(y[n_train:], expit(z[n_train:] + encoded)) - base)
    assert np.mean(costs) < 5e-4


def test_rare_categories_with_effects_gain(global_random_seed):
    X, y, _ = make_data(global_random_seed, n=20_000, n_groups=200)
    fitted = encoder(features="group", max_categories=300).fit(X[:4000], y[:4000])
    encoded = fitted.transform(X[4000:])[:, 0]
    base = log_loss(y[4000:], X["score"][4000:])
    assert log_loss(y[4000:], expit(logit(X["score"][4000:]) + encoded)) < base - 0.01


def test_fit_transform_encodes_folds_by_the_others():
    X, y, _ = make_data()
    found = encoder(cv=4).fit_transform(X, y)
    expected = np.empty_like(found)
    for train, test in StratifiedKFold(4).split(X, y):
        fold = encoder().fit(X.iloc[train], y.iloc[train])
        expected[test] = fold.transform(X.iloc[test])
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_fit_transform_leaves_the_state_of_fit():
    X, y, _ = make_data()
    one, two = encoder(), encoder().fit(X, y)
    first = one.fit_transform(X, y)
    np.testing.assert_array_equal(first, clone(one).fit_transform(X, y))
    np.testing.assert_array_equal(one.transform(X), two.transform(X))


def test_training_rows_leak_nothing(global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    n, n_groups = 6000, 1500
    group = rng.integers(0, n_groups, n)
    effect = 1.5 * rng.normal(size=n_groups)
    z = rng.normal(size=n)
    X = pd.DataFrame({"score": expit(z), "group": group})
    y = rng.random(n) < expit(z + effect[group])
    model = encoder(segmenter="categorical", max_categories=2000)
    cross_fitted = model.fit_transform(X, y)[:, 0]
    in_sample = model.transform(X)[:, 0]
    # A row tells its own label by the offset that was made from it, apart from the true effect.
    own = y - expit(z + effect[group])
    assert abs(np.corrcoef(cross_fitted, own)[0, 1]) < 4 / np.sqrt(n)
    assert np.corrcoef(in_sample, own)[0, 1] > 0.2
    assert np.corrcoef(cross_fitted, effect[group])[0, 1] > 0.4


def test_in_a_pipeline_it_is_as_good_as_the_effects(global_random_seed):
    X, y, _ = make_data(global_random_seed, n=4000, n_groups=100)
    X = X.assign(logit=logit(X["score"]))
    pipe = make_pipeline(
        SegmentOffsetEncoder(features="group", max_categories=200), LogisticRegression()
    )
    assert cross_val_score(pipe, X, y, cv=3).mean() > 0.6


def test_groups_reach_the_splitter():
    X, y, _ = make_data()
    groups = np.arange(len(X)) % 7
    found = encoder(cv=GroupKFold(3)).fit_transform(X, y, groups=groups)
    expected = np.empty_like(found)
    for train, test in GroupKFold(3).split(X, y, groups):
        fold = encoder().fit(X.iloc[train], y.iloc[train])
        expected[test] = fold.transform(X.iloc[test])
    np.testing.assert_allclose(found, expected)
    with sklearn.config_context(enable_metadata_routing=True):
        routed = encoder(cv=GroupKFold(3)).fit_transform(X, y, groups=groups)
    np.testing.assert_array_equal(found, routed)


@pytest.mark.parametrize("n", [900, 30_000])
def test_a_weight_is_a_repetition(n):
    X, y, _ = make_data(n=n)
    weight = np.random.default_rng(1).integers(0, 4, n)
    weighted = encoder().fit(X, y, sample_weight=weight)
    repeated = encoder().fit(X.loc[X.index.repeat(weight)], np.repeat(y, weight))
    np.testing.assert_allclose(weighted.transform(X), repeated.transform(X), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(weighted.variances_, repeated.variances_, rtol=1e-9)


def test_the_number_of_jobs_does_not_matter():
    X, y, _ = make_data()
    one, two = (encoder(n_jobs=n_jobs).fit_transform(X, y) for n_jobs in (None, 2))
    np.testing.assert_array_equal(one, two)


def test_base_scores_of_every_kind():
    X, y, _ = make_data()
    base = LogisticRegression().fit(X[["score"]], y)
    frozen = SegmentOffsetEncoder(FrozenEstimator(base)).fit(X, y)
    column = X.assign(score=base.predict_proba(X[["score"]])[:, 1])
    np.testing.assert_allclose(frozen.transform(X), encoder().fit(column, y).transform(column))
    trained = SegmentOffsetEncoder(LogisticRegression(), features=["group", "number"])
    trained.fit_transform(X, y)
    assert trained.estimator_.feature_names_in_.tolist() == ["score"]
    assert SegmentOffsetEncoder().fit(X, y).transform(X).shape == (3000, 3)


def test_frames_names_and_round_trips():
    X, y, _ = make_data()
    X.index = [f"row{i}" for i in range(len(X))]
    y.index = X.index
    fitted = encoder().set_output(transform="pandas").fit(X, y)
    out = fitted.transform(X)
    assert list(out) == ["group", "number"]
    assert out.index.equals(X.index)
    assert fitted.fit_transform(X, y).index.equals(X.index)
    skops = pytest.importorskip("skops.io")
    text = skops.dumps(fitted)
    unknown = skops.get_untrusted_types(data=text)
    assert all(name.startswith("skaudit.") for name in unknown)
    for copy in (pickle.loads(pickle.dumps(fitted)), skops.loads(text, trusted=unknown)):
        pd.testing.assert_frame_equal(copy.transform(X), out)
    polars = pytest.importorskip("polars")
    frame = polars.from_pandas(X)
    found = encoder().set_output(transform="polars").fit(frame, y.to_numpy()).transform(frame)
    np.testing.assert_allclose(found.to_numpy(), out.to_numpy())


def test_errors():
    X, y, _ = make_data()
    with pytest.raises(NotFittedError):
        encoder().transform(X)
    fitted = encoder().fit(X, y)
    before = fitted.transform(X)
    with pytest.raises(ValueError, match="infinity.*'number'"):
        fitted.fit(X.assign(number=np.inf), y)
    np.testing.assert_array_equal(fitted.transform(X), before)
    with pytest.raises(ValueError, match="infinity.*'number'"):
        fitted.transform(X.assign(number=np.inf))
    with pytest.raises(ValueError, match="Column 'number' has segments of numbers, but holds"):
        fitted.transform(X.assign(number="a"))
    with pytest.raises(TypeError, match="unexpected arguments"):
        encoder().fit(X, y, other=1)
    with pytest.raises(ValueError, match="Only binary"):
        encoder().fit(X, np.arange(len(X)) % 3)


class Checked(SegmentOffsetEncoder):
    """The encoder without the tag that lets the common checks pass over its cross-fitting."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.non_deterministic = False
        return tags


CROSS_FITTED = "fit_transform encodes each fold by the others, as it must"


@parametrize_with_checks(
    [Checked()],
    expected_failed_checks=lambda _: dict.fromkeys(
        ["check_transformer_general", "check_transformer_data_not_an_array"], CROSS_FITTED
    ),
)
def test_only_cross_fitting_needs_the_tag(estimator, check):
    check(estimator)

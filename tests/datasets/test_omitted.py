import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from skaudit import IncrementalFeatureAnalyzer, ScoreColumn
from skaudit.datasets import make_omitted_feature

EFFECTS = ["linear", "u-shape", "step", "rare-category", "missing", "none"]


@pytest.mark.parametrize("effect", EFFECTS)
def test_labels_follow_the_formula(effect, global_random_seed):
    data = make_omitted_feature(20_000, effect=effect, random_state=global_random_seed)
    known = data.frame.filter(like="known").to_numpy()
    np.testing.assert_allclose(data.proba, expit(-0.5 + known @ data.coef + data.effect))
    # Four standard errors.
    assert abs(np.mean(data.y - data.proba)) < 4 * 0.5 / np.sqrt(20_000)
    assert data.frame["score"].between(0, 1, inclusive="neither").all()


@pytest.mark.parametrize("effect", EFFECTS)
def test_the_score_lacks_the_effect_and_nothing_else(effect, global_random_seed):
    data = make_omitted_feature(20_000, effect=effect, random_state=global_random_seed)
    analyzer = IncrementalFeatureAnalyzer(ScoreColumn("score"), max_categories=40, fdr=1e-3)
    table = analyzer.fit(data.frame, data.y).feature_table_.set_index("feature")
    assert table["selected"].to_dict() == {
        name: name == "omitted" and effect != "none" for name in table.index
    }


def test_the_score_is_that_of_the_known_features(global_random_seed):
    data = make_omitted_feature(50_000, effect="none", random_state=global_random_seed)
    known = data.frame.filter(like="known").to_numpy()
    np.testing.assert_allclose(logit(data.frame["score"]), -0.5 + known @ data.coef, atol=0.15)


def test_a_seed_settles_everything():
    one, two = (make_omitted_feature(100, random_state=3) for _ in range(2))
    pd.testing.assert_frame_equal(one.frame, two.frame)
    np.testing.assert_array_equal(one.y, two.y)


def test_missing_and_rare_values_are_there():
    missing = make_omitted_feature(5000, effect="missing", random_state=0)
    assert missing.frame["omitted"].isna().mean() == pytest.approx(0.1, abs=0.02)
    rare = make_omitted_feature(5000, effect="rare-category", random_state=0)
    assert rare.frame["omitted"].nunique() == 30


@pytest.mark.parametrize(
    ("kwargs", "text"),
    [
        ({"effect": "cubic"}, "effect must be one of 'linear'"),
        ({"n_features": 1}, "n_features must be at least 2"),
        ({"n_samples": 1}, "n_samples must be at least 2"),
        ({"intercept": -50}, "All training labels are the same"),
    ],
)
def test_bad_parameters_are_named(kwargs, text):
    with pytest.raises(ValueError, match=text):
        make_omitted_feature(**{"n_samples": 50, "random_state": 0, **kwargs})

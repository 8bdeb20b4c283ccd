"""A score that features join: the tests are those of the analyzer given the score as it then is."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from skaudit import IncrementalFeatureAnalyzer, ScoreColumn
from skaudit.offsets._growing_score import GrowingScore


def make_rows(n_rows, seed):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "number": rng.normal(size=n_rows),
            "gaps": np.where(rng.random(n_rows) < 0.2, np.nan, rng.normal(size=n_rows)),
            "category": rng.choice(list("abcd"), n_rows),
        }
    )
    frame["copy"] = frame["number"] + 0.1 * rng.normal(size=n_rows)
    known = rng.normal(size=n_rows)
    effect = 0.3 * frame["number"] + 0.4 * (frame["category"] == "a")
    return frame, expit(known), (rng.random(n_rows) < expit(known + effect)).to_numpy()


def analysed(frame, score, y, weight=None):
    scored = frame.assign(score=score)
    return IncrementalFeatureAnalyzer(ScoreColumn("score")).fit(scored, y, weight)


def p_values(analyzer):
    table = analyzer.feature_table_.set_index("feature")
    return table[["score_p_value", "lr_p_value"]].max(axis=1)


# Above 20,000 rows sums run over cells of the score.
@pytest.mark.parametrize("n_rows", [2000, 24_000])
@pytest.mark.parametrize("is_weighted", [False, True])
def test_p_values_are_those_of_the_analyzer(n_rows, is_weighted, global_random_seed):
    frame, score, y = make_rows(n_rows, global_random_seed)
    weight = np.arange(n_rows) % 3 if is_weighted else None
    growing = GrowingScore(frame, score, y, weight)
    analyzer = analysed(frame, score, y, weight)
    for name, p_value in p_values(analyzer).items():
        assert growing.p_value(name) == pytest.approx(p_value, rel=1e-6)

    offset = analyzer.segment_table_.query("feature == 'category'").set_index("category")["offset"]
    growing.add("category")
    corrected = expit(logit(score) + frame["category"].map(offset).to_numpy())
    for name, p_value in p_values(analysed(frame, corrected, y, weight)).items():
        assert growing.p_value(name) == pytest.approx(p_value, rel=1e-6, abs=1e-9)


def test_what_was_added_and_its_copy_say_no_more(global_random_seed):
    growing = GrowingScore(*make_rows(5000, global_random_seed), None)
    assert max(growing.p_value("copy"), growing.p_value("category")) < 1e-4
    growing.add("number")
    assert growing.p_value("number") > 0.999
    assert growing.p_value("copy") > 1e-3
    assert growing.p_value("category") < 1e-4


def test_a_score_that_separates_the_classes_leaves_nothing_to_test():
    frame, _, y = make_rows(500, 0)
    assert GrowingScore(frame, np.where(y, 0.9, 0.1), y, None).p_value("number") == 1.0


def test_a_segment_of_one_class_moves_the_score_by_a_finite_step():
    frame, score, y = make_rows(500, 0)
    frame["answer"] = np.where(y & (frame["number"] > 1), "yes", "other")
    growing = GrowingScore(frame, score, y, None)
    growing.add("answer")
    assert np.isfinite(growing.p_value("category"))

"""The table with a problem of each kind: what is planted is there, and nothing else."""

import numpy as np
import pandas as pd
import pytest

from skaudit.datasets import make_customers


def test_the_planted_problems_are_there(global_random_seed):
    data = make_customers(4000, wrong=0.05, random_state=global_random_seed)
    outside = ~data.region
    wrong = (data.y != data.y_true).to_numpy()
    np.testing.assert_array_equal(wrong[outside], data.flipped[outside])
    assert data.flipped.sum() == round(0.05 * outside.sum())
    assert not data.flipped[data.region].any()
    assert 0.03 < data.region.mean() < 0.08
    assert 0.3 < wrong[data.region].mean() < 0.7
    frame = data.frame
    assert ((frame["plan"] == "plus") & (frame["channel"] == "partner")).equals(
        pd.Series(data.region)
    )


def test_the_withheld_column_decides_about_some():
    data = make_customers(4000, wrong=0.0, spoiled=False, random_state=0)
    left = data.y == "left"
    cheap = data.frame[data.withheld] < 10
    assert left[cheap].mean() > left[data.frame[data.withheld] > 30].mean() + 0.05
    assert (data.y == data.y_true).all()
    assert not data.flipped.any()


def test_there_are_all_kinds_of_columns():
    frame = make_customers(500, random_state=0).frame
    assert frame["age"].isna().any()
    assert frame["last_message"].isna().any()
    assert frame["last_message"].dropna().str.split().str.len().mean() > 3
    assert frame["last_message"].nunique() > 0.2 * len(frame)


def test_a_seed_makes_the_same_table_again():
    first, again, other = (make_customers(300, random_state=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first.frame, again.frame)
    pd.testing.assert_series_equal(first.y, again.y)
    assert not first.frame.equals(other.frame)


@pytest.mark.parametrize(
    ("settings", "text"),
    [({"n_samples": 0}, "n_samples must be at least 1"), ({"wrong": 1.0}, "wrong must lie in")],
)
def test_bad_settings_are_refused(settings, text):
    with pytest.raises(ValueError, match=text):
        make_customers(**settings)

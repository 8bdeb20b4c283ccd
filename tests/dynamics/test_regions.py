"""Regions of a data map and the rows chosen from it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from skaudit.dynamics import assign_regions
from skaudit.dynamics._regions import REGIONS, rank_examples, region_codes

EASY, AMBIGUOUS, HARD = REGIONS
# Tenths: ties are common, and so are values on the limits.
tenths = st.integers(0, 10).map(lambda k: k / 10)
maps = st.lists(st.tuples(tenths, tenths), min_size=1, max_size=30).map(
    lambda rows: pd.DataFrame(rows, columns=["confidence", "variability"])
)
fractions = st.floats(0.01, 0.99)


def random_map(n, seed):
    values = np.random.default_rng(seed).random((n, 2))
    return pd.DataFrame(values, columns=["confidence", "variability"])


@given(maps, fractions)
def test_quantile_divides_all_rows(data_map, fraction):
    regions = assign_regions(data_map, fraction=fraction)
    confidence, variability = data_map["confidence"], data_map["variability"]
    ambiguous = variability > variability.quantile(1 - fraction)
    hard = confidence < confidence.quantile(fraction)
    assert_array_equal(regions == AMBIGUOUS, ambiguous)
    assert_array_equal(regions == HARD, hard & ~ambiguous)
    assert_array_equal(regions == EASY, ~hard & ~ambiguous)


@pytest.mark.parametrize("fraction", [0.1, 1 / 3, 0.5])
def test_quantile_takes_its_fraction(fraction, global_random_seed):
    regions = assign_regions(random_map(1000, global_random_seed), fraction=fraction)
    assert (regions == AMBIGUOUS).sum() == pytest.approx(1000 * fraction, abs=1)


@given(maps, st.lists(tenths, min_size=2, max_size=2).map(sorted))
def test_absolute_has_the_cuts_of_the_tutorial(data_map, cuts):
    low, high = cuts
    regions = assign_regions(data_map, "absolute", low=low, high=high)
    confidence = data_map["confidence"]
    assert_array_equal(regions == EASY, confidence > high)
    assert_array_equal(regions == HARD, confidence < low)
    assert_array_equal(regions == AMBIGUOUS, confidence.between(low, high))


def test_absolute_defaults_to_those_of_the_tutorial():
    data_map = pd.DataFrame({"confidence": [0.39, 0.4, 0.6, 0.61], "variability": 0.0})
    assert assign_regions(data_map, "absolute").tolist() == [HARD, AMBIGUOUS, AMBIGUOUS, EASY]


@given(maps, fractions)
def test_fraction_takes_equal_counts_by_rank(data_map, fraction):
    n = len(data_map)
    count = int(fraction * n + 0.5)
    regions = assign_regions(data_map, "fraction", fraction=fraction)
    left = set(range(n))
    for region, column, largest in (
        (AMBIGUOUS, "variability", True),
        (HARD, "confidence", False),
        (EASY, "confidence", True),
    ):
        chosen = set(np.flatnonzero(regions == region))
        assert chosen <= left
        assert len(chosen) == min(count, len(left))
        left -= chosen
        values = data_map[column].to_numpy() * (1 if largest else -1)
        if chosen and left:  # no row left is more extreme than a chosen one
            assert values[list(chosen)].min() >= values[list(left)].max()
    assert regions.isna().sum() == len(left)


@pytest.mark.parametrize("rule", ["quantile", "absolute", "fraction"])
def test_rows_order_index_and_missing_rows(rule, global_random_seed):
    data_map = random_map(50, global_random_seed)
    data_map.index = [f"row {i}" for i in range(50)]
    regions = assign_regions(data_map, rule)
    assert regions.name == "region"
    assert regions.index.equals(data_map.index)
    assert tuple(regions.cat.categories) == REGIONS
    order = np.random.default_rng(global_random_seed).permutation(50)
    assert assign_regions(data_map.iloc[order], rule).equals(regions.iloc[order])
    # Rows without a snapshot are missing and move no limit of the others.
    gaps = data_map.reindex([*data_map.index, "never"])
    expected = regions.reindex(gaps.index)
    for column in ([], ["confidence"], ["variability"]):
        gaps.loc["never", column] = 0.5
        assert assign_regions(gaps, rule).equals(expected)
        gaps.loc["never"] = np.nan
    assert assign_regions(gaps.astype("Float64"), rule).equals(expected)
    assert assign_regions(data_map * np.nan, rule).isna().all()


@pytest.mark.parametrize(
    ("params", "text"),
    [
        (
            {"rule": "median"},
            "rule must be one of 'quantile', 'absolute', 'fraction', got 'median'",
        ),
        ({"fraction": 0}, "fraction must lie between 0 and 1, got 0"),
        ({"fraction": 1}, "fraction must lie between 0 and 1, got 1"),
        ({"fraction": np.nan}, "fraction must lie between 0 and 1, got nan"),
        ({"low": 0.7}, "low <= high <= 1, got 0.7, 0.6"),
        ({"low": -0.1}, "0 <= low"),
        ({"high": 1.1}, "high <= 1"),
    ],
)
def test_limits_out_of_range(params, text):
    with pytest.raises(ValueError, match=text):
        assign_regions(random_map(3, 0), **params)


def test_missing_columns_are_named():
    with pytest.raises(ValueError, match="lacks the columns confidence, variability"):
        assign_regions(pd.DataFrame({"label": [1]}))


def test_no_rows():
    assert region_codes(np.empty(0), np.empty(0)).tolist() == []


values_with_gaps = st.lists(
    st.one_of(st.integers(-3, 3).map(float), st.just(np.nan)), max_size=20
).map(np.array)


@given(values_with_gaps, st.floats(0.001, 1), st.booleans())
def test_ranked_rows_are_the_most_extreme(values, fraction, largest):
    chosen = rank_examples(values, fraction, largest=largest)
    n_known = int((~np.isnan(values)).sum())
    assert len(chosen) == min(max(int(n_known * fraction + 0.5), 1), n_known)
    assert len(set(chosen.tolist())) == len(chosen)
    keys = -values if largest else values
    best = sorted((key, i) for i, key in enumerate(keys.tolist()) if key == key)
    assert chosen.tolist() == [i for _, i in best[: len(chosen)]]  # of equal ones the earlier


@given(values_with_gaps, st.floats(0.001, 1), st.booleans())
def test_both_ends_take_half_from_each(values, fraction, largest):
    chosen = rank_examples(values, fraction, largest=largest, both_ends=True)
    assert len(chosen) == len(rank_examples(values, fraction, largest=largest))
    assert len(set(chosen.tolist())) == len(chosen)
    tail = len(chosen) // 2
    head, rest = chosen[: len(chosen) - tail], chosen[len(chosen) - tail :]
    everything = rank_examples(values, 1.0, largest=largest)
    assert head.tolist() == everything[: len(head)].tolist()
    assert rest.tolist() == everything[::-1][:tail].tolist()


@pytest.mark.parametrize(
    ("n", "fraction", "count"), [(100, 0.33, 33), (10, 0.25, 3), (10, 0.01, 1), (7, 1, 7)]
)
def test_exact_counts(n, fraction, count):
    """The code of the paper's authors is off by one."""
    assert len(rank_examples(np.arange(n, dtype=float), fraction, largest=True)) == count


@pytest.mark.parametrize("fraction", [0, -0.5, 1.01, np.nan])
def test_fraction_out_of_range(fraction):
    with pytest.raises(ValueError, match=r"fraction must lie in \(0, 1\]"):
        rank_examples(np.arange(3.0), fraction, largest=True)

"""What the search sees of the losses, before and after a spotlight."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skaudit.spotlight._search_loss import deflate, search_loss

LOSSES = np.array([0.0, 1.0, 2.0, 3.0, 94.0])


def test_losses_are_clipped_at_a_multiple_of_their_mean():
    seen = search_loss(LOSSES, np.ones(5), 2.0)
    clipped = np.array([0.0, 1.0, 2.0, 3.0, 40.0])  # twice the mean, 20
    np.testing.assert_allclose(seen, clipped / clipped.std())
    weighted = search_loss(LOSSES, np.array([1.0, 1, 1, 6, 1]), 1.0)
    clipped = np.array([0.0, 1.0, 2.0, 3.0, 11.5])  # (1 + 2 + 18 + 94) / 10
    assert weighted[4] / weighted[3] == pytest.approx(clipped[4] / clipped[3])
    np.testing.assert_allclose(search_loss(LOSSES, np.ones(5), None), LOSSES / LOSSES.std())


@pytest.mark.parametrize("unit", [1e-300, 1e-5, 1e5, 1e306])
@pytest.mark.parametrize("clip", [None, 2.0])
def test_units_cancel(unit, clip):
    weights = np.arange(1.0, 6.0)
    np.testing.assert_allclose(
        search_loss(unit * LOSSES, weights, clip), search_loss(LOSSES, weights, clip)
    )
    signed = LOSSES - 5
    np.testing.assert_allclose(
        search_loss(unit * signed, weights, None), search_loss(signed, weights, None)
    )


@pytest.mark.parametrize(
    "losses", [np.zeros(5), np.full(5, 0.1), np.full(5, -3.0), 0.1 + 1e-17 * LOSSES]
)
def test_constant_losses_show_nothing(losses):
    assert search_loss(losses, np.ones(5), None) is None


@given(
    st.lists(st.integers(-5, 9), min_size=6, max_size=6),
    st.lists(st.integers(1, 3), min_size=6, max_size=6),
    st.booleans(),
)
def test_members_are_lowered_until_they_are_like_the_others(losses, weights, signed):
    losses, weights = np.array(losses, dtype=float), np.array(weights, dtype=float)
    losses = losses if signed else np.abs(losses)
    members = np.array([True, False, True, False, False, True])
    before = losses.copy()
    lowered = deflate(losses, weights, members, None, "members")
    inside = np.average(losses[members], weights=weights[members])
    outside = np.average(losses[~members], weights=weights[~members])
    np.testing.assert_array_equal(lowered[~members], losses[~members])
    assert np.average(lowered[members], weights=weights[members]) == pytest.approx(outside)
    by = (losses - lowered)[members]
    if losses.min() < 0:
        np.testing.assert_allclose(by, inside - outside)
    else:  # all by the same, as far as 0
        assert (lowered >= 0).all()
        np.testing.assert_allclose(by[lowered[members] > 0], by.max(), atol=1e-9)
    np.testing.assert_array_equal(losses, before)


def test_the_soft_rule_is_that_of_the_paper():
    membership = np.array([0.0, 0.2, 0.4, 0.1, 0.0])
    lowered = deflate(LOSSES, None, None, membership, "soft")
    np.testing.assert_allclose(lowered, LOSSES * [1, 0.5, 0, 0.75, 1])

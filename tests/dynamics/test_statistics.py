"""The sums over snapshots: wide counters, runs put together, losses of a snapshot."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.metrics import log_loss

from skaudit import DataMapRecorder
from skaudit.dynamics._statistics import BLOCK, DynamicsState, Tally, read_binary, read_classes

LIMIT = np.iinfo(np.uint16).max


def add(state, p, correct, times=1):
    """The same snapshot of all rows, given the p of the label and whether it was correct."""
    for _ in range(times):
        state.reserve(int(state.n_updates.max()) + 1)
        p, correct = np.asarray(p, float), np.asarray(correct)
        state.add(slice(None), p, correct, p)
    return state


def repeat(p, correct, log2_times):
    """The state after 2^k equal snapshots, by doubling."""
    state = add(DynamicsState.empty(len(p), two_classes=True), p, correct)
    for _ in range(log2_times):
        state.absorb(slice(None), state.copy())
    return state


def test_counters_beyond_sixteen_bits():
    """2^16 - 2 equal snapshots, then four others, of a row known from the start and one at last."""
    state = repeat([1.0, 0.0], [True, False], 15)
    state.absorb(slice(None), repeat([1.0, 0.0], [True, False], 14))
    for k in range(13, 0, -1):
        state.absorb(slice(None), repeat([1.0, 0.0], [True, False], k))
    assert state.n_updates.tolist() == [LIMIT - 1, LIMIT - 1]
    assert state.nbytes == 2 * 29
    add(state, [0, 0], [False, False])
    assert state.n_updates.dtype == np.uint16
    add(state, [1, 0], [True, False])
    add(state, [0, 0], [False, False])
    add(state, [1, 1], [True, True])
    assert state.nbytes == 2 * (29 + 8)
    n = LIMIT + 3
    confidence = np.array([(n - 2) / n, 1 / n])
    expected = {
        "confidence": confidence,
        "variability": np.sqrt(confidence * (1 - confidence)),  # of zeros and ones
        "correctness": confidence,
        "forgetting_events": [2, 0],
        "first_learned": [0, n - 1],
        "margin": 2 * confidence - 1,
        "aleatoric": [0, 0],
    }
    for name, values in state.statistics().items():
        assert_allclose(values, expected[name], rtol=1e-12, atol=1e-15, err_msg=name)


def test_absorbing_runs_widens_the_counters_too():
    state, other = repeat([0.5], [True], 15), repeat([0.25], [False], 15)
    state.absorb(np.array([0]), other)
    assert state.n_updates.tolist() == [LIMIT + 1]
    assert state.statistics()["correctness"].tolist() == [0.5]
    assert state.statistics()["confidence"].tolist() == [0.375]


@given(
    st.lists(st.lists(st.floats(0, 1), min_size=2, max_size=2), min_size=1, max_size=8),
    st.integers(0, 8),
    st.booleans(),
)
def test_absorbed_runs_are_one_run_but_for_what_is_forgotten_between(snapshots, cut, three_classes):
    """Whatever the shifts: each run takes its sums about its own first snapshot."""
    p = np.array(snapshots)
    correct, rival = p >= 0.5, (1 - p) ** 2

    def run(rows):
        state = DynamicsState.empty(2, two_classes=not three_classes)
        for k in rows:
            state.add(slice(None), p[k], correct[k], p[k] - rival[k])
        return state

    first, second = range(len(p))[:cut], range(len(p))[cut:]
    state = run(first)
    state.absorb(np.array([1, 0]), run(second))  # rows of the other stand elsewhere
    pooled = state.statistics()
    for row in range(2):
        values = np.concatenate([p[first, row], p[second, 1 - row]])
        hits = np.concatenate([correct[first, row], correct[second, 1 - row]])
        lost = [np.diff(part.astype(int)) < 0 for part in (hits[: len(first)], hits[len(first) :])]
        margin = np.concatenate([(p - rival)[first, row], (p - rival)[second, 1 - row]])
        expected = {
            "confidence": values.mean(),
            "correctness": hits.mean(),
            "forgetting_events": lost[0].sum() + lost[1].sum(),
            "first_learned": hits.argmax() if hits.any() else -1,
            "margin": margin.mean() if three_classes else 2 * values.mean() - 1,
            "aleatoric": (values * (1 - values)).mean(),
        }
        for name, value in expected.items():
            assert pooled[name][row] == pytest.approx(value, abs=1e-12), name
        assert pooled["variability"][row] ** 2 == pytest.approx(values.var(), abs=1e-13)


def test_forgetting_goes_on_after_a_run_is_absorbed():
    state = add(DynamicsState.empty(1, two_classes=True), [0.0], [False])
    state.absorb(slice(None), add(DynamicsState.empty(1, two_classes=True), [1.0], [True]))
    add(state, [0.0], [False])
    assert state.statistics()["forgetting_events"].tolist() == [1]
    # A run without the row leaves it as it was.
    state = add(DynamicsState.empty(1, two_classes=True), [1.0], [True])
    state.absorb(slice(None), DynamicsState.empty(1, two_classes=True))
    add(state, [0.0], [False])
    assert state.statistics()["forgetting_events"].tolist() == [1]


def test_a_copy_is_apart():
    state = DynamicsState.empty(1, two_classes=False)
    copy = state.copy()
    add(copy, [0.5], [True])
    assert all(array.tolist() == [0] for array in state.arrays().values())
    assert copy.n_updates.tolist() == [1]
    assert copy.arrays().keys() == state.arrays().keys()


@given(
    st.lists(st.one_of(st.floats(0, 1), st.sampled_from([0.0, 1.0, 1e-300])), max_size=40),
    st.data(),
)
def test_tally_is_log_loss_and_accuracy(values, data):
    p, n = np.array(values), len(values)
    correct = p > 0.5
    # Weights of whole numbers equal repetition.
    draw = st.lists(st.integers(0, 3), min_size=n, max_size=n)
    weight = np.array(data.draw(draw), dtype=float)
    cut = data.draw(st.integers(0, n))
    for tally, times in ((Tally(), np.ones(n, int)), (Tally(weight), weight.astype(int))):
        for rows in (slice(0, cut), np.arange(cut, n)):
            tally.add(rows, p[rows], correct[rows])
        if not times.sum():
            assert np.isnan([tally.log_loss, tally.accuracy]).all()
            continue
        repeated = np.repeat(p, times)
        clipped = np.maximum(repeated, np.finfo(float).eps)
        assert tally.log_loss == pytest.approx(-np.log(clipped).mean(), rel=1e-12)
        assert tally.accuracy == pytest.approx(np.repeat(correct, times).mean())


def test_tally_clips_as_scikit_learn():
    p = np.array([0.0, 1.0, 0.3])
    tally = Tally()
    tally.add(slice(None), p, p > 0.5)
    assert tally.log_loss == pytest.approx(log_loss([1, 1, 1], p, labels=[0, 1]))


def test_snapshots_longer_than_a_block(global_random_seed):
    """The recorder goes through rows in blocks; what each row reads does not depend on them."""
    rng = np.random.default_rng(global_random_seed)
    n = 2 * BLOCK + 3
    proba, codes = rng.dirichlet(np.ones(3), size=n), rng.integers(3, size=n)
    recorder = DataMapRecorder(codes).update(proba)
    frame = recorder.to_frame()
    assert frame["confidence"].tolist() == proba[np.arange(n), codes].tolist()
    assert (frame["correctness"] == (proba.argmax(axis=1) == codes)).all()
    rows = rng.permutation(n)
    parts = DataMapRecorder(codes).update(proba[rows], indices=rows)
    assert parts.to_frame().equals(frame)


@given(st.floats(0, 1))
def test_two_classes_are_read_alike(p):
    proba, codes = np.array([[1 - p, p]] * 2), np.array([0, 1])
    own, correct, margin = read_classes(proba, codes)
    assert own.tolist() == [1 - p, p]
    assert correct.tolist() == [p <= 1 - p, p > 1 - p]
    assert margin.tolist() == [(1 - p) - p, p - (1 - p)]
    for form in (proba, proba[:, 1]):
        two, hits, none = read_binary(form, codes)
        assert (two.tolist(), hits.tolist(), none) == (own.tolist(), correct.tolist(), None)

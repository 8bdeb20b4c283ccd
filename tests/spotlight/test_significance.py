"""p-values: valid, the same for any number of jobs, small where a region is planted."""

from dataclasses import replace

import joblib
import numpy as np
import pandas as pd
import pytest
from embeddings import centred, planted, two_subclasses
from scipy import stats

from skaudit import SpotlightFinder
from skaudit.spotlight import _search
from skaudit.spotlight._backend import NumpyBackend
from skaudit.spotlight._search import Sizing, lay_out, search
from skaudit.spotlight._significance import (
    gumbel_p_value,
    gumbel_quantile,
    permutation_p_value,
)

SEEDS = np.arange(99, dtype=np.uint32)


class Counted:
    """A statistic of an order: the first of a list of numbers in that order; counts its calls."""

    def __init__(self, values):
        self.values, self.calls = np.asarray(values), 0

    def __call__(self, order):
        self.calls += 1
        return self.values[order[0]]


def literal_p_value(statistic, observed, alpha, seeds):
    """Besag and Clifford: stop at the h-th exceedance, where p <= alpha is out of reach."""
    n, h = len(seeds), 0
    for done, seed in enumerate(seeds, 1):
        h += statistic(np.random.RandomState(seed).permutation(50)) >= observed
        if (1 + h) / (1 + n) > alpha + 1 / (1 + n):
            return h / done
    return (1 + h) / (1 + n)


def decide(statistic, observed, n_permutations=99, alpha=0.05, n_jobs=None):
    seeds = SEEDS[:n_permutations]
    p_value, null = permutation_p_value(
        statistic, 50, observed, n_permutations, alpha, seeds, n_jobs
    )
    assert 1 <= len(null) <= statistic.calls
    return p_value


@pytest.mark.parametrize("observed", [-1, 5, 40, 46, 47, 48, 49, 60])
@pytest.mark.parametrize("alpha", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("n_permutations", [1, 19, 99])
def test_the_p_value_is_that_of_a_loop(observed, alpha, n_permutations):
    statistic = Counted(np.arange(50))
    p_value = decide(statistic, observed, n_permutations, alpha)
    assert p_value == literal_p_value(statistic, observed, alpha, SEEDS[:n_permutations])
    assert 1 / (1 + n_permutations) <= p_value <= 1


@pytest.mark.parametrize("observed", [-1, 40, 47, 60])
def test_the_p_value_does_not_depend_on_n_jobs(observed):
    values = np.arange(50)
    alone = decide(Counted(values), observed)
    with joblib.parallel_config("threading"):
        for n_jobs in (2, 3):
            assert decide(Counted(values), observed, n_jobs=n_jobs) == alone


def test_it_stops_when_the_level_is_out_of_reach():
    hopeless, clear = Counted(np.arange(50)), Counted(np.arange(50))
    assert decide(hopeless, -1) == 1.0
    assert hopeless.calls == 6  # 5 exceedances leave p = 6 / 100 at best
    assert decide(clear, 60) == 0.01
    assert clear.calls == 99


def test_a_p_value_keeps_its_level(global_random_seed):
    """Exchangeable values: p <= t with a probability of at most t, stopped early or not."""
    rng = np.random.default_rng(global_random_seed)
    p_values = []
    for _ in range(1000):
        values = rng.normal(size=20)
        statistic = iter(values[1:])
        p_values.append(
            permutation_p_value(
                lambda _, left=statistic: next(left), 3, values[0], 19, 0.1, SEEDS[:19], None
            )[0]
        )
    p_values = np.array(p_values)
    for level in (0.05, 0.1, 0.3, 0.5, 0.8):
        count = (p_values <= level).sum()
        assert stats.binomtest(int(count), 1000, level, alternative="greater").pvalue > 1e-5
    assert (p_values <= 0.1).mean() > 0.05


def test_permuted_losses_have_no_excess_of_small_p_values(global_random_seed, monkeypatch):
    """200 data sets without any region, with a coarse path: what holds does so for any search."""
    monkeypatch.setattr(_search, "_N_SIZES", 4)
    monkeypatch.setattr(_search, "_STARTS", (0.5,))
    rng = np.random.default_rng(global_random_seed)
    sizing, p_values = Sizing(0.1, 0.2), []
    for _ in range(200):
        rows = lay_out(centred(rng.normal(size=(120, 3))), np.ones(120), NumpyBackend())
        loss = rng.exponential(size=120)
        observed = search(rows, loss, sizing).value
        p_values.append(
            permutation_p_value(
                lambda order, rows=rows, loss=loss: search(rows, loss[order], sizing).value,
                120,
                observed,
                19,
                0.05,
                rng.integers(2**32, size=19, dtype=np.uint32),
                None,
            )[0]
        )
    p_values = np.array(p_values)
    for level in (0.05, 0.1, 0.25, 0.5):
        count = int((p_values <= level).sum())
        assert stats.binomtest(count, 200, level, alternative="greater").pvalue > 1e-5
    assert len(set(p_values)) > 10


@pytest.mark.parametrize("count", [19, 39, 99])
def test_the_tail_of_few_permutations_keeps_its_level(count, global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    draws = rng.gumbel(3.0, 2.0, size=(20_000, count + 1))
    p_values = np.array([gumbel_p_value(row[1:], row[0]) for row in draws])
    assert (p_values <= 1e-3).mean() == pytest.approx(1e-3, abs=1e-3)
    for level in (0.01, 0.05, 0.5):
        assert level / 2 < (p_values <= level).mean() < 1.15 * level


def test_the_tail_is_that_of_a_gumbel_distribution(global_random_seed):
    many = np.random.default_rng(global_random_seed).gumbel(3.0, 2.0, size=200_000)
    for upper in (0.5, 0.05, 1e-3, 1e-6):
        expected = stats.gumbel_r(3.0, 2.0).isf(upper)
        assert gumbel_quantile(many, upper) == pytest.approx(expected, rel=0.02)
        assert gumbel_p_value(many, gumbel_quantile(many, upper)) == pytest.approx(upper)


@pytest.mark.parametrize("size", ["auto", 0.1])
def test_planted_regions_are_significant(size, global_random_seed):
    X, losses, _ = planted(300, 3, seed=global_random_seed)
    finder = SpotlightFinder(1, size=size, n_permutations=99, random_state=0).fit(X, losses)
    assert finder.spotlights_["p_value"][0] <= 0.05
    assert finder.n_spotlights_ == 1
    assert set(finder.predict(X)) == {-1, 0}
    assert finder.transform(X).any()


def test_processes_find_the_same():
    X, losses, _ = planted(200, 3)
    alone, together = (
        SpotlightFinder(2, n_permutations=9, alpha=0.2, random_state=0, n_jobs=n_jobs)
        .fit(X, losses)
        .spotlights_
        for n_jobs in (None, 2)
    )
    pd.testing.assert_frame_equal(alone, together, check_exact=True)


def test_noise_is_found_by_those_who_do_not_test():
    X, losses, _ = planted(300, 3, excess=0.0)
    plain = SpotlightFinder(1, random_state=0).fit(X, losses)
    tested = SpotlightFinder(1, n_permutations=19, random_state=0).fit(X, losses)
    assert np.isnan(plain.spotlights_["p_value"][0])
    assert (plain.n_spotlights_, tested.n_spotlights_) == (1, 0)
    assert tested.spotlights_["p_value"][0] > 0.05
    assert not tested.transform(X).any()
    assert (tested.predict(X) == -1).all()
    assert tested.score(X, losses) == 1.0
    np.testing.assert_array_equal(plain.centers_, tested.centers_)


def test_a_later_spotlight_may_be_the_one(monkeypatch):
    """No stop at the first miss: here the first test is made to fail."""
    X, losses, _ = planted(300, 3, n_regions=2)
    from skaudit.spotlight import _fit

    p_values = iter([0.7, 0.01])
    monkeypatch.setattr(_fit, "permutation_p_value", lambda *args: (next(p_values), np.empty(0)))
    finder = SpotlightFinder(2, n_permutations=9, random_state=0).fit(X, losses)
    assert finder.spotlights_["p_value"].tolist() == [0.7, 0.01]
    assert set(finder.predict(X)) == {-1, 1}
    assert finder.n_spotlights_ == 1


@pytest.mark.parametrize(
    ("null", "n_told", "p_value"),
    [
        ([10.0] * 19, 50, 0.05),
        ([10.0] * 17 + [1000.0] * 2, 50, 0.15),
        ([1000.0] * 19, 100, 0.05),
        ([2000.0] * 19, 0, 1.0),
    ],
)
def test_a_part_that_may_be_chance_is_told_with_the_whole(null, n_told, p_value, monkeypatch):
    """Two regions of 50 rows: together the statistic is 1486, that of one is 713."""
    from skaudit.spotlight import _fit

    values, divided = iter(null), []
    monkeypatch.setattr(_fit, "_permuted_value", lambda *args: next(values))
    take_apart = _fit.take_apart
    monkeypatch.setattr(_fit, "take_apart", lambda *args: divided.append(1) or take_apart(*args))
    X, losses, _ = two_subclasses()
    finder = SpotlightFinder(1, max_size=0.1, n_permutations=19, alpha=0.2, random_state=0)
    finder.fit(X, losses)
    assert (finder.predict(X) == 0).sum() == pytest.approx(n_told, abs=5)
    assert finder.spotlights_["p_value"][0] == p_value
    # What is told whole is searched whole in the halves of the rows too.
    assert len(divided) == (3 if n_told == 50 else 1)


def test_a_part_is_no_surer_than_its_whole(monkeypatch):
    """A part is searched anew, which permuted losses are not, and may exceed the whole."""
    from skaudit.spotlight import _fit

    X, losses, _ = two_subclasses()
    search = _fit.search
    monkeypatch.setattr(
        _fit, "search", lambda *args, **params: replace(search(*args, **params), value=500.0)
    )
    monkeypatch.setattr(_fit, "_permuted_value", lambda *args: 600.0)
    finder = SpotlightFinder(1, max_size=0.1, n_permutations=19, random_state=0).fit(X, losses)
    assert finder.n_spotlights_ == 0
    monkeypatch.setattr(_fit, "_permuted_value", lambda *args: 10.0)
    finder.fit(X, losses)
    assert finder.n_spotlights_ == 1
    assert finder._evidence[0]["value"] == 500.0


@pytest.mark.parametrize("alpha", [0.01, 0.5])
def test_the_level_is_that_of_the_caller(alpha):
    X, losses, _ = planted(300, 3)
    finder = SpotlightFinder(1, n_permutations=9, alpha=alpha, random_state=0).fit(X, losses)
    assert finder.n_spotlights_ == (alpha > 0.1)  # with 9 permutations p is 0.1 at least


def test_held_out_lift_tells_a_region_from_chance():
    lifts = {excess: [] for excess in (0.0, 4.0)}
    for excess, values in lifts.items():
        for seed in range(8):
            X, losses, _ = planted(400, 3, excess=excess, seed=seed)
            table = SpotlightFinder(1, random_state=seed).fit(X, losses).spotlights_
            values.append(table["held_out_lift"][0])
            assert table["lift"][0] > 1.2
    # Of noise it is 1 but for the few losses of the other half, and NaN where none is inside; the
    # lift above was at least 1.2.
    assert np.nanmean(lifts[0.0]) == pytest.approx(1, abs=0.3)
    assert np.mean(lifts[4.0]) > 2

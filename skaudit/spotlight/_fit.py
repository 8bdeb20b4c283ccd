"""One spotlight after the other: search, settle on all rows, test, measure held out, deflate."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from ._membership import solve_precision, squared_distances
from ._metric import Metric, fit_metric
from ._scan import cut_at, scan
from ._search import Sizing, finish, lay_out, search, take_apart
from ._search_loss import deflate
from ._significance import permutation_p_value

_SLACK = 1e-5  # of the last member's distance, by which a radius exceeds it
_LARGE = 20_000  # of more rows ...
_PATH_ROWS = 20_000  # ... a sample of this size takes the path
_ROOM = 1.2  # a size of at least 10 rows may be one of 12, where `max_size` allows fewer
_SMALL = 2_000_000  # entries up to which float64 costs nothing that matters


@dataclass
class Problem:
    """The data of a fit: X (n, d), raw losses and weights (n,) with mean 1, and the metric."""

    X: np.ndarray
    losses: np.ndarray
    weights: np.ndarray
    unit: float  # what a weight of 1 stands for in the caller's weights
    metric: Metric | None
    double: bool  # whether the caller's X has double precision


def make_problem(X, losses, weights, metric):
    """A `Problem`; few rows are turned into float64 once rather than at each use."""
    double = X.dtype == np.float64
    if X.size <= _SMALL:
        X = X.astype(np.float64, copy=False)
    unit = float(weights.mean())
    weights = weights / unit
    return Problem(X, losses, weights, unit, fit_metric(metric, X, weights), double)


@dataclass(frozen=True)
class Significance:
    """How a spotlight is tested: permutations (0: not), level, parallel jobs."""

    n_permutations: int
    alpha: float
    n_jobs: int | None


def sizing_for(size, max_size, weights):
    """The `Sizing` in shares of the total weight, or an error where there are too few rows.

    Weights that sum to less than the number of rows are relative: then a count means rows.
    """
    total = max(weights.sum(), len(weights))
    if size == "auto":
        low = min(max(10 / total, 0.01), total // 2 / total)
        # Some room above the least, or weights that are no integers would never meet it.
        return Sizing(low, max(max_size, _ROOM * low))
    # By its text, or float32's 0.05 would ask for one row more.
    share = size / total if isinstance(size, (int, np.integer)) else float(str(size))
    if share >= 1:
        raise ValueError(f"size={size} asks for as many rows as there are or more ({total:g}).")
    if share * total < 1:
        raise ValueError(f"size={size} of {total:g} rows is less than one row.")
    return Sizing(share, share)


def find_spotlights(problem, loss, sizing, *, n_spotlights, deflation, test, backend, rng):
    """Yield a dict for each spotlight found or missed, until no region has a higher loss.

    Parameters
    ----------
    problem : Problem
    loss : ndarray of shape (n,)
        What the search sees first.

    Yields
    ------
    dict
        `center` (d,) in the metric's space, `precision`, `radius` (distance), `membership` (n,) and
        the columns of `spotlights_`; `found` says whether it counts.
    """
    n = len(loss)
    double = problem.double and problem.X.size <= _SMALL
    Z = problem.metric.apply(problem.X, np.float64 if double else np.float32)
    rows = lay_out(Z, problem.weights, backend, problem.metric.n_varying)
    sample = np.sort(rng.choice(n, _PATH_ROWS, replace=False)) if n > _LARGE else None
    path_rows = rows if sample is None else rows.take(sample)
    # Of its own, so that the halves are the same whatever is tested.
    halves_rng = np.random.RandomState(rng.randint(2**32, dtype=np.uint32))
    for _ in range(n_spotlights):
        path_loss = loss if sample is None else loss[sample]
        if _is_flat(path_loss):
            return
        tensor = backend.like(path_loss, path_rows.Z)
        seeds = rng.randint(2**32, size=test.n_permutations, dtype=np.uint32)
        first, apart, p_value, evidence = _search_and_test(path_rows, tensor, sizing, test, seeds)
        if first.center is None:
            return
        found = first
        if sample is not None:
            found = finish(rows, backend.like(loss, rows.Z), sizing, first)
        spotlight = _settle(problem, loss, sizing, found)
        if spotlight is None:
            return
        raw = problem.losses if sample is None else problem.losses[sample]
        lift, lift_error = _held_out_lift(path_rows, path_loss, raw, sizing, apart, halves_rng)
        yield spotlight | {
            "p_value": p_value,
            "held_out_lift": lift,
            "evidence": evidence | {"held_out_error": lift_error},
            "found": not p_value > test.alpha,
        }
        loss = deflate(
            loss, problem.weights, spotlight["members"], spotlight["membership"], deflation
        )


def _search_and_test(rows, loss, sizing, test, seeds):
    """What is found, whether it is a part of a cut, its p-value (NaN: not tested), and evidence.

    Of several regions that one cut gathers one is taken, unless it may be chance by itself. Whole
    cuts are what permuted losses give: a part counts only where its whole does, and for no more.
    """
    whole = search(rows, loss, sizing)
    part = take_apart(rows, loss, sizing, whole)
    p_value, null, value = np.nan, np.empty(0), min(part.value, whole.value)
    if test.n_permutations and whole.center is not None:
        p_value, null = permutation_p_value(
            partial(_permuted_value, rows, loss, sizing),
            rows.n,
            whole.value,
            test.n_permutations,
            test.alpha,
            seeds,
            test.n_jobs,
        )
        p_value_of_part = (1 + np.count_nonzero(null >= value)) / (1 + len(null))
        if max(p_value, p_value_of_part) > test.alpha:
            part, value = whole, whole.value
        else:
            p_value = p_value_of_part
    return part, part is not whole, p_value, {"null": null, "value": value, "n_rows": rows.n}


def _is_flat(loss):
    """Whether a loss is constant but for the rounding that deflation leaves."""
    return not np.ptp(loss) > 1e-9 * np.abs(loss).max()


def _settle(problem, loss, sizing, found):
    """Members, precision and table row at a center, from exact distances; None without contrast."""
    weights = problem.weights
    squared = problem.metric.squared_distances(problem.X, found.center[None])[:, 0]
    total = weights.sum()
    if sizing.given:
        cut = cut_at(squared, weights, loss, sizing.low * total)
        size = sizing.low * total
    else:
        cut = scan(squared, weights, loss, sizing.low * total, sizing.high * total, 1e-12)
        size = cut.mass
    if not cut.statistic > 0:
        return None
    members = squared <= cut.radius
    precision = solve_precision(squared[None], weights, np.array([size]), tolerance=1e-12)[0]
    inside, raw = weights[members], problem.losses
    mean, overall = inside @ raw[members] / inside.sum(), weights @ raw / total
    return {
        "center": found.center,
        "precision": float(precision),
        "radius": _radius(np.sqrt(squared[members].max()), np.sqrt(squared[~members].min())),
        "members": members,
        "membership": np.maximum(1.0 - precision * squared, 0.0),
        "size": float(weights @ np.maximum(1.0 - precision * squared, 0.0)) * problem.unit,
        "n_members": int(members.sum()),
        "mean_loss": float(mean),
        "lift": float(mean / overall) if overall > 0 else np.nan,
        "share_of_loss": float(inside @ raw[members] / (overall * total))
        if overall > 0
        else np.nan,
        "statistic": cut.statistic * problem.unit,
        "n_iter": found.n_iter,
        "history": found.history,
    }


def _radius(last, first):
    """A radius beyond the last member, before the first other row: rounding moves neither."""
    return float(min(last * (1 + _SLACK), (last + first) / 2))


def _permuted_value(rows, loss, sizing, order):
    """What the search reaches with the losses in another order."""
    return search(rows, loss[order], sizing).value


def _held_out_lift(rows, loss, raw, sizing, apart, rng):
    """Mean raw loss inside / overall, each half measured with the spotlight of the other half.

    With its standard error; both are NaN where neither half has a row inside. `apart` says whether
    cuts that gather several regions are taken apart.
    """
    order = rng.permutation(rows.n)
    halves = np.sort(order[: rows.n // 2]), np.sort(order[rows.n // 2 :])
    weights = rows.backend.to_numpy(rows.weights).astype(np.float64)
    inside = np.concatenate(
        [
            _found_elsewhere(rows, loss, weights, sizing, apart, half, other)
            for half, other in (halves, halves[::-1])
        ]
    )
    held, overall = weights[inside].sum(), np.average(raw, weights=weights)
    if not (held > 0 and overall > 0):
        return np.nan, np.nan
    relative = raw[inside] / overall
    lift = np.average(relative, weights=weights[inside])
    return float(lift), float(np.sqrt(weights[inside] @ (relative - lift) ** 2) / held)


def _found_elsewhere(rows, loss, weights, sizing, apart, half, other):
    """The rows of one half within the spotlight that is found in the other, as positions."""
    if _is_flat(loss[half]):
        return other[:0]
    searched, tensor = rows.take(half), rows.backend.like(loss[half], rows.Z)
    found = search(searched, tensor, sizing, brief=True)
    found = take_apart(searched, tensor, sizing, found) if apart else found
    if found.center is None:
        return other[:0]
    center = rows.backend.like(found.center[None], rows.Z)
    there, here = (
        rows.backend.to_numpy(squared_distances(rows.Z[part], rows.norms[part], center))[0]
        for part in (half, other)
    )
    share = found.share * weights[half].sum()
    return other[here <= cut_at(there, weights[half], loss[half], share).radius]

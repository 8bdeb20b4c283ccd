"""Segments of a feature: from its values to small integers, and what each integer stands for.

Conventions: a segmentation numbers its segments 0, 1, ...; those of numbers ascend, the missing
values come last. A code of -1 is a category that was not there when the segmentation was learned.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..utils._validation import shorten

__all__ = [
    "CategorySegments",
    "NumericSegments",
    "Windows",
    "category_segments",
    "check_edges",
    "edge_segments",
    "factorize",
    "quantile_segments",
    "quantile_windows",
]

# Up to here a comparison with each edge, which the processor does many at a time, beats a search.
_FEW_EDGES = 32
_BLOCK = 65_536


class Windows(NamedTuple):
    """Overlapping intervals lower <= x < upper, as wide as the segments and more."""

    lower: np.ndarray
    upper: np.ndarray


@dataclass(frozen=True)
class NumericSegments:
    """Intervals of numbers; the missing values are one segment more.

    Parameters
    ----------
    edges : ndarray of shape (n_intervals - 1,)
        Ascending; the segment of x is the number of edges <= x.
    single : ndarray of shape (n_intervals,)
        The one value that the segment was made for, NaN for other segments.
    """

    edges: np.ndarray
    single: np.ndarray

    @property
    def n_codes(self):
        return len(self.edges) + 2

    def codes(self, values):
        """The segment of each value, shape (n,), in a small integer type."""
        small = np.uint8 if self.n_codes <= 256 else np.uint16 if self.n_codes < 65_536 else np.intp
        if len(self.edges) > _FEW_EDGES:
            codes = np.searchsorted(self.edges, values, side="right").astype(small)
        else:
            codes = np.zeros(len(values), dtype=small)
            for start in range(0, len(values), _BLOCK):
                block = values[start : start + _BLOCK]
                for edge in self.edges:
                    codes[start : start + _BLOCK] += block >= edge
        missing = np.isnan(values)
        if missing.any():
            codes[missing] = len(self.edges) + 1
        return codes

    def describe(self):
        """`kind, lower, upper, category` of each code, as lists."""
        is_single = ~np.isnan(self.single)
        lower = np.where(is_single, self.single, np.concatenate([[-np.inf], self.edges]))
        upper = np.where(is_single, self.single, np.concatenate([self.edges, [np.inf]]))
        # An edge just above a single value is that value to a reader.
        after_single = ~is_single[1:] & is_single[:-1]
        lower[1:][after_single] = self.single[:-1][after_single]
        n_intervals = len(lower)
        return {
            "kind": ["numeric"] * n_intervals + ["missing"],
            "lower": [*lower.tolist(), np.nan],
            "upper": [*upper.tolist(), np.nan],
            "category": [None] * (n_intervals + 1),
        }


@dataclass(frozen=True)
class CategorySegments:
    """Categories, those that share a segment ("other"), and the missing values.

    Parameters
    ----------
    labels : list of length n_labels
        All categories that were there.
    segment : ndarray of shape (n_labels,)
        The segment of each.
    n_kept : int
        Number of categories with a segment of their own. `n_kept` is the code of "other",
        `n_kept + 1` that of missing values.
    """

    labels: list
    segment: np.ndarray
    n_kept: int

    @property
    def n_codes(self):
        return self.n_kept + 2

    def codes(self, values):
        """The segment of each value, shape (n,); -1 for categories that were not there."""
        place, labels = factorize(values)
        known = dict(zip(self.labels, self.segment.tolist(), strict=True))
        table = [known.get(label, -1) for label in labels]
        # factorize says -1 for missing: the last entry.
        return np.array([*table, self.n_kept + 1], dtype=np.intp)[place]

    def describe(self):
        """`kind, lower, upper, category` of each code, as lists."""
        kept = [None] * self.n_kept
        for label, code in zip(self.labels, self.segment.tolist(), strict=True):
            if code < self.n_kept:
                kept[code] = label
        return {
            "kind": ["category"] * self.n_kept + ["other", "missing"],
            "lower": [np.nan] * self.n_codes,
            "upper": [np.nan] * self.n_codes,
            "category": [*kept, None, None],
        }


def factorize(values):
    """Positions of values in their distinct labels, and these as a list; -1 is missing."""
    import pandas as pd

    try:
        place, labels = pd.factorize(values, use_na_sentinel=True)
    except TypeError as error:
        raise TypeError(
            "categories cannot be told apart: each argument must be a string or a number "
            f"({error})."
        ) from error
    return place, [_plain(label) for label in np.asarray(labels, dtype=object).tolist()]


def _plain(label):
    """A label as a Python number or text: intervals, dates and the like by their text."""
    if isinstance(label, np.generic):
        label = label.item()
    return label if isinstance(label, (str, bytes, bool, int, float)) else str(label)


def category_segments(values, weight, max_categories):
    """Categories by weight: at most `max_categories` segments, "other" among them.

    Parameters
    ----------
    values : array-like of shape (n,)
        Labels of any hashable kind; None and NaN are missing.
    weight : ndarray of shape (n,) or None
    max_categories : int

    Returns
    -------
    segments : CategorySegments
    codes : ndarray of shape (n,)
    """
    place, labels = factorize(values)
    n_labels = len(labels)
    mass = np.bincount(place + 1, weights=weight, minlength=n_labels + 1)[1:]
    ranks = np.empty(n_labels, dtype=np.intp)
    ranks[_sorted_positions(labels)] = np.arange(n_labels)
    # Of equal mass the later label is kept, as OneHotEncoder(max_categories=...) does.
    by_mass = np.lexsort((ranks, mass))[::-1]
    n_kept = n_labels if n_labels <= max_categories else max_categories - 1
    kept = by_mass[:n_kept]
    segment = np.full(n_labels, n_kept, dtype=np.intp)
    segment[kept[np.argsort(ranks[kept])]] = np.arange(n_kept)
    return CategorySegments(labels, segment, n_kept), np.append(segment, n_kept + 1)[place]


def _sorted_positions(labels):
    """Positions that sort labels; labels of several types by type, then by text."""
    try:
        return sorted(range(len(labels)), key=labels.__getitem__)
    except TypeError:
        return sorted(range(len(labels)), key=lambda i: (type(labels[i]).__name__, str(labels[i])))


def check_edges(edges, name):
    """Edges of segments as a float array, or an error that says what is wrong with them."""
    values = np.asarray(edges)
    if values.ndim != 1 or values.dtype.kind not in "iuf" or not len(values):
        raise ValueError(f"{name} must be a list of numbers, the edges of segments; got {edges!r}.")
    values = values.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError(
            f"{name} has edges that are NaN or infinite: {shorten(values.tolist())}; missing "
            "values and both ends have segments without an edge."
        )
    if (np.diff(values) <= 0).any():
        raise ValueError(
            f"{name} must ascend without repetition, got the edges {shorten(values.tolist())}."
        )
    return values


def edge_segments(edges):
    """The segmentation with the given edges."""
    return NumericSegments(edges, np.full(len(edges) + 1, np.nan))


class _Sorted:
    """The present values of a feature in order, with their cumulative weight."""

    def __init__(self, values, weight):
        missing = np.isnan(values)
        if missing.any():
            values = values[~missing]
            weight = None if weight is None else weight[~missing]
        if weight is None:
            self.values = np.sort(values)
            self.mass = None
            self.total = float(len(values))
        else:
            order = np.argsort(values)
            self.values = values[order]
            self.mass = np.concatenate([[0.0], np.cumsum(weight[order])])
            self.total = float(self.mass[-1])

    def below(self, position):
        """Weight of the values before a position."""
        return float(position if self.mass is None else self.mass[position])

    def at(self, mass):
        """The position of the value at which the cumulative weight passes `mass`."""
        if self.mass is None:
            position = int(mass)
        else:
            position = int(np.searchsorted(self.mass, mass, side="right")) - 1
        return min(max(position, 0), len(self.values) - 1)

    def ties(self, position):
        """First position of the value at a position, and the first after it."""
        value = self.values[position]
        return tuple(int(np.searchsorted(self.values, value, side)) for side in ("left", "right"))

    def cut(self, mass):
        """The position between two values with the weight before it nearest to `mass`."""
        first, after = self.ties(self.at(mass))
        return first if mass - self.below(first) <= self.below(after) - mass else after


class _Run(NamedTuple):
    """Neighbouring segments that share one stretch of the sorted values equally."""

    start: int
    stop: int
    n_segments: int  # 0: a single heavy value


def _runs(ordered, n_segments):
    """Heavy values apart, the stretches between them with their share of the other segments."""
    if not len(ordered.values):
        return []
    # Rounding in the sum of weights must not take a value that holds its share exactly.
    least = ordered.total / n_segments * (1 - 1e-12)
    heavy = []
    for j in range(n_segments):
        first, after = ordered.ties(ordered.at(ordered.total * j / n_segments))
        if ordered.below(after) - ordered.below(first) >= least and (first, after) not in heavy:
            heavy.append((first, after))
    ends = [0, *(position for pair in heavy for position in pair), len(ordered.values)]
    light = [(a, b) for a, b in zip(ends[::2], ends[1::2], strict=True) if b > a]
    mass = np.array([ordered.below(b) - ordered.below(a) for a, b in light])
    shares = _shares(mass, n_segments - len(heavy))
    runs = [_Run(a, b, 0) for a, b in heavy]
    runs += [_Run(a, b, int(k)) for (a, b), k in zip(light, shares, strict=True)]
    return sorted(runs)


def _shares(mass, n_segments):
    """Whole numbers >= 1 in proportion to `mass`, of sum `n_segments` where that can be."""
    if not len(mass):
        return mass.astype(int)
    ideal = mass / mass.sum() * n_segments
    shares = np.maximum(np.floor(ideal + 1e-9), 1).astype(int)
    left = n_segments - shares.sum()
    if left > 0:
        rest = np.round(ideal - shares, 9)
        shares[np.argsort(-rest, kind="stable")[:left]] += 1
    return shares


def quantile_segments(values, weight, n_segments):
    """Segments of equal weight, apart from values that are heavier than that.

    A value that holds at least 1 / `n_segments` of the weight is a segment of its own; the values
    between such ones share the remaining segments by their weight, at least one each (so there may
    be some more than `n_segments`). Equal values stay together.

    Parameters
    ----------
    values : ndarray of shape (n,), float
        NaN is missing.
    weight : ndarray of shape (n,) or None
    n_segments : int

    Returns
    -------
    NumericSegments
    """
    ordered = _Sorted(values, weight)
    edges: list = []
    single: list = []
    for run in _runs(ordered, n_segments):
        if run.start:
            edges.append(_first_edge(ordered, run))
        edges += [ordered.values[cut] for cut in _cuts(ordered, run, 0.0)[0][1:]]
        n_new = len(edges) + 1 - len(single)  # ties can leave fewer than the run's share
        single += [np.nan] * n_new if run.n_segments else [ordered.values[run.start]]
    return NumericSegments(
        np.array(edges, dtype=np.float64), np.array(single or [np.nan], dtype=np.float64)
    )


def quantile_windows(values, weight, n_segments, overlap):
    """The segments of `quantile_segments`, each widened into its neighbours.

    Parameters
    ----------
    values, weight, n_segments
        As there.
    overlap : float
        In [0, 1): neighbours share this part of a segment's weight. Heavy values are not widened,
        and no window reaches across one.

    Returns
    -------
    Windows
    """
    ordered = _Sorted(values, weight)
    lower: list = []
    upper: list = []
    for run in _runs(ordered, n_segments):
        starts, stops = _cuts(ordered, run, overlap)
        above = _step_up(ordered.values[run.stop - 1])
        lower += [ordered.values[start] for start in starts]
        upper += [above if stop == run.stop else ordered.values[stop] for stop in stops]
    return Windows(np.array(lower, dtype=np.float64), np.array(upper, dtype=np.float64))


def _first_edge(ordered, run):
    """Where a run begins that is not the first: above a heavy value, also where no row was."""
    if run.n_segments:
        return _step_up(ordered.values[run.start - 1])
    return ordered.values[run.start]


def _step_up(value):
    """The next larger number of the type of a numpy number."""
    return np.nextafter(value, value.dtype.type(np.inf))


def _cuts(ordered, run, overlap):
    """First position of each segment of a run and the position after its last, as lists."""
    if not run.n_segments:
        return [run.start], [run.stop]
    base = ordered.below(run.start)
    step = (ordered.below(run.stop) - base) / run.n_segments
    inner = {
        min(max(ordered.cut(base + step * j), run.start), run.stop)
        for j in range(1, run.n_segments)
    }
    bounds = sorted(inner | {run.start, run.stop})
    if not overlap:
        return bounds[:-1], bounds[1:]
    reach = overlap * step / 2
    starts = [
        run.start if a == run.start else max(ordered.cut(ordered.below(a) - reach), run.start)
        for a in bounds[:-1]
    ]
    stops = [
        run.stop if b == run.stop else min(ordered.cut(ordered.below(b) + reach), run.stop)
        for b in bounds[1:]
    ]
    return starts, stops

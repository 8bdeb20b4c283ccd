"""Rows grouped by segment and by score: what every sum over rows is computed from.

A sum of a smooth function of the logit z over the rows of a narrow *cell* follows from the moments
of z in the cell: with t = z - center, sum w f(z) = sum_k f^(k)(center) sum w t^k / k!. For cells
1/32 wide and moments up to the fifth the logistic function is exact to about 1e-13, and after one
pass over the rows every iteration of every solver costs as much as there are cells. Where rows are
few, or segments many, each row is a cell of its own and the same formulas have one term.
"""

from dataclasses import dataclass, replace
from math import perm

import numpy as np
from scipy.special import expit

__all__ = ["Cells", "ScoreGrid", "logistic_derivatives", "make_cells", "make_grid", "spread"]

WIDTH = 1 / 32
ORDER = 5
# Below this many rows a pass over them is as cheap as one over the cells.
FEW_ROWS = 20_000
_BLOCK = 65_536  # rows at a time, so that the passes run in the processor's cache


def logistic_derivatives(eta, order):
    """The logistic function and its derivatives at eta, a list of `order` + 1 arrays.

    All are multiples of v = sigma (1 - sigma), which keeps their relative precision in both tails.
    """
    s, c = expit(eta), expit(-eta)
    v, x = s * c, c - s
    factors = (
        lambda: 1.0,
        lambda: x,
        lambda: 1 - 6 * v,
        lambda: x * (1 - 12 * v),
        lambda: 1 + v * (120 * v - 30),
        lambda: x * (1 + v * (360 * v - 60)),
        lambda: 1 + v * (v * (1680 - 5040 * v) - 126),
        lambda: x * (1 + v * (v * (5040 - 20160 * v) - 252)),
    )
    return [s, *(v * factor() for factor in factors[:order])]


def spread(moments, derivatives, slope=1.0, power=0):
    """sum w t^power f(slope t) of each cell, from the derivatives of f at its center.

    Parameters
    ----------
    moments : ndarray of shape (n_moments, ...)
        sum w t^k / k!.
    derivatives : list of ndarray
        f, f', ... at the centers.
    slope : float or ndarray
        Of the argument of f in t.
    power : int
    """
    total = 0.0
    scale = 1.0
    for k in range(len(moments) - power):
        # t^(k + power) / k! = (k + power)! / k! times the moment.
        total = total + moments[k + power] * derivatives[k] * (scale * perm(k + power, power))
        scale = scale * slope
    return total


@dataclass(frozen=True)
class ScoreGrid:
    """The rows of a fit by their score; made once, used by every feature.

    Parameters
    ----------
    logit, events : ndarray of shape (n,)
        z and w y of each row.
    weight : ndarray of shape (n,) or None
    fold : ndarray of shape (n,)
        In which fold of the cross-fitted gain the row is, from 0.
    n_folds : int
    bins : ndarray of shape (n,), or None
        The bin of the score; None where each row is a cell.
    t : ndarray of shape (n,), or None
        z less the center of its bin.
    center : ndarray of shape (n_bins,)
        Middle of each bin; without bins z itself.
    moments : ndarray of shape (n_moments, n_bins)
        sum w t^k / k!.
    event_moments : ndarray of shape (2, n_bins)
        sum w y and sum w y t.
    """

    logit: np.ndarray
    events: np.ndarray
    weight: np.ndarray | None
    fold: np.ndarray
    n_folds: int
    bins: np.ndarray | None
    t: np.ndarray | None
    center: np.ndarray
    moments: np.ndarray
    event_moments: np.ndarray

    @property
    def n_bins(self):
        return len(self.center)

    @property
    def mass(self):
        return self.moments[0]

    def take(self, rows):
        """The grid of some rows, or of rows repeated; bins and totals stay those of all."""
        parts: dict = {
            name: None if (values := getattr(self, name)) is None else values[rows]
            for name in ("logit", "events", "weight", "fold", "bins", "t")
        }
        return replace(self, **parts)


def make_grid(logit, y, weight, *, fold=None, n_folds=1, few_rows=FEW_ROWS):
    """The `ScoreGrid` of rows with logits (n,), labels 0 or 1 and weights or None."""
    n_rows = len(logit)
    events = y.astype(np.float64) if weight is None else weight * y
    if fold is None:
        fold, n_folds = np.zeros(n_rows, dtype=np.uint8), 1
    if n_rows < few_rows:
        moments = np.ones((1, n_rows)) if weight is None else weight[None]
        binned = None, None, logit, moments, np.stack([events, np.zeros(n_rows)])
    else:
        binned = _fill_bins(logit, events, weight)
    return ScoreGrid(logit, events, weight, fold, n_folds, *binned)


def _fill_bins(logit, events, weight):
    """Bins of equal width over the scores: `bins, t, center, moments, event_moments`."""
    lowest = logit.min()
    n_bins = int((logit.max() - lowest) / WIDTH) + 1
    center = lowest + WIDTH * (np.arange(n_bins) + 0.5)
    bins, t = np.empty(len(logit), dtype=np.int32), np.empty(len(logit))
    moments, event_moments = np.zeros((ORDER + 1, n_bins)), np.zeros((2, n_bins))
    for rows in _blocks(len(logit)):
        of = ((logit[rows] - lowest) * (1 / WIDTH)).astype(np.intp)
        bins[rows] = of
        t[rows] = logit[rows] - center[of]
        for k, power in enumerate(_powers(t[rows], weight, rows)):
            moments[k] += np.bincount(of, weights=power, minlength=n_bins)
        for k, part in enumerate((events[rows], events[rows] * t[rows])):
            event_moments[k] += np.bincount(of, weights=part, minlength=n_bins)
    occupied = moments[0] > 0
    if occupied.mean() < 0.75:  # outlying scores: number the occupied bins only
        bins = (np.cumsum(occupied, dtype=np.int32) - 1)[bins]
        center, moments = center[occupied], moments[:, occupied]
        event_moments = event_moments[:, occupied]
    return bins, t, center, moments, event_moments


def _blocks(n_rows):
    return [slice(start, start + _BLOCK) for start in range(0, n_rows, _BLOCK)]


def _powers(t, weight, rows):
    """w t^k / k! of a block of rows for k = 0, 1, ...; None for ones."""
    power = None if weight is None else weight[rows]
    yield power
    for k in range(1, ORDER + 1):
        power = (t if power is None else power * t) * (1.0 / k)
        yield power


@dataclass(frozen=True)
class Cells:
    """Cells of the listed segments of a feature, in their order.

    Parameters
    ----------
    center : ndarray of shape (n_cells,)
    moments : ndarray of shape (n_moments, n_cells)
        sum w t^k / k! over the rows of the cell, t = z - center.
    segment : ndarray of shape (n_cells,)
        The number of the segment of each cell, ascending; each has at least one.
    mass, events, others : ndarray of shape (n_segments,)
        sum w, sum w y and sum w (1 - y) of each segment; 0 only without such rows, whatever the
        rounding of sums.
    """

    center: np.ndarray
    moments: np.ndarray
    segment: np.ndarray
    mass: np.ndarray
    events: np.ndarray
    others: np.ndarray

    @property
    def starts(self):
        return np.searchsorted(self.segment, np.arange(len(self.mass)))

    def sum(self, values):
        """Sums over the cells of each segment; values of shape (..., n_cells)."""
        return np.add.reduceat(values, self.starts, axis=-1)

    def select(self, chosen):
        """The cells of the segments in a mask."""
        inside = chosen[self.segment]
        number = np.cumsum(chosen) - 1
        return Cells(
            self.center[inside],
            self.moments[:, inside],
            number[self.segment[inside]],
            self.mass[chosen],
            self.events[chosen],
            self.others[chosen],
        )

    def flip(self, flipped):
        """Cells with the labels of some segments exchanged: z -> -z, events -> others."""
        sign = np.where(flipped, -1.0, 1.0)[self.segment]
        powers = np.arange(len(self.moments))[:, None]
        return replace(
            self,
            center=self.center * sign,
            moments=self.moments * sign**powers,
            events=np.where(flipped, self.others, self.events),
            others=np.where(flipped, self.events, self.others),
        )


def make_cells(codes, n_codes, grid):
    """The cells of a feature and its share of each fold.

    Parameters
    ----------
    codes : ndarray of shape (n,)
        Segment of each row.
    n_codes : int
    grid : ScoreGrid

    Returns
    -------
    cells : Cells
        Of the segments that have rows.
    listed : ndarray of shape (n_segments,)
        Their codes.
    by_fold : callable
        by_fold(f) returns the Cells of the rows outside of fold f and those of the rows in it,
        with all listed segments.
    """
    # Only where a table is much smaller than the rows does it pay to fill it.
    if grid.bins is not None and n_codes * grid.n_bins * grid.n_folds <= len(codes) // 4:
        listed, center, moments, segment = _tabulate(codes, n_codes, grid)
    else:
        listed, center, moments, segment = _sort_rows(codes, n_codes, grid)
    starts = np.searchsorted(segment, np.arange(len(listed)))
    mass = np.add.reduceat(moments[0], starts, axis=0)
    events, others = _count_classes(codes, n_codes, grid, listed, mass)

    def take(moments, *sums):
        return Cells(center, moments, segment, *sums)

    total = moments.sum(axis=-1)
    cells = take(total, *(sums.sum(axis=1) for sums in (mass, events, others)))

    def by_fold(f):
        inside = take(moments[..., f], mass[:, f], events[:, f], others[:, f])
        outside = take(
            total - inside.moments,
            cells.mass - inside.mass,
            cells.events - inside.events,
            cells.others - inside.others,
        )
        return outside, inside

    return cells, listed, by_fold


def _count_classes(codes, n_codes, grid, listed, mass):
    """sum w y and sum w (1 - y) of the listed segments by fold."""
    events = np.zeros(n_codes * grid.n_folds)
    others = np.zeros_like(events)
    for rows in _blocks(len(codes)):
        code = codes[rows].astype(np.intp) * grid.n_folds + grid.fold[rows]
        events += np.bincount(code, weights=grid.events[rows], minlength=len(events))
        if grid.weight is not None:
            left = grid.weight[rows] - grid.events[rows]
            others += np.bincount(code, weights=left, minlength=len(events))
    events = events.reshape(n_codes, grid.n_folds)[listed]
    if grid.weight is None:
        return events, mass - events  # whole numbers
    return events, others.reshape(n_codes, grid.n_folds)[listed]


def _tabulate(codes, n_codes, grid):
    """Listed codes; center, moments by fold, and segment of each occupied cell."""
    shape = (n_codes, grid.n_bins, grid.n_folds)
    table = np.zeros((ORDER + 1, np.prod(shape)))
    for rows in _blocks(len(codes)):
        code = codes[rows].astype(np.intp) * grid.n_bins + grid.bins[rows]
        code = code * grid.n_folds + grid.fold[rows]
        for k, power in enumerate(_powers(grid.t[rows], grid.weight, rows)):
            table[k] += np.bincount(code, weights=power, minlength=table.shape[1])
    table = table.reshape(-1, *shape)
    occupied = table[0].any(axis=-1)
    listed = np.flatnonzero(occupied.any(axis=1))
    segment, place = np.nonzero(occupied[listed])
    return listed, grid.center[place], table[:, listed[segment], place], segment


def _sort_rows(codes, n_codes, grid):
    """The same with each row as a cell."""
    listed = np.flatnonzero(np.bincount(codes, minlength=n_codes))
    order = np.argsort(codes.astype(np.min_scalar_type(n_codes)), kind="stable")
    moments = np.zeros((1, len(codes), grid.n_folds))
    mass = 1.0 if grid.weight is None else grid.weight[order]
    moments[0, np.arange(len(codes)), grid.fold[order]] = mass
    return listed, grid.logit[order], moments, np.searchsorted(listed, codes[order])

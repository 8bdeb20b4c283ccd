"""The search for one spotlight: centers climb while the size shrinks, and the best is kept."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ._halves import two_means
from ._membership import ascend, objective, solve_precision, squared_distances
from ._scan import mean_excess, scan, statistic_of

_STARTS = (0.5, 0.2)  # the sizes, as shares of all rows, at which paths begin
_FAR = 4.0  # RMS radii between the mean and a start outside the data
_BELOW = 0.4  # paths go on below the smallest spotlight: smaller sizes give better centers
_N_SIZES = 12
_FINISH_STEPS = 8  # on all rows, after a path on a sample ...
_FINISH_SIZES = (2.0, 0.5)  # ... from this multiple of the size where it ended to this one
_MARGIN = 1e-7  # of the objective, by which a step has to raise it
_FINAL_STEPS = 60
_FINALISTS = 2  # best other paths that climb to the end; a product of four is fast
_SHRINKAGE = 0.1
_CONJUGATE_STEPS = 12
_PART_STARTS, _PART_ENDS = 0.45, 0.2  # sizes of a part's path, as shares of the whole
_PART_SIZES = 6
_MOST_SHARED = 0.25  # of the smaller part: parts that share more rows are one region
_LEAST_KEPT = 0.95  # of the statistic, by two parts together
_MOST_PARTS = 4


@dataclass(frozen=True)
class Sizing:
    """How large a spotlight may be, as shares of the total weight; equal where it is given."""

    low: float
    high: float

    @property
    def given(self):
        return self.low == self.high


@dataclass
class Rows:
    """What all searches share: centred rows, their squared norms, weights with mean 1.

    `n_varying` is the number of columns that are not constant.
    """

    Z: Any
    norms: Any
    weights: Any
    backend: Any
    n_varying: int

    @property
    def n(self):
        return self.Z.shape[0]

    def take(self, positions):
        """The rows at the positions, in their own right."""
        Z = self.Z[positions]
        weights = self.weights[positions] / self.weights[positions].mean()
        return Rows(Z, self.norms[positions], weights, self.backend, self.n_varying)


@dataclass
class Found:
    """Where a search ended: the best center and size (share) and what they reach.

    `value` is the scan statistic, or the objective for a given size; 0 where nothing was found.
    """

    center: np.ndarray | None = None
    share: float = 0.0
    value: float = 0.0
    n_iter: int = 0
    history: list = field(default_factory=list)
    members: np.ndarray | None = None  # (n,), of the best cut; None for a given size


def lay_out(Z, weights, backend, n_varying=None):
    """The `Rows` of a centred matrix Z (n, d) and weights (n,); all columns vary unless said."""
    matrix = backend.rows(Z)
    weights = backend.like(weights / weights.mean(), matrix)
    n_varying = Z.shape[1] if n_varying is None else n_varying
    return Rows(matrix, backend.squared_norms(matrix), weights, backend, n_varying)


def search(rows, loss, sizing, brief=False):
    """Search one spotlight from six starts.

    Parameters
    ----------
    rows : Rows
    loss : (n,) array or tensor, not constant
    sizing : Sizing
    brief : bool
        Half as many sizes, and no climb to the end, for a given size.

    Returns
    -------
    Found
    """
    end = (1.0 if sizing.given else _BELOW) * sizing.low * rows.n
    starts = start_centers(rows, loss)
    first = np.tile(np.maximum(np.array(_STARTS) * rows.n, end), len(starts))
    brief = brief and sizing.given
    sizes = np.geomspace(first, end, _N_SIZES // 2 if brief else _N_SIZES)
    centers = rows.backend.stack([center for center in starts for _ in _STARTS])
    return _follow(rows, loss, sizing, centers, sizes, climbs=not brief)


def finish(rows, loss, sizing, found):
    """Go on from where a search on a sample ended, on all rows."""
    centers = rows.backend.like(found.center[None], rows.Z)
    size = found.history[-1][1] * rows.n  # at which the center was found
    around = (1.0, 1.0) if sizing.given else _FINISH_SIZES
    first = max(min(size * around[0], _STARTS[0] * rows.n), size)
    sizes = np.geomspace([first], [size * around[1]], _FINISH_STEPS)
    done = _follow(rows, loss, sizing, centers, sizes, found.n_iter)
    if done.center is None:  # what the sample allowed, all rows may not
        return found
    done.history = found.history + done.history
    return done


def take_apart(rows, loss, sizing, found):
    """Of a cut that gathers regions which lie apart one of them; else the cut as it is.

    A ball around a center far outside is nearly a half-space and may hold several regions. One of a
    given size stays as it is.
    """
    if found.members is None:
        return found
    host = _host(rows, loss)
    for _ in range(_MOST_PARTS - 1):
        part = _part_of(rows, loss, host, sizing, found)
        if part is None:
            break
        part.history = found.history + part.history
        found = part
    return found


def _part_of(rows, loss, host, sizing, found):
    """The smaller of two regions that a cut gathers; None where it is one region.

    Of two regions one half of the members has a spotlight of its own, the other half has another
    once the first is out of the way; these share few rows and together reach the statistic of the
    whole. The halves of one region find the region again.
    """
    weights, losses = host
    positions = np.flatnonzero(found.members)
    Z = rows.backend.to_numpy(rows.Z[positions]).astype(np.float64)
    w = weights[positions]
    half = two_means(Z, w * (losses[positions] - weights @ losses / rows.n).clip(0.0, None))
    if half is None:
        return None
    centers = [np.average(Z[h], axis=0, weights=w[h]) for h in (half, ~half)]
    parts = [_follow_part(rows, loss, sizing, center, found) for center in centers]
    if any(part.members is None for part in parts):
        return None
    smaller = int(parts[1].share < parts[0].share)
    part, lowered = parts[smaller], losses.copy()
    # By the difference of the means, not until these agree: less would tell one region from two.
    lowered[part.members] -= mean_excess(part.members, weights, losses)
    lowered = rows.backend.like(lowered.clip(min(0.0, losses.min()), None), rows.Z)
    other = _follow_part(rows, lowered, sizing, centers[1 - smaller], found)
    if other.members is None:
        return None
    shared = weights[part.members & other.members].sum() / rows.n
    together = statistic_of(part.members | other.members, weights, losses)
    apart = shared <= _MOST_SHARED * min(part.share, other.share)
    return part if apart and together >= _LEAST_KEPT * found.value else None


def _follow_part(rows, loss, sizing, center, found):
    """The search near one center, for a part of the cut found."""
    least = _BELOW * sizing.low
    first, last = (max(part * found.share, least) for part in (_PART_STARTS, _PART_ENDS))
    sizes = np.geomspace(first, last, _PART_SIZES)[:, None] * rows.n
    return _follow(rows, loss, sizing, rows.backend.like(center[None], rows.Z), sizes, found.n_iter)


def start_centers(rows, loss):
    """Starts of shape (3, d): at the mean of the high losses, and two far outside the data.

    The best center may lie outside, where a ball is nearly a half-space. The far starts lie along
    the covariance of the rows with the loss, and along its shrunken discriminant.
    """
    Z, share = rows.Z, rows.weights / rows.n
    excess = loss - share @ loss
    high = share * excess.clip(0.0, None)
    mean = (high @ Z) / high.sum()
    covariance = (share * excess) @ Z
    directions = [covariance, _discriminant(rows, share, covariance)]
    far = [_FAR * d / ((d @ d) ** 0.5).clip(1e-30, None) for d in directions]
    return [mean, *far]


def _discriminant(rows, share, covariance):
    """Solve (Z' diag(share) Z + s I) x = covariance by conjugate gradients, without the matrix."""
    shrinkage = _SHRINKAGE * (share @ rows.norms) / rows.n_varying
    x, residual = covariance * 0.0, covariance
    direction, old = residual, residual @ residual
    enough = 1e-6 * float(old)
    for _ in range(_CONJUGATE_STEPS):
        if not float(old) > enough:
            break
        image = (share * (rows.Z @ direction)) @ rows.Z + shrinkage * direction
        length = old / (direction @ image)
        x = x + length * direction
        residual = residual - length * image
        new = residual @ residual
        direction, old = residual + (new / old) * direction, new
    return x


@dataclass
class _Path:
    """Centers side by side: (B, d) places, (B, n) distances, (B,) precision, size and objective."""

    centers: Any
    distances: Any
    tau: Any = None
    size: Any = None
    value: Any = None


def _follow(rows, loss, sizing, centers, sizes, n_iter=0, climbs=True):
    """Shrink the sizes, one (B,) row of `sizes` a step; keep the best cut or the last climb."""
    found = Found(n_iter=n_iter)
    path = _Path(centers, squared_distances(rows.Z, rows.norms, centers))
    host = None if sizing.given else _host(rows, loss)
    for size in sizes:
        path.size = rows.backend.like(size, rows.Z)
        path.tau = solve_precision(path.distances, rows.weights, path.size, path.tau)
        _try_step(rows, loss, path, 1.0)
        found.n_iter += 1
        if host is not None:
            _keep_best_cut(rows, host, sizing, path, size, found)
    if sizing.given:
        path = _finalists(path)
        found.n_iter += _climb(rows, loss, path) if climbs else 0
        best = int(path.value.argmax())
        value, size = float(path.value[best]), float(path.size[best])
        _keep(rows, path, best, sizing.low, value, found, size)
    return found


def _finalists(path):
    """The paths that climb to the end: the first ones, which start near the rows, and the best.

    Without the first ones a far start could take a place and then climb less high.
    """
    near = list(range(len(path.value)))[: len(_STARTS)]
    best = [b for b in path.value.argsort().tolist()[::-1] if b not in near]
    chosen = near + best[:_FINALISTS]
    fields = (path.centers, path.distances, path.tau, path.size, path.value)
    return _Path(*(values[chosen] for values in fields))


def _host(rows, loss):
    """Weights and loss as float64 arrays for the scan, which sorts on the host."""
    return tuple(rows.backend.to_numpy(v).astype(np.float64) for v in (rows.weights, loss))


def _keep_best_cut(rows, host, sizing, path, size, found):
    """Scan the neighbours of each center; keep the best of all so far."""
    weights, loss = host
    low, high = sizing.low * rows.n, sizing.high * rows.n
    for b, distances in enumerate(rows.backend.to_numpy(path.distances)):
        cut = scan(distances, weights, loss, low, high)
        # Equal cuts of two centers differ by rounding: the first one stays.
        if cut.statistic > found.value * (1 + 1e-7):
            _keep(rows, path, b, cut.mass / rows.n, cut.statistic, found, float(size[b]))
            found.members = distances <= cut.radius


def _keep(rows, path, b, share, value, found, size):
    found.center = rows.backend.to_numpy(path.centers[b]).astype(np.float64)
    found.share, found.value = share, value
    found.history.append((found.n_iter, size / rows.n, share, value))


def _try_step(rows, loss, path, fraction):
    """Move the centers whose fixed-point step, times `fraction`, raises the objective; the gain."""
    value, step = ascend(
        rows.Z, rows.weights, loss, path.distances, path.tau, path.size, path.centers
    )
    centers = path.centers + fraction * step
    distances = squared_distances(rows.Z, rows.norms, centers)
    tau = solve_precision(distances, rows.weights, path.size, path.tau)
    new = objective(rows.weights, loss, distances, tau, path.size)
    # On a plateau rounding would decide, and another order of the rows might move elsewhere.
    better, select = new > value + _MARGIN * abs(value), rows.backend.select
    path.centers = select(better[:, None], centers, path.centers)
    path.distances = select(better[:, None], distances, path.distances)
    path.tau = select(better, tau, path.tau)
    path.value = select(better, new, value)
    return float(((path.value - value) / abs(value).clip(1e-30, None)).max())


def _climb(rows, loss, path):
    """Steps at the last size until none gains more than rounding, halved where they fail."""
    fraction = 1.0
    for step in range(1, _FINAL_STEPS + 1):
        gain = _try_step(rows, loss, path, fraction)
        if gain > 1e-6:
            fraction = min(1.0, 2.0 * fraction)
        elif fraction < 0.1:
            return step
        else:
            fraction /= 2.0
    return _FINAL_STEPS

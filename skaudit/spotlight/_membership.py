"""Memberships: the exact precision for a size, and the direction in which the objective grows.

Notation of the Spotlight paper: center mu, precision tau, membership
k = max(1 - tau |z - mu|^2, 0), size S = sum of w k. B centers move side by side, so that one matrix
product serves them all; arrays have one row for each. Every function takes numpy arrays and torch
tensors alike.
"""

_NEWTON_STEPS = 50  # a bound; three to eight are taken
_TINY = 1e-28


def squared_distances(Z, norms, centers):
    """|z_i - mu_b|^2 of shape (B, n), from Z (n, d), norms (n,) = |z_i|^2 and centers (B, d)."""
    distances = centers @ Z.T
    distances *= -2.0
    distances += norms
    distances += (centers * centers).sum(1)[:, None]
    return distances.clip(0.0, None)


def solve_precision(distances, weights, size, start=None, tolerance=1e-6):
    """tau of shape (B,) such that sum_i w_i max(1 - tau_b d_bi, 0) = size_b.

    The left side is convex, decreasing and piecewise linear in tau. Newton's steps from the left
    therefore reach the root after finitely many; from the right the first step lands on the left.
    Rows at distance 0 that together outweigh the size leave no root: tau then shuts out all others.
    """
    # Relative to the size: a larger tau could overflow in single precision.
    least = _TINY * size
    left = (weights.sum() - size) / (distances @ weights).clip(least, None)
    tau = left if start is None else start
    for _ in range(_NEWTON_STEPS):
        inside = (distances * tau[:, None] < 1.0) * weights
        held, spread = inside.sum(1), (inside * distances).sum(1)
        new = (held - size) / spread.clip(least, None)
        # Far on the right of the root too few rows are inside: begin again on its left.
        new = new * (new > 0) + left * (new <= 0)
        # Rows at the center itself that weigh just the size: any tau without others is a root.
        flat = abs(held - size) + tau * spread <= tolerance * size
        new = tau * flat + new * ~flat
        if bool((abs(new - tau) <= tolerance * tau).all()):
            return new
        tau = new
    return tau


def objective(weights, loss, distances, tau, size):
    """f = sum w k l / S of shape (B,), from weights and loss of shape (n,)."""
    return (1.0 - distances * tau[:, None]).clip(0.0, None) @ (weights * loss) / size


def ascend(Z, weights, loss, distances, tau, size, centers):
    """The objective and its fixed-point step at each center.

    With A the rows inside, lambda = sum_A w l d / sum_A w d and c = l - lambda, the objective
    f = sum w k l / S has the gradient (2 tau / S) (sum_A w c z - mu sum_A w c) and the fixed point
    mu = sum_A w c z / sum_A w c.

    Parameters
    ----------
    Z : (n, d); weights, loss : (n,); distances : (B, n); tau, size : (B,); centers : (B, d)

    Returns
    -------
    value : (B,)
    step : (B, d)
        To the fixed point; where sum_A w c is not positive, along the gradient by
        sum_A w c (z - mu) / sum_A w |c|, which does not depend on the unit of the weights. No
        longer than the radius 1 / sqrt(tau).
    """
    inside = (distances * tau[:, None] < 1.0) * weights
    share = inside * distances
    level = (share @ loss) / share.sum(1).clip(_TINY, None)
    pull = inside * (loss - level[:, None])
    mass = pull.sum(1)
    step = pull @ Z - mass[:, None] * centers
    scale = abs(pull).sum(1).clip(_TINY, None)
    fixed = mass > 1e-6 * scale
    step = step / (mass * fixed + scale * ~fixed)[:, None]
    length = ((step * step).sum(1) ** 0.5).clip(_TINY, None)
    radius = tau**-0.5
    step = step * (radius / length).clip(None, 1.0)[:, None]
    return objective(weights, loss, distances, tau, size), step

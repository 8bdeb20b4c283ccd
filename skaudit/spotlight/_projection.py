"""A plane in which spotlights lie apart from the other rows, and their balls as circles in it."""

import numpy as np

_ROWS = 5000  # of which the plane is made; more make no visible difference
_SHRINKAGE = 0.1  # share of the mean variance added to each direction, against chance separation
_POWER_STEPS = 100  # enough for a picture, where the largest two spreads may be nearly the same


def separating_plane(Z, K):
    """Two orthonormal directions, shape (d, 2), for rows Z (n, d) with memberships K (n, k).

    The direction of a spotlight is Fisher's: (C + s I)^-1 (mean inside - mean), C the covariance.
    Of one spotlight it is the first axis and the largest spread across it the second; of two each
    has its axis; more are spread like a star. Without any the axes are the principal components.
    With d = 1 the second axis is zero. Each spotlight has a row inside.
    """
    d = Z.shape[1]
    sample = Z[np.linspace(0, len(Z) - 1, min(len(Z), _ROWS)).astype(np.intp)].astype(np.float64)
    mean = Z.mean(axis=0, dtype=np.float64)
    sample -= mean
    covariance = sample.T @ sample / len(sample)
    covariance[np.diag_indices(d)] += _SHRINKAGE * np.trace(covariance) / d or 1.0
    directions = np.linalg.solve(covariance, ((K / K.sum(axis=0)).T @ Z - mean).T).T
    if len(directions) > 2:
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        angle = 2 * np.pi * np.arange(len(directions)) / len(directions)
        directions = np.array([np.cos(angle), np.sin(angle)]) @ directions
    axes = np.zeros((d, 2))
    for i in range(min(2, d)):
        wanted = np.zeros(d)
        if i < len(directions):
            wanted = directions[i] / max(np.linalg.norm(directions[i]), np.finfo(float).tiny)
            wanted -= axes @ (axes.T @ wanted)
        if np.linalg.norm(wanted) < 1e-6:
            wanted = _largest_spread(covariance, axes)
        axes[:, i] = wanted / np.linalg.norm(wanted)
    return axes


def _largest_spread(covariance, axes):
    """The leading eigenvector (d,) of the covariance across the axes, by power iteration."""
    rest = covariance - axes @ (axes.T @ covariance)
    vector = rest[:, np.argmax(np.diag(rest))]
    for _ in range(_POWER_STEPS):
        vector = vector - axes @ (axes.T @ vector)
        vector = covariance @ (vector / np.linalg.norm(vector))
    return vector - axes @ (axes.T @ vector)


def circle_radii(distances, points, centers, radii):
    """Radii (k,) of the circles in which typical members' places in the plane lie.

    A ball of radius r cut at the distance h from its center is a circle of radius
    sqrt(r^2 - h^2); h^2 is the median over the members of the squared distance off the plane.

    Parameters
    ----------
    distances : (n, k); points : (n, 2); centers : (k, 2), projected; radii : (k,)
    """
    circles = np.zeros(len(radii))
    for j, radius in enumerate(radii):
        member = distances[:, j] <= radius
        if member.any():
            in_plane = ((points[member] - centers[j]) ** 2).sum(axis=1)
            off_plane = np.median(distances[member, j] ** 2 - in_plane)
            circles[j] = np.sqrt(max(radius**2 - max(off_plane, 0.0), 0.0))
    return circles

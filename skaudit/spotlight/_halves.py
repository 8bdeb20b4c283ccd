"""Two halves of a set of rows, along its longest direction."""

import numpy as np

_POWER_STEPS = 20
_TRACE = 1e-9  # of the largest weight, for rows of none: no half is without weight
_MEANS_STEPS = 10


def two_means(Z, weights):
    """A mask (m,) of one half of the rows Z (m, d) by weighted 2-means; None where all are alike.

    It starts from the sign along the first principal component, so that it needs no seed. Rows of
    weight 0 go to the nearer half.
    """
    if not weights.any():
        return None
    share = weights + _TRACE * weights.max()
    share /= share.sum()
    centred = Z - share @ Z
    axis = centred[(centred * centred).sum(axis=1).argmax()]
    if not np.abs(axis).max() > 0:
        return None
    for _ in range(_POWER_STEPS):
        axis = axis / np.sqrt(axis @ axis)
        axis = (share * (centred @ axis)) @ centred
    half = centred @ axis > 0
    for _ in range(_MEANS_STEPS):
        if half.all() or not half.any():
            return None
        first, second = (np.average(centred[h], axis=0, weights=share[h]) for h in (half, ~half))
        closer = centred @ (first - second) > (first @ first - second @ second) / 2
        if (closer == half).all():
            break
        half = closer
    return half

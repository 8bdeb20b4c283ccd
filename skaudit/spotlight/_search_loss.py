"""The losses that the search sees: clipped, and lowered where a spotlight was found."""

import numpy as np

_NEWTON_STEPS = 100  # a bound; a few are taken
_LEAST = np.finfo(np.float64).tiny


def search_loss(losses, weights, clip):
    """min(loss, clip * mean) in units in which it is about 1; None where it is constant."""
    largest = np.abs(losses).max(initial=0.0)
    if not largest > 0:
        return None
    scaled = losses / largest
    share = weights / weights.sum()
    if clip is not None:
        scaled = np.minimum(scaled, clip * (share @ scaled))
    deviation = np.sqrt(share @ (scaled - share @ scaled) ** 2)
    return scaled / deviation if deviation > 1e-12 * np.abs(scaled).max() else None


def deflate(loss, weights, members, membership, how):
    """The search loss after a spotlight: members lowered by its excess, or the paper's rule.

    They are lowered until their mean is that of the others: to max(l - c, 0), where no loss is
    negative. Cut at 0, more than the difference of the means has to go, or the region would be
    found again. The left side of mean(max(l - c, 0)) = mean of the others is convex, decreasing and
    piecewise linear in c, so that Newton's steps from the left end.
    """
    if how == "soft":
        return loss * (1.0 - membership / membership.max())
    inside, w = loss[members], weights[members]
    if not (~members).any() or not w.any():
        return loss
    outside = np.average(loss[~members], weights=weights[~members])
    lowered, excess = loss.copy(), np.average(inside, weights=w) - outside
    if loss.min() >= 0:
        for _ in range(_NEWTON_STEPS):
            above = (inside > excess) * w
            step = (above @ (inside - excess) - outside * w.sum()) / max(above.sum(), _LEAST)
            if not step > 1e-12 * abs(excess):
                break
            excess += step
        lowered[members] = np.maximum(inside - excess, 0.0)
    else:
        lowered[members] = inside - excess
    return lowered

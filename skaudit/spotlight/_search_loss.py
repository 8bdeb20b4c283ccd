"""The losses that the search sees: clipped, and lowered where a spotlight was found."""

import numpy as np

from ._scan import mean_excess


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


def deflate(loss, weights, members, membership, how, signed):
    """The search loss after a spotlight: members lowered by its excess, or the paper's rule."""
    if how == "soft":
        return loss * (1.0 - membership / membership.max())
    lowered = loss.copy()
    lowered[members] -= mean_excess(members, weights, loss)
    return lowered if signed else np.maximum(lowered, 0.0)

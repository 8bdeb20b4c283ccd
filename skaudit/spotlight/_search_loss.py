"""The losses that the search sees: checked, clipped, and lowered where a spotlight was found."""

import warnings

import numpy as np
from sklearn.utils.validation import column_or_1d

from ..utils._validation import check_row_count

_FEW = 20  # distinct integers that are labels rather than counts


def check_losses(y, n_rows, clip):
    """The per-sample losses as a float64 array of shape (n_rows,), or an error that says why not."""
    values = np.asarray(y)
    if values.dtype.kind in "bUSO" and not _holds_numbers(values):
        kind = "booleans" if values.dtype.kind == "b" else "text"
        raise ValueError(
            f"y must be the loss of each sample, got {kind}. Losses of a model: "
            "skaudit.spotlight.sample_losses(model, X, y)."
        )
    looks_like_labels = values.dtype.kind in "iu" and len(np.unique(values)) <= _FEW
    losses = column_or_1d(values, warn=True).astype(np.float64)
    check_row_count(losses, n_rows, "y")
    n_nan, n_inf = int(np.isnan(losses).sum()), int(np.isinf(losses).sum())
    if n_nan:
        raise ValueError(f"Input y contains NaN: {n_nan} of {n_rows} losses.")
    if n_inf:
        raise ValueError(
            f"Input y contains infinity: {n_inf} of {n_rows} losses. Clip the probabilities "
            "before the logarithm, as sample_losses does."
        )
    if clip is not None and (losses < 0).any():
        raise ValueError(
            f"y has {int((losses < 0).sum())} negative losses (smallest {losses.min():.4g}). Shift "
            "them, or set loss_clip=None to search signed differences."
        )
    if looks_like_labels:
        warnings.warn(
            f"y has {len(np.unique(values))} distinct integers and looks like labels; y must be "
            "the loss of each sample: skaudit.spotlight.sample_losses(model, X, y).",
            UserWarning,
            stacklevel=3,
        )
    return losses


def _holds_numbers(values):
    import pandas as pd

    numbers = ("integer", "floating", "mixed-integer-float", "decimal")
    return values.dtype.kind == "O" and pd.api.types.infer_dtype(values.ravel()) in numbers


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
    """The search loss after a spotlight: members lowered by its excess, or the paper's soft rule."""
    if how == "soft":
        return loss * (1.0 - membership / membership.max())
    lowered = loss.copy()
    outside = np.average(loss[~members], weights=weights[~members]) if (~members).any() else 0.0
    lowered[members] -= np.average(loss[members], weights=weights[members]) - outside
    return lowered if signed else np.maximum(lowered, 0.0)

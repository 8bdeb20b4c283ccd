"""What the displays share: axes, styles, a stated subsample, text that cannot break a figure."""

import numpy as np
from sklearn.utils import check_random_state

from ._text import one_line
from ._validation import shorten

__all__ = [
    "axes_or_new",
    "haloed",
    "place_of",
    "plain_text",
    "row_positions",
    "styled",
    "subsample",
]


def axes_or_new(ax=None, **figure_kwargs):
    """The axes given, or those of a new figure with constrained layout.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
        Axes to draw on.

    **figure_kwargs : dict
        What a new figure gets, `figsize` for one.

    Returns
    -------
    matplotlib.axes.Axes
    """
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained", **figure_kwargs)[1]


def place_of(ax, n_rows, n_columns, *, spacing, **grid_kwargs):
    """Divide the place that `ax` takes in its figure, so that several axes fit where one was.

    The caller then moves `ax` to a cell (`set_subplotspec`) and adds axes in the others.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Axes of a subplot, or placed freely with `add_axes`.

    n_rows, n_columns : int
        Cells of the grid.

    spacing : tuple (hspace, wspace)
        Gaps in shares of a cell, for figures without a layout engine, which finds its own.

    **grid_kwargs : dict
        `width_ratios`, `height_ratios`.

    Returns
    -------
    matplotlib.gridspec.GridSpecBase
    """
    from matplotlib.gridspec import GridSpec

    figure = ax.get_figure()
    if figure.get_layout_engine() is None:
        grid_kwargs.update(hspace=spacing[0], wspace=spacing[1])
    spec = ax.get_subplotspec()
    if spec is not None:
        return spec.subgridspec(n_rows, n_columns, **grid_kwargs)
    box = ax.get_position()
    edges = {"left": box.x0, "right": box.x1, "bottom": box.y0, "top": box.y1}
    return GridSpec(n_rows, n_columns, figure=figure, **edges, **grid_kwargs)


def styled(artist, defaults, given):
    """Keyword arguments of an artist: ours, overridden by the caller's, short names understood.

    Parameters
    ----------
    artist : class
        Class of the artist, which knows that `lw` is `linewidth`.

    defaults : dict
        Our keywords, long names only.

    given : dict or None
        The caller's.

    Returns
    -------
    dict
    """
    from matplotlib.cbook import normalize_kwargs

    return {**defaults, **normalize_kwargs(given, artist)}


def subsample(n, size, random_state):
    """Sorted positions of at most `size` of `n` rows, drawn without replacement; all for None."""
    if size is None or n <= size:
        return np.arange(n)
    drawn = check_random_state(random_state).choice(n, size=size, replace=False)
    return np.sort(drawn)


def plain_text(text, limit=60):
    """One line of at most `limit` characters that matplotlib shows as it is, `$` included."""
    return one_line(text, limit).replace("$", r"\$")


def haloed(ax, x, y, text, kwargs):
    """Text at a place in shares of the axes, readable over points of any colour."""
    from matplotlib.patheffects import withStroke

    halo = [withStroke(linewidth=3, foreground="white", alpha=0.9)]
    style = {"va": "center", "fontweight": "bold", "path_effects": halo}
    return ax.text(x, y, text, transform=ax.transAxes, **{**style, **kwargs})


def row_positions(index, given, name):
    """Positions of rows that are given in any of the usual ways.

    Parameters
    ----------
    index : pandas.Index of length n
        Labels of the rows of a table.

    given : array-like or None
        Integer positions, a boolean mask of n, or labels. A pandas Index means labels, a boolean
        Series is aligned by its own index; None means no row.

    name : str
        Name of the argument, for errors.

    Returns
    -------
    ndarray of int
    """
    from pandas.api.types import is_bool_dtype

    if given is None:
        return np.empty(0, dtype=np.intp)
    if hasattr(given, "iloc") and is_bool_dtype(given.dtype):
        mask = given.to_numpy(dtype=bool)
        given = mask if given.index.equals(index) else given.index[mask]
    is_labels = hasattr(given, "get_indexer_for")
    values = np.asarray(given)
    if values.dtype == bool and not is_labels:
        if values.shape != (len(index),):
            raise ValueError(f"{name}: a mask of shape {values.shape} for {len(index)} rows.")
        return np.flatnonzero(values)
    if values.dtype.kind in "iu" and values.ndim == 1 and not is_labels:
        outside = values[(values < -len(index)) | (values >= len(index))]
        if outside.size:
            raise ValueError(
                f"{name}: positions must be below the number of rows, {len(index)}. Got "
                f"{shorten(outside.tolist())}; pass a pandas Index where these are labels."
            )
        return values % len(index)
    labels = list(given)
    unknown = [label for label in labels if label not in index]
    if unknown:
        raise ValueError(f"{name}: not in the index of the table: {shorten(unknown)}.")
    return index.get_indexer_for(labels)

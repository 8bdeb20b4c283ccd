"""What the displays share: axes, styles, a stated subsample, text that cannot break a figure."""

import numpy as np
from sklearn.utils import check_random_state

__all__ = ["axes_or_new", "place_of", "plain_text", "styled", "subsample"]


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
    # What cannot be printed (newlines, control characters, lone surrogates) would break an SVG.
    text = "".join(c if c.isprintable() else " " for c in str(text)[: 2 * limit])
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return text.replace("$", r"\$")

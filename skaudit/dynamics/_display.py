"""`DataMapDisplay`: the data map as a picture."""

from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import NotFittedError

from ..utils._plotting import (
    axes_or_new,
    haloed,
    place_of,
    plain_text,
    row_positions,
    styled,
    subsample,
)

_KINDS = ("scatter", "density", "trajectories")
_STATISTICS = ["variability", "confidence", "correctness"]
_UNDRAWN = dict.fromkeys(
    "ax_ axes_ figure_ scatter_ hexbin_ colorbar_ highlight_ texts_ legend_ note_ bars_ lines_ "
    "bands_ threshold_".split()
)

# Correctness in six steps, the same in every picture whatever the number of snapshots. A step
# holds its lower edge; never (0) and always (1) are steps of their own. Colours of Paul Tol's
# "sunset", safe for the colour-blind, and a marker for those who print in grey.
_STEP_EDGES = (0.0, 1e-9, 0.25, 0.5, 0.75, 1 - 1e-9, 1.0)
_STEP_LABELS = ("0", "0–.25", ".25–.5", ".5–.75", ".75–1", "1")
_STEP_COLORS = ("#A50026", "#F67E4B", "#FDB366", "#98CAE1", "#4A7BB7", "#364B9A")
_STEP_MARKERS = ("X", "v", "s", "D", "^", "o")

# Region -> its colour; x, y and the alignment of its text in shares of the axes, about as in figure
# 1 of the paper.
_REGIONS = {
    "easy-to-learn": ("#364B9A", (0.1, 0.87, "left")),
    "ambiguous": ("#767676", (0.99, 0.46, "right")),
    "hard-to-learn": ("#A50026", (0.1, 0.13, "left")),
}
# Okabe and Ito's colours without the yellow that nobody sees on white; grey shows on black too.
_ROW_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#767676", "#56B4E9", "#E69F00")


class DataMapDisplay:
    """Picture of a data map: how every example behaved while the model learned.

    Made by :meth:`from_estimator` or :meth:`from_frame`, which draw and return it; the parameters
    are kept as attributes. `kind="scatter"` is figure 1 of Swayamdipta et al. [1]_, "density" the
    same for very many rows, "trajectories" shows p(true label) of single rows over the epochs.

    Parameters
    ----------
    data_map : pandas.DataFrame of shape (n, n_columns)
        One row an example, with the columns `variability`, `confidence` and `correctness`;
        trajectories use `region` and `label` where there. Any index. NaN rows are not drawn, and
        the picture says so.
    history : array-like of shape (n_snapshots, n), default=None
        p(true label) of every row after every epoch; needed for trajectories only. Multilabel:
        (n_snapshots, n_examples, n_labels) for a map of n_examples * n_labels rows.
    estimator_name : str, default=None
        Name of the model, for the title.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes given or made; of several, the first.
    axes_ : list of matplotlib.axes.Axes
        All axes drawn on: with marginals also those of confidence, variability and correctness,
        for trajectories one a panel.
    figure_ : matplotlib.figure.Figure
        Figure of `ax_`.
    scatter_ : matplotlib.collections.PathCollection or None
        The points; their array is the correctness.
    hexbin_ : matplotlib.collections.PolyCollection or None
        The cells of `kind="density"`; their array is the number of rows.
    colorbar_ : matplotlib.colorbar.Colorbar or None
        The scale of the cells.
    highlight_ : matplotlib.collections.PathCollection or None
        The rings around highlighted rows.
    texts_ : list of matplotlib.text.Text or None
        Names of the regions.
    legend_ : matplotlib.legend.Legend or None
        The legend of correctness.
    note_ : matplotlib.text.Text or None
        What is not drawn, in words; None where every row is.
    bars_ : list of matplotlib.container.BarContainer or None
        The marginal histograms.
    lines_ : list of matplotlib.lines.Line2D or None
        The trajectories of rows, panel by panel.
    bands_ : list of matplotlib.collections.PolyCollection or None
        For each region that has rows, the range of 80 % of them.
    threshold_ : list of matplotlib.lines.Line2D or None
        The lines at one half, for labels of two classes: there a snapshot is correct above it.

    See Also
    --------
    DataMapClassifier : Records the data map of a classifier.
    DataMapRecorder : Records it in a training loop of your own.

    References
    ----------
    .. [1] Swayamdipta et al., "Dataset Cartography: Mapping and Diagnosing Datasets with Training
       Dynamics", EMNLP 2020.

    Examples
    --------
    >>> import pandas as pd
    >>> from skaudit import DataMapDisplay
    >>> data_map = pd.DataFrame({
    ...     "confidence": [0.9, 0.5, 0.1],
    ...     "variability": [0.05, 0.4, 0.1],
    ...     "correctness": [1.0, 0.5, 0.0],
    ... }, index=["cat", "lynx", "dog"])
    >>> display = DataMapDisplay.from_frame(data_map, highlight=["dog"], highlight_name="suspect")
    >>> display.frame()
          confidence  variability  correctness  highlighted
    cat          0.9         0.05          1.0        False
    lynx         0.5         0.40          0.5        False
    dog          0.1         0.10          0.0         True
    >>> display.scatter_.get_offsets().tolist()  # variability to the right, confidence upwards
    [[0.05, 0.9], [0.4, 0.5], [0.1, 0.1]]
    >>> import matplotlib.pyplot as plt
    >>> plt.close(display.figure_)
    """

    def __init__(self, data_map, *, history=None, estimator_name=None):
        self.data_map = data_map
        self.history = history
        self.estimator_name = estimator_name

    @classmethod
    def from_estimator(
        cls, estimator, *, kind="scatter", ax=None, estimator_name=None, **plot_params
    ):
        """Draw the map of whatever recorded one.

        Parameters
        ----------
        estimator : DataMapClassifier, DataMapCallback or DataMapRecorder
            Fitted, or updated. A Pipeline or a search that ends in a DataMapClassifier will do.
        kind : {"scatter", "density", "trajectories"}, default="scatter"
            What to draw, see :meth:`plot`.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; a new figure for None.
        estimator_name : str, default=None
            For the title; None takes the class of the learner inside.
        **plot_params : dict
            Other parameters of :meth:`plot`.

        Returns
        -------
        DataMapDisplay
            The display, drawn.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Where nothing has been recorded yet.
        TypeError
            Where `estimator` records no data map.
        """
        data_map, history, learner = _read_map(estimator)
        name = learner if estimator_name is None else estimator_name
        display = cls(data_map, history=history, estimator_name=name)
        return display.plot(kind, ax, **plot_params)

    @classmethod
    def from_frame(
        cls, frame, *, history=None, kind="scatter", ax=None, estimator_name=None, **plot_params
    ):
        """Draw a data map that is a DataFrame.

        Parameters
        ----------
        frame : pandas.DataFrame of shape (n, n_columns)
            The data map, see the class.
        history : array-like of shape (n_snapshots, n), default=None
            p(true label) of every row after every epoch; needed for trajectories only.
        kind : {"scatter", "density", "trajectories"}, default="scatter"
            What to draw, see :meth:`plot`.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; a new figure for None.
        estimator_name : str, default=None
            Name of the model, for the title.
        **plot_params : dict
            Other parameters of :meth:`plot`.

        Returns
        -------
        DataMapDisplay
            The display, drawn.
        """
        display = cls(frame, history=history, estimator_name=estimator_name)
        return display.plot(kind, ax, **plot_params)

    def plot(
        self,
        kind="scatter",
        ax=None,
        *,
        highlight=None,
        highlight_name="highlighted",
        marginals=False,
        max_points=20_000,
        random_state=0,
        rows=None,
        by="region",
        n_rows=3,
        legend=True,
        scatter_kwargs=None,
        density_kwargs=None,
        highlight_kwargs=None,
        bar_kwargs=None,
        text_kwargs=None,
        line_kwargs=None,
        band_kwargs=None,
    ):
        """Draw the map.

        Parameters
        ----------
        kind : {"scatter", "density", "trajectories"}, default="scatter"
            "scatter": a point a row, variability to the right, confidence upwards, colour and
            marker by correctness in six steps. "density": rows counted in hexagons, logarithmic
            colours. "trajectories": p(true label) over the epochs.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; a new figure for None. Marginals and panels divide its place.
        highlight : array-like, default=None
            Rows to ring: positions, a boolean mask, or labels of the index. A pandas Index means
            labels, a boolean Series is aligned. Not for trajectories.
        highlight_name : str, default="highlighted"
            What the highlighted rows are, for the legend.
        marginals : bool, default=False
            Whether to add histograms of confidence, variability and correctness at the right, of
            all measured rows. Not for trajectories.
        max_points : int, default=20000
            A scatter of more rows shows so many of them, drawn at random without replacement,
            and all highlighted ones; the picture says how many. None shows all.
        random_state : int, RandomState instance or None, default=0
            Chooses the rows of a subsample. An int, so that a picture can be drawn again.
        rows : array-like, default=None
            Rows whose trajectories to draw, given as for `highlight`. None draws a panel each
            for three kinds of rows, see `by`.
        by : {"region", "course"}, default="region"
            Panels of trajectories. "region": the rows nearest to the middle of each region, over
            the range of 80 % of its rows. "course": the rows that were learned late, were
            forgotten, or flip back and forth, the clearest of each kind.
        n_rows : int, default=3
            Trajectories a panel.
        legend : bool, default=True
            Whether to draw legends.
        scatter_kwargs : dict, default=None
            For `Axes.scatter` of the points.
        density_kwargs : dict, default=None
            For `Axes.hexbin`.
        highlight_kwargs : dict, default=None
            For `Axes.scatter` of the rings.
        bar_kwargs : dict, default=None
            For the bars of the marginal histograms.
        text_kwargs : dict, default=None
            For the names of the regions.
        line_kwargs : dict, default=None
            For `Axes.plot` of the trajectories.
        band_kwargs : dict, default=None
            For `Axes.fill_between` of the ranges of the regions.

        Returns
        -------
        DataMapDisplay
            The display itself.

        Raises
        ------
        ValueError
            Where `kind` or `by` is unknown, columns are missing, no row was measured, rows are
            asked for that the map lacks, or trajectories without a history.
        """
        _check_choice("kind", kind, _KINDS)
        _check_choice("by", by, ("region", "course"))
        if max_points is not None and max_points < 1:
            raise ValueError(f"max_points must be at least 1, or None for all. Got {max_points}.")
        vars(self).update(_UNDRAWN)
        if kind == "trajectories":
            history = _checked_history(self.history, len(self.data_map))
            panels = _panels(self.data_map, history, rows, by, n_rows)
            self._draw_panels(ax, panels, history, line_kwargs, band_kwargs, legend)
            return self

        data_map = _with_columns(self.data_map, _STATISTICS)
        measured = np.flatnonzero(data_map[_STATISTICS].notna().all(axis=1))
        if len(measured) == 0:
            raise ValueError("data_map has no row with confidence, variability and correctness.")
        ringed = np.intersect1d(row_positions(data_map.index, highlight, "highlight"), measured)
        drawn = measured
        if kind == "scatter":
            drawn = measured[subsample(len(measured), max_points, random_state)]
            drawn = np.union1d(drawn, ringed)
        shown = data_map.iloc[drawn]

        self._start(ax, marginals)
        if kind == "scatter":
            handles = self._draw_points(shown, scatter_kwargs)
            if highlight is not None:
                self._frame = shown.assign(highlighted=np.isin(drawn, ringed))
        else:
            handles = self._draw_cells(shown, density_kwargs)
        if highlight is not None:
            self._draw_rings(data_map.iloc[ringed], highlight_name, highlight_kwargs)
        self._dress(shown, text_kwargs)
        self._say_what_is_missing(len(drawn), len(data_map), len(data_map) - len(measured))
        if legend:
            self._draw_legend(handles)
        if marginals:
            self._draw_marginals(data_map.iloc[measured], bar_kwargs)
        return self

    def frame(self):
        """The numbers drawn.

        Returns
        -------
        pandas.DataFrame
            Scatter: the rows of the map that are points, and `highlighted` where asked for.
            Density: `variability, confidence` (centre of a cell), `n_rows`. Trajectories:
            `panel, row` (label of the index), `position, epoch` (from 0), `p`.

        Raises
        ------
        ValueError
            Where nothing has been drawn.
        """
        if not hasattr(self, "_frame"):
            raise ValueError("Nothing is drawn yet; call plot() first.")
        return self._frame.copy()

    def _start(self, ax, marginals):
        """Axes of a map: one, or one and three smaller ones at its right."""
        self.ax_ = axes_or_new(ax, figsize=(8.4, 4.8) if marginals else None)
        self.figure_ = self.ax_.figure
        self.axes_ = [self.ax_]
        if marginals:
            grid = place_of(self.ax_, 3, 2, spacing=(0.8, 0.3), width_ratios=(3, 1))
            self.ax_.set_subplotspec(grid[:, 0])
            self.axes_ += [self.figure_.add_subplot(grid[i, 1]) for i in range(3)]

    def _draw_points(self, rows, kwargs):
        """The points; returns the legend's handles, none where the caller has other colours."""
        from matplotlib.collections import PathCollection

        correctness = rows["correctness"].to_numpy(dtype=float)
        defaults = {"c": correctness, "s": float(np.clip(700 / np.sqrt(len(rows)), 8, 36))}
        defaults |= {"alpha": 0.85, "edgecolor": "white", **_step_scale()}
        # White edges part a few points and pale many.
        defaults["linewidth"] = 0.25 if len(rows) < 3000 else 0
        # A vector drawing of very many points is slow to open.
        defaults["rasterized"] = len(rows) > 5000
        style = styled(PathCollection, defaults, kwargs)
        if own_colors := "color" in style or style["c"] is not correctness:
            style = {key: style[key] for key in style if key not in ("c", "cmap", "norm")}
            style |= {key: kwargs[key] for key in ("c", "cmap", "norm") if key in kwargs}
        self.scatter_ = self.ax_.scatter(rows["variability"], rows["confidence"], **style)
        self._frame = rows
        steps = _step_of(correctness)
        if "marker" not in style:
            paths = _step_paths()
            self.scatter_.set_paths([paths[step] for step in steps])
        return [] if own_colors else _step_handles(np.unique(steps), style.get("marker"))

    def _draw_cells(self, rows, kwargs):
        """Rows counted in hexagons, with the scale of the counts; nothing for the legend."""
        import pandas as pd
        from matplotlib.collections import PolyCollection

        x, y = rows["variability"], rows["confidence"]
        defaults = {"gridsize": 40, "bins": "log", "mincnt": 1, "cmap": _count_colors()}
        defaults |= {"extent": (0, max(x.max(), 0.01), 0, 1), "linewidth": 0.1}
        self.hexbin_ = self.ax_.hexbin(x, y, **styled(PolyCollection, defaults, kwargs))
        self.colorbar_ = self.figure_.colorbar(self.hexbin_, ax=self.ax_, label="rows in a cell")
        centres = np.asarray(self.hexbin_.get_offsets())
        counts = np.asarray(self.hexbin_.get_array())
        self._frame = pd.DataFrame(centres, columns=_STATISTICS[:2]).assign(n_rows=counts)
        return []

    def _draw_rings(self, rows, name, kwargs):
        """Rings around the rows that the caller highlights."""
        from matplotlib.collections import PathCollection

        ink = self.ax_.xaxis.label.get_color()
        defaults = {"s": 70, "facecolor": "none", "edgecolor": ink, "linewidth": 1.0}
        # The count first: matplotlib hides a legend entry that starts with an underscore.
        defaults["label"] = f"{len(rows):,} {plain_text(name, 24)}"
        style = styled(PathCollection, defaults, kwargs)
        self.highlight_ = self.ax_.scatter(rows["variability"], rows["confidence"], **style)

    def _dress(self, rows, text_kwargs):
        """Limits, labels and the names of the regions."""
        # A margin at the right, where legend, note and "ambiguous" cover no point.
        # Its width in inches: "ambiguous", or the legend's longest entry.
        label = "" if self.highlight_ is None else self.highlight_.get_label()
        margin = max(1.15, 0.55 + 0.08 * len(label)) / self.ax_.bbox.width * self.figure_.dpi
        right = max(rows["variability"].max(), 0.01) / (1 - min(margin, 0.45))
        self.ax_.set(xlim=(-0.03 * right, right), ylim=(-0.04, 1.04))
        self.ax_.set(xlabel="variability", ylabel="confidence")
        self.ax_.spines[["top", "right"]].set_visible(False)
        if self.estimator_name is not None:
            self.ax_.set_title(f"Data map of {plain_text(self.estimator_name, 40)}")
        # Words over many points hide nothing that matters; of few points each one counts.
        given = {"zorder": 0.9 if len(rows) < 300 else 3, **(text_kwargs or {})}
        self.texts_ = [
            haloed(self.ax_, x, y, region, {"color": color, "ha": ha, **given})
            for region, (color, (x, y, ha)) in _REGIONS.items()
        ]

    def _say_what_is_missing(self, n_drawn, n_rows, n_unmeasured):
        """A note in the corner where not every row of the map is drawn."""
        if n_drawn == n_rows:
            return
        note = f"{n_drawn:,} of {n_rows:,} rows drawn"
        if n_unmeasured:
            note += f"\n{n_unmeasured:,} never measured"
        style = {"ha": "right", "va": "bottom", "color": "#767676", "fontsize": "small"}
        self.note_ = self.ax_.text(0.99, 0.02, note, transform=self.ax_.transAxes, **style)

    def _draw_legend(self, handles):
        title = "correctness" if handles else None
        handles = handles + ([] if self.highlight_ is None else [self.highlight_])
        if handles:
            self.legend_ = self.ax_.legend(
                handles=handles,
                title=title,
                loc="upper right",
                fontsize="small",
                title_fontsize="small",
                borderaxespad=0.2,
                handletextpad=0.3,
                labelspacing=0.35,
            )

    def _draw_marginals(self, rows, kwargs):
        """Histograms of the three statistics."""
        from matplotlib.patches import Rectangle
        from matplotlib.ticker import EngFormatter, MaxNLocator

        confidence, variability, correctness = self.axes_[1:]
        style = styled(Rectangle, {"color": "#888888"}, kwargs)
        self.bars_ = []
        for side, name in ((confidence, "confidence"), (variability, "variability")):
            upper = 1.0 if name == "confidence" else max(rows[name].max(), 0.01)
            counts, edges = np.histogram(rows[name].to_numpy(float), bins=20, range=(0, upper))
            width = 0.92 * edges[1]
            self.bars_.append(side.bar(edges[:-1], counts, width, align="edge", **style))
            side.yaxis.set_major_locator(MaxNLocator(2, integer=True))
            side.yaxis.set_major_formatter(EngFormatter(sep=""))
        counts = np.bincount(_step_of(rows["correctness"].to_numpy(float)), minlength=6)
        style = styled(Rectangle, {"color": _STEP_COLORS}, kwargs)
        self.bars_.append(correctness.barh(_STEP_LABELS, counts, **style))
        correctness.xaxis.set_major_locator(MaxNLocator(2, integer=True))
        correctness.xaxis.set_major_formatter(EngFormatter(sep=""))
        for side, name in zip(
            self.axes_[1:], ("confidence", "variability", "correctness"), strict=True
        ):
            side.set_title(name, fontsize="small")
            side.tick_params(labelsize="x-small")
            side.spines[["top", "right"]].set_visible(False)

    def _draw_panels(self, ax, panels, history, line_kwargs, band_kwargs, legend):
        """Trajectories, a panel for each kind of rows."""
        import pandas as pd

        self.ax_ = axes_or_new(ax, figsize=(9.6, 3.6) if len(panels) > 1 else None)
        self.figure_ = self.ax_.figure
        self.axes_ = _side_by_side(self.ax_, len(panels))
        self.lines_, self.bands_, self.threshold_ = [], [], []
        for axes, panel in zip(self.axes_, panels, strict=True):
            if len(panel.members):
                self.bands_.append(_draw_band(axes, history[:, panel.members], panel, band_kwargs))
            self.lines_ += _draw_lines(axes, history, panel, self.data_map.index, line_kwargs)
            if _is_binary(self.data_map):
                # Of two classes the label is predicted where p > 1/2; of more, also below.
                half = axes.axhline(0.5, color="#888888", linestyle="--", linewidth=0.8, zorder=1)
                self.threshold_.append(half)
            if legend and 0 < len(panel.rows) <= 10:
                axes.legend(loc="best", fontsize="small", handlelength=1.8, framealpha=0.7)
        label = "p(true label)"
        if self.estimator_name is not None:
            label += f", {plain_text(self.estimator_name, 30)}"
        self.ax_.set_ylabel(label)
        self._frame = pd.concat(
            [_long_form(panel, history, self.data_map.index) for panel in panels],
            ignore_index=True,
        )


@dataclass(frozen=True)
class _Panel:
    """Rows (positions) to draw one by one, and those whose range lies behind them."""

    name: str
    title: str
    rows: np.ndarray
    members: np.ndarray
    colors: tuple


def _panels(data_map, history, rows, by, n_rows):
    """The panels of trajectories: of the rows given, or three of typical rows."""
    none = np.empty(0, dtype=np.intp)
    if rows is not None:
        rows = row_positions(data_map.index, rows, "rows")
        return [_Panel("rows", "", rows, none, _ROW_COLORS)]
    if by == "course":
        courses = _courses(history, n_rows)
        return [_Panel(name, name, chosen, none, _ROW_COLORS) for name, chosen in courses.items()]
    regions = _regions_of(data_map)
    panels = []
    for name, (color, _) in _REGIONS.items():
        members = np.flatnonzero(regions == name)
        chosen = members[_most_typical(data_map.iloc[members], n_rows)]
        title = f"{name}\n{len(members):,} rows"
        panels.append(_Panel(name, title, chosen, members, (color,)))
    return panels


def _regions_of(data_map):
    """Region of each row: the column, or the default rule where there is none."""
    if "region" in data_map:
        return data_map["region"].to_numpy()
    from ._regions import assign_regions

    return np.asarray(assign_regions(_with_columns(data_map, _STATISTICS)))


def _most_typical(rows, n_rows):
    """Positions of the rows nearest to the medians of variability and confidence."""
    points = _with_columns(rows, _STATISTICS[:2])[_STATISTICS[:2]].astype(float)
    distance = ((points - points.median()) ** 2).sum(axis=1).to_numpy()
    return np.argsort(distance, kind="stable")[:n_rows]


def _courses(history, n_rows):
    """Rows learned late, forgotten, and flipping: the clearest, by p in (n_snapshots, n)."""
    third = max(1, len(history) // 3)
    gain = history[-third:].mean(axis=0) - history[:third].mean(axis=0)
    # The way p goes beyond what its ends need: 0 for a monotone course.
    detour = np.abs(np.diff(history, axis=0)).sum(axis=0) - np.abs(history[-1] - history[0])
    scores = {"learned late": gain, "forgotten": -gain, "back and forth": detour}
    chosen = {}
    for name, score in scores.items():
        score = np.nan_to_num(score, nan=-1.0)
        order = np.argsort(-score, kind="stable")[:n_rows]
        chosen[name] = order[score[order] > 0]
    return chosen


def _long_form(panel, history, index):
    """A panel's lines as columns `panel, row, position, epoch, p`."""
    import pandas as pd

    n_epochs = len(history)
    position = np.repeat(panel.rows, n_epochs)
    columns = {
        "panel": panel.name,
        "row": index[position].to_flat_index(),
        "position": position,
        "epoch": np.tile(np.arange(n_epochs), len(panel.rows)),
        "p": history[:, panel.rows].T.ravel(),
    }
    return pd.DataFrame(columns)


def _side_by_side(ax, n_panels):
    """The axes, or that many in its place with one scale for p, named `ax` first."""
    if n_panels == 1:
        return [ax]
    grid = place_of(ax, 1, n_panels, spacing=(0.0, 0.08))
    ax.set_subplotspec(grid[0])
    others = [ax.figure.add_subplot(grid[i], sharey=ax) for i in range(1, n_panels)]
    for other in others:
        other.tick_params(labelleft=False)
    return [ax, *others]


def _draw_lines(ax, history, panel, index, kwargs):
    """A line a row, and the look of the axes."""
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator

    lines = []
    for i, row in enumerate(panel.rows):
        look = {"color": panel.colors[i % len(panel.colors)], "linewidth": 1.5, "markersize": 4.5}
        look |= {"marker": "osD^vX"[i % 6], "linestyle": ("-", "--", ":", "-.")[i % 4]}
        look["label"] = f"row {plain_text(index[row], 24)}"
        lines += ax.plot(history[:, row], **styled(Line2D, look, kwargs))
    ax.set(xlabel="epoch", ylim=(-0.04, 1.04))
    ax.set_title(panel.title, fontsize="medium")
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.spines[["top", "right"]].set_visible(False)
    return lines


def _draw_band(ax, history, panel, kwargs):
    """Where p of 80 % of the rows lies, epoch by epoch."""
    import pandas as pd
    from matplotlib.collections import PolyCollection

    # pandas skips NaN, without a warning for an epoch of nothing else.
    low, high = pd.DataFrame(history).quantile([0.1, 0.9], axis=1).to_numpy()
    look = {"facecolor": panel.colors[0], "alpha": 0.15, "linewidth": 0}
    style = styled(PolyCollection, look, kwargs)
    return ax.fill_between(np.arange(len(history)), low, high, **style)


def _count_colors():
    """From a light colour that still shows on white to a dark one: more ink for more rows."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    return ListedColormap(colormaps["YlGnBu"](np.linspace(0.25, 1, 256)))


def _step_of(correctness):
    """Number 0..5 of the step of each value."""
    return np.digitize(correctness, _STEP_EDGES[1:-1])


def _step_scale():
    """Colour map and norm that give each step of correctness its colour."""
    from matplotlib.colors import BoundaryNorm, ListedColormap

    return {
        "cmap": ListedColormap(_STEP_COLORS),
        "norm": BoundaryNorm(_STEP_EDGES, len(_STEP_COLORS), clip=True),
    }


def _step_paths():
    """Outline of each step's marker, for a collection, where markers are one path a point."""
    from matplotlib.markers import MarkerStyle

    markers = [MarkerStyle(marker) for marker in _STEP_MARKERS]
    return [marker.get_path().transformed(marker.get_transform()) for marker in markers]


def _step_handles(steps, marker=None):
    """Legend entries of the steps, all with the caller's marker where there is one."""
    from matplotlib.lines import Line2D

    return [
        Line2D(
            [],
            [],
            linestyle="",
            marker=_STEP_MARKERS[step] if marker is None else marker,
            color=_STEP_COLORS[step],
            label=_STEP_LABELS[step],
        )
        for step in reversed(steps)
    ]


def _read_map(source):
    """Data map, history (or None) and name of the learner, from whatever recorded them."""
    source = _last_step(getattr(source, "best_estimator_", source))
    recorder = getattr(source, "recorder_", source)
    history = getattr(recorder, "history_", None)
    if hasattr(source, "to_frame"):
        return source.to_frame(), history, None
    if not hasattr(source, "data_map_"):
        unfitted = hasattr(type(source), "data_map_")
        raise (NotFittedError if unfitted else TypeError)(
            "estimator must have recorded a data map: a fitted DataMapClassifier (alone, or at the "
            "end of a Pipeline or search), a DataMapCallback after a fit, or a DataMapRecorder. "
            f"Got {'an unfitted' if unfitted else 'a'} {type(source).__name__}; fit it first, or "
            "use DataMapDisplay.from_frame for a DataFrame."
        )
    learner = getattr(source, "estimator_", None)
    name = None if learner is None else type(_last_step(learner)).__name__
    return source.data_map_, history, name


def _last_step(estimator):
    """The last step of a Pipeline; anything else itself."""
    return estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator


def _checked_history(history, n_rows):
    """The history as (n_snapshots, n_rows)."""
    if history is None:
        raise ValueError(
            "Trajectories need p(true label) of every epoch, which was not kept. Make the "
            "DataMapClassifier or DataMapRecorder with keep_history=True and fit again, or pass "
            "history=... of shape (n_snapshots, n)."
        )
    history = np.asarray(history, dtype=float)
    flat = history.reshape(len(history), -1)
    if flat.shape[1] != n_rows:
        raise ValueError(
            f"history must have shape (n_snapshots, {n_rows}), a column a row of data_map. "
            f"Got {history.shape}."
        )
    return flat


def _check_choice(name, value, allowed):
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}. Got {value!r}.")


def _with_columns(frame, columns):
    """The frame, if it is one and has the columns."""
    if not hasattr(frame, "iloc"):
        raise TypeError(f"data_map must be a pandas DataFrame. Got {type(frame).__name__}.")
    missing = [name for name in columns if name not in frame]
    if missing:
        raise ValueError(
            f"data_map lacks the column(s) {', '.join(missing)}. A data map comes from "
            "DataMapClassifier.data_map_ or DataMapRecorder.to_frame()."
        )
    return frame


def _is_binary(data_map):
    """Whether the labels are of two classes, as those of a multilabel map are."""
    return "label" in data_map and data_map["label"].nunique() <= 2

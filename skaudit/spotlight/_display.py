"""`SpotlightDisplay`: where the loss is high, as a picture."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..utils._plotting import axes_or_new, place_of, plain_text, styled, subsample
from ..utils._sklearn_compat import num_samples
from ..utils._validation import check_same_rows
from ._describe import describe_spotlights
from ._input import as_matrix, beside, check_losses
from ._metric import Metric
from ._projection import circle_radii, separating_plane

_KINDS = ("projection", "size", "contrast")
_UNDRAWN = dict.fromkeys(
    "ax_ axes_ figure_ scatter_ circles_ legend_ note_ lines_ marks_ baseline_ bars_ bands_ "
    "texts_".split()
)
# Paul Tol's "vibrant", safe for the colour-blind, on a grey that stays behind.
_COLORS = ("#CC3311", "#0077BB", "#009988", "#EE7733", "#AA3377", "#33BBEE")
_GREY = "#BBBBBB"
_INK = "#555555"
_TOUCH = 0.5  # of a spotlight's colour at most in rows that are no members
_AREA = (4.0, 20.0)  # of a point of mean loss, for many and for few rows
_MAX_STEPS = 400  # points of a size curve
_ROUND = 3.0  # of axes more unequal than that, one scale for both would leave a stripe
_LONGEST = 34  # letters of a bar's name
_NOTHING = "No spotlight was found (of those tested, p <= alpha count): "
_AT_RADIUS = 1 + 1e-12  # the last member lies at the radius, up to rounding


class SpotlightDisplay:
    """Picture of spotlights: where they lie, how large they are, what tells them apart.

    Made by :meth:`from_estimator`, which draws and returns it; the parameters are kept as
    attributes. n rows, k spotlights; those not found have memberships 0 and are not drawn.

    Parameters
    ----------
    memberships : ndarray of shape (n, k)
        Memberships in [0, 1], as `SpotlightFinder.transform` returns them.
    distances : ndarray of shape (n, k)
        Distances to the centers (not squared).
    radii : ndarray of shape (k,)
        Distances within which rows are members.
    points : ndarray of shape (n, 2), default=None
        The rows in a plane; needed for the projection only.
    centers : ndarray of shape (k, 2), default=None
        The centers in the plane; needed for the projection only.
    losses : ndarray of shape (n,), default=None
        Losses; needed for the size curve only.
    contrasts : pandas.DataFrame, default=None
        What `describe_spotlights` returns; needed for the contrast bars only.
    index : pandas.Index of length n, default=None
        Labels of the rows.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes given or made; of several, the first.
    axes_ : list of matplotlib.axes.Axes
        All axes drawn on; contrast bars have one for each spotlight.
    figure_ : matplotlib.figure.Figure
        Figure of `ax_`.
    scatter_ : matplotlib.collections.PathCollection or None
        The points of the projection.
    circles_ : list of matplotlib.patches.Circle or None
        The hints at the balls, one a spotlight drawn.
    lines_ : list of matplotlib.lines.Line2D or None
        The size curves.
    marks_ : list of matplotlib.lines.Line2D or None
        The points at the chosen sizes.
    baseline_ : matplotlib.lines.Line2D or None
        The mean loss of all rows.
    bars_ : list of matplotlib.container.BarContainer or None
        The contrasts.
    texts_ : list of matplotlib.text.Text or None
        Inside and outside of each bar.
    bands_ : list of matplotlib.patches.Rectangle or None
        Behind the bars, two standard errors of a contrast to either side.
    legend_ : matplotlib.legend.Legend or None
        The legend of the projection or of the size curves.
    note_ : matplotlib.text.Text or None
        What is not drawn, in words; None where all is.

    See Also
    --------
    SpotlightFinder : Finds the spotlights.
    skaudit.spotlight.describe_spotlights : The contrasts as a table.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudit import SpotlightDisplay, SpotlightFinder
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(1000, 4))
    >>> loss = rng.exponential(size=1000) * np.where(X[:, 0] > 1.5, 5, 1)
    >>> finder = SpotlightFinder(n_spotlights=1, random_state=0).fit(X, loss)
    >>> display = SpotlightDisplay.from_estimator(finder, X, loss, kind="size")
    >>> chosen = display.frame().query("chosen")
    >>> bool(chosen["n_rows"].iloc[0] == finder.spotlights_["n_members"][0])
    True
    >>> import matplotlib.pyplot as plt
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        memberships,
        distances,
        radii,
        *,
        points=None,
        centers=None,
        losses=None,
        contrasts=None,
        index=None,
    ):
        self.memberships = memberships
        self.distances = distances
        self.radii = radii
        self.points = points
        self.centers = centers
        self.losses = losses
        self.contrasts = contrasts
        self.index = index

    @classmethod
    def from_estimator(
        cls, finder, X, y=None, *, kind="projection", data=None, ax=None, top=6, **plot_params
    ):
        """Draw the spotlights of a fitted finder on any rows.

        Parameters
        ----------
        finder : SpotlightFinder
            Fitted; alone, or at the end of a Pipeline or search.
        X : array-like of shape (n, n_features)
            The embedding as the finder takes it, of the rows fitted or others.
        y : array-like of shape (n,), default=None
            Their losses: the size of the points of the projection; needed for the size curve. All
            rows count the same, whatever weights the finder was fitted with.
        kind : {"projection", "size", "contrast"}, default="projection"
            What to draw, see :meth:`plot`.
        data : DataFrame, array-like or sequence of n texts, default=None
            What the contrasts of members with other rows are of, see `describe_spotlights`; None
            stands for X.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; a new figure for None.
        top : int, default=6
            Contrast bars of a spotlight.
        **plot_params : dict
            Other parameters of :meth:`plot`.

        Returns
        -------
        SpotlightDisplay
            The display, drawn.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Where the finder is not fitted.
        TypeError
            Where it is no SpotlightFinder.
        ValueError
            Where rows do not match.
        """
        _check_choice("kind", kind, _KINDS)
        check_same_rows(X, y=y, data=data)
        index = X.index if hasattr(X, "iloc") else None
        data = X if data is None and kind == "contrast" else data
        finder, X = _last_step(finder, X)
        losses = None if y is None else check_losses(beside(X, y), num_samples(X), finder.loss_clip)
        read = _read(finder, X)
        contrasts = None
        if data is not None:
            # In many dimensions memberships above 0 reach far beyond the members.
            member = _is_member(read["distances"], read["radii"])
            contrasts = describe_spotlights(member, data, top=top, n_examples=0)
        display = cls(**read, losses=losses, contrasts=contrasts, index=index)
        return display.plot(kind, ax, top=top, **plot_params)

    def plot(
        self,
        kind="projection",
        ax=None,
        *,
        max_points=20_000,
        random_state=0,
        top=6,
        legend=True,
        scatter_kwargs=None,
        circle_kwargs=None,
        line_kwargs=None,
        bar_kwargs=None,
        text_kwargs=None,
    ):
        """Draw the spotlights.

        Parameters
        ----------
        kind : {"projection", "size", "contrast"}, default="projection"
            "projection": the rows in the plane in which the spotlights lie apart (Fisher's
            directions, orthonormal, so that distances are those of the metric, shortened). Each
            spotlight has a colour, full for its members and for others a touch that grows with the
            membership; the area of a point grows with its loss. The circle (an ellipse where the
            axes have different scales) is where a row lies that is as far off the plane as the
            median member and on the edge of the spotlight. "size": the lift,
            mean loss of the m rows nearest to a center over that of all rows, against m, the
            chosen size marked. "contrast": what tells the members of each spotlight apart, in
            standard deviations, with the means or shares inside and outside; grey is what chance
            gives, two standard errors.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; a new figure for None. Contrast bars divide its place.
        max_points : int, default=20000
            A projection of more rows shows all members and so many of the others, drawn at
            random without replacement; the picture says how many. None shows all.
        random_state : int, RandomState instance or None, default=0
            Chooses the rows of a subsample. An int, so that a picture can be drawn again.
        top : int, default=6
            Contrast bars of a spotlight.
        legend : bool, default=True
            Whether to draw the legend of the projection or of the size curves.
        scatter_kwargs : dict, default=None
            For `Axes.scatter` of the points.
        circle_kwargs : dict, default=None
            For the circles.
        line_kwargs : dict, default=None
            For `Axes.plot` of the size curves.
        bar_kwargs : dict, default=None
            For the contrast bars.
        text_kwargs : dict, default=None
            For the numbers at the contrast bars.

        Returns
        -------
        SpotlightDisplay
            The display itself.

        Raises
        ------
        ValueError
            Where `kind` is unknown or what it needs is not there.
        """
        _check_choice("kind", kind, _KINDS)
        if max_points is not None and max_points < 1:
            raise ValueError(f"max_points must be at least 1, or None for all. Got {max_points}.")
        if top < 1:
            raise ValueError(f"top must be at least 1. Got {top}.")
        found = np.flatnonzero(np.any(self.memberships > 0, axis=0))
        if kind == "projection":
            rows = self._choose_rows(max_points, random_state)
            self._start(ax)
            self._draw_points(rows, scatter_kwargs)
            self._draw_circles(found, circle_kwargs)
            self._dress_projection(rows, found, legend)
        elif kind == "size":
            curves = self._size_curves(found)
            self._start(ax)
            self._draw_curves(curves, found, line_kwargs, legend)
        else:
            bars = self._chosen_contrasts(top)
            self._start(ax, bars)
            self._draw_bars(bars, bar_kwargs, text_kwargs)
        return self

    def frame(self):
        """The numbers drawn.

        Returns
        -------
        pandas.DataFrame
            Projection: a row a point, `x, y, spotlight` (of which it is a member, -1 for none),
            `membership` (the largest) and `loss` where known. Size: `spotlight, n_rows, distance,
            mean_loss, lift, chosen`. Contrast: the rows of `describe_spotlights` that are bars.

        Raises
        ------
        ValueError
            Where nothing has been drawn.
        """
        if not hasattr(self, "_frame"):
            raise ValueError("Nothing is drawn yet; call plot() first.")
        return self._frame.copy()

    def _members(self):
        """Number of the spotlight that each row is a member of, -1 for none."""
        member = _is_member(self.distances, self.radii)
        chosen = np.where(member, self.memberships, -1.0).argmax(axis=1)
        return np.where(member.any(axis=1), chosen, -1)

    def _start(self, ax, bars=None):
        """Fresh axes, one for each spotlight where there are bars."""
        vars(self).update(_UNDRAWN)
        heights = [1] if bars is None else bars.groupby("spotlight").size()
        height = 4.8 if bars is None else 0.6 + 0.4 * sum(heights) + 0.4 * len(heights)
        self.ax_ = axes_or_new(ax, figsize=(7.6, height))
        self.figure_ = self.ax_.figure
        self.axes_ = [self.ax_]
        if len(heights) > 1:
            ratios = [height + 0.4 for height in heights]
            grid = place_of(self.ax_, len(heights), 1, spacing=(0.5, 0.0), height_ratios=ratios)
            self.ax_.set_subplotspec(grid[0])
            self.axes_ += [
                self.figure_.add_subplot(grid[i], sharex=self.ax_) for i in range(1, len(heights))
            ]

    def _choose_rows(self, max_points, random_state):
        """Positions of the rows to draw: all members and at most `max_points` of the others."""
        if self.points is None or self.centers is None:
            raise ValueError(
                "The projection needs points and centers in a plane; use "
                "SpotlightDisplay.from_estimator(finder, X)."
            )
        inside = self._members() >= 0
        others = np.flatnonzero(~inside)
        others = others[subsample(len(others), max_points, random_state)]
        return np.sort(np.concatenate([np.flatnonzero(inside), others]))

    def _draw_points(self, rows, kwargs):
        """The rows, those of high membership last."""
        import pandas as pd
        from matplotlib.collections import PathCollection

        memberships, members = self.memberships[rows], self._members()[rows]
        strength = memberships / np.where(self.memberships.any(axis=0), self.memberships.max(0), 1)
        nearest = np.where(members >= 0, members, strength.argmax(axis=1))
        strength = strength[np.arange(len(rows)), nearest]
        order = np.lexsort([strength, members >= 0])
        x, y = self.points[rows].T
        defaults = {
            "c": _fills(nearest, strength, members)[order],
            "s": (_area(len(rows)) * self._relative_loss()[rows])[order],
            "edgecolor": "white",
            "linewidth": 0.4 if len(rows) < 5000 else 0,
            "rasterized": len(rows) > 5000,
        }
        style = styled(PathCollection, defaults, kwargs)
        if "color" in style:
            del style["c"]
        self.scatter_ = self.ax_.scatter(x[order], y[order], **style)
        columns = {"x": x, "y": y, "spotlight": members, "membership": memberships.max(axis=1)}
        if self.losses is not None:
            columns["loss"] = self.losses[rows]
        index = None if self.index is None else self.index[rows]
        self._frame = pd.DataFrame(columns, index=rows if index is None else index)

    def _relative_loss(self):
        """|loss| / its mean, kept between what can be seen and what hides others."""
        if self.losses is None:
            return np.ones(len(self.memberships))
        size = np.abs(self.losses)
        return np.clip(size / (size.mean() or 1.0), 0.25, 8.0)

    def _draw_circles(self, found, kwargs):
        """Hints at the balls, with a white halo to be seen over members of the same colour."""
        from matplotlib.patches import Circle
        from matplotlib.patheffects import withStroke

        radii = circle_radii(self.distances, self.points, self.centers, self.radii)
        self.circles_ = []
        for j in found:
            defaults = {"edgecolor": _color(j), "facecolor": "none", "linestyle": (0, (5, 3))}
            defaults |= {"linewidth": 1.6, "zorder": 2.5}
            defaults["path_effects"] = [withStroke(linewidth=4, foreground="white", alpha=0.8)]
            style = styled(Circle, defaults, kwargs)
            # An artist, unlike a patch, does not widen the axes: a center may lie far outside.
            self.circles_.append(self.ax_.add_artist(Circle(self.centers[j], radii[j], **style)))

    def _dress_projection(self, rows, found, legend):
        """Names of the axes, the legend and what is not drawn."""
        spread = np.ptp(self.points[rows], axis=0)
        if spread.max() < _ROUND * spread.min():
            self.ax_.set_aspect("equal", adjustable="datalim")
        self.ax_.set(xlabel=_axis_name(found, 0), ylabel=_axis_name(found, 1))
        self.ax_.spines[["top", "right"]].set_visible(False)
        if len(rows) < len(self.points):
            # Beside the points, under the legend, where it covers none.
            note = f"{len(rows):,} of {len(self.points):,} rows drawn,\nall members among them"
            style = {"ha": "left", "va": "bottom", "color": _INK, "fontsize": "small"}
            self.note_ = self.ax_.text(1.03, 0.0, note, transform=self.ax_.transAxes, **style)
        if legend:
            self._draw_legend(found, len(rows))

    def _draw_legend(self, found, n_drawn):
        """Spotlights with their members and lifts, then what areas mean."""
        handles = []
        for j in found:
            members = _is_member(self.distances[:, j], self.radii[j])
            label = f"spotlight {j}: {members.sum():,} members"
            lift = self._lift(members)
            label += "" if np.isnan(lift) else f", lift {lift:.3g}"
            handles.append(_dot(_color(j), 7.0, label))
        handles.append(_dot(_GREY, 7.0, "other rows"))
        if self.losses is not None:
            name, of = ("loss", "the mean") if self.losses.min() >= 0 else ("|loss|", "its mean")
            for times in (0.25, 1, 4):
                size = np.sqrt(_area(n_drawn) * times)
                handles.append(_dot(_INK, size, f"{name} {times:g} × {of}"))
        self.legend_ = self.ax_.legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=(1.0, 1.0),
            fontsize="small",
            frameon=False,
        )

    def _lift(self, members):
        """Mean loss of the members / of all rows; NaN where there is none."""
        if self.losses is None or not members.any() or not self.losses.mean() > 0:
            return np.nan
        return self.losses[members].mean() / self.losses.mean()

    def _size_curves(self, found):
        """Mean loss of the nearest rows of each spotlight, a table."""
        import pandas as pd

        if self.losses is None:
            raise ValueError(
                "The size curve needs the losses: SpotlightDisplay.from_estimator(finder, X, y, "
                "kind='size')."
            )
        if not len(found):
            raise ValueError(_NOTHING + "there is no size to draw.")
        curves = [
            _size_curve(self.distances[:, j], self.losses, self.radii[j]).assign(spotlight=j)
            for j in found
        ]
        curve = pd.concat(curves, ignore_index=True)
        mean = self.losses.mean()
        curve["lift"] = curve["mean_loss"] / mean if mean > 0 else np.nan
        return curve[["spotlight", "n_rows", "distance", "mean_loss", "lift", "chosen"]]

    def _draw_curves(self, curves, found, line_kwargs, legend):
        """A line a spotlight, its chosen size, and the level of all rows."""
        from matplotlib.lines import Line2D
        from matplotlib.ticker import EngFormatter

        by = "mean_loss" if curves["lift"].isna().any() else "lift"
        level = self.losses.mean() if by == "mean_loss" else 1.0
        look = {"color": _INK, "linewidth": 1.0, "linestyle": ":", "label": "all rows"}
        self.baseline_ = self.ax_.axhline(level, zorder=0, **look)
        self.lines_, self.marks_ = [], []
        for j in found:
            curve = curves[curves["spotlight"] == j]
            look = {"color": _color(j), "linewidth": 1.8, "label": _size_label(j, curve, by)}
            style = styled(Line2D, look, line_kwargs)
            self.lines_ += self.ax_.plot(curve["n_rows"], curve[by], **style)
            chosen = curve[curve["chosen"]]
            look = {"color": self.lines_[-1].get_color(), "markeredgecolor": "white"}
            self.marks_ += self.ax_.plot(chosen["n_rows"], chosen[by], "o", markersize=9, **look)
        self.ax_.set(xscale="log", xlabel="rows nearest to the center")
        self.ax_.set_ylabel("their mean loss" + " / that of all rows" * (by == "lift"))
        self.ax_.xaxis.set_major_formatter(EngFormatter(sep=""))
        self.ax_.spines[["top", "right"]].set_visible(False)
        if legend:
            self.legend_ = self.ax_.legend(loc="upper right", frameon=False)
        self._frame = curves

    def _chosen_contrasts(self, top):
        """The bars to draw: the strongest contrasts of each spotlight."""
        if self.contrasts is None:
            raise ValueError(
                "Contrast bars need what is known of the rows: SpotlightDisplay.from_estimator("
                "finder, X, kind='contrast', data=...)."
            )
        bars = self.contrasts[self.contrasts["contrast"].notna()].groupby("spotlight").head(top)
        if not len(bars):
            raise ValueError("No found spotlight has a contrast: there is no bar to draw.")
        return bars.reset_index(drop=True)

    def _draw_bars(self, bars, bar_kwargs, text_kwargs):
        """A panel a spotlight, the strongest contrast on top."""
        from matplotlib.patches import Rectangle

        self.bars_, self.bands_, self.texts_ = [], [], []
        for axes, (j, part) in zip(self.axes_, bars.groupby("spotlight"), strict=True):
            places = np.arange(len(part))
            style = styled(Rectangle, {"color": _color(j), "alpha": 0.85}, bar_kwargs)
            self.bars_.append(axes.barh(places, part["contrast"], height=0.72, **style))
            self.bands_.append(_draw_chance(axes, 2 * self._chance(j)))
            self.texts_ += _write_numbers(axes, part, text_kwargs)
            axes.set_yticks(places, [_bar_name(row) for row in part.itertuples()])
            axes.set_ylim(len(part) - 0.4, -0.6)
            axes.axvline(0, color=_INK, linewidth=0.8)
            axes.set_title(f"spotlight {j}", loc="left", fontsize="medium", color=_color(j))
            axes.spines[["top", "right", "left"]].set_visible(False)
            axes.tick_params(left=False)
        for axes in self.axes_[:-1]:
            axes.tick_params(bottom=False, labelbottom=False)
            axes.spines["bottom"].set_visible(False)
        self.axes_[-1].set_xlabel(
            "contrast in standard deviations\n(inside vs outside; grey: chance)"
        )
        self.figure_.figure.draw_without_rendering()  # a layout gives the axes their width
        low, high = min(bars["contrast"].min(), 0), max(bars["contrast"].max(), 0)
        self.ax_.set_xlim(*_with_room(low, high, self.texts_, self.ax_))
        self._frame = bars

    def _chance(self, j):
        """Standard error of a contrast of members with others that is 0 in truth."""
        n_members = _is_member(self.distances[:, j], self.radii[j]).sum()
        return np.sqrt(1 / n_members + 1 / (len(self.distances) - n_members))


def _with_room(low, high, texts, axes):
    """Limits of an axis of bars from `low` to `high` with room for the texts at their ends."""
    width = axes.get_window_extent().width
    sides = {"left": 0.0, "right": 0.0}  # share of the width on either side of 0
    for text in texts:
        side = "right" if text.get_horizontalalignment() == "left" else "left"
        sides[side] = max(sides[side], 1.1 * text.get_window_extent().width / width)
    span = (high - low) / max(1.0 - sum(sides.values()), 0.2)
    return low - sides["left"] * span, high + sides["right"] * span


def _check_choice(name, value, allowed):
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}. Got {value!r}.")


def _is_member(distances, radii):
    """Whether rows are members of spotlights, shape (n, k)."""
    return distances <= radii * _AT_RADIUS


def _last_step(finder, X):
    """The finder itself and its X, from a Pipeline or search that ends in it."""
    finder = getattr(finder, "best_estimator_", finder)
    if hasattr(finder, "steps"):
        X = finder[:-1].transform(X) if len(finder.steps) > 1 else X
        finder = finder.steps[-1][1]
    if not hasattr(finder, "_distances"):
        raise TypeError(
            "finder must be a SpotlightFinder, alone or at the end of a Pipeline or search; got "
            f"a {type(finder).__name__}."
        )
    check_is_fitted(finder)
    return finder, X


def _read(finder, X):
    """What a display needs to know of a fitted finder and rows; lengths in the finder's units."""
    squared = finder._distances(X)
    memberships = finder._memberships(squared)
    found = np.any(memberships > 0, axis=0)
    Z, centers, unit = _in_metric_space(finder, X)
    axes = separating_plane(Z, memberships[:, found]) * unit
    return {
        "memberships": memberships,
        "distances": np.sqrt(squared) * unit,
        "radii": finder._inner_radius * unit,
        "points": Z @ axes,
        "centers": centers @ axes,
    }


def _in_metric_space(finder, X):
    """Rows (n, d) and centers (k, d) there, and the length of its unit in that of `radii_`."""
    X = as_matrix(finder, X, reset=False)
    if finder._metric is None:
        return np.zeros(X.shape), finder._inner, 1.0
    metric = Metric(**finder._metric)
    Z = metric.apply(X, np.float32 if X.dtype == np.float32 else np.float64)
    return Z, finder._inner, 1 / metric.unit


def _size_curve(distances, losses, radius):
    """Columns `n_rows, distance, mean_loss, chosen` of the nearest rows, at most some hundred."""
    import pandas as pd

    order = np.argsort(distances, kind="stable")
    distances = distances[order]
    n = len(order)
    chosen = int(np.searchsorted(distances, radius * _AT_RADIUS, side="right"))
    # Rows at the same distance come together.
    ends = np.flatnonzero(np.append(distances[1:] > distances[:-1], True)) + 1
    shown = np.unique(np.geomspace(max(min(5, n), chosen // 10), n, _MAX_STEPS).astype(int))
    counts = np.unique(np.append(ends[np.searchsorted(ends, shown)], chosen))
    counts = counts[counts > 0]
    mean = np.cumsum(losses[order])[counts - 1] / counts
    columns = {"n_rows": counts, "distance": distances[counts - 1], "mean_loss": mean}
    return pd.DataFrame(columns | {"chosen": counts == chosen})


def _size_label(j, curve, by):
    """Legend entry of a size curve."""
    chosen = curve[curve["chosen"]]
    if not len(chosen):
        return f"spotlight {j}: no members"
    value = f"{'lift' if by == 'lift' else 'mean loss'} {chosen[by].iloc[0]:.3g}"
    return f"spotlight {j}: {chosen['n_rows'].iloc[0]:,} members, {value}"


def _dot(color, size, label):
    """A legend entry."""
    from matplotlib.lines import Line2D

    return Line2D([], [], linestyle="", marker="o", color=color, markersize=size, label=label)


def _area(n_rows):
    """Area of a point of mean loss."""
    return float(np.clip(14 * np.sqrt(2000 / n_rows), *_AREA))


def _color(j):
    return _COLORS[j % len(_COLORS)]


def _fills(nearest, strength, members):
    """Colours (n, 4): the spotlight's for members, for others grey with a touch of it."""
    from matplotlib.colors import to_rgba

    full = np.array([to_rgba(_color(j)) for j in range(nearest.max(initial=0) + 1)])[nearest]
    share = np.where(members >= 0, 1.0, _TOUCH * strength)[:, None]
    colors = (1 - share) * np.array(to_rgba(_GREY)) + share * full
    colors[:, 3] = 0.55 + 0.35 * share[:, 0]
    return colors


def _axis_name(found, axis):
    """What an axis of the plane shows."""
    if len(found) > 2:
        return f"plane that parts the spotlights, axis {axis + 1}"
    if axis < len(found):
        return f"towards spotlight {found[axis]}"
    return f"{'largest' if axis == 0 or len(found) else 'second largest'} spread" + (
        " across it" if len(found) else ""
    )


def _draw_chance(axes, chance):
    """A grey band behind the bars, `chance` to either side."""
    from matplotlib.patches import Rectangle

    band = Rectangle((-chance, 0), 2 * chance, 1, transform=axes.get_xaxis_transform())
    band.set(color=_GREY, alpha=0.35, linewidth=0, zorder=0)
    return axes.add_patch(band)


def _write_numbers(axes, bars, kwargs):
    """Inside and outside at the end of each bar."""
    from matplotlib.text import Text

    texts = []
    for place, row in enumerate(bars.itertuples()):
        right = row.contrast > 0
        look = {"color": _INK, "va": "center", "ha": "left" if right else "right"}
        style = styled(Text, look | {"fontsize": "small"}, kwargs)
        place_and_shift = {"xytext": (4 if right else -4, 0), "textcoords": "offset points"}
        texts.append(
            axes.annotate(_bar_text(row), (row.contrast, place), **place_and_shift, **style)
        )
    return texts


def _bar_name(row):
    """Name of a bar: the feature, or the feature and its value, or the word in quotes."""
    if row.kind == "numeric":
        return plain_text(row.feature, _LONGEST)
    if row.kind == "word":
        return plain_text(f"“{row.value}”", _LONGEST)
    return plain_text(f"{row.feature} = {row.value}", _LONGEST)


def _bar_text(row):
    """Inside and outside of a bar, in its units."""
    if row.kind != "numeric":
        return f"{row.inside:.0%} vs {row.outside:.0%}"
    return f"{row.inside:.3g} vs {row.outside:.3g}"

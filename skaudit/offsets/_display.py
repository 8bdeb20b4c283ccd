"""`OffsetDisplay`: what a feature adds to a score, segment by segment, as a picture."""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..utils._plotting import axes_or_new, place_of, plain_text, styled
from ..utils._validation import shorten

_UNDRAWN = dict.fromkeys(
    "ax_ axes_ side_axes_ figure_ points_ intervals_ arrows_ zero_lines_ overall_lines_ titles_ "
    "note_".split()
)
_NEEDED = ["feature", "kind", "category", "mean", "weight", "offset", "offset_lower"]
_NEEDED += ["offset_upper"]
_LABEL = "log-odds offset given the score"
# Of Paul Tol's "vibrant", safe for the colour-blind: the score is lower, higher than elsewhere.
_TOO_LOW, _TOO_HIGH = "#0077BB", "#CC3311"
_GREY, _INK = "#8A8A8A", "#555555"
_FULL_AREA = 400.0  # of a point with all the weight
_AREAS = (16.0, 220.0)
_ARROW_AREA = 45.0
_EDGE = 0.03  # place of an arrow in shares of the scale
_REACH = 0.5  # spans of the offsets that intervals may widen the scale by, to either side
_LAST = ("other", "missing")  # kinds of segments that stand below the categories
_GAP = 0.6  # rows between these and the categories
_LONGEST = 26  # letters of a category
_INCHES = (4.3, 3.1)  # of a panel
_NARROW = 2.4  # inches of a panel in axes given


class OffsetDisplay:
    """Picture of log-odds offsets: what each segment of a feature adds to a score.

    A panel a feature. Numbers: the offset of each segment against its mean, missing values in a
    panel at the side. Categories: a row each, the largest offset on top, "other" and "missing"
    last. Lines are the profile-likelihood intervals; one that leaves the picture is cut. A segment
    of one class has an infinite offset: an arrow at the edge, on the line from its finite limit.
    The area of a point grows with the weight of the segment. Where the score is off as a whole, so
    is every segment: the dotted line is the one offset of all rows. Blue: the interval lies above
    that line (above 0, where there is none); red: below; grey: the interval holds it.

    Made by :meth:`from_estimator` or :meth:`from_frame`, which draw and return it; the parameters
    are kept as attributes.

    Parameters
    ----------
    segments : pandas.DataFrame of shape (n_segments, n_columns)
        A row a segment, with the columns `feature, kind, category, mean, weight, offset,
        offset_lower, offset_upper` of `IncrementalFeatureAnalyzer.segment_table_`.
    feature_table : pandas.DataFrame of shape (n_features, n_columns), default=None
        A row a feature with the columns `feature, q_value, gain, selected`, for order and titles;
        None draws the features in the order of `segments`.
    overall_offset : float, default=None
        The one offset of all rows, around which a feature that adds nothing has its offsets; None
        draws no such line.
    confidence_level : float, default=None
        Of the intervals, for the note.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes given or made; of several, that of the first feature.
    axes_ : list of matplotlib.axes.Axes
        The panels, one a feature.
    side_axes_ : list of matplotlib.axes.Axes or None
        The panel of the missing values of each feature; None where it has none.
    figure_ : matplotlib.figure.Figure
        Figure of `ax_`.
    points_ : list of matplotlib.collections.PathCollection
        The finite offsets, for each feature those of its panel and of the one at its side; in all
        the rows of :meth:`frame` in their order, infinite offsets left out.
    intervals_ : list of matplotlib.collections.LineCollection
        The intervals, in the same order, infinite offsets included; cut to the scale.
    arrows_ : list of matplotlib.collections.PathCollection
        The arrows of infinite offsets, of each panel those of one direction.
    zero_lines_ : list of matplotlib.lines.Line2D
        The lines at 0: there the score is right.
    overall_lines_ : list of matplotlib.lines.Line2D
        The lines at the offset of all rows, where that is known.
    titles_ : list of matplotlib.text.Text
        Name, q-value and gain (nats a row) of each feature.
    note_ : matplotlib.text.Text
        What area, grey and dots mean, and how many features are not drawn.

    See Also
    --------
    IncrementalFeatureAnalyzer : Computes the offsets.

    Examples
    --------
    >>> from skaudit import IncrementalFeatureAnalyzer, OffsetDisplay, ScoreColumn
    >>> from skaudit.datasets import make_omitted_feature
    >>> data = make_omitted_feature(random_state=0)
    >>> score = ScoreColumn("score")
    >>> analyzer = IncrementalFeatureAnalyzer(score, features="omitted", n_segments=4)
    >>> display = OffsetDisplay.from_estimator(analyzer.fit(data.frame, data.y))
    >>> display.frame()[["feature", "mean", "offset"]].round(1)  # the effect is 1.0 x
       feature  mean  offset
    0  omitted  -0.8    -0.8
    1  omitted  -0.2    -0.4
    2  omitted   0.3     0.2
    3  omitted   0.8     0.7
    >>> display.points_[0].get_offsets().round(1).tolist()
    [[-0.8, -0.8], [-0.2, -0.4], [0.3, 0.2], [0.8, 0.7]]
    >>> import matplotlib.pyplot as plt
    >>> plt.close(display.figure_)
    """

    def __init__(self, segments, feature_table=None, *, overall_offset=None, confidence_level=None):
        self.segments = segments
        self.feature_table = feature_table
        self.overall_offset = overall_offset
        self.confidence_level = confidence_level

    @classmethod
    def from_estimator(cls, analyzer, *, features=None, ax=None, **plot_params):
        """Draw the offsets of a fitted analyzer.

        Parameters
        ----------
        analyzer : IncrementalFeatureAnalyzer
            Fitted; alone, or a step of a fitted Pipeline or search.
        features : str or list of str, default=None
            The features to draw, see :meth:`plot`.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; a new figure for None. Several panels divide its place.
        **plot_params : dict
            Other parameters of :meth:`plot`.

        Returns
        -------
        OffsetDisplay
            The display, drawn.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Where the analyzer is not fitted.
        TypeError
            Where it is no IncrementalFeatureAnalyzer.
        ValueError
            Where a feature is not in its tables.
        """
        analyzer = _find_analyzer(analyzer)
        check_is_fitted(analyzer)
        display = cls(
            analyzer.segment_table_,
            analyzer.feature_table_,
            overall_offset=analyzer.calibration_["statistics"]["offset"],
            confidence_level=analyzer.confidence_level,
        )
        return display.plot(features, ax, **plot_params)

    @classmethod
    def from_frame(
        cls,
        segments,
        feature_table=None,
        *,
        features=None,
        ax=None,
        overall_offset=None,
        confidence_level=None,
        **plot_params,
    ):
        """Draw the offsets in a table.

        Parameters
        ----------
        segments : pandas.DataFrame of shape (n_segments, n_columns)
            A row a segment, see the class.
        feature_table : pandas.DataFrame of shape (n_features, n_columns), default=None
            A row a feature, see the class.
        features : str or list of str, default=None
            The features to draw, see :meth:`plot`.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; a new figure for None. Several panels divide its place.
        overall_offset : float, default=None
            The one offset of all rows, see the class.
        confidence_level : float, default=None
            Of the intervals, for the note.
        **plot_params : dict
            Other parameters of :meth:`plot`.

        Returns
        -------
        OffsetDisplay
            The display, drawn.
        """
        display = cls(
            segments,
            feature_table,
            overall_offset=overall_offset,
            confidence_level=confidence_level,
        )
        return display.plot(features, ax, **plot_params)

    def plot(
        self,
        features=None,
        ax=None,
        *,
        max_features=9,
        same_scale=True,
        scatter_kwargs=None,
        line_kwargs=None,
        arrow_kwargs=None,
        zero_kwargs=None,
        text_kwargs=None,
    ):
        """Draw a panel for each feature.

        Parameters
        ----------
        features : str or list of str, default=None
            Names of the features to draw, all of them, in this order. None: at most `max_features`,
            those selected first, then by p-value; the picture says how many there are.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; a new figure for None. Several panels divide its place.
        max_features : int, default=9
            Most features to draw where `features` is None.
        same_scale : bool, default=True
            Whether offsets have the same scale in all panels, so that they can be compared.
        scatter_kwargs : dict, default=None
            For `Axes.scatter` of the points.
        line_kwargs : dict, default=None
            For the LineCollection of the intervals.
        arrow_kwargs : dict, default=None
            For `Axes.scatter` of the arrows.
        zero_kwargs : dict, default=None
            For the lines at 0 and at the offset of all rows.
        text_kwargs : dict, default=None
            For the titles.

        Returns
        -------
        OffsetDisplay
            The display itself.

        Raises
        ------
        TypeError
            Where a table is no DataFrame, or `max_features` no integer.
        ValueError
            Where columns are missing, a feature is not in the table, or there is none to draw.
        """
        import pandas as pd

        segments = _with_columns(self.segments, _NEEDED, "segments")
        names, n_all = self._choose(segments, features, max_features)
        panels = [_make_panel(name, segments) for name in names]
        drawn = pd.concat([panel.rows for panel in panels])
        vars(self).update(_UNDRAWN)
        self._frame = drawn.reset_index(drop=True)
        self._start(ax, panels)
        self.points_, self.intervals_, self.arrows_ = [], [], []
        self.zero_lines_, self.overall_lines_, self.titles_ = [], [], []
        styles = (scatter_kwargs, line_kwargs, arrow_kwargs, zero_kwargs)
        for i, panel in enumerate(panels):
            scale = _scale_of(drawn if same_scale else panel.rows)
            if panel.is_upright:
                is_missing = (panel.rows["kind"] == "missing").to_numpy()
                self._draw(self.axes_[i], panel, ~is_missing, scale, styles)
                if self.side_axes_[i] is not None:
                    self._draw(self.side_axes_[i], panel, is_missing, scale, styles)
            else:
                self._draw(self.axes_[i], panel, np.full(len(panel.rows), True), scale, styles)
            self._name(i, panels, text_kwargs)
        self._say_what_is_what(ax is None, len(panels), n_all)
        return self

    def frame(self):
        """The numbers drawn.

        Returns
        -------
        pandas.DataFrame
            The rows of `segments` that are drawn, panel by panel: numbers ascending, categories
            from top to bottom, missing values last.

        Raises
        ------
        ValueError
            Where nothing has been drawn.
        """
        if not hasattr(self, "_frame"):
            raise ValueError("Nothing is drawn yet; call plot() first.")
        return self._frame.copy()

    def _choose(self, segments, features, max_features):
        """Names of the features to draw, and how many there are to choose from."""
        known = segments["feature"].drop_duplicates().tolist()
        if not known:
            raise ValueError("segments has no row: there is no feature to draw.")
        if isinstance(max_features, bool) or not isinstance(max_features, Integral):
            raise TypeError(
                f"max_features must be an integer, got a {type(max_features).__name__}."
            )
        if max_features < 1:
            raise ValueError(f"max_features must be at least 1, got {max_features}.")
        if features is not None:
            return _check_names(features, known), None
        table = self._statistics()
        if table is not None:
            # The table is by p-value; a stable sort leaves it so within either part.
            by_choice = table.sort_values("selected", ascending=False, kind="stable")
            ranked = [name for name in by_choice["feature"] if name in set(known)]
            known = ranked + [name for name in known if name not in set(ranked)]
        return known[:max_features], len(known)

    def _statistics(self):
        """The features' table, checked, or None."""
        if self.feature_table is None:
            return None
        columns = ["feature", "q_value", "gain", "selected"]
        return _with_columns(self.feature_table, columns, "feature_table")

    def _start(self, ax, panels):
        """Fresh axes: a panel a feature, with one at its side where numbers are missing."""
        n_columns = _n_columns(len(panels), ax)
        heights = [
            max(panel.height for panel in panels[i : i + n_columns])
            for i in range(0, len(panels), n_columns)
        ]
        n_rows, self._n_columns = len(heights), n_columns
        width = _INCHES[0] * n_columns if n_columns > 1 else 1.4 * _INCHES[0]
        self.ax_ = axes_or_new(ax, figsize=(width, sum(heights) + 0.4))
        self.figure_ = self.ax_.figure
        grid = place_of(self.ax_, n_rows, n_columns, spacing=(0.75, 0.5), height_ratios=heights)
        self.axes_, self.side_axes_ = [], []
        for i, panel in enumerate(panels):
            place, beside = grid[divmod(i, n_columns)], None
            if panel.has_side:
                place, beside = place.subgridspec(1, 2, width_ratios=(8, 1), wspace=0.06)
            if i:
                self.axes_.append(self.figure_.add_subplot(place))
            else:
                self.ax_.set_subplotspec(place)
                self.axes_.append(self.ax_)
            self.side_axes_.append(beside and self.figure_.add_subplot(beside))

    def _draw(self, axes, panel, chosen, scale, styles):
        """Offsets of some segments of a feature, with intervals, arrows and the line at 0."""
        from matplotlib.collections import LineCollection, PathCollection
        from matplotlib.lines import Line2D

        scatter_kwargs, line_kwargs, arrow_kwargs, zero_kwargs = styles
        rows, place = panel.rows[chosen], panel.place[chosen]
        offset, lower, upper = _columns(rows, "offset", "offset_lower", "offset_upper")
        level = 0.0 if self.overall_offset is None else self.overall_offset
        colors = np.where(lower > level, _TOO_LOW, np.where(upper < level, _TOO_HIGH, _GREY))

        look = {"color": _INK, "linewidth": 0.8, "linestyle": "--", "zorder": 0}
        line = axes.axhline if panel.is_upright else axes.axvline
        self.zero_lines_.append(line(0, **styled(Line2D, look, zero_kwargs)))
        if self.overall_offset is not None:
            look |= {"linestyle": ":", "linewidth": 1.2}
            self.overall_lines_.append(line(level, **styled(Line2D, look, zero_kwargs)))

        inner = (1 - _EDGE) * scale[0] + _EDGE * scale[1], _EDGE * scale[0] + (1 - _EDGE) * scale[1]
        ends = np.column_stack([lower, upper])
        is_infinite = np.isinf(offset)[:, None]
        ends = np.where(is_infinite, np.clip(ends, *inner), np.clip(ends, *scale))
        known = ~np.isnan(ends).any(axis=1)
        ends = np.stack([np.column_stack([place, place]), ends], axis=2)
        ends = ends if panel.is_upright else ends[..., ::-1]
        look = {"colors": colors[known], "linewidths": 1.6, "zorder": 1.5}
        # "color" is no short name of "colors", yet sets the same.
        given = {"color": look.pop("colors")} | (line_kwargs or {})
        lines = LineCollection(ends[known], **styled(LineCollection, look, given))
        self.intervals_.append(axes.add_collection(lines, autolim=False))

        finite = np.isfinite(offset)
        look = {"c": colors[finite], "s": panel.area[chosen][finite], "edgecolor": "white"}
        look |= {"linewidth": 0.6, "zorder": 2}
        style = styled(PathCollection, look, scatter_kwargs)
        if "color" in style:
            del style["c"]
        points = (place[finite], offset[finite])
        self.points_.append(axes.scatter(*points[:: 1 if panel.is_upright else -1], **style))

        for side, markers in ((np.inf, "^>"), (-np.inf, "v<")):
            there = offset == side
            if not there.any():
                continue
            look = {"c": colors[there], "s": _ARROW_AREA, "linewidth": 0, "zorder": 2}
            look |= {"marker": markers[0 if panel.is_upright else 1], "clip_on": False}
            style = styled(PathCollection, look, arrow_kwargs)
            if "color" in style:
                del style["c"]
            edge = np.full(there.sum(), 1 - _EDGE if side > 0 else _EDGE)
            if panel.is_upright:
                arrows = axes.scatter(
                    place[there], edge, transform=axes.get_xaxis_transform(), **style
                )
            else:
                arrows = axes.scatter(
                    edge, place[there], transform=axes.get_yaxis_transform(), **style
                )
            self.arrows_.append(arrows)
        _dress(axes, panel, chosen, scale)

    def _name(self, i, panels, kwargs):
        """Title of a panel and names of its axes."""
        from matplotlib.text import Text

        panel, axes = panels[i], self.axes_[i]
        title = plain_text(panel.name, 36)
        table = self._statistics()
        if table is not None:
            found = table[table["feature"] == panel.name]
            if len(found):
                title += f"\n{_summary(found.iloc[0])}"
        style = styled(Text, {"fontsize": "medium"}, kwargs)
        self.titles_.append(axes.set_title(title, **style))
        if not panel.is_upright:
            axes.set_xlabel(_LABEL)
            return
        axes.set_xlabel("mean of the segment")
        if i % self._n_columns == 0 or not panels[i - 1].is_upright:
            axes.set_ylabel(_LABEL)

    def _say_what_is_what(self, is_own_figure, n_drawn, n_all):
        """A note under the panels."""
        level = "" if self.confidence_level is None else f"{100 * self.confidence_level:g} % "
        held = "0"
        lines = ["area: weight"]
        if self.overall_offset is not None:
            lines, held = ["area: weight; dotted: all rows"], "it"
        lines.append(f"grey: the {level}interval holds {held}")
        if n_all is not None and n_drawn < n_all:
            lines.append(f"{n_drawn} of {n_all:,} features drawn")
        look = {"color": _INK, "fontsize": "small"}
        if is_own_figure:
            self.note_ = self.figure_.supxlabel("; ".join(lines), x=0.99, ha="right", **look)
            return
        self.note_ = self.axes_[-1].annotate(
            "\n".join(lines),
            (0.5, 0),
            xycoords="axes fraction",
            xytext=(0, -34),
            textcoords="offset points",
            ha="center",
            va="top",
            **look,
        )


@dataclass(frozen=True)
class _Panel:
    """The segments of one feature in the order drawn, and where each stands.

    Upright panels are of numbers, with offsets upwards; in others categories are rows.
    """

    name: str
    rows: Any  # a DataFrame
    place: np.ndarray
    area: np.ndarray
    is_upright: bool

    @property
    def has_side(self):
        return self.is_upright and (self.rows["kind"] == "missing").any()

    @property
    def height(self):
        """In inches."""
        return _INCHES[1] if self.is_upright else max(_INCHES[1], 1.1 + 0.21 * len(self.rows))


def _n_columns(n_panels, ax):
    """Columns of a grid of so many panels in the place of `ax`, or of a figure of our own."""
    most = {1: 1, 2: 2, 4: 2}.get(n_panels, 3)
    if ax is None:
        return most
    inches = ax.get_position().width * ax.get_figure().bbox.width / ax.get_figure().figure.dpi
    return min(most, max(1, int(inches / _NARROW)))


def _make_panel(name, segments):
    """The `_Panel` of a feature."""
    rows = segments[segments["feature"] == name]
    mean, weight, offset = _columns(rows, "mean", "weight", "offset")
    kind = rows["kind"].to_numpy(dtype=object)
    is_upright = bool((kind == "numeric").any())
    last = np.array([_LAST.index(k) + 1 if k in _LAST else 0 for k in kind])
    order = np.lexsort([mean if is_upright else -offset, last])
    last = last[order]
    if is_upright:
        place = np.where(last > 0, 0.0, mean[order])
    else:
        place = np.arange(len(rows)) + _GAP * ((last > 0) & (last[0] == 0))
    area = np.clip(_FULL_AREA * weight[order] / (weight.sum() or 1.0), *_AREAS)
    return _Panel(name, rows.iloc[order], place, area, is_upright)


def _dress(axes, panel, chosen, scale):
    """Limits, ticks and spines of a panel."""
    axes.spines[["top", "right"]].set_visible(False)
    if not panel.is_upright:
        axes.set(xlim=scale, ylim=(panel.place[-1] + 0.7, panel.place[0] - 0.7))
        axes.set_yticks(panel.place, [_row_name(row) for row in panel.rows.itertuples()])
        axes.tick_params(axis="y", length=0)
        for label, kind in zip(axes.get_yticklabels(), panel.rows["kind"], strict=True):
            label.set_fontstyle("italic" if kind in _LAST else "normal")
        axes.grid(axis="y", color="#E6E6E6", linewidth=0.6)
        axes.set_axisbelow(True)
        return
    axes.set_ylim(scale)
    if (panel.rows["kind"][chosen] == "missing").all():
        axes.set(xlim=(-1, 1))
        axes.set_xticks([0], ["missing"])
        axes.tick_params(left=False, labelleft=False)
        axes.spines["left"].set_visible(False)
        return
    low, high = panel.place[chosen].min(), panel.place[chosen].max()
    # Halves, for the difference of the largest floats is none.
    room = 0.07 * (high / 2 - low / 2) * 2 or 0.5 * max(abs(low), 1.0)
    axes.set_xlim(low - room, high + room)
    axes.locator_params(axis="x", nbins=6)


def _scale_of(rows):
    """Limits of offsets with room for intervals, but not for those that would hide the offsets."""
    offset, lower, upper = _columns(rows, "offset", "offset_lower", "offset_upper")
    limits = np.concatenate([lower, upper])
    limits = limits[np.isfinite(limits)]
    finite = offset[np.isfinite(offset)]
    inner = np.append(finite if len(finite) else limits, 0.0)
    low, high = inner.min(), inner.max()
    reach = _REACH * (high - low)
    limits = np.clip(limits, low - reach, high + reach)
    low, high = min(low, limits.min(initial=low)), max(high, limits.max(initial=high))
    span = high - low or 1.0
    return (
        float(low - span * (0.18 if (offset == -np.inf).any() else 0.07)),
        float(high + span * (0.18 if (offset == np.inf).any() else 0.07)),
    )


def _columns(rows, *names):
    """Columns as float arrays."""
    return [rows[name].to_numpy(dtype=float) for name in names]


def _row_name(row):
    """Name of a segment that is a row."""
    if row.kind in _LAST:
        return row.kind
    value = row.category
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    return plain_text(f"{value:g}" if is_number else value, _LONGEST)


def _summary(row):
    """What the title says of a feature besides its name."""
    q_value = "q < 0.001" if row["q_value"] < 0.001 else f"q = {row['q_value']:.2g}"
    text = f"{q_value}, gain {row['gain']:.2g} nats"
    return text if row["selected"] else f"{text}, not selected"


def _find_analyzer(source):
    """The analyzer itself, from a Pipeline or search that holds one."""
    inner = getattr(source, "best_estimator_", source)
    steps = [step for _, step in inner.steps] if hasattr(inner, "steps") else [inner]
    for step in reversed(steps):
        if not isinstance(step, type) and hasattr(type(step), "segment_table_"):
            return step
    raise TypeError(
        "analyzer must be a fitted IncrementalFeatureAnalyzer, alone or as a step of a Pipeline or "
        f"search; got a {type(source).__name__}. Use OffsetDisplay.from_frame for a DataFrame."
    )


def _check_names(features, known):
    """Names as a list, each of them known and there once."""
    names = [features] if isinstance(features, str) else list(features)
    if not names:
        raise ValueError("features is empty; None draws those selected first.")
    unknown = [name for name in names if name not in set(known)]
    if unknown:
        raise ValueError(
            f"features has {shorten(unknown)}, of which there are no offsets; there are those of "
            f"{shorten(known, 20)}."
        )
    return list(dict.fromkeys(names))


def _with_columns(frame, columns, name):
    """The frame, if it is one and has the columns."""
    if not hasattr(frame, "iloc") or not hasattr(frame, "columns"):
        raise TypeError(f"{name} must be a pandas DataFrame, got a {type(frame).__name__}.")
    missing = [column for column in columns if column not in frame]
    if missing:
        raise ValueError(
            f"{name} lacks the column(s) {', '.join(missing)}; tables come from "
            "IncrementalFeatureAnalyzer."
        )
    return frame

"""Figures of the page: displays as inline SVG in the page's own type and colours."""

import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..utils._plotting import plain_text, subsample
from ..utils._text import one_line
from ._svg import HALO, as_svg

_WIDTH = 4.6  # inches; at 72 units an inch about a phone, so that type is read there too
_TYPE = 9  # points
_MARKED, _OTHERS = 400, 1100  # rows drawn at most
_BARS = 6


@dataclass(frozen=True)
class Picture:
    """A figure of the page.

    Parameters
    ----------
    svg : str
    caption : str
        What is seen, in sentences.
    """

    svg: str
    caption: str


def draw_finding(report, number, prefix):
    """The `Picture` of a finding, or None; `prefix` begins all its ids."""
    candidate = report._findings[number]
    drawers = {
        "label_issues": _draw_labels,
        "spotlight": _draw_region,
        "feature": _draw_offsets,
        "calibration": _draw_calibration,
    }
    with _plain_style(prefix):
        drawn = drawers[candidate.kind](report, candidate)
        if drawn is None:
            return None
        figure, label, caption = drawn
        return Picture(as_svg(figure, prefix, label), caption)


@contextmanager
def _plain_style(salt):
    """Matplotlib's defaults with a few of ours, whatever the user has set."""
    import matplotlib

    ours: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": salt, "font.size": _TYPE}
    ours |= {"font.sans-serif": ["DejaVu Sans"], "axes.linewidth": 0.7}
    ours |= {"axes.edgecolor": "#888888", "xtick.color": "#888888", "ytick.color": "#888888"}
    ours |= {"xtick.labelcolor": "#555555", "ytick.labelcolor": "#555555", "legend.frameon": False}
    with matplotlib.rc_context(), warnings.catch_warnings():
        # Letters that the measuring font lacks: the browser has its own.
        warnings.simplefilter("ignore", UserWarning)
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(ours)
        yield


def _axes(height):
    """Axes of a figure that pyplot does not know."""
    from matplotlib.figure import Figure

    return Figure(figsize=(_WIDTH, height), layout="constrained").subplots()


# The kinds of findings: each gives figure, label and caption, or None


def _draw_labels(report, candidate):
    if not report._held_out.shows_dynamics:
        return None
    from ..dynamics import DataMapDisplay

    n = len(report.losses_)
    inside = np.zeros(n, dtype=bool)
    inside[candidate.rows] = True
    rows, counts = _some_of_both(inside)
    display = DataMapDisplay.from_frame(
        report._held_out.data_map.iloc[rows],
        highlight=inside[rows],
        highlight_name="marked",
        ax=_axes(3.6),
        max_points=None,
        scatter_kwargs={"clip_on": False},
        highlight_kwargs={"s": 28, "linewidth": 0.6},
    )
    for text in display.texts_:
        _keep_as_text(text)
    display.ax_.set(xlabel="variability: how much it changes", ylabel="confidence in the label")
    caption = (
        "Each point is a row. Upwards: how likely the models that had not seen it find its label, "
        "on average over the training. To the right: how much that changes while they learn. "
        "Colour, correctness: how often they predict it. Rings: the marked labels. "
        f"{_drawn(counts, 'marked rows', 'others')}"
    )
    return display.figure_, f"Data map, {counts[0]} rows marked", caption


def _draw_region(report, candidate):
    """What sets a region apart; where nothing is known of the rows, where it lies."""
    contrasts = candidate.detail["contrasts"]
    if contrasts is None or not contrasts["contrast"].notna().any():
        return _draw_place(report, candidate)
    return _draw_contrasts(report, candidate, contrasts)


def _draw_contrasts(report, candidate, contrasts):
    from ..spotlight import SpotlightDisplay

    outside = np.ones((len(report.losses_), 1))
    outside[candidate.rows] = 0.0
    shown = contrasts[contrasts["contrast"].notna()]
    shown = shown.iloc[np.argsort(-shown["contrast"].abs().to_numpy(), kind="stable")[:_BARS]]
    display = SpotlightDisplay(1.0 - outside, outside, np.array([0.5]), contrasts=shown)
    display.plot("contrast", _axes(0.75 + 0.3 * len(shown)), top=_BARS)
    display.ax_.set_title("", loc="left")
    display.ax_.set_xlabel("difference in standard deviations")
    caption = (
        "What sets the region apart. Numbers at the bars: inside the region against elsewhere, "
        "means or shares of the rows. Grey: what chance gives."
    )
    return display.figure_, "What sets the region apart, as bars", caption


def _draw_place(report, candidate):
    """Rows of the region among others, in the plane that parts them best."""
    from ..spotlight import SpotlightDisplay
    from ..spotlight._display import _in_metric_space
    from ..spotlight._projection import separating_plane

    view, number = candidate.detail["view"], candidate.detail["number"]
    inside = np.zeros(len(view.Z), dtype=bool)
    inside[np.searchsorted(view.rows, candidate.rows)] = True
    rows, counts = _some_of_both(inside)
    member = inside[rows][:, None].astype(float)
    if member.all():
        return None
    Z, centers, unit = _in_metric_space(view.finder, view.Z[rows])
    plane = separating_plane(Z, member) * unit
    center, radius = centers[[number]] @ plane, view.finder._inner_radius[[number]] * unit
    display = SpotlightDisplay(
        member, np.where(member, 0.0, 2.0 * radius), radius, points=Z @ plane, centers=center
    )
    style = {"s": 11, "clip_on": False}
    display.plot("projection", _axes(3.2), max_points=None, legend=False, scatter_kwargs=style)
    for circle in display.circles_:
        # Of a ball in many dimensions, a circle tells little to who does not know it.
        circle.remove()
    display.ax_.set(xlabel="towards the region", ylabel="largest spread across it", aspect="auto")
    caption = (
        f"The rows in {view.name}, seen from where the region stands apart best. Coloured: rows of "
        f"the region. {_drawn(counts, 'of its rows', 'others')}"
    )
    return display.figure_, "The region among the other rows, as points", caption


def _draw_offsets(report, candidate):
    from ..offsets import OffsetDisplay

    test = candidate.detail["test"]
    analyzer = report._offsets.analyzers[test.label]
    n_names = int((test.segments["kind"] != "numeric").sum())
    upright = bool((test.segments["kind"] == "numeric").any())
    height = 2.7 if upright else max(1.9, 0.9 + 0.21 * n_names)
    display = OffsetDisplay.from_estimator(analyzer, features=[test.feature], ax=_axes(height))
    for title in display.titles_:
        title.set_text("")
    display.note_.remove()
    if upright:
        display.axes_[0].set_xlabel(f"{plain_text(test.feature, 40)}, mean of the segment")
        display.axes_[0].set_ylabel("log-odds to add")
    else:
        display.axes_[0].set_xlabel("log-odds to add")
    level = f"{100 * analyzer.confidence_level:g} %"
    caption = (
        f"What to add to the score of “{one_line(test.label)}” so that it is right, by segments "
        f"of the column. Above 0 (blue) the model says too little there, below (red) too much; "
        f"grey: no difference to be seen. Lines: {level} intervals. Larger points: more rows."
    )
    return display.figure_, "Log-odds to add, segment by segment", caption


def _draw_calibration(report, candidate):
    from sklearn.calibration import CalibrationDisplay

    held_out = report._held_out
    if len(held_out.classes) == 2:
        name = plain_text(held_out.classes[1], 24)
        share = f"share of {name} among such rows"
        hits, proba = held_out.codes == 1, held_out.proba[:, 1]
    else:
        name, share = "the likeliest class", "share of rows that are of it"
        hits, proba = held_out.codes == held_out.proba.argmax(axis=1), held_out.proba.max(axis=1)
    display = CalibrationDisplay.from_predictions(
        hits,
        np.clip(proba, 0.0, 1.0),
        n_bins=10,
        strategy="quantile",
        name="held out",
        ax=_axes(3.2),
    )
    display.ax_.set(xlabel=f"probability that the model gives to {name}", aspect="equal")
    display.ax_.set_ylabel(share)
    display.ax_.spines[["top", "right"]].set_visible(False)
    caption = (
        "Rows in ten groups by the probability that the model gives them. On the dotted line the "
        "probabilities hold; below it they are too high, above it too low."
    )
    return display.figure_, "Calibration curve", caption


def _some_of_both(inside):
    """Positions of some rows of either side, and of each how many are drawn and how many are.

    Returns
    -------
    rows : ndarray, sorted
    counts : tuple (members drawn, members, others drawn, others)
    """
    members, others = np.flatnonzero(inside), np.flatnonzero(~inside)
    some = members[subsample(len(members), _MARKED, 0)]
    rest = others[subsample(len(others), _OTHERS, 0)]
    rows = np.sort(np.concatenate([some, rest]))
    return rows, (len(some), len(members), len(rest), len(others))


def _drawn(counts, members, others):
    """How many rows are drawn, in a sentence; empty where all are."""
    some, n_members, rest, n_others = counts
    if some == n_members and rest == n_others:
        return ""
    first = f"all {some:,}" if some == n_members else f"{some:,} of {n_members:,}"
    second = f"all {rest:,}" if rest == n_others else f"{rest:,} of {n_others:,}"
    return f"Drawn: {first} {members} and {second} {others}, chosen at random."


def _keep_as_text(text):
    """Without matplotlib's halo, which makes outlines of letters; the page gives it its own."""
    text.set_path_effects([])
    text.set_gid(HALO)

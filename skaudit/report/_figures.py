"""Figures of the page: displays as inline SVG in the page's own type and colours."""

import re
import warnings
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from typing import Any
from xml.etree import ElementTree

import numpy as np

from ..utils._plotting import plain_text, subsample
from ..utils._text import one_line

_WIDTH = 4.6  # inches; at 72 units an inch about a phone, so that type is read there too
_TYPE = 9  # points
_MARKED, _OTHERS = 400, 1100  # rows drawn at most
_BARS = 6

# What is no data takes the page's colours, for light and dark.
_PAGE_COLORS = {
    "#000000": "var(--ink)",
    "#555555": "var(--quiet)",
    "#767676": "var(--quiet)",
    "#888888": "var(--quiet)",
    "#8a8a8a": "var(--mid)",
    "#bbbbbb": "var(--faint)",
    "#cccccc": "var(--line)",
    "#e6e6e6": "var(--line)",
    "#ffffff": "var(--paper)",
}
_HALO = "halo"
_HREF = "{http://www.w3.org/1999/xlink}href"
_REPEATED = 20  # times that a shape is there, to be shared
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_REFERENCE = re.compile(r"#([\w.:-]+)\)?")
_COLOR = re.compile(r"#[0-9a-f]{6}\b")
_FACE = re.compile(r"(font(?:-family)?:[^;]*?)\s*'DejaVu Sans'[^;]*")
_DRAWN = {"d", "x", "y", "x1", "x2", "y1", "y2", "width", "height", "transform", "points", "cx"}


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
        return Picture(_as_svg(figure, prefix, label), caption)


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


def _axes(height, width=_WIDTH):
    """Axes of a figure that pyplot does not know."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained").subplots()


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
    held_out = report._held_out
    if len(held_out.classes) != 2:
        return None
    from sklearn.calibration import CalibrationDisplay

    display = CalibrationDisplay.from_predictions(
        held_out.codes == 1,
        np.clip(held_out.proba[:, 1], 0.0, 1.0),
        n_bins=10,
        strategy="quantile",
        name="held out",
        ax=_axes(3.2),
    )
    name = plain_text(held_out.classes[1], 24)
    display.ax_.set(xlabel=f"probability that the model gives to {name}", aspect="equal")
    display.ax_.set_ylabel(f"share of {name} among such rows")
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
    text.set_gid(_HALO)


# SVG


def _as_svg(figure, prefix, label):
    """A figure as an `svg` element of the page, all its ids and classes with the prefix."""
    for axes in figure.axes:
        axes.patch.set_visible(False)
    figure.patch.set_visible(False)
    buffer = StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(buffer, format="svg", metadata=nothing)
    root = ElementTree.fromstring(buffer.getvalue())
    _drop_wrapping(root)
    _share_shapes(root)
    _dress(root)
    _rename_ids(root, prefix)
    _share_styles(root, prefix)
    root.attrib = {
        "class": "plot",
        "role": "img",
        "aria-label": label,
        "viewBox": root.get("viewBox", ""),
    }
    return ElementTree.tostring(root, encoding="unicode")


def _drop_wrapping(root):
    """Take name spaces, metadata and blanks from a tree."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.endswith(("}metadata", "}style")):
                parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.text = element.text if (element.text or "").strip() else None
        element.tail = None
        if _HREF in element.attrib:
            element.set("href", element.attrib.pop(_HREF))


def _share_shapes(root):
    """Paths that differ in their place only become uses of one: so are the points of a scatter."""
    places = {path: _shape_and_place(path.get("d", "")) for path in root.iter("path")}
    often = Counter(shape for shape, _ in places.values())
    names = {shape: f"shape{i}" for i, shape in enumerate(often) if often[shape] > _REPEATED}
    for path, (shape, place) in places.items():
        if shape in names:
            path.tag = "use"
            del path.attrib["d"]
            path.attrib |= {"href": f"#{names[shape]}", "x": place[0], "y": place[1]}
    definitions = ElementTree.SubElement(root, "defs")
    for shape, name in names.items():
        ElementTree.SubElement(definitions, "path", {"id": name, "d": shape})


def _shape_and_place(d):
    """A path moved to where its first point is (0, 0), and that point."""
    numbers = [float(text) for text in _NUMBER.findall(d)]
    if len(numbers) < 4:
        return d, ("0", "0")
    moved = iter(x - numbers[i % 2] for i, x in enumerate(numbers))
    # A sum with 0 has no -0, which would make two shapes of one.
    shape = _NUMBER.sub(lambda _: f"{round(next(moved), 2) + 0.0:g}", d)
    return shape, tuple(f"{x:.6f}" for x in numbers[:2])


def _dress(root):
    """Give a tree the page's type and colours, and no needless digits."""
    for element in root.iter():
        for name in _DRAWN & set(element.attrib):
            element.set(name, _LONG_NUMBER.sub(_two_digits, element.attrib[name]))
        if element.get("transform", "").startswith(("rotate(-0 ", "rotate(0 ")):
            del element.attrib["transform"]
        if element.get("id") == _HALO:
            element.set("class", element.attrib.pop("id"))
        if "style" in element.attrib:
            element.set("style", _page_style(element.attrib["style"]))


def _two_digits(match):
    return f"{float(match[0]):.2f}".rstrip("0").rstrip(".")


def _page_style(style):
    """A style with the page's type and colours; data colours can be lightened in the dark."""
    style = _FACE.sub(r"\1 var(--face)", style)
    return _COLOR.sub(
        lambda found: _PAGE_COLORS.get(found[0], f"var(--d-{found[0][1:]}, {found[0]})"), style
    )


def _rename_ids(root, prefix):
    """Short ids with the prefix, and none that nothing refers to."""
    used = {
        target
        for element in root.iter()
        for name, value in element.attrib.items()
        if name == "href" or "url(" in value
        for target in _REFERENCE.findall(value)
    }
    names: dict = {}
    for element in root.iter():
        own = element.attrib.pop("id", None)
        if own in used:
            names[own] = f"{prefix}-{len(names)}"
            element.set("id", names[own])
    for element in root.iter():
        for name, value in element.attrib.items():
            if name == "href" or "url(" in value:
                element.set(name, _REFERENCE.sub(lambda found: _renamed(found, names), value))


def _renamed(found, names):
    """A reference with the new name of what it refers to."""
    return found[0].replace(found[1], names.get(found[1], found[1]))


def _share_styles(root, prefix):
    """A class for each style that many elements have, which shortens a scatter by half."""
    counts = Counter(e.attrib["style"] for e in root.iter() if "style" in e.attrib)
    often = [style for style, count in counts.items() if count > 2]
    classes = {style: f"{prefix}s{i}" for i, style in enumerate(often)}
    for element in root.iter():
        if element.get("style") in classes:
            element.set("class", classes[element.attrib.pop("style")])
    if classes:
        sheet = ElementTree.Element("style")
        sheet.text = "".join(f".{name}{{{style}}}" for style, name in classes.items())
        root.insert(0, sheet)

"""A figure of matplotlib as an `svg` element in the page's own type and colours."""

import re
from collections import Counter
from io import StringIO
from xml.etree import ElementTree

__all__ = ["HALO", "as_svg"]

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
HALO = "halo"
_HREF = "{http://www.w3.org/1999/xlink}href"
_REPEATED = 20  # times that a shape is there, to be shared
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_REFERENCE = re.compile(r"#([\w.:-]+)\)?")
_COLOR = re.compile(r"#[0-9a-f]{6}\b")
_FACE = re.compile(r"(font(?:-family)?:[^;]*?)\s*'DejaVu Sans'[^;]*")
_DRAWN = {"d", "x", "y", "x1", "x2", "y1", "y2", "width", "height", "transform", "points", "cx"}


def as_svg(figure, prefix, label):
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
        if element.get("id") == HALO:
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

"""Matplotlib figures as SVG that can stand inside a page: ids of their own, no reference out, a text alternative."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas
from matplotlib.typing import RcKeyType

from reports.format import clean

INK = "#0a0b0c"
"""Drawn with this, a mark takes the colour of the page's text, light or dark."""
PAPER = "#fbfcfd"
"""Drawn with this, a mark takes the colour of the page, light or dark."""
RAISED = "#e4e5e7"
"""Drawn with this, a mark takes the colour of what stands out a little from the page."""
FAINT = "#8a8d91"
"""Grey that can be seen on white and on black."""

_THEMED = {INK: "currentColor", PAPER: "var(--paper, white)", RAISED: f"var(--raised, {RAISED})"}

_SVG = "{http://www.w3.org/2000/svg}"
_XLINK_HREF = "{http://www.w3.org/1999/xlink}href"
_SETTINGS: dict[RcKeyType, Any] = {
    "svg.fonttype": "none",  # text stays text: it can be searched, copied and read aloud
    "svg.hashsalt": "triptych",  # the same records give the same bytes
    "text.parse_math": False,  # a record's dollar signs are no formula
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana"],  # as wide as each other: the layout holds where only one is there
    "font.size": 10.0,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "xtick.color": INK,
    "ytick.color": INK,
    "hatch.color": FAINT,
    "hatch.linewidth": 0.6,
}


@dataclass(frozen=True)
class Figure:
    """A drawing with the finding that it shows, and the words that stand for it where it can't be seen."""

    title: str
    alternative: str
    svg: str


@contextmanager
def style() -> Iterator[None]:
    """Matplotlib's settings for everything that is drawn inside, put back afterwards."""
    with mpl.rc_context(_SETTINGS), warnings.catch_warnings():
        # Text is laid out by the reader's own fonts; that ours lacks a character of a record matters to nobody.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def inline(canvas: Canvas, name: str, title: str, alternative: str) -> Figure:
    """`canvas` as an `<svg>` element. `name` sets its ids apart from those of the page's other figures."""
    title, alternative = clean(title), clean(alternative)
    buffer = io.BytesIO()
    canvas.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True, bbox_inches="tight")
    root = ElementTree.fromstring(buffer.getvalue())  # Matplotlib wrote it, a moment ago
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{_SVG}metadata", f"{_SVG}style"):
                parent.remove(child)
    for element in root.iter():
        _make_local(element, name)
    _describe(root, name, title, alternative)
    return Figure(title, alternative, ElementTree.tostring(root, encoding="unicode"))


def _make_local(element: ElementTree.Element, name: str) -> None:
    element.tag = element.tag.removeprefix(_SVG)
    for key, value in list(element.attrib.items()):
        if key == _XLINK_HREF:
            del element.attrib[key]
            element.set("href", value.replace("#", f"#{name}-"))
        elif key == "id":
            element.set("id", f"{name}-{value}")
        else:
            value = value.replace("url(#", f"url(#{name}-")
            for drawn, themed in _THEMED.items():
                value = value.replace(drawn, themed)
            element.set(key, value)


def _describe(root: ElementTree.Element, name: str, title: str, alternative: str) -> None:
    width = float(root.attrib.pop("width").removesuffix("pt"))
    root.attrib.pop("height")
    root.set("xmlns", _SVG[1:-1])
    root.set("id", name)
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title {name}-text")
    # Wide as drawn where there is room, never so small that its text cannot be read: the page scrolls instead.
    root.set("style", f"width: {width * 4 / 3:.0f}px; min-width: {width:.0f}px; max-width: 100%; height: auto")
    root.set("stroke-linejoin", "round")
    for position, (tag, text) in enumerate((("title", title), ("desc", alternative))):
        element = ElementTree.Element(tag, id=f"{name}-{'text' if tag == 'desc' else tag}")
        element.text = text
        root.insert(position, element)

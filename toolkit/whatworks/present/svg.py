"""An SVG drawing made fit for a page: same bytes every time, ids of its own, a title and a description."""

from __future__ import annotations

import hashlib
import re
import xml.etree.ElementTree as ET

SVG = "http://www.w3.org/2000/svg"
_LINK = "{http://www.w3.org/1999/xlink}href"
_DECIMAL = re.compile(r"-?\d+\.\d+(?:e[-+]?\d+)?")
_NUMBERS = frozenset({"d", "points", "transform", "x", "y", "x1", "x2", "y1", "y2", "width", "height", "r"})
_NOT_STYLE = frozenset({"fill", "stroke", "font-family"})
_URL = re.compile(r"url\(#([^)]+)\)")
_FONT = "Arial, Helvetica, 'Liberation Sans', 'DejaVu Sans', sans-serif"


def finish(drawing: str, *, name: str, title: str, alt: str) -> str:
    """The SVG text of a drawing without date, creator or page-wide style, with role, title and description.

    Every id begins with `name` and a hash of the content, so that several figures share a page without clash
    and the same figure always has the same ids. Colours stand as attributes and not as styles: the file shows
    them anywhere, and a page may exchange them for a dark palette.
    """
    ET.register_namespace("", SVG)
    root = ET.fromstring(drawing)
    _drop(root)
    for element in root.iter():
        _round(element)
    # ids first become plain numbers: older matplotlib makes some of them from memory addresses
    _rename(root, "id")
    digest = hashlib.sha256(ET.tostring(root) + alt.encode("utf-8")).hexdigest()[:8]
    prefix = f"{name}-{digest}"
    _rename(root, prefix)
    for attribute in ("width", "height", "version"):
        root.attrib.pop(attribute, None)
    root.set("role", "img")
    root.set("aria-labelledby", f"{prefix}-title {prefix}-desc")
    root.set("font-family", _FONT)
    root.set("stroke-linejoin", "round")
    root.set("stroke-linecap", "butt")
    for position, (tag, text) in enumerate((("title", title), ("desc", alt))):
        child = ET.Element(f"{{{SVG}}}{tag}", {"id": f"{prefix}-{tag}"})
        child.text = text
        root.insert(position, child)
    return _text(root)


def _drop(root: ET.Element) -> None:
    for parent in root.iter():
        for child in list(parent):
            local = child.tag.rpartition("}")[2] if isinstance(child.tag, str) else "comment"
            if local in ("metadata", "style", "comment"):
                parent.remove(child)
    for parent in root.iter():
        for child in list(parent):
            if child.tag == f"{{{SVG}}}defs" and len(child) == 0:
                parent.remove(child)


def _rename(root: ET.Element, prefix: str) -> None:
    used: dict[str, str] = {}
    for element in root.iter():
        link = element.attrib.pop(_LINK, None)
        if link is not None:
            element.set("href", link)
        for key, value in element.attrib.items():
            found = _URL.findall(value)
            if key == "href" and value.startswith("#"):
                found = [value[1:]]
            for old in found:
                used.setdefault(old, f"{prefix}-{len(used) + 1}")
    for element in root.iter():
        identity = element.attrib.pop("id", None)
        if identity in used:
            element.set("id", used[identity])
        for key, value in element.attrib.items():
            if key == "href":
                element.set(key, f"#{used[value[1:]]}")
            elif "url(#" in value:
                element.set(key, _URL.sub(lambda match: f"url(#{used[match.group(1)]})", value))


def _round(element: ET.Element) -> None:
    for key, value in element.attrib.items():
        if key in _NUMBERS or key == "viewBox":
            value = " ".join(value.split())
            element.set(key, _DECIMAL.sub(_two_decimals, value))
    _plain_colours(element)


def _plain_colours(element: ET.Element) -> None:
    """Fill and stroke as attributes, which a page's style sheet may override; the rest stays a style."""
    parts = [part.strip() for part in element.attrib.pop("style", "").split(";") if part.strip()]
    for part in parts:
        name, _, value = part.partition(":")
        if name in ("fill", "stroke"):
            element.set(name, value.strip())
    kept = [_style(part) for part in parts if part.partition(":")[0] not in _NOT_STYLE]
    if kept:
        element.set("style", "; ".join(kept))


def _two_decimals(match: re.Match[str]) -> str:
    text = f"{float(match.group()):.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _style(part: str) -> str:
    # only the size of a font is the drawing's business; its family is the page's
    if part.startswith("font:"):
        weight = "bold " if re.search(r"\b(bold|700)\b", part) else ""
        size = re.search(r"[\d.]+px", part)
        return f"font-weight: {weight.strip() or 'normal'}; font-size: {size.group() if size else '10px'}"
    return _DECIMAL.sub(_two_decimals, part)


def _text(root: ET.Element) -> str:
    return ET.tostring(root, encoding="unicode").replace("\r", "")

"""What others wrote, made safe: HTML by an allow-list of ours; other drawings refused."""

from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ET
from functools import cache
from typing import Any

from whatworks.errors import PublishError

_TAG_WORDS = (
    "p br hr strong em b i code pre sub sup ul ol li dl dt dd blockquote del a div span "
    "h1 h2 h3 h4 h5 h6 table caption thead tbody tfoot tr th td"
)
_TAGS = frozenset(_TAG_WORDS.split())
_LINK = re.compile(r"(?:https?://|mailto:)[^\s<>\"']+")
_PROTOCOLS = frozenset({"http", "https", "mailto"})
_TABLE = re.compile(r"<table>(.*?)</table>", re.DOTALL)
_CAPTION = re.compile(r"<caption>(.*?)</caption>", re.DOTALL)

_SVG = "{http://www.w3.org/2000/svg}"
_SHAPE_WORDS = (
    "svg title desc g defs clipPath pattern path rect circle ellipse line polyline polygon text tspan use"
)
_SHAPES = frozenset(_SHAPE_WORDS.split())
_SHAPE_ATTRIBUTE_WORDS = (
    "id role aria-labelledby viewBox d x y x1 y1 x2 y2 cx cy r rx ry width height points transform style "
    "fill stroke stroke-width stroke-dasharray stroke-linejoin stroke-linecap opacity fill-opacity "
    "clip-path clip-rule fill-rule font-family font-size font-weight text-anchor href patternUnits"
)
_SHAPE_ATTRIBUTES = frozenset(_SHAPE_ATTRIBUTE_WORDS.split())
_LOCAL = re.compile(r"url\(\s*#[\w.-]+\s*\)")


def markup(text: str) -> str:
    """HTML with only the tags and attributes of our list; every other tag shows as text.

    No class, id, style, event or image survives, and links only to http, https and mailto.
    """
    cleaned: str = _cleaner().clean(text.replace("\0", ""))
    return cleaned


def is_link(url: str) -> bool:
    """Whether a link may stand in a page: http, https or mailto, nothing else."""
    return _LINK.fullmatch(url) is not None


def tables(text: str) -> str:
    """Cleaned HTML with each of its tables in a region that scrolls by itself."""
    return _TABLE.sub(_scrolling, text)


def refuse_drawing(svg: str, *, where: str) -> None:
    """Raise `PublishError` for an SVG text that holds anything that can run, reach out or is not known."""
    if "<!" in svg or "<?" in svg:
        raise _refuse("it holds a declaration, an entity or a comment", where)
    try:
        root = ET.fromstring(svg)
    except ET.ParseError as problem:
        raise _refuse(f"it is not well formed: {problem}", where) from problem
    if root.tag != f"{_SVG}svg":
        raise _refuse("it is not an SVG drawing", where)
    for element in root.iter():
        local = str(element.tag).removeprefix(_SVG)
        if local not in _SHAPES:
            raise _refuse(f"it holds <{local}>", where)
        for name, value in element.attrib.items():
            _refuse_attribute(name, value, where)


def _refuse_attribute(name: str, value: str, where: str) -> None:
    if name not in _SHAPE_ATTRIBUTES:
        raise _refuse(f"it holds the attribute {name}", where)
    if name == "href" and not value.startswith("#"):
        raise _refuse(f"it refers to {value[:60]!r}", where)
    rest = _LOCAL.sub("", value).lower()
    if any(sign in rest for sign in ("url(", "expression(", "@import", "javascript:", "\\")):
        raise _refuse(f"{name} refers outside: {value[:60]!r}", where)


def _refuse(what: str, where: str) -> PublishError:
    return PublishError(what, where=where, remedy="Draw it with whatworks.present and run the study again.")


@cache
def _cleaner() -> Any:
    from bleach.sanitizer import Cleaner

    return Cleaner(tags=_TAGS, attributes=_allowed, protocols=_PROTOCOLS, strip=False, strip_comments=True)


def _allowed(tag: str, name: str, value: str) -> bool:
    if tag == "a":
        return name == "href" and is_link(value)
    return (tag in ("th", "td") and name in ("colspan", "rowspan")) or (tag == "th" and name == "scope")


def _scrolling(match: re.Match[str]) -> str:
    caption = _CAPTION.search(match[1])
    words = re.sub(r"<[^>]*>", "", caption[1]) if caption else ""
    label = html.escape(html.unescape(words))
    return (
        f'<div class="ww-scroll" role="region" tabindex="0" aria-label="{label}">'
        f'<table class="ww-table">{match[1]}</table></div>'
    )

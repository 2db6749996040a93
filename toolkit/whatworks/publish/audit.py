"""The last look at a page before it goes out: what tools for accessibility do not see, and what they do."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from whatworks.errors import PublishError, first_few
from whatworks.publish.pages import script_hash

Attributes = dict[str, str]

SHORTEST_ALT = 20
_PLACEHOLDER = re.compile(
    r"^\W*(image|figure|picture|plot|chart|graph|alt( text)?|todo|tbd|placeholder|untitled|no description|"
    r"description|png|svg|\.\.\.)?\W*\d*\W*$|lorem ipsum|alt text here",
    re.IGNORECASE,
)
_LOADS = ("src", "srcset", "poster", "data", "background", "action", "formaction", "xlink:href", "ping")
_OUTSIDE = re.compile(r"(?:[a-z][a-z0-9+.-]*:|//)", re.IGNORECASE)
_STYLE_OUTSIDE = re.compile(r"@import|url\(\s*['\"]?(?!#|data:image/)", re.IGNORECASE)
_FORBIDDEN = frozenset(
    {
        "script",
        "iframe",
        "object",
        "embed",
        "link",
        "base",
        "form",
        "input",
        "button",
        "audio",
        "video",
        "img",
    }
)
_VOID = frozenset(
    {"meta", "br", "hr", "img", "input", "link", "base", "col", "area", "wbr", "source", "embed"}
)


def faults(page: str, *, script: str = "") -> list[str]:
    """Everything that keeps a page from being published, in words; empty when it may go out.

    `script` is the one script of ours that the page may run, whole; without it any script is a fault.
    """
    reader = _Reader(script)
    reader.feed(page)
    reader.close()
    return [*reader.faults, *_document(reader), *_references(reader)]


def refuse(page: str, *, where: str, script: str = "") -> None:
    """Raise `PublishError` when a page has faults; it names the first of them and how many there are."""
    found = faults(page, script=script)
    if found:
        raise PublishError(
            f"the page is not fit to publish: {first_few(found, 8)}",
            where=where,
            remedy="Give every figure its words, caption and data, every table caption and headers.",
        )


@dataclass(slots=True)
class _Open:
    tag: str
    attributes: Attributes
    text: str = ""
    inside: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    """One pass over a page, keeping what the rules speak of."""

    def __init__(self, script: str) -> None:
        super().__init__(convert_charrefs=True)
        self.script = script
        self.faults: list[str] = []
        self.ids: list[str] = []
        self.anchors: list[str] = []
        self.labelled_by: list[str] = []
        self.headings: list[int] = []
        self.seen: dict[str, int] = {}
        self.metas: dict[str, str] = {}
        self.lang = ""
        self.title = ""
        self.first_link = ""
        self._stack: list[_Open] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.seen[tag] = self.seen.get(tag, 0) + 1
        self._note(tag, attributes)
        self._danger(tag, attributes)
        for parent in self._stack:
            parent.inside.append(tag)
        if tag not in _VOID:
            self._stack.append(_Open(tag, attributes))

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        while self._stack:
            top = self._stack.pop()
            if top.tag == tag:
                self._finish(top)
                return
            self.faults.append(f"<{top.tag}> is not closed before </{tag}>")
        self.faults.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        for parent in self._stack:
            parent.text += data

    def _note(self, tag: str, attributes: Attributes) -> None:
        if "id" in attributes:
            self.ids.append(attributes["id"])
        self.labelled_by += attributes.get("aria-labelledby", "").split()
        if tag == "html":
            self.lang = attributes.get("lang", "")
        elif tag == "meta":
            key = attributes.get("name") or attributes.get("http-equiv") or "charset"
            self.metas[key.lower()] = attributes.get("content", attributes.get("charset", ""))
        elif tag == "a":
            self.first_link = self.first_link or attributes.get("href", "-")
            if attributes.get("href", "").startswith("#"):
                self.anchors.append(attributes["href"][1:])
        elif re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        elif tag == "th" and "scope" not in attributes:
            self.faults.append("a table header without scope")

    def _danger(self, tag: str, attributes: Attributes) -> None:
        if tag in _FORBIDDEN and not (tag == "script" and self.script and not attributes):
            self.faults.append(f"<{tag}> has no place in a report")
        for name, value in attributes.items():
            if name.startswith("on"):
                self.faults.append(f"<{tag}> carries {name}")
            if name in _LOADS and _OUTSIDE.match(value.strip()):
                self.faults.append(f"<{tag}> loads {value[:60]!r}")
            if name == "href" and tag != "a" and not value.startswith("#"):
                self.faults.append(f"<{tag}> loads {value[:60]!r}")
            if name == "style" and _STYLE_OUTSIDE.search(value):
                self.faults.append(f"the style of <{tag}> loads from outside")
        if tag == "a" and re.match(r"\s*(javascript|data|vbscript):", attributes.get("href", ""), re.I):
            self.faults.append("a link that runs a script")

    def _finish(self, element: _Open) -> None:
        tag, text = element.tag, " ".join(element.text.split())
        if tag == "title" and not any(parent.tag == "svg" for parent in self._stack):
            self.title = text
        elif tag == "script" and self.script and element.text != self.script:
            self.faults.append("a script that is not the one of ours")
        elif tag == "style" and _STYLE_OUTSIDE.search(element.text):
            self.faults.append("the style sheet loads from outside")
        elif tag == "svg":
            self._drawing(element)
        elif tag == "desc" and (len(text) < SHORTEST_ALT or _PLACEHOLDER.search(text)):
            self.faults.append(f"a figure whose description says nothing ({text[:40]!r})")
        elif tag == "figcaption" and not text:
            self.faults.append("an empty caption")
        elif tag == "figure":
            self._figure(element)
        elif tag == "table":
            self._table(element)
        elif tag == "caption" and not text:
            self.faults.append("an empty table caption")
        elif re.fullmatch(r"h[1-6]", tag) and not text:
            self.faults.append("an empty heading")

    def _drawing(self, element: _Open) -> None:
        if element.attributes.get("aria-hidden") == "true":
            return
        if element.attributes.get("role") != "img" or not {"title", "desc"} <= set(element.inside):
            self.faults.append("a drawing without role, title and description")
        if not any(parent.tag == "figure" for parent in self._stack):
            self.faults.append("a drawing outside a figure")

    def _figure(self, element: _Open) -> None:
        if "figcaption" not in element.inside:
            self.faults.append("a figure without caption")
        if "table" not in element.inside:
            self.faults.append("a figure without its data as a table")

    def _table(self, element: _Open) -> None:
        if "caption" not in element.inside:
            self.faults.append("a table without caption")
        if "th" not in element.inside:
            self.faults.append("a table without headers")


def _document(reader: _Reader) -> list[str]:
    found = []
    needed = {
        "no language": bool(reader.lang),
        "no title": bool(reader.title),
        "no description": bool(reader.metas.get("description")),
        "no viewport": "viewport" in reader.metas,
        "no content security policy": "default-src 'none'" in reader.metas.get("content-security-policy", ""),
        "scripts may run that are not the one of ours": _scripts_named(reader),
        "not exactly one h1": reader.headings.count(1) == 1,
        "no header": "header" in reader.seen,
        "not exactly one main": reader.seen.get("main") == 1,
        "no footer": "footer" in reader.seen,
        "no navigation": "nav" in reader.seen,
    }
    found += [fault for fault, fine in needed.items() if not fine]
    if not (reader.first_link.startswith("#") and reader.first_link[1:] in reader.ids):
        found.append("no skip link first on the page")
    if reader.headings and reader.headings[0] != 1:
        found.append("the first heading is not the h1")
    for above, below in zip(reader.headings, reader.headings[1:], strict=False):
        if below > above + 1:
            found.append(f"a heading jumps from h{above} to h{below}")
    return found


def _scripts_named(reader: _Reader) -> bool:
    """Whether the policy lets run exactly the script that the page may have, by its hash, or none."""
    policy = reader.metas.get("content-security-policy", "").split(";")
    named = [part.strip() for part in policy if part.strip().startswith("script-src")]
    return named == ([f"script-src '{script_hash(reader.script)}'"] if reader.script else [])


def _references(reader: _Reader) -> list[str]:
    twice = sorted({name for name in reader.ids if reader.ids.count(name) > 1})
    missing = sorted({name for name in (*reader.anchors, *reader.labelled_by) if name not in reader.ids})
    found = [f"the id {name!r} stands twice" for name in twice]
    return found + [f"nothing has the id {name!r}" for name in missing]

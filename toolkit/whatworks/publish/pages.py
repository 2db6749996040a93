"""The page templates of this room, filled in with everything escaped."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import Any

_STYLES = ("page.css", "shown.css", "reader.css", "dark.css")
_FILES = ("page.html", "report.html", "ledger.html", "words.html")


def fill(template: str, **values: Any) -> str:
    """A page from one of our templates: LF line ends, every value escaped unless it is `safe`."""
    whole = {"links": (), "address": "", "script": "", **values}
    whole["script_hash"] = script_hash(whole["script"])
    page: str = _environment().get_template(template).render(css=safe(stylesheet()), **whole)
    return page


def safe(html: str) -> Any:
    """HTML made by us or cleaned by us, to be set as it stands."""
    from markupsafe import Markup

    return Markup(html)


def script() -> str:
    """The one script of ours, which filters and sorts the ledger; nothing depends on it."""
    return _text("ledger.js")


def script_hash(text: str) -> str:
    """A script as a content security policy names it: `sha256-…`, so that exactly this one may run."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def stylesheet() -> str:
    """The style sheet of every page: the page, its figures and tables, a reader's aids, the dark palette."""
    return "".join(_text(name) for name in _STYLES)


def _text(name: str) -> str:
    home = resources.files("whatworks.publish") / "templates" / name
    return home.read_text(encoding="utf-8").replace("\r\n", "\n")


@cache
def _environment() -> Any:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.DictLoader({name: _text(name) for name in _FILES}),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )

"""Colours of the docs by the formula of WCAG 2.2 (1.4.3), and what else their style sheet promises."""

from __future__ import annotations

import colorsys
import re
from pathlib import Path

import pytest

ASSETS = Path(__file__).parents[2] / "docs" / "assets"
STYLES = (ASSETS / "pages.css").read_text(encoding="utf-8")
Colour = tuple[float, float, float]

HUE = 225.0
"""The theme's `--md-hue`."""
WHITE: Colour = (1.0, 1.0, 1.0)
CODE: Colour = (0xF5 / 255,) * 3
BEHIND: dict[str, tuple[Colour, ...]] = {
    "default": (WHITE, CODE),
    "slate": tuple(colorsys.hls_to_rgb(HUE / 360, light, 0.15) for light in (0.14, 0.18)),
}
"""What stands behind text and behind code, in the theme's two palettes."""


def colour(words: str, behind: Colour) -> Colour:
    """A colour of a style sheet, laid over what is behind it where it is not opaque."""
    if words.startswith("#"):
        return (int(words[1:3], 16) / 255, int(words[3:5], 16) / 255, int(words[5:7], 16) / 255)
    parts = [float(part.strip(" %")) for part in words.replace("var(--md-hue)", str(HUE))[5:-1].split(",")]
    if words.startswith("hsla("):
        own = colorsys.hls_to_rgb(parts[0] / 360, parts[2] / 100, parts[1] / 100)
    else:
        own = (parts[0] / 255, parts[1] / 255, parts[2] / 255)
    red, green, blue = (parts[3] * own[at] + (1 - parts[3]) * behind[at] for at in range(3))
    return (red, green, blue)


def contrast(one: Colour, other: Colour) -> float:
    def luminance(shade: Colour) -> float:
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in shade]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_formula() -> None:
    assert contrast(WHITE, (0.0, 0.0, 0.0)) == pytest.approx(21.0)
    # the usual example of a grey that just fails and one that just passes on white
    assert contrast(colour("#777777", WHITE), WHITE) == pytest.approx(4.48, abs=0.01)
    assert contrast(colour("#767676", WHITE), WHITE) == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("palette", BEHIND)
def test_text_and_code_can_be_read(palette: str) -> None:
    block = STYLES.partition(f'[data-md-color-scheme="{palette}"][data-md-color-primary] {{')[2].partition(
        "}"
    )[0]
    found = re.findall(r"--(md-[\w-]+): ([^;]+);", block)
    assert len(found) > 6
    for name, words in found:
        for behind in BEHIND[palette]:
            ratio = contrast(colour(words, behind), behind)
            assert ratio >= 4.5, f"{palette} {name}: {ratio:.2f} to 1"


def test_the_footer_can_be_read() -> None:
    # the theme lays 87% black and then 32% black over white, the lighter of its two rows first
    footer = colour("rgba(0, 0, 0, 0.87)", WHITE)
    words = re.findall(r"--md-footer-fg-color--lighter: ([^;]+);", STYLES)
    assert len(words) == 1
    assert contrast(colour(words[0], footer), footer) >= 4.5


def test_links_have_a_line_and_targets_their_size() -> None:
    links = STYLES.partition(".md-typeset a:not(.headerlink) {")[2].partition("}")[0]
    assert "text-decoration: underline" in links
    target = STYLES.partition(".md-nav__link {")[2].partition("}")[0]
    # the theme sets 1 rem to 20 px
    assert float(re.findall(r"min-height: ([\d.]+)rem", target)[0]) * 20 >= 24

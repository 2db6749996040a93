"""Formulas in markdown (a small part of TeX) to MathML, when the page is built."""

from __future__ import annotations

import html
import re

from whatworks.errors import PublishError

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\s+|[0-9]+(?:\.[0-9]+)?|.", re.DOTALL)
_GREEK = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta kappa lambda mu nu xi pi rho sigma tau phi "
    "varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega infty ell"
)
_LETTERS = dict(zip(_GREEK.split(), "αβγδϵεζηθκλμνξπρστϕφχψωΓΔΘΛΞΠΣΦΨΩ∞ℓ", strict=True))
_OPERATORS = {
    **{"cdot": "⋅", "times": "×", "pm": "±", "leq": "≤", "le": "≤", "geq": "≥", "ge": "≥", "neq": "≠"},
    **{"approx": "≈", "sim": "∼", "in": "∈", "notin": "∉", "mid": "∣", "to": "→", "rightarrow": "→"},
    **{"sum": "∑", "prod": "∏", "int": "∫", "ldots": "…", "dots": "…", "cdots": "⋯", "perp": "⊥"},
    **{"partial": "∂", "forall": "∀", "setminus": "∖", "cup": "∪", "cap": "∩", "prime": "′", "equiv": "≡"},
    **{"lfloor": "⌊", "rfloor": "⌋", "log": "log", "exp": "exp", "min": "min", "max": "max", "ln": "ln"},
    **{"{": "{", "}": "}", "%": "%", "&": "&", "$": "$", "_": "_", "|": "∥"},
}
_ACCENTS = {"hat": "^", "widehat": "^", "bar": "¯", "overline": "¯", "tilde": "~", "widetilde": "~"}
_SPACES = {",": "0.17em", ";": "0.28em", ":": "0.22em", " ": "0.25em", "quad": "1em", "qquad": "2em"}
_WORDS = frozenset({"text", "mathrm", "operatorname", "textrm", "mathit"})
_BLACKBOARD = {"E": "𝔼", "R": "ℝ", "N": "ℕ", "P": "ℙ", "1": "𝟙"}
_SIDES = {"left", "right", "big", "Big", "bigl", "bigr"}


def mathml(tex: str, *, display: bool) -> str:
    """MathML of a formula, display or inline.

    Understands letters, numbers, Greek, sub- and superscripts, fractions, roots, accents, sums and words in
    `\\text{}`. Raises `PublishError` for anything else, since a formula that shows wrong is worse than none.
    """
    tokens = [token for token in _TOKEN.findall(tex.strip()) if not token.isspace()]
    body, rest = _row(tokens, 0, tex)
    if rest != len(tokens):
        raise _refuse("a closing brace too many", tex)
    spread = ' display="block"' if display else ""
    return f'<math xmlns="http://www.w3.org/1998/Math/MathML"{spread}><mrow>{body}</mrow></math>'


def _row(tokens: list[str], at: int, tex: str) -> tuple[str, int]:
    parts: list[str] = []
    while at < len(tokens) and tokens[at] != "}":
        atom, at = _atom(tokens, at, tex)
        scripts: dict[str, str] = {}
        while at < len(tokens) and tokens[at] in ("_", "^"):
            kind = tokens[at]
            if kind in scripts:
                raise _refuse(f"two {kind} in a row", tex)
            scripts[kind], at = _argument(tokens, at + 1, tex)
        parts.append(_scripted(atom, scripts))
    return "".join(parts), at


def _scripted(atom: str, scripts: dict[str, str]) -> str:
    below, above = scripts.get("_"), scripts.get("^")
    if below and above:
        return f"<msubsup>{atom}{below}{above}</msubsup>"
    if below:
        return f"<msub>{atom}{below}</msub>"
    return f"<msup>{atom}{above}</msup>" if above else atom


def _argument(tokens: list[str], at: int, tex: str) -> tuple[str, int]:
    if at >= len(tokens):
        raise _refuse("it ends where an argument is due", tex)
    if tokens[at] != "{":
        return _atom(tokens, at, tex)
    body, at = _row(tokens, at + 1, tex)
    if at >= len(tokens):
        raise _refuse("a brace is not closed", tex)
    return f"<mrow>{body}</mrow>", at + 1


def _atom(tokens: list[str], at: int, tex: str) -> tuple[str, int]:
    token = tokens[at]
    if token == "{":
        return _argument(tokens, at, tex)
    if token in ("_", "^"):
        return "<mrow></mrow>", at
    if token.startswith("\\"):
        return _command(token[1:], tokens, at + 1, tex)
    if token[0].isdigit():
        return f"<mn>{token}</mn>", at + 1
    if token.isalpha():
        return f"<mi>{html.escape(token)}</mi>", at + 1
    return f"<mo>{html.escape({'-': '−', '*': '∗'}.get(token, token))}</mo>", at + 1


def _command(name: str, tokens: list[str], at: int, tex: str) -> tuple[str, int]:
    if name in _LETTERS:
        return f"<mi>{_LETTERS[name]}</mi>", at
    if name in _OPERATORS:
        return f"<mo>{html.escape(_OPERATORS[name])}</mo>", at
    if name in _SPACES:
        return f'<mspace width="{_SPACES[name]}"></mspace>', at
    if name in _SIDES:
        return "", at
    if name in _WORDS:
        return _wordy(tex, tokens, at)
    if name == "mathbb" or name == "mathbf":
        letter, after = _plain(tokens, at, tex)
        return f"<mi>{html.escape(_BLACKBOARD.get(letter, letter))}</mi>", after
    if name in _ACCENTS:
        body, after = _argument(tokens, at, tex)
        stretch = "true" if name.startswith(("wide", "over")) else "false"
        return f'<mover accent="true">{body}<mo stretchy="{stretch}">{_ACCENTS[name]}</mo></mover>', after
    if name == "sqrt":
        body, after = _argument(tokens, at, tex)
        return f"<msqrt>{body}</msqrt>", after
    if name in ("frac", "tfrac", "dfrac"):
        above, at = _argument(tokens, at, tex)
        below, at = _argument(tokens, at, tex)
        return f"<mfrac>{above}{below}</mfrac>", at
    raise _refuse(f"\\{name} is not known here", tex)


def _wordy(tex: str, tokens: list[str], at: int) -> tuple[str, int]:
    text, after = _plain(tokens, at, tex)
    return f"<mtext>{html.escape(text)}</mtext>", after


def _plain(tokens: list[str], at: int, tex: str) -> tuple[str, int]:
    if at < len(tokens) and tokens[at] != "{":
        return tokens[at], at + 1
    if "}" not in tokens[at:]:
        raise _refuse("a brace is not closed", tex)
    end = tokens.index("}", at)
    # the tokens have lost their spaces; the words between the same braces still have them
    words = "".join(tokens[at + 1 : end])
    for match in re.finditer(r"\{([^{}]*)\}", tex):
        if "".join(match[1].split()) == words:
            return match[1], end + 1
    return words, end + 1


def _refuse(what: str, tex: str) -> PublishError:
    return PublishError(
        what,
        where=f"formula ${tex.strip()}$",
        remedy="Say it in words, or with letters, scripts, \\frac, \\sqrt, \\hat, \\sum and \\text.",
    )

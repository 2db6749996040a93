"""The table of a study of counts: how much they vary, and who counts nothing."""

from __future__ import annotations

from whatworks.errors import OptionError, first_few
from whatworks.results import NotAvailable, Result
from whatworks.shown import Table, words


def counts_table(result: Result, *, subject: str = "") -> Table:
    """Overdispersion and units without a count, as `did.poisson` found them.

    Raises `OptionError` for a result that no method for counts made in this session.
    """
    detail = result.detail
    if not hasattr(detail, "dispersion") or not hasattr(detail, "silent_units"):
        raise OptionError(
            f"a result of {result.method} says nothing about counts",
            where="present.counts_table",
            remedy="Give the result of did.poisson as it came, not one read back from a file.",
        )
    silent = tuple(detail.silent_units)
    rows = (
        ("Areas used", f"{result.design.n_units:,}"),
        (
            "Areas that count 0 throughout, left out",
            f"{len(silent)}: {first_few(silent)}" if silent else "none",
        ),
        ("Variance over mean (1 if by chance alone)", words.number(float(detail.dispersion))),
        ("Overdispersion", _dispersed(float(detail.dispersion))),
        ("Rate ratio", _with_interval(result)),
    )
    spoken = words.spoken(subject)
    caption = f"The counts{f' of {spoken}' if spoken else ''} and how much they vary"
    return Table("counts", caption, ("What", "Found"), rows, (False, False), each="fact")


def _dispersed(dispersion: float) -> str:
    if dispersion <= 1:
        return "none: the counts vary no more than Poisson counts would"
    return "allowed for: the interval comes from whole clusters, not from Poisson's variance"


def _with_interval(result: Result) -> str:
    found = result.headline
    if isinstance(found.value, NotAvailable):
        return str(found.value)
    if isinstance(found.low, NotAvailable) or isinstance(found.high, NotAvailable):
        return f"{found.value:.3f}, no interval"
    return f"{found.value:.3f} ({words.level(found.level)} interval {found.low:.3f} to {found.high:.3f})"

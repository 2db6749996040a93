"""Inference: arrays in, numbers out; how uncertainty is found, and the default for a design."""

from __future__ import annotations

from typing import Any

from whatworks.errors import choose as choose_option
from whatworks.inference.cluster import ClusterRobust
from whatworks.inference.default import Default
from whatworks.inference.draws import DEFAULT_SEED
from whatworks.inference.jackknife import Jackknife
from whatworks.inference.percent import relative_change
from whatworks.inference.randomisation import RandomisationInference
from whatworks.inference.sandwich import Conley, DriscollKraay, TwoWay
from whatworks.inference.wild import WildCluster

NAMES = ("default", "cluster", "wild", "multiplier", "analytical")
"""The words for inference in study parameters and on the command line."""


def choose(name: str, *, draws: int = 9999, seed: int = DEFAULT_SEED) -> Any:
    """The inference object that a study parameter names; `draws` and `seed` where it is a bootstrap.

    Raises:
        OptionError: a name that is not one of `NAMES`, or draws or a seed out of range.
    """
    choose_option("inference", name, NAMES, where="inference")
    if name == "cluster":
        return ClusterRobust()
    if name == "wild":
        return WildCluster(draws=draws, seed=seed)
    if name == "default":
        return Default(draws=draws, seed=seed)
    if name == "multiplier":
        from whatworks.inference.multiplier import MultiplierBootstrap

        return MultiplierBootstrap(draws=draws, seed=seed)
    from whatworks.inference.influence import Analytical

    return Analytical()


__all__ = [
    "NAMES",
    "ClusterRobust",
    "Conley",
    "Default",
    "DriscollKraay",
    "Jackknife",
    "RandomisationInference",
    "TwoWay",
    "WildCluster",
    "choose",
    "relative_change",
]

"""Inference: arrays in, numbers out; how uncertainty is found, and the default for a design."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable
from functools import partial
from typing import Any

from whatworks.errors import choose as choose_option
from whatworks.inference.chance.few_treated import FewTreated
from whatworks.inference.chance.randomisation import RandomisationInference
from whatworks.inference.default import Default
from whatworks.inference.draws import DEFAULT_SEED
from whatworks.inference.errors.cluster import ClusterRobust
from whatworks.inference.errors.heteroskedastic import Heteroskedastic
from whatworks.inference.errors.influence import Analytical
from whatworks.inference.errors.jackknife import Jackknife
from whatworks.inference.errors.sandwich import Conley, DriscollKraay, TwoWay
from whatworks.inference.errors.wild import WildCluster
from whatworks.inference.percent import relative_change
from whatworks.inference.settings import apply

_BOOTSTRAPS: dict[str, Callable[..., Any]] = {
    "default": Default,
    "wild": WildCluster,
    "randomisation": RandomisationInference,
    "few_treated": FewTreated,
}
_SYNTHETIC = {
    "placebo": ("synthetic.placebo", "Placebo"),
    "placebo_error": ("synthetic.placebo_error", "PlaceboError"),
    "conformal": ("synthetic.conformal", "Conformal"),
    "jackknife_plus": ("synthetic.jackknife_plus", "JackknifePlus"),
    "prediction": ("synthetic.prediction", "PredictionIntervals"),
    "unit_bootstrap": ("synthetic.unit_bootstrap", "UnitBootstrap"),
    "linearised": ("synthetic.linearised", "Linearised"),
    "permutation_groups": ("synthetic.permutation_groups", "PermutationGroups"),
    "group_jackknife": ("synthetic.group_jackknife", "GroupJackknife"),
}
"""Inference of synthetic control, by module and class; loaded only when asked for."""

_PLAIN: dict[str, Callable[..., Any]] = {
    "heteroskedastic": Heteroskedastic,
    "cluster": ClusterRobust,
    "cr2": partial(ClusterRobust, kind="CR2"),
    "cr3": partial(ClusterRobust, kind="CR3"),
    "jackknife": Jackknife,
    "two_way": TwoWay,
    "driscoll_kraay": DriscollKraay,
    "analytical": Analytical,
}

NAMES = (*_BOOTSTRAPS, "multiplier", *_PLAIN, *_SYNTHETIC)
"""The words for inference in study parameters and on the command line.

`Conley` needs coordinates and has no word; give the object.
"""


def choose(name: str, *, draws: int = 9999, seed: int = DEFAULT_SEED) -> Any:
    """The inference object that a study parameter names; `draws` and `seed` where it draws.

    Settings follow the name after a colon, as in `cluster:correction=stata`, `wild:null=free,weights=webb`
    or `placebo:side=fall,worst_fit=2`.

    Raises:
        OptionError: a name that is not one of `NAMES`, a setting that it does not have, or a value, draws or
            a seed out of range.
    """
    word, _, settings = name.partition(":")
    return apply(_named(word, draws, seed), word, settings)


def _named(name: str, draws: int, seed: int) -> Any:
    choose_option("inference", name, NAMES, where="inference")
    if name in _BOOTSTRAPS:
        return _BOOTSTRAPS[name](draws=draws, seed=seed)
    if name in _PLAIN:
        return _PLAIN[name]()
    if name in _SYNTHETIC:
        module, kind = _SYNTHETIC[name]
        synthetic = getattr(importlib.import_module(f"whatworks.inference.{module}"), kind)
        settings = {field.name for field in dataclasses.fields(synthetic)}
        return synthetic(**{k: v for k, v in (("draws", draws), ("seed", seed)) if k in settings})
    # loaded only when asked for
    from whatworks.inference.errors.multiplier import MultiplierBootstrap

    return MultiplierBootstrap(draws=draws, seed=seed)


__all__ = [
    "NAMES",
    "ClusterRobust",
    "Conley",
    "Default",
    "DriscollKraay",
    "FewTreated",
    "Heteroskedastic",
    "Jackknife",
    "RandomisationInference",
    "TwoWay",
    "WildCluster",
    "choose",
    "relative_change",
]

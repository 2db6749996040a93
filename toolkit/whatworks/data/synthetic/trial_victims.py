"""A trial of restorative justice: six hundred victims, offered a meeting or not; not all offered one come."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from whatworks.arrays import Floats, Ints
from whatworks.data.synthetic import trial_parts as parts
from whatworks.data.synthetic.draws import normals, uniforms
from whatworks.data.synthetic.table import SyntheticLondon

NAME: Final = "restorative-justice"
VICTIMS: Final = 600
SITES: Final = ("East", "North", "South", "West")
ANYWAY, OFFERED = 0.05, 0.65
"""Shares that meet: anyway, and when offered; nobody meets only because it was not offered."""

SATISFACTION, NEEDS = 1.2, 0.2
"""What a meeting adds: points of satisfaction (0 to 10), and to the chance that needs were met."""

LOST: Final = {"usual practice": 0.25, "meeting offered": 0.18}
"""Shares that do not answer the survey, by arm."""

_AGE, _DISTRESS, _VIOLENT, _TYPE, _ANSWER, _SCORE, _NEEDS = range(600, 607)


def victims_list(*, seed: int = 2026) -> pd.DataFrame:
    """The list that is randomised: 600 invented victims with what was known of them beforehand.

    Columns: `victim`, `site` (four of 150), `age`, `violent` (1 where the offence was), `distress` (0 to 10).
    Raises `OptionError` for a seed that cannot be.
    """
    age = np.rint(18 + 62 * uniforms(seed, _AGE, (VICTIMS,)) ** 1.3).astype(np.int64)
    violent = (uniforms(seed, _VIOLENT, (VICTIMS,)) < 0.45).astype(np.int64)
    distress = np.clip(np.rint(5 + violent + 2 * normals(seed, _DISTRESS, (VICTIMS,))), 0, 10)
    return pd.DataFrame(
        {
            "victim": [f"V{place:03d}" for place in range(1, VICTIMS + 1)],
            "site": np.resize(SITES, VICTIMS),
            "age": age,
            "violent": violent,
            "distress": distress.astype(np.int64),
        }
    )


def restorative_justice(allocation: pd.DataFrame, *, seed: int = 2026) -> SyntheticLondon:
    """What the trial brought, for an allocation of its list: who met, who answered, and what they said.

    Args:
        allocation: table with `victim` and `arm` (`usual practice` or `meeting offered`), as
            `rct.randomise` gives it for `victims_list(seed=seed)`.
        seed: the seed of the list; a victim would have said the same under any allocation.

    Returns:
        The list with `arm`, `met` (0 or 1), `satisfaction` (0 to 10) and `needs_met` (0 or 1), the last two
        blank where the survey was not answered. Who does not answer depends on the arm and on distress.

    Raises:
        TrialError: an allocation of another list.
        OptionError: a seed that cannot be.
    """
    listed = victims_list(seed=seed)
    arm = parts.assigned(allocation, listed, ["victim"], ["arm"])["arm"]
    kind = uniforms(seed, _TYPE, (VICTIMS,))
    anyway, complier = kind < ANYWAY, (kind >= ANYWAY) & (kind < OFFERED)
    offered = (arm == "meeting offered").to_numpy()
    met = anyway | (complier & offered)
    distress = listed["distress"].to_numpy() - 5.0
    lost = arm.map(LOST).to_numpy(dtype=np.float64) + 0.015 * distress
    said = pd.Series(uniforms(seed, _ANSWER, (VICTIMS,)) >= lost)
    score, needs = _answers(distress, seed)
    taken = met.astype(np.int64)
    frame = listed.assign(
        arm=arm,
        met=taken,
        satisfaction=pd.Series(_pick(score, taken)).where(said).astype("Int64"),
        needs_met=pd.Series(_pick(needs, taken)).where(said).astype("Int64"),
    )
    effects = {
        name: {
            "cace": round(float((both[1] - both[0])[complier].mean()), 6),
            "itt": round(float(((both[1] - both[0]) * complier).mean()), 6),
        }
        for name, both in (("satisfaction", score), ("needs_met", needs))
    }
    shares = {"met_anyway": float(anyway.mean()), "compliers": float(complier.mean())}
    take_up = {name: round(value, 6) for name, value in shares.items()}
    truth = parts.truth(NAME, frame, seed, take_up=take_up, effects=effects)
    return SyntheticLondon(frame, truth, f"{NAME}.csv", f"{NAME}-truth.json")


def _answers(distress: Floats, seed: int) -> tuple[Floats, Floats]:
    """(2, 600) satisfaction and whether needs were met: what each would say without a meeting, and with."""
    own = 5.2 - 0.25 * distress + 1.9 * normals(seed, _SCORE, (VICTIMS,))
    score = np.clip(np.rint(np.stack([own, own + SATISFACTION])), 0, 10)
    chance = 0.45 - 0.03 * distress
    needs = uniforms(seed, _NEEDS, (VICTIMS,)) < np.stack([chance, chance + NEEDS])
    return score.astype(np.float64), needs.astype(np.float64)


def _pick(both: Floats, which: Ints) -> Floats:
    return np.asarray(both[which, np.arange(both.shape[1])])

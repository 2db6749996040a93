from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# before numpy is loaded: matrices are small here, and threads that wait for one another took half of the
# processor time of tests/did; a number of threads that is set already stays
for _threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

# a deadline in wall-clock time fails on a busy machine, not on a wrong number
settings.register_profile("whatworks", deadline=None, print_blob=True)
# the same examples every time, so that a red run of the forge is red on the next machine, too
settings.register_profile(
    "whatworks-ci", parent=settings.get_profile("whatworks"), derandomize=True, database=None
)
settings.load_profile("whatworks-ci" if os.environ.get("CI") else "whatworks")

_BESIDE = Path(__file__).resolve().parents[2] / "shared"


def _folder(variable: str, beside: Path, what: str) -> Path:
    folder = Path(os.environ.get(variable) or beside)
    if not folder.is_dir():
        pytest.skip(f"{what} is not here: set {variable} to its folder")
    return folder


@pytest.fixture(scope="session")
def realdata() -> Path:
    """Published London police data, kept outside the repository."""
    return _folder("WHATWORKS_REALDATA", _BESIDE / "realdata", "real police data")


@pytest.fixture(scope="session")
def reference_public() -> Path:
    """Reference results of published packages that are too large for the repository."""
    root = _folder("WHATWORKS_REFERENCE", _BESIDE / "reference", "the folder of reference results")
    folder = root / "public"
    if not folder.is_dir():
        pytest.skip("the folder of reference results has no part called public")
    return folder

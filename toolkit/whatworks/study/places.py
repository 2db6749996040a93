"""Where things lie: the workspace, its studies, templates and data roots. Nothing else knows the folders."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from whatworks.errors import StudyError, did_you_mean, first_few
from whatworks.study.said import publication
from whatworks.study.said.publication import Publication

MARKER = "whatworks.toml"
SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_ROOT_REFERENCE = re.compile(r"([a-z][a-z0-9_]+):(?!//)(.*)", re.DOTALL)
_ROOT_KEYS = ("environment", "default", "about")
_SETTING_KEYS = ("version", "title", "environment_lock", "data_roots", "publication")

_MARKER_TEXT = """\
# This folder is a whatworks workspace: studies/, templates/ and data/ are found from here.
version = 1
title = {title}

# A file that pins the versions of every package; its hash goes into the record of each study.
# environment_lock = "requirements.txt"

# Where the site stands and what its reports rest on; what is left out is listed there as not given.
# [publication]
# address = "https://…"            # of the site
# repository = "https://…"
# commit = "…"                     # that holds the records
# on = "2026-12-01"                # the day of publication
# licence = "Creative Commons Attribution 4.0"
# contact = {{name = "…", email = "…"}}

# Data that must not lie in the workspace: name the place, and studies say `policefiles:file.csv`.
# [data_roots.policefiles]
# environment = "WHATWORKS_POLICEFILES"
# default = "../policefiles"
# about = "Recorded crime as the force supplied it, one file a year."
"""


@dataclass(frozen=True, slots=True)
class DataRoot:
    """A named folder outside the workspace: the variable that points to it, and where it is otherwise."""

    name: str
    environment: str
    default: str
    about: str


@dataclass(frozen=True, slots=True)
class Workspace:
    """A folder with `whatworks.toml`; knows where studies, templates and data lie in it.

    Attributes:
        folder: the absolute folder.
        title: the name of the workspace in words.
        environment_lock: path of the file that pins package versions, inside the workspace; "" for none.
        roots: the named data roots.
        publication: where and when its studies are published.
    """

    folder: Path
    title: str = ""
    environment_lock: str = ""
    roots: Mapping[str, DataRoot] = field(default_factory=dict)
    publication: Publication = field(default_factory=Publication)

    def path(self, reference: str, *, what: str = "file") -> Path:
        """The absolute path of a reference: relative to the workspace, or `root:path` in a data root.

        Raises `StudyError` for a path outside the workspace or the data root, an unknown data root, and a
        data root whose folder is not there, saying where the data are expected.
        """
        named = _ROOT_REFERENCE.fullmatch(reference)
        if named and len(named[1]) > 1:
            return _inside(self.root(named[1], reference), named[2], reference, f"data root {named[1]}")
        return _inside(self.folder, reference, reference, "workspace", what=what)

    def root(self, name: str, reference: str = "") -> Path:
        """The folder of a named data root; raises `StudyError` where it is unknown or absent."""
        if name not in self.roots:
            known = ", ".join(self.roots) or "none"
            raise StudyError(
                f"there is no data root {name!r}",
                where=reference or MARKER,
                remedy=f"{did_you_mean(name, self.roots)}{MARKER} declares: {known}. "
                f"Add [data_roots.{name}] with environment, default and about.",
            )
        root = self.roots[name]
        given = os.environ.get(root.environment, "") if root.environment else ""
        folder = Path(given).expanduser() if given else self.folder / root.default
        if not folder.is_dir():
            looked = f"{root.environment}={given}" if given else f"{root.default!r} beside {MARKER}"
            raise StudyError(
                f"the data of this study are not here: no folder at {looked}",
                where=reference or f"data root {name}",
                remedy=f"{_sentence(root.about)}Put that folder there, or set the environment variable "
                f"{root.environment or '(none declared)'} to the folder that holds it.",
            )
        return folder.resolve()

    def expand(self, reference: str) -> tuple[tuple[str, Path], ...]:
        """The files behind a reference as (name, path): itself, or every file of a folder in order."""
        path = self.path(reference)
        if path.is_dir():
            files = sorted(p for p in path.rglob("*") if p.is_file() and not _hidden(p.relative_to(path)))
            base = reference.rstrip("/")
            return tuple((f"{base}/{p.relative_to(path).as_posix()}", p) for p in files)
        if not path.is_file():
            raise StudyError(
                "there is no such file",
                where=reference,
                remedy=f"{_nearby(path)}Paths are relative to the folder with {MARKER}.",
            )
        return ((reference, path),)

    def names(self) -> dict[str, str]:
        """Absolute folders and the words that stand for them, longest first, to keep paths out of records."""
        found = {str(self.folder): "."}
        for name in self.roots:
            try:
                found[str(self.root(name))] = f"{name}:"
            except StudyError:
                continue
        return dict(sorted(found.items(), key=lambda item: -len(item[0])))

    def study(self, reference: str) -> Path:
        """The folder of a study named by slug (`bcu-merger`) or by path (`studies/bcu-merger`)."""
        bare = reference.rstrip("/" + os.sep)
        candidate = Path(bare)
        if candidate.is_absolute() or len(candidate.parts) != 1 or bare == "..":
            # a path typed in a shell is relative to where one stands; one in a file, to the workspace
            here = candidate.resolve()
            folder = here if here.is_dir() else _inside(self.folder, bare, reference, "workspace")
        else:
            folder = self.studies_folder / bare
        folder = folder.resolve()
        if self.folder not in folder.parents:
            raise StudyError("the study lies outside the workspace", where=reference, remedy=_OUTSIDE)
        if not (folder / "study.yaml").is_file():
            known = [path.name for path in self.studies()]
            listed = f"The studies are {first_few(known, 12)}." if known else "There is no study yet."
            raise StudyError(
                f"there is no study {reference!r}",
                where=f"{self.relative(folder)}/study.yaml",
                remedy=f"{did_you_mean(candidate.name, known)}{listed} Make one with `whatworks new`.",
            )
        return folder

    @property
    def studies_folder(self) -> Path:
        """Where the studies lie."""
        return self.folder / "studies"

    @property
    def cache_folder(self) -> Path:
        """Where counted files are kept between runs; not part of the workspace's history."""
        return self.folder / ".whatworks-cache"

    def studies(self) -> tuple[Path, ...]:
        """The folders of all studies, in order of their slugs."""
        if not self.studies_folder.is_dir():
            return ()
        return tuple(sorted(p for p in self.studies_folder.iterdir() if (p / "study.yaml").is_file()))

    def new_study(self, slug: str) -> Path:
        """The folder that a new study gets; raises `StudyError` for a bad slug or a study that exists."""
        if not SLUG.fullmatch(slug):
            raise StudyError(
                f"{slug!r} is not a name for a study",
                where="slug",
                remedy="Small letters, digits and single hyphens: hotspot-patrols-2024.",
            )
        folder = self.studies_folder / slug
        if folder.exists():
            raise StudyError(
                "this study exists already", where=self.relative(folder), remedy="Choose another slug."
            )
        return folder

    def templates(self) -> dict[str, Path]:
        """Every template by name; one in the workspace hides the one of the same name that ships."""
        found: dict[str, Path] = {}
        for folder in (shipped_templates(), self.folder / "templates" / "notebooks"):
            if folder.is_dir():
                found.update({path.stem: path for path in sorted(folder.glob("*.ipynb"))})
        return dict(sorted(found.items()))

    def template(self, name: str, *, where: str = "template") -> Path:
        """The notebook of a template; raises `StudyError` naming the nearest."""
        known = self.templates()
        if name not in known:
            raise StudyError(
                f"there is no template {name!r}",
                where=where,
                remedy=f"{did_you_mean(name, known)}The templates are {', '.join(known)}.",
            )
        return known[name]

    def relative(self, path: Path) -> str:
        """A path as words for a message: relative to the workspace where it lies inside."""
        try:
            return path.relative_to(self.folder).as_posix() or "."
        except ValueError:
            return path.name


_OUTSIDE = (
    "A study reads only what lies in its workspace or in a data root that whatworks.toml declares, so that "
    "anybody can run it again."
)


def find(start: Path | None = None) -> Workspace:
    """The workspace around `start` (or the current folder); raises `StudyError` where there is none."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / MARKER).is_file():
            return _load(folder)
    raise StudyError(
        f"no {MARKER} here or in a folder above",
        where=str(start or "the current folder"),
        remedy="Change into a workspace, name one with --workspace, or make one: `whatworks init FOLDER`.",
    )


def init(folder: Path, *, title: str = "") -> Workspace:
    """Make a workspace of a folder that has no marker yet; leaves everything that is there alone."""
    marker = folder / MARKER
    if marker.exists():
        raise StudyError("this folder is a workspace already", where=str(folder), remedy="Use it as it is.")
    words = title or folder.resolve().name
    quoted = '"' + words.replace("\\", "\\\\").replace('"', '\\"') + '"'
    for part in ("studies", "templates/notebooks", "data"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    marker.write_text(_MARKER_TEXT.format(title=quoted), encoding="utf-8", newline="\n")
    return _load(folder.resolve())


def shipped_templates() -> Path:
    """The templates that come with whatworks: of this repository, or of the installed package."""
    package = Path(__file__).resolve().parents[1]
    beside = package.parents[1] / "templates" / "notebooks"
    return beside if beside.is_dir() else package / "templates" / "notebooks"


def package_folder() -> Path:
    """The folder of the library's own code."""
    return Path(__file__).resolve().parents[1]


def _load(folder: Path) -> Workspace:
    marker = folder / MARKER
    try:
        data = tomllib.loads(marker.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise StudyError(f"not valid TOML: {problem}", where=MARKER, remedy="Mend the line.") from problem
    _refuse_unknown(data, _SETTING_KEYS, MARKER)
    if data.get("version", 1) != 1:
        raise StudyError(
            f"version is {data['version']!r}", where=MARKER, remedy="This whatworks reads version = 1."
        )
    texts = {key: data.get(key, "") for key in ("title", "environment_lock")}
    for key, value in texts.items():
        if not isinstance(value, str):
            raise StudyError(f"{key} is not text", where=MARKER, remedy=f'Write {key} = "…".')
    roots = data.get("data_roots", {})
    if not isinstance(roots, dict):
        raise StudyError("data_roots is not a table", where=MARKER, remedy="Write [data_roots.NAME].")
    return Workspace(
        folder,
        texts["title"],
        texts["environment_lock"],
        {k: _root(k, v) for k, v in roots.items()},
        publication.read(data.get("publication", {})),
    )


def _root(name: str, data: Any) -> DataRoot:
    where = f"{MARKER}, [data_roots.{name}]"
    if not re.fullmatch(r"[a-z][a-z0-9_]+", name):
        raise StudyError(
            f"{name!r} cannot name a data root", where=where, remedy="Use two or more small letters."
        )
    if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
        raise StudyError("a data root has texts only", where=where, remedy='default = "../folder" and so on.')
    _refuse_unknown(data, _ROOT_KEYS, where)
    if not data.get("default"):
        raise StudyError("default is missing", where=where, remedy='Write default = "../folder".')
    return DataRoot(name, data.get("environment", ""), data["default"], data.get("about", ""))


def _refuse_unknown(data: Mapping[str, Any], allowed: tuple[str, ...], where: str) -> None:
    for key in data:
        if key not in allowed:
            raise StudyError(
                f"unknown key {key!r}",
                where=where,
                remedy=f"{did_you_mean(key, allowed)}The keys are {', '.join(allowed)}.",
            )


def _inside(root: Path, inner: str, reference: str, what_root: str, *, what: str = "path") -> Path:
    if not inner.strip() or "\0" in inner:
        raise StudyError(f"the {what} has no name", where=repr(reference), remedy="Name a file.")
    if "\\" in inner or PurePosixPath(inner).is_absolute() or re.match(r"[A-Za-z]:", inner):
        raise StudyError(
            "a stored path is relative and uses forward slashes, so that it means the same everywhere",
            where=reference,
            remedy=f"Write it relative to the {what_root}. {_OUTSIDE}",
        )
    base = root.resolve()
    path = (base / inner).resolve()
    if path != base and base not in path.parents:
        raise StudyError(f"the path leads outside the {what_root}", where=reference, remedy=_OUTSIDE)
    return path


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _nearby(path: Path) -> str:
    if not path.parent.is_dir():
        return f"There is no folder {path.parent.name!r} either. "
    return did_you_mean(path.name, [item.name for item in path.parent.iterdir()])


def _sentence(text: str) -> str:
    return f"{text.rstrip('. ')}. " if text else ""

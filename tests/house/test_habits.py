"""What keeps a red test a wrong number: no wall clocks, and the same checks wherever they are run."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import yaml
from hypothesis import settings

ROOT = Path(__file__).parents[2]


def test_no_property_is_judged_by_the_clock() -> None:
    assert settings().deadline is None, "tests/conftest.py loads a Hypothesis profile without a deadline"
    own = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if path != ROOT / "tests" / "conftest.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.keyword) and node.arg == "deadline"
    ]
    assert not own, f"the profile says it once: {own}"


def test_the_forge_runs_make_test_on_every_python_that_the_package_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    job = workflow["jobs"]["test"]
    assert job["strategy"]["matrix"]["python"] == named
    assert job["steps"][-1]["run"].startswith("make test")


def test_hooks_need_no_network_and_are_what_make_check_runs() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    hooks = {hook["id"]: hook for hook in config["repos"][0]["hooks"]}
    assert {hook["language"] for hook in hooks.values()} == {"system"}
    assert all(hook["entry"].startswith(".venv/bin/") for hook in hooks.values())
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\ncheck:")[2].partition("\n\n")[0]
    for hook in hooks.values():
        tool = hook["entry"].removeprefix(".venv/bin/").replace(" --force-exclude", "")
        # the hook for templates is a part of the one for the house, for a commit of a template alone
        assert f"$(BIN)/{tool}" in recipe or hook["id"] == "templates", f"make check does not run {tool}"

"""What a room hands out stays what it is, in whatever order its files are imported.

Importing `whatworks.did.block` puts the module into `did`, where the function `block` belongs: the name would
be one or the other by the luck of import order.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import ast, importlib, pathlib, sys
import whatworks

package = pathlib.Path(whatworks.__file__).parent
files = sorted(package.rglob("*.py"), reverse=sys.argv[1] == "backward")
dotted = [".".join(("whatworks", *path.relative_to(package).with_suffix("").parts)) for path in files]
for module in dotted:
    importlib.import_module(module.removesuffix(".__init__"))

for path in package.rglob("__init__.py"):
    room = sys.modules[".".join(("whatworks", *path.parent.relative_to(package).parts))]
    tree, public = ast.parse(path.read_text(encoding="utf-8")), getattr(room, "__all__", ())
    for node in tree.body:  # only under TYPE_CHECKING may a room name itself: there a module is public
        if isinstance(node, ast.ImportFrom) and node.module == room.__name__:
            assert not public, f"{room.__name__} takes {[a.name for a in node.names]} from itself"
    origin = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for name in public:
        found = getattr(room, name)
        if name not in origin:
            assert not hasattr(found, "__file__"), f"{room.__name__}.{name} is a module"
            continue
        home, word = origin[name]
        meant = sys.modules.get(f"{home}.{word}") if home == room.__name__ else vars(sys.modules[home])[word]
        assert found is meant, f"{room.__name__}.{name} is {found!r}, not {meant!r}"
"""


@pytest.mark.parametrize("order", ["forward", "backward"])
def test_public_names_do_not_hang_on_the_order_of_imports(order: str) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, order], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr

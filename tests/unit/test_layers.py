"""The layers of ARCHITECTURE.md, held by reading every module; and that the reading finds what breaks them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "rocmswitch"
RANKS = {
    name: rank
    for rank, names in enumerate(
        (
            "cli",
            "operations",
            "fetch deploy host",
            "store",
            "system",
            "planning shell",
            "metadata",
            "model",
            "errors",
        )
    )
    for name in names.split()
}
PURE = ("planning", "shell", "metadata", "model", "errors")
IMPURE = {
    "os",
    "shutil",
    "subprocess",
    "socket",
    "tempfile",
    "time",
    "random",
    "requests",
    "click",
    "multiprocessing",
}
ONLY_IN = {"requests": "fetch/http.py", "urllib3": "fetch/http.py", "click": "cli/", "rich": "cli/"}
PROGRAMS = {"subprocess.TimeoutExpired"}
"""Names of subprocess that run nothing."""
DISK_CALLS = {"rename", "renames", "replace", "remove", "unlink", "rmdir", "removedirs", "rmtree", "move"}
CHANGES_NAMES = ("system/disk.py", "system/anchored.py")
PRINTS = re.compile(r"print|click\.s?echo|sys\.std(out|err)\.(buffer\.)?write(lines)?")
GUESTS = "guest"
"""What runs in another Python: it has no layers below it, and those above read its files."""
RUN_CALLS = ("os.exec", "os.spawn", "os.system", "os.popen", "os.posix_spawn", "os.fork")


def violations(package: Path) -> list[str]:
    """Every breach below *package*, as `file:line: what`."""
    found = []
    verbs = {path.stem for path in package.glob("cli/*.py")}
    for path in sorted(package.rglob("*.py")):
        module = path.relative_to(package)
        tree = ast.parse(path.read_text())
        if module.parts[0] == GUESTS:
            found += [f"{module}:{line}: a guest may not import {name}" for line, name in _ours(module, tree)]
        elif len(module.parts) > 1 or module.stem in RANKS:
            for line, what in (*_imports_that_break(module, tree, verbs), *_calls_that_break(module, tree)):
                found.append(f"{module}:{line}: {what}")
    return found


def _ours(module: Path, tree: ast.AST) -> Iterator[tuple[int, str]]:
    """What of rocmswitch is imported that the environment of a guest does not have: all but its own package."""
    own = f"rocmswitch.{'.'.join(module.parts[:2])}"
    for line, name in _imported(module, tree):
        if name.partition(".")[0] == "rocmswitch" and not f"{name}.".startswith(f"{own}."):
            yield line, name


def _imports_that_break(module: Path, tree: ast.AST, verbs: set[str]) -> Iterator[tuple[int, str]]:
    layer, file = module.parts[0].removesuffix(".py"), module.as_posix()
    for line, name in _imported(module, tree):
        top, _, rest = name.partition(".")
        if top == "rocmswitch":
            other, *below = rest.split(".")
            if other in RANKS and other != layer and RANKS[other] <= RANKS[layer]:
                yield line, f"{layer} may not import {other}"
            if other == GUESTS and below:
                yield line, f"a guest is not imported: {name}"
            if layer == other == "operations" and verbs.intersection(below[:1]):
                yield line, "operations do not call operations"
        elif layer in PURE and (top in IMPURE or (top == "pathlib" and not rest.startswith("Pure"))):
            yield line, f"{layer} is pure and may not import {name}"
        elif not file.startswith(ONLY_IN.get(top, "")):
            yield line, f"{top} is imported only in {ONLY_IN[top]}"
        elif top == "subprocess" and file != "system/process.py" and name not in PROGRAMS:
            yield line, "programs run only through system/process.py"


def _imported(module: Path, tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = ("rocmswitch", *module.parts[:-1])
            start = above[: len(above) - node.level + 1] if node.level else ()
            yield from ((node.lineno, ".".join((*start, *filter(None, [node.module]), a.name))) for a in node.names)


def _calls_that_break(module: Path, tree: ast.AST) -> Iterator[tuple[int, str]]:
    file = module.as_posix()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if PRINTS.fullmatch(name) and file != "cli/output.py":
                yield node.lineno, f"only cli/output.py prints, not {name}"
            if name == "open" and module.parts[0] in PURE:
                yield node.lineno, f"{module.parts[0]} is pure and may not open files"
            if name.startswith(RUN_CALLS) and file != "system/process.py":
                yield node.lineno, "programs run only through system/process.py"
            if file not in CHANGES_NAMES and _changes_names(node):
                yield node.lineno, f"only {' and '.join(CHANGES_NAMES)} change names on the disk, not {name}"


def _changes_names(call: ast.Call) -> bool:
    """Path.rename, .replace, .unlink, .rmdir and their like; str.replace and Disk.rename take two arguments."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in DISK_CALLS:
        return False
    if isinstance(call.func.value, ast.Name) and call.func.value.id in ("os", "shutil"):
        return True
    method, arguments = call.func.attr, len(call.args)
    return method in ("unlink", "rmdir") or (
        method in ("rename", "replace") and arguments == 1 and not call.keywords
    )


def test_the_code_keeps_its_layers():
    assert "\n".join(violations(PACKAGE)) == ""


def test_every_package_has_its_layer():
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} <= {*RANKS, GUESTS}


@pytest.mark.parametrize(
    ("file", "source", "what"),
    [
        ("planning/a.py", "import os", "planning is pure and may not import os"),
        ("model/a.py", "def f():\n    from time import sleep", "model is pure and may not import time.sleep"),
        ("metadata/a.py", "from pathlib import Path", "metadata is pure and may not import pathlib.Path"),
        ("shell/a.py", "import pathlib", "shell is pure and may not import pathlib"),
        ("errors.py", "import random", "errors is pure and may not import random"),
        ("planning/a.py", "open('x')", "planning is pure and may not open files"),
        ("store/a.py", "from rocmswitch.fetch.http import Http", "store may not import fetch"),
        ("fetch/a.py", "from rocmswitch.host import apt", "fetch may not import host"),
        ("host/a.py", "from ..deploy import journal", "host may not import deploy"),
        ("planning/a.py", "import rocmswitch.store.cache", "planning may not import store"),
        ("shell/a.py", "from rocmswitch import planning", "shell may not import planning"),
        ("errors.py", "from rocmswitch.model.stack import Stack", "errors may not import model"),
        (
            "system/a.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n import rocmswitch.cli",
            "system may not",
        ),
        ("operations/a.py", "from rocmswitch.operations.use import plan", "operations do not call operations"),
        ("operations/a.py", "from rocmswitch.operations import use", "operations do not call operations"),
        ("store/a.py", "import requests.adapters", "requests is imported only in fetch/http.py"),
        ("operations/a.py", "import click", "click is imported only in cli/"),
        ("host/a.py", "import subprocess", "programs run only through system/process.py"),
        ("host/a.py", "import os\nos.execvp('x', [])", "programs run only through system/process.py"),
        ("store/a.py", "import os\nos.replace('a', 'b')", "not os.replace"),
        ("store/a.py", "def f(path): path.rename('b')", "not path.rename"),
        ("store/a.py", "def f(path): path.unlink()", "not path.unlink"),
        ("store/a.py", "import shutil\nshutil.rmtree('a')", "not shutil.rmtree"),
        ("system/folder.py", "import os\nos.unlink('a', dir_fd=3)", "not os.unlink"),
        ("deploy/anchored.py", "import os\nos.unlink('a', dir_fd=3)", "not os.unlink"),
        ("cli/a.py", "print('a')", "only cli/output.py prints, not print"),
        ("cli/a.py", "import sys\nsys.stderr.write('a')", "not sys.stderr.write"),
        ("guest/a/b.py", "from rocmswitch.model import probe", "a guest may not import rocmswitch.model"),
        ("store/a.py", "from rocmswitch.guest import a", "a guest is not imported: rocmswitch.guest.a"),
        ("guest/a/b.py", "from ..c import d", "a guest may not import rocmswitch.guest.c.d"),
    ],
)
def test_a_planted_violation_is_found(tmp_path: Path, file: str, source: str, what: str):
    (tmp_path / "cli").mkdir()
    (tmp_path / "cli/use.py").touch()
    planted = tmp_path / file
    planted.parent.mkdir(parents=True, exist_ok=True)
    planted.write_text(source)

    (found,) = violations(tmp_path)

    assert what in found and found.startswith(f"{file}:")


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("operations/a.py", "from rocmswitch.fetch.http import Http\nfrom rocmswitch.planning import install"),
        ("store/a.py", "from subprocess import TimeoutExpired\n'a'.replace('b', 'c')"),
        ("metadata/a.py", "from pathlib import PurePosixPath\nfrom .deb import parse"),
        ("fetch/http.py", "import requests"),
        ("system/anchored.py", "import os\nos.replace('a', 'b', src_dir_fd=3, dst_dir_fd=3)"),
        ("operations/a.py", "from rocmswitch.operations.timing import Stages"),
        ("store/a.py", "def f(disk, one, replace): disk.rename(one, one); one.replace(name='b')"),
        ("cli/output.py", "print('a')"),
        ("cli/main.py", "import sys\nsys.stdout.isatty()"),
        ("guest/a/b.py", "import subprocess\nfrom . import c\nprint(c)"),
    ],
)
def test_what_the_layers_allow_is_not_reported(tmp_path: Path, file: str, source: str):
    allowed = tmp_path / file
    allowed.parent.mkdir(parents=True, exist_ok=True)
    allowed.write_text(source)

    assert violations(tmp_path) == []

"""Small prefixes and environments in an account, published through the door that they come through in life.

prefix(line.layout, "rocm-6.2.4", tools=("hipcc",))
environment(line.layout, "demo", "rocm-6.2.4")
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from rocmswitch.model.activation import CardVariable
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.model.receipt import Receipt
from rocmswitch.planning.activation import plan_activation, plan_venv_activation
from rocmswitch.store.layout import Layout
from rocmswitch.store.trees import Trees
from tests.support.disk import HastyDisk

ROOT = "opt/rocm"
ENVIRONMENT = (("ROCM_PATH", f"{{prefix}}/{ROOT}"), ("HIP_PLATFORM", "amd"))


def prefix(
    layout: Layout, name: str, *, tools: Sequence[str] = ("hipcc",), cards: tuple[CardVariable, ...] = ()
) -> Path:
    """A stack whose *tools* say their stack's name. Gives the published name."""
    files = {f"{ROOT}/bin/{tool}": f"#!/bin/sh\necho {tool} of {name}\n" for tool in tools}
    entries = tuple(_entry(path, text) for path, text in files.items())
    activation = plan_activation(name, ROOT, ENVIRONMENT, entries, cards)
    version = name.rpartition("-")[2]
    receipt = Receipt("prefix", name, name, version, "", "2026-01-02T03:04:05Z", root=ROOT, activation=activation)
    return _publish(layout.prefixes, layout, receipt, files)


def environment(
    layout: Layout,
    name: str,
    stack: str,
    *,
    bound: bool = True,
    cards: tuple[CardVariable, ...] = (),
    another: bool = False,
) -> Path:
    """An environment of *stack*, bound to its prefix or with a ROCm of its own. Its Python is a script.

    *another* one than was there before by that name.
    """
    files = {
        "bin/python": "#!/bin/sh\necho python of an environment\n",
        "pyvenv.cfg": f"home = {Path(sys.executable).parent}\nversion_info = 3.11.4\n",
    }
    receipt = Receipt(
        "venv",
        name,
        stack,
        stack.rpartition("-")[2],
        "",
        "2026-01-02T03:04:05Z",
        activation=plan_venv_activation(name, cards=cards),
        python="/usr/bin/python3.11",
        prefix=stack if bound else "",
        torch="2.7.1+rocm6.2.4",
    )
    return _publish(layout.venvs, layout, receipt, files, salt="another" if another else "")


def _publish(links: Path, layout: Layout, receipt: Receipt, files: dict[str, str], *, salt: str = "") -> Path:
    disk = HastyDisk()
    disk.make_directories(layout.locks)
    trees = Trees(links, layout.locks, disk)
    tree = f"{receipt.name}-{hashlib.sha256((receipt.name + salt).encode()).hexdigest()[:12]}"
    with trees.locked(receipt.name, wait=0):
        folder = trees.begin(tree)
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(_mode(name))
        trees.publish(tree, receipt.name, receipt, [_entry(name, text) for name, text in files.items()])
    return trees.link(receipt.name)


def _entry(path: str, text: str) -> FileEntry:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return FileEntry(path, "file", _mode(path), len(text.encode()), digest)


def _mode(path: str) -> int:
    return 0o755 if "/bin/" in f"/{path}" else 0o644

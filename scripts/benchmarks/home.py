"""An account with one stack and one environment, published by the program's own parts.

The trees hold next to nothing, but receipts, scripts and hooks are those of real ones, and uv made the environment:
what a shell pays is seen without any network.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import run
from benchmarks.peers import Change
from benchmarks.shellrun import SHELLS, Account
from rocmswitch.model.activation import Activation
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.model.receipt import Receipt
from rocmswitch.operations.scripts import write_scripts
from rocmswitch.planning.activation import card_variables, plan_activation, plan_venv_activation
from rocmswitch.store.catalog import Catalog
from rocmswitch.store.installed import Installed
from rocmswitch.store.layout import Layout
from rocmswitch.store.trees import Trees
from rocmswitch.store.virtualenv import Uv
from rocmswitch.system.disk import Disk

STACK, VENV = "rocm-6.2.4", "bench"
TORCH, GPU = "2.7.1+rocm6.2.4", "gfx1010"
PROGRAM = Path(sys.executable).with_name("rocmswitch")
NODES = "sys/class/kfd/kfd/topology/nodes"
BEFORE_TARGET = "".join(f"property_{number} {number}\n" for number in range(18))
CARD = f"{BEFORE_TARGET}gfx_target_version 100100\nvendor_id 4098\n"
PROCESSOR = "cpu_cores_count 16\nsimd_count 0\ngfx_target_version 0\nvendor_id 0\n"


@dataclass(frozen=True)
class Home:
    """`sysroot` stands for a machine with a processor and one gfx1010 in /sys."""

    folder: Path

    @property
    def layout(self) -> Layout:
        return Layout.under(self.folder / "rocmswitch")

    @property
    def sysroot(self) -> Path:
        return self.folder / "machine"

    @property
    def variables(self) -> dict[str, str]:
        """What shells have to see."""
        return {"ROCMSWITCH_HOME": str(self.folder / "rocmswitch"), "ROCMSWITCH_SYSROOT": str(self.sysroot)}

    @property
    def environment(self) -> dict[str, str]:
        """For the program alone, on this machine as it is."""
        foreign = ("ROCMSWITCH_", "_ROCMSWITCH_", "VIRTUAL_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return {**kept, "ROCMSWITCH_HOME": self.variables["ROCMSWITCH_HOME"], "PYTHONPATH": ""}

    def furnish(self) -> Change:
        """Publish both and their scripts. Returns what entering the environment changes, for the other tools."""
        stack = Catalog(Path("manifests")).read(STACK).stack
        cards = card_variables(stack.gpus)
        environment = tuple(stack.rocm.environment.items())
        tool = f"{stack.rocm.root}/bin/rocminfo"
        entries = (_written(self._begun("prefixes", STACK), tool),)
        activation = plan_activation(STACK, stack.rocm.root, environment, entries, cards)
        self._publish("prefix", STACK, entries, activation)
        self._publish("venv", VENV, self._made_venv(), plan_venv_activation(VENV, protected=True, cards=cards))
        self._plug()
        installed = Installed((self.layout,))
        for name in (STACK, VENV):
            write_scripts(name, installed, Disk())
        resolved = installed.activation(installed.find(VENV)).on_card(GPU)
        return Change(dict(resolved.variables), self.layout.venvs / VENV / "bin")

    def install_hooks(self, account: Account) -> None:
        """Let the shells of *account* read our hook, as a person does it: by a line in each rc file."""
        for shell in SHELLS:
            if shutil.which(shell):
                run([PROGRAM, "init", shell, "--install", "--yes"], {**self.environment, **account.environment})

    def _made_venv(self) -> tuple[FileEntry, ...]:
        """Without a wheel, but as `use` makes it, its own `activate` included."""
        uv, tree = Uv(self.layout.cache / "uv", Disk()), self._begun("venvs", VENV)
        uv.make_environment(tree, Path(sys.executable), ())
        return uv.list_environment(tree, ())

    def _begun(self, kind: str, name: str) -> Path:
        return self._trees(kind).begin(_tree(name))

    def _publish(self, kind: str, name: str, entries: tuple[FileEntry, ...], activation: Activation) -> None:
        receipt = Receipt(
            kind, name, STACK, "6.2.4", _tree(name), "2026-01-02T03:04:05Z", activation=activation, torch=TORCH
        )
        self._trees("prefixes" if kind == "prefix" else "venvs").publish(_tree(name), name, receipt, entries)

    def _trees(self, kind: str) -> Trees:
        layout = self.layout
        return Trees(layout.prefixes if kind == "prefixes" else layout.venvs, layout.locks, Disk())

    def _plug(self) -> None:
        for number, properties in enumerate((PROCESSOR, CARD)):
            node = self.sysroot / NODES / str(number)
            node.mkdir(parents=True)
            (node / "properties").write_text(properties)


def _tree(name: str) -> str:
    return f"{name}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def _written(tree: Path, path: str) -> FileEntry:
    content = b"#!/bin/sh\n"
    (tree / path).parent.mkdir(parents=True)
    (tree / path).write_bytes(content)
    (tree / path).chmod(0o755)
    return FileEntry(path, "file", 0o755, len(content), hashlib.sha256(content).hexdigest())

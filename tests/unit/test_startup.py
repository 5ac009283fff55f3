"""What a prompt or a script calls often starts without the heavy libraries: seen in the running program itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rocmswitch.model.activation import Activation, Assignment
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.model.receipt import Receipt
from rocmswitch.store.layout import Layout
from rocmswitch.store.trees import Trees
from rocmswitch.system.disk import Disk

HEAVY = {"requests", "urllib3", "yaml", "rich", "msgspec"}
ALSO_SLOW = {"elftools", "pysequoia", "zstandard", "debian", "tenacity", "distro", "uv", "multiprocessing"}
WITHOUT_A_COMMAND = {
    "rocmswitch",
    "rocmswitch.cli",
    "rocmswitch.cli.main",
    "rocmswitch.cli.output",
    "rocmswitch.errors",
}
TREE = "debian-5.2.3-0123456789ab"
LAST_WORDS = """
import atexit, gc, json, sys

def tell():
    ours = [kind for name, module in sys.modules.items() if name.startswith("rocmswitch.")
            for kind in vars(module).values() if hasattr(kind, "__dataclass_fields__") and kind.__module__ == name]
    print(json.dumps([len(ours), gc.get_freeze_count(), len(gc.get_objects())]), file=sys.stderr)

atexit.register(tell)
from rocmswitch.cli.main import main
main()
"""
"""Runs the program, which says at its end how many data classes it has and what a search for garbage would see."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home in which one stack with one tool is installed."""
    layout = Layout.under(tmp_path / "rocmswitch")
    disk = Disk()
    disk.make_directories(layout.prefixes)
    disk.make_directories(layout.locks)
    trees = Trees(layout.prefixes, layout.locks, disk)
    tool = trees.begin(TREE) / "usr/bin/hipcc"
    tool.parent.mkdir(parents=True)
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    activation = Activation((Assignment("HIP_PLATFORM", "amd"),), (("PATH", ("usr/bin",)),))
    receipt = Receipt(
        "prefix", "debian-5.2.3", "debian-5.2.3", "5.2.3", TREE, "2026-01-01T00:00:00Z", activation=activation
    )
    files = [
        FileEntry("usr", "directory", 0o755),
        FileEntry("usr/bin", "directory", 0o755),
        FileEntry("usr/bin/hipcc", "file", 0o755, size=10, sha256="0" * 64),
    ]
    with trees.locked("debian-5.2.3", wait=0):
        trees.publish(TREE, "debian-5.2.3", receipt, files)
    return tmp_path / "rocmswitch"


def loaded_by(home: Path, *words: str) -> tuple[set[str], str]:
    """The modules that `rocmswitch WORDS` imported, and its output."""
    environment = {**os.environ, "ROCMSWITCH_HOME": str(home), "ROCMSWITCH_STACK": "debian-5.2.3"}
    command = [sys.executable, "-X", "importtime", "-m", "rocmswitch", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr.splitlines()[-3:]
    return set(re.findall(r"^import time:.*\| +(\S+)$", done.stderr, re.MULTILINE)), done.stdout


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("env", "debian-5.2.3"), "HIP_PLATFORM"),
        (("current",), "debian-5.2.3"),
        (("which", "hipcc"), "usr/bin/hipcc"),
        (("run", "debian-5.2.3", "--", "echo", "ran"), "ran"),
        (("--help",), "install"),
    ],
    ids=lambda words: words[0] if isinstance(words, tuple) else "",
)
def test_a_command_that_is_called_often_loads_nothing_heavy(home: Path, words: tuple[str, ...], shown: str):
    modules, output = loaded_by(home, *words)

    assert shown in output
    assert "click" in modules, "the imports were not seen"
    assert modules & (HEAVY | ALSO_SLOW) == set()


def test_listing_what_is_installed_needs_no_table_and_no_manifest(home: Path):
    modules, output = loaded_by(home, "list")

    assert "debian-5.2.3" in output
    assert modules & {"requests", "yaml", "msgspec", "rich.console", "rich.table", *ALSO_SLOW} == set()


def test_help_loads_nothing_but_the_command_line_itself(home: Path):
    modules, _ = loaded_by(home, "--help")

    assert {name for name in modules if name.startswith("rocmswitch")} - {
        "rocmswitch.__main__"
    } == WITHOUT_A_COMMAND
    assert "json" not in modules


@pytest.mark.parametrize(
    "words", [("env", "debian-5.2.3"), ("current",), ("which", "hipcc")], ids=lambda words: words[0]
)
def test_what_tells_how_a_command_was_typed_is_loaded_where_it_has_to_be_typed_again(
    home: Path, words: tuple[str, ...]
):
    modules, _ = loaded_by(home, *words)

    assert modules & {"rocmswitch.cli.typed", "shlex", "shutil", "lzma", "rocmswitch.system.disk"} == set()


@pytest.mark.parametrize(
    "words", [("env", "debian-5.2.3"), ("current",), ("which", "hipcc")], ids=lambda words: words[0]
)
def test_a_command_that_is_called_often_defines_few_data_classes_and_ends_without_looking_for_garbage(
    home: Path, words: tuple[str, ...]
):
    environment = {**os.environ, "ROCMSWITCH_HOME": str(home), "ROCMSWITCH_STACK": "debian-5.2.3"}
    command = [sys.executable, "-c", LAST_WORDS, *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)

    classes, frozen, looked_at = json.loads(done.stderr.splitlines()[-1])

    assert classes <= 11, "a frozen data class takes four times as long to define as a NamedTuple"
    assert frozen > 10 * looked_at


def test_a_heavy_import_would_be_seen(home: Path):
    modules, _ = loaded_by(home, "list", "--available")

    assert "yaml" in modules

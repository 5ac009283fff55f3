"""Every command that only looks serves from a store that may not be written: strace sees that nothing tries to."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.support.acme import NAME, AcmeSite
from tests.support.commandline import Outcome
from tests.support.keys import SigningKey
from tests.support.sharedmachine import ANOTHER, SOMEBODY, SharedMachine
from tests.support.tracing import need_tracing

READING = (
    "list",
    "list --size",
    "list --available",
    f"show {NAME}",
    "show proj",
    "current",
    f"which greet {NAME}",
    f"run {NAME} -- greet",
    "run proj -- python -c 'import demo'",
    f"env {NAME}",
    "env proj --shell json",
    "verify",
    "verify proj --quick",
    "gpu --gpu gfx1010",
    "recommend --gpu gfx1010",
    "doctor",
    "cache size",
    "history",
    "venv list",
    "probe --list",
    "init bash",
    f"use {NAME} --shell sh",
    "use proj --shell fish",
    f"use {NAME} --venv proj --shell sh",
    f"install {NAME} --yes",
    f"install {NAME}",
    "use --off --shell sh",
)
BY_OTHERS = (
    *("list", "list --size", "current", f"which greet {NAME}", f"env {NAME}", "verify", "doctor", "cache size"),
    *("history", f"use {NAME} --shell sh", f"install {NAME}"),
)
"""Those for which it matters whose the store is."""
NOT_FOR_OTHERS = {"history": 6, "doctor": 4}
"""In another user's store: records that are closed are not told, and scripts that are another's are a fault."""

STORES = ("on a read-only disk", "closed by another user", "open to all users")
CALLS = (
    *("open", "openat", "creat", "mkdir", "mkdirat", "rename", "renameat", "renameat2", "unlink", "unlinkat"),
    *("symlink", "symlinkat", "link", "linkat", "chmod", "fchmod", "fchmodat", "truncate", "utimensat", "flock"),
    *("mknod", "mknodat", "connect"),
)
WRITING = re.compile(r"O_(?:WRONLY|RDWR|CREAT|TRUNC)")
ELSEWHERE = re.compile(r'"/(?:dev|proc)/|nscd/socket')
"""Devices, and the C library's own question to a name service cache."""


@dataclass(frozen=True)
class Store:
    """A folder with acme-1.0 and an environment `proj`, and who looks at it how."""

    machine: SharedMachine
    folder: Path
    number: int
    home: str
    read_only: str = ""

    def look(self, words: str) -> tuple[Outcome, list[str]]:
        """Run `rocmswitch WORDS` under strace: how it ended, and each call that would have changed something."""
        traces = self.machine.folder / "traces"
        shutil.rmtree(traces, ignore_errors=True)
        traces.mkdir()
        traces.chmod(0o777)
        traced = ",".join(f"?{name}" for name in CALLS)
        # Stopped only at these calls, the program takes a third of the time.
        command = ["strace", "--seccomp-bpf", "-f", "-ff", "-o", f"{traces}/trace", "-e", f"trace={traced}"]
        program = f"exec {' '.join(command)} {sys.executable} -m rocmswitch {words}"
        outcome = self.machine.run(
            ["sh", "-c", program],
            number=self.number,
            read_only=self.read_only,
            ROCMSWITCH_HOME=str(self.folder),
            HOME=self.home,
            PYTHONDONTWRITEBYTECODE="1",
        )
        lines = [line for trace in traces.iterdir() for line in trace.read_text(errors="replace").splitlines()]
        assert lines, outcome
        return outcome, [line for line in lines if _changes(line)]


def _changes(line: str) -> bool:
    name = line.partition("(")[0]
    if name not in CALLS or ELSEWHERE.search(line):
        return False
    return name not in ("open", "openat") or WRITING.search(line) is not None


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory, key: SigningKey) -> Iterator[SharedMachine]:
    """SOMEBODY has installed, made an environment, and chosen a default; the cache is gone since."""
    need_tracing()
    with AcmeSite(tmp_path_factory.mktemp("server"), key) as site, SharedMachine.made() as bare:
        machine = replace(bare, environment={"PIP_INDEX_URL": site.server.url("simple")})
        line = machine.line(SOMEBODY)
        site.let(line)
        machine.own(SOMEBODY)
        machine.succeed("install", NAME, "--yes", number=SOMEBODY)
        machine.succeed("use", NAME, "--venv", "proj", "--yes", number=SOMEBODY)
        machine.succeed("use", NAME, "--default", "--shell", "sh", number=SOMEBODY)
        for lost in (line.layout.cache, line.layout.checks):
            shutil.rmtree(lost, ignore_errors=True)
        yield machine


@pytest.fixture(scope="module")
def store(request: pytest.FixtureRequest, furnished: SharedMachine) -> Store:
    made = furnished.line(SOMEBODY)
    folder = made.folder / "rocmswitch"
    if request.param == STORES[0]:
        return Store(furnished, folder, SOMEBODY, "/nonexistent", str(folder))
    layout = made.layout
    for private in (layout.activations, layout.shell, layout.journal, layout.backups):
        private.chmod(0o755 if request.param == STORES[2] else 0o700)
    for record in layout.backups.glob("*/record"):
        record.parent.chmod(0o755)
        record.chmod(0o444)
    return Store(furnished, folder, ANOTHER, str(made.home))


def looks() -> list[object]:
    """Each way to look, at each store: all of them on the read-only disk."""
    return [
        pytest.param(how, words, id=f"{how}: {words}")
        for how in STORES
        for words in (READING if how == STORES[0] else BY_OTHERS)
    ]


@pytest.mark.parametrize(("store", "words"), looks(), indirect=["store"], scope="module")
def test_who_only_looks_writes_nothing_locks_nothing_and_asks_nobody(store: Store, words: str):
    outcome, changes = store.look(words)

    # uv looks for Pythons, and tries whether it may have a cache.
    assert [call for call in changes if not (words.startswith("recommend") and "rocmswitch/cache" in call)] == []
    assert "Traceback" not in outcome.err
    assert outcome.code in (0, NOT_FOR_OTHERS.get(words.split()[0], 0)), outcome

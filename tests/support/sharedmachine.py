"""A machine of its own for `--system`: root and ordinary users, with an /opt and a /var/cache of its own.

with SharedMachine.made() as machine:
    machine.root("install", "acme-1.0", "--system", "--yes")
    machine.user("run", "acme-1.0", "--", "greet")
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rocmswitch.store.layout import Layout
from tests.support.commandline import PATIENCE, CommandLine, Outcome
from tests.support.disk import remove_folder

SOMEBODY, ANOTHER = 54_321, 54_322
"""Numbers of users who need not exist."""

_MOUNT = """
set -e
mount --make-rprivate /
mount --bind "$1/opt" /opt
mount --bind "$1/cache" /var/cache
case $3 in
'') ;;
*) # Other users may not enter that home: they see nothing of it but this Python.
    mount --bind "$2" "$1/python"
    mount -t tmpfs -o mode=755 none "$3"
    mkdir -p "$2"
    mount --bind "$1/python" "$2" ;;
esac
case $4 in '') ;; *) mount --bind "$4" "$4"; mount -o remount,bind,ro "$4" ;; esac
shift 4
exec "$@"
"""


@dataclass(frozen=True)
class SharedMachine:
    """*folder* is where its parts lie, for the test to look at."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    @contextlib.contextmanager
    def made(cls) -> Iterator[SharedMachine]:
        """Skips where this process is not root, or may not mount."""
        if reason := _why_not():
            pytest.skip(reason)
        # Not below pytest's own folder, which other users may not enter.
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            folder.chmod(0o755)
            for part in ("opt", "cache", "python"):
                (folder / part).mkdir()
            yield cls(folder)
            for path in folder.iterdir():
                remove_folder(path)

    @property
    def layout(self) -> Layout:
        """What all users share, as the test sees it."""
        return Layout("system", self.folder / "opt/rocmswitch", self.folder / "cache/rocmswitch", Path("/nowhere"))

    def line(self, number: int = 0) -> CommandLine:
        """The account of the user with this number."""
        folder = self.folder / f"account-{number}"
        if not folder.is_dir():
            folder.mkdir()
            (folder / "home").mkdir()
            for path in (folder, folder / "home"):
                os.chown(path, number, number)
        return CommandLine(folder, self.environment)

    def own(self, number: int) -> None:
        """All that root has prepared in that account is its user's."""
        folder = self.line(number).folder
        for path in (folder, *folder.rglob("*")):
            os.chown(path, number, number, follow_symlinks=False)

    def add_manifest(self, name: str, content: bytes) -> None:
        """For all users."""
        self.layout.manifests.mkdir(parents=True, exist_ok=True)
        (self.layout.manifests / f"{name}.yaml").write_bytes(content)
        for path in (self.layout.data, self.layout.manifests):
            path.chmod(0o755)

    def root(self, *words: str, umask: int = 0o022, **environment: str) -> Outcome:
        return self.run([sys.executable, "-m", "rocmswitch", *words], umask=umask, **environment)

    def user(self, *words: str, number: int = SOMEBODY, **environment: str) -> Outcome:
        return self.run([sys.executable, "-m", "rocmswitch", *words], number=number, **environment)

    def run(
        self,
        command: Sequence[str],
        *,
        number: int = 0,
        read_only: str = "",
        umask: int = 0o022,
        **environment: str,
    ) -> Outcome:
        """Run *command* in this machine as the user with that number; the folder *read_only* is mounted so."""
        home = next((path for path in Path(sys.base_prefix).parents if path.stat().st_mode & 0o005 != 0o005), "")
        how = (f"--reuid={number}", f"--regid={number}", "--clear-groups")
        become = ["setpriv", *how] if number else []
        mounted = ["sh", "-c", _MOUNT, "sh", str(self.folder), sys.base_prefix, str(home), read_only]
        line = self.line(number)
        done = subprocess.run(
            ["unshare", "--mount", *mounted, *become, *command],
            env=line.variables(**environment),
            cwd=line.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            umask=umask,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def succeed(self, *words: str, number: int = 0, **environment: str) -> str:
        """`rocmswitch WORDS` where it must go well. Gives what it writes to stdout."""
        outcome = self.run([sys.executable, "-m", "rocmswitch", *words], number=number, **environment)
        assert outcome.code == 0, outcome
        return outcome.out


@functools.cache
def _why_not() -> str:
    """Why there can be no such machine here; empty where there can."""
    if os.geteuid() != 0:
        return "needs root, who can make a machine within this one"
    for program in ("unshare", "setpriv", "mount"):
        if shutil.which(program) is None:
            return f"no {program} here: install util-linux"
    with tempfile.TemporaryDirectory() as name:
        for part in ("opt", "cache", "python"):
            (Path(name) / part).mkdir()
        Path(name).chmod(0o755)
        # Twice: setpriv's own exec may still reach what the user may not.
        python = (
            f"import subprocess, rocmswitch.cli.main; subprocess.run([{sys.executable!r}, '-c', ''], check=True)"
        )
        done = SharedMachine(Path(name)).run([sys.executable, "-c", python], number=SOMEBODY)
    return f"nothing can be mounted here, or no other user can run this Python: {done.err}" if done.code else ""

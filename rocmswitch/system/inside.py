"""Programs of a system that need not be the one that runs: they see it as theirs, and leave nothing mounted.

For a mounted system they run in namespaces of their own, for mounts and for processes: whatever becomes of this
process, also by SIGKILL, the kernel ends them all and forgets their mounts. Nothing is ever mounted recursively.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rocmswitch.errors import MachineLacks
from rocmswitch.system import process
from rocmswitch.system.lock import shared
from rocmswitch.system.process import Finished

SEARCHED = ("usr/sbin", "usr/bin", "sbin", "bin")
_CANNOT_BE_RUN, _NOT_THERE = 126, 127
"""What chroot(1) ends with."""
_KINDS = {"dev": "bind", "proc": "bind", "sys": "bind", "run": "tmpfs", "tmp": "tmpfs"}
_PROCESSES = ("--pid", "--fork", "--kill-child")
_NAMESPACES = ("unshare", "--mount", "--propagation", "private", *_PROCESSES)
_TOGETHER = ("unshare", "--mount", "--propagation", "slave", *_PROCESSES)
"""What is mounted meanwhile, as /efi by systemd's automount, is seen inside, too."""
_SHOW_PROCESSES = 'mount -t proc proc /proc 2>/dev/null; "$@"; exit $?'
"""A program that looks for itself by its number has to find itself; where /proc may not be mounted, it does not."""
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_NAMES = "/etc/resolv.conf"

# In the namespaces. A link in the place of a folder would lead out of the root: nothing is mounted there. The
# program is no direct heir of the shell, which stays as the first process: as such it would get no signals.
_PREPARE = """
root=$1 names=$2 link=$3; shift 3
is_folder() { [ -d "$root/$1" ] && [ ! -L "$root/$1" ]; }
bind() { mount --bind "/$1" "$root/$1" || exit 125; }
for one in dev dev/pts sys; do
    if is_folder "$one" && [ -d "/$one" ]; then bind "$one"; fi
done
if is_folder proc; then mount -t proc proc "$root/proc" 2>/dev/null || bind proc; fi
for one in run tmp; do
    if is_folder "$one"; then mount -t tmpfs -o mode=1777 tmpfs "$root/$one" || exit 125; fi
done
if [ "$names" ]; then
    if [ "$link" ] && is_folder run; then
        mkdir -p "$root/${link%/*}" && cat "$names" >"$root/$link"
    elif [ -f "$root/etc/resolv.conf" ]; then
        mount --bind "$names" "$root/etc/resolv.conf"
    fi
fi
chroot "$root" "$@"
"""
_GO = 'cd -- "$1" && shift && exec "$@"'


@dataclass(frozen=True)
class _How:
    """What a program sees of ours: its environment, how many seconds it has, and descriptors."""

    environment: Mapping[str, str]
    timeout: float | None
    inherited: tuple[int, ...]


@dataclass(frozen=True)
class Inside:
    """The system below *root*, an absolute folder without a symlink in it: `/` is the one that runs."""

    root: Path
    lock: Path | None = None
    """Each process of its programs holds it until its end. With it, all of them are ended when this process is
    killed, on the running system, too: not for what starts services, or leaves its number for others to read.
    """

    @property
    def is_running(self) -> bool:
        """Whether it is the system this process belongs to, under whatever name."""
        return self.root.samefile("/")

    def finds(self, program: str) -> bool:
        """Whether the system has *program*. It need not be one that can be run here."""
        return any(os.path.lexists(self.root / folder / program) for folder in SEARCHED)

    def run(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        folder: str = "/",
        is_online: bool = False,
        timeout: float | None = None,
    ) -> Finished:
        """Run *command* to its end as root of that system, in *folder* of it, with no input and English words.

        *environment* is what it sees beside LC_ALL and PATH. *is_online* lets it ask this machine's name servers.
        Raises FileNotFoundError where the system has no such program, MachineLacks where it is one for another
        architecture, or nothing can be mounted, subprocess.TimeoutExpired.
        """
        variables = {**_variables(online=is_online), **(environment or {})}
        words = ["sh", "-c", _GO, "sh", folder, *command] if folder != "/" else list(command)
        with contextlib.ExitStack() as stack:
            inherited = (stack.enter_context(shared(self.lock)),) if self.lock else ()
            how = _How(variables, timeout, inherited)
            if self.is_running:
                return self._known(command, _run(self._together(words) if self.lock else words, how))
            if self._has_namespaces:
                done = self._run_apart(words, how, is_online=is_online)
            else:
                done = self._run_mounted(words, how)
        return self._checked(command, done)

    @cached_property
    def _has_namespaces(self) -> bool:
        return _works([*_NAMESPACES, "true"])

    def _together(self, words: Sequence[str]) -> list[str]:
        """In containers there may be no namespaces: then only the lock tells who is still at work."""
        inner = [*_TOGETHER, "sh", "-c", _SHOW_PROCESSES, "sh"]
        return [*inner, *words] if _works([*inner, "true"]) else list(words)

    def _run_apart(self, words: Sequence[str], how: _How, *, is_online: bool) -> Finished:
        names = os.path.realpath(_NAMES) if is_online and Path(_NAMES).is_file() else ""
        prepare = ["sh", "-c", _PREPARE, "sh", str(self.root), names, self._names_link(), *words]
        return _run([*_NAMESPACES, *prepare], how)

    def _run_mounted(self, words: Sequence[str], how: _How) -> Finished:
        with self._mounted():
            return _run(["chroot", str(self.root), *words], how)

    def _checked(self, command: Sequence[str], done: Finished) -> Finished:
        if done.code == _CANNOT_BE_RUN and b"Exec format error" in done.stderr:
            raise MachineLacks(
                f"the programs of `{self.root}` are for another kind of machine, and cannot be run on this one"
            )
        if done.code == 125:
            said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            raise MachineLacks(f"nothing can be mounted below `{self.root}` ({said})")
        return self._known(command, done)

    def _known(self, command: Sequence[str], done: Finished) -> Finished:
        """Raise FileNotFoundError where a shell or chroot has not found the program."""
        if done.code == _NOT_THERE and not self.finds(Path(command[0]).name):
            raise FileNotFoundError(_NOT_THERE, "no such program", str(self.root / command[0]))
        return done

    def _names_link(self) -> str:
        """Where its resolv.conf lies where that is a link into /run, which is empty for the program."""
        try:
            target = str((self.root / _NAMES[1:]).readlink())
        except OSError:
            return ""
        inner = posixpath.normpath(posixpath.join("/etc", target)).lstrip("/")
        return inner if inner.startswith("run/") else ""

    @contextlib.contextmanager
    def _mounted(self) -> Iterator[None]:
        """For a machine without unshare(1): all is unmounted afterwards, unless this process is killed."""
        mounted: list[str] = []
        try:
            for name, kind in _KINDS.items():
                place = self.root / name
                if place.is_dir() and not place.is_symlink():
                    how = ["--bind", f"/{name}"] if kind == "bind" else ["-t", "tmpfs", "tmpfs"]
                    done = process.run(["mount", *how, str(place)])
                    if done.code:
                        said = done.stderr.decode(errors="replace").strip()
                        raise MachineLacks(f"nothing can be mounted below `{self.root}` ({said})")
                    mounted.append(str(place))
            yield
        finally:
            for one in reversed(mounted):
                if process.run(["umount", one]).code:
                    process.run(["umount", "-l", one])


def _run(words: Sequence[str], how: _How) -> Finished:
    return process.run(
        words,
        environment=how.environment,
        folder=Path("/"),
        timeout=how.timeout,
        ends_with_us=True,
        inherited=how.inherited,
    )


def _works(words: Sequence[str]) -> bool:
    try:
        return process.run(words).code == 0
    except FileNotFoundError:
        return False


def _variables(*, online: bool) -> dict[str, str]:
    proxies = {name: os.environ[name] for name in _PROXIES if online and os.environ.get(name)}
    path = ":".join(f"/{one}" for one in SEARCHED)
    return {"LC_ALL": "C", "PATH": path, "HOME": "/root", "TERM": "dumb", **proxies}

"""A small signed stack on a local server, and every change of it done in one thread on a disk that is handed in.

with TinyServer(folder, key) as served, Stage.in_memory(served) as stage:
    stage.set_up(stage.prepare([lambda hands: hands.install()]))
    stage.hands(CuttingDisk(17)).install("compiler")      # loses power before the 18th change
    assert_sound(stage.layout)
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType

import yaml

from rocmswitch.fetch.download import Downloads, Silent
from rocmswitch.fetch.http import Http, Patience
from rocmswitch.fetch.repository import Repositories
from rocmswitch.host.libraries import HostLibraries
from rocmswitch.model.host import Host
from rocmswitch.model.receipt import Receipt
from rocmswitch.operations import cache as cache_operations
from rocmswitch.operations import install, remove, repair, use
from rocmswitch.operations.building import Workshop
from rocmswitch.operations.rendering import functions
from rocmswitch.operations.resolving import Surroundings, Wish
from rocmswitch.operations.scripts import script_of, write_scripts
from rocmswitch.operations.timing import Stages
from rocmswitch.operations.use import Nursery
from rocmswitch.planning.install import InstallPlan
from rocmswitch.planning.wheels import Interpreter
from rocmswitch.shell import posix
from rocmswitch.store.cache import Cache
from rocmswitch.store.catalog import Catalog, Manifest
from rocmswitch.store.installed import Installed
from rocmswitch.store.interpreters import read_interpreter
from rocmswitch.store.layout import Layout
from rocmswitch.store.relocate import Machine
from rocmswitch.store.trees import Trees
from rocmswitch.store.verify import verify_tree
from rocmswitch.store.virtualenv import Uv
from rocmswitch.system.disk import Disk
from tests.support.aptrepository import AptRepository, Publication
from tests.support.commandline import CommandLine, Outcome
from tests.support.debs import Deb, Library, Link, make_library
from tests.support.disk import HastyDisk, copy_folder, remove_folder
from tests.support.keys import SigningKey
from tests.support.server import Server
from tests.support.wheels import make_wheel

TINY, OTHER = "tiny-1.0", "other-1.0"
ROOT = "opt/tiny"
HOST = Host("ubuntu", ("debian",), "jammy", "amd64", "2.35")
HURRY = Patience(connect=2, stall=2, attempts=1, pause=0.01)
WAIT = 5.0
NOBODY = 999_999_999
"""The number of no process."""
SOMEBODY = 54_321
"""The number of a user who need not exist."""


def tiny_debs(filling: int = 0) -> tuple[Deb, ...]:
    """Two libraries, one of which needs the other, and a compiler. *filling* bytes make packages larger."""
    stuffing = {f"{ROOT}/share/filling": _noise(filling)} if filling else {}
    return (
        Deb("hsa", "5.2-1", files={f"{ROOT}/lib/libhsa.so.1": Library("libhsa.so.1"), **stuffing}),
        Deb(
            "hip",
            "5.2-1",
            depends="hsa (>= 5)",
            files={
                f"{ROOT}/lib/libhip.so.5": Library("libhip.so.5", needs=("libhsa.so.1",), functions=("hip",)),
                f"{ROOT}/lib/libhip.so": Link("libhip.so.5"),
            },
        ),
        Deb("hipcc", "5.2-1", depends="hip", files={f"{ROOT}/bin/hipcc": "#!/bin/sh\nexit 0\n"}),
    )


def many_files(count: int) -> Deb:
    """A package whose unpacking and relocation is worth interrupting: *count* texts and *count* plugins."""
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "plugin.so"
        make_library(Library("plugin.so", needs=("libhsa.so.1",)), made)
        plugin = made.read_bytes()
    texts = {f"{ROOT}/share/{number}": f"text {number}\n" for number in range(count)}
    plugins = {f"{ROOT}/plugins/{number}/plugin.so": plugin for number in range(count)}
    return Deb("plugins", "5.2-1", depends="hsa", files={**texts, **plugins})


class TinyServer:
    """One server with a repository, and a package index with one wheel.

    *filling* bytes make a package larger, *plugins* come with the set `libraries`, and *modules* into the wheel.
    """

    def __init__(
        self, folder: Path, key: SigningKey, *, filling: int = 0, plugins: int = 1, modules: int = 1
    ) -> None:
        self.key = key
        self.server = Server(folder)
        self.folder = folder
        self.repository = AptRepository(folder / "apt", key).add(*tiny_debs(filling), many_files(plugins)).publish()
        self.repository.publish_key(folder / "key.asc")
        self.wheel = make_wheel(folder / "wheels", "hello", files=_modules(modules))
        self.wheel.path.rename(folder / "wheels" / self.wheel.filename)
        page = folder / "simple/hello/index.html"
        page.parent.mkdir(parents=True)
        page.write_text(f'<!DOCTYPE html><a href="/wheels/{self.wheel.filename}">{self.wheel.filename}</a>')

    def __enter__(self) -> TinyServer:
        self.server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.__exit__(kind, error, trace)

    @property
    def index(self) -> str:
        return self.server.url("simple")

    def manifest(self, name: str = TINY) -> bytes:
        version = name.rpartition("-")[2]
        stack = {
            "schema": 1,
            "name": name,
            "summary": "A stack for tests",
            "rocm": {
                "version": version,
                "root": ROOT,
                "sources": [
                    {
                        "kind": "apt",
                        "url": self.server.url("apt"),
                        "suite": "stable",
                        "key": {"fingerprint": self.key.fingerprint, "url": self.server.url("key.asc")},
                    }
                ],
                "sets": {"runtime": ["hip"], "compiler": ["hipcc"], "libraries": ["plugins"]},
                "environment": {"ROCM_PATH": f"{{prefix}}/{ROOT}"},
            },
            "wheels": {
                "packages": {"hello": "1.0"},
                "python": [f"cp{sys.version_info.major}{sys.version_info.minor}"],
                "hashes": {self.wheel.filename: self.wheel.digest.value},
            },
        }
        return yaml.safe_dump(stack, sort_keys=False).encode()

    def furnish(self, layout: Layout, *names: str) -> None:
        """Let *layout* have the manifests, as a user's own."""
        layout.manifests.mkdir(parents=True, exist_ok=True)
        for name in names or (TINY,):
            (layout.manifests / f"{name}.yaml").write_bytes(self.manifest(name))

    def archive(self, package: str) -> Path:
        (path,) = self.folder.glob(f"apt/pool/**/{package}_*.deb")
        return path

    def archives(self) -> list[str]:
        """The path on the server of each package."""
        folder = self.server.folder
        return [str(path.relative_to(folder)) for path in sorted(folder.glob("apt/pool/**/*.deb"))]

    @contextlib.contextmanager
    def newer_hip(self) -> Iterator[None]:
        """In this block there is another hip."""
        files = {f"{ROOT}/lib/libhip.so.5": Library("libhip.so.5", needs=("libhsa.so.1",), value=43)}
        stanzas = list(self.repository.stanzas["main"])
        self.repository.add(Deb("hip", "5.2-2", depends="hsa (>= 5)", files=files)).publish()
        try:
            yield
        finally:
            self.repository.stanzas["main"] = stanzas
            self.repository.publish(Publication(date=datetime.now(timezone.utc)))


@dataclass(frozen=True)
class Hands:
    """What the commands do, on one disk and in one thread; each call with new objects, as in a new process."""

    layout: Layout
    disk: Disk
    index: str = ""
    name: str = TINY
    python: Interpreter | None = field(default=None, compare=False)

    def install(self, *sets: str) -> None:
        manifest, receipt = self._manifest(), self._receipt()
        if install.is_there(manifest, sets, receipt):
            write_scripts(self.name, self.installed(), self.disk)
        else:
            install.execute(self.plan(*sets), self.workshop(), Silent(), Stages())

    def plan(self, *sets: str) -> InstallPlan:
        wish = install.with_installed(Wish(sets), self._receipt())
        return install.plan(self._manifest(), wish, self._repositories(), self._surroundings(), Stages())

    def repair(self) -> None:
        receipt = self._receipt()
        if receipt is not None and verify_tree(self.layout.prefixes / self.name):
            repair.execute(repair.plan(receipt, self.cache()), self.workshop(), Silent(), Stages())

    def remove(self) -> None:
        if self.installed().prefix(self.name):
            remove.execute(remove.plan(self.name, self.installed()), self.prefixes(), self.disk)

    def use(self, name: str) -> None:
        manifest = self._manifest()
        if self.installed().venv(name) is None:
            python = self.python or read_interpreter(Path(sys.executable))
            wanted = use.Wanted(name, python, None, self.index)
            plan = use.plan(manifest, wanted, Http(HURRY), self.cache())
            use.execute(plan, self.workshop(), self._nursery(), Silent(), Stages())
        write_scripts(name, self.installed(), self.disk)

    def enter(self, name: str) -> None:
        """What `use NAME` does for what is there."""
        write_scripts(name, self.installed(), self.disk)

    def prune(self) -> None:
        self.cache().prune(cache_operations.wanted(self.installed()))

    def sweep(self) -> None:
        for links in (self.layout.prefixes, self.layout.venvs):
            Trees(links, self.layout.locks, self.disk).sweep()

    def installed(self) -> Installed:
        return Installed((self.layout,))

    def cache(self) -> Cache:
        return Cache(self.layout.archives, self.layout.partial, self.disk)

    def prefixes(self) -> Trees:
        return Trees(self.layout.prefixes, self.layout.locks, self.disk)

    def workshop(self) -> Workshop:
        machine = Machine(HostLibraries(), HOST.glibc, jobs=0)
        return Workshop(self._downloads(), self.prefixes(), self.disk, machine, self.installed(), wait=WAIT)

    def _nursery(self) -> Nursery:
        trees = Trees(self.layout.venvs, self.layout.locks, self.disk)
        uv = Uv(self.layout.cache / "uv", self.disk)
        return Nursery(self._downloads(), trees, self.disk, uv, wait=WAIT)

    def _downloads(self) -> Downloads:
        return Downloads(Http(HURRY), self.cache(), jobs=0)

    def _repositories(self) -> Repositories:
        return Repositories(Http(HURRY), self.layout, self.disk, datetime.now(timezone.utc))

    def _surroundings(self) -> Surroundings:
        return Surroundings(HOST, HostLibraries(), self.cache(), {})

    def _manifest(self) -> Manifest:
        return Catalog(self.layout.data / "none", (self.layout.manifests,)).read(self.name)

    def _receipt(self) -> Receipt | None:
        one = self.installed().prefix(self.name)
        return one.receipt if one else None


@dataclass(frozen=True)
class Stage:
    """Where scenes are played, always in the same folder, because scripts name it."""

    served: TinyServer
    folder: Path
    python: Interpreter

    @classmethod
    @contextlib.contextmanager
    def in_memory(cls, served: TinyServer) -> Iterator[Stage]:
        """In memory where that can be: thousands of small files are made and removed."""
        memory = Path("/dev/shm")
        with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as name:
            yield cls(served, Path(name) / "home", read_interpreter(Path(sys.executable)))
            for path in Path(name).iterdir():
                remove_folder(path)

    @property
    def layout(self) -> Layout:
        return Layout.under(self.folder)

    def hands(self, disk: Disk | None = None) -> Hands:
        """A new process's, on the real disk if no other is given."""
        return Hands(self.layout, disk or HastyDisk(), self.served.index, python=self.python)

    def prepare(self, acts: Iterable[Callable[[Hands], object]]) -> Path:
        """What lies there before a scene, kept aside for `set_up`."""
        self.served.furnish(self.layout)
        for act in acts:
            act(self.hands())
        return self.folder.rename(self.folder.with_name("before"))

    def set_up(self, before: Path) -> None:
        remove_folder(self.folder)
        copy_folder(before, self.folder)

    def trees(self) -> dict[str, str]:
        """The tree of each name, as it stands there."""
        found = (
            Trees(links, self.layout.locks, HastyDisk()) for links in (self.layout.prefixes, self.layout.venvs)
        )
        return {name: trees.current(name) for trees in found for name in trees.names()}


def left_by_a_dead_process(layout: Layout) -> None:
    """Give temporary files of this process to one that is no more, as after a restart."""
    for path in tuple(layout.data.parent.rglob(f".*.{os.getpid()}.new")):
        folder_mode = path.parent.stat().st_mode & 0o7777
        path.parent.chmod(0o755)
        path.rename(path.with_name(path.name.replace(f".{os.getpid()}.", f".{NOBODY}.")))
        path.parent.chmod(folder_mode)


def assert_sound(layout: Layout, damaged: Collection[str] = ()) -> dict[str, str]:
    """What is installed is all there, and nothing but trees *damaged* before only pretends to be.

    The cache holds no wrong bytes under a right name. Returns the tree of each name.
    """
    current = {}
    for links in (layout.prefixes, layout.venvs):
        trees = Trees(links, layout.locks, HastyDisk())
        for name in trees.names():
            current[name] = trees.current(name)
            assert trees.receipt(name).tree == current[name]
        for tree in (links / ".trees").glob("*"):
            if trees.is_whole(tree.name) and tree.name not in damaged:
                assert verify_tree(tree, jobs=1) == (), tree.name
        assert all(trees.is_whole(tree) for name, tree in current.items() if name in trees.names())
    for archive in Cache(layout.archives, layout.partial, HastyDisk()).files():
        assert archive.partial or hashlib.sha256(archive.path.read_bytes()).hexdigest() == archive.name
    for seen in layout.seen.glob("[!.]*"):
        assert datetime.fromisoformat(json.loads(seen.read_bytes())["date"])
    return current


def assert_tidy(layout: Layout) -> None:
    """Nothing is left of what was interrupted: each name has its tree and its script, and no more lies there."""
    installed = Installed((layout,))
    found = (*installed.prefixes(), *installed.venvs())
    scripts = {script_of(one): posix.render(installed.activation(one), functions()) for one in found}
    assert {path: path.read_text() for path in layout.activations.glob("*")} == scripts
    trees = {path.name for links in (layout.prefixes, layout.venvs) for path in (links / ".trees").glob("*")}
    assert trees == {one.receipt.tree for one in found}
    assert [str(path) for path in layout.data.parent.rglob(".*") if path.suffix in (".new", ".bound")] == []
    assert list(layout.data.rglob(".relocated-*")) == []


def _modules(count: int) -> dict[str, str]:
    body = "".join(f"def f{number}(x):\n    return [x + {number} for _ in range(9)]\n" for number in range(20))
    return {"hello/__init__.py": "words = 'hello'\n", **{f"hello/m{number}.py": body for number in range(1, count)}}


def _noise(size: int) -> bytes:
    """Bytes that no compression makes smaller, always the same."""
    return random.Random(size).randbytes(size)


SLOW_DISK = """
import re, sys, time
from rocmswitch.cli import main
from rocmswitch.system.disk import Disk

def about_to(self, change):
    global slow
    said = f"{change.kind} {change.path} {change.target}"
    slow = slow or pattern.search(said)
    if slow:
        marks.write(f"{said}\\n")
        time.sleep(0.02)

Disk.about_to = about_to
slow, marks, pattern = None, open(sys.argv[1], "w", buffering=1), re.compile(sys.argv[2])
sys.argv[:3] = ["rocmswitch"]
main.main()
"""
"""The program on a disk that, from a certain change on, takes its time for each."""


@dataclass
class Running:
    """The real program in a process and a session of its own."""

    process: subprocess.Popen[bytes]
    marks: Path

    @classmethod
    def start(cls, line: CommandLine, *words: str, slow_from: str = "$.") -> Running:
        """Start `rocmswitch WORDS`. The disk is slow from the change on that *slow_from* (a pattern) describes."""
        descriptor, name = tempfile.mkstemp(prefix="marks-", dir=line.folder)
        os.close(descriptor)
        marks = Path(name)
        command = [sys.executable, "-c", SLOW_DISK, str(marks), slow_from, *words]
        process = subprocess.Popen(
            command,
            env=line.variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        return cls(process, marks)

    def wait_until(self, happened: Callable[[], object], seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while not happened():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline, "it did not come to that"
            time.sleep(0.002)

    def wait_until_slow(self) -> None:
        self.wait_until(lambda: self.marks.stat().st_size)

    def end(self, signal: int) -> Ended:
        """Send *signal* to it alone, and wait."""
        start = time.monotonic()
        self.process.send_signal(signal)
        return self.finish(start)

    def finish(self, start: float = 0.0) -> Ended:
        out, err = self.process.communicate(timeout=60)
        seconds = time.monotonic() - (start or time.monotonic())
        return Ended(self.process.returncode, out.decode(), err.decode(), seconds, self.session())

    def wait_until_alone(self, seconds: float) -> None:
        """What it started has ended too."""
        deadline = time.monotonic() + seconds
        while left := self.session():
            assert time.monotonic() < deadline, left
            time.sleep(0.01)

    def session(self) -> tuple[str, ...]:
        """The command lines of what still runs in its session."""
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                with contextlib.suppress(OSError):
                    after_name = (folder / "stat").read_text().rpartition(")")[2].split()
                    if int(after_name[3]) == self.process.pid and after_name[0] not in "ZX":
                        found.append((folder / "cmdline").read_text().replace("\0", " "))
        return tuple(found)


@dataclass(frozen=True)
class Ended:
    """How the program ended. `left` are command lines of processes that it left behind."""

    code: int
    out: str
    err: str
    seconds: float
    left: tuple[str, ...]


@dataclass(frozen=True)
class OrdinaryUser:
    """Somebody whom file modes bind, with a home of their own; root is bound by none."""

    line: CommandLine
    prefix: tuple[str, ...]

    @classmethod
    @contextlib.contextmanager
    def made(cls) -> Iterator[OrdinaryUser]:
        """Skips where root cannot become another user who can run this Python."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            yield cls(CommandLine(folder), _becoming(folder))
            for path in folder.iterdir():
                remove_folder(path)

    def own(self) -> None:
        """All that root has prepared is theirs."""
        if f"--reuid={SOMEBODY}" in self.prefix:
            for path in (self.line.folder, *self.line.folder.rglob("*")):
                os.chown(path, SOMEBODY, SOMEBODY, follow_symlinks=False)

    def run(self, *words: str, **environment: str) -> Outcome:
        self.line.home.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [*self.prefix, sys.executable, "-m", "rocmswitch", *words],
            env=self.line.variables(**environment),
            cwd=self.line.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)


def _becoming(folder: Path) -> tuple[str, ...]:
    """What goes before a command for modes to bind it; nothing where they do anyway.

    Where nobody else can read this Python, because it lies in root's home, it is root without any capability.
    """
    import pytest

    if os.geteuid() != 0:
        return ()
    folder.chmod(0o755)
    another = (f"--reuid={SOMEBODY}", f"--regid={SOMEBODY}", "--clear-groups")
    powerless = ("--bounding-set=-all", "--inh-caps=-all")
    for how in (another, powerless) if shutil.which("setpriv") else ():
        # Twice: setpriv's own exec may still reach what the user may not.
        python = (
            f"import subprocess, rocmswitch.cli.install; subprocess.run([{sys.executable!r}, '-c', ''], check=True)"
        )
        tried = ["setpriv", *how, sys.executable, "-c", python]
        if not subprocess.run(tried, cwd=folder, capture_output=True, check=False).returncode:
            return ("setpriv", *how)
    return pytest.skip("runs as root, and setpriv (util-linux) cannot make an ordinary user of it here")

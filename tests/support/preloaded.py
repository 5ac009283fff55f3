"""The real program, each run in a process of its own, forked from one that has imported all of it already.

Of the processor's time that a short command takes, three quarters to nine tenths are the start of Python and its
imports. Everything else is as it was: arguments, variables, folder, the three streams, the end of the interpreter.

    done = run(["list", "--json"], folder, variables)       # as subprocess.run; None: has to be started anew

The first run of each verb is started anew, and so is whatever sets how Python itself starts; that no module needs
another to be imported before it is held by a test. `TEST_STARTS=all` starts every run anew. Whoever forks is
replaced after some runs: sets are ordered by another seed then.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
ALL = "TEST_STARTS"
STARTS_ANEW = ("PYTHON", "LC_", "LD_", "MALLOC_")
"""Beginnings of the names of variables that count while Python starts."""
LANGUAGE = {"LANG": "C.UTF-8"}
RUNS = 100
"""After so many there is another one that forks."""
_ROOM = 60_000
"""Bytes that a pipe takes without a reader: pipe(7) says 65536."""
_LENGTH = struct.Struct("!q")
_ALSO = ("rich.live", "rich.progress", "rich.table", "pysequoia", "zstandard", "elftools.elf.elffile", "tomli")
"""What functions of ours import, and no module does."""


class Forker:
    """The process that has imported everything, and the way to speak with it."""

    def __init__(self) -> None:
        self.runs = 0
        self.inherited = inherited()
        self._socket, other = socket.socketpair()
        program = f"from tests.support.preloaded import serve; serve({other.fileno()})"
        # Pipes, as the streams of a run are: Python asks at its start whether they can be sought.
        self._process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[other.fileno()],
            cwd=CHECKOUT,
            env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", **LANGUAGE},
        )
        other.close()

    def start(self, asked: bytes, streams: Sequence[int]) -> int:
        """The number of the process that does what was *asked*."""
        self.runs += 1
        socket.send_fds(self._socket, [_LENGTH.pack(len(asked))], list(streams))
        self._socket.sendall(asked)
        return self._number()

    def status(self) -> int:
        """As subprocess has it: the exit status, or a signal's number below zero."""
        return os.waitstatus_to_exitcode(self._number())

    def close(self) -> None:
        self._socket.close()
        self._process.communicate()

    def _number(self) -> int:
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            answer = self._socket.recv(_LENGTH.size, socket.MSG_WAITALL)
        if len(answer) != _LENGTH.size:
            raise AssertionError(self._process.communicate()[1].decode())
        return int(_LENGTH.unpack(answer)[0])


class Forkers:
    """One at a time; what runs beside another run is started anew."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.started: set[str] = set()
        self._forker: Forker | None = None

    def is_first(self, words: Sequence[str]) -> bool:
        verb = next((word for word in words if not word.startswith("-")), "")
        known = verb in self.started
        self.started.add(verb)
        return not known

    def take(self) -> Forker:
        if self._forker is None or self._forker.runs == RUNS or self._forker.inherited != inherited():
            if self._forker is not None:
                self._forker.close()
            self._forker = Forker()
        return self._forker


_FORKERS = Forkers()
_ENDED: list[object] = []
"""With what the program in this process has called for its end."""


def inherited() -> tuple[object, ...]:
    """What a process has from who starts it, besides what `run` is told: proc(5), getrlimit(2)."""
    kept = ("Umask:", "Uid:", "Gid:", "Groups:", "SigBlk:", "SigIgn:", "CapEff:", "NoNewPrivs:", "Seccomp:")
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    limits = Path("/proc/self/limits").read_text(encoding="ascii")
    rooms = sorted((one.name, one.readlink()) for one in Path("/proc/self/ns").iterdir())
    own = (os.nice(0), Path("/proc/self/root").readlink(), frozenset(os.sched_getaffinity(0)))
    return (*(line for line in status if line.startswith(kept)), limits, *rooms, *own)


def run(
    words: Sequence[str], folder: Path, variables: Mapping[str, str], *, stdin: str = "", patience: float = 120.0
) -> subprocess.CompletedProcess[str] | None:
    """What `rocmswitch WORDS` did in *folder*; None where it has to be started anew, and nothing was done.

    Raises subprocess.TimeoutExpired after *patience* seconds, once the process was ended.
    """
    counts = {name: value for name, value in variables.items() if name.startswith((*STARTS_ANEW, "LANG"))}
    if os.environ.get(ALL) or counts != LANGUAGE or len(stdin.encode()) > _ROOM or _FORKERS.is_first(words):
        return None
    if not _FORKERS.lock.acquire(blocking=False):
        return None
    try:
        return _run(_FORKERS.take(), [*words], folder, variables, stdin.encode(), patience)
    finally:
        _FORKERS.lock.release()


def _run(
    forker: Forker, words: list[str], folder: Path, variables: Mapping[str, str], stdin: bytes, patience: float
) -> subprocess.CompletedProcess[str]:
    asked = json.dumps({"words": words, "folder": str(folder), "variables": dict(variables)}).encode()
    pipes = [os.pipe() for _ in range(3)]
    (his_in, my_in), (my_out, his_out), (my_err, his_err) = pipes
    os.write(my_in, stdin)
    os.close(my_in)
    process = forker.start(asked, (his_in, his_out, his_err))
    for one in (his_in, his_out, his_err):
        os.close(one)
    try:
        out, err = _read_to_the_end((my_out, my_err), patience)
    except TimeoutError as error:
        os.kill(process, signal.SIGKILL)
        forker.status()
        raise subprocess.TimeoutExpired(words, patience) from error
    finally:
        os.close(my_out)
        os.close(my_err)
    return subprocess.CompletedProcess(words, forker.status(), out, err)


def _read_to_the_end(pipes: tuple[int, int], patience: float) -> tuple[str, str]:
    content = dict.fromkeys(pipes, b"")
    end = time.monotonic() + patience
    with selectors.DefaultSelector() as waiting:
        for one in pipes:
            waiting.register(one, selectors.EVENT_READ)
        while waiting.get_map():
            ready = waiting.select(end - time.monotonic())
            if not ready and time.monotonic() > end:
                raise TimeoutError
            for key, _ in ready:
                read = os.read(key.fd, 65536)
                content[key.fd] += read
                if not read:
                    waiting.unregister(key.fd)
    out, err = (content[one].decode().replace("\r\n", "\n") for one in pipes)
    return out, err


def serve(number: int) -> None:
    """In the process that forks: does what is asked until nobody is left who could ask."""
    import gc

    # Registered before all others, it is called after them.
    atexit.register(_leave_the_rest)
    _import_everything()
    gc.collect()
    gc.freeze()
    asking = socket.socket(fileno=number)
    while True:
        head, streams, _, _ = socket.recv_fds(asking, _LENGTH.size, 3)
        if not head:
            os._exit(0)
        (length,) = _LENGTH.unpack(head)
        asked = json.loads(asking.recv(length, socket.MSG_WAITALL))
        process = os.fork()
        if not process:
            asking.close()
            return _become(asked, streams)
        for one in streams:
            os.close(one)
        asking.sendall(_LENGTH.pack(process))
        asking.sendall(_LENGTH.pack(os.waitpid(process, 0)[1]))


def _import_everything() -> None:
    """All that any command imports. What cannot be imported is tried again by whoever needs it, and fails there."""
    import importlib
    import pkgutil

    import rocmswitch

    every = pkgutil.walk_packages(rocmswitch.__path__, "rocmswitch.", onerror=lambda _: None)
    ours = [one.name for one in every if not one.name.startswith("rocmswitch.guest")]
    for name in (*ours, *_ALSO):
        if not name.endswith("__main__"):
            with contextlib.suppress(ImportError, SyntaxError, NameError, AttributeError, TypeError):
                importlib.import_module(name)


def _become(asked: dict[str, object], streams: list[int]) -> None:
    """What `python -m rocmswitch` is at its start; returns when the program does, and Python ends as ever."""
    import runpy

    for number, one in enumerate(streams):
        os.dup2(one, number)
        os.close(one)
    os.chdir(str(asked["folder"]))
    os.environ.clear()
    os.environ.update(asked["variables"])  # type: ignore[call-overload]
    time.tzset()
    sys.path[0] = str(asked["folder"])
    sys.argv[1:] = asked["words"]  # type: ignore[assignment]
    try:
        runpy.run_module("rocmswitch", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        _ENDED.append(ended.code)
        raise


def _leave_the_rest() -> None:
    """End without freeing each of a thousand modules. Threads have ended, and what wanted to be called was."""
    if _ENDED and isinstance(_ENDED[0], int | None):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit((_ENDED[0] or 0) & 0xFF)

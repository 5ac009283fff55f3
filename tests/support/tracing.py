"""The real program under strace: which of its system calls change files, and a fault at exactly one of them.

calls = mutating_calls(line, "deploy", …)
outcome = hit(line, calls[7], Fault.KILL, "deploy", …)      # killed where it was about to make its 8th such call

A call is found again by what strace counts. That is exact where the program does the same every time: `frozen`
gives it code that nobody edits meanwhile, and a fixed order of sets.
"""

from __future__ import annotations

import compileall
import dataclasses
import enum
import functools
import py_compile
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

import rocmswitch
from tests.support.commandline import PATIENCE, CommandLine, Outcome
from tests.support.tracelines import LOOKING, MUTATING, Call, Trace


class Fault(enum.Enum):
    """What happens instead of the call; LASTING also instead of all that are like it from then on.

    That is how an error comes while an error is taken back.
    """

    KILL = "signal=SIGKILL:when={}"
    FULL = "error=ENOSPC:when={}"
    BROKEN = "error=EIO:when={}"
    LASTING = "error=EIO:when={}+"


def frozen(line: CommandLine, folder: Path) -> CommandLine:
    """The same person with a copy of the program in *folder*, compiled, which does the same every time."""
    package = Path(rocmswitch.__file__).parent
    if not (folder / "rocmswitch").exists():
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(package, folder / "rocmswitch", ignore=ignored)
        shutil.copytree(package.parent / "manifests", folder / "manifests")
        unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
        compileall.compile_dir(str(folder / "rocmswitch"), quiet=2, invalidation_mode=unchecked)
    fixed = {"PYTHONPATH": str(folder), "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    return dataclasses.replace(line, environment={**line.environment, **fixed})


@functools.cache
def why_not() -> str:
    """Why nothing can be traced here; empty where it can."""
    if shutil.which("strace") is None:
        return "no strace here: install strace"
    options = ["--seccomp-bpf", "-f", "-y", "-o", "/dev/null", "-e", "inject=fsync:error=EIO:when=1"]
    done = subprocess.run(["strace", *options, "true"], capture_output=True, text=True, check=False)
    return f"strace may not trace here: {done.stderr.strip()}" if done.returncode else ""


def need_tracing() -> None:
    """Skip the test where nothing can be traced."""
    if reason := why_not():
        pytest.skip(reason)


def mutating_calls(line: CommandLine, *words: str) -> tuple[Call, ...]:
    """The calls of `rocmswitch WORDS`, which must go well, that change something below the person's folder.

    In their order. That of two threads may differ from run to run.
    """
    return tuple(call for call in _traced(line, MUTATING, words).calls() if call.changes)


def touching_calls(line: CommandLine, *words: str) -> tuple[Call, ...]:
    """Also those with which it looks at something there."""
    return tuple(_traced(line, (*MUTATING, *LOOKING), words).calls())


def hit(line: CommandLine, call: Call, fault: Fault, *words: str) -> Outcome:
    """`rocmswitch WORDS` with *fault* in the place of *call*. It must come to exactly that call."""
    with tempfile.TemporaryDirectory() as scratch:
        outcome = _run(line, injecting(line, call, fault.value, Path(scratch)), words)
        trace = Trace.read(Path(scratch), line.folder)
    found = [f"{one.name}({trace.plain(one.arguments)})" for one in trace.lines if one.is_hit]
    assert str(call) in found, f"{call} was meant, hit was {found}: {outcome}"
    return outcome


def injecting(line: CommandLine, call: Call, fault: str, folder: Path) -> list[str]:
    """The options with which strace puts *fault* there, and writes into *folder* what it did."""
    # Tracing a path is what keeps strace from counting other calls.
    path = ["-P", call.path.replace("~", str(line.folder))] if call.path else []
    injected = f"inject={call.name}:{fault.format(call.ordinal)}"
    # Four times as fast; but where it is the kernel that chooses the calls, strace sends no signal instead of one.
    quick = [] if "signal" in fault else ["--seccomp-bpf"]
    return [*quick, "-ff", "-o", f"{folder}/trace", *path, "-e", f"trace=execve,{call.name}", "-e", injected]


def command(options: list[str], words: Sequence[str]) -> list[str]:
    """What runs `rocmswitch WORDS` under strace."""
    # -y: descriptors with their paths; -s 0: no content, in which a path might stand as well.
    return ["strace", "-qq", "-y", "-s", "0", "-ttt", *options, sys.executable, "-m", "rocmswitch", *words]


def _traced(line: CommandLine, names: Sequence[str], words: Sequence[str]) -> Trace:
    # Not every architecture has `open`: the `?` says that this is no mistake.
    traced = ",".join(["execve", *(f"?{name}" for name in names)])
    with tempfile.TemporaryDirectory() as scratch:
        outcome = _run(line, ["-ff", "-o", f"{scratch}/trace", "-e", f"trace={traced}"], words)
        assert outcome.code == 0, outcome
        return Trace.read(Path(scratch), line.folder)


def _run(line: CommandLine, options: list[str], words: Sequence[str]) -> Outcome:
    line.home.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        command(options, words),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=line.variables(),
        cwd=line.home,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)

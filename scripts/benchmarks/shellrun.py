"""Shells that run what they are told: how long it took, and which processes were started for it.

A shell is interactive, reads its rc file, and then takes its work line by line from one named pipe and answers on
another, so that many measurements, in any order, happen in the very same shell, on one clock.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SHELLS = ("bash", "zsh", "fish")
PATIENCE = 120
"""Seconds after which a shell counts as hanging."""

RC_FILES = {"bash": ".bashrc", "zsh": ".zshrc", "fish": ".config/fish/config.fish"}
MARK = "bench-mark"
PROMPT = "@prompt@"
"""In code for a shell: what it does before it shows a prompt."""
MOST_TIMES = 10_000
TRACED = "execve,fork,vfork,clone,clone3,write"

_POSIX_LOOP = f'while IFS= read -r _line; do eval "$_line"; echo {MARK} >"$BENCH_DONE"; done <"$BENCH_TODO"'
_DRIVERS = {
    "bash": _POSIX_LOOP,
    "zsh": _POSIX_LOOP,
    "fish": f"""
set -g _times (string split ' ' (string repeat -n {MOST_TIMES - 1} 'x ')x)
while read _line; eval $_line; echo {MARK} >$BENCH_DONE; end <$BENCH_TODO""",
}
# What the shell calls before it shows a prompt, one command a line.
_PROMPTS = {
    "bash": """printf '%s\\n' "${PROMPT_COMMAND[@]}" """,
    "zsh": """print -l -- $precmd_functions""",
    "fish": "echo emit fish_prompt",
}
_LOOPS = {
    "bash": "for ((_i = 0; _i < {times}; _i++)); do {code}; done",
    "zsh": "for ((_i = 0; _i < {times}; _i++)); do {code}; done",
    "fish": "for _i in $_times[1..{times}]; {code}; end",
}
_NAMES = {
    "bash": ("--noprofile", "--rcfile", "{rc}", "-i"),
    "zsh": ("-d", "-i"),
    "fish": ("-i",),
}
_FORK = re.compile(r"^\d+ +(fork|vfork|clone3?)\(")
_EXEC = re.compile(r"^\d+ +(execve\(|<\.\.\. execve resumed>).* = 0$")


@dataclass(frozen=True)
class Started:
    """Processes and programs that were started, each time that the work was done."""

    forks: float
    execs: float

    def __sub__(self, other: Started) -> Started:
        return Started(self.forks - other.forks, self.execs - other.execs)

    def __str__(self) -> str:
        return f"forks {self.forks:.3g}, execs {self.execs:.3g}" if self.forks or self.execs else "no process"


@dataclass(frozen=True)
class Account:
    """A person whose shells read the rc files below *home*, and nothing of who runs this."""

    home: Path
    variables: Mapping[str, str]

    @property
    def environment(self) -> dict[str, str]:
        kept = {"HOME": str(self.home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TERM": "dumb"}
        return {**kept, **self.variables}

    def rc(self, shell: str) -> Path:
        return self.home / RC_FILES[shell]

    def write_rc(self, shell: str, text: str) -> None:
        self.rc(shell).parent.mkdir(parents=True, exist_ok=True)
        self.rc(shell).write_text(text)
        # Where this folder is missing, fish fills it in the background from every manual page of the machine.
        (self.home / ".local/share/fish/generated_completions").mkdir(parents=True, exist_ok=True)

    def command(self, shell: str) -> list[str]:
        """What starts *shell*, interactive, with its rc file and nothing of the machine's own settings."""
        return [shutil.which(shell) or shell, *(word.format(rc=self.rc(shell)) for word in _NAMES[shell])]


class Shell:
    """A shell that waits for work."""

    def __init__(self, name: str, todo: int, done: int, errors: Path) -> None:
        self.name, self._todo, self._done, self._errors = name, todo, done, errors
        self._prompt = ":"

    def read_prompt(self, file: Path) -> None:
        """Learn what is called at each prompt, to call it with nothing around it: a function costs 9 µs in zsh."""
        self.do(f"{_PROMPTS[self.name]} >{file}")
        commands = (line.strip(" ;") for line in file.read_text().splitlines())
        self._prompt = "; ".join(one for one in commands if one) or ":"

    def seconds(self, code: str, times: int) -> float:
        """How long *code*, a list of commands, took each time that it ran."""
        line = _LOOPS[self.name].format(times=times, code=code)
        started = time.perf_counter()
        self.do(line)
        return (time.perf_counter() - started) / times

    def do(self, line: str) -> None:
        line = line.replace(PROMPT, self._prompt)
        os.write(self._todo, f"{line}\n".encode())
        if not select.select([self._done], [], [], PATIENCE)[0]:
            sys.exit(f"error: {self.name} hangs at `{line}`\n{self._errors.read_text(errors='replace')[-2000:]}")
        answer = os.read(self._done, 4096).decode()
        if answer != f"{MARK}\n":
            sys.exit(f"error: {self.name} answered {answer!r} to `{line}`")


@contextlib.contextmanager
def opened(shell: str, account: Account, folder: Path, before: Sequence[str] = ()) -> Iterator[Shell]:
    """*shell* of *account*, started in *folder*; *before* goes before the command."""
    with tempfile.TemporaryDirectory(prefix="pipes-") as pipes:
        todo, done, errors = (Path(pipes, name) for name in ("todo", "done", "errors"))
        os.mkfifo(todo)
        os.mkfifo(done)
        # Both ends stay open here, so that nobody ever waits in open() and no end of file is seen.
        ends = [os.open(path, os.O_RDWR) for path in (todo, done)]
        with errors.open("wb") as said:
            process = subprocess.Popen(
                [*before, *account.command(shell), "-c", _DRIVERS[shell]],
                cwd=folder,
                env={**account.environment, "BENCH_TODO": str(todo), "BENCH_DONE": str(done)},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        try:
            one = Shell(shell, ends[0], ends[1], errors)
            # Twice: what takes itself away at the first prompt does not belong to every one.
            for _ in range(2):
                one.read_prompt(Path(pipes, "prompt"))
                one.do(PROMPT)
            yield one
            os.write(ends[0], b"exit 0\n")
            process.wait(PATIENCE)
        finally:
            process.kill()
            process.wait()
            for end in ends:
                os.close(end)


def environment_after(shell: Shell, code: str, file: Path) -> dict[str, str]:
    """What a program started after *code* sees."""
    shell.do(f"{code}; /usr/bin/env -0 >{file}")
    lines = file.read_bytes().decode(errors="replace").split("\0")
    return dict(line.split("=", 1) for line in lines if "=" in line)


def started_by(shell: str, account: Account, folder: Path, work: tuple[str, str], times: int) -> Started | None:
    """What the second of *work* starts each time that it runs, counted by strace; None where there is no strace.

    In a shell of its own: strace slows it, so nothing is timed there. The first goes before; the second runs once
    uncounted.
    """
    tracer = shutil.which("strace")
    if tracer is None:
        return None
    with tempfile.NamedTemporaryFile(prefix="strace-") as log:
        with opened(shell, account, folder, _tracing(tracer, log.name)) as one:
            one.do(f"{work[0]}; {work[1]}")
            one.do(_LOOPS[shell].format(times=times, code=work[1]))
        lines = Path(log.name).read_text(errors="replace").splitlines()
    marks = [number for number, line in enumerate(lines) if f'"{MARK}' in line]
    begun, ended = marks[-2:]
    return _counted(lines[begun:ended], times)


def started_in_all(account: Account, command: Sequence[str], folder: Path) -> Started | None:
    """What the whole run of *command* starts, itself included; None where there is no strace."""
    tracer = shutil.which("strace")
    if tracer is None:
        return None
    with tempfile.NamedTemporaryFile(prefix="strace-") as log:
        run_quietly([*_tracing(tracer, log.name), *command], account.environment, folder)
        return _counted(Path(log.name).read_text(errors="replace").splitlines(), 1)


def run_quietly(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
    """Without a terminal. A shell's own code is what its last command gave, so it says nothing here."""
    quiet = subprocess.DEVNULL
    subprocess.run(command, env=dict(environment), cwd=folder, stdin=quiet, stdout=quiet, stderr=quiet, check=False)


def _tracing(tracer: str, log: str) -> list[str]:
    return [tracer, "-f", "-qq", "-e", f"trace={TRACED}", "-e", "signal=none", "-o", log]


def _counted(lines: Sequence[str], times: int) -> Started:
    """Threads are no processes, and a program that was not found is none."""
    forks = sum(1 for line in lines if _FORK.match(line) and "CLONE_THREAD" not in line)
    return Started(forks / times, sum(1 for line in lines if _EXEC.match(line)) / times)

"""Real shells: a script run to its end, or lines typed one by one at a prompt of a pseudo-terminal.

done = run("zsh", "echo $ZSH_VERSION", folder=tmp_path)
with Terminal.opened("fish", tmp_path, rc="set -gx A b") as terminal:
    assert terminal.type("echo $A") == "b\\n"
    assert terminal.environment()[b"A"] == b"b"
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import shlex
import shutil
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PATIENCE = 60.0
"""Seconds after which a shell counts as hanging."""

OF_THE_SHELL = (b"_", b"SHLVL", b"PWD", b"OLDPWD", b"LOGNAME")
"""Variables that shells change by themselves."""

_READY, _BEGIN = "=ready=", "=begin="
_RC_FILES = {"bash": ".bashrc", "zsh": ".zshrc", "fish": ".config/fish/config.fish"}
_PROMPTS = {
    "bash": f"PS1='{_READY}'",
    "zsh": f"PS1='{_READY}' PROMPT_EOL_MARK= RPS1=",
    "fish": f"""set -g fish_greeting
function __count_prompts --on-event fish_prompt; set -g __prompts (math $__prompts + 1); end
set -g __prompts 0
function __mark_output --on-event fish_preexec; echo -n {_BEGIN}; end
function fish_prompt; echo -n {_READY}$__prompts.; end""",
}
_INTERACTIVE = {
    "bash": ("--noediting", "-i"),
    # Without the line editor the prompt appears once; without /etc/zsh the machine's own settings do not matter.
    "zsh": ("-d", "-i", "+o", "zle", "+o", "promptsp"),
    "fish": ("-i",),
}

Environment = Mapping[str, str] | Mapping[bytes, bytes]


@dataclass(frozen=True)
class Finished:
    """How a script ended."""

    code: int
    out: bytes
    err: bytes


def program(shell: str) -> list[str]:
    """The command that starts *shell*: `bash`, `zsh`, `fish`, `dash`, `busybox` (its sh), … Skips without it."""
    found = shutil.which(shell)
    if found is None:
        return pytest.skip(f"no {shell} here: apt install {shell}")
    return [found, "sh"] if shell == "busybox" else [found]


def run(
    shell: str,
    script: str | bytes,
    *,
    folder: Path,
    environment: Environment | None = None,
    options: Sequence[str] = (),
) -> Finished:
    """Run *script* from a file below *folder*, there, without a terminal."""
    file = folder / f"script.{shell}"
    file.write_bytes(script if isinstance(script, bytes) else script.encode())
    done = subprocess.run(
        [*program(shell), *_without_settings(shell), *options, str(file)],
        cwd=folder,
        env=account(folder) if environment is None else environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def account(home: Path, **more: str) -> dict[str, str]:
    """The environment of a person whose home is *home*, and nothing of who runs the tests.

    In a new home fish would read every manual page of the machine, behind the test's back and past its end.
    """
    return {"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "FISH_UNIT_TESTS_RUNNING": "1", **more}


def dumping(file: Path) -> str:
    """A line, in any dialect, that writes the environment to *file*, for `dumped`."""
    return f"/usr/bin/env -0 >{shlex.quote(str(file))}"


def dumped(file: Path) -> dict[bytes, bytes]:
    """What `dumping` wrote, without what shells change by themselves."""
    lines = (line.partition(b"=") for line in file.read_bytes().split(b"\0") if line)
    return {name: value for name, _, value in lines if name not in OF_THE_SHELL}


@dataclass
class Terminal:
    """A shell that somebody types into."""

    shell: str
    screen: int
    process: subprocess.Popen[bytes]
    folder: Path
    seen: str = ""
    _prompts: int = field(default=0)

    @classmethod
    @contextlib.contextmanager
    def opened(
        cls,
        shell: str,
        home: Path,
        *,
        rc: str = "",
        environment: Environment | None = None,
        before: Sequence[str] = (),
        options: Sequence[str] = (),
    ) -> Iterator[Terminal]:
        """*rc* is what the shell's own rc file below *home* says; *before* goes before the command: strace and its
        options. The shell starts in *home*, whose path has no effect but on what the shell shows.
        """
        if shutil.which("setsid") is None:
            pytest.skip("no setsid here: install util-linux")
        _write_rc(home / _RC_FILES[shell], rc, shell)
        screen, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("4H", 40, 400, 0, 0))
        _be_silent(inner)
        process = subprocess.Popen(
            ["setsid", "--ctty", *before, *program(shell), *_INTERACTIVE[shell], *options],
            stdin=inner,
            stdout=inner,
            stderr=inner,
            env={"TERM": "dumb", **account(home)} if environment is None else environment,
            cwd=home,
        )
        os.close(inner)
        terminal = cls(shell, screen, process, home)
        try:
            terminal.seen = terminal._until_prompt()
            yield terminal
        finally:
            process.kill()
            process.wait(PATIENCE)
            os.close(screen)

    def type(self, line: str) -> str:
        """Type *line* and wait for the next prompt. Gives what appeared."""
        os.write(self.screen, line.encode() + b"\n")
        return self._until_prompt()

    def environment(self) -> dict[bytes, bytes]:
        """What a program started at this prompt would see."""
        file = self.folder / ".environment"
        said = self.type(dumping(file))
        assert file.exists(), said
        found = dumped(file)
        file.unlink()
        return found

    def end(self) -> None:
        """Type `exit` and wait until it is gone."""
        os.write(self.screen, b"exit\n")
        with contextlib.suppress(OSError):  # EIO: nobody has the terminal open any more
            while select.select([self.screen], [], [], PATIENCE)[0] and os.read(self.screen, 65536):
                pass
        self.process.wait(PATIENCE)

    def _until_prompt(self) -> str:
        shown, end = b"", time.monotonic() + PATIENCE
        self._prompts += 1
        marker = f"{_READY}{self._prompts}." if self.shell == "fish" else _READY
        while marker.encode() not in shown:
            assert time.monotonic() < end, f"no prompt after {shown.decode(errors='replace')}"
            if select.select([self.screen], [], [], 0.1)[0]:
                shown += os.read(self.screen, 65536)
            assert self.process.poll() is None, shown.decode(errors="replace")
        said = shown.partition(marker.encode())[0].decode(errors="replace")
        # What fish shows while one types comes first; it marks output that ends without a newline.
        return re.sub("⏎ *", "", _plain(said.rpartition(_BEGIN)[2])) if self.shell == "fish" else _plain(said)


def _write_rc(file: Path, rc: str, shell: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{rc}\n{_PROMPTS[shell]}\n")


def _be_silent(terminal: int) -> None:
    """Nothing that is typed appears by itself, so that what appears is what was said."""
    settings = termios.tcgetattr(terminal)
    settings[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSANOW, settings)


def _without_settings(shell: str) -> tuple[str, ...]:
    return {"zsh": ("-f",), "fish": ("--no-config",)}.get(shell, ())


def _plain(text: str) -> str:
    """Without the terminal's control sequences."""
    text = re.sub(r"\x1b\][^\x07\x1b]*(\x07|\x1b\\)", "", text)
    return re.sub(r"\x1b[\[(>=][0-9;?]*[A-Za-z]?", "", text).replace("\r\n", "\n").replace("\r", "")

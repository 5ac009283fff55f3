"""The tools that people switch folders with today: mise, direnv, Environment Modules.

Each is fetched once into a folder of its own, gets an account of its own, and a project that sets what the scripts
of rocmswitch set. What cannot be had is named with its reason.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import run
from benchmarks.shellrun import PROMPT, SHELLS, Account

MODULES = Path("/usr/share/modules")


@dataclass(frozen=True)
class Tool:
    """One way to switch. `enter` and `leave` are the code of a shell; `hook` says whether it acts at prompts."""

    name: str
    account: Account
    enter: str
    leave: str
    sets: tuple[str, ...] = ()
    """Variables that are there inside, and outside not."""
    hook: bool = True


@dataclass(frozen=True)
class Missing:
    """A tool that is not measured."""

    name: str
    reason: str


@dataclass(frozen=True)
class Change:
    """What entering is to do, in every tool: plain variables, and one folder before PATH."""

    variables: Mapping[str, str]
    folder: Path


@dataclass(frozen=True)
class Ground:
    """Where the tools lie and where they are tried."""

    tools: Path
    """Kept from run to run."""
    folder: Path
    """Of this run."""
    projects: Path
    """As deep as people have them: /home/you/src."""

    def project(self, name: str) -> Path:
        path = self.projects / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    @property
    def outside(self) -> Path:
        return self.project("outside")

    def account(self, name: str, lines: Mapping[str, str], **variables: str) -> Account:
        """*lines* are what the rc file of each shell says."""
        account = Account(self.folder / "homes" / name, variables)
        for shell in SHELLS:
            account.write_rc(shell, f"{lines[shell]}\n" if lines[shell] else "")
        return account

    def moves(self, name: str) -> tuple[str, str]:
        """Into the project and out of it, with the prompt that a person sees each time."""
        there, back = (shlex.quote(str(path)) for path in (self.project(name), self.outside))
        return f"cd {there}; {PROMPT}", f"cd {back}; {PROMPT}"


def found_tools(ground: Ground, change: Change) -> Iterator[Tool | Missing]:
    for name, make in (("mise", _mise), ("direnv", _direnv), ("Modules", _modules)):
        try:
            yield make(ground, change)
        except (OSError, subprocess.CalledProcessError, LookupError) as error:
            said = getattr(error, "stderr", None) or str(error)
            yield Missing(name, said.strip().splitlines()[-1] if said.strip() else "cannot be installed")


def _mise(ground: Ground, change: Change) -> Tool:
    folder = ground.tools / "mise"
    package = folder / "node_modules/@jdxcode/mise"
    if not (package / "bin/mise").exists():
        _get(["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), "@jdxcode/mise"])
    program = package / "bin/mise"
    lines = {shell: f'eval "$({program} activate {shell})"' for shell in ("bash", "zsh")}
    account = ground.account(
        "mise",
        {**lines, "fish": f"{program} activate fish | source"},
        MISE_OFFLINE="1",
        MISE_TRUSTED_CONFIG_PATHS=str(ground.projects),
        PATH=f"{program.parent}:/usr/bin:/bin",
    )
    settings = [f"{name} = '{value}'" for name, value in change.variables.items()]
    text = "\n".join(["[env]", *settings, f"_.path = ['{change.folder}']"])
    (ground.project("mise") / "mise.toml").write_text(text + "\n")
    version = run([program, "--version"], account.environment).decode().split()[0]
    return Tool(f"mise {version}", account, *ground.moves("mise"), tuple(change.variables))


def _direnv(ground: Ground, change: Change) -> Tool:
    program = shutil.which("direnv") or str(_unpacked(ground, "direnv") / "usr/bin/direnv")
    lines = {shell: f'eval "$({program} hook {shell})"' for shell in ("bash", "zsh")}
    account = ground.account("direnv", {**lines, "fish": f"{program} hook fish | source"}, DIRENV_LOG_FORMAT="")
    exports = [f"export {name}={shlex.quote(value)}" for name, value in change.variables.items()]
    project = ground.project("direnv")
    (project / ".envrc").write_text("\n".join([*exports, f"PATH_add {shlex.quote(str(change.folder))}"]) + "\n")
    run([program, "allow", project], account.environment)
    version = run([program, "version"], account.environment).decode().strip()
    return Tool(f"direnv {version}", account, *ground.moves("direnv"), tuple(change.variables))


def _modules(ground: Ground, change: Change) -> Tool:
    """The machine's own: its files name each other by absolute paths, so it cannot lie elsewhere."""
    if not (MODULES / "init/bash").exists():
        raise LookupError("not installed: apt install environment-modules")
    lines = {shell: f". {MODULES}/init/{shell}" for shell in ("bash", "zsh")}
    modules = ground.folder / "modulefiles"
    account = ground.account("modules", {**lines, "fish": f"source {MODULES}/init/fish"}, MODULEPATH=str(modules))
    settings = [f"setenv {name} {{{value}}}" for name, value in change.variables.items()]
    (modules / "rocm").mkdir(parents=True)
    text = "\n".join(["#%Module1.0", *settings, f"prepend-path PATH {{{change.folder}}}"])
    (modules / "rocm/6.2.4").write_text(text + "\n")
    said = _get([str(MODULES.parent.parent / "bin/modulecmd"), "bash", "--version"])
    version = next((word for word in said.split() if word[0].isdigit()), "")
    words = ("module load rocm/6.2.4", "module unload rocm/6.2.4")
    return Tool(f"Modules {version}".strip(), account, *words, tuple(change.variables), hook=False)


def _unpacked(ground: Ground, package: str) -> Path:
    """The tree of a Debian *package*, fetched once; nothing is installed."""
    folder = ground.tools / package
    if not (folder / "usr").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        _get(["apt-get", "-q", "download", package], folder)
        archive = next(folder.glob("*.deb"))
        _get(["dpkg-deb", "-x", str(archive), str(folder)])
    return folder


def _get(command: list[str], folder: Path | None = None) -> str:
    """What *command* said. Raises OSError, CalledProcessError."""
    done = subprocess.run(command, cwd=folder, env=os.environ, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr

"""Let a shell read its hook when it starts: the hook in the data folder, and one line in the user's rc file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rocmswitch.errors import Failed, MachineLacks
from rocmswitch.operations.hooks import hook_path, hook_text
from rocmswitch.shell.rcfile import rc_line, with_line, without_line
from rocmswitch.store.layout import Layout
from rocmswitch.store.private import check_private, make_private
from rocmswitch.system.disk import Disk, disk_errors

_LARGEST = 16 * 1024 * 1024
"""Bytes of an rc file that is worth editing."""


@dataclass(frozen=True)
class Plan:
    """What would change. `rc` is the file's own name, `target` where its symlinks lead."""

    shell: str
    layout: Layout
    rc: Path
    target: Path
    line: str
    removes: bool
    writes_hook: bool
    """The hook is not there as it should be, or goes."""
    writes_rc: bool

    @property
    def hook(self) -> Path:
        return hook_path(self.layout, self.shell)


def rc_file(shell: str, environment: Mapping[str, str]) -> Path:
    """The file that *shell* reads at the start of an interactive session."""
    home = Path(environment.get("HOME") or Path.home())
    if shell == "fish":
        return Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "fish/config.fish"
    if shell == "zsh":
        return Path(environment.get("ZDOTDIR") or home) / ".zshrc"
    return home / ".bashrc"


def plan(shell: str, layout: Layout, environment: Mapping[str, str], *, removes: bool) -> Plan:
    """Decide what to change. Changes nothing. Raises Failed, MachineLacks for an rc file that cannot be read."""
    rc, hook = rc_file(shell, environment), hook_path(layout, shell)
    line, target = rc_line(shell, str(hook)), Path(os.path.realpath(rc))
    if target.is_symlink():
        raise Failed(f"`{rc}` is a link that leads to itself")
    _refuse_newline(hook)
    content = _read(target)
    edited = _edited(content, line, shell, removes=removes)
    there = hook.read_bytes() if hook.is_file() else None
    wanted = None if removes else hook_text(shell, layout).encode(errors="surrogateescape")
    return Plan(shell, layout, rc, target, line, removes, there != wanted, edited != content)


def execute(plan: Plan, disk: Disk) -> None:
    """Carry out *plan*: at no moment does the rc file read a hook that is half there."""
    if plan.removes:
        _write_rc(plan, disk)
        _remove_hook(plan, disk)
    else:
        _write_hook(plan, disk)
        _write_rc(plan, disk)


def _write_hook(plan: Plan, disk: Disk) -> None:
    folder = plan.layout.shell
    check_private(folder)
    with disk_errors(folder):
        disk.make_directories(folder.parent)
        make_private(folder, plan.layout.scope, disk)
        disk.sync_directory(folder.parent)
        if plan.writes_hook:
            disk.replace_file(plan.hook, hook_text(plan.shell, plan.layout).encode(errors="surrogateescape"))


def _remove_hook(plan: Plan, disk: Disk) -> None:
    with disk_errors(plan.hook):
        if plan.hook.is_file():
            disk.remove(plan.hook)
            disk.sync_directory(plan.hook.parent)


def _write_rc(plan: Plan, disk: Disk) -> None:
    """From what the file holds now: its owner may have changed it while the question stood."""
    content = _read(plan.target)
    edited = _edited(content, plan.line, plan.shell, removes=plan.removes)
    if edited == content:
        return
    with disk_errors(plan.target):
        if plan.target.exists():
            disk.rewrite_file(plan.target, edited)
        else:
            disk.make_directories(plan.target.parent)
            disk.replace_file(plan.target, edited)


def _edited(content: bytes, line: str, shell: str, *, removes: bool) -> bytes:
    return without_line(content, shell) if removes else with_line(content, line, shell)


def _read(path: Path) -> bytes:
    """Nothing where there is no such file."""
    if not path.exists():
        return b""
    if not path.is_file():
        raise Failed(f"`{path}` is no regular file")
    if path.stat().st_size > _LARGEST:
        raise Failed(f"`{path}` is too large to be a shell's settings")
    try:
        return path.read_bytes()
    except PermissionError as error:
        raise MachineLacks(f"`{path}` may not be read by this user") from error


def _refuse_newline(hook: Path) -> None:
    if "\n" in str(hook):
        raise Failed(f"`{hook}` cannot be named in one line: its path holds the end of a line")

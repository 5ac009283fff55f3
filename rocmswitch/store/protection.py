"""What keeps the wheels of a stack where an environment's owner goes on installing, with pip or uv, entered or not.

Two files in the environment say which versions stay: `constraints.txt`, which entering names to uv, and `pip.conf`,
which pip reads in every environment's root whether it was entered or not (pip's manual, Configuration: site). Both
name it as a URL: pip and uv split a plain path at its blanks. Activation scripts of the environment's own enter
the whole stack, so that an editor that sources them does what `use` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rocmswitch.shell.posix import quote
from rocmswitch.store.receipts import TREES, stack_of
from rocmswitch.system.disk import Disk

CONSTRAINTS, PIP_CONFIGURATION, LOCK = "constraints.txt", "pip.conf", "rocmswitch.lock"

_SH = """\
# Enters the whole stack, as `rocmswitch use {name}` does. What follows is for where rocmswitch is gone.
if [ -r {script} ]; then
    . {script}
    return 0 2>/dev/null
fi
"""
_FISH = """\
# Enters the whole stack, as `rocmswitch use {name}` does. What follows is for where rocmswitch is gone.
if test -r {script}
    source {script}
else
"""


@dataclass(frozen=True)
class Protection:
    """What must stay: distributions with their exact versions, local part included, and the lock they are from."""

    pins: tuple[tuple[str, str], ...]
    lock: bytes = b""
    constraints: tuple[str, ...] = ()
    """Requirements that whatever else is installed has to meet: `numpy<2`."""


def protect(folder: Path, protection: Protection, disk: Disk) -> None:
    """Put *protection* into the new environment in *folder*. Nothing is synced. Raises OSError."""
    link = published(folder)
    _write(folder / CONSTRAINTS, _render_constraints(protection), disk)
    _write(folder / PIP_CONFIGURATION, _render_pip_configuration(link), disk)
    if protection.lock:
        _write(folder / LOCK, protection.lock, disk)
    if link != folder:
        _enter_the_stack(folder, link, disk)


def published(folder: Path) -> Path:
    """The name that outlives the tree in *folder*; of a folder that is no tree, the folder."""
    name = stack_of(folder.name)
    return folder.parents[1] / name if name and folder.parent.name == TREES else folder


def _render_constraints(protection: Protection) -> bytes:
    """The text of `constraints.txt`."""
    lines = [f"{name}=={version}" for name, version in protection.pins]
    head = "# What fits this stack: pip and uv keep these versions. Another environment is the way to other ones."
    return "".join(f"{line}\n" for line in (head, *lines, *protection.constraints)).encode()


def _render_pip_configuration(link: Path) -> bytes:
    """The text of `pip.conf` in the environment that is published as *link*."""
    return f"[global]\nconstraint = {(link / CONSTRAINTS).absolute().as_uri()}\n".encode()


def _enter_the_stack(folder: Path, link: Path, disk: Disk) -> None:
    """Let the scripts in `bin` use what `use` does, and uv's own text only where that is gone."""
    start = link.parents[1].absolute() / "activations" / link.name
    for name, head, tail in (("activate", _SH, b""), ("activate.fish", _FISH, b"end\n")):
        path, dialect = folder / "bin" / name, Path(name).suffix or ".sh"
        script = f"{start}{dialect}"
        quoted = quote(script) if dialect == ".sh" else _quote_fish(script)
        own = path.read_bytes()
        _write(path, head.format(name=link.name, script=quoted).encode() + own + tail, disk)


def _quote_fish(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _write(path: Path, content: bytes, disk: Disk) -> None:
    """A new file, renamed into place: what lies there may have other names."""
    new = path.with_name(f".{path.name}.new")
    disk.discard(new)
    with disk.create(new) as file:
        file.write(content)
    disk.rename(new, path)

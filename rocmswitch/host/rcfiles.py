"""The files that set variables for every shell and session of a user: which there are, and what they say."""

from __future__ import annotations

import os
import re
import stat
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from rocmswitch.host.foreign import is_foreign
from rocmswitch.host.systemroot import within
from rocmswitch.metadata.rcfile import Found, parse_fish, parse_plain, parse_posix, parse_universal, read_along
from rocmswitch.model.activation import CLEANED
from rocmswitch.model.symptoms import Setting

_GPU_PREFIXES = ("HSA_", "HIP_", "ROCR_", "ROCM_", "MIOPEN_", "ROCBLAS_", "HIPBLASLT_", "HCC_")
_GPU_NAMES = ("PYTORCH_ROCM_ARCH", "GPU_DEVICE_ORDINAL", "GPU_MAX_HW_QUEUES")
_HOME_SCRIPTS = (".profile", ".bash_profile", ".bash_login", ".bashrc", ".xprofile", ".xsessionrc")
_ZSH_SCRIPTS = (".zshenv", ".zprofile", ".zshrc", ".zlogin")
_MACHINE_SCRIPTS = ("etc/profile", "etc/bash.bashrc", "etc/bashrc", "etc/zsh/zshenv", "etc/zsh/zshrc", "etc/zshrc")
_SETS = re.compile("|".join((*_GPU_PREFIXES, *_GPU_NAMES, *CLEANED)))
_READS = re.compile(r"(?:^|[\s;&|{])(?:\.|source)\s")
_HERE = Path("/")
_OWN_FOLDERS = ("XDG_CONFIG_HOME", "ZDOTDIR")
_MOST = 200
"""Files; whose start-up files read more of them is not helped by this."""
_LARGEST = 1024 * 1024
"""Bytes. Nobody's start-up file is longer, and a pipe has no end."""

_Parse = Callable[[str], tuple[Found, ...]]


def read_settings(environment: Mapping[str, str], root: Path = Path("/")) -> tuple[Setting, ...]:
    """Every line that sets a variable of the GPU, or puts another ROCm into the loader's, the user's files first.

    *root* is the machine's: what does not lie in the user's own folders is looked for there, and its links lead
    nowhere else. Raises nothing: what cannot be read is passed over, nothing is run.
    """
    home = Path(environment.get("HOME") or "/")
    own = (home, *(Path(environment[one]) for one in _OWN_FOLDERS if environment.get(one)))
    found: list[Setting] = []
    seen: set[str] = set()
    files = deque((*_own(environment, home), *_machine(root)))
    while files and len(seen) < _MOST:
        path, parse = files.popleft()
        is_machines = root != _HERE and path.is_relative_to(root)
        place = _placed(path, root)
        real = os.path.realpath(place)
        text = "" if real in seen else _content(place)
        seen.add(real)
        for line, name, value in parse(_relevant(text, _SETS)):
            setting = Setting(
                str(path), line, name, value, _foreign(name, value, home, root if is_machines else _HERE)
            )
            if setting.foreign or is_gpu_variable(name):
                found.append(setting)
        if parse in (parse_posix, parse_fish):
            names = (_in_home(one, home) for one in reversed(read_along(_relevant(text, _READS))))
            files.extendleft((_meant(one, own, root), parse) for one in names if one.startswith("/"))
    return tuple(found)


def is_gpu_variable(name: str) -> bool:
    """Whether *name* decides what ROCm or PyTorch do on a card: a stack's business, not every shell's."""
    return name.startswith(_GPU_PREFIXES) or name in _GPU_NAMES


def _own(environment: Mapping[str, str], home: Path) -> Iterator[tuple[Path, _Parse]]:
    config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    zsh = Path(environment.get("ZDOTDIR") or home)
    yield from ((home / name, parse_posix) for name in _HOME_SCRIPTS)
    yield from ((zsh / name, parse_posix) for name in _ZSH_SCRIPTS)
    fish = config / "fish"
    yield from ((path, parse_fish) for path in (fish / "config.fish", *_sorted(fish / "conf.d", "*.fish")))
    yield fish / "fish_variables", parse_universal
    yield from ((path, parse_plain) for path in _sorted(config / "environment.d", "*.conf"))


def _machine(root: Path) -> Iterator[tuple[Path, _Parse]]:
    yield root / "etc/environment", parse_plain
    yield from ((path, parse_plain) for path in _sorted(_placed(root / "etc/environment.d", root), "*.conf"))
    yield from ((root / name, parse_posix) for name in _MACHINE_SCRIPTS)
    yield from ((path, parse_posix) for path in _sorted(_placed(root / "etc/profile.d", root), "*.sh"))
    yield from ((path, parse_fish) for path in _sorted(_placed(root / "etc/fish/conf.d", root), "*.fish"))


def _meant(name: str, own: tuple[Path, ...], root: Path) -> Path:
    """Which file a start-up file reads by the name *name*: the user's, else the machine's."""
    path = Path(name)
    return path if any(path.is_relative_to(one) for one in own) else root / name.lstrip("/")


def _placed(path: Path, root: Path) -> Path:
    """Where *path* leads; what is the machine's leads to what is the machine's."""
    if root == _HERE or not path.is_relative_to(root):
        return path
    try:
        return root / within(root, str(path.relative_to(root)))
    except OSError:  # links in a circle
        return path


def _sorted(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.glob(pattern)) if os.access(folder, os.R_OK | os.X_OK) else []


def _foreign(name: str, value: str, home: Path, root: Path) -> tuple[str, ...]:
    """The entries of *value* that belong to another ROCm, where *name* is one of the loader's variables."""
    if name not in CLEANED:
        return ()
    separators = "[: ]" if name == "LD_PRELOAD" else ":"
    entries = re.split(separators, _in_home(value, home))
    return tuple(entry for entry in entries if is_foreign(entry, root))


def _in_home(text: str, home: Path) -> str:
    """*text* with the home folder for its shorthands."""
    return re.sub(r"^~(?=/)|\$HOME\b|\$\{HOME\}", lambda _: str(home), text)


def _relevant(text: str, pattern: re.Pattern[str]) -> str:
    """The lines that may matter, each where it stands: to take shell apart is slow, and some files are long."""
    return "\n".join(line if pattern.search(line) else "" for line in text.splitlines())


def _content(path: Path) -> str:
    """Empty where it cannot be read, or is no regular file: a pipe would wait for ever."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        # Not io.open: it raises for a folder, and leaves it open.
        try:
            content = os.read(descriptor, _LARGEST) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
        finally:
            os.close(descriptor)
    except OSError:
        return ""
    return content.decode("utf-8", "replace")

"""The files that set variables for every shell and session of a user: which there are, and what they say."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from rocmswitch.host.foreign import is_foreign
from rocmswitch.metadata.rcfile import Found, parse_fish, parse_plain, parse_posix, parse_universal
from rocmswitch.model.activation import CLEANED
from rocmswitch.model.symptoms import Setting

_GPU_PREFIXES = ("HSA_", "HIP_", "ROCR_", "ROCM_", "MIOPEN_", "ROCBLAS_", "HIPBLASLT_", "HCC_")
_GPU_NAMES = ("PYTORCH_ROCM_ARCH", "GPU_DEVICE_ORDINAL", "GPU_MAX_HW_QUEUES")
_HOME_SCRIPTS = (".profile", ".bash_profile", ".bash_login", ".bashrc", ".xprofile", ".xsessionrc")
_ZSH_SCRIPTS = (".zshenv", ".zprofile", ".zshrc", ".zlogin")
_MACHINE_SCRIPTS = ("etc/profile", "etc/bash.bashrc", "etc/bashrc", "etc/zsh/zshenv", "etc/zsh/zshrc", "etc/zshrc")
_LARGEST = 1024 * 1024
"""Bytes. Nobody's start-up file is longer, and a pipe has no end."""

_Parse = Callable[[str], tuple[Found, ...]]


def read_settings(environment: Mapping[str, str], root: Path = Path("/")) -> tuple[Setting, ...]:
    """Every line that sets a variable of the GPU, or puts another ROCm into the loader's, the user's files first.

    *root* is where the machine's /etc is. Raises nothing: what cannot be read is passed over, nothing is run.
    """
    home = Path(environment.get("HOME") or "/")
    found = []
    for path, parse in (*_own(environment, home), *_machine(root)):
        for line, name, value in parse(_content(path)):
            setting = Setting(str(path), line, name, value, _foreign(name, value, home))
            if setting.foreign or is_gpu_variable(name):
                found.append(setting)
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
    yield from ((path, parse_plain) for path in _sorted(root / "etc/environment.d", "*.conf"))
    yield from ((root / name, parse_posix) for name in _MACHINE_SCRIPTS)
    yield from ((path, parse_posix) for path in _sorted(root / "etc/profile.d", "*.sh"))
    yield from ((path, parse_fish) for path in _sorted(root / "etc/fish/conf.d", "*.fish"))


def _sorted(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.glob(pattern)) if os.access(folder, os.R_OK | os.X_OK) else []


def _foreign(name: str, value: str, home: Path) -> tuple[str, ...]:
    """The entries of *value* that belong to another ROCm, where *name* is one of the loader's variables."""
    if name not in CLEANED:
        return ()
    separators = "[: ]" if name == "LD_PRELOAD" else ":"
    entries = re.split(separators, re.sub(r"^~(?=/)|\$HOME\b|\$\{HOME\}", lambda _: str(home), value))
    return tuple(entry for entry in entries if is_foreign(entry))


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

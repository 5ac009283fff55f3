"""The package index that this user's pip or uv is configured with."""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from pathlib import Path

DEFAULT_INDEX = "https://pypi.org/simple"
"""What pip and uv use where nothing else is said."""

_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")


def package_index(environment: Mapping[str, str], root: Path = Path("/")) -> str:
    """The URL of the index, without a slash at its end. Environment before files, as pip reads them."""
    for variable in _VARIABLES:
        if environment.get(variable):
            return environment[variable].rstrip("/")
    for file in _files(environment, root):
        found = _configured(file)
        if found:
            return found.rstrip("/")
    return DEFAULT_INDEX


def _files(environment: Mapping[str, str], root: Path) -> tuple[Path, ...]:
    """pip's configuration files, the one that wins first (pip's manual, Configuration)."""
    home = Path(environment.get("HOME", "/"))
    own = Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "pip/pip.conf"
    named = environment.get("PIP_CONFIG_FILE")
    return (*([Path(named)] if named else []), own, home / ".pip/pip.conf", root / "etc/pip.conf")


def _configured(file: Path) -> str:
    parser = configparser.RawConfigParser()
    try:
        parser.read(file, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        # A broken pip.conf is pip's to report; without it pip would use its default too.
        return ""
    return parser.get("global", "index-url", fallback="")

"""The package indexes that this user's pip or uv is configured with.

uv does not read pip's configuration, so that it is handed on; uv's own files it reads itself. What lies in the
folder that a command was started in counts for nothing: a project says nothing about where packages come from.
"""

from __future__ import annotations

import configparser
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from rocmswitch.model.indexes import PackageIndexes
from rocmswitch.system.certificates import named_certificates

DEFAULT_INDEX = "https://pypi.org/simple"
"""What pip and uv use where nothing else is said."""

_INDEX = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
_EXTRA = ("UV_INDEX", "UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL")
_FIND_LINKS = ("UV_FIND_LINKS", "PIP_FIND_LINKS")
_TRUSTED = ("UV_INSECURE_HOST", "PIP_TRUSTED_HOST")
_SECTIONS = ("install", "global")
"""Of a pip.conf, the one that wins first: a command's own, then everybody's."""


def read_indexes(environment: Mapping[str, str], root: Path = Path("/")) -> PackageIndexes:
    """What the environment says, then the files: uv's before pip's, the user's before the machine's.

    Indexes and folders that are not the default add up, as both programs do it.
    """
    pip = [_read_pip(file) for file in _pip_files(environment, root)]
    config = _uv_config(environment, root)
    named = next((environment[name] for name in _INDEX if environment.get(name)), "")
    uv = _uv_default(config) if config else ""
    return PackageIndexes(
        index=(named or uv or _first(pip, "index-url") or DEFAULT_INDEX).rstrip("/"),
        extra=_together(environment, _EXTRA, pip, "extra-index-url"),
        find_links=_together(environment, _FIND_LINKS, pip, "find-links"),
        index_is_off=_is_true(environment.get("PIP_NO_INDEX", "") or _first(pip, "no-index")),
        trusted_hosts=_together(environment, _TRUSTED, pip, "trusted-host"),
        certificates=_bundle(environment, pip),
        uv_config=str(config or ""),
    )


def _bundle(environment: Mapping[str, str], files: list[dict[str, str]]) -> str:
    """One that is not there is passed over, as it proves nothing and forbids nothing."""
    variable = named_certificates(environment)
    named = str(variable.path) if variable else environment.get("PIP_CERT") or _first(files, "cert")
    return named if named and Path(named).is_file() else ""


def _together(
    environment: Mapping[str, str], variables: tuple[str, ...], files: list[dict[str, str]], key: str
) -> tuple[str, ...]:
    """Of pip's layers the first that says anything, as pip does it; uv's variables besides."""
    uv = [environment.get(name, "") for name in variables if name.startswith("UV_")]
    pip = next((environment[one] for one in variables if one.startswith("PIP_") and environment.get(one)), "")
    words = [*_words(uv), *(pip or _first(files, key)).split()]
    return tuple(dict.fromkeys(word.rstrip("/") for word in words))


def _words(values: list[str]) -> Iterator[str]:
    """uv's lists: separated by spaces, folders by commas; an index may have a name (`inner=https://…`)."""
    for value in values:
        for word in value.replace(",", " ").split():
            name, equals, url = word.partition("=")
            yield url if equals and name.isidentifier() else word


def _first(files: list[dict[str, str]], key: str) -> str:
    return next((one[key] for one in files if one.get(key)), "")


def _is_true(text: str) -> bool:
    """As pip reads a flag."""
    return text.strip().lower() in ("1", "true", "yes", "on", "y", "t")


def _pip_files(environment: Mapping[str, str], root: Path) -> tuple[Path, ...]:
    """pip's configuration files, the one that wins first (pip's manual, Configuration)."""
    home = Path(environment.get("HOME", "/"))
    named = environment.get("PIP_CONFIG_FILE")
    if named == "/dev/null":
        return ()
    own = Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "pip/pip.conf"
    return (*([Path(named)] if named else []), own, home / ".pip/pip.conf", root / "etc/pip.conf")


def _read_pip(file: Path) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    try:
        parser.read(file, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        # A broken pip.conf is pip's to report; without it pip would use its default too.
        return {}
    said: dict[str, str] = {}
    for section in reversed(_SECTIONS):
        if parser.has_section(section):
            said |= {key.replace("_", "-"): value for key, value in parser.items(section) if value}
    return said


def _uv_config(environment: Mapping[str, str], root: Path) -> Path | None:
    """uv's own file: the one that was named, the user's, or the machine's."""
    if environment.get("UV_CONFIG_FILE"):
        return Path(environment["UV_CONFIG_FILE"])
    if environment.get("UV_NO_CONFIG"):
        return None
    home = Path(environment.get("HOME", "/"))
    places = (Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "uv/uv.toml", root / "etc/uv/uv.toml")
    return next((one for one in places if one.is_file()), None)


def _uv_default(config: Path) -> str:
    """The index that it names first; empty where it names none. A file that is broken is uv's to report."""
    try:
        said = msgspec.toml.decode(config.read_bytes())
    except (OSError, msgspec.DecodeError):
        return ""
    layers = [one for one in (said.get("pip"), said) if isinstance(one, dict)]
    lists = [one for layer in layers for one in layer.get("index", ()) if isinstance(one, dict)]
    named = [one.get("url") for one in lists if one.get("default")]
    named += [layer.get("index-url") for layer in layers]
    return next((one for one in named if isinstance(one, str)), "")

"""Pythons that uv has fetched for us: each whole or not used, in a folder of our own.

uv brings the list of them along, with a SHA-256 of each: `pinned`, by the uv that came with us. It unpacks beside
and renames, but does not wait for the disk. So a mark is put into each when all of it has reached the disk, and
what has no mark is fetched again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from rocmswitch.errors import Failed, NetworkFailed, RocmswitchError, VerificationFailed
from rocmswitch.store.bundledpython import ARCHIVE, BundledPython
from rocmswitch.store.uvtrust import certificate_settings, distrusted, trusting
from rocmswitch.store.virtualenv import Uv, complaint
from rocmswitch.system.disk import disk_errors
from rocmswitch.system.lock import held
from rocmswitch.system.process import Finished

_LISTING = ("python", "list", "--only-downloads", "--output-format", "json")
"""By which uv tells what it can fetch; a key may follow."""
_MARK = ".rocmswitch-whole"
WAIT = 3600.0
"""Seconds to wait for another rocmswitch that fetches a Python."""
_YES = ("1", "true", "yes", "on", "y", "t")
_OWN_LIST = "UV_PYTHON_DOWNLOADS_JSON_URL"
_NETWORK = (
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS", "UV_HTTP_TIMEOUT", "UV_HTTP_RETRIES"),
    *("UV_PYTHON_INSTALL_MIRROR", _OWN_LIST, "UV_PYTHON_CACHE_DIR", "NETRC"),
)
"""What says how this user's network is reached, and where Pythons come from instead."""


_ELSEWHERE = {_OWN_LIST, "UV_PYTHON_INSTALL_MIRROR", "UV_PYTHON_CACHE_DIR"}


def whole_pythons(folder: Path) -> tuple[Path, ...]:
    """Every Python in *folder* that was fetched to its end, the newest first."""
    marks = folder.glob(f"cpython-*/{_MARK}")
    return tuple(sorted((one.parent for one in marks if not one.parent.is_symlink()), reverse=True))


def offered_version(key: str, uv: Uv) -> str:
    """The newest version that uv can fetch of what it calls *key*; empty for none, and where the user forbids it.

    uv has its list inside; only where the user's own is at a URL is a server asked.
    """
    if uv.python is not None:
        return uv.python.version if uv.python.suits(key) else ""
    if _is_forbidden():
        return ""
    settings = _network_settings(uv) if os.environ.get(_OWN_LIST) else {}
    done = uv.attempt(*_LISTING, key, settings=settings)
    offered = json.loads(done.stdout) if done.code == 0 else []
    return str(offered[0]["version"]) if offered else ""


def offered_tags(uv: Uv) -> frozenset[str]:
    """The tags (`cp311`, `cp313t`) of all Pythons for this machine that uv can fetch, as `offered_version` says."""
    if _is_forbidden():
        return frozenset()
    settings = _network_settings(uv) if os.environ.get(_OWN_LIST) else {}
    done = uv.attempt(*_LISTING, settings=settings)
    usable = ("cpython", "linux", os.uname().machine, "gnu")
    return frozenset(
        "cp{major}{minor}".format(**one["version_parts"]) + ("t" if one["variant"] == "freethreaded" else "")
        for one in (json.loads(done.stdout) if done.code == 0 else [])
        if (one["implementation"], one["os"], one["arch"], one["libc"]) == usable
    )


def _is_forbidden() -> bool:
    """Whether the user lets uv fetch none."""
    return os.environ.get("UV_PYTHON_DOWNLOADS") == "never" or os.environ.get("UV_OFFLINE", "").lower() in _YES


def fetch_python(key: str, uv: Uv, wait: float = WAIT) -> Path:
    """The executable of the Python that uv calls *key*, fetched now unless it is there, whole.

    Raises NetworkFailed, VerificationFailed where it is not what uv's list says, MachineLacks, Failed and Busy.
    """
    folder = uv.pythons
    with disk_errors(folder):
        uv.disk.make_directories(folder)
    with held(folder / ".rocmswitch.lock", wait=wait, what=f"the Pythons in `{folder}`"):
        there = next((one for one in whole_pythons(folder) if one.name == key), None)
        return _executable(there or _fetch(key, uv))


def _fetch(key: str, uv: Uv) -> Path:
    settings = _network_settings(uv)
    if uv.python is not None:
        own = uv.attempt(*_LISTING, key)
        settings = {name: settings[name] for name in settings.keys() - _ELSEWHERE} | uv.python.settings(own.stdout)
    done = _fetching(key, uv, settings)
    if done.code:
        raise _refusal(key, done.stderr.decode(errors="replace"))
    fetched = uv.pythons / key
    if not fetched.is_dir():
        raise Failed(f"uv says that it has fetched `{key}`, and `{fetched}` is not there")
    with disk_errors(fetched):
        uv.disk.sync_filesystem(fetched)
        uv.disk.discard(fetched / _MARK)
        uv.disk.write_file(fetched / _MARK, b"")
        uv.disk.sync_directory(fetched)
    return fetched


def fetch_archive(key: str, uv: Uv, folder: Path) -> Path:
    """The archive of the Python that uv calls *key*, fetched below *folder* and verified by uv's own list.

    Raises NetworkFailed, VerificationFailed, MachineLacks and Failed.
    """
    archives = folder / "archives"
    settings = {"UV_PYTHON_CACHE_DIR": str(archives), "UV_PYTHON_INSTALL_DIR": str(folder / "unpacked")}
    done = _fetching(key, uv, {**_network_settings(uv), **settings})
    if done.code:
        raise _refusal(key, done.stderr.decode(errors="replace"))
    found = [one for one in archives.iterdir() if ARCHIVE.fullmatch(one.name)]
    if len(found) != 1:
        raise Failed(f"uv says that it has fetched `{key}`, and `{archives}` does not hold it")
    return found[0]


def is_listed(python: BundledPython, uv: Uv) -> bool:
    """Whether the list that *uv* came with has the archive of *python*."""
    return python.is_listed(uv.attempt(*_LISTING, python.key).stdout)


def _executable(python: Path) -> Path:
    """`bin/python3` of what uv unpacks leads to the versioned name."""
    return (python / "bin/python3").resolve()


def _fetching(key: str, uv: Uv, settings: Mapping[str, str]) -> Finished:
    """What uv says that was to fetch the Python *key*, with *settings* of `_network_settings`."""
    return trusting(lambda one: uv.attempt("python", "install", "--reinstall", key, settings=one), settings)


def _network_settings(uv: Uv) -> dict[str, str]:
    """For one uv that may use the network, and changes nothing but our folder."""
    kept = {name: os.environ[name] for name in _NETWORK if os.environ.get(name)}
    return {
        **kept,
        **certificate_settings(os.environ),
        "UV_OFFLINE": "0",
        "UV_PYTHON_DOWNLOADS": "automatic",
        "UV_PYTHON_INSTALL_DIR": str(uv.pythons),
        "UV_PYTHON_INSTALL_BIN": "0",
    }


def _refusal(key: str, stderr: str) -> RocmswitchError:
    """The error that uv's words mean, where it could not fetch the Python *key*."""
    untrusted = distrusted(stderr, os.environ)
    if untrusted is not None:
        return untrusted
    hint = "run the same command with `--python /path/to/python`, or again later"
    said = complaint(stderr, f"fetch `{key}`")
    if isinstance(said, VerificationFailed) or type(said) is not Failed:
        return said
    kind = NetworkFailed if "download" in said.message or "http" in said.message else Failed
    return kind(said.message, hint=hint)

"""What holds for every test: a home of its own, and no server asked for that does not answer.

`@pytest.mark.network` and `@pytest.mark.system` may name what they need, `"pypi"` or `"debian"`; without a
name they need both. `--network=auto` (the default) asks each server once and skips with its answer.
"""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest_plugins = ("tests.support.faulttable", "tests.vm.table")

SERVERS = ("pypi", "debian")
ISOLATED = ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "ROCMSWITCH_HOME")
FOREIGN_PREFIXES = ("ROCMSWITCH_", "ROCM_", "HIP_", "HSA_", "HIPCC_", "CONDA_", "VIRTUAL_ENV", "PYTHONPATH")
FOREIGN = ("LD_LIBRARY_PATH", "LD_PRELOAD", "LIBRARY_PATH", "UV_CACHE_DIR", "CI", "NO_COLOR", "FORCE_COLOR")
FOR_WORKERS = "TEST_SERVERS_THAT_ANSWER"
LONG = ("tests/vm/", "tests/system/")
"""Where single tests take a minute."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--network",
        choices=("auto", "yes", "no"),
        default="auto",
        help="run tests that need PyPI or Debian's archive",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "network(server): needs PyPI (`pypi`), Debian's archive (`debian`), or both")
    config.addinivalue_line("markers", "system(server): real package archives, minutes")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # One worker would begin with them when the other has nothing left to do.
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))
    needs = {item: _servers_needed(item) for item in items}
    reasons = _silent_servers(config.getoption("--network"), {name for names in needs.values() for name in names})
    for item, names in needs.items():
        for name in names:
            if name in reasons:
                item.add_marker(pytest.mark.skip(reason=reasons[name]))


@pytest.fixture(scope="session", autouse=True)
def foreign_settings_do_not_reach_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whatever the person at the keyboard has set up, the tests see an empty account."""
    with pytest.MonkeyPatch.context() as patch:
        for name in tuple(os.environ):
            if name.startswith(FOREIGN_PREFIXES) or name in FOREIGN:
                patch.delenv(name)
        _isolate(patch, tmp_path_factory.mktemp("account"))
        yield


@pytest.fixture(autouse=True)
def an_account_of_its_own(foreign_settings_do_not_reach_tests: None, tmp_path: Path) -> Iterator[None]:
    """HOME, the XDG folders and ROCMSWITCH_HOME below tmp_path; no proxy for servers of the test."""
    with pytest.MonkeyPatch.context() as patch:
        _isolate(patch, tmp_path)
        yield


def _isolate(patch: pytest.MonkeyPatch, folder: Path) -> None:
    home = folder / "home"
    for name in ISOLATED:
        patch.setenv(name, str(home if name == "HOME" else home / name.lower()))
    for name in ("no_proxy", "NO_PROXY"):
        patch.setenv(name, "localhost,127.0.0.1,::1")
    home.mkdir(exist_ok=True)


def _servers_needed(item: pytest.Item) -> tuple[str, ...]:
    names: list[str] = []
    for mark in item.iter_markers():
        if mark.name in ("network", "system"):
            names += mark.args or SERVERS
    return tuple(sorted(set(names)))


def _silent_servers(network: str, names: set[str]) -> dict[str, str]:
    """The servers among *names* that cannot be used, each with the reason a skipped test shows."""
    if network == "yes":
        return {}
    if network == "no":
        return {name: f"needs {name}, and --network=no was given" for name in names}
    if FOR_WORKERS not in os.environ:
        os.environ[FOR_WORKERS] = " ".join(name for name in sorted(names) if _answers(name))
    answering = os.environ[FOR_WORKERS].split()
    return {name: f"needs {name}, which does not answer from here" for name in names if name not in answering}


def _answers(name: str) -> bool:
    return _index_of_packages_answers() if name == "pypi" else _debian_answers()


def _index_of_packages_answers() -> bool:
    """Asked through uv, as the tests do: it knows which index this machine uses."""
    command = [str(Path(sys.executable).with_name("uv")), "pip", "compile", "--quiet", "--no-cache", "-"]
    try:
        return not subprocess.run(command, input=b"click", capture_output=True, timeout=20, check=False).returncode
    except (OSError, subprocess.TimeoutExpired):
        return False


def _debian_answers() -> bool:
    try:
        with urllib.request.urlopen(f"{_debian_mirror()}/dists/bookworm/InRelease", timeout=20) as response:
            return bool(response.read(16).startswith(b"-----BEGIN PGP"))
    except (OSError, urllib.error.URLError):
        return False


def _debian_mirror() -> str:
    """The product's own choice: what this machine's apt is configured with, else the archive's main mirror."""
    from rocmswitch.host.apt import host_mirror
    from rocmswitch.host.facts import read_host

    return (host_mirror(Path("/"), "debian", read_host()) or "http://ftp.debian.org/debian").rstrip("/")

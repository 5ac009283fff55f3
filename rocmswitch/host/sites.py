"""Environments that a deployment may go into, as they are found on the disk: none of these was made by rocmswitch.

Each is resolved once, here; what is done with its files later follows no link.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from subprocess import TimeoutExpired

from rocmswitch.errors import Failed, NotFound
from rocmswitch.model.deployment import Place, Site
from rocmswitch.system.folder import check_trusted
from rocmswitch.system.process import run

VENV, CONDA = "pyvenv.cfg", "conda-meta"
"""What makes a folder an environment: of venv, virtualenv and uv; of conda, mamba and pixi."""
PYTHON = re.compile(r"(python|pypy)[0-9.]*t?")
"""What an interpreter is called."""

_PATIENCE = 60.0
"""Seconds for a Python to start: on a slow network file system it takes several."""
_QUESTION = """
import json, sys, sysconfig
paths = [sysconfig.get_path(one) for one in ("purelib", "platlib")]
version = "%d.%d" % sys.version_info[:2]
print(json.dumps({"prefix": sys.prefix, "version": version, "packages": paths, "executable": sys.executable}))
"""
_SYSTEM_PREFIX = "/usr"


@dataclass(frozen=True)
class _Answer:
    """What a Python says of itself: its version as in `3.12`, its folders of packages."""

    executable: str
    """Of the Python itself, where a script with its name was asked: a version manager's shim."""
    prefix: str
    version: str
    packages: tuple[str, ...]


def place(kind: str, name: str, folder: Path) -> Place:
    """The place *folder*, with its links followed. Raises OSError where it is not there."""
    resolved = os.path.realpath(folder)
    found = Path(resolved).stat()
    return Place(kind, name, str(folder), resolved, found.st_dev, found.st_ino)


def is_environment(folder: Path) -> bool:
    return (folder / VENV).is_file() or is_conda(folder)


def is_conda(folder: Path) -> bool:
    return (folder / CONDA).is_dir()


def is_packages(folder: Path) -> bool:
    """Whether Python packages are installed right in *folder*, by whatever name."""
    named = folder.name in ("site-packages", "dist-packages")
    return named or any(one.name.endswith(".dist-info") for one in folder.iterdir())


def environment_site(folder: Path, name: str, kind: str = "foreign", stack: str = "") -> Site:
    """The environment in *folder*. Raises NotFound where it has no folder of packages."""
    packages = packages_of(folder)
    if not packages and not is_conda(folder):
        raise NotFound(f"`{folder}` has no `lib/python3*/site-packages`")
    python = folder / "bin/python"
    return Site(place(kind, name, folder), packages, str(python) if python.exists() else "", stack)


def packages_of(folder: Path) -> tuple[str, ...]:
    """The folders of packages in an environment, that of its own Python first: an older one may have left its."""
    found = sorted(folder.glob("lib*/py*/site-packages"))
    likely = sorted(found, key=lambda one: not (folder / "bin" / one.parent.name).exists())
    return _real(likely)


def packages_site(packages: Path, name: str, environment: Mapping[str, str]) -> Site:
    """The folder of *packages* alone: of a user's own, of the environment around it, or of nothing known."""
    real = Path(os.path.realpath(packages))
    base = _user_base(environment)
    if str(real) in _user_packages(base):
        return Site(place("user", name, base), (str(real),))
    around = real.parents[2] if len(real.parents) > 2 else real
    if is_environment(around) and str(real) in packages_of(around):
        python = around / "bin/python"
        return Site(place("foreign", name, around), (str(real),), str(python) if python.exists() else "")
    return Site(place("foreign", name, real), (str(real),))


def user_site(environment: Mapping[str, str], version: str = "", name: str = "user") -> Site:
    """What the user has installed with `pip install --user`: for every Python, or for one *version* (`3.12`).

    Raises NotFound where there is nothing.
    """
    base = _user_base(environment)
    found = _user_packages(base, version)
    if not found:
        raise NotFound(
            f"nothing is installed for this user: there is no `{base}/lib/python{version or '3*'}/site-packages`"
        )
    return Site(place("user", name, base), found)


def _user_base(environment: Mapping[str, str]) -> Path:
    """site.USER_BASE of a Python that is started in *environment*."""
    named = environment.get("PYTHONUSERBASE")
    return Path(named).absolute() if named else Path(environment.get("HOME") or Path.home()) / ".local"


def python_site(python: Path, environment: Mapping[str, str]) -> Site:
    """The environment of the interpreter *python*, which is run once unless it lies in one.

    Raises NotFound, Failed where it does not answer, and Refused where root would run what others may change.
    """
    around = python.absolute().parent.parent
    if python.absolute().parent.name == "bin" and is_environment(around):
        return environment_site(around, str(around))
    said = _ask(python)
    prefix = Path(said.prefix)
    if is_environment(prefix):
        return environment_site(prefix, said.prefix)
    if said.prefix == _SYSTEM_PREFIX:
        return _system_site(said, environment)
    return Site(place("foreign", said.executable, prefix), _real(map(Path, said.packages)), said.executable)


def _system_site(said: _Answer, environment: Mapping[str, str]) -> Site:
    """The system's own Python: its packages are the package manager's, those of its user are the user's."""
    found = user_site(environment, said.version, said.executable)
    where = found.packages[0]
    note = f"`{said.executable}` is the system's own Python; what this user installed for it lies in `{where}`"
    return Site(found.place, found.packages, said.executable, notes=(note,))


def _ask(python: Path) -> _Answer:
    for folder in {python.absolute().parent, Path(os.path.realpath(python)).parent}:
        check_trusted(Path(os.path.realpath(folder)), os.geteuid())
    try:
        done = run([python, "-I", "-c", _QUESTION], timeout=_PATIENCE)
        said = json.loads(done.stdout)
        executable = str(said["executable"] or python.absolute())
        return _Answer(executable, str(said["prefix"]), str(said["version"]), tuple(map(str, said["packages"])))
    except (OSError, ValueError, KeyError, TypeError, TimeoutExpired) as error:
        raise Failed(f"`{python}` does not answer as a Python does") from error


def _user_packages(base: Path, version: str = "") -> tuple[str, ...]:
    """The newest Python's first."""
    found = base.glob(f"lib*/python{version or '3*'}/site-packages")
    return _real(
        sorted(found, key=lambda one: [int(part) for part in re.findall(r"\d+", one.parent.name)], reverse=True)
    )


def _real(folders: Iterable[Path]) -> tuple[str, ...]:
    """Each folder once, without links: `lib64` is one to `lib`."""
    return tuple(dict.fromkeys(os.path.realpath(one) for one in folders if one.is_dir()))

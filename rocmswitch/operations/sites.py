"""Which environment a word on the command line means."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from rocmswitch.errors import NotFound
from rocmswitch.host.sites import (
    PYTHON,
    environment_site,
    is_environment,
    is_packages,
    packages_of,
    packages_site,
    place,
    python_site,
    user_site,
)
from rocmswitch.model.deployment import Site
from rocmswitch.store.installed import Installation, Installed

USER = "user"
"""The word for what `pip install --user` has installed."""


def means_place(word: str) -> bool:
    """Whether *word* says where an environment is, and is no name that we have given."""
    return word == USER or _is_path(word) or PYTHON.fullmatch(word) is not None


def find_site(word: str, installed: Installed, environment: Mapping[str, str]) -> Site:
    """The environment, or the stack, that *word* means.

    `user`; the name of one of ours, or a version as everywhere else; a Python on the PATH; with a slash or a
    leading dot a path: to an environment of ours or anybody's, a Python, or a folder of packages. Raises
    NotFound, which says what was looked for, and Failed for what is damaged.
    """
    if word == USER:
        return user_site(environment)
    if _is_path(word):
        path = Path(word).expanduser().absolute()
        return _at_path(Path(os.path.realpath(path)) if ".." in path.parts else path, word, installed, environment)
    named = installed.exactly(word)
    if named is None and PYTHON.fullmatch(word):
        return _on_path(word, installed, environment)
    return site_of(named or _by_version(word, installed))


def _is_path(word: str) -> bool:
    return "/" in word or word.startswith((".", "~"))


def site_of(one: Installation) -> Site:
    """An environment or a prefix of ours."""
    kind, name = one.receipt.kind, one.receipt.name
    if kind == "venv":
        return environment_site(one.link, name, "venv", one.receipt.stack)
    return Site(place("prefix", name, one.link), (), stack=one.receipt.stack)


def _by_version(word: str, installed: Installed) -> Installation:
    try:
        return installed.find(word)
    except NotFound as error:
        folder = f"; the folder is called `./{word}`" if word and Path(word).is_dir() else ""
        raise NotFound(
            f"`{word}` is no environment or stack made by rocmswitch, and no Python on the PATH{folder}",
            hint="run `rocmswitch list`",
        ) from error


def _on_path(word: str, installed: Installed, environment: Mapping[str, str]) -> Site:
    found = shutil.which(word, path=environment.get("PATH", ""))
    if found is None:
        raise NotFound(f"there is no `{word}` on the PATH")
    return _of_python(Path(found).absolute(), installed, environment)


def _at_path(path: Path, word: str, installed: Installed, environment: Mapping[str, str]) -> Site:
    if path.is_dir():
        return _of_folder(path, word, installed, environment)
    if path.is_file() and PYTHON.fullmatch(path.name):
        return _of_python(path, installed, environment)
    if path.is_symlink() and not path.exists():
        raise NotFound(f"`{word}` leads to `{path.readlink()}`, which is gone", hint="run `rocmswitch list`")
    if path.exists():
        raise NotFound(f"`{word}` is neither a folder nor a Python")
    raise NotFound(f"there is no `{word}`")


def _of_folder(folder: Path, word: str, installed: Installed, environment: Mapping[str, str]) -> Site:
    one = _ours(folder, installed)
    if one is not None:
        whole = site_of(one)
        real = os.path.realpath(folder)
        return replace(whole, packages=(real,)) if real in whole.packages else whole
    if is_environment(folder):
        return environment_site(folder, str(folder))
    if is_packages(folder):
        return packages_site(folder, str(folder), environment)
    looked = "`pyvenv.cfg`, no `conda-meta`, and no packages"
    raise NotFound(f"`{word}` is no environment: it has no {looked}", hint="run `rocmswitch list`")


def _of_python(python: Path, installed: Installed, environment: Mapping[str, str]) -> Site:
    one = _ours(python.parent.parent, installed) if python.parent.name == "bin" else None
    return site_of(one) if one is not None else python_site(python, environment)


def _ours(folder: Path, installed: Installed) -> Installation | None:
    """The tree of ours that *folder* is, or that it lies in: a project's `.venv` is a link to one."""
    real = Path(os.path.realpath(folder))
    for one in (*installed.venvs(), *installed.prefixes()):
        tree = Path(os.path.realpath(one.link))
        if real == tree or (one.receipt.kind == "prefix" and real.is_relative_to(tree)):
            return one
        if one.receipt.kind == "venv" and str(real) in packages_of(one.link):
            return one
    damaged = installed.damaged(str(folder))
    if damaged is not None:
        raise damaged.error
    return None

"""What is installed here: the user's trees, then the machine's."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from rocmswitch.errors import Failed, NotFound, RocmswitchError, VerificationFailed
from rocmswitch.model.activation import ResolvedActivation
from rocmswitch.model.receipt import Receipt
from rocmswitch.store.layout import Layout
from rocmswitch.store.receipts import TREES, read_receipt

DEFAULT = "default"
"""The script in a scope's activations that new shells source: a symlink to that of a stack."""


@dataclass(frozen=True)
class Installation:
    """One published tree. `link` is what programs should name: it outlives the tree behind it."""

    layout: Layout
    link: Path
    receipt: Receipt

    @property
    def tree(self) -> Path:
        return self.link.parent / TREES / self.receipt.tree

    def script(self, dialect: str = "sh") -> Path:
        """Where the script lies that enters it: `sh` for bash, zsh and POSIX shells, or `fish`."""
        return self.layout.activations / f"{self.receipt.name}.{dialect}"

    @property
    def python_version(self) -> str:
        """An environment's, `3.11.4`, as its own pyvenv.cfg says; empty where that is not there."""
        try:
            text = (self.link / "pyvenv.cfg").read_text("utf-8", "replace")
        except OSError:
            return ""
        found = re.search(r"^version(?:_info)? *= *([0-9.]+)", text, re.MULTILINE)
        return found[1] if found else ""


@dataclass(frozen=True)
class Damaged:
    """A published tree without a receipt that can be read. `error` says why, and what to do about it."""

    layout: Layout
    link: Path
    kind: str
    """`prefix` or `venv`, as in a receipt."""
    error: RocmswitchError

    @property
    def name(self) -> str:
        return self.link.name


class Installed:
    """Every published tree of some scopes. Reads links and receipts, nothing else, when asked.

    Lists leave out the damaged; who names a damaged one gets its error: VerificationFailed or Failed.
    """

    def __init__(self, layouts: Sequence[Layout]) -> None:
        self._layouts = tuple(layouts)

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where the links to all trees are, this user's and those for all users."""
        return tuple(folder for layout in self._layouts for folder in (layout.prefixes, layout.venvs))

    def prefixes(self) -> tuple[Installation, ...]:
        return tuple(one for one in self._in("prefix") if isinstance(one, Installation))

    def venvs(self) -> tuple[Installation, ...]:
        return tuple(one for one in self._in("venv") if isinstance(one, Installation))

    def everything(self) -> tuple[Installation | Damaged, ...]:
        """Prefixes, then environments, the damaged among them."""
        return (*self._in("prefix"), *self.environments())

    def environments(self) -> tuple[Installation | Damaged, ...]:
        """Every environment, the damaged among them."""
        return tuple(self._in("venv"))

    def damaged(self, target: str) -> Damaged | None:
        """The tree of exactly this name, or at this path, if it is damaged."""
        found = (one for one in self.everything() if isinstance(one, Damaged))
        if _is_path(target):
            return next((one for one in found if _real(one.link) == _real(Path(target))), None)
        return next((one for one in found if one.name == target), None)

    def exactly(self, name: str) -> Installation | None:
        """The stack or environment with exactly this *name*, or None: what a shell says that it has entered."""
        return self.prefix(name) or self.venv(name)

    def prefix(self, name: str) -> Installation | None:
        """The prefix with exactly this *name*, or None."""
        return next((one for layout in self._layouts if (one := _at(layout, layout.prefixes / name))), None)

    def below(self, one: Installation) -> Installation | None:
        """The prefix that the environment *one* is bound to: the one that it was made with, of this user or of all.

        Where that is gone, the other one of its name stands in, if there is one.
        """
        receipt = one.receipt
        scopes = ("", *(layout.scope for layout in self._layouts))
        if not receipt.prefix or receipt.prefix_scope not in scopes:
            return None  # where nobody looks into that scope, nobody can tell whether it is gone
        its_own_first = sorted(self._layouts, key=lambda layout: layout.scope != receipt.prefix_scope)
        found = (_at(layout, layout.prefixes / receipt.prefix) for layout in its_own_first)
        return next((other for other in found if other), None)

    def venv(self, name: str) -> Installation | None:
        return next((one for layout in self._layouts if (one := _at(layout, layout.venvs / name))), None)

    def find(self, target: str) -> Installation:
        """A stack, a version of one, or an environment's name or path. Raises NotFound, UsageMistake."""
        if _is_path(target):
            return self._at_path(Path(target))
        return self.exactly(target) or self._by_version(target)

    def default(self) -> str:
        """The name of what new shells enter; empty where they enter nothing."""
        for layout in self._layouts:
            # Not Path.is_symlink, which raises where another user's folder is closed.
            script = layout.activations / f"{DEFAULT}.sh"
            if os.path.islink(script):  # noqa: PTH114
                return PurePath(script.readlink()).name.removesuffix(".sh")
        return ""

    def activation(self, one: Installation) -> ResolvedActivation:
        """What entering *one* changes; an environment also enters the prefix that it is bound to.

        Raises NotFound where that prefix, or the folder that a link stands for, is gone; else as `lack` says.
        """
        lack = self.lack(one)
        if lack is not None:
            raise lack
        own = one.receipt.activation.resolve(str(one.link))
        below = self.below(one)
        return own if below is None else own.over(self.activation(below))

    def lack(self, one: Installation) -> RocmswitchError | None:
        """Why *one* cannot be entered, though its own tree is there: an error, with the way out.

        NotFound, and VerificationFailed or Failed where its prefix is damaged.
        """
        receipt = one.receipt
        if receipt.linked and not Path(receipt.linked).is_dir():
            return NotFound(
                f"`{receipt.name}` is linked to `{receipt.linked}`, which is gone",
                hint=f"run `rocmswitch remove {receipt.name}`",
            )
        if not receipt.prefix:
            return None
        try:
            below = self.below(one)
        except (VerificationFailed, Failed) as error:
            return error
        if below is None:
            return NotFound(
                f"`{receipt.name}` needs `{receipt.prefix}`, which is not installed",
                hint=f"run `rocmswitch install {receipt.prefix}`",
            )
        if receipt.loader and receipt.prefix_scope not in ("", below.layout.scope):
            return NotFound(
                f"`{receipt.name}` starts by the loader of another `{receipt.prefix}`, `{receipt.loader}`",
                hint=f"run `rocmswitch use {receipt.stack} --venv {receipt.name} --rebind`",
            )
        return self.lack(below)

    def _in(self, kind: str) -> Iterator[Installation | Damaged]:
        for layout in self._layouts:
            yield from _published(layout, layout.prefixes if kind == "prefix" else layout.venvs, kind)

    def _by_version(self, target: str) -> Installation:
        """A version means the same vendor whatever is installed: the newest installed of that vendor."""
        from rocmswitch.planning.naming import resolve_installed
        from rocmswitch.store.catalog import Catalog, shipped_manifests

        names = tuple(one.receipt.name for one in self.prefixes())
        available = Catalog(shipped_manifests(), tuple(layout.manifests for layout in self._layouts)).names()
        try:
            chosen = resolve_installed(target, names, available)
        except NotFound as error:
            raise NotFound(f"`{target}` is not installed", hint="run `rocmswitch list`") from error
        found = self.prefix(chosen)
        if found is None:
            meant = "" if chosen == target else f", which means `{chosen}`,"
            raise NotFound(f"`{target}`{meant} is not installed", hint=f"run `rocmswitch install {chosen}`")
        return found

    def _at_path(self, path: Path) -> Installation:
        real = _real(path)
        for one in (*self.venvs(), *self.prefixes()):
            if _real(one.link) == real:
                return one
        if path.is_symlink() and not path.exists() and path.readlink().parent in self._links():
            raise NotFound(f"`{path}` leads to an environment that was removed", hint="run `rocmswitch list`")
        raise NotFound(f"`{path}` is no environment made by rocmswitch", hint="run `rocmswitch list`")

    def _links(self) -> tuple[Path, ...]:
        return tuple(layout.venvs for layout in self._layouts)


def _real(path: Path) -> str:
    """Not Path.resolve: before Python 3.13 it raises for a link that leads to itself."""
    return os.path.realpath(path)


def _is_path(target: str) -> bool:
    return "/" in target or target.startswith(".")


def _published(layout: Layout, links: Path, kind: str) -> Iterator[Installation | Damaged]:
    names = sorted(entry.name for entry in links.iterdir()) if links.is_dir() else ()
    for link in (links / name for name in names if not name.startswith(".")):
        try:
            one = _at(layout, link)
        except (VerificationFailed, Failed) as error:
            yield Damaged(layout, link, kind, error)
        else:
            if one is not None:
                yield one


def _at(layout: Layout, link: Path) -> Installation | None:
    """The installation at *link*; a name that is no link of ours is none."""
    if link.parent == link or not link.is_symlink():
        return None
    return Installation(layout, link, read_receipt(link))

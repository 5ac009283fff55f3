"""What is installed here: the user's trees, then the machine's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rocmswitch.errors import NotFound
from rocmswitch.model.activation import ResolvedActivation
from rocmswitch.model.receipt import Receipt
from rocmswitch.store.layout import Layout
from rocmswitch.store.receipts import read_receipt


@dataclass(frozen=True)
class Installation:
    """One published tree. `link` is what programs should name: it outlives the tree behind it."""

    layout: Layout
    link: Path
    receipt: Receipt

    @property
    def tree(self) -> Path:
        return self.link.parent / ".trees" / self.receipt.tree


class Installed:
    """Every published tree of some scopes. Reads links and receipts, nothing else, when asked."""

    def __init__(self, layouts: Sequence[Layout]) -> None:
        self._layouts = tuple(layouts)

    def prefixes(self) -> tuple[Installation, ...]:
        return tuple(
            one for layout in self._layouts for one in _published(layout, layout.prefixes) if one is not None
        )

    def venvs(self) -> tuple[Installation, ...]:
        return tuple(one for layout in self._layouts for one in _published(layout, layout.venvs) if one is not None)

    def prefix(self, name: str) -> Installation | None:
        """The prefix with exactly this *name*, or None."""
        return next((one for layout in self._layouts if (one := _at(layout, layout.prefixes / name))), None)

    def venv(self, name: str) -> Installation | None:
        return next((one for layout in self._layouts if (one := _at(layout, layout.venvs / name))), None)

    def find(self, target: str) -> Installation:
        """A stack, a version of one, or an environment's name or path. Raises NotFound, UsageMistake."""
        if "/" in target or target.startswith("."):
            return self._at_path(Path(target))
        return self.prefix(target) or self.venv(target) or self._by_version(target)

    def activation(self, one: Installation) -> ResolvedActivation:
        """What entering *one* changes; an environment also enters the prefix that it is bound to."""
        own = one.receipt.activation.resolve(str(one.link))
        if not one.receipt.prefix:
            return own
        below = self.prefix(one.receipt.prefix)
        if below is None:
            raise NotFound(
                f"`{one.receipt.name}` needs `{one.receipt.prefix}`, which is not installed",
                hint=f"run `rocmswitch install {one.receipt.prefix}`",
            )
        return own.over(self.activation(below))

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
        resolved = path.resolve()
        for one in (*self.venvs(), *self.prefixes()):
            if one.link.resolve() == resolved:
                return one
        raise NotFound(f"`{path}` is no environment made by rocmswitch", hint="run `rocmswitch list`")


def _published(layout: Layout, links: Path) -> tuple[Installation | None, ...]:
    if not links.is_dir():
        return ()
    names = sorted(entry.name for entry in links.iterdir() if not entry.name.startswith("."))
    return tuple(_at(layout, links / name) for name in names)


def _at(layout: Layout, link: Path) -> Installation | None:
    """The installation at *link*; a name that is no link of ours is none."""
    if link.parent == link or not link.is_symlink() or not link.exists():
        return None
    return Installation(layout, link, read_receipt(link))

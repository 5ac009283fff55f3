"""What entering a stack changes in a shell's environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from posixpath import normpath

CLEANED = ("LD_LIBRARY_PATH", "LD_PRELOAD")
"""Entering takes another ROCm's folders and libraries out of these: they would shadow what the stack loads."""
UV_CONSTRAINT = "UV_CONSTRAINT"
"""A list of files for uv, which takes it apart at blanks; it reads a file: URL as well."""


@dataclass(frozen=True)
class Assignment:
    """One variable. A value that is a place in the tree is stored relative to it (`under_root`).

    In other values `{prefix}` stands for the tree's place.
    """

    name: str
    value: str
    under_root: bool = False


@dataclass(frozen=True)
class CardVariable:
    """One variable that belongs to a stack and a card: set only where the first GPU is `gpu` (`gfx1010`).

    With a `profile` (`rdna1-safe`) only where the user chose that profile too.
    """

    gpu: str
    name: str
    value: str
    profile: str = ""


@dataclass(frozen=True)
class Activation:
    """Assignments, and folders put before those that a path variable has already.

    `paths` holds pairs of a variable (`PATH`, `LIBRARY_PATH`) and folders relative to the tree. Nothing
    here ever names LD_LIBRARY_PATH for a stack whose wheels bundle their own ROCm.
    """

    assignments: tuple[Assignment, ...] = ()
    paths: tuple[tuple[str, tuple[str, ...]], ...] = ()
    cards: tuple[CardVariable, ...] = ()
    unset: tuple[str, ...] = ()
    """Variables that must not be there inside: PYTHONHOME, for an environment."""

    def resolve(self, root: str) -> ResolvedActivation:
        """The same with absolute paths below *root*, which is the published symlink, not the tree behind it."""
        variables = tuple((one.name, _resolve(one, root)) for one in self.assignments)
        paths = tuple(
            (name, tuple(normpath(f"{root}/{folder}") for folder in folders)) for name, folders in self.paths
        )
        return ResolvedActivation(variables, paths, self.cards, self.unset)


@dataclass(frozen=True)
class ResolvedActivation:
    """An activation with absolute paths, ready to be written in a shell's dialect."""

    variables: tuple[tuple[str, str], ...]
    paths: tuple[tuple[str, tuple[str, ...]], ...]
    cards: tuple[CardVariable, ...] = ()
    unset: tuple[str, ...] = ()

    def over(self, below: ResolvedActivation) -> ResolvedActivation:
        """Both, where this one's variables win and its folders come first: an environment over its prefix."""
        paths = dict(below.paths)
        for name, folders in self.paths:
            paths[name] = (*folders, *paths.get(name, ()))
        cards = {(one.gpu, one.profile, one.name): one for one in (*below.cards, *self.cards)}
        return ResolvedActivation(
            tuple({**dict(below.variables), **dict(self.variables)}.items()),
            tuple(sorted(paths.items())),
            tuple(cards.values()),
            tuple(dict.fromkeys((*below.unset, *self.unset))),
        )

    def on_card(self, gpu: str, profile: str = "") -> ResolvedActivation:
        """The same with what belongs to the card *gpu* and to *profile* among the variables; *gpu* may be empty."""
        chosen = {one.name: one.value for one in self.cards if one.gpu == gpu and not one.profile}
        chosen |= {one.name: one.value for one in self.cards if one.gpu == gpu and one.profile == profile != ""}
        return replace(self, variables=tuple({**dict(self.variables), **chosen}.items()), cards=())

    def applied_to(
        self, environment: Mapping[str, str], is_foreign: Callable[[str], bool] = lambda _: False
    ) -> dict[str, str]:
        """*environment* as a program started in this stack sees it. No path variable gets an empty folder.

        *is_foreign* tells of a folder, or of a library, whether it belongs to a ROCm. Cards are not looked at:
        see `on_card`.
        """
        changed = {**environment, **dict(self.variables)}
        for name, folders in self.paths:
            before = environment.get(name, "")
            changed[name] = ":".join((*folders, *([before] if before else [])))
        for name in self.unset:
            changed.pop(name, None)
        for name in CLEANED:
            entries = entries_of(name, changed.get(name, ""))
            kept = [one for one in entries if not (one and is_foreign(one))]
            if any(kept):
                changed[name] = changed[name] if kept == list(entries) else ":".join(kept)
            elif any(entries):
                del changed[name]
        return changed


def entries_of(name: str, value: str) -> tuple[str, ...]:
    """What *value* of one of CLEANED lists: libraries to preload are separated by blanks too (ld.so(8))."""
    return tuple((value.replace(" ", ":") if name == "LD_PRELOAD" else value).split(":"))


def _resolve(assignment: Assignment, root: str) -> str:
    if assignment.under_root:
        path = normpath(f"{root}/{assignment.value}")
        return _as_url(path) if assignment.name == UV_CONSTRAINT and " " in path else path
    return assignment.value.replace("{prefix}", root)


def _as_url(path: str) -> str:
    from urllib.parse import quote  # some milliseconds, for the few who have a blank in their paths

    return f"file://{quote(path)}"

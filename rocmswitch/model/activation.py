"""What entering a stack changes in a shell's environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from posixpath import normpath


@dataclass(frozen=True)
class Assignment:
    """One variable. A value that is a place in the tree is stored relative to it (`under_root`).

    In other values `{prefix}` stands for the tree's place.
    """

    name: str
    value: str
    under_root: bool = False


@dataclass(frozen=True)
class Activation:
    """Assignments, and folders put before those that a path variable has already.

    `paths` holds pairs of a variable (`PATH`, `LIBRARY_PATH`) and folders relative to the tree. Nothing
    here ever names LD_LIBRARY_PATH for a stack whose wheels bundle their own ROCm.
    """

    assignments: tuple[Assignment, ...] = ()
    paths: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def resolve(self, root: str) -> ResolvedActivation:
        """The same with absolute paths below *root*, which is the published symlink, not the tree behind it."""
        variables = tuple((one.name, _resolve(one, root)) for one in self.assignments)
        paths = tuple(
            (name, tuple(normpath(f"{root}/{folder}") for folder in folders)) for name, folders in self.paths
        )
        return ResolvedActivation(variables, paths)


@dataclass(frozen=True)
class ResolvedActivation:
    """An activation with absolute paths, ready to be written in a shell's dialect."""

    variables: tuple[tuple[str, str], ...]
    paths: tuple[tuple[str, tuple[str, ...]], ...]

    def over(self, below: ResolvedActivation) -> ResolvedActivation:
        """Both, where this one's variables win and its folders come first: an environment over its prefix."""
        paths = dict(below.paths)
        for name, folders in self.paths:
            paths[name] = (*folders, *paths.get(name, ()))
        return ResolvedActivation(
            tuple({**dict(below.variables), **dict(self.variables)}.items()), tuple(sorted(paths.items()))
        )

    def applied_to(self, environment: Mapping[str, str]) -> dict[str, str]:
        """*environment* as a program started in this stack sees it. No path variable gets an empty folder."""
        changed = {**environment, **dict(self.variables)}
        for name, folders in self.paths:
            before = environment.get(name, "")
            changed[name] = ":".join((*folders, *([before] if before else [])))
        return changed


def _resolve(assignment: Assignment, root: str) -> str:
    if assignment.under_root:
        return normpath(f"{root}/{assignment.value}")
    return assignment.value.replace("{prefix}", root)

"""What entering a stack changes in a shell's environment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Assignment:
    """One variable. A value that names a place in the tree is stored relative to it (`under_root`)."""

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
        variables = tuple(
            (one.name, f"{root}/{one.value}".rstrip("/") if one.under_root else one.value)
            for one in self.assignments
        )
        paths = tuple(
            (name, tuple(f"{root}/{folder}".rstrip("/") for folder in folders)) for name, folders in self.paths
        )
        return ResolvedActivation(variables, paths)


@dataclass(frozen=True)
class ResolvedActivation:
    """An activation with absolute paths, ready to be written in a shell's dialect."""

    variables: tuple[tuple[str, str], ...]
    paths: tuple[tuple[str, tuple[str, ...]], ...]

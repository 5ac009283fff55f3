"""The sets of a stack: which it has, which an installation has, and the packages that they begin with."""

from __future__ import annotations

from rocmswitch.errors import UsageMistake
from rocmswitch.model.source import SET_NAMES
from rocmswitch.model.stack import Stack


def sets_of(stack: Stack) -> tuple[str, ...]:
    """The names of the sets that *stack* has, in their order."""
    tables = [sets for sets in (stack.rocm.sets, stack.rocm.rpm_sets) if sets is not None]
    if not tables and "tarball" in stack.rocm.kinds:
        return SET_NAMES
    return tuple(name for name in SET_NAMES if any(getattr(sets, name) for sets in tables))


def selected_sets(stack: Stack, asked: tuple[str, ...]) -> tuple[str, ...]:
    """The sets that an installation has, in their order: runtime is in all, developer has all, sets add up.

    Raises UsageMistake for a set that *stack* does not have.
    """
    there = sets_of(stack)
    for name in asked:
        if name not in there:
            known = ", ".join(f"`{one}`" for one in there) or "none"
            raise UsageMistake(
                f"`{stack.name}` has no set `{name}`, its sets are: {known}",
                hint=f"run `rocmswitch show {stack.name}`",
            )
    if "developer" in asked or stack.rocm.kinds == ("tarball",):
        return there  # a tarball has everything
    return tuple(name for name in there if name in ("runtime", *asked))


def roots_of(stack: Stack, sets: tuple[str, ...]) -> tuple[str, ...]:
    """The package roots of *sets*, as the manifest writes them."""
    if stack.rocm.roots is None:
        return ()
    return tuple(dict.fromkeys(root for name in sets for root in getattr(stack.rocm.roots, name)))

"""What entering a tree changes: from its manifest's environment and the folders that it really has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePath

from rocmswitch.model.activation import Activation, Assignment
from rocmswitch.model.receipt import FileEntry

PLACEHOLDER = "{prefix}"
ACTIVE = "ROCMSWITCH_ACTIVE"
"""Names what was entered, for `rocmswitch current` and for the script that leaves."""

_TOOLS = ("bin", "hip/bin", "opencl/bin")
"""Below the ROCm tree; releases before 5.3 keep real programs in hip/bin (facts: repository layout)."""
_LINK_FLAGS = "HIPCC_LINK_FLAGS_APPEND"
_LINKER_NAMES = ("libamdhip64.so", "libhsa-runtime64.so")


def plan_activation(
    name: str, root: str, environment: Sequence[tuple[str, str]], entries: Iterable[FileEntry]
) -> Activation:
    """The activation of a prefix whose ROCm tree lies at *root*. *environment* is the manifest's own."""
    paths = [PurePath(entry.path) for entry in entries if entry.kind != "directory"]
    folders = {str(path.parent) for path in paths}
    tools = tuple(f"{root}/{one}" for one in _TOOLS if f"{root}/{one}" in folders)
    linked = _unique(str(path.parent) for path in paths if path.name in _LINKER_NAMES)
    programs = {path.name for path in paths if str(path.parent) in tools}
    assignments = [Assignment(ACTIVE, name), *(_assignment(*one) for one in environment)]
    if "hipcc" in programs and linked and _LINK_FLAGS not in dict(environment):
        assignments.append(_found_at_run_time(linked[0]))
    return Activation(
        tuple(assignments),
        tuple((variable, values) for variable, values in (("PATH", tools), ("LIBRARY_PATH", linked)) if values),
    )


def plan_venv_activation(name: str) -> Activation:
    """What a virtual environment adds to the prefix that it is bound to."""
    return Activation(
        (Assignment(ACTIVE, name), Assignment("VIRTUAL_ENV", "", under_root=True)), (("PATH", ("bin",)),)
    )


def _assignment(name: str, value: str) -> Assignment:
    """`{prefix}` and `{prefix}/…` are places in the tree; anything else is text."""
    if value == PLACEHOLDER or value.startswith(f"{PLACEHOLDER}/"):
        return Assignment(name, value[len(PLACEHOLDER) + 1 :], under_root=True)
    return Assignment(name, value)


def _found_at_run_time(folder: str) -> Assignment:
    """Programs that hipcc links find this tree's HIP without LD_LIBRARY_PATH: hipcc appends these flags."""
    return Assignment(_LINK_FLAGS, f"-Wl,-rpath,{PLACEHOLDER}/{folder}")


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))

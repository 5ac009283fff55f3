"""Rows about what is installed: trees, environments, and what they load."""

from __future__ import annotations

from collections.abc import Iterator

from rocmswitch.model.finding import FAULT, WARNING, Finding, Remedy
from rocmswitch.model.symptoms import Clash, ShellSymptoms, Symptoms, TreeSymptoms
from rocmswitch.planning.diagnosis_shell import unset
from rocmswitch.planning.variant import own_name


def damaged(symptoms: Symptoms) -> Iterator[Finding]:
    """A tree whose receipt is gone or garbled: nobody can enter, check or repair it as it is."""
    for tree in (one for one in symptoms.trees if one.damage):
        if tree.kind == "venv":
            remedy = Remedy(f"run `rocmswitch remove {tree.name}`, then `rocmswitch use STACK --venv {tree.name}`")
        else:
            remedy = _command("repair", tree.name, automatic=True)
        yield Finding(
            f"damaged:{tree.name}",
            FAULT,
            f"`{tree.name}` has no receipt that can be read",
            tree.place,
            tree.damage,
            remedy,
        )


def prefix_gone(symptoms: Symptoms) -> Iterator[Finding]:
    """An environment whose wheels do not bundle ROCm, and whose ROCm was removed."""
    for tree in (one for one in symptoms.trees if one.prefix):
        yield Finding(
            f"prefix-gone:{tree.name}",
            FAULT,
            f"`{tree.name}` needs `{tree.prefix}`, which is not installed",
            tree.place,
            "its wheels load the ROCm of that stack, and bring none along",
            _command("install", tree.prefix, automatic=True),
        )


def link_gone(symptoms: Symptoms) -> Iterator[Finding]:
    """A linked ROCm that its owner has moved or removed, or whose disk is not mounted."""
    for tree in (one for one in symptoms.trees if one.linked):
        yield Finding(
            f"link-gone:{tree.name}",
            FAULT,
            f"`{tree.name}` is linked to `{tree.linked}`, which is gone",
            tree.place,
            "nothing else has its files, and it cannot be entered",
            Remedy(f"run `rocmswitch remove {tree.name}`, or have the folder there again"),
        )


def missing_on_the_machine(symptoms: Symptoms) -> Iterator[Finding]:
    """A newer GCC than the stack's clang can read, a package that was removed: it was there at the installation."""
    for tree in (one for one in symptoms.trees if one.missing):
        names = ", ".join(f"`{one.package}`" for one in tree.missing)
        yield Finding(
            f"machine-lacks:{tree.name}",
            FAULT,
            f"`{tree.name}` needs what this machine no longer has: {names}",
            tree.place,
            "; ".join(dict.fromkeys(one.why for one in tree.missing)),
            _completed(tree),
        )


def torch_replaced(symptoms: Symptoms) -> Iterator[Finding]:
    """`uv sync` and conda ask no constraints file, and put a CUDA torch in (ComfyUI#6649)."""
    for tree in symptoms.trees:
        told = [words for kind, words in tree.changes if kind != "unprotected"]
        if told:
            yield Finding(
                f"replaced:{tree.name}",
                FAULT,
                f"`{tree.name}` no longer holds the wheels of `{tree.stack}`",
                tree.place,
                "; ".join(told),
                _rebind(tree),
            )


def unprotected(symptoms: Symptoms) -> Iterator[Finding]:
    """The files by which pip and uv keep torch were edited or removed."""
    for tree in symptoms.trees:
        told = [words for kind, words in tree.changes if kind == "unprotected"]
        if told:
            why = f"{'; '.join(told)}: the next `pip install` may replace torch"
            what = f"`{tree.name}` is not protected against another torch"
            yield Finding(f"unprotected:{tree.name}", WARNING, what, tree.place, why, _rebind(tree))


def not_importable(symptoms: Symptoms) -> Iterator[Finding]:
    """What the environment is for does not even start."""
    for tree in (one for one in symptoms.trees if one.cannot_import):
        yield Finding(
            f"import:{tree.name}",
            FAULT,
            f"{tree.framework} cannot be imported in `{tree.name}`",
            tree.place,
            tree.cannot_import,
            _rebind(tree),
        )


def imported_from_elsewhere(symptoms: Symptoms) -> Iterator[Finding]:
    """PYTHONPATH comes before what an environment holds."""
    for tree in (one for one in symptoms.trees if one.elsewhere):
        yield Finding(
            f"elsewhere:{tree.name}",
            FAULT,
            f"`import {tree.framework}` in `{tree.name}` gives another one than it holds",
            tree.place,
            f"`{tree.elsewhere}` was imported, by PYTHONPATH or a .pth file",
            Remedy(f"run `{unset('PYTHONPATH', symptoms.shell)}`, then `rocmswitch doctor {tree.name}`"),
        )


def clashing_libraries(symptoms: Symptoms) -> Iterator[Finding]:
    """Two copies of a library in one process, or one of another stack (ROCm/TheRock#1011, rocBLAS#1386).

    What another framework than the environment's own loads says nothing of this one.
    """
    for tree in (one for one in symptoms.trees if not one.elsewhere):
        for clash in tree.clashes:
            what = (
                f"`{tree.name}` loads {len(clash.files)} copies of {clash.library}"
                if clash.kind == "copies"
                else f"`{tree.name}` loads {clash.library} of another stack"
            )
            why = "; ".join(f"`{one.path}` by {one.why}" for one in clash.files)
            remedy = _parted(tree, clash, symptoms.shell)
            yield Finding(f"library:{tree.name}:{clash.library}", FAULT, what, tree.place, why, remedy)


def shadowed(symptoms: Symptoms) -> Iterator[Finding]:
    """What an IDE or cron job that starts the environment's Python by its path would load (DT_RUNPATH)."""
    for tree in (one for one in symptoms.trees if one.foreseen):
        names = ", ".join(clash.library for clash in tree.foreseen)
        why = "; ".join(f"`{one.path}` by {one.why}" for one in tree.foreseen[0].files)
        yield Finding(
            f"shadowed:{tree.name}",
            WARNING,
            f"started from this shell without being entered, `{tree.name}` would load {names} of another stack",
            tree.place,
            why,
            Remedy(f"run `rocmswitch use {tree.name}`, or start it by `rocmswitch run {tree.name} -- COMMAND`"),
        )


def _completed(tree: TreeSymptoms) -> Remedy:
    """An installation carries along what the machine lacks, if there is a source that has it."""
    fixed = [one.package for one in tree.missing if not one.can_be_carried]
    if fixed:
        return Remedy(f"install what has it by this machine's package manager: {', '.join(fixed)}")
    install = _command("install", tree.stack, *(["--system"] if tree.is_shared else []), automatic=True)
    if tree.name == tree.stack:
        return install
    remade = f"`rocmswitch deploy FILE --into {tree.stack} --name {own_name(tree.name, tree.stack)}`"
    return Remedy(f"{install.text}, then `rocmswitch remove {tree.name}`, then {remade}")


def _parted(tree: TreeSymptoms, clash: Clash, shell: ShellSymptoms) -> Remedy:
    """What led to the library says what to take away."""
    for name in ("LD_PRELOAD", "LD_LIBRARY_PATH"):
        if any(one.why.startswith(name) for one in clash.files):
            return Remedy(f"run `{unset(name, shell)}`, then `rocmswitch doctor {tree.name}`")
    return _rebind(tree)


def _rebind(tree: TreeSymptoms) -> Remedy:
    """Builds a new tree and keeps the old one."""
    return _command("use", tree.stack, "--venv", tree.name, "--rebind")


def _command(*words: str, automatic: bool = False) -> Remedy:
    return Remedy(f"run `rocmswitch {' '.join(words)}`", words, automatic=automatic)

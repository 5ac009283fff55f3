"""Look at everything, say what is wrong, and put right what is ours to put right."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.errors import NotFound, Refused, RocmswitchError
from rocmswitch.host.devices import is_contained, plugged_cards
from rocmswitch.host.system import read_system
from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.model.finding import Finding
from rocmswitch.model.framework import FrameworkSymptoms
from rocmswitch.model.kernel import System
from rocmswitch.model.leftover import FILE, Leftover
from rocmswitch.model.machine import MachineSymptoms
from rocmswitch.model.symptoms import Symptoms
from rocmswitch.operations.auditing import audit
from rocmswitch.operations.convolutionfacts import examine_convolutions
from rocmswitch.operations.examining import Surgery, examine_card, examine_tree
from rocmswitch.operations.framework import examine_entered, examine_installed, examine_site
from rocmswitch.operations.inspecting import inspect_machine, snapshot_state, spaces, with_command_line
from rocmswitch.operations.leftovers import look
from rocmswitch.operations.sites import means_place
from rocmswitch.operations.surveying import active, survey_places, survey_shell
from rocmswitch.planning.diagnosis import diagnose
from rocmswitch.planning.diagnosis_machine import LOADER
from rocmswitch.planning.diagnosis_override import OVERRIDE
from rocmswitch.planning.diagnosis_place import WRITABLE
from rocmswitch.store.installed import Damaged, Installation
from rocmswitch.system.disk import Disk, disk_errors

Talk = Callable[[str], None]


def examine(here: Surgery, name: str | None = None, talk: Talk = lambda _: None) -> Symptoms:
    """Gather everything; of trees only *name* where one is given. Raises NotFound.

    That one, else the active one, is looked at closely: what it is for is imported, which takes seconds.
    *talk* hears of it.
    """
    with ThreadPoolExecutor(2) as beside:
        # Hashing modules and opening boot images takes about as long as all else, a journal may take longer.
        system = beside.submit(_system, here)
        machine = beside.submit(inspect_machine, here.root, plugged_cards(here.root))
        seen = _examine(here, name, talk)
        return _joined(seen, system.result(), machine.result(), here)


def _joined(seen: Symptoms, system: System | None, machine: MachineSymptoms, here: Surgery) -> Symptoms:
    """With what has to know the system's kernels."""
    machine = replace(
        machine,
        spaces=spaces(here.installed, here.own, here.environment, system),
        snapshot=snapshot_state(system, here.root, here.disk),
    )
    system = with_command_line(system, machine.command_line) if system else None
    return replace(seen, system=system, machine=machine)


def _examine(here: Surgery, name: str | None, talk: Talk) -> Symptoms:
    if name and _is_others(name, here):
        return Symptoms(frameworks=(examine_site(name, here),), card=examine_card((), here))
    closely = _named(here, name) if name else active(here)
    chosen = (closely,) if name and closely else here.installed.everything()
    trees = []
    for one in chosen:
        close = closely is not None and one.link == closely.link
        if close and not isinstance(one, Damaged) and one.receipt.kind == "venv":
            talk(f"looking at what `{one.receipt.name}` loads")
        trees.append(examine_tree(one, here, closely=close))
    stacks = dict.fromkeys(tree.stack for tree in trees if tree.stack)
    ledger = audit(here.own, here.disk, str(closely.link) if name and closely else "")
    shell = survey_shell(here)
    overrides = bool(shell.override) or any(one.name == OVERRIDE for one in shell.settings)
    card = examine_card(stacks, here, overrides=overrides)
    return Symptoms(
        shell,
        tuple(trees),
        card,
        survey_places(here),
        ledger,
        leftovers(here),
        rocm=_version(closely, here),
        frameworks=(*_frameworks(chosen, here), *(() if name else examine_entered(here))),
        convolutions=examine_convolutions(chosen, card.target, here),
    )


def _frameworks(chosen: Iterable[Installation | Damaged], here: Surgery) -> tuple[FrameworkSymptoms, ...]:
    found = (examine_installed(one, here) for one in chosen if not isinstance(one, Damaged))
    return tuple(one for one in found if one is not None)


def _system(here: Surgery) -> System | None:
    """None where nothing is booted: containers see the machine's kernels, if any, and cannot change them."""
    if is_contained(here.root) or not (here.root / "lib/modules").is_dir():
        return None
    try:
        return read_system(here.root)
    except NotFound:
        return None


def _version(one: Installation | Damaged | None, here: Surgery) -> str:
    """Of the ROCm of *one*; empty where nobody knows."""
    if one is None or isinstance(one, Damaged):
        return ""
    if one.receipt.linked:
        return one.receipt.version
    try:
        return here.catalog.read(one.receipt.stack).stack.rocm.version
    except RocmswitchError:
        return ""


def leftovers(here: Surgery) -> tuple[Leftover, ...]:
    """What ROCm by hand has left here, and in this user's home."""
    home = here.environment.get("HOME")
    return look(here.root, Path(home) if home else None, here.installed, Ledger(here.own, here.disk))


def plan(symptoms: Symptoms) -> tuple[Finding, ...]:
    """What is wrong, the worst first."""
    return diagnose(symptoms)


def choose_fixes(findings: tuple[Finding, ...], wanted: str) -> tuple[Finding, ...]:
    """The findings that *wanted*, an id or the name of a row, means. Raises NotFound, and Refused for what only
    their owner can put right."""
    chosen = tuple(one for one in findings if wanted in (one.id, one.row))
    if not chosen:
        raise NotFound(f"there is no finding `{wanted}` here", hint="run `rocmswitch doctor`")
    for one in chosen:
        if one.remedy is None or not one.remedy.automatic:
            told = f": {one.remedy.text}" if one.remedy else ""
            raise Refused(f"`{one.id}` is not for rocmswitch to put right{told}")
    return chosen


def removal(finding: Finding, root: Path) -> Leftover | None:
    """The file of the machine at *root* that *finding* is about, where a recorded change takes it; else None."""
    if finding.row != LOADER:
        return None
    path = finding.where.rpartition(":")[0]
    status = SystemRoot(root).status(path)
    return Leftover(path, FILE, finding.why, is_in_effect=True, size=status.st_size if status else 0)


def execute(finding: Finding, disk: Disk) -> bool:
    """Put *finding* right. False where it takes a command of ours, which its remedy names."""
    if finding.row != WRITABLE:
        return False
    folder = Path(finding.where)
    with disk_errors(folder):
        disk.set_mode(folder, stat.S_IMODE(folder.stat().st_mode) & ~0o022)
    return True


def _is_others(name: str, here: Surgery) -> bool:
    """Whether *name* means an environment that others made, as `deploy --into` calls it. Raises NotFound."""
    try:
        _named(here, name)
    except NotFound:
        if not means_place(name):
            raise
        return True
    return False


def _named(here: Surgery, name: str) -> Installation | Damaged:
    return here.installed.damaged(name) or here.installed.find(name)

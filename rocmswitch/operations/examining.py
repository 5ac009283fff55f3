"""The facts that `doctor` judges: of trees and the card here, of shell and folders in `surveying`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path

from rocmswitch.errors import NotFound, RocmswitchError
from rocmswitch.host.cards import read_cards
from rocmswitch.host.devices import device_files, is_contained, plugged_cards, user_name
from rocmswitch.host.foreign import foreign_entries
from rocmswitch.host.gpu import hidden_nodes, read_gpus
from rocmswitch.host.libraries import HostLibraries
from rocmswitch.host.reliance import missing_now
from rocmswitch.metadata.lock import Lock, parse_lock
from rocmswitch.model.host import Missing
from rocmswitch.model.stack import Gpu, Stack
from rocmswitch.model.symptoms import CardSymptoms, Standing, TreeSymptoms
from rocmswitch.operations.auditing import deployed_as_put
from rocmswitch.operations.entering import GPU, environment_inside
from rocmswitch.operations.libraries import could_clash, look, look_if_changed
from rocmswitch.planning.diagnosis_override import OVERRIDE
from rocmswitch.planning.libraries import Check
from rocmswitch.planning.pytorch import better_stack
from rocmswitch.store.catalog import Catalog
from rocmswitch.store.installed import Damaged, Installation, Installed
from rocmswitch.store.intact import changes
from rocmswitch.store.layout import Layout
from rocmswitch.system.disk import Disk

_C_LIBRARY = "libc.so.6"
_UNKNOWN = Gpu(support="unknown")
_CHOOSING = ("ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL")
"""Variables that say which cards programs see; ROCm's PyTorch goes by CUDA's too."""


@dataclass(frozen=True)
class Surgery:
    """Where to look: this user's trees, this shell's environment, and the machine whose /sys is at `root`."""

    layouts: tuple[Layout, ...]
    """The user's own first."""
    installed: Installed
    catalog: Catalog
    environment: Mapping[str, str]
    disk: Disk
    root: Path = Path("/")

    @property
    def own(self) -> Layout:
        return self.layouts[0]

    @cached_property
    def libraries(self) -> HostLibraries:
        """Those of the machine that is asked about, where its C library is there; else those of this one."""
        found = HostLibraries(self.root)
        return found if found.find(_C_LIBRARY) else HostLibraries()


def examine_tree(one: Installation | Damaged, here: Surgery, *, closely: bool) -> TreeSymptoms:
    """What is wrong with a tree. *closely*: what it loads is looked at again, whatever was seen before."""
    if isinstance(one, Damaged):
        return TreeSymptoms(one.name, one.kind, place=str(one.link), damage=one.error.message)
    receipt = one.receipt
    found = TreeSymptoms(one.link.name, receipt.kind, receipt.stack, str(one.link))
    if receipt.linked and not Path(receipt.linked).is_dir():
        return replace(found, linked=receipt.linked)
    if receipt.kind != "venv":
        return replace(found, missing=_missing(one, here), is_shared=one.layout.scope == "system")
    try:
        inside = environment_inside(one, here.environment, here.installed)
    except NotFound:
        return TreeSymptoms(found.name, found.kind, found.stack, found.place, prefix=receipt.prefix)
    except RocmswitchError:
        return found  # the prefix's receipt is damaged: a finding of its own
    check = _check(one, here, inside, closely=closely)
    return TreeSymptoms(
        found.name,
        found.kind,
        found.stack,
        found.place,
        framework=check.framework,
        cannot_import=check.error,
        elsewhere=check.elsewhere,
        clashes=check.clashes,
        # Only where another ROCm is in the way: else there is nothing to foresee.
        foreseen=could_clash(one, here.installed, here.environment) if foreign_entries(here.environment) else (),
        changes=_changes(one, here, closely=closely),
    )


def examine_card(stacks: Iterable[str], here: Surgery, *, overrides: bool = False) -> CardSymptoms:
    """The cards, and what manifests say of the first one with *stacks*.

    *overrides*: an override is set somewhere, and all manifests are asked which of them wants one.
    """
    gpus = read_gpus(here.root)
    target = here.environment.get(GPU) or (gpus[0].target if gpus else "")
    return CardSymptoms(
        gpus,
        target,
        hidden_nodes(here.root),
        plugged_cards(here.root),
        device_files(gpus, here.root) if gpus else (),
        user_name(here.root),
        is_contained(here.root),
        tuple(_standings(stacks, target, here.catalog)) if target else (),
        named=bool(here.environment.get(GPU)),
        integrated=_integrated(here.root) if len(gpus) > 1 else (),
        chosen=next((f"{one}={here.environment[one]}" for one in _CHOOSING if here.environment.get(one)), ""),
        overridden=_overridden(target, here.catalog) if overrides and target else None,
    )


def _integrated(root: Path) -> tuple[int, ...]:
    """The nodes of what is part of a processor."""
    return tuple(
        node for card in read_cards(root).amd if card.integrated for node in (card.nodes or (card.node,)) if node
    )


def _overridden(target: str, catalog: Catalog) -> tuple[str, ...]:
    stacks = (manifest.stack for manifest in catalog.read_all()[0])
    return tuple(
        one.name for one in stacks if (card := (one.gpus or {}).get(target)) and OVERRIDE in card.environment
    )


def _check(one: Installation, here: Surgery, inside: Mapping[str, str], *, closely: bool) -> Check:
    if closely:
        return look(one, here.installed, inside)
    return look_if_changed(one, here.installed, inside, here.disk, here.root)


def _missing(one: Installation, here: Surgery) -> tuple[Missing, ...]:
    """Of a stack whose manifest is gone nobody knows."""
    name = one.receipt.stack
    try:
        rocm = here.catalog.read(name).stack.rocm if one.receipt.host else None
        return missing_now(one.receipt, rocm, here.libraries, lambda: _tested(name, here)) if rocm else ()
    except RocmswitchError:
        return ()


def _tested(name: str, here: Surgery) -> Lock | None:
    content = here.catalog.lock(name)
    return None if content is None else parse_lock(content, f"{name}.lock")


def _changes(one: Installation, here: Surgery, *, closely: bool) -> tuple[tuple[str, str], ...]:
    """A quick look reads no content, so it cannot take for damage what was deployed."""
    deployed = deployed_as_put(one.link, here.own, here.disk) if closely else {}
    try:
        found = changes(one.link, thorough=closely, deployed=deployed)
        return tuple((change.what, str(change)) for change in found)
    except RocmswitchError as error:
        return (("content", error.message),)


def _standings(names: Iterable[str], target: str, catalog: Catalog) -> Iterator[Standing]:
    everything = cache(lambda: [manifest.stack for manifest in catalog.read_all()[0]])
    for name in names:
        try:
            known = catalog.read(name).stack.gpus
        except RocmswitchError:
            continue  # a stack whose manifest is gone, or a linked tree
        if known:
            yield _standing(name, known.get(target, _UNKNOWN), target, everything)


def _standing(name: str, card: Gpu, target: str, everything: Callable[[], list[Stack]]) -> Standing:
    """*everything*, all manifests, is read only where there is something better to look for."""
    better = ""
    if card.known_bad or card.support in ("none", "unknown"):
        better = better_stack(target, everything(), card.known_bad)
    overrides = OVERRIDE in card.environment
    better = better if better != name else ""
    return Standing(name, card.support, card.known_bad, card.evidence, overrides, better)

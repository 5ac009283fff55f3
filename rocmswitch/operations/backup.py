"""Let go of what was saved for the way back: files, and the trees of what was removed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.errors import Failed, VerificationFailed
from rocmswitch.model.deployment import Generation
from rocmswitch.operations.keeping import trees_of
from rocmswitch.operations.remains import QUICK, look_at, survey
from rocmswitch.planning.backup import Loss, Lost, PrunePlan, chosen, companions, hashes, lost_files
from rocmswitch.planning.drift import UNREADABLE, Facts, Outlook, in_force, judge, spot
from rocmswitch.store.receipts import read_receipt, stack_of
from rocmswitch.store.trees import Trees
from rocmswitch.system.usage import Usage, usage

WAIT = 10.0
"""Seconds to wait for another rocmswitch that changes something."""

_MARKS = ("record", "pruned")
"""What of a generation's folder stays."""


@dataclass(frozen=True)
class Stock:
    """What holds bytes for the way back: the ledger, and all trees of the scope."""

    ledger: Ledger
    forests: tuple[Trees, ...]

    def unnamed(self) -> dict[str, Path]:
        """The whole trees that no name means, with their folders."""
        return {tree: one.path(tree) for one in self.forests for tree in one.superseded()}

    def files(self, number: int) -> dict[str, Path]:
        """What a generation's folder still holds, by name."""
        folder = self.ledger.saved(number, "record").parent
        return {path.name: path for path in _listed(folder) if path.name not in _MARKS}


def kept(stock: Stock) -> Usage:
    """What all that was saved takes on the disk, the trees that no name means among it."""
    ledger, unnamed = stock.ledger, stock.unnamed()
    numbers = (*(one.number for one in ledger.generations()), *ledger.damaged())
    return usage(_paths(numbers, unnamed, stock, unnamed))


def next_back(ledger: Ledger) -> frozenset[int]:
    """The generation that the next undo would take back, which has to keep what it saved; none without any."""
    found = [one.number for one in in_force(ledger.generations()) if one.intent.verb != "undo"]
    return frozenset([one for one in found if not ledger.is_pruned(one)][-1:])


def plan(
    stock: Stock, numbers: Collection[int] = (), *, everything: bool = False, spared: Collection[int] = ()
) -> PrunePlan:
    """Decide what goes: *numbers*; or *everything*; or else what nothing in use depends on. Changes nothing.

    Where no numbers are given, those that are *spared* stay. Raises NotFound for a number that no change has.
    """
    ledger = stock.ledger
    generations, damaged = ledger.generations(), _unpruned(ledger, ledger.damaged())
    unpruned = {one.number: one for one in generations if not ledger.is_pruned(one.number)}
    unnamed = stock.unnamed()
    leading = {number: trees_of(one) & unnamed.keys() for number, one in unpruned.items()}
    outlooks = [one for one in judge(generations, _facts(ledger)) if one.generation.number in unpruned]
    holding = {number for number in unpruned if stock.files(number)}
    if numbers:
        wanted = _known(numbers, ledger) & {*unpruned, *damaged}
    elif everything:
        wanted = {*holding, *(number for number, trees in leading.items() if trees), *damaged}
    else:
        wanted = chosen(outlooks, leading, holding)
    wanted -= set() if numbers else set(spared)
    wanted |= companions(wanted, outlooks, leading)
    going = _trees_that_go(wanted, leading)
    orphans = () if numbers or damaged else _orphans(unnamed, leading)
    elsewhere = hashes(one for number, one in unpruned.items() if number not in wanted)
    last = {tree: number for number in sorted(wanted & leading.keys()) for tree in leading[number]}
    losses = [
        _loss(one, stock, _told_here(one, going, last), elsewhere | _standing(one.generation, generations, ledger))
        for one in outlooks
        if one.generation.number in wanted
    ]
    losses += [_unreadable(number) for number in damaged if number in wanted]
    found = usage(_paths(wanted, {*going, *orphans}, stock, unnamed))
    return PrunePlan(tuple(losses), tuple(orphans), found.freed, found.shared, ledger.newest)


def kept_hashes(stock: Stock, plan: PrunePlan) -> set[str]:
    """Of what the changes that *plan* leaves alone go on holding."""
    ledger = stock.ledger
    given_up = {one.number for one in ledger.generations() if ledger.is_pruned(one.number)} | {*plan.numbers}
    return hashes(one for one in ledger.generations() if one.number not in given_up)


def execute(plan: PrunePlan, stock: Stock, wait: float = WAIT) -> tuple[str, ...]:
    """Give it up, for good. Returns the trees that stay until the programs that run from them end.

    Raises Failed where something was changed since the plan, Busy, MachineLacks.
    """
    ledger = stock.ledger
    if plan.numbers:
        ledger.prune(plan.numbers, wait=wait, expected=plan.newest)
    for one in stock.forests:
        one.sweep(released=plan.trees)
    return tuple(tree for tree in plan.trees if tree in stock.unnamed())


def _known(numbers: Collection[int], ledger: Ledger) -> set[int]:
    """*numbers*, if each is that of a change, its record readable or not. Raises NotFound."""
    for number in set(numbers) - {*ledger.damaged()}:
        ledger.generation(number)
    return set(numbers)


def _unpruned(ledger: Ledger, numbers: Iterable[int]) -> tuple[int, ...]:
    return tuple(number for number in numbers if not ledger.is_pruned(number))


def _facts(ledger: Ledger) -> Facts:
    generations = ledger.generations()
    return survey(ledger, generations, {one.number for one in generations}, limit=QUICK)


def _trees_that_go(wanted: Collection[int], leading: Mapping[int, Collection[str]]) -> set[str]:
    """Those that only *wanted* generations lead to."""
    staying = {tree for number, trees in leading.items() if number not in wanted for tree in trees}
    return {tree for number in wanted for tree in leading.get(number, ())} - staying


def _told_here(one: Outlook, going: Collection[str], last: Mapping[str, int]) -> set[str]:
    """The trees of *going* that are named with this generation: the last of several that lead to one."""
    return {tree for tree in going if last.get(tree) == one.generation.number}


def _orphans(unnamed: Iterable[str], leading: Mapping[int, Collection[str]]) -> tuple[str, ...]:
    led_to = {tree for trees in leading.values() for tree in trees}
    return tuple(sorted(tree for tree in unnamed if tree not in led_to))


def _standing(one: Generation, generations: Sequence[Generation], ledger: Ledger) -> set[str]:
    """Hashes of what stands at its paths now: that needs no bringing back."""
    try:
        found = look_at({spot(step) for step in one.steps}, generations, base=ledger.base, limit=QUICK)
    except OSError:  # what this user may not look at may be lost
        return set()
    return {ground.state.sha256 for ground in found.values()}


def _loss(one: Outlook, stock: Stock, going: Collection[str], elsewhere: Collection[str]) -> Loss:
    generation, intent = one.generation, one.generation.intent
    held = {name: path.lstat().st_size for name, path in stock.files(generation.number).items()}
    trees = tuple(sorted(trees_of(generation) & set(going)))
    unnamed = stock.unnamed()
    lost = lost_files(generation, elsewhere, held)
    if held and not generation.steps:
        lost = (Lost("whatever it saved: its journal could not be read", sum(held.values())),)
    return Loss(
        generation.number,
        intent.verb,
        intent.place.name,
        generation.created,
        one.told,
        (*lost, *(_lost_tree(tree, unnamed[tree]) for tree in trees)),
        trees,
    )


def _lost_tree(tree: str, folder: Path) -> Lost:
    try:
        receipt = read_receipt(folder)
    except (VerificationFailed, Failed):  # it can still be let go of
        return Lost(f"`{stack_of(tree)}`, of which no receipt can be read")
    kind = "the environment" if receipt.kind == "venv" else "the stack"
    about = f" of {receipt.stack}{f' with torch {receipt.torch}' if receipt.torch else ''}"
    return Lost(f"{kind} `{receipt.name}`{about if receipt.kind == 'venv' else ''}", receipt.size)


def _unreadable(number: int) -> Loss:
    return Loss(number, "", "", "", UNREADABLE, (Lost("whatever it saved: its record cannot be read"),))


def _paths(
    numbers: Iterable[int], trees: Iterable[str], stock: Stock, unnamed: Mapping[str, Path]
) -> tuple[Path, ...]:
    files = (path for number in numbers for path in stock.files(number).values())
    return (*files, *(unnamed[tree] for tree in trees))


def _listed(folder: Path) -> tuple[Path, ...]:
    return tuple(folder.iterdir()) if folder.is_dir() else ()

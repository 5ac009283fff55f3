"""Trees that no name means any more, but that a recorded change can bring back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocmswitch.model.deployment import LINK, FileState, Generation
from rocmswitch.store.receipts import stack_of

if TYPE_CHECKING:
    from rocmswitch.deploy.ledger import Ledger


def kept_trees(ledger: Ledger) -> frozenset[str] | None:
    """Those that generations lead to; None where that cannot be told.

    Then a change is just being made, or was broken off, or its record or its journal cannot be read, also because
    it is another user's: any tree may be needed.
    """
    if ledger.is_private:
        return None
    unread = [one.number for one in ledger.generations() if one.interrupted and not one.steps]
    if ledger.is_interrupted or any(not ledger.is_pruned(number) for number in (*unread, *ledger.damaged())):
        return None
    return ledger.kept_trees()


def trees_of(generation: Generation) -> frozenset[str]:
    """The trees that its links lead to, before and after."""
    states = (state for step in generation.steps for state in (step.before, step.after))
    return frozenset(filter(None, map(_tree, states)))


def _tree(state: FileState) -> str:
    name = state.target.rpartition("/")[2] if state.kind == LINK else ""
    return name if stack_of(name) and state.target == f".trees/{name}" else ""

"""What others do with a name between a plan and its end: bind to it, remove it, let its tree go."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.errors import Failed, NotFound, Refused
from rocmswitch.model.receipt import Receipt
from rocmswitch.operations import backup, remove, undo
from rocmswitch.operations.access import Means
from rocmswitch.operations.default import set_default
from rocmswitch.operations.scripts import default_links
from rocmswitch.store.installed import Installed
from rocmswitch.store.layout import Layout
from rocmswitch.store.trees import Trees
from tests.support.disk import HastyDisk
from tests.support.furnished import prefix

NAME = "acme-1.0"


def published(trees: Trees, name: str, kind: str, prefix: str = "") -> None:
    tree = f"{name}-{'0' * 12}"
    trees.begin(tree)
    receipt = Receipt(kind=kind, name=name, stack=NAME, version="1.0", tree=tree, created="", prefix=prefix)
    trees.publish(tree, name, receipt, ())


def test_what_was_bound_after_the_plan_is_seen_under_the_lock(tmp_path: Path) -> None:
    layout, disk = Layout.under(tmp_path), HastyDisk()
    prefixes = Trees(layout.prefixes, layout.locks, disk)
    published(prefixes, NAME, "prefix")
    planned = remove.plan(NAME, Installed((layout,)))
    published(Trees(layout.venvs, layout.locks, disk), "demo", "venv", NAME)

    with pytest.raises(Refused) as caught:
        remove.execute(planned, prefixes, Ledger(layout, disk), disk)

    assert (str(caught.value), prefixes.names()) == (f"`{NAME}` is used by `demo`", (NAME,))


def test_what_was_removed_after_it_was_chosen_does_not_become_the_default(tmp_path: Path):
    layout, disk = Layout.under(tmp_path), HastyDisk()
    prefix(layout, NAME)
    installed, ledger = Installed((layout,)), Ledger(layout, disk)
    chosen = installed.find(NAME)
    remove.execute(remove.plan(NAME, installed), Trees(layout.prefixes, layout.locks, disk), ledger, disk)

    with pytest.raises(NotFound, match="was removed by another rocmswitch meanwhile"):
        set_default(layout, chosen, ledger, disk)

    assert not [path for path in default_links(layout) if path.is_symlink()]


def test_a_tree_that_was_let_go_after_the_plan_gets_no_name_again(tmp_path: Path):
    layout, disk = Layout.under(tmp_path), HastyDisk()
    prefix(layout, NAME)
    ledger, prefixes = Ledger(layout, disk), Trees(layout.prefixes, layout.locks, disk)
    remove.execute(remove.plan(NAME, Installed((layout,))), prefixes, ledger, disk)
    means = Means(layout, ledger, disk, 0)
    _, planned = undo.plan(None, means, {})
    stock = backup.Stock(ledger, (prefixes,))
    backup.execute(backup.plan(stock), stock)

    with pytest.raises(NotFound, match="was let go"):
        undo.execute(planned, means, {})

    assert prefixes.names() == ()


def test_what_was_brought_back_after_the_plan_is_not_let_go(tmp_path: Path):
    layout, disk = Layout.under(tmp_path), HastyDisk()
    prefix(layout, NAME)
    ledger, prefixes = Ledger(layout, disk), Trees(layout.prefixes, layout.locks, disk)
    remove.execute(remove.plan(NAME, Installed((layout,))), prefixes, ledger, disk)

    with pytest.raises(Failed, match="has changed something since"):
        ledger.prune({1}, wait=0, expected=0)

    assert not ledger.is_pruned(1)

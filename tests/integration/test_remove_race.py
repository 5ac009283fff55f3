"""An environment that is bound to a prefix while somebody waits to remove it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.errors import Refused
from rocmswitch.model.receipt import Receipt
from rocmswitch.operations import remove
from rocmswitch.store.installed import Installed
from rocmswitch.store.layout import Layout
from rocmswitch.store.trees import Trees
from tests.support.disk import HastyDisk

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

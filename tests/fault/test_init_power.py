"""`init --install` and the default, cut off before any change of the disk: the rc file never reads half a hook."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocmswitch.operations import init
from rocmswitch.operations.hooks import hook_text
from rocmswitch.store.layout import Layout
from tests.support.disk import CuttingDisk, HastyDisk, PowerCut
from tests.support.faults import left_by_a_dead_process

MINE = b"# mine, without an end"


@pytest.mark.parametrize("shell", ["bash", "fish"])
@pytest.mark.parametrize("removes", [False, True], ids=["install", "uninstall"])
def test_a_cut_before_any_change_leaves_a_file_that_works_and_the_same_command_then_succeeds(
    shell: str, removes: bool, tmp_path: Path
):
    for number in range(60):
        layout, environment = person(tmp_path / str(number), shell)
        rc = init.rc_file(shell, environment)
        if removes:
            init.execute(init.plan(shell, layout, environment, removes=False), HastyDisk())
        old, new = rc.read_bytes(), expected(shell, layout, environment, removes=removes)

        try:
            init.execute(init.plan(shell, layout, environment, removes=removes), CuttingDisk(number))
        except PowerCut:
            cut = True
        else:
            cut = False
        assert rc.read_bytes() in ((old, new) if cut else (new,))
        hook = layout.shell / f"hook.{shell}"
        if rc.read_bytes() != MINE and not removes:
            assert hook.read_text() == hook_text(shell, layout)
        left_by_a_dead_process(layout)
        init.execute(init.plan(shell, layout, environment, removes=removes), HastyDisk())
        assert (rc.read_bytes(), hook.exists()) == (new, not removes)
        if not cut:
            break
    assert number > 3 and not cut


def person(home: Path, shell: str) -> tuple[Layout, dict[str, str]]:
    environment = {"HOME": str(home)}
    rc = init.rc_file(shell, environment)
    rc.parent.mkdir(parents=True)
    rc.write_bytes(MINE)
    return Layout.under(home / "rocmswitch"), environment


def expected(shell: str, layout: Layout, environment: dict[str, str], *, removes: bool) -> bytes:
    """What the rc file says in the end."""
    line = init.plan(shell, layout, environment, removes=removes).line
    return MINE if removes else MINE + b"\n" + line.encode()

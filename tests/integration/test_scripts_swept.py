"""Scripts that somebody was stopped before taking away, or before writing, and those of another version."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from rocmswitch.errors import MachineLacks
from rocmswitch.operations.hooks import hook_path
from rocmswitch.operations.scripts import mend_scripts, refresh_scripts, write_scripts
from rocmswitch.shell import posix
from rocmswitch.store.freshness import scripts_are_written
from rocmswitch.store.installed import Installed
from rocmswitch.store.layout import Layout
from rocmswitch.system.disk import Disk
from tests.support.disk import NotingDisk
from tests.support.furnished import environment, prefix


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout.under(tmp_path / "it's home")


def write(layout: Layout, *names: str) -> None:
    for name in names:
        prefix(layout, name)
        write_scripts(name, Installed((layout,)), Disk())


def lying(layout: Layout) -> dict[str, str]:
    """Each name in the folder of scripts with where it leads; a file leads to itself."""
    return {path.name: path.resolve().name for path in layout.activations.iterdir()}


def contents(layout: Layout) -> dict[str, str]:
    return {path.name: path.read_text() for path in layout.activations.iterdir()}


def test_the_scripts_of_a_name_that_is_gone_are_swept_with_all_that_leads_to_them(layout: Layout):
    write(layout, "rocm-6.2.4")
    before = lying(layout)
    write(layout, "rocm-6.3.0")
    (layout.prefixes / "rocm-6.3.0").unlink()  # whoever removed it was killed then
    (layout.activations / "mine.sh").write_text("# my own\n")

    mend_scripts(layout, Installed((layout,)), Disk())

    assert lying(layout) == {**before, "mine.sh": "mine.sh"}


def test_a_sweep_changes_nothing_where_nobody_was_stopped(layout: Layout):
    write(layout, "rocm-6.2.4")
    hook_path(layout, "bash").write_text("# of an earlier rocmswitch\n")
    noting = NotingDisk()

    for one in (layout, Layout.under(layout.data / "nothing")):
        mend_scripts(one, Installed((one,)), noting)

    assert noting.changes == []


def test_a_name_that_came_back_without_its_scripts_gets_them(layout: Layout):
    write(layout, "rocm-6.2.4")
    before = contents(layout)
    for path in layout.activations.glob("rocm-6.2.4.*"):
        path.unlink()

    mend_scripts(layout, Installed((layout,)), Disk())

    assert contents(layout) == before


def test_all_scripts_are_made_again_except_of_what_cannot_be_entered(layout: Layout):
    write(layout, "rocm-6.2.4")
    environment(layout, "demo", "rocm-6.2.4")
    environment(layout, "lost", "rocm-6.9.9")
    write_scripts("demo", Installed((layout,)), Disk())
    before = contents(layout)
    for path in layout.activations.iterdir():
        path.unlink()

    refresh_scripts(layout, Installed((layout,)), Disk())

    assert contents(layout) == before
    assert "demo.sh" in before and "lost.sh" not in before


def test_the_link_of_another_process_on_its_way_to_its_name_is_left_alone(layout: Layout):
    write(layout, "rocm-6.2.4")
    on_its_way = layout.activations / ".default.sh.rocmswitch-3.new"
    on_its_way.symlink_to("rocm-6.2.4.sh")

    write(layout, "rocm-6.3.0")

    assert on_its_way.is_symlink()


def age(layout: Layout) -> None:
    """As an earlier rocmswitch left it, whose functions had other names."""
    for path in (*layout.activations.glob("rocm-*.*"), *layout.shell.glob("functions.*")):
        path.write_text("# of an earlier rocmswitch: _rocmswitch_other\n")


def test_with_the_functions_of_this_version_come_the_scripts_of_all_that_is_installed(layout: Layout):
    write(layout, "rocm-6.2.4", "rocm-5.2.3")
    before = {path: path.read_text() for path in layout.activations.glob("*.*")}
    age(layout)

    write_scripts("rocm-6.2.4", Installed((layout,)), Disk())

    assert {path: path.read_text() for path in layout.activations.glob("*.*")} == before


def test_whoever_is_stopped_between_scripts_and_functions_has_not_done_it(layout: Layout):
    write(layout, "rocm-6.2.4")
    age(layout)

    class Cut(Disk):
        def rename(self, path: Path, target: Path) -> None:
            if target.parent == layout.shell:
                raise OSError(errno.ENOSPC, "no space is left", str(target))
            super().rename(path, target)

    with pytest.raises(MachineLacks):
        write_scripts("rocm-6.2.4", Installed((layout,)), Cut())

    assert "other" not in (layout.activations / "rocm-6.2.4.sh").read_text()
    assert "other" in (layout.shell / "functions.sh").read_text()


def test_a_script_that_calls_the_functions_of_another_version_is_not_taken_for_written(layout: Layout):
    write(layout, "rocm-6.2.4")
    one, carried = Installed((layout,)).find("rocm-6.2.4"), Path(posix.__file__).parent
    fresh = scripts_are_written(one, None, carried)
    one.script().write_text(one.script().read_text().replace("$$.", "$$.9", 1))

    assert (fresh, scripts_are_written(one, None, carried)) == (True, False)

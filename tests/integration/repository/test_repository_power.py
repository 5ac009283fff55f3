"""What is kept of a repository after a power cut: the old state or the new one, whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from rocmswitch.store.layout import Layout
from tests.support.aptrepository import Publication
from tests.support.debs import Deb
from tests.support.disk import CuttingDisk, HastyDisk, PowerCut, RecordingDisk, remove_folder
from tests.support.power import states
from tests.support.site import NOW, Site


@pytest.fixture
def updated(site: Site) -> Site:
    """A machine that keeps the state of two days ago, and a server that has yesterday's."""
    site.disk = HastyDisk()
    site.repository.publish(Publication(date=NOW - timedelta(days=2)))
    site.open()
    site.repository.add(Deb("hip", "5.3-1")).publish(Publication(date=NOW - timedelta(days=1)))
    return site


def test_every_state_after_a_power_cut_gives_the_old_index_or_the_new_one(updated: Site, tmp_path: Path) -> None:
    home = updated.layout.data.parent
    recording = RecordingDisk(home)
    replace(updated, disk=recording).open()

    found = set()
    for number, state in enumerate(states(recording)):
        folder = tmp_path / f"state-{number}"
        state.lay_out(folder)
        machine = replace(updated, layout=Layout.under(folder))
        found.add((state.finished, *machine.versions(offline=True)))
        remove_folder(folder)

    assert found == {(False, "5.2-1"), (False, "5.2-1", "5.3-1"), (True, "5.2-1", "5.3-1")}


def test_after_a_cut_at_any_change_the_next_command_works(updated: Site) -> None:
    cuts = 0
    while True:
        try:
            replace(updated, disk=CuttingDisk(cuts)).open()
        except PowerCut:
            cuts += 1
            assert updated.versions(offline=True) in (["5.2-1"], ["5.2-1", "5.3-1"])
        else:
            break

    assert (cuts > 5, updated.versions()) == (True, ["5.2-1", "5.3-1"])


def test_a_component_that_is_half_synchronised_leaves_the_other_ones_last_good_index(site: Site) -> None:
    site.repository.add(Deb("extra"), component="contrib")
    site.repository.publish(Publication(date=NOW - timedelta(days=2)))
    both = msgspec.structs.replace(site.source, components=("main", "contrib"))
    site.open(both)
    site.repository.add(Deb("hip", "5.3-1")).add(Deb("more"), component="contrib")
    site.repository.publish(Publication(date=NOW - timedelta(days=1)))
    for path in (site.repository.dists / "contrib/binary-amd64").glob("Packages*"):
        path.write_bytes(b"of yesterday")

    opened = site.open(both)

    assert [len(index) for index, _ in opened.indexes] == [1, 1]

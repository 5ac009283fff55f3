"""Reports of the probe on the disk: kept whole, by machine and stack, told apart, and private."""

from __future__ import annotations

import getpass
import os
import re
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from rocmswitch.cli.probe_html import page
from rocmswitch.cli.probe_kept import keep
from rocmswitch.errors import MachineLacks, NotFound, UsageMistake
from rocmswitch.metadata.probereport import encode_report, parse_report
from rocmswitch.model.probe import ERROR, Report
from rocmswitch.store.layout import Layout
from rocmswitch.store.machineid import machine_id
from rocmswitch.store.probes import KEPT, Probes, attachable, read_report
from rocmswitch.system.disk import Disk
from tests.support.disk import HastyDisk, RecordingDisk
from tests.support.nobody import as_nobody
from tests.support.power import states
from tests.support.probereports import (
    ON_CARD,
    STACK,
    hanging_from,
    made_report,
    outcome,
)


def at(hour: int, **more: object) -> Report:
    return replace(hanging_from(), created=f"2026-11-20T{hour:02}:00:00Z", **more)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine with a number and one card."""
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    add_card(root, "0000:08:00.0")
    return root


def add_card(root: Path, address: str, *, vendor: str = "0x1002", device: str = "0x731f") -> None:
    folder = root / "sys/bus/pci/devices" / address
    folder.mkdir(parents=True)
    parts = {"vendor": vendor, "device": device, "revision": "0xc1", "class": "0x030000"}
    for name, content in parts.items():
        (folder / name).write_text(f"{content}\n")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout.under(tmp_path / "rocm switch")


@pytest.fixture
def probes(layout: Layout, root: Path) -> Probes:
    return Probes(layout, HastyDisk(), root)


def test_a_report_is_kept_by_machine_and_stack(probes: Probes, layout: Layout, root: Path):
    path = probes.save(hanging_from())

    assert path == layout.probes / machine_id(root) / STACK / "20261120T160000Z.json"
    assert probes.read_all() == (hanging_from(),)


def test_the_newest_is_the_first_whatever_its_stack(probes: Probes):
    other = replace(ON_CARD, stack="rocm-5.2.3")
    for one in (at(3), at(9, surroundings=other), at(6)):
        probes.save(one)

    assert [one.created[11:13] for one in probes.read_all()] == ["09", "06", "03"]
    assert [probes.find(word).created[11:13] for word in ("1", "2", "3", STACK, "rocm-5.2.3", "5.2")] == [
        *("09", "06", "03", "06", "09", "09")
    ]


def test_two_of_one_second_are_both_kept_and_the_later_is_the_newer(probes: Probes):
    reports = [replace(hanging_from(), rocmswitch=str(number)) for number in range(3)]
    for one in reports:
        probes.save(one)

    assert probes.read_all() == tuple(reversed(reports))


def test_two_at_once_are_both_kept(probes: Probes):
    reports = [replace(hanging_from(), rocmswitch=str(number)) for number in range(4)]
    threads = [threading.Thread(target=probes.save, args=(one,)) for one in reports]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert sorted(one.rocmswitch for one in probes.read_all()) == ["0", "1", "2", "3"]


def test_environments_that_are_not_ours_are_told_apart_by_their_paths(probes: Probes):
    foreign = [replace(ON_CARD, stack="", venv=f"/srv/{name}/.venv") for name in ("one", "two", "one")]

    folders = [probes.save(at(hour, surroundings=one)).parent.name for hour, one in enumerate(foreign)]

    assert folders[0] == folders[2] != folders[1]
    assert all(one.startswith("path-") for one in folders)
    assert probes.find(".venv").surroundings.venv == ".venv"


@pytest.mark.parametrize("stack", ["../../x", "/etc", "..", "a/b", "a\0b", "", "-"])
def test_a_stack_of_any_name_stays_below_the_folder(probes: Probes, stack: str):
    path = probes.save(made_report(on=replace(ON_CARD, stack=stack)))

    assert path.resolve().parent.parent == probes.folder.resolve()


def test_of_many_the_oldest_go_and_those_that_were_stopped_before_them(probes: Probes):
    for hour in range(KEPT):
        probes.save(at(hour))
    for hour in (20, 21):
        probes.save(at(hour, planned=80))
    stopped = [one.created[11:13] for one in probes.read_all() if one.is_partial]
    probes.save(at(22))

    kept = [one.created[11:13] for one in probes.read_all()]

    assert stopped == ["21"]
    assert kept == [f"{hour:02}" for hour in (22, *range(19, 0, -1))]


def test_what_cannot_be_read_is_passed_over_named_and_left(probes: Probes):
    good = probes.save(hanging_from())
    bad = {"a.json": b"{", "b.json": encode_report(at(1)).replace(b'"schema": 1', b'"schema": 9'), "c.json": b""}
    for name, content in bad.items():
        (good.parent / name).write_bytes(content)
    (good.parent / "d.json").mkdir()
    os.mkfifo(good.parent / "e.json")
    for hour in range(KEPT + 3):
        probes.save(at(hour % 24))

    assert sorted(one.path.name for one in probes.unreadable) == [*sorted(bad), "d.json", "e.json"]
    assert len(probes.read_all()) == KEPT
    assert all(one.why for one in probes.unreadable)


def test_where_nothing_was_kept_there_is_nothing(probes: Probes):
    assert (probes.read_all(), probes.unreadable) == ((), ())
    with pytest.raises(NotFound, match="there is no report 1 of a probe here"):
        probes.find("1")


@pytest.mark.parametrize("word", ["0", "2", "0000"])
def test_a_number_that_no_report_has_is_not_found(probes: Probes, word: str):
    probes.save(hanging_from())

    with pytest.raises(NotFound) as caught:
        probes.find(word)

    assert caught.value.hint == "run `rocmswitch probe --list`"


@pytest.mark.parametrize("word", ["demo", "rocm-9.9", "\x1b[31m", "", "99999"])
def test_a_word_that_means_no_report_is_not_found(probes: Probes, word: str):
    probes.save(hanging_from())

    with pytest.raises(NotFound, match="no probe of `"):
        probes.find(word)


def test_a_report_is_found_by_its_environment_and_in_a_file_of_either_kind(probes: Probes, tmp_path: Path):
    report = hanging_from()
    kept = probes.save(report)
    (tmp_path / "a page.html").write_text(page(report))

    assert [probes.find(word) for word in ("myproj", str(kept), str(tmp_path / "a page.html"))] == [report] * 3


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "Expecting value"),
        (b"<p>", "a page without a report"),
        (b"\xff", "decode"),
        (b"x" * (17 << 20), "too large"),
    ],
)
def test_a_file_that_is_no_report_is_refused_in_one_line(tmp_path: Path, content: bytes, why: str):
    file = tmp_path / "x.json"
    file.write_bytes(content)

    with pytest.raises(UsageMistake, match=f"is no report of a probe .*{why}") as caught:
        read_report(file)

    assert "\n" not in caught.value.message


@pytest.mark.parametrize("name", ["gone.json", "x.json/y.json"])
def test_a_file_that_is_not_there_is_not_found(tmp_path: Path, name: str):
    (tmp_path / "x.json").touch()

    with pytest.raises(NotFound, match="there is no file"):
        read_report(tmp_path / name)


@pytest.mark.parametrize("path", ["/dev/zero", "/"])
def test_what_never_ends_and_what_is_no_file_is_refused(path: str):
    with pytest.raises(UsageMistake, match="is no report of a probe"):
        read_report(Path(path))


def test_a_disk_that_is_full_or_not_to_be_written_is_told(tmp_path: Path, root: Path):
    folder = tmp_path / "mine"
    folder.mkdir(mode=0o755)

    with as_nobody(tmp_path), pytest.raises(MachineLacks, match="may not be changed or read by this user"):
        Probes(Layout.under(folder), Disk(), root).save(hanging_from())


def test_after_a_power_cut_a_report_is_there_whole_or_not_at_all(tmp_path: Path, root: Path):
    layout = Layout.under(tmp_path / "home")
    Probes(layout, HastyDisk(), root).save(at(3))
    disk = RecordingDisk(layout.probes)

    Probes(layout, disk, root).save(at(9))

    found = set()
    for number, state in enumerate(states(disk)):
        home = Layout.under(tmp_path / f"after {number}")
        home.data.mkdir(parents=True)
        state.lay_out(home.probes)
        after = Probes(home, HastyDisk(), root)
        found.add((state.finished, tuple(one.created[11:13] for one in after.read_all())))
        assert after.unreadable == ()
    assert found == {(False, ("03",)), (False, ("09", "03")), (True, ("09", "03"))}


def test_nothing_private_is_in_what_is_kept(probes: Probes, root: Path):
    home, host = os.path.expanduser("~"), os.uname().nodename  # noqa: PTH111
    private = f"cannot open {home}/.config/miopen on {host}"
    report = made_report(
        outcome("gru", ERROR, detail=private),
        on=replace(
            ON_CARD, stack="", venv=f"{home}/proj/.venv", environment=(("MIOPEN_USER_DB_PATH", f"{home}/x"),)
        ),
    )

    texts = (
        probes.save(report).read_text(),
        page(attachable(report)),
        str(probes.save(report).relative_to(probes.folder)),
    )

    number = (root / "etc/machine-id").read_text().strip()
    secrets = {home, host, number, number[:8]} | ({getpass.getuser()} - {"root"})
    assert [secret for secret in secrets for text in texts if re.search(rf"\b{re.escape(secret)}\b", text)] == []
    assert parse_report(texts[0].encode()).outcomes[0].detail == "cannot open ~/.config/miopen on HOST"


def test_another_machine_has_reports_of_its_own_and_another_card_in_this_one_takes_none_away(
    layout: Layout, probes: Probes, root: Path
):
    probes.save(hanging_from())
    add_card(root, "0000:04:00.0", device="0x7340")
    with_a_second_card = Probes(layout, HastyDisk(), root).read_all()

    (root / "etc/machine-id").write_text("f" * 32)
    elsewhere = Probes(layout, HastyDisk(), root).read_all()

    assert (len(with_a_second_card), len(elsewhere)) == (1, 0)


@pytest.mark.parametrize("number", [None, "", "uninitialized\n"])
def test_a_container_without_a_number_is_told_by_its_cards_wherever_they_are_plugged_in(
    root: Path, tmp_path: Path, number: str | None
):
    (root / "etc/machine-id").unlink()
    if number is not None:
        (root / "etc/machine-id").write_text(number)
    before = machine_id(root)
    add_card(root, "0000:01:00.0", vendor="0x10de")
    add_card(root, "0000:03:00.0")
    unchanged = machine_id(root)
    add_card(root, "0000:04:00.0", device="0x7340")

    assert (unchanged == before, machine_id(root) == before) == (True, False)
    assert len(machine_id(tmp_path / "bare")) == 8


def test_where_no_report_can_lie_it_is_said_and_no_fault(
    probes: Probes, layout: Layout, capsys: pytest.CaptureFixture[str]
):
    layout.data.mkdir(parents=True)
    layout.probes.write_text("a file in the place of the folder")

    was_kept = keep(probes, hanging_from())

    assert not was_kept
    assert capsys.readouterr().err.startswith("warning: this report is not kept: `")

"""What doctor says of a machine's firmware, log, sources and room where it depends: and where it says nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rocmswitch.model.finding import FAULT, NOTE, WARNING, Finding
from rocmswitch.model.gpu import Gpu
from rocmswitch.model.leftover import FILE, Leftover
from rocmswitch.model.machine import (
    APT,
    FailedBuild,
    KernelLog,
    LoaderFolder,
    LogLine,
    MachineSymptoms,
    Pin,
    SecureBoot,
    Source,
    Space,
)
from rocmswitch.model.symptoms import Active, CardSymptoms, ShellSymptoms, Symptoms, Tools
from rocmswitch.planning.diagnosis import diagnose
from rocmswitch.planning.diagnosis_machine import iommu, secure_boot
from tests.support.systems import bookworm

NAVI10 = Gpu(1, "gfx1010")
BARE = CardSymptoms(plugged=("0000:08:00.0",))
DRIVEN = CardSymptoms((NAVI10,), "gfx1010", plugged=("0000:08:00.0",))
AMD = Source(APT, "/etc/apt/sources.list.d/rocm.list", 1, "https://repo.radeon.com/rocm/apt/6.2.4", "noble")
PIN = Pin("/etc/apt/preferences.d/rocm", 1, "*", "release o=repo.radeon.com", 600)


def found(
    card: CardSymptoms | None = None, shell: ShellSymptoms | None = None, **machine: object
) -> tuple[Finding, ...]:
    facts = replace(MachineSymptoms(), **machine)
    return diagnose(Symptoms(shell or ShellSymptoms(), card=card or CardSymptoms(), machine=facts))


def ids(*given: CardSymptoms, **machine: object) -> list[tuple[str, str]]:
    return [(one.id, one.severity) for one in found(*given, **machine)]


def said(*lines: str) -> KernelLog:
    return KernelLog(tuple(LogLine(line, f"/var/log/kern.log:{at}") for at, line in enumerate(lines, 1)))


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ("amdgpu: Unknown symbol drm_x (err -2)", "log-symbols"),
        ("amdgpu 0000:08:00.0: amdgpu: Fatal error during GPU init", "log-start"),
        ("amdgpu: probe of 0000:08:00.0 failed with error -22", "log-start"),
        ("kfd kfd: skipped device 1002:67df, PCI rejects atomics", "atomics"),
    ],
)
def test_what_the_log_says_is_a_fault_where_the_card_has_no_driver_since(line: str, row: str):
    assert ids(BARE, log=said(line)) == [(row, FAULT)]
    assert ids(DRIVEN, log=said(line)) == [(row, WARNING)]


def test_a_refused_module_of_somebody_else_is_no_fault_of_the_card():
    line = "Loading of module with unavailable key is rejected"

    assert ids(DRIVEN, log=said(line)) == []
    assert ids(BARE, log=said(line)) == [("secure-boot", FAULT)]


def test_a_slot_without_atomics_is_told_where_the_card_works_all_the_same():
    assert ids(DRIVEN, log=said("[drm] PCIE atomic ops is not supported")) == [("atomics", NOTE)]


def test_many_hangs_are_one_finding_with_the_first_and_their_number():
    line = "[drm:amdgpu_job_timedout [amdgpu]] *ERROR* ring gfx_0.0.0 timeout, `x`"

    (one,) = found(DRIVEN, log=said(*[line] * 40))

    assert (one.where, "and 39 lines more" in one.why, one.why.count("`")) == ("/var/log/kern.log:1", True, 2)


@pytest.mark.parametrize(
    ("state", "rejects"),
    [
        (SecureBoot(is_on=True), True),
        (SecureBoot(is_on=True, lockdown="none"), False),
        (SecureBoot(is_on=False, lockdown="none"), False),
        (SecureBoot(is_on=False, lockdown="integrity"), True),
        (SecureBoot(is_on=False, is_enforced=True), True),
        (SecureBoot(), False),
    ],
)
def test_who_lets_only_signed_modules_in(state: SecureBoot, rejects: bool):
    assert state.rejects is rejects


@pytest.mark.parametrize(
    ("line", "count"),
    [
        *(("quiet", 1), ("quiet iommu=pt", 0), ("iommu.passthrough=1", 0), ("amd_iommu=off", 0), ("iommu=ptx", 1)),
        ("", 0),  # nobody knows it
    ],
)
def test_an_iommu_is_told_of_where_it_is_not_let_through(line: str, count: int):
    assert len(ids(translated=("0000:08:00.0", "0000:09:00.0"), command_line=line)) == count


def test_one_card_alone_says_nothing_to_another():
    assert ids(translated=("0000:08:00.0",), command_line="quiet") == []


def test_a_processors_own_gpu_is_no_second_card_that_work_is_shared_with():
    large, own = Gpu(1, "gfx1100", location=0x300), Gpu(2, "gfx1036", location=0x1900)
    card = CardSymptoms((large, own), "gfx1100", integrated=(2,), chosen="ROCR_VISIBLE_DEVICES=0")

    assert ids(card, translated=("0000:03:00.0", "0000:19:00.0"), command_line="quiet") == []


@pytest.mark.parametrize(
    ("database", "words"),
    [("dpkg", "update-grub"), ("rpm", "grubby"), ("pacman", "grub-mkconfig -o"), ("", "iommu=pt")],
)
def test_the_command_line_is_changed_as_each_distribution_does_it(database: str, words: str):
    machine = MachineSymptoms(translated=("0000:08:00.0", "0000:09:00.0"), command_line="quiet")

    (one,) = iommu(Symptoms(system=replace(bookworm(), package_database=database), machine=machine))

    assert one.remedy is not None and words in one.remedy.text


def test_all_folders_of_a_file_of_the_loader_are_one_finding():
    mine = LoaderFolder("/etc/ld.so.conf", 2, "/opt/rocm/lib")
    lines = (mine, replace(mine, line=4, folder="/opt/rocm/hip/lib"), replace(mine, file="/etc/other.conf"))

    first, second = found(loader=lines)

    assert (first.id, second.id) == ("foreign-loader:/etc/ld.so.conf:2", "foreign-loader:/etc/other.conf:2")
    assert "`/opt/rocm/lib` and `/opt/rocm/hip/lib`" in first.what
    assert first.remedy is not None
    assert first.remedy.text == "run `sudo sed -i '2d;4d' /etc/ld.so.conf && sudo ldconfig`"


def test_a_recovery_that_a_refused_module_needs_is_of_the_system_that_was_asked_about():
    machine = MachineSymptoms(log=said("amdgpu: Loading of unsigned module is rejected"))

    (one,) = secure_boot(Symptoms(card=BARE, system=replace(bookworm(), root="/mnt/a b"), machine=machine))

    assert one.remedy is not None and "`sudo rocmswitch recover --root '/mnt/a b'`" in one.remedy.text


@pytest.mark.parametrize(
    ("sources", "rows"),
    [
        ((AMD,), []),
        ((AMD, replace(AMD, line=2, uri="https://repo.radeon.com/amdgpu/6.2.4/ubuntu")), []),
        ((AMD, replace(AMD, line=2, uri="https://example.org/rocm/apt/5.7")), []),
        ((AMD, replace(AMD, line=2, uri="https://repo.radeon.com/rocm/apt/latest")), ["repositories:rocm"]),
        ((replace(AMD, suite="xenial"),), []),
    ],
    ids=["one", "of the driver", "another vendor's", "two", "for all releases"],
)
def test_two_releases_of_the_same_are_one_too_many(sources: tuple[Source, ...], rows: list[str]):
    assert [one for one, _ in ids(sources=sources, pins=(PIN,), codename="noble")] == rows


def test_what_is_newest_stays():
    old = replace(AMD, file="/etc/apt/sources.list.d/old one.list", uri="https://repo.radeon.com/rocm/apt/6.10")
    latest = replace(AMD, uri="https://repo.radeon.com/rocm/apt/latest")

    (one,) = found(sources=(old, latest), pins=(PIN,))

    assert one.remedy is not None
    assert one.remedy.text.startswith("run `sudo mv '/etc/apt/sources.list.d/old one.list' ")


def test_a_file_that_goes_as_a_leftover_is_told_as_that_alone():
    left = Leftover(AMD.file, FILE, "apt takes packages from there")
    machine = MachineSymptoms(sources=(AMD, replace(AMD, uri="https://repo.radeon.com/rocm/apt/5.7")))

    told = diagnose(Symptoms(leftovers=(left,), machine=machine))

    assert [one.row for one in told] == ["leftovers"]


def test_a_build_that_failed_is_a_fault_where_there_is_no_driver_instead():
    build = FailedBuild("amdgpu/6.12.12", "6.18.14", "error: x", "/var/lib/dkms/amdgpu/6.12.12/build/make.log:3")

    assert ids(DRIVEN, builds=(build,))[0][1] == WARNING
    assert (f"dkms-build:{build.module}:{build.kernel}", FAULT) in ids(BARE, builds=(build,))


@pytest.mark.parametrize(("free", "count"), [(999, 1), (1000, 0)])
def test_room_is_told_of_where_it_is_too_little(free: int, count: int):
    assert len(ids(spaces=(Space("/d", "the next `rocmswitch use`", free, 1000),))) == count


def test_only_a_file_that_says_nothing_else_is_taken_away():
    alone, mixed = LoaderFolder("/a", 1, "/opt/rocm/lib", is_alone=True), LoaderFolder("/b", 1, "/opt/rocm/lib")

    told = found(loader=(alone, mixed))

    assert [one.remedy and one.remedy.automatic for one in told] == [True, False]


@pytest.mark.parametrize(
    ("tools", "active", "rows"),
    [
        (Tools(("/d/bin",)), True, ["path"]),
        (Tools(hidden_by="/opt/rocm/bin"), True, ["path"]),
        (Tools(unreached="/opt/rocm"), False, ["tools"]),
        (Tools(), True, []),
        (Tools(("/d/bin",)), False, []),
    ],
)
def test_programs_are_missed_where_they_should_be(tools: Tools, active: bool, rows: list[str]):
    inside = Active("demo", "rocm-6.2.4") if active else None

    assert [one.row for one in found(shell=ShellSymptoms(active=inside, tools=tools))] == rows


INTEGRATED = (Gpu(1, "gfx1103"), Gpu(2, "gfx1100"))


@pytest.mark.parametrize(
    ("card", "found"),
    [
        (CardSymptoms(INTEGRATED, "gfx1103", integrated=(1,)), [("integrated", WARNING)]),
        (CardSymptoms(INTEGRATED, "gfx1103", integrated=(2,)), [("integrated", NOTE)]),
        (CardSymptoms(INTEGRATED, "gfx1103", integrated=(1,), chosen="ROCR_VISIBLE_DEVICES=1"), []),
        (CardSymptoms(INTEGRATED, "gfx1103", integrated=(1, 2)), []),
        (CardSymptoms(INTEGRATED, "gfx1103"), []),
    ],
    ids=["first", "second", "chosen", "both", "none"],
)
def test_a_processors_own_gpu_is_in_the_way_beside_a_card(card: CardSymptoms, found: list[tuple[str, str]]):
    assert ids(card) == found


@pytest.mark.parametrize("value", ["10.3", "gfx1030", "10.3.0.0", "a.b.c", "-1.0.0", "10.3.0 "])
def test_an_override_that_is_no_version_is_a_fault(value: str):
    told = found(DRIVEN, ShellSymptoms(override=value))

    assert [(one.id, one.severity) for one in told] == [("override-value", FAULT)]


@pytest.mark.parametrize(
    ("overridden", "rows"),
    [((), ["override"]), (("rocm-5.2.0",), []), (None, [])],
    ids=["nobody", "one", "not asked"],
)
def test_an_override_that_no_stack_wants_on_this_card_is_told(overridden: tuple[str, ...] | None, rows: list[str]):
    card = replace(DRIVEN, overridden=overridden)

    assert [one.row for one in found(card, ShellSymptoms(override="10.3.0"))] == rows

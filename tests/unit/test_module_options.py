"""What a line of settings gives a module, and whether the kernel takes it."""

from __future__ import annotations

import pytest

from rocmswitch.model.kernel import Owner
from rocmswitch.planning.moduleoptions import Option, blocks, fits, options, type_of
from rocmswitch.planning.modules import faults
from rocmswitch.planning.settingfaults import setting_faults
from tests.support.systems import bookworm, bootline, setting


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("int", ("0", "-1", "+7", "0x10", "010", "2147483647", "-2147483648")),
        ("uint", ("0", "0xffffffff", "4294967295")),
        ("hexint", ("0xFFFFFFFF", "12")),
        ("byte", ("255", "0xff")),
        ("ulong", ("18446744073709551615",)),
        ("long", ("-9223372036854775808",)),
        ("bool", ("y", "N", "1", "0", "on", "off", "Yes", "false")),
        ("charp", ("anything", "", "0000:03:00.0,5;all")),
        ("array of int", ("1", "1,2,3", "0x1,-1")),
        ("some type that is not known", ("x",)),
    ],
)
def test_the_kernel_takes(kind: str, values: tuple[str, ...]):
    assert [one for one in values if not fits(one, kind)] == []


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("int", ("abc", "", "1 ", "1.5", "0x", "09", "2147483648", "--1", "1e3", "１")),
        ("uint", ("-1", "4294967296")),
        ("hexint", ("0x1FFFFFFFF", "ff")),
        ("byte", ("256", "-1")),
        ("bool", ("maybe", "2", "", "over")),
        ("array of int", ("1,,2", "1,x", "")),
    ],
)
def test_the_kernel_refuses(kind: str, values: tuple[str, ...]):
    assert [one for one in values if fits(one, kind)] == []


def test_only_a_truth_value_may_be_left_out():
    assert [kind for kind in ("bool", "int", "charp", "array of int") if fits(None, kind)] == ["bool"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("options amdgpu vm_size=abc dc=0", (("vm_size", "abc"), ("dc", "0"))),
        ("options amdgpu \tnoretry", (("noretry", None),)),
        ('options amdgpu disable_cu="1 2"', (("disable_cu", "1 2"),)),
        ("options amdgpu dc=1 # was 0", (("dc", "1"), ("was", None), ("0", None))),
        ("options amdgpu", ()),
    ],
)
def test_a_line_of_options_is_read_as_modprobe_reads_it(text: str, found: tuple[tuple[str, str | None], ...]):
    line = setting(text)

    assert options(line) == tuple(Option("amdgpu", *one) for one in found)


@pytest.mark.parametrize(
    "text",
    [
        'GRUB_CMDLINE_LINUX="quiet amdgpu.vm_size=7 snd.amdgpu=1 amdgpux.dc=0"',
        "amdgpu.vm_size=7",
        "root=/dev/sda1 ro amdgpu.vm_size=7",
        "GRUB_CMDLINE_LINUX_DEFAULT='amdgpu.vm_size=7'",
    ],
)
def test_of_a_command_line_only_our_modules_count(text: str):
    assert options(bootline(text)) == (Option("amdgpu", "vm_size", "7"),)


@pytest.mark.parametrize(
    ("text", "is_blocked"),
    [
        ("quiet module_blacklist=amdgpu", True),
        ("module_blacklist=nouveau,amdgpu", True),
        ("modprobe.blacklist=amdgpu ro", True),
        ('GRUB_CMDLINE_LINUX="rd.driver.blacklist=amdgpu"', True),
        ("module_blacklist=amd_sched", True),
        ("module_blacklist=nouveau", False),
        ("quiet nomodeset", False),
    ],
)
def test_what_keeps_amdgpu_from_being_loaded_is_seen(text: str, is_blocked: bool):
    assert blocks(bootline(text)) is is_blocked


def test_a_dash_and_an_underscore_are_the_same_to_the_kernel():
    assert type_of(Option("amdgpu", "vm-size", "1"), ("dc:int", "vm_size:uint")) == "uint"


def judged(*texts: str, **changes: object) -> list[tuple[str, str]]:
    lines = tuple(setting(text, line=number, **changes) for number, text in enumerate(texts, 1))
    return [(one.id.partition(":")[0], one.severity) for one in setting_faults(bookworm(settings=lines))]


def test_lines_of_a_person_are_told_by_what_they_do():
    lines = (
        "options amdgpu vm_size=abc",
        "options amdgpu vm_size=8",
        "options amdgpu no_such=8",
        "blacklist amdgpu",
        "install amdgpu /bin/false",
        "softdep amdgpu pre: vfio-pci",
        "load amdgpu",
        "image amdgpu",
    )

    assert judged(*lines) == [
        ("bad-option", "fault"),
        ("option", "warning"),
        ("unknown-option", "note"),
        ("blacklist", "warning"),
        ("install", "warning"),
        ("softdep", "warning"),
    ]


def test_lines_of_a_package_are_only_worth_knowing_unless_nothing_loads_with_them():
    lines = ("options amdgpu vm_size=abc", "options amdgpu vm_size=8", "blacklist amdgpu")

    found = judged(*lines, owner=Owner("some-package", "1"))

    assert found == [("bad-option", "fault"), ("option", "note"), ("blacklist", "note")]


def test_what_the_running_kernel_was_given_is_gone_with_it():
    line = bootline("quiet module_blacklist=amdgpu amdgpu.vm_size=abc", "proc/cmdline")

    found = list(setting_faults(bookworm(settings=(line,))))

    assert [(one.id, one.severity) for one in found] == [
        ("blocked:proc/cmdline:1", "note"),
        ("bad-option:proc/cmdline:1/vm_size", "note"),
    ]
    assert found[0].what == "this boot keeps `amdgpu` from being loaded; drop it for the next boot"


def test_a_line_that_names_several_modules_is_told_once():
    lines = tuple(setting(f"install amd* /bin/false # {one}", module=one) for one in ("amdgpu", "amdttm"))

    assert [one.id for one in faults(bookworm(settings=lines))] == ["install:etc/modprobe.d/amdgpu.conf:1"]


def test_nomodeset_is_told_where_it_stays_for_every_boot():
    lines = (bootline("nomodeset"), bootline("nomodeset", "proc/cmdline"))

    found = [(one.id, one.severity) for one in setting_faults(bookworm(settings=lines))]

    assert found == [("nomodeset:etc/default/grub:1", "warning"), ("nomodeset:proc/cmdline:1", "note")]

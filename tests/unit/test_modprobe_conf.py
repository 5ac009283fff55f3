"""Lines that decide about amdgpu, told from all the others, as kmod and the readers of lists understand them."""

from __future__ import annotations

import pytest

from rocmswitch.metadata.modprobeconf import (
    IMAGE,
    LOAD,
    parse_bootline,
    parse_image_settings,
    parse_modprobe,
    parse_names,
)


def told(lines):
    return [(one.number, one.kind, one.module, one.text) for one in lines]


def test_the_commands_of_modprobe_that_concern_amdgpu_are_found_with_their_lines():
    text = """\
# options amdgpu vm_size=1
options amdgpu a=1 b=2

\tblacklist   amdgpu
install amdgpu /bin/true
remove amdgpu /bin/true
softdep amdgpu pre: amdxcp
options radeon si_support=0
alias pci:v00001002d* amdgpu
options amdgpux a=1
options
"""

    assert told(parse_modprobe(text)) == [
        (2, "options", "amdgpu", "options amdgpu a=1 b=2"),
        (4, "blacklist", "amdgpu", "blacklist   amdgpu"),
        (5, "install", "amdgpu", "install amdgpu /bin/true"),
        (6, "remove", "amdgpu", "remove amdgpu /bin/true"),
        (7, "softdep", "amdgpu", "softdep amdgpu pre: amdxcp"),
    ]


def test_a_line_that_ends_in_a_backslash_goes_on_and_has_the_number_of_its_first():
    text = "# a comment \\\nblacklist amdgpu\noptions amdgpu \\\n\\\n vm_size=4\nblacklist amdxcp\\"

    assert told(parse_modprobe(text)) == [
        (3, "options", "amdgpu", "options amdgpu  vm_size=4"),
        (6, "blacklist", "amdxcp", "blacklist amdxcp"),
    ]


def test_a_dash_and_an_underscore_are_the_same():
    found = parse_modprobe("options amd_sched a=1\nblacklist amd-sched\nblacklist amddrm-ttm_helper")

    assert [one.module for one in found] == ["amd-sched", "amd-sched", "amddrm_ttm_helper"]


def test_a_pattern_means_all_that_it_matches_where_kmod_matches_and_nothing_where_it_compares():
    assert [one.module for one in parse_modprobe("install amdt* /bin/true\nblacklist amdt*")] == ["amdttm"]


def test_lists_of_modules_have_comments_of_both_kinds_and_parameters():
    text = "# amdgpu\n; amdgpu\namdgpu # early\n  amdgpu vm_size=4\nradeon\namd-sched;x\n"

    assert told(parse_names(text, LOAD)) == [
        (3, "load", "amdgpu", "amdgpu # early"),
        (4, "load", "amdgpu", "amdgpu vm_size=4"),
        (6, "load", "amd-sched", "amd-sched;x"),
    ]


def test_shell_settings_of_boot_images_name_modules_in_any_quoting():
    text = """\
#add_drivers+=" amdgpu "
add_drivers+=" amdgpu radeon "   # amdxcp
MODULES=(amdgpu)
  amdxcp
HOOKS=(base)
kernel_cmdline="quiet amdgpu.vm_size=4"
"""

    assert told(parse_image_settings(text)) == [
        (2, IMAGE, "amdgpu", 'add_drivers+=" amdgpu radeon "'),
        (3, IMAGE, "amdgpu", "MODULES=(amdgpu)"),
        (4, IMAGE, "amdxcp", "amdxcp"),
        (6, "bootline", "amdgpu", "amdgpu.vm_size=4"),
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("quiet amdgpu.vm_size=4 radeon.x=1", ["amdgpu.vm_size=4"]),
        ("module_blacklist=nouveau,amdgpu", ["module_blacklist=nouveau,amdgpu"]),
        ("modprobe.blacklist=amdgpu -- x", ["modprobe.blacklist=amdgpu"]),
        ("rd.driver.blacklist=amdgpu", ["rd.driver.blacklist=amdgpu"]),
        ("nomodeset", ["nomodeset"]),
        ("root=/dev/amdgpu amdgpu module_blacklist=nouveau video=amdgpu", []),
        ('GRUB_CMDLINE_LINUX="amdgpu.dc=0"', ["amdgpu.dc=0"]),
        ("GRUB_CMDLINE_LINUX+=' amdgpu.dc=0 '", ["amdgpu.dc=0"]),
        ("#GRUB_CMDLINE_LINUX=nomodeset", []),
        ("GRUB_CMDLINE_LINUX_RECOVERY=nomodeset", []),
        ("kernelopts=amdgpu.dc=0 quiet", ["amdgpu.dc=0"]),
    ],
)
def test_the_words_of_a_command_line_that_matter_are_told_apart(line, words):
    assert [one.text for one in parse_bootline(line)] == words


def test_of_a_menu_only_command_lines_count_each_word_once_and_rescue_entries_not_at_all():
    text = """\
# linux nomodeset
menuentry 'Debian' {
\tset gfxpayload=nomodeset
\tlinux\t/vmlinuz root=UUID=1 quiet amdgpu.dc=0
}
\tlinux /vmlinuz root=UUID=1 quiet amdgpu.dc=0
\tlinux /vmlinuz root=UUID=1 ro recovery nomodeset
options root=UUID=1 module_blacklist=amdgpu
"""

    assert told(parse_bootline(text, is_menu=True)) == [
        (4, "bootline", "amdgpu", "amdgpu.dc=0"),
        (8, "bootline", "amdgpu", "module_blacklist=amdgpu"),
    ]

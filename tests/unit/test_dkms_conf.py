"""What a dkms.conf assigns, read without running it."""

from __future__ import annotations

import pytest

from rocmswitch.metadata.dkmsconf import built_names, is_automatic, parse_dkms_conf

AMDGPU = """\
#!/bin/bash
PACKAGE_NAME="amdgpu"
PACKAGE_VERSION="6.12.12-2147987"
CLEAN="rm -f $(find . -name '*.o')"
AUTOINSTALL="yes"
BUILT_MODULE_NAME[0]="amdgpu"
BUILT_MODULE_LOCATION[0]="amd/amdgpu"
BUILT_MODULE_NAME[1]="amdttm"; DEST_MODULE_LOCATION[1]="/updates"
BUILT_MODULE_NAME[2]='amdkcl'   # with a comment
BUILT_MODULE_NAME[3]=sched
DEST_MODULE_NAME[3]=amd-sched
"""


def test_the_modules_of_amdgpu_have_the_names_that_they_are_installed_under():
    conf = parse_dkms_conf([AMDGPU])

    assert (built_names(conf), is_automatic(conf)) == (("amdgpu", "amdttm", "amdkcl", "amd-sched"), True)


def test_a_value_that_takes_a_command_to_be_known_is_left_out():
    conf = parse_dkms_conf(['A=$(rm -rf /)\nB=`id`\nC="$(id)"\nD="x$UNKNOWN"\nE="a`id`"\nF="$A"\nG=ok'])

    assert dict(conf) == {("G", 0): "ok"}


def test_known_variables_are_put_in_and_single_quotes_keep_what_they_hold():
    conf = parse_dkms_conf(['N=amd\nA="${N}gpu"\nB=${N}gpu\nC=\'$N\'\nD="a\\"b"'])

    assert [conf[name, 0] for name in "ABCD"] == ["amdgpu", "amdgpu", "$N", 'a"b']


def test_lists_and_additions_count_as_in_bash():
    conf = parse_dkms_conf(['BUILT_MODULE_NAME=(amdgpu "amdttm"\n amdkcl)\nBUILT_MODULE_NAME+=(amdxcp)\nA=a\nA+=b'])

    assert (built_names(conf), conf["A", 0]) == (("amdgpu", "amdttm", "amdkcl", "amdxcp"), "ab")


def test_what_is_read_later_counts_more_so_that_an_override_can_take_the_automatism_away():
    assert not is_automatic(parse_dkms_conf([AMDGPU, 'AUTOINSTALL=""\n']))
    assert not is_automatic(parse_dkms_conf([AMDGPU, "AUTOINSTALL=\n"]))


def test_a_single_module_without_a_name_is_called_like_its_package():
    assert built_names(parse_dkms_conf(['PACKAGE_NAME="amdgpu"\n'])) == ("amdgpu",)


def test_one_assignment_that_cannot_be_read_hides_no_other():
    assert built_names(parse_dkms_conf(["BUILT_MODULE_NAME[0]=$(echo x)\nBUILT_MODULE_NAME[1]=amdgpu"])) == (
        "amdgpu",
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "=",
        "A",
        'A="',
        "A=(",
        "A=((((",
        'A="' + "\\" * 9999,
        "A=" + "$" * 9999,
        "A[9999999999]=1",
        "A=a b",
        "\0=\0",
    ],
)
def test_nonsense_assigns_nothing_and_is_read_at_once(text):
    assert dict(parse_dkms_conf([text])) == {}


def test_long_lines_that_nearly_match_take_no_time_to_give_up():
    texts = [
        "A=" + '"a"' * 20_000 + "(",
        "A=" + "a" * 100_000 + "(",
        "A=(" + "a " * 50_000,
        "A=" + "${a}" * 30_000 + "`",
    ]

    assert dict(parse_dkms_conf(texts)) == {}

"""What doctor finds in trees and environments: each row alone."""

from __future__ import annotations

import pytest

from rocmswitch.model.finding import FAULT, WARNING, Remedy
from rocmswitch.model.host import Missing
from rocmswitch.model.symptoms import Clash, Copy, Hook, ShellSymptoms, TreeSymptoms
from tests.support.findings import findings, one_of, short

STACK = "rocm-6.2.4"


def test_a_damaged_prefix_can_be_repaired_and_a_damaged_environment_is_made_again():
    prefix = one_of(tree=TreeSymptoms("rocm-5.2.0", "prefix", damage="it is not JSON"))
    venv = one_of(tree=TreeSymptoms("demo", "venv", damage="it is not JSON"))

    assert prefix.remedy == Remedy("run `rocmswitch repair rocm-5.2.0`", ("repair", "rocm-5.2.0"), automatic=True)
    assert venv.remedy == Remedy("run `rocmswitch remove demo`, then `rocmswitch use STACK --venv demo`")


def test_an_environment_whose_prefix_is_gone_names_what_to_install():
    found = one_of(tree=TreeSymptoms("demo", "venv", "debian-5.2.3", prefix="debian-5.2.3"))

    assert short(found) == ("prefix-gone:demo", FAULT, "run `rocmswitch install debian-5.2.3`")


def test_a_link_whose_folder_is_gone_is_a_fault():
    found = one_of(tree=TreeSymptoms("mine-6.2.4", "prefix", "mine-6.2.4", linked="/opt/rocm-6.2.4"))

    remedy = "run `rocmswitch remove mine-6.2.4`, or have the folder there again"
    assert short(found) == ("link-gone:mine-6.2.4", FAULT, remedy)
    assert found.what == "`mine-6.2.4` is linked to `/opt/rocm-6.2.4`, which is gone"


TOO_NEW = "`include/c++/*/vector` below /usr is of version 16, and has to be older than 16"
HEADERS = (Missing("libc6-dev", TOO_NEW, can_be_carried=True), Missing("libstdc++-12-dev", TOO_NEW, True))


def test_what_a_machine_has_no_longer_is_carried_along_by_the_next_installation():
    found = one_of(tree=TreeSymptoms("debian-5.2.3", "prefix", "debian-5.2.3", missing=HEADERS))

    assert short(found) == ("machine-lacks:debian-5.2.3", FAULT, "run `rocmswitch install debian-5.2.3`")
    assert found.what == "`debian-5.2.3` needs what this machine no longer has: `libc6-dev`, `libstdc++-12-dev`"
    assert found.why == TOO_NEW


@pytest.mark.parametrize(
    ("tree", "remedy"),
    [
        (
            TreeSymptoms("debian-5.2.3", "prefix", "debian-5.2.3", missing=HEADERS, is_shared=True),
            "run `rocmswitch install debian-5.2.3 --system`",
        ),
        (
            TreeSymptoms("debian-5.2.3+mine", "prefix", "debian-5.2.3", missing=HEADERS),
            "run `rocmswitch install debian-5.2.3`, then `rocmswitch remove debian-5.2.3+mine`, "
            "then `rocmswitch deploy FILE --into debian-5.2.3 --name mine`",
        ),
        (
            TreeSymptoms(STACK, "prefix", STACK, missing=(Missing("libnuma1", "no", can_be_carried=False),)),
            "install what has it by this machine's package manager: libnuma1",
        ),
    ],
)
def test_the_way_to_what_a_machine_lacks_depends_on_who_has_it(tree: TreeSymptoms, remedy: str):
    assert one_of(tree=tree).remedy.text == remedy


def test_a_replaced_torch_and_a_lost_protection_are_two_findings_with_one_remedy():
    changes = (
        ("version", "`torch` is 2.9.0, not 2.7.1+rocm6.2.4"),
        ("unprotected", "`pip.conf` no longer says it"),
    )

    found = findings(tree=TreeSymptoms("demo", "venv", STACK, changes=changes))

    rebind = "run `rocmswitch use rocm-6.2.4 --venv demo --rebind`"
    assert [short(one) for one in found] == [
        ("replaced:demo", FAULT, rebind),
        ("unprotected:demo", WARNING, rebind),
    ]
    assert found[0].why == "`torch` is 2.9.0, not 2.7.1+rocm6.2.4"


def test_a_framework_that_cannot_be_imported_says_why():
    found = one_of(tree=TreeSymptoms("demo", "venv", STACK, framework="torch", cannot_import="OSError: libx.so"))

    assert (found.what, found.why) == ("torch cannot be imported in `demo`", "OSError: libx.so")


@pytest.mark.parametrize(
    ("why", "remedy"),
    [
        (
            "LD_LIBRARY_PATH, needed by /x/libtorch_hip.so",
            "run `unset LD_LIBRARY_PATH`, then `rocmswitch doctor demo`",
        ),
        ("LD_PRELOAD", "run `unset LD_PRELOAD`, then `rocmswitch doctor demo`"),
        ("DT_RUNPATH of /x/plugin.so", "run `rocmswitch use rocm-6.2.4 --venv demo --rebind`"),
    ],
)
def test_two_copies_are_parted_by_taking_away_what_led_to_them(why: str, remedy: str):
    copies = (Copy("/a/libamdhip64.so", "DT_RPATH of /a/libtorch_hip.so"), Copy("/b/libamdhip64.so", why))
    tree = TreeSymptoms("demo", "venv", STACK, clashes=(Clash("copies", "libamdhip64", copies),))

    found = one_of(tree=tree)

    assert short(found) == ("library:demo:libamdhip64", FAULT, remedy)
    assert found.what == "`demo` loads 2 copies of libamdhip64"
    assert found.why == f"`/a/libamdhip64.so` by DT_RPATH of /a/libtorch_hip.so; `/b/libamdhip64.so` by {why}"


def test_one_copy_of_another_stack_is_told_as_that():
    clash = Clash("foreign", "libMIOpen", (Copy("/b/libMIOpen.so", "LD_PRELOAD"),))

    assert one_of(tree=TreeSymptoms("demo", "venv", STACK, clashes=(clash,))).what == (
        "`demo` loads libMIOpen of another stack"
    )


def test_a_module_from_elsewhere_is_a_fault():
    found = one_of(tree=TreeSymptoms("demo", "venv", STACK, framework="torch", elsewhere="/x/torch/__init__.py"))

    assert short(found) == ("elsewhere:demo", FAULT, "run `unset PYTHONPATH`, then `rocmswitch doctor demo`")


def test_libraries_of_a_module_from_elsewhere_are_not_told_apart_from_it():
    clash = Clash("foreign", "libMIOpen", (Copy("/b/libMIOpen.so", "DT_RUNPATH of /x/libtorch_hip.so"),))
    tree = TreeSymptoms(
        "demo", "venv", STACK, framework="torch", elsewhere="/x/torch/__init__.py", clashes=(clash,)
    )

    assert [one.row for one in findings(tree=tree)] == ["elsewhere"]


@pytest.mark.parametrize(
    "tree",
    [
        TreeSymptoms("demo", "venv", STACK, framework="torch", elsewhere="/x/torch/__init__.py"),
        TreeSymptoms("demo", "venv", clashes=(Clash("foreign", "libMIOpen", (Copy("/b", "LD_PRELOAD"),)),)),
    ],
    ids=["PYTHONPATH", "LD_PRELOAD"],
)
def test_a_variable_is_unset_as_fish_does_it(tree: TreeSymptoms):
    found = one_of(tree=tree, shell=ShellSymptoms(hook=Hook("fish", "/rc", "current")))

    assert short(found)[2].startswith("run `set -e ")


def test_what_would_be_loaded_without_entering_is_a_warning():
    clash = Clash("foreign", "libamdhip64", (Copy("/opt/rocm/lib/libamdhip64.so", "LD_PRELOAD"),))

    found = one_of(tree=TreeSymptoms("demo", "venv", STACK, foreseen=(clash,)))

    assert short(found) == (
        "shadowed:demo",
        WARNING,
        "run `rocmswitch use demo`, or start it by `rocmswitch run demo -- COMMAND`",
    )
    assert found.why == "`/opt/rocm/lib/libamdhip64.so` by LD_PRELOAD"

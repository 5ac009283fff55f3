"""Which source a file comes back from, and what is said of those that do not serve."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rocmswitch.model.kernel import AMDGPU, Owner
from rocmswitch.model.recovery import Candidate, Restore
from rocmswitch.planning.sources import Target, choose
from tests.support.systems import K, contents, empty, genuine, in_tree, original, owner_of, package, snapshot

XZ = in_tree(suffix=".ko.xz")
STATED = Target(in_tree(), K, AMDGPU, owner_of())
UNSTATED = Target(in_tree(), K, AMDGPU, owner_of(is_stated=False))


def chosen(target: Target, *candidates: Candidate) -> str:
    found = choose(target, candidates)
    return found.candidate.where if isinstance(found, Restore) else "nothing"


def test_a_snapshot_comes_before_an_original_and_that_before_a_package():
    found = [package(), original(genuine()), snapshot(genuine())]

    order = [chosen(STATED, *found[: len(found) - left]) for left in range(3)]

    assert order == ["snapshot 1", original(genuine()).where, package().where]


def test_of_two_snapshots_the_one_given_first_is_taken():
    assert chosen(STATED, snapshot(genuine(), number=2), snapshot(genuine(), number=1)) == "snapshot 2"


@pytest.mark.parametrize(
    ("candidate", "why"),
    [
        (snapshot(genuine(), refused="its manifest does not hold"), "its manifest does not hold"),
        (snapshot(empty()), "it has no byte"),
        (snapshot(contents("foreign", "5.10.0-1-amd64")), "its vermagic is of kernel 5.10.0-1-amd64"),
        (
            snapshot(contents("patched")),
            f"it has md5 {contents('patched').md5[:12]}, the package linux-image-{K} states {genuine().md5[:12]}",
        ),
    ],
)
def test_what_does_not_serve_is_told_with_its_reason(candidate: Candidate, why: str):
    assert choose(STATED, [candidate]) == (f"snapshot 1: {why}",)


def test_a_package_of_the_wrong_version_is_not_taken_once_it_was_opened():
    assert chosen(STATED, package(contents("newer"))) == "nothing"


def test_without_a_stated_hash_a_snapshot_counts_by_its_kernel():
    found = choose(UNSTATED, [snapshot(contents("whole"))])

    assert isinstance(found, Restore)
    assert found.reason == f"snapshot 1 is whole and for kernel {K}; no package states its hash"


def test_an_original_of_another_suffix_is_refused_rather_than_packed_anew():
    found = choose(replace(UNSTATED, path=XZ), [original(contents("whole"))])

    assert found == (f"{original(genuine()).where}: it is a `.ko`, and no package says what a `.ko.xz` has to be",)


def test_a_file_among_the_modules_is_an_original_only_by_the_packages_hash():
    place = f"/usr/lib/modules/{K}/updates/amdgpu.ko"
    by_hand = replace(original(contents("whole")), where=place, file=place)
    moved = replace(by_hand, contents=genuine())

    assert (chosen(UNSTATED, by_hand), chosen(STATED, moved)) == ("nothing", place)


def test_bytes_that_say_no_kernel_need_a_hash():
    mute = contents("whole", vermagic="")

    assert chosen(UNSTATED, snapshot(mute)) == "nothing"


def test_what_is_for_another_place_or_module_is_not_even_told():
    elsewhere = snapshot(genuine(), f"usr/lib/modules/{K}/updates/amdgpu.ko")
    other = replace(original(genuine()), name="amdttm")

    assert choose(STATED, [elsewhere, other]) == ()


def test_firmware_comes_back_by_its_path_and_hash():
    owner = Owner("firmware", "1", "sha256", genuine().sha256)
    path = "usr/lib/firmware/updates/amdgpu/a.bin"
    good = Candidate("snapshot", "", "", path, "snapshot 1", "/files/a.bin", genuine())
    bad = replace(good, where="snapshot 2", contents=contents("other"))

    assert chosen(Target(path, owner=owner), bad, good) == "snapshot 1"

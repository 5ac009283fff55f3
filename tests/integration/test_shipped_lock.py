"""The locks beside the manifests serve every set, on a machine that has everything and on one that has nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocmswitch.metadata.lock import Lock, parse_lock, render_lock
from rocmswitch.metadata.manifest import parse_manifest
from rocmswitch.model.host import Evidence, Host
from rocmswitch.model.stack import Stack
from rocmswitch.planning.install import Machine, Request, plan_install
from rocmswitch.planning.installplan import InstallPlan
from rocmswitch.planning.locked import locked_offer
from rocmswitch.planning.sets import sets_of

MANIFESTS = Path(__file__).parents[2] / "manifests"
LOCKS = sorted(MANIFESTS.glob("*.lock"))
BOOKWORM = Host("debian", (), "bookworm", "amd64", "2.36")


def read(path: Path) -> tuple[Stack, Lock]:
    manifest = path.with_suffix(".yaml")
    stack = parse_manifest(manifest.read_bytes(), manifest.name)
    return stack, parse_lock(path.read_bytes(), path.name)


def plan(stack: Stack, lock: Lock, name: str, evidence: Evidence) -> InstallPlan:
    request = Request(stack, (name,))
    return plan_install(request, locked_offer(request, lock, lambda one: ()), Machine(BOOKWORM, evidence))


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_a_shipped_lock_is_in_the_form_in_which_it_is_written(path):
    assert render_lock(read(path)[1]) == path.read_bytes()


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_the_sets_of_a_shipped_lock_are_those_that_its_plans_have(path):
    stack, lock = read(path)
    everything = Evidence(proven=tuple((name, "it is there") for name in stack.rocm.host))

    for name in sets_of(stack):
        made = plan(stack, lock, name, everything)
        planned = {one.package.name for one in (*made.packages, *made.host)}
        assert planned == {one.name for one in lock.packages if name in one.sets}


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_before_anything_is_fetched_a_shipped_lock_tells_what_a_choice_of_cards_saves(path):
    stack, lock = read(path)
    everything = Evidence(proven=tuple((name, "it is there") for name in stack.rocm.host))
    request = Request(stack, ("developer",), gpus=("gfx1010",))

    made = plan_install(request, locked_offer(request, lock, lambda one: ()), Machine(BOOKWORM, everything))

    assert made.left_out_is_known
    assert (made.left_out_size > 0) == any(one.name.startswith("librocblas") for one in lock.packages)


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_a_shipped_lock_serves_a_machine_that_has_nothing_but_the_c_library(path):
    stack, lock = read(path)
    lacking = tuple((name, "it is not there") for name in stack.rocm.host if name != "libc6")
    bare = Evidence((("libc6", "it is there"),), lacking)

    made = plan(stack, lock, "developer", bare)

    assert {"rocm", "base"} == {one.place for one in made.packages}
    assert "libstdc++6" in {one.package.name for one in made.packages}
    assert ("libc6" in {one.package.name for one in made.host}) == (not made.carries_c_library)
    assert all(url.startswith("https://snapshot.debian.org/") for one in made.packages for url in one.urls)


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
@pytest.mark.parametrize("glibc", ["2.31", ""], ids=["an older glibc", "another C library"])
def test_a_shipped_lock_brings_its_own_c_library_where_the_machine_s_does_not_do(path, glibc):
    stack, lock = read(path)
    older = Host("debian", (), "bullseye", "amd64", glibc)
    everything = Evidence(proven=tuple((name, "it is there") for name in stack.rocm.host))
    request = Request(stack, ("developer",))

    made = plan_install(request, locked_offer(request, lock, lambda one: ()), Machine(older, everything))

    places = {one.package.name: one.place for one in made.packages}
    assert (made.carries_c_library, made.host) == (True, ())
    assert {places["libc6"], places["libstdc++6"], places["binutils"]} == {"base"}
    assert made.notes[0].startswith("carried along, with its own C library, because this machine has ")


def test_the_compiler_set_of_debian_is_hip_and_llvm_where_the_host_has_the_rest():
    stack, lock = read(MANIFESTS / "debian-5.2.3.lock")
    everything = Evidence(proven=tuple((name, "it is there") for name in stack.rocm.host))

    made = plan(stack, lock, "compiler", everything)

    assert {one.package.name for one in made.packages} == {
        *("hipcc", "libamd-comgr-dev", "libamd-comgr2", "libamdhip64-5", "libamdhip64-dev", "libhiprtc-builtins5"),
        *("libhsa-runtime-dev", "libhsa-runtime64-1", "libhsakmt1", "rocm-device-libs", "rocminfo"),
        *("clang-15", "clang-tools-15", "libclang-common-15-dev", "libclang-cpp15", "libclang1-15", "libllvm15"),
        *("lld-15", "llvm-15", "llvm-15-linker-tools", "llvm-15-runtime"),
        *("rocm-smi", "librocm-smi64-1"),
    }

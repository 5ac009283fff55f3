"""What `list --available` says of a stack: how big it is, and whether a machine can have it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rocmswitch.metadata.lock import Lock, LockedPackage
from rocmswitch.metadata.manifest import parse_manifest
from rocmswitch.model.host import Host
from rocmswitch.model.stack import Stack
from rocmswitch.planning.available import Size, offer, saved_by, size_of, vendor_of

MANIFESTS = Path(__file__).parents[2] / "manifests"
HERE = Host("debian", (), "bookworm", "amd64", "2.36", "12")


def shipped(name: str) -> Stack:
    return parse_manifest((MANIFESTS / f"{name}.yaml").read_bytes(), name)


def locked(
    name: str, size: int, *needs: str, sets: tuple[str, ...] = ("runtime",), **kernels: int
) -> LockedPackage:
    return LockedPackage(
        name=name,
        version="1",
        architecture="amd64",
        filename=f"pool/{name}.deb",
        size=size,
        installed_size=10 * size,
        sha256="0" * 64,
        sets=sets,
        source="0",
        needs=needs,
        kernels={target.replace("_", " "): count for target, count in kernels.items()} or None,
    )


def lock(*packages: LockedPackage) -> Lock:
    return Lock(schema=1, stack="debian-5.2.3", date="2026-11-20T00:00:00Z", sources=(), packages=packages)


def test_the_size_is_that_of_the_runtime_set_without_what_a_machine_mostly_has():
    tested = lock(
        locked("rocminfo", 1, "libamdhip64-5", "python3"),
        locked("libamdhip64-5", 20, "libc6"),
        locked("libc6", 300, "libcrypt1"),
        locked("libcrypt1", 4000),
        locked("python3", 50_000),
        locked("hipcc", 600_000, sets=("compiler",)),
    )

    assert size_of(shipped("debian-5.2.3"), tested) == Size(21, 210)


def test_what_a_card_saves_is_what_is_for_others_alone():
    tested = lock(locked("rocblas", 1, gfx90a=100, gfx1030=20), locked("sparse", 1, gfx90a=5, gfx1030_gfx1100=7))

    assert saved_by(tested) == {"gfx1030": 105, "gfx1100": 125, "gfx90a": 27}


def test_nothing_is_said_to_be_saved_where_nobody_has_looked():
    assert saved_by(lock(locked("rocblas", 1))) == {}


@pytest.mark.parametrize(
    ("name", "vendor"),
    [
        ("rocm-6.2.4", "AMD's releases"),
        ("therock-10.1", "AMD's new builds"),
        ("debian-5.2.3", "Debian's own builds"),
        ("mine", "Others"),
        ("rocm-but-mine-1.0", "Others"),
    ],
)
def test_stacks_stand_under_who_builds_them(name: str, vendor: str):
    assert vendor_of(name) == vendor


def test_a_stack_that_suits_the_machine_lacks_nothing():
    offered = offer(shipped("rocm-6.2.4"), None, HERE)

    assert (offered.kinds, offered.size, offered.lacks) == (("apt", "rpm"), None, "")


def test_what_the_machine_lacks_is_said():
    other = replace(HERE, architecture="arm64")
    old = replace(HERE, glibc="2.17")

    assert offer(shipped("rocm-6.2.4"), None, other).lacks == "needs an amd64 machine, this machine is arm64"
    assert offer(shipped("rocm-7.2.4"), None, old).lacks == "needs glibc 2.28 or newer, this machine has 2.17"

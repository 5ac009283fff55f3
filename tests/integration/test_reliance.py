"""What a prefix was to find on a machine, and what of it another state of that machine does not have."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocmswitch.host.libraries import HostLibraries
from rocmswitch.host.reliance import missing_now
from rocmswitch.metadata.lock import Lock, parse_lock
from rocmswitch.model.host import Missing
from rocmswitch.model.receipt import InstalledPackage, Receipt
from rocmswitch.store.catalog import Catalog, shipped_manifests

NAME = "debian-5.2.3"
CATALOG = Catalog(shipped_manifests(), ())
ROCM = CATALOG.read(NAME).stack.rocm
LEFT = ("libstdc++-12-dev 12.2.0-14", "libcrypt1 1:4.4.33-2", "kmod 30")
RECEIPT = Receipt("prefix", NAME, NAME, "5.2.3", f"{NAME}-0123456789ab", "2026-01-02", host=LEFT)
KNOWING = Receipt(**{**vars(RECEIPT), "relied_on": ("libstdc++-12-dev", "kmod")})
OLD = Receipt(**{**vars(RECEIPT), "packages": (InstalledPackage("clang-15", "1:15", "", 1, "0" * 64, "signed"),)})
"""From before receipts named what the stack relies on."""


def machine(root: Path, gcc: str) -> HostLibraries:
    """It has a C++ toolchain, and no libcrypt, which only its own C headers would need."""
    for path in ("include/stdio.h", f"lib/gcc/x86_64-linux-gnu/{gcc}/crtbegin.o", f"include/c++/{gcc}/vector"):
        (root / "usr" / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "usr" / path).touch()
    return HostLibraries(root)


def its_lock() -> Lock | None:
    content = CATALOG.lock(NAME)
    return parse_lock(content, f"{NAME}.lock") if content else None


@pytest.mark.parametrize("receipt", [KNOWING, OLD], ids=["knowing", "old"])
def test_a_machine_as_it_was_lacks_nothing(receipt: Receipt, tmp_path: Path):
    assert missing_now(receipt, ROCM, machine(tmp_path, "12"), its_lock) == ()


@pytest.mark.parametrize("receipt", [KNOWING, OLD], ids=["knowing", "old"])
def test_a_newer_compiler_takes_the_place_of_the_one_that_there_was(receipt: Receipt, tmp_path: Path):
    machine(tmp_path, "12")

    (found,) = missing_now(receipt, ROCM, machine(tmp_path, "16"), its_lock)

    why = "`lib/gcc/*/*/crtbegin.o` below /usr is of version 16, and has to be older than 16"
    assert found == Missing("libstdc++-12-dev", why, can_be_carried=True)


def test_a_compiler_that_was_removed_is_missing(tmp_path: Path):
    (found,) = missing_now(KNOWING, ROCM, HostLibraries(tmp_path), its_lock)

    assert (found.package, found.why) == ("libstdc++-12-dev", "there is no `include/stdio.h` below /usr")


def test_of_a_stack_without_a_lock_an_old_receipt_tells_nothing(tmp_path: Path):
    assert missing_now(OLD, ROCM, HostLibraries(tmp_path), lambda: None) == ()


def test_what_no_index_had_cannot_be_carried_along(tmp_path: Path):
    receipt = Receipt(**{**vars(KNOWING), "host": ("libstdc++-12-dev",)})

    assert [one.can_be_carried for one in missing_now(receipt, ROCM, HostLibraries(tmp_path), its_lock)] == [False]

"""Unified kernel images: found, opened and judged by the boot image in each, or told that they were not."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from rocmswitch.host.bootimages import images_of, read_boot_image
from rocmswitch.host.system import read_system
from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.host.unifiedimages import install_layout
from rocmswitch.operations.booting import renew
from rocmswitch.system.disk import Disk
from tests.support.bootimages import archive, compressed
from tests.support.breaking import truncate_in_tree
from tests.support.editions import APPLY, PYTHON, SHELLS, Edition
from tests.support.kernelmodules import KERNEL
from tests.support.kernelroots import bad_module, good_module, in_tree, kernel_root, write
from tests.support.unifiedimages import program, real, unified

FOLDER = f"usr/lib/modules/{KERNEL}"
UKI = f"boot/efi/EFI/Linux/0a1b-{KERNEL}.efi"
IMAGE = f"boot/initrd.img-{KERNEL}"
NEVER = ("loads what its packages have brought", "all is well", "nothing is wrong")


def initrd(content: bytes) -> bytes:
    """As the program in small roots opens it."""
    return compressed(archive({in_tree(): content, f"{FOLDER}/modules.order": b""}), "gzip")


def rooted(folder: Path, content: bytes | None, path: str = UKI, *, alone: bool = True) -> Path:
    """A sound system that boots by a unified image with the module *content*; *alone*: by no other."""
    root = kernel_root(folder / "a root", programs=True)
    (root / "etc/initramfs-tools/modules").write_text("amdgpu\n")
    write(root / path, unified(None if content is None else initrd(content)))
    if alone:
        (root / IMAGE).unlink()
    return root


@pytest.mark.parametrize("make", [lambda _, image: unified(image), real], ids=["small", "systemd's stub"])
def test_what_lies_in_a_unified_image_is_what_binutils_take_out_of_it(tmp_path: Path, make):  # type: ignore[no-untyped-def]
    if shutil.which("objcopy") is None:
        pytest.skip("no objcopy here: install binutils")
    microcode = archive({"kernel/x86/microcode/AuthenticAMD.bin": b"early"})
    content = make(tmp_path, microcode + compressed(archive({in_tree(): good_module()}), "zstd"))
    write(tmp_path / UKI, content)
    taken = tmp_path / "taken"
    subprocess.run(["objcopy", "-O", "binary", "--only-section=.initrd", tmp_path / UKI, taken], check=True)
    write(tmp_path / IMAGE, taken.read_bytes())

    found, plain = read_boot_image(tmp_path, UKI), read_boot_image(tmp_path, IMAGE)

    assert (found.modules, found.is_unified, found.problem) == (plain.modules, True, "")
    assert [name for name, _ in found.modules] == ["amdgpu"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"MZ", "it is cut short or garbled"),
        (unified(archive({"etc/file": b"bytes" * 500}))[:-1024], "it is cut short"),
        (unified(b"no image"), "it is no boot image"),
        (unified(initrd(b"one"), more=[(".initrd", initrd(b"two"))]), "it has several boot images inside"),
    ],
)
def test_what_cannot_be_opened_says_why(tmp_path: Path, content: bytes, problem: str):
    write(tmp_path / UKI, content)

    assert read_boot_image(tmp_path, UKI).problem.startswith(problem)


def test_a_unified_image_is_of_the_kernel_that_it_names_whatever_it_is_called(tmp_path: Path):
    for name, release in (
        ("EFI/Linux/mine.efi", KERNEL),
        ("EFI/gentoo/boot.EFI", KERNEL),
        ("EFI/Linux/x.efi", "K2"),
    ):
        write(tmp_path / "efi" / name, unified(None, release))
    write(tmp_path / f"efi/EFI/Linux/{KERNEL}.efi", unified(None, "K2"))
    write(tmp_path / f"efi/EFI/Linux/old-{KERNEL}.efi", unified(None, "of a package that was removed"))
    write(tmp_path / f"efi/EFI/Linux/{KERNEL}-extra.addon.efi", program([(".cmdline", b"quiet")]))
    write(tmp_path / "efi/EFI/systemd/systemd-bootx64.efi", program([(".text", b"a boot loader")]))
    for release in (KERNEL, "K2"):
        (tmp_path / f"usr/lib/modules/{release}").mkdir(parents=True)
    (tmp_path / "lib").symlink_to("usr/lib")
    system = SystemRoot(tmp_path)

    assert sorted(images_of(system, KERNEL, FOLDER)) == sorted(
        ["efi/EFI/Linux/mine.efi", "efi/EFI/gentoo/boot.EFI", f"efi/EFI/Linux/old-{KERNEL}.efi"]
    )
    assert sorted(images_of(system, "K2", "usr/lib/modules/K2")) == sorted(
        ["efi/EFI/Linux/x.efi", f"efi/EFI/Linux/{KERNEL}.efi"]
    )


def test_what_kernel_install_makes_is_read_from_where_it_reads_it(tmp_path: Path):
    system = SystemRoot(tmp_path)
    none = install_layout(system)
    write(tmp_path / "usr/lib/kernel/install.conf", "layout=bls\n")
    vendors = install_layout(system)
    write(tmp_path / "etc/kernel/install.conf", "# mine\nlayout = bls\nlayout=uki\n")

    assert (none, vendors, install_layout(system)) == ("", "bls", "uki")


def test_a_unified_image_of_no_installed_kernel_is_told_and_not_judged(tmp_path: Path):
    root = rooted(tmp_path, good_module(), alone=False)
    write(root / "efi/EFI/Linux/old.efi", unified(initrd(bad_module()), "6.0.0-1-amd64"))

    said = PYTHON.recover(root)

    assert said.status == 0 and said.mentions("/efi/EFI/Linux/old.efi is a unified image of no kernel")
    assert said.mentions("as far as it could be looked at")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may recover a system")
def test_no_image_that_nobody_boots_is_made_beside_a_unified_one(tmp_path: Path):
    root = rooted(tmp_path, bad_module())

    told: list[str] = []

    renewed = renew(read_system(root), (), (KERNEL,), Disk(), told.append)

    assert ([one.path for one in renewed.lacks], told) == ([UKI], [])
    assert not (root / IMAGE).exists()


@pytest.mark.parametrize("edition", [PYTHON, SHELLS[0]], ids=lambda one: one.name)
class TestBothEditions:
    """One judgement, in Python and in sh."""

    def test_a_sound_unified_image_is_told_and_nothing_is_wrong(self, tmp_path: Path, edition: Edition):
        said = edition.recover(rooted(tmp_path, good_module()))

        assert (said.status, said.mentions(UKI)) == (0, True), said

    @pytest.mark.parametrize("alone", [True, False])
    def test_a_module_that_is_only_wrong_inside_is_found_and_the_line_named(
        self, tmp_path: Path, edition: Edition, alone: bool
    ):
        root = rooted(tmp_path, bad_module(), alone=alone)
        write(root / "etc/kernel/install.conf", "layout=uki\n")

        said = edition.recover(root, *APPLY)

        line = f"kernel-install add {KERNEL} /boot/vmlinuz-{KERNEL}"
        assert said.status == 4 and said.mentions(UKI, line) and not any(said.mentions(one) for one in NEVER)
        assert (root / IMAGE).exists() is not alone
        write(root / UKI, unified(initrd(good_module())))
        assert edition.recover(root, *APPLY).status == 0

    def test_a_line_for_ukify_is_named_where_nothing_else_is_known_to_make_it(
        self, tmp_path: Path, edition: Edition
    ):
        said = edition.recover(rooted(tmp_path, bad_module(), alone=False))

        words = (f"--linux=/boot/vmlinuz-{KERNEL}", f"--initrd=/{IMAGE}", f"--uname={KERNEL}", f"--output=/{UKI}")
        assert said.status == 4 and said.mentions("ukify build", "--cmdline=@/etc/kernel/cmdline", *words), said

    def test_a_recovery_is_not_well_before_the_unified_image_is_made_anew(self, tmp_path: Path, edition: Edition):
        root = rooted(tmp_path, bad_module()[:500])
        good = (root / in_tree()).read_bytes()
        subprocess.run([PYTHON.command(root)[0], "driver", "snapshot", "--root", root], check=True)
        truncate_in_tree(root)

        said = edition.recover(root, *APPLY)

        assert (root / in_tree()).read_bytes() == good
        assert said.status == 4 and said.mentions(UKI) and not any(said.mentions(one) for one in NEVER)
        write(root / UKI, unified(initrd(good)))
        assert edition.recover(root).status == 0

    @pytest.mark.parametrize("content", [b"MZ" + b"\0" * 600, unified(b"no image at all")])
    def test_one_that_cannot_be_opened_is_never_called_well(self, tmp_path: Path, edition: Edition, content: bytes):
        root = rooted(tmp_path, None)
        write(root / UKI, content)

        said = edition.recover(root)

        assert said.status == 4 and said.mentions(UKI) and not any(said.mentions(one) for one in NEVER), said

    def test_a_command_line_inside_that_keeps_amdgpu_away_is_told(self, tmp_path: Path, edition: Edition):
        root = rooted(tmp_path, good_module())
        write(root / UKI, unified(initrd(good_module()), line="quiet module_blacklist=amdgpu"))

        said = edition.recover(root)

        assert said.status == 0 and said.mentions(UKI, "take it out"), said

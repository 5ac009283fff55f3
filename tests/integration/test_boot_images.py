"""Boot images are read as the kernel unpacks them, whichever tool has made them; a damaged one says so."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from rocmswitch.host.bootimages import images_of, kernel_file, read_boot_image
from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.metadata.bootimage import read_image
from rocmswitch.model.kernel import CLOSED, BootImage, PackedFile
from tests.support.bootimages import COMPRESSIONS, archive, compressed, entry
from tests.support.kernelmodules import KERNEL, module, packed
from tests.support.nobody import as_nobody

MICROCODE = archive({"kernel/x86/microcode/AuthenticAMD.bin": b"early"})
MODULE = module(payload=b"code" * 1000)
INSIDE = f"usr/lib/modules/{KERNEL}/kernel/drivers/gpu/drm/amd/amdgpu/amdgpu.ko"
SETTING = "etc/modprobe.d/gpu.conf"
FILES = {INSIDE: MODULE, SETTING: b"options amdgpu dc=0\n", "bin/busybox": b"x" * 5000}
IMAGE = f"boot/initrd.img-{KERNEL}"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def read(root: Path, content: bytes) -> BootImage:
    (root / "boot").mkdir(exist_ok=True)
    (root / IMAGE).write_bytes(content)
    return read_boot_image(root, IMAGE)


def holding(content: bytes) -> BootImage:
    """What is read of an image of *content*, which holds FILES."""
    return BootImage(
        IMAGE,
        len(content),
        (("amdgpu", PackedFile(INSIDE, sha256(MODULE))),),
        (PackedFile(SETTING, sha256(FILES[SETTING])),),
    )


@pytest.mark.parametrize("how", COMPRESSIONS)
def test_a_compressed_archive_behind_the_microcode_is_read(tmp_path: Path, how: str):
    content = MICROCODE + compressed(archive(FILES), how)

    assert read(tmp_path, content) == holding(content)


@pytest.mark.parametrize("before", [b"", MICROCODE, MICROCODE + b"\0" * 3000], ids=["alone", "microcode", "gap"])
def test_an_archive_that_is_not_compressed_is_read(tmp_path: Path, before: bytes):
    content = before + archive(FILES)

    assert read(tmp_path, content) == holding(content)


@pytest.mark.parametrize("program", ["lz4", "lzop"])
def test_what_no_library_here_unpacks_is_given_to_its_program(tmp_path: Path, program: str):
    if shutil.which(program) is None:
        pytest.skip(f"no {program} here: install {program}")
    options = ["-l"] if program == "lz4" else []
    done = subprocess.run([program, *options, "-c"], input=archive(FILES), capture_output=True, check=True)

    assert read(tmp_path, MICROCODE + done.stdout) == holding(MICROCODE + done.stdout)


@pytest.mark.parametrize("how", ["gzip", "xz", "zstd", ""])
def test_an_image_made_by_the_real_cpio_is_read(tmp_path: Path, how: str):
    if shutil.which("cpio") is None:
        pytest.skip("no cpio here: install cpio")
    tree = tmp_path / "tree"
    for path, content in FILES.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(content)
    os.link(tree / INSIDE, tree / "another name")
    (tree / "lib").symlink_to("usr/lib")
    names = subprocess.run(["find", "."], cwd=tree, capture_output=True, check=True).stdout
    made = subprocess.run(
        ["cpio", "-o", "-H", "newc"], cwd=tree, input=names, capture_output=True, check=True
    ).stdout
    content = MICROCODE + (compressed(made, how) if how else made)

    assert read(tmp_path, content) == holding(content)


def test_what_the_real_cpio_unpacks_is_what_was_written(tmp_path: Path):
    if shutil.which("cpio") is None:
        pytest.skip("no cpio here: install cpio")
    made = archive({**FILES, "second name": MODULE}, linked=[(INSIDE, "second name")])

    subprocess.run(["cpio", "-id", "--quiet"], cwd=tmp_path, input=made, check=True)

    assert {one: (tmp_path / one).read_bytes() for one in FILES} == FILES
    assert (tmp_path / "second name").stat().st_ino == (tmp_path / INSIDE).stat().st_ino


def test_a_compressed_module_inside_counts_as_what_is_in_it(tmp_path: Path):
    files = {f"{INSIDE}{suffix}": packed(MODULE, f".ko{suffix}") for suffix in (".xz",)}

    image = read(tmp_path, archive(files))

    assert image.modules == (("amdgpu", PackedFile(f"{INSIDE}.xz", sha256(MODULE))),)


def test_a_cut_module_inside_has_no_hash(tmp_path: Path):
    image = read(tmp_path, archive({f"{INSIDE}.xz": packed(MODULE, ".ko.xz")[:-20]}))

    assert image.modules == (("amdgpu", PackedFile(f"{INSIDE}.xz", "")),)


def test_of_a_name_that_comes_twice_the_last_one_counts(tmp_path: Path):
    older = archive({INSIDE: module(payload=b"older"), SETTING: b"options amdgpu dc=1\n"})
    content = older + compressed(archive({**FILES, "bin/busybox": b""}), "zstd")

    assert read(tmp_path, content) == holding(content)


def test_both_spellings_of_a_merged_usr_are_one_file(tmp_path: Path):
    older = archive({INSIDE.removeprefix("usr/"): module(payload=b"older")})

    image = read(tmp_path, older + archive({INSIDE: MODULE}))

    assert image.modules == (("amdgpu", PackedFile(INSIDE, sha256(MODULE))),)


@pytest.mark.parametrize("content_first", [True, False])
def test_each_name_of_a_file_with_several_has_its_content(content_first: bool):
    first, second = (MODULE, b"") if content_first else (b"", MODULE)
    made = (
        entry("usr/bin/nothing", first, inode=7, links=3)
        + entry("wanted", second, inode=7, links=3)
        + entry("wanted as well", b"", inode=7, links=3)
        + entry("TRAILER!!!", b"")
    )

    assert dict(read_image(iter([made]), lambda name: "wanted" in name)) == {
        "wanted": MODULE,
        "wanted as well": MODULE,
    }


def test_of_two_files_of_a_module_the_one_of_the_images_own_index_counts(tmp_path: Path):
    if shutil.which("depmod") is None:
        pytest.skip("no depmod here: install kmod")
    folder = tmp_path / f"lib/modules/{KERNEL}"
    shadow = f"usr/lib/modules/{KERNEL}/updates/dkms/amdgpu.ko"
    image = archive({INSIDE: MODULE, shadow: module(payload=b"shadow")})
    indexed = tmp_path / INSIDE.removeprefix("usr/")
    indexed.parent.mkdir(parents=True)
    indexed.write_bytes(MODULE)
    subprocess.run(["depmod", "-b", tmp_path, KERNEL], capture_output=True, check=True)
    index = {f"usr/lib/modules/{KERNEL}/modules.dep.bin": (folder / "modules.dep.bin").read_bytes()}

    without, with_index = read(tmp_path, image), read(tmp_path, image + archive(index))

    assert [one.path for _, one in without.modules] == [shadow]
    assert [one.path for _, one in with_index.modules] == [INSIDE]


def test_firmware_that_goes_before_the_packages_is_told(tmp_path: Path):
    path = "usr/lib/firmware/updates/amdgpu/navi10_smc.bin"

    assert read(tmp_path, archive({path: b"bytes"})).firmware == (PackedFile(path, sha256(b"bytes")),)


@pytest.mark.parametrize(
    ("content", "problem", "is_damaged"),
    [
        (b"", "it is empty", True),
        (b"\0" * 4096, "it is empty", True),
        (b"no image at all", "it is no boot image", True),
        (MICROCODE + b"garbage", "it holds something that is no archive", True),
        (archive(FILES)[:-600], "it is cut short", True),
        (archive(FILES)[:3000], "it is cut short", True),
        (MICROCODE.replace(b"070701", b"0707x1"), "it is no boot image", True),
        (archive(FILES).replace(b"00001388", b"0000XYZ8"), "it is garbled", True),
        (b"\x89LZO\0\r\n\x1a\n", "it is compressed by lzop, which is not installed here", False),
    ],
)
def test_what_is_no_whole_image_says_why(tmp_path: Path, content: bytes, problem: str, is_damaged: bool):
    if "lzop" in problem and shutil.which("lzop"):
        pytest.skip("lzop is installed here")

    assert read(tmp_path, content) == BootImage(IMAGE, len(content), problem=problem, is_damaged=is_damaged)


@pytest.mark.parametrize("how", COMPRESSIONS)
@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_cut_image_is_noticed(tmp_path: Path, how: str, share: float):
    content = MICROCODE + compressed(archive({**FILES, "random": os.urandom(100_000)}), how)
    cut = len(MICROCODE) + int((len(content) - len(MICROCODE)) * share)

    assert read(tmp_path, content[:cut]).problem in ("it is cut short", "it is garbled")


def test_an_image_that_only_root_may_read_says_so():
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o755)
        (root / "boot").mkdir()
        (root / IMAGE).touch(mode=0)

        with as_nobody():
            image = read_boot_image(root, IMAGE)

    assert (image.problem, image.is_damaged) == (CLOSED, False)


def test_an_image_that_is_not_there_and_one_that_is_no_file_say_so(tmp_path: Path):
    (tmp_path / "boot").mkdir()
    os.mkfifo(tmp_path / "boot/fifo")

    assert [read_boot_image(tmp_path, one).problem for one in ("boot/none", "boot/fifo")] == [
        "reading it failed (No such file or directory)",
        "reading it failed (it is no regular file)",
    ]


@pytest.mark.parametrize(
    ("files", "kernel", "images"),
    [
        (["boot/vmlinuz-K", "boot/initrd.img-K"], "boot/vmlinuz-K", ["boot/initrd.img-K"]),
        (["boot/vmlinuz-K", "boot/initramfs-K.img"], "boot/vmlinuz-K", ["boot/initramfs-K.img"]),
        (["usr/lib/modules/K/vmlinuz"], "usr/lib/modules/K/vmlinuz", []),
        (
            ["boot/vmlinuz-linux", "boot/initramfs-linux.img", "boot/initramfs-linux-fallback.img"],
            "boot/vmlinuz-linux",
            ["boot/initramfs-linux.img", "boot/initramfs-linux-fallback.img"],
        ),
        (["boot/efi/0a1b/K/linux", "boot/efi/0a1b/K/initrd"], "boot/efi/0a1b/K/linux", ["boot/efi/0a1b/K/initrd"]),
        (["efi/EFI/Linux/arch-linux.efi"], "efi/EFI/Linux/arch-linux.efi", ["efi/EFI/Linux/arch-linux.efi"]),
        (["boot/EFI/Linux/0a1b-K+3.efi"], "boot/EFI/Linux/0a1b-K+3.efi", ["boot/EFI/Linux/0a1b-K+3.efi"]),
        (["boot/vmlinuz-K2", "boot/initrd.img-K.old-dkms", "boot/EFI/Linux/0a1b-K2.efi"], "", []),
    ],
    ids=["debian", "fedora", "not-mounted", "arch", "kernel-install", "arch-unified", "unified", "others"],
)
def test_the_kernel_and_its_images_are_found_where_distributions_put_them(
    tmp_path: Path, files: list[str], kernel: str, images: list[str]
):
    folder = f"usr/lib/modules/{KERNEL}"
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "pkgbase").write_text("linux\n")
    for one in files:
        path = tmp_path / one.replace("K", KERNEL)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    system = SystemRoot(tmp_path)

    assert kernel_file(system, KERNEL, folder) == kernel.replace("K", KERNEL)
    assert images_of(system, KERNEL, folder) == tuple(one.replace("K", KERNEL) for one in images)

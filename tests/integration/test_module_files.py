"""What a system's kernels would load, held against the real depmod, modinfo and modprobe."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.host.modulefiles import read_contents, read_kernels, signer_of
from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.model.kernel import DAMAGED, EMPTY, FOREIGN, UNREADABLE, Kernel
from tests.support.kernelmodules import AARCH64, CARDS, KERNEL, module, packed, signed
from tests.support.nobody import as_nobody

FOLDER = f"usr/lib/modules/{KERNEL}"
IN_TREE = "kernel/drivers/gpu/drm/amd/amdgpu/amdgpu.ko"
CARD = "pci:v00001002d0000731Fsv0sd0bc03sc00i00"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A merged /usr without a module."""
    (tmp_path / FOLDER / "kernel").mkdir(parents=True)
    (tmp_path / "lib").symlink_to("usr/lib")
    return tmp_path


@pytest.fixture
def shared() -> Iterator[Path]:
    """A root that every user may enter: the folders of pytest are its user's own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / FOLDER / "kernel").mkdir(parents=True)
        yield Path(folder)


def put(root: Path, path: str, content: bytes | None = None, kernel: str = KERNEL) -> Path:
    """The file of a module at *path* below the kernel's folder, packed as its suffix says."""
    file = root / "usr/lib/modules" / kernel / path
    file.parent.mkdir(parents=True, exist_ok=True)
    name, _, suffix = file.name.partition(".ko")
    file.write_bytes(packed(module(name, kernel), f".ko{suffix}") if content is None else content)
    return file


def depmod(root: Path, kernel: str = KERNEL) -> None:
    """Write the index with the rules of *root*; by itself depmod takes those of the machine that it runs on."""
    if shutil.which("depmod") is None:
        pytest.skip("no depmod here: install kmod")
    rules = root / "etc/depmod.d"
    rules.mkdir(parents=True, exist_ok=True)
    subprocess.run(["depmod", "-C", rules, "-b", root, kernel], capture_output=True, check=True)


def the_kernel(root: Path) -> Kernel:
    (kernel,) = read_kernels(root)
    return kernel


def test_every_copy_is_found_with_what_its_bytes_say(root: Path):
    content = signed(module(parameters=("vm_size:int", "audio:bool"), more=("version=6.3",)))
    put(root, IN_TREE + ".zst", packed(content, ".ko.zst"))
    put(root, "updates/dkms/amdttm.ko.xz")
    put(root, "odd folder/amd-sched.ko")
    put(root, "kernel/other.ko")

    found = {one.path: one for one in the_kernel(root).modules}

    assert {one.removeprefix(f"{FOLDER}/"): file.name for one, file in found.items()} == {
        IN_TREE + ".zst": "amdgpu",
        "updates/dkms/amdttm.ko.xz": "amdttm",
        "odd folder/amd-sched.ko": "amd-sched",
    }
    said = found[f"{FOLDER}/{IN_TREE}.zst"].contents
    raw = packed(content, ".ko.zst")
    assert (said.size, said.md5, said.sha256) == (
        len(raw),
        hashlib.md5(raw).hexdigest(),
        hashlib.sha256(raw).hexdigest(),
    )
    assert said.unpacked == hashlib.sha256(content).hexdigest()
    assert (said.fault, said.kernel, said.version, said.is_signed) == ("", KERNEL, "6.3", True)
    assert said.parameters == ("audio:bool", "vm_size:int")


@pytest.mark.parametrize("suffix", [".ko", ".ko.xz", ".ko.zst", ".ko.gz"])
def test_every_suffix_holds_the_same_module(root: Path, suffix: str):
    put(root, f"kernel/amdgpu{suffix}")

    assert the_kernel(root).modules[0].contents.unpacked == hashlib.sha256(module()).hexdigest()


@pytest.mark.parametrize(
    ("suffix", "content", "fault"),
    [
        (".ko", b"", EMPTY),
        (".ko", b"no module, but a text\n" * 50, DAMAGED),
        (".ko", module()[:-1], DAMAGED),
        (".ko", module()[: len(module()) // 2], DAMAGED),
        (".ko", module()[:20], DAMAGED),
        (".ko", signed(module())[:-30], DAMAGED),
        (".ko", module("nouveau"), DAMAGED),
        (".ko", module(kernel="6.1.0-49-amd64"), FOREIGN),
        (".ko.xz", packed(module(), ".ko.xz")[:-8], DAMAGED),
        (".ko.xz", packed(module(), ".ko.xz") + b"more", DAMAGED),
        (".ko.zst", packed(module(payload=bytes(range(256)) * 9), ".ko.zst")[:-8], DAMAGED),
        (".ko.zst", b"\x28\xb5\x2f\xfd" + b"garbled" * 20, DAMAGED),
        (".ko.gz", packed(module(), ".ko.gz")[:200], DAMAGED),
        (".ko.xz", b"", EMPTY),
        (".ko", module(), ""),
        (".ko", signed(module()), ""),
    ],
)
def test_what_is_wrong_with_a_module_is_seen_without_its_package(
    root: Path, suffix: str, content: bytes, fault: str
):
    put(root, f"kernel/amdgpu{suffix}", content)

    assert [one.fault for one in the_kernel(root).modules] == [fault]


def test_a_program_and_a_module_for_another_machine_are_damaged(root: Path):
    put(root, "kernel/fs/ext4.ko")
    put(root, "kernel/amdgpu.ko", module(machine=AARCH64))
    put(root, "kernel/amdttm.ko", Path("/bin/sh").read_bytes())

    assert {one.name: one.fault for one in the_kernel(root).modules} == {"amdgpu": DAMAGED, "amdttm": DAMAGED}


def test_another_machines_kernel_is_read_like_this_ones(root: Path):
    put(root, "kernel/fs/ext4.ko", module("ext4", machine=AARCH64))
    put(root, "kernel/amdgpu.ko", module(machine=AARCH64))

    assert the_kernel(root).modules[0].fault == ""


def test_the_index_is_read_as_kmod_has_it(root: Path):
    put(root, IN_TREE)
    put(root, "updates/dkms/amdgpu.ko")
    put(root, "kernel/amd-sched.ko", module("amd_sched", aliases=()))
    depmod(root)

    kernel = the_kernel(root)

    assert dict(kernel.listed) == {
        "amdgpu": f"{FOLDER}/updates/dkms/amdgpu.ko",
        "amd-sched": f"{FOLDER}/kernel/amd-sched.ko",
    }
    assert kernel.has_aliases
    done = subprocess.run(["modprobe", "-d", root, "-S", KERNEL, "-D", CARD], capture_output=True, check=True)
    assert done.stdout.decode().split()[1].endswith("updates/dkms/amdgpu.ko")


def test_a_cut_module_loses_its_aliases_and_that_is_seen(root: Path):
    put(root, IN_TREE, module()[:-100])
    depmod(root)

    assert not the_kernel(root).has_aliases


def test_an_alias_that_leads_to_another_module_does_not_count(root: Path):
    put(root, IN_TREE, module(aliases=("pci:v000010DEd*sv*sd*bc*sc*i*",)))
    put(root, "kernel/radeon.ko", module("radeon", aliases=(CARDS,)))
    depmod(root)

    assert not the_kernel(root).has_aliases


def test_a_text_index_that_was_renewed_without_the_binary_one_does_not_count(root: Path):
    put(root, IN_TREE)
    depmod(root)
    put(root, "updates/amdgpu.ko")
    (root / FOLDER / "modules.dep").write_text(f"updates/amdgpu.ko:\n{IN_TREE}:\n")

    before = the_kernel(root)
    for one in ("modules.dep.bin", "modules.alias.bin"):
        (root / FOLDER / one).unlink()
    without = the_kernel(root)

    assert (dict(before.listed), before.has_aliases) == ({"amdgpu": f"{FOLDER}/{IN_TREE}"}, True)
    assert (without.listed, without.has_aliases) == ((), False)


@pytest.mark.parametrize("kept", [0, 3, 12, 60, -1])
def test_a_cut_index_lists_nothing_or_what_it_holds(root: Path, kept: int):
    put(root, IN_TREE)
    depmod(root)
    for one in ("modules.dep.bin", "modules.alias.bin"):
        index = root / FOLDER / one
        index.write_bytes(index.read_bytes()[:kept])

    kernel = the_kernel(root)

    assert (kernel.listed, kernel.has_aliases) == ((), False)


def test_links_into_another_kernels_folder_are_followed_inside_the_root_only(root: Path, tmp_path: Path):
    other = "6.1.0-49-amd64"
    put(root, "extra/amdgpu.ko", kernel=other)
    (root / FOLDER / "weak-updates").mkdir()
    (root / FOLDER / "weak-updates/amdgpu.ko").symlink_to(f"/lib/modules/{other}/extra/amdgpu.ko")
    (root / FOLDER / "updates").symlink_to("/etc")
    (root / FOLDER / "kernel/loop").symlink_to("..")
    (root / FOLDER / "build").symlink_to("..")
    (root / FOLDER / "kernel/amdttm.ko").symlink_to("nowhere")

    kernel = read_kernels(root)[-1]

    assert kernel.release == KERNEL
    assert [(one.path, one.target, one.fault) for one in kernel.modules] == [
        (f"{FOLDER}/weak-updates/amdgpu.ko", f"usr/lib/modules/{other}/extra/amdgpu.ko", "")
    ]


def test_kernels_are_sorted_as_versions_and_folders_that_never_held_modules_are_none(root: Path):
    for release in ("6.1.0-9-amd64", "5.14.0-427.el9.x86_64", "6.12.107+deb13-amd64", "6.9.0-rc1_custom"):
        (root / f"usr/lib/modules/{release}/kernel").mkdir(parents=True)
    (root / "usr/lib/modules/6.0.0-1-amd64").mkdir()
    (root / "usr/lib/modules/6.0.0-1-amd64/modules.order").touch()
    (root / "usr/lib/modules/only headers/build").mkdir(parents=True)
    put(root, "updates/dkms/amdgpu.ko", kernel="6.0.0-2-amd64")

    assert [one.release for one in read_kernels(root)] == [
        "5.14.0-427.el9.x86_64",
        "6.0.0-1-amd64",
        "6.0.0-2-amd64",
        "6.1.0-9-amd64",
        KERNEL,
        "6.9.0-rc1_custom",
        "6.12.107+deb13-amd64",
    ]


def test_folders_of_both_spellings_are_read_where_usr_is_not_merged(tmp_path: Path):
    (tmp_path / "lib/modules/6.1/kernel").mkdir(parents=True)
    (tmp_path / "usr/lib/modules/6.2/kernel").mkdir(parents=True)

    assert [one.folder for one in read_kernels(tmp_path)] == ["lib/modules/6.1", "usr/lib/modules/6.2"]


def test_a_system_without_kernels_has_none(tmp_path: Path):
    assert read_kernels(tmp_path) == ()


def test_a_module_that_only_root_may_read_is_told(shared: Path):
    put(shared, IN_TREE).chmod(0)
    seen = SystemRoot(shared)

    with as_nobody():
        (kernel,) = read_kernels(shared, seen)

    assert [one.fault for one in kernel.modules] == [UNREADABLE]
    assert seen.unread == (f"`/{FOLDER}/{IN_TREE}` could not be read: Permission denied",)


@pytest.mark.parametrize("suffix", [".ko", ".ko.xz", ".ko.zst", ".ko.gz"])
def test_the_signer_is_told_whatever_the_compression(root: Path, suffix: str):
    if shutil.which("modinfo") is None:
        pytest.skip("no modinfo here: install kmod")
    content = packed(signed(module(), "A key"), f"{suffix}")
    file = put(root, f"kernel/with space/amdgpu{suffix}", content)

    assert signer_of(root, f"lib/modules/{KERNEL}/kernel/with space/{file.name}") == "A key"


@pytest.mark.parametrize("content", [b"", b"text", module(), signed(module())[:50]])
def test_what_is_not_signed_has_no_signer(root: Path, content: bytes):
    file = put(root, "kernel/amdgpu.ko", content)

    assert signer_of(root, str(file.relative_to(root))) == ""


def test_the_real_modinfo_says_the_same(root: Path):
    if shutil.which("modinfo") is None:
        pytest.skip("no modinfo here: install kmod")
    file = put(root, IN_TREE, module(more=("version=6.3",), parameters=("a:int", "b:charp")))
    fields = ("name", "vermagic", "version", "parmtype")

    said = [
        subprocess.run(["modinfo", "-F", one, file], capture_output=True, text=True, check=True).stdout.split("\n")
        for one in fields
    ]

    with file.open("rb") as opened:
        found = read_contents(opened, "amdgpu")
    assert [one[0].strip() for one in said[:3]] == ["amdgpu", found.vermagic, found.version]
    assert tuple(sorted(filter(None, said[3]))) == found.parameters

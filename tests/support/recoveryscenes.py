"""The one list of scenes that every edition of the recovery ends well: how it broke, what is said, what stands.

Each begins with a sound small root, whose state is what has to stand again at the end.
"""

from __future__ import annotations

import hashlib
import lzma
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support import breaking
from tests.support.breaking import in_tree_files, kernels, modules_folder
from tests.support.debs import Deb, build_deb
from tests.support.editions import PROGRAM
from tests.support.kernelmodules import KERNEL, packed
from tests.support.kernelroots import VERSION, bad_module, chroot, good_module, in_tree, write

Damage = Callable[[Path], object]
OLDER = "6.1.0-49-amd64"


@dataclass(frozen=True)
class Scene:
    """One way to break a system, on small roots."""

    name: str
    damage: Damage
    says: tuple[str, ...]
    """What each edition names while it plans."""
    kernels: tuple[str, ...] = (KERNEL,)
    suffix: str = ".ko"
    has_snapshot: bool = False
    with_package: bool = False
    """`--package FILE` of exactly the installed version."""
    words: tuple[str, ...] = ()
    is_renewed: bool = True
    """Whoever broke it ran depmod and made a boot image afterwards."""
    disabled: tuple[str, ...] = ()
    """Files of etc/modprobe.d that stand under another name afterwards."""
    is_everyday: bool = False
    """Whether it runs under every edition with each run of the tests, not only with those of the kernel."""


def truncate_both(root: Path) -> None:
    breaking.truncate_in_tree(root)
    breaking.truncate_in_tree(root, OLDER)


def truncate_older(root: Path) -> None:
    breaking.truncate_in_tree(root, OLDER)


def damage_all(root: Path) -> None:
    """The module, and the newest snapshot of it: the one before is next."""
    breaking.damage_snapshot(max((root / "var/lib/rocmswitch/driver/snapshots").glob("[0-9]*")))
    breaking.truncate_in_tree(root)


def shadow_with_companions(root: Path) -> None:
    """Two modules of one build that nobody recorded: a new one beside an old one ends in `Unknown symbol`."""
    breaking.shadow_by_hand(root)
    for kernel in kernels(root):
        write(modules_folder(root) / kernel / "updates/amdttm.ko", bad_module(kernel, "amdttm"))


def shadow_and_truncate(root: Path) -> None:
    breaking.shadow_by_hand(root)
    breaking.truncate_in_tree(root)


def snapshot_too_late(root: Path) -> None:
    """Whoever made it had the patched module already, and it holds to the byte."""
    for file in in_tree_files(root):
        write(file, bad_module(KERNEL))
    snapshot(root)


def stop_half_way(root: Path) -> None:
    """Runs of both editions were killed while they wrote beside the module, and the journal of one is lost."""
    breaking.truncate_in_tree(root)
    for file in in_tree_files(root):
        for name in (f"{file.name}.rocmswitch-new", f".{file.name}.rocmswitch-1.new"):
            write(file.with_name(name), good_module()[:500])


def blacklist(root: Path) -> None:
    write(root / "etc/modprobe.d/black.conf", "blacklist amdgpu\n")


def leave_index(root: Path) -> None:
    """The module is right again, and depmod has not run since it was not."""
    content = {file: file.read_bytes() for file in in_tree_files(root)}
    breaking.truncate_in_tree(root)
    breaking.renew_index(root)
    for file, good in content.items():
        write(file, good)


def leave_image(root: Path) -> None:
    """The module is right again, and the boot image still holds the one that was not."""
    content = {file: file.read_bytes() for file in in_tree_files(root)}
    breaking.garble_in_tree(root)
    breaking.renew_image(root)
    for file, good in content.items():
        write(file, good)
    breaking.renew_index(root)


def leave_setting(root: Path) -> None:
    """A bad value was taken away again, and the boot image still has it."""
    breaking.set_bad_value(root)
    breaking.renew_image(root)
    (root / "etc/modprobe.d/amdgpu.conf").unlink()


def cut_image(root: Path) -> None:
    for image in (root / "boot").glob("initrd.img-*"):
        write(image, image.read_bytes()[:500])


SCENES = (
    Scene("truncated", breaking.truncate_in_tree, ("amdgpu.ko",), has_snapshot=True, is_everyday=True),
    Scene("empty", breaking.empty_in_tree, ("empty",), has_snapshot=True),
    Scene("garbled", breaking.garble_in_tree, ("amdgpu.ko",), has_snapshot=True),
    Scene("foreign", breaking.replace_by_foreign, ("amdgpu.ko",), has_snapshot=True),
    Scene("gone", breaking.remove_in_tree, ("gone",), with_package=True),
    Scene(
        "truncated, from the package",
        breaking.truncate_in_tree,
        ("linux-image",),
        with_package=True,
        is_everyday=True,
    ),
    Scene(
        "compressed and truncated", breaking.truncate_in_tree, ("amdgpu.ko.xz",), suffix=".ko.xz", with_package=True
    ),
    Scene("a shadow by hand", breaking.shadow_by_hand, ("no package owns it",)),
    Scene("a shadow with a companion", shadow_with_companions, ("amdttm",)),
    Scene("a shadow, and nothing below it", shadow_and_truncate, ("updates/amdgpu.ko",), with_package=True),
    Scene("a DKMS shadow", breaking.shadow_by_dkms, ("amdgpu-patched/1.0",), is_everyday=True),
    Scene("a DKMS source patched", breaking.patch_packaged_source, ("kfd_crat.c",)),
    Scene("a bad value", breaking.set_bad_value, ("vm_size=abc",), disabled=("amdgpu.conf",), is_everyday=True),
    Scene("mtype_local", breaking.set_mtype_local, ("mtype_local=1",), disabled=("amdgpu-mtype.conf",)),
    Scene("a blacklist", blacklist, ("blacklist",), disabled=("black.conf",)),
    Scene("two kernels", truncate_both, (KERNEL, OLDER), kernels=(OLDER, KERNEL), has_snapshot=True),
    Scene("a kernel that was never booted", truncate_older, (OLDER,), kernels=(OLDER, KERNEL), with_package=True),
    Scene("a damaged snapshot", damage_all, ("snapshot",), has_snapshot=True, with_package=True, is_everyday=True),
    Scene("a snapshot of the patched module", snapshot_too_late, ("snapshot",), with_package=True),
    Scene("what a killed run has begun", stop_half_way, ("amdgpu.ko",), has_snapshot=True, is_everyday=True),
    Scene("twins", breaking.put_twin, ("amdgpu.ko.xz",), suffix=".ko.xz", with_package=True),
    Scene("original_module", breaking.move_to_original_module, ("original_module",), is_everyday=True),
    Scene("the original in updates", breaking.move_to_updates, ("updates/dkms",)),
    Scene("a stale index", leave_index, (KERNEL,), is_renewed=False),
    Scene("a stale image", leave_image, ("initrd.img",), is_renewed=False, is_everyday=True),
    Scene("an image that was cut off", cut_image, ("initrd.img",), is_renewed=False),
    Scene("a setting that only the image has", leave_setting, ("initrd.img",), is_renewed=False),
)


def break_root(scene: Scene, root: Path, packages: Path) -> tuple[str, ...]:
    """Do to the sound *root* what *scene* says, and what people do next; the words to type after `recover`."""
    words = list(scene.words)
    for kernel in scene.kernels if scene.with_package else ():
        words += ["--package", str(kernel_package(packages, kernel, scene.suffix))]
    if scene.has_snapshot:
        snapshot(root)
    scene.damage(root)
    if scene.is_renewed:
        breaking.renew_image(root)
    return tuple(words)


def snapshot(root: Path) -> None:
    done = subprocess.run(
        [str(PROGRAM), "driver", "snapshot", "--root", str(root)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def kernel_package(
    folder: Path, kernel: str = KERNEL, suffix: str = ".ko", *, content: bytes | None = None
) -> Path:
    """The .deb that the kernel of a small root was installed from; with other *content*, one of another build."""
    files = {in_tree(kernel, suffix): content or packed(good_module(kernel), suffix)}
    return build_deb(Deb(f"linux-image-{kernel}", VERSION, files=files), folder)


def state(root: Path) -> dict[str, str]:
    """By path the hash of every module and setting: what a recovery is about."""
    found = {}
    for folder in (modules_folder(root), root / "etc/modprobe.d"):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.name.startswith("modules."):
                found[str(path.relative_to(root))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def loaded(root: Path, kernel: str) -> str:
    """What modprobe would load for a card, as a path below the root."""
    said = chroot(root, "modprobe", "-S", kernel, "-D", "pci:v00001002d00007310sv0sd0bc03sc00i00").split()
    assert said[:1] == ["insmod"], said
    return str((root / said[1].lstrip("/")).resolve().relative_to(root.resolve()))


def packed_modules(root: Path, kernel: str) -> set[bytes]:
    """The bytes of every amdgpu in the boot image."""
    shutil.rmtree(root / "tmp/seen", ignore_errors=True)
    chroot(root, "unmkinitramfs", f"/boot/initrd.img-{kernel}", "/tmp/seen")
    found = {file.read_bytes() for file in (root / "tmp/seen").rglob("amdgpu.ko*")}
    shutil.rmtree(root / "tmp/seen")
    return {lzma.decompress(one) if one.startswith(b"\xfd7zXZ") else one for one in found}

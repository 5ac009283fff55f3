"""The ways in which a system's amdgpu gets broken, one function each: on the root of a system that is not running.

    truncate_in_tree(root)                         # every kernel's; `kernel="6.1.0-50-amd64"` only that one's
    renew_image(root)                              # and then as the user did: depmod, a boot image with it inside

They act on the small roots of kernelroots.py and on real Debian trees alike: by files, and by chroot where the
system's own programs do it to users (DKMS, update-initramfs). A file is always replaced, never written into.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.dkmssources import BENIGN, CONFIGURATION, HANGING, MAKEFILE, UNBUILDABLE
from tests.support.kernelmodules import module, packed
from tests.support.kernelroots import add_package, bad_module, chroot, write

DKMS_NAME, DKMS_VERSION = "amdgpu-patched", "1.0"


def modules_folder(root: Path) -> Path:
    """lib/modules itself, which an absolute link of the root must not lead away from."""
    return root / ("usr/lib/modules" if (root / "usr/lib/modules").is_dir() else "lib/modules")


def kernels(root: Path) -> tuple[str, ...]:
    return tuple(sorted(one.name for one in modules_folder(root).iterdir() if (one / "kernel").is_dir()))


def in_tree_files(root: Path, kernel: str = "") -> tuple[Path, ...]:
    """amdgpu as the packages of the kernels (or of *kernel*) have put it."""
    pattern = f"{kernel or '*'}/kernel/drivers/gpu/drm/amd/amdgpu/amdgpu.ko*"
    found = tuple(sorted(modules_folder(root).glob(pattern)))
    assert found, f"there is no amdgpu below {modules_folder(root)} to break"
    return found


def truncate_in_tree(root: Path, kernel: str = "") -> None:
    """Row 1: half of it is there."""
    for file in in_tree_files(root, kernel):
        _replace(file, file.read_bytes()[: file.stat().st_size // 2])


def empty_in_tree(root: Path, kernel: str = "") -> None:
    """Row 2."""
    for file in in_tree_files(root, kernel):
        _replace(file, b"")


def garble_in_tree(root: Path, kernel: str = "") -> None:
    """Row 3: other bytes in the middle: where it is not compressed, modinfo and depmod notice nothing."""
    for file in in_tree_files(root, kernel):
        content = bytearray(file.read_bytes())
        start, length = len(content) // 3, min(800_000, len(content) // 20)
        content[start : start + length] = bytes(byte ^ 0x5A for byte in content[start : start + length])
        _replace(file, bytes(content))


def replace_by_foreign(root: Path, kernel: str = "") -> None:
    """Row 4: a whole module, of another kernel."""
    for file in in_tree_files(root, kernel):
        _replace(file, packed(module(kernel="5.10.0-1-amd64", payload=b"foreign" * 90), _suffix(file)))


def remove_in_tree(root: Path, kernel: str = "") -> None:
    for file in in_tree_files(root, kernel):
        file.unlink()


def shadow_by_hand(root: Path, kernel: str = "") -> None:
    """A patched module that nobody recorded, put where depmod prefers it."""
    for file in in_tree_files(root, kernel):
        shadow = _kernel_folder(file) / "updates" / file.name
        write(shadow, packed(bad_module(_kernel_folder(file).name), _suffix(file)))


def shadow_by_dkms(root: Path, kernel: str = "", *, crat: str = HANGING) -> None:
    """Rows 5 and 6: DKMS has built and installed amdgpu from a source whose kfd_crat.c is *crat*."""
    _write_source(root, crat)
    _build(root, kernel)


def patch_packaged_source(root: Path, kernel: str = "", *, crat: str = HANGING) -> None:
    """Row 14: the source belongs to a package, which states other bytes for kfd_crat.c than are built."""
    folder = _write_source(root, BENIGN)
    files = sorted(str(one.relative_to(root)) for one in folder.iterdir())
    add_package(root, f"{DKMS_NAME}-dkms", files, DKMS_VERSION)
    _replace(folder / "kfd_crat.c", crat.encode())
    _build(root, kernel)


def set_bad_value(root: Path) -> None:
    """Row 7: amdgpu does not load with it."""
    write(root / "etc/modprobe.d/amdgpu.conf", "# from a forum\noptions amdgpu vm_size=abc\n")


def set_mtype_local(root: Path) -> None:
    """Row 7: amdgpu loads with it, and convolutions hang."""
    write(root / "etc/modprobe.d/amdgpu-mtype.conf", "options amdgpu mtype_local=1\n")


def damage_snapshot(snapshot: Path) -> None:
    """Row 10: its amdgpu is not what the manifest says."""
    for file in snapshot.glob("files/**/amdgpu.ko*"):
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 0x5A
        _replace(file, bytes(content))


def put_twin(root: Path, kernel: str = "") -> None:
    """Row 11: somebody unpacked the module beside the compressed one, and that one is cut off."""
    for file in in_tree_files(root, kernel):
        other = ".ko" if _suffix(file) != ".ko" else ".ko.xz"
        write(file.with_name(f"amdgpu{other}"), packed(bad_module(_kernel_folder(file).name), other))
        _replace(file, file.read_bytes()[: file.stat().st_size // 2])


def fill(folder: Path, leave: int = 100_000) -> Path:
    """Row 12: no more than *leave* bytes are free on the file system of *folder*."""
    file = folder / "filler"
    with file.open("wb", buffering=0) as stream:
        # Halving: what the file system needs for itself grows with the file.
        while (rest := _free(folder) - leave) >= 1024:
            stream.write(b"\xa5" * min(max(rest // 2, 1024), 16 << 20))
    return file


def move_to_original_module(root: Path, kernel: str = "") -> None:
    """Row 15: DKMS took the distribution's own away and put its build into updates; its store has the original."""
    for file in in_tree_files(root, kernel):
        release = _kernel_folder(file).name
        place = root / "var/lib/dkms" / DKMS_NAME / "original_module" / release / "x86_64"
        write(place / file.name, file.read_bytes())
        write(place / f"{file.name}.origin", f"/{file.relative_to(root)}\n")
        _replace_by_build(root, file, release)
        file.unlink()


def move_to_updates(root: Path, kernel: str = "") -> None:
    """Row 15: an old DKMS has put the original back, into updates/dkms; the place where it belongs is empty."""
    for file in in_tree_files(root, kernel):
        write(_kernel_folder(file) / "updates/dkms" / file.name, file.read_bytes())
        file.unlink()


def half_configure(root: Path) -> None:
    """Row 16: a DKMS package whose build failed while it, or a kernel, was installed."""
    _write_source(root, UNBUILDABLE)
    add_package(root, f"{DKMS_NAME}-dkms", (), DKMS_VERSION, state="half-configured")


def put_firmware(root: Path) -> None:
    """Row 17: a file that is loaded instead of the one that linux-firmware brings."""
    write(modules_folder(root).parent / "firmware/updates/amdgpu/navi10_sos.bin", b"somebody's")


def renew_index(root: Path, kernel: str = "") -> None:
    """What who puts a module does next. depmod's exit code says nothing about what it could not read."""
    for release in (kernel,) if kernel else kernels(root):
        chroot(root, "depmod", release)


def renew_image(root: Path, kernel: str = "", *, with_amdgpu: bool = True) -> None:
    """An index and a boot image of what is there now, amdgpu in it."""
    wanted = root / "etc/initramfs-tools/modules"
    if with_amdgpu and "amdgpu" not in wanted.read_text().split():
        write(wanted, wanted.read_text() + "amdgpu\n")
    renew_index(root, kernel)
    for release in (kernel,) if kernel else kernels(root):
        chroot(root, "update-initramfs", "-u", "-k", release)


def _write_source(root: Path, crat: str) -> Path:
    folder = root / f"usr/src/{DKMS_NAME}-{DKMS_VERSION}"
    for name, text in (("dkms.conf", CONFIGURATION), ("Makefile", MAKEFILE), ("kfd_crat.c", crat)):
        write(folder / name, text)
    return folder


def _build(root: Path, kernel: str) -> None:
    """By DKMS itself where the root has one, else as its folders look afterwards."""
    for release in (kernel,) if kernel else kernels(root):
        if (root / "usr/sbin/dkms").exists():
            chroot(root, "dkms", "install", "--force", f"{DKMS_NAME}/{DKMS_VERSION}", "-k", release)
        else:
            _replace_by_build(root, in_tree_files(root, release)[0], release)


def _replace_by_build(root: Path, file: Path, release: str) -> None:
    """What DKMS leaves of a build that is installed: its own copy, a link that says which, the shadow."""
    store = root / "var/lib/dkms" / DKMS_NAME
    if not (root / f"usr/src/{DKMS_NAME}-{DKMS_VERSION}").exists():
        _write_source(root, BENIGN)
    content = packed(bad_module(release), _suffix(file))
    write(store / DKMS_VERSION / release / "x86_64/module" / file.name, content)
    for link, target in (
        (store / DKMS_VERSION / "source", f"/usr/src/{DKMS_NAME}-{DKMS_VERSION}"),
        (store / f"kernel-{release}-x86_64", f"{DKMS_VERSION}/{release}/x86_64"),
    ):
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    write(_kernel_folder(file) / "updates/dkms" / file.name, content)


def _kernel_folder(file: Path) -> Path:
    return next(one for one in file.parents if one.parent.name == "modules")


def _suffix(file: Path) -> str:
    return file.name[file.name.index(".ko") :]


def _replace(file: Path, content: bytes) -> None:
    """With the old permissions, and another inode: what is hard-linked or below an overlay stays."""
    mode = file.stat().st_mode & 0o7777
    write(file, content).chmod(mode)


def _free(folder: Path) -> int:
    state = os.statvfs(folder)
    return state.f_bavail * state.f_frsize

"""Small whole systems below a folder: kernels with real modules, a package database, programs to chroot into.

    root = kernel_root(tmp_path / "root")                        # looked at only: no program in it
    root = kernel_root(tmp_path / "root", programs=True)         # chroot ROOT depmod, update-initramfs … work
    path = in_tree(KERNEL)                                       # `usr/lib/modules/…/amdgpu.ko`

The programs are this machine's busybox and kmod with their libraries. `update-initramfs` and `unmkinitramfs` there
are a few lines that make and open an image laid out as initramfs-tools does it, which a small root has no room
for; tests/vm has the real ones. A root with programs has the real index of depmod.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.support.kernelmodules import CARDS, KERNEL, module, packed

VERSION = "6.1.176-1"
FOLDER = "kernel/drivers/gpu/drm/amd/amdgpu"
PARAMETERS = ("vm_size:int", "mtype_local:int", "dc:int", "audio:bool", "disable_cu:charp", "lbpw:int")
SHELL_PROGRAMS = """
sh ash ar awk basename cat chmod chown cp cpio cut date df dirname env false find grep gunzip gzip head id ln ls
md5sum mkdir mktemp mv printf readlink rm rmdir rpm2cpio sed sha256sum sleep sort stat sync tail tar test touch tr
true umount uname uniq unxz wc which xargs xz zcat
"""
KMOD_PROGRAMS = "depmod insmod lsmod modinfo modprobe rmmod"

IMAGE_TOOL = """\
#!/bin/sh
# update-initramfs -u|-c -k KERNEL: the modules that etc/initramfs-tools/modules names, and all of modprobe.d.
set -e
mode=
while [ $# -gt 0 ]; do
    case $1 in -k) kernel=$2; shift ;; -u | -c) mode=$1 ;; esac
    shift
done
image=/boot/initrd.img-$kernel
[ "$mode" = -c ] || [ -e "$image" ] || exit 0
work=$(mktemp -d /var/tmp/image.XXXXXX)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/usr/lib/modules/$kernel" "$work/etc" "$work/usr/lib/modprobe.d"
for name in $(sed 's/#.*//' /etc/initramfs-tools/modules 2>/dev/null); do
    file=$(modinfo -k "$kernel" -F filename "$name") || continue
    inside=${file#*/lib/modules/$kernel/}
    mkdir -p "$work/usr/lib/modules/$kernel/$(dirname "$inside")"
    cp "$file" "$work/usr/lib/modules/$kernel/$inside"
done
cp "/lib/modules/$kernel/modules.order" "$work/usr/lib/modules/$kernel/"
[ ! -d /etc/modprobe.d ] || cp -r /etc/modprobe.d "$work/etc/"
for file in /usr/lib/modprobe.d/*.conf; do [ ! -e "$file" ] || cp "$file" "$work/usr/lib/modprobe.d/"; done
ln -s usr/lib "$work/lib"
(cd "$work" && find . | cpio -o -H newc 2>/dev/null | gzip -1) >"$image.new"
mv "$image.new" "$image"
sync
"""

IMAGE_OPENER = """\
#!/bin/sh
# unmkinitramfs IMAGE FOLDER: an image without microcode goes right into the folder, as initramfs-tools has it.
set -e
mkdir -p "$2"
gzip -t "$1"
cd "$2"
gzip -dc "$1" | cpio -id 2>/dev/null
"""


def in_tree(kernel: str = KERNEL, suffix: str = ".ko", *, merged: bool = True) -> str:
    """The path of amdgpu below the root, as its package installs it."""
    return f"{'usr/' if merged else ''}lib/modules/{kernel}/{FOLDER}/amdgpu{suffix}"


def good_module(kernel: str = KERNEL, name: str = "amdgpu") -> bytes:
    """What the kernel's package ships under *name*."""
    if name == "amdgpu":
        return module(kernel=kernel, payload=b"the distribution's code" * 200, parameters=PARAMETERS)
    return module(name=name, kernel=kernel, payload=b"a companion" * 50, parameters=(), aliases=())


def bad_module(kernel: str = KERNEL, name: str = "amdgpu") -> bytes:
    """One that somebody built from a patched source: whole, of the right kernel, and not the package's."""
    return module(name=name, kernel=kernel, payload=b"patched" * 900, parameters=PARAMETERS, aliases=(CARDS,))


def kernel_root(
    folder: Path, *kernels: str, suffix: str = ".ko", merged: bool = True, programs: bool = False
) -> Path:
    """A sound Debian of *kernels* (KERNEL) in *folder*, made: nothing in it is wrong.

    *merged*: `lib` is a link to `usr/lib`, and dpkg's lists say `usr/lib/…`. With *programs* (root only, else it
    skips) it can be chrooted into, and has an index and boot images that hold amdgpu.
    """
    _outline(folder, merged=merged)
    for kernel in kernels or (KERNEL,):
        add_kernel(folder, kernel, suffix=suffix, merged=merged)
    if programs:
        add_programs(folder)
        for kernel in kernels or (KERNEL,):
            chroot(folder, "depmod", kernel)
            chroot(folder, "update-initramfs", "-c", "-k", kernel)
    return folder


def add_kernel(root: Path, kernel: str, *, suffix: str = ".ko", merged: bool = True) -> None:
    """One more kernel with its package; without an index and an image."""
    path = in_tree(kernel, suffix, merged=merged)
    content = packed(good_module(kernel), suffix)
    write(root / path, content)
    modules = (root / path).parents[6]
    write(modules / "modules.order", f"{FOLDER}/amdgpu.ko\n")
    write(modules / "modules.builtin", "")
    write(root / f"boot/vmlinuz-{kernel}", f"the kernel {kernel}")
    add_package(root, f"linux-image-{kernel}", (path, f"boot/vmlinuz-{kernel}"))


def add_package(
    root: Path, name: str, paths: Iterable[str], version: str = VERSION, state: str = "installed"
) -> None:
    """Let dpkg's database own *paths* as they stand now."""
    listed = tuple(paths)
    with (root / "var/lib/dpkg/status").open("a") as status:
        status.write(
            f"Package: {name}\nStatus: install ok {state}\nPriority: optional\nSection: kernel\nInstalled-Size: 1\n"
            f"Maintainer: Nobody <nobody@example.org>\nArchitecture: amd64\nVersion: {version}\n"
            f"Description: {name}\n\n"
        )
    information = root / "var/lib/dpkg/info"
    folders = sorted({f"/{folder}" for path in listed for folder in list(Path(path).parents)[:-1]})
    write(information / f"{name}.list", "\n".join(["/.", *folders, *(f"/{path}" for path in listed)]) + "\n")
    sums = "".join(f"{hashlib.md5((root / path).read_bytes()).hexdigest()}  {path}\n" for path in listed)
    write(information / f"{name}.md5sums", sums)


def add_programs(root: Path) -> None:
    """This machine's busybox and kmod, to chroot into; skips where there are none, or no right to chroot."""
    if os.geteuid() != 0:
        pytest.skip("only root may chroot")
    for program, names in (("busybox", SHELL_PROGRAMS), ("kmod", KMOD_PROGRAMS)):
        add_program(root, program)
        for name in names.split():
            link = root / ("usr/sbin" if program == "kmod" else "usr/bin") / name
            link.symlink_to(f"/usr/bin/{program}")
    programs = {"update-initramfs": IMAGE_TOOL, "unmkinitramfs": IMAGE_OPENER, "mkinitramfs": "#!/bin/sh\nexit 1\n"}
    for name, text in programs.items():  # the last one only tells which tool this is: the first one does it all
        write(root / "usr/sbin" / name, text).chmod(0o755)
    write(root / "etc/initramfs-tools/modules", "# at the start of the boot\namdgpu\n")


def add_program(root: Path, name: str) -> None:
    """One of this machine's, with the libraries it needs; skips where there is none."""
    found = shutil.which(name, path="/usr/bin:/bin:/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"there is no `{name}` here to put into a small root")
    _install(root, Path(found))


def rescue_system(folder: Path, programs: str) -> Path:
    """What an initramfs has before the root is mounted: an init, devices, and those *programs* of busybox alone."""
    if os.geteuid() != 0:
        pytest.skip("only root may chroot")
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("there is no `busybox` here to put into a small root")
    for name in ("dev", "usr/bin", "proc", "sys"):
        (folder / name).mkdir(parents=True)
    _install(folder, Path(busybox))
    for name in programs.split():
        (folder / "usr/bin" / name).symlink_to("busybox")
    write(folder / "init", "")
    os.mknod(folder / "dev/null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    return folder


def chroot(root: Path, *command: str) -> str:
    """What *command* says inside *root*; it must succeed."""
    paths = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
    done = subprocess.run(
        ["chroot", str(root), *command], capture_output=True, text=True, check=False, env=os.environ | paths
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def write(path: Path, content: str | bytes) -> Path:
    """A new file at *path* (another inode than before), its folders made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _outline(folder: Path, *, merged: bool) -> None:
    for name in ("boot", "dev", "proc", "sys", "run", "tmp", "root", "usr/lib", "usr/bin", "usr/sbin"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name in ("etc/modprobe.d", "var/tmp", "var/lib/dkms", "var/lib/dpkg/info", "usr/src", "usr/lib/modprobe.d"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name in ("bin", "sbin", *(("lib", "lib64") if merged else ())):
        (folder / "usr" / name).mkdir(exist_ok=True)
        (folder / name).symlink_to(f"usr/{name}")
    if not merged:
        (folder / "lib").mkdir()
    write(folder / "var/lib/dpkg/status", "")
    write(folder / "etc/os-release", 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
    write(folder / "etc/fstab", "UUID=00000000-0000-0000-0000-000000000000 / ext4 defaults 0 1\n")


def _install(root: Path, program: Path) -> None:
    """*program* and the libraries that the dynamic linker finds for it, each at the path it is asked for."""
    real = program.resolve()
    shutil.copy2(real, root / "usr/bin" / program.name)
    needed = subprocess.run(["ldd", str(real)], capture_output=True, text=True, check=False).stdout
    for library in re.findall(r"(/[^ )]+)", needed):
        target = root / library.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(Path(library).resolve(), target)

"""Debian systems with Debian's own kernel, as disks to boot and as trees: built once, kept outside the checkout.

with mounted(disk(tmp_path)) as root:
    (root / "etc/modprobe.d/mine.conf").write_text("options amdgpu vm_size=abc\\n")

They lie in `${XDG_CACHE_HOME:-~/.cache}/rocmswitch-tests/vm/SUITE-HASH`, HASH being that of the recipe: the
packages, the scripts beside this file and what follows. Nobody writes into them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from rocmswitch.host.apt import host_mirror
from rocmswitch.host.facts import read_host
from rocmswitch.metadata.manifest import parse_manifest

BOOKWORM, TRIXIE = "bookworm", "trixie"
"""Plain modules below /lib; compressed ones below /usr/lib."""

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rocmswitch-tests/vm"
"""Asked for when this is imported: while they run, tests have a home of their own."""

PROGRAMS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "debugfs": "e2fsprogs",
    "busybox": "busybox",
}
"""What this needs, and the package that brings it."""

_KERNEL = "linux-image-amd64,linux-headers-amd64,initramfs-tools,udev,kmod"
_TOOLS = "busybox,dkms,gcc,make,python3,debsums,zstd,xz-utils,strace"
_MORE = {BOOKWORM: ("linux-image-rt-amd64", "linux-headers-rt-amd64"), TRIXIE: ()}
"""A second kernel, to be installed by the tests that want one."""

# Only what finds the root and the host's share: an initramfs that is small and quick to rebuild, and a share that
# does not need what the tests damage.
_EARLY = """d=$1/etc/initramfs-tools; mkdir -p $d/conf.d; echo MODULES=list >$d/conf.d/guest
printf '%s\\n' virtio_pci virtio_blk ext4 9pnet_virtio 9p >$d/modules"""

_SIZE = "3G"
_SCRIPTS = Path(__file__).parent / "guest"
_MANIFEST = Path(__file__).parents[2] / "manifests/debian-5.2.3.yaml"
_LOCK = "lock"
_IS_EVERYBODY = re.compile(r"\s*0\s+0\s+4294967295\s*")
"""user_namespaces(7): root of a namespace of its own is not root, and mounts no disk."""
# Its input ends with whoever started it. What still works inside a mounted system keeps nothing mounted.
_SWEEP = """cat >/dev/null
for root in "$1"/root-*; do
    umount --recursive --lazy "$root" 2>/dev/null
done
rm -rf --one-file-system "$1"
"""
_UNUSED_DAYS = 14


@cache
def lacking() -> str:
    """Why there can be no such system here, as the reason of a skipped test; empty where there can."""
    if os.geteuid() or not _IS_EVERYBODY.fullmatch(Path("/proc/self/uid_map").read_text()):
        return "needs root: it mounts disks"
    missing = sorted({package for program, package in PROGRAMS.items() if shutil.which(program) is None})
    if missing:
        return f"needs {', '.join(missing)}: apt install {' '.join(missing)}"
    if not Path("/dev/loop-control").exists():
        return "needs loop devices: there is no /dev/loop-control"
    tried = subprocess.run(["unshare", "--mount", "losetup", "--find"], capture_output=True, text=True, check=False)
    return f"needs to mount disks: {tried.stderr.strip()}" if tried.returncode else ""


def skip_where_lacking() -> None:
    reason = lacking()
    if reason:
        pytest.skip(reason)


def base_image(suite: str = BOOKWORM) -> Path:
    """The disk: a bare ext4 file system without a partition table. To be copied by `disk`, not to be written to."""
    return _built(suite) / "disk.img"


def base_tree(suite: str = BOOKWORM) -> Path:
    """The same system as a folder, for chroots of an overlay. Not to be written to."""
    return _built(suite) / "tree"


def seconds_to_build(suite: str = BOOKWORM) -> int:
    """How long it took, here and once."""
    return int((_built(suite) / "seconds").read_text())


def packages(suite: str = BOOKWORM) -> Path:
    """A folder with the package of the kernel inside; for bookworm also those of a second one, with its headers."""
    return _built(suite) / "packages"


def skip_where_archive_lacks(package: Path) -> None:
    """The archive keeps only the newest kernel of a suite; what was built before has to be built anew then."""
    if not _answers(f"{_mirror()}/pool/main/l/linux-signed-amd64/{urllib.parse.quote(package.name)}"):
        pytest.skip(f"Debian's archive has no {package.name} any more; remove {package.parents[1]} to build anew")


def disk(folder: Path, suite: str = BOOKWORM) -> Path:
    """A copy of one's own, sparse (1 GB); to be removed early."""
    copy = folder / "disk.img"
    _run("cp", "--sparse=always", "--reflink=auto", str(base_image(suite)), str(copy))
    return copy


@contextlib.contextmanager
def mounted(image: Path, at: Path | None = None) -> Iterator[Path]:
    """The root of *image*, mounted while the block runs; *at* a folder that is there, or at a new one."""
    folder = at or Path(tempfile.mkdtemp(dir=image.parent, prefix="root-"))
    _run("mount", "-o", "loop", str(image), str(folder))
    try:
        yield folder
    finally:
        _unmount(folder)
        if not at:
            folder.rmdir()


@contextlib.contextmanager
def workplace() -> Iterator[Path]:
    """A folder for disks, beside the built ones; gone afterwards, also where this process is killed.

    Skips where there can be none. What a machine that lost its power has left goes too.
    """
    skip_where_lacking()
    places = CACHE / "machines"
    places.mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / "machines.lock"):
        for lock in places.glob(f"*/{_LOCK}"):
            _clear_if_left(lock.parent)
        folder = Path(tempfile.mkdtemp(dir=places))
        lock = FileLock(folder / _LOCK)
        lock.acquire()
    sweeping = subprocess.Popen(
        ["sh", "-c", _SWEEP, "sh", str(folder)], stdin=subprocess.PIPE, start_new_session=True
    )
    try:
        yield folder
    finally:
        _clear(folder)
        sweeping.communicate()
        lock.release()


def _clear_if_left(folder: Path) -> None:
    """With its sweeper killed too: nobody holds its lock any more."""
    with contextlib.suppress(Timeout), FileLock(folder / _LOCK, timeout=0):
        _clear(folder)


def _clear(folder: Path) -> None:
    for root in folder.glob("root-*"):
        if root.is_mount():
            _unmount(root)
    shutil.rmtree(folder, ignore_errors=True)  # its owner may be doing the same


def _unmount(folder: Path) -> None:
    """Whatever a test has left mounted below goes first; a process that stays inside keeps nothing mounted."""
    finished = subprocess.run(["umount", "--recursive", str(folder)], capture_output=True, text=True, check=False)
    if finished.returncode:
        _run("umount", "--recursive", "--lazy", str(folder))
        raise AssertionError(f"something still used the mounted system: {finished.stderr.strip()}")


@cache
def _built(suite: str) -> Path:
    skip_where_lacking()
    final = CACHE / f"{suite}-{_hash_of_recipe(suite)}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / f"{suite}.lock"):
        if not final.exists():
            _build(suite, final)
        os.utime(final)
    return final


def _hash_of_recipe(suite: str) -> str:
    parts = (suite, _KERNEL, _TOOLS, *_MORE[suite], _EARLY, _SIZE)
    scripts = [(_SCRIPTS / name).read_bytes() for name in ("init", "prepare")]
    return hashlib.sha256(b"\0".join([*(part.encode() for part in parts), *scripts])).hexdigest()[:12]


def _build(suite: str, final: Path) -> None:
    """One to three minutes, and the archive. Under another name first; what a killed run has left goes."""
    _remove_unused()
    mirror = _mirror()
    if not _answers(f"{mirror}/dists/{suite}/InRelease"):
        pytest.skip(f"no system of {suite} is built yet, and Debian's archive does not answer from here")
    started = time.monotonic()
    making = CACHE / f"{suite}.new"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir()
    _bootstrap(suite, making, mirror)
    shutil.copyfile(_SCRIPTS / "init", making / "tree/sbin/guest-init")
    (making / "tree/sbin/guest-init").chmod(0o755)
    _run("truncate", "-s", _SIZE, str(making / "disk.img"))
    _run("mke2fs", "-q", "-t", "ext4", "-L", "guest", "-d", str(making / "tree"), str(making / "disk.img"))
    (making / "seconds").write_text(f"{time.monotonic() - started:.0f}\n")
    _run("sync", "-f", str(making))
    making.rename(final)


def _bootstrap(suite: str, folder: Path, mirror: str) -> None:
    words = [str(_SCRIPTS / "prepare"), '"$1"', str(folder / "packages"), *_MORE[suite]]
    _run(
        "mmdebstrap",
        "--quiet",
        "--mode=root",
        "--variant=minbase",
        "--skip=cleanup/apt/lists",
        '--aptopt=APT::Install-Recommends "false"',
        '--aptopt=Acquire::Languages "none"',
        '--aptopt=Acquire::Check-Valid-Until "false"',
        f"--include={_KERNEL},{_TOOLS}",
        f"--essential-hook={_EARLY}",
        f"--customize-hook=sh {' '.join(words)}",
        suite,
        str(folder / "tree"),
        mirror,
    )


def _mirror() -> str:
    """The product's own choice: what this machine's apt is configured with, else what the manifest names."""
    (source,) = parse_manifest(_MANIFEST.read_bytes(), _MANIFEST.name).rocm.sources
    return (host_mirror(Path("/"), "debian", read_host()) or source.url).rstrip("/")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=20) as response:
            return bool(response.read(1))
    except OSError:
        return False


def _remove_unused() -> None:
    """The systems of recipes that nobody has used for a while: 2 GB each."""
    for one in CACHE.glob("*-*"):
        if one.stat().st_mtime < time.time() - _UNUSED_DAYS * 86400:
            shutil.rmtree(one)


def _run(*command: str) -> None:
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise AssertionError(f"{' '.join(command)}: exit {finished.returncode}\n{finished.stdout}{finished.stderr}")

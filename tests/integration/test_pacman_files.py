"""Whose a file is by pacman's database: as pacman writes it, made by the real one where it is here."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from rocmswitch.host.packagefiles import PackageFiles
from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.metadata.pacmandb import parse_mtree
from rocmswitch.model.kernel import Owner
from tests.support.kernelroots import write

K = "6.11.5-arch1-1"
MODULE = f"usr/lib/modules/{K}/kernel/drivers/gpu/drm/amd/amdgpu/amdgpu.ko.zst"
LOCAL = "var/lib/pacman/local/linux-6.11.5.arch1-1"
PKGINFO = "pkgname = linux\npkgver = 6.11.5.arch1-1\npkgdesc = x\nsize = 5\narch = any\nbackup = etc/a b.conf\n"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "a root"
    write(root / MODULE, "good\n")
    write(root / "etc/a b.conf", "# mine\n")
    (root / "lib").symlink_to("usr/lib")
    write(root / "var/lib/pacman/local/ALPM_DB_VERSION", "9\n")
    write(root / LOCAL / "desc", "%NAME%\nlinux\n\n%VERSION%\n6.11.5.arch1-1\n\n%DESC%\nx\n\n")
    write(root / LOCAL / "files", f"%FILES%\netc/\netc/a b.conf\nusr/\n{MODULE}\n\n%BACKUP%\netc/a b.conf\tx\n\n")
    listed = "".join(
        f"./{path} time=1.0 size=5 md5digest=0 sha256digest={sha256(text)}\n"
        for path, text in (("etc/a\\040b.conf", "# theirs\n"), (MODULE, "good\n"))
    )
    write(root / LOCAL / "mtree", gzip.compress(f"#mtree\n/set type=file uid=0 gid=0 mode=644\n{listed}".encode()))
    return root


def test_files_belong_to_the_package_that_lists_them_with_the_hash_of_its_mtree(root):
    packages = PackageFiles(root)

    assert (packages.kind, packages.owners([MODULE, "etc/a b.conf", "etc/alien"])) == (
        "pacman",
        {
            MODULE: Owner("linux", "6.11.5.arch1-1", "sha256", sha256("good\n"), True),
            "etc/a b.conf": Owner("linux", "6.11.5.arch1-1", "sha256", sha256("# theirs\n"), False),
            "etc/alien": None,
        },
    )


def test_the_package_of_a_kernel_and_what_it_lists_are_known_where_the_module_is_gone(root):
    (root / MODULE).unlink()
    packages = PackageFiles(root)

    assert packages.package_of_kernel(K) == ("linux", "6.11.5.arch1-1")
    (stated,) = packages.stated_modules(K, f"usr/lib/modules/{K}")
    assert (stated.name, stated.path, stated.owner.is_intact) == ("amdgpu", MODULE, None)


@pytest.mark.parametrize(
    "content", [b"", b"no gzip", gzip.compress(b"x" * 99, mtime=0)[:-9], b"\x1f\x8b\x08\0\0\0\0\0\0\3\xff"]
)
def test_a_damaged_list_of_hashes_leaves_owners_without_one_and_is_told(root, content):
    write(root / LOCAL / "mtree", content)
    files = SystemRoot(root)

    assert PackageFiles(files).owner(MODULE) == Owner("linux", "6.11.5.arch1-1")
    assert len(files.unread) == (1 if content else 0)


def test_what_is_no_package_is_passed_over(root):
    write(root / "var/lib/pacman/local/odd/desc", b"%NAME%\n\xff\0\n")
    write(root / "var/lib/pacman/local/file", "x")

    assert PackageFiles(root).version("linux") == "6.11.5.arch1-1"


def test_a_path_in_an_mtree_has_its_escapes_undone():
    digest = "a" * 64

    assert dict(parse_mtree(f"./a\\040\\303\\244 size=1 sha256digest={digest}\n./dir type=dir\n".encode())) == {
        "a ä": digest
    }


@pytest.mark.skipif(
    shutil.which("pacman") is None or shutil.which("bsdtar") is None, reason="needs pacman and bsdtar"
)
def test_a_package_that_the_real_pacman_installed_owns_its_files(tmp_path):
    tree, root = tmp_path / "tree", tmp_path / "root"
    write(tree / ".PKGINFO", PKGINFO)
    write(tree / MODULE, "good\n")
    write(tree / "etc/a b.conf", "# theirs\n")
    (root / "var/lib/pacman").mkdir(parents=True)
    folders = {"root": root, "dbpath": root / "var/lib/pacman", "cachedir": tmp_path, "hookdir": tmp_path}
    folders |= {"gpgdir": tmp_path, "config": Path("/dev/null"), "logfile": Path("/dev/null")}
    options = ["--noconfirm", "--noscriptlet", *(f"--{name}={path}" for name, path in folders.items())]
    made = [
        [
            "bsdtar",
            "-czf",
            ".MTREE",
            "--format=mtree",
            "--options=!all,use-set,type,mode,size,sha256",
            "etc",
            "usr",
        ],
        ["bsdtar", "-czf", str(tmp_path / "linux.pkg.tar.gz"), ".PKGINFO", ".MTREE", "etc", "usr"],
        ["pacman", *options, "-U", str(tmp_path / "linux.pkg.tar.gz")],
    ]
    for command in made:
        done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
        if done.returncode and "root" in done.stderr:
            pytest.skip(done.stderr)
        assert done.returncode == 0, done.stdout + done.stderr

    owners = PackageFiles(root).owners([MODULE, "etc/a b.conf"])

    assert [one.is_intact for one in owners.values() if one] == [True, True]

"""Boot images by the real dracut, on a real Debian: brought back by both editions, and opened by its own program.

Nothing is booted. There is no such test of mkinitcpio, which no Debian packages.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rocmswitch.host.system import read_system
from rocmswitch.operations.booting import renew
from rocmswitch.system.disk import Disk
from tests.support.breaking import in_tree_files, truncate_in_tree
from tests.support.dracutroots import dracut_root, in_image, kernel_of
from tests.support.editions import APPLY, PYTHON, SHELLS, Edition
from tests.support.kernelroots import write
from tests.support.unifiedimages import STUB
from tests.vm import image

pytestmark = pytest.mark.vm

FOLDER = "kernel/drivers/gpu/drm/amd/amdgpu/amdgpu.ko"


@pytest.fixture
def root() -> Iterator[Path]:
    with dracut_root() as made:
        yield made


@pytest.fixture(params=[PYTHON, SHELLS[0]], ids=lambda one: one.name)
def edition(request: pytest.FixtureRequest) -> Edition:
    return request.param  # type: ignore[no-any-return]


def dracut(root: Path, path: str) -> None:
    """As the user's last `dracut --force` did, whatever is wrong by then."""
    kernel = kernel_of(root)
    subprocess.run(["chroot", root, "depmod", kernel], capture_output=True, check=False)
    subprocess.run(["chroot", root, "dracut", "--force", f"/{path}", kernel], capture_output=True, check=True)


def hash_in(root: Path, path: str) -> str:
    """Of amdgpu in the image *path*."""
    return in_image(root, path, f"usr/lib/modules/{kernel_of(root)}/{FOLDER}")


def package(root: Path) -> str:
    (found,) = image.packages().glob(f"linux-image-{kernel_of(root)}_*.deb")
    return str(found)


def named_by_debian(root: Path) -> str:
    return f"boot/initrd.img-{kernel_of(root)}"


def named_by_dracut(root: Path) -> str:
    """As Fedora has it, and Debian where nobody says otherwise."""
    path = f"boot/initramfs-{kernel_of(root)}.img"
    (root / named_by_debian(root)).rename(root / path)
    return path


@pytest.mark.parametrize("name", [named_by_debian, named_by_dracut])
def test_a_truncated_module_comes_back_in_the_image_too(root: Path, edition: Edition, name: Callable[[Path], str]):
    path, (module,) = name(root), in_tree_files(root)
    good = hashlib.sha256(module.read_bytes()).hexdigest()
    truncate_in_tree(root)
    dracut(root, path)
    assert hash_in(root, path) != good

    finished = edition.recover(root, "--package", package(root), *APPLY)

    assert (finished.status, hash_in(root, path)) == (0, good), finished
    assert [one.path for one in read_system(root).kernels[0].images] == [path]
    assert edition.recover(root).status == 0


def test_a_setting_that_goes_is_gone_from_the_image(root: Path, edition: Edition):
    path = named_by_debian(root)
    (root / "etc/modprobe.d/mine.conf").write_text("options amdgpu vm_size=abc\n")
    dracut(root, path)

    finished = edition.recover(root, *APPLY)

    (made,) = read_system(root).kernels[0].images
    assert (finished.status, [one.path for one in made.settings if "mine" in one.path]) == (0, []), finished


def test_a_unified_image_is_right_again_by_the_line_that_is_named(root: Path, edition: Edition):
    if not STUB.exists():
        pytest.skip("no stub for unified images here: install systemd-boot-efi")
    path, (module,) = f"boot/efi/EFI/Linux/linux-{kernel_of(root)}.efi", in_tree_files(root)
    write(root / STUB.relative_to("/"), STUB.read_bytes())
    (root / path).parent.mkdir(parents=True)
    truncate_in_tree(root)
    line = ["chroot", root, "dracut", "--force", "--uefi", "--kver", kernel_of(root), f"/{path}"]
    subprocess.run(["chroot", root, "depmod", kernel_of(root)], capture_output=True, check=False)
    subprocess.run(line, capture_output=True, check=True)
    (root / named_by_debian(root)).unlink()

    finished = edition.recover(root, "--package", package(root), *APPLY)

    assert finished.status == 4 and finished.mentions(" ".join(map(str, line))), finished
    assert not (root / named_by_debian(root)).exists()
    subprocess.run(line, capture_output=True, check=True)
    again = edition.recover(root)
    assert (again.status, again.mentions(path)) == (0, True), again
    (made,) = read_system(root).kernels[0].images
    good = hashlib.sha256(module.read_bytes()).hexdigest()
    assert [one.unpacked for name, one in made.modules if name == "amdgpu"] == [good]


def test_an_image_that_cannot_be_made_leaves_the_old_one_and_is_said(root: Path):
    """dracut that fails must not have written over what still boots."""
    path = named_by_debian(root)
    before = (root / path).read_bytes()
    (root / "usr/lib/dracut/dracut-functions.sh").write_text("exit 1\n")

    renewed = renew(read_system(root), (), (kernel_of(root),), Disk())

    assert (root / path).read_bytes() == before
    assert [one.path for one in renewed.lacks] in ([], [path])
    assert sorted(one.name for one in (root / "boot").iterdir() if one.name.startswith(".")) == []

"""Systems with two kernels, of which one was never booted: the kernel that was just installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import breaking
from tests.support.kernelroots import chroot, write
from tests.vm import image
from tests.vm.conftest import Machines
from tests.vm.edition import APPLY, BOTH, PYTHON, SHELL, Edition
from tests.vm.guest import Boot
from tests.vm.scenarios import run_driver_snapshot

IMAGE = "linux-image-6*-rt-amd64_*.deb"


@pytest.mark.vm
@pytest.mark.parametrize("edition", BOTH, ids=lambda edition: edition.name)
def test_the_kernel_that_was_never_booted_is_brought_back_too(edition: Edition, machines: Machines) -> None:
    machine = machines("8", "two kernels, one never booted, both truncated", edition.name)
    with machine.mounted() as root:
        installed = install(root, IMAGE)
        assert not installed.returncode, installed.stdout + installed.stderr
        assert not run_driver_snapshot(root)
        breaking.truncate_in_tree(root)
        breaking.renew_image(root)
        kernels = breaking.kernels(root)

        recovered = edition.outside(root, *APPLY)

    assert recovered.status == 0, recovered
    for kernel in kernels:
        machine.assert_loads_its_own(machine.boot(Boot(kernel=kernel)), early=True)


@pytest.mark.vm
def test_a_kernel_that_dkms_left_half_configured_gets_configured(machines: Machines) -> None:
    machine = machines("16", "new kernel, DKMS fails in its postinst", PYTHON.name)
    with machine.mounted() as root:
        leave_half_configured(root)

        recovered = PYTHON.outside(root, *APPLY)

        assert recovered.status == 0, recovered
        assert chroot(root, "dpkg", "--audit") == ""
        (new,) = [kernel for kernel in breaking.kernels(root) if "-rt-" in kernel]
    machine.assert_loads_its_own(machine.boot(Boot(kernel=new)))


@pytest.mark.vm
def test_the_shell_edition_names_the_line_that_configures_it(machines: Machines) -> None:
    machine = machines("16", "new kernel, DKMS fails in its postinst", SHELL.name)
    with machine.mounted() as root:
        leave_half_configured(root)

        recovered = SHELL.outside(root, *APPLY)

        assert recovered.status == 4, recovered
        assert "dpkg --configure -a" in recovered.output, recovered
        configured = dpkg(root, "--configure", "-a")
        assert not configured.returncode, configured.stdout + configured.stderr
        assert SHELL.outside(root, *APPLY).status == 0
        (new,) = [kernel for kernel in breaking.kernels(root) if "-rt-" in kernel]
    machine.assert_loads_its_own(machine.boot(Boot(kernel=new)))


def leave_half_configured(root: Path) -> None:
    """By dpkg and DKMS themselves: a source that no kernel compiles, then a kernel with its headers."""
    source = root / f"usr/src/{breaking.DKMS_NAME}-{breaking.DKMS_VERSION}"
    for name, text in (
        ("dkms.conf", breaking.CONFIGURATION),
        ("Makefile", breaking.MAKEFILE),
        ("kfd_crat.c", breaking.UNBUILDABLE),
    ):
        write(source / name, text)
    chroot(root, "dkms", "add", f"{breaking.DKMS_NAME}/{breaking.DKMS_VERSION}")
    installed = install(root, "linux-headers-6*-common-rt_*.deb", "linux-headers-6*-rt-*.deb", IMAGE)
    assert installed.returncode, f"dpkg should have failed: {installed.stdout}"
    assert "half" in chroot(root, "dpkg", "--audit")


def install(root: Path, *patterns: str) -> subprocess.CompletedProcess[str]:
    """What dpkg inside *root* makes of packages that the built system has beside it."""
    folder = root / "var/tmp/packages"
    folder.mkdir()
    for pattern in patterns:
        (file,) = image.packages().glob(pattern)
        shutil.copy(file, folder)
    finished = dpkg(root, "--install", "--recursive", "/var/tmp/packages")
    shutil.rmtree(folder)
    return finished


def dpkg(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """With /proc, which ends with the process: without it DKMS builds nothing and is content."""
    inside = 'mount -t proc proc "$0/proc" && exec chroot "$0" dpkg "$@"'
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", inside, str(root), *words],
        env={"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

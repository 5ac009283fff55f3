"""`recover --rebuild`: the source is made whole by its package, DKMS builds, and what it has left is looked at."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rocmswitch.operations.recover import Outcome
from rocmswitch.planning.recovery import Wishes
from tests.support import breaking
from tests.support.breaking import DKMS_NAME, DKMS_VERSION
from tests.support.debs import Deb, build_deb
from tests.support.dkmssources import BENIGN, CONFIGURATION, MAKEFILE
from tests.support.kernelmodules import KERNEL, module, packed
from tests.support.kernelroots import in_tree, kernel_root, write
from tests.support.recoveries import planned, recovered
from tests.support.recoveryscenes import loaded, packed_modules

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may chroot")

REBUILD = Wishes(rebuild=True)
SHADOW = f"usr/lib/modules/{KERNEL}/updates/dkms/amdgpu.ko"
CRAT = f"usr/src/{DKMS_NAME}-{DKMS_VERSION}/kfd_crat.c"
SWITCH = f"etc/dkms/{DKMS_NAME}-{DKMS_VERSION}.conf"
REBUILT = module(payload=b"rebuilt" * 90)

DKMS = """\
#!/bin/sh
# dkms build|install --force -m NAME -v VERSION -k KERNEL: of a source that is whole, /usr/share/rebuilt.ko.
set -e
place=/var/lib/dkms/$4/$6/$8/x86_64/module
case $1 in
build)
    grep -q clean "/usr/src/$4-$6/kfd_crat.c"
    mkdir -p "$place"
    cp /usr/share/rebuilt.ko "$place/amdgpu.ko" ;;
install)
    mkdir -p "/lib/modules/$8/updates/dkms"
    cp "$place/amdgpu.ko" "/lib/modules/$8/updates/dkms/amdgpu.ko" ;;
esac
"""


@pytest.fixture
def broken(tmp_path: Path) -> tuple[Path, Path]:
    """A system whose packaged DKMS source was patched and built, and that package."""
    root = kernel_root(tmp_path / "a root", programs=True)
    breaking.patch_packaged_source(root)
    breaking.renew_image(root)
    write(root / "usr/share/rebuilt.ko", REBUILT)
    write(root / "usr/sbin/dkms", DKMS).chmod(0o755)
    texts = {"dkms.conf": CONFIGURATION, "Makefile": MAKEFILE, "kfd_crat.c": BENIGN}
    files = {f"{Path(CRAT).parent}/{name}": text.encode() for name, text in texts.items()}
    return root, build_deb(Deb(f"{DKMS_NAME}-dkms", DKMS_VERSION, files=files), tmp_path)


def rebuilt(root: Path, package: Path) -> Outcome:
    outcome = recovered(root, None, package, wishes=REBUILD)
    assert outcome is not None
    return outcome


def test_the_source_is_made_whole_and_what_was_built_of_it_is_loaded(broken: tuple[Path, Path]):
    root, package = broken

    outcome = rebuilt(root, package)

    assert (outcome.lacks, outcome.is_well) == ((), True)
    assert (root / CRAT).read_text() == BENIGN
    assert (loaded(root, KERNEL), packed_modules(root, KERNEL)) == (SHADOW, {REBUILT})
    assert not (root / SWITCH).exists()
    assert planned(root, package, wishes=REBUILD).is_well


def test_where_a_build_fails_the_kernels_own_module_is_used_and_dkms_does_not_try_again(broken: tuple[Path, Path]):
    root, package = broken
    write(root / "usr/sbin/dkms", "#!/bin/sh\nexit 0\n").chmod(0o755)

    outcome = rebuilt(root, package)

    assert [one.what for one in outcome.lacks] == [
        f"{DKMS_NAME}/{DKMS_VERSION} could not be built for kernel {KERNEL}"
    ]
    assert (loaded(root, KERNEL), (root / SWITCH).exists()) == (in_tree(), True)
    assert planned(root, package).is_well


@pytest.mark.parametrize("has_own", [True, False], ids=["beside the kernel's own", "with nothing else to load"])
def test_a_twin_of_the_shadow_goes_in_the_same_run(broken: tuple[Path, Path], has_own: bool):
    root, package = broken
    if not has_own:
        breaking.remove_in_tree(root)
    twin = write(root / f"{SHADOW}.xz", packed(module(payload=b"twin" * 90), ".ko.xz"))

    outcome = rebuilt(root, package)

    assert (outcome.lacks, outcome.is_well, twin.exists()) == ((), True, False)
    assert loaded(root, KERNEL) == SHADOW
    assert not (root / SWITCH).exists()
    assert planned(root, package, wishes=REBUILD).is_well

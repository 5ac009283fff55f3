"""Debian's stack on machines without any C toolchain: real, minimal systems, entered by chroot."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rocmswitch.host.apt import host_mirror
from rocmswitch.host.facts import read_host

CHECKOUT = Path(__file__).resolve().parents[2]
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
MAKERS = ("mmdebstrap", "debootstrap")
PROXIES = ("http_proxy", "https_proxy", "no_proxy")
LIMIT = 450
"""Seconds for the longest step: a minimal system takes one to two minutes."""

pytestmark = [
    pytest.mark.network,
    pytest.mark.system,
    pytest.mark.skipif(os.getuid() != 0, reason="needs root, to make a minimal system and enter it by chroot"),
    pytest.mark.skipif(os.uname().machine != "x86_64", reason="the stack is for x86-64"),
    pytest.mark.skipif(not any(map(shutil.which, MAKERS)), reason="needs mmdebstrap or debootstrap"),
    pytest.mark.skipif(not KEYRING.exists(), reason=f"needs {KEYRING}"),
]

ENTER = """
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount --bind "$2" "$1/mnt"
root=$1
shift 2
exec chroot "$root" env -i "$@"
"""

STATIC_LIBRARY = """
set -e
cd /mnt
hipcc --offload-arch=gfx1010 -fPIC -fgpu-rdc -c kernel.hip -o kernel.o
ar rc libkernel.a kernel.o
hipcc --offload-arch=gfx1010 -fgpu-rdc -c main.cpp -o main.o
hipcc --offload-arch=gfx1010 -fgpu-rdc --hip-link main.o libkernel.a -latomic -o linked
./linked
"""
KERNEL = """
#include <hip/hip_runtime.h>
__global__ void one(float *x) { *x = 1; }
void launch(float *x) { one<<<1, 1>>>(x); }
"""
MAIN = """
#include <atomic>
#include <iostream>
#include <thread>
struct Wide { long low, high; };
void launch(float *x);
int main(int count, char **) {
    std::atomic<Wide> wide{Wide{1, 41}};
    std::thread([&] { std::cout << wide.load().low + wide.load().high << std::endl; }).join();
    if (count > 1) launch(nullptr);
}
"""


@dataclass(frozen=True)
class Machine:
    """A minimal system in the folder *root*, with *share* as its /mnt, where rocmswitch and its files are."""

    root: Path
    share: Path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        variables = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "PYTHONPATH": "/mnt/packages",
            "PYTHONDONTWRITEBYTECODE": "1",
            "ROCMSWITCH_HOME": "/mnt/home",
            **{one: os.environ[one] for one in PROXIES if one in os.environ},
        }
        inside = [f"{name}={value}" for name, value in variables.items()]
        enter = ["unshare", "--mount", "--pid", "--fork", "sh", "-ec", ENTER, "sh", str(self.root), str(self.share)]
        return subprocess.run(
            [*enter, *inside, *command], capture_output=True, text=True, timeout=LIMIT, check=False
        )

    def rocmswitch(self, *arguments: str) -> str:
        """What it prints. It succeeds."""
        done = self.run("python3", "-m", "rocmswitch", *arguments)
        assert (done.returncode, done.stderr[-2000:] if done.returncode else "") == (0, "")
        return done.stdout


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """With the compiler set of debian-5.2.3 installed. The system itself is kept for the next run of the tests."""
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs to mount: this root may not")
    suite: str = request.param
    root = minimal_system(suite, tmp_path_factory.getbasetemp().parent / "minimal-systems")
    share = tmp_path_factory.mktemp(suite)
    found = Machine(root, share)
    put_rocmswitch(share / "packages", python_of(found))
    for name, content in (("kernel.hip", KERNEL), ("main.cpp", MAIN)):
        (share / name).write_text(content)
    shutil.copy(CHECKOUT / "scripts/saxpy.hip", share)
    found.rocmswitch("install", "debian-5.2.3", "--set", "compiler", "--yes")
    yield found
    # A tree is read-only, and half a gigabyte: pytest would keep three of them.
    shutil.rmtree(share)


def minimal_system(suite: str, folder: Path) -> Path:
    """Debian with a python3 and little else."""
    root = folder / suite
    if root.exists():
        return root
    folder.mkdir(exist_ok=True)
    new = folder / f"{suite}-{os.getpid()}"
    maker = next(one for one in MAKERS if shutil.which(one))
    mirror = host_mirror(Path("/"), "debian", read_host()) or "http://ftp.debian.org/debian"
    options = ("--variant=minbase", "--include=python3,ca-certificates")
    subprocess.run([maker, *options, suite, str(new), mirror], check=True, capture_output=True, timeout=LIMIT)
    shutil.copy("/etc/resolv.conf", new / "etc/resolv.conf")
    return new.rename(root)


def python_of(machine: Machine) -> str:
    program = "import sys; print('%d.%d' % sys.version_info[:2])"
    return machine.run("python3", "-c", program).stdout.strip()


def put_rocmswitch(folder: Path, python: str) -> None:
    """This checkout and what it depends on, for another interpreter than the one that runs here."""
    uv = Path(sys.executable).with_name("uv")
    platform = ("--python-version", python, "--python-platform", "x86_64-manylinux_2_28")
    command = [str(uv), "pip", "install", "--quiet", *platform, "--target", str(folder), str(CHECKOUT)]
    subprocess.run(command, check=True, timeout=LIMIT)


def test_a_machine_without_a_c_toolchain_is_given_one(machine: Machine) -> None:
    asked = machine.run("sh", "-c", "ls /usr/include/stdio.h; command -v ld cc gcc file")
    assert asked.stdout == ""

    machine.rocmswitch(
        "run", "debian-5.2.3", "--", "hipcc", "--offload-arch=gfx1010", "/mnt/saxpy.hip", "-o", "/mnt/saxpy"
    )
    printed = machine.run("/mnt/saxpy").stdout
    code = [sys.executable, str(CHECKOUT / "scripts/code_object.py"), str(machine.share / "saxpy"), "gfx1010"]
    objects = subprocess.run(code, check=True, capture_output=True, text=True).stdout

    assert "HIP runtime 50221153" in printed
    assert "flags 0x133: gfx1010" in objects


def test_static_libraries_are_made_and_linked_with_carried_tools(machine: Machine) -> None:
    printed = machine.rocmswitch("run", "debian-5.2.3", "--", "sh", "-c", STATIC_LIBRARY)

    assert printed == "42\n"


def test_perl_programs_of_the_stack_find_their_modules(machine: Machine) -> None:
    machine.rocmswitch("run", "debian-5.2.3", "--", "roc-obj-ls", "--help")


def test_a_tree_with_carried_parts_is_as_installed(machine: Machine) -> None:
    machine.rocmswitch("verify", "debian-5.2.3")

"""A bundle of Debian's real HIP, signed by Debian, installed where no network is and no Debian key."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rocmswitch.store.receipts import read_files, read_receipt
from tests.support.commandline import CommandLine

pytestmark = pytest.mark.system("debian")

STACK = "debian-5.2.3"


def cut_off(line: CommandLine, *words: str) -> subprocess.CompletedProcess[str]:
    """Run it without a network, and without the keys that Debian has on its machines."""
    line.home.mkdir(parents=True, exist_ok=True)
    keys = "/usr/share/keyrings"
    hide = f'[ ! -d {keys} ] || mount -t tmpfs none {keys}; exec "$@"'
    wrapper = ["unshare", "--net", "--mount", "--map-root-user", "sh", "-c", hide, "sh"]
    if subprocess.run([*wrapper, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no network namespace can be made here")
    command = [*wrapper, sys.executable, "-m", "rocmswitch", *words]
    return subprocess.run(
        command, env=line.variables(), cwd=line.home, capture_output=True, text=True, check=False, timeout=400
    )


@pytest.mark.parametrize(
    ("sets", "environment"),
    (
        pytest.param(("runtime",), False, id="what-this-machine-lacks"),
        pytest.param(
            ("compiler",),
            True,
            id="everything",
            marks=pytest.mark.skipif(
                os.environ.get("TEST_STACKS") != "all", reason="240 MB to download: set TEST_STACKS=all"
            ),
        ),
    ),
)
def test_debian_s_stack_comes_out_of_a_bundle_as_out_of_its_archive(
    sets: tuple[str, ...], environment: bool, tmp_path: Path
):
    line, other, path = CommandLine(tmp_path / "one"), CommandLine(tmp_path / "other"), tmp_path / "debian.tar"
    asked = [word for one in sets for word in ("--set", one)]
    more = ["--venv"] if environment else ["--for-this-host"]
    line.succeed("bundle", "create", STACK, *asked, *more, "-o", str(path), "--yes", PIP_FIND_LINKS="")
    line.succeed("install", STACK, *asked, "--yes")

    done = cut_off(other, "bundle", "install", str(path), *(["--venv", "demo"] if environment else []), "--yes")

    assert done.returncode == 0, done.stderr
    receipts = [read_receipt(one.layout.prefixes / STACK) for one in (line, other)]
    assert receipts[0].tree == receipts[1].tree
    assert {one.verification for one in receipts[1].packages} == {"signed"}
    trees = [[(one.path, one.sha256) for one in read_files(one.layout.prefixes / STACK)] for one in (line, other)]
    assert trees[0] == trees[1]

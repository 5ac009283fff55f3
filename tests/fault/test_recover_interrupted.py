"""Commands that change the driver, interrupted by Ctrl-C while a boot image is made: no word that is not so."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support import breaking
from tests.support.commandline import CommandLine
from tests.support.kernelmodules import KERNEL
from tests.support.kernelroots import kernel_root, write
from tests.support.running import Running

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may recover a system")
TOOL = "usr/sbin/update-initramfs"
WORDS = {
    "recover": (("recover", "--apply", "--yes"), "the same command does the rest"),
    "set": (("driver", "set", "amdgpu.dc=0", "--yes"), "the same command does the rest"),
    "undo": (("undo", "driver", "--yes"), "`rocmswitch recover --root '{root}'` says which"),
}


@pytest.mark.parametrize("verb", WORDS)
def test_ctrl_c_while_a_boot_image_is_made_says_that_something_is_left(verb: str, tmp_path: Path):
    line = CommandLine(tmp_path)
    root = kernel_root(tmp_path / "a root", programs=True)
    words, told = WORDS[verb]
    if verb == "recover":
        breaking.shadow_by_hand(root)
        breaking.renew_image(root)
    if verb == "undo":
        line.succeed("driver", "set", "amdgpu.dc=0", "--yes", "--root", str(root))
    tool = (root / TOOL).read_bytes()
    write(root / TOOL, "#!/bin/sh\n: >/var/tmp/begun\nexec sleep 1000\n").chmod(0o755)
    running = Running.start(line, *words, "--root", str(root))
    running.wait_until((root / "var/tmp/begun").exists)

    ended = running.end(signal.SIGINT)

    said = "interrupted: an index or a boot image may be older than the files; "
    assert (ended.code, ended.err.splitlines()[-1], ended.left) == (130, said + told.format(root=root), ())
    write(root / TOOL, tool).chmod(0o755)
    assert line.run("recover", "--root", str(root)).code == 4
    line.succeed("recover", "--root", str(root), "--apply", "--yes")
    assert line.run("recover", "--root", str(root), "--kernel", KERNEL).code == 0

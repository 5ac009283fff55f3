"""Of all commands that change what kernels load, one at a time works on a system."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocmswitch.store.layout import Layout
from rocmswitch.system.lock import held
from tests.support.drivercommand import Driver, need_root
from tests.support.kernelmodules import KERNEL

COMMANDS = {
    "recover": ("recover", "--apply", "--yes"),
    "set": ("driver", "set", "amdgpu.dc=1", "--yes"),
    "unset": ("driver", "unset", "amdgpu.vm_size", "--yes"),
    "undo": ("undo", "driver", "--yes"),
}


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_while_another_one_works_nothing_is_changed(tmp_path: Path, words: tuple[str, ...]):
    need_root()
    driver = Driver.of(tmp_path)
    driver.succeed("driver", "set", "amdgpu.vm_size=8", "--yes")
    index = driver.root / f"usr/lib/modules/{KERNEL}/modules.dep.bin"
    index.write_bytes(b"cut")
    before = driver.conf

    with held(Layout.driver(driver.root).locks / "recover.lock", wait=0, what="a test"):
        outcome = driver.run("--wait", "0", *words)

    assert outcome.code == 75, outcome
    assert f"is working on the kernel modules of `{driver.root}`" in outcome.err
    assert (driver.conf, index.read_bytes()) == (before, b"cut")

"""The power goes while a recovery is at work inside the system: one more ends well, whatever reached the disk.

Each moment is held fast until the cut: strace keeps the call that renames the module from going on.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.support import breaking
from tests.vm.conftest import Machines
from tests.vm.edition import APPLY, BOTH, SHELL, Edition, needs_inside
from tests.vm.guest import CUT, Boot
from tests.vm.machine import own_amdgpu
from tests.vm.scenarios import run_driver_snapshot

HERE = "this is the moment"


@dataclass(frozen=True)
class Moment:
    """When the power goes. `delay` holds the rename of the module, `until` is what a shell waits for beside it."""

    name: str
    until: str
    delay: str = ""
    again_inside: bool = False


BEFORE = Moment("before the rename", "grep -q rename /tmp/calls", "delay_enter=3600s")
AFTER = Moment("after the rename", "cmp -s {file} good", "delay_exit=60s")
IMAGE = Moment("while the boot image is made", "grep -qs mkinit[r]amfs /proc/[0-9]*/cmdline", again_inside=True)
EVERY_TIME = (AFTER, SHELL)
"""It needs nothing from the network."""


def _marks(moment: Moment, edition: Edition) -> tuple[pytest.MarkDecorator, ...]:
    when = pytest.mark.vm("always") if (moment, edition) == EVERY_TIME else pytest.mark.vm()
    return (when, *needs_inside(edition))


CASES = [
    pytest.param(moment, edition, id=f"{moment.name}-{edition.name}", marks=_marks(moment, edition))
    for moment in (BEFORE, AFTER, IMAGE)
    for edition in BOTH
]


@pytest.mark.parametrize(("moment", "edition"), CASES)
def test_after_a_power_cut_one_more_recovery_ends_well(
    moment: Moment, edition: Edition, machines: Machines
) -> None:
    machine = machines("13", f"power cut {moment.name}", edition.name)
    with machine.mounted() as root:
        assert not run_driver_snapshot(root)
        (kernel,), (module,) = breaking.kernels(root), breaking.in_tree_files(root)
        (machine.guest.share / "good").write_bytes(module.read_bytes())
        breaking.truncate_in_tree(root)
        breaking.renew_image(root)
    own = own_amdgpu(machine.suite, kernel).file

    typed = edition.inside(machine.guest, *APPLY)
    cut = machine.boot(Boot(script=_held(typed, moment, own), cut_at=HERE))
    assert cut.report is not None and not cut.report.is_loaded, str(cut)
    if moment.again_inside:
        recovered = machine.boot(Boot(script=typed))
        assert (cut.ending, recovered.status) == (CUT, 0), f"{cut}\n{recovered}"
    else:
        with machine.mounted() as root:
            outside = edition.outside(root, *APPLY)
        assert (cut.ending, outside.status) == (CUT, 0), f"{cut}\n{outside}"

    machine.assert_loads_its_own(machine.boot(), early=True)
    with machine.mounted() as root:
        assert {one.name: one.outside(root).status for one in BOTH} == {"recover": 0, "recover.sh": 0}


def _held(typed: str, moment: Moment, file: str) -> str:
    """The lines that do *typed* until the moment has come, and say so."""
    renames = "rename,renameat,renameat2"
    paths = " ".join(f"-P {path}" for path in ("amdgpu.ko", file, f"/usr{file}", f"/{file}", f"//usr{file}"))
    tracing = (
        f"strace -f -qq --seccomp-bpf -o /tmp/calls {paths} -e trace={renames} -e inject={renames}:{moment.delay}"
    )
    watching = f"until {moment.until.format(file=file)} 2>/dev/null; do sleep 0.1; done; echo {HERE}"
    command = f'{tracing} sh -c "{typed}"' if moment.delay else typed
    return f"( {watching} ) & {command}"

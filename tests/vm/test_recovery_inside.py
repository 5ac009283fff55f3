"""Recovered from inside, in the very system that is broken: what somebody with a rescue shell or over ssh types."""

from __future__ import annotations

import pytest

from tests.support import breaking
from tests.vm.conftest import Machines
from tests.vm.edition import APPLY, BOTH, PYTHON, Edition, needs_inside
from tests.vm.guest import HANG, Boot

EDITIONS = pytest.mark.parametrize(
    "edition", [pytest.param(one, id=one.name, marks=needs_inside(one)) for one in BOTH]
)
WITHOUT = "module_blacklist=amdgpu"


@pytest.mark.vm
@EDITIONS
def test_a_boot_without_the_module_is_enough_to_get_rid_of_one_that_hangs_the_boot(
    edition: Edition, machines: Machines
) -> None:
    machine = machines("5", "DKMS shadow that hangs, from a boot without it", edition.name)
    with machine.mounted() as root:
        breaking.shadow_by_dkms(root)
        breaking.renew_image(root)
    if edition is PYTHON:
        hanging = machine.boot(Boot(silence=30.0))
        assert hanging.ending == HANG and "Oops" in hanging.console, str(hanging)

    recovered = machine.boot(Boot(script=edition.inside(machine.guest, *APPLY), append=WITHOUT))

    assert recovered.status == 0, str(recovered)
    assert WITHOUT in recovered.output, f"says nothing of what the next boot must not have: {recovered}"
    machine.assert_loads_its_own(machine.boot(), early=True)


@pytest.mark.vm
@EDITIONS
def test_a_setting_with_which_amdgpu_does_not_load_is_taken_away(edition: Edition, machines: Machines) -> None:
    machine = machines("7", "options amdgpu vm_size=abc, from inside", edition.name)
    with machine.mounted() as root:
        breaking.set_bad_value(root)
        breaking.renew_image(root)

    recovered = machine.boot(Boot(script=edition.inside(machine.guest, *APPLY)))

    assert recovered.report is not None and not recovered.report.is_loaded, str(recovered)
    assert recovered.status == 0, str(recovered)
    machine.assert_loads_its_own(machine.boot(), early=True)

"""Where the probe runs: which environment a word means, which card it is, which variables reach the processes.

Torch itself is a stand-in here, which tells what it is asked and computes nothing.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from rocmswitch.errors import MachineLacks, NotFound, UsageMistake
from rocmswitch.model.activation import CardVariable
from rocmswitch.model.probe import Surroundings
from rocmswitch.operations import probe
from rocmswitch.operations.probe import Wanted
from rocmswitch.store.installed import Installed
from rocmswitch.store.layout import Layout
from tests.support import furnished
from tests.support.guesttorch import environment
from tests.support.kfd import RX5700XT, RX7900XTX, plug

STAND_IN = """
import sys, types
__version__ = "2.7.1+rocm6.2.4"
version = types.SimpleNamespace(hip="6.2.41134", cuda=None)
card = types.SimpleNamespace(name="a card", {address})
def properties(number):
    sys.modules["rocmswitch_convolutions"] = types.SimpleNamespace(is_active=lambda: True)
    return card
cuda = types.SimpleNamespace(
    is_initialized=lambda: False, is_available=lambda: {available}, get_device_properties=properties
)
"""
SECOND = "pci_domain_id=0, pci_bus_id=8, pci_device_id=0"


def seen(folder: Path, *, address: str = "", available: str = "True") -> Surroundings:
    site = environment(folder / "env", sys.executable)
    (site / "torch.py").write_text(STAND_IN.format(address=address, available=available))
    machine = plug(folder / "machine", RX7900XTX, RX5700XT)
    variables = {**os.environ, "ROCMSWITCH_SYSROOT": str(machine), "HSA_OVERRIDE_GFX_VERSION": "10.3.0\n"}
    plan = probe.plan(str(folder / "env"), Installed([]), variables, Wanted(("training",)))
    return probe.execute(plan, lambda _: None).surroundings


def test_the_card_is_the_one_whose_address_torch_tells(tmp_path: Path):
    found = seen(tmp_path, address=SECOND)

    assert (found.device, found.device_name, found.target) == ("cuda", "a card", "gfx1010")
    assert "Navi 10" in found.card
    assert (found.torch, found.hip, found.cuda) == ("2.7.1+rocm6.2.4", "6.2.41134", "")
    assert not found.is_substitute


def test_without_an_address_it_is_the_kernels_first(tmp_path: Path):
    assert seen(tmp_path).target == "gfx1100"


def test_a_replacement_for_convolutions_that_decides_late_is_told(tmp_path: Path):
    assert seen(tmp_path).convolutions == "fallback"


def test_a_variable_is_recorded_as_what_a_terminal_can_show(tmp_path: Path):
    assert ("HSA_OVERRIDE_GFX_VERSION", "10.3.0\N{REPLACEMENT CHARACTER}") in seen(tmp_path).environment


def test_a_card_that_torch_does_not_see_is_told_with_the_ways_out(tmp_path: Path):
    with pytest.raises(MachineLacks) as caught:
        seen(tmp_path, available="False")

    assert str(caught.value) == f"the torch in `{tmp_path / 'env'}` sees no card"
    assert caught.value.hint == (
        f"run `rocmswitch doctor {tmp_path / 'env'}`, or `rocmswitch probe {tmp_path / 'env'} --device cpu`"
    )


def test_a_card_that_crashes_when_it_is_asked_for_its_name_is_tried_all_the_same(tmp_path: Path):
    found = seen(tmp_path, available="__import__('os').abort()")

    assert (found.device, found.device_name, found.target) == ("cuda", "", "gfx1100")


def test_an_environment_of_ours_is_entered_as_run_enters_it(tmp_path: Path):
    layout = Layout.under(tmp_path / "rocmswitch")
    override = CardVariable("gfx1010", "HSA_OVERRIDE_GFX_VERSION", "10.3.0")
    link = furnished.environment(layout, "myproj", "rocm-6.2.4", bound=False, cards=(override,))
    link.resolve().chmod(0o755)
    (link / "lib/python3.11/site-packages").mkdir(parents=True)
    variables = {**os.environ, "ROCMSWITCH_GPU": "gfx1010"}

    plan = probe.plan("myproj", Installed([layout]), variables, Wanted(("gru",), deadline=5))

    assert (plan.environment, plan.venv, plan.stack) == (link / "bin/python", "myproj", "rocm-6.2.4")
    assert plan.variables["HSA_OVERRIDE_GFX_VERSION"] == "10.3.0"
    assert plan.variables["PATH"].startswith(f"{link}/bin:")
    assert [one.name for one in plan.operations] == ["gru-float32", "gru-float32-backward"]
    assert plan.deadline == 5
    assert probe.plan(str(link), Installed([layout]), variables, Wanted(("gru",), deadline=5)) == plan


def test_what_a_user_has_installed_for_a_python_is_tried_with_it(tmp_path: Path):
    """As `pip install --user` puts it, where an isolated Python does not look."""
    base = tmp_path / "a home/.local"
    packages = base / f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    packages.mkdir(parents=True)
    (packages / "torch.py").write_text(STAND_IN.format(address="", available="True"))
    variables = {**os.environ, "PYTHONUSERBASE": str(base), "ROCMSWITCH_SYSROOT": str(tmp_path)}
    plan = probe.Plan(
        *(Path(os.path.realpath(sys.executable)), "user", "", (), "cuda", 60.0, variables),
        root=tmp_path,
        has_user_packages=True,
    )

    assert probe.execute(plan, lambda _: None).surroundings.torch == "2.7.1+rocm6.2.4"


@pytest.mark.parametrize("deadline", [float("nan"), 0.0, -1.0])
def test_a_deadline_that_never_comes_is_none(deadline: float):
    with pytest.raises(UsageMistake, match="a deadline is a number of seconds"):
        probe.plan("anywhere", Installed([]), os.environ, Wanted(deadline=deadline))


def test_a_stack_is_no_environment_to_try_torch_in(tmp_path: Path):
    layout = Layout.under(tmp_path / "rocmswitch")
    furnished.prefix(layout, "rocm-6.2.4")

    with pytest.raises(NotFound, match=r"`rocm-6\.2\.4` has no Python in which torch could be tried"):
        probe.plan("rocm-6.2.4", Installed([layout]), os.environ, Wanted())

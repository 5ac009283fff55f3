"""When the wheel of the convolutions acts: decided by the cards of the machine, before any GPU is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.guesttorch import GuestTorch
from tests.support.kfd import CPU, NODES, RX5700XT, RX6800, plug, write_node

ONE = [["CUDA", False]]
FAULTLESS = "import torch; report()"


@pytest.fixture(params=(True, False), ids=("by entry point", "by .pth"))
def here(tmp_path: Path, request: pytest.FixtureRequest) -> GuestTorch:
    return GuestTorch(tmp_path, newer=request.param)


def machine(tmp_path: Path, *cards: object) -> Path:
    return plug(tmp_path / "machine", *cards)  # type: ignore[arg-type]


def test_a_card_that_hangs_gets_it_and_the_flag_goes_off(here: GuestTorch, tmp_path: Path) -> None:
    said = here.told(FAULTLESS, cards=machine(tmp_path, RX5700XT))

    assert said == {"installed": ONE, "flag": False, "active": True, "status": "on: gfx1010"}


def test_an_override_changes_nothing_because_the_driver_tells_what_the_card_is(
    here: GuestTorch, tmp_path: Path
) -> None:
    said = here.told(FAULTLESS, cards=machine(tmp_path, RX5700XT), HSA_OVERRIDE_GFX_VERSION="10.3.0")

    assert (said["installed"], said["status"]) == (ONE, "on: gfx1010")


def test_another_card_keeps_miopen(here: GuestTorch, tmp_path: Path) -> None:
    said = here.told(FAULTLESS, cards=machine(tmp_path, RX6800), HSA_OVERRIDE_GFX_VERSION="10.1.0")

    assert said == {"installed": [], "flag": True, "active": False, "status": "off: gfx1030 does not need it"}


@pytest.mark.parametrize(
    ("value", "installed"), (("on", ONE), ("ON ", ONE), ("off", []), ("auto", ONE), ("", ONE)), ids=repr
)
def test_the_user_has_the_last_word(value: str, installed: list[object], tmp_path: Path) -> None:
    here = GuestTorch(tmp_path)

    said = here.told(FAULTLESS, cards=machine(tmp_path, RX5700XT), ROCMSWITCH_CONV=value)

    assert (said["installed"], said["active"]) == (installed, bool(installed))


def test_what_the_variable_cannot_mean_is_said_once_and_passed_over(here: GuestTorch, tmp_path: Path) -> None:
    done = here.run(
        f"{FAULTLESS}; import torch", cards=machine(tmp_path, RX5700XT), ROCMSWITCH_CONV="yes\n\x1b[31m"
    )

    assert done.stderr.splitlines() == [
        "rocmswitch: `ROCMSWITCH_CONV='yes\\n\\x1b[31m'` is none of on, off and auto, and counts as auto"
    ]
    assert '"active": true' in done.stdout


def test_a_torch_that_is_not_for_rocm_is_left_alone_unless_told(tmp_path: Path) -> None:
    here = GuestTorch(tmp_path, hip=None)
    (here.torch / "version.py").write_text("hip = None\ncuda = '13.0'\n")
    root = machine(tmp_path, RX5700XT)

    said = [here.told(FAULTLESS, cards=root, ROCMSWITCH_CONV=value) for value in ("auto", "on")]

    assert [(one["installed"], one["flag"]) for one in said] == [([], True), (ONE, False)]


def test_a_torch_for_processors_has_nothing_to_replace_and_says_nothing(tmp_path: Path) -> None:
    here = GuestTorch(tmp_path, hip=None)

    said = here.told(FAULTLESS, ROCMSWITCH_CONV="on")

    assert (said["installed"], said["flag"], said["active"]) == ([], True, False)


def test_a_script_that_switches_the_flag_on_again_switches_nothing(here: GuestTorch, tmp_path: Path) -> None:
    code = (
        "import torch, torch.backends.cudnn as settings; settings.enabled = True; first = settings.enabled; "
        "torch._C._set_cudnn_enabled(True); report(first=first, second=settings.enabled)"
    )

    said = here.told(code, cards=machine(tmp_path, RX5700XT))

    assert (said["first"], said["second"], said["flag"]) == (False, False, False)


@pytest.mark.parametrize("topology", ("none", "processor alone"))
def test_without_a_topology_the_gpu_is_asked_when_it_is_started(
    topology: str, here: GuestTorch, tmp_path: Path
) -> None:
    root = tmp_path / "machine"
    (root / "sys/class").mkdir(parents=True)
    if topology != "none":
        write_node(root, 0, CPU)
    code = (
        "import torch; import rocmswitch_convolutions as ours; before = ours.status(); "
        "torch.start_gpu(dict(gcnArchName='gfx1012:xnack-')); report(before=before)"
    )

    said = here.told(code, cards=root)

    assert said["before"] == "off: the driver tells of no card: asked again when a GPU is started"
    assert (said["installed"], said["flag"], said["status"]) == (ONE, False, "on: gfx1012")


def test_without_a_topology_another_card_keeps_miopen(here: GuestTorch, tmp_path: Path) -> None:
    (tmp_path / "machine/sys/class").mkdir(parents=True)

    said = here.told(
        "import torch; torch.start_gpu(dict(gcnArchName='gfx1100')); report()", cards=tmp_path / "machine"
    )

    assert (said["installed"], said["flag"]) == ([], True)


BOTH = "dict(pci_domain_id=0, pci_bus_id=9, pci_device_id=0, gcnArchName='gfx1030'), " \
    "dict(pci_domain_id=0, pci_bus_id=8, pci_device_id=0, gcnArchName='gfx1030')"  # fmt: skip
CHOICES = (
    "from rocmswitch_convolutions import registration; from types import SimpleNamespace as Tensor; "
    "wants = registration.choosers[0]; "
    "chosen = [wants(Tensor(device=torch.device('cuda', one))) for one in {cards}]"
)


def test_of_two_cards_the_one_that_hangs_gets_it_whatever_their_order_and_the_override(
    here: GuestTorch, tmp_path: Path
) -> None:
    code = f"import torch; torch.start_gpu({BOTH}); {CHOICES.format(cards='(0, 1, None)')}; report(chosen=chosen)"

    said = here.told(
        code,
        cards=machine(tmp_path, RX5700XT, RX6800),
        HIP_VISIBLE_DEVICES="1,0",
        HSA_OVERRIDE_GFX_VERSION="10.3.0",
    )

    assert said["chosen"] == [False, True, False]
    assert (said["installed"], said["flag"]) == ([["CUDA", True]], True)
    assert said["status"] == "on: gfx1010 among gfx1010 gfx1030"


def test_where_only_the_card_that_hangs_is_visible_the_flag_goes_off_when_it_starts(
    here: GuestTorch, tmp_path: Path
) -> None:
    code = (
        "import torch; before = torch.enabled[0]; "
        "torch.start_gpu(dict(pci_domain_id=0, pci_bus_id=8, pci_device_id=0, gcnArchName='gfx1030')); "
        "report(before=before)"
    )

    said = here.told(code, cards=machine(tmp_path, RX5700XT, RX6800), HIP_VISIBLE_DEVICES="0")

    assert (said["before"], said["flag"]) == (True, False)


@pytest.mark.parametrize(
    ("named", "override", "chosen"), (("gfx1030", "", False), ("gfx1010", "", True), ("gfx1030", "10.3.0", True))
)
def test_a_torch_that_tells_no_place_tells_a_name_and_where_that_is_overridden_the_safe_way_is_taken(
    named: str, override: str, chosen: bool, tmp_path: Path
) -> None:
    here = GuestTorch(tmp_path)
    code = f"import torch; torch.start_gpu(dict(gcnArchName={named!r})); {CHOICES.format(cards='(0,)')}"

    said = here.told(
        f"{code}; report(chosen=chosen)",
        cards=machine(tmp_path, RX5700XT, RX6800),
        HSA_OVERRIDE_GFX_VERSION=override,
    )

    assert said["chosen"] == [chosen]


def test_autoload_that_is_switched_off_switches_it_off(tmp_path: Path) -> None:
    here = GuestTorch(tmp_path)

    said = here.told(FAULTLESS, cards=machine(tmp_path, RX5700XT), TORCH_DEVICE_BACKEND_AUTOLOAD="0")

    assert (said["installed"], said["flag"], said["status"]) == (
        [],
        True,
        "off: nothing has asked for it: torch was not imported, or loads no extensions",
    )


def test_nodes_that_may_not_be_read_or_make_no_sense_are_passed_over(here: GuestTorch, tmp_path: Path) -> None:
    root = machine(tmp_path, RX5700XT)
    (root / NODES / "2").mkdir()
    (root / NODES / "3").mkdir()
    (root / NODES / "3/properties").mkdir()
    write_node(root, "x", "gfx_target_version 110000\n")
    write_node(root, 4, "gfx_target_version many\n\xff\n" + "gfx_target_version 99999999999\n")

    said = here.told(FAULTLESS, cards=root)

    assert said["status"] == "on: gfx1010"


def test_a_wheel_for_another_card_acts_on_that_one_too(tmp_path: Path) -> None:
    here = GuestTorch(tmp_path, target="gfx1030")

    said = here.told(FAULTLESS, cards=machine(tmp_path, RX6800))

    assert (said["installed"], said["flag"], said["status"]) == (ONE, False, "on: gfx1030")

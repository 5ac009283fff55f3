"""Whether an environment gets the wheel that takes the place of MIOpen's convolutions, and which."""

from __future__ import annotations

import ast
import base64
import csv
import hashlib
import io
import zipfile
from pathlib import Path

import pytest
from packaging.utils import parse_wheel_filename

import rocmswitch
from rocmswitch.errors import Refused
from rocmswitch.metadata.purewheel import render_pure_wheel
from rocmswitch.model.convolutionwords import CONVOLUTIONS, FALLBACK, TARGETS, VENDOR
from rocmswitch.model.receipt import InstalledPackage, Receipt
from rocmswitch.model.stack import Gpu, Pytorch, Rocm, Stack
from rocmswitch.planning.convolutions import check_convolutions, takes_fallback, version_for
from rocmswitch.planning.pytorch import Choice
from rocmswitch.store.convolutionwheel import convolution_wheel
from tests.support.pytorchsite import shipped

TORCH = Pytorch(torch="2.7.1+rocm6.2.4", index="https://example.org/whl", python=("cp311",))
STACK = Stack(
    schema=1,
    name="rocm-6.2.4",
    summary="",
    rocm=Rocm(version="6.2.4", root="opt/rocm-6.2.4"),
    pytorch=(TORCH,),
    gpus={"gfx1010": Gpu(support="partial", convolutions="fallback"), "gfx1030": Gpu(support="official")},
)


@pytest.mark.parametrize(
    ("gpu", "cpu", "asked", "taken"),
    (
        ("gfx1010", False, "", True),
        ("gfx1010", False, VENDOR, False),
        ("gfx1010", True, "", False),
        ("gfx1010", True, FALLBACK, False),
        ("gfx1030", False, "", False),
        ("gfx1030", False, FALLBACK, True),
        ("gfx9999", False, "", False),
        ("", False, "", False),
        ("", False, FALLBACK, True),
    ),
)
def test_the_user_decides_else_the_manifest_and_never_for_processors_alone(
    gpu: str, cpu: bool, asked: str, taken: bool
) -> None:
    assert takes_fallback(Choice(STACK, TORCH, gpu, cpu), asked) is taken


def test_the_cards_for_which_it_acts_by_itself_are_those_of_the_shipped_manifests() -> None:
    said = {
        target
        for stack in shipped()
        for target, gpu in stack.get("gpus", {}).items()
        if gpu.get("convolutions") == FALLBACK
    }
    source = Path(rocmswitch.__file__).parent / "guest/convolutions/targets.py"
    (guest,) = (node.value for node in ast.parse(source.read_text()).body if isinstance(node, ast.Assign))

    assert (set(TARGETS), ast.literal_eval(guest)) == (said, TARGETS)


@pytest.mark.parametrize(
    ("version", "target", "expected"),
    (
        ("0.1.0", "", "0.1.0"),
        ("0.1.0", "gfx1012", "0.1.0"),
        ("0.1.0", "gfx1030", "0.1.0+gfx1030"),
        ("0.2.dev1+g123", "gfx90a", "0.2.dev1+g123.gfx90a"),
        ("0.1.0", "gfx9-4-generic", "0.1.0+gfx9.4.generic"),
    ),
)
def test_the_wheel_of_another_card_has_another_version(version: str, target: str, expected: str) -> None:
    assert version_for(version, target) == expected
    assert str(parse_wheel_filename(f"rocmswitch_convolutions-{expected}-py3-none-any.whl")[1]) == expected


def test_the_wheel_is_the_same_bytes_each_time_and_others_for_another_card() -> None:
    assert convolution_wheel() == convolution_wheel("gfx1011")
    assert convolution_wheel("gfx1030") == convolution_wheel("gfx1030")
    assert convolution_wheel("gfx1030").digest != convolution_wheel().digest


def test_a_pure_wheel_states_the_hash_of_each_of_its_files() -> None:
    content = render_pure_wheel("demo-1.0", {"demo.py": b"x = 1\n", "demo-1.0.dist-info/METADATA": b"Name: demo\n"})

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        *rows, own = csv.reader(io.StringIO(archive.read("demo-1.0.dist-info/RECORD").decode()))
        stated = {name: archive.read(name) for name, _, _ in rows}
    assert own == ["demo-1.0.dist-info/RECORD", "", ""]
    assert sorted(stated) == ["demo-1.0.dist-info/METADATA", "demo-1.0.dist-info/WHEEL", "demo.py"]
    for name, digest, size in rows:
        hashed = base64.urlsafe_b64encode(hashlib.sha256(stated[name]).digest()).decode().rstrip("=")
        assert (digest, int(size)) == (f"sha256={hashed}", len(stated[name]))


def receipt(*packages: str) -> Receipt:
    installed = tuple(InstalledPackage(name, "1.0", "", 1, "", "pinned") for name in packages)
    return Receipt("venv", "demo", "rocm-6.2.4", "6.2.4", "demo-0123456789ab", "", packages=installed)


@pytest.mark.parametrize(
    ("asked", "packages"), ((FALLBACK, (CONVOLUTIONS,)), (VENDOR, ()), ("", ()), ("", (CONVOLUTIONS,)))
)
def test_an_environment_that_has_what_is_asked_for_is_taken_as_it_is(asked: str, packages: tuple[str, ...]) -> None:
    check_convolutions(receipt(*packages), asked)

    assert receipt(*packages).has_fallback is bool(packages)


def test_one_that_has_it_not_is_refused_with_the_command_that_makes_it_anew() -> None:
    with pytest.raises(Refused) as caught:
        check_convolutions(receipt("torch"), FALLBACK)

    assert (str(caught.value), caught.value.hint) == (
        "the environment `demo` has MIOpen's own convolutions",
        "run `rocmswitch use rocm-6.2.4 --venv demo --rebind --conv-fallback`, which keeps the old one",
    )

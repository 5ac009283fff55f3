"""Which PyTorch of a stack is meant, for which card, and what is said of pairs that do not go together."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from packaging.tags import cpython_tags

from rocmswitch.errors import MachineLacks, NotFound, UsageMistake
from rocmswitch.model.stack import Glibc, Gpu, Pytorch, Rocm, Stack
from rocmswitch.planning.pytorch import (
    Choice,
    better_stack,
    check_glibc,
    check_interpreter,
    choose_pytorch,
    warnings,
)
from rocmswitch.planning.wheels import Interpreter

INDEX = "https://example.org/whl"


def build(torch: str, python: tuple[str, ...] = ("cp310", "cp311"), **more: object) -> Pytorch:
    return Pytorch(torch=torch, index=INDEX, python=python, **more)  # type: ignore[arg-type]


def stack(name: str, *builds: Pytorch, **gpus: Gpu) -> Stack:
    version = name.partition("-")[2]
    return Stack(
        schema=1, name=name, summary="A stack", rocm=Rocm(version=version, root="opt"), pytorch=builds, gpus=gpus
    )


SIX = stack("rocm-6.2.4", build("2.7.1+rocm6.2.4"), build("2.6.0+rocm6.2.4"), build("2.5.1+rocm6.2"))
FIVE = stack("rocm-5.2.3", build("1.13.1+rocm5.2", ("cp39", "cp310")), build("2.0.0.dev20230209+rocm5.2"))


def interpreter(tag: str) -> Interpreter:
    return Interpreter("/usr/bin/python3", tag, tuple(cpython_tags((3, int(tag[3:])), platforms=["linux_x86_64"])))


def nobody() -> Iterator[Stack]:
    raise AssertionError("other stacks are read although nobody has to be told of them")
    yield


@pytest.mark.parametrize(
    ("wanted", "torch"),
    (
        ("", "2.7.1+rocm6.2.4"),
        ("2.6.0", "2.6.0+rocm6.2.4"),
        ("2.6", "2.6.0+rocm6.2.4"),
        ("2.5.1+rocm6.2", "2.5.1+rocm6.2"),
    ),
)
def test_a_public_version_means_the_build_of_this_stack(wanted: str, torch: str) -> None:
    assert choose_pytorch(SIX, wanted, nobody()).torch == torch


def test_a_nightly_build_is_only_meant_by_its_own_version() -> None:
    assert choose_pytorch(FIVE, "2.0.0.dev20230209", nobody()).torch == "2.0.0.dev20230209+rocm5.2"
    with pytest.raises(NotFound):
        choose_pytorch(FIVE, "2.0.0", ())


def test_the_stacks_that_have_a_missing_pytorch_are_named() -> None:
    others = (stack("rocm-5.6.1", build("2.2.2+rocm5.6")), stack("rocm-5.7.1", build("2.2.2+rocm5.7")), SIX)

    with pytest.raises(NotFound) as caught:
        choose_pytorch(FIVE, "2.2.2", others)

    assert (caught.value.message, caught.value.hint) == (
        "`rocm-5.2.3` has no PyTorch `2.2.2`, only 1.13.1+rocm5.2, 2.0.0.dev20230209+rocm5.2; "
        "rocm-5.6.1 and rocm-5.7.1 have it",
        "run `rocmswitch use rocm-5.7.1 --venv NAME --torch 2.2.2`",
    )


@pytest.mark.parametrize("text", ("latest", "2.6.0; rm", "x" * 1000))
def test_what_is_no_version_is_a_mistake_of_the_command_line(text: str) -> None:
    with pytest.raises(UsageMistake):
        choose_pytorch(SIX, text, nobody())


def test_a_python_without_wheels_is_refused_with_the_command_that_works() -> None:
    with pytest.raises(NotFound) as caught:
        check_interpreter(Choice(FIVE, FIVE.pytorch[0]), interpreter("cp312"))

    assert (caught.value.message, caught.value.hint) == (
        "`rocm-5.2.3` has no wheels for the Python `/usr/bin/python3` (cp312), only for cp39, cp310",
        "run `rocmswitch use rocm-5.2.3 --venv NAME --python 3.10`",
    )


def test_the_command_that_works_never_names_a_build_without_the_global_lock() -> None:
    threaded = stack("rocm-7.0.0", build("2.10.0+rocm7.0", ("cp310", "cp314", "cp314t")))

    with pytest.raises(NotFound) as caught:
        check_interpreter(Choice(threaded, threaded.pytorch[0]), interpreter("cp39"))

    assert caught.value.hint == "run `rocmswitch use rocm-7.0.0 --venv NAME --python 3.14`"


def test_an_old_c_library_is_told_of_the_build_that_still_loads() -> None:
    both = stack("rocm-6.2.4", build("2.7.1+rocm6.2.4", glibc=Glibc(min="2.28")), build("2.5.1+rocm6.2"))

    with pytest.raises(MachineLacks) as caught:
        check_glibc(Choice(both, both.pytorch[0]), "2.17")

    assert (caught.value.message, caught.value.hint) == (
        "torch 2.7.1+rocm6.2.4 needs glibc 2.28, and this machine has 2.17",
        "run `rocmswitch use rocm-6.2.4 --venv NAME --torch 2.5.1+rocm6.2`",
    )
    check_glibc(Choice(both, both.pytorch[0]), "2.28")
    check_glibc(Choice(both, both.pytorch[1]), "2.17")


@pytest.mark.parametrize(
    ("torch", "constraints", "expected"),
    (
        ("2.2.2+rocm5.7", (), ("numpy<2",)),
        ("2.2.2+rocm5.7", ("numpy<1.27",), ("numpy<1.27",)),
        ("2.3.0+rocm6.0", (), ()),
    ),
)
def test_a_torch_from_before_numpy_2_keeps_it_out(
    torch: str, constraints: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    entry = build(torch, constraints=constraints)

    assert Choice(SIX, entry).constraints == expected


def test_the_card_is_written_into_names_and_adds_its_own_wheels() -> None:
    entry = build(
        "2.12.0+rocm10.1.0",
        extras=("device-{gpu}",),
        wheels={"torchvision": "0.27.0+rocm10.1.0", "amd-torch-device-{gpu}": "2.12.0+rocm10.1.0"},
        card_wheels={"gfx1151": {"amd-torch-device-gfx115x": "2.12.0+rocm10.1.0"}},
        bundles_rocm=False,
    )
    choice = Choice(stack("therock-10.1", entry), entry, "gfx1151")

    assert (tuple(choice.wheels), choice.extras, choice.needs_prefix) == (
        ("torch", "torchvision", "amd-torch-device-gfx1151", "amd-torch-device-gfx115x"),
        ("device-gfx1151",),
        False,
    )


def test_for_processors_only_what_is_built_for_them_is_left() -> None:
    entry = build("2.7.1+rocm6.2.4", wheels={"torchvision": "0.22.1+rocm6.2.4", "pytorch-triton-rocm": "3.3.1"})

    assert Choice(SIX, entry, cpu=True).wheels == {"torch": "2.7.1+cpu", "torchvision": "0.22.1+cpu"}


BAD = Gpu(support="partial", known_bad=("conv2d", "torch"), evidence=("ROCm/ROCm#2527",))
WORSE = stack("rocm-6.2.4", build("2.7.1+rocm6.2.4"), gfx1010=BAD)
BETTER = stack("therock-10.1", build("2.12.0+rocm10.1.0"), gfx1010=Gpu(support="reported", known_bad=("int8",)))


def test_known_failures_come_with_evidence_and_the_stack_where_less_fails() -> None:
    assert warnings(Choice(WORSE, WORSE.pytorch[0], "gfx1010"), (WORSE, BETTER)) == (
        "gfx1010 with rocm-6.2.4: known to fail: conv2d, torch (ROCm/ROCm#2527)",
        "therock-10.1 does better on gfx1010: `rocmswitch use therock-10.1 --venv NAME`",
    )


def test_no_stack_is_called_better_where_as_much_fails() -> None:
    assert len(warnings(Choice(BETTER, BETTER.pytorch[0], "gfx1010"), (WORSE, BETTER))) == 1


def test_a_stack_on_which_pytorch_itself_fails_is_worse_than_any_on_which_it_runs() -> None:
    torch_fails = stack("rocm-5.7.1", build("2.3.1+rocm5.7"), gfx1010=Gpu(support="partial", known_bad=("torch",)))
    parts_fail = Gpu(support="reported", known_bad=("triton", "int8"))
    runs = stack("therock-10.1", build("2.12.0+rocm10.1.0"), gfx1010=parts_fail)

    assert (
        "therock-10.1 does better" in warnings(Choice(torch_fails, torch_fails.pytorch[0], "gfx1010"), (runs,))[-1]
    )
    assert len(warnings(Choice(runs, runs.pytorch[0], "gfx1010"), (torch_fails, runs))) == 1


def test_the_better_of_two_faultless_stacks_is_the_official_one_then_the_newer() -> None:
    official, reported = Gpu(support="official"), Gpu(support="reported")
    stacks = (
        stack("rocm-6.0.0", build("2.4.0+rocm6.0"), gfx1100=official),
        stack("rocm-6.1.0", build("2.4.0+rocm6.1"), gfx1100=official),
        stack("rocm-7.0.0", build("2.10.0+rocm7.0"), gfx1100=reported),
    )

    assert better_stack("gfx1100", stacks) == "rocm-6.1.0"


def test_an_unknown_card_is_said_to_be_unknown_and_a_healthy_one_needs_no_words() -> None:
    healthy = stack("rocm-6.2.4", build("2.7.1+rocm6.2.4"), gfx1100=Gpu(support="official"))

    assert warnings(Choice(healthy, healthy.pytorch[0], "gfx1100"), nobody()) == ()
    assert warnings(Choice(healthy, healthy.pytorch[0], "gfx803"), nobody()) == (
        "nothing is known of gfx803 with rocm-6.2.4",
    )


def test_a_build_without_code_for_the_card_is_told_with_the_one_that_has_it() -> None:
    older = build("2.5.1+rocm6.2", without=("gfx1101",))
    six = stack("rocm-6.2.4", build("2.7.1+rocm6.2.4"), older, gfx1101=Gpu(support="reported"))

    assert warnings(Choice(six, older, "gfx1101"), nobody()) == (
        "torch 2.5.1+rocm6.2 has no code for gfx1101; 2.7.1+rocm6.2.4 has: `--torch 2.7.1+rocm6.2.4`",
    )
    assert warnings(Choice(six, six.pytorch[0], "gfx1101"), nobody()) == ()

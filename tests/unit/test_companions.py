"""The versions of companions that torch's METADATA asks for."""

from __future__ import annotations

import pytest

from rocmswitch.planning.companions import is_of_rocm, with_asked

GUESSED = {"triton": "3.7.0", "rocm": "10.1.0", "torchvision": "0.27.0+rocm10.1.0"}


def metadata(*requirements: str) -> bytes:
    lines = "".join(f"Requires-Dist: {one}\n" for one in requirements)
    return f"Metadata-Version: 2.1\nName: torch\nVersion: 2.12.0\n{lines}\n# PyTorch\n".encode()


def test_an_exact_requirement_wins_over_the_guess() -> None:
    said = metadata("filelock", "triton (==3.8.0+git669b31ac.rocm10.1.0)", "rocm[libraries]==10.1.1")

    assert with_asked(GUESSED, said, "3.11") == {
        **GUESSED,
        "triton": "3.8.0+git669b31ac.rocm10.1.0",
        "rocm": "10.1.1",
    }


@pytest.mark.parametrize(
    "requirement",
    (
        "triton>=3",
        "triton==3.*",
        "triton==3.8.0,!=3.8.1",
        "triton",
        'triton==3.8.0; python_version < "3.11"',
        'triton==3.8.0; platform_system == "Windows"',
        'triton==3.8.0; extra == "kernels"',
        "triton==3.8.0 and more",
        "other==1",
    ),
)
def test_what_is_not_asked_for_exactly_here_stays(requirement: str) -> None:
    assert with_asked(GUESSED, metadata(requirement), "3.11") == GUESSED


@pytest.mark.parametrize(
    "name", ("pytorch-triton-rocm", "pytorch-triton", "torchtriton", "triton", "rocm-sdk-core")
)
def test_what_is_of_rocm_comes_from_where_torch_comes_from_whoever_else_has_taken_the_name(name: str) -> None:
    assert is_of_rocm(name)
    assert with_asked({}, metadata(f"{name}==3.3.1", "sympy==1.13.1"), "3.11") == {name: "3.3.1"}


@pytest.mark.parametrize("name", ("sympy", "numpy", "torchmetrics", "pip", "tritonclient", "rocmlir"))
def test_what_anybody_may_publish_comes_from_the_user_s_own_index(name: str) -> None:
    assert not is_of_rocm(name)


def test_names_are_compared_as_indexes_compare_them() -> None:
    asked = with_asked({"pytorch-triton-rocm": "1"}, metadata("PyTorch_Triton.ROCm==3.3.1"), "3.11")

    assert asked == {"pytorch-triton-rocm": "3.3.1"}


@pytest.mark.parametrize("content", (b"", b"\xff\xfe", b"Requires-Dist: \xff==1\n"))
def test_metadata_that_says_nothing_changes_nothing(content: bytes) -> None:
    assert with_asked(GUESSED, content, "3.11") == GUESSED

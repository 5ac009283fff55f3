"""What the driver's numbers of a GPU mean."""

from __future__ import annotations

import pytest

from rocmswitch.model.gpu import Gpu, target_name


@pytest.mark.parametrize(
    ("version", "target"),
    [
        (0, ""),
        (70000, "gfx700"),
        (80003, "gfx803"),
        (90006, "gfx906"),
        (90010, "gfx90a"),
        (90012, "gfx90c"),
        (90402, "gfx942"),
        (90500, "gfx950"),
        (100100, "gfx1010"),
        (100102, "gfx1012"),
        (100306, "gfx1036"),
        (110501, "gfx1151"),
        (120001, "gfx1201"),
    ],
)
def test_the_number_of_a_target_is_read_as_the_compiler_names_it(version: int, target: str):
    assert target_name(version) == target


@pytest.mark.parametrize("version", [-100100, 1, 9999, 91600, 100116, 9999999, 10_000_000, 10**30])
def test_a_number_that_no_driver_states_is_no_target(version: int):
    assert target_name(version) == ""


def test_a_card_is_found_where_lspci_shows_it():
    gpu = Gpu(1, "gfx1010", domain=1, location=0x4A1B, render_minor=129)

    assert (gpu.address, gpu.render_node) == ("0001:4a:03.3", "/dev/dri/renderD129")


def test_a_card_without_a_render_node_names_no_device_file():
    assert Gpu(1, "gfx1010").render_node == ""

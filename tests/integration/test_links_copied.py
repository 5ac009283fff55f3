"""Files that uv copies instead of linking them do not make it forget what an earlier environment has compiled."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocmswitch.errors import VerificationFailed
from rocmswitch.store.virtualenv import Wheel
from tests.integration.test_links import PYTHON, SITE, Shop
from tests.integration.test_protection import cached
from tests.support.pytorchwheels import make

VENDORED = "carrier/_vendor/inner-1.0.dist-info/RECORD"
COMPILED = "carrier/__pycache__"


@pytest.fixture
def carrier(tmp_path: Path) -> Wheel:
    """A wheel with another package inside, as setuptools is one."""
    files = {"carrier/__init__.py": "x = 1\n", VENDORED: "inner/__init__.py,,\n"}
    return cached(tmp_path / "archives", make("carrier", "1.0", files=files))


def test_bytecode_of_a_wheel_that_carries_a_record_stays_linked_when_the_second_environment_goes(
    tmp_path: Path, carrier: Wheel
) -> None:
    shop = Shop(tmp_path)
    shop.make("one", carrier)
    shop.make("two", carrier)
    shop.remove("two")

    shop.make("three", carrier)

    inodes = [
        {path.stat().st_ino for path in (shop.tree(name) / SITE / COMPILED).iterdir()} for name in ("one", "three")
    ]
    assert inodes[0] == inodes[1]


def test_a_copied_record_that_is_not_the_wheels_own_is_noticed_in_the_second_environment_too(
    tmp_path: Path, carrier: Wheel
) -> None:
    shop = Shop(tmp_path)
    shop.make("one", carrier)
    uv, folder = shop.uv(), tmp_path / "two"
    uv.make_environment(folder, PYTHON, (*shop.wheels, carrier))
    (folder / SITE / VENDORED).write_text("something else\n")

    with pytest.raises(VerificationFailed, match="RECORD"):
        uv.list_environment(folder, (*shop.wheels, carrier))

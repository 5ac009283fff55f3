from __future__ import annotations

import pytest
from packaging.tags import cpython_tags

from rocmswitch.errors import NotFound
from rocmswitch.model.package import PINNED, Artifact, Digest
from rocmswitch.model.stack import Wheels
from rocmswitch.planning.wheels import Interpreter, plan_artifacts, wanted_files

PLAIN = "numpy-2.2.6-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
NEWER = "numpy-2.2.6-cp311-cp311-manylinux_2_28_x86_64.whl"
WHEELS = Wheels(packages={"numpy": "2.2.6"}, python=("cp310", "cp311"), hashes={PLAIN: "a" * 64, NEWER: "b" * 64})


def interpreter(tag: str, *platforms: str) -> Interpreter:
    version = (3, int(tag[3:]))
    return Interpreter("/usr/bin/python3", tag, tuple(cpython_tags(version, platforms=platforms)))


def test_the_wheel_with_the_best_tag_of_the_interpreter_is_taken() -> None:
    files = wanted_files(
        WHEELS, "debian-5.2.3", interpreter("cp311", "manylinux_2_28_x86_64", "manylinux_2_17_x86_64")
    )

    assert files == (NEWER,)


def test_a_machine_with_an_older_c_library_gets_the_older_wheel() -> None:
    files = wanted_files(WHEELS, "debian-5.2.3", interpreter("cp311", "manylinux_2_17_x86_64"))

    assert files == (PLAIN,)


def test_a_python_without_wheels_is_refused_with_those_that_would_do() -> None:
    with pytest.raises(NotFound) as caught:
        wanted_files(WHEELS, "debian-5.2.3", interpreter("cp313", "manylinux_2_28_x86_64"))

    assert (str(caught.value), caught.value.hint) == (
        "`debian-5.2.3` has no wheels for the Python `/usr/bin/python3` (cp313), only for cp310, cp311",
        "run `rocmswitch use debian-5.2.3 --venv NAME --python 3.11`",
    )


def test_the_hash_comes_from_the_manifest_and_the_place_from_the_index() -> None:
    artifacts = plan_artifacts((PLAIN,), WHEELS.hashes, {PLAIN: ("https://example.org/n.whl", 7)})

    assert artifacts == (
        Artifact("numpy", "2.2.6", PLAIN, ("https://example.org/n.whl",), 7, Digest.sha256("a" * 64), PINNED),
    )

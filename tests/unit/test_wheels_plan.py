from __future__ import annotations

import pytest
from packaging.tags import cpython_tags

from rocmswitch.errors import MachineLacks, NotFound, Refused
from rocmswitch.model.package import PINNED, Artifact, Digest, Unhashed
from rocmswitch.model.stack import Wheels
from rocmswitch.planning.space import Room, check_wheel_space
from rocmswitch.planning.wheels import (
    Interpreter,
    VenvPlan,
    check_required,
    plan_artifacts,
    unencrypted,
    wanted_files,
)

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


def test_a_python_may_have_another_version_than_the_others() -> None:
    file = "numpy-2.3.5-cp314-cp314-manylinux_2_28_x86_64.whl"
    wheels = Wheels(
        packages={"numpy": "2.2.6"},
        python=("cp311", "cp314"),
        hashes={NEWER: "b" * 64, file: "c" * 64},
        python_packages={"cp314": {"numpy": "2.3.5"}},
    )

    found = [
        wanted_files(wheels, "debian-5.2.3", interpreter(tag, "manylinux_2_28_x86_64"))
        for tag in ("cp311", "cp314")
    ]

    assert found == [(NEWER,), (file,)]


@pytest.mark.parametrize("wrong", [{"cp315": {"numpy": "2.3.5"}}, {"cp310": {"scipy": "1.0"}}])
def test_only_what_is_pinned_anyway_has_another_version_for_a_python(wrong: dict[str, dict[str, str]]) -> None:
    with pytest.raises(ValueError, match="only what `python` and `packages` name can differ"):
        Wheels(packages={"numpy": "2.2.6"}, python=("cp310",), hashes={}, python_packages=wrong)


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


FIRST = Artifact(
    "torch", "2", "torch-2.whl", ("https://x/torch-2.whl",), 1000, Digest.sha256("c" * 64), "first-use"
)
LATER = Unhashed("audio", "2", "audio-2.whl", "http://x.example/audio-2.whl", 500)


def plan(*wheels: Artifact, unhashed: tuple[Unhashed, ...] = (), unpacked: int = 0, **more: str) -> VenvPlan:
    cached = frozenset({"pinned.whl"})
    return VenvPlan(
        "demo",
        "rocm-6.2.4",
        "6.2.4",
        interpreter("cp311"),
        wheels,
        cached,
        unhashed=unhashed,
        unpacked=unpacked,
        **more,  # type: ignore[arg-type]
    )


def test_what_is_here_already_needs_no_download() -> None:
    here = Artifact("a", "1", "pinned.whl", ("https://x/a",), 10, Digest.sha256("d" * 64), PINNED)

    assert plan(FIRST, here, unhashed=(LATER,)).download_size == 1500


@pytest.mark.parametrize(
    ("required", "refused"), ((None, False), ("first-use", False), ("pinned", True), ("signed", True))
)
def test_what_is_checked_by_less_than_required_is_refused(required: str | None, refused: bool) -> None:
    for one in (plan(FIRST), plan(unhashed=(LATER,))):
        if refused:
            with pytest.raises(Refused):
                check_required(one, required)
        else:
            check_required(one, required)


def test_a_tree_is_named_by_what_decides_its_content() -> None:
    names = [
        one.tree
        for one in (
            plan(FIRST),
            plan(FIRST, replaces="demo-0"),
            plan(FIRST, profile="safe"),
            plan(unhashed=(LATER,)),
        )
    ]

    assert len(set(names)) == 4
    assert plan(FIRST, question="q", unpacked=7).tree == names[0]


def test_learned_hashes_make_the_plan_that_states_them_from_the_start() -> None:
    other = Artifact("audio", "2", "audio-2.whl", (LATER.url,), 500, Digest.sha256("e" * 64), "first-use")

    assert plan(FIRST, unhashed=(LATER,)).with_learned([other]).tree == plan(other, FIRST).tree


def test_an_unencrypted_server_is_named_once_and_this_machine_never() -> None:
    local = Unhashed("b", "1", "b.whl", "http://127.0.0.1:8/b.whl", 1)

    assert unencrypted((FIRST,), (LATER, LATER, local)) == (
        "`http://x.example` is not encrypted: whoever controls the network decides what comes from there",
    )


def test_room_is_needed_for_archives_and_for_what_they_hold_but_not_for_links() -> None:
    little = Room("/cache", 1, 20_000_000)

    check_wheel_space(plan(unpacked=10**12), little, little)
    with pytest.raises(MachineLacks):
        check_wheel_space(plan(FIRST, unpacked=10**9), little, little)

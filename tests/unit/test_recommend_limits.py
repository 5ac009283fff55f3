"""What a machine lacks keeps a stack out, with the value and its source; the newest build that fits is taken."""

from __future__ import annotations

import pytest

from rocmswitch.model.recommendation import BLOCKED, RUNS, Machine
from rocmswitch.model.source import Key, Sets, Source
from rocmswitch.model.stack import Glibc, Gpu, Rocm, Stack
from rocmswitch.planning.limits import versions
from rocmswitch.planning.recommend import recommend
from tests.support.recommending import SHIPPED, build, machine, named, of, stack

KNOWN = Gpu(support="official")


def asked(python: str, **more: object) -> Machine:
    return machine("gfx1010", python=f"cp{python.replace('.', '')}", wanted=python, **more)


def limits(one: Stack, here: Machine) -> list[str]:
    (found,) = recommend((one,), here)
    return [str(limit) for limit in found.limits]


def test_an_old_c_library_is_told_by_its_file():
    new = stack("rocm-7.0.0", build("2.10.0", glibc=Glibc(min="2.28")), gfx1100=KNOWN)
    here = machine("gfx1100", glibc="2.17", glibc_file="/lib64/libc.so.6")

    assert limits(new, here) == [
        "needs glibc 2.28 or newer, and this machine has 2.17 (rocm-7.0.0's manifest; /lib64/libc.so.6)"
    ]
    assert recommend((new,), here)[0].command == ()


def test_an_unknown_c_library_keeps_nothing_out():
    new = stack("rocm-7.0.0", build("2.10.0", glibc=Glibc(min="2.28")), gfx1100=KNOWN)

    assert limits(new, machine("gfx1100", glibc="", glibc_file="")) == []


def test_an_older_build_is_taken_where_the_newest_does_not_fit_and_the_command_says_which():
    both = stack("rocm-6.2.4", build("2.7.1", glibc=Glibc(min="2.28")), build("2.5.1"), gfx1100=KNOWN)

    (found,) = recommend((both,), machine("gfx1100", glibc="2.17"))

    assert (found.standing, found.torch) == (RUNS, "2.5.1")
    assert found.command == ("use", "rocm-6.2.4", "--venv", "NAME", "--torch", "2.5.1", "--gpu", "gfx1100")


def test_a_newer_c_library_than_the_wheels_know_is_cured_and_no_limit():
    old = of(recommend(SHIPPED, machine("gfx1010", glibc="2.41")), "rocm-5.2.0")

    assert old.limits == ()
    assert old.notes[1] == (
        "glibc 2.41 refuses a library that asks for an executable stack, as glibc until 2.40 did not: "
        "`use` takes that request away"
    )


def test_a_python_that_was_asked_for_decides_which_stacks_are_left():
    found = recommend(SHIPPED, asked("3.8"))

    assert named(found, RUNS) == ["rocm-5.2.3", "rocm-5.2.1", "rocm-5.2.0"]
    assert found[0].command == (
        *("use", "rocm-5.2.3", "--venv", "NAME"),
        *("--python", "3.8", "--gpu", "gfx1010"),
    )
    assert str(of(found, "therock-10.1").limits[0]) == (
        "needs Python 3.10 to 3.14, and 3.8 was asked for (therock-10.1's manifest)"
    )


def test_a_python_that_was_given_by_its_path_stays_one_in_the_command():
    here = machine("gfx1010", python="cp312", wanted="/opt/my python/bin/python3")

    assert recommend(SHIPPED, here)[0].command[4:6] == ("--python", "/opt/my python/bin/python3")


def test_without_a_python_to_fetch_those_that_are_there_decide():
    here = machine("gfx1010", present=frozenset({"cp313"}), fetchable=frozenset())

    old = of(recommend(SHIPPED, here), "rocm-5.2.3")

    assert str(old.limits[0]) == (
        "needs Python 3.8 to 3.10, and this machine has or can fetch 3.13 (rocm-5.2.3's manifest)"
    )


def test_another_processor_has_neither_wheels_nor_packages():
    found = recommend(SHIPPED, machine("gfx1010", architecture="arm64"))

    assert named(found, BLOCKED) == [one.stack for one in found if not one.stack.startswith("debian-")]
    assert "this machine is arm64" in str(found[-1].limits[0])


def test_a_build_without_code_for_the_card_is_passed_over():
    both = stack("rocm-6.2.4", build("2.7.1", without=("gfx1101",)), build("2.5.1"), gfx1101=KNOWN)
    none = stack("rocm-6.1.0", build("2.5.1", without=("gfx1101",)), gfx1101=KNOWN)

    assert recommend((both,), machine("gfx1101"))[0].torch == "2.5.1"
    assert limits(none, machine("gfx1101")) == [
        "needs another card, and torch 2.5.1 has no code for gfx1101 (rocm-6.1.0's manifest)"
    ]


def test_packages_that_no_suite_of_this_machine_has_keep_a_stack_of_packages_out():
    key = Key(fingerprint="A" * 40)
    source = Source(kind="apt", url="https://example.org", suite={"jammy": "jammy"}, key=key)
    rocm = Rocm(version="6.0.0", root="opt", sources=(source,), sets=Sets(runtime=("rocm",)))
    packages = Stack(schema=1, name="rocm-6.0.0", summary="A stack", rocm=rocm, gpus={"gfx1100": KNOWN})

    assert limits(packages, machine("gfx1100", codename="bookworm")) == [
        "needs packages for jammy, and this machine is bookworm (rocm-6.0.0's manifest; /etc/os-release)"
    ]
    assert limits(packages, machine("gfx1100", codename="jammy")) == []


def test_a_card_that_use_finds_by_itself_is_not_named_again():
    assert recommend(SHIPPED, machine("gfx1010", named=False))[0].command == (
        *("use", "therock-10.1", "--venv", "NAME"),
    )


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        (("cp39", "cp310", "cp311"), "3.9 to 3.11"),
        (("cp39", "cp311"), "3.9, 3.11"),
        (("cp313", "cp313t", "cp314", "cp314t"), "3.13, 3.14"),
        (("cp313t",), "3.13t"),
    ],
)
def test_pythons_are_told_as_people_say_them(tags: tuple[str, ...], said: str):
    assert versions(tags) == said

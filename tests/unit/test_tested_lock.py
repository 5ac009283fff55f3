"""A lock says exactly what was tested, and makes the same plan again."""

from __future__ import annotations

import json

import pytest

from rocmswitch.errors import ManifestMistake
from rocmswitch.metadata.deb import Stanza
from rocmswitch.metadata.debindex import PackageIndex
from rocmswitch.metadata.lock import Lock, LockedSource, parse_lock, render_lock
from rocmswitch.model.host import Evidence, Host
from rocmswitch.model.source import Key, Sets, Source
from rocmswitch.model.stack import Rocm, Stack
from rocmswitch.planning.closure import resolve_closure
from rocmswitch.planning.install import Machine, Offer, Request, plan_install
from rocmswitch.planning.locked import difference, locked_offer, make_lock
from rocmswitch.planning.sets import roots_of, selected_sets
from tests.support.packages import index, package

SNAPSHOT = "https://snapshot.debian.org/archive/debian/20261120T000000Z"
SOURCE = LockedSource(
    suite="bookworm", date="2026-11-20T00:00:00+00:00", fingerprint="F" * 40, sha256="0" * 64, snapshot=SNAPSHOT
)
SETS = Sets(runtime=("hip (>= 5)",), compiler=("hipcc",), developer=("hip-dev",))
MACHINE = Machine(Host("debian", (), "bookworm", "amd64", "2.36"), Evidence(proven=(("libc6", "libc.so.6"),)))
PACKAGES = (
    package("hip", "5", "libc6 (>= 2.34), hsa"),
    package("hsa", "2", "libc6 (>= 2.29-1)"),
    package("hipcc", "5", "hip, clang | gcc"),
    package("hip-dev", "5", "hip (= 5)"),
    package("clang", "1:15", "libc6"),
    package("libc6", "2.36-9"),
)


def stack(sets: Sets = SETS, name: str = "debian-5.2.3") -> Stack:
    source = Source(kind="apt", url="https://example.org/rocm", suite="stable", key=Key(fingerprint="A" * 40))
    rocm = Rocm(version="5.2.3", root="usr", sets=sets, sources=(source,), host={"libc6": ("libc.so.6",)})
    return Stack(schema=1, name=name, summary="", rocm=rocm)


def lock(*packages: Stanza) -> Lock:
    return make_lock(stack(), [(index(*(packages or PACKAGES)), 500)], (SOURCE,))


def changed(**values: object) -> bytes:
    """The text of a lock in which the first package's *values* are others."""
    content = json.loads(render_lock(lock()))
    content["packages"][0].update(values)
    return json.dumps(content).encode()


def mistake(text: bytes) -> str:
    with pytest.raises(ManifestMistake) as caught:
        parse_lock(text, "x.lock")
    return str(caught.value)


def test_a_lock_that_is_written_and_read_is_the_same():
    made = lock()

    assert parse_lock(render_lock(made), "x.lock") == made


def test_a_lock_has_one_sorted_package_a_line():
    lines = render_lock(lock()).decode().splitlines()

    names = [json.loads(line.rstrip(","))["name"] for line in lines if '"filename"' in line]

    assert names == ["clang", "hip", "hip-dev", "hipcc", "hsa", "libc6"]


def test_a_lock_says_which_sets_a_package_belongs_to_and_what_it_needs():
    found = {one.name: (one.sets, one.needs, one.glibc) for one in lock().packages}

    everywhere = ("runtime", "compiler", "developer")
    assert found == {
        "hip": (everywhere, ("libc6", "hsa"), "2.34"),
        "hsa": (everywhere, ("libc6",), "2.29"),
        "libc6": (everywhere, (), ""),
        "hipcc": (("compiler", "developer"), ("hip", "clang"), ""),
        "clang": (("compiler", "developer"), ("libc6",), ""),
        "hip-dev": (("developer",), ("hip",), ""),
    }


@pytest.mark.parametrize("asked", ["runtime", "compiler", "developer"])
def test_the_plan_of_a_lock_is_that_of_the_index_except_for_urls_and_verification(asked):
    source = index(*PACKAGES)
    closure = resolve_closure(roots_of(stack(), selected_sets(stack(), (asked,))), [(source, 500)])
    request = Request(stack(), (asked,))

    signed = plan_install(request, Offer(closure, lambda one: (one.filename,), ()), MACHINE)
    pinned = plan_install(request, locked_offer(request, lock(), lambda one: ()), MACHINE)

    assert pinned.tree == signed.tree
    assert {(str(one.package), one.place) for one in pinned.packages} == {
        (str(one.package), one.place) for one in signed.packages
    }
    assert {str(one.package) for one in pinned.host} == {str(one.package) for one in signed.host}
    assert {one.verification for one in pinned.packages} == {"pinned"}


def test_a_locked_package_is_fetched_from_the_mirror_first_and_from_the_snapshot_last():
    request = Request(stack(), ("runtime",))
    offer = locked_offer(request, lock(), lambda one: (f"http://mirror.example/debian/{one.filename}",))

    (hip,) = (one for one in offer.closure.packages if one.name == "hip")

    assert offer.urls(hip) == (
        "http://mirror.example/debian/pool/main/hip_5_amd64.deb",
        f"{SNAPSHOT}/pool/main/hip_5_amd64.deb",
    )


def test_a_locked_plan_carries_the_c_library_where_a_signed_one_does():
    request = Request(stack(), ("runtime",))
    old = Machine(Host("x", (), "", "amd64", "2.31"), MACHINE.evidence)

    plan = plan_install(request, locked_offer(request, lock(), lambda one: ()), old)

    places = {one.package.name: one.place for one in plan.packages}
    assert (plan.carries_c_library, places["libc6"], places["hip"]) == (True, "base", "rocm")


def test_another_stack_s_lock_is_refused():
    with pytest.raises(ManifestMistake, match=r"the lock is of `debian-5\.2\.3`, not of `rocm-5\.2\.3`"):
        locked_offer(Request(stack(name="rocm-5.2.3"), ("runtime",)), lock(), lambda one: ())


@pytest.mark.parametrize("root", ["rocblas", "hip (>= 6)"])
def test_a_root_that_the_lock_does_not_have_is_named(root):
    asked = stack(Sets(runtime=(root,)))

    with pytest.raises(ManifestMistake) as caught:
        locked_offer(Request(asked, ("runtime",)), lock(), lambda one: ())

    assert str(caught.value) == f"the lock of `debian-5.2.3` has no `{root}`"


def test_a_set_that_needs_other_packages_alone_than_with_the_others_cannot_be_locked():
    awkward = (*PACKAGES, package("gcc"))
    sets = Sets(runtime=("hip",), compiler=("hipcc",), developer=("gcc",))

    with pytest.raises(ManifestMistake, match=r"the set `compiler` of `debian-5\.2\.3` has other packages alone"):
        make_lock(stack(sets), [(index(*awkward), 500)], (SOURCE,))


def today(**versions: str) -> PackageIndex:
    """An index with one package a name: `clang`, `hsa`, … in other versions than the tested ones."""
    return index(
        package("hip", versions.get("hip", "5"), versions.get("hip_needs", "libc6, hsa")),
        package("hsa", versions.get("hsa", "2")),
        package("zlib1g"),
        package("libc6", "2.36-9"),
    )


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ({}, ""),
        ({"hsa": "3"}, "today's closure differs from the tested one: hsa 2 → 3"),
        (
            {"hsa": "3", "hip": "5.1", "hip_needs": "hsa, zlib1g"},
            "today's closure differs from the tested one: hip 5 → 5.1, hsa 2 → 3, zlib1g 1 is new, 1 more",
        ),
    ],
)
def test_a_difference_between_today_and_the_lock_is_one_line(versions, expected):
    closure = resolve_closure(("hip",), [(today(**versions), 500)])

    assert difference(closure, lock()) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"{", "x.lock:1: Expecting property name enclosed in double quotes"),
        (b'{\n"schema": 1,\n"schema": 1}', "x.lock: `schema` is there twice"),
        (b'{"schema": 2}', "x.lock: Invalid enum value 2 - at `$.schema`"),
        (b"\xff", "x.lock: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
        (b"[" * 100_000, "x.lock: it is nested too deeply"),
        (b" " * 20_000_000, "x.lock: a lock of more than 16777216 bytes is not read"),
    ],
)
def test_a_text_that_is_no_lock_is_refused_with_file_and_place(text, expected):
    assert mistake(text) == expected


def test_a_lock_that_names_a_local_file_as_its_source_is_refused():
    text = render_lock(lock()).replace(SNAPSHOT.encode(), b"file:///etc")

    assert mistake(text) == "x.lock: a source has no http or https URL"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"size": "1"}, "x.lock: Expected `int`, got `str` - at `$.packages[0].size`"),
        ({"colour": "red"}, "x.lock: Object contains unknown field `colour` - at `$.packages[0]`"),
        ({"sha256": "00"}, "x.lock: `00` is not a sha256 hash"),
        ({"name": "hip"}, "x.lock: `packages[1]` (`hip`) is there twice"),
        ({"sets": ["all"]}, "x.lock: `packages[0]` (`clang`) names a set or a package that is not there"),
        ({"needs": ["gone"]}, "x.lock: `packages[0]` (`clang`) names a set or a package that is not there"),
        ({"filename": "../x.deb"}, "x.lock: `packages[0]` (`clang`) has no usable size or file name"),
        ({"filename": "/x.deb"}, "x.lock: `packages[0]` (`clang`) has no usable size or file name"),
        ({"filename": "pool/x\n.deb"}, "x.lock: `packages[0]` (`clang`) has no usable size or file name"),
        ({"size": -1}, "x.lock: `packages[0]` (`clang`) has no usable size or file name"),
        ({"source": "1"}, "x.lock: `packages[0]` (`clang`) is of the source `1`, which is not there"),
    ],
)
def test_a_lock_with_a_wrong_value_is_refused_with_its_key(values, expected):
    assert mistake(changed(**values)) == expected

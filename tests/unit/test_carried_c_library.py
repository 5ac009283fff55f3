"""Where the host's C library is too old, or none of glibc's, the whole closure is carried: planned from values."""

from __future__ import annotations

import dataclasses

import pytest

from rocmswitch.errors import MachineLacks
from rocmswitch.metadata.deb import Stanza
from rocmswitch.model.host import Evidence, Host
from rocmswitch.model.package import Digest, Package, Relation
from rocmswitch.model.source import Key, Sets, Source
from rocmswitch.model.stack import Rocm, Stack
from rocmswitch.planning.closure import resolve_closure
from rocmswitch.planning.install import Machine, Offer, Request, plan_install
from rocmswitch.planning.installplan import InstallPlan
from rocmswitch.planning.placement import c_library_bound
from tests.support.packages import index, package

HOST = Host("debian", (), "bookworm", "amd64", "2.36")
MUSL = dataclasses.replace(HOST, distribution="alpine", glibc="")
KEY = Key(fingerprint="A" * 40)
APT = Source(kind="apt", url="https://example.org/rocm", suite="stable", key=KEY)
RPM = Source(kind="rpm", url="https://example.org/rpm", key=KEY)
TABLE = {"libc6": ("libc.so.6",), "libz": ("libz.so.1",), "perl": ("bin/perl",)}
HAS_ALL = Evidence(proven=tuple((name, proofs[0]) for name, proofs in TABLE.items()))
CLOSURE = (
    package("hip", "5", "rocsolver, libz, perl, libc6 (>= 2.38)"),
    package("rocsolver", "5", "libc6 (>= 2.43-1~exp1)"),
    package("libz", "1", "libc6 (>= 2.14)"),
    package("perl", "1", "libc6 (>= 2.36)"),
    package("libc6", "2.43-1", "libgcc-s1"),
    package("libgcc-s1", "14", "libc6 (>= 2.35)"),
)


def plan(
    *packages: Stanza,
    host: Host = HOST,
    evidence: Evidence = HAS_ALL,
    table: dict[str, tuple[str, ...]] | None = None,
    sources: tuple[Source, ...] = (APT,),
    carried: bool | None = None,
    **rocm: object,
) -> InstallPlan:
    sets = Sets(runtime=("hip",))
    named = TABLE if table is None else table
    if RPM in sources:
        rocm["rpm_sets"] = sets
    made = Rocm(version="5", root="usr", sets=sets, sources=sources, host=named, **rocm)  # type: ignore[arg-type]
    proven = tuple(name for name, _ in evidence.proven)
    closure = resolve_closure(("hip",), [(index(*packages), 500)], proven=(*proven, *made.host_only))
    stack = Stack(schema=1, name="debian-5", summary="", rocm=made)
    return plan_install(
        Request(stack, ("runtime",), carried=carried), Offer(closure, lambda one: (), ()), Machine(host, evidence)
    )


def places(made: InstallPlan) -> dict[str, str]:
    return {one.package.name: one.place for one in made.packages}


def test_a_newer_c_library_than_the_host_s_takes_the_whole_closure_along():
    made = plan(*CLOSURE)

    assert places(made) == {
        "hip": "rocm",
        "rocsolver": "rocm",
        "libz": "base",
        "perl": "base",
        "libc6": "base",
        "libgcc-s1": "base",
    }
    assert made.host == ()
    assert made.carries_c_library


def test_the_plan_says_in_one_line_why_the_c_library_is_carried():
    assert plan(*CLOSURE).notes == (
        "carried along, with its own C library, because this machine has glibc 2.36 and rocsolver needs 2.43",
    )


def test_a_host_without_glibc_is_told_so_whatever_its_proofs_seem_to_show():
    made = plan(*CLOSURE, host=MUSL)

    assert made.carries_c_library
    assert made.notes == (
        "carried along, with its own C library, because this machine has no glibc and rocsolver needs 2.43",
    )


def test_a_host_without_glibc_carries_also_what_states_no_version():
    made = plan(package("hip", "5", "libc6"), package("libc6", "2.36"), host=MUSL, evidence=Evidence())

    assert places(made) == {"hip": "rocm", "libc6": "base"}


def test_a_host_that_is_new_enough_keeps_all_that_it_has():
    made = plan(*CLOSURE, host=dataclasses.replace(HOST, glibc="2.43"))

    assert places(made) == {"hip": "rocm", "rocsolver": "rocm"}
    assert (made.carries_c_library, made.notes) == (False, ())


def test_a_base_package_that_has_to_be_carried_decides_as_well():
    evidence = Evidence(
        proven=(("libc6", "libc.so.6"), ("perl", "bin/perl")), lacking=(("libz", "there is no `libz.so.1`"),)
    )
    packages = (
        package("hip", "5", "libz, perl"),
        package("libz", "1", "libc6 (>= 2.41)"),
        package("perl", "1"),
        package("libc6", "2.41"),
    )

    assert places(plan(*packages, evidence=evidence)) == {
        "hip": "rocm",
        "libz": "base",
        "perl": "base",
        "libc6": "base",
    }


def test_a_proof_of_the_c_library_that_fails_takes_the_whole_closure_along():
    evidence = Evidence(proven=HAS_ALL.proven[1:], lacking=(("libc6", "it does not define `GLIBC_2.34`"),))

    made = plan(package("hip", "5", "libz, libc6"), package("libz"), package("libc6"), evidence=evidence)

    assert places(made) == {"hip": "rocm", "libz": "base", "libc6": "base"}
    assert "does not define `GLIBC_2.34`" in made.notes[0]


def test_what_the_host_has_too_is_told_from_what_it_lacks():
    evidence = Evidence(proven=(("libc6", "libc.so.6"), ("perl", "bin/perl")), lacking=(("libz", "there is none"),))

    made = plan(*CLOSURE, evidence=evidence)

    assert {one.package.name: (one.host_has, one.because) for one in made.packages if one.place == "base"} == {
        "libz": (False, "there is none"),
        "perl": (True, "carried with the C library"),
        "libc6": (True, "carried with the C library"),
        "libgcc-s1": (False, "carried with the C library"),
    }


def test_a_manifest_that_says_nothing_of_the_c_library_leaves_it_to_a_host_that_has_it():
    made = plan(package("hip", "5", "libc6 (>= 2.34)"), package("libc6", "2.36"), table={}, evidence=Evidence())

    assert places(made) == {"hip": "rocm"}
    assert [(one.package.name, one.because) for one in made.host] == [("libc6", "glibc 2.36")]


def test_a_manifest_that_says_nothing_of_the_c_library_has_it_carried_into_the_base_too():
    made = plan(package("hip", "5", "libc6 (>= 2.38)"), package("libc6", "2.41"), table={})

    assert places(made) == {"hip": "rocm", "libc6": "base"}


def test_a_c_library_that_is_carried_already_stays_for_the_environments_that_start_by_it():
    newer = dataclasses.replace(HOST, glibc="2.43")

    made = plan(*CLOSURE, host=newer, carried=True)

    assert made.carries_c_library
    assert made.notes == (
        "carried along, with its own C library, "
        "because the one that is installed has it, and environments may start by that",
    )
    assert not plan(*CLOSURE, host=newer, carried=False).carries_c_library


def test_environments_of_a_tree_without_a_c_library_are_told_when_the_next_one_has_it():
    assert plan(*CLOSURE, carried=False).notes[1:] == (
        "environments of debian-5 start by the machine's loader: `rocmswitch use debian-5 --venv NAME --rebind`",
    )
    assert plan(*CLOSURE, carried=True).notes[1:] == ()


def test_packages_without_a_c_library_beside_them_are_refused_with_both_versions():
    with pytest.raises(MachineLacks) as caught:
        plan(package("hip", "5", "libc6 (>= 2.38)"), host_only=("libc6",))

    assert str(caught.value) == (
        "this machine has glibc 2.36 and hip needs 2.38, "
        "and there is no C library to carry along where these packages come from"
    )
    assert caught.value.hint == "run `rocmswitch recommend`"


def test_where_the_stack_has_rpm_packages_too_they_are_the_next_step():
    with pytest.raises(MachineLacks) as caught:
        plan(package("hip", "5", "libc6 (>= 2.38)"), host_only=("libc6",), sources=(APT, RPM))

    assert caught.value.hint == "run `rocmswitch install debian-5 --source rpm`"


def test_a_c_library_that_the_manifest_keeps_to_the_host_is_not_carried():
    with pytest.raises(MachineLacks, match="the manifest says that `libc6` cannot be carried along"):
        plan(*CLOSURE, host_only=("libc6",))


@pytest.mark.parametrize(
    ("relation", "bound"),
    [
        (Relation("libc6", ">=", "2.38-1~deb13u1"), "2.38"),
        (Relation("libc6:amd64", ">>", "2.37"), "2.37"),
        (Relation("libc6", "=", "2.41-12"), ""),
        (Relation("glibc", ">=", "2.34-100.el9"), "2.34"),
        (Relation("libc.so.6(GLIBC_2.34)(64bit)"), "2.34"),
        (Relation("libc.so.6(GLIBC_PRIVATE)(64bit)"), ""),
        (Relation("libm.so.6(GLIBC_2.29)(64bit)"), ""),
    ],
    ids=str,
)
def test_a_package_says_which_c_library_it_needs_as_dpkg_and_as_rpm_write_it(relation: Relation, bound: str):
    one = Package("hip", "5", "amd64", "hip.deb", 1, Digest.sha256("0" * 64), 1, "0", depends=((relation,),))

    assert c_library_bound(one) == bound

"""What a closure of rpm packages says where there is none, and where it stops."""

from __future__ import annotations

import pytest

from rocmswitch.errors import UnresolvedDependency
from rocmswitch.metadata.rpmversion import RPM
from rocmswitch.planning.closure import resolve_closure
from tests.support.rpmpackages import Entry, index


def closure(*entries, roots=("miopen",), priority=500, **options):
    indexes = [(index(*entries), priority)]
    return resolve_closure(roots, indexes, versions=RPM, **options)


def names(found):
    return [str(one) for one in found.packages]


def refused(*entries, **options):
    with pytest.raises(UnresolvedDependency) as caught:
        closure(*entries, **options)
    return str(caught.value)


MIOPEN = Entry("miopen", requires="rocblas")


def test_a_missing_dependency_names_the_chain_that_asked_for_it():
    assert refused(MIOPEN, Entry("rocblas", requires="hip")) == (
        "nothing provides `hip`, needed by manifest → miopen → rocblas"
    )


def test_a_version_that_is_not_there_is_named_with_what_there_is():
    assert refused(MIOPEN, Entry("rocblas", requires="hip >= 2"), Entry("hip", "1-1")) == (
        "nothing provides `hip (>= 2)` (there is `hip 1-1`), needed by manifest → miopen → rocblas"
    )


def test_a_root_that_is_not_there_is_named():
    assert refused(Entry("hip"), roots=("miopen",)) == "nothing provides `miopen`, needed by manifest"


def test_a_root_in_another_version_is_named_with_what_there_is():
    assert refused(Entry("hip", "1-1"), roots=("hip (>= 2)",)) == (
        "nothing provides `hip (>= 2)` (there is `hip 1-1`), needed by manifest"
    )


def test_a_conflict_names_both_chains():
    message = refused(
        Entry("miopen", requires="rocblas, tensile"), Entry("rocblas"), Entry("tensile", conflicts="rocblas")
    )

    assert message == (
        "`tensile 1-1` conflicts with `rocblas 1-1` (manifest → miopen → rocblas), needed by manifest → miopen"
    )


def test_two_versions_of_one_package_cannot_be_chosen():
    message = refused(
        Entry("miopen", requires="rocblas, tensile"),
        Entry("rocblas", requires="hip = 1-1"),
        Entry("tensile", requires="hip = 2-1"),
        Entry("hip", "1-1"),
        Entry("hip", "2-1"),
    )

    assert message == (
        "`hip 1-1` is there already (manifest → miopen → rocblas → hip), needed by manifest → miopen → tensile"
    )


def test_what_the_host_has_stands_in_where_no_index_has_it():
    has = {"libc.so.6(GLIBC_2.34)(64bit)", "/bin/sh"}

    found = closure(
        Entry("miopen", requires="libc.so.6(GLIBC_2.34)(64bit), /bin/sh, numactl-libs >= 2"),
        proven=("numactl-libs",),
        lacks=lambda capability: None if capability in has else "not here",
    )

    assert (sorted(names(found)), found.needs["miopen"]) == (
        ["/bin/sh", "libc.so.6(GLIBC_2.34)(64bit)", "miopen 1-1", "numactl-libs"],
        ("libc.so.6(GLIBC_2.34)(64bit)", "/bin/sh", "numactl-libs"),
    )


def test_what_the_host_lacks_is_said_with_the_reason():
    message = refused(
        Entry("miopen", requires="libc.so.6(GLIBC_2.99)(64bit)"), lacks=lambda capability: "it is too old"
    )

    assert message == (
        "nothing provides `libc.so.6(GLIBC_2.99)(64bit)` (it is too old), needed by manifest → miopen"
    )


def test_what_an_index_has_is_not_taken_from_the_host():
    found = closure(MIOPEN, Entry("rocblas"), lacks=lambda capability: None)

    assert names(found) == ["miopen 1-1", "rocblas 1-1"]


def test_what_rpm_itself_must_be_able_to_do_is_no_dependency_where_we_can_do_it():
    found = closure(Entry("miopen", requires="rpmlib(PayloadIsZstd) <= 5.4.18-1"))

    assert names(found) == ["miopen 1-1"]


def test_an_unknown_ability_of_rpm_is_refused_by_its_name():
    message = refused(Entry("miopen", requires="rpmlib(PayloadIsMagic) <= 9-1"))

    assert message == "nothing provides `rpmlib(PayloadIsMagic) (<= 9-1)`, needed by manifest → miopen"


def test_a_repository_of_higher_priority_wins_over_a_newer_version():
    indexes = [(index(Entry("hip", "1-1"), source="0"), 600), (index(Entry("hip", "2-1"), source="1"), 500)]

    found = resolve_closure(("hip",), indexes, versions=RPM)

    assert names(found) == ["hip 1-1"]


def test_a_long_chain_is_followed_to_its_end():
    entries = [Entry(f"p{number}", requires=f"p{number + 1}") for number in range(3000)]

    found = closure(*entries, Entry("p3000"), roots=("p0",))

    assert len(found.packages) == 3001


def test_a_repository_made_to_have_no_answer_ends_with_an_error():
    """Pigeons and holes: no search that only draws conclusions from rules gets through it."""
    pigeons, holes = 12, 11
    entries = [
        Entry(f"pigeon{one}", requires="(" + " or ".join(f"nest{one}in{hole}" for hole in range(holes)) + ")")
        for one in range(pigeons)
    ]
    entries += [
        Entry(f"nest{one}in{hole}", conflicts=", ".join(f"nest{o}in{hole}" for o in range(pigeons) if o != one))
        for one in range(pigeons)
        for hole in range(holes)
    ]

    message = refused(*entries, roots=tuple(f"pigeon{one}" for one in range(pigeons)))

    assert "needed by manifest" in message

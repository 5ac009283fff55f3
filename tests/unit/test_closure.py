"""The closure is what apt would install on an empty system."""

from __future__ import annotations

import pytest

from rocmswitch.errors import UnresolvedDependency
from rocmswitch.metadata.deb import Stanza
from rocmswitch.planning.closure import Closure, resolve_closure
from tests.support.packages import index, package


def closure(roots: str, *packages: Stanza) -> Closure:
    return resolve_closure(tuple(roots.split("; ")), [(index(*packages), 500)])


def chosen(roots: str, *packages: Stanza) -> list[str]:
    return [str(one) for one in closure(roots, *packages).packages]


def refusal(roots: str, *packages: Stanza) -> str:
    with pytest.raises(UnresolvedDependency) as caught:
        closure(roots, *packages)
    return str(caught.value)


def test_dependencies_are_followed_in_the_order_in_which_they_are_written():
    packages = (package("miopen", "2", "rocblas, hip"), package("rocblas", "1", "hip"), package("hip"))

    assert chosen("miopen", *packages) == ["miopen 2", "rocblas 1", "hip 1"]


def test_a_missing_dependency_names_the_chain_that_asked_for_it():
    packages = (package("miopen", "1", "rocblas"), package("rocblas", "1", "hip"))

    assert refusal("miopen", *packages) == "nothing provides `hip`, needed by manifest → miopen → rocblas"


def test_a_missing_root_is_asked_for_by_the_manifest():
    assert refusal("rocm-hip-runtime5.2.3", package("hip")) == (
        "nothing provides `rocm-hip-runtime5.2.3`, needed by manifest"
    )


def test_a_dependency_on_a_version_that_is_not_there_says_which_one_is():
    packages = (package("miopen", "1", "hip (>= 6)"), package("hip", "5.2"))

    assert refusal("miopen", *packages) == (
        "nothing provides `hip (>= 6)` (there is `hip 5.2`), needed by manifest → miopen"
    )


def test_the_newest_version_within_a_root_s_range_is_taken():
    packages = tuple(package("hipcc", version) for version in ("5.2.3-1", "5.2.3-8", "5.7.1-1"))

    assert chosen("hipcc (>= 5.2.3, << 5.3)", *packages) == ["hipcc 5.2.3-8"]


def test_a_range_that_nothing_lies_in_is_named_with_what_is_there():
    assert refusal("hipcc (>= 5.2.3, << 5.3)", package("hipcc", "5.7.1-1")) == (
        "nothing provides `hipcc (>= 5.2.3), hipcc (<< 5.3)` (there is `hipcc 5.7.1-1`), needed by manifest"
    )


def test_an_exact_dependency_takes_the_older_version_that_it_names():
    packages = (package("hip-dev", "5", "hip (= 5)"), package("hip", "5"), package("hip", "6"))

    assert chosen("hip-dev", *packages) == ["hip-dev 5", "hip 5"]


def test_a_choice_that_a_later_bound_contradicts_is_made_again():
    packages = (
        package("stack", "1", "hip, hip-dev"),
        package("hip-dev", "5", "hip (= 5)"),
        package("hip", "5"),
        package("hip", "6"),
    )

    assert chosen("stack", *packages) == ["stack 1", "hip 5", "hip-dev 5"]


def test_two_bounds_that_exclude_each_other_name_both_chains():
    packages = (
        package("a", "1", "hip (= 5)"),
        package("b", "1", "hip (= 6)"),
        package("hip", "5"),
        package("hip", "6"),
    )

    assert refusal("a; b", *packages) == "`hip 5` is there already (manifest → a → hip), needed by manifest → b"


def test_the_first_alternative_that_exists_is_taken():
    packages = (package("hipcc", "1", "clang-16 | clang-15 | clang-14"), package("clang-15"), package("clang-14"))

    assert chosen("hipcc", *packages) == ["hipcc 1", "clang-15 1"]


def test_an_alternative_that_is_chosen_already_wins_over_the_first():
    packages = (package("a", "1", "mawk"), package("b", "1", "gawk | mawk"), package("gawk"), package("mawk"))

    assert chosen("a; b", *packages) == ["a 1", "b 1", "mawk 1"]


def test_a_root_wins_over_the_first_alternative_of_a_root_before_it():
    packages = (package("b", "1", "gawk | mawk"), package("gawk"), package("mawk"))

    assert chosen("b; mawk", *packages) == ["b 1", "mawk 1"]


def test_an_alternative_whose_own_dependencies_are_missing_is_passed_over():
    packages = (package("a", "1", "x | y"), package("x", "1", "gone"), package("y"))

    assert chosen("a", *packages) == ["a 1", "y 1"]


def test_a_real_package_wins_over_one_that_provides_its_name():
    packages = (package("a", "1", "awk"), package("awk"), package("mawk", "1", provides="awk"))

    assert chosen("a", *packages) == ["a 1", "awk 1"]


def test_a_virtual_package_is_satisfied_by_the_first_provider_by_name():
    packages = (package("a", "1", "awk"), package("mawk", provides="awk"), package("gawk", provides="awk"))

    assert chosen("a", *packages) == ["a 1", "gawk 1"]


@pytest.mark.parametrize(
    ("provides", "expected"), [("api (= 5.36)", True), ("api (= 5.34)", False), ("api", False)]
)
def test_a_bound_on_a_virtual_package_needs_a_provides_with_a_version_in_it(provides, expected):
    packages = (package("a", "1", "api (>= 5.36)"), package("perl-base", "99", provides=provides))

    if expected:
        assert chosen("a", *packages) == ["a 1", "perl-base 99"]
    else:
        assert refusal("a", *packages) == "nothing provides `api (>= 5.36)`, needed by manifest → a"


@pytest.mark.parametrize("field", ["conflicts", "breaks"])
def test_a_conflict_names_both_chains(field):
    verb = {"conflicts": "conflicts with", "breaks": "breaks"}[field]
    packages = (
        package("miopen", "1", "hip, old-tool"),
        package("old-tool", "1", "old-hip"),
        package("old-hip", "3", **{field: "hip (>= 2)"}),
        package("hip", "5"),
    )

    assert refusal("miopen", *packages) == (
        f"`old-hip 3` {verb} `hip 5` (manifest → miopen → hip), needed by manifest → miopen → old-tool"
    )


def test_a_conflict_counts_whichever_of_the_two_comes_first():
    packages = (package("a", "1", "b, c"), package("b", "1", conflicts="c"), package("c"))

    assert refusal("a", *packages) == "`b 1` (manifest → a → b) conflicts with `c 1`, needed by manifest → a"


def test_a_conflict_is_avoided_by_another_alternative():
    packages = (package("a", "1", "b, c | d"), package("b", "1", conflicts="c"), package("c"), package("d"))

    assert chosen("a", *packages) == ["a 1", "b 1", "d 1"]


def test_a_package_may_conflict_with_a_name_that_it_provides_itself():
    packages = (package("mawk", "1", provides="awk", conflicts="awk"),)

    assert chosen("mawk", *packages) == ["mawk 1"]


def test_a_conflict_with_a_virtual_name_meets_its_other_providers():
    packages = (package("a", "1", "mawk, gawk"), package("mawk", provides="awk"), package("gawk", conflicts="awk"))

    assert refusal("a", *packages) == (
        "`gawk 1` conflicts with `mawk 1` (manifest → a → mawk), needed by manifest → a"
    )


def test_a_circle_of_dependencies_ends():
    packages = (package("libc6", "1", "libgcc-s1"), package("libgcc-s1", "1", "libc6"))

    assert chosen("libc6", *packages) == ["libc6 1", "libgcc-s1 1"]


def test_pre_depends_are_dependencies():
    packages = (package("a", "1", "b", pre_depends="c"), package("b"), package("c"))

    assert chosen("a", *packages) == ["a 1", "c 1", "b 1"]


def test_a_qualifier_of_this_architecture_is_satisfied_and_a_foreign_one_is_not():
    packages = (package("a", "1", "python3:any"), package("python3"), package("b", "1", "python3:i386"))

    assert chosen("a", *packages) == ["a 1", "python3 1"]
    assert refusal("b", *packages) == "nothing provides `python3:i386`, needed by manifest → b"


def test_a_source_of_higher_priority_wins_over_a_newer_version():
    indexes = [(index(package("hip", "6")), 500), (index(package("hip", "5"), source="1"), 600)]

    assert [str(one) for one in resolve_closure(("hip",), indexes).packages] == ["hip 5"]


def test_a_source_of_lower_priority_serves_what_the_higher_one_lacks():
    indexes = [
        (index(package("hip", "7", "libdrm (>= 2)"), package("libdrm", "1")), 600),
        (index(package("libdrm", "2"), source="1"), 500),
    ]

    found = resolve_closure(("hip",), indexes).packages

    assert [(str(one), one.source) for one in found] == [("hip 7", "0"), ("libdrm 2", "1")]


def test_of_two_equal_packages_the_earlier_source_s_is_taken():
    indexes = [(index(package("hip")), 500), (index(package("hip"), source="1"), 500)]

    assert [one.source for one in resolve_closure(("hip",), indexes).packages] == ["0"]


def test_packages_of_another_architecture_are_not_there():
    assert refusal("hip", package("hip", architecture="arm64")).startswith("nothing provides `hip`")
    assert chosen("hip", package("hip", architecture="all")) == ["hip 1"]


def test_a_closure_says_what_satisfies_each_dependency():
    found = closure(
        "b; c",
        *(package("b", "1", "gawk | awk, d"), package("c", "1", "mawk"), package("d")),
        package("mawk", provides="awk"),
    )

    assert found.roots == ("b", "c")
    assert found.needs == {"b": ("mawk", "d"), "c": ("mawk",), "d": (), "mawk": ()}


def test_what_some_roots_need_is_a_part_of_the_closure_of_all():
    packages = (package("a", "1", "x"), package("b", "1", "y"), package("x"), package("y", "1", "x"))

    found = closure("a; b", *packages).reachable(("a",))

    assert [one.name for one in found.packages] == ["a", "x"]
    assert found.needs == {"a": ("x",), "x": ()}


AMD = (
    package("rocm-llvm", "18", "libelf1t64, libstdc++-5-dev | libstdc++-12-dev, libstdc++6 (>= 13)"),
    package("rocm-clang", "18", "libstdc++6, libelf1t64 (>= 0.190)"),
    package("libstdc++6", "12"),
    package("libstdc++-12-dev", "12"),
)


def test_what_the_host_provably_has_stands_in_for_what_no_index_has():
    proven = ("libelf1t64", "libstdc++6", "libstdc++-5-dev")

    found = resolve_closure(("rocm-llvm", "rocm-clang"), [(index(*AMD), 500)], proven=proven)

    assert [str(one) for one in found.packages] == [
        *("rocm-llvm 18", "rocm-clang 18", "libelf1t64", "libstdc++-12-dev 12", "libstdc++6 12")
    ]
    assert found.needs["rocm-clang"] == ("libstdc++6", "libelf1t64")


def test_what_the_host_lacks_and_no_index_has_is_missing():
    with pytest.raises(UnresolvedDependency) as caught:
        resolve_closure(("rocm-llvm",), [(index(*AMD), 500)], proven=("libelf1t64",))

    assert str(caught.value) == (
        "nothing provides `libstdc++6 (>= 13)` (there is `libstdc++6 12`), needed by manifest → rocm-llvm"
    )


def test_a_root_is_never_left_to_the_host_for_want_of_a_package():
    with pytest.raises(UnresolvedDependency):
        resolve_closure(("hip",), [(index(package("x")), 500)], proven=("hip",))


def test_a_tangle_without_a_way_out_ends_with_the_first_dead_end():
    choices = [package(f"p{n}", "1", f"x{n} | y{n}, p{n + 1}") for n in range(60)]
    options = [package(f"{letter}{n}") for letter in "xy" for n in range(60)]

    assert refusal("p0", *choices, *options).startswith("nothing provides `p60`, needed by manifest → p0 → p1 → ")

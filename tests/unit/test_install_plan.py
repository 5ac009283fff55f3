"""What an installation takes: which packages are unpacked where, and which are left to the host."""

from __future__ import annotations

import pytest

from rocmswitch.errors import MachineLacks, UsageMistake, VerificationFailed
from rocmswitch.metadata.deb import Stanza
from rocmswitch.model.host import Evidence, Host
from rocmswitch.model.source import Key, Sets, Source
from rocmswitch.model.stack import Rocm, Stack
from rocmswitch.planning.closure import resolve_closure
from rocmswitch.planning.install import Machine, Offer, Request, plan_install
from rocmswitch.planning.installplan import InstallPlan
from rocmswitch.planning.sets import roots_of, selected_sets
from tests.support.packages import index, package

HOST = Host("debian", (), "bookworm", "amd64", "2.36")
SOURCE = Source(kind="apt", url="https://example.org/rocm", suite="stable", key=Key(fingerprint="A" * 40))
EVERY_SET = Sets(runtime=("hip",), compiler=("hipcc",), libraries=("rocrand",), developer=("rocrand-dev",))


def stack(
    sets: Sets = EVERY_SET, version: str = "5.2.3", host: dict[str, tuple[str, ...]] | None = None, **rocm: str
) -> Stack:
    table = host or {}
    only = tuple(name for name in ("libc6",) if name in table)
    made = Rocm(version=version, root="usr", sets=sets, sources=(SOURCE,), host=table, host_only=only, **rocm)
    return Stack(schema=1, name="debian-5.2.3", summary="", rocm=made)


def plan(asked: Stack, *packages: Stanza, machine: Machine | None = None) -> InstallPlan:
    sets = selected_sets(asked, ("runtime",))
    closure = resolve_closure(roots_of(asked, sets), [(index(*packages), 500)])
    offer = Offer(closure, lambda one: (f"https://example.org/{one.filename}",), ())
    return plan_install(Request(asked, ("runtime",)), offer, machine or Machine(HOST, Evidence()))


def placed(asked: Stack, *packages: Stanza, evidence: Evidence) -> dict[str, str]:
    made = plan(asked, *packages, machine=Machine(HOST, evidence))
    places = {one.package.name: one.place for one in made.packages}
    return {**places, **{one.package.name: "host" for one in made.host}}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ((), ("runtime",)),
        (("runtime",), ("runtime",)),
        (("compiler",), ("runtime", "compiler")),
        (("libraries", "compiler"), ("runtime", "compiler", "libraries")),
        (("developer",), ("runtime", "compiler", "libraries", "developer")),
    ],
)
def test_sets_add_up_runtime_is_in_all_and_developer_has_all(asked, expected):
    assert selected_sets(stack(), asked) == expected


def test_a_set_that_the_stack_does_not_have_is_refused_with_those_that_it_has():
    asked = stack(Sets(runtime=("hip",), compiler=("hipcc",)))

    with pytest.raises(UsageMistake) as caught:
        selected_sets(asked, ("libraries",))

    assert str(caught.value) == "`debian-5.2.3` has no set `libraries`, its sets are: `runtime`, `compiler`"
    assert caught.value.hint == "run `rocmswitch show debian-5.2.3`"


def test_a_root_that_two_sets_name_is_asked_for_once():
    asked = stack(Sets(runtime=("hip",), developer=("hip", "hip-dev")))

    assert roots_of(asked, ("runtime", "developer")) == ("hip", "hip-dev")


def test_what_is_not_listed_belongs_to_the_tree():
    packages = (package("hip", "5", "hsa"), package("hsa"))

    assert placed(stack(), *packages, evidence=Evidence()) == {"hip": "rocm", "hsa": "rocm"}


def test_what_the_host_has_is_left_to_it_with_all_that_only_it_needs():
    packages = (package("hip", "5", "perl"), package("perl", "1", "libdb"), package("libdb"))
    asked = stack(host={"perl": ("bin/perl",)})

    made = plan(asked, *packages, machine=Machine(HOST, Evidence(proven=(("perl", "bin/perl"),))))

    assert [one.package.name for one in made.packages] == ["hip"]
    assert [(one.package.name, one.because) for one in made.host] == [
        ("perl", "bin/perl"),
        ("libdb", "only what the host has needs it"),
    ]
    assert [one.package.name for one in made.host if one.is_relied_on] == ["perl"]


def test_what_the_tree_needs_itself_is_unpacked_though_the_host_s_packages_need_it_too():
    packages = (package("hip", "5", "perl, hsa"), package("perl", "1", "hsa"), package("hsa"))
    asked = stack(host={"perl": ("bin/perl",)})

    found = placed(asked, *packages, evidence=Evidence(proven=(("perl", "bin/perl"),)))

    assert found == {"hip": "rocm", "hsa": "rocm", "perl": "host"}


def test_what_the_host_lacks_is_carried_with_what_only_it_needs():
    packages = (
        package("hip", "5", "libtinfo5, libz"),
        package("libtinfo5", "1", "ncurses-data, libz"),
        package("ncurses-data"),
        package("libz"),
    )
    asked = stack(host={"libtinfo5": ("libtinfo.so.5",), "libz": ("libz.so.1",)})
    evidence = Evidence((("libz", "libz.so.1"),), (("libtinfo5", "there is no `libtinfo.so.5`"),))

    made = plan(asked, *packages, machine=Machine(HOST, evidence))

    assert [(one.package.name, one.place, one.because) for one in made.packages] == [
        ("hip", "rocm", ""),
        ("libtinfo5", "base", "there is no `libtinfo.so.5`"),
        ("ncurses-data", "base", "needed by libtinfo5"),
    ]
    assert [one.package.name for one in made.host] == ["libz"]


def test_a_package_that_the_tree_and_a_carried_one_need_belongs_to_the_tree():
    packages = (package("hip", "5", "libtinfo5, hsa"), package("libtinfo5", "1", "hsa"), package("hsa"))
    asked = stack(host={"libtinfo5": ("libtinfo.so.5",)})

    found = placed(asked, *packages, evidence=Evidence(lacking=(("libtinfo5", "it is not there"),)))

    assert found == {"hip": "rocm", "hsa": "rocm", "libtinfo5": "base"}


def test_a_listed_package_without_evidence_is_carried():
    packages = (package("hip", "5", "libz"), package("libz"))

    assert placed(stack(host={"libz": ("libz.so.1",)}), *packages, evidence=Evidence())["libz"] == "base"


def test_what_cannot_be_carried_and_is_lacking_is_an_error_that_says_why():
    packages = (package("hip", "5", "libc6"), package("libc6", "2.36"))
    evidence = Evidence(lacking=(("libc6", "the loader's folders have no `libc.so.6`"),))

    with pytest.raises(MachineLacks) as caught:
        placed(stack(host={"libc6": ("libc.so.6",)}), *packages, evidence=evidence)

    assert str(caught.value) == (
        "this machine's C library does not do: the loader's folders have no `libc.so.6`, "
        "and the manifest says that `libc6` cannot be carried along"
    )
    assert caught.value.hint == "run `rocmswitch recommend`"


def test_headers_of_a_c_library_may_be_newer_than_the_one_that_runs():
    packages = (package("hip", "5", "libc6-dev"), package("libc6-dev", "2.41-12", "libc6 (= 2.41-12)"))
    asked = stack(host={"libc6": ("libc.so.6",), "libc6-dev": ("include/stdio.h",)})
    evidence = Evidence(proven=(("libc6", "libc.so.6"),), lacking=(("libc6-dev", "there is none"),))

    found = placed(asked, *packages, package("libc6", "2.41-12"), evidence=evidence)

    assert found == {"hip": "rocm", "libc6-dev": "base", "libc6": "host"}


def test_only_packages_that_are_unpacked_decide_which_c_library_is_needed():
    packages = (
        package("hip", "5", "perl, libc6 (>= 2.34)"),
        package("perl", "1", "libc6 (>= 2.99)"),
        package("libc6", "3"),
    )
    asked = stack(host={"libc6": ("libc.so.6",), "perl": ("bin/perl",)})
    evidence = Evidence(proven=(("libc6", "libc.so.6"), ("perl", "bin/perl")))

    assert placed(asked, *packages, evidence=evidence) == {"hip": "rocm", "libc6": "host", "perl": "host"}


def test_packages_and_host_together_are_the_whole_closure():
    packages = (
        package("hip", "5", "perl, python3 | python2, libtinfo5"),
        package("perl", "1", "libdb"),
        package("libdb", "1", "perl"),
        package("python3", "1", "libtinfo5"),
        package("libtinfo5"),
    )
    asked = stack(host={"perl": ("bin/perl",), "python3": ("bin/python3",), "libtinfo5": ("libtinfo.so.5",)})
    evidence = Evidence(proven=(("perl", "bin/perl"), ("python3", "bin/python3")))

    found = placed(asked, *packages, evidence=evidence)

    assert found == {"hip": "rocm", "libtinfo5": "base", "perl": "host", "python3": "host", "libdb": "host"}


def test_a_package_that_only_the_host_has_is_left_to_it():
    asked = stack(host={"libelf1t64": ("libelf.so.1",)})
    evidence = Evidence(proven=(("libelf1t64", "libelf.so.1"),))
    indexes = [(index(package("hip", "5", "libelf1t64 (>= 0.190)")), 500)]
    closure = resolve_closure(("hip",), indexes, proven=("libelf1t64",))

    made = plan_install(Request(asked, ("runtime",)), Offer(closure, lambda one: (), ()), Machine(HOST, evidence))

    assert [str(one.package) for one in made.packages] == ["hip 5"]
    assert [(str(one.package), one.because) for one in made.host] == [("libelf1t64", "libelf.so.1")]


def test_a_plan_counts_bytes_to_fetch_in_the_cache_and_on_disk():
    packages = (package("hip", "5", "hsa", size="700", installed_size="3"), package("hsa", size="50"))
    cached = next(iter(index(*packages).candidates("hsa"))).digest

    made = plan(stack(), *packages, machine=Machine(HOST, Evidence(), frozenset({cached})))

    assert (made.download_size, made.cached_size, made.installed_size) == (700, 50, 7 * 1024)
    assert [one.cached for one in made.packages] == [False, True]


def test_the_tree_s_name_depends_on_what_is_in_it_and_not_on_what_is_cached():
    packages = (package("hip", "5"),)
    digest = next(iter(index(*packages).candidates("hip"))).digest

    fresh = plan(stack(), *packages)
    cached = plan(stack(), *packages, machine=Machine(HOST, Evidence(), frozenset({digest})))
    newer = plan(stack(), package("hip", "5.1"))

    assert fresh.tree == cached.tree != newer.tree
    assert fresh.tree.startswith("debian-5.2.3-")


def test_a_plan_states_class_place_and_reason_of_each_package_in_its_json():
    made = plan(stack(), package("hip", "5"))

    assert made.as_json()["packages"] == [
        {
            "name": "hip",
            "version": "5",
            "url": "https://example.org/pool/main/hip_5_amd64.deb",
            "size": 1000,
            "sha256": made.packages[0].package.digest.value,
            "installed_size": 4096,
            "verification": "signed",
            "place": "rocm",
            "because": "",
            "cached": False,
            "shared": False,
        }
    ]


AMD = Sets(runtime=("rocm-hip-runtime5.2.3",))


def amd(**versions: str) -> tuple[Stanza, ...]:
    names = {name.replace("_", "-") + "5.2.3": version for name, version in versions.items()}
    return (
        package("rocm-hip-runtime5.2.3", "5.2.3.50203-109", ", ".join(names)),
        *map(package, names, names.values()),
    )


@pytest.mark.parametrize(
    "versions",
    [
        {"rocblas": "2.44.0.50203-109", "hip_runtime_amd": "5.2.21153.50203-109"},
        {"rocblas": "1:2.44.0.50203-109~22.04"},
        {"rocprofiler_sdk": "0.4.0-139"},
    ],
)
def test_packages_of_the_release_that_the_manifest_pins_are_planned(versions):
    made = plan(stack(AMD, rocblas="2.44.0", hip="5.2.21153"), *amd(**versions))

    assert len(made.packages) == len(versions) + 1


@pytest.mark.parametrize(
    "versions",
    [
        {"rocblas": "2.44.0.50202-100"},
        {"rocblas": "2.46.0.50203-109"},
        {"rocblas": "2.44.01.50203-109"},
        {"hip_runtime_amd": "5.4.22803.50203-1"},
        {"comgr": "2.4.0.50402-104~22.04"},
    ],
)
def test_another_release_s_index_under_this_one_s_url_is_refused(versions):
    (name, version), *_ = versions.items()

    with pytest.raises(VerificationFailed) as caught:
        plan(stack(AMD, rocblas="2.44.0", hip="5.2.21153"), *amd(**versions))

    assert str(caught.value) == (
        f"the index has `{name.replace('_', '-')}5.2.3 {version}`, "
        "which does not belong to ROCm 5.2.3: it is another release's"
    )


def test_a_package_whose_name_carries_another_release_is_refused():
    packages = (package("rocm-hip-runtime5.2.3", "5.2.3.50203-1", "hsa-rocr5.4.2"), package("hsa-rocr5.4.2"))

    with pytest.raises(VerificationFailed, match=r"hsa-rocr5\.4\.2"):
        plan(stack(AMD), *packages)


def test_a_distribution_s_packages_are_not_held_to_amd_s_way_of_naming():
    packages = (package("hip", "5.7.1-1", "perl-5.36.0"), package("perl-5.36.0", "5.36.0.12345-1"))

    assert len(plan(stack(), *packages).packages) == 2

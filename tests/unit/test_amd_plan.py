"""Plans of AMD's releases, from indexes with their names, versions and dependencies."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocmswitch.errors import UnresolvedDependency, VerificationFailed
from rocmswitch.metadata.debindex import PackageIndex
from rocmswitch.metadata.manifest import parse_manifest
from rocmswitch.model.host import Evidence, Host
from rocmswitch.model.stack import Stack
from rocmswitch.planning.closure import resolve_closure
from rocmswitch.planning.install import Machine, Offer, Request, plan_install
from rocmswitch.planning.installplan import InstallPlan
from rocmswitch.planning.sets import roots_of, selected_sets
from tests.support.amdrepository import VERSIONS, amd_packages
from tests.support.packages import index, package

MANIFESTS = Path(__file__).parents[2] / "manifests"
RELEASES = tuple(VERSIONS)
UBUNTU = Host("ubuntu", ("debian",), "noble", "amd64", "2.39")


def manifest(release: str) -> Stack:
    name = f"rocm-{release}.yaml"
    return parse_manifest((MANIFESTS / name).read_bytes(), name)


def amd(release: str, *, called: str = "") -> PackageIndex:
    """The index of *release*; or that of a liar, whose packages bear the names of the release *called*."""
    return index(
        *(
            package(
                one.name.replace(release, called or release),
                one.version,
                one.depends.replace(release, called or release),
                architecture=one.architecture,
            )
            for one in amd_packages(VERSIONS[release])
        )
    )


def plan(stack: Stack, name: str, source: PackageIndex) -> InstallPlan:
    """On a machine that has all of `rocm.host`, with no source for the distribution's packages at all."""
    sets = selected_sets(stack, (name,))
    proven = (*stack.rocm.host, "cmake")
    closure = resolve_closure(roots_of(stack, sets), [(source, 500)], proven=proven)
    evidence = Evidence(tuple((one, "it is there") for one in proven))
    return plan_install(Request(stack, (name,)), Offer(closure, lambda one: (), ()), Machine(UBUNTU, evidence))


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", ["runtime", "libraries"])
def test_a_set_of_a_release_is_all_amd_s_where_the_host_has_the_rest(release, name):
    made = plan(manifest(release), name, amd(release))

    assert {one.place for one in made.packages} == {"rocm"}
    assert all(one.package.name.endswith(release) for one in made.packages)
    assert {"libc6", "libelf1", "perl"} <= {one.package.name for one in made.host}


@pytest.mark.parametrize(("pinned", "served"), [("5.2.3", "5.2.0"), ("5.2.0", "5.2.3"), ("6.2.4", "5.2.3")])
def test_another_release_s_index_has_none_of_the_roots(pinned, served):
    stack = manifest(pinned)

    with pytest.raises(UnresolvedDependency) as caught:
        plan(stack, "runtime", amd(served))

    assert str(caught.value) == f"nothing provides `{stack.rocm.sets.runtime[0]}`, needed by manifest"


@pytest.mark.parametrize(("pinned", "served"), [("5.2.3", "5.2.0"), ("6.2.4", "5.2.3")])
def test_another_release_s_packages_under_this_one_s_names_are_refused(pinned, served):
    with pytest.raises(VerificationFailed, match="does not belong to ROCm"):
        plan(manifest(pinned), "runtime", amd(served, called=pinned))

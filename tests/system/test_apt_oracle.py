"""apt is the oracle: what we plan for debian-5.2.3 is what `apt-get` would install on an empty system."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest

from rocmswitch.fetch.http import Http
from rocmswitch.fetch.repository import OpenedIndex, Repositories
from rocmswitch.host.apt import host_mirror
from rocmswitch.host.facts import read_host
from rocmswitch.metadata.lock import parse_lock
from rocmswitch.metadata.manifest import parse_manifest
from rocmswitch.model.grammar import parse_root
from rocmswitch.model.host import Evidence, Host
from rocmswitch.model.source import SET_NAMES
from rocmswitch.model.stack import Stack
from rocmswitch.planning.closure import Closure, resolve_closure
from rocmswitch.planning.install import Machine, Offer, Request, plan_install
from rocmswitch.planning.locked import difference
from rocmswitch.planning.sets import roots_of, selected_sets
from rocmswitch.store.layout import Layout
from rocmswitch.system.disk import Disk

MANIFESTS = Path(__file__).parents[2] / "manifests"
BOOKWORM = Host("debian", (), "bookworm", "amd64", "2.36")
_INSTALLED = re.compile(r"^Inst (\S+) \((\S+) ", re.MULTILINE)

pytestmark = [
    pytest.mark.network("debian"),
    pytest.mark.skipif(shutil.which("apt-get") is None, reason="needs apt-get to compare with"),
]

AptGet = Callable[..., str]


@pytest.fixture(scope="module")
def stack() -> Stack:
    return parse_manifest((MANIFESTS / "debian-5.2.3.yaml").read_bytes(), "debian-5.2.3.yaml")


@pytest.fixture(scope="module")
def opened(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> OpenedIndex:
    own = host_mirror(Path("/"), "debian", read_host())
    layout = Layout.under(tmp_path_factory.mktemp("ours"))
    mirrors = {"debian": own} if own else {}
    repositories = Repositories(Http(), layout, Disk(), datetime.now(timezone.utc), host_mirrors=mirrors)
    return repositories.open(stack.rocm.sources, BOOKWORM)


@pytest.fixture(scope="module")
def apt_get(opened: OpenedIndex, tmp_path_factory: pytest.TempPathFactory) -> AptGet:
    """apt with a state of its own, in which nothing is installed, and with the suite that we read."""
    folder = tmp_path_factory.mktemp("apt")
    place = opened.places[0]
    (folder / "lists/partial").mkdir(parents=True)
    (folder / "status").touch()
    (folder / "sources.list").write_text(f"deb [arch=amd64 trusted=yes] {place.url} {place.suite} main\n")
    settings = {
        "Dir::State": folder,
        "Dir::State::status": folder / "status",
        "Dir::State::lists": folder / "lists",
        "Dir::Cache": folder,
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "APT::Architecture": "amd64",
        "APT::Architectures": "amd64",
        "APT::Default-Release": "",
        "APT::Sandbox::User": "",
    }
    options = [f"--option={name}={value}" for name, value in settings.items()]

    def run(*words: str) -> str:
        return subprocess.run(["apt-get", *options, *words], capture_output=True, text=True, check=True).stdout

    run("update")
    return run


def installed_by_apt(apt_get: AptGet, roots: tuple[str, ...]) -> set[tuple[str, str]]:
    names = dict.fromkeys(parse_root(root)[0] for root in roots)
    return set(_INSTALLED.findall(apt_get("--simulate", "--no-install-recommends", "install", *names)))


def closure(stack: Stack, opened: OpenedIndex, name: str) -> Closure:
    return resolve_closure(roots_of(stack, selected_sets(stack, (name,))), opened.indexes)


def planned(stack: Stack, opened: OpenedIndex, name: str, found: Evidence) -> set[tuple[str, str]]:
    offer = Offer(closure(stack, opened, name), opened.urls, opened.records)
    plan = plan_install(Request(stack, (name,)), offer, Machine(BOOKWORM, found))
    members = [one.package for one in (*plan.packages, *plan.host)]
    assert len(members) == len(set(members))
    return {(one.name, one.version) for one in members}


@pytest.mark.parametrize("name", SET_NAMES)
def test_packages_and_host_are_what_apt_would_install_on_an_empty_system(stack, opened, apt_get, name):
    expected = installed_by_apt(apt_get, roots_of(stack, selected_sets(stack, (name,))))
    everything = Evidence(proven=tuple((one, "") for one in stack.rocm.host))
    nothing = Evidence(proven=(("libc6", ""),))

    assert planned(stack, opened, name, everything) == expected
    assert planned(stack, opened, name, nothing) == expected
    assert planned(stack, opened, name, Evidence()) == expected


def test_what_hipcc_alone_needs_is_what_apt_says(stack, opened, apt_get):
    roots = ("hipcc (>= 5.2.3, << 5.3)",)

    ours = resolve_closure(roots, opened.indexes)

    assert {(one.name, one.version) for one in ours.packages} == installed_by_apt(apt_get, roots)


@pytest.mark.parametrize(
    "roots",
    [("build-essential",), ("blender",), ("texlive-latex-recommended", "default-jdk-headless"), ("gnome-core",)],
)
def test_closures_that_have_nothing_to_do_with_rocm_are_apt_s_too(opened, apt_get, roots):
    ours = resolve_closure(roots, opened.indexes)

    assert {(one.name, one.version) for one in ours.packages} == installed_by_apt(apt_get, roots)


def test_a_difference_between_the_tested_lock_and_today_s_index_is_one_line(stack, opened):
    lock = parse_lock((MANIFESTS / "debian-5.2.3.lock").read_bytes(), "debian-5.2.3.lock")
    today = closure(stack, opened, "developer")
    locked = {(one.name, one.version) for one in lock.packages}

    note = difference(today, lock)

    assert bool(note) == ({(one.name, one.version) for one in today.packages} != locked)
    assert "\n" not in note


def test_the_compiler_set_on_a_machine_that_has_all_else_is_hip_and_llvm(stack, opened):
    everything = Evidence(proven=tuple((one, "") for one in stack.rocm.host))

    offer = Offer(closure(stack, opened, "compiler"), opened.urls, opened.records)
    plan = plan_install(Request(stack, ("compiler",)), offer, Machine(BOOKWORM, everything))

    assert {one.place for one in plan.packages} == {"rocm"}
    assert (len(plan.packages), len(plan.host)) == (23, 121)
    assert 85e6 < plan.download_size < 95e6
    assert 440e6 < plan.installed_size < 490e6

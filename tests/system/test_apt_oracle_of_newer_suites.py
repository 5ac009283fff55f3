"""apt is the oracle for Debian's newer stacks too: trixie, sid, and experimental over sid by priority.

The index of sid and experimental is good for a week: where the mirror is late, both sides are told to go on.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
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
from rocmswitch.model.stack import Stack
from rocmswitch.planning.closure import Closure, resolve_closure
from rocmswitch.planning.locked import difference
from rocmswitch.planning.sets import roots_of, selected_sets, sets_of
from rocmswitch.store.layout import Layout
from rocmswitch.system.disk import Disk

MANIFESTS = Path(__file__).parents[2] / "manifests"
STACKS = ("debian-5.7.1", "debian-6.4.3", "debian-7.2.4")
_INSTALLED = re.compile(r"^Inst (\S+) \((\S+) ", re.MULTILINE)

pytestmark = [
    pytest.mark.network("debian"),
    pytest.mark.skipif(shutil.which("apt-get") is None, reason="needs apt-get to compare with"),
]


@dataclass(frozen=True)
class Side:
    """One stack as both see it: our index, and an apt in whose state nothing is installed.

    All stacks share the folder, in which apt keeps the lists of suites.
    """

    stack: Stack
    opened: OpenedIndex
    folder: Path

    @property
    def own(self) -> Path:
        return self.folder / self.stack.name

    def closure(self, name: str) -> Closure:
        return resolve_closure(roots_of(self.stack, selected_sets(self.stack, (name,))), self.opened.indexes)

    def installed_by_apt(self, name: str) -> set[tuple[str, str]]:
        roots = roots_of(self.stack, selected_sets(self.stack, (name,)))
        names = dict.fromkeys(parse_root(root)[0] for root in roots)
        return set(_INSTALLED.findall(self.apt_get("--simulate", "--no-install-recommends", "install", *names)))

    def apt_get(self, *words: str) -> str:
        settings = {
            "Dir::State": self.folder,
            "Dir::State::status": self.folder / "status",
            "Dir::State::lists": self.folder / "lists",
            "Dir::Cache": self.folder,
            "Dir::Etc::sourcelist": self.own / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": self.own / "preferences",
            "Dir::Etc::preferencesparts": "/dev/null",
            "APT::Architecture": "amd64",
            "APT::Architectures": "amd64",
            "APT::Default-Release": "",
            "APT::Get::List-Cleanup": "false",
            "APT::Sandbox::User": "",
            "Acquire::Check-Valid-Until": "false",
            "Acquire::Languages": "none",
        }
        options = [f"--option={name}={value}" for name, value in settings.items()]
        return subprocess.run(["apt-get", *options, *words], capture_output=True, text=True, check=True).stdout

    def configure(self) -> None:
        """apt's sources are our manifest's, and what a source names and ranks becomes a pin."""
        (self.folder / "lists/partial").mkdir(parents=True, exist_ok=True)
        self.own.mkdir()
        (self.folder / "status").touch()
        lines = [f"deb [arch=amd64 trusted=yes] {place.url} {place.suite} main\n" for place in self.opened.places]
        (self.own / "sources.list").write_text("".join(lines))
        pins = [
            f"Package: {' '.join(place.only)}\nPin: release a={place.suite}\nPin-Priority: {place.priority}\n"
            for place in self.opened.places
            if place.only
        ]
        (self.own / "preferences").write_text("\n".join(pins))
        self.apt_get("update")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for both sides' indexes: sid is read for two stacks."""
    folder = tmp_path_factory.mktemp("suites")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module", params=STACKS)
def side(request: pytest.FixtureRequest, shared: Path) -> Side:
    file = MANIFESTS / f"{request.param}.yaml"
    stack = parse_manifest(file.read_bytes(), file.name)
    own = host_mirror(Path("/"), "debian", read_host())
    mirrors = {"debian": own} if own else {}
    now, layout = datetime.now(timezone.utc), Layout.under(shared / "ours")
    repositories = Repositories(Http(), layout, Disk(), now, host_mirrors=mirrors)
    side = Side(stack, repositories.open(stack.rocm.sources, read_host(), allow_expired=True), shared)
    side.configure()
    return side


@pytest.mark.parametrize("name", ["runtime", "developer"])
def test_a_set_is_what_apt_would_install_on_an_empty_system(side, name):
    ours = {(one.name, one.version) for one in side.closure(name).packages}

    assert ours == side.installed_by_apt(name)


def test_the_base_comes_from_the_distribution_and_not_from_experimental(side):
    named = {name for place in side.opened.places for name in place.only}
    preferred = {str(place.position) for place in side.opened.places if place.only}

    taken = {one.name for one in side.closure("developer").packages if one.source in preferred}

    assert taken <= named


def test_the_tested_lock_and_today_s_index_differ_only_by_what_a_line_tells(side):
    name = side.stack.name
    lock = parse_lock((MANIFESTS / f"{name}.lock").read_bytes(), f"{name}.lock")
    everything = resolve_closure(roots_of(side.stack, sets_of(side.stack)), side.opened.indexes)

    note = difference(everything, lock)

    same = {(one.name, one.version) for one in everything.packages} == {
        (one.name, one.version) for one in lock.packages
    }
    assert (note == "", "\n" in note) == (same, False)

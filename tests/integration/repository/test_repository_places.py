"""Which server and suite a source means here, and AMD's layout."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rocmswitch.errors import (
    Failed,
    NotFound,
    UnresolvedDependency,
    VerificationFailed,
)
from rocmswitch.fetch.http import Http
from rocmswitch.fetch.repository import Repositories
from rocmswitch.model.source import Key, Source
from rocmswitch.planning.closure import resolve_closure
from rocmswitch.store.layout import Layout
from rocmswitch.system.disk import Disk
from tests.support.amdrepository import amd_driver_repository, amd_release
from tests.support.aptrepository import Publication
from tests.support.debs import Deb
from tests.support.keys import KeyFolder
from tests.support.server import Server
from tests.support.site import HOST, HURRY, NOW, Site


def test_the_suite_follows_the_hosts_code_name_or_the_default(site: Site) -> None:
    elsewhere = replace(HOST, codename="trixie")

    with pytest.raises(NotFound, match="/dists/focal/"):
        site.repositories().open((site.source,), elsewhere)


def test_a_source_without_a_suite_for_the_host_says_which_there_are(site: Site) -> None:
    source = Source(kind="apt", url=site.server.url("apt"), suite={"noble": "noble"}, key=site.source.key)

    with pytest.raises(NotFound) as caught:
        site.open(source)

    assert caught.value.message == f"`{site.server.url('apt')}` has no suite for `jammy`, only for `noble`"


def test_the_index_of_another_suite_is_a_warning_or_for_an_archive_a_refusal(site: Site) -> None:
    """repo.radeon.com has served `focal` under the name `ubuntu` (May 2024)."""
    site.repository.publish(Publication(fields={"Suite": "focal", "Codename": "focal"}))
    archive = Source(kind="apt", archive="debian", suite="jammy", key=site.source.key)

    message = f"the index `{site.server.url('apt')} jammy` says that it is of `focal`"
    assert site.open().warnings == (message,)
    with pytest.raises(VerificationFailed) as caught:
        site.repositories().open((archive,), HOST, mirror=site.server.url("apt"))
    assert caught.value.message == message


def test_a_component_that_the_suite_lacks_is_named(site: Site) -> None:
    source = Source(
        kind="apt", url=site.server.url("apt"), suite="jammy", components=("proprietary",), key=site.source.key
    )

    with pytest.raises(NotFound) as caught:
        site.open(source)

    assert caught.value.message == (
        f"`{site.server.url('apt')} jammy` has no packages in `proprietary` for `amd64`"
    )


def test_every_component_is_an_index(site: Site) -> None:
    site.repository.add(Deb("extra"), component="contrib").publish()
    source = Source(
        kind="apt", url=site.server.url("apt"), suite="jammy", components=("main", "contrib"), key=site.source.key
    )

    opened = site.open(source)

    assert [len(index) for index, _ in opened.indexes] == [1, 1]


def test_sources_keep_their_priorities_and_limits(site: Site) -> None:
    low = Source(kind="apt", url=site.server.url("apt"), suite="jammy", key=site.source.key, priority=100)
    none = Source(kind="apt", url=site.server.url("apt"), suite="jammy", key=site.source.key, packages=("other",))

    opened = site.open(low, none)

    found = [(priority, [one.source for one in index.candidates("hip")]) for index, priority in opened.indexes]
    assert found == [(100, ["0"]), (500, [])]


def test_the_chosen_mirror_takes_the_place_of_a_sources_server(site: Site) -> None:
    pinned = Key(fingerprint=site.repository.key.fingerprint, url="https://repo.example.org/key.asc")
    source = Source(kind="apt", url="https://repo.example.org/apt", suite="jammy", key=pinned)

    opened = site.repositories().open((source,), HOST, mirror=site.server.url())

    (hip,) = opened.indexes[0][0].candidates("hip")
    assert opened.urls(hip) == (site.server.url("apt/pool/main/h/hip/hip_5.2-1_amd64.deb"),)


def test_an_archive_is_read_from_the_hosts_mirror_and_downloads_may_use_the_main_one(site: Site) -> None:
    source = Source(kind="apt", archive="debian", suite="jammy", key=site.source.key)
    repositories = replace(site.repositories(), host_mirrors={"debian": site.server.url("apt/")})

    opened = repositories.open((source,), HOST)

    (hip,) = opened.indexes[0][0].candidates("hip")
    pool = "pool/main/h/hip/hip_5.2-1_amd64.deb"
    assert opened.urls(hip) == (site.server.url(f"apt/{pool}"), f"http://ftp.debian.org/debian/{pool}")


def test_a_kind_of_source_that_is_no_repository_is_refused(site: Site) -> None:
    source = Source(kind="tarball", url="https://example.org/rocm.tar.gz")

    with pytest.raises(Failed, match="a source of kind `tarball` is no repository"):
        site.open(source)


AMD_KEY = "https://repo.radeon.com/rocm/rocm.gpg.key"


@pytest.fixture(scope="module")
def amd(tmp_path_factory: pytest.TempPathFactory, folder: KeyFolder) -> Path:
    """AMD's server on a small scale: two releases and a driver repository, all signed with one old key."""
    place = tmp_path_factory.mktemp("amd")
    owner = folder.old("Release Manager")
    for release in ("5.2.3", "6.2.4"):
        version = Publication(fields={"Version": release})
        amd_release(place, owner, release, how=version)
    amd_driver_repository(place, owner)
    (place / "fingerprint").write_text(owner.fingerprint)
    return place


def amd_source(place: Path, url: str, suite: str) -> Source:
    pinned = Key(fingerprint=(place / "fingerprint").read_text(), url=AMD_KEY)
    return Source(kind="apt", url=f"https://repo.radeon.com/{url}", suite=suite, key=pinned)


def test_amds_layout_resolves_across_its_repositories(amd: Path, tmp_path: Path) -> None:
    sources = (
        amd_source(amd, "rocm/apt/5.2.3", "ubuntu"),
        amd_source(amd, "amdgpu/22.20.3/ubuntu", "jammy"),
    )
    with Server(amd) as server:
        repositories = Repositories(Http(HURRY), Layout.under(tmp_path), Disk(), NOW)
        opened = repositories.open(sources, HOST, mirror=server.url())

    found = {
        one.name: one.source for index, _ in opened.indexes for one in index.candidates("libdrm-amdgpu-amdgpu1")
    }
    roots = [index.candidates("rocm-hip-runtime5.2.3") for index, _ in opened.indexes]
    assert (found, [len(one) for one in roots], opened.warnings) == ({"libdrm-amdgpu-amdgpu1": "1"}, [1, 0], ())


def test_one_release_served_under_the_url_of_another_lacks_its_roots(amd: Path, tmp_path: Path) -> None:
    """All of AMD's releases have good signatures by one key: only names and versions tell them apart."""
    (tmp_path / "rocm/apt").mkdir(parents=True)
    (tmp_path / "rocm/apt/6.2.4").symlink_to(amd / "rocm/apt/5.2.3")
    (tmp_path / "rocm/rocm.gpg.key").symlink_to(amd / "rocm/rocm.gpg.key")
    source = amd_source(amd, "rocm/apt/6.2.4", "ubuntu")

    with Server(tmp_path) as server:
        repositories = Repositories(Http(HURRY), Layout.under(tmp_path / "home"), Disk(), NOW)
        opened = repositories.open((source,), HOST, mirror=server.url())

    assert opened.warnings == (
        f"the index `{server.url('rocm/apt/6.2.4')} ubuntu` says that it is of version `5.2.3`",
    )
    with pytest.raises(UnresolvedDependency, match=r"`rocm-hip-runtime6\.2\.4`"):
        resolve_closure(("rocm-hip-runtime6.2.4",), opened.indexes)

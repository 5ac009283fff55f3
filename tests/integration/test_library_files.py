"""Which file of an environment a library replaces: real libraries, found by soname or named with `--as`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rocmswitch.errors import NotFound, Refused, UsageMistake
from rocmswitch.host.incoming import read_incoming
from rocmswitch.host.libraryfiles import find_libraries, locate, place_files
from rocmswitch.host.sites import environment_site, place, user_site
from rocmswitch.model.deployment import ABSENT, FILE, Site
from rocmswitch.planning.placing import Incoming, Target
from tests.support.elflibraries import Library, linked
from tests.support.patched import MIOPEN, foreign, original, patched, write


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    return foreign(tmp_path / "my env")


def site(packages: Path) -> Site:
    return environment_site(packages.parents[2], "my env")


def find_library(site: Site, soname: str) -> Target:
    """The file of *site* that a library of this name replaces."""
    (placing,) = place_files(site, [Incoming(f"/new/{soname}", 1)])
    return placing.target


def where(packages: Path, soname: str = "libMIOpen.so.1") -> tuple[str, str]:
    found = find_library(site(packages), soname)
    return found.root, found.path


def conda(folder: Path) -> Path:
    """An environment with the libraries as conda packages have them: the file, and symlinks with shorter names."""
    (folder / "conda-meta").mkdir(parents=True)
    (folder / "lib/python3.12/site-packages").mkdir(parents=True)
    write(folder / "lib/libMIOpen.so.1.0.60204", original())
    (folder / "lib/libMIOpen.so.1").symlink_to("libMIOpen.so.1.0.60204")
    (folder / "lib/libMIOpen.so").symlink_to("libMIOpen.so.1")
    return folder


def test_a_library_is_found_by_its_soname_whatever_its_file_is_called(packages: Path):
    found = find_library(site(packages), "libMIOpen.so.1")

    assert (found.root, found.path, found.facts.soname, found.names) == (
        *(str(packages), MIOPEN),
        *("libMIOpen.so.1", frozenset({"libMIOpen.so"})),
    )


@pytest.mark.parametrize("soname", ["libMIOpen.so", "libMIOpen.so.1", "libMIOpen.so.1.0.60204"])
def test_a_soname_with_or_without_a_version_is_the_same_library(packages: Path, soname: str):
    assert where(packages, soname) == (str(packages), MIOPEN)


def test_backups_texts_and_other_libraries_of_a_similar_name_are_no_candidates(packages: Path):
    for name in ("libMIOpen.so.original", "libMIOpen.so.bak", "libMIOpen.so~"):
        write(packages / "torch/lib" / name, original())
    write(packages / "torch/lib/libMIOpen.so.1", b"GROUP ( libMIOpen.so )")
    write(packages / "torch/lib/libMIOpenDriver.so", original())
    write(packages / "torch/__pycache__/libMIOpen.so", original())

    assert where(packages) == (str(packages), MIOPEN)


def test_one_file_under_several_names_is_one_target(tmp_path: Path):
    folder = conda(tmp_path / "miniconda")

    found = find_library(environment_site(folder, "miniconda"), "libMIOpen.so.1")

    assert (found.root, found.path, found.names) == (
        *(str(folder), "lib/libMIOpen.so.1.0.60204"),
        frozenset({"libMIOpen.so", "libMIOpen.so.1", "libMIOpen.so.1.0.60204"}),
    )


def test_a_wheel_of_rocm_beside_torch_is_looked_through(packages: Path):
    (packages / MIOPEN).unlink()
    write(packages / "_rocm_sdk_libraries_gfx101x/lib/libMIOpen.so.1", original())

    assert where(packages) == (str(packages), "_rocm_sdk_libraries_gfx101x/lib/libMIOpen.so.1")


def test_names_with_the_hash_of_auditwheel_are_the_same_library(packages: Path):
    write(packages / "pillow.libs/libz-1a2b3c4d.so.1.3", linked(Library("libz.so", "libz-1a2b3c4d.so.1.3", "z")))

    assert where(packages, "libz.so.1") == (str(packages), "pillow.libs/libz-1a2b3c4d.so.1.3")


def test_another_major_version_is_found_only_where_there_is_no_other(packages: Path):
    write(packages / "other/libMIOpen.so", patched(soname="libMIOpen.so.2"))

    assert [where(packages, f"libMIOpen.so.{major}")[1] for major in (1, 2)] == [MIOPEN, "other/libMIOpen.so"]
    assert [one.path for one in find_libraries(site(packages), "libMIOpen.so.3")] == ["other/libMIOpen.so", MIOPEN]


def test_several_files_are_refused_by_name(packages: Path):
    write(packages / "other/libMIOpen.so", original())

    with pytest.raises(Refused) as caught:
        where(packages)

    assert str(caught.value) == (
        "`libMIOpen.so.1` is there more than once in `my env`:"
        f" `{packages}/other/libMIOpen.so`, `{packages}/{MIOPEN}`"
    )


def test_none_at_all_is_not_found(packages: Path):
    with pytest.raises(NotFound, match=r"^`my env` has no `libnothing\.so\.3`$"):
        where(packages, "libnothing.so.3")


def test_a_library_that_is_a_link_to_another_s_file_is_refused(packages: Path, tmp_path: Path):
    elsewhere = write(tmp_path / "opt/rocm/libMIOpen.so", original())
    (packages / MIOPEN).unlink()
    (packages / MIOPEN).symlink_to(elsewhere)

    with pytest.raises(Refused) as caught:
        where(packages)

    assert (
        str(caught.value) == f"`{packages}/{MIOPEN}` leads out of `my env`, to `{elsewhere}`, which others may use"
    )


def test_links_that_lead_nowhere_or_in_a_circle_are_no_files(packages: Path):
    (packages / "torch/lib/libMIOpen.so.1").symlink_to("gone")
    (packages / "torch/lib/libMIOpen.so.2").symlink_to("libMIOpen.so.2")
    os.mkfifo(packages / "torch/lib/libMIOpen.so.3")

    assert where(packages) == (str(packages), MIOPEN)


def test_folders_that_are_links_are_not_walked(packages: Path):
    (packages / "again").symlink_to("torch")
    (packages / "torch/lib/self").symlink_to("..")

    assert where(packages) == (str(packages), MIOPEN)


def test_the_user_s_packages_of_the_python_that_has_it_decide(tmp_path: Path):
    base = tmp_path / "home/.local"
    (base / "lib/python3.12/site-packages").mkdir(parents=True)
    write(base / "lib/python3.9/site-packages" / MIOPEN, original())
    site = user_site({"HOME": str(tmp_path / "home")})

    assert find_library(site, "libMIOpen.so.1").root == f"{base}/lib/python3.9/site-packages"
    assert locate(site, MIOPEN).root == f"{base}/lib/python3.9/site-packages"


def test_several_pythons_that_have_it_are_told_apart_by_their_folders(tmp_path: Path):
    base = tmp_path / "home/.local"
    for version in ("3.12", "3.9"):
        write(base / f"lib/python{version}/site-packages" / MIOPEN, original())
    site = user_site({"HOME": str(tmp_path / "home")})

    for look in (lambda: find_library(site, "libMIOpen.so.1"), lambda: locate(site, MIOPEN)):
        with pytest.raises(Refused, match=r"python3\.12.*python3\.9") as caught:
            look()
        assert caught.value.hint == "run the same command with `--into` and the folder of packages that is meant"


def test_nothing_else_below_the_user_s_folder_is_meant(tmp_path: Path):
    base = tmp_path / "home/.local"
    (base / "lib/python3.12/site-packages").mkdir(parents=True)
    write(base / "share/libMIOpen.so", original())
    site = user_site({"HOME": str(tmp_path / "home")})

    assert find_libraries(site, "libMIOpen.so.1") == ()
    with pytest.raises(NotFound):
        locate(site, "share/libMIOpen.so")


def test_a_prefix_is_looked_through_wherever_its_libraries_lie(tmp_path: Path):
    write(tmp_path / "tree/opt/rocm-6.2.4/lib/libMIOpen.so.1.0", original())
    whole = Site(place("prefix", "rocm-6.2.4", tmp_path / "tree"), ())

    assert find_library(whole, "libMIOpen.so.1").path == "opt/rocm-6.2.4/lib/libMIOpen.so.1.0"


def test_as_means_a_path_below_the_packages_else_below_the_environment(packages: Path):
    whole = site(packages)
    (packages.parents[2] / "share").mkdir()

    assert [
        (one.root, one.path, one.seen.kind) for one in (locate(whole, MIOPEN), locate(whole, "share/new.dat"))
    ] == [
        (str(packages), MIOPEN, FILE),
        (str(packages.parents[2]), "share/new.dat", ABSENT),
    ]


def test_as_a_folder_keeps_the_name_of_the_file(packages: Path):
    assert [locate(site(packages), word, "x.so").path for word in ("torch/lib", "torch/lib/")] == [
        "torch/lib/x.so"
    ] * 2


def test_as_may_name_a_link_and_means_its_file(tmp_path: Path):
    folder = conda(tmp_path / "env")

    found = locate(environment_site(folder, "env"), "lib/libMIOpen.so")

    assert (found.path, found.seen.kind, len(found.names)) == ("lib/libMIOpen.so.1.0.60204", FILE, 3)


@pytest.mark.parametrize("word", ["../x", "torch/../../x", "/", "", "//"])
def test_as_must_be_a_path_below(packages: Path, word: str):
    with pytest.raises(UsageMistake, match="is no path below an environment"):
        locate(site(packages), word)


def test_as_in_a_folder_that_is_not_there_is_not_found(packages: Path):
    with pytest.raises(NotFound, match="`my env` has no folder `torch/nothing`"):
        locate(site(packages), "torch/nothing/x.dat")


def test_as_must_not_lead_out(packages: Path, tmp_path: Path):
    outside = write(tmp_path / "outside/x.dat", b"")
    (packages / "link").symlink_to(outside.parent)
    (packages / "x.dat").symlink_to(outside)
    (packages / "lost").symlink_to("gone")

    for word in ("link/x.dat", "link/new.dat", "x.dat", str(outside)):
        with pytest.raises(Refused, match=r"leads out of `my env`"):
            locate(site(packages), word)
    with pytest.raises(Refused, match="leads to nothing"):
        locate(site(packages), "lost")


def test_as_may_be_the_whole_path(packages: Path):
    assert locate(site(packages), str(packages / MIOPEN)) == locate(site(packages), MIOPEN)


def test_what_is_no_file_cannot_be_replaced(packages: Path):
    os.mkfifo(packages / "pipe")

    with pytest.raises(Refused, match="is a FIFO, where a file is expected"):
        locate(site(packages), "pipe")


def test_bytes_that_are_there_already_are_noticed(packages: Path, tmp_path: Path):
    same = write(tmp_path / "same/libMIOpen.so", original())
    other = write(tmp_path / "other/libMIOpen.so", patched())
    assert same.stat().st_size == other.stat().st_size

    placings = place_files(site(packages), read_incoming([str(same), str(other)]))

    assert [one.target.holds_the_same for one in placings] == [True, False]


def test_each_file_of_a_folder_goes_where_its_soname_or_its_path_says(packages: Path, tmp_path: Path):
    write(tmp_path / "built/libMIOpen.so.1.0", patched())
    write(tmp_path / "built/librocblas.so", patched("librocblas.so"))
    write(tmp_path / "kernels/rocblas/library/TensileLibrary_lazy_gfx1010.dat", b"new")

    found = place_files(site(packages), read_incoming([str(tmp_path / "built")]))
    named = place_files(site(packages), read_incoming([str(tmp_path / "kernels")], "torch/lib"))

    assert [one.target.path for one in (*found, *named)] == [
        *(MIOPEN, "torch/lib/librocblas.so"),
        "torch/lib/rocblas/library/TensileLibrary_lazy_gfx1010.dat",
    ]

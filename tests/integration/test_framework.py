"""The PyTorch of real environments as doctor sees it: of venv, of conda, of a user, of ours; its files are real."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from rocmswitch.errors import NotFound
from rocmswitch.host.framework import library_files, read_framework
from rocmswitch.model.finding import Finding
from rocmswitch.model.framework import FrameworkSymptoms
from rocmswitch.model.symptoms import CardSymptoms, Symptoms
from rocmswitch.operations.examining import Surgery
from rocmswitch.operations.framework import examine_installed, examine_site
from rocmswitch.planning.diagnosis_framework import ROWS
from rocmswitch.store.catalog import Catalog, shipped_manifests
from rocmswitch.store.installed import Installed
from rocmswitch.store.layout import Layout
from rocmswitch.system.disk import Disk
from tests.support.cputorch import cpu_torch
from tests.support.elflibraries import Library, linked
from tests.support.frameworks import (
    PYTHON,
    TAG,
    conda_folder,
    foreign_venv,
    kernel_files,
    put_code,
    put_library,
    put_torch,
    site_of,
)
from tests.support.offloadbundles import bundle, kpack, kpack_note, packed, section
from tests.support.pytorchwheels import Build
from tests.support.torchenvironment import OTHER, Person, other_rocm

BUILD = Build("2.7.1+rocm6.2.4", "6.2.41134")
OLD = Build("1.13.1+rocm5.2", "5.2.21151", "runpath")
CARD = "gfx1010"


def here(folder: Path, root: Path = Path("/"), **environment: str) -> Surgery:
    layouts = (Layout.under(folder / "rocm switch"),)
    told = {"HOME": str(folder / "home"), "PATH": "/usr/bin:/bin", "ROCMSWITCH_GPU": CARD, **environment}
    return Surgery(layouts, Installed(layouts), Catalog(shipped_manifests()), told, Disk(), root)


def diagnosed(one: FrameworkSymptoms, card: str = CARD) -> dict[str, Finding]:
    symptoms = Symptoms(card=CardSymptoms(target=card), frameworks=(one,))
    return {finding.id.partition(":")[0]: finding for row in ROWS for finding in row(symptoms)}


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    return foreign_venv(tmp_path / "their env", BUILD)


def test_an_environment_of_venv_is_read_without_being_run(theirs: Path, tmp_path: Path):
    (site_of(theirs) / "torch/__init__.py").write_text("raise SystemExit(9)\n")
    put_code(theirs, section(bundle("gfx1030"), packed(bundle("gfx1030", "gfx90a"))))
    found = examine_site(str(theirs), here(tmp_path))

    assert (found.kind, found.name, found.python, found.packages_for) == ("foreign", str(theirs), TAG, TAG)
    assert (found.framework.version, found.framework.hip, found.framework.tags) == (
        "2.7.1+rocm6.2.4",
        "6.2.41134",
        (f"{TAG}-{TAG}-manylinux_2_28_x86_64",),
    )
    assert found.framework.core and found.framework.core.code.counts == (("gfx1030", 2), ("gfx90a", 1))
    assert (found.stack, found.glibc_min, found.loader) == ("rocm-6.2.4", "2.28", "rpath")


def test_a_torch_without_code_for_the_card_leads_to_the_stack_that_has_it(theirs: Path, tmp_path: Path):
    library = put_code(theirs, section(packed(bundle("gfx1030"))))
    found = diagnosed(examine_site(str(theirs), here(tmp_path)))

    assert list(found) == ["target-missing"]
    assert found["target-missing"].where == str(library)
    assert "rocmswitch use therock-10.1 --venv NAME" in str(found["target-missing"].remedy)


def test_an_override_of_the_shell_counts(theirs: Path, tmp_path: Path):
    put_code(theirs, section(bundle("gfx1030")))
    shell = here(tmp_path, HSA_OVERRIDE_GFX_VERSION="10.3.0")
    kernel_files(theirs, "gfx1030")

    assert list(diagnosed(examine_site(str(theirs), shell))) == ["override-code"]


def test_rocblas_kernels_are_told_by_their_files(theirs: Path, tmp_path: Path):
    put_code(theirs, section(bundle(CARD)))
    kernels = kernel_files(theirs, "gfx1030")
    found = diagnosed(examine_site(str(theirs), here(tmp_path)))

    assert (list(found), found["blas-kernels-missing"].where) == (["blas-kernels-missing"], str(kernels))
    kernel_files(theirs, "gfx1030", CARD)
    assert diagnosed(examine_site(str(theirs), here(tmp_path))) == {}


def test_archives_of_kernels_are_looked_for_where_the_library_says(theirs: Path, tmp_path: Path):
    put_code(theirs, kpack_note("../.kpack/torch_@GFXARCH@.kpack"), section=".rocm_kpack_ref")
    folder = site_of(theirs) / "torch/.kpack"
    folder.mkdir()
    (folder / "torch_gfx103X.kpack").write_bytes(kpack("gfx1030", "gfx1031"))
    (folder / "torch_gfx1100.kpack").write_bytes(b"cut")
    (folder / "blas_gfx1010.kpack").write_bytes(kpack(CARD))
    kernel_files(theirs, CARD)

    found = examine_site(str(theirs), here(tmp_path))

    assert found.framework.packs == ("gfx1030", "gfx1031", "gfx1100")
    assert list(diagnosed(found)) == ["target-missing"]
    (folder / "torch_gfx101X.kpack").write_bytes(kpack(CARD))
    assert diagnosed(examine_site(str(theirs), here(tmp_path))) == {}


def test_a_wheel_for_another_python_is_known_by_its_tags(tmp_path: Path):
    folder = foreign_venv(tmp_path / "env", BUILD, tag="cp39")
    found = diagnosed(examine_site(str(folder), here(tmp_path)))

    assert list(found) == ["wrong-python"]


def test_an_environment_whose_python_became_another_is_known_by_the_name_of_its_file(theirs: Path, tmp_path: Path):
    newer = tmp_path / "python3.99"
    newer.touch(0o755)
    (theirs / "bin/python").unlink()
    (theirs / "bin/python").symlink_to(newer)

    found = examine_site(str(theirs), here(tmp_path))

    assert (found.python, list(diagnosed(found))) == ("cp399", ["wrong-python"])


def test_an_environment_of_condas_kind_tells_its_python_by_its_packages(tmp_path: Path):
    folder = conda_folder(tmp_path / "conda env", BUILD)
    (folder / "bin/python").unlink()
    found = examine_site(str(folder), here(tmp_path))

    assert (found.kind, found.python, diagnosed(found)) == ("foreign", TAG, {})


def test_condas_own_libstdcxx_is_what_counts(tmp_path: Path):
    folder = conda_folder(tmp_path / "env", BUILD)
    old = Library("libstdc++.so.6", "libstdc++.so.6", "something", version="GLIBCXX_3.4.1")
    (folder / "lib/libstdc++.so.6").write_bytes(linked(old))
    found = examine_site(str(folder), here(tmp_path))
    core = next(one for one in found.framework.libraries if one.file == "libtorch_hip.so")
    asking = replace(
        found, framework=replace(found.framework, libraries=(replace(core, needs=("GLIBCXX_3.4.9",)),))
    )

    assert (found.defined, list(diagnosed(asking))) == (("GLIBCXX_3.4.1",), ["old-libstdcxx"])


def test_what_a_user_has_installed_is_found_by_the_word_user(tmp_path: Path):
    site = tmp_path / f"home/.local/lib/python{PYTHON}/site-packages"
    site.mkdir(parents=True)
    put_torch(tmp_path / "home/.local", BUILD)
    found = examine_site("user", here(tmp_path))

    assert (found.name, found.kind, found.python, diagnosed(found)) == ("user", "user", "", {})


def test_a_python_means_its_environment(theirs: Path, tmp_path: Path):
    assert examine_site(str(theirs / "bin/python"), here(tmp_path)).framework.version == "2.7.1+rocm6.2.4"


@pytest.mark.parametrize(
    ("word", "message"), [("nothing", "no environment or stack"), ("./nothing", "there is no")]
)
def test_a_word_that_means_no_environment_is_not_found(word: str, message: str, tmp_path: Path):
    with pytest.raises(NotFound, match=message):
        examine_site(word, here(tmp_path))


def test_an_environment_without_pytorch_is_told_so(theirs: Path, tmp_path: Path):
    shutil.rmtree(site_of(theirs) / "torch")

    with pytest.raises(NotFound, match="has no PyTorch"):
        examine_site(str(theirs), here(tmp_path))


def test_ours_is_examined_by_its_own_manifest(tmp_path: Path):
    person = Person(tmp_path)
    person.write(replace(person.one.receipt, stack="rocm-6.2.4", torch="2.7.1+rocm6.2.4"))
    found = examine_installed(person.one, here(tmp_path, HSA_OVERRIDE_GFX_VERSION="10.3.0"))

    assert found is not None
    assert (found.kind, found.name, found.stack, found.glibc_min) == ("venv", "demo", "rocm-6.2.4", "2.28")
    assert (found.shadows, diagnosed(found)) == ((), {})


def test_ours_is_examined_by_its_name_and_its_path_alike(tmp_path: Path):
    person = Person(tmp_path)

    assert examine_site("demo", here(tmp_path)) == examine_site(str(person.tree), here(tmp_path))


def test_a_library_that_asks_for_an_executable_stack_is_a_fault_where_the_c_library_refuses_it(tmp_path: Path):
    folder = foreign_venv(tmp_path / "env", OLD)
    root = tmp_path / "machine"
    c = Library("libc.so.6", "libc.so.6", "gnu_get_libc_version", version="GLIBC_2.41")
    (root / "lib/x86_64-linux-gnu").mkdir(parents=True)
    (root / "lib/x86_64-linux-gnu/libc.so.6").write_bytes(linked(c) + b"GNU C Library stable release version 2.41.")
    found = diagnosed(examine_site(str(folder), here(tmp_path, root)))

    assert (found["executable-stack"].severity, "glibc 2.40 is the last" in found["executable-stack"].why) == (
        "fault",
        True,
    )
    assert diagnosed(examine_site(str(folder), here(tmp_path)))["executable-stack"].severity == "note"


def test_another_rocm_on_the_library_path_comes_before_a_bundle_with_runpath_alone(tmp_path: Path):
    rocm = other_rocm(tmp_path / "rocm-6.1/lib", OTHER)
    shell = here(tmp_path, LD_LIBRARY_PATH=str(rocm))
    runpath, rpath = (foreign_venv(tmp_path / name, build) for name, build in (("old", OLD), ("new", BUILD)))

    shadowed = diagnosed(examine_site(str(runpath), shell))["runpath-shadowed"]

    assert (str(rocm) in shadowed.why, shadowed.remedy and shadowed.remedy.text) == (
        True,
        "run `unset LD_LIBRARY_PATH`",
    )
    assert "runpath-shadowed" not in diagnosed(examine_site(str(rpath), shell))


def test_a_library_of_another_rocm_that_was_put_in_is_known_by_its_soname(theirs: Path, tmp_path: Path):
    put_library(theirs, "libamdhip64.so", Build("2.10.0+rocm7.0", "7.0.51831"))
    found = diagnosed(examine_site(str(theirs), here(tmp_path)))

    assert list(found) == ["mixed-rocm"]


def test_numpy_2_beside_an_old_torch_is_told(tmp_path: Path):
    folder = foreign_venv(tmp_path / "env", OLD)
    (site_of(folder) / "numpy-2.1.3.dist-info").mkdir()

    assert "numpy-2" in diagnosed(examine_site(str(folder), here(tmp_path)))


def test_libraries_that_did_not_change_are_not_opened_again(theirs: Path, tmp_path: Path):
    first = examine_site(str(theirs), here(tmp_path))
    known = {one.path: replace(one, soname="known") for one in first.framework.libraries}
    again = read_framework((str(site_of(theirs)),), known)
    put_code(theirs, section(bundle(CARD)))
    changed = read_framework((str(site_of(theirs)),), known)

    assert again is not None and {one.soname for one in again.libraries} == {"known"}
    assert changed is not None and [one.file for one in changed.libraries if one.soname != "known"] == [
        "libtorch_hip.so"
    ]


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff\xfe", b'[{"path": 1}]'])
def test_what_was_kept_and_is_garbled_is_read_anew(theirs: Path, tmp_path: Path, content: bytes):
    surgery = here(tmp_path)
    surgery.own.data.mkdir(parents=True)
    first = examine_site(str(theirs), surgery)
    (kept,) = (surgery.own.checks / "files").glob("*.json")
    kept.write_bytes(content)

    assert examine_site(str(theirs), surgery) == first
    assert kept.read_bytes() != content


def test_of_environments_that_are_gone_nothing_is_kept(theirs: Path, tmp_path: Path):
    surgery = here(tmp_path)
    surgery.own.data.mkdir(parents=True)
    examine_site(str(theirs), surgery)
    shutil.rmtree(theirs)
    examine_site(str(foreign_venv(tmp_path / "another", BUILD)), surgery)

    assert len(list((surgery.own.checks / "files").glob("*.json"))) == 1


def test_looking_at_anothers_environment_leaves_nothing_in_an_account_without_any_of_ours(
    theirs: Path, tmp_path: Path
):
    surgery = here(tmp_path)
    examine_site(str(theirs), surgery)

    assert not surgery.own.data.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_where_nothing_can_be_kept_all_is_read_each_time(theirs: Path, tmp_path: Path):
    surgery = here(tmp_path)
    surgery.own.data.mkdir(parents=True, mode=0o500)

    assert examine_site(str(theirs), surgery).framework.version == "2.7.1+rocm6.2.4"


def test_what_lies_in_the_place_of_files_is_passed_over(theirs: Path, tmp_path: Path):
    site = site_of(theirs)
    (site / "torch/version.py").unlink()
    os.mkfifo(site / "torch/version.py")
    os.mkfifo(site / "torch/lib/libfifo.so")
    (site / "torch/lib/libloop.so").symlink_to("libloop.so")
    (site / "torch/lib/libgone.so").symlink_to("nowhere.so")
    (site / "torch/lib/libtext.so").write_text("no library")
    (site / "torch/lib/libfolder.so").mkdir()
    found = examine_site(str(theirs), here(tmp_path)).framework

    assert (found.version, found.hip) == ("2.7.1+rocm6.2.4", "")
    assert not {"libfifo.so", "libloop.so", "libgone.so", "libtext.so", "libfolder.so"} & {
        one.file for one in found.libraries
    }


def test_a_library_with_several_names_is_read_once(theirs: Path):
    library = site_of(theirs) / "torch/lib/libMIOpen.so"
    library.with_name("libMIOpen.so.1").symlink_to(library.name)

    assert sum("libMIOpen" in one.name for one in library_files(site_of(theirs))) == 1


def test_a_real_torch_for_processors_is_told_to_be_that_and_nothing_else(tmp_path: Path):
    found = examine_site(str(cpu_torch()), here(tmp_path))

    assert [(name, one.severity) for name, one in diagnosed(found).items()] == [("not-for-rocm", "warning")]
    assert len(found.framework.libraries) > 5

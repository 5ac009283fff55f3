"""What is found of ROCm by hand on a whole system, and what is left alone there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rocmswitch.host import leftovers
from rocmswitch.host.leftovers import find_leftovers
from rocmswitch.model.leftover import BACKUP, FILE, FOLDER, LINES, Leftover, Line
from tests.support.leftoverroots import FOUND, by_hand, packaged, write

OVERRIDE = "export HSA_OVERRIDE_GFX_VERSION=10.3.0"


def paths(*found: Leftover) -> list[str]:
    return sorted(one.path for one in found)


def test_everything_on_the_list_is_found(tmp_path: Path):
    assert paths(*find_leftovers(by_hand(tmp_path))) == FOUND


def test_a_folder_names_all_files_and_links_in_it(tmp_path: Path):
    (found,) = (one for one in find_leftovers(by_hand(tmp_path)) if one.path == "/opt/rocm-patched")

    lib = "opt/rocm-patched/lib"
    assert (found.kind, found.files) == (
        FOLDER,
        (f"{lib}/libhsa-runtime64.so", f"{lib}/libhsa-runtime64.so.1"),
    )


def test_an_empty_system_has_none(tmp_path: Path):
    assert find_leftovers(tmp_path, tmp_path) == ()


def test_what_a_package_owns_is_none(tmp_path: Path):
    files = {"/etc/profile.d/rocm.sh": "", "/etc/modprobe.d/amdgpu-blacklist.conf": ""}
    write(tmp_path, {name[1:]: "x" for name in files})
    packaged(tmp_path, {"mine": list(files)})

    assert find_leftovers(tmp_path) == ()


def test_a_packages_tree_is_none_and_what_serves_it_is_none(tmp_path: Path):
    by_hand(tmp_path)
    write(tmp_path, {"opt/rocm-6.2.4/lib/libamdhip64.so.6": "real"})
    (tmp_path / "opt/rocm").symlink_to("/opt/rocm-6.2.4")
    packaged(tmp_path, {"rocm-core": ["/opt", "/opt/rocm-6.2.4", "/opt/rocm-6.2.4/lib/libamdhip64.so.6"]})

    found = paths(*find_leftovers(tmp_path))

    gone = [one for one in FOUND if one not in found]
    assert {"/opt/rocm", "/opt/rocm-6.2.4"}.isdisjoint(found)
    assert gone == [
        "/etc/apt/preferences.d/rocm-pin-600",
        "/etc/apt/sources.list.d/rocm.list",
        "/etc/environment.d/90-rocm.conf",
        "/etc/ld.so.conf.d/rocm.conf",
        "/etc/profile.d/rocm_gfx1010.sh",
    ]


def test_a_tree_of_which_packages_list_only_files_is_none(tmp_path: Path):
    write(tmp_path, {"opt/rocm-6.2.4/lib/a.so": "real"})
    packaged(tmp_path, {"rocm-core": ["/opt/rocm-6.2.4/lib/a.so"]})

    assert find_leftovers(tmp_path) == ()


def test_the_source_of_the_driver_is_none_where_that_is_installed(tmp_path: Path):
    write(by_hand(tmp_path), {"usr/src/amdgpu-6.8.5/dkms.conf": "x"})

    assert "/etc/apt/sources.list.d/amdgpu.list" not in paths(*find_leftovers(tmp_path))


def test_a_linked_tree_is_none_nor_what_leads_to_it(tmp_path: Path):
    write(packaged(tmp_path, {}), {"opt/rocm-6.2.4/lib/a.so": "real"})
    (tmp_path / "opt/rocm").symlink_to("rocm-6.2.4")

    assert find_leftovers(tmp_path, kept=[str(tmp_path / "opt/rocm-6.2.4")]) == ()


def test_what_is_ours_is_none(tmp_path: Path):
    packaged(tmp_path, {"x": []})
    write(tmp_path, {"opt/rocmswitch/data/x": "", "etc/profile.d/rocmswitch.sh": ""})

    assert find_leftovers(tmp_path) == ()


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path):
    packaged(tmp_path, {"x": []})
    (tmp_path / "opt").mkdir()
    (tmp_path / "opt/rocm").symlink_to("/opt/rocm-5.4")

    (found,) = find_leftovers(tmp_path)

    assert (found.path, found.kind, found.is_in_effect) == ("/opt/rocm", FILE, True)


def test_links_in_a_circle_end(tmp_path: Path):
    packaged(tmp_path, {"x": []})
    (tmp_path / "opt").mkdir()
    (tmp_path / "opt/rocm").symlink_to("rocm-1")
    (tmp_path / "opt/rocm-1").symlink_to("rocm")

    assert paths(*find_leftovers(tmp_path)) == ["/opt/rocm", "/opt/rocm-1"]


def test_a_link_of_a_mounted_system_leads_to_nothing_of_this_one(tmp_path: Path):
    write(tmp_path / "here", {"profile.d/rocm.sh": "x"})
    root = tmp_path / "root"
    packaged(root, {"x": []})
    (root / "etc").symlink_to(tmp_path / "here")

    assert find_leftovers(root) == ()


def test_without_a_package_manager_a_tree_is_told_and_kept(tmp_path: Path):
    write(tmp_path, {"opt/rocm-5/lib/x": "x"})

    (found,) = find_leftovers(tmp_path)

    assert found.odd == "there is no package manager to ask whose it is"


def test_a_folder_with_more_than_a_change_takes_is_only_told(tmp_path: Path):
    packaged(tmp_path, {"x": []})
    for number in range(leftovers.MOST_FOLDERS + 1):
        (tmp_path / f"opt/rocm-5/{number}").mkdir(parents=True)

    (found,) = find_leftovers(tmp_path)

    assert (found.too_large, found.files) == (True, ())


def test_a_folder_that_is_larger_than_a_change_takes_is_only_told(tmp_path: Path):
    write(packaged(tmp_path, {"x": []}), {"opt/rocm-5/libclang.so": ""})
    os.truncate(tmp_path / "opt/rocm-5/libclang.so", leftovers.LARGEST + 1)

    (found,) = find_leftovers(tmp_path)

    assert found.too_large


def test_a_folder_with_a_pipe_is_only_told(tmp_path: Path):
    write(packaged(tmp_path, {"x": []}), {"opt/rocm-5/x": ""})
    os.mkfifo(tmp_path / "opt/rocm-5/pipe")

    (found,) = find_leftovers(tmp_path)

    assert found.odd == "it holds what is neither a file nor a link"


def test_a_folder_of_which_only_folders_are_left_is_none(tmp_path: Path):
    (tmp_path / "opt/rocm-5/lib").mkdir(parents=True)

    assert find_leftovers(packaged(tmp_path, {"x": []})) == ()


def test_a_backup_by_hand_beside_a_packages_library_is_found(tmp_path: Path):
    lib = "opt/rocm-6/lib"
    write(tmp_path, {f"{lib}/a.so.1": "patched", f"{lib}/a.so.1.backup": "own", f"{lib}/b.so.backup": "of nothing"})
    packaged(tmp_path, {"rocm-core": ["/opt/rocm-6"]})

    (found,) = find_leftovers(tmp_path)

    assert (found.path, found.kind) == (f"/{lib}/a.so.1.backup", BACKUP)


def test_in_a_home_backups_lines_and_what_the_patched_library_has_cached_are_found(tmp_path: Path):
    lib = ".local/lib/python3.12/site-packages/torch/lib"
    files = {
        f"{lib}/libMIOpen.so": "patched",
        f"{lib}/libMIOpen.so.original": "own",
        ".cache/miopen/3.2.0/x.ufdb": "x",
    }
    write(tmp_path, {**files, ".bashrc": f"# mine\n{OVERRIDE}\nexport PATH=/x:$PATH\n"})

    found = find_leftovers(tmp_path / "root", tmp_path)

    assert [(one.kind, one.path, one.is_users) for one in found] == [
        (BACKUP, f"{tmp_path}/{lib}/libMIOpen.so.original", True),
        (LINES, f"{tmp_path}/.bashrc", True),
        (FOLDER, f"{tmp_path}/.cache/miopen", True),
    ]
    assert found[1].lines == (Line(2, OVERRIDE),)


def test_a_cache_without_a_patched_library_is_none(tmp_path: Path):
    write(tmp_path, {".cache/miopen/3.2.0/x.ufdb": "x"})

    assert find_leftovers(tmp_path / "root", tmp_path) == ()


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[31m", "a b'c"])
def test_odd_names_are_found_as_they_are(tmp_path: Path, name: str):
    write(packaged(tmp_path, {"x": []}), {f"opt/rocm-{name}/x": ""})

    assert paths(*find_leftovers(tmp_path)) == [f"/opt/rocm-{name}"]

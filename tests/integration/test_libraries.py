"""What an environment really loads: small real libraries with the names of large ones, imported in a child."""

from __future__ import annotations

import io
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from rocmswitch.host.maps import observe
from rocmswitch.model.receipt import InstalledPackage, Receipt
from rocmswitch.operations.libraries import could_clash, fingerprint, framework_of, look_if_changed
from rocmswitch.planning.libraries import CORE, Check
from rocmswitch.store.receipts import encode_receipt, receipt_path
from rocmswitch.system.disk import Disk
from tests.support.disk import CuttingDisk, PowerCut
from tests.support.elflibraries import Library, linked
from tests.support.pytorchwheels import Build
from tests.support.rocmwheels import rocm_wheel, rocm_wheels
from tests.support.torchenvironment import RPATH, RUNPATH, TREE, Person, other_rocm


@pytest.mark.parametrize("build", [RPATH, RUNPATH], ids=["rpath", "runpath"])
def test_an_untouched_environment_has_one_copy_of_each_library(tmp_path: Path, build: Build):
    assert Person(tmp_path, build).look() == Check("torch", build.torch)


def test_a_bundle_with_rpath_ignores_the_library_path(tmp_path: Path):
    other = other_rocm(tmp_path / "opt/rocm/lib")

    assert Person(tmp_path).look(LD_LIBRARY_PATH=str(other)).clashes == ()


def test_a_bundle_with_runpath_is_shadowed_and_the_reason_is_told(tmp_path: Path):
    other = other_rocm(tmp_path / "opt/rocm/lib")
    person = Person(tmp_path, RUNPATH)

    check = person.look(LD_LIBRARY_PATH=str(other))

    assert {clash.library: clash.kind for clash in check.clashes} == dict.fromkeys(CORE, "foreign")
    (origin,) = check.clashes[0].files
    assert origin.path == str(other / "libamdhip64.so.6.0")
    assert origin.why.startswith("LD_LIBRARY_PATH, needed by ") and "torch/lib/" in origin.why


def test_what_is_loaded_is_foreseen_from_the_headers(tmp_path: Path):
    other = other_rocm(tmp_path / "opt/rocm/lib")
    person = Person(tmp_path, RUNPATH)
    environment = {"LD_LIBRARY_PATH": str(other)}

    clashes = could_clash(person.one, person.installed, environment)

    seen = {clash.library: clash.files[0].path for clash in person.look(**environment).clashes}
    foreseen = {clash.library: clash.files[0].path for clash in clashes}
    # What only the shadowing libraries need is no header of the bundle's.
    assert foreseen.items() <= seen.items() and "libamdhip64" in foreseen


def test_nothing_is_foreseen_where_the_bundle_is_searched_first(tmp_path: Path):
    other = other_rocm(tmp_path / "opt/rocm/lib")
    person = Person(tmp_path)

    assert could_clash(person.one, person.installed, {"LD_LIBRARY_PATH": str(other)}) == ()


def test_a_preloaded_library_is_a_second_copy(tmp_path: Path):
    other = other_rocm(tmp_path / "opt/rocm/lib")

    check = Person(tmp_path).look(LD_PRELOAD=str(other / "libhsa-runtime64.so"))

    # The loader knows it by its soname, and the bundle asks for the name without a version.
    (clash,) = [one for one in check.clashes if one.library == "libhsa-runtime64"]
    assert (clash.kind, {origin.why for origin in clash.files if origin.path.startswith(str(other))}) == (
        "copies",
        {"LD_PRELOAD"},
    )


def test_a_plugin_that_brings_another_rocm_is_named(tmp_path: Path):
    person = Person(tmp_path)
    other = other_rocm(tmp_path / "opt/rocm/lib")
    hip = Library("libamdhip64.so.6", "libamdhip64.so.6", "hipInit", version="hip_4.2")
    plugin = Library("plugin.so", "plugin.so", "plugin", calls=(hip,), search="runpath", folders=(str(other),))
    (person.site / "torch/plugin.so").write_bytes(linked(plugin))
    with (person.site / "torch/__init__.py").open("a") as file:
        file.write("ctypes.CDLL(os.path.join(os.path.dirname(__file__), 'plugin.so'))\n")
        file.write(f"ctypes.CDLL({str(other / 'libamdhip64.so')!r})\n")

    check = person.look()

    (clash,) = [one for one in check.clashes if one.library == "libamdhip64"]
    assert clash.kind == "copies"
    assert f"DT_RUNPATH of {person.site / 'torch/plugin.so'}" in {origin.why for origin in clash.files}


def test_a_library_that_is_gone_is_an_error_and_no_exception(tmp_path: Path):
    person = Person(tmp_path)
    (person.site / "torch/lib/libamdhip64.so").unlink()

    assert "libamdhip64.so" in person.look().error


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("raise RuntimeError('a\\x1b[2Jb')", "RuntimeError: a\N{REPLACEMENT CHARACTER}[2Jb"),
        ("import os; os.kill(os.getpid(), 11)", "it was ended by SIGSEGV"),
        ("import os; os._exit(3)", "it ended with exit code 3"),
        ("import sys; sys.exit()", "it ended with exit code 0"),
        ("import not_there", "ModuleNotFoundError: No module named 'not_there'"),
    ],
)
def test_a_framework_that_cannot_be_imported_is_reported(tmp_path: Path, text: str, error: str):
    person = Person(tmp_path)
    (person.site / "torch/__init__.py").write_text(text)

    assert person.look() == Check("torch", error=error)


def test_a_framework_that_never_comes_back_is_given_up(tmp_path: Path):
    person = Person(tmp_path)
    (person.site / "torch/__init__.py").write_text("import signal\nsignal.pause()")

    seen = observe(person.tree / "bin/python", "torch", {}, person.tree, patience=0)

    assert seen.error == "it took longer than 0 seconds"


def test_an_environment_without_its_python_is_reported(tmp_path: Path):
    person = Person(tmp_path)
    (person.tree / "bin/python").unlink()

    assert "cannot be run" in person.look().error


def test_what_a_framework_prints_does_not_hide_what_it_loaded(tmp_path: Path):
    person = Person(tmp_path)
    with (person.site / "torch/__init__.py").open("a") as file:
        file.write("print('-- mapped --', end='')\n")

    assert person.look() == Check("torch", RPATH.torch)


def test_a_module_in_the_current_folder_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    person = Person(tmp_path)
    (tmp_path / "torch.py").write_text("raise SystemExit('the project was run')")
    monkeypatch.chdir(tmp_path)

    assert person.look().error == ""


def test_rocm_that_comes_as_wheels_is_part_of_the_environment(tmp_path: Path):
    build = Build("2.12.0+rocm10.1.0", "10.1.50000", rocm="10.1.0", targets=("gfx1010",))
    person = Person(tmp_path, build)
    for wheel in (rocm_wheel(build), *rocm_wheels(build)):
        zipfile.ZipFile(io.BytesIO(wheel.content)).extractall(person.site)

    assert person.look() == Check("torch", build.torch)


class Bound:
    """An environment of hip-python, which opens HIP when it is called, bound to the prefix `debian-5.2.3`."""

    def __init__(self, folder: Path) -> None:
        self.person = Person(folder)
        prefixes = self.person.layout.prefixes
        tree = prefixes / ".trees/debian-5.2.3-0123456789ab"
        self.libraries = other_rocm(tree / "usr/lib")
        self._publish(prefixes, tree)
        package = self.person.site / "hip"
        package.mkdir()
        (package / "__init__.py").write_text(_HIP)
        (package / "hip.py").write_text(_OPENS)

    def _publish(self, prefixes: Path, tree: Path) -> None:
        receipt_path(tree).parent.mkdir()
        prefix = Receipt("prefix", "debian-5.2.3", "debian-5.2.3", "5.2.3", tree.name, "2026-01-01T00:00:00Z")
        receipt_path(tree).write_bytes(encode_receipt(prefix))
        (prefixes / "debian-5.2.3").symlink_to(f".trees/{tree.name}")
        wheel = InstalledPackage("hip-python", "7.2.2", "hip_python-7.2.2-py3-none-any.whl", 1, "0" * 64, "pinned")
        venv = replace(self.person.one.receipt, packages=(wheel,), prefix="debian-5.2.3")
        self.person.write(venv)


_HIP = "__version__ = '7.2.2'\n"
_OPENS = """
import ctypes, os
def hipRuntimeGetVersion():
    return ctypes.CDLL(os.environ["TEST_HIP"]).hipInit()
"""


def test_the_prefix_of_an_environment_is_part_of_its_stack(tmp_path: Path):
    bound = Bound(tmp_path)

    assert bound.person.look(TEST_HIP=str(bound.libraries / "libamdhip64.so")) == Check("hip-python", "7.2.2")


def test_an_environment_that_opens_another_rocm_than_its_prefix_is_told(tmp_path: Path):
    bound = Bound(tmp_path)
    other = other_rocm(tmp_path / "opt/rocm/lib")

    check = bound.person.look(TEST_HIP=str(other / "libamdhip64.so"))

    why = {clash.library: (clash.kind, clash.files[0].why) for clash in check.clashes}
    assert why["libamdhip64"] == ("foreign", "its own path, opened while the program ran")
    assert why["libhsa-runtime64"][1].startswith("DT_RPATH of ")


def test_a_framework_from_another_place_is_told(tmp_path: Path):
    person = Person(tmp_path)
    other = tmp_path / "elsewhere"
    shutil.copytree(person.site / "torch", other / "torch")

    check = person.look(PYTHONPATH=str(other))

    assert check.elsewhere == str(other / "torch/__init__.py")
    assert {clash.kind for clash in check.clashes} == {"foreign"}


def test_an_environment_without_a_framework_has_nothing_to_say(tmp_path: Path):
    person = Person(tmp_path)
    person.write(Receipt("venv", "demo", "rocm", "6.2.4", TREE, "2026-01-01T00:00:00Z"))

    assert (framework_of(person.one), person.look()) == ("", Check())


def test_a_second_look_at_what_did_not_change_imports_nothing(tmp_path: Path):
    person = Person(tmp_path)
    first = person.look_if_changed()
    trace = tmp_path / "imported"
    (person.site / "torch/version.py").write_text(f"open({str(trace)!r}, 'w')\n__version__ = hip = ''\n")

    assert (person.look_if_changed(), trace.exists()) == (first, False)


def test_clashes_are_kept_as_they_were_seen(tmp_path: Path):
    other = other_rocm(tmp_path / "opt/rocm/lib")
    person = Person(tmp_path, RUNPATH)
    environment = {"LD_LIBRARY_PATH": str(other)}

    first = look_if_changed(person.one, person.installed, environment, Disk())

    assert first.clashes and look_if_changed(person.one, person.installed, {}, Disk()) == first


@pytest.mark.parametrize("change", ["receipt", "driver", "another package", "a library put in place"])
def test_what_changed_is_looked_at_again(tmp_path: Path, change: str):
    person = Person(tmp_path)
    root = tmp_path / "root"
    before = fingerprint(person.one, root)

    if change == "receipt":
        person.write(Receipt("venv", "demo", "rocm", "6.2.5", TREE, "2026-01-01T00:00:00Z"))
    elif change == "driver":
        (root / "sys/module/amdgpu").mkdir(parents=True)
        (root / "sys/module/amdgpu/version").write_text("6.8.5\n")
    elif change == "another package":
        (person.site / "numpy-2.0.dist-info").mkdir()
    else:
        new = person.site / "torch/lib/new"
        new.write_bytes((person.site / "torch/lib/libMIOpen.so").read_bytes())
        new.rename(person.site / "torch/lib/libMIOpen.so")

    assert fingerprint(person.one, root) != before


def test_importing_changes_nothing_that_is_looked_at(tmp_path: Path):
    person = Person(tmp_path)
    before = fingerprint(person.one)

    person.look()
    (person.site / "__pycache__").mkdir()

    assert fingerprint(person.one) == before


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"of": "x"}', b"\xff\xfe", b'{"of": {}, "check": 1}'])
def test_a_garbled_note_is_looked_past(tmp_path: Path, content: bytes):
    person = Person(tmp_path)
    person.checks.parent.mkdir()
    person.checks.write_bytes(content)

    assert person.look_if_changed() == Check("torch", RPATH.torch)


def test_a_cut_at_any_change_leaves_a_note_that_is_whole_or_none(tmp_path: Path):
    person = Person(tmp_path)
    expected = Check("torch", RPATH.torch)
    cuts = 0

    while True:
        shutil.rmtree(person.checks.parent, ignore_errors=True)
        try:
            look_if_changed(person.one, person.installed, {}, CuttingDisk(cuts))
        except PowerCut:
            cuts += 1
            assert (person.look_if_changed(), person.look_if_changed()) == (expected, expected)
        else:
            break

    assert cuts >= 4


def test_the_notes_of_environments_that_are_gone_go_with_the_next(tmp_path: Path):
    person = Person(tmp_path)
    person.checks.parent.mkdir()
    gone = person.checks.with_name("gone.json")
    gone.write_text("{}")

    person.look_if_changed()

    assert (gone.exists(), person.checks.exists()) == (False, True)


def test_a_note_that_cannot_be_kept_is_no_error(tmp_path: Path):
    person = Person(tmp_path)
    person.checks.parent.write_bytes(b"a file in the way")

    assert person.look_if_changed() == Check("torch", RPATH.torch)

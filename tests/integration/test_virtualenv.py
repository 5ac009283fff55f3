"""Real environments made by the real uv, without a network."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from dataclasses import replace
from pathlib import Path

import pytest

from rocmswitch.errors import Failed, MachineLacks, NotFound, VerificationFailed
from rocmswitch.model.package import Digest
from rocmswitch.store.interpreters import find_interpreter, read_interpreter
from rocmswitch.store.virtualenv import Uv, Wheel, list_environment
from rocmswitch.system.disk import Disk
from tests.support.wheels import make_wheel

PYTHON = Path(sys.executable)
TAG = f"cp{sys.version_info.major}{sys.version_info.minor}"


@pytest.fixture
def uv(tmp_path: Path) -> Uv:
    return Uv(tmp_path / "cache/uv", Disk())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "venvs/.trees/demo-123"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def wheels(tmp_path: Path) -> tuple[Wheel, ...]:
    hello = {"hello/__init__.py": "def main():\n    print('hello from', __file__)\n"}
    return (
        make_wheel(tmp_path / "cache/sha256", "hello", files=hello, commands={"hello": "hello:main"}),
        make_wheel(tmp_path / "cache/sha256", "other_thing", "2.0+rocm6.2"),
    )


def output(*words: str | Path) -> str:
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True).stdout.strip()


def test_the_wheels_and_nothing_else_are_in_the_environment(
    uv: Uv, folder: Path, wheels: tuple[Wheel, ...]
) -> None:
    uv.make_environment(folder, PYTHON, wheels)

    code = "import importlib.metadata as m; print(sorted((d.name, d.version) for d in m.distributions()))"
    assert output(folder / "bin/python", "-I", "-c", code) == "[('hello', '1.0'), ('other_thing', '2.0+rocm6.2')]"


def test_an_environment_without_wheels_is_a_python(uv: Uv, folder: Path) -> None:
    uv.make_environment(folder, PYTHON, ())

    assert output(folder / "bin/python", "-c", "import sys; print(sys.prefix)") == str(folder)


def test_scripts_run_from_the_tree_through_its_link_and_after_a_move(
    uv: Uv, folder: Path, wheels: tuple[Wheel, ...]
) -> None:
    uv.make_environment(folder, PYTHON, wheels)
    link = folder.parents[1] / "demo"
    link.symlink_to(f".trees/{folder.name}")

    here, linked = output(folder / "bin/hello"), output(link / "bin/hello")
    moved = folder.rename(folder.with_name("moved-456"))

    site = f"lib/python{sysconfig.get_python_version()}/site-packages/hello/__init__.py"
    assert (here, linked) == (f"hello from {folder}/{site}",) * 2
    assert output(moved / "bin/hello") == f"hello from {moved}/{site}"


def test_a_wheel_may_carry_files_that_are_called_like_those_of_the_environment(
    uv: Uv, folder: Path, tmp_path: Path
) -> None:
    files = {"odd.py": "", "bin/activate": "not the script\n", "pyvenv.cfg": "not the settings\n"}
    wheel = make_wheel(tmp_path / "cache/sha256", "odd", files=files)
    uv.make_environment(folder, PYTHON, (wheel,))

    entries = uv.list_environment(folder, (wheel,))

    carried = {one.path.rpartition("site-packages/")[2] for one in entries if one.package == "odd"}
    assert files.keys() <= carried
    assert not [one.path for one in entries if one.package and "site-packages" not in one.path]


def test_bytecode_is_there_because_a_read_only_tree_cannot_keep_it_later(
    uv: Uv, folder: Path, wheels: tuple[Wheel, ...]
) -> None:
    uv.make_environment(folder, PYTHON, wheels)

    assert len(list(folder.glob("lib/python*/site-packages/hello/__pycache__/*.pyc"))) == 1


def test_no_setting_of_the_user_reaches_uv(
    uv: Uv, folder: Path, wheels: tuple[Wheel, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "home/xdg_config_home/uv/uv.toml"
    config.parent.mkdir(parents=True)
    config.write_text("this is no TOML")
    for name, value in {
        "UV_CONFIG_FILE": str(config),
        "UV_CONSTRAINT": "/nowhere",
        "UV_INDEX_URL": "http://127.0.0.1:1/",
        "UV_LINK_MODE": "nonsense",
        "PIP_REQUIRE_VIRTUALENV": "1",
        "VIRTUAL_ENV": "/nowhere",
        "PYTHONHOME": "/nowhere",
    }.items():
        monkeypatch.setenv(name, value)

    uv.make_environment(folder, PYTHON, wheels)

    assert (folder / "bin/hello").exists()


def test_a_second_environment_shares_the_files_of_the_first(
    uv: Uv, folder: Path, wheels: tuple[Wheel, ...]
) -> None:
    second = folder.with_name("second-1")

    for one in (folder, second):
        uv.make_environment(one, PYTHON, wheels)

    inodes = {
        next(one.glob("lib/python*/site-packages/hello/__init__.py")).stat().st_ino for one in (folder, second)
    }
    assert len(inodes) == 1


def test_what_uv_unpacked_can_be_forgotten_without_harm_to_environments(
    uv: Uv, folder: Path, wheels: tuple[Wheel, ...], tmp_path: Path
) -> None:
    large = make_wheel(tmp_path / "cache/sha256", "large", files={"large.txt": "x" * 1_000_000})
    uv.make_environment(folder, PYTHON, [*wheels, large])
    shared = uv.size()
    next(folder.glob("lib/python*/site-packages/large.txt")).unlink()
    unshared = uv.size()

    uv.discard()

    assert (shared < 100_000, unshared > 1_000_000, uv.size()) == (True, True, 0)
    assert output(folder / "bin/hello").startswith("hello from")
    assert not (tmp_path / "cache/uv").exists()


def test_forgetting_what_was_never_unpacked_is_nothing(uv: Uv) -> None:
    uv.discard()

    assert uv.size() == 0


def test_a_wheel_with_another_hash_is_refused(uv: Uv, folder: Path, wheels: tuple[Wheel, ...]) -> None:
    forged = replace(wheels[0], digest=Digest.sha256("ab" * 32))

    with pytest.raises(VerificationFailed, match="uv could not make the environment"):
        uv.make_environment(folder, PYTHON, [forged])


def test_a_wheel_for_another_python_is_refused_with_the_reason(uv: Uv, folder: Path, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "cache/sha256", "old", tag="cp36-cp36m-manylinux1_x86_64")

    with pytest.raises(Failed, match="no wheels with a matching Python ABI tag"):
        uv.make_environment(folder, PYTHON, [wheel])


def test_a_broken_wheel_is_refused(uv: Uv, folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"no zip")
    digest = Digest.sha256("0c3b0bb7c4f5ed4e4f3b3a3cd4a0be0fa5e1dfbd7b1e3c4e2f0b5d6a7c8d9e0f")

    with pytest.raises((Failed, VerificationFailed)):
        uv.make_environment(folder, PYTHON, [Wheel("broken-1.0-py3-none-any.whl", broken, digest)])


def test_a_name_that_is_no_wheels_is_refused(uv: Uv, folder: Path, wheels: tuple[Wheel, ...]) -> None:
    with pytest.raises(Failed, match="is not the name of a wheel"):
        uv.make_environment(folder, PYTHON, [replace(wheels[0], filename="../../evil-1-py3-none-any.whl")])


def test_a_python_that_is_not_there_is_said(uv: Uv, folder: Path) -> None:
    with pytest.raises(Failed, match="/nowhere/python"):
        uv.make_environment(folder, Path("/nowhere/python"), ())


def test_a_full_disk_is_said(tmp_path: Path, wheels: tuple[Wheel, ...]) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", small], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted: {mounted.stderr.decode().strip()}")
    (small / "venv").mkdir()
    large = make_wheel(tmp_path / "cache/sha256", "large", files={"large.txt": "x" * 1_000_000})

    try:
        with pytest.raises(MachineLacks, match="no space is left"):
            Uv(small / "uv", Disk()).make_environment(small / "venv", PYTHON, [large])
    finally:
        subprocess.run(["umount", small], check=True)


def test_the_list_names_every_file_with_its_wheel(uv: Uv, folder: Path, wheels: tuple[Wheel, ...]) -> None:
    uv.make_environment(folder, PYTHON, wheels)

    entries = {entry.path: entry for entry in list_environment(folder, wheels)}

    on_disk = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink() or path.is_file()}
    module = entries[f"lib/python{sysconfig.get_python_version()}/site-packages/hello/__init__.py"]
    assert entries.keys() == on_disk
    assert (module.kind, module.package, module.size, len(module.sha256)) == ("file", "hello", 46, 64)
    assert (entries["bin/python3"].kind, entries["bin/python3"].target) == ("link", "python")


def test_a_rotted_copy_in_uvs_cache_is_noticed(uv: Uv, folder: Path, wheels: tuple[Wheel, ...]) -> None:
    uv.make_environment(folder, PYTHON, wheels)
    next(folder.glob("lib/python*/site-packages/hello/__init__.py")).write_text("def main(): evil()\n")
    second = folder.with_name("second-1")
    uv.make_environment(second, PYTHON, wheels)

    with pytest.raises(
        VerificationFailed, match=r"hello/__init__.py` is not the file that the wheel of hello carries"
    ):
        list_environment(second, wheels)


def test_of_a_virtual_environment_the_python_that_it_was_made_from_is_taken() -> None:
    found = read_interpreter(PYTHON)

    base = str(Path(sys.base_prefix, "bin", f"python{sysconfig.get_python_version()}").resolve())
    assert (found.tag, found.executable) == (TAG, base)


def test_the_tags_are_those_that_packaging_finds_inside() -> None:
    from packaging.tags import sys_tags

    assert read_interpreter(PYTHON).tags == tuple(sys_tags())


def test_the_running_python_is_taken_where_it_will_do(uv: Uv) -> None:
    assert find_interpreter("", ("cp27", TAG, "cp399"), uv) == read_interpreter(PYTHON)


def test_a_python_is_found_by_its_version(uv: Uv) -> None:
    assert find_interpreter(sysconfig.get_python_version(), (), uv).tag == TAG


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ("/nowhere/python", "there is no Python at `/nowhere/python`"),
        ("2.1", "this machine has no Python `2.1`, and there are wheels for cp399 alone"),
        ("", "this machine has none of the Pythons that the wheels exist for: 3.99"),
    ],
)
def test_a_python_that_is_missing_is_named(uv: Uv, request_: str, message: str) -> None:
    with pytest.raises(NotFound) as caught:
        find_interpreter(request_, ("cp399",), uv)

    assert str(caught.value) == message


@pytest.mark.parametrize("path", ["/bin/true", "/bin/false", "/etc/passwd", "/tmp/"])
def test_what_is_no_python_is_refused(uv: Uv, path: str) -> None:
    with pytest.raises(Failed, match=f"`{path.rstrip('/')}` does not answer as a Python does"):
        find_interpreter(path, (), uv)

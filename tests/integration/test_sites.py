"""Which environment a word means: real ones, of venv, uv and conda's kind, a user's own packages, Pythons."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
import uv

from rocmswitch.errors import Failed, NotFound, Refused, RocmswitchError
from rocmswitch.model.deployment import Place, Site
from rocmswitch.model.receipt import Receipt
from rocmswitch.operations.sites import find_site
from rocmswitch.store.installed import Installed
from rocmswitch.store.layout import Layout
from rocmswitch.store.receipts import encode_receipt, receipt_path
from tests.support.running import SOMEBODY
from tests.support.torchenvironment import Person

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
SYSTEM = Path("/usr/bin/python3")


def find(word: str | Path, folder: Path, **environment: str) -> Site:
    installed = Installed((Layout.under(folder / "rocm switch"),))
    return find_site(str(word), installed, {"HOME": str(folder / "home"), "PATH": "/usr/bin:/bin", **environment})


def place(kind: str, name: str | Path, folder: Path) -> Place:
    found = folder.stat()
    return Place(kind, str(name), str(folder), os.path.realpath(folder), found.st_dev, found.st_ino)


def packages(folder: Path, version: str = VERSION) -> str:
    path = folder / f"lib/python{version}/site-packages"
    path.mkdir(parents=True, exist_ok=True)
    return os.path.realpath(path)


def made_by_venv(folder: Path) -> Path:
    venv.create(folder, symlinks=True, with_pip=False)
    return folder


def like_conda(folder: Path) -> Path:
    """As conda makes it, without the megabytes."""
    (folder / "conda-meta").mkdir(parents=True)
    (folder / "conda-meta/history").write_text("")
    packages(folder)
    return folder


def test_an_environment_of_venv_is_found_by_its_path(tmp_path: Path):
    folder = made_by_venv(tmp_path / "my env")

    assert find(folder, tmp_path) == Site(
        place("foreign", folder, folder), (packages(folder),), str(folder / "bin/python")
    )


def test_an_environment_of_uv_is_found_by_a_link_to_it(tmp_path: Path):
    folder = tmp_path / "environments/one"
    subprocess.run([uv.find_uv_bin(), "venv", "-q", "--python", sys.executable, folder], check=True)
    (tmp_path / ".venv").symlink_to(folder)

    found = find(tmp_path / ".venv", tmp_path)

    assert (found.place.folder, found.place.resolved) == (str(tmp_path / ".venv"), str(folder))
    assert found.packages == (packages(folder),)


def test_a_path_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = made_by_venv(tmp_path / ".venv")
    monkeypatch.chdir(tmp_path)

    found = [find(word, tmp_path).place for word in (".venv", "./.venv", ".venv/", "home/../.venv")]

    assert {*found} == {place("foreign", folder, folder)}


def test_a_name_that_is_only_that_of_a_folder_here_says_how_to_mean_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    made_by_venv(tmp_path / "env")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(NotFound, match=r"; the folder is called `\./env`$"):
        find("env", tmp_path)


def test_a_folder_of_conda_needs_no_packages(tmp_path: Path):
    folder = like_conda(tmp_path / "miniconda3/envs/rocm")
    (tmp_path / "bare/conda-meta").mkdir(parents=True)

    assert (find(folder, tmp_path).packages, find(tmp_path / "bare", tmp_path).packages) == (
        (packages(folder),),
        (),
    )


def test_the_packages_of_an_environment_s_own_python_come_first(tmp_path: Path):
    folder = made_by_venv(tmp_path / "env")
    old, own = packages(folder, "3.1"), packages(folder)

    assert find(folder, tmp_path).packages == (own, old)


def test_an_environment_of_ours_is_found_by_name_by_link_and_by_what_lies_in_it(tmp_path: Path):
    person = Person(tmp_path)
    (tmp_path / ".venv").symlink_to(person.layout.venvs / "demo")

    words = ("demo", tmp_path / ".venv", person.tree, person.site, person.tree / "bin/python")
    found = [find(word, tmp_path) for word in words]

    assert {one.place for one in found} == {place("venv", "demo", person.layout.venvs / "demo")}
    assert {(one.packages, one.stack) for one in found} == {((str(person.site),), "rocm")}


def test_a_damaged_environment_of_ours_is_no_stranger(tmp_path: Path):
    person = Person(tmp_path)
    (person.tree / ".rocmswitch/receipt.json").write_text("{")

    for word in ("demo", person.tree, person.tree / "bin/python"):
        with pytest.raises(RocmswitchError) as caught:
            find(word, tmp_path)
        assert not isinstance(caught.value, NotFound)


def test_the_user_s_own_packages_are_those_of_every_python_the_newest_first(tmp_path: Path):
    base = tmp_path / "home/.local"
    found = [packages(base, version) for version in ("3.9", "3.12", "3.10")]

    assert find("user", tmp_path) == Site(place("user", "user", base), (found[1], found[2], found[0]))


def test_the_user_s_base_may_lie_elsewhere(tmp_path: Path):
    own = packages(tmp_path / "base")

    assert find("user", tmp_path, PYTHONUSERBASE=str(tmp_path / "base")).packages == (own,)


def test_a_user_without_packages_is_told_where_they_would_be(tmp_path: Path):
    with pytest.raises(NotFound, match=r"there is no `.*/home/\.local/lib/python3\*/site-packages`$"):
        find("user", tmp_path)


def test_one_folder_of_packages_of_the_user_s_is_still_the_user_s(tmp_path: Path):
    base = tmp_path / "home/.local"
    one, _ = packages(base, "3.12"), packages(base, "3.11")

    assert find(one, tmp_path) == Site(place("user", one, base), (one,))


def test_a_folder_of_packages_belongs_to_the_environment_around_it(tmp_path: Path):
    folder = like_conda(tmp_path / "conda")
    one, _ = packages(folder, "3.12"), packages(folder, "3.11")

    assert find(one, tmp_path) == Site(place("foreign", one, folder), (one,))


def test_any_folder_with_packages_in_it_will_do(tmp_path: Path):
    folder = tmp_path / "vendored"
    (folder / "torch-2.7.1.dist-info").mkdir(parents=True)

    assert find(folder, tmp_path) == Site(place("foreign", folder, folder), (str(folder),))


def test_the_python_of_an_environment_is_the_environment_and_is_not_run(tmp_path: Path):
    folder = made_by_venv(tmp_path / "env")
    python = folder / "bin/python3"
    python.unlink()
    python.write_text("#!/bin/sh\ntouch run; exit 1\n")
    python.chmod(0o755)

    assert find(python, tmp_path).place.resolved == str(folder)


def test_a_python_on_the_path_is_asked_what_it_is(tmp_path: Path):
    folder = made_by_venv(tmp_path / "env")
    (tmp_path / "bin").mkdir()
    wrapper = tmp_path / f"bin/python{VERSION}"
    wrapper.write_text(f'#!/bin/sh\nexec "{folder}/bin/python" "$@"\n')
    wrapper.chmod(0o755)

    found = find(wrapper.name, tmp_path, PATH=f"{tmp_path}/bin:/usr/bin:/bin")

    assert (found.place.resolved, found.packages) == (str(folder), (packages(folder),))


def test_a_python_that_is_no_environment_has_its_own_packages(tmp_path: Path):
    base = Path(sys.base_prefix)
    if base == Path("/usr"):
        pytest.skip("the Python that runs the tests is the system's own")

    found = find(base / f"bin/python{VERSION}", tmp_path)

    assert (found.place.resolved, found.packages) == (os.path.realpath(base), (packages(base),))


@pytest.mark.skipif(not SYSTEM.exists(), reason="there is no /usr/bin/python3")
def test_the_system_s_own_python_means_what_its_user_installed(tmp_path: Path):
    question = "import sys; print('%d.%d' % sys.version_info[:2])"
    version = subprocess.run([SYSTEM, "-c", question], capture_output=True, text=True, check=True).stdout.strip()
    with pytest.raises(NotFound, match="nothing is installed for this user"):
        find(SYSTEM, tmp_path)
    base = tmp_path / "home/.local"
    own, _ = packages(base, version), packages(base, "3.1")

    found = find(SYSTEM, tmp_path)

    assert (found.place, found.packages) == (place("user", SYSTEM, base), (own,))
    assert found.notes == (
        f"`{SYSTEM}` is the system's own Python; what this user installed for it lies in `{own}`",
    )


@pytest.mark.parametrize("said", ["exit 3", "echo '[1]'", "echo '{}'", "echo nonsense", "kill -9 $$"])
def test_what_is_called_python_and_does_not_answer_as_one_is_an_error(tmp_path: Path, said: str):
    python = tmp_path / "python3"
    python.write_text(f"#!/bin/sh\n{said}\n")
    python.chmod(0o755)

    with pytest.raises(Failed, match="does not answer as a Python does"):
        find(python, tmp_path)


def test_a_program_that_is_not_called_python_is_not_run(tmp_path: Path):
    (tmp_path / "tool").write_text(f"#!/bin/sh\ntouch {tmp_path}/run\n")
    (tmp_path / "tool").chmod(0o755)

    with pytest.raises(NotFound, match="is neither a folder nor a Python"):
        find(tmp_path / "tool", tmp_path)
    assert not (tmp_path / "run").exists()


def test_what_is_nothing_of_all_this_says_what_was_looked_for(tmp_path: Path):
    (tmp_path / "project").mkdir()
    (tmp_path / "lost").symlink_to("gone")
    said = {}
    for word in ("nothing", "python9.9", "./nothing", tmp_path / "project", tmp_path / "lost"):
        with pytest.raises(NotFound) as caught:
            find(word, tmp_path)
        said[str(word).removeprefix(f"{tmp_path}/")] = str(caught.value).replace(f"{tmp_path}/", "")

    assert said == {
        "nothing": "`nothing` is no environment or stack made by rocmswitch, and no Python on the PATH",
        "python9.9": "there is no `python9.9` on the PATH",
        "./nothing": "there is no `./nothing`",
        "project": "`project` is no environment: it has no `pyvenv.cfg`, no `conda-meta`, and no packages",
        "lost": "`lost` leads to `gone`, which is gone",
    }


def test_an_environment_that_lost_its_packages_is_said_to_have_none(tmp_path: Path):
    (tmp_path / "env").mkdir()
    (tmp_path / "env/pyvenv.cfg").write_text("home = /usr/bin\n")

    with pytest.raises(NotFound, match=r"has no `lib/python3\*/site-packages`"):
        find(tmp_path / "env", tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="is about root, and these tests do not run as root")
def test_root_runs_no_python_that_somebody_else_could_change(tmp_path: Path):
    (tmp_path / "theirs").mkdir()
    python = tmp_path / "theirs/python3"
    python.write_text(f"#!/bin/sh\ntouch {tmp_path}/run\n")
    python.chmod(0o755)
    os.chown(python.parent, SOMEBODY, SOMEBODY)

    with pytest.raises(Refused):
        find(python, tmp_path)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("word", ["rocm-6.2.4", "6.2.4", "6.2", "path"])
def test_a_stack_is_found_by_name_by_version_and_by_path(tmp_path: Path, word: str):
    layout = Layout.under(tmp_path / "rocm switch")
    tree = layout.prefixes / ".trees/rocm-6.2.4-0123456789ab"
    receipt = Receipt("prefix", "rocm-6.2.4", "rocm-6.2.4", "6.2.4", tree.name, "2026-01-01T00:00:00Z")
    receipt_path(tree).parent.mkdir(parents=True)
    receipt_path(tree).write_bytes(encode_receipt(receipt))
    (tree / "opt/rocm-6.2.4").mkdir(parents=True)
    link = layout.prefixes / "rocm-6.2.4"
    link.symlink_to(f".trees/{tree.name}")

    found = find(tree / "opt/rocm-6.2.4" if word == "path" else word, tmp_path)

    assert found == Site(place("prefix", "rocm-6.2.4", link), (), stack="rocm-6.2.4")

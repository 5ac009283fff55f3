"""Asking uv what else an environment needs, against an index of the user's own on localhost."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.errors import NetworkFailed, NotFound
from rocmswitch.model.indexes import PackageIndexes
from rocmswitch.planning.wheels import Interpreter
from rocmswitch.store.interpreters import read_interpreter
from rocmswitch.store.resolution import Question, Resolver, Stub
from rocmswitch.system.disk import Disk
from tests.support.pytorchsite import PytorchSite

TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}"
TORCH = f"torch-2.7.1+rocm6.2.4-{TAG}-{TAG}-linux_x86_64.whl"
METADATA = b"Metadata-Version: 2.1\nName: torch\nVersion: 2.7.1+rocm6.2.4\nRequires-Dist: filelock\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PytorchSite]:
    with PytorchSite(tmp_path_factory.mktemp("site"), pythons=(TAG,)) as site:
        yield site


@pytest.fixture(scope="module")
def interpreter() -> Interpreter:
    return read_interpreter(Path(sys.executable))


def resolved(
    folder: Path, indexes: PackageIndexes, interpreter: Interpreter, *words: str, constraints: tuple[str, ...] = ()
) -> dict[str, str]:
    """Project to address, of what comes with our torch and *words*."""
    question = Question((Stub(TORCH, METADATA),), words, constraints, interpreter)
    found = Resolver(folder / "uv", Disk(), indexes).resolve(question)
    return {one.filename.split("-")[0]: one.url for one in found}


def test_what_torch_needs_is_found_and_torch_itself_is_not_asked_for(
    site: PytorchSite, interpreter: Interpreter, tmp_path: Path
) -> None:
    site.server.requests.clear()

    found = resolved(tmp_path, PackageIndexes(site.simple), interpreter, "wants-torch")

    assert found.keys() == {"filelock", "wants_torch"}
    assert not [one.path for one in site.server.requests if "/torch/" in one.path]


def test_nothing_brings_another_torch_in(site: PytorchSite, interpreter: Interpreter, tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        resolved(tmp_path, PackageIndexes(site.simple), interpreter, "wants-newer-torch")

    assert "torch>=99" in caught.value.message


def test_constraints_bound_what_is_found(site: PytorchSite, interpreter: Interpreter, tmp_path: Path) -> None:
    if sys.version_info >= (3, 13):
        pytest.skip("no numpy 1 exists for this Python")

    found = resolved(tmp_path, PackageIndexes(site.simple), interpreter, "numpy", constraints=("numpy<2",))

    assert "/numpy-1.26.4-" in found["numpy"]


def test_an_index_that_is_a_folder_of_this_machine_will_do(
    site: PytorchSite, interpreter: Interpreter, tmp_path: Path
) -> None:
    page = tmp_path / "my index/filelock/index.html"
    page.parent.mkdir(parents=True)
    wheel = next((site.folder / "simple").glob("filelock-*.whl"))
    (page.parent / wheel.name).write_bytes(wheel.read_bytes())
    page.write_text(f'<!DOCTYPE html><html><body><a href="{wheel.name}">{wheel.name}</a></body></html>')

    found = resolved(tmp_path, PackageIndexes((tmp_path / "my index").as_uri()), interpreter)

    assert found["filelock"] == (page.parent / wheel.name).as_uri()


def test_the_newest_of_all_indexes_is_taken_as_pip_does_it(
    site: PytorchSite, interpreter: Interpreter, tmp_path: Path
) -> None:
    first = PackageIndexes(site.index("rocm6.2.4"), (site.simple,))

    assert "/simple/filelock-3.20.0" in resolved(tmp_path, first, interpreter)["filelock"]


def test_a_project_s_own_configuration_counts_for_nothing(
    site: PytorchSite, interpreter: Interpreter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "uv.toml").write_text('index-url = "http://127.0.0.1:1/"\n')
    (tmp_path / "pyproject.toml").write_text('[tool.uv]\nindex-url = "http://127.0.0.1:1/"\n')
    monkeypatch.chdir(tmp_path)

    assert resolved(tmp_path, PackageIndexes(site.simple), interpreter).keys() == {"filelock"}


@pytest.mark.parametrize("setting", ("no-deps = true", "universal = true"))
def test_what_uv_was_told_for_other_work_leaves_no_part_out(
    setting: str, site: PytorchSite, interpreter: Interpreter, tmp_path: Path
) -> None:
    config = tmp_path / "uv.toml"
    config.write_text(f"[pip]\n{setting}\n")
    indexes = PackageIndexes(site.simple, uv_config=str(config))

    assert resolved(tmp_path, indexes, interpreter, "wants-torch").keys() == {"filelock", "wants_torch"}


def test_a_python_that_is_not_here_yet_is_resolved_for_by_its_version(site: PytorchSite, tmp_path: Path) -> None:
    here = read_interpreter(Path(sys.executable))
    coming = Interpreter("", here.tag, here.tags, fetch=f"{sys.version_info[0]}.{sys.version_info[1]}")

    assert resolved(tmp_path, PackageIndexes(site.simple), coming).keys() == {"filelock"}


def test_an_index_that_does_not_answer_is_no_missing_package(interpreter: Interpreter, tmp_path: Path) -> None:
    with pytest.raises(NetworkFailed) as caught:
        resolved(tmp_path, PackageIndexes("http://me:secret@127.0.0.1:1/simple"), interpreter)

    assert re.fullmatch(
        r"`http://127\.0\.0\.1:1/simple/[a-z-]+/` could not be reached: Connection refused", caught.value.message
    )


def test_a_package_that_nobody_has_is_named(site: PytorchSite, interpreter: Interpreter, tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        resolved(tmp_path, PackageIndexes(site.simple), interpreter, "no-such-package-here")

    assert "no-such-package-here" in caught.value.message

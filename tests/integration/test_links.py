"""Environments that share their files: with one another and with uv's cache, and nobody writes through a link."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rocmswitch.errors import VerificationFailed
from rocmswitch.model.fileentry import FileEntry
from rocmswitch.model.receipt import Receipt
from rocmswitch.store.binding import bind
from rocmswitch.store.protection import Protection
from rocmswitch.store.stackflag import clear_stack_flags
from rocmswitch.store.trees import Trees
from rocmswitch.store.verify import verify_tree
from rocmswitch.store.virtualenv import Uv, Wheel
from tests.integration.test_protection import cached, offer, pip_wheel
from tests.support.debs import Library, make_library
from tests.support.disk import HastyDisk
from tests.support.links import cache_unchanged, disk_use, shared_files
from tests.support.pytorchwheels import make

SITE = f"lib/python{sysconfig.get_python_version()}/site-packages"
PYTHON = Path(sys.executable)


class Shop:
    """Somebody who makes environments, each time with new objects, as in a new process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        scratch = folder / "scratch"
        scratch.mkdir()
        make_library(Library("libamdhip64.so", functions=("hip",), executable_stack=True), scratch / "hip")
        modules = {f"torch/m{number}.py": f"def f{number}():\n    return {number}\n" * 40 for number in range(60)}
        libraries = {
            "torch/lib/libamdhip64.so": (scratch / "hip").read_bytes(),
            "torch/lib/kernels": "k" * 3_000_000,
        }
        archives = folder / "archives"
        self.wheels = (
            cached(archives, make("torch", "1.0+rocm5.2", files={"torch/__init__.py": "", **modules, **libraries})),
            cached(archives, make("other", "1.0", files={"other.py": "x = 1\n"})),
        )

    @property
    def cache(self) -> Path:
        return self.folder / "cache/uv"

    def uv(self) -> Uv:
        return Uv(self.cache, HastyDisk())

    def trees(self) -> Trees:
        return Trees(self.folder / "data/venvs", self.folder / "data/locks", HastyDisk())

    def make(self, name: str, *more: Wheel) -> tuple[FileEntry, ...]:
        """A published environment, as `use` makes it. Gives the list as it was before libraries were changed."""
        trees, uv, tree, disk = self.trees(), self.uv(), f"{name}-0123456789ab", HastyDisk()
        with trees.locked(name, 0):
            folder = trees.begin(tree)
            uv.make_environment(folder, PYTHON, (*self.wheels, *more), Protection((("torch", "1.0+rocm5.2"),)))
            entries = uv.list_environment(folder, (*self.wheels, *more))
            changed = clear_stack_flags(folder, bind(folder, entries, (), disk), disk)
            receipt = Receipt("venv", name, "rocm-5.2", "5.2", tree, "2026-01-02T03:04:05Z")
            trees.publish(tree, name, receipt, changed)
        return entries

    def tree(self, name: str) -> Path:
        return self.trees().path(self.trees().current(name))

    def remove(self, name: str) -> None:
        self.trees().remove(name)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    yield Shop(tmp_path)


def stale(tree: Path) -> list[str]:
    """Sources whose bytecode is missing or of another source: the import system's own test (PEP 552)."""
    found = []
    for source in (tree / SITE).rglob("*.py"):
        compiled = source.parent / "__pycache__" / f"{source.stem}.{sys.implementation.cache_tag}.pyc"
        status = source.stat()
        stated = int(status.st_mtime).to_bytes(4, "little") + status.st_size.to_bytes(4, "little")
        if not compiled.exists() or compiled.read_bytes()[8:16] != stated:
            found.append(str(source))
    return found


def own_files(tree: Path) -> list[str]:
    """Files that are no link to anything."""
    paths = (path for path in (tree / SITE).rglob("*") if path.is_file() and path.stat().st_nlink == 1)
    return sorted(path.relative_to(tree / SITE).as_posix() for path in paths)


def test_a_second_environment_is_made_of_links_its_bytecode_too(shop: Shop) -> None:
    shop.make("one")
    once = disk_use(shop.tree("one"))

    shop.make("two")

    more = disk_use(shop.tree("one"), shop.tree("two")) - once
    informed = [path for path in own_files(shop.tree("two")) if ".dist-info/" not in path]
    assert informed == ["_virtualenv.pth", "_virtualenv.py", "torch/lib/libamdhip64.so"] or informed == [
        "torch/lib/libamdhip64.so"
    ]
    assert stale(shop.tree("two")) == []
    assert more < 0.05 * once + 250_000


def test_its_list_says_the_same_as_that_of_the_first(shop: Shop) -> None:
    first = shop.make("one")

    second = shop.make("two")

    differing = {old.path for old, new in zip(first, second, strict=True) if old != new}
    assert differing <= {"bin/activate", "bin/activate.fish", "pip.conf"}
    assert verify_tree(shop.tree("two")) == ()


def forget_the_anchor(shop: Shop) -> None:
    shop.remove("one")


def prune(shop: Shop) -> None:
    shop.uv().discard()


def unpack_anew(shop: Shop) -> None:
    """uv's cache alone is gone: what it unpacks has other times."""
    subprocess.run(["rm", "-rf", shop.cache / "cache"], check=True)


def garble(shop: Shop) -> None:
    for note in (shop.cache / "known").iterdir():
        note.write_bytes(note.read_bytes()[:-100])


def nonsense(shop: Shop) -> None:
    for note in (shop.cache / "known").iterdir():
        note.write_text('{"tree": "/", "site": "/", "files": {"a": [1]}}')


def zeros(shop: Shop) -> None:
    for note in (shop.cache / "known").iterdir():
        note.write_bytes(bytes(note.stat().st_size))


def lose_bytecode(shop: Shop) -> None:
    next(shop.tree("one").glob(f"{SITE}/torch/__pycache__/m7.*.pyc")).unlink()


def edit_a_source(shop: Shop) -> None:
    """As an editor does it: a new file under the old name."""
    path = shop.tree("one") / SITE / "torch/m7.py"
    path.with_suffix(".new").write_text("print('mine')\n")
    path.with_suffix(".new").rename(path)


@pytest.mark.parametrize(
    "act", (forget_the_anchor, prune, unpack_anew, garble, nonsense, zeros, lose_bytecode, edit_a_source)
)
def test_whatever_happened_to_the_first_the_second_is_whole(act: Callable[[Shop], None], shop: Shop) -> None:
    first = shop.make("one")
    act(shop)

    second = shop.make("two")

    assert [one.sha256 for one in second if one.path.endswith((".py", ".so"))] == [
        one.sha256 for one in first if one.path.endswith((".py", ".so"))
    ]
    assert stale(shop.tree("two")) == []
    assert verify_tree(shop.tree("two")) == ()
    shop.make("three")
    informed = [path for path in own_files(shop.tree("three")) if ".dist-info/" not in path]
    assert "torch/m7.py" not in informed and [path for path in informed if path.endswith(".pyc")] == []


def test_an_environment_that_was_never_published_vouches_for_nothing(shop: Shop) -> None:
    folder = shop.trees().begin("half-0123456789ab")
    shop.uv().make_environment(folder, PYTHON, shop.wheels)
    shop.uv().list_environment(folder, shop.wheels)
    for path in (folder / SITE / "torch").glob("m*.py"):
        path.write_bytes(b"")  # what had not reached the disk when the power went

    with pytest.raises(VerificationFailed, match="is not the file that the wheel of torch carries"):
        shop.make("one")


def test_what_somebody_wrote_in_place_is_noticed_though_it_was_hashed_before(shop: Shop) -> None:
    shop.make("one")
    path = shop.tree("one") / SITE / "torch/lib/kernels"
    times = path.stat()
    path.write_bytes(b"x" * times.st_size)

    with pytest.raises(
        VerificationFailed, match="torch/lib/kernels` is not the file that the wheel of torch carries"
    ):
        shop.make("two")


def test_making_removing_and_pruning_write_through_no_link(shop: Shop) -> None:
    shop.make("one")
    assert len(shared_files(shop.cache)) > 60

    with cache_unchanged(shop.cache):
        shop.make("two")
        shop.remove("one")
        shop.make("three")


@pytest.mark.parametrize(
    "words",
    (
        ("install", "--force-reinstall", "torch"),
        ("install", "--upgrade", "torch==2.0"),
        ("uninstall", "--yes", "torch"),
        ("install", "lookalike"),
    ),
    ids=" ".join,
)
def test_neither_does_the_owners_pip(words: tuple[str, ...], shop: Shop, tmp_path: Path) -> None:
    shop.make("one", pip_wheel(tmp_path / "archives"))
    shop.make("two", pip_wheel(tmp_path / "archives"))
    other = {"torch/__init__.py": "other = 1\n", "torch/lib/kernels": "other"}
    index = offer(
        tmp_path / "index",
        make("torch", "1.0+rocm5.2", files={**other, "torch/m1.py": "mine\n"}),
        make("torch", "2.0", files=other),
        make("lookalike", "1.0", files=other),
    )
    (shop.tree("one") / "pip.conf").unlink()
    environment = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index)}

    with cache_unchanged(shop.cache):
        done = subprocess.run(
            [shop.tree("one") / "bin/pip", *words], env=environment, capture_output=True, check=False
        )

    assert done.returncode == 0, done.stderr
    assert verify_tree(shop.tree("two")) == ()
    assert verify_tree(shop.tree("one"), quick=True) != ()


def test_binding_writes_through_no_link(shop: Shop, tmp_path: Path) -> None:
    make_library(Library("opener.so", needs=("libdl.so.2",), functions=("dlopen",)), tmp_path / "opener.so")
    wheel = cached(
        tmp_path / "archives", make("opener", "1", files={"o.so": (tmp_path / "opener.so").read_bytes()})
    )
    shop.make("one", wheel)

    with cache_unchanged(shop.cache):
        folder = tmp_path / "bound"
        folder.mkdir()
        shop.uv().make_environment(folder, PYTHON, (wheel,))
        entries = shop.uv().list_environment(folder, (wheel,))
        bound = bind(folder, entries, (tmp_path / "lib",), HastyDisk())

    assert bound == tuple(replace(one) for one in bound)

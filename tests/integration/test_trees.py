"""Trees on a real disk: published, replaced, removed, swept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocmswitch.errors import Busy, Failed, NotFound, Refused, UsageMistake, VerificationFailed
from rocmswitch.store.receipts import files_path, read_files, read_receipt, receipt_path
from rocmswitch.store.trees import Trees
from rocmswitch.store.verify import verify_tree
from rocmswitch.system.disk import Disk
from tests.support.disk import HastyDisk, remove_folder
from tests.support.trees import NAME, fill_tree, install, receipt_of, replace_content, tree_name, trees_in


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    remove_folder(tmp_path / "data")


def test_a_published_tree_is_what_its_name_means(data: Path):
    trees = trees_in(data, Disk())

    tree = install(trees, Disk(), "one")

    assert (data / "prefixes" / NAME).readlink() == Path(".trees") / tree
    assert trees.names() == (NAME,)
    assert trees.current(NAME) == tree
    assert trees.receipt(NAME) == read_receipt(data / "prefixes" / NAME)
    assert verify_tree(trees.path(tree)) == ()


def test_the_receipt_states_what_was_published(data: Path):
    trees = trees_in(data)
    tree = trees.begin(tree_name("one"))
    files = fill_tree(tree, "one", HastyDisk())

    written = trees.publish(tree_name("one"), NAME, receipt_of("one"), files)

    assert written == read_receipt(tree)
    assert written.size == sum(one.size for one in files)
    assert [one.path for one in read_files(tree)] == sorted(one.path for one in files)


def test_nothing_in_a_published_tree_has_a_write_permission(data: Path):
    tree = trees_in(data).path(install(trees_in(data), HastyDisk(), "one"))

    writable = [path for path in (tree, *tree.rglob("*")) if not path.is_symlink() and path.stat().st_mode & 0o222]

    assert writable == []


def test_modes_do_not_depend_on_the_umask(data: Path):
    before = os.umask(0o077)
    try:
        tree = trees_in(data).path(install(trees_in(data), HastyDisk(), "one"))
    finally:
        os.umask(before)

    assert verify_tree(tree) == ()
    assert receipt_path(tree).stat().st_mode & 0o777 == 0o444
    assert files_path(tree).stat().st_mode & 0o777 == 0o444


def test_folders_that_no_package_names_are_listed(data: Path):
    trees = trees_in(data)
    tree = trees.begin(tree_name("one"))
    files = fill_tree(tree, "one", HastyDisk())

    trees.publish(tree_name("one"), NAME, receipt_of("one"), [one for one in files if one.kind != "directory"])

    assert verify_tree(tree) == ()


def test_another_tree_takes_the_name_and_a_sweep_removes_the_old_one(data: Path):
    trees = trees_in(data)
    old, new = (install(trees, HastyDisk(), content) for content in ("old", "new"))

    swept = trees.sweep()

    assert (trees.current(NAME), swept) == (new, (old,))
    assert [path.name for path in (data / "prefixes/.trees").iterdir()] == [new]


def test_an_older_tree_that_is_still_there_is_named_again_without_work(data: Path):
    trees = trees_in(data)
    old, new = (install(trees, HastyDisk(), content) for content in ("old", "new"))

    trees.point(NAME, old)

    assert trees.current(NAME) == old
    assert trees.is_whole(new)


@pytest.mark.parametrize("use", ["exe", "cwd", "maps"])
def test_a_tree_that_a_program_runs_from_is_swept_when_the_program_has_ended(data: Path, use: str):
    trees = trees_in(data)
    old = install(trees, HastyDisk(), "old")
    place = trees.path(old) / "usr/lib"
    place.chmod(0o755)
    program = place / "sleeper"
    program.write_bytes(Path("/bin/sleep").read_bytes())
    program.chmod(0o555)
    install(trees, HastyDisk(), "new")
    mapping = f"import mmap; f = open({str(program)!r}, 'rb'); m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)"
    command, folder = {
        "exe": ([str(program), "60"], "/"),
        "cwd": (["/bin/sleep", "60"], str(place)),
        "maps": ([sys.executable, "-c", f"{mapping}; f.close(); print(); import time; time.sleep(60)"], "/"),
    }[use]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        if use == "maps":
            process.stdout.readline()
        wait_until(lambda: bool(trees.users([old])[old]))
        users = [one.number for one in trees.users([old])[old]]
        swept_meanwhile = trees.sweep()
        process.kill()
    swept_after = trees.sweep()

    assert (users, swept_meanwhile, swept_after) == ([process.pid], (), (old,))


def test_removing_leaves_the_tree_that_a_program_stands_in_and_says_so(data: Path):
    trees = trees_in(data)
    tree = install(trees, HastyDisk(), "one")
    with subprocess.Popen(["/bin/sleep", "60"], cwd=trees.path(tree)) as process:
        with trees.locked(NAME, wait=0):
            left = trees.remove(NAME)
        process.kill()

    assert (left, trees.names()) == ((tree,), ())
    assert trees.sweep() == (tree,)


def test_removing_takes_the_name_and_all_its_trees_and_no_other(data: Path):
    trees = trees_in(data)
    other = install(trees, HastyDisk(), "other", "rocm-6.2.4-other")
    for content in ("old", "new"):
        install(trees, HastyDisk(), content)

    with trees.locked(NAME, wait=0):
        assert trees.remove(NAME) == ()

    assert trees.names() == ("rocm-6.2.4-other",)
    assert [path.name for path in (data / "prefixes/.trees").iterdir()] == [other]


def test_removing_what_is_not_there_changes_nothing(data: Path):
    assert trees_in(data).remove(NAME) == ()


def test_a_tree_without_a_receipt_is_no_tree(data: Path):
    trees = trees_in(data)
    broken = trees.begin(tree_name("broken"))
    fill_tree(broken, "broken", HastyDisk())

    assert not trees.is_whole(tree_name("broken"))
    assert trees.names() == ()
    with pytest.raises(NotFound):
        trees.point(NAME, tree_name("broken"))
    assert trees.sweep() == (tree_name("broken"),)
    assert not broken.exists()


def test_what_a_broken_run_left_is_cleared_before_the_next(data: Path):
    trees = trees_in(data)
    fill_tree(trees.begin(tree_name("one")), "something else", HastyDisk())

    tree = install(trees, HastyDisk(), "one")

    assert verify_tree(trees.path(tree)) == ()


def test_a_whole_tree_is_not_begun_again(data: Path):
    trees = trees_in(data)
    tree = install(trees, HastyDisk(), "one")

    with pytest.raises(Failed, match="is there already"):
        trees.begin(tree)

    assert verify_tree(trees.path(tree)) == ()


def test_a_sweep_passes_over_what_another_process_is_making(data: Path):
    trees = trees_in(data)
    install(trees, HastyDisk(), "done")
    begun = trees.begin(tree_name("begun"))
    code = "import sys; from tests.support.trees import *; from pathlib import Path\n" + (
        f"with trees_in(Path({str(data)!r})).locked(NAME, wait=0): print('held', flush=True); sys.stdin.read()"
    )
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout and process.stdin
        assert process.stdout.readline() == "held\n"
        swept_meanwhile = trees.sweep()
        with pytest.raises(Busy, match=f"process {process.pid}"), trees.locked(NAME, wait=0):
            pass
        process.stdin.close()
    swept_after = trees.sweep()

    assert (swept_meanwhile, swept_after) == ((), (begun.name,))


def test_an_environment_and_a_prefix_of_one_name_are_locked_apart(data: Path):
    prefixes, venvs = trees_in(data), Trees(data / "venvs", data / "locks", HastyDisk())

    with prefixes.locked("same", wait=0), venvs.locked("same", wait=0):
        assert venvs.names() == ()


@pytest.mark.parametrize("in_the_way", ["folder", "foreign link", "file"])
def test_what_rocmswitch_did_not_make_is_refused_before_anything_is_done(data: Path, in_the_way: str):
    link = data / "prefixes" / NAME
    link.parent.mkdir(parents=True)
    if in_the_way == "folder":
        link.mkdir()
    elif in_the_way == "file":
        link.write_text("mine")
    else:
        link.symlink_to("/opt/rocm")
    before = link.lstat()

    with pytest.raises(Refused, match="in the way"):
        trees_in(data).begin(tree_name("one"))
    with pytest.raises(Refused, match="in the way"):
        trees_in(data).remove(NAME)

    assert link.lstat() == before


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", ".hidden", "-x", "a b", "a\n", "ä"])
def test_a_name_that_is_no_plain_file_name_is_refused(data: Path, name: str):
    trees = trees_in(data)

    for attempt in (trees.current, trees.path, lambda one: trees.locked(one, wait=0).__enter__()):
        with pytest.raises(UsageMistake):
            attempt(name)


def test_the_receipt_of_what_is_not_installed_is_not_found(data: Path):
    with pytest.raises(NotFound) as caught:
        trees_in(data).receipt(NAME)

    assert (str(caught.value), caught.value.hint) == (f"`{NAME}` is not installed", "run `rocmswitch list`")


@pytest.mark.parametrize("damage", [b"", b"{", b"\0" * 50, None])
def test_a_garbled_receipt_names_its_tree_and_the_repair(data: Path, damage: bytes | None):
    trees = trees_in(data)
    tree = trees.path(install(trees, HastyDisk(), "one"))
    replace_content(receipt_path(tree), damage)

    with pytest.raises(VerificationFailed, match=f"the receipt of `{tree}` cannot be read") as caught:
        trees.receipt(NAME)

    assert caught.value.hint == f"run `rocmswitch repair {NAME}`"


def test_a_receipt_of_another_version_says_so(data: Path):
    trees = trees_in(data)
    tree = trees.path(install(trees, HastyDisk(), "one"))
    later = json.loads(receipt_path(tree).read_bytes()) | {"schema": 9}
    replace_content(receipt_path(tree), json.dumps(later).encode())

    with pytest.raises(Failed, match="has schema 9, and this rocmswitch reads 1") as caught:
        trees.receipt(NAME)

    assert caught.value.hint == f"run `rocmswitch repair {NAME}`"


def wait_until(condition: object) -> None:
    assert callable(condition)
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)

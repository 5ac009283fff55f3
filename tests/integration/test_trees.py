"""Trees on a real disk: published, replaced, removed, swept, shared; and what a machine may refuse."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rocmswitch.errors import Busy, Failed, MachineLacks, NotFound, Refused, UsageMistake, VerificationFailed
from rocmswitch.model.receipt import FileEntry, InstalledPackage, Receipt
from rocmswitch.store.receipts import files_path, read_files, read_receipt, receipt_path
from rocmswitch.store.reuse import key, reuse
from rocmswitch.store.trees import Trees
from rocmswitch.store.verify import verify_tree
from rocmswitch.system.disk import Change, Disk, disk_errors
from tests.support.disk import HastyDisk, remove_folder
from tests.support.trees import NAME, fill_tree, install, receipt_of, tree_name, trees_in

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")


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


def test_a_tree_that_something_else_refers_to_is_not_swept(data: Path):
    trees = trees_in(data)
    old = install(trees, HastyDisk(), "old")
    install(trees, HastyDisk(), "new")

    assert trees.sweep(keep={old}) == ()
    assert trees.is_whole(old)


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

    assert (str(caught.value), caught.value.hint) == (f"`{NAME}` is not installed", "rocmswitch list")


@pytest.mark.parametrize("damage", [b"", b"{", b"\0" * 50, None])
def test_a_garbled_receipt_names_its_tree_and_the_repair(data: Path, damage: bytes | None):
    trees = trees_in(data)
    tree = trees.path(install(trees, HastyDisk(), "one"))
    replace_content(receipt_path(tree), damage)

    with pytest.raises(VerificationFailed, match=f"the receipt of `{tree}` cannot be read") as caught:
        trees.receipt(NAME)

    assert caught.value.hint == f"rocmswitch repair {NAME}"


def test_a_receipt_of_another_version_says_so(data: Path):
    trees = trees_in(data)
    tree = trees.path(install(trees, HastyDisk(), "one"))
    later = json.loads(receipt_path(tree).read_bytes()) | {"schema": 9}
    replace_content(receipt_path(tree), json.dumps(later).encode())

    with pytest.raises(Failed, match="has schema 9, and this rocmswitch reads 1") as caught:
        trees.receipt(NAME)

    assert caught.value.hint == f"rocmswitch repair {NAME}"


def test_unchanged_packages_are_hard_linked_from_the_old_tree(data: Path):
    old, wanted = install_packages(data)
    new = trees_in(data).begin(tree_name("new"))

    taken = reuse(old, new, wanted, HastyDisk())

    assert sorted(name for name, _, _ in taken) == ["plain"]
    assert sorted(one.path for entries in taken.values() for one in entries) == ["lib", "lib/plain", "lib/plain.so"]
    assert (new / "lib/plain").samefile(old / "lib/plain")
    assert (new / "lib/plain.so").readlink() == Path("plain")
    assert not (new / "lib/moved").exists()


def test_a_damaged_package_is_not_taken_over(data: Path):
    old, wanted = install_packages(data)
    replace_content(old / "lib/plain", b"evil!")

    assert reuse(old, trees_in(data).begin(tree_name("new")), wanted, HastyDisk()) == {}


def test_nothing_is_taken_over_where_a_package_goes_or_changes(data: Path):
    old, wanted = install_packages(data)

    assert reuse(old, trees_in(data).begin(tree_name("new")), wanted - {("moved", "b" * 64, "rocm")}, Disk()) == {}


def test_without_hard_links_the_files_are_copied(data: Path):
    class WithoutLinks(HastyDisk):
        def about_to(self, change: Change) -> None:
            if change.kind == "link":
                raise OSError(18, os.strerror(18), str(change.path), None, change.target)

    old, wanted = install_packages(data)
    new = trees_in(data).begin(tree_name("new"))

    reuse(old, new, wanted, WithoutLinks())

    assert (new / "lib/plain").read_bytes() == (old / "lib/plain").read_bytes()
    assert not (new / "lib/plain").samefile(old / "lib/plain")


@needs_root
def test_a_full_disk_leaves_the_old_tree_and_says_what_is_missing(tmp_path: Path):
    with mounted(tmp_path / "small", "size=256k") as data:
        trees = trees_in(data, Disk())
        old = install(trees, Disk(), "old")
        with disk_errors(data):
            begun = trees.begin(tree_name("new"))
        with (
            pytest.raises(MachineLacks) as caught,
            disk_errors(begun),
            Disk().create(begun / "huge") as file,
        ):
            file.write(bytes(10**6))

        assert str(caught.value) == f"no space is left for `{begun}`"
        assert caught.value.hint == "rocmswitch cache prune"
        assert trees.current(NAME) == old
        assert trees.sweep() == (begun.name,)
        assert install(trees, Disk(), "third") == trees.current(NAME)


@needs_root
def test_a_read_only_file_system_is_named(tmp_path: Path):
    with mounted(tmp_path / "small", "size=256k") as data:
        old = install(trees_in(data), Disk(), "old")
        subprocess.run(["mount", "-o", "remount,ro", str(data)], check=True)

        with pytest.raises(MachineLacks, match="is on a file system that is mounted read-only"):
            trees_in(data, Disk()).begin(tree_name("new"))
        with pytest.raises(MachineLacks, match="mounted read-only"), trees_in(data).locked("third", wait=0):
            pass

        assert trees_in(data).current(NAME) == old
        assert verify_tree(data / "prefixes" / NAME) == ()


@needs_root
def test_a_rename_to_another_file_system_is_named(tmp_path: Path):
    with mounted(tmp_path / "small", "size=256k") as other:
        (tmp_path / "file").write_text("content")

        with pytest.raises(MachineLacks) as caught, disk_errors(tmp_path):
            Disk().rename(tmp_path / "file", other / "file")

        assert str(caught.value) == f"`{tmp_path}/file` and `{other}/file` must be on the same file system"


def test_a_folder_that_may_not_be_written_is_named():
    with tempfile.TemporaryDirectory() as name:
        data = Path(name)
        (data / "prefixes").mkdir()
        for folder in (data / "prefixes", data):
            folder.chmod(0o555)

        with (
            without_rights(),
            pytest.raises(MachineLacks, match=r"`.*/prefixes/.trees` may not be changed or read"),
        ):
            trees_in(data, Disk()).begin(tree_name("one"))
        with without_rights(), pytest.raises(MachineLacks, match=r"`.*/locks` may not be changed or read"):
            trees_in(data).locked(NAME, wait=0).__enter__()

        data.chmod(0o755)


def test_errors_that_are_no_fault_of_the_machine_pass(tmp_path: Path):
    with pytest.raises(FileNotFoundError), disk_errors(tmp_path):
        Disk().remove(tmp_path / "absent")


def test_a_tree_of_folders_without_any_permission_can_be_removed(tmp_path: Path):
    deep = tmp_path / "tree/a/b"
    deep.mkdir(parents=True)
    (tmp_path / "outside").mkdir(mode=0o500)
    (deep / "link").symlink_to(tmp_path / "outside")
    for folder in (deep, deep.parent, deep.parent.parent):
        folder.chmod(0)

    Disk().remove_tree(tmp_path / "tree")

    assert not (tmp_path / "tree").exists()
    assert (tmp_path / "outside").stat().st_mode & 0o777 == 0o500


def install_packages(data: Path) -> tuple[Path, set[tuple[str, str, str]]]:
    """A tree of two packages, `plain` and `moved`, which was relocated; and what a larger tree would want."""
    from rocmswitch.store.verify import take_inventory

    trees, disk = trees_in(data), HastyDisk()
    tree = trees.begin(tree_name("old"))
    disk.make_directory(tree / "lib")
    disk.write_file(tree / "lib/plain", b"plain")
    disk.symlink(tree / "lib/plain.so", "plain")
    disk.write_file(tree / "lib/moved", b"moved")
    packages = tuple(
        InstalledPackage(name, "1", f"{name}.deb", 1, letter * 64, "signed")
        for name, letter in (("plain", "a"), ("moved", "b"))
    )
    receipt = Receipt("prefix", NAME, NAME, "1", tree.name, "2026-01-02T03:04:05Z", packages=packages)
    trees.publish(tree.name, NAME, receipt, [_owned(one) for one in take_inventory(tree)])
    return tree, {key(one) for one in packages} | {("added", "c" * 64, "rocm")}


def _owned(entry: FileEntry) -> FileEntry:
    from dataclasses import replace

    if entry.path == "lib/moved":
        return replace(entry, package="moved", original_sha256="d" * 64, reason="rpath")
    return replace(entry, package="plain")


def replace_content(path: Path, content: bytes | None) -> None:
    """Damage a file of a published tree; None removes it."""
    path.parent.chmod(0o755)
    mode = path.stat().st_mode
    path.unlink()
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)


def wait_until(condition: object) -> None:
    assert callable(condition)
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)


@contextmanager
def without_rights() -> Iterator[None]:
    """Root may write anywhere: meanwhile this process is `nobody`. Another user stays what it is."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


class mounted:  # noqa: N801 - a context manager
    """A small file system in memory at *folder*; skips where this machine does not allow it."""

    def __init__(self, folder: Path, options: str) -> None:
        self._folder, self._options = folder, options

    def __enter__(self) -> Path:
        self._folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", self._options, "none", str(self._folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no small file system can be mounted here: {done.stderr.strip()}")
        return self._folder

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", str(self._folder)], check=True)

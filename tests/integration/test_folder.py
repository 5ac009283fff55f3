"""Reaching a folder without following anything, and reading what lies there."""

from __future__ import annotations

import hashlib
import itertools
import os
import pwd
import socket
import stat
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rocmswitch.errors import MachineLacks, NotFound, Refused
from rocmswitch.model.deployment import ABSENT, FILE, LINK, NOTHING, FileState, Seen
from rocmswitch.system.disk import disk_errors
from rocmswitch.system.folder import Folder, check_trusted
from tests.support.nobody import as_nobody

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder `a folder/b` with spaces in its path, none of it a link."""
    place = tmp_path.resolve() / "a folder/b"
    place.mkdir(parents=True)
    return place


def test_a_folder_is_reached_and_its_file_is_told_whole(place: Path):
    (place / "lib.so").write_bytes(b"library")
    (place / "lib.so").chmod(0o2751)
    os.utime(place / "lib.so", ns=(5, 1_234_567_890_123_456_789))
    os.setxattr(place / "lib.so", "user.note", b"\0\xff")
    found = (place / "lib.so").stat()

    with Folder.reached(place) as folder:
        seen, state = folder.seen("lib.so"), folder.state("lib.so")

    assert seen == Seen(FILE, found.st_dev, found.st_ino, 7, 1_234_567_890_123_456_789, found.st_ctime_ns)
    assert state == FileState(
        FILE,
        sha256=hashlib.sha256(b"library").hexdigest(),
        size=7,
        mode=0o2751,
        owner=os.geteuid(),
        group=found.st_gid,
        modified=1_234_567_890_123_456_789,
        attributes=(("user.note", "AP8="),),
    )


def test_a_known_hash_is_not_computed_again(place: Path):
    (place / "lib.so").write_bytes(b"library")

    with Folder.reached(place) as folder:
        assert folder.state("lib.so", sha256="known").sha256 == "known"


def test_what_is_not_there_is_absent(place: Path):
    with Folder.reached(place) as folder:
        assert (folder.seen("none"), folder.state("none")) == (Seen(ABSENT), NOTHING)
        with pytest.raises(NotFound, match=r"^`.*/none` is not there$"):
            folder.open("none")


def test_a_symlink_is_told_by_what_it_says_and_never_followed(place: Path):
    (place / "link").symlink_to("/etc/passwd")
    found = (place / "link").lstat()

    with Folder.reached(place) as folder:
        assert folder.seen("link").kind == LINK and folder.seen("link").target == "/etc/passwd"
        assert folder.state("link") == FileState(
            LINK, owner=found.st_uid, group=found.st_gid, modified=found.st_mtime_ns, target="/etc/passwd"
        )
        with pytest.raises(Refused, match=r"^`.*/link` is a symlink, where a file is expected$"):
            folder.open("link")


def test_a_large_file_is_hashed_in_pieces(place: Path):
    content = os.urandom(9_000_001)
    (place / "large").write_bytes(content)

    with Folder.reached(place) as folder:
        assert folder.state("large").sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("kind", ["a folder", "a FIFO", "a socket", "a device"])
def test_what_is_no_file_is_refused_and_never_waited_for(place: Path, kind: str):
    _make(place / "odd", kind)

    with Folder.reached(place) as folder:
        for look in (folder.seen, folder.state, folder.open):
            with pytest.raises(Refused) as caught:
                look("odd")
            assert str(caught.value) == f"`{place}/odd` is {kind}, where a file is expected"


@pytest.mark.parametrize("kind", ["a symlink", "a file", "a FIFO", "a socket", "a device"])
@pytest.mark.parametrize("below", ["", "/further/down"])
def test_what_is_no_folder_on_the_way_is_refused(place: Path, kind: str, below: str):
    _make(place / "odd", kind)

    with pytest.raises(Refused) as caught, Folder.reached(Path(f"{place}/odd{below}")):
        pass

    assert str(caught.value) == f"`{place}/odd` is {kind}, where a folder is expected"


def test_a_missing_folder_is_named_where_it_is_missing(place: Path):
    with pytest.raises(NotFound) as caught, Folder.reached(place / "none/below"):
        pass

    assert str(caught.value) == f"`{place}/none` is not there"


@pytest.mark.parametrize("path", ["relative/path", "/tmp/../etc"])
def test_a_path_that_is_not_plain_is_refused(path: str):
    with pytest.raises(Refused, match="is no plain absolute path"), Folder.reached(Path(path)):
        pass


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc/passwd", "a\0b"])
def test_a_name_that_leads_elsewhere_is_refused(place: Path, name: str):
    with Folder.reached(place) as folder:
        for look in (folder.seen, folder.state, folder.open):
            with pytest.raises(Refused, match="is no name of a file in"):
                look(name)


def test_a_folder_that_is_swapped_afterwards_still_means_the_one_that_was_reached(place: Path):
    (place / "lib.so").write_bytes(b"right")
    outside = place.parent.parent / "outside"
    outside.mkdir()
    (outside / "lib.so").write_bytes(b"wrong")

    with Folder.reached(place) as folder:
        place.parent.rename(place.parent.with_name("moved"))
        place.parent.mkdir()
        place.symlink_to(outside)
        with folder.open("lib.so") as file:
            assert file.read() == b"right"

    with pytest.raises(Refused, match="is a symlink"), Folder.reached(place):
        pass


def test_a_file_that_is_swapped_all_the_time_is_read_or_refused_and_nothing_else(place: Path):
    (place.parent / "secret").write_bytes(b"wrong")
    stop = threading.Event()

    def swap() -> None:
        for number in itertools.takewhile(lambda _: not stop.is_set(), itertools.count()):
            new = place / "new"
            if number % 2:
                new.symlink_to("../secret")
            else:
                new.write_bytes(b"right")
            new.replace(place / "lib.so")

    (place / "lib.so").write_bytes(b"right")
    outcomes = set()
    with ThreadPoolExecutor(1) as beside, Folder.reached(place) as folder:
        swapping = beside.submit(swap)
        for _ in range(2000):
            try:
                with folder.open("lib.so") as file:
                    outcomes.add(file.read())
            except Refused:
                outcomes.add(b"refused")
        stop.set()
        swapping.result()

    assert outcomes <= {b"right", b"refused"}


def test_a_name_that_is_no_text_is_found(place: Path):
    name = os.fsdecode(b"lib\xff.so")
    (place / name).write_bytes(b"library")

    with Folder.reached(place) as folder:
        assert folder.state(name).size == 7


def test_the_root_of_all_can_be_reached():
    with Folder.reached(Path("/")) as folder:
        assert os.path.samestat(os.fstat(folder.descriptor), Path("/").stat())


def test_no_descriptor_is_left_open(place: Path):
    (place / "file").touch()
    before = _descriptors()

    with Folder.reached(place) as folder:
        folder.state("file")
    for wrong in ("none", "file"):
        with pytest.raises((NotFound, Refused)), Folder.reached(place / wrong):
            pass

    assert _descriptors() == before


def test_passing_through_a_folder_takes_no_right_to_list_it():
    with tempfile.TemporaryDirectory() as name:
        above = Path(name).resolve() / "above"
        (above / "below").mkdir(parents=True)
        for folder in (above.parent, above / "below"):
            folder.chmod(0o755)
        above.chmod(0o111)

        with as_nobody(), Folder.reached(above / "below") as folder:
            assert folder.seen("file") == Seen()
        (above / "below").chmod(0)
        with (
            as_nobody(),
            pytest.raises(MachineLacks, match=r"^`.*/above/below` may not be changed or read by this user"),
            disk_errors(above),
            Folder.reached(above / "below"),
        ):
            pass
        for folder in (above, above / "below"):
            folder.chmod(0o755)


@needs_root
class TestTrustedByRoot:
    @pytest.fixture
    def trusted(self, tmp_path: Path) -> Path:
        """A folder to which nobody but root has the way, as far as it lies below `tmp_path`."""
        for above in (tmp_path.parent.parent, tmp_path.parent, tmp_path):
            above.chmod(0o755)
        folder = tmp_path.resolve() / "usr/lib/python3"
        folder.mkdir(parents=True)
        return folder

    def test_roots_own_folder_is_trusted_below_a_sticky_one_as_well(self, trusted: Path):
        trusted.parent.chmod(0o1777)

        check_trusted(trusted, 0, accounts=())

    @pytest.mark.parametrize("mode", [0o775, 0o757, 0o2775, 0o777])
    def test_what_others_may_write_is_refused_with_the_line_that_ends_it(self, trusted: Path, mode: int):
        trusted.parent.chmod(mode)

        with pytest.raises(Refused, match="may be written by others than root") as caught:
            check_trusted(trusted, 0, accounts=())

        assert caught.value.hint == f"run `chmod go-w {trusted.parent}`"
        assert caught.value.exit_code == 5

    def test_a_sticky_folder_itself_is_refused(self, trusted: Path):
        trusted.chmod(0o1777)

        with pytest.raises(Refused, match="may be written by others than root"):
            check_trusted(trusted, 0, accounts=())

    def test_a_folder_of_somebody_else_is_refused_also_in_a_sticky_one(self, trusted: Path):
        trusted.parent.chmod(0o1777)
        os.chown(trusted, 12345, 12345)

        with pytest.raises(Refused) as caught:
            check_trusted(trusted / "below", 0)

        assert str(caught.value) == f"`{trusted}` belongs to `12345`, whose files are not changed as root"

    def test_a_home_is_refused_with_whom_to_be_whoever_owns_its_folders(self, trusted: Path):
        somebody = _account("somebody", 1000, str(trusted.parent))

        with pytest.raises(Refused) as caught:
            check_trusted(trusted, 0, accounts=[somebody])

        assert caught.value.hint == "run the same command as `somebody`, without `sudo`"

    @pytest.mark.parametrize("home", ["/", "/usr", "/usr/sbin", "/var/lib/service", "/nonexistent", "relative", ""])
    def test_a_home_of_the_system_is_nobodys(self, trusted: Path, home: str):
        check_trusted(Path("/usr/sbin"), 0, accounts=[_account("daemon", 1, home)])

    def test_roots_own_home_is_no_reason(self, trusted: Path):
        check_trusted(trusted, 0, accounts=[_account("root", 0, str(trusted.parent))])

    def test_a_symlink_on_the_way_is_refused_by_reaching_it(self, trusted: Path):
        link = trusted.with_name("python")
        link.symlink_to(trusted)

        with pytest.raises(Refused, match="is a symlink, where a folder is expected"), Folder.reached(link):
            pass

    def test_another_user_than_root_is_asked_nothing(self, trusted: Path):
        trusted.parent.chmod(0o777)

        check_trusted(trusted, 1000)


def _descriptors() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


def _make(path: Path, kind: str) -> None:
    if kind == "a folder":
        path.mkdir()
    elif kind == "a file":
        path.touch()
    elif kind == "a symlink":
        path.symlink_to(path.parent.parent)
    elif kind == "a FIFO":
        os.mkfifo(path)
    elif kind == "a socket":
        above = os.open(path.parent, os.O_RDONLY)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(f"/proc/self/fd/{above}/{path.name}")  # the path itself may be too long for a socket
        os.close(above)
    elif os.geteuid() == 0:
        try:
            os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))
        except PermissionError:
            pytest.skip("this root may not make devices")
    else:
        pytest.skip("only root may make a device")


def _account(name: str, user: int, home: str) -> pwd.struct_passwd:
    return pwd.struct_passwd((name, "x", user, user, "", home, "/bin/sh"))

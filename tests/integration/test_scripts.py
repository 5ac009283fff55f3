"""What the scripts are made of: a GPU read from a program, the slow line, which tests are skipped."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
CONFTEST = Path(__file__).parents[1] / "conftest.py"
GFX1010, GFX1030 = 0x133, 0x36
ARCHIVE = bytes(400_000)

SlowLine = Callable[[float, Path], AbstractContextManager[str]]
"""`slow_line` of scripts/benchmarks/throttle.py."""


def code_object(flags: int) -> bytes:
    """The header of a 64-bit ELF file for an AMD GPU (machine 224) that has no sections."""
    identity = b"\x7fELF\x02\x01\x01\x40\x03".ljust(16, b"\0")
    return identity + struct.pack("<HHIQQQIHHHHHH", 3, 224, 1, 0, 0, 0, flags, 64, 56, 0, 64, 0, 0)


def bundle(entries: dict[str, bytes]) -> bytes:
    table_size = 32 + sum(24 + len(name) for name in entries)
    table, body = b"__CLANG_OFFLOAD_BUNDLE__" + struct.pack("<Q", len(entries)), b""
    for name, content in entries.items():
        table += struct.pack("<3Q", table_size + len(body), len(content), len(name)) + name.encode()
        body += content
    return table + body


@pytest.mark.skipif(
    shutil.which("objcopy") is None, reason="needs objcopy (binutils) to make a program with a code object"
)
@pytest.mark.parametrize(("flags", "code"), [(GFX1010, 0), (GFX1030, 1)])
def test_the_gpu_is_read_from_the_elf_flags_and_not_from_the_bundles_label(tmp_path: Path, flags: int, code: int):
    label = "hipv4-amdgcn-amd-amdhsa--gfx1010"
    (tmp_path / "bundle").write_bytes(bundle({"host-x86_64-unknown-linux--": b"", label: code_object(flags)}))
    program = tmp_path / "program"
    add = ["objcopy", "--add-section", f".hip_fatbin={tmp_path / 'bundle'}", "/bin/true", str(program)]
    subprocess.run(add, check=True)

    command = [sys.executable, str(SCRIPTS / "code_object.py"), str(program), "gfx1010"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.stdout == f"{label}: ELF machine 224, flags {flags:#x}: {'gfx1010' if code == 0 else 'gfx1030'}\n"
    assert done.returncode == code


@pytest.fixture
def files(tmp_path: Path) -> Iterator[ThreadingHTTPServer]:
    """A server of two files, `archive` and `byte`."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "archive").write_bytes(ARCHIVE)
    (folder / "byte").write_bytes(b"x")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def slow_line(monkeypatch: pytest.MonkeyPatch) -> SlowLine:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    from benchmarks import throttle

    line: SlowLine = throttle.slow_line
    return line


def test_the_slow_line_keeps_what_it_fetched_for_all_who_ask(
    slow_line: SlowLine, files: ThreadingHTTPServer, tmp_path: Path
):
    url = f"http://127.0.0.1:{files.server_port}/archive"
    with slow_line(1e8, tmp_path / "kept") as proxy:
        opener = urllib.request.build_opener(_Through(proxy))
        first = opener.open(url).read()
        files.shutdown()
        files.server_close()

        with ThreadPoolExecutor() as readers:
            later = list(readers.map(lambda _: opener.open(url).read(), range(2)))

    assert [first, *later] == [ARCHIVE] * 3


def test_the_slow_line_is_one_for_all_so_that_a_byte_waits_behind_an_archive(monkeypatch: pytest.MonkeyPatch):
    """At ten bytes a second, on a clock that stands still: what is asked for together waits in one row."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    from benchmarks.throttle import Bucket

    waits: list[float] = []
    line = Bucket(10, clock=lambda: 0.0, sleep=waits.append)

    for count in (1, 400, 1):
        line.take(count)

    assert waits == pytest.approx([0.1, 40.1, 40.2])


class _Through(urllib.request.BaseHandler):
    """Asks *proxy* for everything: the no_proxy of the tests' own account would go round it."""

    def __init__(self, proxy: str) -> None:
        self._proxy = proxy.removeprefix("http://")

    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        request.set_proxy(self._proxy, "http")
        return request


def test_a_test_that_needs_a_server_is_skipped_with_the_reason(tmp_path: Path):
    shutil.copy(CONFTEST, tmp_path / "conftest.py")
    (tmp_path / "test_it.py").write_text(
        "import pytest\n@pytest.mark.network('debian')\ndef test_far(): pass\ndef test_near(): pass\n"
    )

    command = [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", "--network=no", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert "1 passed, 1 skipped" in done.stdout
    assert "needs debian, and --network=no was given" in done.stdout


def test_a_test_sees_an_account_of_its_own(tmp_path: Path):
    shutil.copy(CONFTEST, tmp_path / "conftest.py")
    (tmp_path / "test_it.py").write_text(
        "import os, pathlib\n"
        "def test_home(tmp_path):\n"
        "    inside = [os.environ[name] for name in ('HOME', 'XDG_DATA_HOME', 'ROCMSWITCH_HOME')]\n"
        "    assert all(pathlib.Path(one).is_relative_to(tmp_path) for one in inside)\n"
        "    assert 'HIP_PLATFORM' not in os.environ and 'ROCMSWITCH_STACK' not in os.environ\n"
    )

    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    environment = {"HIP_PLATFORM": "nvidia", "ROCMSWITCH_STACK": "mine", "HOME": "/", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert (done.returncode, "1 passed" in done.stdout) == (0, True), done.stdout

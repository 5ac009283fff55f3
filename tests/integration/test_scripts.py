"""What the scripts are made of: a GPU read from a program, the slow line, which tests are skipped."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
CONFTEST = Path(__file__).parents[1] / "conftest.py"
GFX1010, GFX1030 = 0x133, 0x36


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


def test_the_slow_line_is_as_slow_for_two_as_for_one_and_keeps_what_it_fetched(tmp_path: Path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files/archive").write_bytes(bytes(400_000))
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "files"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/archive"
    sys.path.insert(0, str(SCRIPTS))
    from benchmarks.throttle import slow_line

    sizes: list[int] = []
    with slow_line(1e6, tmp_path / "kept") as proxy:
        opener = urllib.request.build_opener(_Through(proxy))
        opener.open(url).read()
        server.shutdown()
        started = time.monotonic()
        readers = [threading.Thread(target=lambda: sizes.append(len(opener.open(url).read()))) for _ in range(2)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        seconds = time.monotonic() - started
    sys.path.remove(str(SCRIPTS))

    assert sizes == [400_000, 400_000]
    assert 0.65 <= seconds <= 2


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

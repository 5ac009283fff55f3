"""A wheel that this machine's pip finds by its configuration, as an index of its own on 127.0.0.1.

rocmswitch takes PyTorch from PyTorch's index alone; where only a folder has the wheel, this stands in for it.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import yaml

from rocmswitch.host.pip import read_indexes
from rocmswitch.store.layout import Layout

RANGE = re.compile(r"bytes=(?P<start>\d*)-(?P<end>\d*)")
TAG = f"cp{sys.version_info.major}{sys.version_info.minor}"


def found_wheel(torch: str) -> Path | None:
    """The wheel of *torch* for this Python, in the first folder of pip's `find-links` that has one."""
    folders = (Path(one.removeprefix("file://")) for one in read_indexes(os.environ).find_links)
    wheels = (path for one in folders if one.is_dir() for path in sorted(one.glob(f"torch-{torch}-{TAG}-*.whl")))
    return next(wheels, None)


def serve(wheel: Path, folder: Path) -> str:
    """The URL of an index that has *wheel*, as long as this program runs. *folder* is filled."""
    page = folder / "torch/index.html"
    page.parent.mkdir(parents=True)
    (folder / wheel.name).symlink_to(wheel)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    page.write_text(f'<!DOCTYPE html>\n<a href="/{quote(wheel.name)}#sha256={digest}">{wheel.name}</a>\n')
    server = _Server(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def let(layout: Layout, stack: str, torch: str, index: str) -> None:
    """Let *stack* have *torch* alone, from *index*: a manifest of the user's own instead of the shipped one."""
    shipped = yaml.safe_load((Path("manifests") / f"{stack}.yaml").read_text())
    build = {"torch": torch, "index": index, "python": [TAG], "bundles_rocm": True}
    layout.manifests.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump({**shipped, "replaces": stack, "pytorch": [build], "unverified": []}, sort_keys=False)
    (layout.manifests / f"{stack}.yaml").write_text(text)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever asked has seen enough and is gone."""


class _Quiet(SimpleHTTPRequestHandler):
    """Sends parts of a file where they are asked for, as the real index does: a wheel's end says what it needs."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        asked = RANGE.fullmatch(self.headers.get("Range", ""))
        path = Path(self.translate_path(self.path))
        if asked is None or not path.is_file():
            super().do_GET()
            return
        size = path.stat().st_size
        start = int(asked["start"]) if asked["start"] else size - int(asked["end"])
        end = min(int(asked["end"]) + 1, size) if asked["start"] and asked["end"] else size
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        self.send_header("Content-Length", str(end - start))
        self.end_headers()
        with path.open("rb") as file:
            file.seek(start)
            self.wfile.write(file.read(end - start))

    def end_headers(self) -> None:
        self.send_header("Accept-Ranges", "bytes")
        super().end_headers()

    def log_message(self, *words: object) -> None:
        """Quiet: the table is the output."""

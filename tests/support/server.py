"""A real HTTP server on localhost that serves a folder, remembers what it was asked, and misbehaves on request.

    with Server(folder) as server:
        server.misbehave("big.deb", Fault(cut_after=1000, times=1))
        fetch(server.url("big.deb"))
        assert server.requests[-1].headers["Range"] == "bytes=1000-"

Without a fault it does what a good static server does: Range, If-Range, ETag, Last-Modified, HEAD, keep-alive.
"""

from __future__ import annotations

import hashlib
import http.server
import itertools
import re
import ssl
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from types import TracebackType
from typing import Any

CHUNK = 256 * 1024
CONTENT_TYPES = {
    "index.html": {"Content-Type": "text/html"},
    "index.json": {"Content-Type": "application/vnd.pypi.simple.v1+json"},
}


@dataclass(frozen=True)
class Request:
    """What a client asked. `path` is the decoded path with its leading slash; a proxy is asked for a whole URL."""

    method: str
    path: str
    headers: dict[str, str]

    @property
    def range(self) -> str:
        """The Range header, empty where there is none."""
        return self.headers.get("Range", "")


@dataclass(frozen=True)
class Fault:
    """What goes wrong with a path. Bytes are counted in the body of one answer. `times` -1 means always."""

    times: int = -1
    status: int = 0
    """Answer with this status and no file."""
    redirect: str = ""
    """Answer 302 to this URL or path; to itself it is a loop."""
    ignore_range: bool = False
    """Send the whole file with 200, whatever was asked."""
    cut_after: int = -1
    """Break the connection after so many bytes."""
    stall_after: int = -1
    """Fall silent after so many bytes, until the server ends."""
    stall_before_answer: bool = False
    """Accept the connection and say nothing, until the server ends."""
    endless: bool = False
    """No length, and bytes without end; also as the body of a redirect."""
    no_length: bool = False
    """The whole file without Content-Length; the end of the connection is the end of the body."""
    length: int = -1
    """State this Content-Length, whatever the file has."""
    bytes_per_second: int = 0
    changing_validators: bool = False
    """Another ETag and Last-Modified in each answer: the file is replaced all the time."""
    no_validators: bool = False
    content: bytes | None = None
    """Serve these bytes in place of the file."""


@dataclass
class _Script:
    """A fault and how often it is still to happen."""

    fault: Fault
    left: int = field(default=-1)


class Server:
    """Serve *folder* on a free port while the context lasts. `certificate` is a PEM file with its key: HTTPS."""

    def __init__(self, folder: Path, *, certificate: Path | None = None) -> None:
        self.folder = folder
        self.requests: list[Request] = []
        self.ending = threading.Event()
        self.answers = itertools.count()
        self._scripts: dict[str, list[_Script]] = {}
        self._lock = threading.Lock()
        self._server = _Listener(("127.0.0.1", 0), _Answer)
        self._server.owner = self
        self._scheme = "https" if certificate else "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ending.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, path: str = "") -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}/{path.lstrip('/')}"

    def misbehave(self, path: str, *faults: Fault) -> None:
        """Let *path* go wrong: by the first fault until its times are over, then by the next, then not at all."""
        with self._lock:
            self._scripts["/" + path.lstrip("/")] = [_Script(fault, fault.times) for fault in faults]

    def behave(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._scripts.clear()

    def asked(self, path: str) -> list[Request]:
        """The requests for *path*, the oldest first."""
        with self._lock:
            return [one for one in self.requests if one.path == "/" + path.lstrip("/")]

    def note(self, request: Request) -> Fault:
        """Remember *request*; how to answer it."""
        with self._lock:
            self.requests.append(request)
            for script in self._scripts.get(request.path, ()):
                if script.left:
                    script.left -= 1 if script.left > 0 else 0
                    return script.fault
        return Fault()


class _Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    owner: Server

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what many tests are about: nothing is printed."""


class _Answer(http.server.BaseHTTPRequestHandler):
    """One connection."""

    server: _Listener
    protocol_version = "HTTP/1.1"
    wbufsize = CHUNK

    def log_message(self, *args: Any, **named: Any) -> None:
        """Requests are remembered, not printed."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = urllib.parse.unquote(self.path.split("?")[0])
        fault = self.server.owner.note(Request(self.command, path, dict(self.headers.items())))
        if fault.stall_before_answer:
            self._fall_silent()
        elif fault.redirect:
            self._redirect(fault)
        elif fault.status:
            self._send_head(fault.status, {"Content-Length": "0"})
        elif fault.endless:
            self._send_head(200, {})
            self._send_endless()
        else:
            self._send_file(urllib.parse.urlsplit(path).path, fault)

    def _send_file(self, path: str, fault: Fault) -> None:
        file = self._file(path)
        if fault.content is None and (".." in file.parts or not file.is_file()):
            self._send_head(404, {"Content-Length": "0"})
            return
        size = len(fault.content) if fault.content is not None else file.stat().st_size
        validators = self._validators(file, fault)
        start, end = (0, size) if fault.ignore_range else self._wanted(size, validators)
        if start >= size > 0:
            self._send_head(416, {"Content-Range": f"bytes */{size}", "Content-Length": "0"})
            return
        headers = validators | {"Accept-Ranges": "bytes"} | CONTENT_TYPES.get(file.name, {})
        if not fault.no_length:
            headers["Content-Length"] = str(end - start if fault.length < 0 else fault.length)
        partial = "Range" in self.headers and not fault.ignore_range and (start, end) != (0, size)
        if partial:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        self._send_head(206 if partial else 200, headers)
        if self.command == "GET":
            self._send_body(file, (start, end), fault)

    def _file(self, path: str) -> Path:
        """Of a folder its page: as JSON where there is one and it was asked for (PEP 691)."""
        file = self.server.owner.folder / path.lstrip("/")
        if not path.endswith("/"):
            return file
        as_json = "application/vnd.pypi.simple.v1+json" in self.headers.get("Accept", "")
        return file / ("index.json" if as_json and (file / "index.json").is_file() else "index.html")

    def _validators(self, file: Path, fault: Fault) -> dict[str, str]:
        if fault.no_validators:
            return {}
        if fault.content is not None:
            stamp, tag = 0.0, hashlib.sha256(fault.content).hexdigest()[:16]
        else:
            stamp, tag = file.stat().st_mtime, f"{file.stat().st_mtime_ns:x}-{file.stat().st_size:x}"
        if fault.changing_validators:
            number = next(self.server.owner.answers)
            stamp, tag = stamp + 2 * number, f"{tag}-{number}"
        return {"ETag": f'"{tag}"', "Last-Modified": formatdate(stamp, usegmt=True)}

    def _wanted(self, size: int, validators: dict[str, str]) -> tuple[int, int]:
        """The range asked for; the whole file where If-Range names another version of it (RFC 9110, 13.1.5)."""
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        condition = self.headers.get("If-Range")
        if not asked or (condition and condition not in validators.values()):
            return 0, size
        return int(asked[1]), min(size, int(asked[2]) + 1) if asked[2] else size

    def _send_body(self, file: Path, span: tuple[int, int], fault: Fault) -> None:
        sent = 0
        for chunk in _chunks(file, span, fault):
            for limit, act in ((fault.cut_after, self._cut), (fault.stall_after, self._fall_silent)):
                if 0 <= limit <= sent + len(chunk):
                    self.wfile.write(chunk[: limit - sent])
                    act()
                    return
            self.wfile.write(chunk)
            sent += len(chunk)
            if fault.bytes_per_second:
                self.wfile.flush()
                self.server.owner.ending.wait(len(chunk) / fault.bytes_per_second)
                if self.server.owner.ending.is_set():
                    break
        if fault.no_length or fault.length >= 0:
            self.close_connection = True

    def _redirect(self, fault: Fault) -> None:
        self._send_head(302, {"Location": fault.redirect} | ({} if fault.endless else {"Content-Length": "0"}))
        if fault.endless:
            self._send_endless()

    def _send_endless(self) -> None:
        while not self.server.owner.ending.is_set():
            self.wfile.write(b"\0" * CHUNK)

    def _send_head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Connection", "close")
        self.end_headers()

    def _cut(self) -> None:
        self.wfile.flush()
        self.close_connection = True

    def _fall_silent(self) -> None:
        self.wfile.flush()
        self.server.owner.ending.wait()
        self.close_connection = True


def _chunks(file: Path, span: tuple[int, int], fault: Fault) -> Any:
    """The bytes of *span*; a tenth of a second's worth at a time where they are to be slow."""
    size = max(1, fault.bytes_per_second // 10) if fault.bytes_per_second else CHUNK
    start, end = span
    if fault.content is not None:
        yield from (fault.content[at : min(at + size, end)] for at in range(start, end, size))
        return
    with file.open("rb") as opened:
        opened.seek(start)
        while start < end and (chunk := opened.read(min(size, end - start))):
            start += len(chunk)
            yield chunk


def serve_forever(folder: Path) -> None:
    """For trying things by hand: `python -m tests.support.server FOLDER`."""
    with Server(folder) as server:
        print(server.url(), flush=True)
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    import sys

    serve_forever(Path(sys.argv[1]))

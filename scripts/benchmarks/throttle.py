"""A slow line, the same for both sides: an HTTP proxy here that lets so many bytes per second through in all.

What it has fetched once it keeps, so that after a first round the real network plays no part.
"""

from __future__ import annotations

import hashlib
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PIECE = 32 * 1024
KEPT_HEADERS = ("Content-Type", "Last-Modified", "ETag")


class Bucket:
    """Bytes that may pass: *rate* per second for all connections together, at most a tenth of a second saved up."""

    def __init__(
        self,
        rate: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = rate
        self._clock, self._sleep = clock, sleep
        self._free_at = clock()
        self._lock = threading.Lock()

    def take(self, count: int) -> None:
        """Returns when *count* bytes may go."""
        with self._lock:
            now = self._clock()
            self._free_at = max(self._free_at, now - 0.1) + count / self._rate
            wait = self._free_at - now
        if wait > 0:
            self._sleep(wait)


@contextmanager
def slow_line(rate: float, kept: Path) -> Iterator[str]:
    """The proxy's URL. *rate* is bytes per second; *kept* is a folder for what it has fetched."""
    kept.mkdir(parents=True, exist_ok=True)
    handler = type("Handler", (_Proxy,), {"bucket": Bucket(rate), "kept": kept})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


class _Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bucket: Bucket
    kept: Path

    def do_GET(self) -> None:
        try:
            body, headers = self._fetched()
        except urllib.error.HTTPError as error:
            self.send_response(error.code)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self._answer(body, headers)

    def _answer(self, body: bytes, headers: dict[str, str]) -> None:
        since = self.headers.get("If-Modified-Since") or self.headers.get("If-None-Match")
        unchanged = since is not None and since in headers.values()
        self.send_response(304 if unchanged else 200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0" if unchanged else str(len(body)))
        self.end_headers()
        for start in range(0, 0 if unchanged else len(body), PIECE):
            piece = body[start : start + PIECE]
            self.bucket.take(len(piece))
            self.wfile.write(piece)

    def _fetched(self) -> tuple[bytes, dict[str, str]]:
        place = self.kept / hashlib.sha256(self.path.encode()).hexdigest()
        names = place.with_suffix(".headers")
        if not names.exists():
            opener = urllib.request.build_opener()
            with opener.open(self.path, timeout=60) as response:
                place.write_bytes(response.read())
                lines = [f"{name}: {response.headers[name]}" for name in KEPT_HEADERS if response.headers[name]]
            names.write_text("\n".join(lines))
        headers = dict(line.split(": ", 1) for line in names.read_text().splitlines())
        return place.read_bytes(), headers

    def log_message(self, *words: object) -> None:
        """Quiet: the table is the output."""

"""Bytes from a web server: the only importer of requests.

Bodies arrive exactly as they were sent: no content coding is asked for and none undone, because what follows
is hashed. Proxy variables and ~/.netrc are honoured as requests does it. Nothing here trusts a length that a
server states, and nothing waits for ever.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import ssl
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import requests
import requests.adapters
import tenacity
import urllib3.exceptions

from rocmswitch import __version__
from rocmswitch.errors import NetworkFailed, NotFound, UsageMistake, VerificationFailed
from rocmswitch.store.uvwords import refusal
from rocmswitch.system.certificates import check_certificates, untrusted

CHUNK = 1024 * 1024
"""The most bytes of one read; what has arrived is handed on at once."""

MOST_REDIRECTS = 10
SLOWEST = 100
"""Bytes per second: a server that sends less, as long as the stall timeout lasts, has stalled too."""

_NUMBER = "[0-9]{1,18}"
"""A count of bytes that there can be: Python refuses to read numbers of thousands of digits."""

_SCHEMES = ("http://", "https://")
_UNKNOWN_SIGNERS = (18, 19, 20, 21)
"""X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT and the like (OpenSSL, x509_vfy.h), not certificates that are too old."""
_MISSING = frozenset({403, 404, 410})
"""403 too: object stores answer it for names that do not exist where listing is not allowed."""

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


class Transient(NetworkFailed):
    """May go better at the next attempt."""


class RangeRefused(Transient):
    """The file at the server ends before the offset that was asked for (416)."""


@dataclass(frozen=True)
class Patience:
    """How long to wait, in seconds, and how often to try. `pause` is the first wait between attempts; it grows."""

    connect: float = 10.0
    stall: float = 30.0
    attempts: int = 5
    pause: float = 0.5
    longest_pause: float = 10.0

    def retrying(
        self,
        sleep: Callable[[float], None] = time.sleep,
        stop: Callable[[tenacity.RetryCallState], bool] | None = None,
    ) -> tenacity.Retrying:
        """Attempts while Transient is raised, with growing, jittered waits; the last error is raised as it is."""
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Transient),
            wait=tenacity.wait_random_exponential(
                multiplier=self.pause, max=self.longest_pause, min=self.pause / 2
            ),
            stop=stop or tenacity.stop_after_attempt(self.attempts),
            sleep=sleep,
            reraise=True,
        )


class Response:
    """The head of an answer, and its body as it arrives."""

    def __init__(self, url: str, answer: requests.Response, stall: float) -> None:
        self.url = url
        self.status = answer.status_code
        self.headers: dict[str, str] = {name.lower(): value for name, value in answer.headers.items()}
        self.offset, self.total = self._span()
        self._answer = answer
        self._stall = stall

    @property
    def validator(self) -> str:
        """What If-Range needs: a strong ETag, else Last-Modified, else nothing (RFC 9110, 13.1.5)."""
        tag = self.headers.get("etag", "")
        return tag if tag.startswith('"') else self.headers.get("last-modified", "")

    def chunks(self) -> Iterator[bytes]:
        """The body, in pieces as they come. Raises Transient where it ends early or falls silent."""
        waited, received = 0.0, 0
        while True:
            asked = time.monotonic()
            try:
                chunk: bytes = self._answer.raw.read1(CHUNK, decode_content=False)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise _failure(self.url, error, self._stall) from error
            if not chunk:
                return
            waited, received = waited + time.monotonic() - asked, received + len(chunk)
            if waited >= self._stall:
                if received < SLOWEST * self._stall:
                    raise Transient(f"`{shown(self.url)}` sent only {received} bytes in {self._stall:g} seconds")
                waited, received = 0.0, 0
            yield chunk

    def stop(self) -> None:
        """End the body at once, from another thread: a reader that waits wakes up."""
        with contextlib.suppress(ValueError, RuntimeError, OSError):  # it has ended by itself
            self._answer.raw.shutdown()

    def _span(self) -> tuple[int, int | None]:
        """Where in the file the body starts, and how long the whole file is, as far as the server says."""
        if self.status != requests.codes.partial_content:
            length = self.headers.get("content-length", "")
            return 0, int(length) if re.fullmatch(_NUMBER, length) else None
        span = re.fullmatch(rf"bytes ({_NUMBER})-\d+/({_NUMBER}|\*)", self.headers.get("content-range", ""))
        if not span:
            raise NetworkFailed(f"`{shown(self.url)}` answered with a part of the file without saying which")
        return int(span[1]), None if span[2] == "*" else int(span[2])


class _Session(requests.Session):
    """Sees no redirects: requests would read the body of each, however long, into memory."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None


class _Adapter(requests.adapters.HTTPAdapter):
    """Trusts the machine's own certificates beside those of requests: a company's proxy has one of its own.

    Who names a bundle of his own (REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE) gets that one alone. *certificates* is one
    more bundle.
    """

    def __init__(self, certificates: str = "") -> None:
        self._certificates = certificates
        super().__init__(pool_maxsize=32)

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: bool | str, cert: Any = None
    ) -> tuple[Any, Any]:
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        if host["scheme"] == "https" and verify is True:
            pool["ssl_context"] = self._context
        return host, pool

    @functools.cached_property
    def _context(self) -> ssl.SSLContext:
        """Made when it is needed: reading all certificates of a machine takes 20 ms."""
        context = ssl.create_default_context()
        if self._certificates:
            context.load_verify_locations(self._certificates)
        return context


class Http:
    """Requests that end: with an answer, or with an error of ours that names the URL. Threads may share one."""

    def __init__(self, patience: Patience | None = None, *, certificates: str = "") -> None:
        """*certificates* is the path of a bundle to trust besides the machine's own."""
        self.patience = patience or Patience()
        self._session = _Session()
        self._session.headers.update({"User-Agent": f"rocmswitch/{__version__}", "Accept-Encoding": "identity"})
        for scheme in _SCHEMES:
            self._session.mount(scheme, _Adapter(certificates))

    def read(self, url: str, *, limit: int, accept: str = "*/*") -> bytes:
        """The whole file at *url*, tried several times. *accept* lists the media types that are wanted.

        Raises VerificationFailed where it has more than *limit* bytes, NotFound and NetworkFailed.
        """
        return self.patience.retrying()(self._read_once, url, limit, accept)

    def length(self, url: str) -> int | None:
        """How many bytes the server says the file at *url* has, None where it does not say. Raises as `read`."""
        return self.patience.retrying()(self._length_once, url)

    def stated(self, url: str) -> str:
        """The SHA-256 that whoever has the file at *url* says of it, which finds damage alone. Servers say none."""
        return ""

    def unpacked(self, url: str) -> Iterator[bytes] | None:
        """What is at *url*, unverified, where whoever has it keeps it packed in their own way. Servers do not."""
        return None

    def _length_once(self, url: str) -> int | None:
        with self.stream(url) as response:
            return response.total

    def _read_once(self, url: str, limit: int, accept: str) -> bytes:
        too_large = VerificationFailed(f"`{shown(url)}` is larger than the {limit} bytes it may have")
        content = bytearray()
        with self.stream(url, accept=accept) as response:
            if response.total is not None and response.total > limit:
                raise too_large
            for chunk in response.chunks():
                content += chunk
                if len(content) > limit:
                    raise too_large
        return bytes(content)

    @contextlib.contextmanager
    def stream(self, url: str, *, offset: int = 0, validator: str = "", accept: str = "*/*") -> Iterator[Response]:
        """The file at *url* from *offset* on, tried once.

        With *validator* the server sends the whole file where it is another one by now; look at the
        response's `offset`. Raises Transient where another attempt may help, RangeRefused, NotFound, NetworkFailed.
        """
        headers = {"Accept": accept} | ({"Range": f"bytes={offset}-"} if offset else {})
        if offset and validator:
            headers["If-Range"] = validator
        with contextlib.closing(self._ask(url, headers)) as answer:
            _check_status(url, answer)
            yield Response(url, answer, self.patience.stall)

    def _ask(self, asked: str, headers: dict[str, str]) -> requests.Response:
        url = asked
        for _ in range(MOST_REDIRECTS + 1):
            try:
                answer = self._ask_once(url, headers)
            except UsageMistake as error:
                if url == asked:
                    raise
                raise NetworkFailed(f"`{shown(asked)}` redirects to no web address: {error.message}") from error
            if not answer.is_redirect:
                return answer
            target = answer.headers["location"]
            answer.close()
            url = _redirected(url, target)
        raise NetworkFailed(f"`{shown(url)}` redirects more than {MOST_REDIRECTS} times")

    def _ask_once(self, url: str, headers: dict[str, str]) -> requests.Response:
        if not url.lower().startswith(_SCHEMES):
            raise UsageMistake(f"`{shown(url)}` is not an http or https URL")
        if url.lower().startswith("https:"):
            check_certificates(os.environ)
        timeout = (self.patience.connect, self.patience.stall)
        try:
            return self._session.get(url, headers=headers, stream=True, timeout=timeout, allow_redirects=False)
        except requests.exceptions.ConnectTimeout as error:
            raise Transient(f"`{shown(url)}` did not answer within {self.patience.connect:g} seconds") from error
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidProxyURL) as error:
            raise UsageMistake(f"`{shown(url)}` cannot be fetched: {_reason(error)}") from error
        except requests.exceptions.RequestException as error:
            raise _failure(url, error, self.patience.stall) from error


def shown(url: str) -> str:
    """*url* for a message: without the password that it may hold."""
    return re.sub(r"(?<=://)[^/?#]*@", "", url)


def _redirected(url: str, target: str) -> str:
    """The absolute form of a redirect's target. A redirect may not take the encryption away."""
    try:
        target = urllib.parse.urljoin(url, target)
    except ValueError as error:
        raise NetworkFailed(f"`{shown(url)}` redirects to `{shown(target)}`: {error}") from error
    if not target.lower().startswith(_SCHEMES):
        raise NetworkFailed(f"`{shown(url)}` redirects to `{shown(target)}`, which is no web address")
    if url.lower().startswith("https:") and not target.lower().startswith("https:"):
        raise NetworkFailed(f"`{shown(url)}` redirects to `{shown(target)}`, which is not encrypted")
    return target


def _check_status(url: str, answer: requests.Response) -> None:
    status = answer.status_code
    if status in (requests.codes.ok, requests.codes.partial_content):
        return
    said = f"{status} {answer.reason or ''}".rstrip()
    if status in _MISSING:
        raise NotFound(f"`{shown(url)}` is not there: the server answered {said}")
    if status == requests.codes.requested_range_not_satisfiable:
        raise RangeRefused(f"`{shown(url)}` is shorter than expected: the server answered {said}")
    if status == requests.codes.unauthorized:
        raise refusal(shown(url), said)
    kind = Transient if status in _PASSING else NetworkFailed
    raise kind(f"`{shown(url)}` could not be fetched: the server answered {said}")


def _failure(url: str, error: Exception, stall: float) -> NetworkFailed:
    """Our error for one of requests or urllib3; another attempt does not mend a certificate."""
    if isinstance(error, (requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError)):
        return Transient(f"`{shown(url)}` sent nothing for {stall:g} seconds")
    if isinstance(error, (urllib3.exceptions.IncompleteRead, urllib3.exceptions.ProtocolError)):
        return Transient(f"`{shown(url)}` broke off: {_reason(error)}")
    if isinstance(error, requests.exceptions.SSLError):
        said = f"`{shown(url)}` could not be reached: {_reason(error)}"
        if getattr(_innermost(error), "verify_code", 0) not in _UNKNOWN_SIGNERS:
            return NetworkFailed(said)
        return untrusted(said, os.environ)
    return Transient.unreachable(shown(url), _reason(error))


def _reason(error: BaseException) -> str:
    """What the innermost error says: the outer ones are wrapping that repeats the URL."""
    error = _innermost(error)
    return str(getattr(error, "verify_message", "") or getattr(error, "strerror", "") or error)


def _innermost(error: BaseException) -> BaseException:
    while True:
        candidates = (getattr(error, "reason", None), getattr(error, "original_error", None), error.__cause__)
        inner = next((one for one in (*candidates, *error.args) if isinstance(one, BaseException)), None)
        if inner is None:
            return error
        error = inner

"""One artifact on its way from its mirrors into its partial file."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Protocol

import tenacity

from rocmswitch.errors import NetworkFailed, NotFound, RocmswitchError, VerificationFailed
from rocmswitch.fetch.http import Http, RangeRefused, Response, Transient, shown
from rocmswitch.fetch.partial import Origin, PartialFile
from rocmswitch.model.package import Artifact, Digest

MOST_ATTEMPTS = 100
"""With one mirror, however much each of them brings."""

_FRUITFUL = 16 * 1024
"""Bytes that an attempt must bring for the count of attempts to begin anew."""

_AGAIN = "run the same command again: it goes on where it stopped"


class Progress(Protocol):
    """Who wants to know how downloads go. Called from several threads; for one artifact, from one at a time."""

    def started(self, artifact: Artifact, already: int) -> None:
        """*already* bytes are there. Said again where a download has to start over."""

    def advanced(self, artifact: Artifact, count: int) -> None:
        """*count* more bytes are there."""

    def finished(self, artifact: Artifact) -> None:
        """It is whole, verified, and in the cache."""

    def said(self, text: str) -> None:
        """Something a person may want to know: a mirror that failed, another process that is waited for."""


class OtherHash(VerificationFailed):
    """What came is whole, and another file than the one that is wanted: `found` is its hash."""

    def __init__(self, url: str, found: str, wanted: Digest) -> None:
        super().__init__(
            f"`{shown(url)}` has the {wanted.algorithm} hash `{found}`, not `{wanted.value}` as it must have"
        )
        self.url = shown(url)
        self.found = found
        self.wanted = wanted


class OtherSize(VerificationFailed):
    """What there is has more or fewer bytes than are stated."""


class Stopped(Exception):
    """The download was called off; what has arrived stays in the partial file."""


class Stop:
    """Calls transfers off, from any thread: those that wait for a server wake up."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._answers: set[Response] = set()

    def now(self) -> None:
        with self._lock:
            self._event.set()
            for answer in self._answers:
                answer.stop()

    def sleep(self, seconds: float) -> None:
        self._event.wait(seconds)

    def check(self) -> None:
        """Raises Stopped."""
        if self._event.is_set():
            raise Stopped

    @contextlib.contextmanager
    def watching(self, answer: Response) -> Iterator[None]:
        """*answer* is ended when it is time to stop."""
        with self._lock:
            self._answers.add(answer)
        try:
            self.check()
            yield
        finally:
            with self._lock:
                self._answers.discard(answer)


class Transfer:
    """Fetches one artifact into its partial file."""

    def __init__(
        self, http: Http, artifact: Artifact, partial: PartialFile, progress: Progress, stop: Stop
    ) -> None:
        self._http = http
        self._artifact = artifact
        self._partial = partial
        self._progress = progress
        self._stop = stop
        self._most = 0
        self._fruitless = 0

    def run(self) -> None:
        """Leave the whole, verified artifact in the partial file, going on from the bytes that it has.

        Mirrors are tried in order. The error is the gravest of theirs: VerificationFailed, NetworkFailed, NotFound.
        Raises also Stopped, and OSError where the disk will not have it.
        """
        partial = self._partial
        if partial.count > self._artifact.size or (partial.count == self._artifact.size and not partial.is_right):
            partial.start_over()
        self._progress.started(self._artifact, partial.count)
        if not partial.is_right:
            self._try_mirrors()

    def _try_mirrors(self) -> None:
        failures: list[RocmswitchError] = []
        for url in self._artifact.urls:
            if failures:
                self._progress.said(f"{failures[-1].message}; trying the next mirror")
            try:
                self._fetch_from(url)
                return
            except (VerificationFailed, NetworkFailed, NotFound) as error:
                failures.append(error)
        raise _gravest(self._artifact, failures)

    def _fetch_from(self, url: str) -> None:
        """A wrong hash of bytes from several answers gives this mirror a second chance, from the first byte on."""
        for _ in range(2):
            self._receive(url)
            if self._partial.is_right:
                return
            wrong, pieces = self._partial.hash, self._partial.pieces
            self._start_over()
            if pieces == 1:
                break
        raise OtherHash(url, wrong, self._artifact.digest)

    def _receive(self, url: str) -> None:
        """As many bytes as the artifact has, in as many attempts as bring more."""
        self._most, self._fruitless = self._partial.count, 0
        self._http.patience.retrying(self._stop.sleep, self._is_hopeless)(self._receive_once, url)

    def _is_hopeless(self, state: tenacity.RetryCallState) -> bool:
        return self._fruitless >= self._http.patience.attempts or state.attempt_number >= MOST_ATTEMPTS

    def _receive_once(self, url: str) -> None:
        self._stop.check()
        self._fruitless += 1
        partial, origin = self._partial, self._partial.origin
        validator = origin.validator if origin.url == shown(url) else ""
        if partial.count and not partial.may_go_on(validator):
            self._start_over()
        try:
            with (
                self._http.stream(url, offset=partial.count, validator=validator) as answer,
                self._stop.watching(answer),
            ):
                self._append(url, answer)
        except RangeRefused:
            self._start_over()
            raise
        except Transient:
            self._stop.check()
            raise
        if partial.count < self._artifact.size:
            self._stop.check()
            raise Transient(f"`{shown(url)}` ended after {partial.count} of {self._artifact.size} bytes")

    def _append(self, url: str, answer: Response) -> None:
        partial, size = self._partial, self._artifact.size
        if answer.total not in (None, size):
            raise _wrong_size(url, f"has {answer.total} bytes", size)
        if answer.offset == 0 and partial.count:
            self._start_over()
        if answer.offset != partial.count:
            raise NetworkFailed(f"`{shown(url)}` answered with another part of the file than was asked for")
        partial.begin_piece(Origin(shown(url), answer.validator))
        for chunk in answer.chunks():
            self._stop.check()
            if partial.count + len(chunk) > size:
                self._start_over()
                raise _wrong_size(url, "goes on", size)
            partial.append(chunk)
            self._progress.advanced(self._artifact, len(chunk))
            if partial.count >= self._most + _FRUITFUL:
                self._most, self._fruitless = partial.count, 0

    def _start_over(self) -> None:
        self._partial.start_over()
        self._progress.started(self._artifact, 0)


def _wrong_size(url: str, found: str, size: int) -> OtherSize:
    return OtherSize(
        f"`{shown(url)}` {found} where its index says {size} bytes: the server seems to be between two states",
        hint="try again later with the same command: servers are like this while a release is copied to them",
    )


def _gravest(artifact: Artifact, failures: list[RocmswitchError]) -> RocmswitchError:
    for kind in (VerificationFailed, NetworkFailed, NotFound):
        for failure in failures:
            if isinstance(failure, kind):
                failure.hint = failure.hint or (_AGAIN if kind is NetworkFailed else None)
                return failure
    return NotFound(f"nothing says where `{artifact.filename}` can be fetched")

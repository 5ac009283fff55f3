"""Several artifacts at a time into the cache."""

from __future__ import annotations

import contextlib
import functools
import math
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from rocmswitch.errors import Busy, VerificationFailed
from rocmswitch.fetch.http import Http, shown
from rocmswitch.fetch.partial import PartialFile
from rocmswitch.fetch.rpmsignature import verify_package
from rocmswitch.fetch.running import Running
from rocmswitch.fetch.transfer import Progress, Stop, Transfer
from rocmswitch.model.package import FIRST_USE, Artifact, Digest, Unhashed, address_as_digest
from rocmswitch.store.cache import Cache, hash_of
from rocmswitch.store.firstuse import FirstUse
from rocmswitch.system.disk import disk_errors

__all__ = ["Downloads", "Progress", "Silent"]

_LOCK_WAIT = 0.2
"""Seconds between two looks at whether it is time to stop, while another process downloads the same file."""


class Silent:
    """Progress that nobody looks at."""

    def started(self, artifact: Artifact, already: int) -> None: ...

    def advanced(self, artifact: Artifact, count: int) -> None: ...

    def finished(self, artifact: Artifact) -> None: ...

    def said(self, text: str) -> None: ...


class Downloads:
    """Fetches into *cache*, *jobs* files at a time; 0 jobs work in the caller's thread, one by one.

    Three share a slow line so that the biggest file is not the last to arrive, and still fill a fast one.
    """

    def __init__(self, http: Http, cache: Cache, *, jobs: int = 3, wait: float = math.inf) -> None:
        """*wait* is for how many seconds another process may keep a file that is wanted here, too."""
        self._http = http
        self._cache = cache
        self._jobs = jobs
        self._wait = wait
        self._ahead: Running | None = None

    def fetch(
        self, artifacts: Iterable[Artifact], progress: Progress
    ) -> Generator[tuple[Artifact, Path], None, None]:
        """Each artifact and its place in the cache, as they become ready: the cached first, then the biggest,
        so that at the end of a slow line only little is left to unpack.

        Every path that comes out was hashed in this run, cached or not. The first error is raised, which calls
        the others off, as do Ctrl-C and closing the iterator; their partial files stay for the next run.
        Raises VerificationFailed, NetworkFailed, NotFound, MachineLacks, and Busy where another process has one of
        them on its way for longer than this one waits.
        """
        wanted = self._in_order(artifacts)
        if self._jobs:
            running = self._ahead or Running(self._fetch_one, self._jobs)
            self._ahead = None
            try:
                yield from running.collect(wanted, progress)
            finally:
                running.end()
        else:
            stop = Stop()
            yield from ((one, self._fetch_one(one, progress, stop)) for one in wanted)
        self._cache.settle()

    def learn(
        self, wanted: Iterable[Unhashed], seen: FirstUse, progress: Progress
    ) -> Generator[Artifact, None, None]:
        """Each of *wanted* in the cache, with the hash that it turned out to have; *seen* requires it from now on.

        Resumed only where the server says that the file is the same. Raises as `fetch`.
        """
        named = [_provisional(one) for one in wanted]
        fetch_one = functools.partial(self._learn_one, seen)
        running = Running(fetch_one, max(self._jobs, 1))
        try:
            for artifact, path in running.collect(named, progress):
                yield replace(artifact, digest=Digest.sha256(path.name))
        finally:
            running.end()
        self._cache.settle()

    @contextlib.contextmanager
    def ahead(self, artifacts: Iterable[Artifact]) -> Iterator[None]:
        """Begin with what will probably be wanted; the first `fetch` in the block says what is, and goes on."""
        if self._jobs:
            self._ahead = Running(self._fetch_one, self._jobs)
            self._ahead.give(self._in_order(artifacts))
        try:
            yield
        finally:
            if self._ahead is not None:
                self._ahead.end()
                self._ahead = None

    def _in_order(self, artifacts: Iterable[Artifact]) -> list[Artifact]:
        return sorted(artifacts, key=lambda one: (self._cache.find(one.digest, one.size) is None, -one.size))

    def _fetch_one(self, artifact: Artifact, progress: Progress, stop: Stop) -> Path:
        stop.check()
        cache, digest = self._cache, artifact.digest
        with disk_errors(cache.partial), contextlib.ExitStack() as stack:
            if artifact.verification == FIRST_USE:
                self._finish_learning(artifact, progress, stop)
            path = cache.verify(digest, artifact.size)
            if path is None:
                stack.enter_context(self._alone(artifact, progress, stop))
                path = cache.verify(digest, artifact.size)  # another process may have fetched it meanwhile
            if path is None and artifact.urls[0].startswith("file:"):
                path = cache.add_locked(Path(unquote(urlsplit(artifact.urls[0]).path)), digest)
            elif path is None:
                self._transfer(artifact, progress, stop)
                path = cache.adopt(digest)
            else:
                progress.started(artifact, artifact.size)
        if artifact.signers:
            verify_package(path, artifact)
        progress.finished(artifact)
        return path

    def _learn_one(self, seen: FirstUse, artifact: Artifact, progress: Progress, stop: Stop) -> Path:
        """As `_fetch_one`, of a file whose digest is only its name until it is here."""
        cache, name, url = self._cache, artifact.digest, artifact.urls[0]
        with disk_errors(cache.partial), self._alone(artifact, progress, stop):
            known = seen.known(url)  # another process may have learned it meanwhile
            path = cache.verify(known, artifact.size) if known else None
            if path is None:
                with PartialFile.opened(cache, name, size=artifact.size) as partial:
                    Transfer(self._http, artifact, partial, progress, stop).run()
                    learned = Digest.sha256(partial.hash)
                    self._check_stated(url, learned, partial)
                seen.saw(url, learned)
                path = cache.adopt(name, learned=learned)
        progress.finished(artifact)
        return path

    def _check_stated(self, url: str, learned: Digest, partial: PartialFile) -> None:
        """What a damaged bundle brings must not become what the file is from now on. Raises VerificationFailed."""
        stated = self._http.stated(url)
        if stated not in ("", learned.value):
            partial.start_over()
            raise VerificationFailed(
                f"`{shown(url)}` has the hash `{learned.value}`, not `{stated}` as who has it says: it is damaged"
            )

    def _finish_learning(self, artifact: Artifact, progress: Progress, stop: Stop) -> None:
        """Take what a run has learned that was killed before it could give the file its name."""
        cache, name = self._cache, address_as_digest(artifact.urls[0])
        partial = cache.partial_path(name)
        if not (partial.exists() or cache.origin_path(name).exists()):
            return
        with self._alone(replace(artifact, digest=name), progress, stop):
            missing = cache.find(artifact.digest, artifact.size) is None
            if (
                missing
                and partial.exists()
                and hash_of(partial, artifact.digest.algorithm) == artifact.digest.value
            ):
                cache.adopt(name, learned=artifact.digest)
            else:
                cache.abandon(name)

    def _transfer(self, artifact: Artifact, progress: Progress, stop: Stop) -> None:
        try:
            with PartialFile.opened(self._cache, artifact.digest) as partial:
                Transfer(self._http, artifact, partial, progress, stop).run()
        except VerificationFailed:
            if not partial.count:
                self._cache.abandon(artifact.digest)
            raise

    @contextlib.contextmanager
    def _alone(self, artifact: Artifact, progress: Progress, stop: Stop) -> Iterator[None]:
        """Hold the lock of the artifact's partial file. Raises Busy where another process keeps it for too long."""
        end, told, name = time.monotonic() + self._wait, False, artifact.filename.rpartition("/")[2]
        with contextlib.ExitStack() as stack:
            while True:
                stop.check()
                left = max(end - time.monotonic(), 0.0)
                try:
                    stack.enter_context(self._cache.locked(artifact.digest, min(left, _LOCK_WAIT), name))
                    break
                except Busy as error:
                    if left < _LOCK_WAIT:
                        raise
                    if not told:
                        progress.said(f"{error.message}: waiting")
                    told = True
            yield


def _provisional(wheel: Unhashed) -> Artifact:
    """With the hash of its address in the place of its own."""
    name = address_as_digest(wheel.url)
    return Artifact(wheel.name, wheel.version, wheel.filename, (wheel.url,), wheel.size, name, FIRST_USE)

"""Threads that fetch, which are given work as it becomes known."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from rocmswitch.fetch.transfer import Progress, Stop, Stopped
from rocmswitch.model.package import Artifact, Digest

_FAREWELL = 0.5
"""Seconds that threads have to end when they are told to; one that still waits for a name server is left behind."""

_Outcome = tuple[Artifact, Path | BaseException]


class Running:
    """Fetches with *jobs* threads by *fetch_one*. Threads of our own: those of concurrent.futures would hold up
    the end of the program.
    """

    def __init__(self, fetch_one: Callable[[Artifact, Progress, Stop], Path], jobs: int) -> None:
        self._fetch_one = fetch_one
        self._jobs = jobs
        self._stop = Stop()
        self._todo = queue.SimpleQueue[Artifact | None]()
        self._done = queue.SimpleQueue[_Outcome]()
        self._threads: list[threading.Thread] = []
        self._given: set[Digest] = set()
        self._unwanted: set[Digest] = set()
        self._busy: set[Digest] = set()
        self._relay = _Relay()

    def give(self, artifacts: Iterable[Artifact]) -> None:
        """Fetch *artifacts* too, in this order; those that were given before are under way already."""
        for artifact in artifacts:
            if artifact.digest not in self._given:
                self._given.add(artifact.digest)
                self._todo.put(artifact)
        while len(self._threads) < min(self._jobs, len(self._given)):
            thread = threading.Thread(target=self._work, daemon=True)
            self._threads.append(thread)
            thread.start()

    def collect(self, wanted: Sequence[Artifact], progress: Progress) -> Iterator[tuple[Artifact, Path]]:
        """Each of *wanted* as it is ready; what was given and is not wanted is left out. Raises the first error."""
        self._relay.connect(progress)
        asked: dict[Digest, list[Artifact]] = {}
        for artifact in wanted:
            asked.setdefault(artifact.digest, []).append(artifact)
        self._unwanted = self._given - asked.keys()
        # Threads that are busy with what nobody wants any more may wait for a slow server: others take their place.
        self._jobs += len(self._unwanted & set(self._busy))
        self.give(wanted)
        while asked:
            fetched, outcome = self._done.get()
            if fetched.digest not in asked:
                continue
            if isinstance(outcome, Path):
                yield from ((one, outcome) for one in asked.pop(fetched.digest))
            elif fetched in asked[fetched.digest] or isinstance(outcome, Stopped):
                raise outcome
            else:  # it was given with other addresses before it was wanted: those wanted have their turn
                self._todo.put(asked[fetched.digest][0])

    def end(self) -> None:
        """Call off what is under way; partial files stay."""
        self._stop.now()
        for _ in self._threads:
            self._todo.put(None)
        deadline = time.monotonic() + _FAREWELL
        for thread in self._threads:
            if thread.is_alive():  # Ctrl-C may have come before all of them were started
                thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self) -> None:
        while (artifact := self._todo.get()) is not None:
            self._busy.add(artifact.digest)
            if artifact.digest in self._unwanted:
                continue
            try:
                self._done.put((artifact, self._fetch_one(artifact, self._relay, self._stop)))
            except BaseException as error:  # noqa: BLE001  # whatever it is, the waiting thread raises it
                self._done.put((artifact, error))
            self._busy.discard(artifact.digest)


class _Relay:
    """Progress that somebody may begin to look at later: then all that has happened is told at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._target: Progress | None = None
        self._counts: dict[Artifact, int] = {}
        self._finished: list[Artifact] = []

    def connect(self, target: Progress) -> None:
        with self._lock:
            for artifact, count in self._counts.items():
                target.started(artifact, count)
            for artifact in self._finished:
                target.finished(artifact)
            self._target = target

    def started(self, artifact: Artifact, already: int) -> None:
        with self._lock:
            if self._target is None:
                self._counts[artifact] = already
                return
        self._target.started(artifact, already)

    def advanced(self, artifact: Artifact, count: int) -> None:
        with self._lock:
            if self._target is None:
                self._counts[artifact] += count
                return
        self._target.advanced(artifact, count)

    def finished(self, artifact: Artifact) -> None:
        with self._lock:
            if self._target is None:
                self._finished.append(artifact)
                return
        self._target.finished(artifact)

    def said(self, text: str) -> None:
        if self._target is not None:
            self._target.said(text)

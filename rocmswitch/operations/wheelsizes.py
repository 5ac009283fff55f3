"""How many bytes wheels take unpacked: read where it is cheap, estimated where it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from rocmswitch.errors import RocmswitchError
from rocmswitch.fetch.contents import read_contents
from rocmswitch.fetch.http import Http
from rocmswitch.fetch.wheels import is_local
from rocmswitch.metadata.wheelindex import IndexedFile
from rocmswitch.model.package import Artifact, Unhashed
from rocmswitch.planning.wheelfiles import is_source
from rocmswitch.planning.wheels import estimated_size
from rocmswitch.store.cache import Cache

_LARGE = 8 * 1024 * 1024
"""Bytes of a wheel from which on its server is asked: an environment has one or two of them besides torch's."""
_AT_ONCE = 4
"""Wheels that are read at a time."""


@dataclass(frozen=True)
class Scale:
    """What tells of wheels how much is in them."""

    http: Http
    cache: Cache
    authorized: Callable[[str], str]
    """The address with the password that its server wants."""

    def unpacked(self, wheels: Iterable[Artifact | Unhashed]) -> int:
        """Bytes on disk of *wheels*, by their tables of contents. Estimated for what is small and not here, and
        where nobody tells: whether it can be fetched at all is found when it is."""
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            return sum(threads.map(self._of, wheels))

    def _of(self, wheel: Artifact | Unhashed) -> int:
        cached = self.cache.find(wheel.digest, wheel.size) if isinstance(wheel, Artifact) else None
        url = wheel.urls[0] if isinstance(wheel, Artifact) else wheel.url
        estimate = estimated_size([wheel.size])
        if is_source(wheel.filename) or (cached is None and (wheel.size < _LARGE or is_local(url))):
            return estimate
        file = IndexedFile(wheel.filename, self.authorized(url), None, wheel.size)
        try:
            return read_contents(self.http, file, cached).unpacked or estimate
        except RocmswitchError:
            return estimate

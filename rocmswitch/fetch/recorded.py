"""Http that remembers what it was told, for a bundle; and Http that says it again, from the bundle alone.

Both are used where Http is, so that planning, verifying and fetching are the same code with a network and without.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator, Mapping

from rocmswitch.errors import NotFound, VerificationFailed
from rocmswitch.fetch.http import Http, Patience, Response, shown
from rocmswitch.metadata.bundle import BundledFile
from rocmswitch.store.bundle import BundleFile

_OK, _PART = 200, 206


class Recording(Http):
    """Asks *http*, and keeps each whole answer by its URL, without the password that the URL may hold."""

    def __init__(self, http: Http) -> None:
        self.patience = http.patience
        self._http = http
        self._answers: dict[str, bytes] = {}
        self.noted: dict[str, str] = {}
        """What `Provision.plain` is for."""

    @property
    def answers(self) -> Mapping[str, bytes]:
        return self._answers

    @property
    def plain(self) -> Mapping[str, str]:
        """By the address of each list of packages that came packed, that of its plain form; without passwords."""
        return {shown(url): shown(plain) for url, plain in self.noted.items()}

    def read(self, url: str, *, limit: int, accept: str = "*/*") -> bytes:
        content = self._http.read(url, limit=limit, accept=accept)
        self._answers[shown(url)] = content
        return content

    def length(self, url: str) -> int | None:
        return self._http.length(url)

    @contextlib.contextmanager
    def stream(self, url: str, *, offset: int = 0, validator: str = "", accept: str = "*/*") -> Iterator[Response]:
        with self._http.stream(url, offset=offset, validator=validator, accept=accept) as response:
            yield response


class Bundled(Http):
    """Answers from *file* and asks nobody: what is not in there is not there. Raises NotFound."""

    def __init__(self, file: BundleFile) -> None:
        self.patience = Patience(attempts=1)
        self._file = file

    def read(self, url: str, *, limit: int, accept: str = "*/*") -> bytes:
        member = self._member(url)
        if member.size > limit:
            raise VerificationFailed(f"`{shown(url)}` is larger than the {limit} bytes it may have")
        return self._file.read(member, limit)

    def length(self, url: str) -> int | None:
        return self._member(url).size

    def stated(self, url: str) -> str:
        return self._member(url).sha256

    def unpacked(self, url: str) -> Iterator[bytes] | None:
        member = self._file.at(shown(url))
        return self._file.unpacked(member) if member and member.packed else None

    @contextlib.contextmanager
    def stream(self, url: str, *, offset: int = 0, validator: str = "", accept: str = "*/*") -> Iterator[Response]:
        member = self._member(url)
        goes_on = 0 < offset < member.size and validator in ("", _tag(member))
        yield _Piece(url, self._file, member, offset if goes_on else 0)

    def _member(self, url: str) -> BundledFile:
        member = self._file.at(shown(url))
        if member is None or member.packed:
            host, path = self._file.bundle.host, self._file.path
            raise NotFound(
                f"`{shown(url)}` is not in the bundle `{path}`, which was made for `{host.codename}` on "
                f"`{host.architecture}`",
                hint=f"run `rocmswitch bundle show {shlex.quote(str(path))}`",
            )
        return member


class _Piece(Response):
    """A member from *offset* on."""

    def __init__(self, url: str, file: BundleFile, member: BundledFile, offset: int) -> None:
        self.url = url
        self.status = _PART if offset else _OK
        self.headers = {"etag": _tag(member)}
        self.offset, self.total = offset, member.size
        self._member = member
        self._file = file
        self._stopped = False

    def chunks(self) -> Iterator[bytes]:
        for piece in self._file.pieces(self._member, self.offset):
            if self._stopped:
                return
            yield piece

    def stop(self) -> None:
        self._stopped = True


def _tag(member: BundledFile) -> str:
    return f'"{member.sha256}"'

"""Which keys a file holds, and where repositories keep such files. Nothing here is trusted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rocmswitch.errors import NetworkFailed, NotFound, VerificationFailed
from rocmswitch.fetch.keyring import MAX_KEY, Reader
from rocmswitch.fetch.signed import first_line

if TYPE_CHECKING:
    from pysequoia import Cert

_NAMES = ("rocm.gpg.key", "gpg/rocm.gpg", "gpg/packages.gpg", "repodata/repomd.xml.key")
"""Where AMD's repositories have them, and createrepo's."""


def fingerprints_in(material: bytes) -> tuple[str, ...]:
    """Those of the primary keys in a key file. Raises VerificationFailed where it is none."""
    return tuple(one.fingerprint.upper() for one in _certificates(material))


def all_fingerprints_in(material: bytes) -> frozenset[str]:
    """Those of subkeys too, whoever claims them. Raises as `fingerprints_in`."""
    from pysequoia.packet import PacketPile

    packets = (packet for one in _certificates(material) for packet in PacketPile.from_bytes(bytes(one)))
    return frozenset(str(one.fingerprint).upper() for one in packets if one.fingerprint)


def _certificates(material: bytes) -> list[Cert]:
    # 60 ms that only whoever writes a manifest needs, or has an index that is not signed.
    from pysequoia import Cert

    try:
        found = list(Cert.split_bytes(material))
    except RuntimeError as error:
        raise VerificationFailed(f"the key file cannot be read: {first_line(error)}") from error
    if not found:
        raise VerificationFailed("the key file holds no key")
    return found


def find_key_file(url: str, http: Reader) -> tuple[str, bytes] | None:
    """The first key file in the repository at *url* or in a folder above it: its URL, and what it holds."""
    for candidate in _candidates(url):
        try:
            content = http.read(candidate, limit=MAX_KEY)
            fingerprints_in(content)
        except (NotFound, NetworkFailed, VerificationFailed):
            # Servers answer what is not there in many ways: Debian's with 400 outside of its folders.
            continue
        return candidate, content
    return None


def _candidates(url: str) -> Iterator[str]:
    parts = urlsplit(url)
    folders = [one for one in parts.path.split("/") if one]
    for end in range(len(folders), -1, -1):
        base = "/".join([f"{parts.scheme}://{parts.netloc}", *folders[:end]])
        yield from (f"{base}/{name}" for name in _NAMES)

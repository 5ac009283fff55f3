"""Where this user's Python packages come from."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class PackageIndexes:
    """Package indexes and folders of wheels, as this user's pip and uv are configured with them.

    Addresses have no slash at their end; they may hold a password, which is for their server alone.
    """

    index: str
    extra: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    """Folders, and pages with links."""
    index_is_off: bool = False
    """pip's `no-index`: the folders alone."""
    trusted_hosts: tuple[str, ...] = ()
    """Hosts that need no certificate that holds."""
    certificates: str = ""
    """A bundle of certificates to trust besides the machine's own."""
    uv_config: str = ""
    """The user's or the machine's uv.toml, which uv reads itself."""

    @property
    def all(self) -> tuple[str, ...]:
        """The indexes, the one that is asked first first."""
        return () if self.index_is_off else (self.index, *self.extra)

    def authorized(self, url: str) -> str:
        """*url* with the password of the index that its server is known by, where that has one."""
        parts = urlsplit(url)
        for place in (self.index, *self.extra, *self.find_links):
            known = urlsplit(place)
            owner, at, server = known.netloc.rpartition("@")
            if at and server == parts.netloc and known.scheme == parts.scheme:
                return parts._replace(netloc=f"{owner}@{server}").geturl()
        return url

"""Wheels that are no longer what they were at their first use."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from rocmswitch.fetch.http import shown
from rocmswitch.fetch.transfer import OtherHash
from rocmswitch.model.package import FIRST_USE, Artifact, Digest
from rocmswitch.operations.matching import Supply
from rocmswitch.store.firstuse import Replaced


@contextlib.contextmanager
def told(wheels: Iterable[Artifact], supply: Supply) -> Iterator[None]:
    """Where one of *wheels* comes with another hash than its first use has shown, say that. Raises Replaced.

    What a bundle brings, and what was accepted already, is damaged: that error stays as it is.
    """
    try:
        yield
    except OtherHash as error:
        urls = {shown(url) for one in wheels if one.verification == FIRST_USE for url in one.urls}
        found = Digest.sha256(error.found) if error.wanted.algorithm == "sha256" else None
        if supply.bundled or error.url not in urls or found is None or found in supply.first_use.accepted:
            raise
        if supply.first_use.known(error.url) != error.wanted:
            raise
        raise Replaced(error.url, error.wanted, found) from error

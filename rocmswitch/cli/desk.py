"""What `manifest new` reads repositories with."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rocmswitch.cli import machine
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.progress import progress
from rocmswitch.fetch.download import Downloads
from rocmswitch.fetch.http import Http
from rocmswitch.host.facts import read_host
from rocmswitch.model.package import Artifact
from rocmswitch.operations.manifest import Desk
from rocmswitch.store.layout import Layout


@contextlib.contextmanager
def desk(scopes: Scopes) -> Iterator[Desk]:
    """The scope's own cache for what is trusted, and one beside that is gone afterwards for what is not."""
    with machine.scratch(scopes.own) as folder:
        known = machine.repositories(scopes.own)
        aside = replace(known, layout=Layout.under(folder))
        yield Desk(
            http=known.http,
            open=known.open,
            open_aside=aside.open,
            host=read_host(),
            catalog=machine.catalog(scopes),
            now=known.now,
            disk=known.disk,
            fetch=lambda artifact: _fetch(artifact, scopes),
        )


def _fetch(artifact: Artifact, scopes: Scopes) -> Path:
    """*artifact* in the cache, where an installation finds it again."""
    downloads = Downloads(Http(), machine.cache(scopes.own), wait=scopes.wait(math.inf))
    with progress(artifact.size) as shown:
        return next(path for _, path in downloads.fetch((artifact,), shown))

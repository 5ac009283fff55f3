"""What wheels were at their first use: recorded, and told where they are something else now."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from rocmswitch.fetch.http import shown
from rocmswitch.fetch.transfer import OtherHash
from rocmswitch.metadata.wheelindex import project_page
from rocmswitch.model.package import FIRST_USE, Artifact, Digest
from rocmswitch.planning.wheelfiles import project_of
from rocmswitch.planning.wheels import VenvPlan
from rocmswitch.store.firstuse import FirstUse, Replaced


def record(plan: VenvPlan, wheels: Iterable[Artifact], seen: FirstUse) -> None:
    """Require of those of *wheels* that nobody pins, and that *plan* has, what they are now.

    By their addresses; of torch and its companions also by their names at their index, which may list them at
    another address one day. Raises VerificationFailed.
    """
    exact = {pin.partition("==")[0] for pin in plan.pins if "==" in pin}
    for one in (one for one in wheels if one.verification == FIRST_USE):
        seen.saw(one.urls[0], one.digest)
        if one.name in exact and not plan.torch.endswith("+cpu"):
            seen.saw(listed(plan.index, one.filename), one.digest)


def listed(index: str, filename: str) -> str:
    """The address of *filename* at *index* by its name alone."""
    return f"{project_page(index, project_of(filename)[0])}{filename}"


@contextlib.contextmanager
def told(wheels: Iterable[Artifact], seen: FirstUse, *, bundled: bool) -> Iterator[None]:
    """Where one of *wheels* comes with another hash than its first use has shown, say that. Raises Replaced.

    What is *bundled*, and what was accepted already, is damaged: that error stays as it is.
    """
    try:
        yield
    except OtherHash as error:
        urls = {shown(url) for one in wheels if one.verification == FIRST_USE for url in one.urls}
        found = Digest.sha256(error.found) if error.wanted.algorithm == "sha256" else None
        if bundled or error.url not in urls or found is None or found in seen.accepted:
            raise
        if seen.known(error.url) != error.wanted:
            raise
        raise Replaced(error.url, error.wanted, found) from error

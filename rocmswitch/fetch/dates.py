"""When an index was made: not in the future, and not before one that was seen already."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from rocmswitch.errors import VerificationFailed
from rocmswitch.fetch.indexstore import IndexStore
from rocmswitch.fetch.place import Place
from rocmswitch.fetch.provision import Provision

CLOCK_TOLERANCE = timedelta(days=1)
"""How far in the future a date may lie: clocks differ."""


@dataclass(frozen=True)
class Dates:
    """Checks dates against the present, and against the newest seen."""

    store: IndexStore
    now: datetime
    allow_expired: bool
    provision: Provision

    def check(self, place: Place, date: datetime) -> None:
        """Raises VerificationFailed where an index of *date* is of the future, or older than one that was seen."""
        if date > self.now + CLOCK_TOLERANCE:
            raise VerificationFailed(
                f"the index `{place.name}` is of {shown(date)}, but it is {shown(self.now)} now: "
                "it or this machine's clock is wrong"
            )
        seen = self.store.seen(place.url, place.suite)
        if seen and date < seen:
            self._check_older(place, date, seen)

    def _check_older(self, place: Place, date: datetime, seen: datetime) -> None:
        """Refuse to go back, which only a bundle may, and only if the user says so."""
        what = f"the index `{place.name}` is of {shown(date)}, but one of {shown(seen)} was seen before"
        if self.provision.made is None:
            raise VerificationFailed(f"{what}: the mirror is behind, or somebody serves an old state")
        if not self.allow_expired:
            raise VerificationFailed(
                f"{what}: the bundle is older than what this machine knows",
                hint="if that is meant, run the same command with `--allow-expired`",
            )


def shown(when: datetime) -> str:
    """For messages."""
    return when.strftime("%Y-%m-%d %H:%M UTC")

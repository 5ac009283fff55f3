"""What `recommend` says of one stack for one card on one machine, and what it was judged by."""

from __future__ import annotations

from dataclasses import dataclass

OFFICIAL, CONFIRMED, COMMUNITY, REPORTED = "official", "confirmed", "community", "reported"
PARTIAL, UNVERIFIED, UNKNOWN, NONE = "partial", "unverified", "unknown", "none"
SURENESS = (OFFICIAL, CONFIRMED, COMMUNITY, REPORTED, PARTIAL, UNVERIFIED, UNKNOWN, NONE)
"""How well it is known that a stack works on a card, the best first. `confirmed`: by the probe on this machine;
`unverified`: the manifest says so, and says too that nobody has read it in a source."""

RUNS, TOOLS, MAY_RUN, FAILS, BLOCKED = "runs", "tools", "may-run", "fails", "blocked"
STANDINGS = (RUNS, TOOLS, MAY_RUN, FAILS, BLOCKED)
"""PyTorch runs; there is ROCm and no PyTorch; nobody knows; PyTorch does not run; this machine lacks something."""


@dataclass(frozen=True)
class Machine:
    """What decides which stacks come into question. What is not known is empty."""

    target: str
    """The card that is meant: `gfx1010`."""
    named: bool = False
    """The command line says which card; `use` would not find out by itself."""
    name: str = ""
    """The card's, for people."""
    integrated: bool = False
    """It is part of a processor."""
    others: tuple[str, ...] = ()
    """Targets of the machine's other cards, those that are part of a processor last."""
    ahead: str = ""
    """The target of a processor's part that programs are given before the card."""
    idle: bool = False
    """The card is there, and its driver offers no GPU to programs."""
    architecture: str = ""
    """Debian's name of it."""
    codename: str = ""
    glibc: str = ""
    glibc_file: str = ""
    """Where that was read."""
    kernel: str = ""
    python: str = ""
    """The tag of the Python that was asked for: `cp312`."""
    wanted: str = ""
    """How it was asked for: `3.12`, or a path."""
    present: frozenset[str] = frozenset()
    """Tags of the Pythons that it has."""
    fetchable: frozenset[str] = frozenset()
    """Tags of those that could be fetched."""

    @property
    def pythons(self) -> frozenset[str]:
        """Those that an environment may get."""
        return frozenset({self.python}) if self.python else self.present | self.fetchable


@dataclass(frozen=True)
class Limit:
    """Something that a stack needs and the machine does not have."""

    what: str
    """`glibc`, `python`, `architecture`, `card`, `suite`."""
    needs: str
    has: str
    source: str
    """Where the need is written, and where the machine's value was read."""

    def __str__(self) -> str:
        return f"needs {self.needs}, and {self.has} ({self.source})"


@dataclass(frozen=True)
class Failure:
    """Something that hangs, crashes or computes wrong numbers on the card."""

    word: str
    """`conv2d`, `float16`."""
    asked: bool
    """The purpose suffers from it."""
    seen: str = ""
    """What the probe saw on this machine; empty where only the manifest tells of it."""
    way_round: str = ""


@dataclass(frozen=True)
class Recommendation:
    """One stack, judged. `recommend` orders these."""

    stack: str
    rocm: str
    standing: str
    sureness: str
    torch: str = ""
    """The build that fits; empty where there is none."""
    pythons: tuple[str, ...] = ()
    """Versions of Python that it may have here: `3.10`."""
    command: tuple[str, ...] = ()
    """The words after `rocmswitch`; none where it does not work."""
    reasons: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    evidence: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()
    notes: tuple[str, ...] = ()
    """What it takes, and what to know before."""
    probed: str = ""
    """When the probe looked last, UTC; empty where it did not."""

    @property
    def asked_failures(self) -> tuple[Failure, ...]:
        return tuple(one for one in self.failures if one.asked)


@dataclass(frozen=True)
class Way:
    """Another way to compute than this card with a stack of ours."""

    kind: str
    """`cpu`, `card`, `cloud`, `build`."""
    text: str
    """What it is and what it takes, for people."""
    command: tuple[str, ...] = ()

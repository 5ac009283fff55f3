"""What the probe found: which operations work in one environment on one machine, and how they fail."""

from __future__ import annotations

from dataclasses import dataclass

OK, WRONG, HANG, CRASH, ERROR, SKIPPED = "ok", "wrong", "hang", "crash", "error", "skipped"
RESULTS = (OK, WRONG, HANG, CRASH, ERROR, SKIPPED)
"""What an operation may come to. A skipped one says why in its `detail`: this torch says that it has none."""
BAD = (WRONG, HANG, CRASH, ERROR)


@dataclass(frozen=True)
class Operation:
    """One thing that is tried, alone in a process of its own."""

    name: str
    """Unique: `conv2d-16-32-44x44-float32`."""
    group: str
    """The row of the matrix, and the word that a manifest's `known_bad` uses for it: `conv2d`, `matmul`, `lstm`."""
    dtype: str
    """`float32`, `float16`, `bfloat16`, `float64`, `int64`."""
    shape: str = ""
    """What distinguishes it from the others of its group, for people: `16 → 32 channels at 44×44`."""
    backward: bool = False
    """Its gradients are computed and compared as well."""


@dataclass(frozen=True)
class Outcome:
    """What one operation came to."""

    operation: Operation
    result: str
    """One of RESULTS."""
    seconds: float = 0.0
    """Of one repetition once it is warm, by the device's own clock where it has one; 0 where it did not end."""
    difference: float | None = None
    """The largest error, relative to the largest value of the reference, which a processor computed in float64."""
    detail: str = ""
    """Why it is not `ok`, in one line: a signal, the first line of an error, the deadline."""
    spread: float = 0.0
    """Seconds by which repetitions differ, without the tenth at either end; 0 where it was not repeated."""


@dataclass(frozen=True)
class Surroundings:
    """Where the operations ran. What is not known is empty."""

    target: str
    """The card, as the kernel's driver knows it: `gfx1010`; empty where none was used."""
    card: str
    """Its name for people."""
    device: str
    """`cuda`, which ROCm is called too, or `cpu`."""
    device_name: str
    """What torch calls it."""
    torch: str
    hip: str
    """`torch.version.hip`."""
    cuda: str
    """`torch.version.cuda`; where it is not empty a card of another vendor stands in for AMD's."""
    python: str
    stack: str
    """Of the environment; empty for one that rocmswitch did not make."""
    venv: str
    """Its name, or its path."""
    kernel: str
    glibc: str
    driver: str
    """The version of amdgpu, where it states one."""
    convolutions: str
    """`fallback` where the replacement for MIOpen's convolutions was active, else `vendor`."""
    environment: tuple[tuple[str, str], ...] = ()
    """The variables that change what ROCm does: `HSA_OVERRIDE_GFX_VERSION`."""

    @property
    def is_substitute(self) -> bool:
        """Whether this says nothing of an AMD card: another vendor's, or a processor."""
        return bool(self.cuda) or self.device == "cpu"

    @property
    def substitute(self) -> str:
        """What stood in for an AMD card, as a sentence; empty where nothing did."""
        if self.device == "cpu":
            return "this ran on a processor, as a substitute: it says nothing of any card"
        named = self.device_name or "a card of another vendor"
        return f"this ran on {named} by CUDA, as a substitute: it says nothing of an AMD card" if self.cuda else ""


@dataclass(frozen=True)
class Report:
    """One run of the probe."""

    created: str
    """UTC, ISO 8601 with seconds."""
    rocmswitch: str
    """The version that made it."""
    deadline: float
    """Seconds that each operation had."""
    surroundings: Surroundings
    outcomes: tuple[Outcome, ...]
    planned: int = 0
    """How many operations were to be tried; 0 is as many as there are outcomes."""

    @property
    def is_partial(self) -> bool:
        """Whether it was stopped before its end: it shows what failed, and confirms nothing."""
        return len(self.outcomes) < self.planned

    def of_group(self, group: str) -> tuple[Outcome, ...]:
        return tuple(one for one in self.outcomes if one.operation.group == group)

    @property
    def groups(self) -> tuple[str, ...]:
        """In the order in which they were tried."""
        return tuple(dict.fromkeys(one.operation.group for one in self.outcomes))

    @property
    def failing(self) -> tuple[Outcome, ...]:
        return tuple(one for one in self.outcomes if one.result in BAD)

    @property
    def stuck_since(self) -> Operation | None:
        """The first of three hangs in a row on a card: what hangs after it may do so because the card is stuck."""
        tried = [one for one in self.outcomes if one.result != SKIPPED]
        for row in zip(tried, tried[1:], tried[2:], strict=False):
            if self.surroundings.device != "cpu" and all(one.result == HANG for one in row):
                return row[0].operation
        return None

"""The one tree of errors: what happened, the exact next command, the exit code.

A message is one sentence without a full stop, with literals in back-ticks. A hint names the command to
type next. Exit codes are those of the README; `run` alone passes its child's code through.
"""

from __future__ import annotations

DONE = 0
FAILED = 1
USAGE = 2
NOT_FOUND = 3
VERIFICATION_FAILED = 4
REFUSED = 5
MACHINE_LACKS = 6
BUSY = 75
INTERRUPTED = 130


class RocmswitchError(Exception):
    """Something a user can understand and act on. Shown as `error:` and `hint:`, never as a traceback."""

    exit_code = FAILED

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Failed(RocmswitchError):
    """The work could not be done: exit 1."""


class InTheWay(Failed):
    """Something of another kind lies where a file or a folder belongs. `path` is where that is."""

    def __init__(self, message: str, path: str) -> None:
        super().__init__(message)
        self.path = path


class UsageMistake(RocmswitchError):
    """The command line or a file the user wrote is wrong: exit 2."""

    exit_code = USAGE


class ManifestMistake(UsageMistake):
    """A manifest or lock says something it may not; the message names file, line and key."""


class NotFound(RocmswitchError):
    """No such stack, package, tool or environment: exit 3."""

    exit_code = NOT_FOUND


class UnresolvedDependency(NotFound):
    """Nothing in the index satisfies a dependency; the message names the chain that asked for it."""


class VerificationFailed(RocmswitchError):
    """Bytes are not what a signature, index, lock or receipt says they are: exit 4."""

    exit_code = VERIFICATION_FAILED


class Refused(RocmswitchError):
    """Needs consent, or must not be done: exit 5."""

    exit_code = REFUSED


class MachineLacks(RocmswitchError):
    """The machine lacks something: root, space, network, a library: exit 6."""

    exit_code = MACHINE_LACKS


class DiskFull(MachineLacks):
    """A file system, or what a user may have of it, has too little room."""


class NotWritable(MachineLacks):
    """This user, or nobody, may write there, or read what lies there: at `path`, where that is known."""

    path = ""


class NetworkFailed(MachineLacks):
    """A server could not be reached, or broke off and would not go on."""

    @classmethod
    def unreachable(cls, what: str, reason: str) -> NetworkFailed:
        """*what* is an address, or what stands for one; *reason* is the innermost one, without the address."""
        return cls(
            f"`{what}` could not be reached: {reason}",
            hint="run the same command again once this machine reaches it; behind a proxy, set `https_proxy`",
        )


class Busy(RocmswitchError):
    """Another rocmswitch holds the lock: exit 75."""

    exit_code = BUSY

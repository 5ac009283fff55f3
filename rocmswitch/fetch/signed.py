"""What every way of verifying takes and gives: pinned keys, the text that they signed, and what may be missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from rocmswitch.errors import VerificationFailed
from rocmswitch.model.keys import Keys

__all__ = ["GOOD_HASHES", "KeyMissing", "KeyOutdated", "Keys", "Signed", "Verifier", "first_line", "stated_subkey"]

GOOD_HASHES = {8: "SHA-256", 9: "SHA-384", 10: "SHA-512"}
"""Of RFC 4880, 9.4: those that a data signature may be made with."""


class KeyMissing(VerificationFailed):
    """None of the signatures is by a key that is both pinned and at hand."""


class KeyOutdated(VerificationFailed):
    """A pinned key signed, but after the end that this copy of it states: a newer copy may state another."""


@dataclass(frozen=True)
class Signed:
    """The text that the signature covers, and nothing else of the file it came in."""

    text: bytes
    fingerprint: str
    """Of the primary key: one of those pinned."""
    warnings: tuple[str, ...] = ()


class Verifier(Protocol):
    """Raises VerificationFailed where no pinned key made a good signature."""

    def inline(self, signed: bytes, keys: Keys) -> Signed: ...

    def detached(self, text: bytes, signature: bytes, keys: Keys) -> Signed: ...


def stated_subkey(subkey: str, primary: str) -> KeyMissing:
    """The error where a good signature is by the stated *subkey*: subkeys are replaced, and a receipt names what
    stays. Only for a verified signature: a key file may claim any subkey for its own.
    """
    return KeyMissing(
        f"the signing key `{subkey}` is a subkey, and it is its primary key `{primary}` that has to be stated",
        hint=f"run the same command with `--key {primary}`, or write that where a file has the other",
    )


def first_line(error: Exception) -> str:
    """Sequoia's messages carry a backtrace."""
    return str(error).partition("\n")[0].rstrip(".")

"""Who signed a text: gpgv's status lines where there is a gpgv, else pysequoia.

Trust comes from the pinned fingerprint of a primary key, never from the file that holds the key, nor from how
that key is bound to its own name. That matters: AMD's release key is from 2016 and binds itself with SHA-1.
Sequoia refuses such a key whatever its policy is set to, gpgv accepts it, so gpgv comes first.

What counts is one good signature; others, by keys that are not pinned, do no harm.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from rocmswitch.errors import VerificationFailed
from rocmswitch.fetch.signed import (
    GOOD_HASHES,
    KeyMissing,
    KeyOutdated,
    Keys,
    Signed,
    Verifier,
    first_line,
    stated_subkey,
)
from rocmswitch.system import process
from rocmswitch.system.disk import disk_errors

_TEXT_START = b"-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE_START = b"-----BEGIN PGP SIGNATURE-----"
_SIGNATURE_END = b"-----END PGP SIGNATURE-----"
_KEY_START = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"
_STATUS = re.compile(r"^\[GNUPG:\] (\S+) ?(.*)$", re.MULTILINE)


def verify_inline(signed: bytes, keys: Keys, verifier: Verifier | None = None) -> Signed:
    """Verify a clear-signed file such as InRelease, which may hold nothing outside its signed part.

    Raises VerificationFailed; KeyMissing and KeyOutdated where another copy of the key may help.
    """
    _check_clear_signed(signed)
    return (verifier or installed_verifier()).inline(signed, keys)


def verify_detached(text: bytes, signature: bytes, keys: Keys, verifier: Verifier | None = None) -> Signed:
    """Verify *text* (Release) by *signature* (Release.gpg). Raises as `verify_inline` does."""
    return (verifier or installed_verifier()).detached(text, signature, keys)


def installed_verifier() -> Verifier:
    """gpgv, or where this machine has none, pysequoia."""
    program = shutil.which("gpgv")
    if program:
        return Gpgv(program)
    from rocmswitch.fetch.sequoia import Sequoia

    return Sequoia()


def _check_clear_signed(signed: bytes) -> None:
    """One signed text and its signatures, from the first byte to the last: what surrounds them is not signed."""
    lines = signed.rstrip().splitlines()
    if not lines or lines[0].rstrip() != _TEXT_START:
        raise VerificationFailed("the file does not start with a signed text, as a clear-signed file must")
    marks = [line.rstrip() for line in lines if line.startswith(b"-----")]
    if marks != [_TEXT_START, _SIGNATURE_START, _SIGNATURE_END] or lines[-1].rstrip() != _SIGNATURE_END:
        raise VerificationFailed("the file holds more than one signed text with its signature")


@dataclass(frozen=True)
class Gpgv:
    """Verifies by running gpgv (GnuPG 2.2 or 2.4) and reading its status lines (doc/DETAILS of GnuPG)."""

    program: str

    def inline(self, signed: bytes, keys: Keys) -> Signed:
        text, status = self._run(keys, ["--output", "-", "-"], signed)
        if sum(word == "PLAINTEXT" for word, _ in status) != 1:
            raise VerificationFailed("the file holds more or less than one signed text")
        return _judge(text, status, keys)

    def detached(self, text: bytes, signature: bytes, keys: Keys) -> Signed:
        with _nameless(signature) as path:
            _, status = self._run(keys, [path, "-"], text)
        # A signature that carries a text of its own would be good for that one, not for ours.
        if any(word == "PLAINTEXT" for word, _ in status):
            raise VerificationFailed("the signature file carries a text of its own")
        return _judge(text, status, keys)

    def _run(self, keys: Keys, words: list[str], stdin: bytes) -> tuple[bytes, list[tuple[str, list[str]]]]:
        """What gpgv wrote, and its status lines. Its exit code is 2 where one of several keys is unknown."""
        environment = {"LC_ALL": "C", "PATH": "/usr/bin:/bin"}
        with _nameless(_binary(keys.material)) as keyring:
            command = [self.program, "--homedir", "/", "--keyring", keyring, "--status-fd", "2", *words]
            done = process.run(command, stdin=stdin, environment=environment, folder=Path("/"))
        lines = _STATUS.findall(done.stderr.decode(errors="replace"))
        return done.stdout, [(word, rest.split()) for word, rest in lines]


@contextlib.contextmanager
def _nameless(content: bytes) -> Iterator[str]:
    """The path of a file with *content* for a program that runs meanwhile: it has no name that outlives us."""
    folder = Path(tempfile.gettempdir())
    with disk_errors(folder), tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        yield f"/proc/{os.getpid()}/fd/{file.fileno()}"


def _binary(material: bytes) -> bytes:
    """A keyring as gpgv wants it. Armour is taken off by Sequoia's parser, which judges no key."""
    if _KEY_START not in material[:4096]:
        return material
    from pysequoia import Cert

    try:
        return b"".join(bytes(one) for one in Cert.split_bytes(material))
    except RuntimeError as error:
        raise KeyMissing(f"the key file cannot be read: {first_line(error)}") from error


def _judge(text: bytes, status: Iterable[tuple[str, list[str]]], keys: Keys) -> Signed:
    """Accept the first signature that holds; else say of the best one why it does not."""
    problems: list[VerificationFailed] = []
    for lines in _by_signature(status):
        verdict = _judge_signature(text, lines, keys)
        if isinstance(verdict, Signed):
            return verdict
        problems.append(verdict)
    if not problems:
        raise VerificationFailed("the file has no signature")
    raise next((one for one in problems if not isinstance(one, KeyMissing)), problems[0])


def _by_signature(status: Iterable[tuple[str, list[str]]]) -> list[dict[str, list[str]]]:
    """The status lines of each signature, by their first word. NEWSIG opens each."""
    signatures: list[dict[str, list[str]]] = []
    for word, rest in status:
        if word == "NEWSIG":
            signatures.append({})
        elif signatures:
            signatures[-1].setdefault(word, rest)
    return signatures


def _judge_signature(text: bytes, lines: dict[str, list[str]], keys: Keys) -> Signed | VerificationFailed:
    """VALIDSIG alone proves nothing: gpgv writes it for expired and revoked keys and signatures too."""
    valid = lines.get("VALIDSIG", [])
    if "BADSIG" in lines:
        return VerificationFailed("the signature does not fit the text: one of them was changed")
    if len(valid) < 10:
        return KeyMissing(f"the signing key `{_key_of(lines)}` is not at hand")
    fingerprint, made, hash_algorithm = valid[9], int(valid[2]), int(valid[7])
    if fingerprint not in keys.fingerprints and valid[0] in keys.fingerprints and "GOODSIG" in lines:
        return stated_subkey(valid[0], fingerprint)
    if fingerprint not in keys.fingerprints:
        return KeyMissing(f"the signing key `{fingerprint}` is not one that the manifest pins")
    if "REVKEYSIG" in lines:
        return VerificationFailed(f"the key `{fingerprint}` or its signing subkey is revoked")
    if "EXPSIG" in lines:
        return VerificationFailed(f"the signature by `{fingerprint}` has expired")
    if hash_algorithm not in GOOD_HASHES:
        return VerificationFailed(f"the signature by `{fingerprint}` uses a hash that can be forged")
    if "EXPKEYSIG" in lines:
        return _judge_expired(text, fingerprint, made, int(lines.get("KEYEXPIRED", ["0"])[0]))
    if "GOODSIG" not in lines:
        return VerificationFailed(f"gpgv does not call the signature by `{fingerprint}` good")
    return Signed(text, fingerprint)


def _judge_expired(text: bytes, fingerprint: str, made: int, expiry: int) -> Signed | VerificationFailed:
    """AMD's key ran out four times and was extended each time: what it signed before stays good."""
    end = datetime.fromtimestamp(expiry, timezone.utc).date()
    if made >= expiry:
        return KeyOutdated(f"the signature by `{fingerprint}` was made after the key's end on {end}")
    return Signed(text, fingerprint, (f"the key `{fingerprint}` expired on {end}; it signed before",))


def _key_of(lines: dict[str, list[str]]) -> str:
    """Whatever names the key of a signature that could not be checked."""
    return (lines.get("ERRSIG") or lines.get("NO_PUBKEY") or ["unknown"])[-1]

"""Real OpenPGP keys, made by gpg in a folder of their own: new, old, expired, revoked.

    with KeyFolder() as keys:
        key = keys.modern()
        signed = key.sign_inline(b"Suite: stable\n")

Making a key takes between 0.1 and 0.5 seconds: make one per module, not one per test.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType

GPG = shutil.which("gpg")
GPGV = shutil.which("gpgv")

AMD_LIKE_BIRTH = datetime(2016, 8, 1, tzinfo=timezone.utc)
BIRTH = datetime(2020, 1, 1, tzinfo=timezone.utc)
SOON_AFTER_BIRTH = datetime(2020, 2, 1, tzinfo=timezone.utc)


class KeyFolder:
    """A GNUPGHOME of its own, and the agent that gpg starts for it, until the end of the block."""

    def __enter__(self) -> KeyFolder:
        if GPG is None:
            import pytest

            pytest.skip("no gpg here: install gnupg")
        # Not below pytest's folder: the agent's socket may have a path of 107 bytes at most (unix(7)).
        self.home = Path(tempfile.mkdtemp(prefix="rs-keys-"))
        self.home.chmod(0o700)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "gpg-agent"], check=False)
        shutil.rmtree(self.home, ignore_errors=True)

    def modern(self, name: str = "Modern Archive Key") -> SigningKey:
        """An ed25519 key that signs by itself, without an end."""
        return self._make(name, "ed25519", "sign")

    def with_subkey(self, name: str = "Archive Key With Subkey") -> SigningKey:
        """A primary key that only certifies, and a subkey that signs, as Debian's archive keys have."""
        key = self._make(name, "ed25519", "cert")
        self.gpg("--quick-add-key", key.fingerprint, "ed25519", "sign", "never")
        return key

    def old(self, name: str = "Old Release Key") -> SigningKey:
        """A key of 2016 that is bound to its own name with SHA-1, as AMD's is."""
        return self._make(name, "rsa2048", "sign", at=AMD_LIKE_BIRTH, options=("--cert-digest-algo", "SHA1"))

    def never_ending(self, name: str = "Key Of 2020") -> SigningKey:
        """A key of 2020, until `set_expiry` gives it an end."""
        return self._make(name, "ed25519", "sign", at=BIRTH)

    def set_expiry(self, key: SigningKey, expiry: datetime, *, at: datetime = SOON_AFTER_BIRTH) -> None:
        """From now on the key's public part says that it ends at *expiry*; what is said later, *at*, counts."""
        self.gpg("--quick-set-expire", key.fingerprint, _stamp(expiry), at=at)

    def revoke_subkey(self, key: SigningKey, reason: int = 0) -> None:
        """The primary key declares its only subkey no longer valid: 0 without a reason, 3 for no longer used."""
        answers = f"key 1\nrevkey\ny\n{reason}\n\ny\nsave\n"
        self.gpg("--command-fd", "0", "--no-batch", "--edit-key", key.fingerprint, stdin=answers.encode())

    def revoke(self, key: SigningKey) -> None:
        """The key declares itself no longer valid, by the certificate that gpg made with it."""
        certificate = self.home / "openpgp-revocs.d" / f"{key.fingerprint}.rev"
        # gpg puts a colon before the armour, so that nobody imports the certificate by accident.
        self.gpg("--import", stdin=certificate.read_bytes().replace(b":-----BEGIN", b"-----BEGIN"))

    def gpg(
        self, *words: str, stdin: bytes = b"", at: datetime | None = None, options: tuple[str, ...] = ()
    ) -> bytes:
        """What gpg prints. `at` is the time that it takes for the present."""
        time = ("--faked-system-time", _stamp(at) + "!") if at else ()
        command = ["gpg", "--homedir", str(self.home), "--batch", "--no-tty", "--quiet", "--yes", *time]
        command += ["--pinentry-mode", "loopback", "--passphrase", "", *options, *words]
        done = subprocess.run(command, input=stdin, capture_output=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr.decode(errors='replace')}"
        return done.stdout

    def _make(
        self, name: str, kind: str, usage: str, *, at: datetime | None = None, options: tuple[str, ...] = ()
    ) -> SigningKey:
        user = f"{name} <{name.lower().replace(' ', '-')}@example.org>"
        before = self._fingerprints()
        self.gpg("--quick-generate-key", user, kind, usage, "never", at=at, options=options)
        (new,) = self._fingerprints() - before
        return SigningKey(self, new)

    def _fingerprints(self) -> set[str]:
        """Of primary keys: the first `fpr` record after each `pub`."""
        listing = self.gpg("--with-colons", "--list-keys").decode()
        return set(re.findall(r"^pub:.*\nfpr:::::::::([0-9A-F]{40}):", listing, re.MULTILINE))


@dataclass(frozen=True)
class SigningKey:
    """A key that can sign: what a repository's owner has."""

    folder: KeyFolder = field(repr=False)
    fingerprint: str
    """Of the primary key."""

    @property
    def subkey(self) -> str:
        """The fingerprint of its only subkey."""
        listing = self.folder.gpg("--with-colons", "--list-keys", self.fingerprint).decode()
        (found,) = re.findall(r"^sub:.*\nfpr:::::::::([0-9A-F]{40}):", listing, re.MULTILINE)
        return str(found)

    def public(self, *, armored: bool = True) -> bytes:
        """The file that the owner publishes."""
        return self.folder.gpg(*(["--armor"] if armored else []), "--export", self.fingerprint)

    def sign_inline(self, text: bytes, *, at: datetime | None = None, options: tuple[str, ...] = ()) -> bytes:
        """An InRelease file. `options` are gpg's (`--digest-algo SHA512`)."""
        return self._sign("--clear-sign", text, at, options)

    def sign_detached(self, text: bytes, *, at: datetime | None = None, options: tuple[str, ...] = ()) -> bytes:
        """A Release.gpg file."""
        return self._sign("--detach-sign", text, at, ("--armor", *options))

    def sign_message(self, text: bytes) -> bytes:
        """A signature that carries its text along: neither an InRelease nor a Release.gpg file."""
        return self._sign("--sign", text, None, ("--armor",))

    def _sign(self, how: str, text: bytes, at: datetime | None, options: tuple[str, ...]) -> bytes:
        digest = () if "--digest-algo" in options else ("--digest-algo", "SHA256")
        return self.folder.gpg(
            *("--local-user", self.fingerprint, how), stdin=text, at=at, options=(*digest, *options)
        )


def _stamp(when: datetime) -> str:
    return when.astimezone(timezone.utc).strftime("%Y%m%dT%H%M%S")

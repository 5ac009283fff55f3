"""Whose signature counts below a server's certificate, as the variables of this process say it.

Those of requests and curl name certificates that count alone, as with pip; OpenSSL's names some that count besides
the machine's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from rocmswitch.errors import MachineLacks, NetworkFailed

_ALONE = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""In the order in which requests looks at them."""
_BESIDES = "SSL_CERT_FILE"


class Named(NamedTuple):
    """Certificates that the user names, by the variable that is in effect."""

    variable: str
    path: Path

    @property
    def counts_alone(self) -> bool:
        return self.variable in _ALONE


def named_certificates(environment: Mapping[str, str]) -> Named | None:
    """What *environment* names; None where the machine's own certificates decide."""
    found = (Named(one, Path(environment[one])) for one in (*_ALONE, _BESIDES) if environment.get(one))
    return next(found, None)


def check_certificates(environment: Mapping[str, str]) -> None:
    """Raise MachineLacks where certificates that count alone cannot be had: no server could be trusted."""
    named = named_certificates(environment)
    if named is None or not named.counts_alone or named.path.is_dir():
        return
    try:
        why = "" if b"-----BEGIN" in named.path.read_bytes() else "holds no certificate"
    except FileNotFoundError:
        why = "is not there"
    except OSError as error:
        why = f"cannot be read: {error.strerror}"
    if why:
        raise MachineLacks(
            f"`{named.variable}` says whose certificates count, and the file that it names, `{named.path}`, {why}",
            hint=f"put `{named.variable}=` before the same command: then this machine's own certificates count",
        )


def untrusted(said: str, environment: Mapping[str, str]) -> NetworkFailed:
    """The error where nobody who counts has signed a server's certificate. *said* is what the library says."""
    named = named_certificates(environment)
    variable = named.variable if named else _BESIDES
    hint = f"if you trust who has, put `{variable}=FILE`, with their certificate, before the same command"
    return NetworkFailed(f"{said}: {_nobody(named)}", hint=hint)


def _nobody(named: Named | None) -> str:
    """Who has not signed."""
    machine = "nobody whom this machine trusts has signed its certificate"
    if named is None:
        return machine
    if named.counts_alone:
        return f"nobody in `{named.path}` has signed its certificate, and `{named.variable}` lets those alone count"
    gone = "" if named.path.exists() else ", and that is not there"
    return f"{machine}, nor anybody in `{named.path}`, which `{named.variable}` names{gone}"

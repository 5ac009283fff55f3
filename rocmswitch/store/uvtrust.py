"""uv trusts the servers that we trust: left alone it goes by a list of its own, or by SSL_CERT_FILE."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from rocmswitch.errors import NetworkFailed
from rocmswitch.system.certificates import named_certificates, untrusted
from rocmswitch.system.process import Finished

_DISTRUST = "invalid peer certificate: UnknownIssuer"
"""What uv says where nobody whom it knows has signed."""
_NAMED = "SSL_CERT_FILE"


def certificate_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The variable by which uv learns of certificates that requests' or curl's variables name."""
    named = named_certificates(environment)
    return {_NAMED: str(named.path)} if named is not None and named.path.is_file() else {}


def trusting(attempt: Callable[[dict[str, str]], Finished], settings: Mapping[str, str]) -> Finished:
    """What *attempt* gives with *settings*; where uv knows no signer, with those besides that the machine trusts.

    A company's proxy has a certificate that is the machine's own, and in no list that comes along.
    """
    done = attempt(dict(settings))
    if done.code and _DISTRUST in done.stderr.decode(errors="replace") and _NAMED not in settings:
        return attempt({**settings, "UV_SYSTEM_CERTS": "1"})
    return done


def distrusted(stderr: str, environment: Mapping[str, str]) -> NetworkFailed | None:
    """The error where uv's words say that nobody whom it knows has signed; None for any other."""
    if _DISTRUST not in stderr:
        return None
    url = re.search(r"https://(?:[^/?#\s@]*@)?([^\s)`]+)", stderr)
    where = f"https://{url[1]}" if url else "the server"
    return untrusted(f"`{where}` could not be reached: unknown issuer", environment)

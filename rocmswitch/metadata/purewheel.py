"""A wheel of Python alone, as bytes: always the same for the same content."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Mapping

_EPOCH = (1980, 1, 1, 0, 0, 0)
_KIND = "Wheel-Version: 1.0\nGenerator: rocmswitch\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def render_pure_wheel(stem: str, files: Mapping[str, bytes]) -> bytes:
    """The wheel *stem* (`demo-1.0`) of *files* by their path in site-packages, its METADATA among them.

    WHEEL and RECORD are added (Binary distribution format, packaging.python.org).
    """
    start = f"{stem}.dist-info"
    content = {**files, f"{start}/WHEEL": _KIND.encode()}
    rows = [f"{name},sha256={_stated(one)},{len(one)}\n" for name, one in sorted(content.items())]
    content[f"{start}/RECORD"] = "".join([*rows, f"{start}/RECORD,,\n"]).encode()
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, one in sorted(content.items()):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), one)
    return made.getvalue()


def _stated(content: bytes) -> str:
    """SHA-256 as RECORD writes it: URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")

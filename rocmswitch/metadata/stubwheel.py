"""A wheel with nothing in it but what another one says of itself: a resolver reads it in place of gigabytes."""

from __future__ import annotations

import io
import zipfile

from packaging.utils import parse_wheel_filename

_EPOCH = (1980, 1, 1, 0, 0, 0)


def render_stub(filename: str, metadata: bytes) -> bytes:
    """The bytes of a wheel called *filename* with the core metadata *metadata*: always the same for the same."""
    tags = parse_wheel_filename(filename)[3]
    folder = "-".join(filename.split("-")[:2]) + ".dist-info"
    kind = "".join(
        ["Wheel-Version: 1.0\nRoot-Is-Purelib: false\n", *(f"Tag: {tag}\n" for tag in sorted(map(str, tags)))]
    )
    files = {"METADATA": metadata, "WHEEL": kind.encode()}
    record = "".join(f"{folder}/{name},,\n" for name in (*files, "RECORD"))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in {**files, "RECORD": record.encode()}.items():
            archive.writestr(zipfile.ZipInfo(f"{folder}/{name}", _EPOCH), content)
    return made.getvalue()

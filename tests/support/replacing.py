"""A wheel that its index replaces under its name."""

from __future__ import annotations

import io
import zipfile

from tests.support.pytorchwheels import FakeWheel
from tests.support.wheelpages import WheelIndex


def replace_wheel(index: WheelIndex, start: str) -> str:
    """Serve other bytes of the wheel whose file name begins with *start*. Gives their hash."""
    (path,) = index.folder.glob(f"{start}*.whl")
    content = io.BytesIO(path.read_bytes())
    with zipfile.ZipFile(content, "a") as archive:
        archive.comment = archive.comment + b"built again"
        metadata = next(archive.read(one) for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
    wheel = FakeWheel(path.name, content.getvalue(), metadata)
    index.add(wheel)
    index.write_pages()
    return wheel.sha256

"""Small real wheels, with a RECORD that is right."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

from rocmswitch.model.package import Digest
from rocmswitch.store.virtualenv import Wheel


def make_wheel(
    folder: Path,
    project: str,
    version: str = "1.0",
    *,
    files: Mapping[str, str] | None = None,
    tag: str = "py3-none-any",
    commands: Mapping[str, str] | None = None,
) -> Wheel:
    """A wheel in *folder*, named by its hash as in the cache. *commands*: script name to `module:function`."""
    start = f"{project}-{version}.dist-info"
    content = dict(files if files is not None else {f"{project}/__init__.py": f"version = '{version}'\n"})
    content[f"{start}/METADATA"] = f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n"
    content[f"{start}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n"
    if commands:
        lines = "".join(f"{name} = {entry}\n" for name, entry in commands.items())
        content[f"{start}/entry_points.txt"] = f"[console_scripts]\n{lines}"
    rows = [f"{path},sha256={_stated(text)},{len(text.encode())}\n" for path, text in content.items()]
    content[f"{start}/RECORD"] = "".join(rows) + f"{start}/RECORD,,\n"
    temporary = folder / "new"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in content.items():
            archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), text)
    digest = Digest.sha256(hashlib.sha256(temporary.read_bytes()).hexdigest())
    return Wheel(f"{project}-{version}-{tag}.whl", temporary.rename(folder / digest.value), digest)


def _stated(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")

"""The pages of a Python package index (PEP 503, 691, 658), as files for a server."""

from __future__ import annotations

import hashlib
import html
import json
import urllib.parse
from pathlib import Path

from tests.support.pytorchwheels import FakeWheel


class WheelIndex:
    """An index at *path* below *folder*, whose links are relative to the server, as download.pytorch.org's are.

    *hashed*: its pages state SHA-256. *described*: they say that METADATA can be had alone, and it can.
    """

    def __init__(self, folder: Path, path: str, *, hashed: bool = True, described: bool = True) -> None:
        self.path = path
        self.folder = folder / path
        self.hashed = hashed
        self.described = described
        self._files: dict[str, dict[str, tuple[str, int, str]]] = {}
        self._hidden: set[str] = set()

    def add(self, *wheels: FakeWheel) -> None:
        """Serve *wheels* too."""
        for wheel in wheels:
            described = hashlib.sha256(wheel.metadata).hexdigest() if self.described else ""
            if described:
                self._write(f"{wheel.filename}.metadata", wheel.metadata)
            self._add(wheel.project, wheel.filename, wheel.content, described)

    def add_source(self, project: str, filename: str, content: bytes) -> None:
        """Serve an archive of source too."""
        self._add(project, filename, content, "")

    def sha256(self, filename: str) -> str:
        """Of a file that is served here; empty where it is not."""
        return next((files[filename][0] for files in self._files.values() if filename in files), "")

    def hide(self, project: str) -> None:
        """List nothing of *project*; its files stay where they are."""
        self._hidden.add(project)

    def write_pages(self) -> None:
        """Write the page of every project, and the one that lists them."""
        for project, files in self._files.items():
            if project in self._hidden:
                files = {}
            self._write(f"{project}/index.html", self._html(project, files).encode())
            self._write(f"{project}/index.json", self._json(project, files).encode())
        links = "".join(f'    <a href="{project}/">{project}</a><br/>\n' for project in sorted(self._files))
        self._write("index.html", f"<!DOCTYPE html>\n<html>\n  <body>\n{links}  </body>\n</html>\n".encode())

    def _add(self, project: str, filename: str, content: bytes, described: str) -> None:
        self._write(filename, content)
        sha256 = hashlib.sha256(content).hexdigest()
        self._files.setdefault(project, {})[filename] = (sha256, len(content), described)

    def _write(self, path: str, content: bytes) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        # Another file each time: one that is being sent stays whole.
        temporary = file.with_name(f".{file.name}.new")
        temporary.write_bytes(content)
        temporary.replace(file)

    def _html(self, project: str, files: dict[str, tuple[str, int, str]]) -> str:
        lines = []
        for filename, (sha256, _, described) in files.items():
            fragment = f"#sha256={sha256}" if self.hashed else ""
            facts = f' data-dist-info-metadata="sha256={described}" data-core-metadata="sha256={described}"'
            target = f"/{self.path}/{urllib.parse.quote(filename)}{fragment}"
            shown = html.escape(filename)
            lines.append(f'    <a href="{target}"{facts if described else ""}>{shown}</a><br/>\n')
        head = f"<!DOCTYPE html>\n<html>\n  <body>\n    <h1>Links for {project}</h1>\n"
        return f"{head}{''.join(lines)}  </body>\n</html>\n<!--TIMESTAMP 1763600000-->\n"

    def _json(self, project: str, files: dict[str, tuple[str, int, str]]) -> str:
        entries = [
            {
                "filename": filename,
                "url": f"/{self.path}/{urllib.parse.quote(filename)}",
                "hashes": {"sha256": sha256} if self.hashed else {},
                "size": size,
                "yanked": False,
                "core-metadata": {"sha256": described} if described else False,
            }
            for filename, (sha256, size, described) in files.items()
        ]
        return json.dumps({"meta": {"api-version": "1.1"}, "name": project, "files": entries})

"""Changes recorded as `deploy` records them, whatever their bytes are: for what is told of them afterwards.

put(line, str(folder / "my venv"), {MIOPEN: b"patched"})
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.model.deployment import Generation, Intent, NewFile, Replacement
from rocmswitch.operations.sites import find_site
from rocmswitch.store.installed import Installed
from rocmswitch.system.anchored import Change
from rocmswitch.system.disk import Disk
from rocmswitch.system.folder import Folder
from tests.support.commandline import CommandLine
from tests.support.disk import HastyDisk, PowerCut
from tests.support.patched import write


class CutBeforeRecording(HastyDisk):
    """Loses power when everything is in its place, and before that is recorded."""

    def __init__(self) -> None:
        self.is_cut = False

    def about_to(self, change: Change) -> None:
        self.is_cut = self.is_cut or "record" in change.path.name
        if self.is_cut:
            raise PowerCut(change)


def ledger(line: CommandLine, disk: Disk | None = None) -> Ledger:
    return Ledger(line.layout, disk or Disk())


def put(line: CommandLine, word: str, files: Mapping[str, bytes], disk: Disk | None = None) -> Generation:
    """Deploy *files*, by their paths below the first folder of packages of what *word* means."""
    site = find_site(word, Installed((line.layout,)), line.variables())
    root = Path(site.packages[0])
    replacements = []
    for number, (path, content) in enumerate(files.items()):
        source = write(line.folder / f"built/{number}/{Path(path).name}", content)
        with Folder.reached((root / path).parent) as folder:
            seen = folder.seen(Path(path).name)
        replacements.append(Replacement(str(root), path, seen, NewFile(str(source), len(content))))
    return ledger(line, disk).carry_out(Intent("deploy", site.place), replacements, wait=0)

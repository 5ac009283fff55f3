"""An environment with a small torch in it, made without a server: for what is looked at afterwards.

person = Person(tmp_path, RUNPATH)
assert person.look().clashes == ()
"""

from __future__ import annotations

import io
import sys
import venv
import zipfile
from pathlib import Path

from rocmswitch.model.receipt import InstalledPackage, Receipt
from rocmswitch.operations.libraries import look, look_if_changed
from rocmswitch.planning.libraries import Check
from rocmswitch.store.installed import Installation, Installed
from rocmswitch.store.layout import Layout
from rocmswitch.store.receipts import encode_receipt, receipt_path
from rocmswitch.system.disk import Disk
from tests.support.elflibraries import linked
from tests.support.pytorchwheels import Build, bundled, torch_wheel

RUNPATH = Build("1.13.1+rocm5.2", "5.2.21151", "runpath")
RPATH = Build("2.7.1+rocm6.2.4", "6.2.41134")
OTHER = Build("2.5.1+rocm6.1", "6.1.40091")
TREE = "demo-0123456789ab"


class Person:
    """Somebody with an environment `demo`, whose torch is *build*."""

    def __init__(self, folder: Path, build: Build = RPATH, *, home: str = "rocm switch") -> None:
        self.layout = Layout.under(folder / home)
        self.tree = self.layout.venvs / ".trees" / TREE
        # A prefix of the environment's own, whatever Python runs the tests.
        venv.create(self.tree, symlinks=True, with_pip=False)
        self.site = next(self.tree.glob("lib/python*/site-packages"))
        wheel = torch_wheel(build, f"cp{sys.version_info[0]}{sys.version_info[1]}")
        zipfile.ZipFile(io.BytesIO(wheel.content)).extractall(self.site)
        package = InstalledPackage("torch", build.torch, wheel.filename, 1, wheel.sha256, "pinned")
        receipt = Receipt("venv", "demo", "rocm", "6.2.4", TREE, "2026-01-01T00:00:00Z", packages=(package,))
        self.write(receipt)
        (self.layout.venvs / "demo").symlink_to(f".trees/{TREE}")

    def write(self, receipt: Receipt) -> None:
        path = receipt_path(self.tree)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encode_receipt(receipt))

    @property
    def installed(self) -> Installed:
        return Installed((self.layout,))

    @property
    def one(self) -> Installation:
        return self.installed.find("demo")

    def look(self, **environment: str) -> Check:
        return look(self.one, self.installed, {"PATH": "/usr/bin:/bin", **environment})

    def look_if_changed(self, root: Path = Path("/")) -> Check:
        return look_if_changed(self.one, self.installed, {"PATH": "/usr/bin:/bin"}, Disk(), root)

    @property
    def checks(self) -> Path:
        return self.layout.checks / "demo.json"


def other_rocm(folder: Path, build: Build = OTHER) -> Path:
    """Another ROCm's libraries, in a folder; its files are called as a bundle asks for them (-dev packages)."""
    folder.mkdir(parents=True)
    for library in bundled(build)[:4]:
        (folder / f"{library.soname}.0").write_bytes(linked(library))
        (folder / library.file).symlink_to(f"{library.soname}.0")
        (folder / library.soname).symlink_to(f"{library.soname}.0")
    return folder

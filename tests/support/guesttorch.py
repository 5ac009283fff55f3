"""An environment with the wheel of the convolutions and a small PyTorch that remembers what was done to it.

here = GuestTorch(tmp_path, hip="6.2.41134")
assert here.told("import torch; report()")["installed"] == [["CUDA", False]]
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from rocmswitch.store.cache import Cache
from rocmswitch.store.convolutionwheel import convolution_wheel, pack_convolutions
from tests.support.disk import HastyDisk

_TORCH = """\
import os
from types import ModuleType, SimpleNamespace
from torch import version
enabled = [True]
waiting = []
class C(ModuleType):
    def _set_cudnn_enabled(self, said): enabled[0] = said
    def _get_cudnn_enabled(self): return enabled[0]
_C = C("torch._C")
_C._set_cudnn_enabled = _C._set_cudnn_enabled
cuda = ModuleType("torch.cuda")
cuda.cards = []
cuda._lazy_call = waiting.append
cuda.device_count = lambda: len(cuda.cards)
cuda.get_device_properties = lambda index: SimpleNamespace(**cuda.cards[index])
cuda.current_device = lambda: 0
def device(kind, index=None): return SimpleNamespace(type=kind, index=index)
def start_gpu(*cards):
    cuda.cards[:] = cards
    while waiting: waiting.pop(0)()
whole = True
"""
_BACKENDS = """\
import sys, torch
from types import ModuleType
class Flag:
    def __init__(self, getter, setter): self.getter, self.setter = getter, setter
    def __get__(self, one, kind): return self.getter()
    def __set__(self, one, said): self.setter(said)
class Settings(ModuleType):
    enabled = Flag(lambda: torch._C._get_cudnn_enabled(), torch._C._set_cudnn_enabled)
sys.modules[__name__] = Settings(__name__)
"""
_LOADS_ENTRY_POINTS = """\
def _import_device_backends():
    from importlib.metadata import entry_points
    for one in entry_points(group="torch.backends"):
        try: one.load()()
        except Exception as why: raise RuntimeError("Failed to load the backend extension: " + one.name) from why
if os.environ.get("TORCH_DEVICE_BACKEND_AUTOLOAD", "1") == "1": _import_device_backends()
"""
_REGISTRATION = """\
import torch
calls, choosers = [], []
def install(key, wants=None):
    assert torch.whole
    calls.append([key, wants is not None])
    choosers.append(wants)
"""
_REPORT = """\
def report(**more):
    import json, sys
    import rocmswitch_convolutions as ours
    torch, done = sys.modules["torch"], sys.modules.get("rocmswitch_convolutions.registration")
    said = {"installed": done.calls if done else [], "flag": torch.enabled[0]}
    print(json.dumps({**said, "active": ours.is_active(), "status": ours.status(), **more}))
"""


class GuestTorch:
    """*newer* calls entry points itself, as PyTorch does from 2.5 on. *registers* is what the kernels' part is."""

    def __init__(
        self,
        folder: Path,
        *,
        python: str = sys.executable,
        hip: str | None = "6.2.41134",
        newer: bool = True,
        registers: str | None = _REGISTRATION,
        target: str = "",
    ) -> None:
        self.folder = folder / "environment"
        self.python = self.folder / "bin/python"
        self.site = environment(self.folder, python)
        put_wheel(self.site, folder, target)
        ours = self.site / "rocmswitch_convolutions/registration.py"
        if registers is not None:
            ours.write_text(registers)
        self.torch = self.site / "torch"
        (self.torch / "backends").mkdir(parents=True)
        (self.torch / "__init__.py").write_text(_TORCH + (_LOADS_ENTRY_POINTS if newer else ""))
        (self.torch / "version.py").write_text(f"hip = {hip!r}\ncuda = None\n")
        (self.torch / "backends/__init__.py").touch()
        (self.torch / "backends/cudnn.py").write_text(_BACKENDS)

    def run(self, code: str, *flags: str, cards: Path | None = None, **environment: str) -> Any:
        """Run *code*, which may call `report`, where the machine has the cards of the topology below *cards*."""
        command = [str(self.python), *flags, "-c", _REPORT + code]
        if cards is not None:
            command = with_topology(cards, command)
        kept = {"PATH": os.environ["PATH"], "PYTHONWARNINGS": "ignore", **environment}
        return subprocess.run(command, capture_output=True, text=True, env=kept, cwd=self.folder, check=False)

    def told(self, code: str, *flags: str, cards: Path | None = None, **environment: str) -> dict[str, Any]:
        """What the last line says, of a run that went well and wrote nothing to stderr."""
        done = self.run(code, *flags, cards=cards, **environment)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return said


def environment(folder: Path, python: str) -> Path:
    """What `python -m venv` makes, as far as Python needs it, without its half second. Gives its site-packages."""
    real = Path(os.path.realpath(python))
    said = subprocess.run(
        [real, "-ISc", "import sys; print('{0[0]}.{0[1]}'.format(sys.version_info))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    site = folder / f"lib/python{said.stdout.strip()}/site-packages"
    site.mkdir(parents=True)
    (folder / "bin").mkdir()
    (folder / "bin/python").symlink_to(real)
    (folder / "pyvenv.cfg").write_text(f"home = {real.parent}\ninclude-system-site-packages = false\n")
    return site


def put_wheel(site: Path, folder: Path, target: str = "") -> None:
    """Unpack our wheel into *site*."""
    wheel = pack_convolutions(
        convolution_wheel(target), target, Cache(folder / "sha256", folder / "partial", HastyDisk())
    )
    with zipfile.ZipFile(io.BytesIO(wheel.path.read_bytes())) as archive:
        archive.extractall(site)


def with_topology(root: Path, command: list[str]) -> list[str]:
    """*command*, for which /sys/class is that of *root*; skips where that takes rights that are missing."""
    if shutil.which("unshare") is None:
        pytest.skip("no unshare here: install util-linux")
    script = 'mount --bind "$0" /sys/class && exec "$@"'
    start = ["unshare", "--mount", "--map-root-user", "sh", "-c"]
    classes = str(root / "sys/class")
    if subprocess.run([*start, script, classes, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no rights here to mount a folder over /sys/class")
    return [*start, script, classes, *command]

"""Environments with the real PyTorch of tests, in which some of its functions hang, crash or compute wrong numbers.

Nothing of the program under test knows of it: the environment itself puts the broken functions in the place of
torch's own when torch is imported, and a small extension in C does what no Python can.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.cputorch import cpu_torch

_SOURCE = Path(__file__).with_name("sabotage.c")
_HOOK = """
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name != "torch":
            return None
        sys.meta_path.remove(self)
        from importlib.util import find_spec
        spec = find_spec("torch")
        run = spec.loader.exec_module
        def then_break(module):
            run(module)
            import broken_functions
        spec.loader.exec_module = then_break
        return spec
sys.meta_path.insert(0, Finder())
"""


def sabotaged(folder: Path, source: str) -> Path:
    """An environment below *folder*, that of cpu_torch() but for *source*, which runs after torch was imported.

    It may import `sabotage`, the extension. Skips the test where that cannot be built.
    """
    shared = cpu_torch()
    (packages,) = shared.glob("lib/python3*/site-packages")
    environment = folder / "an environment"
    own = environment / packages.relative_to(shared)
    own.mkdir(parents=True)
    (environment / "bin").mkdir()
    (environment / "bin/python").symlink_to(os.path.realpath(shared / "bin/python"))
    shutil.copy(shared / "pyvenv.cfg", environment)
    (own / "shared.pth").write_text(f"{packages}\nimport sabotage_hook\n")
    (own / "sabotage_hook.py").write_text(_HOOK)
    (own / "broken_functions.py").write_text(f"import torch\nimport torch.nn.functional as F\n{source}")
    build_sabotage(environment / "bin/python", own)
    return environment


def build_sabotage(python: Path, into: Path) -> None:
    """The extension, for *python*."""
    asked = (
        "import json, sysconfig as s; print(json.dumps([s.get_path('include'), s.get_config_var('EXT_SUFFIX')]))"
    )
    done = subprocess.run([python, "-c", asked], check=True, capture_output=True, text=True)
    headers, suffix = json.loads(done.stdout)
    if not (Path(headers) / "Python.h").exists():
        pytest.skip(f"`{python}` has no headers, in `{headers}`")
    if shutil.which("gcc") is None:
        pytest.skip("no gcc here")
    command = ["gcc", "-shared", "-fPIC", "-O1", "-I", headers, "-o", into / f"sabotage{suffix}", _SOURCE]
    subprocess.run(command, check=True)

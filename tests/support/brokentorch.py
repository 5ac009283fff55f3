"""An environment of a real PyTorch in which some functions of `torch.nn.functional` do not work.

python = broken_torch(tmp_path / "venv", relu="hang", gelu="wrong")
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.support.cputorch import cpu_torch

HANGS = "hangs"
"""The file in the environment that appears when a function begins to hang."""
SAID = "no </script><b>\x1b[31m such\x1b[0m thing in /home/somebody/7"
"""What an error says in its first line."""

_MODULE = """
import json, os, time
from pathlib import Path

import torch

HERE = Path(__file__).parent


def broken(function, how):
    def run(one, *words, **options):
        if one.dtype == torch.float64:  # the reference
            return function(one, *words, **options)
        if how == "hang":
            (HERE / "hangs").touch()
            while True:
                time.sleep(60)
        if how == "crash":
            os.abort()
        if how == "error":
            raise RuntimeError(SAID)
        return function(one, *words, **options) * 1.5

    return run


SAID = json.loads((HERE / "said.json").read_text())
for name, how in json.loads((HERE / "functions.json").read_text()).items():
    setattr(torch.nn.functional, name, broken(getattr(torch.nn.functional, name), how))
"""


def broken_torch(folder: Path, **functions: str) -> Path:
    """Make it in *folder*; each of *functions* is to `hang`, `crash`, `error` or give `wrong` numbers."""
    real = cpu_torch()
    subprocess.run([real / "bin/python", "-m", "venv", "--without-pip", folder], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (shared,) = real.glob("lib/python*/site-packages")
    (site / "breaks_torch.py").write_text(_MODULE)
    (site / "functions.json").write_text(json.dumps(functions))
    (site / "said.json").write_text(json.dumps(f"{SAID}\nand a second line"))
    # Lines of a .pth are read in order: what is imported needs the folder before it.
    (site / "broken.pth").write_text(f"{shared}\nimport breaks_torch\n")
    return folder


def hangs(folder: Path) -> bool:
    """Whether a function in the environment *folder* has begun to hang."""
    return any(folder.glob(f"lib/python*/site-packages/{HANGS}"))

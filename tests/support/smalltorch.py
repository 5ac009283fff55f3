"""A stack with PyTorch as small as can be: three wheels, and one library that asks for an executable stack.

with SmallTorch(folder) as served:
    served.furnish(line.layout)
    line.run("use", STACK, "--venv", "demo", "--yes", PIP_INDEX_URL=served.simple)
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from rocmswitch.store.layout import Layout
from tests.support.pytorchwheels import Build, make, torch_wheel
from tests.support.served import Served
from tests.support.server import Server
from tests.support.wheelpages import WheelIndex

STACK = "small-5.2"
BUILD = Build("1.13.1+rocm5.2", "5.2.21151", "runpath")
TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}"


class SmallTorch(Served):
    """The server: an index for torch, and the user's own. *modules* make torch larger."""

    def __init__(self, folder: Path, *, modules: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.server = Server(folder)
        torch = WheelIndex(folder, "whl/rocm5.2", hashed=False, described=False)
        torch.add(torch_wheel(BUILD, TAG))
        torch.write_pages()
        own = WheelIndex(folder, "simple")
        body = "".join(f"def f{number}(x):\n    return [x + {number} for _ in range(9)]\n" for number in range(20))
        files = {f"typing_extensions/m{number}.py": body for number in range(modules)}
        own.add(
            make("typing-extensions", "4.15.0", files={"typing_extensions/__init__.py": "", **files}),
            make("pip", "24.0", files={"pip/__init__.py": ""}),
        )
        own.write_pages()

    @property
    def simple(self) -> str:
        return self.server.url("simple")

    def furnish(self, layout: Layout) -> None:
        """Let *layout* have the manifest, as a user's own."""
        layout.manifests.mkdir(parents=True, exist_ok=True)
        (layout.manifests / f"{STACK}.yaml").write_bytes(self.manifest())

    def manifest(self) -> bytes:
        build = {
            "torch": BUILD.torch,
            "index": self.server.url("whl/rocm5.2"),
            "python": [TAG],
            "constraints": ["numpy<2"],
            "loader": BUILD.loader,
        }
        stack = {
            "schema": 1,
            "name": STACK,
            "summary": "A small stack with PyTorch",
            "rocm": {"version": "5.2", "root": "opt/rocm-5.2.0"},
            "pytorch": [build],
        }
        return yaml.safe_dump(stack, sort_keys=False).encode()

"""`python -I -B start.py REQUESTS ANSWERS CALLER MAY_FORK`: serves the probe through two open file descriptors.

The files beside this one become a package whose name no other has: in a folder on the search path they would stand
before modules of the environment.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

PACKAGE = "rocmswitch_probe"


def load_package() -> None:
    """Let `rocmswitch_probe` and what is in it be imported, from this folder and nowhere else."""
    folder = Path(__file__).resolve().parent
    # Python has put it there unless it is isolated.
    sys.path[:] = [one for one in sys.path if Path(one or ".").resolve() != folder]
    spec = importlib.util.spec_from_file_location(
        PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = module
    spec.loader.exec_module(module)


if __name__ == "__main__":
    load_package()
    importlib.import_module(PACKAGE + ".zygote").serve(*map(int, sys.argv[1:5]))

"""The wheel by which an environment's convolutions do without MIOpen: made of files that rocmswitch carries.

No index has it, so no lock names it. Its bytes are the same for the same version.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import rocmswitch
from rocmswitch import guest
from rocmswitch.metadata.purewheel import render_pure_wheel
from rocmswitch.model.convolutionwords import CONVOLUTIONS
from rocmswitch.model.package import PINNED, Artifact, Digest
from rocmswitch.planning.convolutions import own_target, version_for
from rocmswitch.store.cache import Cache
from rocmswitch.store.sourcewheel import kept
from rocmswitch.store.virtualenv import Wheel
from rocmswitch.system.disk import disk_errors

MODULE, HOOK = "rocmswitch_convolutions", "_rocmswitch_convolutions"
"""What an environment imports, and what its Python imports when it starts."""
_HOOK_SOURCE, _TARGETS = "import_hook.py", "targets.py"
_ENTRY_POINTS = f"[torch.backends]\n{MODULE} = {HOOK}:autoload\n"
_METADATA = """\
Metadata-Version: 2.1
Name: {name}
Version: {version}
Summary: Convolutions that MIOpen has no part in, for cards on which its own hang
License: MIT
Classifier: License :: OSI Approved :: MIT License
Requires-Python: >=3.7
"""
_STAND_IN = f"""\
said = "rocmswitch: convolutions go by MIOpen: %r\\n" % (error,)
def autoload():
    try:
        sys.stderr.write(said)
    except Exception:
        pass
module = type(sys)("{HOOK}")
module.autoload = autoload
sys.modules[module.__name__] = module
"""
"""What is done where the module that Python is to import cannot be: another of its name stands in for it.

torch calls `autoload` by the entry point, and cannot be imported where that fails. Python compiles these lines only
when they are needed: every start of it would pay for them.
"""
_START = f"try: import {HOOK}\nexcept Exception as error: exec(stand_in)"


def convolution_wheel(target: str = "") -> Artifact:
    """What the environment of a card gets; *target* is added to the cards for which it acts by itself."""
    version = version_for(rocmswitch.__version__, target)
    content = _content(version, target)
    filename = f"{MODULE}-{version}-py3-none-any.whl"
    return Artifact(CONVOLUTIONS, version, filename, (), len(content), _digest(content), PINNED)


def pack_convolutions(artifact: Artifact, target: str, cache: Cache) -> Wheel:
    """The wheel that `convolution_wheel` has described, put into *cache*."""
    content = _content(artifact.version, target)
    return Wheel(artifact.filename, kept(content, artifact.digest, cache), artifact.digest)


def _digest(content: bytes) -> Digest:
    return Digest.sha256(hashlib.sha256(content).hexdigest())


def _content(version: str, target: str) -> bytes:
    folder = Path(guest.__file__).parent / "convolutions"
    with disk_errors(folder):
        sources = {path.name: path.read_bytes() for path in sorted(folder.glob("*.py"))}
    start = f"{MODULE}-{version}.dist-info"
    files = {
        f"{HOOK}.py": sources.pop(_HOOK_SOURCE),
        f"{MODULE}.pth": f"import sys; exec({_START!r}, {{'sys': sys, 'stand_in': {_STAND_IN!r}}})\n".encode(),
        f"{start}/METADATA": _METADATA.format(name=CONVOLUTIONS, version=version).encode(),
        f"{start}/entry_points.txt": _ENTRY_POINTS.encode(),
    }
    if own_target(target):
        sources[_TARGETS] += f'\nTARGETS += ("{target}",)\n'.encode()
    files |= {f"{MODULE}/{name}": content for name, content in sources.items()}
    return render_pure_wheel(f"{MODULE}-{version}", files)


def look(tree: Path) -> tuple[str, str]:
    """The version of the wheel that is in the environment *tree*, and a file of it that is gone or closed to us.

    Both empty where there is none.
    """
    for record in tree.glob(f"lib/python3*/site-packages/{MODULE}-*.dist-info/RECORD"):
        site, version = record.parents[1], record.parent.name.removeprefix(f"{MODULE}-").removesuffix(".dist-info")
        try:
            names = [line.split(",")[0] for line in record.read_text("utf-8", "replace").splitlines()]
        except OSError:
            return version, str(record)
        return version, next((str(site / name) for name in names if not os.access(site / name, os.R_OK)), "")
    return "", ""

"""Waits for `import torch` at no cost, and keeps from it whatever goes wrong here.

The wheel has it as `_rocmswitch_convolutions`, and the .pth file imports it when Python starts: so it imports
nothing but sys, not even __future__. From 2.5 on torch calls `autoload` itself, an entry point of the group
`torch.backends`; then nothing else is to be done.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Optional

PACKAGE = "rocmswitch_convolutions"
TORCH = "torch"
CALLS_ENTRY_POINTS = "_import_device_backends"
"""The function of a torch that does so, whether or not TORCH_DEVICE_BACKEND_AUTOLOAD lets it."""


def autoload() -> None:
    """What torch is to do last. Raises nothing."""
    try:
        from importlib import import_module

        import_module(PACKAGE + ".activation").autoload()
    except Exception as error:  # noqa: BLE001  # an error here would make `import torch` fail
        _say(error)


class TorchFinder:
    """Stands before the other finders, takes what they find for torch, and is told when that was imported."""

    def find_spec(self, name: str, path: "Any" = None, target: "Any" = None) -> "Optional[ModuleSpec]":
        if name != TORCH:
            return None
        spec = self._found(name, path, target)
        loader = spec.loader if spec is not None else None
        # A class that loads by itself is shared by all of its modules.
        if hasattr(loader, "exec_module") and not isinstance(loader, type):
            self._follow(loader)
        return spec

    def _found(self, name: str, path: "Any", target: "Any") -> "Optional[ModuleSpec]":
        """What the finders behind this one say, whoever has put them there: editable installs have their own."""
        for finder in list(sys.meta_path):
            find = getattr(finder, "find_spec", None)
            if not isinstance(finder, TorchFinder) and find is not None:
                spec = find(name, path, target)
                if spec is not None:
                    return spec  # type: ignore[no-any-return]
        return None

    def _follow(self, loader: "Any") -> None:
        run = loader.exec_module

        def exec_module(module: "ModuleType") -> None:
            run(module)
            if module.__name__ == TORCH:
                self._arrived(module)

        try:
            loader.exec_module = exec_module
        except (AttributeError, TypeError):
            return  # a loader that takes no attribute is left as it is

    def _arrived(self, torch: "ModuleType") -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        if not hasattr(torch, CALLS_ENTRY_POINTS):
            autoload()


def _say(error: Exception) -> None:
    try:
        # A build in isolation has taken this folder from the path: what is there is not this environment.
        if __file__.rpartition("/")[0] in sys.path:
            sys.stderr.write(f"rocmswitch: convolutions go by MIOpen: {error!r}\n")
    except Exception:  # noqa: BLE001, S110  # nobody is there to be told: stderr is closed, or gone
        pass


if TORCH not in sys.modules:
    sys.meta_path.insert(0, TorchFinder())

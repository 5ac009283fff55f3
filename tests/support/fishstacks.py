"""A home with small stacks that fish can enter: scripts as rocmswitch renders them, and the hook."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rocmswitch.model.activation import CardVariable, ResolvedActivation
from rocmswitch.operations.hooks import hook_text
from rocmswitch.operations.rendering import functions, functions_path
from rocmswitch.shell import fish
from rocmswitch.store.layout import Layout


@dataclass(frozen=True)
class FishStacks:
    """`home` is the person's, in whose data folder the scripts are."""

    home: Path

    @property
    def layout(self) -> Layout:
        return Layout.under(self.home / "rocmswitch")

    @property
    def hook(self) -> str:
        """What config.fish says."""
        return hook_text("fish", self.layout)

    def add(self, name: str, activation: ResolvedActivation | None = None) -> Path:
        """The script of *name*; without an activation it puts `/stacks/NAME/bin` into PATH."""
        chosen = activation or ResolvedActivation((("ROCM_PATH", f"/stacks/{name}"),), (("PATH", (folder(name),)),))
        path = functions_path(self.layout, "fish")
        self.layout.activations.mkdir(parents=True, exist_ok=True)
        self.layout.activations.chmod(0o700)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(functions("fish"))
        script = self.script(name)
        script.write_text(fish.render(name, chosen, fish.functions_from(str(path))))
        return script

    def add_environment(self, name: str) -> Path:
        variables = (("VIRTUAL_ENV", f"/venvs/{name}"),)
        return self.add(name, ResolvedActivation(variables, (("PATH", (f"/venvs/{name}/bin",)),)))

    def script(self, name: str) -> Path:
        return self.layout.activations / f"{name}.fish"

    def alias(self, short: str, name: str) -> None:
        self.script(short).symlink_to(f"{name}.fish")

    def project(self, name: str, pin: str | bytes) -> Path:
        """A folder of that name below the home, with this pin file."""
        folder = self.home / name
        folder.mkdir(parents=True)
        (folder / ".rocm-version").write_bytes(pin.encode() if isinstance(pin, str) else pin)
        return folder


def folder(name: str) -> str:
    """What entering *name* puts first in PATH."""
    return f"/stacks/{name}/bin"


ONE_CARD = ResolvedActivation(
    (), (), (CardVariable("gfx1010", "HSA_X", "plain"), CardVariable("gfx1010", "HSA_X", "safe", "rdna1-safe"))
)
"""A variable that belongs to a card, and another value of it that belongs to a profile."""

"""A home with small stacks that bash, zsh and POSIX shells can enter: scripts as rendered, and the hook."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from rocmswitch.model.activation import ResolvedActivation
from rocmswitch.operations.hooks import hook_path, hook_text
from rocmswitch.operations.rendering import functions, functions_path
from rocmswitch.shell import posix
from rocmswitch.store.layout import Layout

HOOKED = tuple(shell for shell in ("bash", "zsh") if shutil.which(shell))
"""The shells here that have a hook which is tested with these."""
PLAIN = tuple(shell for shell in ("bash", "zsh", "dash", "busybox") if shutil.which(shell))
"""The shells here that can source a script."""
SHOW = 'echo "${ROCMSWITCH_ACTIVE-}|${ROCMSWITCH_WHY-}"'


@dataclass(frozen=True)
class PosixStacks:
    """`home` is the person's, in whose data folder the scripts are."""

    home: Path

    @property
    def layout(self) -> Layout:
        return Layout.under(self.home / "rocmswitch")

    def hook(self, shell: str) -> str:
        """The line of the rc file; the hook itself lies where `init --install` puts it."""
        path = hook_path(self.layout, shell)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(hook_text(shell, self.layout))
        return f". {posix.quote(str(path))}"

    def quiet_hook(self, shell: str) -> str:
        """The same for an owner who wants nothing in the prompt, for tests that read all that appears."""
        return f"VIRTUAL_ENV_DISABLE_PROMPT=1; {self.hook(shell)}"

    def add(self, name: str, activation: ResolvedActivation | None = None) -> Path:
        """The script of *name*; without an activation it puts `/stacks/NAME/bin` into PATH."""
        paths = (("PATH", (f"/stacks/{name}/bin",)),)
        chosen = activation or ResolvedActivation((("ROCM_PATH", f"/stacks/{name}"),), paths)
        self.layout.activations.mkdir(mode=0o700, parents=True, exist_ok=True)
        carried = functions_path(self.layout, "sh")
        carried.parent.mkdir(parents=True, exist_ok=True)
        carried.write_text(functions())
        script = self.script(name)
        text = posix.render(name, chosen, posix.functions_from(str(carried)))
        script.write_bytes(text.encode(errors="surrogateescape"))
        return script

    def add_environment(self, name: str) -> Path:
        variables = (("VIRTUAL_ENV", f"/venvs/{name}"), ("UV_CONSTRAINT", f"/venvs/{name}/constraints.txt"))
        paths = (("PATH", (f"/venvs/{name}/bin",)),)
        return self.add(name, ResolvedActivation(variables, paths, unset=("PYTHONHOME",)))

    def script(self, name: str) -> Path:
        return self.layout.activations / f"{name}.sh"

    def alias(self, short: str, name: str) -> None:
        self.script(short).symlink_to(f"{name}.sh")

    def project(self, name: str, pin: str | bytes) -> Path:
        """A folder of that name below the home, with this pin file."""
        folder = self.home / name
        folder.mkdir(parents=True)
        (folder / ".rocm-version").write_bytes(pin.encode() if isinstance(pin, str) else pin)
        return folder

    def entering(self, name: str) -> str:
        """What `use NAME` evaluates."""
        return posix.enter(str(self.script(name)))

    @classmethod
    def furnished(cls, home: Path) -> PosixStacks:
        """Two stacks and an environment; the projects `new` (6.2) and `old` (of two lines)."""
        home.mkdir()
        stacks = cls(home)
        for name in ("rocm-6.2.4", "rocm-5.2.0"):
            stacks.add(name)
        stacks.alias("6.2", "rocm-6.2.4")
        stacks.add_environment("demo")
        stacks.project("new", "6.2\n")
        stacks.project("old", "rocm-5.2.0\r\ndemo\r\n")
        return stacks

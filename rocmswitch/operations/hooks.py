"""The hook of a shell: what it reads when it starts, and the copy of that in the data folder."""

from __future__ import annotations

from pathlib import Path

from rocmswitch.operations.rendering import carried, functions
from rocmswitch.shell import fish, posix
from rocmswitch.store.layout import Layout

SHELLS = ("bash", "zsh", "fish")


def hook_text(shell: str, layout: Layout) -> str:
    """All that *shell* reads: where scripts lie, the functions that they call, the hook, completions."""
    called = functions("fish" if shell == "fish" else "sh")
    parts = (_data(shell, layout), called, carried(f"hook.{shell}"), carried(f"complete.{shell}"))
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def hook_path(layout: Layout, shell: str) -> Path:
    """Where `init --install` puts it."""
    return layout.shell / f"hook.{shell}"


def refreshed_hooks(layout: Layout) -> dict[Path, bytes]:
    """What the hooks that are installed should hold: they are copies of what this rocmswitch carries."""
    paths = {shell: hook_path(layout, shell) for shell in SHELLS}
    return {
        path: hook_text(shell, layout).encode(errors="surrogateescape")
        for shell, path in paths.items()
        if path.is_file()
    }


def _data(shell: str, layout: Layout) -> str:
    """Assigns the folders in which scripts are looked for: the user's own, then the machine's."""
    folders = dict.fromkeys(str(one.data) for one in (layout, Layout.system()))
    if shell == "fish":
        return f"set -g _ROCMSWITCH_DATA {' '.join(map(fish.quote, folders))}"
    return f"_ROCMSWITCH_DATA=({' '.join(map(posix.quote, folders))})"

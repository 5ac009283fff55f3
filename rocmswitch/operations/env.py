"""What entering a stack changes, in the dialect of a shell or of a program."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from rocmswitch.model.activation import ResolvedActivation
from rocmswitch.operations.rendering import carried, functions, with_profile
from rocmswitch.shell import fish, posix
from rocmswitch.store.installed import Installation, Installed

SHELLS = ("bash", "zsh", "sh", "fish", "json", "dotenv", "modulefile")


class Card(NamedTuple):
    """What belongs to a machine. What is empty is decided where the text is read, or here by this machine."""

    gpu: str = ""
    profile: str = ""


def render(one: Installation, installed: Installed, shell: str, card: Card, environment: Mapping[str, str]) -> str:
    """The text that `rocmswitch env` prints.

    For shells and modules it decides about the card where it is loaded, unless *card* says which; `json` and
    `dotenv` cannot, and are for this machine's. Raises NotFound, UsageMistake for what a dialect cannot hold.
    """
    name = one.receipt.name
    activation = with_profile(installed.activation(one), card.profile or one.receipt.profile)
    if card.gpu or shell in ("json", "dotenv"):
        gpu = card.gpu or _this_card(environment)
        activation = activation.on_card(gpu, environment.get("ROCMSWITCH_PROFILE", ""))
    if shell == "json":
        return _json(name, activation)
    if shell == "dotenv":
        from rocmswitch.shell import dotenv

        return dotenv.render(name, _values(activation, environment))
    if shell == "modulefile":
        from rocmswitch.shell import modulefile

        return modulefile.render(name, activation, carried("modulefile.tcl"))
    if shell == "fish":
        return fish.render(name, activation, functions("fish"))
    return posix.render(name, activation, functions())


def _this_card(environment: Mapping[str, str]) -> str:
    from rocmswitch.host.gpu import first_target

    return environment.get("ROCMSWITCH_GPU") or first_target(Path(environment.get("ROCMSWITCH_SYSROOT") or "/"))


def _json(name: str, activation: ResolvedActivation) -> str:
    return json.dumps(
        {
            "name": name,
            "variables": dict(activation.variables),
            "paths": dict(activation.paths),
            "unset": list(activation.unset),
        },
        indent=2,
        ensure_ascii=False,
    )


def _values(activation: ResolvedActivation, environment: Mapping[str, str]) -> dict[str, str]:
    """Whole values, as a program that adds to none wants them: folders before those of *environment*."""
    from rocmswitch.planning.leaving import left

    inside = activation.applied_to(left(environment))
    names = (*(name for name, _ in activation.variables), *(name for name, _ in activation.paths))
    return {name: inside[name] for name in names}

"""The text of scripts: what the package carries for a shell, and what is made of an installation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rocmswitch.model.activation import ResolvedActivation
from rocmswitch.shell import fish, posix
from rocmswitch.store.freshness import FUNCTIONS
from rocmswitch.store.installed import Installation, Installed
from rocmswitch.store.layout import Layout


def functions(dialect: str = "sh") -> str:
    """The text of the functions that scripts of *dialect* call."""
    return "".join(map(carried, FUNCTIONS[dialect]))


def carried(name: str) -> str:
    """A shell file of the package, from beside its modules: importlib.resources takes 5 ms to import."""
    return Path(posix.__file__).with_name(name).read_text("utf-8")


def script(dialect: str, one: Installation, installed: Installed) -> str:
    """What a shell sources to enter *one*. Raises NotFound where the prefix of an environment is gone."""
    activation = with_profile(installed.activation(one), one.receipt.profile)
    path = str(functions_path(one.layout, dialect))
    if dialect == "fish":
        return fish.render(one.receipt.name, activation, fish.functions_from(path))
    return posix.render(one.receipt.name, activation, posix.functions_from(path))


def with_profile(activation: ResolvedActivation, profile: str) -> ResolvedActivation:
    """*activation* where *profile* was chosen when it was made: what belongs to it needs no choosing again."""
    if not profile:
        return activation
    of_profile = [replace(one, profile="") for one in activation.cards if one.profile == profile]
    return replace(activation, cards=(*activation.cards, *of_profile))


def functions_path(layout: Layout, dialect: str) -> Path:
    """Where the copy of `functions` lies that scripts source."""
    return layout.shell / f"functions.{dialect}"

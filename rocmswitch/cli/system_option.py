"""`--system`: what all users of the machine share, which root alone changes and everybody reads."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from rocmswitch.cli import output
from rocmswitch.cli.main import Scopes
from rocmswitch.errors import MachineLacks, NotFound, Refused
from rocmswitch.model.receipt import Receipt
from rocmswitch.store.installed import Installed
from rocmswitch.store.layout import Layout

_Command = TypeVar("_Command", bound=Callable[..., Any])

_READABLE = 0o022
"""The umask under which everybody may read what is made; root's own may be 077."""


def system_option(command: _Command) -> _Command:
    """The option of a command that changes what is shared. Raises MachineLacks for anybody but root."""
    return _option("For all users of this machine; root only.", _change)(command)


def system_reading_option(command: _Command) -> _Command:
    """The option of a command that only looks."""
    return _option("Only what all users of this machine share.", _look)(command)


def is_shared(scopes: Scopes) -> bool:
    """Whether the command is about what all users share."""
    return scopes.own.scope == "system"


def tell_shared(scopes: Scopes, receipt: Receipt) -> None:
    """How others come to what was just installed for all."""
    from rocmswitch.shell.modulefile import module_name

    name = module_name(receipt.name)
    output.say(f"`module use {scopes.own.modulefiles}`, then `module load {name}`, enters it in any shell")
    rivals = sorted(
        module_name(one.receipt.name)
        for one in Installed((scopes.own,)).prefixes()
        if one.receipt.version == receipt.version and one.receipt.name != receipt.name
    )
    if rivals:
        output.say(f"note: {', '.join(rivals)} has the same version: `module load {name}` is this one")


UNKNOWN_USERS = "environments that users have bound to it are not known here: none can be entered without it"
"""What is said where something shared goes."""


def check_home(scopes: Scopes) -> None:
    """Raise Refused where root would put files into the home of whoever typed sudo, who could not change them."""
    if os.geteuid() != 0 or is_shared(scopes):
        return
    owner = next(path for path in (scopes.own.data, *scopes.own.data.parents) if path.exists()).stat().st_uid
    if owner and str(owner) == os.environ.get("SUDO_UID"):
        from rocmswitch.cli.typed import own_line

        raise Refused(
            f"`{scopes.own.data}` is for the user who typed `sudo`: what root makes there that user cannot change",
            hint=f"run `{own_line()}` without `sudo`, or with `--system` for all users",
        )


def check_own(scopes: Scopes, name: str) -> None:
    """Raise MachineLacks where *name* is not this user's but the machine's: how it is changed, as a whole line."""
    if is_only_shared(scopes, name):
        how = "only root may change it" if os.geteuid() else "it changes by `--system` alone"
        raise _root_only(f"`{name}` is shared by all users of this machine, and {how}", "--system")


def is_only_shared(scopes: Scopes, name: str) -> bool:
    """Whether *name* is the machine's and no one of this user's."""
    if is_shared(scopes) or not Layout.system().prefixes.is_dir():
        return False
    return not _knows(Installed((scopes.own,)), name) and _knows(Installed((Layout.system(),)), name)


def _knows(installed: Installed, name: str) -> bool:
    try:
        return bool(installed.damaged(name) or installed.find(name))
    except NotFound:
        return False


def _option(text: str, choose: Callable[[click.Context], None]) -> Callable[[_Command], _Command]:
    def chosen(context: click.Context, _: click.Parameter, value: bool) -> None:
        if value and not context.resilient_parsing:
            choose(context)

    return click.option("--system", is_flag=True, expose_value=False, is_eager=True, callback=chosen, help=text)


def _change(context: click.Context) -> None:
    if os.geteuid() != 0:
        raise _root_only("only root may change what all users of this machine share")
    os.umask(_READABLE)
    _look(context)


def _look(context: click.Context) -> None:
    scopes = context.find_object(Scopes)
    if scopes is not None:
        context.obj = scopes.shared()


def _root_only(message: str, *more: str) -> MachineLacks:
    from rocmswitch.cli.typed import own_line

    line = " ".join((own_line(), *more))
    return MachineLacks(message, hint=f"run `{line}`" if os.geteuid() == 0 else f"run `sudo {line}`")

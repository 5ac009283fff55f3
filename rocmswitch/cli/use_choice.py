"""rocmswitch use: what the shell is told, and what lasts longer than the shell."""

from __future__ import annotations

import dataclasses
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from rocmswitch.cli import machine, output
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.settling import settle
from rocmswitch.cli.use_options import Options
from rocmswitch.errors import Failed, UsageMistake
from rocmswitch.model.activation import ResolvedActivation
from rocmswitch.model.pin import PIN_FILE, Pin, WrongPin
from rocmswitch.shell import fish, posix
from rocmswitch.store.freshness import look_is_due, scripts_are_written
from rocmswitch.store.installed import Installation, Installed
from rocmswitch.store.private import may_write

_HOOK = "ROCMSWITCH_HOOK"
"""The dialect of the hook that runs this program."""
_HOOK_DESCRIPTOR = "ROCMSWITCH_HOOK_FD"
"""Where that hook reads what to evaluate."""


@dataclass(frozen=True)
class Lasting:
    """What outlives this shell: a pin in this folder, the default of new shells."""

    pin: bool = False
    default: bool = False


@dataclass(frozen=True)
class Way:
    """How something is entered: the word that the user gave for it, and what else was said."""

    target: str
    options: Options
    lasting: Lasting
    shell: str | None


def pinned(options: Options) -> tuple[str, Options]:
    """What the nearest pin file asks for, as if it had been typed. Raises UsageMistake, Failed."""
    from rocmswitch.store.pins import find_pin, read_pin

    path = find_pin(Path.cwd())
    if path is None:
        raise UsageMistake(
            f"no stack was named, and there is no `{PIN_FILE}` here or above", hint="run `rocmswitch list`"
        )
    try:
        pin = read_pin(path)
    except WrongPin as error:
        hint = "run `rocmswitch use NAME --pin`, with what you mean: it writes the file anew"
        raise Failed(f"`{path}` is not a valid pin: {error}", hint=hint) from error
    output.say(f"{path} asks for {pin.name}{f' and the environment {pin.venv}' if pin.venv else ''}")
    return pin.name, dataclasses.replace(options, venv=options.venv or pin.venv or None)


def leave(options: Options, shell: str | None) -> None:
    """Go back to what was there before."""
    if options.as_json:
        output.write_json(None)
    if options.dry_run:
        output.say("leaves what this shell is in, and changes no file")
    elif not options.as_json:
        _tell_shell(fish.leave() if _in_fish(shell) else posix.leave(), shell)


def foretell(way: Way, name: str) -> None:
    """Say what else would change than what was planned, with *name* for what would be entered."""
    if way.lasting.default:
        output.say(f"new shells will {f'use {name}' if name else 'start without a stack'}")
    if way.lasting.pin:
        path = Path.cwd() / PIN_FILE
        output.say(f"writes {path}{_asked_before(path)}")


def use_no_stack(scopes: Scopes, way: Way) -> None:
    """`system`: no stack in this shell, in this folder, in new shells."""
    if way.options.as_json:
        output.write_json(None)
    if way.options.dry_run:
        foretell(way, "")
    else:
        if way.lasting.pin:
            _pin(Pin("system"))
        if way.lasting.default:
            _set_no_default(scopes)
    lasts = way.lasting.pin or way.lasting.default
    if _is_heard(way.shell) and not lasts:
        output.say("no stack in this shell, until `rocmswitch use --off`")
    if not (way.options.dry_run or way.options.as_json):
        text = fish.no_stack() if _in_fish(way.shell) else posix.no_stack()
        _tell_shell(_following(text, way.shell) if way.lasting.pin else text, way.shell)


def _set_no_default(scopes: Scopes) -> None:
    """Where a user has none, that of the machine's administrator counts."""
    from rocmswitch.operations.default import set_default

    settle(scopes)
    number = set_default(scopes.own, None, machine.ledger(scopes), machine.disk())
    shared = Installed(scopes.searched).default()
    if shared:
        output.say(f"new shells use {shared}, the default for all users of this machine{_recorded(number)}")
        output.say("`export ROCMSWITCH_STACK=system` in your rc file goes before it")
    else:
        output.say(f"new shells start without a stack{_recorded(number)}")


def enter(scopes: Scopes, one: Installation, way: Way) -> None:
    """Let the shell enter *one*, after what lasts was written; for programs only that."""
    if way.options.as_json and way.lasting == Lasting():
        return
    installed = Installed(scopes.searched)
    activation = installed.activation(one)  # raises where the prefix of an environment is gone
    check_profile(one.receipt.name, activation, way.options.profile or "")
    below = installed.below(one)
    written = scripts_are_written(one, below, Path(posix.__file__).parent)
    is_ours = may_write(one.layout.activations)
    if way.lasting.default or (is_ours and not written):
        _write_scripts(scopes, one, way.lasting)
    if way.lasting.pin:
        _pin(_pin_of(one, way.target))
    if way.options.as_json:
        return
    if one.receipt.kind == "venv":
        _examine(scopes, one)
    if _is_heard(way.shell):
        output.say(_in_words(one))
    _tell_shell(_entering(one, way) if written or is_ours else _whole(one, way, installed), way.shell)


def check_profile(name: str, activation: ResolvedActivation, profile: str) -> None:
    """Raise UsageMistake where no card has the *profile* in what is entered: it would say nothing."""
    known = sorted({card.profile for card in activation.cards if card.profile})
    if profile and profile not in known:
        there = f"only {', '.join(known)}" if known else "and no other either"
        raise UsageMistake(f"`{name}` has no profile `{profile[:40]}`, {there}")


def _whole(one: Installation, way: Way, installed: Installed) -> str:
    """What the shell evaluates where no script can be trusted, or written: in a store that is another user's."""
    from rocmswitch.operations import env

    card = env.Card(way.options.gpu or "", way.options.profile or "")
    return env.render(one, installed, "fish" if _in_fish(way.shell) else "sh", card, os.environ)


def _entering(one: Installation, way: Way) -> str:
    """What the shell evaluates. A pin that was just written decides here as it will tomorrow, not `use`."""
    gpu, profile = way.options.gpu or "", way.options.profile or ""
    in_fish = _in_fish(way.shell)
    script = str(one.script("fish" if in_fish else "sh"))
    text = (fish if in_fish else posix).enter(script, gpu=gpu, profile=profile)
    return text if not way.lasting.pin or gpu or profile else _following(text, way.shell)


def _following(text: str, shell: str | None) -> str:
    return fish.follow(text) if _in_fish(shell) else posix.follow(text)


def _write_scripts(scopes: Scopes, one: Installation, lasting: Lasting) -> None:
    from rocmswitch.operations.scripts import write_scripts

    write_scripts(one.receipt.name, Installed(scopes.searched), machine.disk())
    if lasting.default:
        from rocmswitch.operations.default import set_default

        settle(scopes)
        number = set_default(scopes.own, one, machine.ledger(scopes), machine.disk())
        output.say(f"new shells use {one.receipt.name}{_recorded(number)}")


def _recorded(generation: int) -> str:
    return f"; back: `rocmswitch undo {generation}`" if generation else ""


def _examine(scopes: Scopes, one: Installation) -> None:
    """Say where the environment no longer is what it was made as, and whether it loads what it should."""
    from rocmswitch.store.intact import changes

    if look_is_due(one, Path(os.environ.get("ROCMSWITCH_SYSROOT") or "/")) or changes(one.link):
        from rocmswitch.cli.examined import warn

        with output.waiting(f"looking at what {one.receipt.name} loads"):
            warn(scopes, one)


def _in_words(one: Installation) -> str:
    """What the shell enters, in one line."""
    receipt = one.receipt
    if receipt.kind != "venv":
        return f"using {receipt.name}"
    torch = f", torch {receipt.torch}" if receipt.torch else ""
    return f"using {receipt.name}: {receipt.stack}{torch}"


def _pin_of(one: Installation, target: str) -> Pin:
    """The words that the user gave, which another machine may resolve too; of an environment also its name."""
    if one.receipt.kind != "venv":
        return Pin(target)
    named_itself = target == one.receipt.name or "/" in target or target.startswith(".")
    return Pin(one.receipt.stack if named_itself else target, one.receipt.name)


def _pin(pin: Pin) -> None:
    from rocmswitch.store.pins import write_pin
    from rocmswitch.system.disk import disk_errors

    folder = Path.cwd()
    before = _asked_before(folder / PIN_FILE, pin)
    try:
        with disk_errors(folder):
            path = write_pin(folder, pin, machine.disk())
    except WrongPin as error:
        raise UsageMistake(f"`{pin.name}` cannot be pinned: {error}") from error
    output.say(f"wrote {path}{before}")


def _asked_before(path: Path, wanted: Pin | None = None) -> str:
    """What a pin file there asks for, in words: nothing else remembers it. Of what is no pin nothing is shown."""
    from rocmswitch.store.pins import read_pin

    try:
        pin = read_pin(path)
    except (WrongPin, Failed):
        return ""
    if pin == wanted:
        return ""
    return f", which asked for {pin.name}{f' and the environment {pin.venv}' if pin.venv else ''} before"


def _in_fish(shell: str | None) -> bool:
    """Whether the shell that asks, by name or by its hook, is fish."""
    return (shell or os.environ.get(_HOOK)) == "fish"


def _hook_listens(shell: str | None) -> bool:
    return bool(os.environ.get(_HOOK)) and os.environ.get(_HOOK_DESCRIPTOR, "").isdecimal() and shell is None


def _is_heard(shell: str | None) -> bool:
    """Whether what is written reaches a shell, or who asked for it: not at a terminal without a hook."""
    return _hook_listens(shell) or shell is not None or not os.isatty(1)


def _tell_shell(text: str, shell: str | None) -> None:
    if _hook_listens(shell):
        output.to_hook(int(os.environ[_HOOK_DESCRIPTOR]), text)
    elif _is_heard(shell):
        output.write(text)
    else:
        _say_how()


def _say_how() -> None:
    """The way for this shell, which a program cannot change, and the way for every shell to come."""
    import shlex

    name = os.path.basename(os.environ.get("SHELL", "bash"))  # noqa: PTH119
    known = name if name in ("bash", "zsh", "fish") else "bash"
    again = shlex.join(("rocmswitch", *sys.argv[1:]))
    line = f"{again} --shell fish | source" if known == "fish" else f'eval "$({again})"'
    output.say(f"this shell stays as it was: `{line}` changes it")
    output.say(f"after `rocmswitch init {known} --install`, and in a new terminal, `rocmswitch use` does so itself")
